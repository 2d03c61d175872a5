// Load costs time and never correctness: excess is refused early and whole, a reader who does not read holds nobody up, no message
// stops the process for long, and a process that dies takes only its own calls with it.
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { createFairQueue } from '@/lib/gateway/admission-queue';
import { encodeJson } from '@/lib/gateway/decode';
import { handleMcp, type McpRequest } from '@/lib/gateway/handle-mcp';
import { decodeMessage, rebuild } from '@/lib/gateway/message';
import type { McpAnswer } from '@/lib/gateway/respond';
import { serveMcp } from '@/lib/gateway/serve-mcp';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { startAcmeAndRaw } from '../support/acme';
import { startProcess } from '../support/gate-fork';
import {
  auditOf,
  callOf,
  emailIn,
  headersFor,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  rpc,
  until,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import { beginEvents, eventOf, type RawUpstream } from '../support/raw-upstream';

let gate: Gate;
let raw: RawUpstream;
let organization: TestOrganization;
let ana: TestMember;
let token: string;
let strangers: string;

beforeAll(async () => {
  ({ gate, raw, organization, ana, token } = await startAcmeAndRaw(['get_me']));
  const other = await makeOrganization(gate, 'Other');
  const ben = await makeMember(gate, other, 'ben@other.example', { asana: 'ben@example.com' });
  await makeGroup(other, 'Readers', ['get_me'], [ben]);
  ({ token: strangers } = await mint(ben));
  // Opens the session that calls without one go through, before another upstream answers some of them.
  await post(gate, token, callOf('get_me'));
});
afterAll(() => gate.stop());
beforeEach(() => gate.sandbox.log.clear());
afterEach(stillAnswers);

/** L: an ordinary call passes. */
async function stillAnswers(): Promise<void> {
  setEnv({ ASANA_MCP_URL: gate.sandbox.mcpUrl });
  // Within seconds, that is: on a busy machine one call may still hear of the load that a test made.
  const answered = await until(async () => {
    const answer = await post(gate, token, callOf('get_me'));
    return answer.status === 200 ? answer : null;
  });
  expect(emailIn(answered)).toBe('ana@example.com');
}

/** A call straight into the gate, without a socket of its own. */
function call(bearer: string, message: unknown): Promise<McpAnswer> {
  const headers = headersFor(bearer);
  const request: McpRequest = {
    method: 'POST',
    header: (name) => headers[name],
    authorizations: 1,
    body: () => Promise.resolve(Buffer.from(JSON.stringify(message))),
  };
  return handleMcp(request);
}
const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

describe('a flood', () => {
  test('LD-01: what is too much is refused at once with Retry-After; the rest is served and on record, and revoking goes on', async () => {
    const { id, token: flooding } = await mint(ana);
    const calls = async () =>
      (await pool().query(`SELECT count(*)::int AS n FROM audit_records WHERE kind = 'call'`)).rows[0]
        .n as number;
    const before = await calls();
    const flood = times(1_600, () => call(flooding, callOf('delete_task')));
    await transaction((tx) => revokeAgentToken(tx, { ...organization.actor, memberId: ana.id }, id));
    const answers = await Promise.all(flood);
    const of = (status: number) => answers.filter((answer) => answer.status === status);
    expect(of(200).length + of(401).length + of(503).length).toBe(answers.length);
    expect(of(503).length).toBeGreaterThanOrEqual(600 - 256);
    for (const { headers, body } of of(503))
      expect([headers['retry-after'], JSON.parse(body as string).error.data]).toEqual([
        '1',
        { outcome: 'not_sent' },
      ]);
    // A batch whose time ran out may have been recorded all the same: then it is a denial that nobody heard.
    expect((await calls()) - before).toBeGreaterThanOrEqual(of(200).length);
    expect(gate.sandbox.log.entries).toEqual([]);
    expect((await call(flooding, callOf('get_me'))).status).toBe(401);
  });

  test('LD-02: of one bearer fills no other organization’s queue', async () => {
    const flood = times(1_600, () => call(token, callOf('delete_task')));
    const others = await Promise.all(times(20, () => call(strangers, callOf('delete_task'))));
    expect(others.map(({ status }) => status)).toEqual(times(20, () => 200));
    const refused = (await Promise.all(flood)).filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThanOrEqual(600 - 256);
    expect(emailIn(await post(gate, strangers, callOf('get_me')))).toBe('ben@example.com');
  });

  test('LD-01 LD-02: is bounded for each bearer and for all, and turns go round', () => {
    const queue = createFairQueue<string>();
    const join = (bearer: string, askedMs = 0) => queue.join(bearer, { call: bearer, askedMs });
    expect(times(1_001, () => join('a')).filter(Boolean)).toHaveLength(1_000);
    for (const bearer of ['b', 'c', 'd']) expect(times(999, () => join(bearer)).every(Boolean)).toBe(true);
    expect(times(4, () => join('e')).filter(Boolean)).toHaveLength(3);
    expect([queue.size, join('f')]).toEqual([4_000, false]);
    const first = queue.take(256).map(({ call: bearer }) => bearer);
    expect(first).toHaveLength(256);
    expect(first.filter((bearer) => bearer === 'e')).toHaveLength(3);
    for (const bearer of ['a', 'b', 'c', 'd'])
      expect(first.filter((name) => name === bearer).length).toBeGreaterThanOrEqual(51);
    expect(queue.size).toBe(4_000 - 256);
    // A queue that has not moved for long takes nobody in; another bearer's does.
    expect([join('a', 451), join('e', 451)]).toEqual([false, true]);
    expect(queue.takeOlderThan(451)).toHaveLength(4_000 - 256);
    expect(queue.take(10).map(({ call: bearer }) => bearer)).toEqual(['e']);
    // More bearers than places: who had none is first the next time.
    const names = times(300, (n) => `x${n}`);
    for (const bearer of [...names, ...names]) join(bearer);
    const turns = [...queue.take(256), ...queue.take(256)].map(({ call: bearer }) => bearer);
    expect(turns.slice(0, 300)).toEqual(names);
    expect(queue.take(1_000)).toHaveLength(600 - 512);
    expect(queue.size).toBe(0);
  });
});

describe('readers that do not read', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer(
      (request, response) => void serveMcp(request, response, { bodyMs: 300, readerMs: 700 }),
    );
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const open = (message: object) => {
    const body = JSON.stringify(message);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const headers = Object.entries(headersFor(token)).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `POST /mcp HTTP/1.1\r\nhost: x\r\n${headers.join('')}content-length: ${body.length}\r\n\r\n${body}`,
    );
    return socket;
  };

  test('LD-03: Asana is read no faster than the agent reads, and who reads nothing is cut', async () => {
    const MOST = 40 * 1024 * 1024;
    let sent = 0;
    let ended = 0;
    setEnv({ ASANA_MCP_URL: raw.url });
    raw.answer((response, { message }) => {
      const progressToken = message.params._meta.progressToken as string;
      const text = 'x'.repeat(60_000);
      const event = eventOf({
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken, message: text },
      });
      beginEvents(response);
      const more = () => {
        if (response.destroyed || sent > MOST) return response.end();
        sent += event.length;
        if (response.write(event)) setImmediate(more);
        else response.once('drain', more);
      };
      response.on('close', () => (ended += 1)).on('error', () => undefined);
      more();
    });
    const before = process.memoryUsage().rss;
    const sockets = times(1, (n) =>
      open(rpc('tools/call', { name: 'get_me', arguments: {}, _meta: { progressToken: `p${n}` } })).pause(),
    );
    const closed = sockets.map(
      (socket) => new Promise((resolve) => socket.on('close', resolve).on('end', resolve)),
    );
    await until(() => sent > 1_000_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const plateau = sent;
    expect(plateau).toBeLessThan(MOST / 2);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    // Cut after their time; what Asana still sends is then read to its end for the record, up to the cap of a stream.
    for (const socket of sockets) socket.resume();
    await Promise.all(closed);
    await until(() => ended === 1);
  });

  test('LD-04: a body that stops, or that only drips, is not waited for', async () => {
    const rest = JSON.stringify(callOf('get_me'));
    const head = `POST /mcp HTTP/1.1\r\nhost: x\r\n${Object.entries(headersFor(token))
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}content-length: 5000\r\n\r\n`;
    const lives = await Promise.all(
      [0, 100].map(
        (everyMs) =>
          new Promise<number>((resolve) => {
            const startedMs = performance.now();
            const socket = connect(Number(new URL(url).port), '127.0.0.1');
            socket.on('error', () => undefined).resume();
            socket.write(head + rest);
            const timer = everyMs ? setInterval(() => socket.write(' '), everyMs) : undefined;
            socket.on('close', () => {
              clearInterval(timer);
              resolve(performance.now() - startedMs);
            });
          }),
      ),
    );
    expect(lives[0]).toBeGreaterThan(250);
    expect(lives[0]).toBeLessThan(lives[1]! - 300);
    expect(lives[1]).toBeGreaterThan(800);
    expect(lives[1]).toBeLessThan(5_000);
    expect(gate.sandbox.log.entries).toEqual([]);
  });
});

