// Limits hold exactly, whoever asks and through whichever process: of the calls of one minute no more pass than the limit says, the
// rest hears 429 and when to come back, and nothing of them reaches Asana.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { replaceGroup } from '@/lib/people/groups';
import { updateMember } from '@/lib/people/members';
import { updateOrganization } from '@/lib/people/organizations';
import type { ConnectionLimits, Limits } from '@/lib/policy/limits';
import { startAcmeAndRaw } from '../support/acme';
import { startProcess, type GateProcess } from '../support/gate-fork';
import {
  callOf,
  emailIn,
  forgetThrottles,
  freshMinute,
  hello,
  makeGroup,
  makeMember,
  mint,
  post,
  rpc,
  until,
  watchAudit,
  type Gate,
  type RpcAnswer,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import { answerJson, type RawUpstream } from '../support/raw-upstream';

let gate: Gate;
let raw: RawUpstream;
let organization: TestOrganization;
let ana: TestMember;
let ben: TestMember;
let token: string;
let bens: string;
let newRecords: () => Promise<AuditRecord[]>;
const TOOLS = ['get_me', 'search_tasks', 'get_status_overview', 'add_comment', 'create_task_preview_v4'];

beforeAll(async () => {
  const acme = await startAcmeAndRaw(TOOLS, ['ben']);
  ({ gate, raw, organization, ana, token } = acme);
  ({ member: ben, token: bens } = acme.colleagues.ben);
  await post(gate, token, callOf('get_me'));
  await post(gate, bens, callOf('get_me'));
  newRecords = await watchAudit(organization);
});
afterAll(() => gate.stop());
beforeEach(async () => {
  await freshMinute();
  await newRecords();
  gate.sandbox.log.clear();
  raw.requests.length = 0;
});
afterEach(stillAnswers);

/** L: with the limits away, an ordinary call passes. */
async function stillAnswers(): Promise<void> {
  setEnv({ ASANA_MCP_URL: gate.sandbox.mcpUrl });
  gate.sandbox.set({ mcpFault: null, faultMethods: null, faultCount: null, retryAfterSeconds: 1 });
  await limitOrganization(null);
  await limitGroup(null);
  await limitMember(ana, null);
  await forgetThrottles();
  await pool().query('DELETE FROM call_counters');
  expect(emailIn(await post(gate, token, callOf('get_me')))).toBe('ana@example.com');
}

const limitOrganization = (limits: Partial<ConnectionLimits> | null) =>
  transaction((tx) => updateOrganization(tx, organization.actor, { limits, asanaPlan: 'paid' }));
const limitMember = ({ email }: TestMember, limits: Limits | null) =>
  transaction((tx) => updateMember(tx, organization.actor, email, { limits }));
const limitGroup = (limits: Limits | null) => {
  const content = { name: 'Readers', tools: TOOLS, members: [ana.email, ben.email], limits };
  return transaction((tx) => replaceGroup(tx, organization.actor, 'readers', content, null));
};
const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));
const passed = (answers: RpcAnswer[]) => answers.filter(({ body }) => body.result !== undefined).length;

/** What an agent hears of a limit, in the contract's form; the wait is the rest of the minute. */
function expectRefusal(answer: RpcAnswer, text: string): void {
  const left = Math.ceil((60_000 - (Date.now() % 60_000)) / 1000);
  const wait = Number(answer.headers.get('retry-after'));
  expect([answer.status, answer.body.error?.code]).toEqual([429, 1429]);
  expect(answer.body.error?.message).toBe(`${text}; wait ${wait} s.`);
  expect(answer.body.error?.data).toEqual({ outcome: 'not_sent', retryAfterSeconds: wait });
  expect(Math.abs(wait - left)).toBeLessThanOrEqual(3);
}

