// Debian's nginx with the example's own nginx.conf in front of two processes over one PostgreSQL: calls pass, streams come event by event,
// nobody chooses his address, and both processes are restarted under load without a failed request.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { addMember } from '@/lib/people/members';

import { checkKeyRing } from '@/lib/vault/vault';
import {
  callOf,
  headersFor,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  startGate,
} from '../support/gate';
import type { Gate } from '../support/gate';
import { shared } from '../support/gate-fork';
import { attemptSignIn, browser, freePort, PASSWORD, startServer } from '../support/portal';
import {
  answerJson,
  beginEvents,
  eventOf,
  startRawUpstream,
  type RawUpstream,
} from '../support/raw-upstream';

const EVENT_MS = 400;

let gate: Gate;
let asana: RawUpstream;
let token: string;
let folder: string;
let origin: string;
let nginx: ChildProcess | undefined;
let said = '';
const ports: number[] = [];
const processes: Awaited<ReturnType<typeof startServer>>[] = [];

const start = (port: number) =>
  startServer(
    {
      ...shared(),
      PORT: String(port),
      GATEHOUSE_URL: origin,
      GATEHOUSE_LOG: 'info',
      ASANA_MCP_URL: asana.url,
      GATEHOUSE_TRUSTED_PROXIES: '127.0.0.1',
    },
    { endMs: 60_000 },
  );

beforeAll(async () => {
  gate = await startGate({ chain: false });
  await checkKeyRing();
  asana = await startRawUpstream();
  asana.answer((response, { message }) =>
    answerJson(response, {
      jsonrpc: '2.0',
      id: message.id,
      result: { content: [{ type: 'text', text: 'done' }] },
    }),
  );
  const acme = await makeOrganization(gate, 'Acme');
  const ana = await makeMember(gate, acme, 'ana@acme.example', { asana: 'ana@example.com' });
  await makeGroup(acme, 'Writers', ['get_me', 'add_comment'], [ana]);
  ({ token } = await mint(ana));
  await transaction((tx) =>
    addMember(tx, acme.actor, { email: 'bo@acme.example', name: 'Bo', role: 'member', password: PASSWORD }),
  );
  await pool().query('UPDATE organizations SET connection_per_minute = 1000000');

  ports.push(await freePort(), await freePort());
  const listen = await freePort();
  origin = `http://localhost:${listen}`;
  processes.push(...(await Promise.all(ports.map(start))));
  await startNginx(listen);
}, 180_000);

afterAll(async () => {
  await Promise.all(processes.map(({ stop }) => stop()));
  nginx?.kill('SIGQUIT');
  if (nginx) await new Promise((resolve) => nginx!.once('exit', resolve));
  await asana.close();
  await gate.stop();
  rmSync(folder, { recursive: true });
}, 120_000);

