// The eras of the two sides are independent: which one Asana speaks is found once for a connection and looked at again, and an agent of the
// modern era works on an Asana of the older one as far as both can.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { setEnv } from '@/lib/env';
import { doubtStanding, standingOf } from '@/lib/gateway/upstream-era';
import { callOf, forgetCircuits, headersFor, hello, post, rpc, until, watchAudit } from '../support/gate';
import { answerJson, startRawUpstream, type RawUpstream } from '../support/raw-upstream';
import {
  able,
  ask,
  META,
  modernHeaders,
  modernMessage,
  startModernGate,
  TOOLS,
  type ModernGate,
  type Person,
} from '../support/modern-gate';

let gate: ModernGate;
let raw: RawUpstream;
let newRecords: () => Promise<AuditRecord[]>;

beforeAll(async () => {
  gate = await startModernGate('legacy');
  raw = await startRawUpstream();
  newRecords = await watchAudit(gate.organization);
}, 60_000);
afterAll(async () => {
  await gate.stop();
  await raw.close();
});
beforeEach(async () => {
  forgetCircuits();
  raw.requests.length = 0;
  gate.fixture.requests.length = 0;
  await newRecords();
});

const simple = { name: 'test_simple_text', arguments: {} };
const methods = () => gate.fixture.requests.map(({ httpMethod, message }) => message?.method ?? httpMethod);
const ours = async () =>
  (await newRecords()).filter(({ credential }) => credential!.kind === 'system').map(({ method }) => method);

