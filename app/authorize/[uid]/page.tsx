// Consent: an MCP client asks to act for the person who is signed in here. The decision is posted to server.ts (same path).
import { notFound } from 'next/navigation';
import { ConsentForm } from '@/components/clients/consent-form';
import { ConsentFacts } from '@/components/clients/consent-facts';
import { ConsentWarnings } from '@/components/clients/consent-warnings';
import { Entrance } from '@/components/entrance/entrance';
import { readConsent } from '@/lib/portal/consent';
import { requireMember } from '@/lib/portal/read';

export const metadata = { title: 'Allow a client' };

export default async function AuthorizePage({
  params,
  searchParams,
}: {
  params: Promise<{ uid: string }>;
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const [{ uid }, { connected }] = await Promise.all([params, searchParams]);
  const member = await requireMember();
  const view = await readConsent(uid, member);
  if (!view) notFound();
  const { question, connections, tools } = view;
  const allowable = question.refusal === null;
  return (
    <Entrance
      title={allowable ? `Allow ${question.client.name}?` : `${question.client.name} can’t be allowed`}
      description={`It asks to use Asana through Gatehouse as you, ${member.email}.`}
    >
      <div className="flex flex-col gap-4">
        <ConsentWarnings question={question} />
        <ConsentFacts question={question} tools={tools} />
        <ConsentForm
          uid={uid}
          token={question.token}
          connections={connections}
          chosen={typeof connected === 'string' ? connected : undefined}
          allowable={allowable}
        />
        {allowable && (
          <p className="text-ink-3 text-sm">
            You can end this at any time under Agents; its next call is refused. Every call it makes is on
            record.
          </p>
        )}
      </div>
    </Entrance>
  );
}
