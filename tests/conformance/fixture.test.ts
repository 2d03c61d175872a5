// What the suites do not look at in the fixture and tests of the gate rely on: its lock, its eras, its bindings and what cancels.
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Json } from './fixture-call';
import { startFixture, type Fixture, type FixtureOptions } from './fixture';

let fixture: Fixture;
afterEach(() => fixture.close());
const start = async (options: FixtureOptions) => (fixture = await startFixture(options));

const LEGACY = {
  capabilities: {},
  clientInfo: { name: 'test', version: '1' },
  protocolVersion: '2025-11-25',
};

function post(message: Json, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(fixture.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    signal,
  });
}

/** A request of the modern era with all that it must have. */
function ask(
  method: string,
  params: Json = {},
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
  };
  const name = params.name ? { 'mcp-name': String(params.name) } : undefined;
  const standard = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...name };
  return post({ id: 1, method, params: { ...params, _meta } }, { ...standard, ...headers }, signal);
}

async function openSession(): Promise<Record<string, string>> {
  const answer = await post({ id: 1, method: 'initialize', params: LEGACY });
  await answer.text();
  return { 'mcp-session-id': answer.headers.get('mcp-session-id')! };
}

const lastData = (text: string) =>
  JSON.parse(
    text
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .at(-1)!
      .slice(6),
  ) as Json;

test('with bearers set it answers nobody else', async () => {
  await start({ bearers: ['right'] });
  expect((await ask('tools/list')).status).toBe(401);
  expect((await ask('tools/list', {}, { authorization: 'Bearer wrong' })).status).toBe(401);
  expect((await ask('tools/list', {}, { authorization: 'Bearer right' })).status).toBe(200);
});

describe('the era', () => {
  test('legacy: a discovery hears 400 with no error of the modern era, so that clients fall back', async () => {
    await start({ era: 'legacy' });
    const answer = await ask('server/discover');
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as Json).error.code).toBe(-32000);
  });

  test('modern: an initialize hears which versions there are, and GET and DELETE hear 405', async () => {
    await start({ era: 'modern' });
    const answer = await post({ id: 1, method: 'initialize', params: LEGACY });
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as Json).error).toMatchObject({
      code: -32022,
      data: { supported: ['2026-07-28'], requested: '2025-11-25' },
    });
    for (const method of ['GET', 'DELETE']) expect((await fetch(fixture.url, { method })).status).toBe(405);
  });
});

describe('requestState', () => {
  const NAME = { name: 'test_input_required_result_request_state', arguments: {} };
  const inputResponses = { confirm: { action: 'accept', content: { ok: true } } };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  test('is good for its caller, tool and arguments, and for nothing else', async () => {
    await start({ bearers: ['ana', 'ben'] });
    const { result } = (await (await ask('tools/call', NAME, bearer('ana'))).json()) as Json;
    const retry = { ...NAME, inputResponses, requestState: result.requestState };
    const codes = [];
    for (const [params, who] of [
      [retry, 'ben'],
      [{ ...retry, arguments: { other: 1 } }, 'ana'],
      [{ ...retry, name: 'test_input_required_result_tampered_state' }, 'ana'],
      [{ ...retry, requestState: `${result.requestState}.more` }, 'ana'],
    ] as const)
      codes.push(((await (await ask('tools/call', params, bearer(who))).json()) as Json).error.code);
    expect(codes).toEqual([-32602, -32602, -32602, -32602]);
    const done = (await (await ask('tools/call', retry, bearer('ana'))).json()) as Json;
    expect(done.result.content[0].text).toBe('state-ok');
  });
});

describe('a session', () => {
  test('is unknown to another bearer', async () => {
    await start({ bearers: ['ana', 'ben'] });
    const opened = await post(
      { id: 1, method: 'initialize', params: LEGACY },
      { authorization: 'Bearer ana' },
    );
    await opened.text();
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id')! };
    const statusFor = async (who: string) =>
      (await post({ id: 2, method: 'ping' }, { ...session, authorization: `Bearer ${who}` })).status;
    expect(await statusFor('ben')).toBe(404);
    expect(await statusFor('ana')).toBe(200);
  });

  test('gives what came after an event to who names it, of that stream only', async () => {
    await start({ era: 'legacy' });
    const session = await openSession();
    const call = (id: number, name: string) =>
      post({ id, method: 'tools/call', params: { name, arguments: {} } }, session);
    const [cut, other] = await Promise.all([call(7, 'test_reconnection'), call(8, 'test_simple_text')]);
    await other.text();
    const lastId = /^id: (.*)$/m.exec(await cut.text())![1]!;
    const resumed = await fetch(fixture.url, {
      headers: { ...session, accept: 'text/event-stream', 'last-event-id': lastId },
    });
    const text = await resumed.text();
    expect(text.match(/^data: /gm)).toHaveLength(1);
    expect(lastData(text)).toMatchObject({ id: 7, result: { content: [{ type: 'text' }] } });
  });

  test('hears of a resource that it watches, on its GET stream, until it unsubscribes', async () => {
    await start({ era: 'legacy' });
    const session = await openSession();
    const stream = await fetch(fixture.url, { headers: { ...session, accept: 'text/event-stream' } });
    const say = async (method: string, params: Json) =>
      (await post({ id: 2, method, params }, session)).text();
    const trigger = () => say('tools/call', { name: 'test_trigger_resource_change', arguments: {} });
    await trigger();
    await say('resources/subscribe', { uri: 'test://watched-resource' });
    await trigger();
    await say('resources/unsubscribe', { uri: 'test://watched-resource' });
    await trigger();
    await (await fetch(fixture.url, { method: 'DELETE', headers: session })).text();
    expect((await stream.text()).match(/resources\/updated/g)).toHaveLength(1);
  });
});

describe('what cancels a call', () => {
  const WAIT = { name: 'test_wait', arguments: { seconds: 1 } };
  const theCall = () => fixture.requests.find(({ message }) => message?.method === 'tools/call');

  test('in the modern era: a disconnect', async () => {
    await start({ era: 'modern' });
    const away = new AbortController();
    const call = ask('tools/call', WAIT, {}, away.signal).catch(() => undefined);
    await vi.waitFor(() => expect(theCall()).toBeDefined());
    away.abort();
    await call;
    await vi.waitFor(() => expect(theCall()!.cancelled).toBe(true));
  });

  test('in the legacy era: no disconnect, the answer waits for who comes back', async () => {
    await start({ era: 'legacy' });
    const session = await openSession();
    const away = new AbortController();
    const answer = await post({ id: 9, method: 'tools/call', params: WAIT }, session, away.signal);
    const { value } = await answer.body!.getReader().read();
    const lastId = /^id: (.*)$/m.exec(Buffer.from(value!).toString())![1]!;
    away.abort();
    const resumed = await fetch(fixture.url, {
      headers: { ...session, accept: 'text/event-stream', 'last-event-id': lastId },
    });
    expect(lastData(await resumed.text())).toMatchObject({ id: 9, result: { content: [{ type: 'text' }] } });
    expect(theCall()!.cancelled).toBe(false);
  });

  test('in the legacy era: a notification, and no answer comes', async () => {
    await start({ era: 'legacy' });
    const session = await openSession();
    const answer = await post({ id: 9, method: 'tools/call', params: WAIT }, session);
    const cancel = { method: 'notifications/cancelled', params: { requestId: 9 } };
    expect((await post(cancel, session)).status).toBe(202);
    expect(await answer.text()).not.toContain('result');
    expect(theCall()!.cancelled).toBe(true);
  });
});
