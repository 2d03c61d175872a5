// Adds what the chain holds to the sums of audit_hours, each record exactly once, in the transaction that says how far it counted.
import type { PoolClient } from 'pg';

/** Steps of the latency histogram in a decade: a bucket is 12.2 % wide, so its middle is at most 6 % from any value in it. */
const STEPS = 20;
const MAX_BUCKET = 120;

/** The middle of a bucket of the latency histogram, in ms; the first one also holds everything under 1 ms. */
export function latencyOfBucket(bucket: number): number {
  return 10 ** (bucket / STEPS);
}

// A call and its outcome are two records, laid perhaps in two batches; both count in the hour of the call. `theirs`: not a call of
// Gatehouse's own, which tells nothing about when somebody's agent was at work.
const ADD = `
WITH laid AS (
  SELECT r.* FROM audit_chain c JOIN audit_records r ON r.id = c.record_id
  WHERE c.organization_id = $1 AND c.seq > $2 AND c.seq <= $3 AND r.kind <> 'event'
), facts AS (
  SELECT at, tool, member_email, CASE WHEN credential_kind <> 'system' THEN at END AS theirs, 1 AS calls,
    (decision = 'deny')::int AS denied, 0 AS failed, NULL::text AS outcome, NULL::float8 AS latency_ms
  FROM laid WHERE kind = 'call'
  UNION ALL
  SELECT k.at, k.tool, k.member_email, CASE WHEN k.credential_kind <> 'system' THEN k.at END, 0, 0, (o.outcome <> 'ok')::int,
    o.outcome, o.latency_ms
  FROM laid o JOIN audit_records k ON k.id = o.call_id AND k.organization_id = $1 AND k.kind = 'call' WHERE o.kind = 'outcome'
), counted AS (
  SELECT f.at, f.theirs, f.denied, f.failed, d.dimension, d.key, d.calls FROM facts f CROSS JOIN LATERAL (VALUES
    ('all', '', f.calls), ('tool', f.tool, f.calls), ('member', f.member_email, f.calls), ('outcome', f.outcome, 1),
    ('latency', CASE WHEN f.latency_ms IS NOT NULL
      THEN least(${MAX_BUCKET}, round(${STEPS} * log(greatest(f.latency_ms, 1))))::int::text END, 1)) d(dimension, key, calls)
  WHERE d.key IS NOT NULL
), hours AS (
  SELECT date_trunc('hour', at, 'UTC') AS hour, dimension, key, sum(calls) AS calls, sum(denied) AS denied, sum(failed) AS failed,
    min(theirs) AS first, max(theirs) AS last
  FROM counted GROUP BY 1, 2, 3
)
INSERT INTO audit_hours AS h (organization_id, span, dimension, at, key, calls, denied, failed, first_at, last_at)
SELECT $1, s.span, c.dimension, s.at, c.key, sum(c.calls), sum(c.denied), sum(c.failed), min(c.first), max(c.last)
FROM hours c CROSS JOIN LATERAL (VALUES ('hour', c.hour), ('day', date_trunc('day', c.hour, 'UTC')),
  ('ever', timestamptz 'epoch')) s(span, at)
WHERE s.span <> 'ever' OR c.dimension <> 'latency'
GROUP BY 2, 3, 4, 5
ON CONFLICT (organization_id, span, dimension, at, key) DO UPDATE SET calls = h.calls + excluded.calls,
  denied = h.denied + excluded.denied, failed = h.failed + excluded.failed,
  first_at = least(h.first_at, excluded.first_at), last_at = greatest(h.last_at, excluded.last_at)`;

/**
 * Counts the links with numbers above `after` up to `last`. The caller holds the organization's chain lock, and in the same
 * transaction notes `last` as `rolled_seq` where `after` stood.
 */
export async function rollUp(
  client: PoolClient,
  organizationId: string,
  after: bigint,
  last: bigint,
): Promise<void> {
  await client.query({ name: 'roll-up', text: ADD, values: [organizationId, String(after), String(last)] });
}