describe('an agent of the modern era on an Asana of the older one', () => {
  let ana: Person;
  beforeAll(async () => {
    await gate.become('legacy');
    ana = await gate.person();
  });

  test('works: what Asana speaks is asked once, then all goes through a session of ours', async () => {
    const first = await ask(gate, ana.token, 'tools/call', simple);
    expect(first.body.result).toEqual({
      resultType: 'complete',
      content: [{ type: 'text', text: expect.any(String) }],
    });
    expect(methods()).toEqual(['server/discover', 'initialize', 'notifications/initialized', 'tools/call']);
    expect(await ours()).toEqual(['notifications/initialized', 'initialize', 'server/discover']);
    gate.fixture.requests.length = 0;
    await ask(gate, ana.token, 'tools/call', simple);
    expect(methods()).toEqual(['tools/call']);
  });

  test('nothing of the modern era goes up, and no session comes down', async () => {
    const meta = { ...able('elicitation'), progressToken: 'p', traceparent: '00-1-2-03' };
    const { headers } = await ask(gate, ana.token, 'tools/call', simple, { meta });
    const { message, headers: sent } = gate.fixture.requests.at(-1) as any;
    expect(message.params).toEqual({ ...simple, _meta: { progressToken: 'p', traceparent: '00-1-2-03' } });
    expect(sent).toMatchObject({
      'mcp-protocol-version': '2025-11-25',
      'mcp-session-id': expect.any(String),
    });
    expect([sent['mcp-method'], sent['mcp-name'], headers.get('mcp-session-id')]).toEqual([
      undefined,
      undefined,
      null,
    ]);
  });

  test('F1 F7: lists, resources and discovery have what the modern era asks of them', async () => {
    const list = (await ask(gate, ana.token, 'tools/list')).body.result;
    expect(list).toMatchObject({ resultType: 'complete', cacheScope: 'private', ttlMs: 0 });
    expect(list.tools.map(({ name }: { name: string }) => name)).toEqual(TOOLS);
    const read = (await ask(gate, ana.token, 'resources/read', { uri: 'test://static-text' })).body.result;
    expect(read).toMatchObject({
      resultType: 'complete',
      cacheScope: 'private',
      contents: [{ uri: 'test://static-text' }],
    });
    const { capabilities, supportedVersions } = (await ask(gate, ana.token, 'server/discover')).body.result;
    expect([supportedVersions[0], capabilities.prompts]).toEqual(['2026-07-28', { listChanged: true }]);
  });

  test('a resource that is not there has the code of the modern era', async () => {
    const { body } = await ask(gate, ana.token, 'resources/read', { uri: 'test://not-there' });
    expect(body.error).toMatchObject({ code: -32602, data: { uri: 'test://not-there' } });
  });

  test('progress comes before the result', async () => {
    const { text } = await ask(
      gate,
      ana.token,
      'tools/call',
      { name: 'test_tool_with_progress', arguments: {} },
      { meta: { progressToken: 'p' } },
    );
    expect(text.match(/notifications\/progress/g)).toHaveLength(3);
  });

  test('log messages come to who asked for them, from the level that was asked for on', async () => {
    const logged = async (level?: string) => {
      const meta = level === undefined ? {} : { [`${META}logLevel`]: level };
      const call = { name: 'test_logging_tool', arguments: {} };
      return (await ask(gate, ana.token, 'tools/call', call, { meta })).text.includes(
        'notifications/message',
      );
    };
    const heard = [];
    for (const level of [undefined, 'warning', 'info', 'debug', 'loud', undefined])
      heard.push(await logged(level));
    expect(heard).toEqual([false, false, true, true, false, false]);
    expect(methods().filter((method) => method === 'logging/setLevel')).toHaveLength(1);
  });

  test('T11: leaving cancels its call in the session of ours', async () => {
    const message = modernMessage('tools/call', { name: 'test_wait', arguments: { seconds: 20 } });
    const leaving = new AbortController();
    fetch(gate.url, {
      ...{ method: 'POST', signal: leaving.signal, body: JSON.stringify(message) },
      headers: headersFor(ana.token, modernHeaders(message)),
    }).catch(() => undefined);
    const call = await until(() =>
      gate.fixture.requests.find(({ message: got }) => got?.method === 'tools/call'),
    );
    leaving.abort();
    await until(() => call.cancelled);
    expect(gate.fixture.requests.at(-1)!.message).toMatchObject({
      method: 'notifications/cancelled',
      params: { requestId: call.message!.id },
    });
    const seen: AuditRecord[] = [];
    const record = await until(async () => {
      seen.push(...(await newRecords()));
      return seen.find(({ reason }) => reason === 'cancelled');
    });
    expect(record).toMatchObject({ method: 'tools/call', outcome: 'unknown' });
    await until(async () => {
      seen.push(...(await newRecords()));
      return seen.some(
        ({ method, credential }) => method === 'notifications/cancelled' && credential!.kind === 'system',
      );
    });
  });

  test('T8: a session of ours that Asana forgot is opened again, once', async () => {
    await ask(gate, ana.token, 'tools/call', simple);
    gate.fixture.requests.length = 0;
    await gate.become('legacy');
    const { body } = await ask(gate, ana.token, 'tools/call', simple);
    expect(body.result.resultType).toBe('complete');
    expect(methods()).toEqual(['tools/call', 'initialize', 'notifications/initialized', 'tools/call']);
  });

  test('F6: two people go through sessions of their own', async () => {
    const ben = await gate.person();
    await Promise.all([ana, ben].map(({ token }) => ask(gate, token, 'tools/call', simple)));
    const calls = gate.fixture.requests.filter(({ message }) => message?.method === 'tools/call');
    expect(new Set(calls.map(({ headers }) => headers['mcp-session-id'])).size).toBe(2);
  });

  test('what Asana would have to ask is an error where nobody can be asked', async () => {
    const question = { name: 'test_elicitation', arguments: { message: 'x' } };
    const { status, body } = await ask(gate, ana.token, 'tools/call', question);
    expect([status, body.error?.code]).toEqual([200, -32602]);
    const able_ = await ask(gate, ana.token, 'tools/call', question, { meta: able('elicitation') });
    expect(able_.body.result.resultType).toBe('input_required');
  });
});

test('an Asana of both eras is spoken to in the agent’s own', async () => {
  await gate.become('both');
  const { token } = await gate.person();
  await ask(gate, token, 'tools/call', simple);
  await post(gate, token, hello());
  await post(gate, token, callOf('test_simple_text'));
  expect(
    gate.fixture.requests.map(({ message, headers }) => [message?.method, headers['mcp-protocol-version']]),
  ).toEqual([
    ['server/discover', '2026-07-28'],
    ['tools/call', '2026-07-28'],
    ['initialize', undefined],
    ['initialize', undefined],
    ['notifications/initialized', '2025-11-25'],
    ['tools/call', '2025-11-25'],
  ]);
});

