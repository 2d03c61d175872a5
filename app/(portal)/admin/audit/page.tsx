// The audit: every call and every change, newest first. The URL holds the filters.
import Download from 'lucide-react/icons/download';
import ScrollText from 'lucide-react/icons/scroll-text';
import { addressOf } from '@/components/api';
import { AuditFilters } from '@/components/audit/audit-filters';
import { AuditTable } from '@/components/audit/audit-table';
import { AuditTabs } from '@/components/audit/audit-tabs';
import { filterIn, hrefWith, isOver, queryOf, type AuditFilter } from '@/components/audit/filter';
import { VerifyAudit } from '@/components/audit/verify-audit';
import { credentialWords, type AuditRecord } from '@/components/audit/words';
import { ButtonAnchor, ButtonLink } from '@/components/ui/button';
import { EmptyState } from '@/components/ui/empty-state';
import { PageHeader } from '@/components/ui/page-header';
import { read, requireRole } from '@/lib/portal/read';

export const metadata = { title: 'Audit' };

export default async function AuditPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const { role } = await requireRole('admin', 'auditor');
  const params = await searchParams;
  const filter = filterIn(params);
  const query = queryOf(filter);
  const [first, { tools }, people] = await Promise.all([
    read('GET /audit', { query }),
    read('GET /tools'),
    // Auditors may not list people; they type the address.
    role === 'admin' ? read('GET /members', { query: { limit: 500 } }).then(({ members }) => members) : [],
  ]);
  // What changed stands on the record's own page; a list of it would be heavy.
  const records = first.records.map(({ before: _before, after: _after, ...line }) => line);
  const search = hrefWith(filter, '').slice(1);
  return (
    <>
      <PageHeader
        title="Audit"
        description="Every call an agent made and every change somebody made here. A call is on record before it goes to Asana."
        actions={
          <>
            <VerifyAudit />
            <Export query={query} format="jsonl" text="JSON lines" />
            <Export query={query} format="csv" text="CSV" />
          </>
        }
      />
      <AuditTabs current="records" />
      <AuditFilters
        filter={filter}
        known={{
          tool: tools.map(({ name }) => name),
          member: people.map(({ email }) => email),
          client: [...new Set(records.flatMap(({ client }) => client ?? []))],
        }}
        credentialName={credentialName(filter, records)}
      />
      <AuditTable
        key={search}
        query={query}
        first={{ ...first, records }}
        search={search}
        over={isOver(query)}
        live={params.live === '1'}
        empty={<Empty filtered={search !== ''} />}
      />
    </>
  );
}

function Export({ query, format, text }: { query: object; format: string; text: string }) {
  return (
    <ButtonAnchor
      href={addressOf('/audit/export', { query: { ...query, format } })}
      download
      icon={<Download aria-hidden="true" />}
    >
      <span className="sr-only">Export what is filtered as </span>
      {text}
    </ButtonAnchor>
  );
}

function Empty({ filtered }: { filtered: boolean }) {
  return (
    <EmptyState
      icon={<ScrollText />}
      title={filtered ? 'No record matches' : 'Nothing is on record yet'}
      action={
        filtered ? (
          <ButtonLink href="/admin/audit">Clear the filters</ButtonLink>
        ) : (
          <ButtonLink href="/connections">Connect Asana</ButtonLink>
        )
      }
    >
      {filtered
        ? 'Take a filter away or choose a longer time; with Live on, what comes appears here.'
        : 'Connect an Asana account and make a token; the first call of an agent then appears here.'}
    </EmptyState>
  );
}

// The filter holds an id; people know it by its name.
function credentialName({ credential }: AuditFilter, records: readonly Pick<AuditRecord, 'credential'>[]) {
  const known = records.find((record) => record.credential.id === credential);
  return credential && known ? credentialWords(known.credential) : null;
}
