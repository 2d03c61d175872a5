// The stand-in Asana speaks MCP as Asana does, as far as that is known; each switch does what it says; and its log is the
// truth about what arrived. Driven with bare fetch and with the official SDK client over real HTTP.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recordedTools } from '../../lib/catalogue/recorded-tools';
import { MCP_FAULTS } from '../../lib/sandbox/faults';
import { createRequestLog } from '../../lib/sandbox/request-log';
import { createSessions } from '../../lib/sandbox/sessions';
import { startSandbox, type Sandbox } from '../../lib/sandbox/start-sandbox';
import { SEED } from '../../lib/sandbox/world-seed';
import {
  CALLBACK,
  clientOf,
  connect,
  get,
  mcpClient,
  outcomeOf,
  postForm,
  readMessages,
} from '../support/call-sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const tokenOf = (email: string, workspaceGid?: string) =>
  sandbox.issueTokens({ email, workspaceGid }).accessToken;
const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };
const mcpRequests = () => sandbox.log.entries.filter(({ path }) => path === '/v2/mcp');

describe('without a good token', () => {
  const challenge = () =>
    `Bearer realm="Asana MCP", resource_metadata="${sandbox.origin}/.well-known/oauth-protected-resource/v2"`;

  it.each(['POST', 'GET', 'DELETE', 'PUT'])('a %s answers the recorded 401', async (method) => {
    const response = await mcpClient(sandbox, null).send(PING, {}, method);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe(challenge());
  });

  it('says that a foreign token was not issued by Asana OAuth, also of an API app', async () => {
    const api = sandbox.addApp({ clientId: 'api', kind: 'api', redirectUrls: [CALLBACK] });
    const { accessToken } = sandbox.issueTokens({ email: 'ana@example.com', clientId: api.clientId });
    const { refreshToken } = sandbox.issueTokens({ email: 'ana@example.com' });
    for (const token of [
      'gth_0123456789',
      '2/1/2:00000000000000000000000000000000',
      accessToken,
      refreshToken,
    ]) {
      const response = await mcpClient(sandbox, token).send(PING);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toBe(
        `${challenge()}, error="invalid_token", error_description="Invalid token signature - token was not issued by Asana OAuth"`,
      );
    }
  });

  it('says another text for an expired or revoked one, which is a switch', async () => {
    const client = mcpClient(sandbox, tokenOf('ana@example.com'));
    sandbox.set({ expiredTokenText: 'Too old' });
    sandbox.expireAccessTokensNow();
    const response = await client.send(PING);
    expect(response.headers.get('www-authenticate')).toBe(
      `${challenge()}, error="invalid_token", error_description="Too old"`,
    );
  });

  it('takes a token from the Authorization header only', async () => {
    const token = tokenOf('ana@example.com');
    const response = await fetch(`${sandbox.mcpUrl}?access_token=${encodeURIComponent(token)}`, {
      method: 'POST',
    });
    expect(response.status).toBe(401);
  });

  it('answers 401 to a person who left the workspace, and forgets nobody else', async () => {
    const [ana, ben] = [
      mcpClient(sandbox, tokenOf('ana@example.com')),
      mcpClient(sandbox, tokenOf('ben@example.com')),
    ];
    sandbox.world.users.get(SEED.ana)!.memberships = [];
    expect((await ana.open()).status).toBe(401);
    expect((await ben.open()).status).toBe(200);
  });
});

describe('initialize', () => {
  it.each(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])(
    'agrees on %s',
    async (protocolVersion) => {
      const { answer } = await mcpClient(sandbox, tokenOf('ana@example.com')).open({ protocolVersion });
      expect(answer.result.protocolVersion).toBe(protocolVersion);
    },
  );

  it('offers the newest it knows for any other version, and refuses a request without one', async () => {
    const client = mcpClient(sandbox, tokenOf('ana@example.com'));
    expect((await client.open({ protocolVersion: '2099-01-01' })).answer.result).toMatchObject({
      protocolVersion: '2025-11-25',
      capabilities: { tools: { listChanged: true }, resources: {}, prompts: {} },
      instructions: expect.any(String),
    });
    const { answer } = await client.open({ protocolVersion: undefined });
    expect(answer.error?.code).toBe(-32602);
    expect(client.session()).toBeNull();
    sandbox.set({ protocolVersions: ['2024-11-05'], instructions: null });
    const old = await client.open();
    expect(old.answer.result.protocolVersion).toBe('2024-11-05');
    expect(old.answer.result).not.toHaveProperty('instructions');
  });
});

