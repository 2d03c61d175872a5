// Lets old records go, where an organization says after how many months: a prefix of the chain, behind a signed checkpoint at its end, so
// that what stays verifies as before. Kept arguments die sooner, after their own days. The sums of the audit stay.
import { pool, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import type { Job } from '../schedule/run-on-schedule';
import { appendEvent, systemActor } from './append';
import { checkpointIfDue, writeCheckpoint } from './checkpoints';
import { startOfChain } from './export-statement';
import { verifyPart } from './verify-chain';

/** Small enough that a transaction lasts a second or two. */
const BATCH = 5_000;
const HOUR_MS = 3_600_000;

/** What every organization's audit has done again and again. */
export const AUDIT_JOBS: readonly Job[] = [
  {
    ...{ name: 'audit_checkpoint', everyMs: HOUR_MS, leaseMs: 60_000, firstWithinMs: 60_000 },
    work: async (organizationId) => void (await checkpointIfDue(organizationId)),
  },
  {
    ...{ name: 'audit_retention', everyMs: 6 * HOUR_MS, leaseMs: HOUR_MS, firstWithinMs: 600_000 },
    async work(organizationId) {
      await expireArguments(organizationId);
      await expireRecords(organizationId);
    },
  },
];

const systemOf = (organizationId: string) => systemActor(organizationId, 'retention');

/** Deletes kept arguments that are older than the organization's days (or than their records may be). Returns how many. */
export function expireArguments(organizationId: string): Promise<number> {
  return transaction(async (tx) => {
    const count = await tx.$executeRaw`
      DELETE FROM audit_arguments a USING organizations o
      WHERE o.id = ${organizationId}::uuid AND a.organization_id = o.id AND (a.at < now() - make_interval(days => o.argument_days)
        OR a.at < now() - make_interval(months => o.audit_months))`;
    if (count > 0)
      await appendEvent(tx, systemOf(organizationId), {
        action: 'audit.arguments_expired',
        target: 'audit',
        after: { calls: count },
      });
    return count;
  });
}

/**
 * Deletes the records that are older than the organization's months, up to the first that is younger. Returns how many. Throws
 * `audit_broken` where the chain does not verify up to there: what was tampered with is evidence, and stays.
 */
export async function expireRecords(organizationId: string): Promise<number> {
  const start = await startOfChain(organizationId);
  const end = await lastExpired(organizationId, start.seq);
  if (end > start.seq) {
    const { ok, firstBad } = await verifyPart(organizationId, { after: start.seq, records: end - start.seq });
    if (!ok && firstBad! <= end) throw new AppError('audit_broken');
    const { rows } = await pool().query<{ hash: Buffer }>(
      'SELECT hash FROM audit_chain WHERE organization_id = $1 AND seq = $2',
      [organizationId, end],
    );
    await writeCheckpoint(organizationId, { seq: end, hash: rows[0]!.hash, kind: 'retention' });
  }
  let deleted = 0;
  // A run that was killed left some behind its checkpoint.
  for (let n = BATCH; n === BATCH; deleted += n)
    n = await transaction((tx) => deleteBatch(tx, organizationId, Math.max(start.seq, end)));
  return deleted;
}

/** The last number of the chain's beginning that is older than the months; `after` where nothing is, or nothing is to be let go. */
async function lastExpired(organizationId: string, after: number): Promise<number> {
  let last = after;
  for (;;) {
    // The newest link always stays: it says how far the chain reaches. And what is not counted yet stays until it is.
    const { rows } = await pool().query<{ seq: string | null; expired: boolean }>(
      `SELECT c.seq, r.at < now() - make_interval(months => o.audit_months) AS expired
       FROM organizations o JOIN audit_chain_heads h ON h.organization_id = o.id
       JOIN audit_chain c ON c.organization_id = o.id AND c.seq > $2 AND c.seq <= least(h.rolled_seq, h.seq - 1)
       LEFT JOIN audit_records r ON r.id = c.record_id
       WHERE o.id = $1 AND o.audit_months IS NOT NULL ORDER BY c.seq LIMIT ${BATCH}`,
      [organizationId, last],
    );
    const kept = rows.findIndex(({ expired }) => expired !== true);
    const gone = kept === -1 ? rows.length : kept;
    last += gone;
    if (gone < BATCH) return last;
  }
}

async function deleteBatch(tx: Tx, organizationId: string, end: number): Promise<number> {
  const [lowest] = await tx.$queryRaw<{ seq: bigint }[]>`
    SELECT seq FROM audit_chain WHERE organization_id = ${organizationId}::uuid AND seq <= ${end} ORDER BY seq LIMIT 1`;
  if (!lowest) return 0;
  const from = Number(lowest.seq);
  const to = Math.min(end, from + BATCH - 1);
  await tx.$executeRaw`
    DELETE FROM audit_records r USING audit_chain c WHERE c.organization_id = ${organizationId}::uuid
      AND c.seq BETWEEN ${from} AND ${to} AND r.id = c.record_id AND r.organization_id = c.organization_id`;
  await tx.$executeRaw`
    DELETE FROM audit_chain WHERE organization_id = ${organizationId}::uuid AND seq BETWEEN ${from} AND ${to}`;
  await appendEvent(tx, systemOf(organizationId), {
    action: 'audit.expired',
    target: 'audit',
    after: { from, to },
  });
  return to - from + 1;
}
