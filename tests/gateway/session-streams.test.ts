// Streams of the legacy era (MCP 2025-11-25, transports): questions of Asana's on the stream of a call and the agent's answers, log
// messages, streams that are resumed, and the stream of the session. Each is closed unless a group opens it, belongs to one credential,
// connection and session, and is judged by the policy as it is now.
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { NO_RULES } from '@/lib/policy/argument-rules';
import { METHOD_FAMILIES } from '@/lib/policy/policy';
import { openPlace, openQuestion, openSession, sealPlace, sealQuestion } from '@/lib/gateway/sealed-ids';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { beginEvents, eventOf, startRawUpstream, type RawUpstream } from '../support/raw-upstream';
import { startProcess } from '../support/gate-fork';
import { hello, mint, post, until, watchAudit } from '../support/gate';
import { startModernGate, TOOLS, type ModernGate, type Person } from '../support/modern-gate';
import {
  agentIn,
  messageOf,
  startSessionAgent,
  type SessionAgent,
  type Stream,
} from '../support/session-agent';

let gate: ModernGate;
let raw: RawUpstream;
let ana: Person;
let ben: Person;
let newRecords: () => Promise<AuditRecord[]>;
const agents: SessionAgent[] = [];

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
afterEach(() => {
  for (const agent of agents.splice(0)) agent.leaveAll();
});

async function agentOf({ token }: { token: string }, capabilities?: object): Promise<SessionAgent> {
  const agent = await startSessionAgent(gate, token, capabilities);
  agents.push(agent);
  return agent;
}

const sent = (method: string) => gate.fixture.requests.filter(({ message }) => message?.method === method);
/** What went up without a method: answers to questions. */
const answersSent = () =>
  gate.fixture.requests.filter(({ message }) => message !== null && message.method === undefined);
const gets = () => gate.fixture.requests.filter(({ httpMethod }) => httpMethod === 'GET');
const withoutFamily = (...closed: string[]) => METHOD_FAMILIES.filter((family) => !closed.includes(family));
/** So long that what would come is there. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 400));
const QUESTION = 'elicitation/create';
const ask = (agent: SessionAgent) => agent.call('test_elicitation', { message: 'Who?' });

describe('what Asana is told that the agent can be asked', () => {
  const told = async (person: Person, capabilities: object) => {
    await agentOf(person, capabilities);
    return sent('initialize').at(-1)!.message!.params.capabilities;
  };
  const SAID = {
    elicitation: { form: {} },
    sampling: {},
    roots: { listChanged: true },
    experimental: { x: 1 },
  };

  test('is what it declared, as far as questions go, where a group opens them', async () => {
    expect(await told(ana, SAID)).toEqual({
      elicitation: { form: {} },
      sampling: {},
      roots: { listChanged: true },
    });
    expect(await told(ana, { elicitation: {} })).toEqual({ elicitation: {} });
  });

  test('is nothing where no group does', async () => {
    expect(await told(await gate.person({ methods: withoutFamily('client_requests') }), SAID)).toEqual({});
  });
});

/** Asana asks all the same, whatever it was told: what the agent hears of it, and what Asana hears. */
async function asked(agent: SessionAgent, methods: string[]): Promise<{ heard: any[]; told: any[] }> {
  raw.requests.length = 0;
  raw.answer((response, { message, httpMethod }) => {
    if (message.method === undefined || httpMethod !== 'POST') return response.writeHead(202).end();
    beginEvents(response);
    for (const [n, method] of methods.entries())
      response.write(eventOf({ jsonrpc: '2.0', id: `q${n}`, method, params: {} }));
    setTimeout(() => response.end(eventOf({ jsonrpc: '2.0', id: message.id, result: { content: [] } })), 150);
  });
  const stream = await agent.call('test_simple_text');
  await until(() => stream.isOver);
  const answers = () => raw.requests.filter(({ message }) => message.method === undefined);
  const heard = stream.messages().filter(({ method }) => method !== undefined);
  await until(() => answers().length + heard.length >= Math.min(20, methods.length));
  return { heard, told: answers().map(({ message }) => message) };
}
const rawAgent = (person: { token: string }, capabilities?: object) => {
  setEnv({ ASANA_MCP_URL: raw.url });
  raw.answerAll((response, { message }) => {
    response.setHeader('mcp-session-id', 'raw-session');
    response.setHeader('content-type', 'application/json');
    const result = {
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'raw' },
    };
    response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  });
  return agentOf(person, capabilities);
};

