// /api/v1 on what people and agents do: one member, a removal before it happens, own activity, sums, first run, search, health.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordRefreshFailure } from '@/lib/asana/refresh-failures';
import { appendEvent } from '@/lib/audit/append';
import { recordOutcomes, recordSystemCall } from '@/lib/audit/system-call';
import { db, pool, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { startSession } from '@/lib/people/sessions';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { startAurora } from '../support/aurora';
import {
  addConnection,
  addOrganization,
  addPerson,
  signIn,
  START_MS,
  type Client,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { expectProblem, lastEvent, readOpenApi, type OpenApi } from './expect-answer';

let portal: Portal;
let organization: PortalOrganization;
let elsewhere: PortalOrganization;
let admin: Client;
let ana: Client;
let anaId: string;
let call: OpenApi['call'];

const ANA = 'ana@aurora.example';
const BEN = 'ben@aurora.example';

beforeAll(async () => {
  ({ portal, organization, admin } = await startAurora({ isAtAsana: true }));
  elsewhere = await addOrganization('Borealis', 'admin@borealis.example', portal.sandbox);
  await addPerson(elsewhere, 'zoe@borealis.example', { name: 'Zoe' });
  anaId = await addPerson(organization, ANA, { name: 'Ana' });
  await addPerson(organization, BEN, { name: 'Ben', password: undefined });
  await addPerson(organization, 'cleo@aurora.example', { name: 'Cleo', role: 'auditor' });
  ana = await signIn(portal, ANA);
  ({ call } = await readOpenApi(admin));
}, START_MS);
afterAll(() => portal.stop());

const actorOf = (id: string) => ({ ...organization.actor, memberId: id });
const mint = (id: string, name: string, tools?: string[]) =>
  transaction((tx) => mintAgentToken(tx, actorOf(id), { name, ...(tools ? { tools } : {}) }));

/** A call on record as the gate writes it, with its outcome where it was allowed. */
async function recordCall(
  given: Partial<Record<'member' | 'tool' | 'method' | 'client' | 'credential' | 'reason', string>> & {
    outcome?: 'ok' | 'tool_error' | 'upstream_error' | 'unknown';
    because?: string;
    latencyMs?: number;
    organizationId?: string;
  },
): Promise<string> {
  const { organizationId = organization.id, member = ANA, reason = null, outcome } = given;
  const id = randomUUID();
  const who = await pool().query('SELECT id FROM members WHERE email = $1', [member]);
  await pool().query(
    `INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id,
       credential_name, client, method, tool, decision, reason)
     VALUES ($1, $2, 'call', $3, $4, 'agent_token', $5, 'agent', $6, $7, $8, $9, $10)`,
    [
      ...[
        id,
        organizationId,
        who.rows[0]?.id ?? null,
        member,
        given.credential ?? 'credential',
        given.client ?? 'node',
      ],
      ...[given.method ?? 'tools/call', given.tool ?? 'get_task', reason ? 'deny' : 'allow', reason],
    ],
  );
  const { latencyMs = 100, because } = given;
  if (outcome)
    await recordOutcomes([
      { organizationId, callId: id, outcome, latencyMs, ...(because ? { reason: because } : {}) },
    ]);
  return id;
}

const until = async <T>(check: () => Promise<T | false | null | undefined>): Promise<T> => {
  for (const endMs = Date.now() + 15_000; ;) {
    const got = await check();
    if (got) return got;
    if (Date.now() > endMs) throw new Error('waited fifteen seconds in vain');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
/** The chainer of the server counts within about a second. */
const untilCounted = (calls: number) =>
  until(async () => (await call('GET /audit/summary')).body.totals.calls >= calls);

describe('/members', () => {
  test('are found, narrowed, ordered and paged, with what each has and when an agent last called', async () => {
    const token = await mint(anaId, 'Weekly report');
    await addConnection(portal, organization.id, anaId, 'ana@example.com');
    await pool().query(
      `UPDATE members SET last_seen_at = now() - interval '40 days' WHERE email = 'cleo@aurora.example'`,
    );
    const id = await recordCall({ outcome: 'ok', credential: token.id });
    const { rows } = await pool().query('SELECT at FROM audit_records WHERE id = $1', [id]);
    const find = async (query: string) => (await call('GET /members', { path: `/members${query}` })).body;
    const emails = (answer: { members: { email: string }[] }) => answer.members.map(({ email }) => email);
    const listed = await until(async () => {
      const answer = await find('?search=ANA%20');
      return (
        (await find('?search=ana@')).members[0].lastCallAt !== null && answer && (await find('?search=ana@'))
      );
    });
    expect(listed).toEqual({
      total: 1,
      members: [
        {
          ...{ email: ANA, name: 'Ana', role: 'member', groups: [], asanaEmails: [], limits: null },
          ...{ signInReady: true, lastSeenAt: expect.any(String), state: 'active', invited: false },
          ...{ inviteExpiresAt: null, connections: { active: 1, needsReconnect: 0 }, agents: 1 },
          lastCallAt: (rows[0].at as Date).toISOString(),
        },
      ],
    });
    const all = ['admin@aurora.example', ANA, BEN, 'cleo@aurora.example'];
    expect([emails(await find('')), (await find('')).total]).toEqual([all, 4]);
    expect(emails(await find('?sort=name&direction=desc'))).toEqual([all[3], all[2], all[1], all[0]]);
    expect(emails(await find('?sort=lastCall&direction=desc'))[0]).toBe(ANA);
    expect(emails(await find('?sort=lastSeen'))[0]).toBe(BEN);
    expect(await find('?limit=2&offset=1')).toMatchObject({
      total: 4,
      members: [{ email: ANA }, { email: BEN }],
    });
    expect(await find('?limit=2&offset=9')).toEqual({ total: 4, members: [] });
    expect(emails(await find('?role=auditor'))).toEqual(['cleo@aurora.example']);
    expect(emails(await find('?state=invited'))).toEqual([BEN]);
    expect(emails(await find('?state=inactive'))).toEqual(['cleo@aurora.example']);
    expect(emails(await find('?state=active'))).toEqual(['admin@aurora.example', ANA]);
    await transaction((tx) =>
      createGroup(tx, organization.actor, { name: 'Sales', tools: ['get_task'], members: [ANA] }),
    );
    expect(emails(await find('?group=sales'))).toEqual([ANA]);
    expect(emails(await find('?group=no-such'))).toEqual([]);
    expect(emails(await find('?search=%25'))).toEqual([]);
    for (const query of [
      '?sort=role',
      '?direction=up',
      '?limit=0',
      '?limit=1001',
      '?offset=-1',
      '?state=gone',
    ])
      expectProblem(await call('GET /members', { path: `/members${query}` }), 400, 'invalid', 'query.');
    expectProblem(await call('GET /members', { as: ana }), 403, 'forbidden');
  });

  test('a state and a last call are of this person, not of whoever had the address before', async () => {
    const email = 'dan@aurora.example';
    await recordCall({ member: email, outcome: 'ok' });
    await until(async () => {
      const { rowCount } = await pool().query(`SELECT 1 FROM audit_hours WHERE span = 'ever' AND key = $1`, [
        email,
      ]);
      return rowCount === 1;
    });
    await addPerson(organization, email, { name: 'Dan' });
    const { body } = await call('GET /members', { path: '/members?search=dan@' });
    expect(body.members).toMatchObject([{ email, lastCallAt: null, state: 'inactive' }]);
    await call('DELETE /members/{email}', { path: `/members/${email}` });
  });

  test('one is shown with tokens, connections, tools and sessions; nobody else’s', async () => {
    const { status, body } = await call('GET /members/{email}', { path: `/members/${ANA.toUpperCase()}` });
    expect([status, body.email, body.tools, body.sessions]).toEqual([200, ANA, ['get_task'], 1]);
    expect(body.tokens).toEqual([
      ...[{ id: expect.any(String), name: 'Weekly report', last4: expect.stringMatching(/^\w{4}$/) }].map(
        (token) => ({ ...token, lastUsedAt: null, expiresAt: null }),
      ),
    ]);
    expect(body.connectionList).toEqual([
      {
        ...{ id: expect.any(String), workspace: null, asanaEmail: 'ana@example.com' },
        ...{ status: 'active', lastUsedAt: null },
      },
    ]);
    for (const email of ['zoe@borealis.example', 'nobody@aurora.example'])
      for (const path of [`/members/${email}`, `/members/${email}/removal`])
        expectProblem(await call('GET /members/{email}', { path }), 404, 'not_found');
    expectProblem(await call('GET /members/{email}', { path: `/members/${ANA}`, as: ana }), 403, 'forbidden');
  });

  test('the preview of a removal names everything that removing then ends, and ends nothing', async () => {
    const email = 'eva@aurora.example';
    const id = await addPerson(organization, email, { name: 'Eva', groups: ['sales'] });
    await startSession({ id, organizationId: organization.id });
    const expired = await mint(id, 'expired');
    await pool().query(`UPDATE agent_tokens SET expires_at = now() - interval '1 day' WHERE id = $1`, [
      expired.id,
    ]);
    await mint(id, 'Agent');
    await addConnection(portal, organization.id, id, 'ben@example.com');
    const grant = `INSERT INTO grants (id, organization_id, member_id, client_id, client_name, redirect_uri, resource, expires_at,
      redeemed_at, ended_at) VALUES (gen_random_uuid(), $1, $2, 'c', $3, '', '', now() + interval '1 day', now(), $4)`;
    await pool().query(grant, [organization.id, id, 'Example editor', null]);
    await pool().query(grant, [organization.id, id, 'Ended editor', new Date()]);
    await db().toolRequest.create({
      data: { organizationId: organization.id, memberId: id, toolName: 'get_me', reason: 'why not' },
    });
    const path = `/members/${email}/removal`;
    const { body } = await call('GET /members/{email}/removal', { path });
    expect(body).toEqual({
      sessions: 1,
      tokens: [{ name: 'Agent', last4: expect.any(String), lastUsedAt: null }],
      grants: [{ client: 'Example editor', lastUsedAt: null }],
      connections: [{ workspace: null, asanaEmail: 'ben@example.com', status: 'active' }],
      groups: ['Sales'],
      requests: 1,
    });
    /** What is there of the person, by what the preview counts. */
    const left = async () => {
      const { rows } = await pool().query(
        `SELECT (SELECT count(*)::int FROM sessions WHERE member_id = $1 AND expires_at > now()) AS sessions,
           (SELECT count(*)::int FROM agent_tokens WHERE member_id = $1 AND (expires_at IS NULL OR expires_at > now())) AS tokens,
           (SELECT count(*)::int FROM grants WHERE member_id = $1 AND ended_at IS NULL) AS grants,
           (SELECT count(*)::int FROM connections WHERE member_id = $1) AS connections,
           (SELECT count(*)::int FROM group_members WHERE member_id = $1) AS groups,
           (SELECT count(*)::int FROM tool_requests WHERE member_id = $1 AND status = 'open') AS requests`,
        [id],
      );
      return rows[0] as Record<string, number>;
    };
    const named = Object.fromEntries(
      Object.entries(body as Record<string, unknown[] | number>).map(([key, value]) => [
        key,
        typeof value === 'number' ? value : value.length,
      ]),
    );
    expect(await left()).toEqual(named);
    expect((await call('DELETE /members/{email}', { path: `/members/${email}` })).status).toBe(204);
    expect(new Set(Object.values(await left()))).toEqual(new Set([0]));
    expectProblem(await call('GET /members/{email}/removal', { path }), 404, 'not_found');
  });

  test('a token of theirs is ended by an admin at once, on record, and only under its own person', async () => {
    const { id, token } = await mint(anaId, 'Lost laptop');
    const zoe = await pool().query(`SELECT id FROM members WHERE email = 'zoe@borealis.example'`);
    const foreign = await transaction((tx) =>
      mintAgentToken(tx, { ...elsewhere.actor, memberId: zoe.rows[0].id as string }, { name: 'foreign' }),
    );
    const end = (email: string, tokenId: string, as = admin) =>
      call('DELETE /members/{email}/tokens/{id}', { path: `/members/${email}/tokens/${tokenId}`, as });
    for (const [email, tokenId] of [
      ['zoe@borealis.example', foreign.id],
      [ANA, foreign.id],
      [BEN, id],
      [ANA, randomUUID()],
      [ANA, 'nonsense'],
    ] as const)
      expectProblem(await end(email, tokenId), 404, 'not_found');
    expectProblem(await end(ANA, id, ana), 403, 'forbidden');
    const ping = () =>
      fetch(`${portal.origin}/mcp`, {
        method: 'POST',
        headers: {
          ...{ authorization: `Bearer ${token}`, accept: 'application/json, text/event-stream' },
          'content-type': 'application/json',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
      });
    expect((await ping()).status).toBe(200);
    expect((await end(ANA, id)).status).toBe(204);
    expect((await ping()).status).toBe(401);
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'agent_token.revoked', target: `agent_token:${id}`, member: 'admin@aurora.example' },
      before: { name: 'Lost laptop', member: ANA },
    });
    expectProblem(await end(ANA, id), 404, 'not_found');
    const { rowCount } = await pool().query('SELECT 1 FROM agent_tokens WHERE id = $1', [foreign.id]);
    expect(rowCount).toBe(1);
  });

  test('a client that they allowed is ended by an admin, on record, and only under its own person', async () => {
    const grants = async () => (await call('GET /members/{email}', { path: `/members/${ANA}` })).body.grants;
    const { rows } = await pool().query(
      `INSERT INTO grants (id, organization_id, member_id, client_id, client_name, redirect_uri, resource, expires_at, redeemed_at)
       VALUES (gen_random_uuid(), $1, $2, 'c', 'Example editor', '', '', now() + interval '1 day', now()) RETURNING id`,
      [organization.id, anaId],
    );
    const { id } = rows[0] as { id: string };
    expect(await grants()).toEqual([{ id, client: 'Example editor', lastUsedAt: null }]);
    const end = (email: string, grantId: string, as = admin) =>
      call('DELETE /members/{email}/grants/{id}', { path: `/members/${email}/grants/${grantId}`, as });
    for (const [email, grantId] of [
      ['zoe@borealis.example', id],
      [BEN, id],
      [ANA, randomUUID()],
      [ANA, 'nonsense'],
    ] as const)
      expectProblem(await end(email, grantId), 404, 'not_found');
    expectProblem(await end(ANA, id, ana), 403, 'forbidden');
    expect(await grants()).toHaveLength(1);
    expect((await end(ANA, id)).status).toBe(204);
    expect(await grants()).toEqual([]);
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'grant.ended', target: `grant:${id}`, member: 'admin@aurora.example' },
      ...{ before: { member: ANA, client: 'Example editor' }, after: { reason: 'admin' } },
    });
    expectProblem(await end(ANA, id), 404, 'not_found');
  });
});

