// One audit record, with everything that is known about it.
import Link from 'next/link';
import { notFound } from 'next/navigation';
import { DecisionBadge, OutcomeBadge } from '@/components/audit/audit-badges';
import {
  actionWords,
  credentialWords,
  outcomes,
  reasonSentence,
  type AuditRecord,
} from '@/components/audit/words';
import { CodeBlock } from '@/components/ui/code-block';
import { Fact, KeyValues } from '@/components/ui/key-values';
import { PageHeader } from '@/components/ui/page-header';
import { exactUtc } from '@/components/ui/moment';
import { Section } from '@/components/ui/section';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Audit record' };

export default async function AuditRecordPage({ params }: { params: Promise<{ id: string }> }) {
  await requireRole('admin', 'auditor');
  const { id } = await params;
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) notFound();
  const [record] = (await read('GET /audit', { query: { id } })).records;
  if (!record) notFound();
  return (
    <>
      <PageHeader
        back={
          <Link href="/admin/audit" className="text-accent hover:underline">
            Audit
          </Link>
        }
        title={
          record.kind === 'event' ? (
            actionWords(record.action ?? '')
          ) : (
            <span className="font-mono text-lg">{record.tool ?? record.method}</span>
          )
        }
        marks={
          <>
            <DecisionBadge record={record} />
            <OutcomeBadge record={record} />
          </>
        }
        description={sentence(record)}
      />
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-5">
          <Section title={record.kind === 'call' ? 'The call' : 'The change'}>
            {record.kind === 'call' ? <CallFacts record={record} /> : <EventFacts record={record} />}
          </Section>
          <Section title="Place in the chain">
            <KeyValues>
              <Fact name="Number">{record.seq === null ? 'Given within a second' : String(record.seq)}</Fact>
              <Fact name="Hash">{mono(record.hash) ?? 'Given within a second'}</Fact>
              <Fact name="Record id">{mono(record.id)}</Fact>
            </KeyValues>
          </Section>
        </div>
        <Section title="Who and when">
          <KeyValues>
            <Fact name="Time">{exactUtc(record.at)}</Fact>
            <Fact name="Person">{record.member ?? 'none'}</Fact>
            <Fact name="Credential">{credentialWords(record.credential)}</Fact>
            <Fact name="Credential id">{mono(record.credential.id)}</Fact>
            <Fact name="Client">{record.client}</Fact>
            <Fact name="Connection">{mono(record.connection)}</Fact>
            <Fact name="Workspace">{mono(record.workspace)}</Fact>
          </KeyValues>
        </Section>
        {(record.before !== undefined || record.after !== undefined) && (
          <Section title="Before and after" className="lg:col-span-2">
            <div className="grid gap-4 lg:grid-cols-2">
              <Values title="Before" value={record.before} />
              <Values title="After" value={record.after} />
            </div>
          </Section>
        )}
      </div>
    </>
  );
}

function sentence(record: AuditRecord): string {
  if (record.kind === 'event') return `By ${record.member ?? 'Gatehouse'}.`;
  const who = `${record.member ?? 'Gatehouse'}’s ${credentialWords(record.credential).toLowerCase().startsWith('agent') ? 'agent' : 'client'}`;
  if (record.decision === 'deny')
    return `${who} was refused; nothing went to Asana.${record.reason ? ` ${reasonSentence(record)}` : ''}`;
  return record.outcome
    ? `${who} was let through. ${outcomes[record.outcome].meaning}`
    : `${who} was let through.`;
}

function CallFacts({ record }: { record: AuditRecord }) {
  const { decision, reason, outcome, latencyMs } = record;
  return (
    <KeyValues>
      <Fact name="Method">{mono(record.method)}</Fact>
      <Fact name="Tool">{mono(record.tool)}</Fact>
      <Fact name="Decision">{decision && (decision === 'allow' ? 'Allowed' : 'Denied')}</Fact>
      <Fact name="Reason">{reason && `${reasonSentence(record)} (${reason})`}</Fact>
      <Fact name="Outcome">{outcome && `${outcomes[outcome].text}. ${outcomes[outcome].meaning}`}</Fact>
      <Fact name="Took">{latencyMs !== undefined && `${Math.round(latencyMs).toLocaleString('en')} ms`}</Fact>
      <Fact name="Arguments’ hash">{mono(record.argumentsHash)}</Fact>
      <Fact name="Policy version">{mono(record.policyVersion)}</Fact>
    </KeyValues>
  );
}

function EventFacts({ record }: { record: AuditRecord }) {
  return (
    <KeyValues>
      <Fact name="Action">{mono(record.action)}</Fact>
      <Fact name="Target">{mono(record.target)}</Fact>
    </KeyValues>
  );
}

function mono(text: string | null | undefined) {
  return text ? <code className="font-mono text-xs [overflow-wrap:anywhere]">{text}</code> : null;
}

function Values({ title, value }: { title: string; value: unknown }) {
  return (
    <div className="min-w-0">
      <h3 className="mb-1 text-sm font-medium">{title}</h3>
      {value === undefined ? (
        <p className="text-ink-3 text-sm">Nothing</p>
      ) : (
        <CodeBlock label={title} code={JSON.stringify(value, null, 2)} />
      )}
    </div>
  );
}
