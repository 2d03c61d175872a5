// Gatehouse's own calls to Asana: each on record before it leaves, answers understood whole or refused, secrets to Asana only.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  callTool,
  listTools,
  listUpstreamTools,
  openUpstreamSession,
  UpstreamError,
  withUpstreamSession,
  type ConnectionFacts,
} from '@/lib/asana/mcp-client';
import { pool } from '@/lib/db';
import { setEnv } from '@/lib/env';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { startOddServer, type OddRequest } from './odd-server';
import * as setting from './setting';
import { addConnection, addPerson, until } from './setting';

let sandbox: Sandbox;
let variables: Record<string, string>;
let odd: Awaited<ReturnType<typeof startOddServer>>;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ sandbox, variables, close } = await setting.startSetting());
  odd = await startOddServer();
});
afterAll(async () => {
  await odd.close();
  await close();
});
beforeEach(() => {
  sandbox.reset();
  setEnv(variables);
});

async function caller() {
  const person = await addPerson(sandbox);
  const connection = await addConnection(sandbox, person);
  const facts: ConnectionFacts = {
    organizationId: person.organizationId,
    memberId: person.memberId,
    memberEmail: person.email,
    connectionId: connection.id,
    workspaceGid: setting.WORKS.gid,
  };
  return { person, connection, facts, accessToken: connection.accessToken };
}
const posts = () => sandbox.log.entries.filter(({ method, path }) => method === 'POST' && path === '/v2/mcp');
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'succeeded',
    (error: unknown) => (error instanceof UpstreamError ? error.reason : error),
  );

async function recordsOf({ organizationId }: { organizationId: string }) {
  const { rows } = await pool().query(
    `SELECT c.method, c.tool, c.credential_kind, c.credential_name, c.connection_id, c.decision, o.outcome
     FROM audit_records c LEFT JOIN audit_records o ON o.call_id = c.id
     WHERE c.organization_id = $1 AND c.kind = 'call' ORDER BY c.id`,
    [organizationId],
  );
  return rows;
}

describe('every POST', () => {
  test('is on record as Gatehouse’s own, with its outcome', async () => {
    const { facts, accessToken } = await caller();
    await withUpstreamSession(facts, accessToken, 'a test', async (session) => {
      await callTool(session, 'get_me', {});
      await callTool(session, 'get_task', { task_id: 'nobody' });
    });
    const common = {
      ...{ credential_kind: 'system', credential_name: 'a test', decision: 'allow' },
      connection_id: facts.connectionId,
    };
    expect(await recordsOf(facts)).toEqual([
      { ...common, method: 'initialize', tool: null, outcome: 'ok' },
      { ...common, method: 'notifications/initialized', tool: null, outcome: 'ok' },
      { ...common, method: 'tools/call', tool: 'get_me', outcome: 'ok' },
      { ...common, method: 'tools/call', tool: 'get_task', outcome: 'tool_error' },
    ]);
    expect(posts()).toHaveLength(4);
  });

  test('that can’t be recorded is not sent', async () => {
    const { facts, accessToken } = await caller();
    await pool().query('ALTER TABLE audit_records RENAME TO audit_records_away');
    await expect(withUpstreamSession(facts, accessToken, 'a test', listTools)).rejects.toThrow(
      'audit_records',
    );
    await pool().query('ALTER TABLE audit_records_away RENAME TO audit_records');
    expect(posts()).toEqual([]);
    expect(await withUpstreamSession(facts, accessToken, 'a test', listTools)).toHaveLength(39);
  });

  test('carries only our headers: bearer, media types, version and session', async () => {
    const { facts, accessToken } = await caller();
    await withUpstreamSession(facts, accessToken, 'a test', listTools);
    for (const { headers, rpc } of posts()) {
      expect(headers.authorization).toBe(`Bearer ${accessToken}`);
      expect(headers['content-type']).toBe('application/json');
      expect(headers.accept).toBe('application/json, text/event-stream');
      expect(headers['mcp-protocol-version']).toBe(rpc!.method === 'initialize' ? undefined : '2025-11-25');
      expect(headers['mcp-session-id'] !== undefined).toBe(rpc!.method !== 'initialize');
    }
  });
});

