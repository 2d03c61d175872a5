// The stop switch: ends what every agent of the organization does, at once, and lets them continue. Asks first, and says for whom.
'use client';
import { useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { RelativeTime } from '../ui/relative-time';
import { Section } from '../ui/section';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

type Stopped = OperationAnswer<'GET /organization/stop'>['stopped'];
type Counted = OperationAnswer<'GET /organization/agents'>;

export function StopSwitch({ stopped, counted }: { stopped: Stopped; counted: Counted }) {
  return (
    <Section
      id="stop"
      title={stopped ? 'All agents are stopped' : 'Stop all agents'}
      description={
        stopped
          ? 'Nothing of theirs reaches Asana. Tokens, clients and connections are kept.'
          : 'For an emergency: a leaked token, an agent out of control. People go on using the portal.'
      }
      actions={stopped ? <Resume counted={counted} /> : <Stop counted={counted} />}
    >
      {stopped ? (
        <p className="text-sm [overflow-wrap:anywhere]">
          Stopped <RelativeTime iso={stopped.since} /> by {stopped.by}: {stopped.reason}
        </p>
      ) : (
        <p className="text-sm">It would stop {agentsOf(counted)}.</p>
      )}
    </Section>
  );
}

function Stop({ counted }: { counted: Counted }) {
  const [asking, setAsking] = useState(false);
  const [reason, setReason] = useState('');
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        variant="danger"
        onClick={() => {
          reset();
          setReason('');
          setAsking(true);
        }}
      >
        Stop all agents
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="Stop all agents?"
        confirm="Stop all agents"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          if (!(await run(() => call('POST /organization/stop', { body: { reason } })))) return;
          setAsking(false);
          toast('All agents are stopped', 'Open streams end within a second.');
        }}
      >
        <p>
          This stops {agentsOf(counted)}. Every call is refused from now on and open streams end; a change
          that is on its way to Asana may still take effect there. Nothing is deleted, and you can let them
          continue.
        </p>
        <TextField
          label="Reason"
          hint="Everybody in the organization reads it."
          required
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          className="mt-3"
        />
      </AlertDialog>
    </>
  );
}

function Resume({ counted }: { counted: Counted }) {
  const [asking, setAsking] = useState(false);
  const { pending, problem, run, reset } = useCall();
  return (
    <>
      <Button
        variant="primary"
        onClick={() => {
          reset();
          setAsking(true);
        }}
      >
        Let agents continue
      </Button>
      <AlertDialog
        open={asking}
        onOpenChange={setAsking}
        title="Let agents continue?"
        confirm="Let agents continue"
        danger={false}
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={async () => {
          if (!(await run(() => call('POST /organization/resume', {})))) return;
          setAsking(false);
          toast('Agents may call again');
        }}
      >
        {capitalized(agentsOf(counted))} may call Asana again at once, within the same groups and limits as
        before.
      </AlertDialog>
    </>
  );
}

/** "3 agents of 2 people". */
function agentsOf({ members, agents }: Counted): string {
  if (agents === 0) return 'no agents: nobody has one yet';
  return `${agents === 1 ? '1 agent' : `${agents.toLocaleString('en-GB')} agents`} of ${members === 1 ? '1 person' : `${members.toLocaleString('en-GB')} people`}`;
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
