// /api/v1 on who may use what: changes of several groups, explanations, and requests for tools.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { startAurora } from '../support/aurora';
import {
  addApiKey,
  addOrganization,
  addPerson,
  script,
  signIn,
  START_MS,
  type Client,
  type Portal,
  type PortalOrganization,
} from '../support/portal';
import { expectProblem, lastEvent, readOpenApi, type OpenApi } from './expect-answer';

let portal: Portal;
let organization: PortalOrganization;
let admin: Client;
let ana: Client;
let auditor: Client;
let elsewhere: Client;
let key: Client;
let anaId: string;
let openApi: OpenApi;

beforeAll(async () => {
  ({ portal, organization, admin } = await startAurora({ isAtAsana: false }));
  await addOrganization('Borealis', 'admin@borealis.example');
  anaId = await addPerson(organization, 'ana@aurora.example', { name: 'Ana' });
  await addPerson(organization, 'auditor@aurora.example', { role: 'auditor' });
  ana = await signIn(portal, 'ana@aurora.example');
  auditor = await signIn(portal, 'auditor@aurora.example');
  elsewhere = await signIn(portal, 'admin@borealis.example');
  key = script(portal, (await addApiKey(organization, 'admin', 'script')).key);
  openApi = await readOpenApi(admin);
  for (const slug of ['sales', 'support'])
    await call('POST /groups', { name: slug, slug, tools: ['get_me'], members: ['ana@aurora.example'] });
}, START_MS);
afterAll(() => portal.stop());

/** Calls as the admin; `path` fills in what `name` leaves open. */
const call = (name: string, body?: unknown, path?: string, as?: Client) =>
  openApi.call(name, { path, as, ...(body === undefined ? {} : { body }) });

const groups = async () => (await call('GET /groups')).body.groups as Record<string, any>[];

describe('/groups/changes', () => {
  const change = (changes: unknown, as = admin) => call('POST /groups/changes', { changes }, undefined, as);
  const preview = (changes: unknown, as = admin) =>
    call('POST /groups/changes/preview', { changes }, undefined, as);

  test('previews, saves whole with its records, and undoes', async () => {
    const [sales, support] = await groups();
    const said = await preview([
      { slug: 'sales', add: ['get_task'], remove: ['get_me'] },
      { slug: 'support', add: ['get_task'] },
    ]);
    const hers = { people: 1, agents: 0, sample: [{ email: 'ana@aurora.example', name: 'Ana' }] };
    const nobody = { people: 0, agents: 0, sample: [] };
    expect(said.body.people).toEqual({ gain: 1, lose: 0 });
    expect(said.body.tools.toSorted((a: any, b: any) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'get_me', gains: nobody, loses: nobody },
      { name: 'get_task', gains: hers, loses: nobody },
    ]);
    expect(await groups()).toEqual([sales, support]);
    const saved = await change([
      { slug: 'sales', version: sales!.version, add: ['get_task'], remove: ['get_me'] },
      { slug: 'support', version: support!.version, add: ['get_task'] },
    ]);
    expect([saved.status, saved.body.groups]).toEqual([200, await groups()]);
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'group.updated', target: 'group:support', before: support, after: saved.body.groups[1] },
    });
    expect((await call('GET /me', undefined, undefined, ana)).body.tools).toContain('get_task');
    const undone = await change(
      [
        { slug: 'sales', version: saved.body.groups[0].version, remove: ['get_task'], add: ['get_me'] },
        { slug: 'support', version: saved.body.groups[1].version, remove: ['get_task'] },
      ],
      key,
    );
    expect(undone.body.groups.map(({ version: _version, ...group }: any) => group)).toEqual(
      [sales, support].map(({ version: _version, ...group }: any) => group),
    );
  });

  test('refuses what is stale, unknown or not a change, and saves nothing of it', async () => {
    const before = await groups();
    const version = before[0]!.version as number;
    const good = { slug: 'support', version: before[1]!.version, add: ['get_task'] };
    expectProblem(
      await change([{ slug: 'sales', version: version - 1 }, good]),
      412,
      'stale_version',
      'sales',
    );
    expectProblem(await change([{ slug: 'none', version: 1 }, good]), 404, 'not_found', 'none');
    const unknown = { slug: 'sales', version, add: ['no_such_tool'] };
    expectProblem(await change([unknown, good]), 422, 'unknown_tool', 'no_such_tool');
    for (const changes of [
      [],
      undefined,
      [{ slug: 'sales' }],
      [{ slug: 'sales', version: '1' }],
      [good, good],
      [{ ...good, remove: ['get_task'] }],
      [{ ...good, add: [''] }],
      Array.from({ length: 201 }, (_, n) => ({ slug: `g${n}`, version: 1 })),
    ])
      expectProblem(await change(changes), 400, 'invalid', 'body.changes');
    expectProblem(await preview([{ slug: 'none' }]), 404, 'not_found', 'none');
    expectProblem(await preview([unknown]), 422, 'unknown_tool', 'no_such_tool');
    expectProblem(await preview([]), 400, 'invalid', 'body.changes');
    expectProblem(await change([good], elsewhere), 404, 'not_found', 'support');
    expectProblem(await preview([good], elsewhere), 404, 'not_found', 'support');
    expect(await groups()).toEqual(before);
  });
});