describe('sessions', () => {
  it('are opened by initialize, needed afterwards, and ended by DELETE', async () => {
    const client = mcpClient(sandbox, tokenOf('ana@example.com'));
    expect((await client.send(PING)).status).toBe(400);
    await client.open();
    expect(client.session()).toMatch(/^[\x21-\x7e]{16,}$/);
    expect((await client.send(PING)).status).toBe(200);
    expect((await client.send(PING, { 'mcp-session-id': 'made-up' })).status).toBe(404);
    expect((await client.send(PING, { 'mcp-session-id': null })).status).toBe(400);
    expect((await client.send(null, { 'mcp-session-id': null }, 'DELETE')).status).toBe(400);
    expect((await client.send(null, {}, 'DELETE')).status).toBe(200);
    expect((await client.send(PING)).status).toBe(404);
    expect((await client.send(null, {}, 'DELETE')).status).toBe(404);
  });

  it('belong to one authorization: with the token of another they are unknown', async () => {
    const ana = await clientOf(sandbox, 'ana@example.com', SEED.works);
    for (const other of [tokenOf('ben@example.com'), tokenOf('ana@example.com', SEED.studio)]) {
      const stranger = { authorization: `Bearer ${other}` };
      expect((await ana.send(PING, stranger)).status).toBe(404);
      expect((await ana.send(null, stranger, 'DELETE')).status).toBe(404);
    }
    expect((await ana.send(PING)).status).toBe(200);
  });

  it('outlive a refreshed token of the same authorization', async () => {
    const tokens = await connect(sandbox);
    const client = mcpClient(sandbox, tokens.access_token);
    await client.open();
    const { body } = await postForm(sandbox, 'oauth_token', {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    });
    expect((await client.send(PING, { authorization: `Bearer ${body.access_token}` })).status).toBe(200);
  });

  it('can not be opened twice, nor amid other messages', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const initialize = { jsonrpc: '2.0', id: 9, method: 'initialize', params: {} };
    expect((await client.send(initialize)).status).toBe(400);
    expect((await client.send([initialize, PING], { 'mcp-session-id': null })).status).toBe(400);
  });

  it('do not exist when switched off: ids are ignored and DELETE is refused', async () => {
    sandbox.set({ sessions: false });
    const client = mcpClient(sandbox, tokenOf('ana@example.com'));
    await client.open();
    expect(client.session()).toBeNull();
    expect((await client.send(PING)).status).toBe(200);
    expect((await client.send(PING, { 'mcp-session-id': 'whatever' })).status).toBe(200);
    const refused = await client.send(null, { 'mcp-session-id': 'whatever' }, 'DELETE');
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('are forgotten, the oldest first, beyond ten thousand', () => {
    const sessions = createSessions();
    const first = sessions.open('grant');
    const second = sessions.open('grant');
    for (let count = 0; count < 9_999; count++) sessions.open('grant');
    expect(sessions.size).toBe(10_000);
    expect(sessions.isOpen(first, 'grant')).toBe(false);
    expect(sessions.isOpen(second, 'grant')).toBe(true);
  });
});

describe('a POST', () => {
  it.each([
    ['no Accept', { accept: '' }, 406],
    ['Accept without event streams', { accept: 'application/json' }, 406],
    ['Accept without JSON', { accept: 'text/event-stream' }, 406],
    ['another Content-Type', { 'content-type': 'text/plain' }, 415],
    ['a protocol version nobody knows', { 'mcp-protocol-version': '1999-01-01' }, 400],
    ['the modern protocol version', { 'mcp-protocol-version': '2026-07-28' }, 400],
    ['a parameter on the Content-Type', { 'content-type': 'application/json; charset=utf-8' }, 200],
    ['a known protocol version', { 'mcp-protocol-version': '2025-06-18' }, 200],
    ['Accept in another spelling', { accept: 'TEXT/EVENT-STREAM;q=0.5, Application/JSON' }, 200],
  ])('with %s answers as the transport says', async (_case, headers, status) => {
    const client = await clientOf(sandbox, 'ana@example.com');
    expect((await client.send(PING, headers)).status).toBe(status);
  });

  it.each([
    ['nonsense', '{', -32700],
    ['a number', '5', -32600],
    ['another version of JSON-RPC', { jsonrpc: '1.0', id: 1, method: 'ping' }, -32600],
    ['a null id', { jsonrpc: '2.0', id: null, method: 'ping' }, -32600],
    ['params that are no object', { jsonrpc: '2.0', id: 1, method: 'ping', params: 'x' }, -32600],
    ['neither method nor result', { jsonrpc: '2.0', id: 1 }, -32600],
    ['an empty batch', [], -32600],
  ])('with %s answers 400', async (_case, body, code) => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const response = await client.send(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code } });
  });

  it('of notifications and responses answers 202 without a body, and carries nothing out', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    for (const body of [
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
      { jsonrpc: '2.0', id: 4, result: {} },
      {
        jsonrpc: '2.0',
        method: 'tools/call',
        params: { name: 'delete_task', arguments: { task: SEED.pressKit } },
      },
    ]) {
      const response = await client.send(body);
      expect([response.status, await response.text()]).toEqual([202, '']);
    }
    expect(sandbox.world.tasks.has(SEED.pressKit)).toBe(true);
  });

  it('answers ping, refuses what it does not know, and answers the modern probe as a legacy server', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    expect(await client.request('ping')).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
    for (const method of ['logging/setLevel', 'completion/complete', 'tools/delete', 'constructor'])
      expect((await client.request(method, {})).error?.code).toBe(-32601);
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-session-id': null };
    for (const headers of [{}, modern] as Record<string, string | null>[]) {
      const probe = await client.send(
        { jsonrpc: '2.0', id: 1, method: 'server/discover', params: {} },
        headers,
      );
      expect(probe.status).toBe(400);
      expect((await probe.json()).error.code).toBe(-32601);
    }
  });

  it('keeps ids as they are, strings and numbers alike', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    for (const id of ['a', '7', 7, 0, -1, 1.5]) {
      const [answer] = await readMessages(await client.send({ ...PING, id }));
      expect(answer!.id).toBe(id);
    }
  });

  it('carries out batches, which are logged tool by tool, unless switched off', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const call = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'get_me' } };
    const answers = await readMessages(
      await client.send([PING, call, { jsonrpc: '2.0', method: 'notifications/x' }]),
    );
    expect(answers.map(({ id }) => id)).toEqual([1, 2]);
    expect(sandbox.log.entries.at(-1)!.rpc).toEqual({
      method: 'batch',
      batch: [
        { method: 'ping', id: 1 },
        { method: 'tools/call', id: 2, tool: 'get_me' },
        { method: 'notifications/x' },
      ],
    });
    sandbox.set({ batches: false });
    expect((await client.send([PING])).status).toBe(400);
  });

  it('refuses a body of more than four megabytes and logs how much arrived', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    // The refusal may overtake the body, and then the connection breaks while the client still sends.
    const outcome = await outcomeOf(client.send(`"${'x'.repeat(4 * 1024 * 1024)}"`));
    expect(outcome).toMatch(/^413 |^broken: fetch failed$/);
    const entry = sandbox.log.entries.at(-1)!;
    expect(entry.status).toBe(413);
    expect(entry.bodyBytes).toBeGreaterThan(4 * 1024 * 1024);
    expect(entry.body).toHaveLength(64 * 1024);
  });
});

