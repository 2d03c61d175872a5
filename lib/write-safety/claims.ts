// Writes whose repeats are not sent: what became of each is kept, sealed, until its window ends. They are claimed inside of admission
// (`guard_writes`, migration 0016), so that of equal calls exactly one goes; here they end and are read.
import { pool } from '../db';
import { log } from '../log';
import { openSecret, placeOf, sealSecret } from '../vault/vault';

/** A write under way whose repeats are not sent. */
export interface KeptWrite {
  /** Asana's result as JSON, once there is one; null where there is none, or it was too large to be held. */
  result: string | null;
}

/** Larger results are not kept; their repeats hear that the call was made, without them. */
export const MAX_KEPT_CHARS = 256 * 1024;

/** Claims whose end is being written; the end of the process waits for them. */
const ending = new Set<Promise<unknown>>();

/**
 * Notes what became of a claimed write, beside its answer: `ok` keeps the result for the repeats, `unknown` says so to them, and anything
 * else had no effect, so that the next one may go. A failure to note it leaves the claim open: then no repeat goes either.
 */
export function endClaim(
  call: { organizationId: string; callId: string },
  kept: KeptWrite,
  outcome: 'ok' | 'unknown' | 'tool_error' | 'upstream_error',
): void {
  const work = noteEnd(call, kept, outcome)
    .catch((error: unknown) => log().warn({ err: error }, 'what became of a write could not be kept'))
    .finally(() => ending.delete(work));
  ending.add(work);
}

/** Resolves once every end that was noted so far is written or given up. */
export async function flushClaims(): Promise<void> {
  await Promise.all(ending);
}

async function noteEnd(
  { organizationId, callId }: { organizationId: string; callId: string },
  { result }: KeptWrite,
  outcome: Parameters<typeof endClaim>[2],
): Promise<void> {
  if (outcome === 'tool_error' || outcome === 'upstream_error') {
    await pool().query(`DELETE FROM write_claims WHERE organization_id = $1 AND call_id = $2`, [
      ...[organizationId, callId],
    ]);
    return;
  }
  const isDone = outcome === 'ok';
  const isKept = isDone && result !== null && result.length <= MAX_KEPT_CHARS;
  const sealed = isKept
    ? sealSecret(placeOf(organizationId, 'write_claims', 'sealed', callId), result)
    : null;
  // Of what nobody knows the end, the longer time of the claim stays.
  await pool().query(
    `UPDATE write_claims SET state = $3, sealed = $4, ended_at = now(),
       expires_at = CASE WHEN $3 = 'done' THEN now() + make_interval(secs => window_seconds) ELSE expires_at END
     WHERE organization_id = $1 AND call_id = $2 AND state = 'open'`,
    [organizationId, callId, isDone ? 'done' : 'unknown', sealed],
  );
}

/** What is known of a claimed write. */
export interface Claim {
  state: 'open' | 'done' | 'unknown';
  claimedAt: Date;
  expiresAt: Date;
  /** JSON; null unless it is done, and where it was too large. */
  result: string | null;
}

/** A claimed write by the id of its call; null where it failed without effect, or its time is over. */
export async function readClaim(organizationId: string, callId: string): Promise<Claim | null> {
  const { rows } = await pool().query<{
    state: Claim['state'];
    sealed: string | null;
    claimed_at: Date;
    expires_at: Date;
  }>(
    `SELECT state, sealed, claimed_at, expires_at FROM write_claims WHERE organization_id = $1 AND call_id = $2`,
    [organizationId, callId],
  );
  const [row] = rows;
  if (!row) return null;
  const place = placeOf(organizationId, 'write_claims', 'sealed', callId);
  return {
    ...{ state: row.state, claimedAt: row.claimed_at, expiresAt: row.expires_at },
    result: row.sealed === null ? null : openSecret(place, row.sealed),
  };
}
