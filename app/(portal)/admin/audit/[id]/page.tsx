// One audit record, with everything that is known about it, its neighbours in the list, and why a refused call was refused.
import ChevronLeft from 'lucide-react/icons/chevron-left';
import ChevronRight from 'lucide-react/icons/chevron-right';
import Link from 'next/link';
import { notFound } from 'next/navigation';
import type { ReactNode } from 'react';
import { DecisionBadge, OutcomeBadge } from '@/components/audit/audit-badges';
import { ChangeList } from '@/components/audit/change-list';
import { changesOf } from '@/components/audit/changes';
import { filterIn, hrefWith, queryOf, type AuditFilter } from '@/components/audit/filter';
import { KeptArguments } from '@/components/audit/kept-arguments';
import { neighbours } from '@/components/audit/neighbours';
import {
  actionWords,
  credentialWords,
  outcomes,
  reasonSentence,
  recordSentence,
  type AuditRecord,
} from '@/components/audit/words';
import { KeptBefore } from '@/components/undo/kept-before';
import { UndoPanel } from '@/components/undo/undo-panel';
import { explainAddress } from '@/components/explain/explain-link';
import { ButtonLink, buttonClasses } from '@/components/ui/button';
import { CodeBlock } from '@/components/ui/code-block';
import { CopyButton } from '@/components/ui/copy-button';
import { Fact, KeyValues } from '@/components/ui/key-values';
import { PageHeader } from '@/components/ui/page-header';
import { exactUtc } from '@/components/ui/moment';
import { RelativeTime } from '@/components/ui/relative-time';
import { Section } from '@/components/ui/section';
import { read, requireRole } from '@/lib/portal/read';
import { UNDO_TOOLS } from '@/lib/undo/what-is-there';

export const metadata = { title: 'Audit record' };

export default async function AuditRecordPage({
  params,
  searchParams,
}: {
  params: Promise<{ id: string }>;
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { role } = await requireRole('admin', 'auditor');
  const { id } = await params;
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) notFound();
  const filter = filterIn(await searchParams);
  const [record] = (await read('GET /audit', { query: { id } })).records;
  if (!record) notFound();
  const beside = await neighbours(record, queryOf(filter), (query) => read('GET /audit', { query }));
  const explain = explainAddress(record);
  const kept = await keptOf(record);
  return (
    <>
      <PageHeader
        back={
          <Link href={hrefWith(filter)} className="text-accent hover:underline">
            Audit
          </Link>
        }
        title={
          record.kind === 'event' ? (
            actionWords(record.action ?? '')
          ) : (
            <span className="font-mono text-lg">{record.tool ?? record.method ?? 'Unreadable message'}</span>
          )
        }
        marks={
          <>
            <DecisionBadge record={record} />
            <OutcomeBadge record={record} />
          </>
        }
        description={recordSentence(record)}
        actions={
          <>
            {explain && <ButtonLink href={explain}>Explain the denial</ButtonLink>}
            <nav aria-label="Records beside this one" className="flex gap-2">
              <Beside
                id={beside.newer}
                filter={filter}
                icon={<ChevronLeft aria-hidden="true" />}
                text="Newer"
              />
              <Beside
                id={beside.older}
                filter={filter}
                icon={<ChevronRight aria-hidden="true" />}
                text="Older"
              />
            </nav>
          </>
        }
      />
      <div className="grid items-start gap-5 lg:grid-cols-2">
        {record.kind === 'event' && <Changes record={record} />}
        {record.kind === 'call' && (
          <Section title="The call">
            <CallFacts record={record} />
          </Section>
        )}
        <div className="flex min-w-0 flex-col gap-5">
          <Section title="Who and when">
            <WhoAndWhen record={record} linkPerson={role === 'admin'} />
          </Section>
          <Section title="Place in the chain">
            <KeyValues>
              <Fact name="Number">{record.seq === null ? 'Given within a second' : String(record.seq)}</Fact>
              <Fact name="Hash">{mono(record.hash) ?? 'Given within a second'}</Fact>
              <Fact name="Record id">
                <span className="flex flex-wrap items-center gap-2">
                  {mono(record.id)}
                  <CopyButton text={record.id} what="record id" size="sm" />
                </span>
              </Fact>
            </KeyValues>
          </Section>
        </div>
        {kept && (
          <div className="flex min-w-0 flex-col gap-5 lg:col-span-2">
            <UndoPanel kept={kept} />
            {kept.mayRead && <KeptBefore id={kept.id} isOwn={kept.isOwn} />}
          </div>
        )}
        {role === 'auditor' && record.argumentsHash && (
          <div className="min-w-0 lg:col-span-2">
            <KeptArguments id={record.id} />
          </div>
        )}
        <details className="lg:col-span-2">
          <summary className="text-ink-3 hover:text-ink text-sm">The whole record as JSON</summary>
          <div className="mt-2">
            <CodeBlock label="record" code={JSON.stringify(record, null, 2)} />
          </div>
        </details>
      </div>
    </>
  );
}

