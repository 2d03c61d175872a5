// server.ts in front of the gate: only its own name and one path lead there, byte for byte; who is slow is let go; who was accepted is
// answered before the process ends.
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startAcme } from '../support/acme';
import { freePort, START_MS, startServer } from '../support/portal';
import {
  callOf,
  emailIn,
  headersFor,
  post,
  watchAudit,
  type Gate,
  type TestOrganization,
} from '../support/gate';
import { shared } from '../support/gate-fork';
import { sendRaw } from '../support/raw-http';

let gate: Gate;
let organization: TestOrganization;
let token: string;
let server: Awaited<ReturnType<typeof startServer>>;
let origin: string;
let url: string;
let newRecords: Awaited<ReturnType<typeof watchAudit>>;

beforeAll(async () => {
  ({ gate, organization, token } = await startAcme(['get_me'], { chain: false }));
  await start();
  newRecords = await watchAudit(organization);
}, START_MS);
afterAll(async () => {
  await server.stop();
  await gate.stop();
});
beforeEach(async () => {
  await passes();
  await newRecords();
  gate.sandbox.log.clear();
});

async function start(): Promise<void> {
  const port = await freePort();
  origin = `http://localhost:${port}`;
  url = `http://127.0.0.1:${port}/mcp`;
  server = await startServer({ ...shared(), GATEHOUSE_URL: origin, PORT: String(port) });
}

/** C and L: an ordinary call passes. */
async function passes(): Promise<void> {
  expect(emailIn(await post({ url }, token, callOf('get_me')))).toBe('ana@example.com');
}

const denied = JSON.stringify(callOf('delete_task'));
const allowed = JSON.stringify(callOf('get_me'));

/** A POST as nobody's client would write it. */
function raw(target: string, host: string, body: string, more: string[] = []): string {
  const headers = Object.entries(headersFor(token)).map(([name, value]) => `${name}: ${value}`);
  const lines = [`POST ${target} HTTP/1.1`, `Host: ${host}`, ...headers, ...more, 'Connection: close'];
  return [...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}

async function reachesNobody(target: string, host: string, more: string[] = []): Promise<void> {
  for (const body of [allowed, denied]) {
    const { status, text } = await sendRaw(url, [raw(target, host, body, more)]);
    expect([target, host, status !== null && status >= 300 && status < 500]).toEqual([target, host, true]);
    expect(text).not.toContain('"result"');
  }
  expect(gate.sandbox.log.entries).toEqual([]);
  expect(await newRecords()).toEqual([]);
}

describe('PB-27: the router and the policy read the same path', () => {
  const own = () => new URL(origin).host;

  test('no other spelling of the path leads to the gate', async () => {
    expect.hasAssertions();
    const targets = [
      ...[
        '//mcp',
        '/MCP',
        '/Mcp',
        '/mcp/',
        '/mcp//',
        '/./mcp',
        '/x/../mcp',
        '/mcp/..;/admin',
        '/mcp/../admin/tools',
      ],
      ...['/%6dcp', '/mcp%2f', '/%2e%2e/mcp', '/mcp%00', '/mcp;x', '/mcp/tools/call', '/\\mcp', '/api/mcp'],
      ...[`http://evil.example/mcp`, '@evil.example/mcp', 'mcp', '*'],
    ];
    for (const target of targets) await reachesNobody(target, own());
    await passes();
  });

  test('no other host is served', async () => {
    expect.hasAssertions();
    const hosts = [
      ...[
        'evil.example',
        'a/?x=',
        'localhost.evil.example',
        `${own()}@evil.example`,
        `evil.example@${own()}`,
      ],
      ...['localhost:80@evil.example', '169.254.169.254', '', ' ', `${own()}, evil.example`],
    ];
    for (const host of hosts) await reachesNobody('/mcp', host);
    await reachesNobody('/mcp', own(), ['Host: evil.example']);
    await passes();
  });

  test('PB-19: a header that names another host or path changes nothing', async () => {
    const steering = [
      ...['X-Forwarded-Host: evil.example', 'X-Original-URL: /admin', 'X-Rewrite-Url: /mcp/x'],
      ...[
        'X-Middleware-Subrequest: middleware',
        'Forwarded: host=evil.example',
        'X-HTTP-Method-Override: GET',
      ],
    ];
    const { text } = await sendRaw(url, [raw('/mcp', own(), allowed, steering)]);
    expect(text).toContain('ana@example.com');
    const refused = await sendRaw(url, [raw('/mcp', own(), denied, steering)]);
    expect(refused.text).toContain('Unknown tool: delete_task');
    expect(gate.upstreamCalls()).toEqual([{ method: 'tools/call', tool: 'get_me' }]);
  });
});

test('PB-02: no second way leads to a tool', async () => {
  const ways: [string, string][] = [
    ...['/sse', '/sse/messages', '/sse?x=1'].map((path): [string, string] => ['POST', path]),
    ...['/message', '/messages', '/v2/mcp', '/v1/mcp', '/mcp/call', '/tools/call'].map(
      (path): [string, string] => ['POST', path],
    ),
    ...['/api/v1/tools/delete_task', '/api/v1/tools/delete_task/call', '/api/v1/mcp', '/api/mcp'].map(
      (path): [string, string] => ['POST', path],
    ),
    ['PATCH', '/api/v1/tools/delete_task'],
    ['GET', `/mcp?method=tools/call&name=delete_task`],
    ['PUT', '/mcp'],
  ];
  for (const [method, path] of ways) {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: headersFor(token),
      redirect: 'manual',
      ...(method === 'GET' ? {} : { body: denied }),
    });
    const text = await response.text();
    expect([path, response.status >= 300]).toEqual([path, true]);
    expect(text).not.toContain('"result"');
  }
  expect(gate.sandbox.log.entries).toEqual([]);
  expect(await newRecords()).toEqual([]);
  for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', undefined]) {
    const headers: Record<string, string> = version === undefined ? {} : { 'mcp-protocol-version': version };
    const { body } = await post({ url }, token, denied, headers);
    expect(body.error).toEqual({ code: -32602, message: 'Unknown tool: delete_task' });
  }
  expect(gate.sandbox.log.entries).toEqual([]);
  expect((await newRecords()).map(({ reason }) => reason)).toEqual(Array(5).fill('not_in_group'));
});

