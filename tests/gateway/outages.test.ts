// While Asana is away: what is refused at once and what is tried once more, that nobody waits for what hangs, and that all is as
// before when it is back.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { pool } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { readCircuits } from '@/lib/gateway/asana-circuits';
import { ASANA_RULES, CONNECTION_RULES, FIRST_PAUSE_MS } from '@/lib/gateway/circuit';
import { REPEATS } from '@/lib/gateway/repeat-read';
import type { OutboundRequest } from '@/lib/http';
import type { Switches } from '@/lib/sandbox/switches';
import { SEED } from '@/lib/sandbox/world-seed';
import { makeNewcomer, startGateAndRaw } from '../support/acme';
import {
  callOf,
  emailIn,
  forgetCircuits,
  forgetThrottles,
  freshMinute,
  hello,
  makeOrganization,
  mint,
  post,
  rpc,
  until,
  watchAudit,
  type Gate,
  type RpcAnswer,
  type TestOrganization,
} from '../support/gate';
import { answerJson, type RawUpstream } from '../support/raw-upstream';

/** What the gate asked of each request; `limits` makes it wait less. */
const asked: OutboundRequest[] = [];
const limits = { timeoutMs: Infinity };
vi.mock('@/lib/http', async (load) => {
  const http = await load<typeof import('@/lib/http')>();
  return {
    ...http,
    openOutbound: (url: string, options: OutboundRequest) => {
      asked.push(options);
      return http.openOutbound(url, { ...options, timeoutMs: Math.min(options.timeoutMs, limits.timeoutMs) });
    },
  };
});

// The budget of repeats begins anew with each test.
const budget = vi.hoisted(() => ({ renew: () => undefined as void }));
vi.mock('@/lib/gateway/repeat-read', async (load) => {
  const real = await load<typeof import('@/lib/gateway/repeat-read')>();
  return {
    ...real,
    createRepeatBudget: (size: typeof REPEATS) => {
      let kept = real.createRepeatBudget(size);
      budget.renew = () => void (kept = real.createRepeatBudget(size));
      return { earn: () => kept.earn(), spend: () => kept.spend() };
    },
  };
});

let gate: Gate;
let raw: RawUpstream;
let organization: TestOrganization;
let ana: string;
let newRecords: () => Promise<AuditRecord[]>;
let aheadMs = 0;
const READ = 'get_me';
const WRITE = 'add_comment';

beforeAll(async () => {
  // The circuits read this clock; it is moved only while no call is under way.
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
  ({ gate, raw } = await startGateAndRaw());
  organization = await makeOrganization(gate, 'Acme');
  ana = await person();
  newRecords = await watchAudit(organization);
});
afterAll(async () => {
  await gate.stop();
  vi.restoreAllMocks();
});
beforeEach(reset);
afterEach(stillAnswers);

/** Whatever Asana did, nobody has to connect again, and the next call is answered. */
async function stillAnswers(): Promise<void> {
  await reset();
  const { rows } = await pool().query(`SELECT id FROM connections WHERE status <> 'active'`);
  expect(rows).toEqual([]);
  expect(emailIn(await post(gate, ana, callOf(READ)))).toBe('ana@example.com');
}

async function reset(): Promise<void> {
  budget.renew();
  limits.timeoutMs = Infinity;
  setEnv({ ASANA_MCP_URL: gate.sandbox.mcpUrl });
  gate.sandbox.set({ mcpFault: null, faultMethods: null, faultCount: null, answers: 'sse', slowMs: 2_000 });
  await forgetThrottles();
  forgetCircuits();
  await newRecords();
  gate.sandbox.log.clear();
  raw.requests.length = 0;
  asked.length = 0;
}

/** A token of a new member who may call both tools, through a connection that nothing went through yet. */
async function newcomer(): Promise<string> {
  return (await mint(await makeNewcomer(gate, organization, [READ, WRITE]))).token;
}

/** The same, and its session at Asana is open. */
async function person(): Promise<string> {
  const token = await newcomer();
  await post(gate, token, callOf(READ));
  return token;
}

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));
const write = () => callOf(WRITE, { task_id: SEED.homepageCopy, text: `comment ${Math.random()}` });
const comments = () => gate.sandbox.world.stories.size;
const sentCalls = (method = 'tools/call') =>
  gate.sandbox.log.count(({ rpc: sent }) => sent?.method === method);
