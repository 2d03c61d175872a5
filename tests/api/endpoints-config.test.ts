// /api/v1 on the policy as a whole: policy tests that no save breaks, replays of drafts, and the policy as a file.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
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
let auditor: Client;
let elsewhere: Client;
let key: Client;
let bobId: string;
let openApi: OpenApi;

beforeAll(async () => {
  ({ portal, organization, admin } = await startAurora({ isAtAsana: false }));
  await addOrganization('Borealis', 'admin@borealis.example');
  bobId = await addPerson(organization, 'bob@aurora.example', { name: 'Bob' });
  await addPerson(organization, 'auditor@aurora.example', { role: 'auditor' });
  auditor = await signIn(portal, 'auditor@aurora.example');
  elsewhere = await signIn(portal, 'admin@borealis.example');
  key = script(portal, (await addApiKey(organization, 'admin', 'script')).key);
  openApi = await readOpenApi(admin);
  await call('POST /groups', {
    ...{ name: 'Readers', slug: 'readers', tools: ['get_me'], members: ['bob@aurora.example'] },
  });
  await call('POST /groups', { name: 'Closed', slug: 'closed', tools: ['delete_task'], members: [] });
}, START_MS);
afterAll(() => portal.stop());

/** Calls as the admin; `path` fills in what `name` leaves open. */
const call = (name: string, body?: unknown, path?: string, as?: Client) =>
  openApi.call(name, { path, as, ...(body === undefined ? {} : { body }) });

const bobMayNot = { member: 'BOB@aurora.example', tool: 'delete_task', may: false, because: 'Bob is new' };

describe('/policy-tests', () => {
  test('are added, listed with what the policy says, and deleted, each on record', async () => {
    const made = await call('POST /policy-tests', bobMayNot, undefined, key);
    expect(made).toMatchObject({
      status: 201,
      body: {
        ...{ member: 'bob@aurora.example', groups: [], tool: 'delete_task', arguments: null, may: false },
        ...{
          because: 'Bob is new',
          createdBy: 'script',
          words: 'bob@aurora.example may not call delete_task',
        },
        result: { passed: true, sentence: expect.stringContaining('refuses') },
      },
    });
    const { id } = made.body as { id: string };
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'policy_test.created', target: `policy_test:${id}`, credential: { kind: 'api_key' } },
      after: { member: 'bob@aurora.example', tool: 'delete_task', may: false },
    });
    for (const as of [admin, auditor])
      expect((await call('GET /policy-tests', undefined, undefined, as)).body.policyTests).toEqual([
        made.body,
      ]);
    expect((await call('GET /policy-tests', undefined, undefined, elsewhere)).body.policyTests).toEqual([]);
    expectProblem(
      await call('DELETE /policy-tests/{id}', undefined, `/policy-tests/${id}`, elsewhere),
      404,
      'not_found',
    );
    expect((await call('DELETE /policy-tests/{id}', undefined, `/policy-tests/${id}`)).status).toBe(204);
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'policy_test.deleted', target: `policy_test:${id}`, before: { because: 'Bob is new' } },
    });
    expectProblem(
      await call('DELETE /policy-tests/{id}', undefined, `/policy-tests/${id}`),
      404,
      'not_found',
    );
    expectProblem(await call('DELETE /policy-tests/{id}', undefined, '/policy-tests/x'), 404, 'not_found');
  });

  test('are refused where they say nothing, or of what there is not', async () => {
    for (const body of [
      undefined,
      {},
      { ...bobMayNot, member: undefined },
      { ...bobMayNot, groups: ['readers'] },
      { ...bobMayNot, may: 'no' },
      { ...bobMayNot, arguments: [] },
      { ...bobMayNot, arguments: { long: 'x'.repeat(9_000) } },
      { ...bobMayNot, must: true },
    ])
      expectProblem(await call('POST /policy-tests', body), 400, 'invalid', 'body');
    expectProblem(await call('POST /policy-tests', { ...bobMayNot, tool: 'none' }), 422, 'unknown_tool');
    expectProblem(
      await call('POST /policy-tests', { ...bobMayNot, member: 'admin@borealis.example' }),
      422,
      'unknown_member',
    );
    const group = { ...bobMayNot, member: null, groups: ['none'] };
    expectProblem(await call('POST /policy-tests', group), 422, 'unknown_group', 'none');
    expect((await call('GET /policy-tests')).body.policyTests).toEqual([]);
  });
});

