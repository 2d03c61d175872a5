// When Asana fails, each failure has its name, its status and its outcome on record; a write is never sent twice, and what may have
// happened is never called a success or a failure.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { updateTool } from '@/lib/catalogue/catalogue';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import type { OutboundRequest } from '@/lib/http';
import type { Switches } from '@/lib/sandbox/switches';
import { SEED } from '@/lib/sandbox/world-seed';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { makeNewcomer, startGateAndRaw } from '../support/acme';
import {
  callOf,
  connect,
  emailIn,
  forgetCircuits,
  forgetThrottles,
  headersFor,
  hello,
  makeOrganization,
  mint,
  openSession,
  post,
  rpc,
  until,
  watchAudit,
  type Gate,
  type RpcAnswer,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import { answerJson, beginEvents, type RawUpstream } from '../support/raw-upstream';

// The gate waits a minute for an answer; these tests wait less, and all else is the real thing.
const limits = { timeoutMs: Infinity, idleTimeoutMs: Infinity, deadlineMs: Infinity };
vi.mock('@/lib/http', async (load) => {
  const http = await load<typeof import('@/lib/http')>();
  return {
    ...http,
    openOutbound: (url: string, options: OutboundRequest) =>
      http.openOutbound(url, {
        ...options,
        timeoutMs: Math.min(options.timeoutMs, limits.timeoutMs),
        idleTimeoutMs: Math.min(options.idleTimeoutMs ?? options.timeoutMs, limits.idleTimeoutMs),
        ...(limits.deadlineMs === Infinity ? {} : { deadlineMs: limits.deadlineMs }),
      }),
  };
});

let gate: Gate;
let raw: RawUpstream;
let organization: TestOrganization;
let token: string;
let rawToken: string;
let newRecords: () => Promise<AuditRecord[]>;
const READ = 'get_me';
const WRITE = 'add_comment';

beforeAll(async () => {
  ({ gate, raw } = await startGateAndRaw());
  organization = await makeOrganization(gate, 'Acme');
  ({ token } = await mint(await person()));
  ({ token: rawToken } = await mint(await person()));
  await post(gate, token, callOf(READ));
  newRecords = await watchAudit(organization);
});
afterAll(() => gate.stop());
beforeEach(async () => {
  await newRecords();
  gate.sandbox.log.clear();
  raw.requests.length = 0;
});
afterEach(stillAnswers);

/** L: with the fault away, an ordinary call is answered. */
async function stillAnswers(): Promise<void> {
  Object.assign(limits, { timeoutMs: Infinity, idleTimeoutMs: Infinity, deadlineMs: Infinity });
  setEnv({ ASANA_MCP_URL: gate.sandbox.mcpUrl });
  gate.sandbox.set({
    mcpFault: null,
    faultMethods: null,
    faultCount: null,
    next401: 0,
    answers: 'sse',
    tokenFault: null,
  });
  await forgetThrottles();
  forgetCircuits();
  expect(emailIn(await post(gate, token, callOf(READ)))).toBe('ana@example.com');
}

/** A new member who may call both tools, with a connection that nothing went through yet. */
const person = () => makeNewcomer(gate, organization, [READ, WRITE]);

const write = () => callOf(WRITE, { task_id: SEED.homepageCopy, text: `comment ${Math.random()}` });
const comments = () => [...gate.sandbox.world.stories.values()].length;
const sentCalls = () => gate.sandbox.log.count(({ rpc: sent }) => sent?.method === 'tools/call');
const refreshes = () => gate.sandbox.log.count(({ path }) => path === '/-/oauth_token');
/** Connections that somebody is asked to renew. */
const ended = async () =>
  (await pool().query(`SELECT id FROM connections WHERE status <> 'active' ORDER BY id`)).rows;
/** The agent's calls on record, without those that Gatehouse made for its own session. */
const agentCalls = async () =>
  (await newRecords())
    .filter(({ credential }) => credential.kind === 'agent_token')
    .map(({ decision, outcome, reason }) => [decision, outcome, reason]);
const outcomeOf = ({ body }: RpcAnswer) => body.error?.data?.outcome as string | undefined;

interface Fault {
  what: string;
  fault: Switches['mcpFault'];
  answers?: Switches['answers'];
  status: number;
  code: number;
  told: string;
  outcome: string;
  reason: string;
  /** Whether the sandbox carried the write out before its answer was spoiled. */
  happened: boolean;
}

const unknown = { status: 502, code: 1502, told: 'unknown', outcome: 'unknown' };
const FAULTS: Fault[] = [
  { what: 'UF-07: a 500', fault: '500', ...unknown, reason: 'status_500', happened: false },
  { what: 'UF-07: a 502', fault: '502', ...unknown, reason: 'status_502', happened: false },
  { what: 'UF-07: a 503', fault: '503', ...unknown, reason: 'status_503', happened: false },
  { what: 'UF-07: a 504', fault: '504', ...unknown, status: 504, reason: 'status_504', happened: false },
  {
    ...{ what: 'UF-03: a 403', fault: '403', status: 502, code: 1502, told: 'not_executed' },
    ...{ outcome: 'upstream_error', reason: 'status_403', happened: false },
  },
  {
    ...{ what: 'UF-04: a 429', fault: '429', status: 429, code: 1429, told: 'not_executed' },
    ...{ outcome: 'upstream_error', reason: 'status_429', happened: false },
  },
  {
    what: 'UF-11: a drop before the headers',
    fault: 'drop-before',
    ...unknown,
    reason: 'cut',
    happened: false,
  },
  { what: 'UF-11: a drop after the work', fault: 'drop-after', ...unknown, reason: 'cut', happened: true },
  {
    what: 'UF-11: a drop mid-body',
    fault: 'drop-mid',
    answers: 'json',
    ...unknown,
    reason: 'cut',
    happened: true,
  },
  { what: 'UF-11: a drop mid-event', fault: 'drop-mid', ...unknown, reason: 'not_an_answer', happened: true },
  { what: 'UF-13: nonsense', fault: 'nonsense', ...unknown, reason: 'not_an_answer', happened: false },
  { what: 'UF-13: a page of HTML', fault: 'html', ...unknown, reason: 'unreadable_type', happened: false },
  { what: 'UF-13: a wrong type', fault: 'wrong-type', ...unknown, reason: 'unreadable_type', happened: true },
  {
    what: 'UF-13: an empty 200',
    fault: 'no-answer',
    answers: 'json',
    ...unknown,
    reason: 'not_an_answer',
    happened: true,
  },
  {
    what: 'UF-13: a stream without an answer',
    fault: 'no-answer',
    ...unknown,
    reason: 'cut',
    happened: true,
  },
  {
    what: 'RF-19: another’s id as JSON',
    fault: 'wrong-id',
    answers: 'json',
    ...unknown,
    reason: 'not_an_answer',
    happened: true,
  },
  {
    what: 'RF-19: another’s id as an event',
    fault: 'wrong-id',
    ...unknown,
    reason: 'not_an_answer',
    happened: true,
  },
  {
    ...{ what: 'RF-24: a redirect', fault: 'redirect', status: 502, code: 1502, told: 'not_executed' },
    ...{ outcome: 'upstream_error', reason: 'status_307', happened: false },
  },
];

describe('a write that meets a fault is sent once, and answered and recorded as what is known of it', () => {
  for (const { what, fault, answers = 'sse', status, code, told, outcome, reason, happened } of FAULTS)
    test(what, async () => {
      const before = comments();
      const endedBefore = await ended();
      gate.sandbox.set({ mcpFault: fault, answers, faultMethods: ['tools/call'] });
      const answer = await post(gate, token, write());
      expect([answer.status, answer.body.error?.code, outcomeOf(answer)]).toEqual([status, code, told]);
      expect(answer.body).not.toHaveProperty('result');
      expect(gate.upstreamCalls()).toEqual([{ method: 'tools/call', tool: WRITE }]);
      expect(gate.sandbox.log.entries).toHaveLength(1);
      expect(comments() - before).toBe(happened ? 1 : 0);
      expect(await agentCalls()).toEqual([['allow', outcome, reason]]);
      expect(await ended()).toEqual(endedBefore);
    });

  test('RF-21: a stream of comments that never ends is cut off, and nothing of it is kept', async () => {
    limits.deadlineMs = 1_500;
    gate.sandbox.set({ mcpFault: 'endless-comments', faultMethods: ['tools/call'] });
    const heapBefore = process.memoryUsage().heapUsed;
    const answer = await post(gate, token, write());
    expect([answer.status, outcomeOf(answer)]).toEqual([502, 'unknown']);
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(100 * 1024 * 1024);
    expect(gate.upstreamCalls()).toEqual([{ method: 'tools/call', tool: WRITE }]);
    expect((await agentCalls()).map(([, outcome]) => outcome)).toEqual(['unknown']);
  });

  // What the sandbox can do to an answer of its own, to a list and to a call.
  const PASSING: Switches['mcpFault'][] = [
    ...(['events-crlf', 'events-cr', 'events-bom', 'events-no-space', 'events-comments'] as const),
    ...(['events-many-lines', 'events-no-end', 'byte-by-byte', 'type-odd-case', 'status-203'] as const),
  ];
  const REFUSED: [Switches['mcpFault'], string][] = [
    ...(['gzip', 'br', 'deflate', 'type-missing', 'type-html'] as const).map(
      (fault): [Switches['mcpFault'], string] => [fault, 'unreadable_type'],
    ),
    ['error-and-result', 'not_an_answer'],
    ['endless-json', 'cut'],
    ['endless-event', 'not_an_answer'],
  ];

  test.each(PASSING)(
    'RF-03 RF-05 RF-06 RF-07 RF-10 RF-11: %s is understood, filtered, and done once',
    async (fault) => {
      for (const answers of ['sse', 'json'] as const) {
        gate.sandbox.set({ answers, mcpFault: fault, faultMethods: ['tools/list', 'tools/call'] });
        const { body, text } = await post(gate, token, rpc('tools/list'));
        expect(body.result.tools.map(({ name }: { name: string }) => name).toSorted()).toEqual(
          [WRITE, READ].toSorted(),
        );
        expect(text).not.toContain('delete_task');
        const before = comments();
        expect((await post(gate, token, write())).body.result.content).toHaveLength(1);
        expect(comments()).toBe(before + 1);
      }
      expect((await agentCalls()).map(([, outcome]) => outcome)).toEqual(['ok', 'ok', 'ok', 'ok']);
    },
  );

  test.each(REFUSED)(
    'RF-09 RF-12 RF-13 RF-21: %s passes nothing',
    async (fault, reason) => {
      for (const answers of ['sse', 'json'] as const) {
        gate.sandbox.set({ answers, mcpFault: fault, faultMethods: ['tools/list', 'tools/call'] });
        for (const message of [rpc('tools/list'), write()]) {
          const answer = await post(gate, token, message);
          expect([answer.status, outcomeOf(answer)]).toEqual([502, 'unknown']);
          expect(answer.text).not.toMatch(/delete_task|inputSchema/);
        }
      }
      expect(await agentCalls()).toEqual(Array.from({ length: 4 }, () => ['allow', 'unknown', reason]));
      expect(sentCalls()).toBe(2);
    },
    60_000,
  );

  test('RF-08: a second answer changes nothing', async () => {
    gate.sandbox.set({ mcpFault: 'second-answer', faultMethods: ['tools/call'] });
    const { status, body } = await post(gate, token, callOf(READ));
    expect([status, body.result.content.length]).toEqual([200, 1]);
    expect(await agentCalls()).toEqual([['allow', 'ok', undefined]]);
  });

  test('UF-09 T13: no answer in time is 504, and the connection to Asana is given up', async () => {
    limits.timeoutMs = 300;
    gate.sandbox.set({ mcpFault: 'hang', faultMethods: ['tools/call'] });
    const answer = await post(gate, token, write());
    expect([answer.status, answer.body.error?.code, outcomeOf(answer)]).toEqual([504, 1504, 'unknown']);
    expect(sentCalls()).toBe(1);
    expect(gate.sandbox.log.entries[0]!.closedEarly).toBe(true);
    expect(await agentCalls()).toEqual([['allow', 'unknown', 'timeout']]);
  });

  test('UF-09: a deadline that was hit frees the places of the calls that waited', async () => {
    limits.timeoutMs = 300;
    const { token: theirs } = await mint(await person());
    await post(gate, theirs, callOf(READ));
    gate.sandbox.set({ mcpFault: 'hang', faultMethods: ['tools/call'] });
    // As many as may be in flight through one connection.
    const hung = await Promise.all(Array.from({ length: 15 }, () => post(gate, theirs, write())));
    expect(hung.map(({ status }) => status)).toEqual(Array.from({ length: 15 }, () => 504));
    gate.sandbox.set({ mcpFault: null, faultMethods: null });
    forgetCircuits();
    const startedMs = performance.now();
    expect((await post(gate, theirs, write())).status).toBe(200);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
  });

  test('UF-09: Asana’s own 504 is 504 too', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    raw.answer((response) => response.writeHead(504).end());
    const answer = await post(gate, rawToken, write());
    expect([answer.status, outcomeOf(answer)]).toEqual([504, 'unknown']);
    expect(await agentCalls()).toEqual([['allow', 'unknown', 'status_504']]);
  });

  test('UF-10 UF-11: silence in the middle of an answer ends it, as JSON and as events', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    limits.idleTimeoutMs = 300;
    for (const type of ['application/json', 'text/event-stream']) {
      raw.answer((response) =>
        beginEvents(response, type).write(type.endsWith('json') ? '{"jsonrpc"' : 'data: {"js'),
      );
      raw.requests.length = 0;
      const answer = await post(gate, rawToken, write());
      expect([answer.status, outcomeOf(answer)]).toEqual([502, 'unknown']);
      expect(raw.of('tools/call')).toHaveLength(1);
      expect((await agentCalls()).map(([, outcome]) => outcome)).toEqual(['unknown']);
    }
  });

  test('UF-10: an answer that drips in byte by byte is read', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    raw.answer(async (response, { message }) => {
      beginEvents(response);
      const text = `data: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { content: [], é: 1 } })}\n\n`;
      for (const byte of Buffer.from(text)) {
        response.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    expect((await post(gate, rawToken, write())).body.result).toEqual({ content: [], é: 1 });
  });

  test('a reset after the first progress ends the stream with an error, not in silence', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    raw.answer((response) => {
      const params = { progressToken: 1, progress: 1 };
      const progress = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params });
      beginEvents(response).write(`data: ${progress}\n\ndata: {"jsonrpc":"2.0","id"`, () =>
        setTimeout(() => response.destroy(), 50),
      );
    });
    const message = write();
    (message.params as any)._meta = { progressToken: 1 };
    const answer = await post(gate, rawToken, message);
    expect(answer.status).toBe(200);
    expect(answer.text.match(/data: /g)).toHaveLength(2);
    expect(answer.body).toMatchObject({
      id: message.id,
      error: { code: 1502, data: { outcome: 'unknown' } },
    });
    expect(await agentCalls()).toEqual([['allow', 'unknown', 'cut']]);
  });
});