const outcomesOf = async () =>
  (await newRecords())
    .filter(({ credential }) => credential.kind === 'agent_token')
    .map(({ decision, outcome, reason }) => [decision, outcome, reason]);
const toldOf = ({ status, body }: RpcAnswer) => [
  status,
  body.error?.code,
  body.error?.data?.outcome as unknown,
];
const isRefusedAtOnce = (answer: RpcAnswer) => answer.body.error?.data?.retryAfterSeconds !== undefined;

/** Fails calls one after the other until the connection's circuit opens. */
async function breakConnection(token: string): Promise<void> {
  gate.sandbox.set({ mcpFault: '502', faultMethods: ['tools/call'] });
  for (const answer of await inTurn(CONNECTION_RULES.failures, () => post(gate, token, write())))
    expect(toldOf(answer)).toEqual([502, 1502, 'unknown']);
}

async function inTurn<T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let n = 0; n < count; n += 1) made.push(await make(n));
  return made;
}

describe('a read that got no answer goes once more', () => {
  // Where the answer was lost the read was carried out, which does no harm.
  const PASSING: [Switches['mcpFault'], number][] = [
    ['502', 502],
    ['504', 504],
    ['drop-before', 502],
    ['drop-after', 502],
  ];

  test.each(PASSING)('UF-06: after %s, as a tool and as a list, and is on record as such', async (fault) => {
    for (const method of ['tools/call', 'tools/list']) {
      gate.sandbox.set({ mcpFault: fault, faultCount: 1, faultMethods: [method] });
      gate.sandbox.log.clear();
      const answer = await post(gate, ana, method === 'tools/list' ? rpc(method) : callOf(READ));
      expect([answer.status, answer.body.error]).toEqual([200, undefined]);
      expect(sentCalls(method)).toBe(2);
      expect(await outcomesOf()).toEqual([['allow', 'ok', 'retried']]);
    }
  });

  test('UF-06: after 503 that names no time to come back, and not after one that does', async () => {
    gate.sandbox.set({
      mcpFault: '503',
      faultCount: 1,
      faultMethods: ['tools/call'],
      retryAfterSeconds: null,
    });
    expect(emailIn(await post(gate, ana, callOf(READ)))).toBe('ana@example.com');
    gate.sandbox.log.clear();
    gate.sandbox.set({ mcpFault: '503', faultCount: 1, faultMethods: ['tools/call'], retryAfterSeconds: 1 });
    expect(toldOf(await post(gate, ana, callOf(READ)))).toEqual([502, 1502, 'unknown']);
    expect(sentCalls()).toBe(1);
  });

  test.each(PASSING)('UF-06: and not a third time after %s', async (fault, status) => {
    gate.sandbox.set({ mcpFault: fault, faultMethods: ['tools/call'] });
    expect(toldOf(await post(gate, ana, callOf(READ)))).toEqual([status, 1502, 'unknown']);
    expect(sentCalls()).toBe(2);
    const reason = /drop/.test(String(fault)) ? 'cut' : `status_${status}`;
    expect(await outcomesOf()).toEqual([['allow', 'unknown', `retried_${reason}`]]);
  });

  test('where Asana can’t be reached at first, and then can', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => {
      closed.listen(0, '127.0.0.1', resolve);
    });
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const away = `http://127.0.0.1:${port}/v2/mcp`;
    setEnv({ ASANA_MCP_URL: away });
    expect(toldOf(await post(gate, ana, callOf(READ)))).toEqual([502, 1502, 'not_sent']);
    expect(await outcomesOf()).toEqual([['allow', 'upstream_error', 'retried_unreachable']]);
    expect(asked).toHaveLength(2);
    const answer = post(gate, ana, callOf(READ));
    await until(() => asked.length === 3);
    setEnv({ ASANA_MCP_URL: gate.sandbox.mcpUrl });
    expect(emailIn(await answer)).toBe('ana@example.com');
    expect(await outcomesOf()).toEqual([['allow', 'ok', 'retried']]);
  });

  const NOT_REPEATED: Switches['mcpFault'][] = [
    '500',
    '403',
    '429',
    'nonsense',
    'html',
    'drop-mid',
    'no-answer',
  ];
  test.each(NOT_REPEATED)('UF-12: never after %s: it was answered, or an answer had begun', async (fault) => {
    for (const answers of ['sse', 'json'] as const) {
      gate.sandbox.set({ mcpFault: fault, faultMethods: ['tools/call'], answers });
      gate.sandbox.log.clear();
      await post(gate, ana, callOf(READ));
      await forgetThrottles();
      expect(sentCalls()).toBe(1);
    }
  });

  test('UF-07: a write never does, nor an opening, nor a read that waited for its whole time', async () => {
    for (const fault of ['502', '504', 'drop-before', 'drop-after'] as const) {
      forgetCircuits();
      gate.sandbox.log.clear();
      const before = comments();
      gate.sandbox.set({ mcpFault: fault, faultCount: 1, faultMethods: ['tools/call'] });
      await post(gate, ana, write());
      expect(sentCalls()).toBe(1);
      expect(comments() - before).toBe(fault === 'drop-after' ? 1 : 0);
      gate.sandbox.set({ mcpFault: fault, faultCount: 1, faultMethods: ['initialize'] });
      await post(gate, ana, hello());
      expect(sentCalls('initialize')).toBe(1);
    }
    limits.timeoutMs = 200;
    gate.sandbox.log.clear();
    gate.sandbox.set({ mcpFault: 'hang', faultMethods: ['tools/call'] });
    expect(toldOf(await post(gate, ana, callOf(READ)))).toEqual([504, 1504, 'unknown']);
    expect(sentCalls()).toBe(1);
  });

  test('only where its definition was reviewed: one that changed since may write', async () => {
    const state = (status: string, policy: string) =>
      Promise.all([
        pool().query(`UPDATE tools SET status = $2 WHERE organization_id = $1 AND name = $3`, [
          ...[organization.id, status, READ],
        ]),
        pool().query(`UPDATE organizations SET drift_policy = $2 WHERE id = $1`, [organization.id, policy]),
      ]);
    await state('changed', 'warn');
    gate.sandbox.set({ mcpFault: '502', faultCount: 1, faultMethods: ['tools/call'] });
    const answer = await post(gate, ana, callOf(READ));
    await state('reviewed', 'hold');
    expect(toldOf(answer)).toEqual([502, 1502, 'unknown']);
    expect(sentCalls()).toBe(1);
  });

  test('within the time of the first attempt', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    const bearer = await person();
    asked.length = 0;
    raw.requests.length = 0;
    raw.answer((response) => setTimeout(() => response.writeHead(502).end(), 400));
    await post(gate, bearer, callOf(READ));
    const [first, second] = asked.filter(({ body }) => String(body).includes('tools/call'));
    expect(first!.timeoutMs).toBe(60_000);
    expect(second!.timeoutMs).toBeLessThanOrEqual(59_600);
    expect(raw.of('tools/call')).toHaveLength(2);
  });

  const REFUSED_AGAIN: [what: string, status: number, told: number, code: number][] = [
    ['403', 403, 502, 1502],
    ['400 without words', 400, 502, 1502],
    ['429', 429, 429, 1429],
  ];
  test.each(REFUSED_AGAIN)(
    'UF-12: where the first was cut and the second hears %s, whether it ran is unknown, to the agent and on record',
    async (_what, status, told, code) => {
      setEnv({ ASANA_MCP_URL: raw.url });
      const bearer = await person();
      raw.requests.length = 0;
      let cuts = 0;
      raw.answer((response, { message }) => {
        if (message.method === 'tools/call' && (cuts -= 1) >= 0) response.destroy();
        else response.writeHead(status).end();
      });
      await newRecords();
      // The twin: refused at the first try, nothing was carried out.
      const refused = await post(gate, bearer, callOf(READ));
      expect(toldOf(refused)).toEqual([told, code, 'not_executed']);
      expect(await outcomesOf()).toEqual([['allow', 'upstream_error', `status_${status}`]]);
      await forgetThrottles();
      cuts = 1;
      expect(toldOf(await post(gate, bearer, callOf(READ)))).toEqual([told, code, 'unknown']);
      expect(await outcomesOf()).toEqual([['allow', 'unknown', `retried_status_${status}`]]);
      expect(raw.of('tools/call')).toHaveLength(3);
    },
  );

  test('UF-12: and takes another place in the limits of the connection, none in the agent’s, and does not go where there is none', async () => {
    const bearer = await person();
    const counted = async () =>
      Object.fromEntries(
        (
          await pool().query<{ kind: string; calls: number }>(
            `SELECT kind, calls FROM call_counters k WHERE k.minute = date_trunc('minute', now()) AND (kind <> 'connection'
               OR id = (SELECT connection_id FROM audit_records WHERE credential_kind = 'agent_token' ORDER BY id DESC LIMIT 1))`,
          )
        ).rows.map(({ kind, calls }) => [kind, calls]),
      );
    await pool().query('UPDATE members SET calls_per_minute = 100');
    await freshMinute();
    gate.sandbox.set({ mcpFault: '502', faultCount: 1, faultMethods: ['tools/call'] });
    expect((await post(gate, bearer, callOf(READ))).status).toBe(200);
    expect(await counted()).toEqual({ connection: 2, member: 1 });
    // One place is left, and the call itself takes it.
    await pool().query(`UPDATE call_counters SET calls = 1499 WHERE kind = 'connection'`);
    gate.sandbox.log.clear();
    gate.sandbox.set({ mcpFault: '502', faultCount: 1, faultMethods: ['tools/call'] });
    expect(toldOf(await post(gate, bearer, callOf(READ)))).toEqual([502, 1502, 'unknown']);
    expect(sentCalls()).toBe(1);
    expect(await counted()).toEqual({ connection: 1500, member: 2 });
    await pool().query('UPDATE members SET calls_per_minute = NULL');
    await pool().query('DELETE FROM call_counters');
  });

  test('UF-06: but not in a storm: repeats are a tenth of the calls and a few', async () => {
    const calls = 30;
    gate.sandbox.set({ mcpFault: '502', faultMethods: ['tools/call'] });
    for (let n = 0; n < calls; n += 1) {
      forgetCircuits();
      await post(gate, ana, callOf(READ));
    }
    expect(sentCalls() - calls).toBeLessThanOrEqual(REPEATS.burst + calls * REPEATS.share + 1);
    expect(sentCalls() - calls).toBeGreaterThanOrEqual(calls * REPEATS.share - 1);
  });
});