describe('a question', () => {
  test('comes on the stream of its call under an id of ours, and the answer goes back under Asana’s', async () => {
    const agent = await agentOf(ana);
    await newRecords();
    const stream = await ask(agent);
    const question = await messageOf(stream, QUESTION);
    expect(question.params).toMatchObject({ message: 'Who?' });
    const { status, text } = await agent.answer(question.id, {
      action: 'accept',
      content: { username: 'u' },
    });
    expect([status, text]).toEqual([202, '']);
    expect((await messageOf(stream)).result.content[0].text).toContain('action=accept');
    const [answer] = answersSent();
    expect(answer!.message!.id).toMatch(/^fixture-/);
    expect(stream.text).not.toContain(answer!.message!.id);
    const records = (await newRecords()).map(({ method, tool, outcome }) => [method, tool, outcome]);
    expect(records).toEqual([
      ['client/answer', undefined, 'ok'],
      ['tools/call', 'test_elicitation', 'ok'],
    ]);
  });

  test('that the client refuses is refused at Asana, with its words', async () => {
    const agent = await agentOf(ana);
    const stream = await ask(agent);
    const { id } = await messageOf(stream, QUESTION);
    const error = { code: -1, message: 'The person is away' };
    expect((await agent.post({ jsonrpc: '2.0', id, error })).status).toBe(202);
    expect(JSON.stringify(await messageOf(stream))).toContain('The person is away');
  });

  const REFUSED = (id: string) => ({
    jsonrpc: '2.0',
    id,
    error: { code: -32601, message: expect.any(String) },
  });

  test('that the agent did not declare, or that is none, is refused in its stead and never heard of', async () => {
    const agent = await rawAgent(ana, { elicitation: {} });
    const { heard, told } = await asked(agent, [
      'sampling/createMessage',
      'roots/list',
      'tools/call',
      'notifications/message',
    ]);
    expect(heard).toEqual([]);
    expect(told).toHaveLength(4);
    expect(told).toEqual(
      expect.arrayContaining([REFUSED('q0'), REFUSED('q1'), REFUSED('q2'), REFUSED('q3')]),
    );
  });

  test('is refused from when the family is closed, also in a session that began before', async () => {
    const person = await gate.person();
    const agent = await rawAgent(person);
    expect((await asked(agent, [QUESTION])).heard).toMatchObject([{ method: QUESTION }]);
    await person.allow(TOOLS, withoutFamily('client_requests'));
    const { heard, told } = await asked(agent, [QUESTION]);
    expect([heard, told]).toEqual([[], [REFUSED('q0')]]);
  });

  test('of a kind that may not be asked is on record as refused by Gatehouse itself', async () => {
    const agent = await rawAgent(ana, {});
    await newRecords();
    await asked(agent, [QUESTION]);
    const own = async () => (await newRecords()).filter(({ credential }) => credential?.kind === 'system');
    const record = await until(async () => (await own())[0]);
    expect(record).toMatchObject({ method: 'client/answer', decision: 'allow' });
  });

  test('is one of twenty at most on a stream: an Asana that asks for ever is not answered any more', async () => {
    const agent = await rawAgent(ana);
    const { heard, told } = await asked(
      agent,
      Array.from({ length: 40 }, () => QUESTION),
    );
    expect([heard.length, told.length]).toEqual([20, 0]);
  });
});