/** The example's file but for its addresses, which must each be there once. */
async function startNginx(listen: number): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-nginx-'));
  chmodSync(folder, 0o755);
  let conf = readFileSync('examples/two-processes/nginx.conf', 'utf8');
  const addresses = {
    'gatehouse-1:3000': `127.0.0.1:${ports[0]}`,
    'gatehouse-2:3000': `127.0.0.1:${ports[1]}`,
    'listen 8080;': `listen 127.0.0.1:${listen};`,
  };
  for (const [example, here] of Object.entries(addresses)) {
    expect(conf.split(example)).toHaveLength(2);
    conf = conf.replace(example, here);
  }
  writeFileSync(join(folder, 'nginx.conf'), conf);
  const args = [
    '-p',
    folder,
    '-c',
    join(folder, 'nginx.conf'),
    '-g',
    `daemon off; pid ${join(folder, 'nginx.pid')};`,
  ];
  nginx = spawn('nginx', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [nginx.stdout!, nginx.stderr!]) stream.on('data', (chunk) => (said += String(chunk)));
  for (let tries = 0; !(await fetch(`${origin}/sign-in`).catch(() => null)); tries += 1) {
    if (tries > 100 || nginx?.exitCode !== null) throw new Error(`nginx does not answer:\n${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const call = (tool: string, args = {}) => post({ url: `${origin}/mcp` }, token, callOf(tool, args));

describe('through nginx', { timeout: 60_000 }, () => {
  test('a call passes, and a page and a refusal too', async () => {
    expect((await call('get_me')).body.result.content[0].text).toBe('done');
    expect((await call('delete_task')).body.error?.message).toBe('Unknown tool: delete_task');
    expect((await fetch(`${origin}/sign-in`)).status).toBe(200);
    for (const path of ['/metrics', '/readyz', '/healthz'])
      expect((await fetch(origin + path)).status).toBe(404);
  });

  test('a stream comes event by event, as Asana sends it', async () => {
    asana.answer(async (response, { message }) => {
      beginEvents(response);
      for (let n = 1; n <= 3; n += 1) {
        const params = { progressToken: message.params._meta.progressToken, progress: n };
        response.write(eventOf({ jsonrpc: '2.0', method: 'notifications/progress', params }));
        await new Promise((resolve) => setTimeout(resolve, EVENT_MS));
      }
      response.end(eventOf({ jsonrpc: '2.0', id: message.id, result: { content: [] } }));
    });
    const asked = callOf('get_me');
    const body = JSON.stringify({
      ...asked,
      params: { ...(asked.params as object), _meta: { progressToken: 'p' } },
    });
    const response = await fetch(`${origin}/mcp`, { method: 'POST', headers: headersFor(token), body });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const atMs: number[] = [];
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      const piece = Buffer.from(chunk).toString();
      text += piece;
      for (let n = piece.split('"progress":').length - 1; n > 0; n -= 1) atMs.push(performance.now());
    }
    expect(text).toContain('"result":');
    expect(atMs).toHaveLength(3);
    expect(atMs[1]! - atMs[0]!).toBeGreaterThan(EVENT_MS / 2);
    expect(atMs[2]! - atMs[1]!).toBeGreaterThan(EVENT_MS / 2);
    asana.answer((answer, { message }) =>
      answerJson(answer, { jsonrpc: '2.0', id: message.id, result: { content: [] } }),
    );
  });

  test('PB-19: the limits on sign-ins count the address that nginx saw, whatever the caller writes', async () => {
    await pool().query('DELETE FROM rate_limits');
    const attempt = (claimed: string) => {
      const via = browser({ origin });
      const { call: send } = via;
      via.call = (method, path, sent = {}) =>
        send(method, path, { ...sent, headers: { ...sent.headers, 'x-forwarded-for': claimed } });
      return attemptSignIn(via, 'bo@acme.example', 'a wrong password for Bo');
    };
    for (const claimed of ['203.0.113.7', '203.0.113.8, 127.0.0.1', '127.0.0.1']) await attempt(claimed);
    const { rows } = await pool().query<{ key: string }>('SELECT key FROM rate_limits');
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain('203.0.113');
  });
});

test(
  'both processes are restarted under load, twice, and no request fails',
  { timeout: 300_000 },
  async () => {
    let running = true;
    let answered = 0;
    const failures: string[] = [];
    const sent = new Set<string>();
    const agents = Array.from({ length: 12 }, async (_, agent) => {
      for (let n = 0; running; n += 1) {
        const text = `${agent}-${n}`;
        sent.add(text);
        const failure = await call('add_comment', { task_id: '1', text }).then(
          ({ status, text: body }) =>
            status === 200 && body.includes('"result"') ? null : `${status} ${body.slice(0, 200)}`,
          (error: Error) => `${error.message} ${String(error.cause)}`,
        );
        if (failure === null) answered += 1;
        else failures.push(failure);
        // An agent thinks between its calls, and lets its connections lie.
        if (n % 50 === 49) await new Promise((resolve) => setTimeout(resolve, Math.random() * 200));
      }
    });
    for (let round = 0; round < 2; round += 1)
      for (const [n, port] of ports.entries()) {
        const [ready, stopped] = [`http://127.0.0.1:${port}/readyz`, processes[n]!.stop()];
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        expect((await fetch(ready)).status).toBe(503);
        await stopped;
        processes[n] = await start(port);
      }
    running = false;
    await Promise.all(agents);
    // What nginx says of a failure is the reason.
    expect({ failures: failures.length, nginx: failures.length > 0 ? said : '' }).toEqual({
      failures: 0,
      nginx: '',
    });
    expect(answered).toBeGreaterThan(500);
    // A write that was sent once arrived once: nginx repeated none.
    const arrived = asana.of('tools/call').flatMap(({ message }) => message.params?.arguments?.text ?? []);
    expect(arrived.length).toBe(new Set(arrived).size);
    expect(new Set(arrived)).toEqual(sent);
  },
);
