// Replaces the app's secret and nothing else: the same app keeps everybody connected.
'use client';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { RelativeTime } from '../ui/relative-time';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

// Who pressed the button wants to paste.
const focus = (field: HTMLInputElement | null) => field?.focus();

export function SecretForm({ clientId, secretSetAt }: { clientId: string; secretSetAt: string | null }) {
  const [open, setOpen] = useState(false);
  const [secret, setSecret] = useState('');
  const { pending, problem, run, reset } = useCall();

  async function save(event: FormEvent) {
    event.preventDefault();
    const done = await run(() => call('PUT /asana-app', { body: { clientId, clientSecret: secret } }));
    if (!done) return;
    setSecret('');
    setOpen(false);
    toast('Secret replaced', 'Everybody stays connected.');
  }

  return (
    <div>
      <p className="mb-1 text-sm font-medium">Client secret</p>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <p className="text-ink-2 text-sm">
          {secretSetAt ? (
            <>
              Set <RelativeTime iso={secretSetAt} />; kept sealed and never shown again.
            </>
          ) : (
            'Kept sealed and never shown again.'
          )}
        </p>
        {!open && (
          <Button
            size="sm"
            onClick={() => {
              reset();
              setOpen(true);
            }}
          >
            Replace the secret
          </Button>
        )}
      </div>
      {open && (
        <form onSubmit={(event) => void save(event)} className="mt-3 flex flex-col gap-3">
          <Callout tone="warn" title="Have this page open when you press Reset at Asana">
            From the reset until the new secret is saved here no connection can be renewed: whoever’s hour of
            access runs out in between can call nothing. Saved in time, nobody notices; saved later, everybody
            works again at once.
          </Callout>
          <Problem problem={problem} />
          <TextField
            label="New client secret"
            name="newClientSecret"
            type="password"
            value={secret}
            onChange={(event) => setSecret(event.target.value)}
            autoComplete="off"
            required
            mono
            ref={focus}
            hint="From the app’s OAuth tab at Asana. It replaces the old one at once and disconnects nobody."
          />
          <div className="flex gap-2">
            <Button type="submit" variant="primary" loading={pending}>
              Save the new secret
            </Button>
            <Button
              onClick={() => {
                setSecret('');
                setOpen(false);
              }}
            >
              Cancel
            </Button>
          </div>
        </form>
      )}
    </div>
  );
}
