// Sums of the audit over a time, read from the roll-up: the cost depends on the time asked for, never on how many records there are.
import { pool } from '../db';
import { AppError } from '../errors';
import { latencyOfBucket } from './roll-up';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_DAYS = 1_100;
const TOP = 10;

interface Counts {
  calls: number;
  denied: number;
  /** Calls whose recorded outcome is another than `ok`; one that has none yet is not among them. */
  failed: number;
}

/** Of all outcomes, within 6 % (the roll-up's histogram); null where there are none. */
interface Percentiles {
  p50Ms: number | null;
  p95Ms: number | null;
}

export interface AuditSummary {
  bucket: 'hour' | 'day';
  series: (Counts & Percentiles & { at: string })[];
  tools: (Counts & { tool: string })[];
  members: (Counts & { member: string })[];
  totals: Counts & Percentiles;
}

/**
 * Calls in the hours or UTC days that `from` to `to` touches: hours for two days or less. Without `from` seven days that end with
 * `to`'s; without `to` until now. A call counts within about a second. Throws `invalid` for a time that is empty or over three years.
 */
export async function summarizeAudit(
  organizationId: string,
  given: { from?: string; to?: string },
  nowMs: number = Date.now(),
): Promise<AuditSummary> {
  const { bucket, buckets } = bucketsOf(given, nowMs);
  const span = [organizationId, bucket, buckets[0]!, buckets.at(-1)!];
  const [all, latencies, tools, members] = await Promise.all([
    pool().query<Counts & { at: Date }>(
      `SELECT at, calls, denied, failed FROM audit_hours
       WHERE organization_id = $1 AND span = $2 AND dimension = 'all' AND at BETWEEN $3 AND $4`,
      span,
    ),
    pool().query<{ at: Date; bucket: number; calls: number }>(
      `SELECT at, key::int AS bucket, calls FROM audit_hours
       WHERE organization_id = $1 AND span = $2 AND dimension = 'latency' AND at BETWEEN $3 AND $4`,
      span,
    ),
    top('tool', span),
    top('member', span),
  ]);
  const counted = new Map(all.rows.map((row) => [row.at.getTime(), row]));
  const measured = new Map<number, { bucket: number; calls: number }[]>();
  for (const { at, ...step } of latencies.rows)
    measured.set(at.getTime(), [...(measured.get(at.getTime()) ?? []), step]);
  const none = { calls: 0, denied: 0, failed: 0 };
  const series = buckets.map((at) => {
    const { calls, denied, failed } = counted.get(at.getTime()) ?? none;
    return { at: at.toISOString(), calls, denied, failed, ...percentiles(measured.get(at.getTime()) ?? []) };
  });
  const sum = (key: keyof Counts) => series.reduce((total, entry) => total + entry[key], 0);
  return {
    bucket,
    series,
    tools: tools.map(({ key, ...counts }) => ({ tool: key, ...counts })),
    members: members.map(({ key, ...counts }) => ({ member: key, ...counts })),
    totals: {
      calls: sum('calls'),
      denied: sum('denied'),
      failed: sum('failed'),
      ...percentiles(latencies.rows),
    },
  };
}

function bucketsOf(given: { from?: string; to?: string }, nowMs: number) {
  const toMs = given.to === undefined ? nowMs : Date.parse(given.to);
  const fromMs =
    given.from === undefined ? Math.floor((toMs - 1) / DAY_MS) * DAY_MS - 6 * DAY_MS : Date.parse(given.from);
  if (fromMs >= toMs) throw new AppError('invalid', 'query.from: must be before to');
  if (toMs - fromMs > MAX_DAYS * DAY_MS)
    throw new AppError('invalid', `query.from: at most ${MAX_DAYS} days at a time`);
  const bucket: 'hour' | 'day' = toMs - fromMs <= 2 * DAY_MS ? 'hour' : 'day';
  const sizeMs = bucket === 'hour' ? HOUR_MS : DAY_MS;
  const buckets: Date[] = [];
  for (let at = Math.floor(fromMs / sizeMs) * sizeMs; at < toMs; at += sizeMs) buckets.push(new Date(at));
  return { bucket, buckets };
}

async function top(dimension: 'tool' | 'member', span: unknown[]): Promise<(Counts & { key: string })[]> {
  const { rows } = await pool().query<Counts & { key: string }>(
    `SELECT key, sum(calls)::int AS calls, sum(denied)::int AS denied, sum(failed)::int AS failed FROM audit_hours
     WHERE organization_id = $1 AND span = $2 AND dimension = '${dimension}' AND at BETWEEN $3 AND $4
     GROUP BY key ORDER BY 2 DESC, key LIMIT ${TOP}`,
    span,
  );
  return rows;
}

/** Nearest-rank percentiles of a histogram, whose buckets of several hours or days may stand side by side. */
function percentiles(histogram: { bucket: number; calls: number }[]): Percentiles {
  const sorted = histogram.toSorted((a, b) => a.bucket - b.bucket);
  const total = sorted.reduce((sum, { calls }) => sum + calls, 0);
  const at = (share: number): number | null => {
    let rank = Math.ceil(total * share);
    for (const { bucket, calls } of sorted) {
      rank -= calls;
      if (rank <= 0) return Number(latencyOfBucket(bucket).toPrecision(4));
    }
    return null;
  };
  return total === 0 ? { p50Ms: null, p95Ms: null } : { p50Ms: at(0.5), p95Ms: at(0.95) };
}