describe('LD-07: no message stops the process for long', () => {
  const whole = (params: string) =>
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_me",${params}}}`;
  const MIB = 1024 * 1024;
  const BODIES: Record<string, string> = {
    'a million empty objects': whole(`"arguments":{"a":[${'{},'.repeat(1_390_000)}1]}`),
    'four megabytes of spaces': whole(`"arguments":{}${' '.repeat(4 * MIB - 200)}`),
    'four megabytes of opening brackets': '['.repeat(4 * MIB),
    'four megabytes of escapes': whole(`"arguments":{"a":"${'\\u0061'.repeat((4 * MIB - 200) / 6)}"}`),
    'twenty thousand keys': whole(`"arguments":{${times(19_900, (n) => `"k${n}":1`).join(',')}}`),
    'twenty thousand keys that fold': whole(
      `"arguments":{${times(19_900, (n) => `"\u212a\u017f${n}":1`).join(',')}}`,
    ),
    'ninety thousand long numbers': whole(
      `"arguments":{"a":[${times(9_000, () => '1'.repeat(390)).join(',')}]}`,
    ),
    'a number of four megabytes': whole(`"arguments":{"a":${'1'.repeat(4 * MIB - 200)}}`),
    'four megabytes of combining marks in keys': whole(
      `"arguments":{${times(3_000, (n) => `"${'\u0301'.repeat(400)}${n}":1`).join(',')}}`,
    ),
    'texts of a megabyte': whole(
      `"arguments":{${times(3, (n) => `"a${n}":"${'x'.repeat(MIB - 100)}"`).join(',')}}`,
    ),
  };

  test.each(Object.entries(BODIES))('%s', (_, body) => {
    const bytes = Buffer.from(body);
    const best = Math.min(
      ...times(4, () => {
        // Of this process, so that what else the machine does counts less.
        const before = process.cpuUsage();
        const decoded = decodeMessage(bytes);
        if ('message' in decoded) {
          rebuild(decoded.message, 'x');
          encodeJson(decoded.message.params, true);
        }
        return process.cpuUsage(before).user / 1_000;
      }),
    );
    expect(best).toBeLessThan(150);
  });
});