describe('an answer is refused, and nothing goes to Asana, when', () => {
  const REFUSED = { status: 400, code: -32600, sent: 0 };
  const answered = async (agent: SessionAgent, message: object, extra?: Record<string, string>) => {
    gate.fixture.requests.length = 0;
    const { status, body } = await agent.post(message, extra);
    return { status, code: body.error?.code, sent: gate.fixture.requests.length };
  };
  const ACCEPT = { jsonrpc: '2.0', result: { action: 'accept', content: {} } };
  const questionTo = async (agent: SessionAgent) =>
    (await messageOf(await ask(agent), QUESTION)).id as string;

  test('nobody asked for it, or its id was changed', async () => {
    const agent = await agentOf(ana);
    const id = await questionTo(agent);
    for (const other of [`${id}x`, id.slice(0, -4), 'fixture-1', agent.session, '', 7, null, {}])
      expect(await answered(agent, { ...ACCEPT, id: other })).toEqual(REFUSED);
    // The question itself can still be answered.
    expect(await answered(agent, { ...ACCEPT, id })).toEqual({ status: 202, code: undefined, sent: 1 });
  });

  test('another person brings it, another token of the same person, or another session of the same token', async () => {
    const agent = await agentOf(ana);
    const id = await questionTo(agent);
    const second = await mint(ana.member, { connectionId: ana.member.connectionId! });
    for (const other of [ben, second, ana])
      expect(await answered(await agentOf(other), { ...ACCEPT, id })).toEqual(REFUSED);
    expect(await answered(agent, { ...ACCEPT, id })).toMatchObject({ status: 202, sent: 1 });
  });

  test('the family was closed meanwhile; that is on record as denied', async () => {
    const person = await gate.person();
    const agent = await agentOf(person);
    const id = await questionTo(agent);
    await person.allow(TOOLS, withoutFamily('client_requests'));
    await newRecords();
    expect(await answered(agent, { ...ACCEPT, id })).toEqual(REFUSED);
    expect((await newRecords())[0]).toMatchObject({
      ...{ method: 'client/answer', decision: 'deny', reason: 'method_not_allowed' },
    });
  });

  test('it is no answer of JSON-RPC, or of the modern era, which has none', async () => {
    const agent = await agentOf(ana);
    const id = await questionTo(agent);
    const result = {};
    for (const bad of [
      { jsonrpc: '2.0', id, result, error: { code: 1, message: 'x' } },
      { jsonrpc: '2.0', id, result: [] },
      { jsonrpc: '2.0', id, result: 'text' },
      { jsonrpc: '2.0', id, error: { code: 'x', message: 'x' } },
      { jsonrpc: '2.0', id, result, params: {} },
      { id, result },
      { jsonrpc: '2.0', result },
    ])
      expect(await answered(agent, bad)).toEqual(REFUSED);
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' };
    expect(await answered(agent, { ...ACCEPT, id }, modern)).toEqual(REFUSED);
  });

  test('it comes without a session', async () => {
    const id = await questionTo(await agentOf(ana));
    gate.fixture.requests.length = 0;
    const { status } = await post(gate, ana.token, { ...ACCEPT, id });
    expect([status, gate.fixture.requests.length]).toEqual([400, 0]);
  });

  test('its name on record is spelled out as a method, which nobody can call', async () => {
    const agent = await agentOf(ana);
    gate.fixture.requests.length = 0;
    for (const method of ['client/answer', 'GET']) {
      const { body } = await agent.post({ jsonrpc: '2.0', id: 1, method });
      expect(body.error?.code).toBe(-32601);
    }
    expect(gate.fixture.requests).toEqual([]);
  });
});

describe('what Asana tells beside an answer', () => {
  const logs = async (agent: SessionAgent) => {
    const stream = await agent.call('test_tool_with_logging');
    await until(() => stream.isOver);
    expect((await messageOf(stream)).result.content[0].text).toBe('Logged three messages.');
    return stream.messages().filter(({ method }) => method === 'notifications/message').length;
  };

  test('log messages pass where the family is open now, and was when the session began', async () => {
    const person = await gate.person();
    const agent = await agentOf(person);
    expect(await logs(agent)).toBe(3);
    await person.allow(TOOLS, withoutFamily('logging'));
    expect(await logs(agent)).toBe(0);
    const closed = await agentOf(person);
    await person.allow(TOOLS, [...METHOD_FAMILIES]);
    expect([await logs(closed), await logs(agent)]).toEqual([0, 3]);
  });

  test('subscriptions to resources go up where the family is open, with their URI and nothing else', async () => {
    const agent = await agentOf(ana);
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
      const { body } = await agent.post({
        ...{ jsonrpc: '2.0', id: 1, method },
        params: { uri: 'test://watched-resource', other: 1 },
      });
      expect(body.result).toEqual({});
      expect(sent(method)[0]!.message!.params).toEqual({ uri: 'test://watched-resource' });
      const closed = await agentOf(await gate.person({ methods: withoutFamily('resources') }));
      const params = { uri: 'test://watched-resource' };
      expect((await closed.post({ jsonrpc: '2.0', id: 1, method, params })).body.error?.code).toBe(-32601);
      expect(sent(method)).toHaveLength(1);
    }
  });
});