describe('/audit', () => {
  const find = async (query: string) =>
    (await call('GET /audit', { path: `/audit?${query}` })).body.records.map(({ id }: { id: string }) => id);

  test('is narrowed by outcome, reason, credential, client and method, alone and together, in pages and in exports', async () => {
    const credential = randomUUID();
    const mine = { credential, client: 'test-client/1' };
    const ok = await recordCall({ ...mine, outcome: 'ok' });
    const failed = await recordCall({ ...mine, outcome: 'upstream_error', because: 'rate_limited' });
    const running = await recordCall({ ...mine, tool: 'get_me' });
    const lost = await recordCall({ ...mine, outcome: 'unknown', because: 'timeout' });
    const denied = await recordCall({ ...mine, reason: 'not_in_group' });
    const listing = await recordCall({ ...mine, method: 'prompts/list', outcome: 'tool_error' });
    const by = `credential=${credential}`;
    const cases: [string, string[]][] = [
      [by, [listing, denied, lost, running, failed, ok]],
      ['client=test-client/1', [listing, denied, lost, running, failed, ok]],
      [`${by}&outcome=ok`, [ok]],
      [`${by}&outcome=upstream_error`, [failed]],
      [`${by}&outcome=tool_error`, [listing]],
      // One without an outcome reads unknown, and is found as what it reads; a denial has none.
      [`${by}&outcome=unknown`, [lost, running]],
      [`${by}&outcome=unknown&tool=get_me`, [running]],
      [`${by}&reason=not_in_group`, [denied]],
      [`${by}&reason=rate_limited`, [failed]],
      [`${by}&reason=timeout&outcome=ok`, []],
      [`${by}&method=prompts/list`, [listing]],
      [`${by}&method=tools/call&decision=deny&kind=call`, [denied]],
      [`${by}&kind=event`, []],
      ['client=test-client', []],
      ['credential=nobody', []],
    ];
    for (const [query, ids] of cases) {
      expect(await find(query), query).toEqual(ids);
      const exported = await call('GET /audit/export', { path: `/audit/export?format=jsonl&${query}` });
      const lines = exported.text.split('\n').filter(Boolean);
      expect(
        lines.map((line) => (JSON.parse(line) as { id: string }).id),
        query,
      ).toEqual(ids);
    }
    const paged = await call('GET /audit', { path: `/audit?${by}&outcome=unknown&limit=1` });
    expect(await find(`${by}&outcome=unknown&cursor=${paged.body.nextCursor}`)).toEqual([running]);
    for (const query of ['outcome=fine', `client=${'x'.repeat(201)}`, 'kind=outcome'])
      expectProblem(await call('GET /audit', { path: `/audit?${query}` }), 400, 'invalid', 'query.');
  });

  test('is summed up for readers: what was counted, by bucket, tool and person', async () => {
    const { body: before } = await call('GET /audit/summary');
    const tool = 'get_my_tasks';
    for (let n = 0; n < 4; n += 1)
      await recordCall({ tool, outcome: n === 0 ? 'upstream_error' : 'ok', latencyMs: 250 });
    await recordCall({ tool, reason: 'blocked' });
    await untilCounted(before.totals.calls + 5);
    await until(async () => (await call('GET /audit/summary')).body.totals.failed > before.totals.failed);
    const { body } = await call('GET /audit/summary');
    expect([body.bucket, body.series.length]).toEqual(['day', 7]);
    expect(body.tools.find((row: { tool: string }) => row.tool === tool)).toEqual({
      ...{ tool, calls: 5, denied: 1 },
      failed: 1,
    });
    expect(body.members[0]).toMatchObject({ member: ANA });
    expect(body.totals.p95Ms).toBeGreaterThan(235);
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const hours = await call('GET /audit/summary', { path: `/audit/summary?from=${from}` });
    expect([hours.body.bucket, hours.body.totals.calls]).toEqual(['hour', body.totals.calls]);
    const auditor = await signIn(portal, 'cleo@aurora.example');
    expect((await call('GET /audit/summary', { as: auditor })).body.totals).toEqual(body.totals);
    for (const query of ['from=yesterday', 'from=2026-01-02&to=2026-01-01', 'from=2020-01-01'])
      expectProblem(
        await call('GET /audit/summary', { path: `/audit/summary?${query}` }),
        400,
        'invalid',
        'query.',
      );
    expectProblem(await call('GET /audit/summary', { as: ana }), 403, 'forbidden');
    const other = await signIn(portal, 'admin@borealis.example');
    expect((await call('GET /audit/summary', { as: other })).body).toMatchObject({
      ...{ tools: [], members: [], totals: { calls: 0, denied: 0, failed: 0, p50Ms: null, p95Ms: null } },
    });
  });
});

