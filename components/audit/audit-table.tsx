// Audit records, newest first; older ones are fetched on demand.
'use client';
import Link from 'next/link';
import { useState } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { Button } from '../ui/button';
import { Cell, Row, RowHeader, Table, TableBody, TableHead } from '../ui/table';
import { useCall } from '../use-call';
import { DecisionBadge, OutcomeBadge } from './audit-badges';
import { actionWords, credentialWords, reasonSentence, type AuditFilter, type AuditRecord } from './words';

/** `first` is the first page. Mount it anew (by `key`) for another filter. */
export function AuditTable({
  query,
  first,
}: {
  query: AuditFilter;
  first: { records: AuditRecord[]; nextCursor: string | null };
}) {
  const [older, setOlder] = useState<AuditRecord[]>([]);
  const [cursor, setCursor] = useState(first.nextCursor);
  const { pending, problem, run } = useCall({ refresh: false });
  const records = [...first.records, ...older];

  async function more() {
    const done = await run(() => call('GET /audit', { query: { ...query, cursor: cursor ?? undefined } }));
    if (!done) return;
    setOlder([...older, ...done.answer.records]);
    setCursor(done.answer.nextCursor);
  }

  return (
    <>
      <div className="border-line bg-surface rounded-box border">
        <Table label="Audit records" widths={['w-44', 'w-[27%]', '', 'w-24', 'w-28', 'w-22']}>
          <TableHead columns={['Time (UTC)', 'Who', 'What', 'Decision', 'Outcome', { end: 'Took' }]} />
          <TableBody>
            {records.map((record) => (
              <RecordRow key={record.id} record={record} />
            ))}
          </TableBody>
        </Table>
      </div>
      <div className="mt-3 flex flex-col items-center gap-3">
        <Problem problem={problem} />
        {cursor !== null && (
          <Button loading={pending} onClick={() => void more()}>
            Load older records
          </Button>
        )}
        <output className="text-ink-3 text-sm">
          {count(records.length, 'record')} shown{cursor === null && '; there are no older ones'}
        </output>
      </div>
    </>
  );
}

function RecordRow({ record }: { record: AuditRecord }) {
  return (
    <Row className="relative">
      <RowHeader className="md:w-40">
        <Link
          href={`/admin/audit/${record.id}`}
          prefetch={false}
          className="text-xs whitespace-nowrap tabular-nums after:absolute after:inset-0 hover:underline"
        >
          <time dateTime={record.at}>
            {record.at.slice(0, 10)} <span className="text-ink">{record.at.slice(11, 23)}</span>
          </time>
        </Link>
      </RowHeader>
      <Cell label="Who">
        <span className="block [overflow-wrap:anywhere]">{record.member ?? 'Gatehouse'}</span>
        <span className="text-ink-3 block text-xs [overflow-wrap:anywhere] md:truncate">
          {credentialWords(record.credential)}
        </span>
      </Cell>
      <Cell label="What">
        <What record={record} />
      </Cell>
      <Cell label="Decision">
        <DecisionBadge record={record} />
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
}

function What({ record }: { record: AuditRecord }) {
  if (record.kind === 'event')
    return (
      <span className="block min-w-0">
        {actionWords(record.action ?? '')}
        {record.target && (
          <span className="text-ink-3 block text-xs [overflow-wrap:anywhere] md:truncate">
            {record.target}
          </span>
        )}
      </span>
    );
  return (
    <span className="block min-w-0">
      <code className="font-mono text-xs [overflow-wrap:anywhere]">{record.tool ?? record.method}</code>
      {record.reason && (
        <span className="text-ink-3 block text-xs [overflow-wrap:anywhere] md:truncate">
          {reasonSentence(record)}
        </span>
      )}
    </span>
  );
}
