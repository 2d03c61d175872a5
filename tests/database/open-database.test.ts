// Gatehouse makes a database and keys of its own, or takes both from the operator, never half of them.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openDatabase } from '@/lib/database/open-database';
import { env, readEnv, setEnv } from '@/lib/env';
import { createTestDatabase, removeDataFolder } from '../support/database';

vi.setConfig({ testTimeout: 90_000 }); // making a database takes seconds, many on a busy machine

const unset = { DATABASE_URL: '', GATEHOUSE_SECRET: '', GATEHOUSE_KEYS: '' };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-open-'));
  chmodSync(folder, 0o711);
  setEnv({ ...unset, GATEHOUSE_DATA: join(folder, 'data') });
});

afterEach(() => {
  removeDataFolder(join(folder, 'data'));
  rmSync(folder, { recursive: true });
});

test('without settings it makes a migrated database and keys, and finds both again', async () => {
  const lines: string[] = [];
  const first = await openDatabase((line) => lines.push(line));
  const { GATEHOUSE_SECRET, GATEHOUSE_KEYS } = env();
  expect(env().DATABASE_URL).toBe(first.url);
  expect(lines).toEqual([
    expect.stringMatching(/^started PostgreSQL [\d.]+ in \d+\.\d s$/),
    expect.stringMatching(/^applied \d+ migrations? in \d+\.\d s$/),
  ]);
  expect(lines.join()).not.toContain(new URL(first.url).password);
  expect(readEnv({ GATEHOUSE_SECRET, GATEHOUSE_KEYS })).toMatchObject({ GATEHOUSE_SECRET, GATEHOUSE_KEYS });
  expect(statSync(join(folder, 'data', 'keys.json')).mode & 0o777).toBe(0o600);
  await first.close();

  setEnv(unset);
  const second = await openDatabase(() => {});
  expect(env()).toMatchObject({ GATEHOUSE_SECRET, GATEHOUSE_KEYS });
  await second.close();
});

test('with DATABASE_URL nothing embedded starts, and the keys must come with it: one sentence for each that is missing', async () => {
  const database = await createTestDatabase();
  setEnv({ DATABASE_URL: database.url });
  await expect(openDatabase(() => {})).rejects.toMatchObject({
    problems: [
      expect.stringMatching(/^GATEHOUSE_SECRET must be set where DATABASE_URL is; .*\.$/),
      expect.stringMatching(/^GATEHOUSE_KEYS must be set where DATABASE_URL is; .*\.$/),
    ],
  });
  const keys = `1:${'A'.repeat(43)}=`;
  setEnv({ GATEHOUSE_SECRET: 's'.repeat(32), GATEHOUSE_KEYS: keys });
  const opened = await openDatabase(() => {});
  expect(opened.url).toBe(database.url);
  expect(env().GATEHOUSE_KEYS).toBe(keys);
  expect(readdirSync(folder)).toEqual([]);
  await opened.close();
  await database.drop();
});

test('two first starts at once get the same keys', async () => {
  const opened = await Promise.all([openDatabase(() => {}), openDatabase(() => {})]);
  expect(readdirSync(join(folder, 'data')).filter((name) => name.startsWith('keys'))).toEqual(['keys.json']);
  const { secret } = JSON.parse(readFileSync(join(folder, 'data', 'keys.json'), 'utf8')) as {
    secret: string;
  };
  expect(env().GATEHOUSE_SECRET).toBe(secret);
  await Promise.all(opened.map(({ close }) => close()));
});