test('/me/activity shows one’s own calls and changes, and nobody else’s', async () => {
  const own = await recordCall({ tool: 'create_tasks', reason: 'not_in_group' });
  await recordCall({ member: BEN, tool: 'create_tasks', reason: 'not_in_group' });
  await transaction((tx) =>
    appendEvent(tx, { ...actorOf(anaId), memberEmail: ANA }, { action: 'thing.changed', target: 'thing' }),
  );
  const find = async (query: string) =>
    (await call('GET /me/activity', { path: `/me/activity${query}`, as: ana })).body;
  const all = await find('');
  expect(new Set(all.records.map(({ member }: { member: string }) => member))).toEqual(new Set([ANA]));
  expect(all.records[0]).toMatchObject({ kind: 'event', action: 'thing.changed' });
  const denied = await find('?tool=create_tasks&decision=deny');
  expect(denied.records.map(({ id }: { id: string }) => id)).toEqual([own]);
  const first = await find('?limit=1');
  expect((await find(`?limit=1&cursor=${first.nextCursor}`)).records[0].id).toBe(own);
  for (const query of ['?limit=0', '?decision=maybe', '?cursor=nonsense'])
    expectProblem(await call('GET /me/activity', { path: `/me/activity${query}`, as: ana }), 400, 'invalid');
});

