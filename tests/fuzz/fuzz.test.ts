// PP-36: whatever is thrown at the gate, only allowed calls leave it, as they were asked for; and a gate that lets slip anything else
// is found out.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { CALLERS } from './callers';
import { judgeHeard } from './judge-answers';
import { judgeArrivals, type Arrival, type Judged } from './judge-requests';
import { readingsOf, readWhole } from './json-readings';
import { randomOf } from './random';
import { fuzz, type FuzzReport } from './run';
import { startSetting, type SettingOptions } from './setting';
import { shotOf, type Shot } from './shots';

const SEED = 20_261_121;
/** Seconds on an idle machine; a machine under load must not make a finding of its own. */
const TIMEOUT_MS = 120_000;
let stop: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of stop.reverse()) await end();
  stop = [];
});

async function run(count: number, options: SettingOptions = {}): Promise<FuzzReport> {
  const setting = await startSetting({ lanesEach: 2, ...options });
  stop.push(setting.stop);
  return fuzz(setting, { seed: SEED, count });
}

describe('the gate', () => {
  test(
    'lets nothing through but allowed calls, as they were asked for, and answers each',
    { timeout: TIMEOUT_MS },
    async () => {
      const report = await run(500);
      expect(report.findings).toEqual([]);
      expect(report.tried).toBe(500);
      // It was tried from all sides, and calls that may pass did.
      expect(report.outcomes.forwarded).toBeGreaterThan(40);
      expect(report.outcomes.denied).toBeGreaterThan(120);
      expect(report.outcomes['refused before the database']).toBeGreaterThan(15);
      expect(report.outcomes['answers heard']).toBeGreaterThan(100);
      expect(report.passed).toBeGreaterThan(10);
      expect(report.honest).toBeGreaterThan(10);
    },
  );
});

