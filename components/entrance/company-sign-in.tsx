// Sign-in through the company, before the password that is kept for when the company's provider is away.
'use client';
import { signIn } from 'next-auth/react';
import { useState, type ReactNode } from 'react';
import { Button } from '../ui/button';
import { Callout } from '../ui/callout';

/** `next` is a safe path (`safeNext`); `error` why the last attempt failed; `children` the other way in. */
export function CompanySignIn({
  next,
  error,
  children,
}: {
  next: string;
  error: string | null;
  children: ReactNode;
}) {
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState(error);

  async function start() {
    setPending(true);
    setFailure(null);
    try {
      // Leaves this page, for the provider or back to here with an error.
      await signIn('oidc', { callbackUrl: next });
    } catch {
      setFailure('OAuthSignin');
      setPending(false);
    }
  }

  return (
    <div className="flex flex-col gap-4">
      {failure !== null && (
        <Callout tone="danger" live title={wordsOf(failure).title}>
          {wordsOf(failure).detail}
        </Callout>
      )}
      <Button variant="primary" loading={pending} onClick={() => void start()}>
        Sign in with your company
      </Button>
      <p className="text-ink-3 flex items-center gap-3 text-sm">
        <span className="bg-line h-px flex-1" />
        or with a password
        <span className="bg-line h-px flex-1" />
      </p>
      {children}
    </div>
  );
}

interface Words {
  title: string;
  detail: string;
}

const failures: Record<string, Words> = {
  company_unknown: {
    title: 'You have no account here yet.',
    detail:
      'Your company knows you, but nobody has added your e-mail address to Gatehouse. Ask your admin to add you, then sign in again.',
  },
  company_unverified: {
    title: 'Your company does not vouch for your e-mail address.',
    detail:
      'Gatehouse finds you by an address that your identity provider has verified, and it did not say so. Ask whoever runs it to have your address verified, then sign in again.',
  },
  company_bound: {
    title: 'This e-mail address belongs to another account.',
    detail:
      'Somebody signed in here with it from another account at your company. If that was you, ask your admin to release the old one under People, then sign in again.',
  },
  company_unavailable: {
    title: 'Gatehouse could not finish your sign-in.',
    detail: 'Nothing is wrong with your account. Try again in a moment.',
  },
  AccessDenied: {
    title: 'Your company did not let you in.',
    detail:
      'Its sign-in was cancelled or refused. Try again, or ask whoever runs it to assign Gatehouse to you.',
  },
  OAuthSignin: {
    title: 'Your company\u2019s sign-in can\u2019t be reached.',
    detail:
      'Gatehouse could not reach the identity provider, or could not use its answer. Try again in a minute. If it stays so, an operator has to check OIDC_ISSUER; with a password you can sign in meanwhile.',
  },
};

/** Whatever could not be verified reads the same: which check failed helps nobody but an attacker, and is in the log. */
const wordsOf = (failure: string): Words =>
  failures[failure] ?? {
    title: 'The sign-in at your company could not be verified.',
    detail:
      'Its answer did not fit the sign-in that began in this browser, was too old, or was cancelled. Start again from here. If it happens again, tell your admin: the log says which check failed.',
  };
