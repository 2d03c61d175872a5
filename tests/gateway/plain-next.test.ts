// The same core where somebody runs plain Next without server.ts: what holds at the gate holds there too.
import { spawn, type ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { childEnv, env } from '@/lib/env';
import {
  callOf,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  rpc,
  startGate,
  type Gate,
} from '../support/gate';
import { freePort } from '../support/portal';

let gate: Gate;
let next: ChildProcess;
let url: string;
let token: string;

beforeAll(async () => {
  gate = await startGate();
  const organization = await makeOrganization(gate, 'Plain');
  const ana = await makeMember(gate, organization, 'ana@plain.example', { asana: 'ana@example.com' });
  await makeGroup(organization, 'Readers', ['get_me'], [ana]);
  ({ token } = await mint(ana));
  const port = await freePort();
  url = `http://localhost:${port}/mcp`;
  const { DATABASE_URL, GATEHOUSE_KEYS, GATEHOUSE_SECRET, ASANA_MCP_URL, ASANA_OAUTH_URL } = env();
  next = spawn(
    process.execPath,
    ['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', String(port)],
    {
      stdio: 'ignore',
      env: childEnv({
        ...{
          DATABASE_URL: DATABASE_URL!,
          GATEHOUSE_KEYS: GATEHOUSE_KEYS!,
          GATEHOUSE_SECRET: GATEHOUSE_SECRET!,
        },
        ...{ ASANA_MCP_URL, ASANA_OAUTH_URL, GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1' },
        ...{ GATEHOUSE_URL: `http://localhost:${port}`, NODE_ENV: 'production' },
      }),
    },
  );
  for (const deadline = Date.now() + 60_000; ;) {
    const up = await fetch(url).catch(() => null);
    if (up?.status === 401) break;
    if (Date.now() > deadline || next.exitCode !== null) throw new Error('next start did not answer');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}, 90_000);
afterAll(async () => {
  next?.kill('SIGTERM');
  await gate?.stop();
});
beforeEach(() => gate.sandbox.log.clear());

test('lists only the allowed tools and calls one of them', async () => {
  const { body } = await post({ url }, token, rpc('tools/list'));
  expect(body.result.tools).toEqual(gate.sandbox.tools.filter(({ name }) => name === 'get_me'));
  const called = await post({ url }, token, { ...callOf('get_me'), id: 'mine' });
  expect(called.body.id).toBe('mine');
  expect(called.body.result.content[0].text).toContain('ana@example.com');
});

test('refuses a hidden tool, a batch and a foreign bearer, and Asana hears nothing of them', async () => {
  const hidden = await post({ url }, token, callOf('delete_task', { task: '1' }));
  expect(hidden.body.error).toEqual({ code: -32602, message: 'Unknown tool: delete_task' });
  expect((await post({ url }, token, [callOf('get_me')])).status).toBe(400);
  const foreign = await post({ url }, '2/1/1:0123456789abcdef0123456789abcdef', callOf('get_me'));
  expect(foreign.status).toBe(401);
  expect(foreign.headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource/mcp');
  expect(gate.upstreamCalls()).toEqual([]);
});

test('answers GET with 405 and never redirects', async () => {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` }, redirect: 'manual' });
  expect(answer.status).toBe(405);
});