describe('a stream that ends before its answer', () => {
  const interrupted = async (agent: SessionAgent) => {
    const stream = await agent.call('test_reconnection');
    await until(() => stream.isOver);
    expect(stream.messages()).toEqual([]);
    return stream.events.at(-1)!;
  };

  test('is resumed by GET; its ids are ours, and the outcome is on record when the answer is here', async () => {
    const agent = await agentOf(ana);
    await newRecords();
    const { id, retryMs } = await interrupted(agent);
    expect(retryMs).toBe(300);
    const rest = await agent.get(id);
    expect((await messageOf(rest)).result.content[0].text).toContain('after the connection had ended');
    expect((await messageOf(rest)).id).toBe('mine');
    await until(() => rest.isOver);
    const asanas = gets()[0]!.headers['last-event-id'] as string;
    expect(rest.text + id).not.toContain(asanas.slice(0, 36));
    const records = (await newRecords()).map(({ method, tool, outcome }) => [method, tool, outcome]);
    expect(records).toEqual([
      ['GET', undefined, 'ok'],
      ['tools/call', 'test_reconnection', 'ok'],
    ]);
  });

  test('reads unknown on record until it is resumed', async () => {
    const agent = await agentOf(ana);
    await newRecords();
    await interrupted(agent);
    expect((await newRecords())[0]).toMatchObject({ tool: 'test_reconnection', outcome: 'unknown' });
  });

  test('another person, another token or another session can’t resume it, nor who changed its id', async () => {
    const agent = await agentOf(ana);
    const { id } = await interrupted(agent);
    const second = await mint(ana.member, { connectionId: ana.member.connectionId! });
    gate.fixture.requests.length = 0;
    for (const other of [ben, second, ana]) {
      const stranger = await agentOf(other);
      const stream = await stranger.get(id);
      expect([stream.status, stream.body.error.code]).toEqual([400, -32000]);
    }
    for (const other of [`${id}x`, id!.slice(4), 'get.0', agent.session])
      expect((await agent.get(other)).status).toBe(400);
    expect(gets()).toEqual([]);
  });

  test('a tool that the caller lost meanwhile shows nothing any more', async () => {
    const person = await gate.person();
    const agent = await agentOf(person);
    const { id } = await interrupted(agent);
    await person.allow(TOOLS.filter((name) => name !== 'test_reconnection'));
    const rest = await agent.get(id);
    expect(await messageOf(rest)).toEqual({
      ...{ jsonrpc: '2.0', id: 'mine' },
      error: { code: -32602, message: 'Unknown tool: test_reconnection' },
    });
    expect(gets()).toEqual([]);
  });

  test('a tool whose arguments are ruled from now on shows nothing of what was called without', async () => {
    const person = await gate.person();
    const agent = await agentOf(person);
    const { id } = await interrupted(agent);
    await pool().query(
      'UPDATE groups SET rules = $1 WHERE id = (SELECT group_id FROM group_members WHERE member_id = $2)',
      [{ ...NO_RULES, maxItems: 1 }, person.member.id],
    );
    expect((await messageOf(await agent.get(id))).error.code).toBe(-32602);
    expect(gets()).toEqual([]);
  });

  test('F1: a list that is asked for again is filtered for who asks now', async () => {
    const person = await gate.person();
    const agent = await agentOf(person);
    const list = await agent.ask('tools/list');
    await until(() => list.isOver);
    const named = (message: any) => message.result.tools.map(({ name }: { name: string }) => name);
    expect(named(await messageOf(list))).toEqual(TOOLS);
    await person.allow(['test_simple_text']);
    const again = await agent.get(list.events[0]!.id);
    expect(named(await messageOf(again))).toEqual(['test_simple_text']);
    expect(again.text).not.toContain('test_reconnection');
  });
});

