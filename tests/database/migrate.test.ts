// Migrations are applied once, whole and in order, and what was applied can't change unnoticed.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from '@/lib/database/migrate';
import { createTestDatabase, type TestDatabase } from '../support/database';

let database: TestDatabase;
let folder: string;

beforeEach(async () => {
  database = await createTestDatabase();
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-migrations-'));
});

afterEach(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});

function write(name: string, sql: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'migration.sql'), sql);
}

async function query(statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(statement)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

test('migrations are applied in the order of their names, and a second time there is nothing to do', async () => {
  write('9002_fill', 'INSERT INTO steps VALUES (2); INSERT INTO steps VALUES (3);');
  write('9001_make', 'CREATE TABLE steps (n int);');
  mkdirSync(join(folder, '9003_empty'));
  expect(await migrate(database.url, folder)).toEqual(['9001_make', '9002_fill']);
  expect(await migrate(database.url, folder)).toEqual([]);
  write('9004_more', 'INSERT INTO steps VALUES (4);');
  expect(await migrate(database.url, folder)).toEqual(['9004_more']);
  expect(await query('SELECT n FROM steps ORDER BY n')).toEqual([{ n: 2 }, { n: 3 }, { n: 4 }]);
});

test("the books are those of Prisma's command line: name, SHA-256 of the file, finished", async () => {
  write('9001_make', 'SELECT 1;');
  await migrate(database.url, folder);
  const books = await query(
    `SELECT checksum, finished_at IS NOT NULL AS finished, applied_steps_count FROM _prisma_migrations WHERE migration_name = '9001_make'`,
  );
  const sha256 = '17db4fd369edb9244b9f91d9aeed145c3d04ad8ba6e95d06247f07a63527d11a';
  expect(books).toEqual([{ checksum: sha256, finished: true, applied_steps_count: 1 }]);
});

test('a migration that was edited after it was applied is refused by name, and nothing else is applied', async () => {
  write('9001_make', 'CREATE TABLE steps (n int);');
  await migrate(database.url, folder);
  write('9001_make', 'CREATE TABLE steps (n bigint);');
  write('9002_fill', 'INSERT INTO steps VALUES (1);');
  await expect(migrate(database.url, folder)).rejects.toThrow(
    '9001_make was edited after it had been applied',
  );
  expect(await query('SELECT n FROM steps')).toEqual([]);
});

test('a migration that fails leaves nothing behind, names itself, and can be mended and applied', async () => {
  write('9001_make', 'CREATE TABLE steps (n int);');
  write('9002_bad', 'INSERT INTO steps VALUES (1); INSERT INTO nowhere VALUES (1);');
  await expect(migrate(database.url, folder)).rejects.toThrow('The migration 9002_bad failed and was undone');
  expect(await query('SELECT n FROM steps')).toEqual([]);
  write('9002_bad', 'INSERT INTO steps VALUES (2);');
  expect(await migrate(database.url, folder)).toEqual(['9002_bad']);
});

test("a database in which Prisma's command line failed half-way is refused", async () => {
  write('9001_make', 'CREATE TABLE steps (n int);');
  await query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('1', repeat('0', 64), '9001_make')`,
  );
  await expect(migrate(database.url, folder)).rejects.toThrow('9001_make failed half-way before');
});

test('of several processes that migrate at once each migration is applied by one', async () => {
  write('9001_make', 'CREATE TABLE steps (n int); SELECT pg_sleep(0.2);');
  write('9002_fill', 'INSERT INTO steps VALUES (1);');
  const applied = await Promise.all(Array.from({ length: 5 }, () => migrate(database.url, folder)));
  expect(applied.flat().toSorted()).toEqual(['9001_make', '9002_fill']);
  expect(await query('SELECT n FROM steps')).toEqual([{ n: 1 }]);
});

test('a database that does not answer is named without its password', async () => {
  const url = 'postgresql://gatehouse:hidden-password@127.0.0.1:1/gatehouse';
  const error = await migrate(url, folder).catch((thrown: Error) => thrown);
  expect(error).toHaveProperty('problems', [expect.stringContaining("can't be reached (ECONNREFUSED)")]);
  expect(String(error)).not.toContain('hidden-password');
});
