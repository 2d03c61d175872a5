// The modern era (MCP 2026-07-28) before an Asana that speaks it: every request stands alone, its headers say what its body says, and what
// goes up and comes back is only what the caller's groups open.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { pool } from '@/lib/db';
import { headersFor, post, rpc, until, watchAudit } from '../support/gate';
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
let ana: Person;
let ben: Person;
let newRecords: () => Promise<AuditRecord[]>;

beforeAll(async () => {
  gate = await startModernGate('modern');
  ana = await gate.person();
  ben = await gate.person({ tools: ['test_simple_text'], methods: [] });
  for (const { token } of [ana, ben]) await ask(gate, token, 'server/discover');
  newRecords = await watchAudit(gate.organization);
}, 60_000);
afterAll(() => gate.stop());
beforeEach(async () => {
  gate.fixture.requests.length = 0;
  await newRecords();
});

const simple = { name: 'test_simple_text', arguments: {} };
const sent = (): Record<string, any>[] =>
  gate.fixture.requests.map(({ message, headers }) => ({ ...message, headers }));

describe('a request is refused before anything goes to Asana when', () => {
  const call = modernMessage('tools/call', simple);
  const headers = modernHeaders(call);
  const without = (name: string) =>
    Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
  const withMeta = (meta: object) => modernMessage('tools/call', simple, meta);
  const cases: [string, object, Record<string, string>, number, object?][] = [
    ['T3: MCP-Protocol-Version is missing', call, without('mcp-protocol-version'), -32020],
    ['T3: MCP-Protocol-Version differs', call, { ...headers, 'mcp-protocol-version': '2025-11-25' }, -32020],
    ['T3: Mcp-Method is missing', call, without('mcp-method'), -32020],
    ['T3: Mcp-Method differs in case', call, { ...headers, 'mcp-method': 'Tools/Call' }, -32020],
    ['T3: Mcp-Name is missing', call, without('mcp-name'), -32020],
    [
      'F3: Mcp-Name is allowed and the body hidden',
      call,
      { ...headers, 'mcp-name': 'test_error_handling' },
      -32020,
    ],
    [
      'F3: Mcp-Name has a space behind it, encoded',
      call,
      { ...headers, 'mcp-name': encoded('test_simple_text ') },
      -32020,
    ],
    ['F3: Mcp-Name is broken base64', call, { ...headers, 'mcp-name': '=?base64?dGVzdA=?=' }, -32020],
    [
      'T2: nobody speaks the version',
      withMeta({ [`${META}protocolVersion`]: 'v999' }),
      { ...headers, 'mcp-protocol-version': 'v999' },
      -32022,
      { supported: ['2026-07-28'], requested: 'v999' },
    ],
    ['T4: _meta is missing', { ...call, params: simple }, headers, -32602],
    ['T4: _meta has no version', withMeta({ [`${META}protocolVersion`]: undefined }), headers, -32602],
    [
      'T4: _meta has no capabilities',
      withMeta({ [`${META}clientCapabilities`]: undefined }),
      headers,
      -32602,
    ],
    ['T4: the capabilities are no object', withMeta({ [`${META}clientCapabilities`]: [] }), headers, -32602],
  ];
  test.each(cases)('%s', async (_, message, given, code, data) => {
    const { status, body } = await post(gate, ana.token, message, given);
    expect([status, body.id, body.error?.code]).toEqual([400, 'mine', code]);
    if (data) expect(body.error?.data).toEqual(data);
    expect(sent()).toEqual([]);
    expect(await newRecords()).toMatchObject([{ decision: 'deny', reason: 'malformed' }]);
  });

  test('PP: an error to a message without an id has none', async () => {
    const message = { ...call, id: undefined };
    const { status, text } = await post(gate, ana.token, message, headers);
    expect(status).toBe(400);
    expect(Object.keys(JSON.parse(text))).toEqual(['jsonrpc', 'error']);
  });

  test('F4 F11: it is a batch, or has a key twice', async () => {
    const twice = JSON.stringify(call).replace('"name":', '"name":"test_error_handling","name":');
    for (const body of [JSON.stringify([call]), twice])
      expect((await post(gate, ana.token, body, headers)).status).toBe(400);
    expect(sent()).toEqual([]);
  });
});

