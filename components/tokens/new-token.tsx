// Mints an agent token: name, connection where there are several, expiry, narrower tools; then shows it, once.
'use client';
import Plus from 'lucide-react/icons/plus';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { UseItIn } from '../home/use-it-in';
import { Problem } from '../problem';
import { ToolPicker } from '../tools/tool-picker';
import { count, type ToolLine } from '../tools/words';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { CopyField } from '../ui/copy-field';
import { Dialog, DialogActions } from '../ui/dialog';
import { RadioGroup } from '../ui/radio-group';
import { Select } from '../ui/select';
import { TextField } from '../ui/text-field';
import { useAsked } from '../use-asked';
import { useCall } from '../use-call';
import { ExpiresAfter, expiryIn } from './expires-after';

/** `connections` as `[id, name]`; `tools` are those the person may use. `?new` opens it. */
export function NewToken({
  endpoint,
  connections,
  tools,
}: {
  endpoint: string;
  connections: readonly (readonly [id: string, name: string])[];
  tools: readonly ToolLine[];
}) {
  const [open, setOpen] = useAsked('new');
  const [minted, setMinted] = useState<{ name: string; token: string } | null>(null);
  return (
    <>
      <Button variant="primary" icon={<Plus aria-hidden="true" />} onClick={() => setOpen(true)}>
        New token
      </Button>
      <Dialog
        open={open}
        onOpenChange={(next) => {
          setOpen(next);
          if (!next) setMinted(null);
        }}
        wide
        sticky
        title={minted ? `Token “${minted.name}”` : 'New agent token'}
        description={
          minted ? undefined : 'A bearer for one agent or script. It acts as you, with at most your tools.'
        }
      >
        {minted ? (
          <Minted
            endpoint={endpoint}
            token={minted.token}
            onDone={() => {
              setOpen(false);
              setMinted(null);
            }}
          />
        ) : (
          <Form
            connections={connections}
            tools={tools}
            onMinted={setMinted}
            onCancel={() => setOpen(false)}
          />
        )}
      </Dialog>
    </>
  );
}

function Minted({ endpoint, token, onDone }: { endpoint: string; token: string; onDone: () => void }) {
  return (
    <>
      <Callout tone="warn" live className="mb-4" title="Copy it now: it is shown only once">
        Gatehouse keeps no copy. If it is lost, revoke it and create another.
      </Callout>
      <CopyField value={token} what="agent token" label="Agent token" />
      <h3 className="mt-5 mb-1 text-sm font-medium">Use it in</h3>
      <UseItIn endpoint={endpoint} token={token} />
      <DialogActions>
        <Button variant="primary" onClick={onDone}>
          I have copied it
        </Button>
      </DialogActions>
    </>
  );
}

function Form({
  connections,
  tools,
  onMinted,
  onCancel,
}: {
  connections: readonly (readonly [id: string, name: string])[];
  tools: readonly ToolLine[];
  onMinted: (minted: { name: string; token: string }) => void;
  onCancel: () => void;
}) {
  const { pending, problem, run } = useCall();
  const [reach, setReach] = useState<'all' | 'some'>('all');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const name = String(form.get('name')).trim();
    const connectionId = String(form.get('connection') ?? '');
    const done = await run(() =>
      call('POST /me/tokens', {
        body: {
          name,
          ...(connectionId ? { connectionId } : {}),
          ...expiryIn(form),
          ...(reach === 'some' ? { tools: [...selected] } : {}),
        },
      }),
    );
    if (done) onMinted({ name, token: done.answer.token });
  }

  return (
    <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-4">
      <Problem problem={problem} />
      {connections.length === 0 && (
        <Callout tone="info">
          You have no Asana connection yet. The token will list its tools at once, and can call them as soon
          as you have connected.
        </Callout>
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          label="Name"
          name="name"
          required
          maxLength={120}
          autoComplete="off"
          placeholder="Weekly report"
          hint="Which agent or script it is for."
        />
        <ExpiresAfter />
      </div>
      {connections.length > 1 && (
        <Select
          label="Connection"
          name="connection"
          options={connections}
          hint="Calls with this token go through this one only."
        />
      )}
      <RadioGroup
        label="Tools"
        name="reach"
        value={reach}
        onChange={setReach}
        options={[
          {
            value: 'all',
            label: `Everything I may use (${count(tools.length, 'tool')} now)`,
            hint: 'Follows your groups, whatever they get or lose.',
          },
          {
            value: 'some',
            label: 'Only some of them',
            hint: 'For an agent that needs less. Your groups still set the outer bound.',
          },
        ]}
      />
      {reach === 'some' && (
        <div className="border-line rounded-box border p-3">
          <ToolPicker tools={tools} selected={selected} onChange={setSelected} />
        </div>
      )}
      <DialogActions>
        <Button onClick={onCancel}>Cancel</Button>
        <Button
          type="submit"
          variant="primary"
          loading={pending}
          disabled={reach === 'some' && selected.size === 0}
        >
          Create token
        </Button>
      </DialogActions>
    </form>
  );
}