describe('/explain', () => {
  const explain = (query: string, as = admin) => call('GET /explain', undefined, `/explain?${query}`, as);
  const own = (query: string, as = ana) => call('GET /me/explain', undefined, `/me/explain?${query}`, as);
  let token: string;

  beforeAll(async () => {
    const actor = { ...organization.actor, memberId: anaId, memberEmail: 'ana@aurora.example' };
    token = (await transaction((tx) => mintAgentToken(tx, actor, { name: 'agent', tools: [] }))).id;
  });

  test('answers admins and auditors about a member, a token and a call on record', async () => {
    for (const as of [admin, auditor, key]) {
      const { body } = await explain('tool=get_me&member=ANA@aurora.example', as);
      expect(body).toMatchObject({
        ...{ member: { email: 'ana@aurora.example', name: 'Ana' }, token: null, allowed: true, reason: null },
        ...{ tool: { name: 'get_me', class: 'read', status: 'reviewed', blocked: false }, record: null },
        groups: [
          { slug: 'sales', hasTool: true },
          { slug: 'support', hasTool: true },
        ],
      });
    }
    const narrowed = await explain(`tool=get_me&token=${token}`);
    expect(narrowed.body).toMatchObject({ token: { id: token, name: 'agent' }, reason: 'token_restriction' });
    const both = await explain(`tool=get_me&token=${token}&member=ana@aurora.example`);
    expect(both.body).toEqual(narrowed.body);
    const record = crypto.randomUUID();
    await pool().query(
      `INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id, method, tool, decision, reason)
       VALUES ($1, $2, 'call', $3, 'ana@aurora.example', 'agent_token', $4, 'tools/call', 'get_me', 'deny', 'not_in_group')`,
      [record, organization.id, anaId, token],
    );
    expect((await explain(`record=${record}`)).body).toMatchObject({
      ...{ toolName: 'get_me', reason: 'token_restriction' },
      record: {
        id: record,
        method: 'tools/call',
        decision: 'deny',
        reason: 'not_in_group',
        now: 'different',
      },
    });
    expectProblem(await explain(`record=${record}`, elsewhere), 404, 'not_found');
  });

  test('refuses half a question, and knows nobody of another organization', async () => {
    expect((await explain('tool=get_me&member=ana@aurora.example')).status).toBe(200);
    for (const query of ['', 'tool=get_me', 'member=ana@aurora.example', `token=${token}`, 'tool=&member=x'])
      expectProblem(await explain(query), 400, 'invalid', 'query');
    expectProblem(await explain(`record=${token}&tool=get_me`), 400, 'invalid', 'query');
    expectProblem(await explain('tool=get_me&token=x'), 400, 'invalid', 'query.token');
    expectProblem(await explain(`record=${token}`), 404, 'not_found');
    expectProblem(await explain('tool=get_me&member=nobody@aurora.example'), 404, 'not_found', 'nobody@');
    expectProblem(await explain(`tool=get_me&token=${token}&member=admin@aurora.example`), 404, 'not_found');
    expectProblem(await explain('tool=get_me&member=ana@aurora.example', elsewhere), 404, 'not_found');
    expectProblem(await explain(`tool=get_me&token=${token}`, elsewhere), 404, 'not_found');
  });

  test('answers a member about itself only, without names', async () => {
    const { body, text } = await own(`tool=get_task&token=${token}`);
    expect(body).toMatchObject({ allowed: false, reason: 'not_in_group', candidates: [], record: null });
    expect(text).not.toContain('admin@aurora.example');
    expectProblem(await own(`tool=get_me&token=${token}`, auditor), 404, 'not_found');
    expectProblem(await own('token=x'), 400, 'invalid', 'query');
  });
});

