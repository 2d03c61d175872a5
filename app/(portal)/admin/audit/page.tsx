// The audit: every call and every change, newest first. The URL holds the filters.
import Download from 'lucide-react/icons/download';
import ScrollText from 'lucide-react/icons/scroll-text';
import { addressOf } from '@/components/api';
import { AuditFilters } from '@/components/audit/audit-filters';
import { AuditTable } from '@/components/audit/audit-table';
import { VerifyAudit } from '@/components/audit/verify-audit';
import { queryOf, type AuditFilter } from '@/components/audit/words';
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
  const filter = filterOf(await searchParams);
  const query = queryOf(filter);
  const [first, { tools }, members] = await Promise.all([
    read('GET /audit', { query }),
    read('GET /tools'),
    // Auditors may not list people; they type the address.
    role === 'admin' ? read('GET /members').then((answer) => answer.members) : [],
  ]);
  // What changed stands on the record's own page; a list of it would be heavy.
  const records = first.records.map(({ before: _before, after: _after, ...line }) => line);
  const filtered = Object.keys(filter).length > 0;
  return (
    <>
      <PageHeader
        title="Audit"
        description="Every call an agent made and every change somebody made here. A call is on record before it goes to Asana."
        actions={
          <>
            <VerifyAudit />
            <ButtonAnchor
              href={addressOf('/audit/export', { query: { ...query, format: 'jsonl' } })}
              download
              icon={<Download aria-hidden="true" />}
            >
              JSON lines
            </ButtonAnchor>
            <ButtonAnchor
              href={addressOf('/audit/export', { query: { ...query, format: 'csv' } })}
              download
              icon={<Download aria-hidden="true" />}
            >
              CSV
            </ButtonAnchor>
          </>
        }
      />
      <AuditFilters
        filter={filter}
        tools={tools.map(({ name }) => name)}
        people={members.slice(0, 500).map(({ email }) => email)}
      />
      {first.records.length > 0 ? (
        <AuditTable key={JSON.stringify(filter)} query={query} first={{ ...first, records }} />
      ) : (
        <div className="border-line bg-surface rounded-box border">
          <EmptyState
            icon={<ScrollText />}
            title={filtered ? 'No record matches' : 'Nothing is on record yet'}
            action={filtered && <ButtonLink href="/admin/audit">Clear the filters</ButtonLink>}
          >
            {filtered
              ? 'Nobody did this in that time.'
              : 'The first call of an agent or the first change in the portal appears here.'}
          </EmptyState>
        </div>
      )}
    </>
  );
}

// What a person may type into the address bar is not always valid: what is not counts as no filter.
function filterOf(query: Record<string, string | string[] | undefined>): AuditFilter {
  const text = (name: string) => {
    const value = query[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const date = (name: string) => {
    const value = text(name);
    return value && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;
  };
  const decision = text('decision');
  const kind = text('kind');
  const filter: AuditFilter = {
    from: date('from'),
    to: date('to'),
    member: text('member')?.slice(0, 320),
    tool: text('tool')?.slice(0, 200),
    decision: decision === 'allow' || decision === 'deny' ? decision : undefined,
    kind: kind === 'call' || kind === 'event' ? kind : undefined,
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
