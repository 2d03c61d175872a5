// Whether people sign in through the company, and what its identity provider has to be told.
import Link from 'next/link';
import type { OperationAnswer } from '@/lib/portal/operations';
import { Badge } from '../ui/badge';
import { CopyField } from '../ui/copy-field';
import { Fact, KeyValues } from '../ui/key-values';
import { Section } from '../ui/section';

type Directory = OperationAnswer<'GET /directory'>;

export function SignInState({ signIn, bound }: Pick<Directory, 'signIn' | 'bound'>) {
  return (
    <Section
      title="Sign-in through the company"
      description="With OpenID Connect: people press one button and use the account they have anyway."
      actions={<Badge tone={signIn ? 'success' : 'neutral'}>{signIn ? 'On' : 'Off'}</Badge>}
    >
      {signIn ? <On signIn={signIn} bound={bound} /> : <Off />}
    </Section>
  );
}

function On({ signIn, bound }: { signIn: NonNullable<Directory['signIn']>; bound: number }) {
  return (
    <div className="flex flex-col gap-4">
      <KeyValues>
        <Fact name="Issuer">{signIn.issuer}</Fact>
        <Fact name="Client id">{signIn.clientId}</Fact>
        <Fact name="Groups claim">
          {signIn.groupsClaim ?? 'Not set: sign-in changes nobody’s groups (OIDC_GROUPS_CLAIM)'}
        </Fact>
        <Fact name="People bound">
          {bound === 0 ? 'Nobody has signed in this way yet' : bound.toLocaleString('en')}
        </Fact>
      </KeyValues>
      <CopyField
        label="Redirect URL to register at the identity provider"
        what="redirect URL"
        value={signIn.callbackUrl}
      />
      <p className="text-ink-3 text-sm text-pretty">
        Only people who are here already get in: the first time by an e-mail address that the provider has
        verified, from then on by their account there alone. Release somebody from an old account under{' '}
        <Link href="/admin/people" className="text-accent underline">
          People
        </Link>
        . Passwords go on working for those who have one, so that an admin gets in while the provider is away.
      </p>
    </div>
  );
}

function Off() {
  return (
    <div className="text-sm">
      <p>People sign in with their e-mail address and a password. To change that:</p>
      <ol className="text-ink-2 mt-2 list-decimal space-y-1 pl-5">
        <li>
          At your identity provider register a web application (authorization code) for Gatehouse and assign
          it to your people.
        </li>
        <li>
          Start Gatehouse with <code className="font-mono text-xs">OIDC_ISSUER</code>,{' '}
          <code className="font-mono text-xs">OIDC_CLIENT_ID</code> and{' '}
          <code className="font-mono text-xs">OIDC_CLIENT_SECRET</code>; with{' '}
          <code className="font-mono text-xs">OIDC_GROUPS_CLAIM</code> its groups count too.
        </li>
        <li>This page then shows the redirect URL to register there.</li>
      </ol>
    </div>
  );
}
