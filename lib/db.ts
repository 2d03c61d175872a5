// One Prisma client a process, on one pool, and a few connections that are kept for admission, and for what ends somebody's access.
// Every query on a tenant's table names the organization, or it throws.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { env } from './env';
import { AppError, isConflict } from './errors';
import { Prisma, PrismaClient } from './generated/prisma/client';

export { Prisma };

/** The models that belong to no organization; all others are a tenant's. */
const DEPLOYMENT_MODELS = new Set([
  ...['Organization', 'RateLimit', 'KeyCheck', 'GateProcess', 'Witness'],
  ...['OauthClient', 'OauthState', 'RefusedRegistration'],
]);

interface Held {
  url: string;
  pool: pg.Pool;
  admissionPool: pg.Pool;
  client: PrismaClient;
  /** The pool and the client for what ends access. */
  endings: { pool: pg.Pool; client: PrismaClient | null };
}

// server.ts and Next's bundle each load this file; the pool exists once per process all the same.
const holder = globalThis as typeof globalThis & { [key: symbol]: Held | undefined };
const HELD = Symbol.for('gatehouse.database');
/** Whether what runs now ends somebody's access. */
const endings = new AsyncLocalStorage<true>();

function held(): Held {
  const url = env().DATABASE_URL;
  if (!url) throw new Error('No database: DATABASE_URL is unset and the embedded one was not started.');
  const existing = holder[HELD];
  if (existing?.url === url) return existing;
  const pool = openPool(url, { max: 12, connectionTimeoutMillis: 3_000 });
  // One batch is admitted at a time. The rest make up for connections that do not answer: a network that died silently keeps each
  // attempt for its time, and must not leave admission without a place when it is back. On a busy machine that time may be needed.
  // PostgreSQL itself ends a statement that admission no longer waits for: its calls were refused, so nothing of it may be kept, and
  // its connection, warm by then, serves the next batch.
  const admissionPool = openPool(url, {
    max: 4,
    connectionTimeoutMillis: 2_000,
    statement_timeout: ADMISSION_STATEMENT_MS,
  });
  const kept = { pool: openPool(url, { max: 2, connectionTimeoutMillis: 3_000 }), client: null };
  return (holder[HELD] = { url, pool, admissionPool, client: clientOf(pool), endings: kept });
}

function clientOf(pool: pg.Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: false }) });
}

/**
 * Runs what ends somebody's access (revocation, removal, block, stop) on two connections that nothing else uses: however busy the
 * others are, it is in force at once (DB-08). All queries that `work` makes go there; it must not begin anything that goes on after it.
 */
export function endingAccess<T>(work: () => Promise<T>): Promise<T> {
  return endings.run(true, work);
}

function client(): PrismaClient {
  const all = held();
  return endings.getStore() ? (all.endings.client ??= clientOf(all.endings.pool)) : all.client;
}

/** A little longer than a call waits (admit.ts). */
export const ADMISSION_STATEMENT_MS = 1_000;

function openPool(
  url: string,
  limits: { max: number; connectionTimeoutMillis: number; statement_timeout?: number },
): pg.Pool {
  const opened = new pg.Pool({
    connectionString: url,
    idleTimeoutMillis: 30_000,
    // A statement that hangs must not hold a call: DESIGN asks for a refusal within a second on the hot path (admit), ten here.
    statement_timeout: 10_000,
    query_timeout: 12_000,
    ...limits,
    // A process that stands still or is cut off in the middle of a transaction must not keep its locks from the others.
    idle_in_transaction_session_timeout: 15_000,
    application_name: 'gatehouse',
  });
  // An idle connection that PostgreSQL closes (restart) must not end the process; the next query opens another.
  opened.on('error', () => undefined);
  // Nor must one that breaks while it is checked out: whoever uses it gets the error from its query.
  opened.on('connect', (client) => client.on('error', () => undefined));
  return opened;
}

/** The pool of node-postgres for SQL that Prisma can't say (admission, audit, leases). */
export function pool(): pg.Pool {
  return endings.getStore() ? held().endings.pool : held().pool;
}

/**
 * The connections of `endingAccess`, for what asks again and again who may go on. By name, because an async context that was entered
 * once makes Node follow every promise of the process: a tenth of what a call costs.
 */
export function endingPool(): pg.Pool {
  return held().endings.pool;
}

/** Connections that nobody but admission uses: however busy the portal keeps the others, calls are decided and recorded (DB-08). */
export function admissionPool(): pg.Pool {
  return held().admissionPool;
}

function namesOrganization(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > 3) return false;
  if (Array.isArray(value)) return value.every((entry) => namesOrganization(entry, depth + 1));
  return Object.entries(value).some(
    ([key, entry]) =>
      (key === 'organizationId' && typeof entry === 'string') ||
      (/^(organizationId_|stateHash|AND$)/.test(key) &&
        !(Array.isArray(entry) && entry.length === 0) &&
        namesOrganization(entry, depth + 1)),
  );
}

const guard = Prisma.defineExtension({
  name: 'organization-guard',
  query: {
    $allModels: {
      $allOperations({ model, operation, args, query }) {
        if (DEPLOYMENT_MODELS.has(model)) return query(args);
        const given = args as { where?: unknown; data?: unknown; create?: unknown };
        const said = /^create/.test(operation)
          ? namesOrganization(given.data)
          : namesOrganization(given.where) && (given.create === undefined || namesOrganization(given.create));
        if (!said) throw new Error(`${model}.${operation} does not name its organization`);
        return query(args);
      },
    },
  },
});

function guarded(client: PrismaClient) {
  return client.$extends(guard);
}

export type Db = ReturnType<typeof guarded>;
/** A transaction's client; functions that write take one as their first argument. */
export type Tx = Omit<Db, '$connect' | '$disconnect' | '$transaction' | '$extends' | '$on' | '$use'>;

const guardedClients = new WeakMap<PrismaClient, Db>();

/** The guarded client: a query on a tenant's table that does not name its organization throws before it is sent. */
export function db(): Db {
  const plain = client();
  let existing = guardedClients.get(plain);
  if (!existing) guardedClients.set(plain, (existing = guarded(plain)));
  return existing;
}

/**
 * The unguarded client, for the few look-ups that find out which organization is meant: a sign-in by e-mail, a session, an
 * invite, an API key by its hash, work queues over all organizations.
 */
export function deploymentDb(): PrismaClient {
  return client();
}

const MAX_TRIES = 3;
const MAX_PAUSE_MS = 60;

/**
 * Runs `work` in one transaction (READ COMMITTED); a thrown error rolls everything back. Where PostgreSQL undoes it for the sake of
 * another (40001, 40P01), it runs again, so `work` must do nothing but with `tx`; after three tries it throws `unavailable` (DB-10).
 */
export async function transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await db().$transaction((tx) => work(tx as unknown as Tx), { maxWait: 2_000, timeout: 10_000 });
    } catch (error) {
      if (!isConflict(error)) throw error;
      const detail = 'Others were changing the same thing at the same time; try again in a moment.';
      if (tries === MAX_TRIES) throw new AppError('unavailable', detail, { cause: error });
      // Two that met once would meet again if they waited equally long.
      await sleep(Math.random() * MAX_PAUSE_MS);
    }
  }
}

/** Closes the pools; for tests and for the end of the process. */
export async function closeDatabase(): Promise<void> {
  const existing = holder[HELD];
  holder[HELD] = undefined;
  if (!existing) return;
  await Promise.all([existing.client.$disconnect(), existing.endings.client?.$disconnect()]);
  await Promise.all([existing.pool.end(), existing.admissionPool.end(), existing.endings.pool.end()]);
}