describe('a save that would break a policy test', () => {
  let testId: string;
  const say = async (body: unknown) => {
    testId = (await call('POST /policy-tests', body)).body.id;
  };
  const forget = () => call('DELETE /policy-tests/{id}', undefined, `/policy-tests/${testId}`);
  const groups = async () => (await call('GET /groups')).body.groups as { slug: string; version: number }[];
  const version = async (slug: string) => (await groups()).find((group) => group.slug === slug)!.version;

  test('is refused wherever policy is saved, in words, and nothing of it is kept; without the test it is saved', async () => {
    const before = await groups();
    const readers = { name: 'Readers', members: ['bob@aurora.example'] };
    const saves: [string, () => unknown, string?][] = [
      ['PUT /groups/{slug}', () => ({ ...readers, tools: ['get_me', 'delete_task'] }), '/groups/readers'],
      ['POST /groups', () => ({ ...readers, name: 'New', slug: 'new', tools: ['delete_task'] })],
      ['PATCH /members/{email}', () => ({ groups: ['readers', 'closed'] }), '/members/bob@aurora.example'],
    ];
    await say(bobMayNot);
    for (const [name, body, path] of saves) {
      const answer = await call(name, body(), path);
      expectProblem(answer, 409, 'policy_test_failed', 'bob@aurora.example may not call delete_task');
      expect(answer.body.detail, name).toContain('Bob is new');
    }
    const changes = async () => ({
      changes: [{ slug: 'readers', version: await version('readers'), add: ['delete_task'] }],
    });
    expectProblem(await call('POST /groups/changes', await changes()), 409, 'policy_test_failed');
    expect(await groups()).toEqual(before);
    await forget();
    for (const [name, body, path] of saves)
      expect([name, (await call(name, body(), path)).status < 300]).toEqual([name, true]);
    await call('DELETE /groups/{slug}', undefined, '/groups/new');
    await call('PUT /groups/{slug}', { ...readers, tools: ['get_me'] }, '/groups/readers');
    await call('PATCH /members/{email}', { groups: ['readers'] }, '/members/bob@aurora.example');
  });

  test('is refused where it opens a tool: unblocking, reviewing, another drift policy, an accepted request', async () => {
    await call('PATCH /members/{email}', { groups: ['readers', 'closed'] }, '/members/bob@aurora.example');
    const set = (status: string, blocked: boolean) =>
      pool().query(
        `UPDATE tools SET status = $2::tool_status, blocked = $3 WHERE organization_id = $1 AND name = 'delete_task'`,
        [...[organization.id, status, blocked]],
      );
    const tool = '/tools/delete_task';
    const opens: [string, boolean, string, unknown, string?][] = [
      ['reviewed', true, 'PATCH /tools/{name}', { blocked: false }, tool],
      ['changed', false, 'PATCH /tools/{name}', { status: 'reviewed' }, tool],
      ['changed', false, 'POST /tools/review', { decisions: [{ name: 'delete_task', decision: 'accept' }] }],
      ['changed', false, 'PATCH /organization', { driftPolicy: 'warn' }],
    ];
    for (const [status, blocked, name, body, path] of opens) {
      await set(status, blocked);
      await say(bobMayNot);
      expectProblem(await call(name, body, path), 409, 'policy_test_failed', 'delete_task');
      await forget();
      expect([name, (await call(name, body, path)).status]).toEqual([name, 200]);
    }
    await call('PATCH /organization', { driftPolicy: 'hold' });
    await set('reviewed', false);
    await call('PATCH /members/{email}', { groups: ['readers'] }, '/members/bob@aurora.example');
    const asked = await pool().query(
      `INSERT INTO tool_requests (organization_id, member_id, tool_name, reason) VALUES ($1, $2, 'delete_task', 'x') RETURNING id`,
      [organization.id, bobId],
    );
    const path = `/tool-requests/${asked.rows[0].id as string}/accept`;
    const accept = () => call('POST /tool-requests/{id}/accept', { group: 'closed' }, path);
    await say(bobMayNot);
    expectProblem(await accept(), 409, 'policy_test_failed');
    await forget();
    expect((await accept()).status).toBe(200);
    await call('PATCH /members/{email}', { groups: ['readers'] }, '/members/bob@aurora.example');
  });

  test('is refused where it takes away what must stay: a block, a group that goes; removing a person is not', async () => {
    await say({ member: 'bob@aurora.example', tool: 'get_me', may: true });
    expectProblem(
      await call('PATCH /tools/{name}', { blocked: true }, '/tools/get_me'),
      409,
      'policy_test_failed',
    );
    expectProblem(
      await call('DELETE /groups/{slug}', undefined, '/groups/readers'),
      409,
      'policy_test_failed',
    );
    await forget();
    await addPerson(organization, 'leaver@aurora.example', { groups: ['readers'] });
    await say({ member: 'leaver@aurora.example', tool: 'get_me', may: true });
    expect((await call('DELETE /members/{email}', undefined, '/members/leaver@aurora.example')).status).toBe(
      204,
    );
    expect((await call('GET /policy-tests')).body.policyTests).toEqual([]);
  });
});

