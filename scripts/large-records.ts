// The audit of the large seed: calls, denials, outcomes and changes over some months, made inside the database from md5 of the seed.
import type { Client } from 'pg';

/** An agent token and whose it is. */
export interface Caller {
  tokenId: string;
  tokenName: string;
  memberId: string;
  email: string;
  connectionId: string;
}

export interface Audit {
  organizationId: string;
  seed: number;
  callers: readonly Caller[];
  tools: readonly string[];
  /** Calls and events together; outcomes come on top. */
  records: number;
  days: number;
}

const HOUR_MS = 3_600_000;

/** How busy an hour is: working hours of working days, little else. */
function weightOf(at: Date): number {
  const weekend = at.getUTCDay() % 6 === 0;
  const hour = at.getUTCHours();
  return (weekend ? 0.15 : 1) * (hour >= 7 && hour < 18 ? 1 - Math.abs(hour - 12) / 12 : 0.1);
}

/** Each hour's share of the records; together exactly `records`. */
function spread(records: number, days: number): { at: Date; count: number }[] {
  const endMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  const hours = Array.from({ length: days * 24 }, (_, n) => new Date(endMs - (days * 24 - n) * HOUR_MS));
  const whole = hours.reduce((sum, at) => sum + weightOf(at), 0);
  let before = 0;
  let reached = 0;
  return hours.map((at) => {
    reached += weightOf(at) / whole;
    const count = Math.round(reached * records) - before;
    before += count;
    return { at, count };
  });
}

/** The share of a draw: two bytes of the record's md5 as a number from 0 to 1. */
const draw = (n: number) => `(('x' || substr(h, ${n * 4 + 1}, 4))::bit(16)::int / 65536.0)`;
/** A UUID of version 7 that begins with the time, as lib/audit makes them. */
const uuidAt = (at: string, hex: string) =>
  `(lpad(to_hex((extract(epoch FROM ${at}) * 1000)::bigint), 12, '0') || '7' || substr(${hex}, 1, 3) || 'a' || substr(${hex}, 4, 15))::uuid`;

// Of a thousand records: 20 events, some 40 denials, 2 of Gatehouse's own calls. Few people and few tools do most of the work.
const MAKE = `
INSERT INTO batch
SELECT ${uuidAt('at', 'h2')}, at, is_event, c.*, tool, client, method, reason, outcome, latency_ms, h2, target_email
FROM (
  SELECT *, a.email AS target_email, floor(power(${draw(0)}, 2.2) * $3)::int AS who,
    CASE WHEN is_event OR method <> 'tools/call' THEN NULL
      WHEN reason = 'unknown_tool' THEN 'no_such_tool_' || floor(${draw(1)} * 40)::int
      ELSE ($5::text[])[1 + floor(power(${draw(1)}, 1.8) * cardinality($5::text[]))::int] END AS tool
  FROM (
    SELECT *, CASE WHEN is_event OR ${draw(3)} >= 0.042 THEN NULL
        WHEN method <> 'tools/call' THEN CASE WHEN ${draw(3)} < 0.02 THEN 'method_not_allowed' ELSE 'malformed' END
        ELSE (ARRAY['not_in_group', 'not_in_group', 'not_in_group', 'unknown_tool', 'token_restriction', 'not_reviewed',
          'blocked'])[1 + floor(${draw(4)} * 7)::int] END AS reason,
      CASE WHEN ${draw(5)} < 0.94 THEN 'ok' WHEN ${draw(5)} < 0.985 THEN 'tool_error' WHEN ${draw(5)} < 0.996 THEN 'upstream_error'
        WHEN ${draw(5)} < 0.9985 THEN 'unknown' END AS outcome,
      round((40 + 400 * power(${draw(6)}, 4) + 6000 * power(${draw(6)}, 60))::numeric, 1) AS latency_ms
    FROM (
      SELECT s.at + ('x' || substr(k.h, 25, 8))::bit(32)::bigint::numeric / 4294967296 * interval '1 hour' AS at, k.h, k.h2,
        ${draw(7)} < 0.02 AS is_event,
        CASE WHEN ${draw(2)} < 0.88 THEN 'tools/call' WHEN ${draw(2)} < 0.95 THEN 'tools/list' WHEN ${draw(2)} < 0.994 THEN 'initialize'
          WHEN ${draw(2)} < 0.998 THEN 'resources/read' ELSE 'prompts/list' END AS method,
        CASE WHEN ${draw(4)} < 0.0002 THEN 'seldom-seen/0.1' ELSE (ARRAY['example-coder/2.1', 'example-editor/1.7', 'python-httpx/0.28',
          'node', 'example-agent/1.0'])[1 + floor(${draw(4)} * 5)::int] END AS client
      FROM unnest($1::timestamptz[], $2::int[]) WITH ORDINALITY AS s(at, count, hour)
      CROSS JOIN generate_series(1, s.count) AS n
      CROSS JOIN LATERAL (SELECT md5($4 || ':' || ($6::int + s.hour) || ':' || n) AS h,
        md5($4 || '/' || ($6::int + s.hour) || '/' || n) AS h2) k
    ) drawn
  ) mixed LEFT JOIN LATERAL (SELECT email FROM callers WHERE i = floor(${draw(1)} * $3)::int) a ON is_event
) whole JOIN callers c ON c.i = whole.who`;