/** What was there before the call, where it is kept. */
async function keptOf({ id, kind, decision, tool }: AuditRecord) {
  const isKept = kind === 'call' && decision === 'allow' && (UNDO_TOOLS as readonly unknown[]).includes(tool);
  if (!isKept) return null;
  return (await read('GET /undo', { query: { id } })).bundles[0] ?? null;
}

function Beside({
  id,
  filter,
  icon,
  text,
}: {
  id: string | null;
  filter: AuditFilter;
  icon: ReactNode;
  text: 'Newer' | 'Older';
}) {
  const content = text === 'Newer' ? [icon, text] : [text, icon];
  return id === null ? (
    <span className={buttonClasses({}, 'border-line! bg-transparent! text-ink-3!')} aria-hidden="true">
      {content[0]}
      {content[1]}
    </span>
  ) : (
    <Link
      href={hrefWith(filter, `/admin/audit/${id}`)}
      rel={text === 'Newer' ? 'prev' : 'next'}
      className={buttonClasses({})}
    >
      {content[0]}
      {content[1]}
      <span className="sr-only"> record</span>
    </Link>
  );
}

function Changes({ record }: { record: AuditRecord }) {
  const changes = changesOf(record.before, record.after);
  return (
    <Section flush title="What changed">
      <div className="border-line border-b px-4 py-3">
        <KeyValues>
          <Fact name="Action">{mono(record.action)}</Fact>
          <Fact name="Of">{mono(record.target)}</Fact>
        </KeyValues>
      </div>
      {changes.length > 0 ? (
        <ChangeList changes={changes} />
      ) : (
        <p className="text-ink-3 px-4 py-3 text-sm">
          {record.before === undefined && record.after === undefined
            ? 'Nothing more is kept of it: that it happened is what is on record.'
            : 'Nothing came out different: what was saved is what was there.'}
        </p>
      )}
    </Section>
  );
}

function CallFacts({ record }: { record: AuditRecord }) {
  const { decision, reason, outcome, latencyMs } = record;
  return (
    <KeyValues>
      <Fact name="Method">{mono(record.method)}</Fact>
      <Fact name="Tool">
        {record.tool && <SameFilter filter={{ tool: record.tool }}>{mono(record.tool)}</SameFilter>}
      </Fact>
      <Fact name="Decision">
        {decision &&
          (decision === 'allow'
            ? 'Allowed: a group has the tool, and nothing forbids it.'
            : 'Denied; nothing went to Asana.')}
      </Fact>
      <Fact name="Reason">
        {reason && (
          <>
            {reasonSentence(record)} {mono(`(${reason})`)}
          </>
        )}
      </Fact>
      <Fact name="Repeats">{reason === 'duplicate_write' && <FirstCall target={record.target} />}</Fact>
      <Fact name="Outcome">{outcome && `${outcomes[outcome].text}. ${outcomes[outcome].meaning}`}</Fact>
      <Fact name="Took">
        {latencyMs !== undefined &&
          `${latencyMs.toLocaleString('en', { maximumFractionDigits: 1 })} ms from the start of the forwarding to the end of the answer`}
      </Fact>
      <Fact name="Arguments’ hash">{mono(record.argumentsHash)}</Fact>
      <Fact name="Policy version">{mono(record.policyVersion)}</Fact>
    </KeyValues>
  );
}

/** The call that a repeat was answered from. */
function FirstCall({ target = '' }: { target?: string }) {
  const id = target.replace(/^call:/, '');
  return (
    <Link href={`/admin/audit/${id}`} className="text-accent underline">
      The first call {mono(id)}
    </Link>
  );
}

function WhoAndWhen({ record, linkPerson }: { record: AuditRecord; linkPerson: boolean }) {
  const { member, credential, client } = record;
  return (
    <KeyValues>
      <Fact name="Time">
        {exactUtc(record.at)} (<RelativeTime iso={record.at} />)
      </Fact>
      <Fact name="Person">
        {member === null ? (
          'None'
        ) : linkPerson ? (
          <Link href={`/admin/people/${encodeURIComponent(member)}`} className="text-accent hover:underline">
            {member}
          </Link>
        ) : (
          member
        )}
      </Fact>
      <Fact name="Credential">{credentialWords(credential)}</Fact>
      <Fact name="Credential id">
        {credential.id && (
          <SameFilter filter={{ credential: credential.id }}>{mono(credential.id)}</SameFilter>
        )}
      </Fact>
      <Fact name="Client">{client && <SameFilter filter={{ client }}>{client}</SameFilter>}</Fact>
      <Fact name="Connection">{mono(record.connection)}</Fact>
      <Fact name="Workspace">{mono(record.workspace)}</Fact>
    </KeyValues>
  );
}

function SameFilter({ filter, children }: { filter: AuditFilter; children: ReactNode }) {
  return (
    <Link href={hrefWith(filter)} title="Show all records with it" className="text-accent hover:underline">
      {children}
    </Link>
  );
}

function mono(text: string | null | undefined) {
  return text ? <code className="font-mono text-xs [overflow-wrap:anywhere]">{text}</code> : null;
}
