// From a refused call to the page that explains it.
import type { AuditRecord } from '../audit/words';
import Link from 'next/link';

/** Where a refusal is explained: `own` for a person's own activity. Null for a record that refuses nothing. */
export function explainAddress(
  record: Pick<AuditRecord, 'id' | 'decision' | 'tool'>,
  own = false,
): string | null {
  if (record.decision !== 'deny') return null;
  if (!own) return `/admin/explain?${new URLSearchParams({ record: record.id })}`;
  return record.tool ? `/explain?${new URLSearchParams({ tool: record.tool })}` : null;
}

/** "Explain", or nothing where there is nothing to explain. It lies above a row that is a link itself. */
export function ExplainLink({
  record,
  own = false,
}: {
  record: Pick<AuditRecord, 'id' | 'decision' | 'tool'>;
  own?: boolean;
}) {
  const href = explainAddress(record, own);
  if (!href) return null;
  return (
    <Link
      href={href}
      prefetch={false}
      aria-label={`Explain why ${record.tool ?? 'this call'} was denied`}
      className="text-accent relative z-[1] text-sm hover:underline"
    >
      Explain
    </Link>
  );
}