describe('what Asana speaks', () => {
  test('is believed for ten minutes, and then asked again', async () => {
    await gate.become('legacy');
    const { member } = await gate.person();
    const facts = {
      ...{ organizationId: gate.organization.id, memberId: member.id, memberEmail: member.email },
      ...{ connectionId: member.connectionId!, workspaceGid: null },
    };
    const at = async (minute: number) => (await standingOf(facts, 'token', minute * 60_000)).era;
    expect(await at(0)).toBe('legacy');
    await gate.become('modern');
    expect(await at(9.9)).toBe('legacy');
    expect(await Promise.all([at(10), at(10), at(10)])).toEqual(['modern', 'modern', 'modern']);
    expect(methods()).toEqual(['server/discover']);
    // While Asana is away, what was found before holds on.
    setEnv({ ASANA_MCP_URL: raw.url });
    raw.answerAll((response) => response.writeHead(503).end());
    expect(await at(20)).toBe('modern');
    doubtStanding(facts.connectionId, await standingOf(facts, 'token', 20 * 60_000), 21 * 60_000);
    await expect(at(21)).rejects.toThrow('failed');
  });

  test.each<[string, number, object, 'modern' | 'legacy']>([
    [
      'a discovery that names the version',
      200,
      { result: { supportedVersions: ['2026-07-28'], capabilities: {} } },
      'modern',
    ],
    [
      'a discovery that names others only',
      200,
      { result: { supportedVersions: ['2025-11-25'], capabilities: {} } },
      'legacy',
    ],
    ['-32020', 400, { error: { code: -32020, message: 'x' } }, 'modern'],
    [
      '-32022 with older versions only',
      400,
      { error: { code: -32022, message: 'x', data: { supported: ['2025-11-25'] } } },
      'legacy',
    ],
    ['404 with -32601', 404, { error: { code: -32601, message: 'x' } }, 'modern'],
    ['404 alone', 404, {}, 'legacy'],
    ['200 with -32601', 200, { error: { code: -32601, message: 'x' } }, 'legacy'],
    ['400 with -32000', 400, { error: { code: -32000, message: 'x' } }, 'legacy'],
    ['405', 405, {}, 'legacy'],
  ])('%s', async (_, status, body, era) => {
    setEnv({ ASANA_MCP_URL: raw.url });
    raw.answerAll((response, { message: { id } }) =>
      answerJson(response, { jsonrpc: '2.0', id, ...body }, status),
    );
    const facts = {
      ...{
        organizationId: gate.organization.id,
        memberId: crypto.randomUUID(),
        memberEmail: 'ana@acme.example',
      },
      ...{ connectionId: crypto.randomUUID(), workspaceGid: null },
    };
    expect((await standingOf(facts, 'token')).era).toBe(era);
    const [{ headers, message }] = raw.requests as [any];
    expect([headers['mcp-method'], message.method]).toEqual(['server/discover', 'server/discover']);
  });

  test.each(['legacy', 'modern'] as const)(
    'is doubted where an Asana that was %s answers as the other era',
    async (before) => {
      const after = before === 'legacy' ? 'modern' : 'legacy';
      await gate.become(before);
      const { token } = await gate.person();
      await ask(gate, token, 'tools/call', simple);
      await gate.become(after);
      // A verdict of just now is not doubted.
      await new Promise((resolve) => setTimeout(resolve, 1_050));
      await newRecords();
      const { status, body } = await ask(gate, token, 'tools/call', simple);
      expect([status, body.result?.resultType]).toEqual([200, 'complete']);
      // Asana was told of it once: the first try was refused unexecuted.
      expect(methods().filter((method) => method === 'server/discover')).toHaveLength(1);
    },
  );

  test('is not asked for an agent of the legacy era', async () => {
    await gate.become('legacy');
    const { token } = await gate.person();
    await post(gate, token, callOf('test_simple_text'));
    await post(gate, token, rpc('tools/list'));
    expect(methods()).toEqual(['initialize', 'notifications/initialized', 'tools/call', 'tools/list']);
  });

  test('an Asana that is away is an outage, and says nothing of its era', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    raw.answerAll((response) => response.writeHead(503).end());
    const { token } = await gate.person();
    const { status, body } = await ask(gate, token, 'tools/call', simple);
    expect([status, body.error?.code, body.error?.data?.outcome]).toEqual([502, 1502, 'not_sent']);
    forgetCircuits();
    await gate.become('modern');
    expect((await ask(gate, token, 'tools/call', simple)).status).toBe(200);
  });

  test('a token that Asana refuses is renewed, and its call made once', async () => {
    setEnv({ ASANA_MCP_URL: raw.url });
    const { token } = await gate.person();
    let refused: string | undefined;
    raw.answerAll((response, { message: { id, method }, headers: { authorization } }) => {
      refused ??= authorization;
      if (authorization === refused) return response.writeHead(401).end();
      const result =
        method === 'server/discover'
          ? { supportedVersions: ['2026-07-28'], capabilities: {} }
          : { resultType: 'complete', content: [] };
      return answerJson(response, { jsonrpc: '2.0', id, result });
    });
    expect((await ask(gate, token, 'tools/call', simple)).body.result).toEqual({
      resultType: 'complete',
      content: [],
    });
    expect(raw.requests.map(({ message }) => message.method)).toEqual([
      'server/discover',
      'server/discover',
      'tools/call',
    ]);
  });
});