describe('the stream of a session', () => {
  const TOOLS_CHANGED = 'notifications/tools/list_changed';
  const heard = (stream: Stream) => stream.messages().map(({ method }) => method);
  /** From when Asana's own stream is open behind it. */
  const listening = async (agent: SessionAgent) => {
    const before = gets().length;
    const stream = await agent.get();
    expect([stream.status, stream.type]).toEqual([200, 'text/event-stream']);
    await until(() => stream.text.includes(': open') && gets().length > before);
    return stream;
  };

  test('tells a caller that its own set changed, within a second, and nobody else', async () => {
    const [one, two] = [await gate.person(), await gate.person()];
    const [mine, theirs] = [await listening(await agentOf(one)), await listening(await agentOf(two))];
    await one.allow(['test_simple_text'], [...METHOD_FAMILIES]);
    const sinceMs = performance.now();
    await messageOf(mine, TOOLS_CHANGED);
    expect(performance.now() - sinceMs).toBeLessThan(1_000);
    await quiet();
    expect(heard(theirs)).toEqual([]);
  });

  test('relays Asana’s news as far as the caller’s groups open them', async () => {
    const closed = await gate.person({ methods: [] });
    const [mine, theirs] = [await agentOf(ana), await agentOf(closed)];
    await mine.post({
      ...{ jsonrpc: '2.0', id: 1, method: 'resources/subscribe' },
      params: { uri: 'test://watched-resource' },
    });
    const [open, shut] = [await listening(mine), await listening(theirs)];
    for (const change of ['tool', 'prompt', 'resource']) await mine.call(`test_trigger_${change}_change`);
    await messageOf(open, 'notifications/resources/updated');
    await messageOf(shut, TOOLS_CHANGED);
    await quiet();
    expect(heard(open)).toHaveLength(3);
    expect(new Set(heard(open))).toEqual(
      new Set(['notifications/prompts/list_changed', 'notifications/resources/updated', TOOLS_CHANGED]),
    );
    expect(heard(shut)).toEqual([TOOLS_CHANGED]);
  });

  test('R7: ends within a second when the token is revoked, saying why', async () => {
    const { id, token } = await mint(ana.member, { connectionId: ana.member.connectionId! });
    const stream = await listening(await agentOf({ token }));
    const actor = { ...gate.organization.actor, memberId: ana.member.id, memberEmail: ana.member.email };
    await transaction((tx) => revokeAgentToken(tx, actor, id));
    const sinceMs = performance.now();
    await until(() => stream.isOver);
    expect(performance.now() - sinceMs).toBeLessThan(1_000);
    expect(stream.messages().at(-1).error.code).toBe(1403);
  });

  test('R7: so does the rest of a call’s stream', async () => {
    const { id, token } = await mint(ana.member, { connectionId: ana.member.connectionId! });
    const agent = await agentOf({ token });
    const waiting = await agent.call('test_wait', { seconds: 30 });
    const event = await until(() => waiting.events[0]);
    const rest = await agent.get(event.id);
    await until(() => gets().length > 0);
    const actor = { ...gate.organization.actor, memberId: ana.member.id, memberEmail: ana.member.email };
    await transaction((tx) => revokeAgentToken(tx, actor, id));
    await until(() => rest.isOver);
    expect(rest.messages().at(-1)).toMatchObject({ id: 'mine', error: { code: 1403 } });
  });

  test('carries questions and log messages of Asana’s as far as the groups open them now', async () => {
    const person = await gate.person();
    const agent = await rawAgent(person);
    let asana: ServerResponse | undefined;
    raw.answer((response, { httpMethod }) => {
      if (httpMethod === 'POST') return response.writeHead(202).end();
      asana = beginEvents(response);
      response.write(': open\n\n');
    });
    const stream = await agent.get();
    await until(() => asana && stream.text.includes(': open'));
    const say = (id: string) => {
      asana!.write(`id: at-${id}\n${eventOf({ jsonrpc: '2.0', id, method: QUESTION, params: {} })}`);
      asana!.write(eventOf({ jsonrpc: '2.0', method: 'notifications/message', params: { data: id } }));
    };
    say('q1');
    await until(() => stream.messages().length === 2);
    expect(heard(stream)).toEqual([QUESTION, 'notifications/message']);
    // Nothing of Asana's own ids is shown, and the place is one that the stream can be resumed from.
    expect(stream.text).not.toMatch(/at-q1|"q1",/);
    const id = stream.events[0]!.id;
    await agent.get(id);
    await until(() => raw.requests.at(-1)!.headers['last-event-id'] === 'at-q1');
    const again = await agent.get(id);
    await until(() => again.text.includes(': open'));
    await person.allow(TOOLS, withoutFamily('client_requests', 'logging'));
    await quiet();
    say('q2');
    await until(() =>
      raw.requests.some(({ message }) => message.id === 'q2' && message.method === undefined),
    );
    await quiet();
    expect(again.messages()).toEqual([]);
  });

  test('asks Asana for nothing while it wants quiet, and is there all the same', async () => {
    const person = await gate.person();
    const agent = await agentOf(person);
    await pool().query("UPDATE connections SET throttled_until = now() + interval '1 minute' WHERE id = $1", [
      person.member.connectionId,
    ]);
    expect((await agent.get()).status).toBe(200);
    expect(gets()).toEqual([]);
  });

  test('one that is asked for again takes the place of the one before', async () => {
    const agent = await agentOf(ana);
    const first = await listening(agent);
    const second = await listening(agent);
    await until(() => first.isOver);
    expect([second.isOver, first.messages()]).toEqual([false, []]);
  });

  test('T8: another person’s session, or none that is known, is 404 and reaches nobody', async () => {
    const agent = await agentOf(ana);
    const stranger = await agentOf(ben);
    gate.fixture.requests.length = 0;
    for (const session of [agent.session, 'made-up']) {
      const response = await fetch(gate.url, {
        headers: {
          ...{ authorization: `Bearer ${ben.token}`, accept: 'text/event-stream', 'mcp-session-id': session },
        },
      });
      expect([response.status, (await response.json()).error.code]).toEqual([404, -32001]);
    }
    expect(gate.fixture.requests).toEqual([]);
    await listening(stranger);
  });

  test('of a session that Asana has forgotten is 404, so that the client begins again', async () => {
    const agent = await agentOf(ana);
    await gate.become('legacy');
    expect((await agent.get()).status).toBe(404);
  });

  test('an agent that leaves takes Asana’s stream with it', async () => {
    const agent = await agentOf(ana);
    const stream = await listening(agent);
    stream.leave();
    // The fixture has one stream a session: another can be opened as soon as the first is gone.
    const { authorization, 'mcp-session-id': session } = gets()[0]!.headers as Record<string, string>;
    const headers = {
      authorization: authorization!,
      'mcp-session-id': session!,
      accept: 'text/event-stream',
    };
    const opened = await until(async () => {
      const again = await fetch(gate.fixture.url, { headers });
      await again.body?.cancel();
      return again.status === 409 ? null : again.status;
    });
    expect(opened).toBe(200);
  });
});

