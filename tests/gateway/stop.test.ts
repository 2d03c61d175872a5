// The organization's stop switch at the gate: nothing of its agents passes from the acknowledgement on, others are not touched.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { explainRecord } from '@/lib/catalogue/explain-record';
import { explainTool } from '@/lib/catalogue/explain';
import { pool, transaction } from '@/lib/db';
import { resumeOrganization, stopOrganization } from '@/lib/people/stop-switch';
import { DENIALS } from '@/lib/policy/policy';
import {
  auditOf,
  callOf,
  headersFor,
  hello,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  openSession,
  post,
  rpc,
  startGate,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let stopped: TestOrganization;
let ana: TestMember;
let token: string;
let elsewhere: string;

beforeAll(async () => {
  gate = await startGate();
  const make = async (name: string, asana: string) => {
    const organization = await makeOrganization(gate, name);
    const member = await makeMember(gate, organization, `member@${name.toLowerCase()}.example`, { asana });
    await makeGroup(organization, 'Everybody', ['get_me', 'create_tasks'], [member]);
    return { organization, member, token: (await mint(member)).token };
  };
  ({ organization: stopped, member: ana, token } = await make('Stopped', 'ana@example.com'));
  ({ token: elsewhere } = await make('Elsewhere', 'ben@example.com'));
});
afterAll(() => gate.stop());
beforeEach(async () => {
  await resume();
  gate.sandbox.log.clear();
});

const stop = () => transaction((tx) => stopOrganization(tx, stopped.actor, 'a drill'));
const resume = () => transaction((tx) => resumeOrganization(tx, stopped.actor));
const REFUSED = {
  error: { code: 1403, message: expect.stringContaining('stopped'), data: { outcome: 'not_sent' } },
};

test('while it is stopped every request hears why, nothing goes to Asana, and each call is on record as denied', async () => {
  const session = await openSession(gate, token);
  await stop();
  gate.sandbox.log.clear();
  const requests = [
    hello(),
    rpc('tools/list'),
    callOf('get_me'),
    callOf('delete_task'),
    rpc('resources/read', { uri: 'ui://x' }),
    rpc('no/such/method'),
  ];
  for (const request of requests) {
    const answer = await post(gate, token, request);
    expect([answer.status, answer.body]).toEqual([200, { jsonrpc: '2.0', id: request.id, ...REFUSED }]);
  }
  expect((await post(gate, token, rpc('ping'))).body).toMatchObject(REFUSED);
  expect((await post(gate, token, callOf('get_me'), { 'mcp-session-id': session })).body).toMatchObject(
    REFUSED,
  );
  expect((await post(gate, token, { jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(202);
  for (const method of ['GET', 'DELETE']) {
    const headers = headersFor(token, { 'mcp-session-id': session });
    const answer = await fetch(gate.url, { method, headers });
    expect([answer.status, await answer.json()]).toEqual([403, expect.objectContaining(REFUSED)]);
  }
  expect(gate.upstreamCalls()).toEqual([]);
  const records = await auditOf(stopped);
  expect(records.slice(0, 9).map(({ decision, reason }) => [decision, reason])).toEqual(
    Array(9).fill(['deny', 'organization_stopped']),
  );
});

test('a message that is none is refused as that, and a dead bearer hears 401 as ever', async () => {
  await stop();
  const answer = await post(gate, token, '{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}');
  expect(answer.status).toBe(400);
  expect((await auditOf(stopped))[0]).toMatchObject({ decision: 'deny', reason: 'malformed' });
  const { token: dead, id } = await mint(ana);
  await pool().query('DELETE FROM agent_tokens WHERE id = $1', [id]);
  expect((await post(gate, dead, callOf('get_me'))).status).toBe(401);
});

test('another organization goes on, and a resume lets the agents call again at once', async () => {
  await stop();
  expect((await post(gate, elsewhere, callOf('get_me'))).body.result.isError).toBeFalsy();
  await resume();
  expect((await post(gate, token, callOf('get_me'))).body.result.isError).toBeFalsy();
});

test('a call that waited for its token when the switch was thrown is not sent', async () => {
  await pool().query('UPDATE connections SET access_expires_at = now() WHERE organization_id = $1', [
    stopped.id,
  ]);
  gate.sandbox.set({ tokenFault: 'slow', slowMs: 1_300, tokenFaultCount: 1 });
  const answering = post(gate, token, callOf('create_tasks', { tasks: [{ name: 'late' }] }));
  await new Promise((resolve) => setTimeout(resolve, 400));
  await stop();
  expect((await answering).body).toMatchObject(REFUSED);
  expect(gate.upstreamCalls()).toEqual([]);
  expect((await auditOf(stopped))[0]).toMatchObject({ decision: 'allow', outcome: 'upstream_error' });
});

test('an explanation names the switch before everything else', async () => {
  await stop();
  await post(gate, token, callOf('get_me'));
  await post(gate, token, rpc('tools/list'));
  const about = { memberId: ana.id, tokenId: null, tool: 'get_me' };
  const sentence = expect.stringContaining(DENIALS.organization_stopped);
  const expected = { allowed: false, reason: 'organization_stopped', sentence };
  expect(await explainTool(stopped.id, about, { isSelf: false })).toMatchObject(expected);
  for (const { id } of (await auditOf(stopped)).slice(0, 2))
    expect(await explainRecord(stopped.id, id)).toMatchObject({ ...expected, record: { now: 'same' } });
  await resume();
  expect(await explainTool(stopped.id, about, { isSelf: false })).toMatchObject({
    allowed: true,
    reason: null,
  });
});
