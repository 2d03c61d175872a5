// Offboards a person: shows everything that will end, asks for the e-mail, and then follows the receipt: what has ended, and how fast.
'use client';
import { useRouter } from 'next/navigation';
import { useEffect, useState, type FormEvent } from 'react';
import { ApiProblem, call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Skeleton } from '../ui/skeleton';
import { TextField } from '../ui/text-field';
import { useCall } from '../use-call';
import { WhatHappened, type Removal } from './offboarded';
import type { Receipt } from './receipt-words';

export function Offboard({
  member: { email, name },
  self,
  onClose,
}: {
  member: { email: string; name: string };
  self: boolean;
  onClose: () => void;
}) {
  const router = useRouter();
  const [ends, setEnds] = useState<Removal | null>(null);
  const [unknown, setUnknown] = useState<ApiProblem | null>(null);
  const [typed, setTyped] = useState('');
  const [receipt, setReceipt] = useState<Receipt | null>(null);
  const done = receipt !== null;
  const { pending, problem, run } = useCall({ refresh: false });
  const matches = typed.trim().toLowerCase() === email.toLowerCase();

  useEffect(() => {
    call('GET /members/{email}/removal', { path: { email } }).then(setEnds, setUnknown);
  }, [email]);

  async function offboard(event: FormEvent) {
    event.preventDefault();
    if (!matches) return;
    const answer = await run(() => call('POST /offboardings', { body: { email } }));
    if (!answer) return;
    // One's own session has ended too: there is nothing left to show here.
    if (self) window.location.assign('/sign-in');
    else setReceipt(answer.answer);
  }

  // The person's own page is gone with the person.
  const leave = () => {
    onClose();
    if (!done) return;
    router.push('/admin/people');
    router.refresh();
  };

  return (
    <Dialog
      open
      wide
      sticky={done}
      onOpenChange={(open) => {
        if (!open) leave();
      }}
      title={done ? `${name} is offboarded` : self ? 'Offboard yourself?' : `Offboard ${name}?`}
      description={
        done ? undefined : `For ${self ? 'you' : email} all of this ends at once. It can’t be undone.`
      }
    >
      {receipt ? (
        <WhatHappened receipt={receipt} onLeave={leave} />
      ) : (
        <form onSubmit={(event) => void offboard(event)} className="flex flex-col gap-4">
          <Problem problem={unknown ?? problem} />
          {!unknown && (ends ? <Preview ends={ends} /> : <Waiting />)}
          <p className="text-ink-3 text-sm">
            What they did stays in the audit under their name. Nothing in Asana is deleted.
          </p>
          <TextField
            label={`To confirm, type ${email}`}
            name="confirmation"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
          />
          <DialogActions>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" variant="danger" loading={pending} disabled={!matches}>
              {self ? 'Offboard myself' : 'Offboard person'}
            </Button>
          </DialogActions>
        </form>
      )}
    </Dialog>
  );
}

function Preview({ ends }: { ends: Removal }) {
  const { sessions, tokens, grants, connections, groups, requests } = ends;
  return (
    <ul className="border-line divide-line rounded-box divide-y border text-sm">
      <Line
        title={
          sessions === 0
            ? 'No open sign-in; the password and invite links end'
            : `${count(sessions, 'open sign-in')}, the password and invite links`
        }
      />
      <Line title={tokens.length === 0 ? 'No agent token' : count(tokens.length, 'agent token')}>
        {tokens.map(({ name, last4 }) => `${name} (…${last4})`)}
      </Line>
      <Line title={grants.length === 0 ? 'No MCP client' : `Access of ${count(grants.length, 'MCP client')}`}>
        {grants.map(({ client }) => client)}
      </Line>
      <Line
        title={
          connections.length === 0
            ? 'No Asana connection'
            : `${count(connections.length, 'Asana connection')}, revoked at Asana too`
        }
      >
        {connections.map(({ asanaEmail, workspace }) =>
          workspace ? `${asanaEmail} in ${workspace}` : asanaEmail,
        )}
      </Line>
      <Line title={groups.length === 0 ? 'In no group' : `Membership in ${count(groups.length, 'group')}`}>
        {groups}
      </Line>
      {requests > 0 && <Line title={count(requests, 'open request for a tool', 'open requests for tools')} />}
    </ul>
  );
}

function Line({ title, children = [] }: { title: string; children?: readonly string[] }) {
  return (
    <li className="px-3 py-2">
      {title}
      {children.length > 0 && (
        <span className="text-ink-3 block [overflow-wrap:anywhere]">{children.join(', ')}</span>
      )}
    </li>
  );
}

// As high as a short preview, so that the field below does not jump far.
function Waiting() {
  return (
    <div className="border-line rounded-box flex h-46 flex-col justify-around border px-3">
      <output className="sr-only">Looking what would end</output>
      {['w-2/3', 'w-1/2', 'w-3/5', 'w-1/2', 'w-2/5'].map((width, n) => (
        // oxlint-disable-next-line react/no-array-index-key -- shapes that never change
        <Skeleton key={n} className={`h-4 ${width}`} />
      ))}
    </div>
  );
}
