// /api/v1 on the organization: its settings, its Asana app, the catalogue, API keys and health.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { startAurora } from '../support/aurora';
import {
  addApiKey,
  addConnection,
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
let key: Client;
let keyId: string;
let openApi: OpenApi;

beforeAll(async () => {
  ({ portal, organization, admin } = await startAurora({ isAtAsana: false }));
  const made = await addApiKey(organization, 'admin', 'script');
  [key, keyId] = [script(portal, made.key), made.id];
  openApi = await readOpenApi(admin);
}, START_MS);
afterAll(() => portal.stop());

/** Calls as the admin; `path` fills in what `name` leaves open. */
const call = (name: string, body?: unknown, path?: string, as?: Client) =>
  openApi.call(name, { path, as, ...(body === undefined ? {} : { body }) });

const byAdmin = {
  member: 'admin@aurora.example',
  credential: { kind: 'session', id: expect.any(String), name: null },
};
const byKey = { member: null, credential: { kind: 'api_key', id: expect.any(String), name: 'script' } };

describe('/organization', () => {
  const fresh = {
    ...{ name: 'Aurora', workspaces: null, driftPolicy: 'hold', asanaEmail: 'same', asanaPlan: 'paid' },
    ...{ limits: null, keepArguments: false, argumentDays: 30, auditMonths: null },
  };
  const shown = { ...fresh, keepArgumentsSince: null };

  test('SP-20: shows the settings of a new organization, and changes those that are given and no other', async () => {
    expect((await call('GET /organization')).body).toEqual(shown);
    const workspaces = [{ gid: '1100000000000001', name: 'Example Works' }];
    let before: object = shown;
    const changes: { name?: string; [setting: string]: unknown }[] = [
      { driftPolicy: 'warn' },
      { asanaEmail: 'listed', asanaPlan: 'free' },
      { workspaces },
      { argumentDays: 7, auditMonths: 24 },
      { name: '  Aurora, renamed  ' },
      {},
      fresh,
    ];
    for (const change of changes) {
      const after = { ...before, ...change, ...(change.name ? { name: change.name.trim() } : {}) };
      const answer = await call('PATCH /organization', change);
      expect([answer.status, answer.body]).toEqual([200, after]);
      expect(await lastEvent(admin)).toEqual({
        ...byAdmin,
        ...{ kind: 'event', action: 'organization.updated', target: 'organization', before, after },
      });
      before = after;
    }
    expect((await call('GET /organization')).body).toEqual(shown);
  });

  test('refuses what is no setting’s value, and then changes nothing', async () => {
    for (const [body, about] of [
      [{ name: '' }, 'body.name'],
      [{ name: '   ' }, 'body.name'],
      [{ name: 'x'.repeat(121) }, 'body.name'],
      [{ name: 'a\u0000b' }, 'NUL'],
      [{ name: 7 }, 'body.name'],
      [{ driftPolicy: 'off' }, 'body.driftPolicy'],
      [{ asanaEmail: 'SAME' }, 'body.asanaEmail'],
      [{ asanaPlan: null }, 'body.asanaPlan'],
      [{ workspaces: 'any' }, 'body.workspaces'],
      [{ workspaces: [{ gid: 'x', name: 'x' }] }, 'body.workspaces.0.gid'],
      [{ workspaces: [{ gid: '1' }] }, 'body.workspaces.0.name'],
      [{ workspaces: [null] }, 'body.workspaces.0'],
      [{ driftPolicy: 'warn', asanaEmail: 'x' }, 'body.asanaEmail'],
      [{ argumentDays: 0 }, 'body.argumentDays'],
      [{ auditMonths: 0 }, 'body.auditMonths'],
      [{ keepArguments: 'yes' }, 'body.keepArguments'],
      [[], 'body'],
      ['"text"', 'body'],
      [null, 'body'],
    ] as [unknown, string][])
      expectProblem(
        await admin.call('PATCH', '/api/v1/organization', {
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }),
        ...([400, 'invalid', about] as const),
      );
    expect((await call('GET /organization')).body).toEqual(shown);
  });
});

describe('/organization/stop', () => {
  test('stops all agents with a reason that everybody reads, on record, and is as it was after a resume', async () => {
    await addPerson(organization, 'member@aurora.example');
    const member = await signIn(portal, 'member@aurora.example');
    const shown = async () => (await member.call('GET', '/api/v1/organization/stop')).body;
    expect(await shown()).toEqual({ stopped: null });
    await admin.call('POST', '/api/v1/me/tokens', { body: { name: 'agent' } });
    expect((await call('GET /organization/agents')).body).toEqual({ members: 1, agents: 1 });
    const { status, body } = await call('POST /organization/stop', { reason: '  a leaked token  ' });
    const stopped = { since: expect.any(String), by: 'admin@aurora.example', reason: 'a leaked token' };
    expect([status, body]).toEqual([200, { stopped }]);
    expect(await shown()).toEqual(body);
    const after = { reason: 'a leaked token', members: 1, agents: 1 };
    const of = (action: string) => ({ kind: 'event', action, target: 'organization' });
    expect(await lastEvent(admin)).toEqual({ ...byAdmin, ...of('organization.stopped'), after });
    // Whoever comes second changes nothing, the reason included.
    expect((await call('POST /organization/stop', { reason: 'another' }, undefined, key)).body).toEqual(body);
    expect(await lastEvent(admin)).toMatchObject({ action: 'organization.stopped', after });
    expect((await call('POST /organization/resume')).body).toEqual({ stopped: null });
    expect(await lastEvent(admin)).toEqual({ ...byAdmin, ...of('organization.resumed'), before: stopped });
    expect((await call('POST /organization/resume')).status).toBe(200);
    expect(await lastEvent(admin)).toMatchObject({ action: 'organization.resumed' });
    expect(await shown()).toEqual({ stopped: null });
    await call('POST /organization/stop', { reason: 'by a script' }, undefined, key);
    expect(await lastEvent(admin)).toMatchObject({ ...byKey, action: 'organization.stopped' });
    expect(await shown()).toMatchObject({ stopped: { by: 'script' } });
    await call('POST /organization/resume', undefined, undefined, key);
  });

  test('wants a reason', async () => {
    for (const reason of [undefined, '', '  ', 'x'.repeat(501), 7])
      expectProblem(await call('POST /organization/stop', { reason }), 400, 'invalid', 'body.reason');
    expect((await call('GET /organization/stop')).body).toEqual({ stopped: null });
  });
});

describe('/asana-app', () => {
  const redirectUrl = () => `${portal.origin}/connect/asana/callback`;
  const app = () => portal.sandbox.apps[0]!;

  test('has no client before set-up, takes one, and never shows the secret again', async () => {
    expect((await call('GET /asana-app')).body).toEqual({
      ...{ clientId: null, secretSetAt: null, redirectUrl: redirectUrl() },
    });
    const { clientId, clientSecret } = app();
    const saved = await call('PUT /asana-app', { clientId: ` ${clientId} `, clientSecret });
    const secretSetAt = expect.stringMatching(/^\d{4}-.*Z$/);
    expect([saved.status, saved.body]).toEqual([200, { clientId, secretSetAt, redirectUrl: redirectUrl() }]);
    expect(await lastEvent(admin)).toEqual({
      ...{ ...byAdmin, kind: 'event', action: 'asana_app.saved', target: `asana_app:${organization.id}` },
      after: { clientId },
    });
    expect((await call('GET /asana-app')).body).toEqual(saved.body);
    for (const path of ['/asana-app', '/audit', '/organization'])
      expect((await admin.call('GET', `/api/v1${path}`)).text).not.toContain(clientSecret);
  });

  test('refuses what can’t be an id or a secret', async () => {
    const { clientId, clientSecret } = app();
    for (const [body, about] of [
      [{ clientId }, 'clientSecret'],
      [{ clientSecret }, 'clientId'],
      [{ clientId: '', clientSecret }, 'clientId'],
      [{ clientId: '1 2', clientSecret }, 'clientId'],
      [{ clientId, clientSecret: 'größe' }, 'clientSecret'],
      [{ clientId, clientSecret: 'x'.repeat(501) }, 'clientSecret'],
      [{ clientId: 1200000000000001, clientSecret }, 'clientId'],
    ] as [object, string][])
      expectProblem(await call('PUT /asana-app', body), 400, 'invalid', about);
    const confirmed = await call('PUT /asana-app', { clientId, clientSecret }, '/asana-app?confirm=yes');
    expectProblem(confirmed, 400, 'invalid', 'query.confirm');
    expect((await call('GET /asana-app')).body.clientId).toBe(clientId);
  });

  test('keeps people connected through a new secret; another client disconnects them, and only when that is confirmed', async () => {
    const memberId = await addPerson(organization, 'connected@aurora.example');
    const id = await addConnection(portal, organization.id, memberId, 'ana@example.com');
    const isThere = async () =>
      (await pool().query('SELECT 1 FROM connections WHERE id = $1', [id])).rowCount === 1;
    const { clientId, clientSecret } = app();
    expect((await call('PUT /asana-app', { clientId, clientSecret: 'rotated' })).status).toBe(200);
    expect(await isThere()).toBe(true);
    const other = portal.sandbox.addApp({ redirectUrls: [redirectUrl()] });
    const another = { clientId: other.clientId, clientSecret: other.clientSecret };
    for (const path of ['/asana-app', '/asana-app?confirm=false'])
      expectProblem(await call('PUT /asana-app', another, path), 409, 'would_disconnect', '1 person');
    expect((await call('GET /asana-app')).body.clientId).toBe(clientId);
    expect(await isThere()).toBe(true);
    expect((await call('PUT /asana-app', another, '/asana-app?confirm=true')).body.clientId).toBe(
      other.clientId,
    );
    expect(await isThere()).toBe(false);
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'asana_app.saved', before: { clientId }, after: { clientId: other.clientId } },
    });
    expect((await call('PUT /asana-app', { clientId, clientSecret })).status).toBe(200);
  });

  test('is checked at Asana: each check has its id, its verdict, a sentence, and a fix where it does not pass', async () => {
    const good = await call('POST /asana-app/check');
    expect(good.status).toBe(200);
    const statusOf = (checks: { id: string; status: string }[]) =>
      Object.fromEntries(checks.map(({ id, status }) => [id, status]));
    expect(statusOf(good.body.checks)).toMatchObject({ mcp_endpoint: 'pass', redirect_url: 'pass' });
    expect(Object.values(statusOf(good.body.checks))).not.toContain('fail');
    for (const { status, message, fix } of good.body.checks) {
      expect(message).toMatch(/\S/);
      if (status !== 'pass') expect(fix).toMatch(/\S/);
    }
    await call('PUT /asana-app', { clientId: app().clientId, clientSecret: 'wrong' });
    const bad = statusOf((await call('POST /asana-app/check')).body.checks);
    const changed = Object.entries(bad).filter(([id, status]) => status !== statusOf(good.body.checks)[id]);
    expect(changed).toHaveLength(1);
    expect(changed[0]![1]).toBe('fail');
    await call('PUT /asana-app', { clientId: app().clientId, clientSecret: app().clientSecret });
  });
});

