// A PostgreSQL that is gone, stands still, is full, read-only or busy: no record, no call, within a second; when it is well again calls
// pass within two, without a restart and without a repair.
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { admissionPool, pool, transaction } from '@/lib/db';
import { AppError, problemOf } from '@/lib/errors';
import { env } from '@/lib/env';
import { handleApi } from '@/lib/portal/handle-api';
import { operationEntries } from '@/lib/portal/operations';
import { createApiKey } from '@/lib/tokens/api-keys';
import { createGroup } from '@/lib/people/groups';
import { addMember } from '@/lib/people/members';
import { updateOrganization } from '@/lib/people/organizations';
import { startAcme } from '../support/acme';
import {
  auditOf,
  callOf,
  emailIn,
  makeGroup,
  makeMember,
  mint,
  post,
  until,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import { startPostgres, type Postgres } from './postgres';

let postgres: Postgres;
let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let token: string;

beforeAll(async () => {
  postgres = await startPostgres();
  const databaseThrough = () => Promise.resolve(postgres.url);
  ({ gate, organization, ana, token } = await startAcme(['get_me'], { databaseThrough }));
  await served();
}, 120_000);
afterAll(async () => {
  await gate.stop();
  await postgres.remove();
}, 60_000);
beforeEach(() => gate.sandbox.log.clear());

/** What a busy machine may add to a promise. */
const BUSY_MS = 700;

/** Refused unsent and in time, three times in a row. */
async function refused(): Promise<void> {
  gate.sandbox.log.clear();
  for (let n = 0; n < 3; n += 1) {
    const begunMs = performance.now();
    const { status, body, text } = await post(gate, token, callOf('get_me'));
    expect([status, body.error?.data]).toEqual([503, { outcome: 'not_sent' }]);
    expect(performance.now() - begunMs).toBeLessThan(1_000 + BUSY_MS);
    expect(text).not.toMatch(/audit_records|\bat .*\.ts|ECONN|SQL/);
  }
  expect(gate.sandbox.log.entries).toEqual([]);
}

/** A call passes within two seconds. */
async function served(): Promise<void> {
  const begunMs = performance.now();
  const answer = await until(async () => {
    const heard = await post(gate, token, callOf('get_me'));
    return heard.status === 200 ? heard : null;
  });
  expect(performance.now() - begunMs).toBeLessThan(2_000 + BUSY_MS);
  expect(emailIn(answer)).toBe('ana@example.com');
}

/** As PostgreSQL's administrator, beside the pools of the product. */
async function administer(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

/** A trigger that refuses records with an SQLSTATE, as PostgreSQL itself would; `when` narrows them down. */
const refusing = (sqlState: string, when = 'true') => [
  `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE EXCEPTION 'refused for a test' USING ERRCODE = '${sqlState}'; END $$`,
  `CREATE TRIGGER refuse BEFORE INSERT ON audit_records FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION refuse()`,
];
const ACCEPTING = ['DROP FUNCTION refuse() CASCADE'];

/** What the portal would answer for a change. */
const changeNow = () =>
  transaction((tx) => updateOrganization(tx, organization.actor, { driftPolicy: 'hold' })).then(
    () => 200,
    (error: unknown) => problemOf(error).status,
  );

describe('DB-01 PostgreSQL', () => {
  const ENDS: [name: string, end: () => Promise<void> | void][] = [
    ['is shut down', () => postgres.stop()],
    ['is killed with all its processes', () => postgres.kill(true)],
    ['is killed, and its processes notice', () => postgres.kill(false)],
  ];
  test.each(ENDS)(
    '%s: refused within a second, served within two of its return',
    async (_name, end) => {
      await end();
      await new Promise((resolve) => setTimeout(resolve, 60));
      await refused();
      expect(await changeNow()).toBe(503);
      await postgres.start();
      await served();
      expect(await changeNow()).toBe(200);
    },
    60_000,
  );

  test('AU-02: stands still: refused within a second, served when it goes on', async () => {
    expect.hasAssertions();
    postgres.hold(true);
    await refused();
    postgres.hold(false);
    await served();
  }, 60_000);
});

describe('AU-01 an audit that takes no record', () => {
  const SABOTAGE: [name: string, sabotage: string[], undo: string[]][] = [
    ['because INSERT is denied', refusing('42501'), ACCEPTING],
    [
      'because its table is gone',
      ['ALTER TABLE audit_records RENAME TO elsewhere'],
      ['ALTER TABLE elsewhere RENAME TO audit_records'],
    ],
    [
      'because the database is read-only',
      ['ALTER SYSTEM SET default_transaction_read_only = on', 'SELECT pg_reload_conf()'],
      [
        'SET default_transaction_read_only = off',
        'ALTER SYSTEM RESET default_transaction_read_only',
        'SELECT pg_reload_conf()',
      ],
    ],
    ['AU-22: because the disk is full', refusing('53100'), ACCEPTING],
    ['because a conflict goes on', refusing('40001'), ACCEPTING],
  ];
  test.each(SABOTAGE)('%s: no call', async (_name, sabotage, undo) => {
    await administer(...sabotage);
    // The settings of a running server change a moment later.
    await until(async () => (await post(gate, token, callOf('get_me'))).status === 503);
    await refused();
    expect(await changeNow()).toBeGreaterThanOrEqual(500);
    await administer(...undo);
    await served();
    expect(await changeNow()).toBe(200);
  });

  test.each([
    ['a full disk', refusing('53100'), ACCEPTING],
    ['a conflict that goes on', refusing('40001'), ACCEPTING],
  ])('%s: a change is refused with 503, and nothing of it is done', async (_name, sabotage, undo) => {
    await administer(...sabotage);
    const limits = { connectionPerMinute: 77, searchPerMinute: 7 };
    const failed = await transaction((tx) => updateOrganization(tx, organization.actor, { limits })).catch(
      (error: unknown) => problemOf(error).status,
    );
    expect(failed).toBe(503);
    await administer(...undo);
    const { rows } = await pool().query('SELECT 1 FROM organizations WHERE connection_per_minute = 77');
    expect(rows).toEqual([]);
  });

  test('AU-03: that takes no outcome: the answer arrives, the intent reads unknown, and the outcome follows in ten seconds', async () => {
    await administer(...refusing('53100', `NEW.kind = 'outcome'`));
    const { body } = await post(gate, token, callOf('get_me'));
    expect(body.result).toBeDefined();
    const [before] = await auditOf(organization, { tool: 'get_me' }, 1);
    expect(before).toMatchObject({ decision: 'allow', outcome: 'unknown' });
    await administer(...ACCEPTING);
    const begunMs = performance.now();
    await until(async () => (await auditOf(organization, { id: before!.id }, 1))[0]?.outcome === 'ok');
    expect(performance.now() - begunMs).toBeLessThan(10_000);
  });
});

describe('a busy database', () => {
  test('DB-08: calls are decided and recorded although every other connection is in use, and a change waits only so long', async () => {
    const count = pool().options.max;
    const slow = Promise.all(Array.from({ length: count }, () => pool().query('SELECT pg_sleep(4)')));
    await until(() => pool().totalCount === count && pool().idleCount === 0);
    for (let n = 0; n < 10; n += 1) {
      const begunMs = performance.now();
      const { status } = await post(gate, token, callOf('get_me'));
      expect(status).toBe(200);
      expect(performance.now() - begunMs).toBeLessThan(1_000 + BUSY_MS);
    }
    const begunMs = performance.now();
    expect(await changeNow()).toBe(503);
    expect(performance.now() - begunMs).toBeLessThan(3_000 + BUSY_MS);
    await slow;
    expect(await changeNow()).toBe(200);
  });

  test('DB-08: what ends access is in force at once although every ordinary connection is in use', async () => {
    const { key } = await transaction((tx) =>
      createApiKey(tx, organization.actor, { name: 'offboarding', role: 'admin' }),
    );
    const api = async (method: string, path: string, body?: object) => {
      const begunMs = performance.now();
      const { status } = await handleApi(
        new Request(`${env().GATEHOUSE_URL}/api/v1${path}`, {
          method,
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          ...(body ? { body: JSON.stringify(body) } : {}),
        }),
      );
      return { status, isPrompt: performance.now() - begunMs < 1_000 + BUSY_MS };
    };
    const eve = await makeMember(gate, organization, 'leaver@acme.example', { asana: 'ben@example.com' });
    await makeGroup(organization, 'Leavers', ['get_me'], [eve]);
    const [first, second] = [await mint(eve), await mint(eve)];
    for (const bearer of [first.token, second.token])
      expect((await post(gate, bearer, callOf('get_me'))).status).toBe(200);

    const count = pool().options.max;
    const slow = Promise.all(Array.from({ length: count }, () => pool().query('SELECT pg_sleep(6)')));
    await until(() => pool().totalCount === count && pool().idleCount === 0);
    expect(await api('DELETE', `/members/${eve.email}/tokens/${first.id}`)).toEqual({
      status: 204,
      isPrompt: true,
    });
    expect((await post(gate, first.token, callOf('get_me'))).status).toBe(401);
    gate.sandbox.set({ latencyMs: 4_000 });
    gate.sandbox.log.clear();
    const underWay = post(gate, second.token, callOf('get_me'));
    await until(() => gate.upstreamCalls().length === 1);
    gate.sandbox.set({ latencyMs: 0 });
    expect(await api('DELETE', `/members/${eve.email}`)).toEqual({ status: 204, isPrompt: true });
    const endedMs = performance.now();
    expect((await underWay).body.error?.code).toBe(1403);
    expect(performance.now() - endedMs).toBeLessThan(1_000 + BUSY_MS);
    expect((await post(gate, second.token, callOf('get_me'))).status).toBe(401);
    expect(await api('PATCH', '/tools/get_me', { blocked: true })).toEqual({ status: 200, isPrompt: true });
    const { body } = await post(gate, token, callOf('get_me'));
    expect(body.error?.message).toBe('Unknown tool: get_me');
    const stop = await api('POST', '/organization/stop', { reason: 'A test of the stop switch' });
    expect(stop).toEqual({ status: 200, isPrompt: true });
    expect((await post(gate, token, callOf('get_me'))).body.error?.code).toBe(1403);
    // The twin: what ends nothing has to wait, and says so.
    expect((await api('GET', '/members')).status).toBe(503);
    await slow;
    expect((await api('POST', '/organization/resume')).status).toBeLessThan(300);
    expect((await api('PATCH', '/tools/get_me', { blocked: false })).status).toBe(200);
    await served();
  }, 60_000);

  test('DB-08: every operation that ends something is one of these', () => {
    const endings = operationEntries().filter(({ operation }) => operation.ends);
    const deletions = operationEntries().filter(({ method }) => method === 'DELETE');
    // With a request for a tool, a policy test or the mapping of a group nobody's access ends.
    const harmless = ['/me/tool-requests/{id}', '/policy-tests/{id}', '/directory/groups/{id}'];
    for (const { name } of deletions)
      if (!harmless.some((path) => name === `DELETE ${path}`))
        expect(endings.map((one) => one.name)).toContain(name);
    for (const name of ['POST /organization/stop', 'PATCH /tools/{name}', 'PATCH /clients/{id}'])
      expect(endings.map((one) => one.name)).toContain(name);
    for (const { operation } of endings) expect(operation.effect).not.toBe('read');
  });

  test('DB-07: the policy is read where it is written: there is one database, whatever asks', () => {
    for (const { options } of [pool(), admissionPool()])
      expect((options as pg.PoolConfig).connectionString).toBe(env().DATABASE_URL);
  });

  test('DB-10: two changes that wait for each other both pass, each once', async () => {
    const [one, two] = [await makeMember(gate, organization, 'one@acme.example'), ana];
    const marks = async () =>
      (await pool().query<{ n: number }>('SELECT sum(calls_per_minute)::int AS n FROM members')).rows[0]!.n;
    await pool().query('UPDATE members SET calls_per_minute = 1000');
    const begun = await marks();
    let tries = 0;
    const both = [
      [one, two],
      [two, one],
    ].map((order) =>
      transaction(async (tx) => {
        tries += 1;
        for (const { id } of order) {
          await tx.$executeRaw`UPDATE members SET calls_per_minute = calls_per_minute + 1 WHERE id = ${id}::uuid`;
          await new Promise((resolve) => setTimeout(resolve, 150));
        }
      }),
    );
    await Promise.all(both);
    expect(await marks()).toBe(begun + 4);
    expect(tries).toBeGreaterThan(2);
    await pool().query('UPDATE members SET calls_per_minute = NULL');
  });

  test('DB-10: one that never passes is tried three times, then it is 503, and nothing of it is left', async () => {
    let tries = 0;
    const failed = transaction(async (tx) => {
      tries += 1;
      await addMember(tx, organization.actor, { email: 'never@acme.example', name: 'Never', role: 'member' });
      await tx.$executeRawUnsafe(`DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$`);
    });
    await expect(failed).rejects.toSatisfy((error) => error instanceof AppError && error.status === 503);
    expect(tries).toBe(3);
    const { rows } = await pool().query(`SELECT 1 FROM members WHERE email = 'never@acme.example'`);
    expect(rows).toEqual([]);
  });

  test('DB-14: the same thing created twenty times at once exists once, with one event', async () => {
    const twenty = <T>(create: () => Promise<T>) =>
      Promise.allSettled(Array.from({ length: 20 }, create)).then((all) => ({
        made: all.filter(({ status }) => status === 'fulfilled').length,
        codes: all.flatMap((one) => (one.status === 'rejected' ? [problemOf(one.reason).code] : [])),
      }));
    const groups = await twenty(() =>
      transaction((tx) => createGroup(tx, organization.actor, { name: 'Sales', tools: [], members: [] })),
    );
    expect([groups.made, new Set(groups.codes)]).toEqual([1, new Set(['exists'])]);
    const email = 'eve@acme.example';
    const people = await twenty(() =>
      transaction((tx) => addMember(tx, organization.actor, { email, name: 'Eve', role: 'member' })),
    );
    expect([people.made, new Set(people.codes)]).toEqual([1, new Set(['email_taken'])]);
    const { rows } = await pool().query<{ n: number }>(
      `SELECT count(*)::int AS n FROM audit_records WHERE target IN ('group:sales', $1) GROUP BY target`,
      [`member:${email}`],
    );
    expect(rows).toEqual([{ n: 1 }, { n: 1 }]);
  });

  test('a process that falls silent in the middle of a transaction keeps its locks no longer than fifteen seconds', async () => {
    for (const kept of [pool(), admissionPool()]) {
      const { rows } = await kept.query<{ ms: number }>(
        `SELECT extract(epoch FROM current_setting('idle_in_transaction_session_timeout')::interval)::int * 1000 AS ms`,
      );
      expect(rows[0]!.ms).toBe(15_000);
    }
  });
});