describe('a token that Asana refuses', () => {
  for (const [when, warm] of [
    ['in the middle of a session', true],
    ['before Gatehouse opened its own session', false],
  ] as const) {
    test(`UF-01: ${when} is refreshed once and the call sent again, once`, async () => {
      const { token: theirs } = await mint(await person());
      if (warm) await post(gate, theirs, callOf(READ));
      await newRecords();
      gate.sandbox.log.clear();
      const before = comments();
      gate.sandbox.set({ next401: 1 });
      const answer = await post(gate, theirs, write());
      expect(answer.body.result?.isError).not.toBe(true);
      expect(answer.status).toBe(200);
      expect(refreshes()).toBe(1);
      expect(sentCalls()).toBe(warm ? 2 : 1);
      expect(comments() - before).toBe(1);
      expect(await agentCalls()).toEqual([['allow', 'ok', undefined]]);
    });

    test(`UF-02: ${when}, and after its refresh again, ends with the link to reconnect and no loop`, async () => {
      const { token: theirs } = await mint(await person());
      if (warm) await post(gate, theirs, callOf(READ));
      await newRecords();
      gate.sandbox.log.clear();
      gate.sandbox.set({ next401: 1_000 });
      const { status, body } = await post(gate, theirs, write());
      expect([status, body.result.isError]).toEqual([200, true]);
      expect(body.result.content[0].text).toContain(`${new URL(gate.url).origin}/connections`);
      expect(refreshes()).toBe(1);
      expect(gate.sandbox.log.entries).toHaveLength(3);
      expect((await agentCalls()).map(([, outcome]) => outcome)).toEqual([
        warm ? 'upstream_error' : 'tool_error',
      ]);
    });
  }

  test('UF-22: an authorization that has ended at Asana is said so, with the link; lists still answer', async () => {
    const member = await person();
    const { token: theirs } = await mint(member);
    await post(gate, theirs, callOf(READ));
    gate.sandbox.revokeAll({});
    await newRecords();
    gate.sandbox.log.clear();
    for (let time = 0; time < 3; time += 1) {
      const { body } = await post(gate, theirs, write());
      expect(body.result.isError).toBe(true);
      expect(body.result.content[0].text).toContain('/connections');
    }
    expect([refreshes(), sentCalls()]).toEqual([1, 1]);
    expect((await agentCalls()).map(([, outcome, reason]) => [outcome, reason])).toEqual(
      Array.from({ length: 3 }, () => ['tool_error', 'no_connection']),
    );
    const { body } = await post(gate, theirs, rpc('tools/list'));
    expect(body.result.tools.map(({ name }: { name: string }) => name).sort()).toEqual([WRITE, READ].sort());
    ({ token } = await mint(await person()));
  });

  test('UF-23: a refresh that fails for now sends nothing and ends nothing', async () => {
    const { token: theirs } = await mint(await person());
    await post(gate, theirs, callOf(READ));
    await newRecords();
    gate.sandbox.log.clear();
    gate.sandbox.set({ next401: 1, tokenFault: '500' });
    const answer = await post(gate, theirs, write());
    expect([answer.status, outcomeOf(answer)]).toEqual([502, 'not_sent']);
    expect(sentCalls()).toBe(1);
    expect(await agentCalls()).toEqual([['allow', 'upstream_error', 'refresh_server_error']]);
    // The token that was not refused lives on, and so does the connection.
    gate.sandbox.set({ tokenFault: null });
    expect(emailIn(await post(gate, theirs, callOf(READ)))).toBe('ana@example.com');
  });
});