describe('methods', () => {
  test('T5 F5: one that the era has not, or no group opens, is 404 with -32601', async () => {
    const gone = [
      'initialize',
      'ping',
      'logging/setLevel',
      'resources/subscribe',
      'tasks/get',
      'tasks/list',
      'x/y',
    ];
    for (const method of gone) {
      const { status, body } = await ask(gate, ana.token, method);
      expect([method, status, body.id, body.error?.code]).toEqual([method, 404, 'mine', -32601]);
    }
    for (const method of ['resources/list', 'prompts/list', 'completion/complete'])
      expect([method, (await ask(gate, ben.token, method)).status]).toEqual([method, 404]);
    expect(sent()).toEqual([]);
    expect((await newRecords()).every(({ reason }) => reason === 'method_not_allowed')).toBe(true);
  });

  test('T6: a notification is 202 without a body, and goes nowhere', async () => {
    const message = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'mine' } };
    const { status, text } = await post(gate, ana.token, message, modernHeaders(message));
    expect([status, text]).toEqual([202, '']);
    expect(sent()).toEqual([]);
  });

  test('T7: GET and DELETE are 405, and a session or an event id means nothing', async () => {
    const legacyWords = { 'mcp-session-id': 'whatever', 'last-event-id': '7' };
    for (const method of ['GET', 'DELETE']) {
      const headers = { ...headersFor(ana.token), 'mcp-protocol-version': '2026-07-28', ...legacyWords };
      const { status, headers: got } = await fetch(gate.url, { method, headers });
      expect([method, status, got.get('mcp-session-id')]).toEqual([method, 405, null]);
    }
    const called = await ask(gate, ana.token, 'tools/call', simple, { headers: legacyWords });
    expect([called.status, called.headers.get('mcp-session-id')]).toEqual([200, null]);
    expect(sent()[0]!.headers).not.toHaveProperty('mcp-session-id');
  });
});

describe('what the caller may use', () => {
  test('F1 F7: the list is filtered, whole, in Asana’s order, private, and kept no longer than an edit takes', async () => {
    const { body } = await ask(gate, ben.token, 'tools/list');
    expect(body.result).toMatchObject({ resultType: 'complete', cacheScope: 'private', ttlMs: 5_000 });
    expect(body.result.tools.map(({ name }: { name: string }) => name)).toEqual(['test_simple_text']);
    const all = await ask(gate, ana.token, 'tools/list');
    expect(all.body.result.tools.map(({ name }: { name: string }) => name)).toEqual(TOOLS);
  });

  test('F7: what Asana calls public is private behind the gate, and the rest of it keeps its bytes', async () => {
    for (const [method, params] of [
      ['resources/list', {}],
      ['resources/templates/list', {}],
      ['resources/read', { uri: 'test://static-text' }],
      ['prompts/list', {}],
    ] as const) {
      const { text, body } = await ask(gate, ana.token, method, params);
      expect([method, body.result.cacheScope, body.result.ttlMs]).toEqual([method, 'private', 60_000]);
      expect(text).not.toContain('public');
    }
  });

  test('F2: a hidden tool sounds like one that does not exist, and nothing goes up', async () => {
    for (const name of ['test_error_handling', 'no_such_tool']) {
      const { status, body } = await ask(gate, ben.token, 'tools/call', { name, arguments: {} });
      expect([status, body.error]).toEqual([200, { code: -32602, message: `Unknown tool: ${name}` }]);
    }
    expect(sent()).toEqual([]);
  });

  test('F1: discovery tells each caller what is open to him, and nothing of Asana', async () => {
    const [anas, bens] = await Promise.all(
      [ana, ben].map(({ token }) => ask(gate, token, 'server/discover')),
    );
    expect(bens!.body.result).toMatchObject({ resultType: 'complete', cacheScope: 'private' });
    expect(bens!.body.result.supportedVersions).toContain('2026-07-28');
    expect(bens!.body.result.capabilities).toEqual({ tools: { listChanged: true } });
    expect(Object.keys(anas!.body.result.capabilities)).toEqual([
      'tools',
      'resources',
      'prompts',
      'completions',
      'logging',
    ]);
    expect(bens!.text).not.toMatch(/fixture|test clients/);
    expect(await newRecords()).toMatchObject([
      { decision: 'allow', outcome: 'ok' },
      { decision: 'allow', outcome: 'ok' },
    ]);
  });
});