describe('a session', () => {
  test.each(['json', 'sse'] as const)(
    'works with answers as %s, with and without session ids',
    async (answers) => {
      for (const sessions of [true, false]) {
        sandbox.set({ answers, sessions, notificationsBeforeAnswer: answers === 'sse' ? 3 : 0 });
        const { person, facts, accessToken } = await caller();
        const me = await withUpstreamSession(facts, accessToken, 'a test', (session) =>
          callTool(session, 'get_me', {}),
        );
        expect(JSON.stringify(me)).toContain(person.email);
      }
    },
  );

  test('is ended at Asana when the work is done, also when it fails', async () => {
    const { facts, accessToken } = await caller();
    await withUpstreamSession(facts, accessToken, 'a test', async () => undefined);
    await expect(
      withUpstreamSession(facts, accessToken, 'a test', () => Promise.reject(new Error('no'))),
    ).rejects.toThrow('no');
    await until(() => sandbox.sessionCount === 0);
    expect(sandbox.log.count(({ method }) => method === 'DELETE')).toBe(2);
  });

  test('that is opened for the gateway stays open', async () => {
    const { facts, accessToken } = await caller();
    const opened = await openUpstreamSession({ facts, accessToken, purpose: 'a test' });
    expect(opened).toEqual({
      sessionId: expect.any(String),
      protocolVersion: '2025-11-25',
      capabilities: { prompts: {}, resources: {}, tools: { listChanged: true } },
    });
    expect(sandbox.sessionCount).toBe(1);
    sandbox.set({ sessions: false });
    expect(await openUpstreamSession({ facts, accessToken, purpose: 'a test' })).toMatchObject({
      sessionId: null,
    });
  });

  test('takes an older version that Asana speaks, and no unknown one', async () => {
    const { facts, accessToken } = await caller();
    sandbox.set({ protocolVersions: ['2025-06-18'] });
    expect(await openUpstreamSession({ facts, accessToken, purpose: 'a test' })).toMatchObject({
      protocolVersion: '2025-06-18',
    });
    sandbox.set({ protocolVersions: ['2099-01-01'] });
    expect(await reasonOf(openUpstreamSession({ facts, accessToken, purpose: 'a test' }))).toBe('malformed');
  });
});