describe('a call that waited for a refresh is judged again before it is sent', () => {
  /** A call of a new person whose token has to be refreshed first, which takes more than a second; `meanwhile` happens then. */
  async function callWhile(meanwhile: (who: TestMember & { tokenId: string }) => Promise<unknown>) {
    const member = await person();
    const { id: tokenId, token: theirs } = await mint(member);
    await post(gate, theirs, callOf(READ));
    await newRecords();
    gate.sandbox.log.clear();
    await pool().query(`UPDATE connections SET access_expires_at = now() WHERE id = $1`, [
      member.connectionId,
    ]);
    gate.sandbox.set({ tokenFault: 'slow', slowMs: 1_200 });
    const pending = post(gate, theirs, callOf(READ));
    await until(() => refreshes() === 1);
    await meanwhile({ ...member, tokenId });
    return pending;
  }

  test('and sent, once, if nothing changed', async () => {
    expect(emailIn(await callWhile(() => Promise.resolve()))).toBe('ana@example.com');
    expect(sentCalls()).toBe(1);
    expect(await agentCalls()).toEqual([['allow', 'ok', undefined]]);
  });

  test('PB-16: not if its tool was closed', async () => {
    const change = (blocked: boolean) =>
      transaction((tx) => updateTool(tx, organization.actor, READ, { blocked }));
    const answer = await callWhile(() => change(true));
    expect(answer.body.error).toEqual({ code: -32602, message: `Unknown tool: ${READ}` });
    expect(sentCalls()).toBe(0);
    expect(await agentCalls()).toEqual([['allow', 'upstream_error', 'blocked']]);
    await change(false);
  });

  test('PB-26: not if its token was revoked', async () => {
    const answer = await callWhile(({ id, tokenId }) =>
      transaction((tx) => revokeAgentToken(tx, { ...organization.actor, memberId: id }, tokenId)),
    );
    expect(answer.status).toBe(401);
    expect(sentCalls()).toBe(0);
    expect(await agentCalls()).toEqual([['allow', 'upstream_error', 'revoked_meanwhile']]);
  });

  test('not if it is no longer clear through which connection', async () => {
    const answer = await callWhile((who) => connect(gate, who, 'ben@example.com'));
    expect(answer.body.result.isError).toBe(true);
    expect(answer.body.result.content[0].text).toContain('several');
    expect(sentCalls()).toBe(0);
    expect(await agentCalls()).toEqual([['allow', 'upstream_error', 'no_connection']]);
  });

  test('PB-26: not if its connection has ended', async () => {
    const answer = await callWhile(({ connectionId }) =>
      pool().query('DELETE FROM connections WHERE id = $1', [connectionId]),
    );
    expect(answer.body.result.isError).toBe(true);
    expect(answer.body.result.content[0].text).toContain('/connections');
    expect(sentCalls()).toBe(0);
    expect((await agentCalls()).map(([decision]) => decision)).toEqual(['allow']);
  });
});

