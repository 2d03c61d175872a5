// What operators read under /metrics: each number moves with what it counts, and no agent can make a series of its own (SP-23).
import { register } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { env, setEnv } from '@/lib/env';
import { startAcme } from '../support/acme';
import { callOf, headersFor, post, rpc, until } from '../support/gate';
import { beginEvents, eventOf, startRawUpstream } from '../support/raw-upstream';
import type { Gate, TestMember } from '../support/gate';

let gate: Gate;
let ana: TestMember;
let token: string;

beforeAll(async () => {
  ({ gate, ana, token } = await startAcme(['get_me', 'search_tasks']));
});
afterAll(() => gate.stop());

/** Every sample as `name{labels}` → value. */
async function samples(): Promise<Map<string, number>> {
  const lines = (await register.metrics()).split('\n').filter((line) => line.startsWith('gatehouse_'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** By how much each sample rose while `work` ran; what stayed is left out. */
async function risen(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await samples();
  await work();
  const after = await samples();
  const changes = [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(changes.filter(([, change]) => change !== 0));
}

test('a call counts with its method, decision and status, its admission and its time at Asana', async () => {
  await post(gate, token, callOf('get_me'));
  const rose = await risen(() => post(gate, token, callOf('get_me')));
  expect(rose).toMatchObject({
    'gatehouse_calls_total{method="tools/call",decision="allow",status="200"}': 1,
    'gatehouse_mcp_answers_total{status="200"}': 1,
    gatehouse_admission_batch_calls_count: 1,
    gatehouse_admission_batch_calls_sum: 1,
    gatehouse_admission_seconds_count: 1,
    'gatehouse_upstream_seconds_count{status="2xx"}': 1,
  });
  expect(rose.gatehouse_admission_seconds_sum).toBeGreaterThan(0);
  expect(rose['gatehouse_upstream_seconds_sum{status="2xx"}']).toBeGreaterThan(0);
});

test('a refusal counts with its true reason, and reaches nobody', async () => {
  const rose = await risen(async () => {
    await post(gate, token, callOf('delete_task'));
    await post(gate, token, callOf('no_such_tool'));
    await post(gate, token, '{"jsonrpc":"2.0"}');
    await post(gate, `${token.slice(0, -1)}_`, callOf('get_me'));
  });
  expect(rose).toMatchObject({
    'gatehouse_denials_total{reason="not_in_group"}': 1,
    'gatehouse_denials_total{reason="unknown_tool"}': 1,
    'gatehouse_denials_total{reason="malformed"}': 1,
    'gatehouse_calls_total{method="tools/call",decision="deny",status="200"}': 2,
    'gatehouse_calls_total{method="none",decision="none",status="401"}': 1,
  });
  expect(Object.keys(rose).filter((name) => name.startsWith('gatehouse_upstream'))).toEqual([]);
});

test('a refresh counts once with what became of it', async () => {
  const expire = () =>
    pool().query(`UPDATE connections SET access_expires_at = now() - interval '1 minute' WHERE id = $1`, [
      ana.connectionId,
    ]);
  await expire();
  const rose = await risen(() => Promise.all([1, 2, 3].map(() => post(gate, token, callOf('get_me')))));
  expect(rose['gatehouse_refreshes_total{result="ok"}']).toBe(1);
  await expire();
  gate.sandbox.set({ tokenFault: '500', tokenFaultCount: 1 });
  const failed = await risen(() => post(gate, token, callOf('get_me')));
  expect(failed['gatehouse_refreshes_total{result="failed"}']).toBe(1);
  gate.sandbox.set({ tokenFault: null });
  await pool().query(`UPDATE connections SET access_expires_at = now() + interval '1 hour' WHERE id = $1`, [
    ana.connectionId,
  ]);
});

test('calls at Asana are shown while they last, and nothing is left of them', async () => {
  gate.sandbox.set({ latencyMs: 400 });
  const call = post(gate, token, callOf('get_me'));
  const inFlight = await until(async () => (await samples()).get('gatehouse_calls_in_flight'));
  expect(inFlight).toBe(1);
  await call;
  gate.sandbox.set({ latencyMs: 0 });
  await until(async () => (await samples()).get('gatehouse_calls_in_flight') === 0);
  const now = await samples();
  expect(now.get('gatehouse_open_streams')).toBe(0);
  expect(now.get('gatehouse_admission_waiting')).toBe(0);
  expect(now.get('gatehouse_calls_waiting_for_asana')).toBe(0);
  expect(now.get('gatehouse_database_connections{state="total"}')).toBeGreaterThan(0);
  expect(now.get('gatehouse_database_connections{state="waiting"}')).toBe(0);
});

test('an answer that is streamed is shown while it lasts', async () => {
  const asana = await startRawUpstream();
  const before = env().ASANA_MCP_URL;
  setEnv({ ASANA_MCP_URL: asana.url });
  let finish: () => void = () => undefined;
  asana.answer((response, { message }) => {
    const params = { progressToken: message.params._meta.progressToken, progress: 1 };
    beginEvents(response).write(eventOf({ jsonrpc: '2.0', method: 'notifications/progress', params }));
    finish = () => response.end(eventOf({ jsonrpc: '2.0', id: message.id, result: { content: [] } }));
  });
  const asked = callOf('get_me');
  const call = post(gate, token, {
    ...asked,
    params: { name: 'get_me', arguments: {}, _meta: { progressToken: 'p' } },
  });
  expect(await until(async () => (await samples()).get('gatehouse_open_streams'))).toBe(1);
  finish();
  expect((await call).text).toContain('"result":');
  await until(async () => (await samples()).get('gatehouse_open_streams') === 0);
  setEnv({ ASANA_MCP_URL: before });
  await asana.close();
});

test('SP-23: whatever agents call, call themselves and send, no series and no label comes from it', async () => {
  await post(gate, token, callOf('get_me'));
  const before = new Set((await samples()).keys());
  const canary = 'canary-of-an-agent';
  for (let n = 0; n < 20; n += 1) {
    await post(gate, token, callOf(`${canary}-${n}`), { 'user-agent': `${canary}-${n}` });
    await post(gate, token, rpc(`${canary}/${n}`), { 'x-canary': canary });
    await fetch(gate.url, { method: 'POST', headers: headersFor(`${canary}${n}`), body: canary });
  }
  const text = await register.metrics();
  for (const own of [canary, token, ana.email, ana.id, ana.connectionId!, 'get_me', 'search_tasks'])
    expect(text).not.toContain(own);
  const added = [...(await samples()).keys()].filter(
    (name) => !before.has(name) && !/_bucket\{|_(sum|count)/.test(name),
  );
  expect(
    added.filter(
      (name) =>
        !/^gatehouse_(calls_total\{method="(tools\/call|other|none)",|denials_total\{reason="\w+"|mcp_answers_total\{status="\d{3}")/.test(
          name,
        ),
    ),
  ).toEqual([]);
  expect(added.length).toBeLessThan(8);
});
