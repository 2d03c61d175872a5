// A process that ends behind a proxy: everything that is sent to it while it lingers is answered, and its connections end with an answer.
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { drainOf, type Drain } from '@/lib/drain';

const LINGER_MS = 700;

let server: Server;
let drain: Drain;
let port: number;
let agent: Agent;

beforeEach(() => {
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
});
afterEach(() => {
  agent.destroy();
  server.closeAllConnections();
  server.close();
});

/** Answers after `?ms=`; its end lingers for so long. */
async function serve(lingerMs: number): Promise<void> {
  server = createServer((incoming, response) => {
    drain.watch(response);
    const ms = Number(new URL(incoming.url ?? '/', 'http://x').searchParams.get('ms'));
    setTimeout(() => response.end(drain.isEnding ? 'ending' : 'running'), ms);
  });
  server.keepAliveTimeout = 60_000;
  drain = drainOf(server, lingerMs);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
}

type Heard = { text: string; connection: string | undefined; reused: boolean };

/** `via`: a proxy that keeps one connection; false: a connection of its own. */
function ask(ms = 0, via: Agent | false = false): Promise<Heard | { error: string }> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: `/?ms=${ms}`, agent: via }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () =>
        resolve({ text, connection: response.headers.connection, reused: asked.reusedSocket }),
      );
    });
    asked.on('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
    asked.end();
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('kept connections and new ones are served while it lingers, each answer ends its connection, and then nobody is let in', async () => {
  await serve(LINGER_MS);
  expect(await ask(0, agent)).toEqual({ text: 'running', connection: 'keep-alive', reused: false });
  const slow = ask(LINGER_MS + 200);
  await pause(50);
  const began = performance.now();
  const ended = drain.end();
  expect(drain.isEnding).toBe(true);
  expect(await ask(0, agent)).toEqual({ text: 'ending', connection: 'close', reused: true });
  expect(await ask(0)).toMatchObject({ text: 'ending', connection: 'close' });
  // What was under way when the end began is answered too, and ends its connection.
  expect(await slow).toMatchObject({ text: 'ending', connection: 'close' });
  await ended;
  expect(performance.now() - began).toBeGreaterThan(LINGER_MS - 50);
  expect(await ask()).toEqual({ error: 'ECONNREFUSED' });
});

test('an idle connection outlives the lingering for as long again, so that a proxy closes it first', async () => {
  await serve(LINGER_MS);
  await ask(0, agent);
  const ended = drain.end();
  await pause(LINGER_MS + 200);
  expect(await ask()).toEqual({ error: 'ECONNREFUSED' });
  expect(await ask(0, agent)).toEqual({ text: 'ending', connection: 'close', reused: true });
  await ended;
});

test('without a proxy it ends as soon as what is under way is answered', async () => {
  await serve(0);
  await ask(0, agent);
  const slow = ask(300);
  await pause(50);
  const began = performance.now();
  await drain.end();
  expect(await slow).toMatchObject({ text: 'ending' });
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('a rush of connections at the moment of the end loses none that was let in', async () => {
  await serve(200);
  let running = true;
  const heard: (Heard | { error: string })[] = [];
  const callers = Array.from({ length: 8 }, async () => {
    while (running) {
      heard.push(await ask());
      await pause(1);
    }
  });
  await pause(50);
  await drain.end();
  running = false;
  await Promise.all(callers);
  const errors = new Set(heard.flatMap((one) => ('error' in one ? [one.error] : [])));
  // Refused is what a proxy takes elsewhere; a reset would be a request lost.
  expect([...errors].filter((error) => error !== 'ECONNREFUSED')).toEqual([]);
  expect(heard.filter((one) => 'text' in one).length).toBeGreaterThan(10);
});