/** Exactly `allowed` of these passed; each of the others is one denial on record, and none of them reached Asana. */
async function exactly(allowed: number, answers: RpcAnswer[], text: string): Promise<void> {
  expect(passed(answers)).toBe(allowed);
  for (const answer of answers.filter(({ body }) => body.result === undefined)) expectRefusal(answer, text);
  expect(gate.upstreamCalls().filter(({ method }) => method === 'tools/call')).toHaveLength(allowed);
  const records: AuditRecord[] = [];
  for (let some = await newRecords(); some.length > 0; some = await newRecords()) records.push(...some);
  const decisions = records.map(({ decision, reason }) => `${decision} ${reason ?? ''}`).toSorted();
  expect(decisions).toEqual([
    ...times(allowed, () => 'allow '),
    ...times(answers.length - allowed, () => 'deny rate_limited'),
  ]);
}

const OF_TOKEN = 'The limit of this agent token is reached';
const OF_MEMBER = 'The limit of the person you act for is reached';
const OF_GROUP = 'The limit of a group of the person you act for is reached';
const OF_SEARCH = 'The limit on searches through this Asana connection is reached';
const OF_CONNECTION = 'The limit of calls through this Asana connection is reached';

describe('calls a minute', () => {
  test('of an agent token: as many as its limit, in a crowd too, and its member’s other token goes on', async () => {
    const { token: slow } = await mint(ana, { limits: { perMinute: 3 } });
    await exactly(3, await Promise.all(times(12, () => post(gate, slow, callOf('get_me')))), OF_TOKEN);
    expect(emailIn(await post(gate, token, callOf('get_me')))).toBe('ana@example.com');
  });

  test('of a member: all agents of the person together, and nobody else’s', async () => {
    await limitMember(ana, { perMinute: 4 });
    const { token: second } = await mint(ana);
    const answers = await Promise.all(times(12, (n) => post(gate, n % 2 ? token : second, callOf('get_me'))));
    await exactly(4, answers, OF_MEMBER);
    expect(emailIn(await post(gate, bens, callOf('get_me')))).toBe('ben@example.com');
  });

  test('of a group: all its members together', async () => {
    expect.hasAssertions();
    await limitGroup({ perMinute: 5 });
    const answers = await Promise.all(times(14, (n) => post(gate, n % 2 ? token : bens, callOf('get_me'))));
    await exactly(5, answers, OF_GROUP);
  });

  test('of a connection: what Asana documents for the plan, or what the admin set instead', async () => {
    await limitOrganization({ connectionPerMinute: 6 });
    await exactly(6, await Promise.all(times(15, () => post(gate, token, callOf('get_me')))), OF_CONNECTION);
    // Another person's connection has a minute of its own.
    expect(emailIn(await post(gate, bens, callOf('get_me')))).toBe('ben@example.com');
    await pool().query('UPDATE call_counters SET calls = 150');
    await transaction((tx) =>
      updateOrganization(tx, organization.actor, { limits: null, asanaPlan: 'free' }),
    );
    expectRefusal(await post(gate, token, callOf('get_me')), OF_CONNECTION);
    await pool().query('UPDATE call_counters SET calls = 149');
    expect((await post(gate, token, callOf('get_me'))).status).toBe(200);
    await transaction((tx) => updateOrganization(tx, organization.actor, { asanaPlan: 'paid' }));
    await pool().query('UPDATE call_counters SET calls = 1499');
    expect((await post(gate, token, callOf('get_me'))).status).toBe(200);
    expectRefusal(await post(gate, token, callOf('get_me')), OF_CONNECTION);
  });

  test('of searches: they are full before other tools are', async () => {
    await limitOrganization({ searchPerMinute: 3 });
    const search = (n: number) =>
      callOf(n % 2 ? 'search_tasks' : 'get_status_overview', { text: 'x', keywords: 'x' });
    await exactly(3, await Promise.all(times(9, (n) => post(gate, token, search(n)))), OF_SEARCH);
    expect((await post(gate, token, callOf('get_me'))).status).toBe(200);
    await limitOrganization(null);
    await pool().query(`UPDATE call_counters SET calls = 59 WHERE kind = 'search'`);
    expect((await post(gate, token, search(1))).status).toBe(200);
    expectRefusal(await post(gate, token, search(1)), OF_SEARCH);
  });

  test('count lists and openings; a ping, and what was refused for another reason, they do not', async () => {
    await limitMember(ana, { perMinute: 3 });
    const uncounted = [
      rpc('ping'),
      callOf('delete_task'),
      rpc('prompts/list'),
      '{"jsonrpc":"2.0","id":1,"id":2}',
      callOf('get_me', { a: 1 }).params,
    ];
    for (const message of [...uncounted, ...uncounted]) await post(gate, token, message);
    for (const message of [hello(), rpc('tools/list'), callOf('get_me')])
      expect((await post(gate, token, message)).status).toBe(200);
    for (const message of [hello(), rpc('tools/list'), callOf('get_me')])
      expectRefusal(await post(gate, token, message), OF_MEMBER);
    expect((await post(gate, token, rpc('ping'))).body.result).toEqual({});
    const { body } = await post(gate, token, callOf('delete_task'));
    expect(body.error?.message).toBe('Unknown tool: delete_task');
    const notified = await post(gate, token, { jsonrpc: '2.0', method: 'notifications/initialized' });
    expect(notified.status).toBe(429);
  });

  test('who floods a narrow limit uses up nothing of a wider one', async () => {
    await limitOrganization({ connectionPerMinute: 5 });
    const { token: narrow } = await mint(ana, { limits: { perMinute: 2 } });
    expect(passed(await Promise.all(times(40, () => post(gate, narrow, callOf('get_me')))))).toBe(2);
    expect(passed(await Promise.all(times(10, () => post(gate, token, callOf('get_me')))))).toBe(3);
    const { rows } = await pool().query('SELECT kind, calls FROM call_counters ORDER BY kind');
    expect(rows).toEqual([
      { kind: 'connection', calls: 5 },
      { kind: 'token', calls: 2 },
    ]);
  });

  test('begin anew with the next minute of the clock', async () => {
    await limitMember(ana, { perMinute: 1 });
    expect((await post(gate, token, callOf('get_me'))).status).toBe(200);
    expect((await post(gate, token, callOf('get_me'))).status).toBe(429);
    await pool().query(`UPDATE call_counters SET minute = minute - interval '1 minute'`);
    expect((await post(gate, token, callOf('get_me'))).status).toBe(200);
    // A clock that goes back gives nothing away.
    await pool().query(`UPDATE call_counters SET minute = minute + interval '1 minute'`);
    const ahead = await post(gate, token, callOf('get_me'));
    expect(ahead.status).toBe(429);
    expect(Number(ahead.headers.get('retry-after'))).toBeGreaterThan(60);
  });

  test('hold where nobody has connected: the person’s own limits, and no connection’s', async () => {
    const member = await makeMember(gate, organization, `nobody${Date.now()}@acme.example`);
    const { token: theirs } = await mint(member, { limits: { perMinute: 2 } });
    const answers = await Promise.all(times(5, () => post(gate, theirs, rpc('tools/list'))));
    expect(passed(answers)).toBe(2);
  });
});

