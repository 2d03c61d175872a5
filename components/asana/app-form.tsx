// Registers the Asana app for the first time: client id and secret.
'use client';
import { useState, type FormEvent } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { TextField } from '../ui/text-field';
import { toast } from '../ui/toast';
import { useCall } from '../use-call';

export function AppForm() {
  const { pending, problem, run } = useCall();
  const [id, setId] = useState('');
  const [secret, setSecret] = useState('');

  async function save(event: FormEvent) {
    event.preventDefault();
    const done = await run(() => call('PUT /asana-app', { body: { clientId: id, clientSecret: secret } }));
    if (done) toast('Asana app saved');
  }

  return (
    <form onSubmit={(event) => void save(event)} className="flex max-w-xl flex-col gap-4">
      <Problem problem={problem} />
      <AppFields {...{ id, secret }} onId={setId} onSecret={setSecret} />
      <div>
        <Button type="submit" variant="primary" loading={pending}>
          Register app
        </Button>
      </div>
    </form>
  );
}

/** The two values of an app's OAuth tab. */
export function AppFields({
  id,
  secret,
  onId,
  onSecret,
}: {
  id: string;
  secret: string;
  onId: (id: string) => void;
  onSecret: (secret: string) => void;
}) {
  const field = { autoComplete: 'off', spellCheck: false, required: true, mono: true } as const;
  return (
    <>
      <TextField
        {...field}
        label="Client id"
        name="clientId"
        value={id}
        onChange={(event) => onId(event.target.value)}
      />
      <TextField
        {...field}
        label="Client secret"
        name="clientSecret"
        type="password"
        value={secret}
        onChange={(event) => onSecret(event.target.value)}
        hint="It is kept sealed and never shown again."
      />
    </>
  );
}