describe('/first-run', () => {
  const read = async (as = admin) => (await call('GET /first-run', { as })).body;
  const done = (answer: { steps: { id: string; done: boolean }[] }) =>
    answer.steps.filter((step) => step.done).map(({ id }) => id);

  test('follows what is really there, step by step, and stays', async () => {
    const fresh = await addOrganization('Cirrus', 'admin@cirrus.example');
    const as = await signIn(portal, 'admin@cirrus.example');
    const seen = await read(as);
    expect(seen.steps.map(({ id }: { id: string }) => id)).toEqual([
      ...['organization', 'asana_app', 'sync', 'group', 'invite', 'connect', 'endpoint', 'first_call'],
    ]);
    expect([done(seen), seen.hidden, seen.openRequests, seen.toReview]).toEqual([
      ['organization'],
      false,
      0,
      0,
    ]);
    const { clientId, clientSecret } = portal.sandbox.apps[0]!;
    await call('PUT /asana-app', { as, body: { clientId, clientSecret } });
    await addConnection(portal, fresh.id, fresh.actor.memberId!, 'ana@example.com');
    expect(done(await read(as))).toEqual(['organization', 'asana_app', 'connect']);
    await call('POST /tools/sync', { as });
    await call('POST /groups', { as, body: { name: 'Sales', tools: ['get_me'] } });
    await call('POST /members', { as, body: { email: 'ida@cirrus.example', name: 'Ida', role: 'member' } });
    const five = ['organization', 'asana_app', 'sync', 'group', 'invite', 'connect'];
    expect(done(await read(as))).toEqual(five);
    await call('PATCH /first-run', { as, body: { endpointCopied: true } });
    // Gatehouse's own calls are nobody's first one, and neither is a denied one.
    const system = await recordSystemCall({
      ...{ organizationId: fresh.id, memberId: fresh.actor.memberId!, memberEmail: fresh.adminEmail },
      ...{ connectionId: null, workspaceGid: null, purpose: 'test', method: 'tools/list' },
    });
    await recordOutcomes([{ organizationId: fresh.id, callId: system, outcome: 'ok', latencyMs: 5 }]);
    await recordCall({ organizationId: fresh.id, member: fresh.adminEmail, reason: 'blocked' });
    await until(async () => (await call('GET /audit/summary', { as })).body.totals.calls >= 2);
    expect(done(await read(as))).toEqual([...five, 'endpoint']);
    await recordCall({ organizationId: fresh.id, member: fresh.adminEmail, outcome: 'tool_error' });
    const whole = await until(async () => {
      const answer = await read(as);
      return done(answer).includes('first_call') && answer;
    });
    for (const step of whole.steps) expect(Date.parse(step.at), step.id).toBeLessThanOrEqual(Date.now());
  });

  test('is hidden and shown again, with a record where that changes something', async () => {
    const patch = (body: unknown, as = admin) => call('PATCH /first-run', { body, as });
    expect((await patch({ hidden: true })).body.hidden).toBe(true);
    expect(await lastEvent(admin)).toMatchObject({ action: 'first_run.updated', after: { hidden: true } });
    const [{ count }] = (await pool().query('SELECT count(*) FROM audit_records')).rows;
    expect((await patch({ hidden: true })).status).toBe(200);
    expect((await pool().query('SELECT count(*) FROM audit_records')).rows[0].count).toBe(count);
    expect((await patch({ hidden: false })).body.hidden).toBe(false);
    for (const body of [{}, { endpointCopied: false }, { hidden: 'yes' }])
      expectProblem(await patch(body), 400, 'invalid');
    expectProblem(await call('GET /first-run', { as: ana }), 403, 'forbidden');
    expectProblem(await patch({ hidden: true }, ana), 403, 'forbidden');
  });

  test('counts what waits for an admin', async () => {
    const { rows } = await pool().query(
      `INSERT INTO tool_requests (organization_id, member_id, tool_name, reason) VALUES ($1, $2, 'delete_task', 'x') RETURNING id`,
      [organization.id, anaId],
    );
    await pool().query(
      `UPDATE tools SET status = 'changed' WHERE organization_id = $1 AND name = 'get_tasks'`,
      [organization.id],
    );
    expect(await read()).toMatchObject({ openRequests: 1, toReview: 1 });
    await pool().query(`UPDATE tool_requests SET status = 'withdrawn', decided_at = now() WHERE id = $1`, [
      rows[0].id,
    ]);
    await pool().query(`UPDATE tools SET status = 'reviewed' WHERE organization_id = $1`, [organization.id]);
    expect(await read()).toMatchObject({ openRequests: 0, toReview: 0 });
  });
});

