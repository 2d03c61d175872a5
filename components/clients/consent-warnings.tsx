// What a person should know before allowing a client: whose name it uses, and who could be behind it.
import type { ConsentQuestion } from '@/lib/oauth/consent';
import { Callout } from '../ui/callout';

export function ConsentWarnings({
  question: { client, redirect, imitates, refusal },
}: {
  question: ConsentQuestion;
}) {
  if (refusal === 'blocked')
    return (
      <Callout tone="danger" title="Your organization blocks this client">
        An admin shut it out, so it can’t be allowed. Ask your admin if you need it.
      </Callout>
    );
  if (refusal === 'redirect_not_allowed')
    return (
      <Callout tone="danger" title="Your organization does not know this client">
        It would send you back to <strong className="font-medium">{redirect.place}</strong>, which is not on
        your organization’s list. Ask your admin to allow it under Clients.
      </Callout>
    );
  return (
    <>
      {imitates && (
        <Callout tone="danger" title={`This is not ${imitates}`}>
          It calls itself “{client.name}”, but would send you back to{' '}
          <strong className="font-medium">{redirect.place}</strong>, which is not {imitates}’s address. Deny
          it unless you know whose it is.
        </Callout>
      )}
      {redirect.kind !== 'web' && (
        <Callout tone="warn" title="A program on your computer">
          Any program can give itself the name “{client.name}”. Allow it only if you started it yourself just
          now.
        </Callout>
      )}
    </>
  );
}