const CALLS = `
INSERT INTO audit_records (id, organization_id, at, kind, member_id, member_email, credential_kind, credential_id, credential_name,
  client, connection_id, workspace_gid, method, tool, arguments_hash, decision, reason, policy_version)
SELECT id, $1, at, 'call', member_id, email, 'agent_token', token_id, token_name, client, connection_id, '1200000000000100', method,
  tool, CASE WHEN tool IS NOT NULL THEN md5(hex) || md5(hex || 'a') END, CASE WHEN reason IS NULL THEN 'allow' ELSE 'deny' END, reason,
  'team-01@1'
FROM batch WHERE NOT is_event`;

const OUTCOMES = `
INSERT INTO audit_records (id, organization_id, at, kind, call_id, outcome, latency_ms, reason)
SELECT ${uuidAt(`at + latency_ms * interval '1 millisecond'`, 'reverse(hex)')}, $1, at + latency_ms * interval '1 millisecond', 'outcome',
  id, outcome, latency_ms, CASE outcome WHEN 'upstream_error' THEN 'rate_limited' WHEN 'unknown' THEN 'timeout' END
FROM batch WHERE NOT is_event AND reason IS NULL AND outcome IS NOT NULL`;

const EVENTS = `
INSERT INTO audit_records (id, organization_id, at, kind, member_id, member_email, credential_kind, credential_id, action, target,
  before, after)
SELECT id, $1, at, 'event', member_id, email, 'session', substr(hex, 1, 8) || '-0000-4000-8000-' || substr(hex, 1, 12),
  CASE WHEN edits THEN 'member.updated' ELSE 'member.signed_in' END, 'member:' || CASE WHEN edits THEN target_email ELSE email END,
  CASE WHEN edits THEN jsonb_build_object('email', target_email, 'asanaEmails', '[]'::jsonb) END,
  CASE WHEN edits THEN jsonb_build_object('email', target_email, 'asanaEmails', jsonb_build_array(target_email)) END
FROM (SELECT *, substr(hex, 5, 1) < '3' AS edits FROM batch WHERE is_event) b`;

/**
 * Writes the records in the order of their time, all or none of them. Indexes that only readers need are built once, at the end,
 * which takes half the time.
 */
export async function writeRecords(
  client: Client,
  { organizationId, seed, callers, tools, records, days }: Audit,
  report: (line: string) => void,
): Promise<void> {
  await client.query(`SET maintenance_work_mem = '256MB'`);
  await client.query(`SET synchronous_commit = off`);
  await client.query(`CREATE TEMP TABLE callers (i INT PRIMARY KEY, token_id TEXT, token_name TEXT, member_id UUID, email TEXT,
    connection_id UUID)`);
  await client.query(
    `INSERT INTO callers SELECT (n - 1)::int, a, b, c, d, e
     FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::uuid[]) WITH ORDINALITY AS u(a, b, c, d, e, n)`,
    [
      callers.map(({ tokenId }) => tokenId),
      callers.map(({ tokenName }) => tokenName),
      callers.map(({ memberId }) => memberId),
      callers.map(({ email }) => email),
      callers.map(({ connectionId }) => connectionId),
    ],
  );
  await client.query('ANALYZE callers');
  await client.query(`CREATE TEMP TABLE batch (id UUID, at TIMESTAMPTZ, is_event BOOLEAN, i INT, token_id TEXT, token_name TEXT,
    member_id UUID, email TEXT, connection_id UUID, tool TEXT, client TEXT, method TEXT, reason TEXT, outcome TEXT,
    latency_ms FLOAT8, hex TEXT, target_email TEXT)`);
  await client.query('BEGIN');
  const { rows: indexes } = await client.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = 'audit_records'
       AND indexdef NOT LIKE 'CREATE UNIQUE%' AND indexname <> 'audit_records_organization_id_xid_idx'`,
  );
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  const hours = spread(records, days);
  for (let day = 0, written = 0; day < days; day += 1) {
    const part = hours.slice(day * 24, (day + 1) * 24);
    await client.query('TRUNCATE batch');
    await client.query(MAKE, [
      ...[part.map(({ at }) => at), part.map(({ count }) => count)],
      ...[callers.length, String(seed), tools, day * 24],
    ]);
    await client.query(CALLS, [organizationId]);
    await client.query(OUTCOMES, [organizationId]);
    await client.query(EVENTS, [organizationId]);
    written += part.reduce((sum, { count }) => sum + count, 0);
    if (day % 15 === 14 || day === days - 1)
      report(`${written} records of ${day + 1} days, and their outcomes`);
  }
  for (const { definition } of indexes) await client.query(definition);
  await client.query('COMMIT');
  await client.query('ANALYZE audit_records');
  report(`${indexes.length} indexes over them`);
}
