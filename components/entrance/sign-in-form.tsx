// E-mail and password; afterwards the page one came for.
'use client';
import { useState, type FormEvent } from 'react';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { PasswordField } from '../ui/password-field';
import { TextField } from '../ui/text-field';
import { enter } from './enter';

/** `next` is a safe path (`safeNext`). `secondary`: another way in stands before it. */
export function SignInForm({ next, secondary = false }: { next: string; secondary?: boolean }) {
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<{ title: string; detail: string } | null>(null);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setPending(true);
    setFailure(null);
    const failed = await enter(String(form.get('email')), String(form.get('password')));
    // A full load, so that nothing of an earlier person stays in the tab's memory.
    if (!failed) return window.location.assign(next);
    setFailure(failed);
    setPending(false);
  }

  return (
    // POST, so that a form sent before its script has loaded never puts a password into the URL.
    <form onSubmit={(event) => void submit(event)} method="post" className="flex flex-col gap-4">
      {failure && (
        <Callout tone="danger" live title={failure.title}>
          {failure.detail}
        </Callout>
      )}
      <TextField label="E-mail" name="email" type="email" autoComplete="username" required />
      <PasswordField label="Password" name="password" autoComplete="current-password" required />
      <Button type="submit" variant={secondary ? 'secondary' : 'primary'} loading={pending}>
        Sign in
      </Button>
    </form>
  );
}
