// Counts attempts against guessing, in the database, so that every process knows of them: per network address, and per e-mail
// address that nobody has, which must look like one that somebody has (SP-24).
import { createHash } from 'node:crypto';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { pool } from '../db';
import { AppError } from '../errors';

/** Wrong passwords in a row after which an account is locked. */
export const FAILURES_BEFORE_LOCK = 8;
export const LOCK_MINUTES = 15;

// One office may share an address; forty failures in ten minutes is nobody's typing.
const ADDRESS_POINTS = 40;
const ADDRESS_SECONDS = 600;
const STRANGER_SECONDS = 86_400;
const CLEAR_INTERVAL_MS = 3_600_000;

interface Limiters {
  pool: unknown;
  byAddress: RateLimiterPostgres;
  strangers: RateLimiterPostgres;
}
let made: Limiters | undefined;
let clearedAt = 0;

function limiters(): Limiters {
  if (made?.pool !== pool()) {
    const limiter = (keyPrefix: string, points: number, duration: number) =>
      new RateLimiterPostgres({
        ...{
          storeClient: pool(),
          tableName: 'rate_limits',
          tableCreated: true,
          clearExpiredByTimeout: false,
        },
        ...{ keyPrefix, points, duration },
      });
    made = {
      pool: pool(),
      byAddress: limiter('sign-in', ADDRESS_POINTS, ADDRESS_SECONDS),
      strangers: limiter('stranger', FAILURES_BEFORE_LOCK, STRANGER_SECONDS),
    };
  }
  return made!;
}

function tooMany(msLeft: number): AppError {
  return new AppError('too_many_attempts', `Too many attempts; wait ${Math.ceil(msLeft / 60_000)} minutes.`);
}

/** Counts an attempt of a network address against guessing; throws `too_many_attempts` over the limit. */
export async function countAttempt(address: string): Promise<void> {
  await clearExpired();
  try {
    await limiters().byAddress.consume(address);
  } catch (error) {
    if (error instanceof RateLimiterRes) throw tooMany(error.msBeforeNext);
    throw error;
  }
}

/** Throws `too_many_attempts` where the address has used up its attempts; counts nothing. */
export async function refuseOverLimit(address: string): Promise<void> {
  const used = await limiters().byAddress.get(address);
  if (used && used.consumedPoints >= ADDRESS_POINTS) throw tooMany(used.msBeforeNext);
}

// The table must not keep what people typed, and takes any text this way.
const strangerKey = (email: string) => createHash('sha256').update(email).digest('hex');

/** Whether an e-mail address that nobody has is locked, as somebody's would be. */
export async function isStrangerLocked(email: string): Promise<boolean> {
  const used = await limiters().strangers.get(strangerKey(email));
  return used !== null && used.consumedPoints > FAILURES_BEFORE_LOCK;
}

/** Counts a wrong password for an e-mail address that nobody has; the eighth locks it. */
export async function countStranger(email: string): Promise<void> {
  const key = strangerKey(email);
  const { consumedPoints } = await limiters().strangers.penalty(key);
  if (consumedPoints >= FAILURES_BEFORE_LOCK) await limiters().strangers.block(key, LOCK_MINUTES * 60);
}

async function clearExpired(): Promise<void> {
  if (Date.now() - clearedAt < CLEAR_INTERVAL_MS) return;
  clearedAt = Date.now();
  await pool().query('DELETE FROM rate_limits WHERE expire < $1', [clearedAt]);
}