describe('/tools', () => {
  type Tool = {
    name: string;
    status: string;
    blocked: boolean;
    seen: unknown;
    class: string;
    groups: string[];
  };
  const tools = async () => (await call('GET /tools')).body.tools as Tool[];
  const toolNamed = async (name: string) => (await tools()).find((tool) => tool.name === name);
  const sync = async (as = admin) => call('POST /tools/sync', undefined, undefined, as);

  test('are the 39 recorded ones at first, classified and reviewed', async () => {
    const all = await tools();
    expect(all).toHaveLength(39);
    expect(all.map(({ name }) => name)).toEqual(portal.sandbox.tools.map(({ name }) => name));
    for (const tool of all)
      expect(tool).toMatchObject({ status: 'reviewed', blocked: false, groups: [], seen: null });
    expect(await toolNamed('delete_task')).toMatchObject({ class: 'destructive' });
    expect(await toolNamed('get_task')).toMatchObject({ class: 'read' });
    await call('POST /groups', { name: 'Sales', tools: ['get_task'] });
    expect(await toolNamed('get_task')).toMatchObject({ groups: ['sales'] });
  });

  test('are blocked and opened one by one, on record', async () => {
    const blocked = await call('PATCH /tools/{name}', { blocked: true }, '/tools/get_task', key);
    expect([blocked.status, blocked.body]).toMatchObject([200, { name: 'get_task', blocked: true }]);
    expect(await lastEvent(admin)).toEqual({
      ...{ ...byKey, kind: 'event', action: 'tool.updated', target: 'tool:get_task' },
      before: { status: 'reviewed', blocked: false, class: 'read' },
      after: { status: 'reviewed', blocked: true, class: 'read' },
    });
    expect((await call('PATCH /tools/{name}', { blocked: false }, '/tools/get_task')).body.blocked).toBe(
      false,
    );
    for (const body of [
      {},
      { status: 'new' },
      { status: 'missing' },
      { blocked: 'true' },
      { blocked: null },
      { class: 'read' },
    ])
      expectProblem(await call('PATCH /tools/{name}', body, '/tools/get_task'), 400, 'invalid', 'body');
    for (const name of ['no_such_tool', 'GET_TASK', 'get_task%20', 'constructor', '__proto__'])
      expectProblem(await call('PATCH /tools/{name}', { blocked: true }, `/tools/${name}`), 404, 'not_found');
  });

  test('are synced through somebody’s connection; without any that is said', async () => {
    expectProblem(await sync(), 409, 'no_connection', 'connect your own account');
    // A member's connection serves when no admin has one, an admin's before it, the caller's own before both.
    const through = async (as?: Client) => {
      expect((await sync(as)).body).toEqual({ added: [], changed: [], removed: [] });
      const { body } = await admin.call('GET', '/api/v1/audit?kind=call&limit=1');
      expect(body.records[0]).toMatchObject({ credential: { kind: 'system' }, method: 'tools/list' });
      return body.records[0].member as string;
    };
    const connect = async (email: string, role: 'admin' | 'member') => {
      const id = await addPerson(organization, email, { role });
      await addConnection(portal, organization.id, id, 'ben@example.com');
    };
    await connect('synced@aurora.example', 'member');
    expect(await through()).toBe('synced@aurora.example');
    await connect('second-admin@aurora.example', 'admin');
    expect(await through()).toBe('second-admin@aurora.example');
    await addConnection(portal, organization.id, organization.actor.memberId!, 'ana@example.com');
    expect(await through()).toBe('admin@aurora.example');
    expect(await through(key)).toMatch(/admin@aurora\.example$/);
    expect(await lastEvent(admin)).toEqual({
      ...{ ...byKey, kind: 'event', action: 'tools.synced', target: 'tools' },
      after: { added: [], changed: [], removed: [] },
    });
  });

  test('that Asana adds, changes, drops or brings back are found, and stay closed until an admin has reviewed them', async () => {
    const { sandbox } = portal;
    const [getTask, getUser] = ['get_task', 'get_user'].map((name) =>
      sandbox.tools.find((tool) => tool.name === name)!,
    );
    const { title } = getTask!;
    sandbox.addTool({ name: 'brand_new', annotations: getTask!.annotations });
    sandbox.changeTool('get_task', { title: 'Another title' });
    sandbox.removeTool('get_user');
    expect((await sync()).body).toEqual({
      added: ['brand_new'],
      changed: ['get_task'],
      removed: ['get_user'],
    });
    expect((await sync()).body).toEqual({ added: [], changed: [], removed: [] });
    expect(await toolNamed('brand_new')).toMatchObject({ status: 'new', class: 'read', groups: [] });
    expect(await toolNamed('get_task')).toMatchObject({
      ...{ status: 'changed', title, seen: expect.objectContaining({ title: 'Another title' }) },
    });
    expect(await toolNamed('get_user')).toMatchObject({ status: 'missing' });

    const review = (name: string) => call('PATCH /tools/{name}', { status: 'reviewed' }, `/tools/${name}`);
    expect((await review('brand_new')).body).toMatchObject({ status: 'reviewed' });
    expect((await review('get_task')).body).toMatchObject({
      status: 'reviewed',
      title: 'Another title',
      seen: null,
    });
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'tool.reviewed', target: 'tool:get_task' },
      ...{ before: { status: 'changed' }, after: { status: 'reviewed' } },
    });
    expectProblem(await review('get_user'), 400, 'invalid', 'no longer lists');
    expect((await call('PATCH /tools/{name}', { blocked: true }, '/tools/get_user')).body).toMatchObject({
      ...{ status: 'missing', blocked: true },
    });
    expect((await sync()).body).toEqual({ added: [], changed: [], removed: [] });

    sandbox.removeTool('brand_new');
    sandbox.changeTool('get_task', { title });
    sandbox.addTool(getUser!);
    expect((await sync()).body).toEqual({
      added: ['get_user'],
      changed: ['get_task'],
      removed: ['brand_new'],
    });
    expect(await toolNamed('get_user')).toMatchObject({ status: 'reviewed', blocked: true });
    expect(await toolNamed('get_task')).toMatchObject({ status: 'changed', title: 'Another title' });
  });

  test('stay as they are when Asana answers badly, and the sync says whose fault it is', async () => {
    const before = await tools();
    portal.sandbox.set({ mcpFault: '503' });
    const answer = await sync();
    portal.sandbox.set({ mcpFault: null });
    expectProblem(answer, 502, 'asana_unavailable', 'Asana');
    expect(await tools()).toEqual(before);
  });
});

