// Agents of the older era on an Asana that speaks the modern one only (MCP 2026-07-28): each request goes up by itself, what the modern era
// added is taken off, and Asana's questions become requests on the stream of the call, one round after the other.
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { giveAnswer } from '@/lib/gateway/client-answers';
import { openQuestion, openSession as openSealed } from '@/lib/gateway/sealed-ids';
import { METHOD_FAMILIES } from '@/lib/policy/policy';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { callOf, hello, mint, openSession, post, rpc, until, watchAudit } from '../support/gate';
import { startModernGate, TOOLS, type ModernGate, type Person } from '../support/modern-gate';
import { startRawUpstream, type RawUpstream, type UpstreamRequest } from '../support/raw-upstream';
import { messageOf, startSessionAgent, type SessionAgent } from '../support/session-agent';

let gate: ModernGate;
let raw: RawUpstream;
let ana: Person;
let ben: Person;
let newRecords: () => Promise<AuditRecord[]>;
const agents: SessionAgent[] = [];

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
afterEach(() => {
  for (const agent of agents.splice(0)) agent.leaveAll();
});

async function agentOf({ token }: { token: string }, capabilities?: object): Promise<SessionAgent> {
  const agent = await startSessionAgent(gate, token, capabilities);
  agents.push(agent);
  return agent;
}
const sent = (method: string) => gate.fixture.requests.filter(({ message }) => message?.method === method);
const calls = () => sent('tools/call');
const without = (...closed: string[]) => METHOD_FAMILIES.filter((family) => !closed.includes(family));
const QUESTION = 'elicitation/create';
const ANSWER = { action: 'accept', content: { username: 'u', email: 'u@example.com' } };

