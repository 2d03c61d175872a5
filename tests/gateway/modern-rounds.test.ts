// Questions of Asana's in the middle of a call (MCP 2026-07-28, multi round-trip requests): each round is admitted like any call, and what
// an agent keeps for Asana between two rounds is good for that agent and that call only.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { pool } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { connect, mint, watchAudit } from '../support/gate';
import { beginEvents, eventOf, startRawUpstream, type RawUpstream } from '../support/raw-upstream';
import { able, ask, startModernGate, TOOLS, type ModernGate, type Person } from '../support/modern-gate';

let gate: ModernGate;
let raw: RawUpstream;
let ana: Person;
let ben: Person;
let newRecords: () => Promise<AuditRecord[]>;

beforeAll(async () => {
  gate = await startModernGate('modern');
  raw = await startRawUpstream();
  ana = await gate.person();
  ben = await gate.person();
  newRecords = await watchAudit(gate.organization);
}, 60_000);
afterAll(async () => {
  await gate.stop();
  await raw.close();
});
beforeEach(() => {
  setEnv({ ASANA_MCP_URL: gate.fixture.url });
  gate.fixture.requests.length = 0;
});
afterEach(() => vi.useRealTimers());

const STATEFUL = 'test_input_required_result_request_state';
const ABLE = able('elicitation', 'sampling', 'roots');
const confirmed = { confirm: { action: 'accept', content: { ok: true } } };
const call = (token: string, params: Record<string, unknown>, meta: object = ABLE) =>
  ask(gate, token, 'tools/call', { arguments: {}, ...params }, { meta });
const begin = async (token = ana.token, params: Record<string, unknown> = { name: STATEFUL }) =>
  (await call(token, params)).body.result;

test('a question passes to an agent that can answer it; its answer passes to Asana and the call ends', async () => {
  const first = await begin();
  expect(first).toMatchObject({
    resultType: 'input_required',
    inputRequests: { confirm: { method: 'elicitation/create' } },
  });
  const done = await call(ana.token, {
    name: STATEFUL,
    inputResponses: confirmed,
    requestState: first.requestState,
  });
  expect(done.body.result).toMatchObject({ resultType: 'complete', content: [{ text: 'state-ok' }] });
  // What Asana kept with the agent comes back to it as it was, and the agent never saw it.
  const [, retry] = gate.fixture.requests.filter(({ message }) => message!.method === 'tools/call');
  expect(retry!.message!.params.inputResponses).toEqual(confirmed);
  expect(retry!.message!.params.requestState).not.toBe(first.requestState);
  const records = (await newRecords()).filter(({ method }) => method === 'tools/call');
  expect(records.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ['ok', undefined],
    ['ok', 'input_required'],
  ]);
});

test('what the agent answers, Asana judges: a wrong answer is asked for again', async () => {
  const { requestState } = await begin();
  const again = await call(ana.token, {
    name: STATEFUL,
    inputResponses: { confirm: null, other: 7 },
    requestState,
  });
  expect(again.body.result.resultType).toBe('input_required');
});

describe('T14 F10: a state is refused, and nothing goes to Asana, when', () => {
  const REFUSED = { status: 400, code: -32602, sent: [], outcome: 'upstream_error', reason: 'request_state' };
  const retried = async (token: string, params: Record<string, unknown>) => {
    gate.fixture.requests.length = 0;
    await newRecords();
    const { status, body } = await call(token, { name: STATEFUL, inputResponses: confirmed, ...params });
    const [record] = await newRecords();
    const { outcome, reason } = record!;
    return { status, code: body.error?.code, sent: [...gate.fixture.requests], outcome, reason };
  };

  test('it was changed, or is none of ours', async () => {
    const { requestState } = await begin();
    for (const other of [
      `${requestState}-TAMPERED`,
      requestState.slice(0, -2),
      '',
      'e30=',
      7,
      null,
      { a: 1 },
    ])
      expect(await retried(ana.token, { requestState: other })).toEqual(REFUSED);
  });

  test('another person brings it, or another token of the same person', async () => {
    const { requestState } = await begin();
    expect(await retried(ben.token, { requestState })).toEqual(REFUSED);
    const { token: second } = await mint(ana.member, { connectionId: ana.member.connectionId! });
    expect(await retried(second, { requestState })).toEqual(REFUSED);
  });

  test('it comes through another connection', async () => {
    const { token, member } = await gate.person();
    const { requestState } = await begin(token);
    await pool().query("UPDATE connections SET status = 'needs_reconnect' WHERE id = $1", [
      member.connectionId,
    ]);
    await connect(gate, member, 'ben@example.com');
    // Its first call through the other connection asks what Asana speaks.
    await ask(gate, token, 'server/discover');
    expect(await retried(token, { requestState })).toEqual(REFUSED);
  });

  test('the tool or the arguments are others', async () => {
    const { requestState } = await begin();
    expect(
      await retried(ana.token, { requestState, name: 'test_input_required_result_tampered_state' }),
    ).toEqual(REFUSED);
    expect(await retried(ana.token, { requestState, arguments: { ok: 1 } })).toEqual(REFUSED);
    const { requestState: of } = await begin(ana.token, { name: STATEFUL, arguments: { a: 1, b: 2 } });
    // The same arguments in another order are the same arguments.
    const same = await call(ana.token, {
      name: STATEFUL,
      arguments: { b: 2, a: 1 },
      inputResponses: confirmed,
      requestState: of,
    });
    expect(same.body.error).toMatchObject({
      code: -32602,
      message: expect.not.stringContaining('given for this very call'),
    });
  });

  test('it is older than ten minutes', async () => {
    const { requestState } = await begin();
    const nowMs = Date.now();
    vi.useFakeTimers({ toFake: ['Date'], now: nowMs + 9 * 60_000 });
    const state = { name: STATEFUL, inputResponses: confirmed, requestState };
    expect((await call(ana.token, state)).body.result.content[0].text).toBe('state-ok');
    vi.setSystemTime(nowMs + 10 * 60_000);
    const { status, body } = await call(ana.token, state);
    expect([status, body.error?.code]).toEqual([400, -32602]);
  });

  test('the family was closed meanwhile; and a tool that was closed meanwhile is unknown', async () => {
    const cid = await gate.person();
    const { requestState } = await begin(cid.token);
    await cid.allow(TOOLS, ['logging']);
    expect(await retried(cid.token, { requestState })).toEqual(REFUSED);
    await cid.allow(['test_simple_text'], ['client_requests']);
    const { body } = await call(cid.token, { name: STATEFUL, inputResponses: confirmed, requestState });
    expect(body.error).toEqual({ code: -32602, message: `Unknown tool: ${STATEFUL}` });
  });
});