describe('/policy/replay', () => {
  test('tells what a draft would have decided otherwise, and which tests it would break', async () => {
    for (const decision of ['allow', 'allow', 'deny'])
      await pool().query(
        `INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id, method, tool, decision, reason)
         VALUES (gen_random_uuid(), $1, 'call', $2, 'bob@aurora.example', 'oauth', 'x', 'tools/call', $3, $4, $5)`,
        decision === 'allow'
          ? [organization.id, bobId, 'get_me', decision, null]
          : [organization.id, bobId, 'delete_task', decision, 'not_in_group'],
      );
    const { id } = (await call('POST /policy-tests', bobMayNot)).body as { id: string };
    const draft = { changes: [{ slug: 'readers', add: ['delete_task'], remove: ['get_me'] }] };
    const before = (await call('GET /groups')).body;
    const { body } = await call('POST /policy/replay', { days: 7, draft });
    const member = { email: 'bob@aurora.example', name: 'Bob' };
    expect(body).toMatchObject({
      ...{ calls: 3, unjudged: { calls: 0, people: 0 } },
      refused: { calls: 2, people: 1, lines: [{ member, tool: 'get_me', calls: 2, reason: 'not_in_group' }] },
      allowed: {
        calls: 1,
        people: 1,
        lines: [{ member, tool: 'delete_task', calls: 1, reason: 'not_in_group' }],
      },
      broken: [{ id, words: 'bob@aurora.example may not call delete_task' }],
    });
    expect((await call('GET /groups')).body).toEqual(before);
    expectProblem(
      await call('POST /policy/replay', { days: 7, draft }, undefined, elsewhere),
      404,
      'not_found',
      'readers',
    );
    await call('DELETE /policy-tests/{id}', undefined, `/policy-tests/${id}`);
    for (const bad of [
      undefined,
      { days: 0, draft },
      { days: 91, draft },
      { days: 1, draft: {} },
      { days: 1, draft: { ...draft, config: { gatehouse: 1 } } },
      { days: 1, draft: { changes: [] } },
      { days: 1, draft: { group: { slug: 'readers' } } },
    ])
      expectProblem(await call('POST /policy/replay', bad), 400, 'invalid', 'body');
    const unknown = { changes: [{ slug: 'readers', add: ['none'] }] };
    expectProblem(
      await call('POST /policy/replay', { days: 1, draft: unknown }),
      422,
      'unknown_tool',
      'none',
    );
  });
});

describe('/config', () => {
  test('is exported, planned and applied; a second apply of the same plan is stale', async () => {
    const { body: file } = await call('GET /config');
    expect((await call('POST /config/plan', { config: file })).body).toMatchObject({
      changes: [],
      failing: [],
    });
    const wanted = { ...file, tools: { blocked: ['create_tasks'] } };
    const planned = (await call('POST /config/plan', { config: wanted })).body;
    expect(planned.changes).toEqual([
      {
        kind: 'tool',
        target: 'create_tasks',
        change: 'update',
        sentence: 'Tool create_tasks is blocked for everybody.',
      },
    ]);
    const apply = (config: unknown, base?: string, as?: Client) =>
      call('POST /config/apply', { config, ...(base === undefined ? {} : { base }) }, undefined, as);
    expect((await apply(wanted, planned.version, key)).body).toEqual(planned);
    expect(await lastEvent(admin)).toMatchObject({ action: 'tool.updated', target: 'tool:create_tasks' });
    expectProblem(await apply(file, planned.version), 412, 'stale_version');
    expect((await apply(file)).body.changes).toHaveLength(1);
    expectProblem(
      await apply({ ...file, tests: [{ ...bobMayNot, tool: 'get_me' }] }),
      409,
      'policy_test_failed',
      'get_me',
    );
    expect((await call('GET /config')).body).toEqual(file);
  });

  test('is refused where a file is none, names what there is not, or leaves groups out', async () => {
    const { body: file } = await call('GET /config');
    for (const name of ['POST /config/plan', 'POST /config/apply']) {
      for (const config of [undefined, {}, { gatehouse: 2 }, { gatehouse: 1, secrets: [] }])
        expectProblem(await call(name, { config }), 400, 'invalid', 'body.config');
      const refuse = async (config: unknown, status: number, code: string, about: string, as = admin) =>
        expectProblem(await call(name, { config }, undefined, as), status, code, about);
      await refuse({ gatehouse: 1, groups: [] }, 409, 'absent_groups', '"closed", "readers"');
      const [closed, readers] = file.groups as object[];
      await refuse(
        { gatehouse: 1, groups: [{ ...closed, tools: ['none'] }, readers] },
        422,
        'unknown_tool',
        'none',
      );
      await refuse({ gatehouse: 1, groups: [closed, readers] }, 422, 'unknown_member', 'bob', elsewhere);
    }
    expect((await call('GET /config')).body).toEqual(file);
  });
});