test('LD-10: a process killed under load takes only its own calls with it; their fate reads unknown, and the others go on', async () => {
  const [one, two] = await Promise.all([startProcess(), startProcess()]);
  try {
    for (const process of [one, two]) await post(process, token, callOf('get_me'));
    const filter = { tool: 'get_me', member: ana.email };
    const before = (await auditOf(organization, filter)).length;
    gate.sandbox.log.clear();
    gate.sandbox.set({ mcpFault: 'slow', slowMs: 1_500, faultMethods: ['tools/call'] });
    const killed = times(6, () => post(one, token, callOf('get_me')).catch(() => 'failed'));
    const kept = times(6, () => post(two, token, callOf('get_me')));
    await until(() => gate.upstreamCalls().length === 12);
    one.child.kill('SIGKILL');
    expect(await Promise.all(killed)).toEqual(times(6, () => 'failed'));
    for (const answer of await Promise.all(kept)) expect(emailIn(answer)).toBe('ana@example.com');
    gate.sandbox.set({ mcpFault: null, faultMethods: null });
    expect(emailIn(await post(two, token, callOf('get_me')))).toBe('ana@example.com');
    const mine = await until(async () => {
      const records = await auditOf(organization, filter);
      const fresh = records.slice(0, records.length - before);
      return fresh.filter(({ outcome }) => outcome === 'ok').length === 7 ? fresh : null;
    });
    expect(mine.map(({ outcome }) => String(outcome)).toSorted()).toEqual([
      ...times(7, () => 'ok'),
      ...times(6, () => 'unknown'),
    ]);
    expect(gate.upstreamCalls()).toHaveLength(13);
  } finally {
    for (const { child } of [one, two]) child.kill('SIGKILL');
  }
}, 60_000);
