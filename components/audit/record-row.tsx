// One audit record as a row: the whole row leads to its page, a refused call also to why.
import Link from 'next/link';
import { memo } from 'react';
import { classNames } from '../ui/class-names';
import { ExplainLink } from '../explain/explain-link';
import { Cell, Row, RowHeader } from '../ui/table';
import { DecisionBadge, OutcomeBadge } from './audit-badges';
import { actionWords, credentialWords, reasonSentence, type AuditRecord } from './words';

/** `search` is the list's filter as a query string; `fresh` marks a row that has just come. */
export const RecordRow = memo(function RecordRow({
  record,
  search,
  fresh,
}: {
  record: AuditRecord;
  search: string;
  fresh: boolean;
}) {
  return (
    <Row
      className={classNames(
        'relative focus-within:bg-hover/50',
        fresh &&
          'transition-[background-color,translate] duration-500 starting:-translate-y-2 starting:bg-accent-soft',
      )}
    >
      <RowHeader className="md:w-40">
        <Link
          href={`/admin/audit/${record.id}${search ? `?${search}` : ''}`}
          prefetch={false}
          className="text-xs whitespace-nowrap tabular-nums after:absolute after:inset-0 hover:underline"
        >
          <time dateTime={record.at}>
            {record.at.slice(0, 10)} <span className="text-ink">{record.at.slice(11, 23)}</span>
          </time>
        </Link>
      </RowHeader>
      <Cell label="Who">
        <span className="block [overflow-wrap:anywhere] md:truncate">{record.member ?? 'Gatehouse'}</span>
        <span className="text-ink-3 block text-xs [overflow-wrap:anywhere] md:truncate">
          {credentialWords(record.credential)}
        </span>
      </Cell>
      <Cell label="What">
        <What record={record} />
      </Cell>
      {/* That it is an event says nothing that its row does not say already. */}
      <Cell label="Decision" className={record.decision ? '' : 'max-md:hidden!'}>
        <span className="flex items-center gap-2">
          <DecisionBadge record={record} />
          <ExplainLink record={record} />
        </span>
      </Cell>
      <Cell label={record.outcome ? 'Outcome' : undefined} className={record.outcome ? '' : 'max-md:hidden!'}>
        <OutcomeBadge record={record} />
      </Cell>
      <Cell
        label={record.latencyMs === undefined ? undefined : 'Took'}
        end
        className={record.latencyMs === undefined ? 'max-md:hidden!' : 'tabular-nums'}
      >
        {record.latencyMs !== undefined && `${Math.round(record.latencyMs).toLocaleString('en')} ms`}
      </Cell>
    </Row>
  );
});

function What({ record }: { record: AuditRecord }) {
  const event = record.kind === 'event';
  const detail = event ? record.target : record.reason && reasonSentence(record);
  return (
    <span className="block min-w-0">
      {event ? (
        actionWords(record.action ?? '')
      ) : (
        <code className="font-mono text-xs [overflow-wrap:anywhere]">
          {record.tool ?? record.method ?? '(unreadable)'}
        </code>
      )}
      {detail && (
        <span className="text-ink-3 block text-xs [overflow-wrap:anywhere] md:truncate">{detail}</span>
      )}
    </span>
  );
}