describe('the tool list', () => {
  test.each([null, 1, 7])(
    'is whole and in Asana’s order, whatever the pages (%s a page)',
    async (pageSize) => {
      for (const emptyFirstPage of [false, true]) {
        sandbox.set({ pageSize, emptyFirstPage });
        const { facts, accessToken } = await caller();
        const tools = await withUpstreamSession(facts, accessToken, 'a test', listTools);
        expect(tools).toEqual(JSON.parse(JSON.stringify(sandbox.tools)));
      }
    },
  );

  const serve = (pages: (cursor: unknown, n: number) => unknown) => {
    let n = 0;
    odd.answers((request) => respond(request, (params) => pages(params.cursor, n++)));
    setEnv({ ASANA_MCP_URL: `${odd.origin}/v2/mcp` });
  };
  const respond = ({ method, body }: OddRequest, list: (params: { cursor?: unknown }) => unknown) => {
    if (method !== 'POST') return { status: 405 };
    const message = JSON.parse(body) as { id?: number; method: string; params: { cursor?: unknown } };
    if (message.id === undefined) return { status: 202 };
    const initialized = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      serverInfo: { name: 'a', version: '1' },
    };
    const result = message.method === 'initialize' ? initialized : list(message.params);
    return { body: { jsonrpc: '2.0', id: message.id, result } };
  };
  const list = async () => {
    const { facts, accessToken } = await caller();
    return reasonOf(withUpstreamSession(facts, accessToken, 'a test', listTools));
  };

  test('that never ends, or turns in a circle, is given up', async () => {
    serve((_, n) => ({ tools: [{ name: `tool_${n}` }], nextCursor: `page ${n}` }));
    expect(await list()).toBe('malformed');
    expect(odd.requests.length).toBeLessThan(60);
    serve((_, n) => ({ tools: [{ name: `tool_${n}` }], nextCursor: 'again' }));
    expect(await list()).toBe('malformed');
    expect(odd.requests.length).toBeLessThan(10);
    serve((cursor, n) => ({
      tools: [{ name: `tool_${n}` }],
      ...(cursor === undefined && { nextCursor: '' }),
    }));
    expect(await list()).toBe('succeeded');
  });

  test.each([
    ['the same name twice', { tools: [{ name: 'a' }, { name: 'a' }] }],
    ['a name that is no text', { tools: [{ name: ['a'] }] }],
    ['a tool without a name', { tools: [{}] }],
    ['a tool that is null', { tools: [null] }],
    ['no list', { tools: { a: {} } }],
    ['nothing', {}],
    ['a cursor that is no text', { tools: [], nextCursor: 7 }],
  ])('with %s is refused', async (_, page) => {
    serve(() => page);
    expect(await list()).toBe('malformed');
    serve(() => ({ tools: [{ name: 'a' }, { name: 'A' }], nextCursor: null }));
    expect(await list()).toBe('succeeded');
  });

  test.each([
    ['another id', { jsonrpc: '2.0', id: 'not-yours', result: { protocolVersion: '2025-11-25' } }],
    [
      'its id as text',
      (id: number) => ({ jsonrpc: '2.0', id: String(id), result: { protocolVersion: '2025-11-25' } }),
    ],
    [
      'result and error',
      (id: number) => ({
        jsonrpc: '2.0',
        id,
        result: { protocolVersion: '2025-11-25' },
        error: { code: 1, message: '' },
      }),
    ],
    ['neither', (id: number) => ({ jsonrpc: '2.0', id })],
    [
      'another version of JSON-RPC',
      (id: number) => ({ jsonrpc: '1.0', id, result: { protocolVersion: '2025-11-25' } }),
    ],
    ['a list of answers', (id: number) => [{ jsonrpc: '2.0', id, result: {} }]],
    ['a result that is a text', (id: number) => ({ jsonrpc: '2.0', id, result: 'ok' })],
    [
      'bytes that are not UTF-8',
      (id: number) =>
        Buffer.from(
          `{"jsonrpc":"2.0","id":${id},"result":{"protocolVersion":"2025-11-25","a":"\u00ff"}}`,
          'latin1',
        ),
    ],
  ])('an answer with %s is refused', async (_, answer) => {
    const { facts, accessToken } = await caller();
    odd.answers(({ body }) => ({
      body: typeof answer === 'function' ? answer((JSON.parse(body) as { id: number }).id) : answer,
    }));
    setEnv({ ASANA_MCP_URL: `${odd.origin}/v2/mcp` });
    expect(await reasonOf(openUpstreamSession({ facts, accessToken, purpose: 'a test' }))).toBe('malformed');
  });

  test('a session id that could not go back as a header is refused', async () => {
    const { facts, accessToken } = await caller();
    setEnv({ ASANA_MCP_URL: `${odd.origin}/v2/mcp` });
    const withId = (id: string) =>
      odd.answers((request) => ({ ...respond(request, () => ({})), headers: { 'mcp-session-id': id } }));
    withId('a b');
    expect(await reasonOf(openUpstreamSession({ facts, accessToken, purpose: 'a test' }))).toBe('malformed');
    withId('ab');
    expect(await reasonOf(openUpstreamSession({ facts, accessToken, purpose: 'a test' }))).toBe('succeeded');
  });
});

