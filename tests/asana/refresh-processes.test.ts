// A process that refreshes is paused, or cut from the database: no token is lost, and none is put over a newer one. Storms and
// killed processes: refresh-storm.test.ts.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { freshAccessToken } from '@/lib/asana/refresh';
import { pool } from '@/lib/db';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { openSecret, placeOf } from '@/lib/vault/vault';
import * as setting from './setting';
import { addConnection, addPerson, connectionsOf, isLive, isRefresh, until } from './setting';

const SCRIPT = fileURLToPath(new URL('refresh-process.ts', import.meta.url));

let sandbox: Sandbox;
let variables: Record<string, string>;
let database: { url: string };
let close: () => Promise<void>;
const children: ChildProcess[] = [];
beforeAll(async () => ({ sandbox, variables, database, close } = await setting.startSetting()));
afterAll(() => close());
beforeEach(() => sandbox.reset());
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const refreshes = () => sandbox.log.count(isRefresh);
type Result = { accessToken: string; generation: number } | { failure: string };

async function startProcess(): Promise<ChildProcess> {
  const child = fork(SCRIPT, { execArgv: ['--import', 'tsx'] });
  children.push(child);
  await once(child, 'message');
  return child;
}

async function ask(
  child: ChildProcess,
  connection: { organizationId: string; id: string },
  callers: number,
): Promise<Result[]> {
  const { organizationId, id } = connection;
  child.send({ variables, connection: { organizationId, id }, callers });
  const [results] = (await once(child, 'message')) as [Result[]];
  return results;
}

/** Ends the holder's lease early, so that a test need not wait for all of it. */
const shortenLease = (id: string, milliseconds: number) =>
  pool().query(
    `UPDATE connections SET lease_until = clock_timestamp() + $2 * interval '1 millisecond'
     WHERE id = $1 AND lease_until IS NOT NULL`,
    [id, milliseconds],
  );

test('UF-19: a holder paused past its lease writes nothing when it wakes, and takes the newer token', async () => {
  const holder = await startProcess();
  const person = await addPerson(sandbox);
  const connection = await addConnection(sandbox, person, { leftMs: -1_000 });
  sandbox.set({ tokenFault: 'slow', slowMs: 500, tokenFaultCount: 1 });
  const late = ask(holder, connection, 3);
  await until(() => refreshes() === 1);
  holder.kill('SIGSTOP');
  await shortenLease(connection.id, 0);
  const newer = await freshAccessToken(connection);
  const before = await connectionsOf(person);
  // The successor is at work again when the late one wakes: its lease must survive too.
  sandbox.set({ tokenFault: 'slow', slowMs: 1_500, tokenFaultCount: 1 });
  const again = freshAccessToken(connection, { force: newer.generation });
  await until(() => refreshes() === 3);
  holder.kill('SIGCONT');
  expect(await late).toEqual(Array(3).fill({ accessToken: newer.accessToken, generation: 2 }));
  const [row] = await connectionsOf(person);
  expect(row!.access_token).toBe(before[0]!.access_token);
  const { rows } = await pool().query('SELECT 1 FROM connections WHERE id = $1 AND lease_until > now()', [
    connection.id,
  ]);
  expect(rows).toHaveLength(1);
  expect((await again).generation).toBe(3);
  expect(refreshes()).toBe(3);
});

describe('UF-21: when the database goes away between Asana’s answer and the write', () => {
  const administer = async (statement: string) => {
    const client = new pg.Client({ connectionString: inject('postgresUrl') });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };

  test('the new pair is kept and written when it is back, and the old one is never put over it', async () => {
    sandbox.set({ rotateRefreshTokens: true });
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, { leftMs: -1_000 });
    const name = new URL(database.url).pathname.slice(1);
    sandbox.set({ tokenFault: 'slow', slowMs: 2_000, tokenFaultCount: 1 });
    const refreshing = freshAccessToken(connection);
    await until(() => refreshes() === 1);
    const answeredMs = Date.now() + 2_000;
    await administer(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
    await administer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
    expect(Date.now()).toBeLessThan(answeredMs);
    await new Promise((resolve) => setTimeout(resolve, answeredMs - Date.now() + 1_000));
    await administer(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
    const fresh = await refreshing;
    expect(fresh.generation).toBe(2);
    const [row] = await connectionsOf(person);
    const stored = openSecret(
      placeOf(person.organizationId, 'connections', 'refresh_token', connection.id),
      row!.refresh_token,
    );
    expect(stored).not.toBe(connection.refreshToken);
    expect(await isLive(sandbox, stored)).toBe(true);
    expect(refreshes()).toBe(2); // the second is this test's own look at the token
  });

  test('UF-24: without a database nobody refreshes', async () => {
    const person = await addPerson(sandbox);
    const connection = await addConnection(sandbox, person, { leftMs: -1_000 });
    const name = new URL(database.url).pathname.slice(1);
    await administer(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
    await administer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
    await expect(freshAccessToken(connection)).rejects.toThrow();
    expect(refreshes()).toBe(0);
    await administer(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
    expect((await freshAccessToken(connection)).generation).toBe(2);
  });
});