describe('an agent of the older era', () => {
  test('opens a session that Asana does not have, and finds in it what its groups open', async () => {
    const { status, headers, body } = await post(gate, ana.token, hello());
    expect(status).toBe(200);
    expect(body.result.protocolVersion).toBe('2025-11-25');
    expect(Object.keys(body.result.capabilities).toSorted()).toEqual([
      ...['completions', 'logging', 'prompts', 'resources', 'tools'],
    ]);
    expect(headers.get('mcp-session-id')).toMatch(/^[\x21-\x7e]+$/);
    const closed = await gate.person({ methods: [] });
    expect((await post(gate, closed.token, hello())).body.result.capabilities).toEqual({ tools: {} });
  });

  test('lists and calls: requests go up with headers and _meta of ours, results come without what the modern era added', async () => {
    const agent = await agentOf(ana);
    const { body: list } = await agent.post(rpc('tools/list'));
    expect(Object.keys(list.result)).toEqual(['tools']);
    expect(list.result.tools.map(({ name }: { name: string }) => name)).toEqual(TOOLS);
    const { body } = await agent.post({ ...callOf('test_simple_text'), id: 'mine' });
    expect(body).toMatchObject({ id: 'mine', result: { content: [{ type: 'text' }] } });
    expect(body.result).not.toHaveProperty('resultType');
    const { body: read } = await agent.post(rpc('resources/read', { uri: 'test://static-text' }));
    expect(Object.keys(read.result)).not.toEqual(expect.arrayContaining(['ttlMs']));
    expect(Object.keys(read.result)).not.toEqual(expect.arrayContaining(['cacheScope']));
    const [call] = calls();
    expect(call!.headers).toMatchObject({
      ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'test_simple_text' },
    });
    expect(call!.headers['mcp-session-id']).toBeUndefined();
    expect(call!.message!.params._meta).toMatchObject({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'gatehouse' },
    });
  });

  test('without a session it calls all the same, and arguments that a reviewed definition repeats in headers are repeated', async () => {
    await post(gate, ana.token, callOf('test_simple_text'));
    const { body } = await post(gate, ana.token, callOf('test_x_mcp_header', { region: 'eu' }));
    expect(body.error).toBeUndefined();
    const [, call] = calls();
    expect(Object.keys(call!.headers).some((name) => name.startsWith('mcp-param-'))).toBe(true);
    const inSession = await (await agentOf(ana)).post(callOf('test_x_mcp_header', { region: 'eu' }));
    expect(inSession.body.error).toBeUndefined();
  });

  test('sees the tools of its groups only, and a hidden one does not exist', async () => {
    const narrow = await gate.person({ tools: ['test_simple_text'] });
    const agent = await agentOf(narrow);
    const { body } = await agent.post(rpc('tools/list'));
    expect(body.result.tools).toHaveLength(1);
    const { status, body: hidden } = await agent.post(callOf('test_elicitation'));
    expect([status, hidden.error!.code]).toEqual([200, -32602]);
    expect(calls()).toEqual([]);
  });

  test('hears errors of Asana’s with the codes of its own era', async () => {
    const agent = await agentOf(ana, {});
    const failed = async (message: object) => {
      const { status, body } = await agent.post(message);
      return [status, body.error!.code];
    };
    expect(await failed(callOf('test_missing_capability'))).toEqual([200, -32602]);
    expect(await failed(rpc('resources/read', { uri: 'test://nowhere' }))).toEqual([200, -32002]);
    expect(await failed(rpc('resources/subscribe', { uri: 'test://watched-resource' }))).toEqual([
      200, -32601,
    ]);
  });

  test('gets progress under its own token, and log messages from the level that it set', async () => {
    const agent = await agentOf(ana);
    const progress = await agent.ask('tools/call', {
      ...{ name: 'test_tool_with_progress', arguments: {} },
      _meta: { progressToken: 'p7' },
    });
    await messageOf(progress);
    const heard = progress.messages().filter(({ method }) => method === 'notifications/progress');
    expect(heard.length).toBeGreaterThan(0);
    for (const { params } of heard) expect(params.progressToken).toBe('p7');
    const logs = async () => {
      const stream = await agent.call('test_tool_with_logging');
      await until(() => stream.isOver);
      return stream.messages().filter(({ method }) => method === 'notifications/message').length;
    };
    expect(await logs()).toBeGreaterThan(0);
    expect((await agent.post(rpc('logging/setLevel', { level: 'error' }))).body.result).toEqual({});
    expect(await logs()).toBe(0);
    expect((await agent.post(rpc('logging/setLevel', { level: 'loud' }))).body.error!.code).toBe(-32602);
    await ana.allow(TOOLS, without('logging'));
    expect((await agent.post(rpc('logging/setLevel', { level: 'debug' }))).body.error!.code).toBe(-32601);
    expect(await logs()).toBe(0);
    await ana.allow(TOOLS, [...METHOD_FAMILIES]);
  });

  test('PB-20: another person’s session, or a forged one, is unknown; there is nothing to DELETE', async () => {
    const session = await openSession(gate, ana.token);
    const use = async (token: string, id: string) =>
      (await post(gate, token, callOf('test_simple_text'), { 'mcp-session-id': id })).status;
    expect(await use(ana.token, session)).toBe(200);
    gate.fixture.requests.length = 0;
    expect(await use(ben.token, session)).toBe(404);
    expect(await use((await mint(ana.member)).token, session)).toBe(404);
    expect(await use(ana.token, `${session}x`)).toBe(404);
    expect(await use(ana.token, 'bridged.x')).toBe(404);
    expect(calls()).toEqual([]);
    const headers = { authorization: `Bearer ${ana.token}`, 'mcp-session-id': session };
    expect((await fetch(gate.url, { method: 'DELETE', headers })).status).toBe(405);
  });

  test('initializes again where Asana went back to sessions, or gave them up', async () => {
    const bridged = await agentOf(ana);
    const modern = gate.fixture;
    const legacy = await gate.become('legacy');
    expect((await bridged.post(callOf('test_simple_text'))).status).toBe(404);
    const plain = await agentOf(ana);
    expect((await plain.post(callOf('test_simple_text'))).status).toBe(200);
    gate.fixture = modern;
    setEnv({ ASANA_MCP_URL: modern.url });
    expect((await plain.post(callOf('test_simple_text'))).status).toBe(404);
    expect((await (await agentOf(ana)).post(callOf('test_simple_text'))).status).toBe(200);
    expect(legacy.requests.length).toBeGreaterThan(0);
  });
});