describe('a connection through which calls fail', () => {
  test('is refused at once, with nothing sent, and others go on', async () => {
    const [theirs, other] = [await person(), await person()];
    await breakConnection(theirs);
    await newRecords();
    gate.sandbox.log.clear();
    for (const message of [write(), callOf(READ), rpc('tools/list'), hello()]) {
      const answer = await post(gate, theirs, message);
      expect(toldOf(answer)).toEqual([502, 1502, 'not_sent']);
      expect(answer.headers.get('retry-after')).toBe(String(FIRST_PAUSE_MS / 1_000));
      expect(answer.body.error?.data.retryAfterSeconds).toBe(FIRST_PAUSE_MS / 1_000);
    }
    expect(gate.sandbox.log.entries).toEqual([]);
    expect(await outcomesOf()).toEqual(times(4, () => ['allow', 'upstream_error', 'circuit_open']));
    expect(readCircuits(organization.id)).toMatchObject({ state: 'closed', pausedConnections: 1 });
    expect(readCircuits('another')).toMatchObject({ state: 'closed', pausedConnections: 0 });
    expect(toldOf(await post(gate, other, write()))).toEqual([502, 1502, 'unknown']);
    gate.sandbox.set({ mcpFault: null });
    expect((await post(gate, other, write())).status).toBe(200);
    // What needs no Asana is answered as ever.
    expect((await post(gate, theirs, rpc('ping'))).status).toBe(200);
  });

  test('is tried by one call of a crowd after a pause, by all once that got an answer, and rests longer if it did not', async () => {
    const theirs = await person();
    await breakConnection(theirs);
    aheadMs += FIRST_PAUSE_MS;
    gate.sandbox.log.clear();
    const failing = await Promise.all(times(10, () => post(gate, theirs, callOf(READ))));
    // A probe is one call: not even a read is repeated.
    expect(sentCalls()).toBe(1);
    expect(failing.filter(isRefusedAtOnce)).toHaveLength(9);
    const rests = await post(gate, theirs, callOf(READ));
    expect(rests.headers.get('retry-after')).toBe(String((2 * FIRST_PAUSE_MS) / 1_000));

    aheadMs += 2 * FIRST_PAUSE_MS;
    gate.sandbox.set({ mcpFault: 'slow', slowMs: 300 });
    gate.sandbox.log.clear();
    const crowd = await Promise.all(times(10, () => post(gate, theirs, write())));
    expect(sentCalls()).toBe(1);
    expect(crowd.filter(({ status }) => status === 200)).toHaveLength(1);
    gate.sandbox.set({ mcpFault: null });
    const all = await Promise.all(times(10, () => post(gate, theirs, write())));
    expect(all.map(({ status }) => status)).toEqual(times(10, () => 200));
    expect(readCircuits(organization.id).pausedConnections).toBe(0);
  });

  test('is not one where Asana answers, however often it refuses, or where an answer can’t be understood', async () => {
    const theirs = await person();
    const faults = ['403', '429', 'redirect', 'nonsense', 'html', 'wrong-type', 'wrong-id', 'gzip'] as const;
    for (const mcpFault of faults) {
      gate.sandbox.set({ mcpFault, faultMethods: ['tools/call'] });
      for (let n = 0; n <= CONNECTION_RULES.failures; n += 1) {
        await forgetThrottles();
        expect([mcpFault, isRefusedAtOnce(await post(gate, theirs, write())) && mcpFault !== '429']).toEqual([
          mcpFault,
          false,
        ]);
      }
    }
    gate.sandbox.set({ mcpFault: null });
    await forgetThrottles();
    for (let n = 0; n <= CONNECTION_RULES.failures; n += 1) {
      const failing = await post(gate, theirs, callOf(WRITE, { task_id: '1', text: 'x' }));
      expect([failing.status, failing.body.result?.isError]).toEqual([200, true]);
    }
    expect(await outcomesOf()).not.toContainEqual(['allow', 'upstream_error', 'circuit_open']);
  });

  test('is one where answers break off in the middle or never come, and where no session can be opened', async () => {
    const warm = await person();
    for (const [mcpFault, method, answers] of [
      ['drop-mid', 'tools/call', 'sse'],
      ['drop-mid', 'tools/call', 'json'],
      ['drop-before', 'tools/call', 'sse'],
      ['hang', 'tools/call', 'sse'],
      ['500', 'tools/call', 'sse'],
      ['500', 'initialize', 'sse'],
    ] as const) {
      forgetCircuits();
      limits.timeoutMs = 200;
      gate.sandbox.set({ mcpFault: null });
      // Without a session of its own yet, where the opening is what fails.
      const theirs = method === 'initialize' ? await newcomer() : warm;
      gate.sandbox.set({ mcpFault, faultMethods: [method], answers });
      const before = await inTurn(CONNECTION_RULES.failures, () => post(gate, theirs, write()));
      expect([mcpFault, before.some(isRefusedAtOnce)]).toEqual([mcpFault, false]);
      expect([mcpFault, isRefusedAtOnce(await post(gate, theirs, write()))]).toEqual([mcpFault, true]);
    }
  });

  test('is not one through which an agent left in the middle of its answers', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    const theirs = await newcomer();
    raw.answer((response, { message }) => {
      setTimeout(
        () => answerJson(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } }),
        150,
      );
    });
    for (let n = 0; n <= CONNECTION_RULES.failures; n += 1) {
      const leaving = new AbortController();
      const left = fetch(gate.url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${theirs}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify(write()),
        signal: leaving.signal,
      }).catch(() => 'left');
      await until(() => raw.of('tools/call').length === n + 1);
      leaving.abort();
      expect(await left).toBe('left');
    }
    expect((await post(gate, theirs, callOf(READ))).body.result).toEqual({ content: [] });
  });
});