describe('what goes up', () => {
  test('R9: our own _meta and headers, and of the agent only its progress token and its trace', async () => {
    const meta = {
      ...able('elicitation', 'experimental'),
      ...{
        progressToken: 7,
        traceparent: '00-1-2-03',
        'example.com/secret': 1,
        [`${META}logLevel`]: 'debug',
      },
    };
    await ask(
      gate,
      ben.token,
      'tools/call',
      { ...simple, inputResponses: {}, other: 1 },
      { meta, headers: { cookie: 'a=b' } },
    );
    const [{ params, headers }] = sent() as [{ params: any; headers: any }];
    expect(params).toEqual({
      ...simple,
      _meta: {
        [`${META}protocolVersion`]: '2026-07-28',
        [`${META}clientInfo`]: { name: 'gatehouse', version: '1' },
        // Ben's group opens neither what Asana may ask of agents nor its log.
        [`${META}clientCapabilities`]: {},
        progressToken: 7,
        traceparent: '00-1-2-03',
      },
    });
    expect(headers).toMatchObject(modernHeaders({ method: 'tools/call', params: simple }));
    expect([headers.authorization === `Bearer ${ben.token}`, headers.cookie]).toEqual([false, undefined]);
    await ask(gate, ana.token, 'tools/call', simple, { meta });
    expect(sent()[1]!.params._meta).toMatchObject({ ...able('elicitation'), [`${META}logLevel`]: 'debug' });
    expect(sent()[1]!.params._meta[`${META}clientCapabilities`]).toEqual({ elicitation: {} });
  });

  test('a name that is not plain ASCII reaches Asana encoded, and as it was meant', async () => {
    const uri = 'test://template/größe 1/data';
    const given = { 'mcp-name': encoded(uri) };
    const { body } = await ask(gate, ana.token, 'resources/read', { uri }, { headers: given });
    expect(body.result.contents[0].uri).toBe(uri);
    expect(sent()[0]!.headers['mcp-name']).toBe(encoded(uri));
  });

  describe('Mcp-Param headers (SEP-2243)', () => {
    const call = (region: unknown, headers: Record<string, string>) =>
      ask(
        gate,
        ana.token,
        'tools/call',
        { name: 'test_x_mcp_header', arguments: region === undefined ? {} : { region } },
        { headers },
      );

    test('that agree with the arguments are written anew, and unknown ones are handed on', async () => {
      const { body } = await call('europe', {
        'mcp-param-region': encoded('europe'),
        'mcp-param-other': 'x',
      });
      expect(body.result.content[0].text).toBe('Called for europe');
      expect(sent()[0]!.headers).toMatchObject({ 'mcp-param-region': 'europe', 'mcp-param-other': 'x' });
      expect((await call(undefined, {})).body.result.content[0].text).toBe('Called for nowhere');
    });

    test.each<[string, unknown, Record<string, string>]>([
      ['differ', 'europe', { 'mcp-param-region': 'asia' }],
      ['are missing', 'europe', {}],
      ['stand for an argument that is missing', undefined, { 'mcp-param-region': 'europe' }],
      ['only look encoded', 'europe', { 'mcp-param-region': '=?base64?ZXVyb3Bl' }],
      ['are too long', undefined, { 'mcp-param-other': 'x'.repeat(1_025) }],
      [
        'are too many',
        undefined,
        Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`mcp-param-p${n}`, 'x'])),
      ],
    ])('that %s are refused by the reviewed definition, and nothing goes up', async (_, region, headers) => {
      const { status, body } = await call(region, headers);
      expect([status, body.error?.code]).toEqual([400, -32020]);
      expect(sent()).toEqual([]);
      expect(await newRecords()).toMatchObject([{ outcome: 'upstream_error', reason: 'header_mismatch' }]);
    });
  });
});

