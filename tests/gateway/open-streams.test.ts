// What is under way ends when the access behind it ends: in every process, within a second, and the agent hears why.
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { endMemberConnections, disconnect } from '@/lib/asana/connections';
import { pool, transaction } from '@/lib/db';
import { resourceUrl, setEnv } from '@/lib/env';
import { countOpenStreams } from '@/lib/gateway/open-streams';
import { blockClient } from '@/lib/oauth/clients';
import { createGrant, endGrants } from '@/lib/oauth/grants';
import { removeMember } from '@/lib/people/members';
import { resumeOrganization, stopOrganization } from '@/lib/people/stop-switch';
import { revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { hashToken, mintToken } from '@/lib/tokens/token-format';
import { makeNewcomer, startGateAndRaw } from '../support/acme';
import { startProcess, type GateProcess } from '../support/gate-fork';
import {
  auditOf,
  headersFor,
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
let processes: { url: string }[];
let children: GateProcess[];
/** Answers of Asana's that were begun, and that are still open. */
const open = new Set<ServerResponse>();

beforeAll(async () => {
  ({ gate, raw } = await startGateAndRaw());
  setEnv({ ASANA_MCP_URL: raw.url });
  organization = await makeOrganization(gate, 'Acme');
  children = [await startProcess()];
  processes = [gate, ...children];
  // A process's first call opens its connections, which on a busy machine takes longer than a call may.
  const { token } = await mint(await member());
  for (const process of processes)
    await until(async () => (await post(process, token, rpc('ping'))).status === 200);
}, 60_000);
afterAll(async () => {
  for (const { child } of children) child.kill('SIGKILL');
  await gate.stop();
});
beforeEach(() => {
  raw.requests.length = 0;
  raw.answer((response, { message }) => {
    beginEvents(response);
    open.add(response);
    response.on('close', () => open.delete(response));
    response.write(
      eventOf({
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: 'p', progress: 1 },
      }),
    );
    if (message.params?.arguments?.quick)
      response.end(eventOf({ jsonrpc: '2.0', id: message.id, result: { content: [] } }));
  });
});
afterEach(async () => {
  for (const response of open) response.destroy();
  await transaction((tx) => resumeOrganization(tx, organization.actor));
  await until(() => countOpenStreams() === 0);
});

const member = () => makeNewcomer(gate, organization, ['get_me', 'create_tasks']);
const actorOf = ({ id, email }: TestMember) => ({ ...organization.actor, memberId: id, memberEmail: email });

/** A client that the member allowed, with an access token. */
async function allowClient(person: TestMember) {
  const clientId = `client-${crypto.randomUUID()}`;
  await pool().query(
    `INSERT INTO oauth_clients (id, kind, name, metadata) VALUES ($1, 'registered', 'Client', '{"redirect_uris":[]}')`,
    [clientId],
  );
  const given = { clientId, clientName: 'Client', connectionId: null, redirectUri: 'http://localhost/x' };
  const grantId = await transaction((tx) => createGrant(tx, actorOf(person), given));
  const token = mintToken('gho');
  await pool().query(
    `INSERT INTO oauth_tokens (hash, organization_id, grant_id, kind, resource, payload, expires_at)
     VALUES ($1, $2, $3, 'access', $4, '{}', now() + interval '1 hour')`,
    [hashToken(token), organization.id, grantId, resourceUrl()],
  );
  await pool().query('UPDATE grants SET redeemed_at = now() WHERE id = $1', [grantId]);
  return { token, grantId, clientId };
}

interface Stream {
  /** The error that the agent read last, and when its answer ended (ms). */
  ended: Promise<{ error: { code: number; message: string; data: unknown }; atMs: number; status: number }>;
}

/** Calls a tool in a process and resolves when the first event is with the agent. */
async function openStream(process: { url: string }, token: string, tool = 'get_me'): Promise<Stream> {
  const response = await fetch(process.url, {
    method: 'POST',
    headers: headersFor(token),
    body: JSON.stringify(rpc('tools/call', { name: tool, arguments: {}, _meta: { progressToken: 'p' } })),
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? '';
  expect(text).toContain('notifications/progress');
  const rest = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    const last = text.trim().split('data: ').at(-1)!;
    return { error: JSON.parse(last).error, atMs: performance.now(), status: response.status };
  };
  return { ended: rest() };
}

const UNKNOWN = { outcome: 'unknown' };

describe('open streams of an agent end within a second in every process, as do Asana’s, when', () => {
  test.each<
    [
      string,
      string,
      (person: TestMember, of: { id: string; grantId: string; clientId: string }) => Promise<unknown>,
    ]
  >([
    [
      'its token is revoked',
      'credential_ended',
      (person, { id }) => transaction((tx) => revokeAgentToken(tx, actorOf(person), id)),
    ],
    [
      'its grant is ended',
      'credential_ended',
      (person, { grantId }) => transaction((tx) => endGrants(tx, actorOf(person), { id: grantId }, 'member')),
    ],
    [
      'its client is blocked',
      'credential_ended',
      (_, { clientId }) => transaction((tx) => blockClient(tx, organization.actor, clientId, true)),
    ],
    [
      'its member is removed',
      'member_removed',
      (person) =>
        transaction(async (tx) => {
          await endMemberConnections(tx, organization.actor, { memberId: person.id });
          await removeMember(tx, organization.actor, person.email);
        }),
    ],
    [
      'its connection is disconnected',
      'connection_ended',
      (person) => disconnect(actorOf(person), person.id, person.connectionId!),
    ],
    [
      'its organization is stopped',
      'organization_stopped',
      () => transaction((tx) => stopOrganization(tx, organization.actor, 'a drill')),
    ],
  ])('%s', async (what, reason, end) => {
    const person = await member();
    const { id, token } = await mint(person);
    const client = await allowClient(person);
    const bearer = /grant|client/.test(what) ? client.token : token;
    const streams: Stream[] = [];
    for (const process of processes)
      for (const tool of ['get_me', 'create_tasks']) streams.push(await openStream(process, bearer, tool));
    const bystander = await member();
    const other = await openStream(gate, (await mint(bystander)).token);
    expect(open.size).toBe(5);
    await end(person, { id, ...client });
    const endedMs = performance.now();
    for (const { ended } of streams) {
      const { error, atMs } = await ended;
      expect(error).toMatchObject({ code: 1403, message: expect.stringContaining('unknown'), data: UNKNOWN });
      expect(atMs - endedMs).toBeLessThan(1_000);
    }
    const isAll = reason === 'organization_stopped';
    await until(() => open.size === (isAll ? 0 : 1));
    expect(performance.now() - endedMs).toBeLessThan(1_500);
    if (isAll) expect((await other.ended).error.code).toBe(1403);
    await until(async () => {
      const calls = await auditOf(organization, { member: person.email });
      const of = calls.filter(({ reason: said, outcome }) => said === reason && outcome === 'unknown');
      return of.length === 4;
    });
  });
});

describe('what ends before', () => {
  test('Asana answered at all is answered at once: sent, and its outcome is unknown; not sent, and it never is', async () => {
    const person = await member();
    const { id, token } = await mint(person);
    raw.answer((response) => {
      open.add(response);
      response.on('close', () => open.delete(response));
    });
    const call = (tool: string) => post(gate, token, rpc('tools/call', { name: tool, arguments: {} }));
    const hanging = call('create_tasks');
    await until(() => raw.of('tools/call').length === 1);
    await pool().query('UPDATE connections SET access_expires_at = now() WHERE id = $1', [
      person.connectionId,
    ]);
    gate.sandbox.set({ tokenFault: 'slow', slowMs: 900, tokenFaultCount: 1 });
    const waiting = call('create_tasks');
    await until(() => gate.sandbox.log.count(({ path }) => path === '/-/oauth_token') > 0);
    const startedMs = performance.now();
    await transaction((tx) => revokeAgentToken(tx, actorOf(person), id));
    const [sent, unsent] = await Promise.all([hanging, waiting]);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    expect([sent.status, sent.body.error]).toMatchObject([200, { code: 1403, data: UNKNOWN }]);
    expect(unsent.status).toBe(401); // like a call that comes now
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(raw.of('tools/call')).toHaveLength(1);
    expect(
      (await auditOf(organization, { member: person.email, method: 'tools/call' })).map(
        ({ outcome, reason }) => [outcome, reason],
      ),
    ).toEqual([
      ['upstream_error', 'revoked_meanwhile'],
      ['unknown', 'credential_ended'],
    ]);
  });

  test('a large JSON answer was read to its end breaks that off, so that half of it is no answer', async () => {
    const person = await member();
    const { id, token } = await mint(person);
    raw.answer((response, { message }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(
        `{"jsonrpc":"2.0","id":"${message.id}","result":{"content":[{"type":"text","text":"${'x'.repeat(3_000_000)}`,
      );
      open.add(response);
      response.on('close', () => open.delete(response));
    });
    const response = await fetch(gate.url, {
      method: 'POST',
      headers: headersFor(token),
      body: JSON.stringify(rpc('tools/call', { name: 'get_me', arguments: {} })),
    });
    expect(response.status).toBe(200);
    const reading = response.text().then(
      () => 'whole',
      () => 'broken off',
    );
    await transaction((tx) => revokeAgentToken(tx, actorOf(person), id));
    expect(await reading).toBe('broken off');
    await until(() => open.size === 0);
  });

  test('it was over is not touched: an answered call keeps its answer', async () => {
    const person = await member();
    const { id, token } = await mint(person);
    const answer = await post(gate, token, rpc('tools/call', { name: 'get_me', arguments: { quick: true } }));
    await transaction((tx) => revokeAgentToken(tx, actorOf(person), id));
    expect(answer.body.result).toEqual({ content: [] });
    expect((await auditOf(organization, { member: person.email }))[0]).toMatchObject({ outcome: 'ok' });
    expect(countOpenStreams()).toBe(0);
  });
});

describe('a notification that is lost', () => {
  const onTrigger = (deed: 'ENABLE' | 'DISABLE') =>
    pool().query(`ALTER TABLE agent_tokens ${deed} TRIGGER agent_tokens_tell_ended`);

  test('costs at most the five seconds to the next sweep', async () => {
    const person = await member();
    const { id, token } = await mint(person);
    const streams = await Promise.all(processes.map((process) => openStream(process, token)));
    await onTrigger('DISABLE');
    try {
      await transaction((tx) => revokeAgentToken(tx, actorOf(person), id));
    } finally {
      await onTrigger('ENABLE');
    }
    const endedMs = performance.now();
    for (const { ended } of streams) {
      const { error, atMs } = await ended;
      expect(error.code).toBe(1403);
      expect(atMs - endedMs).toBeLessThan(6_500);
    }
  });

  test('because the connection broke is made up for when it is back', async () => {
    const person = await member();
    const { id, token } = await mint(person);
    const streams = await Promise.all(processes.map((process) => openStream(process, token)));
    const listeners = () =>
      pool().query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE application_name = 'gatehouse listener' AND datname = current_database()`,
      );
    expect((await listeners()).rows.length).toBe(processes.length);
    for (const { pid } of (await listeners()).rows)
      await pool().query('SELECT pg_terminate_backend($1)', [pid]);
    await onTrigger('DISABLE');
    try {
      await transaction((tx) => revokeAgentToken(tx, actorOf(person), id));
    } finally {
      await onTrigger('ENABLE');
    }
    const endedMs = performance.now();
    for (const { ended } of streams) expect((await ended).atMs - endedMs).toBeLessThan(3_000);
    await until(async () => (await listeners()).rows.length === processes.length);
  });
});

test('what began just after a notification is looked at too: it may have been admitted before what was told', async () => {
  const person = await member();
  const tokens = await Promise.all(Array.from({ length: 20 }, () => mint(person)));
  const answers = tokens.map(({ token }) =>
    post(gate, token, rpc('tools/call', { name: 'create_tasks', arguments: {} })).then(({ status, body }) =>
      status === 401 ? 'refused' : body.error?.code,
    ),
  );
  // Revoked while they are being admitted: each is refused, or admitted and ended; none goes on.
  await Promise.all(tokens.map(({ id }) => transaction((tx) => revokeAgentToken(tx, actorOf(person), id))));
  const startedMs = performance.now();
  for (const answer of await Promise.all(answers)) expect(['refused', 1403]).toContain(answer);
  expect(performance.now() - startedMs).toBeLessThan(1_500);
});
