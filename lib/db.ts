// One pool and one Prisma client a process. Every query on a tenant's table names the organization, or it throws.
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { env } from './env';
import { Prisma, PrismaClient } from './generated/prisma/client';

export { Prisma };

/** The models that belong to no organization; all others are a tenant's. */
const DEPLOYMENT_MODELS = new Set([
  ...['Organization', 'RateLimit', 'KeyCheck', 'GateProcess'],
  ...['OauthClient', 'OauthState', 'RefusedRegistration'],
]);

interface Held {
  url: string;
  pool: pg.Pool;
  client: PrismaClient;
}

// server.ts and Next's bundle each load this file; the pool exists once per process all the same.
const holder = globalThis as typeof globalThis & { [key: symbol]: Held | undefined };
const HELD = Symbol.for('gatehouse.database');

function held(): Held {
  const url = env().DATABASE_URL;
  if (!url) throw new Error('No database: DATABASE_URL is unset and the embedded one was not started.');
  const existing = holder[HELD];
  if (existing?.url === url) return existing;
  const pool = new pg.Pool({
    connectionString: url,
    max: 12,
    connectionTimeoutMillis: 3_000,
    idleTimeoutMillis: 30_000,
    // A statement that hangs must not hold a call: DESIGN asks for a refusal within a second on the hot path (admit), ten here.
    statement_timeout: 10_000,
    query_timeout: 12_000,
    application_name: 'gatehouse',
  });
  // An idle connection that PostgreSQL closes (restart) must not end the process; the next query opens another.
  pool.on('error', () => undefined);
  // Nor must one that breaks while it is checked out: whoever uses it gets the error from its query.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const client = new PrismaClient({ adapter: new PrismaPg(pool, { disposeExternalPool: false }) });
  return (holder[HELD] = { url, pool, client });
}

/** The pool of node-postgres for SQL that Prisma can't say (admission, audit, leases). */
export function pool(): pg.Pool {
  return held().pool;
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
  const { client } = held();
  let existing = guardedClients.get(client);
  if (!existing) guardedClients.set(client, (existing = guarded(client)));
  return existing;
}

/**
 * The unguarded client, for the few look-ups that find out which organization is meant: a sign-in by e-mail, a session, an
 * invite, an API key by its hash, work queues over all organizations.
 */
export function deploymentDb(): PrismaClient {
  return held().client;
}

/** Runs `work` in one transaction (READ COMMITTED); a thrown error rolls everything back. */
export function transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  return db().$transaction((tx) => work(tx as unknown as Tx), { maxWait: 2_000, timeout: 10_000 });
}

/** Closes the pool; for tests and for the end of the process. */
export async function closeDatabase(): Promise<void> {
  const existing = holder[HELD];
  holder[HELD] = undefined;
  await existing?.client.$disconnect();
  await existing?.pool.end();
}