describe('answers', () => {
  it('come as an event stream or as JSON', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const stream = await client.send(PING);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    expect(await stream.text()).toBe('event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
    sandbox.set({ answers: 'json' });
    const json = await client.send(PING);
    expect(json.headers.get('content-type')).toBe('application/json');
    expect(await json.text()).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    expect(await readMessages(await client.send([PING]))).toHaveLength(1);
  });

  it('are preceded by notifications on demand, progress where a token asks for it', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    sandbox.set({ notificationsBeforeAnswer: 2 });
    const plain = await readMessages(await client.send(PING));
    expect(plain.map(({ method }) => method)).toEqual([
      'notifications/message',
      'notifications/message',
      undefined,
    ]);
    const asked = await readMessages(
      await client.send({ ...PING, params: { _meta: { progressToken: 'p' } } }),
    );
    expect(asked[1]).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 'p', progress: 2, total: 2 },
    });
  });

  it('carry structuredContent on demand', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const call = () => client.request('tools/call', { name: 'get_me' });
    expect((await call()).result).not.toHaveProperty('structuredContent');
    sandbox.set({ structuredContent: true });
    expect((await call()).result.structuredContent.data.name).toBe('Ana');
  });
});

describe('tools/list', () => {
  const listAll = async (client: Awaited<ReturnType<typeof clientOf>>) => {
    const pages: any[][] = [];
    let cursor: string | undefined;
    do {
      const { result } = await client.request('tools/list', cursor === undefined ? undefined : { cursor });
      pages.push(result.tools);
      cursor = result.nextCursor;
    } while (cursor !== undefined);
    return pages;
  };

  it('gives the recorded list, whole and unchanged', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    expect(await listAll(client)).toEqual([recordedTools()]);
  });

  it.each([1, 10, 39, 100])('comes in pages of %i that add up to the list', async (pageSize) => {
    sandbox.set({ pageSize });
    const pages = await listAll(await clientOf(sandbox, 'ana@example.com'));
    expect(pages).toHaveLength(Math.ceil(39 / pageSize));
    expect(pages.flat()).toEqual(recordedTools());
  });

  it('may begin with an empty page whose cursor is the empty string', async () => {
    sandbox.set({ pageSize: 20, emptyFirstPage: true });
    const pages = await listAll(await clientOf(sandbox, 'ana@example.com'));
    expect(pages.map((page) => page.length)).toEqual([0, 20, 19]);
  });

  it('accepts its cursors from anybody, and no others', async () => {
    sandbox.set({ pageSize: 30 });
    const ana = await clientOf(sandbox, 'ana@example.com');
    const ben = await clientOf(sandbox, 'ben@example.com');
    const { nextCursor } = (await ana.request('tools/list')).result;
    expect((await ben.request('tools/list', { cursor: nextCursor })).result.tools).toHaveLength(9);
    for (const cursor of ['', 'x', '30', 5, null, `${nextCursor}=`])
      expect((await ana.request('tools/list', { cursor })).error?.code).toBe(-32602);
  });
});

