// One of a person's own calls or changes in a line: what, when, through which agent, and why it was refused.
import Link from 'next/link';
import { DecisionBadge, OutcomeBadge } from '../audit/audit-badges';
import { actionWords, credentialWords, reasonSentence, type AuditRecord } from '../audit/words';
import { RelativeTime } from '../ui/relative-time';

/** The tool, else the method, else what was changed. */
export function titleOf(record: AuditRecord): string {
  if (record.kind === 'event') return actionWords(record.action ?? '');
  return record.tool ?? record.method ?? 'Unreadable message';
}

/** What was changed, where the record says its name. */
function nameIn({ after }: AuditRecord): string {
  const name = typeof after === 'object' && after !== null && 'name' in after ? after.name : undefined;
  return typeof name === 'string' ? `, “${name}”` : '';
}

/** Where a denied tool is explained; null where there is nothing to explain. */
function explainHref(record: AuditRecord): string | null {
  if (record.decision !== 'deny' || !record.tool) return null;
  return `/explain?tool=${encodeURIComponent(record.tool)}`;
}

/** `brief` leaves out the agent and the reason. */
export function CallLine({
  record,
  brief = false,
  undo = false,
}: {
  record: AuditRecord;
  brief?: boolean;
  /** What was there before it is kept. */
  undo?: boolean;
}) {
  const href = explainHref(record);
  const isCall = record.kind === 'call';
  return (
    <li className="flex flex-wrap items-start justify-between gap-x-4 gap-y-1 px-4 py-2 text-sm">
      <div className="min-w-0 flex-1 basis-48">
        <p className={isCall ? 'font-mono text-sm [overflow-wrap:anywhere]' : 'font-medium'}>
          {titleOf(record)}
        </p>
        <p className="text-ink-3 text-xs">
          <RelativeTime iso={record.at} />
          {!brief && `, ${credentialWords(record.credential)}`}
          {!brief && !isCall && nameIn(record)}
        </p>
        {!brief && record.reason && <p className="text-ink-2 mt-0.5 text-sm">{reasonSentence(record)}</p>}
      </div>
      <div className="flex items-center gap-2">
        {undo && (
          <Link href={`/activity/undo/${record.id}`} className="text-accent text-sm hover:underline">
            Undo<span className="sr-only"> {titleOf(record)}</span>
          </Link>
        )}
        {href && (
          <Link href={href} className="text-accent text-sm hover:underline">
            Why?<span className="sr-only"> {record.tool} was denied</span>
          </Link>
        )}
        {isCall &&
          (record.decision === 'allow' ? (
            <OutcomeBadge record={record} />
          ) : (
            <DecisionBadge record={record} />
          ))}
      </div>
    </li>
  );
}
