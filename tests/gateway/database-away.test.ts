// No record, no call: while the database is away calls are refused within a second and nothing is sent; when it is back they pass
// within two, without a restart.
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { admissionPool } from '@/lib/db';
import {
  auditOf,
  callOf,
  emailIn,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  rpc,
  startGate,
  until,
  type Gate,
  type TestOrganization,
} from '../support/gate';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';

let gate: Gate;
let wire: TcpProxy;
let organization: TestOrganization;
let token: string;
let directUrl: string;

beforeAll(async () => {
  gate = await startGate({
    async databaseThrough(url) {
      directUrl = url;
      const { hostname, port } = new URL(url);
      wire = await startTcpProxy({ host: hostname, port: Number(port) });
      return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(wire.port) }).href;
    },
  });
  organization = await makeOrganization(gate, 'Acme');
  const ana = await makeMember(gate, organization, 'ana@acme.example', { asana: 'ana@example.com' });
  await makeGroup(organization, 'Readers', ['get_me'], [ana]);
  ({ token } = await mint(ana));
  await post(gate, token, callOf('get_me'));
});
afterAll(async () => {
  await gate.stop();
  await wire.close();
});
afterEach(() => gate.sandbox.set({ latencyMs: 0 }));

/** Refused unsent, in time. `extraMs`: what a busy machine may add to the second. */
async function refusedInTime(message: object = callOf('get_me'), extraMs = 500): Promise<void> {
  const begunMs = performance.now();
  const { status, headers, body } = await post(gate, token, message);
  expect(performance.now() - begunMs).toBeLessThan(1_000 + extraMs);
  expect([status, body.error?.code, body.error?.data]).toEqual([503, 1503, { outcome: 'not_sent' }]);
  expect(headers.get('retry-after')).toBe('1');
  expect(gate.sandbox.log.entries).toEqual([]);
}

/** Asks again and again; passes if a call passed within two seconds. */
async function servedInTime(extraMs = 500): Promise<void> {
  const begunMs = performance.now();
  await until(async () => (await post(gate, token, callOf('get_me'))).status === 200);
  expect(performance.now() - begunMs).toBeLessThan(2_000 + extraMs);
  expect(emailIn(await post(gate, token, callOf('get_me')))).toBe('ana@example.com');
}

const crowd = (count: number) =>
  Promise.all(
    Array.from({ length: count }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n * 25));
      await refusedInTime(n % 2 ? callOf('get_me') : rpc('tools/list'));
    }),
  );

describe('a database that is gone', () => {
  test('DB-01: refuses every call in time, alone or in a crowd, sends nothing, and serves when it is back', async () => {
    expect.hasAssertions();
    for (let round = 0; round < 2; round += 1) {
      await wire.cut();
      gate.sandbox.log.clear();
      await refusedInTime();
      await crowd(30);
      await refusedInTime(rpc('initialize', { protocolVersion: '2025-11-25' }));
      await refusedInTime({ jsonrpc: '2.0', id: 1, method: 'ping' });
      await wire.restore();
      await servedInTime();
    }
  });

  test('DB-01 AU-02: that does not answer any more, and breaks no connection, is no different', async () => {
    expect.hasAssertions();
    // Several connections of the pool stand, and all of them die silently.
    const count = admissionPool().options.max;
    await Promise.all(Array.from({ length: count }, () => admissionPool().query('SELECT pg_sleep(0.3)')));
    expect(admissionPool().idleCount).toBe(count);
    wire.freeze();
    gate.sandbox.log.clear();
    await refusedInTime();
    await crowd(20);
    await wire.restore();
    await servedInTime();
  });

  test('DB-01: junk is still told apart from it: 401 needs no database', async () => {
    await wire.cut();
    expect((await post(gate, 'gth_junk', callOf('get_me'))).status).toBe(401);
    await wire.restore();
    await servedInTime();
  });

  test('AU-02 DB-01: that hangs in a statement, and whose connection then breaks, ends neither the wait nor the process', async () => {
    expect.hasAssertions();
    const administrator = new pg.Client({ connectionString: directUrl });
    await administrator.connect();
    for (const breaks of [false, true]) {
      await administrator.query('BEGIN');
      await administrator.query('LOCK TABLE audit_records IN ACCESS EXCLUSIVE MODE');
      gate.sandbox.log.clear();
      const refused = crowd(10);
      if (breaks) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        await wire.cut();
      }
      await refused;
      await administrator.query('COMMIT');
      if (breaks) await wire.restore();
      await servedInTime();
    }
    await administrator.end();
  });

  test('DB-01: a server that ends all its sessions is served from again at once', async () => {
    expect.hasAssertions();
    const administrator = new pg.Client({ connectionString: directUrl });
    await administrator.connect();
    for (let round = 0; round < 3; round += 1) {
      await administrator.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      await servedInTime();
    }
    await administrator.end();
  });
});

describe('a database that goes while a call is under way', () => {
  test('DB-01: before the call was sent: it is refused unsent', async () => {
    const bob = await makeMember(gate, organization, 'bob@acme.example', { asana: 'ben@example.com' });
    await makeGroup(organization, 'Bob', ['get_me'], [bob]);
    const { token: theirs } = await mint(bob);
    // The first call of a connection opens Gatehouse's own session, of which each step needs its record.
    gate.sandbox.set({ latencyMs: 500 });
    gate.sandbox.log.clear();
    const pending = post(gate, theirs, callOf('get_me'));
    await until(() => gate.upstreamCalls().length === 1);
    await wire.cut();
    const { status, body } = await pending;
    expect([status, body.error?.data]).toEqual([503, { outcome: 'not_sent' }]);
    expect(gate.upstreamCalls()).toEqual([{ method: 'initialize' }]);
    await wire.restore();
    await servedInTime();
    const [record] = await auditOf(organization, { member: bob.email, tool: 'get_me' });
    expect(record).toMatchObject({ decision: 'allow', outcome: 'upstream_error', reason: 'unavailable' });
  });

  test('DB-01: after the call was sent: its answer arrives, and its outcome is on record when the database is back', async () => {
    gate.sandbox.set({ latencyMs: 500 });
    gate.sandbox.log.clear();
    const pending = post(gate, token, callOf('get_me'));
    await until(() => gate.upstreamCalls().length === 1);
    await wire.cut();
    expect(emailIn(await pending)).toBe('ana@example.com');
    // Time enough for a first attempt to write the outcome, and for it to fail.
    await new Promise((resolve) => setTimeout(resolve, 200));
    await wire.restore();
    gate.sandbox.set({ latencyMs: 0 });
    await until(async () => (await auditOf(organization, { tool: 'get_me' }, 1))[0]?.outcome === 'ok');
    await servedInTime();
  });
});
