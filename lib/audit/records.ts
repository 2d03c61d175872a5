// Reads the audit in pages, newest first: the one place that says how a row looks outside.
import { AppError } from '../errors';
import { findRows, type AuditFilter, type Cursor, type Joined } from './record-rows';

export type { AuditFilter };

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

/** A page of records, newest first; `nextCursor` is null on the last page. Throws `invalid` for a cursor that is not ours. */
export async function searchAudit(
  organizationId: string,
  filter: AuditFilter,
  page: { cursor?: string; limit: number },
): Promise<{ records: AuditRecord[]; nextCursor: string | null }> {
  const { rows, nextCursor } = await searchPage(organizationId, filter, page);
  return { records: rows.map(toRecord), nextCursor };
}

/** The same as rows. */
export async function searchPage(
  organizationId: string,
  filter: AuditFilter,
  page: { cursor?: string; limit: number },
): Promise<{ rows: Joined[]; nextCursor: string | null }> {
  const cursor = page.cursor === undefined ? null : readCursor(page.cursor);
  const rows = await findRows(organizationId, filter, { cursor, limit: page.limit + 1 });
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    rows: shown,
    nextCursor:
      rows.length > page.limit && last ? Buffer.from(`${last.at} ${last.id}`).toString('base64url') : null,
  };
}

function readCursor(cursor: string): Cursor {
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

/** A row as it looks outside. */
export function toRecord(row: Joined): AuditRecord {
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