describe('/tool-requests', () => {
  const ask = (body: unknown, as = ana) => call('POST /me/tool-requests', body, undefined, as);
  const decide = (how: string, id: string, body: unknown, as = admin) =>
    call(`POST /tool-requests/{id}/${how}`, body, `/tool-requests/${id}/${how}`, as);
  const withdraw = (id: string, as = ana) =>
    call('DELETE /me/tool-requests/{id}', undefined, `/me/tool-requests/${id}`, as);
  const list = async (query = '', as = admin) =>
    (await call('GET /tool-requests', undefined, `/tool-requests${query}`, as)).body.requests as any[];

  test('are made, listed, accepted, declined and withdrawn, each with its record', async () => {
    const made = await ask({ tool: 'get_task', reason: ' To see tasks ' });
    expect([made.status, made.body]).toEqual([
      201,
      {
        ...{ id: expect.any(String), tool: 'get_task', reason: 'To see tasks', status: 'open', answer: null },
        ...{ group: null, decidedBy: null, decidedAt: null, createdAt: expect.any(String) },
      },
    ]);
    const { id } = made.body;
    const target = `tool_request:${id}`;
    const byAna = { kind: 'event', member: 'ana@aurora.example', target };
    expect(await lastEvent(admin)).toMatchObject({
      ...{ ...byAna, action: 'tool_request.made', after: { tool: 'get_task', reason: 'To see tasks' } },
    });
    expect(await list('?status=open')).toMatchObject([
      {
        ...{ ...made.body, member: { email: 'ana@aurora.example', name: 'Ana' }, toolClass: 'read' },
        ...{ toolStatus: 'reviewed', toolBlocked: false, toolGroups: [] },
        memberGroups: [
          { slug: 'sales', name: 'sales' },
          { slug: 'support', name: 'support' },
        ],
      },
    ]);
    expect([await list('?status=closed'), await list('', elsewhere)]).toEqual([[], []]);
    const accepted = await decide('accept', id, { group: 'sales' }, key);
    expect(accepted.body).toMatchObject({ id, status: 'accepted', group: 'sales', decidedBy: 'script' });
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'tool_request.accepted', target, after: { status: 'accepted', group: 'sales' } },
    });
    expect((await call('GET /me', undefined, undefined, ana)).body.tools).toContain('get_task');

    const second = (await ask({ tool: 'get_tasks', reason: 'x' })).body.id as string;
    const declined = await decide('decline', second, { answer: 'No.' });
    expect(declined.body).toMatchObject({
      status: 'declined',
      answer: 'No.',
      decidedBy: 'admin@aurora.example',
    });
    expect(await lastEvent(admin)).toMatchObject({
      action: 'tool_request.declined',
      after: { answer: 'No.' },
    });
    const third = (await ask({ tool: 'get_tasks', reason: 'x' })).body.id as string;
    expect((await withdraw(third)).status).toBe(204);
    expect(await lastEvent(admin)).toMatchObject({
      action: 'tool_request.withdrawn',
      member: 'ana@aurora.example',
    });
    const { body } = await call('GET /me/tool-requests', undefined, undefined, ana);
    expect(body.requests.map((request: any) => request.status)).toEqual([
      'withdrawn',
      'declined',
      'accepted',
    ]);
    expect((await list('?status=closed')).map((request) => request.id)).toEqual([third, second, id]);
    expect((await call('GET /me/tool-requests', undefined, undefined, auditor)).body).toEqual({
      requests: [],
    });
  });

  test('are refused with bad input, a second time, decided twice, closed, or somebody else’s', async () => {
    for (const [body, about] of [
      [{}, 'body.tool'],
      [{ tool: 'get_tasks' }, 'body.reason'],
      [{ tool: 'get_tasks', reason: ' ' }, 'body.reason'],
      [{ tool: 'get_tasks', reason: 'x'.repeat(501) }, 'body.reason'],
      [{ tool: '', reason: 'x' }, 'body.tool'],
    ] as const)
      expectProblem(await ask(body), 400, 'invalid', about);
    expectProblem(await ask({ tool: 'no_such_tool', reason: 'x' }), 422, 'unknown_tool', 'no_such_tool');
    expectProblem(await ask({ tool: 'get_me', reason: 'x' }), 409, 'exists', 'may use get_me');
    const asked = await ask({ tool: 'get_tasks', reason: 'x' });
    expect(asked.status).toBe(201);
    const { id } = asked.body;
    expectProblem(await ask({ tool: 'get_tasks', reason: 'x' }), 409, 'exists', 'asked for get_tasks');

    expectProblem(await decide('accept', id, {}), 400, 'invalid', 'body.group');
    expectProblem(await decide('decline', id, { answer: ' ' }), 400, 'invalid', 'body.answer');
    expectProblem(await decide('accept', id, { group: 'none' }), 422, 'unknown_group', 'none');
    for (const other of ['x', crypto.randomUUID()]) {
      expectProblem(await decide('accept', other, { group: 'sales' }), 404, 'not_found');
      expectProblem(await decide('decline', other, { answer: 'x' }), 404, 'not_found');
      expectProblem(await withdraw(other), 404, 'not_found');
    }
    expectProblem(await decide('accept', id, { group: 'sales' }, elsewhere), 404, 'not_found');
    expectProblem(await withdraw(id, auditor), 404, 'not_found');
    await call('PATCH /tools/{name}', { blocked: true }, '/tools/get_tasks');
    expectProblem(await decide('accept', id, { group: 'sales' }), 409, 'tool_closed', 'Unblock it first');
    await call('PATCH /tools/{name}', { blocked: false }, '/tools/get_tasks');
    await decide('decline', id, { answer: 'x' });
    expectProblem(await decide('accept', id, { group: 'sales' }), 409, 'decided_already', 'has declined');
    expectProblem(await withdraw(id), 409, 'decided_already');
    expectProblem(
      await call('GET /tool-requests', undefined, '/tool-requests?status=x'),
      400,
      'invalid',
      'query',
    );
  });
});