describe('/api-keys', () => {
  test('are made with a role, shown once, listed without the key, and end when they are deleted or expire', async () => {
    const made = await call('POST /api-keys', { name: 'CI', role: 'auditor', expiresInDays: 2 });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: expect.any(String),
      key: expect.stringMatching(/^ghk_[0-9A-Za-z]{44}$/),
    });
    const { id, key: bearer } = made.body as { id: string; key: string };
    expect(await lastEvent(admin)).toEqual({
      ...{ ...byAdmin, kind: 'event', action: 'api_key.created', target: `api_key:${id}` },
      after: { name: 'CI', role: 'auditor', expiresInDays: 2 },
    });
    const auditor = script(portal, bearer);
    expect((await call('GET /tools', undefined, '/tools', auditor)).status).toBe(200);
    expectProblem(await call('GET /groups', undefined, '/groups', auditor), 403, 'forbidden');
    const list = await call('GET /api-keys');
    expect(list.text).not.toContain(bearer.slice(4, -4));
    const listed = list.body.apiKeys.find((entry: { id: string }) => entry.id === id);
    expect(listed).toEqual({
      ...{ id, name: 'CI', role: 'auditor', last4: bearer.slice(-4), createdAt: expect.any(String) },
      ...{ expiresAt: expect.any(String), lastUsedAt: expect.any(String) },
    });
    const days = (Date.parse(listed.expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeCloseTo(2, 2);

    await pool().query(`UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1`, [id]);
    expectProblem(await call('GET /tools', undefined, '/tools', auditor), 401, 'unauthenticated');
    await pool().query('UPDATE api_keys SET expires_at = NULL WHERE id = $1', [id]);
    expect((await call('GET /tools', undefined, '/tools', auditor)).status).toBe(200);
    expect((await call('DELETE /api-keys/{id}', undefined, `/api-keys/${id}`)).status).toBe(204);
    expect(await lastEvent(admin)).toEqual({
      ...{ ...byAdmin, kind: 'event', action: 'api_key.deleted', target: `api_key:${id}` },
      before: { name: 'CI', role: 'auditor' },
    });
    expectProblem(await call('GET /tools', undefined, '/tools', auditor), 401, 'unauthenticated');
    for (const gone of [id, crypto.randomUUID(), 'x', '..%2F..'])
      expectProblem(await call('DELETE /api-keys/{id}', undefined, `/api-keys/${gone}`), 404, 'not_found');
  });

  test('refuse a role that does not exist and a time that is none', async () => {
    for (const [change, about] of [
      [{ role: 'owner' }, 'body.role'],
      [{ role: undefined }, 'body.role'],
      [{ name: '' }, 'body.name'],
      [{ expiresInDays: 0 }, 'body.expiresInDays'],
      [{ expiresInDays: 1.5 }, 'body.expiresInDays'],
      [{ expiresInDays: 3651 }, 'body.expiresInDays'],
      [{ expiresInDays: '7' }, 'body.expiresInDays'],
      [{ expiresInDays: -1 }, 'body.expiresInDays'],
    ] as [object, string][])
      expectProblem(
        await call('POST /api-keys', { name: 'x', role: 'admin', ...change }),
        400,
        'invalid',
        about,
      );
    const { apiKeys } = (await call('GET /api-keys')).body as { apiKeys: { name: string }[] };
    expect(apiKeys.map(({ name }) => name)).not.toContain('x');
  });

  test('are no use when they are mangled, and a cookie beside a bearer is not looked at', async () => {
    const { key: good } = await addApiKey(organization, 'admin', 'good');
    for (const bearer of [
      `${good}x`,
      good.slice(0, -1),
      good.toLowerCase(),
      good.replace('ghk', 'gth'),
      '""',
      'x',
    ])
      expectProblem(
        await call('GET /groups', undefined, '/groups', script(portal, bearer)),
        401,
        'unauthenticated',
      );
    for (const authorization of [`bearer ${good}`, `BEARER ${good}`])
      expect((await admin.call('GET', '/api/v1/groups', { headers: { authorization } })).status).toBe(200);
    for (const authorization of [
      good,
      `Basic ${good}`,
      `Bearer ${good}, Bearer ${good}`,
      'Bearer',
      'Bearer  ',
    ])
      expectProblem(
        await admin.call('GET', '/api/v1/groups', { headers: { authorization } }),
        401,
        'unauthenticated',
      );
    expect((await call('GET /groups', undefined, '/groups', script(portal, good))).status).toBe(200);
    expect((await call('GET /groups')).status).toBe(200);
  });
});

test('/health says of each thing that Gatehouse needs whether it is well', async () => {
  const { body } = await call('GET /health');
  const fact = (detail: string) => ({ ok: true, detail: expect.stringContaining(detail), fix: null });
  expect(body).toMatchObject({
    ...{ database: fact('PostgreSQL'), keys: fact('key ring'), asana: fact('Asana') },
    ...{ connections: { active: 3, needsReconnect: 0 }, revocations: { pending: expect.any(Number) } },
    version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
  });
  expect(keyId).toMatch(/^[0-9a-f-]{36}$/);
});
