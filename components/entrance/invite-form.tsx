// An invited person sets a password. The token stays in the URL's fragment, which browsers send to nobody, and goes in a body.
'use client';
import { useEffect, useState, type FormEvent } from 'react';
import { call, ApiProblem } from '../api';
import { Problem } from '../problem';
import { Button, ButtonLink } from '../ui/button';
import { Callout } from '../ui/callout';
import { PasswordField } from '../ui/password-field';
import { Skeleton } from '../ui/skeleton';
import { enter } from './enter';

export function InviteForm({ minPasswordChars }: { minPasswordChars: number }) {
  const [token, setToken] = useState<string | null>();
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);

  useEffect(() => {
    const read = () => setToken(/^#(ghi_[A-Za-z0-9_-]+)$/.exec(window.location.hash)?.[1] ?? null);
    read();
    window.addEventListener('hashchange', read);
    return () => window.removeEventListener('hashchange', read);
  }, []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget).get('password'));
    setPending(true);
    setProblem(null);
    try {
      const { email } = await call('POST /invites/accept', { body: { token: token ?? '', password } });
      // Used up: it has no business in the browser's history.
      window.history.replaceState(null, '', '/invite');
      const failed = await enter(email, password);
      window.location.assign(failed ? '/sign-in' : '/');
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      setProblem(error);
      setPending(false);
    }
  }

  if (token === undefined) return <Skeleton className="h-40 w-full" />;
  if (token === null)
    return (
      <Callout
        tone="warn"
        title="The link is not whole"
        actions={
          <ButtonLink href="/sign-in" size="sm">
            Sign in instead
          </ButtonLink>
        }
      >
        An invite link ends with a # and a long code. Copy the whole link from the message you got and open it
        again, or ask your admin for a new one.
      </Callout>
    );
  return (
    <form onSubmit={(event) => void submit(event)} method="post" className="flex flex-col gap-4">
      {problem?.status === 404 ? (
        <Callout
          tone="danger"
          live
          title="This invite no longer works"
          actions={
            <ButtonLink href="/sign-in" size="sm">
              Sign in
            </ButtonLink>
          }
        >
          It was used, replaced or has expired. If you chose a password with it already, sign in; else ask
          your admin for a new link.
        </Callout>
      ) : (
        <Problem problem={problem} />
      )}
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
        Set password and sign in
      </Button>
    </form>
  );
}