describe('a question of Asana’s', () => {
  const ask = (agent: SessionAgent) => agent.call('test_elicitation', { message: 'Who?' });

  test('is a request on the stream of the call; its answer goes up in a further round, on record like the first', async () => {
    const agent = await agentOf(ana);
    await newRecords();
    const stream = await ask(agent);
    const question = await messageOf(stream, QUESTION);
    expect(question.params).toMatchObject({ message: 'Who?' });
    expect((await agent.answer(question.id, ANSWER)).status).toBe(202);
    const answer = await messageOf(stream);
    expect(answer.id).toBe('mine');
    expect(answer.result.content[0].text).toContain('action=accept');
    const [first, second] = calls();
    expect(second!.message!.id).not.toBe(first!.message!.id);
    expect(Object.values(second!.message!.params.inputResponses)).toEqual([ANSWER]);
    const records = (await newRecords()).map(
      ({ method, outcome, reason = '' }) => `${method} ${outcome} ${reason}`,
    );
    expect(records.toSorted()).toEqual([
      'client/answer ok ',
      'tools/call ok ',
      'tools/call ok input_required',
    ]);
  });

  test('may be one of several, and asked in several rounds', async () => {
    const agent = await agentOf(ana);
    const many = await agent.call('test_input_required_result_multiple_inputs');
    const asked = await until(() => (many.messages().length === 3 ? many.messages() : null));
    for (const { id, method } of asked)
      await agent.answer(id, method === QUESTION ? NAMED : method === 'roots/list' ? { roots: [] } : SAMPLED);
    expect((await messageOf(many)).result.content[0].text).toContain('user_name, greeting, client_roots');
    const twice = await agent.call('test_input_required_result_multi_round');
    await agent.answer((await messageOf(twice, QUESTION)).id, { action: 'accept', content: { name: 'Ada' } });
    const [, next] = await until(() => (twice.messages().length === 2 ? twice.messages() : null));
    await agent.answer(next.id, { action: 'accept', content: { color: 'blue' } });
    expect((await messageOf(twice)).result.content[0].text).toBe('Ada likes blue');
  });
  const NAMED = { action: 'accept', content: { name: 'Ada' } };
  const SAMPLED = { role: 'assistant', model: 'm', content: { type: 'text', text: 'hi' } };

  test('that the client refuses is cancelled, or ends the call where Asana has no word for that', async () => {
    const agent = await agentOf(ana);
    const error = { code: -1, message: 'The person is away' };
    const stream = await ask(agent);
    await agent.post({ jsonrpc: '2.0', id: (await messageOf(stream, QUESTION)).id, error });
    expect((await messageOf(stream)).result.content[0].text).toContain('action=cancel');
    const sampling = await agent.call('test_sampling', { prompt: 'x' });
    await agent.post({ jsonrpc: '2.0', id: (await messageOf(sampling, 'sampling/createMessage')).id, error });
    expect((await messageOf(sampling)).error.data).toEqual({ outcome: 'unknown' });
  });

  test('is not asked of an agent that did not declare it, nor where no group opens it: Asana is told so', async () => {
    const declared = async (person: Person, capabilities: object) => {
      const agent = await agentOf(person, capabilities);
      const stream = await ask(agent);
      expect(stream.body.error.code).toBe(-32602);
      return calls().at(-1)!.message!.params._meta['io.modelcontextprotocol/clientCapabilities'];
    };
    expect(await declared(ana, { sampling: {} })).toEqual({ sampling: {} });
    const closed = await gate.person({ methods: without('client_requests') });
    expect(await declared(closed, { elicitation: {} })).toEqual({});
    // Closed since the session began.
    const person = await gate.person();
    const agent = await agentOf(person);
    await person.allow(TOOLS, without('client_requests'));
    expect((await ask(agent)).body.error.code).toBe(-32602);
  });

  test('is answered by who was asked: not from another session, another token or another person, and not once more', async () => {
    const agent = await agentOf(ana);
    const stream = await ask(agent);
    const { id } = await messageOf(stream, QUESTION);
    const forged = { action: 'accept', content: { username: 'forged', email: 'f@example.com' } };
    const others = [await agentOf(ana), await agentOf(ben), await agentOf(await mint(ana.member))];
    for (const other of others) expect((await other.answer(id, forged)).status).toBe(400);
    expect((await agent.answer('made up', forged)).status).toBe(400);
    expect((await agent.answer(id, ANSWER)).status).toBe(202);
    await agent.answer(id, forged);
    expect((await messageOf(stream)).result.content[0].text).toContain('"u"');
    expect(calls()).toHaveLength(2);
  });

  test('that was answered at another process reaches the call, and is deleted', async () => {
    const agent = await agentOf(ana);
    const stream = await ask(agent);
    const { id } = await messageOf(stream, QUESTION);
    const owner = {
      ...{ organizationId: gate.organization.id, credentialId: (await credential(agent)).id },
      connectionId: ana.member.connectionId!,
    };
    const session = openSealed(owner, agent.session)!;
    const [callId, question] = JSON.parse(openQuestion(owner, session, id, Date.now())!) as [string, number];
    // As the other process would: it knows of no call that waits, so it writes to the database under another call's name first.
    const value = JSON.stringify(ANSWER);
    const stored = crypto.randomUUID();
    await giveAnswer(
      { organizationId: owner.organizationId, callId: stored, question },
      { member: 'result', value },
    );
    const { rows } = await pool().query('SELECT answer FROM client_answers WHERE call_id = $1', [stored]);
    expect(rows[0].answer).not.toContain('accept');
    await pool().query(`INSERT INTO gate_processes VALUES ($1, now() + interval '1 minute')`, [
      crypto.randomUUID(),
    ]);
    await pool().query('UPDATE client_answers SET call_id = $2 WHERE call_id = $1', [stored, callId]);
    expect((await messageOf(stream)).result.content[0].text).toContain('action=accept');
    expect((await pool().query('SELECT 1 FROM client_answers WHERE call_id = $1', [callId])).rowCount).toBe(
      0,
    );
    await pool().query('DELETE FROM gate_processes');
  });
  const credential = async (agent: SessionAgent) =>
    (
      await pool().query<{ id: string }>('SELECT id FROM agent_tokens WHERE last4 = $1', [
        agent.token.slice(-4),
      ])
    ).rows[0]!;

  test('waits no longer than the access behind it: 1403 within a second', async () => {
    const minted = await mint(ana.member);
    const agent = await agentOf(minted);
    const stream = await ask(agent);
    await messageOf(stream, QUESTION);
    const { id } = await credential(agent);
    const startedMs = performance.now();
    await transaction((tx) =>
      revokeAgentToken(tx, { ...gate.organization.actor, memberId: ana.member.id }, id),
    );
    expect((await messageOf(stream)).error.code).toBe(1403);
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    expect(calls()).toHaveLength(1);
  });

  test('is judged anew before its answer goes up: a tool that was taken away meanwhile is not called again', async () => {
    const person = await gate.person();
    const agent = await agentOf(person);
    const stream = await ask(agent);
    const { id } = await messageOf(stream, QUESTION);
    await person.allow(['test_simple_text'], [...METHOD_FAMILIES]);
    expect((await agent.answer(id, ANSWER)).status).toBe(202);
    expect((await messageOf(stream)).error).toMatchObject({ code: -32602 });
    expect(calls()).toHaveLength(1);
  });

  test('is over where the agent cancels the call', async () => {
    const agent = await agentOf(ana);
    const stream = await ask(agent);
    const { id } = await messageOf(stream, QUESTION);
    await agent.post(notification('notifications/cancelled', { requestId: 'mine' }));
    await until(() => stream.isOver);
    await agent.answer(id, ANSWER);
    expect(calls()).toHaveLength(1);
  });
});