test('LD-04: who sends headers or a body too slowly is let go within seconds, and nobody else waits', async () => {
  const dripping = (first: string, drip: string): Promise<number> =>
    new Promise((resolve) => {
      const startedMs = performance.now();
      const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.on('error', () => undefined).resume();
      socket.write(first);
      const timer = setInterval(() => socket.write(drip), 3_000);
      socket.on('close', () => {
        clearInterval(timer);
        resolve(performance.now() - startedMs);
      });
    });
  const head = raw('/mcp', new URL(origin).host, '').replace('Content-Length: 0', 'Content-Length: 1000');
  const slow = [
    ...Array.from({ length: 40 }, () => dripping('POST /mcp HTTP/1.1\r\nHost: local', 'h')),
    ...Array.from({ length: 40 }, () => dripping(head, '')),
  ];
  const latencies: number[] = [];
  let open = true;
  const traffic = (async () => {
    while (open) {
      const startedMs = performance.now();
      await passes();
      latencies.push(performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  const lived = await Promise.all(slow);
  open = false;
  await traffic;
  expect(Math.max(...lived)).toBeLessThan(16_000);
  expect(latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length / 2)]).toBeLessThan(500);
}, 40_000);

test('LD-09: at SIGTERM every accepted call is answered before the process ends, and nobody new is let in', async () => {
  gate.sandbox.set({ mcpFault: 'slow', slowMs: 1_500, faultMethods: ['tools/call'] });
  const calls = Array.from({ length: 8 }, () => post({ url }, token, callOf('get_me')));
  while (gate.upstreamCalls().length < 8) await new Promise((resolve) => setTimeout(resolve, 10));
  const startedMs = performance.now();
  const stopped = server.stop();
  for (const answer of await Promise.all(calls)) expect(emailIn(answer)).toBe('ana@example.com');
  await stopped;
  expect(performance.now() - startedMs).toBeLessThan(9_000);
  await expect(fetch(`${origin}/healthz`)).rejects.toThrow('fetch failed');
  gate.sandbox.set({ mcpFault: null, faultMethods: null });
  const records = await newRecords();
  expect(records.map(({ outcome }) => outcome)).toEqual(Array(8).fill('ok'));
  await start();
  await passes();
}, 60_000);