describe('the count of a batch', () => {
  const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

  test('is exact and never stuck, with batches of many counters at once from many connections', async () => {
    const MOST = 40;
    const allowed = new Map<string, number>();
    let refusals = 0;
    const batch = async (seed: number) => {
      const entries = times(30, (n) => {
        const [a, b] = [(seed * 7 + n * 3) % 11, (seed * 5 + n) % 4];
        const both = [
          { call: n, kind: 'token', id: uuid(a) },
          { call: n, kind: 'connection', id: uuid(100 + b) },
        ];
        return seed % 2 ? both : both.reverse();
      }).flat();
      const { rows } = await pool().query<{ call: number }>(
        `SELECT call FROM take_calls($1, $2, $3, $4, $5)`,
        [
          entries.map(({ call }) => call),
          entries.map(() => organization.id),
          entries.map(({ kind }) => kind),
          entries.map(({ id }) => id),
          entries.map(() => MOST),
        ],
      );
      const refused = new Set(rows.map(({ call }) => call));
      refusals += refused.size;
      for (const { call, id } of entries) if (!refused.has(call)) allowed.set(id, (allowed.get(id) ?? 0) + 1);
    };
    await Promise.all(times(40, batch));
    const { rows } = await pool().query('SELECT id, calls FROM call_counters');
    expect(rows.length).toBe(15);
    for (const { id, calls } of rows) expect([id, calls]).toEqual([id, allowed.get(id) ?? 0]);
    for (const count of allowed.values()) expect(count).toBeLessThanOrEqual(MOST);
    // All four connections are full: nothing was given back that could still be taken.
    expect(times(4, (n) => allowed.get(uuid(100 + n)))).toEqual(times(4, () => MOST));
    expect(refusals).toBe(40 * 30 - 4 * MOST);
  });

  test('leaves no row of an hour ago behind', async () => {
    const { forgetOldCounters } = await import('@/lib/gateway/live-processes');
    await post(gate, token, callOf('get_me'));
    await pool().query(`INSERT INTO call_counters VALUES ($1, 'token', $2, now() - interval '2 hours', 1)`, [
      organization.id,
      uuid(1),
    ]);
    await forgetOldCounters();
    const { rows } = await pool().query('SELECT kind FROM call_counters');
    expect(rows).toEqual([{ kind: 'connection' }]);
  });
});