const notification = (method: string, params: object) => ({ jsonrpc: '2.0', method, params });

/** An Asana of the modern era whose calls are the test's. */
function rawModern(answer: (response: ServerResponse, request: UpstreamRequest) => unknown): void {
  setEnv({ ASANA_MCP_URL: raw.url });
  raw.requests.length = 0;
  raw.answerAll((response, request) => {
    const { id, method } = request.message;
    const json = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
    };
    if (method === 'initialize') return json(400, { error: { code: -32022, message: 'no' } });
    if (method === 'server/discover')
      return json(200, { result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } });
    return answer(response, request);
  });
}
const result = (response: ServerResponse, { message }: UpstreamRequest, given: object) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: given }));
};

describe('an Asana of the modern era that misbehaves', () => {
  const elicitation = { method: QUESTION, params: { message: 'Again?', requestedSchema: {} } };

  test('asks ten rounds at most, and twenty questions at once', async () => {
    rawModern((response, request) =>
      result(response, request, { resultType: 'input_required', inputRequests: { again: elicitation } }),
    );
    const agent = await agentOf(ana);
    const stream = await agent.call('test_simple_text');
    for (let round = 1; round <= 10; round += 1) {
      const asked = await until(() => (stream.messages().length === round ? stream.messages() : null));
      await agent.answer(asked.at(-1).id, ANSWER);
    }
    expect((await messageOf(stream)).error.data).toEqual({ outcome: 'unknown' });
    expect(raw.of('tools/call')).toHaveLength(11);
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`q${n}`, elicitation]));
    rawModern((response, request) =>
      result(response, request, { resultType: 'input_required', inputRequests: many }),
    );
    const flood = await (await agentOf(ana)).call('test_simple_text');
    expect((await messageOf(flood)).error.data).toEqual({ outcome: 'unknown' });
    expect(flood.messages()).toHaveLength(1);
  });

  test('that asks what nobody declared gets no answer, and the agent hears that the outcome is unknown', async () => {
    const asking = {
      resultType: 'input_required',
      inputRequests: { a: { method: 'sampling/createMessage' } },
    };
    rawModern((response, request) => result(response, request, asking));
    const agent = await agentOf(ana, { elicitation: {} });
    const { status, body } = await agent.post(callOf('test_simple_text'));
    expect([status, body.error!.data.outcome]).toEqual([502, 'unknown']);
    expect(raw.of('tools/call')).toHaveLength(1);
  });

  test('hears of a cancelled call by its disconnect, and its answer is on record as cancelled', async () => {
    let gone = false;
    rawModern((response) => void response.on('close', () => (gone = true)));
    const agent = await agentOf(ana);
    await newRecords();
    void agent.post({ ...callOf('test_simple_text'), id: 'slow' }).catch(() => undefined);
    await until(() => raw.of('tools/call').length === 1);
    // Nobody else's: the same id in another session, and by another person.
    for (const other of [await agentOf(ana), await agentOf(ben)])
      await other.post(notification('notifications/cancelled', { requestId: 'slow' }));
    expect(gone).toBe(false);
    await agent.post(notification('notifications/cancelled', { requestId: 'slow' }));
    await until(() => gone);
    const ended = await until(async () =>
      (await newRecords()).find(({ tool }) => tool === 'test_simple_text'),
    );
    expect([ended.outcome, ended.reason]).toEqual(['unknown', 'cancelled']);
  });
});
