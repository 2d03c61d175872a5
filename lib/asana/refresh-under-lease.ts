// One refresh at Asana by the holder of the lease. Only `invalid_grant` ends a connection, and only if nobody stored newer tokens.
import { setTimeout as sleep } from 'node:timers/promises';
import { transaction } from '../db';
import { AppError } from '../errors';
import { log } from '../log';
import { SealError } from '../vault/seal';
import { appCredentials, clearCredentialsAlarm, recordLastConnect } from './asana-app';
import { attemptRevocation, queueRevocation } from './revoke';
import { recordRefreshFailure } from './refresh-failures';
import type { TokenAnswer, TokenFailure } from './token-answer';
import { refreshTokens, TOKEN_DEADLINE_MS, type AppCredentials } from './token-endpoint';
import {
  giveUpLease,
  isOrphan,
  markNeedsReconnect,
  openAccessToken,
  openRefreshToken,
  storeTokens,
  type Lease,
  type TokenRow,
} from './token-lease';

export interface FreshToken {
  accessToken: string;
  generation: number;
  expiresAt: Date;
}

/**
 * `needs_reconnect`: only the member can help. `transient`: later it may work; nothing was thrown away. `retryAfterMs` where Asana
 * asked for a pause; `restMs`: how long no process tries again.
 */
export class RefreshFailure extends Error {
  constructor(
    readonly kind: 'needs_reconnect' | 'transient',
    readonly reason: string,
    readonly retryAfterMs: number | null = null,
    readonly restMs = 0,
  ) {
    super(`no access token: ${kind} (${reason})`);
  }
}

const STORE_PATIENCE_MS = 300_000;
const STORE_PAUSE_MS = 250;

/** The row's stored token. Throws `RefreshFailure('transient', 'unreadable')` where the vault can't open it; the row stays. */
export function opened(row: TokenRow): FreshToken {
  try {
    return { accessToken: openAccessToken(row), generation: row.generation, expiresAt: row.accessExpiresAt };
  } catch (error) {
    throw unreadable(error, row.id);
  }
}

function unreadable(error: unknown, connection: string): unknown {
  if (!(error instanceof SealError)) return error;
  log().error({ err: error, connection }, 'a connection’s token can’t be opened by the vault');
  return new RefreshFailure('transient', 'unreadable');
}

/** Asks Asana and stores the answer. Null when the lease was lost meanwhile: the row then knows more. Throws `RefreshFailure`. */
export async function refreshUnderLease(lease: Lease): Promise<FreshToken | null> {
  const { credentials, refreshToken } = await secretsOf(lease);
  const startedMs = Date.now();
  const signal = AbortSignal.timeout(TOKEN_DEADLINE_MS);
  let answer = await refreshTokens({ credentials, refreshToken, signal });
  // UF-20: a lost answer may have been a success that rotated the refresh token. The old one is tried once more at once, while Asana
  // may still take it; after that only as after every other failure (the sweep, the next call), never in a loop.
  if ('failure' in answer && mayHaveBeenLost(answer) && !signal.aborted)
    answer = await refreshTokens({ credentials, refreshToken, signal });
  if (!('failure' in answer)) {
    const token = await store(lease, answer, new Date(startedMs + answer.expiresInSeconds * 1000));
    if (!token) await discard(lease, credentials, answer);
    return token;
  }
  if (answer.failure === 'permanent') {
    await refused(lease, answer.error);
    return null;
  }
  const restMs = await giveUp(lease, answer.retryAfterMs ?? 0);
  await recordRefreshFailure(lease, answer.reason);
  throw new RefreshFailure('transient', answer.reason, answer.retryAfterMs, restMs);
}

function mayHaveBeenLost(answer: TokenFailure): boolean {
  return answer.failure === 'transient' && (answer.reason === 'cut' || answer.reason === 'timeout');
}

async function secretsOf(lease: Lease): Promise<{ credentials: AppCredentials; refreshToken: string }> {
  try {
    return {
      credentials: await appCredentials(lease.organizationId),
      refreshToken: openRefreshToken(lease),
    };
  } catch (error) {
    const restMs = await giveUp(lease);
    if (error instanceof AppError || error instanceof SealError)
      await recordRefreshFailure(lease, error instanceof AppError ? error.code : 'unreadable');
    throw error instanceof AppError
      ? new RefreshFailure('transient', error.code, null, restMs)
      : unreadable(error, lease.id);
  }
}

/** Asana said no. Returns only when somebody stored newer tokens in between (UF-27): theirs are taken instead. */
async function refused(
  lease: Lease,
  error: Extract<TokenFailure, { failure: 'permanent' }>['error'],
): Promise<void> {
  const { organizationId, id: connection } = lease;
  if (error === 'invalid_grant') {
    if (!(await markNeedsReconnect(lease))) return;
    log().warn({ organizationId, connection }, 'Asana ended an authorization');
    throw new RefreshFailure('needs_reconnect', 'refused_by_asana');
  }
  // OC-15, OC-16: the app's problem, not the person's. Admins see it in the checks; nobody is disconnected.
  const restMs = await giveUp(lease);
  log().error({ organizationId, reason: error }, 'Asana refuses the app at refresh');
  await recordLastConnect(organizationId, error);
  await recordRefreshFailure(lease, error);
  throw new RefreshFailure('transient', error, null, restMs);
}

async function giveUp(lease: Lease, askedMs = 0): Promise<number> {
  return giveUpLease(lease, askedMs).catch(() => askedMs); // it runs out by itself
}

/** UF-21: Asana may have rotated, so what it sent exists only here; it is kept and written until the database takes it. */
async function store(lease: Lease, answer: TokenAnswer, expiresAt: Date): Promise<FreshToken | null> {
  const { accessToken, refreshToken } = answer;
  for (const untilMs = Date.now() + STORE_PATIENCE_MS; ;) {
    try {
      const generation = await storeTokens(lease, { accessToken, refreshToken, expiresAt });
      if (generation !== null) await clearCredentialsAlarm(lease.organizationId).catch(() => undefined);
      return generation === null ? null : { accessToken, generation, expiresAt };
    } catch (error) {
      if (Date.now() > untilMs) throw error;
      log().warn({ err: error, connection: lease.id }, 'refreshed tokens could not be stored yet');
      await sleep(STORE_PAUSE_MS);
    }
  }
}

/** A rotated refresh token that lost to a newer grant or a disconnect belongs to nobody; it must not live on at Asana. */
async function discard(
  lease: Lease,
  credentials: AppCredentials,
  { refreshToken }: TokenAnswer,
): Promise<void> {
  if (refreshToken === null || !(await isOrphan(lease, refreshToken))) return;
  const { organizationId, memberEmail } = lease;
  const id = await transaction((tx) =>
    queueRevocation(tx, { organizationId, memberEmail, credentials, refreshToken }),
  );
  await attemptRevocation(id);
}