describe('UF-15: a full outage', () => {
  test('is answered within 100 ms once it is known, disconnects nobody, and ends by itself', async () => {
    const crowd = await Promise.all(times(4, person));
    const late = await person();
    const closed = createServer();
    await new Promise<void>((resolve) => {
      closed.listen(0, '127.0.0.1', resolve);
    });
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    setEnv({ ASANA_MCP_URL: `http://127.0.0.1:${port}/v2/mcp` });
    await inTurn(ASANA_RULES.failures, (n) => post(gate, crowd[n % crowd.length]!, write()));
    expect(readCircuits()).toMatchObject({ state: 'open', since: expect.any(Date), pausedConnections: 0 });

    asked.length = 0;
    await newRecords();
    const tookMs = await inTurn(5, async () => {
      const startedMs = performance.now();
      expect(toldOf(await post(gate, late, write()))).toEqual([502, 1502, 'not_sent']);
      return performance.now() - startedMs;
    });
    // The quickest: what a busy machine adds is not the gate's.
    expect(Math.min(...tookMs)).toBeLessThan(100);
    expect(asked).toEqual([]);
    expect(await outcomesOf()).toEqual(times(5, () => ['allow', 'upstream_error', 'circuit_open']));

    // An hour of it: every pause ends with one call, and no more.
    for (let pauseMs = FIRST_PAUSE_MS; pauseMs < 3_600_000; pauseMs *= 4) {
      aheadMs += pauseMs;
      asked.length = 0;
      await Promise.all(crowd.map((bearer) => post(gate, bearer, write())));
      expect(asked).toHaveLength(1);
    }
    aheadMs += FIRST_PAUSE_MS * 10;
    expect(readCircuits().state).toBe('probing');
    setEnv({ ASANA_MCP_URL: gate.sandbox.mcpUrl });
    expect((await post(gate, late, write())).status).toBe(200);
    const answers = await Promise.all(crowd.map((bearer) => post(gate, bearer, write())));
    expect(answers.map(({ status }) => status)).toEqual(crowd.map(() => 200));
    expect(readCircuits()).toEqual({ state: 'closed', since: null, failures: 0, pausedConnections: 0 });
  });

  test('is not one person’s: a connection that fails, and fails again at every try, refuses nobody else', async () => {
    const [theirs, other] = [await person(), await person()];
    gate.sandbox.set({ mcpFault: '502', faultMethods: ['tools/call'] });
    for (let n = 0; n < 2 * ASANA_RULES.failures; n += 1) {
      aheadMs += 31_000;
      await post(gate, theirs, write());
    }
    await inTurn(2, () => post(gate, other, write()));
    expect(readCircuits()).toMatchObject({ state: 'closed', pausedConnections: 1 });
    gate.sandbox.set({ mcpFault: null });
    expect((await post(gate, other, write())).status).toBe(200);
  });
});