describe('/search', () => {
  const find = async (q: string, as: Client) =>
    (await call('GET /search', { path: `/search?q=${encodeURIComponent(q)}`, as })).body;

  test('shows people and groups to admins only, to members their own tools, and to each their own tokens', async () => {
    const auditor = await signIn(portal, 'cleo@aurora.example');
    await mint(anaId, 'Task sweeper');
    expect((await find('AURORA', admin)).people.map(({ email }: { email: string }) => email)).toContain(ANA);
    expect((await find('sal', admin)).groups).toEqual([{ slug: 'sales', name: 'Sales' }]);
    const forAdmin = await find('task', admin);
    const forAuditor = await find('task', auditor);
    const forAna = await find('task', ana);
    expect(forAdmin.tools).toHaveLength(6);
    expect(forAuditor.tools).toEqual(forAdmin.tools);
    expect(forAna.tools.map(({ name }: { name: string }) => name)).toEqual(['get_task']);
    expect([forAdmin.tokens, forAuditor.tokens]).toEqual([[], []]);
    expect(forAna.tokens.map(({ name }: { name: string }) => name)).toEqual(['Task sweeper']);
    for (const as of [auditor, ana])
      for (const q of ['ana', 'sales', 'aurora', '@'])
        expect(await find(q, as), q).toMatchObject({ people: [], groups: [] });
    for (const q of ['zoe', 'borealis']) expect((await find(q, admin)).people, q).toEqual([]);
    expect(await find('%', admin)).toEqual({ people: [], groups: [], tools: [], tokens: [] });
    for (const q of ['', '   ', 'x'.repeat(101)])
      expectProblem(
        await call('GET /search', { path: `/search?q=${encodeURIComponent(q)}` }),
        400,
        'invalid',
      );
  });

  test('puts what begins with the text first', async () => {
    await addPerson(organization, 'tim.beno@aurora.example', { name: 'Tim', password: undefined });
    expect((await find('ben', admin)).people.map(({ email }: { email: string }) => email)).toEqual([
      ...[BEN, 'tim.beno@aurora.example'],
    ]);
  });
});

