// Exports the audit as lines of JSON or CSV, a page of the database at a time, so that any size takes the same memory.
import { searchAudit, type AuditFilter, type AuditRecord } from './records';

const CSV_FIELDS = [
  'seq',
  'id',
  'at',
  'kind',
  'member',
  'credential',
  'client',
  'connection',
  'workspace',
  'method',
  'tool',
  'argumentsHash',
  'decision',
  'reason',
  'policyVersion',
  'outcome',
  'latencyMs',
  'action',
  'target',
  'before',
  'after',
  'hash',
] as const satisfies readonly (keyof AuditRecord)[];

/** All records that match, newest first, as lines of JSON or CSV (RFC 4180), a page of the database at a time. */
export async function* exportAudit(
  organizationId: string,
  filter: AuditFilter,
  format: 'jsonl' | 'csv',
): AsyncGenerator<string> {
  if (format === 'csv') yield `${CSV_FIELDS.join(',')}\r\n`;
  for (let cursor: string | undefined; ;) {
    const page: { records: AuditRecord[]; nextCursor: string | null } = await searchAudit(
      organizationId,
      filter,
      { cursor, limit: 1000 },
    );
    yield page.records
      .map((record) =>
        format === 'jsonl'
          ? `${JSON.stringify(record)}\n`
          : `${CSV_FIELDS.map((field) => csvCell(record[field])).join(',')}\r\n`,
      )
      .join('');
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}

// A cell that a spreadsheet would run as a formula gets an apostrophe in front (SP-14).
function csvCell(value: unknown): string {
  const text =
    value === null || value === undefined
      ? ''
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);
  const inert = /^[=+\-@\t\r]/.test(text) && typeof value !== 'number' ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