describe('calls in flight', () => {
  /** Every tool call waits at Asana until the test answers it. */
  function hold(): { names(): string[]; answer(count: number): void } {
    setEnv({ ASANA_MCP_URL: raw.url });
    const held: { name: string; end: () => void }[] = [];
    raw.answer((response, { message }) => {
      const end = () => answerJson(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } });
      if (message.method !== 'tools/call') return end();
      held.push({ name: message.params.arguments.from as string, end });
    });
    return {
      names: () => held.map(({ name }) => name),
      answer(count) {
        for (const { end } of held.splice(0, count)) end();
      },
    };
  }
  const write = (bearer: string, from: string) => post(gate, bearer, callOf('add_comment', { from }));
  const settle = () => new Promise((resolve) => setTimeout(resolve, 150));

  /** A person of their own, so that no other test's calls are in flight. */
  async function person(name: string): Promise<TestMember> {
    const email = `${name}${Date.now()}@acme.example`;
    const member = await makeMember(gate, organization, email, { asana: 'ana@example.com' });
    await makeGroup(organization, `${name} ${Date.now()}`, TOOLS, [member]);
    return member;
  }

  test('UF-29: writes are 15 at a time, reads go on beside them, and turns go round between a person’s agents', async () => {
    const dora = await person('dora');
    const [{ token: busy }, { token: quiet }] = [await mint(dora), await mint(dora)];
    const upstream = hold();
    const flood = times(40, () => write(busy, 'busy'));
    await until(() => upstream.names().length === 15);
    await settle();
    expect(upstream.names()).toHaveLength(15);
    const read = post(gate, busy, callOf('get_me', { from: 'read' }));
    await until(() => upstream.names().includes('read'));
    const one = write(quiet, 'quiet');
    await settle();
    expect(upstream.names()).not.toContain('quiet');
    upstream.answer(2);
    await until(() => upstream.names().includes('quiet'));
    await settle();
    // The other 25 of the flood were there before; only one of them had its turn first.
    expect(upstream.names().filter((name) => name === 'busy').length).toBeLessThanOrEqual(15);
    while (upstream.names().length > 0) {
      upstream.answer(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until(async () => {
      upstream.answer(5);
      return Promise.race([
        Promise.all([...flood, one, read]),
        new Promise((resolve) => setTimeout(resolve, 20)),
      ]);
    });
    for (const { status } of await Promise.all([...flood, one, read])) expect(status).toBe(200);
  });

  test('UF-29: who finds too many waiting is refused at once, with nothing sent, and is told so on record', async () => {
    const emil = await person('emil');
    const { token: busy } = await mint(emil);
    const upstream = hold();
    const answered: RpcAnswer[] = [];
    const flood = times(70, async () => {
      const answer = await write(busy, 'busy');
      answered.push(answer);
      return answer;
    });
    await until(() => answered.length === 5);
    const refused = answered[0]!;
    expect([refused.status, refused.body.error?.code, refused.headers.get('retry-after')]).toEqual([
      429,
      1429,
      '1',
    ]);
    expect(refused.body.error?.data).toEqual({ outcome: 'not_sent', retryAfterSeconds: 1 });
    await until(async () => {
      upstream.answer(15);
      return Promise.race([Promise.all(flood), new Promise((resolve) => setTimeout(resolve, 20))]);
    });
    const statuses = (await Promise.all(flood)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(65);
    expect(raw.of('tools/call')).toHaveLength(65);
    const records = (await newRecords()).concat(await newRecords());
    const late = records.filter(({ reason }) => reason === 'too_many_in_flight');
    expect(late.map(({ outcome }) => outcome)).toEqual(times(late.length, () => 'upstream_error'));
    expect(late.length).toBeGreaterThan(0);
  });

  test('a process has the limit divided by those that live; a dead one stops counting within seconds', async () => {
    const finn = await person('finn');
    const { token: theirs } = await mint(finn);
    const { liveProcesses } = await import('@/lib/gateway/live-processes');
    const other = crypto.randomUUID();
    // Said once, and noticed to be silent before those who wait for it have waited too long.
    await pool().query('INSERT INTO gate_processes VALUES ($1, now() + interval $$1 second$$)', [other]);
    const startedMs = Date.now();
    await until(async () => (await liveProcesses()) === 2);
    const upstream = hold();
    const flood = times(10, () => write(theirs, 'x'));
    await until(() => upstream.names().length === 7);
    await settle();
    expect(upstream.names()).toHaveLength(7);
    // It says nothing more; the beat after its five seconds notices, and who waits goes on when the next slot is free.
    while ((await liveProcesses()) === 2) await settle();
    expect(Date.now() - startedMs).toBeLessThan(16_000);
    upstream.answer(1);
    await until(() => upstream.names().length === 9);
    upstream.answer(9);
    for (const { status } of await Promise.all(flood)) expect(status).toBe(200);
  });
});

describe('two processes', () => {
  let one: GateProcess;
  let two: GateProcess;
  beforeAll(async () => {
    [one, two] = await Promise.all([startProcess(), startProcess()]);
  }, 60_000);
  afterAll(() => {
    for (const { child } of [one, two]) child.kill('SIGKILL');
  });

  /** Asks until it is answered; what the database did not decide in time is asked again, as a well-behaved agent does. */
  async function persist(process: GateProcess, bearer: string): Promise<RpcAnswer> {
    for (;;) {
      const answer = await post(process, bearer, callOf('get_me'));
      if (answer.status !== 503) return answer;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  test('together let exactly the limit through', async () => {
    // Every process has its sessions at Asana by then: their openings count for nobody, but Asana would see them.
    for (const process of [one, two])
      for (const bearer of [token, bens]) expect((await persist(process, bearer)).status).toBe(200);
    const agents = await Promise.all([ana, ben].map((member) => mint(member)));
    await limitOrganization({ connectionPerMinute: 20 });
    await limitGroup({ perMinute: 30 });
    const minuteOf = async () =>
      (await pool().query<{ minute: Date }>(`SELECT date_trunc('minute', clock_timestamp()) AS minute`))
        .rows[0]!.minute;
    await freshMinute();
    gate.sandbox.log.clear();
    const begun = await minuteOf();
    const answers = await Promise.all(
      times(80, (n) => persist(n % 2 ? one : two, agents[n % 3 ? 0 : 1]!.token)),
    );
    // The minute did not turn meanwhile, or the numbers below would be those of two.
    expect(await minuteOf()).toEqual(begun);
    const heard = answers.filter(({ status }) => status !== 200 && status !== 429);
    expect(heard.map(({ status, text }) => [status, text])).toEqual([]);
    // What was admitted too late for its agent (503) took a place all the same, and was never sent.
    const admitted = await pool().query(
      `SELECT 1 FROM audit_records WHERE organization_id = $1 AND credential_id = ANY($2) AND decision = 'allow'`,
      [organization.id, agents.map(({ id }) => id)],
    );
    expect(admitted.rowCount).toBe(30);
    const calls = gate.upstreamCalls().filter(({ method }) => method === 'tools/call');
    expect(calls).toHaveLength(passed(answers));
    expect(passed(answers)).toBeLessThanOrEqual(30);
    expect(passed(answers)).toBeGreaterThan(0);
    const { rows } = await pool().query(`SELECT kind, calls FROM call_counters ORDER BY kind, calls`);
    const of = (kind: string) => rows.filter((row) => row.kind === kind).map(({ calls }) => calls as number);
    expect(of('group')).toEqual([30]);
    expect(of('connection').reduce((sum, calls) => sum + calls, 0)).toBe(30);
    expect(Math.max(...of('connection'))).toBeLessThanOrEqual(20);
  });

  test('UF-04 UF-05: both keep the quiet that Asana asked one of them for, and end it when it is over', async () => {
    for (const { url } of [one, two]) await post({ url }, token, callOf('get_me'));
    await newRecords();
    gate.sandbox.set({ mcpFault: '429', faultCount: 1, faultMethods: ['tools/call'], retryAfterSeconds: 6 });
    const told = await post(one, token, callOf('get_me'));
    expect([told.status, told.headers.get('retry-after')]).toEqual([429, '6']);
    const untilMs = Date.now() + 6_000;
    gate.sandbox.log.clear();
    for (const process of [one, two, gate])
      for (const message of [callOf('get_me'), rpc('tools/list'), hello()]) {
        const { status, headers, body } = await post(process, token, message);
        expect([status, body.error?.code, body.error?.data.outcome]).toEqual([429, 1429, 'not_sent']);
        const rest = (untilMs - Date.now()) / 1000;
        expect(Math.abs(Number(headers.get('retry-after')) - rest)).toBeLessThanOrEqual(3);
      }
    expect(gate.sandbox.log.entries).toEqual([]);
    // Another person's connection is not concerned, nor what is answered here.
    expect(emailIn(await post(two, bens, callOf('get_me')))).toBe('ben@example.com');
    expect((await post(two, token, rpc('ping'))).status).toBe(200);
    const mine = (await newRecords()).filter(({ member }) => member === ana.email);
    expect(mine.map(({ decision, reason }) => [decision, reason])).toEqual([
      ...times(9, () => ['deny', 'asana_rate_limited']),
      ['allow', 'status_429'],
    ]);
    await new Promise((resolve) => setTimeout(resolve, untilMs - Date.now() + 50));
    expect(emailIn(await post(two, token, callOf('get_me')))).toBe('ana@example.com');
  });

  test('a shorter wait never ends a longer one, and one at Gatehouse’s own session counts too', async () => {
    const cleo = await makeMember(gate, organization, `cleo${Date.now()}@acme.example`, {
      asana: 'cleo@example.com',
    });
    await makeGroup(organization, `Cleo ${Date.now()}`, ['get_me'], [cleo]);
    const { token: cleos } = await mint(cleo);
    gate.sandbox.set({
      mcpFault: '429',
      faultCount: 1,
      faultMethods: ['initialize'],
      retryAfterSeconds: 100,
    });
    expect((await post(gate, cleos, callOf('get_me'))).headers.get('retry-after')).toBe('100');
    const again = await post(gate, cleos, callOf('get_me'));
    expect(again.body.error?.message).toMatch(/^Asana’s rate limit is reached; wait (99|100) s\.$/);
    const { throttleConnection } = await import('@/lib/asana/mcp-post');
    await throttleConnection({ organizationId: organization.id, connectionId: cleo.connectionId! }, 1_000);
    expect(Number((await post(gate, cleos, callOf('get_me'))).headers.get('retry-after'))).toBeGreaterThan(
      90,
    );
  });
});