describe('the list of tools', () => {
  it('changes by adding, changing, renaming and removing, and calls follow', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const names = async () => (await client.request('tools/list')).result.tools.map(({ name }: any) => name);
    const error = async (name: string) => (await client.request('tools/call', { name, arguments: {} })).error;

    sandbox.addTool({ name: 'delete_workspace', description: 'New.' });
    expect((await names()).at(-1)).toBe('delete_workspace');
    expect((await client.call('delete_workspace', { sure: true })).value).toEqual({
      data: { tool: 'delete_workspace', arguments: { sure: true } },
    });
    sandbox.addTool({ name: 'shout' }, (view, given) => ({ by: view.user.name, said: given.text }));
    expect((await client.call('shout', { text: 'ho' })).value).toEqual({ by: 'Ana', said: 'ho' });

    sandbox.changeTool('get_me', { description: 'Changed.' });
    const changed = (await client.request('tools/list')).result.tools.find(
      ({ name }: any) => name === 'get_me',
    );
    expect(changed).toMatchObject({ description: 'Changed.', title: 'Get me' });
    expect((await client.call('get_me')).isError).toBe(false);

    sandbox.renameTool('get_me', 'who_am_i');
    expect((await client.call('who_am_i')).value.data.name).toBe('Ana');
    expect(await error('get_me')).toEqual({ code: -32602, message: 'Tool get_me not found' });

    sandbox.removeTool('delete_task');
    expect(await names()).not.toContain('delete_task');
    expect((await error('delete_task'))?.code).toBe(-32602);
    expect(() => sandbox.removeTool('delete_task')).toThrow('no tool delete_task');

    sandbox.addTool({ name: 'get_task', description: 'A second one of that name.' });
    expect((await names()).filter((name: string) => name === 'get_task')).toHaveLength(2);
    sandbox.reset();
    expect(sandbox.tools).toEqual(recordedTools());
  });

  it.each(['constructor', '__proto__', 'GET_ME', ' get_me', 'get_me\u200b', 'ｇet_me', ''])(
    'knows no tool %j',
    async (name) => {
      const client = await clientOf(sandbox, 'ana@example.com');
      expect((await client.request('tools/call', { name })).error?.code).toBe(-32602);
    },
  );

  it('refuses names and arguments of the wrong type', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    for (const params of [
      {},
      { name: ['get_me'] },
      { name: 'get_me', arguments: [] },
      { name: 'get_me', arguments: 'x' },
    ])
      expect((await client.request('tools/call', params)).error?.code).toBe(-32602);
  });

  it('can not be changed for others by whoever holds it', () => {
    (sandbox.tools[0] as { name: string }).name = 'planted';
    expect(sandbox.tools).toEqual(recordedTools());
  });
});

describe('resources and prompts', () => {
  it('are the three widgets as HTML, and no prompts', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const { resources } = (await client.request('resources/list')).result;
    const linked = recordedTools().flatMap(
      (tool) => (tool._meta?.['ui/resourceUri'] as string | undefined) ?? [],
    );
    expect(resources.map(({ uri }: any) => uri).sort()).toEqual([...linked].sort());
    for (const uri of linked) {
      const [content] = (await client.request('resources/read', { uri })).result.contents;
      expect(content.uri).toBe(uri);
      expect(content.mimeType).toMatch(/^text\/html/);
      expect(content.text).toContain('<!doctype html>');
    }
    expect((await client.request('resources/read', { uri: 'ui://widget/other.html' })).error?.code).toBe(
      -32002,
    );
    expect((await client.request('resources/templates/list')).result).toEqual({ resourceTemplates: [] });
    expect((await client.request('prompts/list')).result).toEqual({ prompts: [] });
  });
});

describe('GET', () => {
  it('answers 405 unless streams are switched on', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const response = await client.send(null, {}, 'GET');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, DELETE']);
  });

  it('opens a stream that carries comments, and ends with its session', async () => {
    sandbox.set({ getStream: true, streamCommentMs: 20 });
    const client = await clientOf(sandbox, 'ana@example.com');
    expect((await client.send(null, { accept: 'application/json' }, 'GET')).status).toBe(406);
    expect((await client.send(null, { 'mcp-session-id': null }, 'GET')).status).toBe(400);
    expect((await client.send(null, { 'mcp-session-id': 'x' }, 'GET')).status).toBe(404);
    const response = await client.send(null, {}, 'GET');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    await new Promise((resolve) => setTimeout(resolve, 80));
    await client.send(null, {}, 'DELETE');
    expect(await response.text()).toMatch(/^: open\n\n(: still here\n\n)+$/);
  });
});