test('F2: a state of one tool opens no other that is hidden', async () => {
  const cid = await gate.person({ tools: [STATEFUL] });
  const { requestState } = await begin(cid.token);
  gate.fixture.requests.length = 0;
  const { body } = await call(cid.token, {
    name: 'test_simple_text',
    inputResponses: confirmed,
    requestState,
  });
  expect(body.error).toEqual({ code: -32602, message: 'Unknown tool: test_simple_text' });
  expect(gate.fixture.requests).toEqual([]);
});

test('an agent that declared nothing, or whose groups do not open it, is asked nothing', async () => {
  for (const [token, meta] of [
    [ana.token, {}],
    [(await gate.person({ methods: ['logging'] })).token, ABLE],
  ] as const) {
    const { status, body } = await call(token, { name: STATEFUL }, meta);
    expect([status, body.error?.code]).toEqual([400, -32021]);
    expect(body.error?.data).toEqual({ requiredCapabilities: { elicitation: {} } });
  }
});

describe('an Asana that asks what it may not', () => {
  const question = { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: {} } };
  const discovered = {
    resultType: 'complete',
    supportedVersions: ['2026-07-28'],
    capabilities: { resources: {}, prompts: {} },
  };
  let answer: object = {};
  let inEvents = false;
  beforeAll(() => {
    raw.answerAll((response, { message: { id, method } }) => {
      const result = method === 'server/discover' ? discovered : answer;
      const text = { jsonrpc: '2.0', id, result };
      if (inEvents && method !== 'server/discover') {
        beginEvents(response);
        return response.end(eventOf(text));
      }
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(text));
    });
  });
  beforeEach(() => setEnv({ ASANA_MCP_URL: raw.url }));
  const asks = async (asked: object, method = 'tools/call', meta: object = able('elicitation')) => {
    answer = { resultType: 'input_required', ...asked };
    return ask(gate, ana.token, method, method === 'tools/call' ? { name: STATEFUL, arguments: {} } : {}, {
      meta,
    });
  };

  test('is heard where it may', async () => {
    for (inEvents of [false, true]) {
      const { body } = await asks({ inputRequests: { a: question }, requestState: 'mine' });
      expect(body.result).toMatchObject({ resultType: 'input_required', inputRequests: { a: question } });
      expect(body.result.requestState).not.toBe('mine');
    }
    // Only a state, and nothing to answer: the agent comes again.
    expect((await asks({ requestState: 'mine' })).body.result.resultType).toBe('input_required');
  });

  test.each<[string, object, string?]>([
    [
      'something that the agent did not declare',
      { inputRequests: { a: { ...question, method: 'sampling/createMessage' } } },
    ],
    ['one such thing among others', { inputRequests: { a: question, b: { method: 'roots/list' } } }],
    ['a method that nobody knows', { inputRequests: { a: { method: 'tools/call', params: {} } } }],
    ['nothing at all', { inputRequests: {} }],
    ['with a state that is no text', { inputRequests: { a: question }, requestState: { a: 1 } }],
    [
      'with a state that could not come back',
      { inputRequests: { a: question }, requestState: 's'.repeat(262_145) },
    ],
    ['on a list of tools', { inputRequests: { a: question }, tools: [] }, 'resources/list'],
    ['in a type of result that nobody knows', { resultType: 'other', content: [] }],
  ])('%s is not passed on', async (_, asked, method) => {
    for (inEvents of [false, true]) {
      const { status, body, text } = await asks(asked, method);
      expect([status, body.error?.code, body.error?.data]).toEqual([502, 1502, { outcome: 'unknown' }]);
      expect(text).not.toContain('Who?');
    }
    inEvents = false;
  });

  test('is cut where its question hides in a result too large to be held', async () => {
    const big = { content: [{ type: 'text', text: 'x'.repeat(1_200_000) }] };
    const asked = call(ana.token, { name: STATEFUL });
    answer = { ...big, inputRequests: { a: question }, resultType: 'input_required' };
    await expect(asked).rejects.toThrow();
    // A large one that is complete, or says nothing of its type, passes and says it.
    for (const type of [{ resultType: 'complete' }, {}]) {
      answer = { ...big, ...type };
      const { body } = await call(ana.token, { name: STATEFUL });
      expect([body.result.resultType, body.result.content[0].text.length]).toEqual(['complete', 1_200_000]);
    }
  });
});
