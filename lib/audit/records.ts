// Reads the audit: pages newest first, exports, and the one place that says how a row looks outside.
import { pool } from '../db';
import { AppError } from '../errors';

/** One audited call or event (CONTRACT, audit record). Absent fields do not apply to its kind. */
export interface AuditRecord {
  seq: number | null;
  id: string;
  /** RFC 3339, UTC, microseconds. */
  at: string;
  kind: 'call' | 'event';
  member: string | null;
  credential: { kind: string; id: string | null; name: string | null };
  client?: string;
  connection?: string;
  workspace?: string;
  method?: string;
  tool?: string;
  argumentsHash?: string;
  decision?: 'allow' | 'deny';
  reason?: string;
  policyVersion?: string;
  outcome?: 'ok' | 'tool_error' | 'upstream_error' | 'unknown';
  latencyMs?: number;
  action?: string;
  target?: string;
  before?: unknown;
  after?: unknown;
  hash: string | null;
}

/** A row as SQL gives it; `columns` below selects exactly these. */
export interface AuditRow {
  id: string;
  at: string;
  kind: 'call' | 'event' | 'outcome';
  call_id: string | null;
  member_id: string | null;
  member_email: string | null;
  credential_kind: string | null;
  credential_id: string | null;
  credential_name: string | null;
  client: string | null;
  connection_id: string | null;
  workspace_gid: string | null;
  method: string | null;
  tool: string | null;
  arguments_hash: string | null;
  decision: 'allow' | 'deny' | null;
  reason: string | null;
  policy_version: string | null;
  outcome: string | null;
  latency_ms: number | null;
  action: string | null;
  target: string | null;
  before: unknown;
  after: unknown;
}

/** The columns of `AuditRow`, of the table alias `r`. */
export const columns = `r.id, to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, r.kind, r.call_id, r.member_id,
  r.member_email, r.credential_kind, r.credential_id, r.credential_name, r.client, r.connection_id, r.workspace_gid, r.method,
  r.tool, r.arguments_hash, r.decision, r.reason, r.policy_version, r.outcome, r.latency_ms, r.action, r.target, r.before, r.after`;

export interface AuditFilter {
  from?: string;
  to?: string;
  member?: string;
  tool?: string;
  decision?: 'allow' | 'deny';
  kind?: 'call' | 'event';
  /** Only this record. */
  id?: string;
}

type Joined = AuditRow & {
  seq: string | null;
  hash: Buffer | null;
  joined_outcome: string | null;
  joined_latency_ms: number | null;
  joined_reason: string | null;
};

/** A page of records, newest first; `nextCursor` is null on the last page. Throws `invalid` for a cursor that is not ours. */
export async function searchAudit(
  organizationId: string,
  filter: AuditFilter,
  page: { cursor?: string; limit: number },
): Promise<{ records: AuditRecord[]; nextCursor: string | null }> {
  const after = page.cursor === undefined ? null : readCursor(page.cursor);
  const { rows } = await pool().query<Joined>(
    `SELECT ${columns}, c.seq, c.hash, o.outcome AS joined_outcome, o.latency_ms AS joined_latency_ms, o.reason AS joined_reason
     FROM audit_records r
     LEFT JOIN audit_records o ON o.call_id = r.id AND o.organization_id = r.organization_id
     LEFT JOIN audit_chain c ON c.record_id = r.id
     WHERE r.organization_id = $1 AND r.kind <> 'outcome'
       AND ($2::timestamptz IS NULL OR r.at >= $2) AND ($3::timestamptz IS NULL OR r.at < $3)
       AND ($4::text IS NULL OR r.member_email = $4) AND ($5::text IS NULL OR r.tool = $5)
       AND ($6::text IS NULL OR r.decision = $6) AND ($7::text IS NULL OR r.kind = $7) AND ($8::uuid IS NULL OR r.id = $8)
       AND ($9::timestamptz IS NULL OR (r.at, r.id) < ($9, $10::uuid))
     ORDER BY r.at DESC, r.id DESC LIMIT $11`,
    [
      organizationId,
      filter.from ?? null,
      filter.to ?? null,
      filter.member?.toLowerCase() ?? null,
      filter.tool ?? null,
      filter.decision ?? null,
      filter.kind ?? null,
      filter.id ?? null,
      after?.at ?? null,
      after?.id ?? null,
      page.limit + 1,
    ],
  );
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    records: shown.map(toRecord),
    nextCursor:
      rows.length > page.limit && last ? Buffer.from(`${last.at} ${last.id}`).toString('base64url') : null,
  };
}

function readCursor(cursor: string): { at: string; id: string } {
  const [, at, ms, id] =
    /^((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})\d{3}Z) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(
      Buffer.from(cursor, 'base64url').toString(),
    ) ?? [];
  // A moment that no calendar has (the 30th of February, a year 0) would be an error of the database.
  const moment = new Date(`${ms}Z`);
  const real = moment.getUTCFullYear() > 0 && moment.toISOString() === `${ms}Z`;
  if (!at || !id || !real) throw new AppError('invalid', 'The cursor is not one that this list gave.');
  return { at, id };
}

function toRecord(row: Joined): AuditRecord {
  const call = row.kind === 'call';
  return withoutNulls({
    seq: row.seq === null ? null : Number(row.seq),
    id: row.id,
    at: row.at,
    kind: call ? 'call' : 'event',
    member: row.member_email,
    credential: { kind: row.credential_kind ?? 'system', id: row.credential_id, name: row.credential_name },
    client: row.client,
    connection: row.connection_id,
    workspace: row.workspace_gid,
    method: row.method,
    tool: row.tool,
    argumentsHash: row.arguments_hash,
    decision: row.decision,
    reason: row.joined_reason ?? row.reason,
    policyVersion: row.policy_version,
    // An allowed call without an outcome (still running, or its process died) is never taken for a success.
    outcome: call && row.decision === 'allow' ? (row.joined_outcome ?? 'unknown') : null,
    latencyMs: row.joined_latency_ms,
    action: row.action,
    target: row.target,
    before: row.before,
    after: row.after,
    hash: row.hash?.toString('hex') ?? null,
  });
}

const ALWAYS = new Set(['seq', 'hash', 'member']);

function withoutNulls(record: Record<string, unknown>): AuditRecord {
  return Object.fromEntries(
    Object.entries(record).filter(
      ([key, value]) => ALWAYS.has(key) || (value !== null && value !== undefined),
    ),
  ) as unknown as AuditRecord;
}

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
