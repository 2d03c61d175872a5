// Agents of the modern era whose calls an Asana of the older one interrupts with questions: each becomes an `input_required` result, the
// call waits here for its retry, and what waits is bounded, belongs to one agent and one call, and ends with the access behind it.
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { METHOD_FAMILIES } from '@/lib/policy/policy';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { mint, until, watchAudit } from '../support/gate';
import { able, ask, startModernGate, TOOLS, type ModernGate, type Person } from '../support/modern-gate';
import { beginEvents, eventOf, startRawUpstream, type RawUpstream } from '../support/raw-upstream';

let gate: ModernGate;
let raw: RawUpstream;
let ana: Person;
let ben: Person;
let newRecords: () => Promise<AuditRecord[]>;

beforeAll(async () => {
  gate = await startModernGate('legacy');
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

const ABLE = able('elicitation', 'sampling', 'roots');
const ANSWER = { action: 'accept', content: { username: 'u', email: 'u@example.com' } };
const NAME = 'test_elicitation';
const ASKS = { name: NAME, arguments: { message: 'Who?' } };
const call = (token: string, params: Record<string, unknown> = ASKS, meta: object = ABLE) =>
  ask(gate, token, 'tools/call', params, { meta });
const retry = (token: string, asked: any, inputResponses: object, params: object = ASKS) =>
  call(token, { ...params, inputResponses, requestState: asked.requestState });
const answersTo = (asked: any, answer: object = ANSWER) =>
  Object.fromEntries(Object.keys(asked.inputRequests).map((key) => [key, answer]));
const sent = (method: string) => gate.fixture.requests.filter(({ message }) => message?.method === method);
const answersSent = () =>
  gate.fixture.requests.filter(({ message }) => message !== null && message.method === undefined);
const without = (...closed: string[]) => METHOD_FAMILIES.filter((family) => !closed.includes(family));

describe('a question of Asana’s', () => {
  test('asks the agent; its retry brings the answer, and the call goes on: Asana is called once', async () => {
    await newRecords();
    const { body } = await call(ana.token);
    expect(body.result).toMatchObject({ resultType: 'input_required' });
    const [request] = Object.values(body.result.inputRequests);
    expect(request).toMatchObject({ method: 'elicitation/create', params: { message: 'Who?' } });
    const done = await retry(ana.token, body.result, answersTo(body.result));
    expect(done.body.result).toMatchObject({ resultType: 'complete' });
    expect(done.body.result.content[0].text).toContain('action=accept');
    expect(sent('tools/call')).toHaveLength(1);
    expect(answersSent().map(({ message }) => message!.result)).toEqual([ANSWER]);
    const records = (await newRecords()).filter(({ method }) => method === 'tools/call');
    expect(records.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['ok', undefined],
      ['ok', 'input_required'],
    ]);
  });

  test('is asked again where the retry leaves it out, and several come together', async () => {
    const params = { name: 'test_input_required_result_multiple_inputs', arguments: {} };
    const asked = (await call(ana.token, params)).body.result;
    const [first, ...others] = Object.entries<any>(asked.inputRequests);
    expect(others).toHaveLength(2);
    const of = (method: string) =>
      method === 'elicitation/create'
        ? { action: 'accept', content: { name: 'Ada' } }
        : method === 'roots/list'
          ? { roots: [] }
          : { role: 'assistant', model: 'm', content: { type: 'text', text: 'hi' } };
    const part = await retry(ana.token, asked, { [first![0]]: of(first![1].method) }, params);
    expect(Object.keys(part.body.result.inputRequests)).toEqual(others.map(([key]) => key));
    expect(answersSent()).toEqual([]);
    const rest = Object.fromEntries(others.map(([key, { method }]) => [key, of(method)]));
    const done = await retry(ana.token, part.body.result, rest, params);
    expect(done.body.result.content[0].text).toContain('user_name, greeting, client_roots');
    expect(answersSent()).toHaveLength(3);
  });

  test('is one that the agent declared and a group opens: Asana is told no other', async () => {
    const told = async (person: Person, meta: object) => {
      const { body } = await call(person.token, ASKS, meta);
      expect(body.error).toBeDefined();
      return sent('initialize').at(-1)!.message!.params.capabilities;
    };
    expect(await told(await gate.person(), able('sampling'))).toEqual({ sampling: {} });
    expect(await told(await gate.person({ methods: without('client_requests') }), ABLE)).toEqual({});
  });

  test('T14: is answered by who was asked: not by another person or token, for other arguments, or twice', async () => {
    const asked = (await call(ana.token)).body.result;
    const refused = async (token: string, params: object = ASKS, state: object = asked) =>
      (await retry(token, state, answersTo(asked), params)).body.error?.code;
    expect(await refused(ben.token)).toBe(-32602);
    expect(await refused((await mint(ana.member)).token)).toBe(-32602);
    expect(await refused(ana.token, { name: NAME, arguments: { message: 'Else?' } })).toBe(-32602);
    expect(await refused(ana.token, ASKS, { requestState: `${asked.requestState}x` })).toBe(-32602);
    expect(answersSent()).toEqual([]);
    expect((await retry(ana.token, asked, answersTo(asked))).body.result.resultType).toBe('complete');
    // It waits no more, here or at any other process: nobody can say what became of it.
    const again = await retry(ana.token, asked, answersTo(asked));
    expect(again.body.error).toMatchObject({ code: 1502, data: { outcome: 'unknown' } });
    expect(answersSent()).toHaveLength(1);
  });

  test('is asked again where what came is no answer', async () => {
    let asked = (await call(ana.token)).body.result;
    for (const wrong of [null, 7, 'yes', [ANSWER]]) {
      const { body } = await retry(ana.token, asked, answersTo(asked, wrong as object));
      expect(body.result.inputRequests).toEqual(asked.inputRequests);
      asked = body.result;
    }
    expect(answersSent()).toEqual([]);
  });

  test('is judged anew with its retry: neither a tool nor a family that was closed meanwhile goes on', async () => {
    for (const closed of [
      { tools: ['test_simple_text'], methods: [...METHOD_FAMILIES] },
      { tools: TOOLS, methods: without('client_requests') },
    ]) {
      const person = await gate.person();
      const asked = (await call(person.token)).body.result;
      await person.allow(closed.tools, closed.methods);
      expect((await retry(person.token, asked, answersTo(asked))).body.error!.code).toBe(-32602);
    }
    expect(answersSent()).toEqual([]);
  });
});

/** An Asana of the older era that asks on the stream of each call. */
function rawLegacy(questions: object[]): { streams: ServerResponse[]; closed: () => number } {
  setEnv({ ASANA_MCP_URL: raw.url });
  raw.requests.length = 0;
  const streams: ServerResponse[] = [];
  let closed = 0;
  raw.answer((response, { message }) => {
    if (message.method === 'server/discover') return response.writeHead(405).end();
    if (message.method === undefined) return response.writeHead(202).end();
    streams.push(response);
    response.on('close', () => (closed += 1));
    beginEvents(response);
    for (const [n, question] of questions.entries())
      response.write(eventOf({ jsonrpc: '2.0', id: `q${streams.length}-${n}`, ...question }));
  });
  return { streams, closed: () => closed };
}
const elicitation = { method: 'elicitation/create', params: { message: 'Who?', requestedSchema: {} } };
const told = () => raw.requests.filter(({ message }) => message.method === undefined);

describe('an Asana of the older era that misbehaves', () => {
  test('hears at once that what was not declared, or is a page to visit, can’t be asked; the call goes on', async () => {
    const url = { ...elicitation, params: { mode: 'url', url: 'https://example.com', message: 'Go' } };
    const { streams } = rawLegacy([{ method: 'roots/list' }, { method: 'tools/call' }, url]);
    const answer = call(ana.token, { name: 'test_simple_text', arguments: {} }, able('elicitation'));
    await until(() => told().length === 3);
    for (const { message } of told()) expect(message).toMatchObject({ error: { code: -32601 } });
    const [id] = raw.of('tools/call').map(({ message }) => message.id);
    streams[0]!.end(eventOf({ jsonrpc: '2.0', id, result: { content: [] } }));
    expect((await answer).body.result).toMatchObject({ resultType: 'complete' });
  });

  test('is left within a second when the access behind a waiting call ends', async () => {
    const { closed } = rawLegacy([elicitation]);
    const minted = await mint(ana.member);
    const params = { name: 'test_simple_text', arguments: {} };
    const asked = (await call(minted.token, params)).body.result;
    const { rows } = await pool().query<{ id: string }>('SELECT id FROM agent_tokens WHERE last4 = $1', [
      minted.token.slice(-4),
    ]);
    expect(closed()).toBe(0);
    const actor = { ...gate.organization.actor, memberId: ana.member.id };
    await transaction((tx) => revokeAgentToken(tx, actor, rows[0]!.id));
    const startedMs = performance.now();
    await until(() => closed() === 1);
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    expect((await retry(minted.token, asked, answersTo(asked), params)).status).toBe(401);
    expect(told()).toEqual([]);
  });

  test('asks twenty questions a call at most', async () => {
    rawLegacy(Array.from({ length: 25 }, () => elicitation));
    const { body } = await call(ana.token, { name: 'test_simple_text', arguments: {} });
    expect(Object.keys(body.result.inputRequests)).toHaveLength(20);
    await until(() => told().length === 5);
  });

  test('keeps twenty calls of an agent waiting at most: the oldest ends', async () => {
    const { closed } = rawLegacy([elicitation]);
    const minted = await mint(ana.member);
    const asked: any[] = [];
    for (let n = 0; n < 21; n += 1)
      asked.push((await call(minted.token, { name: 'test_simple_text', arguments: {} })).body.result);
    await until(() => closed() === 1);
    const params = { name: 'test_simple_text', arguments: {} };
    const { body } = await retry(minted.token, asked[0], answersTo(asked[0]), params);
    expect(body.error!.data).toEqual({ outcome: 'unknown' });
    expect(told()).toEqual([]);
  }, 20_000);

  test('that ends the stream while a person thinks leaves an outcome that nobody knows', async () => {
    const { streams } = rawLegacy([elicitation]);
    const params = { name: 'test_simple_text', arguments: {} };
    const asked = (await call(ana.token, params)).body.result;
    streams[0]!.destroy();
    const { body } = await retry(ana.token, asked, answersTo(asked), params);
    expect(body.error!.data).toEqual({ outcome: 'unknown' });
  });
});
