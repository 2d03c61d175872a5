// The first run: proves access to the log by its one-time code, names the organization, makes the first admin.
'use client';
import Link from 'next/link';
import { useRef, useState, type FormEvent } from 'react';
import { call, ApiProblem } from '../api';
import { Problem } from '../problem';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';
import { PasswordField } from '../ui/password-field';
import { TextField } from '../ui/text-field';
import { enter } from './enter';

export function SetUpForm({ minPasswordChars }: { minPasswordChars: number }) {
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const code = useRef<HTMLInputElement>(null);
  const wrongCode = problem?.code === 'wrong_set_up_code';

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name));
    setPending(true);
    setProblem(null);
    try {
      const { email } = await call('POST /setup', {
        body: {
          code: field('code').trim(),
          organization: field('organization'),
          name: field('name'),
          email: field('email'),
          password: field('password'),
        },
      });
      const failed = await enter(email, field('password'));
      window.location.assign(failed ? '/sign-in' : '/');
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      setProblem(error);
      setPending(false);
      if (error.code === 'wrong_set_up_code') code.current?.focus();
    }
  }

  return (
    <form onSubmit={(event) => void submit(event)} method="post" className="flex flex-col gap-4">
      {problem?.code === 'set_up_already' ? (
        <Callout tone="danger" live title="This Gatehouse is set up already">
          Somebody finished set-up before you.{' '}
          <Link href="/sign-in" className="text-accent underline">
            Sign in
          </Link>{' '}
          with the account an admin gave you.
        </Callout>
      ) : (
        !wrongCode && <Problem problem={problem} />
      )}
      <TextField
        label="Set-up code"
        name="code"
        ref={code}
        hint="Gatehouse printed it in its log when it started: four groups of four, such as 12ab-34cd-56ef-7890."
        error={wrongCode ? problem.detail : null}
        autoComplete="one-time-code"
        autoCapitalize="none"
        spellCheck={false}
        mono
        required
      />
      <TextField
        label="Organization"
        name="organization"
        autoComplete="organization"
        maxLength={120}
        required
        hint="Your company’s name, as people see it here."
      />
      <TextField label="Your name" name="name" autoComplete="name" maxLength={120} required />
      <TextField label="E-mail" name="email" type="email" autoComplete="username" required />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="new-password"
        minLength={minPasswordChars}
        maxLength={200}
        required
        hint={`At least ${minPasswordChars} characters.`}
      />
      <Button type="submit" variant="primary" loading={pending}>
        Create organization
      </Button>
    </form>
  );
}
