// Registers the Asana app or rotates its secret. Another client id would disconnect people: that is asked about first.
'use client';
import { useState, type FormEvent } from 'react';
import { ApiProblem, call } from '../api';
import { Problem } from '../problem';
import { AlertDialog } from '../ui/alert-dialog';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { RelativeTime } from '../ui/relative-time';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function AppForm({ clientId, secretSetAt }: { clientId: string | null; secretSetAt: string | null }) {
  const { pending, problem, run, reset } = useCall();
  const [id, setId] = useState(clientId ?? '');
  const [secret, setSecret] = useState('');
  const [warning, setWarning] = useState<string | null>(null);

  async function save(confirm: boolean) {
    const done = await run(async () => {
      try {
        await call('PUT /asana-app', {
          body: { clientId: id, clientSecret: secret },
          query: confirm ? { confirm: 'true' } : {},
        });
        return true;
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.code !== 'would_disconnect') throw error;
        setWarning(error.detail?.split(';')[0] ?? 'People are connected through the present app');
        return false;
      }
    });
    if (!done?.answer) return;
    setWarning(null);
    setSecret('');
    toast('Asana app saved');
  }

  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void save(false);
      }}
      className="flex max-w-xl flex-col gap-4"
    >
      {!warning && <Problem problem={problem} />}
      <TextField
        label="Client id"
        name="clientId"
        value={id}
        onChange={(event) => setId(event.target.value)}
        autoComplete="off"
        spellCheck={false}
        required
        mono
      />
      {clientId !== null && id.trim() !== clientId && (
        <Callout tone="warn" title="Another client id is another app">
          Everybody who is connected would be disconnected and has to connect again. To rotate the secret,
          keep the client id.
        </Callout>
      )}
      <TextField
        label="Client secret"
        name="clientSecret"
        type="password"
        value={secret}
        onChange={(event) => setSecret(event.target.value)}
        autoComplete="off"
        required
        mono
        placeholder={secretSetAt ? '••••••••••••••••' : undefined}
        hint={
          secretSetAt ? (
            <>
              Set <RelativeTime iso={secretSetAt} />. It is kept sealed and never shown again. To change
              anything, enter the secret; a new one for the same app disconnects nobody.
            </>
          ) : (
            'It is kept sealed and never shown again.'
          )
        }
      />
      <div>
        <Button type="submit" variant="primary" loading={pending && !warning}>
          {clientId === null ? 'Register app' : 'Save'}
        </Button>
      </div>
      <AlertDialog
        open={warning !== null}
        onOpenChange={(open) => {
          if (open) return;
          setWarning(null);
          reset();
        }}
        title="Disconnect everybody?"
        confirm="Change app and disconnect"
        pending={pending}
        problem={<Problem problem={problem} />}
        onConfirm={() => void save(true)}
      >
        <p>{warning}.</p>
        <p className="mt-2">
          Changing the client id ends all of these connections at once and revokes them at Asana. Everybody
          has to press Connect again; until then their agents can call nothing.
        </p>
      </AlertDialog>
    </form>
  );
}