/** Agents talk to this instead of the gate; `change` makes of their body what the gate gets. */
async function throughProxy(gateUrl: string, change: (body: Buffer) => string): Promise<string> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { authorization = '', 'mcp-session-id': session } = request.headers;
      const headers = {
        ...{
          authorization,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        ...(session === undefined ? {} : { 'mcp-session-id': String(session) }),
      };
      const body = request.method === 'POST' ? change(Buffer.concat(chunks)) : undefined;
      fetch(gateUrl, { method: request.method, headers, body })
        .then(async (answer) => {
          const text = await answer.text();
          const type = answer.headers.get('content-type');
          response.writeHead(answer.status, type === null ? {} : { 'content-type': type }).end(text);
        })
        .catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  stop.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

describe('the fuzzer finds', () => {
  test(
    'a gate behind a reader that keeps the last of two keys and rounds numbers',
    { timeout: TIMEOUT_MS },
    async () => {
      const normalised = (body: Buffer) => {
        try {
          return JSON.stringify(JSON.parse(body.toString('utf8')));
        } catch {
          return body.toString('utf8');
        }
      };
      const report = await run(1_500, { agentsThrough: (url) => throughProxy(url, normalised) });
      const what = report.findings.flatMap((finding) => finding.what).join('\n');
      expect(what).toMatch(/forwarded what was not asked for|forwarded against|although its type/);
    },
  );

  test(
    'a gate that sends on what the agent wrote after it decided by something else',
    { timeout: TIMEOUT_MS },
    async () => {
      const hidden = (body: Buffer) => [
        Buffer.from(body.toString().replace('"name":"get_me"', '"name":"delete_task"')),
      ];
      const report = await run(400, { heardAs: hidden });
      expect(report.findings.flatMap(({ what }) => what).join('\n')).toMatch(
        /forwarded the tool "delete_task"/,
      );
    },
  );

  test('the same try again, alone, by its number', { timeout: TIMEOUT_MS }, async () => {
    const twice = (body: Buffer) => (body.includes('"tools/call"') ? [body, body] : [body]);
    const setting = await startSetting({ lanesEach: 1, heardAs: twice });
    stop.push(setting.stop);
    const [first] = (await fuzz(setting, { seed: SEED, count: 400 })).findings;
    expect(first?.what).toContain('forwarded twice, although the first may have been carried out');
    const again = await fuzz(setting, { seed: SEED, only: first!.number });
    expect(again).toMatchObject({ tried: 1, findings: [{ number: first!.number, what: first!.what }] });
  });
});

const READER: Judged = {
  ...{ caller: CALLERS[0]!, memberId: 'm', token: 'gth_x', asanaToken: 'asana-x', secrets: ['asana-y'] },
  hidden: ['delete_task'],
};
const shotWith = (body: string, headers: [string, string][] = []): Shot => ({
  httpMethod: 'POST',
  headers: [['Authorization', 'Bearer gth_x'], ['Content-Type', 'application/json'], ...headers],
  ...{ bodies: [Buffer.from(body)], exact: true, pieces: [Buffer.from(body)], fresh: false },
});
const arrivalWith = (body: string, more: Partial<Arrival> = {}): Arrival => ({
  ...{
    httpMethod: 'POST',
    rawHeaders: ['Authorization', 'Bearer asana-x'],
    body: Buffer.from(body),
    status: () => 200,
  },
  ...{
    record: { memberId: 'm', decision: 'allow', method: 'tools/call', tool: 'get_me' },
    known: Promise.resolve(),
  },
  ...more,
});
const call = (params: string, id = '1') =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{${params}}}`;
const UP = '"01a1fd3d-0000-7000-8000-000000000001"';
const ME = '"name":"get_me","arguments":{"n":1}';

describe('the judge', () => {
  test('has nothing against an allowed call that arrives as it was asked for, in whatever order and spelling', () => {
    const asked = shotWith(
      '{"params":{"arguments":{"b":1e2,"a":[]},"name":"get_\\u006de"},"method":"tools/call","id":"x","jsonrpc":"2.0"}',
    );
    const arrived = arrivalWith(call('"name":"get_me","arguments":{"a":[],"b":100}', UP));
    expect(judgeArrivals(READER, asked, [arrived])).toEqual([]);
  });

  test.each<[what: string, shot: Shot, arrival: Arrival, finding: RegExp]>([
    [
      'a hidden tool',
      shotWith(call('"name":"delete_task"')),
      arrivalWith(call('"name":"delete_task"', UP)),
      /the tool "delete_task"/,
    ],
    [
      'a method nobody opened',
      shotWith(call(ME)),
      arrivalWith(call(ME, UP).replace('tools/call', 'prompts/list')),
      /the method "prompts\/list"/,
    ],
    [
      'a second name',
      shotWith(call(ME)),
      arrivalWith(call(`"name":"delete_task",${ME}`, UP)),
      /reads in two ways/,
    ],
    [
      'a look-alike name',
      shotWith(call(ME)),
      arrivalWith(call(`${ME},"Name":"delete_task"`, UP)),
      /reads in two ways/,
    ],
    [
      'other arguments',
      shotWith(call(ME)),
      arrivalWith(call('"name":"get_me","arguments":{"n":2}', UP)),
      /arguments .* instead of/,
    ],
    [
      'a rounded number',
      shotWith(call('"name":"get_me","arguments":{"n":1201234567890123457}')),
      arrivalWith(call('"name":"get_me","arguments":{"n":1201234567890123500}', UP)),
      /arguments .* instead of/,
    ],
    [
      'a body with two readings',
      shotWith(call(`"name":"delete_task",${ME}`)),
      arrivalWith(call(ME, UP)),
      /the body reads in two ways/,
    ],
    [
      'a body in UTF-16',
      { ...shotWith(''), bodies: [Buffer.from(call(ME), 'utf16le')] },
      arrivalWith(call(ME, UP)),
      /not one JSON object in UTF-8/,
    ],
    [
      'a body with something behind it',
      shotWith(`${call(ME)}{}`),
      arrivalWith(call(ME, UP)),
      /not one JSON object/,
    ],
    ['no record', shotWith(call(ME)), arrivalWith(call(ME, UP), { record: null }), /no record of it existed/],
    [
      'a denied record',
      shotWith(call(ME)),
      arrivalWith(call(ME, UP), {
        record: { memberId: 'm', decision: 'deny', method: 'tools/call', tool: 'get_me' },
      }),
      /says deny/,
    ],
    [
      'somebody else\u2019s record',
      shotWith(call(ME)),
      arrivalWith(call(ME, UP), {
        record: { memberId: 'n', decision: 'allow', method: 'tools/call', tool: 'get_me' },
      }),
      /another member/,
    ],
    [
      'another token',
      shotWith(call(ME)),
      arrivalWith(call(ME, UP), { rawHeaders: ['Authorization', 'Bearer asana-y'] }),
      /another token/,
    ],
    [
      'the agent\u2019s own header',
      shotWith(call(ME)),
      arrivalWith(call(ME, UP), { rawHeaders: ['Authorization', 'Bearer asana-x', 'X-Agent', '1'] }),
      /the header x-agent/,
    ],
    [
      'a head that names another tool',
      shotWith(call(ME), [['Mcp-Name', 'delete_task']]),
      arrivalWith(call(ME, UP)),
      /against Mcp-Name/,
    ],
    [
      'two bearers',
      shotWith(call(ME), [['Authorization', 'Bearer gth_y']]),
      arrivalWith(call(ME, UP)),
      /not authenticated/,
    ],
    [
      'an encoded body',
      shotWith(call(ME), [['Content-Encoding', 'gzip']]),
      arrivalWith(call(ME, UP)),
      /encoded/,
    ],
  ])('finds %s', (_, shot, arrival, finding) => {
    expect(judgeArrivals(READER, shot, [arrival]).join('\n')).toMatch(finding);
  });

  const question = { method: 'tools/list' as const, upstreamId: 'u', agentId: '1', progressToken: undefined };
  const said = (body: string, { type = 'application/json', cut = false } = {}) => ({
    ...{
      status: 200,
      headers: [['content-type', type]] as [string, string][],
      pieces: [Buffer.from(body)],
      cut,
    },
  });
  const heard = (body: string, type = 'application/json') => ({
    ...{ end: 'answered' as const, reused: false, leftPort: null, strays: '' },
    answers: [
      {
        status: 200,
        headers: [['content-type', type]] as [string, string][],
        body: Buffer.from(body),
        cut: false,
      },
    ],
  });
  const list = (id: string, ...names: string[]) =>
    `{"jsonrpc":"2.0","id":${id},"result":{"tools":[${names.map((name) => `{"name":"${name}","inputSchema":{"type":"object"}}`).join()}]}}`;

  test('has nothing against a filtered list', async () => {
    const asana = said(`data: ${list('"u"', 'get_me', 'delete_task')}\n\n`, { type: 'text/event-stream' });
    expect(await judgeHeard(question, CALLERS[0]!, asana, heard(list('1', 'get_me')))).toEqual([]);
  });

  test.each([
    [
      'a hidden tool in a list',
      said(list('"u"', 'delete_task')),
      heard(list('1', 'delete_task')),
      /delete_task/,
    ],
    [
      'a tool that Asana did not list',
      said(list('"u"', 'get_me')),
      heard(list('1', 'get_task')),
      /not as Asana listed it/,
    ],
    [
      'a success out of a cut answer',
      said(list('"u"', 'get_me'), { cut: true }),
      heard(list('1', 'get_me')),
      /no whole answer/,
    ],
    [
      'another call\u2019s answer',
      said(list('"v"', 'get_me')),
      heard(list('1', 'get_me')),
      /no whole answer/,
    ],
    ['another id', said(list('"u"', 'get_me')), heard(list('2', 'get_me')), /another id/],
    [
      'two answers',
      said(list('"u"', 'get_me')),
      heard(`data: ${list('1', 'get_me')}\n\n`.repeat(2), 'text/event-stream'),
      /two answers/,
    ],
    [
      'an answer behind a line end that only some know',
      said(list('"u"', 'get_me')),
      heard(
        `data: ${list('1', 'get_me')}\n\ndata: x\u2028\u2028data: ${list('1', 'get_task')}\u2028\u2028\n\n`,
        'text/event-stream',
      ),
      /two answers/,
    ],
    [
      'a request of the server',
      said(list('"u"', 'get_me')),
      heard(
        `data: {"jsonrpc":"2.0","id":1,"method":"roots/list"}\n\ndata: ${list('1', 'get_me')}\n\n`,
        'text/event-stream',
      ),
      /roots\/list/,
    ],
  ])('finds %s', async (_, asana, agent, finding) => {
    expect((await judgeHeard(question, CALLERS[0]!, asana, agent)).join('\n')).toMatch(finding);
  });

  test('reads what JSON.parse reads, and refuses what it refuses', () => {
    const context = {
      caller: CALLERS[0]!,
      host: 'h',
      token: 't',
      session: 's',
      foreign: { token: 'f', session: 'g' },
    };
    let read = 0;
    for (let number = 0; number < 600; number += 1)
      for (const body of shotOf(randomOf(SEED, number), context).bodies) {
        const text = body.toString('utf8');
        let parsed: any;
        try {
          parsed = { value: JSON.parse(text) };
        } catch {
          parsed = null;
        }
        const tree = readWhole(text);
        expect(tree === null, text).toBe(parsed === null);
        if (typeof parsed?.value?.method === 'string' && readingsOf(body).strict) {
          expect(readingsOf(body).strict!.method).toBe(JSON.stringify(parsed.value.method));
          read += 1;
        }
      }
    expect(read).toBeGreaterThan(150);
  });
});
