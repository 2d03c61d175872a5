// Brings a database to this version's schema: each migration once, whole, in order, whichever process comes first.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { EnvironmentError } from '../env';

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
/** The key that Prisma's own command line locks on, so that neither runs while the other does. */
const LOCK = 72_707_369;
/** Prisma's own table with its own checksums: `prisma migrate status` and we agree on what was applied. */
const BOOKS = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

/** A migration by what it is, so that two copies of one can be told apart. */
export type MigrationName = { name: string; checksum: string };

type Applied = { migration_name: string; checksum: string; finished_at: Date | null };

/**
 * Applies what is missing of `folder`/<name>/migration.sql in the order of the names and returns the names applied. Refuses, before
 * it changes anything, a database in which a migration failed or was edited since. Throws `EnvironmentError` where the
 * database can't be reached, and an Error that names the migration where one fails (nothing of that one remains).
 */
export async function migrate(databaseUrl: string, folder = MIGRATIONS): Promise<string[]> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'gatehouse migrations' });
  client.on('error', () => {});
  await client.connect().catch(explainConnection);
  try {
    // Ends with the connection, so a killed process blocks nobody.
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(BOOKS);
    const { rows } = await client.query<Applied>(
      'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
    );
    const books = new Map(rows.map((row) => [row.migration_name, row]));
    const pending = readMigrations(folder).filter((migration) => isPending(migration, books));
    for (const migration of pending) await apply(client, migration);
    return pending.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** What was applied to the database of `client`, in order; empty for one that is not Gatehouse's. */
export async function appliedMigrations(client: Client): Promise<MigrationName[]> {
  const { rows: books } = await client.query(`SELECT to_regclass('public._prisma_migrations') AS books`);
  if ((books[0] as { books: string | null }).books === null) return [];
  const { rows } = await client.query<MigrationName>(
    `SELECT migration_name AS name, checksum FROM _prisma_migrations
     WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY migration_name`,
  );
  return rows;
}

/**
 * Makes the schema that exactly these migrations make, in the caller's transaction and an empty `public`; other starts wait meanwhile.
 * Throws `EnvironmentError` where this version lacks one of them or has another in its place.
 */
export async function makeSchema(client: Client, wanted: readonly MigrationName[]): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
  const ours = new Map(readMigrations(MIGRATIONS).map((migration) => [migration.name, migration]));
  const strange = wanted.find(({ name, checksum }) => ours.get(name)?.checksum !== checksum);
  if (strange)
    throw new EnvironmentError([
      `It was made by another version of Gatehouse (migration ${strange.name}): restore it with that version, or a newer one.`,
    ]);
  await client.query(BOOKS);
  for (const { name } of wanted) await applyOne(client, ours.get(name)!);
}

type Migration = { name: string; sql: string; checksum: string };

const readMigrations = (folder: string): Migration[] =>
  readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'migration.sql')))
    .toSorted()
    .map((name) => {
      const sql = readFileSync(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });

function isPending({ name, checksum }: Migration, books: Map<string, Applied>): boolean {
  const applied = books.get(name);
  if (!applied) return true;
  if (applied.finished_at === null)
    throw new Error(
      `The migration ${name} failed half-way before; restore the backup, or finish it by hand and say so with prisma migrate resolve.`,
    );
  if (applied.checksum !== checksum)
    throw new Error(
      `The migration ${name} was edited after it had been applied; undo the edit, and put the change into a migration of its own.`,
    );
  return false;
}

async function apply(client: Client, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await applyOne(client, migration);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw new Error(`The migration ${migration.name} failed and was undone: ${(error as Error).message}.`, {
      cause: error,
    });
  }
}

async function applyOne(client: Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query(sql);
  await client.query(
    'INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) VALUES ($1, $2, $3, now(), 1)',
    [randomUUID(), checksum, name],
  );
}

function explainConnection(error: NodeJS.ErrnoException): never {
  const reason = error.code ?? error.message;
  throw new EnvironmentError([
    `The database of DATABASE_URL can't be reached (${reason}): start it, or correct the address, account and password.`,
  ]);
}