test('any process goes on: another one takes the answer to a question, and gives the rest of a stream', async () => {
  const other = await startProcess();
  try {
    const agent = await agentOf(ana);
    const there = agentIn(other, ana.token, agent.session);
    agents.push(there);
    const asking = await ask(agent);
    const { id } = await messageOf(asking, QUESTION);
    expect((await there.answer(id, { action: 'decline' })).status).toBe(202);
    expect((await messageOf(asking)).result.content[0].text).toContain('action=decline');
    const stream = await agent.call('test_reconnection');
    await until(() => stream.isOver);
    const rest = await there.get(stream.events.at(-1)!.id);
    expect((await messageOf(rest)).result.content[0].text).toContain('after the connection had ended');
  } finally {
    other.child.kill('SIGKILL');
  }
}, 30_000);

describe('what is sealed', () => {
  const owner = { organizationId: 'o', credentialId: 'c', connectionId: 'n' };
  const session = { upstreamId: 's', protocolVersion: '2025-11-25', relays: [] };

  test('a question is good for ten minutes, in its session, and as nothing else', () => {
    const id = sealQuestion(owner, session, '"q"', 1_000)!;
    const at = (nowMs: number, other = {}) => openQuestion(owner, { ...session, ...other }, id, nowMs);
    expect([at(1_000), at(600_999), at(601_000)]).toEqual(['"q"', '"q"', null]);
    expect(at(1_000, { upstreamId: 't' })).toBeNull();
    expect(openPlace(owner, session, id)).toBeNull();
    expect(openSession(owner, id)).toBeNull();
  });

  test('an event id that could not come back as a header is none', () => {
    for (const eventId of ['caf\u00e9', 'a\tb', 'x'.repeat(1_025)])
      expect(sealPlace(owner, session, { eventId, call: null })).toBeNull();
    expect(openPlace(owner, session, sealPlace(owner, session, { eventId: 'a 1', call: null })!)).toEqual({
      ...{ eventId: 'a 1', call: null },
    });
  });
});

test('a session opened by another client is no other’s: initialize answers an id that nobody has had', async () => {
  const ids = new Set<string>();
  for (const { token } of [ana, ana, ben])
    ids.add((await post(gate, token, hello())).headers.get('mcp-session-id')!);
  expect(ids.size).toBe(3);
});
