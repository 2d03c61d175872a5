// A database of its own for every test file: one embedded PostgreSQL a run, one migrated template, copies of it.
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '@/lib/database/embedded-postgres';
import { migrate } from '@/lib/database/migrate';
import { pool } from '@/lib/db';

const TEMPLATE = 'gatehouse_template';

export type TestDatabase = { url: string; drop: () => Promise<void> };

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
  }
}

/**
 * Starts a PostgreSQL in a temporary folder with the migrated template in it; `url` is its administrator's. Not `durable`: its
 * commits wait for no disk, for tests that cut no machine's power and measure nothing.
 */
export async function startTestPostgres({ durable = true } = {}): Promise<{
  url: string;
  stop: () => Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'));
  chmodSync(folder, 0o711); // PostgreSQL's account passes through
  const postgres = await startEmbeddedPostgres(join(folder, 'data'));
  await administer(postgres.url, `CREATE DATABASE ${TEMPLATE}`);
  await migrate(databaseUrl(postgres.url, TEMPLATE));
  if (!durable) {
    for (const setting of ['fsync', 'full_page_writes'])
      await administer(postgres.url, `ALTER SYSTEM SET ${setting} = off`);
    await administer(postgres.url, 'SELECT pg_reload_conf()');
  }
  const stop = async () => {
    await postgres.stop();
    removeDataFolder(join(folder, 'data'));
    rmSync(folder, { recursive: true });
  };
  return { url: postgres.url, stop };
}

/** A fresh migrated database. `postgresUrl`: of `startTestPostgres`; in a vitest worker it is known already. */
export async function createTestDatabase(postgresUrl?: string): Promise<TestDatabase> {
  const server = postgresUrl ?? (await import('vitest')).inject('postgresUrl');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administer(server, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  const drop = () => administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  return { url: databaseUrl(server, name), drop };
}

/** Until a transaction of the database that `lib` works with waits for a row. Throws after five seconds. */
export async function untilSomebodyWaits(): Promise<void> {
  for (const endMs = Date.now() + 5_000; Date.now() < endMs;) {
    const { rowCount } = await pool().query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rowCount) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('nobody waits');
}

/** Removes a data folder, and its database where that had to lie outside. */
export function removeDataFolder(folder: string): void {
  const mark = join(folder, 'postgres-is-in');
  if (existsSync(mark)) rmSync(readFileSync(mark, 'utf8').trim(), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
}

const databaseUrl = (server: string, name: string) =>
  Object.assign(new URL(server), { pathname: `/${name}` }).href;

async function administer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** vitest's globalSetup; what it returns ends the run's PostgreSQL. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startTestPostgres({ durable: false });
  project.provide('postgresUrl', postgres.url);
  return postgres.stop;
}
