// What torture runs brought to light, each as a test of its own: a seed that failed once must not fail again.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setEnv } from '@/lib/env';
import { isDatabaseGone } from '@/lib/errors';
import { startAcme } from '../support/acme';
import { auditOf, callOf, post, until, type Gate, type TestOrganization } from '../support/gate';
import { startTcpProxy } from '../support/tcp-proxy';

let gate: Gate;
let organization: TestOrganization;
let token: string;

beforeAll(async () => {
  ({ gate, organization, token } = await startAcme(['get_me']));
});
afterAll(() => gate.stop());

// Seed 2026: Asana carried the first attempt out, its answer was cut off, and the second found nobody.
test('UF-12: a read whose first attempt may have run is not said to be unsent because the second was', async () => {
  const { hostname: host, port } = new URL(gate.sandbox.origin);
  const wire = await startTcpProxy({ host, port: Number(port) });
  setEnv({ ASANA_MCP_URL: Object.assign(new URL(gate.sandbox.mcpUrl), { port: String(wire.port) }).href });
  expect((await post(gate, token, callOf('get_me'))).status).toBe(200);
  gate.sandbox.set({ latencyMs: 300 });
  gate.sandbox.log.clear();
  const pending = post(gate, token, callOf('get_me'));
  await until(() => gate.upstreamCalls().length === 1);
  await wire.cut();
  const { status, body } = await pending;
  expect([status, body.error?.data]).toEqual([502, { outcome: 'unknown' }]);
  const [record] = await auditOf(organization, { tool: 'get_me' }, 1);
  expect(record).toMatchObject({ outcome: 'unknown', reason: expect.stringContaining('unreachable') });
});

// Seed 7: the chainer took a connection that broke for a chain that somebody had spoiled, and raised an alarm.
test('a connection that broke before it was used is a database that is gone', () => {
  for (const said of [
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
    'Connection terminated unexpectedly',
  ])
    expect(isDatabaseGone(new Error('wrapped', { cause: new Error(said) }))).toBe(true);
  expect(isDatabaseGone(new Error('null value in column "seq"'))).toBe(false);
});