describe('what comes back', () => {
  test('T10: progress is there before the result, log messages only for who may have them and asked', async () => {
    const progress = await ask(
      gate,
      ana.token,
      'tools/call',
      { name: 'test_tool_with_progress', arguments: {} },
      { meta: { progressToken: 'p' } },
    );
    expect(progress.text.match(/notifications\/progress/g)).toHaveLength(3);
    const logged = async (person: Person, meta: object) =>
      (
        await ask(gate, person.token, 'tools/call', { name: 'test_logging_tool', arguments: {} }, { meta })
      ).text.includes('notifications/message');
    expect(await logged(ana, { [`${META}logLevel`]: 'debug' })).toBe(true);
    expect(await logged(ana, {})).toBe(false);
    await ana.allow(TOOLS, ['resources', 'prompts', 'client_requests']);
    expect(await logged(ana, { [`${META}logLevel`]: 'debug' })).toBe(false);
    await ana.allow(TOOLS, ['resources', 'prompts', 'completion', 'logging', 'client_requests']);
  });

  test('an error of Asana’s keeps what a client needs of its data, and nothing else', async () => {
    const lacking = await ask(gate, ana.token, 'tools/call', {
      name: 'test_missing_capability',
      arguments: {},
    });
    expect([lacking.status, lacking.body.error?.code]).toEqual([400, -32021]);
    expect(lacking.body.error?.data).toEqual({ requiredCapabilities: { sampling: {} } });
    const absent = await ask(gate, ana.token, 'resources/read', { uri: 'test://not-there' });
    expect(absent.body.error).toMatchObject({ code: -32602, data: { uri: 'test://not-there' } });
  });

  test('F6: two people at the same time hear each their own', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => ask(gate, (n % 2 ? ana : ben).token, 'tools/list')),
    );
    expect(answers.map(({ body }) => body.result.tools.length)).toEqual(
      answers.map((_, n) => (n % 2 ? TOOLS.length : 1)),
    );
  });
});

describe('T11: an agent that leaves', () => {
  const waits = { name: 'test_wait', arguments: { seconds: 20 } };
  const leave = async (message: object, headers: Record<string, string>) => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const answer = fetch(gate.url, {
      ...{ method: 'POST', signal, headers: headersFor(ana.token, headers), body: JSON.stringify(message) },
    });
    answer.catch(() => undefined);
    const seen = await until(() =>
      gate.fixture.requests.find(({ message: got }) => got?.method === 'tools/call'),
    );
    leaving.abort();
    return seen;
  };

  test('cancels its call at Asana, and that is on record', async () => {
    const message = modernMessage('tools/call', waits);
    const seen = await leave(message, modernHeaders(message));
    await until(() => seen.cancelled);
    const [record] = await until(async () => {
      const records = await newRecords();
      return records[0]?.outcome ? records : null;
    });
    expect(record).toMatchObject({ decision: 'allow', outcome: 'unknown', reason: 'cancelled' });
  });

  test('frees its place, so that more of them than may be in flight refuse nobody', async () => {
    const message = modernMessage('tools/call', waits);
    for (let n = 0; n < 16; n += 1) {
      gate.fixture.requests.length = 0;
      const seen = await leave(message, modernHeaders(message));
      await until(() => seen.cancelled);
    }
    expect((await ask(gate, ana.token, 'tools/call', simple)).status).toBe(200);
  });
});

test('without a connection discovery and the list still answer, and a call holds the link', async () => {
  const person = await gate.person({ tools: ['test_simple_text'], methods: ['prompts'] });
  await pool().query("UPDATE connections SET status = 'needs_reconnect' WHERE id = $1", [
    person.member.connectionId,
  ]);
  const discovered = await ask(gate, person.token, 'server/discover');
  expect(discovered.body.result.capabilities).toEqual({ tools: { listChanged: true } });
  const { body } = await ask(gate, person.token, 'tools/list');
  expect(body.result).toMatchObject({
    resultType: 'complete',
    cacheScope: 'private',
    tools: [{ name: 'test_simple_text' }],
  });
  const called = await ask(gate, person.token, 'tools/call', simple);
  expect(called.body.result).toMatchObject({ resultType: 'complete', isError: true });
  expect(sent()).toEqual([]);
});

test('a message of the legacy era is judged by its own rules beside it', async () => {
  const { status, body } = await post(gate, ben.token, rpc('x/y'));
  expect([status, body.error?.code]).toEqual([200, -32601]);
});

function encoded(text: string): string {
  return `=?base64?${Buffer.from(text).toString('base64')}?=`;
}
