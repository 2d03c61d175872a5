// /api/v1 on people: groups, members, invites, and the set-up that is over.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { findSession } from '@/lib/people/sessions';
import { SEED } from '@/lib/sandbox/world-seed';
import { mintToken } from '@/lib/tokens/token-format';
import { startAurora } from '../support/aurora';
import {
  addApiKey,
  addConnection,
  addOrganization,
  attemptSignIn,
  browser,
  PASSWORD,
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
let call: OpenApi['call'];

beforeAll(async () => {
  ({ portal, organization, admin } = await startAurora({ isAtAsana: true }));
  await addOrganization('Borealis', 'admin@borealis.example');
  key = script(portal, (await addApiKey(organization, 'admin', 'script')).key);
  ({ call } = await readOpenApi(admin));
}, START_MS);
afterAll(() => portal.stop());

const byAdmin = {
  ...{ kind: 'event', member: 'admin@aurora.example' },
  credential: { kind: 'session', id: expect.any(String), name: null },
};

describe('/groups', () => {
  const sales = {
    slug: 'sales',
    name: 'Sales',
    tools: ['get_me'],
    members: ['admin@aurora.example'],
    methods: [],
    limits: null,
    rules: null,
    approvals: null,
    undo: null,
    writeSafety: null,
  };
  const put = (body: unknown, headers: Record<string, string> = {}, path = '/groups/sales') =>
    call('PUT /groups/{slug}', { body, headers, path });
  const content = { name: 'Sales', tools: ['get_task'], members: [] };

  test('are made, read, replaced and deleted, each with its version as ETag and its record', async () => {
    const { slug: _slug, ...body } = sales;
    const made = await call('POST /groups', { body });
    expect([made.status, made.headers.get('etag'), made.body]).toEqual([
      201,
      '"1"',
      { ...sales, version: 1 },
    ]);
    const target = 'group:sales';
    expect(await lastEvent(admin)).toEqual({ ...byAdmin, action: 'group.created', target, after: made.body });
    const read = await call('GET /groups/{slug}', { path: '/groups/sales' });
    expect([read.status, read.headers.get('etag'), read.body]).toEqual([200, '"1"', made.body]);
    expect((await call('GET /groups')).body).toEqual({ groups: [made.body] });

    const replaced = await put({ ...content, methods: ['prompts'] }, { 'if-match': '"1"' });
    const after = { ...sales, ...content, methods: ['prompts'], version: 2 };
    expect([replaced.status, replaced.headers.get('etag'), replaced.body]).toEqual([200, '"2"', after]);
    expect(await lastEvent(admin)).toEqual({
      ...{ ...byAdmin, action: 'group.updated', target, before: made.body, after },
    });
    // Without `methods` they stay as they are; nothing that is left out is widened.
    expect((await put(content)).body).toEqual({ ...after, version: 3 });
    const deleted = await call('DELETE /groups/{slug}', { path: '/groups/sales', as: key });
    expect([deleted.status, deleted.text]).toEqual([204, '']);
    expect(await lastEvent(admin)).toEqual({
      ...{ kind: 'event', member: null, action: 'group.deleted', target, before: { ...after, version: 3 } },
      credential: { kind: 'api_key', id: expect.any(String), name: 'script' },
    });
    for (const name of ['GET /groups/{slug}', 'DELETE /groups/{slug}'])
      expectProblem(await call(name, { path: '/groups/sales' }), 404, 'not_found', 'sales');
    expectProblem(await put(content), 404, 'not_found', 'sales');
  });

  test('SP-18: are changed only from the version that If-Match names, where it names one', async () => {
    await call('POST /groups', { body: { name: 'Sales' } });
    for (const stale of ['"0"', '"2"', '"99999999999"', 'x', '""', '"1", "2"', 'W/"x"'])
      expectProblem(await put(content, { 'if-match': stale }), 412, 'stale_version', 'read it again');
    expect((await call('GET /groups/{slug}', { path: '/groups/sales' })).body.version).toBe(1);
    for (const fresh of ['"1"', '*', 'W/"3"', '4']) {
      const { status, body } = await put(content, { 'if-match': fresh });
      expect([fresh, status]).toEqual([fresh, 200]);
      expect(body.version).toBeGreaterThan(1);
    }
    expectProblem(await put(content, { 'if-match': '"1"' }), 412, 'stale_version');
  });

  test('carry rules on arguments, which a PUT replaces whole, leaves where it says nothing, and lifts with null', async () => {
    const off = {
      ...{ projects: [], teams: [], portfolios: [], sections: [], companyDomains: [] },
      ...{ maxItems: null, keepInProject: false, ownTasksOnly: false },
    };
    const projects = [{ gid: '1200000000000301', name: 'Website relaunch' }];
    const first = await put({ ...content, rules: { projects, maxItems: 5 } });
    expect(first.body.rules).toEqual({ ...off, projects, maxItems: 5 });
    expect(await lastEvent(admin)).toMatchObject({
      ...{ ...byAdmin, action: 'group.updated', target: 'group:sales' },
      ...{ before: { rules: null }, after: { rules: { projects, maxItems: 5 } } },
    });
    expect((await put(content)).body.rules).toEqual(first.body.rules);
    expect((await call('GET /groups/{slug}', { path: '/groups/sales' })).body.rules).toEqual(
      first.body.rules,
    );
    const next = { sections: [{ gid: '7' }], companyDomains: ['Example.com'], ownTasksOnly: true };
    expect((await put({ ...content, rules: next })).body.rules).toEqual({
      ...{
        ...off,
        sections: [{ gid: '7', name: null }],
        companyDomains: ['example.com'],
        ownTasksOnly: true,
      },
    });
    // Rules that restrict nothing are none.
    expect((await put({ ...content, rules: { maxItems: null } })).body.rules).toBeNull();
    await put({ ...content, rules: { keepInProject: true } });
    expect((await put({ ...content, rules: null })).body.rules).toBeNull();
    const made = await call('POST /groups', { body: { name: 'Ruled', rules: { maxItems: 1 } } });
    expect(made.body.rules).toEqual({ ...off, maxItems: 1 });
    expect((await call('DELETE /groups/{slug}', { path: '/groups/ruled' })).status).toBe(204);
    for (const [rules, about] of [
      [{ projects: ['1200000000000301'] }, 'body.rules.projects.0'],
      [{ projects: [{ gid: 'https://app.asana.com/0/1/list' }] }, 'body.rules.projects.0.gid'],
      [{ projects: [{ gid: 1 }] }, 'body.rules.projects.0.gid'],
      [{ projects: [{ gid: '1' }, { gid: '1' }] }, 'body.rules.projects'],
      [
        { portfolios: Array.from({ length: 11 }, (_, n) => ({ gid: String(n + 1) })) },
        'body.rules.portfolios',
      ],
      [{ maxItems: 0 }, 'body.rules.maxItems'],
      [{ companyDomains: ['example'] }, 'body.rules.companyDomains.0'],
      [{ ownTasksOnly: 'yes' }, 'body.rules.ownTasksOnly'],
      [{ onlyOwn: true }, 'body.rules'],
      [[], 'body.rules'],
    ] as [unknown, string][])
      expectProblem(await put({ ...content, rules }), 400, 'invalid', about);
  });

  test('are refused with a bad name, slug, tool, member or method, or without what a PUT must say', async () => {
    expectProblem(await call('POST /groups', { body: { name: 'Sales' } }), 409, 'exists', 'sales');
    expectProblem(await call('POST /groups', { body: { name: 'X', slug: 'sales' } }), 409, 'exists', 'sales');
    for (const [body, status, code, about] of [
      [{}, 400, 'invalid', 'body.name'],
      [{ name: ' ' }, 400, 'invalid', 'body.name'],
      [{ name: 'x'.repeat(121) }, 400, 'invalid', 'body.name'],
      [{ name: '\ud800' }, 400, 'invalid', 'body'],
      [{ slug: 'Sales' }, 400, 'invalid', 'body.slug'],
      [{ slug: '-' }, 400, 'invalid', 'body.slug'],
      [{ slug: '../x' }, 400, 'invalid', 'body.slug'],
      [{ tools: 'get_me' }, 400, 'invalid', 'body.tools'],
      [{ tools: [7] }, 400, 'invalid', 'body.tools.0'],
      [{ tools: [['get_me']] }, 400, 'invalid', 'body.tools.0'],
      [{ tools: { 0: 'get_me' } }, 400, 'invalid', 'body.tools'],
      [{ tools: ['get_me\u0000'] }, 400, 'invalid', 'body'],
      [{ members: ['not an address'] }, 400, 'invalid', 'body.members.0'],
      [{ members: ['a@x.example, b@x.example'] }, 400, 'invalid', 'body.members.0'],
      [{ methods: ['tools'] }, 400, 'invalid', 'body.methods.0'],
      [{ methods: ['resources/read'] }, 400, 'invalid', 'body.methods.0'],
      [{ tools: ['no_such_tool'] }, 422, 'unknown_tool', 'no_such_tool'],
      [{ tools: ['Get_me'] }, 422, 'unknown_tool', 'Get_me'],
      [{ members: ['nobody@aurora.example'] }, 422, 'unknown_member', 'nobody@aurora.example'],
      [{ members: ['admin@borealis.example'] }, 422, 'unknown_member', 'admin@borealis.example'],
    ] as [object, number, string, string][]) {
      const whole = Object.keys(body).length === 0 ? {} : { name: 'Second', slug: 'second', ...body };
      expectProblem(await call('POST /groups', { body: whole }), status, code, about);
      if (!('slug' in body))
        expectProblem(await put({ ...content, name: undefined, ...whole }), status, code, about);
    }
    for (const left of ['name', 'tools', 'members'])
      expectProblem(await put({ ...content, [left]: undefined }), 400, 'invalid', `body.${left}`);
    expect((await call('GET /groups')).body.groups).toMatchObject([{ ...content, slug: 'sales' }]);
  });
});

describe('/me/asana-places', () => {
  const nameOf = (kind: string, gid: string, as = admin) =>
    call('GET /me/asana-places', { path: `/me/asana-places?kind=${kind}&gid=${gid}`, as });

  test('says what a place is called, through the admin\u2019s own connection and on record, and null where it can\u2019t', async () => {
    expect((await nameOf('project', SEED.relaunch)).body).toEqual({ gid: SEED.relaunch, name: null });
    const adminId = organization.actor.memberId!;
    const connection = await addConnection(portal, organization.id, adminId, 'admin@example.com');
    for (const [kind, gid, name] of [
      ['project', SEED.relaunch, 'Website relaunch'],
      ['team', SEED.marketing, 'Marketing'],
      ['portfolio', SEED.launches, 'Launches'],
      ['section', SEED.relaunchTodo, null],
      ['project', SEED.pressKit, null],
    ] as const)
      expect((await nameOf(kind, gid)).body).toEqual({ gid, name });
    const { rows } = await pool().query(
      `SELECT DISTINCT tool FROM audit_records WHERE connection_id = $1 AND credential_name = 'name for a rule' AND tool IS NOT NULL`,
      [connection],
    );
    expect(rows.map(({ tool }) => String(tool)).toSorted()).toEqual([
      'get_portfolio',
      'get_project',
      'get_teams',
    ]);
    portal.sandbox.set({ mcpFault: '500' });
    expect((await nameOf('project', SEED.relaunch)).body).toEqual({ gid: SEED.relaunch, name: null });
    portal.sandbox.set({ mcpFault: null });
    await pool().query('DELETE FROM connections WHERE id = $1', [connection]);
  });

  test('refuses what is no gid, and scripts, which have no connection', async () => {
    expectProblem(await nameOf('project', 'https:%2F%2Fapp.asana.com'), 400, 'invalid', 'query.gid');
    expectProblem(await nameOf('task', '1'), 400, 'invalid', 'query.kind');
    expectProblem(await nameOf('project', '1', key), 403, 'forbidden');
  });
});

describe('/members', () => {
  const added = {
    ...{ email: 'ana@aurora.example', name: 'Ana', role: 'member', groups: [], asanaEmails: [] },
    ...{ limits: null, signInReady: false, lastSeenAt: null },
  };
  const patch = (body: unknown, email = 'ana@aurora.example') =>
    call('PATCH /members/{email}', { body, path: `/members/${encodeURIComponent(email)}` });

  test('are added with a one-time link, or with a password and then without', async () => {
    const made = await call('POST /members', {
      body: { email: 'Ana@Aurora.example', name: 'Ana', role: 'member' },
    });
    const { inviteUrl, ...ana } = made.body as { inviteUrl: string };
    expect([made.status, ana]).toEqual([201, added]);
    expect(inviteUrl).toMatch(new RegExp(`^${portal.origin}/invite#ghi_[0-9A-Za-z]{44}$`));
    const target = 'member:ana@aurora.example';
    expect(await lastEvent(admin)).toEqual({ ...byAdmin, action: 'member.invited', target });
    const { body: audit } = await call('GET /audit', { path: '/audit?kind=event&limit=2' });
    expect(audit.records[1]).toMatchObject({ ...byAdmin, action: 'member.added', target, after: added });
    expect(JSON.stringify(audit)).not.toContain(inviteUrl.split('#')[1]);

    const body = {
      email: 'ben@aurora.example',
      name: 'Ben',
      role: 'auditor',
      password: PASSWORD,
      groups: ['sales'],
    };
    const ben = await call('POST /members', { body });
    expect([ben.status, ben.body]).toEqual([
      201,
      {
        ...added,
        ...{ email: body.email, name: 'Ben', role: 'auditor', groups: ['sales'], signInReady: true },
      },
    ]);
    expect(ben.text).not.toContain(PASSWORD);
    const { members } = (await call('GET /members')).body as { members: { email: string }[] };
    expect(members.map(({ email }) => email)).toEqual([
      ...['admin@aurora.example', 'ana@aurora.example', 'ben@aurora.example'],
    ]);
  });

  test('are refused with an address that somebody has, in whichever organization', async () => {
    for (const email of ['ana@aurora.example', 'ANA@AURORA.EXAMPLE', 'admin@borealis.example']) {
      const answer = await call('POST /members', { body: { email, name: 'X', role: 'member' } });
      expectProblem(answer, 409, 'email_taken');
      expect(answer.text).not.toMatch(/borealis/i);
    }
  });

  test('SP-10: are refused with anything that is not one plain address, name, role and password', async () => {
    const addresses = [
      ...['', 'ana', 'ana@', '@aurora.example', 'ana@aurora', 'ana@aurora.example.', 'ana @aurora.example'],
      ...['a@x.example,b@x.example', 'a@x.example;b@x.example', '"a b"@x.example', '"a@x.example"@y.example'],
      ...['аna@aurora.example', 'ana＠aurora.example', 'ana@aurora.example\n', 'ana@aurora.example\u0000'],
      ...['<ana@aurora.example>', 'Ana <ana@aurora.example>', 'ana@[127.0.0.1]', 'ana@aurоra.example'],
      ...[
        'ana(comment)@aurora.example',
        'ana@aurora.example\r\nBcc: eve@evil.example',
        `${'a'.repeat(250)}@x.example`,
      ],
    ];
    for (const email of addresses)
      expectProblem(
        await call('POST /members', { body: { email, name: 'X', role: 'member' } }),
        400,
        'invalid',
      );
    const base = { email: 'new@aurora.example', name: 'New', role: 'member' };
    for (const [change, status, code, about] of [
      [{ email: undefined }, 400, 'invalid', 'body.email'],
      [{ name: undefined }, 400, 'invalid', 'body.name'],
      [{ role: undefined }, 400, 'invalid', 'body.role'],
      [{ role: 'owner' }, 400, 'invalid', 'body.role'],
      [{ role: ['admin'] }, 400, 'invalid', 'body.role'],
      [{ password: 'too short' }, 400, 'invalid', 'body.password'],
      [{ password: 'x'.repeat(201) }, 400, 'invalid', 'body.password'],
      [{ password: '' }, 400, 'invalid', 'body.password'],
      [{ asanaEmails: ['x'] }, 400, 'invalid', 'body.asanaEmails.0'],
      [{ asanaEmails: 'x@x.example' }, 400, 'invalid', 'body.asanaEmails'],
      [{ groups: ['no-such-group'] }, 422, 'unknown_group', 'no-such-group'],
    ] as [object, number, string, string][])
      expectProblem(await call('POST /members', { body: { ...base, ...change } }), status, code, about);
    expect((await call('GET /members')).text).not.toContain('new@aurora.example');
  });

  test('are changed where it is said and nowhere else; the record shows a new password only as new', async () => {
    const before = { ...added };
    const change = { name: 'Ana B', groups: ['sales'], asanaEmails: ['Ana@Work.example'] };
    const after = { ...before, ...change, asanaEmails: ['ana@work.example'] };
    const changed = await patch(change, 'ANA@aurora.example');
    expect([changed.status, changed.body]).toEqual([200, after]);
    const event = { ...byAdmin, action: 'member.updated', target: 'member:ana@aurora.example' };
    expect(await lastEvent(admin)).toEqual({ ...event, before, after });
    const withPassword = await patch({ password: 'another long password', role: 'auditor' });
    const ready = { ...after, role: 'auditor', signInReady: true };
    expect(withPassword.body).toEqual(ready);
    expect(await lastEvent(admin)).toEqual({
      ...event,
      before: after,
      after: { ...ready, passwordChanged: true },
    });
    for (const body of [{ role: 'owner' }, { groups: 'sales' }, { password: 'short' }, { name: '' }])
      expectProblem(await patch(body), 400, 'invalid');
    expectProblem(await patch({ groups: ['x'] }), 422, 'unknown_group');
    expectProblem(await patch({ role: 'member' }, 'admin@aurora.example'), 409, 'last_admin', 'last admin');
    expectProblem(await patch({ name: 'x' }, 'nobody@aurora.example'), 404, 'not_found');
    expect((await patch({})).body).toEqual(ready);
  });

  test('are invited anew with a link that ends the earlier one', async () => {
    const path = '/members/ana%40aurora.example/invite';
    const [first, second] = [
      await call('POST /members/{email}/invite', { path }),
      await call('POST /members/{email}/invite', { path }),
    ];
    expect([first.status, second.status]).toEqual([201, 201]);
    const token = (answer: { body: { inviteUrl: string } }) => answer.body.inviteUrl.split('#')[1]!;
    const accept = (given: string, password = 'password by invite') =>
      call('POST /invites/accept', { body: { token: given, password }, as: browser(portal) });
    expectProblem(await accept(token(first)), 404, 'not_found', 'new link');
    expectProblem(await accept(token(second), 'short'), 400, 'invalid', 'body.password');
    const accepted = await accept(token(second));
    expect([accepted.status, accepted.body]).toEqual([200, { email: 'ana@aurora.example' }]);
    expect(await lastEvent(admin)).toEqual({
      ...{ kind: 'event', member: 'ana@aurora.example', action: 'invite.accepted' },
      ...{ target: 'member:ana@aurora.example', credential: { kind: 'session', id: 'invite', name: null } },
    });
    for (const used of [token(second), mintToken('ghi'), 'x', ''])
      expectProblem(await accept(used), 404, 'not_found');
    expect((await attemptSignIn(browser(portal), 'ana@aurora.example', 'password by invite')).status).toBe(
      200,
    );
  });

  test('are removed with everything that was theirs, at Asana too', async () => {
    const { rows } = await pool().query(`SELECT id FROM members WHERE email = 'ana@aurora.example'`);
    const memberId = rows[0].id as string;
    await addConnection(portal, organization.id, memberId, 'ana@example.com');
    const ana = await signIn(portal, 'ana@aurora.example', 'password by invite');
    const minted = await ana.call('POST', '/api/v1/me/tokens', { body: { name: 'agent' } });
    expect(minted.status).toBe(201);
    const session = (await ana.call('GET', '/api/auth/session')).body.member.sessionId as string;
    const answer = await call('DELETE /members/{email}', { path: '/members/Ana%40aurora.example' });
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(await lastEvent(admin)).toMatchObject({
      ...{
        ...byAdmin,
        action: 'member.removed',
        target: 'member:ana@aurora.example',
        before: { groups: ['sales'] },
      },
    });
    expectProblem(await ana.call('GET', '/api/v1/me'), 401, 'unauthenticated');
    expect(await findSession(session)).toBeNull();
    const agent = script(portal, minted.body.token);
    expect(
      (await agent.call('POST', '/mcp', { body: { jsonrpc: '2.0', id: 1, method: 'ping' } })).status,
    ).toBe(401);
    const revoked = async () => portal.sandbox.log.entries.some(({ path }) => path === '/-/oauth_revoke');
    for (let n = 0; n < 100 && !(await revoked()); n += 1)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await revoked()).toBe(true);
    for (const email of ['ana@aurora.example', 'admin@borealis.example'])
      expectProblem(await call('DELETE /members/{email}', { path: `/members/${email}` }), 404, 'not_found');
    expectProblem(
      await call('DELETE /members/{email}', { path: '/members/admin@aurora.example' }),
      ...([409, 'last_admin'] as const),
    );
  });
});

describe('/setup', () => {
  test('is over once there is an organization, code or not', async () => {
    const nobody = browser(portal);
    expect((await call('GET /setup', { as: nobody })).body).toEqual({ needed: false });
    const body = {
      code: 'x',
      organization: 'Eve',
      name: 'Eve',
      email: 'eve@evil.example',
      password: PASSWORD,
    };
    expectProblem(await call('POST /setup', { as: nobody, body }), 409, 'set_up_already');
    const code = /one-time code ([0-9a-f-]{19})/.exec(portal.output())![1];
    expectProblem(await call('POST /setup', { as: nobody, body: { ...body, code } }), 409, 'set_up_already');
    expectProblem(await call('POST /setup', { as: nobody, body: { ...body, email: 'x' } }), 400, 'invalid');
    expect((await pool().query(`SELECT 1 FROM members WHERE email = 'eve@evil.example'`)).rowCount).toBe(0);
  });
});