describe('a failure of Asana’s', () => {
  test.each([
    ['500', 'failed', 'unknown'],
    ['503', 'failed', 'unknown'],
    ['429', 'rate_limited', 'upstream_error'],
    ['403', 'malformed', 'upstream_error'],
    ['404-session', 'session_gone', 'upstream_error'],
    ['redirect', 'malformed', 'upstream_error'],
    ['drop-before', 'failed', 'unknown'],
    ['drop-mid', 'failed', 'unknown'],
    ['drop-after', 'failed', 'unknown'],
    ['nonsense', 'malformed', 'unknown'],
    ['html', 'malformed', 'unknown'],
    ['wrong-type', 'malformed', 'unknown'],
    ['wrong-id', 'malformed', 'unknown'],
    ['no-answer', 'failed', 'unknown'],
  ] as const)('%s is %s, its outcome %s, and nothing is sent twice', async (mcpFault, reason, outcome) => {
    const { facts, accessToken } = await caller();
    sandbox.set({ mcpFault, faultMethods: ['tools/call'] });
    expect(
      await reasonOf(
        withUpstreamSession(facts, accessToken, 'a test', (session) => callTool(session, 'get_me', {})),
      ),
    ).toBe(reason);
    expect((await recordsOf(facts)).at(-1)).toMatchObject({ method: 'tools/call', outcome });
    expect(posts().filter(({ rpc }) => rpc?.method === 'tools/call')).toHaveLength(1);
    expect(sandbox.log.count(({ path }) => path === '/redirect-trap')).toBe(0);
  });

  test('an unknown tool is refused with the code of Asana’s error, and none of its text', async () => {
    const { facts, accessToken } = await caller();
    const calling = withUpstreamSession(facts, accessToken, 'a test', (session) =>
      callTool(session, 'no_such_tool', {}),
    );
    await expect(calling).rejects.toMatchObject({
      ...{ reason: 'refused', detail: { rpcCode: -32602 } },
      message: expect.not.stringContaining('no_such_tool'),
    });
  });

  test('OC-08: a 401 that names another authorization server is a 401 and nothing else', async () => {
    const { facts, accessToken } = await caller();
    const elsewhere = await startOddServer();
    odd.answers({
      status: 401,
      headers: {
        'www-authenticate': `Bearer resource_metadata="${elsewhere.origin}/.well-known/oauth-protected-resource", as_uri="${elsewhere.origin}"`,
      },
    });
    setEnv({ ASANA_MCP_URL: `${odd.origin}/v2/mcp` });
    expect(await reasonOf(openUpstreamSession({ facts, accessToken, purpose: 'a test' }))).toBe(
      'unauthorized',
    );
    await expect(listUpstreamTools({ ...facts, id: facts.connectionId! })).rejects.toMatchObject({
      code: 'asana_unavailable',
    });
    expect(elsewhere.requests).toEqual([]);
    await elsewhere.close();
  });
});

describe('the tool list through a stored connection', () => {
  test('comes with a token that lives: renewed where it has expired', async () => {
    const { person, facts } = await caller();
    const { id } = await addConnection(sandbox, person, { leftMs: -1_000 });
    expect(await listUpstreamTools({ ...facts, id })).toHaveLength(39);
  });

  test('UF-01: after a 401 one refresh and one more try; UF-02: a second 401 ends it', async () => {
    const { facts } = await caller();
    sandbox.expireAccessTokensNow();
    expect(await listUpstreamTools({ ...facts, id: facts.connectionId! })).toHaveLength(39);
    expect(sandbox.log.count(setting.isRefresh)).toBe(1);
    sandbox.set({ next401: 50 });
    sandbox.log.clear();
    await expect(listUpstreamTools({ ...facts, id: facts.connectionId! })).rejects.toMatchObject({
      code: 'asana_unavailable',
    });
    expect(sandbox.log.count(setting.isRefresh)).toBe(1);
    expect(posts()).toHaveLength(2);
  });

  test('of an authorization that has ended is no_connection; of a failing Asana asana_unavailable', async () => {
    const { person, facts } = await caller();
    sandbox.set({ mcpFault: '503' });
    await expect(listUpstreamTools({ ...facts, id: facts.connectionId! })).rejects.toMatchObject({
      code: 'asana_unavailable',
    });
    const { id } = await addConnection(sandbox, person, { leftMs: -1_000 });
    sandbox.revokeAll({ email: person.email });
    await expect(listUpstreamTools({ ...facts, id })).rejects.toMatchObject({ code: 'no_connection' });
  });
});
