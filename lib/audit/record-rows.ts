// Finds rows of the audit by any combination of filters, each by its index (migration 0003): the first page costs some milliseconds
// of a million records.
import { pool } from '../db';
import type { Outcome } from './system-call';

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

/** A timestamp as RFC 3339 in UTC, to the microsecond. */
function instantOf(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/** The columns of `AuditRow`, of the table alias `r`. */
export const columns = `r.id, ${instantOf('r.at')} AS at, r.kind, r.call_id, r.member_id,
  r.member_email, r.credential_kind, r.credential_id, r.credential_name, r.client, r.connection_id, r.workspace_gid, r.method,
  r.tool, r.arguments_hash, r.decision, r.reason, r.policy_version, r.outcome, r.latency_ms, r.action, r.target, r.before, r.after`;

export interface AuditFilter {
  from?: string;
  to?: string;
  member?: string;
  tool?: string;
  decision?: 'allow' | 'deny';
  kind?: 'call' | 'event';
  /** `failed`: any that is on record and not `ok`, which is what the summary counts. */
  outcome?: Outcome | 'failed';
  /** Of a denial, or of the outcome of an allowed call. */
  reason?: string;
  /** The credential's id. */
  credential?: string;
  client?: string;
  method?: string;
  /** Only this person's, whoever had the e-mail address before. */
  memberId?: string;
  /** Only this record. */
  id?: string;
}

/** With the link of the chain and the outcome. */
export type Joined = AuditRow & {
  seq: string | null;
  hash: Buffer | null;
  joined_outcome: string | null;
  joined_latency_ms: number | null;
  joined_reason: string | null;
};

/** Where a page went on from: the time and id of the last record of the page before. */
export interface Cursor {
  at: string;
  id: string;
}

/** The newest rows that match, newest first, at most `limit`. */
export async function findRows(
  organizationId: string,
  filter: AuditFilter,
  { cursor, limit }: { cursor: Cursor | null; limit: number },
): Promise<Joined[]> {
  const found = await Promise.all(
    meanings(filter).map((meant) => find({ organizationId, filter, meant, cursor }, limit)),
  );
  return found.length === 1 ? found[0]! : found.flat().toSorted(newestFirst).slice(0, limit);
}

/** Both are written so that their text sorts as they do. */
const newestFirst = (a: Joined, b: Joined) => (`${a.at} ${a.id}` < `${b.at} ${b.id}` ? 1 : -1);

/** A reason may be that of a denial or that of an outcome: two searches, because one with an OR would find no index. */
function meanings({ reason, decision, outcome }: AuditFilter): ('denial' | 'outcome' | 'any')[] {
  if (reason === undefined) return ['any'];
  return [
    ...(decision === 'allow' || outcome !== undefined ? [] : (['denial'] as const)),
    ...(decision === 'deny' ? [] : (['outcome'] as const)),
  ];
}

interface Asked {
  organizationId: string;
  filter: AuditFilter;
  meant: 'denial' | 'outcome' | 'any';
  cursor: Cursor | null;
}

/** How many of the newest outcomes are looked at before all of them are. */
const AMONG = [1_000, 16_000];

/**
 * An outcome is a record of its own, so no index has calls by outcome in the order of their time. Failures are few: they are found
 * from the outcomes' side, the newest first, unless there are many and the call's own columns narrow it down better.
 */
async function find(asked: Asked, limit: number): Promise<Joined[]> {
  const { filter, meant } = asked;
  const failed = /^(tool_error|upstream_error|failed)$/.test(filter.outcome ?? '');
  if (!failed && meant !== 'outcome') return select(asked, limit);
  for (const among of AMONG) {
    const { rows, isAll } = await selectAmong(asked, limit, among);
    if (isAll || rows.length === limit) return rows;
  }
  const { member, tool, credential, client, method } = filter;
  const isNarrow = [member, tool, credential, client].some((value) => value !== undefined);
  if (isNarrow || (method !== undefined && method !== 'tools/call')) return select(asked, limit);
  return (await selectAmong(asked, limit, null)).rows;
}

const FIELDS = `${columns}, c.seq, c.hash, o.outcome AS joined_outcome, o.latency_ms AS joined_latency_ms, o.reason AS joined_reason`;

async function select(asked: Asked, limit: number): Promise<Joined[]> {
  const values: unknown[] = [asked.organizationId];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const wheres = [...callConditions(asked, bind), ...outcomeConditions(asked, bind)];
  // OFFSET 0 keeps it in this order, calls first: the planner's guess at how many outcomes there are of a kind is worth little, as
  // the columns mean other things in other kinds of records.
  const { rows } = await pool().query<Joined>(
    `SELECT ${FIELDS} FROM audit_records r
     LEFT JOIN LATERAL (SELECT o.* FROM audit_records o WHERE o.call_id = r.id AND o.organization_id = r.organization_id OFFSET 0) o
       ON true
     LEFT JOIN audit_chain c ON c.record_id = r.id
     WHERE r.organization_id = $1 AND ${wheres.join(' AND ')}
     ORDER BY r.at DESC, r.id DESC LIMIT ${bind(limit)}`,
    values,
  );
  return rows;
}

/**
 * The same from the outcomes' side, among the newest so many (null: all). A call comes before its outcome, so every call made after the
 * oldest of these outcomes has its own among them; older calls are left out unless these are all (`isAll`). The minute is for a clock
 * that was set back.
 */
async function selectAmong(
  asked: Asked,
  limit: number,
  among: number | null,
): Promise<{ rows: Joined[]; isAll: boolean }> {
  const values: unknown[] = [asked.organizationId];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const most = bind(among);
  const { rows } = await pool().query<Joined & { looked_at: number }>(
    `WITH o AS MATERIALIZED (
       SELECT o.* FROM audit_records o WHERE o.organization_id = $1 AND ${outcomeConditions(asked, bind).join(' AND ')}
       ORDER BY o.at DESC LIMIT ${most}::int
     ), k AS (SELECT count(*)::int AS looked_at, min(at) + interval '1 minute' AS since FROM o)
     SELECT * FROM k LEFT JOIN LATERAL (
       SELECT ${FIELDS} FROM o CROSS JOIN LATERAL (SELECT r.* FROM audit_records r WHERE r.id = o.call_id OFFSET 0) r
       LEFT JOIN audit_chain c ON c.record_id = r.id
       WHERE r.organization_id = $1 AND (k.looked_at < ${most}::int IS NOT FALSE OR r.at > k.since)
         AND ${callConditions(asked, bind).join(' AND ')}
       ORDER BY r.at DESC, r.id DESC LIMIT ${bind(limit)}
     ) found ON true ORDER BY found.at DESC, found.id DESC`,
    values,
  );
  const isAll = among === null || rows[0]!.looked_at < among;
  return { rows: rows.filter(({ id }) => id !== null), isAll };
}

/**
 * What a filter asks of a record `r` and its outcome `o`. Only what was asked for stands there, with values known when it is planned:
 * so each filter finds its index (migration 0003), the partial ones too.
 */
function callConditions({ filter, meant, cursor }: Asked, bind: (value: unknown) => string): string[] {
  const { from, to, member, memberId, tool, decision, kind, outcome, credential, client } = filter;
  return [
    `r.kind <> 'outcome'`,
    from === undefined ? '' : `r.at >= ${bind(from)}::timestamptz`,
    to === undefined ? '' : `r.at < ${bind(to)}::timestamptz`,
    member === undefined ? '' : `r.member_email = ${bind(member.toLowerCase())}`,
    memberId === undefined ? '' : `r.member_id = ${bind(memberId)}::uuid`,
    tool === undefined ? '' : `r.tool = ${bind(tool)}`,
    decision === undefined ? '' : `r.decision = ${bind(decision)}`,
    kind === undefined ? '' : `r.kind = ${bind(kind)}`,
    outcome === undefined ? '' : `r.kind = 'call' AND r.decision = 'allow'`,
    credential === undefined ? '' : `r.credential_id = ${bind(credential)}`,
    client === undefined ? '' : `r.client = ${bind(client)}`,
    filter.method === undefined ? '' : `r.method = ${bind(filter.method)}`,
    filter.id === undefined ? '' : `r.id = ${bind(filter.id)}::uuid`,
    meant === 'denial' ? `r.decision = 'deny' AND r.reason = ${bind(filter.reason)}` : '',
    cursor ? `(r.at, r.id) < (${bind(cursor.at)}::timestamptz, ${bind(cursor.id)}::uuid)` : '',
  ].filter((condition) => condition !== '');
}

/** What it asks of the outcome `o` alone. A call without one reads `unknown`. */
function outcomeConditions(
  { filter: { outcome, reason }, meant }: Asked,
  bind: (value: unknown) => string,
): string[] {
  return [
    ...(outcome === 'unknown' ? [`(o.outcome IS NULL OR o.outcome = 'unknown')`] : []),
    ...(outcome === 'failed' ? [`o.outcome <> 'ok'`] : []),
    ...(outcome === undefined || outcome === 'unknown' || outcome === 'failed'
      ? []
      : [`o.outcome = ${bind(outcome)}`]),
    ...(meant === 'outcome' ? [`o.kind = 'outcome'`, `o.reason = ${bind(reason)}`] : []),
  ];
}
