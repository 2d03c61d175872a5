// A living access token for a connection. However many callers in however many processes: one refresh at Asana at a time.
//
// Within a process callers share one promise; between processes a lease on the row decides, and a generation fences off whoever
// lost it (UF-17 to UF-19, UF-28). No database connection is held while Asana is asked.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { countRefresh } from './count-refresh';
import { opened, refreshUnderLease, RefreshFailure, type FreshToken } from './refresh-under-lease';
import { TOKEN_DEADLINE_MS } from './token-endpoint';
import { openAccessToken, readTokenRow, takeLease, type TokenRow } from './token-lease';

export { openAccessToken, RefreshFailure, type FreshToken, type TokenRow };

/** A token with less than this left is refreshed before it is used. */
const MARGIN_MS = 60_000;
/** From here to the margin, spread by connection, it is refreshed in the background (UF-25). */
const EARLY_MS = 300_000;
/** What somebody else has just stored is taken if it lives this long; Asana's tokens may be short-lived. */
const ALIVE_MS = 5_000;
const LEASE_MS = TOKEN_DEADLINE_MS + 5_000;
/** Longer than a lease, so that waiters outlive a holder that was killed (UF-18). */
const WAIT_MS = LEASE_MS + 5_000;
const POLL_MS = 50;
/** After a failure a token that still lives is used at least this long before another try. */
const REST_MS = 10_000;

const reading = new Map<string, Promise<TokenRow | null>>();
const inFlight = new Map<string, Promise<FreshToken>>();
/**
 * By connection, after a failure: until when a token that lives is used without another try, and whether Asana itself asked for
 * quiet (UF-04). When nobody may try at all stands in the row, for every process.
 */
const resting = new Map<string, { untilMs: number; asked: boolean }>();

/**
 * The connection's access token. Pass the row's token columns where they were just read (admission does), else they are read.
 * `force` (after a 401) names the generation that was refused: it is refreshed only if it is still the stored one.
 * Throws `RefreshFailure`; errors of the database pass through.
 */
export async function freshAccessToken(
  connection: TokenRow | { organizationId: string; id: string },
  { force }: { force?: number } = {},
): Promise<FreshToken> {
  const row = 'accessExpiresAt' in connection ? connection : await readOnce(connection);
  assertConnected(row);
  const forced = force !== undefined && force >= row.generation;
  const leftMs = row.accessExpiresAt.getTime() - Date.now();
  const rest = resting.get(row.id);
  const atRest = rest !== undefined && rest.untilMs > Date.now();
  if (!forced && leftMs > MARGIN_MS) {
    if (leftMs < earlyMs(row.id) && !atRest) refreshOnce(row, false).catch(() => undefined);
    return opened(row);
  }
  const usable = !forced && leftMs > 0;
  if (usable && atRest) return opened(row);
  try {
    return await refreshOnce(row, forced);
  } catch (error) {
    // UF-23: while the present token lives, an outage of the token endpoint is nobody's business.
    const transient = error instanceof RefreshFailure && error.kind === 'transient';
    if (transient && usable && row.accessExpiresAt.getTime() > Date.now()) return opened(row);
    throw error;
  }
}

/** Asana has failed often enough lately, or has asked for quiet: nobody is sent there before the rest is over. */
function restFailure(restMs: number, asked: boolean): RefreshFailure {
  return asked
    ? new RefreshFailure('transient', 'rate_limited', restMs, restMs)
    : new RefreshFailure('transient', 'resting', null, restMs);
}

/**
 * Renews a token now, before anybody needs it, together with whoever else is at it. Resolves when a newer one is stored. Throws
 * `RefreshFailure`; errors of the database pass through.
 */
export async function refreshAhead(row: TokenRow): Promise<void> {
  await refreshOnce(row, false);
}

/** When a token should be renewed ahead: `earlyMs` before it ends. */
export function isDueAhead(row: TokenRow): boolean {
  return row.accessExpiresAt.getTime() - Date.now() < earlyMs(row.id);
}

/** A crowd that arrives at once costs the database one look. */
async function readOnce({
  organizationId,
  id,
}: {
  organizationId: string;
  id: string;
}): Promise<TokenRow | null> {
  const key = `${organizationId}:${id}`;
  let look = reading.get(key);
  if (!look) {
    look = readTokenRow(organizationId, id).finally(() => reading.delete(key));
    reading.set(key, look);
  }
  return look;
}

function assertConnected(row: TokenRow | null): asserts row is TokenRow {
  if (!row) throw new RefreshFailure('needs_reconnect', 'disconnected');
  if (row.status !== 'active') throw new RefreshFailure('needs_reconnect', 'refused_by_asana');
}

// The same moment for the same connection, another for the next, so that tokens issued together are not renewed together.
function earlyMs(id: string): number {
  return MARGIN_MS + (Number.parseInt(id.slice(-6), 16) / 0xffffff) * (EARLY_MS - MARGIN_MS);
}

/** Joins the refresh under way in this process or starts one, and waits for it no longer than `WAIT_MS`. */
async function refreshOnce(row: TokenRow, forced: boolean): Promise<FreshToken> {
  const untilMs = Date.now() + WAIT_MS;
  for (;;) {
    let running = inFlight.get(row.id);
    if (!running) {
      running = refreshAndRest(row).finally(() => inFlight.delete(row.id));
      inFlight.set(row.id, running);
    }
    const token = await within(running, untilMs - Date.now());
    // One that began before ours may have ended with the very token that was refused.
    if (!forced || token.generation > row.generation) return token;
  }
}

async function within(running: Promise<FreshToken>, waitMs: number): Promise<FreshToken> {
  const stop = new AbortController();
  const late = sleep(waitMs, undefined, { signal: stop.signal, ref: false }).then(() => {
    throw new RefreshFailure('transient', 'timeout');
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([running, late]);
  } finally {
    stop.abort();
  }
}

async function refreshAndRest(row: TokenRow): Promise<FreshToken> {
  try {
    const token = await refreshAmongProcesses(row);
    resting.delete(row.id);
    return token;
  } catch (error) {
    if (error instanceof RefreshFailure && error.kind === 'transient') {
      const untilMs = Date.now() + Math.max(error.restMs, REST_MS);
      resting.set(row.id, { untilMs, asked: error.retryAfterMs !== null });
    }
    throw error;
  }
}

/** Takes the lease, or waits until its holder is done or dead. Returns any token newer than `stale`. */
async function refreshAmongProcesses(stale: TokenRow): Promise<FreshToken> {
  const untilMs = Date.now() + WAIT_MS;
  const holder = randomUUID();
  do {
    const row = await readTokenRow(stale.organizationId, stale.id);
    assertConnected(row);
    const newer = row.generation > stale.generation;
    if (newer && row.accessExpiresAt.getTime() - Date.now() > ALIVE_MS) return opened(row);
    if (row.restMs > 0) throw restFailure(row.restMs, resting.get(row.id)?.asked ?? false);
    const lease = await takeLease(row, holder, LEASE_MS);
    const token = lease && (await countRefresh(refreshUnderLease(lease)));
    if (token) return token;
    await sleep(POLL_MS * (0.5 + Math.random()));
  } while (Date.now() < untilMs);
  throw new RefreshFailure('transient', 'timeout');
}
