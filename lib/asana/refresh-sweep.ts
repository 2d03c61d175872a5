// Renews tokens before anybody waits for them: those of connections that were used lately, those whose last refresh failed, and once a
// day those of all others, so that a grant that Asana let lapse or ended is known before an agent needs it (UF-26).
//
// Every process sweeps; the lease on each connection elects the one that asks Asana. Jitter in the pause and in the moment before each
// token's end keeps processes apart and spreads tokens that were issued together (UF-25).
import { pool } from '../db';
import { log } from '../log';
import { isDueAhead, refreshAhead, RefreshFailure } from './refresh';
import type { TokenRow } from './token-lease';

/** A connection that nobody used for so long may cost its next caller a moment. */
const USED_WITHIN_HOURS = 3;
/** An idle connection's token has ended for so long when it is renewed. */
const IDLE_HOURS = 24;
const BATCH = 100;
const AT_ONCE = 4;

// The earliest moment of all connections is five minutes before the end (`isDueAhead` picks each one's own). What failed is tried
// again however long its token lives: the refresh token may have been rotated in an answer that was lost (UF-20).
const DUE = `
  SELECT organization_id AS "organizationId", id, status::text AS status, access_token AS "accessToken",
    access_expires_at AS "accessExpiresAt", generation, refresh_failures AS failures
  FROM connections
  WHERE status = 'active' AND (access_expires_at < now() + interval '5 minutes' OR refresh_failures > 0)
    AND (coalesce(last_used_at, authorized_at) > now() - interval '${USED_WITHIN_HOURS} hours'
      OR access_expires_at < now() - interval '${IDLE_HOURS} hours')
    AND (refresh_after IS NULL OR refresh_after <= now()) AND (lease_until IS NULL OR lease_until < now())
  ORDER BY access_expires_at LIMIT ${BATCH}`;

/** One look at what is due, four refreshes at a time. Returns how many it saw to. Errors of the database pass through. */
export async function sweepOnce(): Promise<number> {
  const { rows } = await pool().query<TokenRow & { failures: number }>(DUE);
  const due = rows.filter((row) => row.failures > 0 || isDueAhead(row));
  const rest = due.values();
  const lane = async () => {
    for (const row of rest)
      await refreshAhead(row).catch((error: unknown) => {
        // A failure is on record already, and the row says when to try again.
        if (!(error instanceof RefreshFailure)) throw error;
      });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return due.length;
}

/** Sweeps about every `intervalMs` until the returned function is called; that resolves when the last sweep is over. */
export function startRefreshSweep({ intervalMs }: { intervalMs: number }): () => Promise<void> {
  let stopped = false;
  let sweeping: Promise<void> = Promise.resolve();
  async function sweep(): Promise<void> {
    try {
      while (!stopped && (await sweepOnce()) === BATCH);
    } catch (error) {
      log().warn({ err: error }, 'tokens could not be renewed ahead; it is tried again');
    }
    if (!stopped) plan();
  }
  let timer: NodeJS.Timeout;
  function plan(): void {
    timer = setTimeout(
      () => {
        sweeping = sweep();
      },
      intervalMs * (0.5 + Math.random()),
    ).unref();
  }
  plan();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await sweeping;
  };
}