describe('a read that hangs at Asana', () => {
  test('delays no write: through the same connection, and with all other people’s reads hanging too', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    const bearers = await Promise.all(times(6, person));
    const held: (() => void)[] = [];
    const answer = (response: Parameters<typeof answerJson>[0], id: unknown) =>
      answerJson(response, { jsonrpc: '2.0', id, result: { content: [] } });
    raw.answer((response, { message }) => {
      if (message.params?.name === READ) held.push(() => answer(response, message.id));
      else answer(response, message.id);
    });
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    // A machine that is busy refuses admissions; those are asked for again.
    const admitted = async (bearer: string, message: unknown): Promise<RpcAnswer> => {
      const answer = await post(gate, bearer, message);
      if (answer.status !== 503) return answer;
      await pause(50);
      return admitted(bearer, message);
    };
    const reads = bearers.flatMap((bearer) => times(50, () => admitted(bearer, callOf(READ))));
    try {
      // All of them, or as many as there are connections for reads.
      for (const endMs = Date.now() + 30_000; held.length < 256 && Date.now() < endMs;) await pause(20);
      expect(held.length).toBeGreaterThanOrEqual(256);
      const writes = Promise.all(bearers.map((bearer) => admitted(bearer, write())));
      const statuses = await Promise.race([writes, pause(10_000)]);
      expect(statuses).toMatchObject(bearers.map(() => ({ status: 200 })));
      expect(held.length).toBeGreaterThanOrEqual(256);
    } finally {
      const timer = setInterval(() => {
        for (const end of held.splice(0)) end();
      }, 10);
      await Promise.all(reads);
      clearInterval(timer);
    }
  }, 90_000);
});
