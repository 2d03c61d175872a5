// No record, no call: while the database is away calls are refused within a second and nothing is sent; when it is back they pass
// within two, without a restart.
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { admissionPool, pool } from '@/lib/db';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { log } from '@/lib/log';
import { startAcme } from '../support/acme';
import {
  auditOf,
  callOf,
  emailIn,
  makeGroup,
  makeMember,
  mint,
  post,
  rpc,
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
  ({ gate, organization, token } = await startAcme(['get_me'], {
    async databaseThrough(url) {
      directUrl = url;
      const { hostname, port } = new URL(url);
      wire = await startTcpProxy({ host: hostname, port: Number(port) });
      return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(wire.port) }).href;
    },
  }));
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

describe('a database whose answers are late', () => {
  afterEach(async () => {
    wire.delayMs = 0;
    await onDatabase('DROP FUNCTION IF EXISTS linger() CASCADE');
  });
  const SLOW_MS = 450;

  async function onDatabase(...statements: string[]): Promise<void> {
    const administrator = new pg.Client({ connectionString: directUrl });
    await administrator.connect();
    for (const statement of statements) await administrator.query(statement);
    await administrator.end();
  }

  test('DB-01: a new connection that is slow to begin and slow at first serves within two seconds all the same', async () => {
    expect.hasAssertions();
    // What a busy machine does: a new connection takes its time to stand, and its first statement, too.
    await onDatabase(
      `CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF (SELECT backend_start > clock_timestamp() - interval '${SLOW_MS} ms' FROM pg_stat_activity WHERE pid = pg_backend_pid())
         THEN PERFORM pg_sleep(${SLOW_MS / 1_000}); END IF;
         RETURN NEW; END $$`,
      `CREATE TRIGGER linger BEFORE INSERT ON audit_records FOR EACH STATEMENT EXECUTE FUNCTION linger()`,
    );
    wire.delayMs = SLOW_MS;
    await wire.cut();
    gate.sandbox.log.clear();
    await refusedInTime();
    await wire.restore();
    await servedInTime();
  });

  test('AU-02: what was refused for it leaves no record and takes no place, and its connection serves the next', async () => {
    const holder = new pg.Client({ connectionString: directUrl });
    await holder.connect();
    const backends = async () =>
      (
        await holder.query<{ pid: number }>(
          `SELECT pid FROM pg_stat_activity WHERE application_name = 'gatehouse' AND query LIKE '%WITH input AS%'`,
        )
      ).rows.map(({ pid }) => pid);
    await servedInTime();
    const [before] = await auditOf(organization, { tool: 'get_me' }, 1);
    const places = async () =>
      (await pool().query('SELECT minute, calls FROM call_counters')).rows as object[];
    const [taken, pids] = [await places(), await backends()];
    await holder.query('BEGIN');
    await holder.query('LOCK TABLE audit_records IN ACCESS EXCLUSIVE MODE');
    const { status } = await post(gate, token, callOf('get_me'));
    expect(status).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await holder.query('COMMIT');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await places()).toEqual(taken);
    expect((await auditOf(organization, { tool: 'get_me' }, 1))[0]!.id).toBe(before!.id);
    await servedInTime();
    const kept = await backends();
    expect(pids.filter((pid) => kept.includes(pid))).not.toEqual([]);
    await holder.end();
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

  /** One call whose answer came while the database was away, so that its outcome waits. */
  async function answeredWithoutDatabase(): Promise<void> {
    await flushOutcomes();
    gate.sandbox.set({ latencyMs: 500 });
    gate.sandbox.log.clear();
    const pending = post(gate, token, callOf('get_me'));
    await until(() => gate.upstreamCalls().length === 1);
    await wire.cut();
    expect(emailIn(await pending)).toBe('ana@example.com');
    gate.sandbox.set({ latencyMs: 0 });
  }

  test('AU-03: at the end of the process the outcomes that wait are tried until the database is back', async () => {
    await answeredWithoutDatabase();
    const ended = flushOutcomes({ withinMs: 5_000 });
    await new Promise((resolve) => setTimeout(resolve, 700));
    await wire.restore();
    await ended;
    const { records } = await searchAudit(organization.id, { tool: 'get_me' }, { limit: 1 });
    expect(records[0]?.outcome).toBe('ok');
    await servedInTime();
  });

  test('AU-03: what it could not write by then is counted in the log, and its call reads unknown', async () => {
    const said = vi.spyOn(log(), 'error');
    await answeredWithoutDatabase();
    const begunMs = performance.now();
    await flushOutcomes({ withinMs: 600 });
    expect(performance.now() - begunMs).toBeLessThan(5_000);
    expect(said.mock.calls.map(([fields]) => fields)).toContainEqual({ lost: 1 });
    said.mockRestore();
    await wire.restore();
    await servedInTime();
    const records = await auditOf(organization, { tool: 'get_me' }, 10);
    expect(records.filter(({ outcome }) => outcome === 'unknown')).toMatchObject([{ decision: 'allow' }]);
  });
});