describe('the official SDK client', () => {
  async function sdk(token: string) {
    const client = new Client({ name: 'sdk', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(sandbox.mcpUrl), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    await client.connect(transport);
    return { client, transport };
  }

  it.each([
    { answers: 'sse', sessions: true, getStream: true },
    { answers: 'sse', sessions: false, getStream: false },
    { answers: 'json', sessions: true, getStream: false },
    { answers: 'json', sessions: false, getStream: true },
  ] as const)('authorizes, lists, writes, reads, refreshes and ends with %o', async (switches) => {
    sandbox.set({ ...switches, pageSize: 15 });
    const tokens = await connect(sandbox, { sandbox_user: 'ben@example.com' });
    const { client, transport } = await sdk(tokens.access_token);
    expect(client.getServerCapabilities()).toEqual({
      tools: { listChanged: true },
      resources: {},
      prompts: {},
    });
    expect(transport.sessionId === undefined).toBe(!switches.sessions);
    const first = await client.listTools();
    const second = await client.listTools({ cursor: first.nextCursor });
    const third = await client.listTools({ cursor: second.nextCursor });
    expect([...first.tools, ...second.tools, ...third.tools]).toEqual(recordedTools());

    const call = async (name: string, given: Record<string, unknown>) => {
      const result: any = await client.callTool({ name, arguments: given });
      return JSON.parse(result.content[0].text);
    };
    const made = await call('create_tasks', {
      tasks: [{ name: 'By the SDK' }],
      default_project: SEED.relaunch,
    });
    const read = await call('get_task', { task_id: made.succeeded[0].gid });
    expect(read.data).toMatchObject({ name: 'By the SDK', created_by: { name: 'Ben' } });

    const renewed = await postForm(sandbox, 'oauth_token', {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    });
    const again = await sdk(renewed.body.access_token);
    await expect(again.client.ping()).resolves.toEqual({});
    await again.client.close();

    expect((await client.readResource({ uri: 'ui://widget/task_preview.html' })).contents).toHaveLength(1);
    await expect(client.callTool({ name: 'nothing' })).rejects.toMatchObject({ code: -32602 });
    await transport.terminateSession();
    await client.close();
    expect((await postForm(sandbox, 'oauth_revoke', { token: tokens.refresh_token })).status).toBe(200);
    await expect(sdk(renewed.body.access_token)).rejects.toThrow('invalid_token');
  });

  it('is told when the list of tools changes', async () => {
    sandbox.set({ getStream: true });
    const { client } = await sdk(tokenOf('ana@example.com'));
    const told = new Promise((resolve) =>
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve('told')),
    );
    await expect
      .poll(() => mcpRequests().some(({ method, status }) => method === 'GET' && status === 200))
      .toBe(true);
    sandbox.addTool({ name: 'newcomer' });
    expect(await told).toBe('told');
    await client.close();
  });
});

describe('switches', () => {
  it('refuse unknown names and wrong values, and then none of them changes', () => {
    const before = structuredClone(sandbox.switches);
    for (const wrong of [
      { sesions: false },
      { sessions: 'no' },
      { pageSize: 0 },
      { mcpFault: 'explode' },
      { mcpFault: 'constructor' },
      { silentApproval: {} },
      { faultCount: -1 },
      { answers: 'xml' },
    ])
      expect(() => sandbox.set({ latencyMs: 5, ...wrong } as any)).toThrow(Object.keys(wrong)[0]);
    expect(sandbox.switches).toEqual(before);
  });

  it('go back to their defaults with reset, as does everything else', async () => {
    const { switches } = await startAndStop();
    const client = await clientOf(sandbox, 'ana@example.com');
    await client.call('delete_task', { task: SEED.pressKit });
    sandbox.set({
      sessions: false,
      pageSize: 3,
      mcpFault: 'hang',
      silentApproval: { email: 'a', workspaceGid: 'b' },
    });
    sandbox.addApp({ clientId: 'extra' });
    const secret = sandbox.apps[0]!.clientSecret;
    sandbox.reset();
    expect(sandbox.switches).toEqual(switches);
    expect(sandbox.world.tasks.has(SEED.pressKit)).toBe(true);
    expect(sandbox.apps.map(({ clientId }) => clientId)).toEqual(['1200000000000001']);
    expect(sandbox.apps[0]!.clientSecret).toBe(secret);
    expect(sandbox.log.entries).toEqual([]);
    expect((await client.send(PING)).status).toBe(401);
  });

  async function startAndStop() {
    const other = await startSandbox();
    const kept = { switches: structuredClone(other.switches) };
    await other.close();
    return kept;
  }

  it('next401 refuses the next n requests although the token is good', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    sandbox.set({ next401: 2 });
    const statuses = [];
    for (let round = 0; round < 3; round++) statuses.push((await client.send(PING)).status);
    expect(statuses).toEqual([401, 401, 200]);
    expect(sandbox.switches.next401).toBe(0);
  });

  it('latencyMs holds every MCP request back', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    sandbox.set({ latencyMs: 120 });
    const start = performance.now();
    await client.send(PING);
    expect(performance.now() - start).toBeGreaterThan(110);
  });
});