describe('/health', () => {
  const read = async () => (await call('GET /health')).body;
  const idOf = async (email: string) =>
    addConnection(portal, organization.id, email === ANA ? anaId : '', 'ana@example.com');

  test('says in versions what runs, and where nothing is wrong no fix', async () => {
    const health = await read();
    expect(health.versions).toEqual({
      gatehouse: health.version,
      node: process.versions.node,
      postgres: expect.stringMatching(/^\d+\.\d+$/),
      protocol: '2026-07-28',
    });
    for (const fact of [health.database, health.keys, health.chain])
      expect(fact).toMatchObject({ ok: true, fix: null });
    expect(health.chain.behindSeconds).toBeLessThan(30);
  });

  test('names failed refreshes and the connections that break by them, until new tokens are stored', async () => {
    const before = await read();
    expect(before.refreshes).toMatchObject({ ok: true, fix: null });
    const id = await idOf(ANA);
    const lease = {
      ...{ organizationId: organization.id, id, holder: randomUUID(), generation: 1, refreshToken: '' },
      ...{ memberId: anaId, memberEmail: ANA, authorizedAt: new Date() },
    };
    await recordRefreshFailure(lease, 'server_error');
    await recordRefreshFailure(lease, 'server_error');
    const broken = await read();
    expect(broken.refreshes).toEqual({
      ...{ ok: false, failedLastDay: before.refreshes.failedLastDay + 1, lastFailureAt: expect.any(String) },
      fix: expect.stringContaining('Asana app page'),
    });
    expect(broken.soon).toEqual([
      {
        ...{ member: ANA, workspace: null, asanaEmail: 'ana@example.com' },
        why: expect.stringMatching(/last refresh failed.*Calls fail once the access token has run out/),
        fix: expect.stringMatching(/\w/),
      },
    ]);
    await pool().query('UPDATE connections SET generation = 2 WHERE id = $1', [id]);
    expect(await read()).toMatchObject({ soon: [], refreshes: { ok: true, fix: null } });
    await pool().query(`UPDATE connections SET status = 'needs_reconnect' WHERE id = $1`, [id]);
    expect((await read()).soon).toMatchObject([{ member: ANA, why: expect.stringContaining('Asana ended') }]);
    await pool().query('DELETE FROM connections WHERE id = $1', [id]);
    await pool().query(`UPDATE asana_apps SET last_connect = 'invalid_client' WHERE organization_id = $1`, [
      organization.id,
    ]);
    expect((await read()).refreshes).toMatchObject({ ok: false, fix: expect.stringContaining('secret') });
    await pool().query(`UPDATE asana_apps SET last_connect = 'ok' WHERE organization_id = $1`, [
      organization.id,
    ]);
  });

  test('counts what failed at Asana in the last hour, and how long calls took', async () => {
    for (let n = 0; n < 40; n += 1)
      await recordCall({ outcome: n < 20 ? 'upstream_error' : 'ok', latencyMs: 3_000 });
    const { upstream } = await read();
    expect(upstream).toMatchObject({ ok: false, fix: expect.stringContaining('upstream_error') });
    expect(upstream.failedLastHour).toBeGreaterThanOrEqual(20);
    expect(upstream.p95Ms).toBe(3_000);
  });

  test('names revocations that Asana does not confirm, and a chain that does not grow', async () => {
    await pool().query(
      `INSERT INTO revocations (organization_id, member_email, client_id, client_secret, refresh_token, attempts, created_at,
         next_attempt_at) VALUES ($1, 'gone@aurora.example', 'c', 'x', 'x', 7, now() - interval '1 hour', now() + interval '1 hour')`,
      [organization.id],
    );
    expect((await read()).overdueRevocations).toEqual([
      {
        ...{ member: 'gone@aurora.example', attempts: 7, since: expect.any(String) },
        fix: expect.stringContaining('gone@aurora.example'),
      },
    ]);
    // An old transaction that stays open holds the chain up, truly.
    const held = await pool().connect();
    try {
      await held.query('BEGIN');
      await held.query(
        `INSERT INTO audit_records (id, organization_id, at, kind, action, target)
         VALUES (gen_random_uuid(), $1, now() - interval '2 minutes', 'event', 'thing.changed', 'thing')`,
        [organization.id],
      );
      expect((await read()).chain.ok).toBe(true);
      await pool().query(
        `INSERT INTO audit_records (id, organization_id, at, kind, action, target)
         VALUES (gen_random_uuid(), $1, now() - interval '1 minute', 'event', 'thing.changed', 'thing')`,
        [organization.id],
      );
      // What came before the old transaction may still be on its way into the chain.
      const chain = await until(async () => {
        const now = (await read()).chain;
        return !now.ok && now;
      });
      expect(chain).toMatchObject({ ok: false, fix: expect.stringMatching(/\w/) });
      expect(chain.behindSeconds).toBeGreaterThanOrEqual(60);
    } finally {
      await held.query('ROLLBACK');
      held.release();
    }
    await until(async () => (await read()).chain.ok);
  });

  test('says when calls are refused because Asana fails, as the gate of the same process sees it, and to whom it matters', async () => {
    const DORA = 'dora@aurora.example';
    const id = await addPerson(organization, DORA, { name: 'Dora' });
    await addConnection(portal, organization.id, id, 'ana@example.com');
    await transaction((tx) =>
      createGroup(tx, organization.actor, { name: 'Dora only', tools: ['add_comment'], members: [DORA] }),
    );
    const { token } = await mint(id, 'outage');
    const post = async () => {
      const params = { name: 'add_comment', arguments: { task_id: '1', text: 'x' } };
      const answer = await fetch(`${portal.origin}/mcp`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
      });
      return { retryAfter: answer.headers.get('retry-after'), body: await answer.text() };
    };
    const well = { ok: true, state: 'closed', since: null, pausedConnections: 0, fix: null };
    expect((await read()).circuit).toEqual({ ...well, detail: expect.stringMatching(/\w/) });
    portal.sandbox.set({ mcpFault: '500', faultMethods: ['tools/call'] });
    let answer = await post();
    for (let n = 0; n < 10 && answer.retryAfter === null; n += 1) answer = await post();
    expect(answer.body).toContain('not_sent');
    expect((await read()).circuit).toEqual({
      ...{ ok: false, state: 'closed', since: null, pausedConnections: 1 },
      detail: expect.stringContaining('one connection'),
      fix: expect.stringContaining('circuit_open'),
    });
    const theirs = await signIn(portal, 'admin@borealis.example');
    const other = await theirs.call('GET', '/api/v1/health');
    expect(other.body.circuit).toMatchObject(well);
    const { text } = await admin.call('GET', '/metrics');
    expect(text).toMatch(/^gatehouse_asana_circuit 0$/m);
    expect(text).toMatch(/^gatehouse_connections_paused 1$/m);
    portal.sandbox.set({ mcpFault: null, faultMethods: null });
    await until(async () => (await post()).body.includes('"result"'));
    expect((await read()).circuit).toMatchObject(well);
  });
});