describe('statuses of Asana’s', () => {
  test('a session that Asana does not end is said so, with what is known', async () => {
    const theirs: [Switches['mcpFault'], number, string, string][] = [
      ['500', 502, 'unknown', 'unknown'],
      ['403', 502, 'not_executed', 'upstream_error'],
    ];
    const session = await openSession(gate, token);
    for (const [mcpFault, status, told, outcome] of theirs) {
      await newRecords();
      gate.sandbox.set({ mcpFault, faultMethods: ['DELETE'] });
      const headers = headersFor(token, { 'mcp-session-id': session });
      const response = await fetch(gate.url, { method: 'DELETE', headers });
      expect([response.status, await response.json()]).toMatchObject([
        status,
        { error: { data: { outcome: told } } },
      ]);
      expect(await agentCalls()).toEqual([['allow', outcome, `status_${mcpFault}`]]);
    }
  });

  const answeredWith = async (status: number, headers: Record<string, string> = {}, body = '') => {
    setEnv({ ASANA_MCP_URL: raw.url });
    await forgetThrottles();
    raw.requests.length = 0;
    raw.answer((response) => response.writeHead(status, headers).end(body));
    const answer = await post(gate, rawToken, write());
    expect(raw.of('tools/call')).toHaveLength(1);
    return answer;
  };

  test('UF-04: 429 is passed on with its Retry-After, between one second and five minutes, and never repeated', async () => {
    const date = (ms: number) => new Date(Date.now() + ms).toUTCString();
    const waits: [string | undefined, number, number][] = [
      ['7', 7, 7],
      ['0', 1, 1],
      ['-5', 1, 10],
      ['1.5', 1, 10],
      ['99999999999999999999', 300, 300],
      [date(20_000), 18, 20],
      [date(-20_000), 1, 1],
      [date(1e9), 300, 300],
      ['soon', 10, 10],
      ['', 10, 10],
      [undefined, 10, 10],
    ];
    for (const [given, least, most] of waits) {
      const answer = await answeredWith(429, given === undefined ? {} : { 'retry-after': given });
      expect([answer.status, answer.body.error?.code]).toEqual([429, 1429]);
      const seconds = Number(answer.headers.get('retry-after'));
      expect([given, seconds >= least && seconds <= most]).toEqual([given, true]);
      expect(answer.body.error?.data).toEqual({ outcome: 'not_executed', retryAfterSeconds: seconds });
    }
    expect(await agentCalls()).toEqual(waits.map(() => ['allow', 'upstream_error', 'status_429']));
  });

  test('UF-03: a refusal says that nothing was done, and passes on no words but those of a JSON-RPC error', async () => {
    for (const status of [402, 403, 405, 409, 410, 418, 422]) {
      const answer = await answeredWith(status, { 'content-type': 'text/html' }, '<p>delete_task');
      expect([answer.status, outcomeOf(answer)]).toEqual([502, 'not_executed']);
      expect(answer.text).not.toContain('delete_task');
    }
    const error =
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"task_id is wrong","data":{"a":1}}}';
    const answer = await answeredWith(400, { 'content-type': 'application/json' }, error);
    expect([answer.status, answer.body.error]).toEqual([400, { code: -32602, message: 'task_id is wrong' }]);
    for (const body of ['', 'no', '{"error":1}', '{"error":{"code":"x","message":1}}', 'x'.repeat(100_000)]) {
      const other = await answeredWith(400, {}, body);
      expect([other.status, outcomeOf(other)]).toEqual([502, 'not_executed']);
    }
  });

  test('UF-08: an Asana that can’t be reached was sent nothing', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => {
      closed.listen(0, '127.0.0.1', resolve);
    });
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const { token: theirs } = await mint(await person());
    const cases: [string, string][] = [
      // Through a session that is open already, and where one would have to be opened first.
      [token, 'unreachable'],
      [theirs, 'session_failed'],
    ];
    for (const [bearer, reason] of cases)
      for (const url of [`http://127.0.0.1:${port}/v2/mcp`, 'http://nowhere.invalid/v2/mcp']) {
        setEnv({ ASANA_MCP_URL: url });
        const answer = await post(gate, bearer, write());
        expect([answer.status, outcomeOf(answer)]).toEqual([502, 'not_sent']);
        expect(await agentCalls()).toEqual([['allow', 'upstream_error', reason]]);
      }
    expect(gate.sandbox.log.entries).toEqual([]);
  });

  test('UF-16: a version that Asana stopped speaking is settled anew for the next call', async () => {
    const { token: theirs } = await mint(await person());
    await post(gate, theirs, callOf(READ));
    const spoken = gate.sandbox.switches.protocolVersions;
    gate.sandbox.set({ protocolVersions: ['2025-06-18'] });
    const before = comments();
    const refused = await post(gate, theirs, write());
    expect(refused.status).toBe(400);
    expect(refused.body.error?.message).toContain('Unsupported protocol version');
    expect((await post(gate, theirs, write())).status).toBe(200);
    expect(comments() - before).toBe(1);
    gate.sandbox.set({ protocolVersions: spoken });
  });

  test('UF-16: a storm of list changes before the answer reaches no agent and asks nothing of Asana', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    const change = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })}\n\n`;
    raw.answer((response, { message }) => {
      beginEvents(response).write(change.repeat(20_000));
      response.end(
        `data: ${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { content: [] } })}\n\n`,
      );
    });
    const { text, body } = await post(gate, rawToken, callOf(READ));
    expect(body.result).toEqual({ content: [] });
    expect(text).not.toContain('list_changed');
    expect(raw.requests.filter(({ message }) => !/initialize/.test(message.method ?? ''))).toHaveLength(1);
  });

  test('a session that can’t be opened leaves the call unsent', async () => {
    const faults: [Switches['mcpFault'], number, string][] = [
      ['500', 502, 'session_failed'],
      ['nonsense', 502, 'session_malformed'],
      ['drop-before', 502, 'session_failed'],
      ['429', 429, 'session_rate_limited'],
    ];
    const { token: theirs } = await mint(await person());
    for (const [mcpFault, status, reason] of faults) {
      gate.sandbox.set({ mcpFault, faultMethods: ['initialize'] });
      expect((await post(gate, theirs, write())).status).toBe(status);
      expect(await agentCalls()).toEqual([['allow', 'upstream_error', reason]]);
    }
    expect(sentCalls()).toBe(0);
    gate.sandbox.set({ mcpFault: null, faultMethods: null });
    await forgetThrottles();
    expect((await post(gate, theirs, callOf(READ))).status).toBe(200);
  });

  test('an opening that Asana spoils opens no session', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    const opening = { capabilities: {}, serverInfo: { name: 'x', version: '1' } };
    for (const result of [{ ...opening, protocolVersion: '2099-01-01' }, opening, {}, []]) {
      raw.answerAll((response, { message }) => {
        response.setHeader('mcp-session-id', 'theirs');
        answerJson(response, { jsonrpc: '2.0', id: message.id, result });
      });
      const answer = await post(gate, rawToken, hello());
      expect([answer.status, answer.headers.get('mcp-session-id')]).toEqual([502, null]);
    }
  });
});