describe('faults of the MCP endpoint', () => {
  const WRITE = {
    jsonrpc: '2.0',
    id: 5,
    method: 'tools/call',
    params: { name: 'update_tasks', arguments: { tasks: [{ task: SEED.pressKit, name: 'Written' }] } },
  };
  const written = () => sandbox.world.tasks.get(SEED.pressKit)!.name === 'Written';

  const NORMAL = /^200 \[content-type: (application\/json|text\/event-stream)\] .*succeeded/s;
  const OUTCOMES: Record<keyof typeof MCP_FAULTS, [executes: boolean, json: RegExp, sse?: RegExp]> = {
    '500': [false, /^500 .*Oops!/],
    '502': [false, /^502 \[content-type: text\/html/],
    '503': [false, /^503 .*\[retry-after: 9\]/],
    '504': [false, /^504 \[content-type: text\/html/],
    '429': [false, /^429 .*\[retry-after: 9\] \{"errors":/],
    '403': [false, /^403 .*\[www-authenticate: .*insufficient_scope/],
    '404-session': [false, /^404 .*"code":-32001,"message":"Session not found"/],
    hang: [false, /^broken: .*timeout/],
    slow: [true, NORMAL],
    'drop-before': [false, /^broken: fetch failed$/],
    'drop-mid': [true, /^broken: terminated$/],
    'drop-after': [true, /^broken: fetch failed$/],
    nonsense: [false, /^200 \[content-type: application\/json\] \}\{/],
    'wrong-type': [true, /^200 \[content-type: text\/plain\] .*succeeded/s],
    html: [false, /^200 \[content-type: text\/html/],
    redirect: [false, /^307 \[location: http:\/\/127\.0\.0\.1:\d+\/redirect-trap\] $/],
    'wrong-id': [true, /^200 .*"id":"not-yours"/s],
    'second-answer': [true, NORMAL, /^200 .*"id":5,.*\n\n.*"id":5,/s],
    'no-answer': [true, /^200 \[content-type: [a-z/-]+\] $/],
    'events-crlf': [true, NORMAL, /^200 .*message\r\ndata: .*succeeded.*\r\n\r\n$/s],
    'events-cr': [true, NORMAL, /^200 [^\n]*message\rdata: [^\n]*succeeded[^\n]*\r\r$/],
    // What reads a body as text cuts the mark off.
    'events-bom': [true, NORMAL],
    'events-no-space': [true, NORMAL, /^200 .*event:message\ndata:\{.*succeeded/s],
    'events-comments': [true, NORMAL, /^200 .*: wait\n\nretry: 5\nid: 1\n.*\n: and\ndata: .*succeeded/s],
    'events-many-lines': [true, NORMAL, /^200 .*data: \{\ndata: {2}"jsonrpc": "2\.0",\n.*succeeded/s],
    'events-no-end': [true, NORMAL, /^200 .*succeeded.*\}$/s],
    'byte-by-byte': [true, NORMAL],
    // fetch unpacks them.
    gzip: [true, NORMAL],
    br: [true, NORMAL],
    deflate: [true, NORMAL],
    'type-missing': [true, /^200 (\[content-type: \] )?.*succeeded/s],
    'type-html': [true, /^200 \[content-type: text\/html\] .*succeeded/s],
    'type-odd-case': [true, /^200 \[content-type: [A-Z/-]+ ;x=1\] .*succeeded/s],
    'status-203': [true, /^203 .*succeeded/s],
    'error-and-result': [true, /^200 .*succeeded.*"error":\{"code":1/s],
    'endless-json': [false, /^broken: .*timeout/],
    'endless-event': [false, /^broken: .*timeout/],
    'endless-comments': [false, /^broken: .*timeout/],
  };

  describe.each(['json', 'sse'] as const)('with answers as %s', (answers) => {
    it.each(Object.keys(MCP_FAULTS) as (keyof typeof MCP_FAULTS)[])(
      '%s does what its name says, once, and then is over',
      async (mcpFault) => {
        const client = await clientOf(sandbox, 'ana@example.com', SEED.works);
        sandbox.set({ answers, mcpFault, faultCount: 1, retryAfterSeconds: 9, slowMs: 50 });
        const [executes, json, sse = json] = OUTCOMES[mcpFault];
        const timeoutMs = /^(hang|endless)/.test(mcpFault) ? 200 : 10_000;
        const outcome = await outcomeOf(client.send(WRITE, {}, 'POST', timeoutMs));
        expect(outcome).toMatch(answers === 'json' ? json : sse);
        expect(written()).toBe(executes);
        expect(sandbox.log.count(({ rpc }) => rpc?.id === 5)).toBe(1);
        expect(sandbox.switches.mcpFault).toBeNull();
        expect((await client.send(PING)).status).toBe(mcpFault === '404-session' ? 404 : 200);
      },
    );
  });

  it('cuts an answer in the middle, not before it began', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    for (const answers of ['json', 'sse'] as const) {
      sandbox.set({ answers, mcpFault: 'drop-mid', faultCount: 1 });
      const response = await client.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
      expect(response.status).toBe(200);
      let received = 0;
      const reading = (async () => {
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>)
          received += chunk.length;
      })();
      await expect(reading).rejects.toThrow('terminated');
      expect(received).toBeGreaterThan(10_000);
      expect(received).toBeLessThan(JSON.stringify(recordedTools()).length);
    }
  });

  it('hit all requests without a count, and only the named methods when some are named', async () => {
    const client = await clientOf(sandbox, 'ana@example.com', SEED.works);
    sandbox.set({ mcpFault: '500', faultMethods: ['tools/call', 'DELETE'] });
    expect((await client.send(PING)).status).toBe(200);
    expect((await client.send(WRITE)).status).toBe(500);
    expect((await client.send([PING, WRITE])).status).toBe(500);
    expect((await client.send(null, {}, 'DELETE')).status).toBe(500);
    expect((await client.send(WRITE)).status).toBe(500);
    expect(written()).toBe(false);
    sandbox.set({ mcpFault: null });
    expect((await client.send(WRITE)).status).toBe(200);
  });

  it('do not hide a missing or bad token', async () => {
    sandbox.set({ mcpFault: '500' });
    expect((await mcpClient(sandbox, null).send(PING)).status).toBe(401);
    expect((await mcpClient(sandbox, 'bad').send(PING)).status).toBe(401);
  });

  it('leave Retry-After out on demand', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    sandbox.set({ mcpFault: '429', retryAfterSeconds: null });
    expect((await client.send(PING)).headers.get('retry-after')).toBeNull();
  });
});

describe('the log', () => {
  it('keeps every request as it came: order, raw headers, body, who, what and the answer', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    const body =
      '{"jsonrpc":"2.0", "id":1,  "method":"tools/call","params":{"name":"get_me","name":"get_me"}}';
    await client.send(body, { 'X-Odd': 'value' });
    const entry = sandbox.log.entries.at(-1)!;
    expect(entry).toMatchObject({
      method: 'POST',
      path: '/v2/mcp',
      body,
      bodyBytes: body.length,
      rpc: { method: 'tools/call', tool: 'get_me', id: 1 },
      user: 'ana@example.com',
      status: 200,
    });
    expect(entry.rawHeaders).toContain('value');
    expect(entry.headers.authorization).toMatch(/^Bearer 2\//);
    expect(entry.at).toBeGreaterThan(Date.now() - 10_000);
    const numbers = sandbox.log.entries.map(({ n }) => n);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  it('can be counted, read from a number on, and cleared; numbers go on', async () => {
    await get(`${sandbox.origin}/one`);
    await get(`${sandbox.origin}/two`);
    const [, second] = sandbox.log.entries;
    expect(sandbox.log.count(({ path }) => path === '/two')).toBe(1);
    expect(sandbox.log.since(second!.n - 1)).toEqual([second]);
    sandbox.log.clear();
    expect(sandbox.log.entries).toEqual([]);
    await get(`${sandbox.origin}/three`);
    expect(sandbox.log.entries[0]!.n).toBe(second!.n + 1);
    expect(sandbox.log.entries[0]).toMatchObject({ status: 404, path: '/three' });
  });

  it('has a record of bytes that are no HTTP, of CONNECT, and of bodies that broke off', async () => {
    const { port } = new URL(sandbox.origin);
    const say = async (bytes: string, hangUp = false) => {
      const socket = connectSocket(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      socket.on('error', () => undefined);
      socket.write(bytes);
      if (hangUp) setTimeout(() => socket.destroy(), 50);
      socket.resume();
      await once(socket, 'close');
    };
    await say('this is not HTTP\r\n\r\n');
    expect(sandbox.log.entries.at(-1)).toMatchObject({
      method: '',
      path: '',
      body: 'this is not HTTP\r\n\r\n',
    });
    await say('CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n');
    expect(sandbox.log.entries.at(-1)).toMatchObject({ method: 'CONNECT', path: 'evil.test:443' });
    await say('POST /v2/mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"half":', true);
    await expect
      .poll(() => sandbox.log.entries.at(-1))
      .toMatchObject({ body: '{"half":', bodyBytes: 8, closedEarly: true });
  });

  it('keeps the newest ten thousand entries and 64 MiB of bodies', () => {
    const log = createRequestLog();
    const head = { method: 'POST', path: '/', headers: {}, rawHeaders: [] };
    for (let count = 0; count < 10_050; count++) log.add(head);
    expect([log.entries.length, log.entries[0]!.n]).toEqual([10_000, 51]);
    const large = Buffer.alloc(200_000, 'x');
    for (let count = 0; count < 2_000; count++) log.keepBody(log.add(head), large);
    const kept = log.entries.reduce((sum, { body }) => sum + body.length, 0);
    expect(kept).toBeLessThanOrEqual(64 * 1024 * 1024);
    expect(kept).toBeGreaterThan(60 * 1024 * 1024);
    expect(log.entries.at(-1)).toMatchObject({ bodyBytes: 200_000 });
  });

  it('does not list the requests of its own controls', async () => {
    await get(`${sandbox.origin}/sandbox/log`);
    expect(sandbox.log.entries).toEqual([]);
  });
});

describe('the controls over HTTP', () => {
  const control = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ) => {
    const response = await fetch(`${sandbox.origin}/sandbox/${path}`, {
      method,
      headers: { ...(method === 'POST' && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as any };
  };

  it('give world, apps and log, and set switches', async () => {
    const world = (await control('GET', 'world')).body;
    expect(world.users.map(({ email }: any) => email)).toEqual(
      ['ana', 'ben', 'cleo', 'dora', 'admin'].map((name) => `${name}@example.com`),
    );
    expect(world.apps[0].clientSecret).toBe(sandbox.apps[0]!.clientSecret);
    expect(world).toMatchObject({
      mcpUrl: sandbox.mcpUrl,
      oauthUrl: sandbox.oauthUrl,
      resource: sandbox.resource,
    });
    expect((await control('POST', 'switches', { pageSize: 7 })).body.pageSize).toBe(7);
    expect((await control('GET', 'switches')).body).toEqual(sandbox.switches);
    const wrong = await control('POST', 'switches', { pageSize: 'seven' });
    expect([wrong.status, wrong.body.error]).toEqual([400, expect.stringContaining('pageSize')]);
    await get(`${sandbox.origin}/seen`);
    const { entries } = (await control('GET', 'log')).body;
    expect(entries).toEqual(JSON.parse(JSON.stringify(sandbox.log.entries)));
    expect((await control('GET', `log?since=${entries.at(-1).n}`)).body.entries).toEqual([]);
    await control('POST', 'log/clear');
    expect(sandbox.log.entries).toEqual([]);
  });

  it('add, change, rename and remove tools', async () => {
    expect((await control('POST', 'tools', { add: { name: 'extra' } })).body.tools.at(-1)).toBe('extra');
    await control('POST', 'tools', { change: { name: 'extra', title: 'Extra!' } });
    expect(sandbox.tools.at(-1)!.title).toBe('Extra!');
    expect(
      (await control('POST', 'tools', { rename: { from: 'extra', to: 'other' } })).body.tools.at(-1),
    ).toBe('other');
    expect((await control('POST', 'tools', { remove: 'other' })).body.tools).toHaveLength(39);
    expect((await control('POST', 'tools', { remove: 'other' })).status).toBe(400);
    expect((await control('POST', 'tools', {})).status).toBe(400);
  });

  it('expire and revoke tokens, register apps, and reset', async () => {
    const client = await clientOf(sandbox, 'ana@example.com');
    await control('POST', 'expire');
    expect((await client.send(PING)).status).toBe(401);
    expect((await control('POST', 'revoke', { email: 'ana@example.com' })).body).toEqual({ revoked: 1 });
    const app = (await control('POST', 'apps', { clientId: 'mine', redirectUrls: [CALLBACK], kind: 'api' }))
      .body;
    expect(app).toMatchObject({ clientId: 'mine', kind: 'api', workspaces: 'any' });
    expect(app.clientSecret).toMatch(/^[0-9a-f]{32}$/);
    const bad = await control('POST', 'apps', { kind: 'web', redirectUrls: 'x' });
    expect([bad.status, bad.body.error]).toEqual([400, expect.stringContaining('kind must be mcp or api')]);
    await control('POST', 'reset');
    expect(sandbox.apps).toHaveLength(1);
  });

  it('answer neither to foreign names nor to forms, and name themselves when missed', async () => {
    const { port } = new URL(sandbox.origin);
    const socket = connectSocket(Number(port), '127.0.0.1');
    socket.write('GET /sandbox/world HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 403 /);
    const form = await control('POST', 'reset', {}, { 'content-type': 'text/plain' });
    expect(form.status).toBe(415);
    const missed = await control('GET', 'nothing');
    expect([missed.status, missed.body.controls]).toEqual([
      404,
      expect.arrayContaining(['GET /sandbox/log']),
    ]);
    expect((await control('POST', 'switches', [1])).status).toBe(400);
  });
});

describe('the front page', () => {
  it('says what this is and who is in it, without secrets', async () => {
    const page = await (await get(`${sandbox.origin}/`)).text();
    for (const text of ['stand-in', 'ana@example.com', sandbox.mcpUrl, sandbox.apps[0]!.clientId])
      expect(page).toContain(text);
    expect(page).not.toContain(sandbox.apps[0]!.clientSecret);
  });
});

describe('npm run sandbox', () => {
  const start = (...given: string[]) =>
    spawn(process.execPath, ['--import', 'tsx', 'lib/sandbox/main.ts', ...given], { stdio: 'pipe' });
  const textOf = async (stream: NodeJS.ReadableStream) => {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  };

  it('prints what one needs to use it, serves, and ends cleanly on SIGTERM', async () => {
    const child = start(
      '--port',
      '0',
      '--client-id',
      '42',
      '--client-secret',
      'hush',
      '--redirect-url',
      CALLBACK,
    );
    try {
      let output = '';
      child.stdout.on('data', (chunk) => (output += chunk));
      await expect.poll(() => output, { timeout: 20_000 }).toContain('GATEHOUSE_ALLOW_INSECURE_UPSTREAM=1');
      const origin = /^ {2}ASANA_OAUTH_URL=(.*)$/m.exec(output)![1]!;
      for (const text of [
        `ASANA_MCP_URL=${origin}/v2/mcp`,
        `ASANA_RESOURCE=${origin}/v2`,
        'hush',
        'dora@example.com',
      ])
        expect(output).toContain(text);
      const world = await (await get(`${origin}/sandbox/world`)).json();
      expect(world.apps).toMatchObject([{ clientId: '42', clientSecret: 'hush', redirectUrls: [CALLBACK] }]);
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('says in a sentence why it did not start', async () => {
    const child = start('--port', new URL(sandbox.origin).port);
    const [errors, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit')]);
    expect(code).toBe(1);
    expect(errors).toContain('Another program uses this port');
  });
});
