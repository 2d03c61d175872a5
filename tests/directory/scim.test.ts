// SCIM's own rules and Gatehouse's: who may call, what is refused and how it is said, and that the directory grants nothing by itself.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { createDirectoryToken, deleteDirectoryToken } from '@/lib/directory/directory-tokens';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { addApiKey, addPerson, openLib } from '../support/portal';
import { connectDirectory, GROUP, patchOf, sendScim, USER, type Directory, type ScimAnswer } from './scim';

let lib: Awaited<ReturnType<typeof openLib>>;
let aurora: Directory;
let borealis: Directory;
let named = 0;

beforeAll(async () => {
  lib = await openLib();
  aurora = await connectDirectory('Aurora');
  borealis = await connectDirectory('Borealis');
});
afterAll(() => lib.close());

const nextName = () => `u${(named += 1)}@aurora.example`;
const person = (userName = nextName(), more: object = {}) => ({
  schemas: [USER],
  userName,
  active: true,
  ...more,
});
const create = async (directory = aurora, more: object = {}) =>
  (await directory.send('POST', '/Users', person(nextName(), more))).body as { id: string; userName: string };
const filtered = (filter: string) => `?filter=${encodeURIComponent(filter)}`;

/** A failure as RFC 7644 §3.12 wants it. */
function expectError(answer: ScimAnswer, status: number, scimType?: string): void {
  expect(answer.body).toEqual({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(status),
    ...(scimType === undefined ? {} : { scimType }),
    detail: expect.stringMatching(/^\S.{10,}\.$/s),
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/scim+json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.body.detail).not.toMatch(/prisma|SELECT|node_modules|ZodError/i);
}

describe('a directory token', () => {
  test('alone opens SCIM, for its own organization, until it is ended or over', async () => {
    const { actor, id: organizationId } = aurora.organization;
    const { token: agentToken } = await transaction((tx) =>
      mintAgentToken(tx, { ...actor, memberId: actor.memberId! }, { name: 'agent' }),
    );
    const { key } = await addApiKey(aurora.organization, 'admin');
    for (const bearer of [null, 'x', key, agentToken, aurora.token.slice(0, -1), `${aurora.token}x`]) {
      const refused = await sendScim(bearer, 'GET', '/Users');
      expectError(refused, 401);
      expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer /);
    }
    const make = (more: object) =>
      transaction((tx) => createDirectoryToken(tx, actor, { name: 'Second', ...more }));
    const [ended, over] = [await make({}), await make({ expiresInDays: 1 })];
    for (const { token } of [ended, over]) expect((await sendScim(token, 'GET', '/Users')).status).toBe(200);
    await transaction((tx) => deleteDirectoryToken(tx, actor, ended.id));
    await pool().query(`UPDATE directory_tokens SET expires_at = now() - interval '1 second' WHERE id = $1`, [
      over.id,
    ]);
    for (const { token } of [ended, over]) expectError(await sendScim(token, 'GET', '/Users'), 401);
    // Kept as a hash only.
    const { rows } = await pool().query(
      'SELECT t::text AS row FROM directory_tokens t WHERE organization_id = $1',
      [organizationId],
    );
    expect(JSON.stringify(rows)).not.toContain(aurora.token.slice(4, 30));
  });

  test('SP-03: sees and reaches nothing of another organization: its ids are 404, its people no members', async () => {
    const theirs = await create(borealis);
    const group = (
      await borealis.send('POST', '/Groups', { displayName: 'Theirs', members: [{ value: theirs.id }] })
    ).body;
    const mine = (await aurora.send('POST', '/Groups', { displayName: 'Mine' })).body;
    for (const [kind, id] of [
      ['Users', theirs.id],
      ['Groups', group.id],
      ['Users', '00000000-0000-4000-8000-000000000000'],
      ['Groups', 'no-id'],
      ['Users', '%27%20OR%201=1'],
    ] as const)
      for (const [method, body] of [
        ['GET', undefined],
        ['PUT', kind === 'Users' ? person() : { displayName: 'Taken' }],
        ['PATCH', patchOf({ op: 'replace', value: { active: false, displayName: 'Taken' } })],
        ['DELETE', undefined],
      ] as const)
        expectError(await aurora.send(method, `/${kind}/${id}`, body), 404);
    expectError(
      await aurora.send(
        'PATCH',
        `/Groups/${mine.id}`,
        patchOf({ op: 'add', path: 'members', value: [{ value: theirs.id }] }),
      ),
      400,
      'invalidValue',
    );
    expect(
      (await aurora.send('GET', `/Users${filtered(`userName eq "${theirs.userName}"`)}`)).body.totalResults,
    ).toBe(0);
    expect((await borealis.send('GET', `/Users/${theirs.id}`)).body).toMatchObject({ active: true });
    // An address is one person's in the whole deployment.
    expectError(await aurora.send('POST', '/Users', person(theirs.userName)), 409, 'uniqueness');
  });
});

describe('a user', () => {
  test('SP-06: gets no role, group, password or tool from what a directory may put into a body', async () => {
    const { id, userName } = await create(aurora, {
      ...{ role: 'admin', roles: [{ value: 'admin' }], entitlements: [{ value: 'admin' }], isAdmin: true },
      ...{
        password: 'a password of the directory',
        organizationId: borealis.organization.id,
        groups: [{ value: 'all' }],
      },
    });
    await aurora.send(
      'PATCH',
      `/Users/${id}`,
      patchOf(
        { op: 'add', path: 'roles', value: [{ value: 'admin' }] },
        { op: 'replace', path: 'password', value: 'another' },
      ),
    );
    const { rows } = await pool().query(
      `SELECT m.role, m.password_hash, m.organization_id, (SELECT count(*)::int FROM group_members g WHERE g.member_id = m.id) AS groups
       FROM members m WHERE email = $1`,
      [userName],
    );
    expect(rows).toEqual([
      { role: 'member', password_hash: null, organization_id: aurora.organization.id, groups: 0 },
    ]);
  });

  test('SP-20: keeps what a request leaves out: without active nobody is let in or ended', async () => {
    const { id, userName } = await create(aurora, { externalId: 'e1', displayName: 'Ana' });
    const { active: _, ...withoutActive } = person(userName);
    expect((await aurora.send('PUT', `/Users/${id}`, withoutActive)).body).toMatchObject({
      active: true,
      displayName: 'Ana',
    });
    await aurora.send('PATCH', `/Users/${id}`, patchOf({ op: 'replace', value: { active: false } }));
    expect((await aurora.send('PUT', `/Users/${id}`, withoutActive)).body).toMatchObject({ active: false });
    expectError(
      await aurora.send('PATCH', `/Users/${id}`, patchOf({ op: 'remove', path: 'active' })),
      400,
      'invalidValue',
    );
    const group = (
      await aurora.send('POST', '/Groups', { displayName: 'Kept', members: [{ value: (await create()).id }] })
    ).body;
    expect(
      (await aurora.send('PUT', `/Groups/${group.id}`, { displayName: 'Kept' })).body.members,
    ).toHaveLength(1);
    expect(
      (await aurora.send('PUT', `/Groups/${group.id}`, { displayName: 'Kept', members: [] })).body.members,
    ).toEqual([]);
  });

  test('SP-07: who is the last admin can’t be deactivated or deleted, in any spelling, and stays as they were', async () => {
    const own = await connectDirectory(`Last${(named += 1)}`);
    const [admin] = (await own.send('GET', '/Users')).body.Resources;
    for (const [method, body] of [
      ['PATCH', patchOf({ op: 'replace', value: { active: false } })],
      ['PATCH', patchOf({ op: 'Replace', path: 'active', value: 'False' })],
      ['PUT', { ...person(admin.userName), active: false }],
      ['DELETE', undefined],
    ] as const) {
      const refused = await own.send(method, `/Users/${admin.id}`, body);
      expectError(refused, 409);
      expect(refused.body.detail).toContain('last admin');
    }
    expect((await own.send('GET', `/Users/${admin.id}`)).body.active).toBe(true);
    await addPerson(own.organization, `second${named}@last.example`, { role: 'admin' });
    expect((await own.send('DELETE', `/Users/${admin.id}`)).status).toBe(204);
  });

  test('keeps the e-mail address while active, whatever the directory calls them', async () => {
    const { id, userName } = await create();
    const email = (value: string) => patchOf({ op: 'replace', path: 'emails[type eq "work"].value', value });
    expectError(await aurora.send('PATCH', `/Users/${id}`, email('other@aurora.example')), 400, 'mutability');
    const renamed = await aurora.send(
      'PATCH',
      `/Users/${id}`,
      patchOf({ op: 'replace', path: 'userName', value: 'Ana.Berg' }),
    );
    expect(renamed.body).toMatchObject({ userName: 'Ana.Berg', emails: [{ value: userName }] });
    expect(
      (await aurora.send('GET', `/Users${filtered('userName eq "ana.berg"')}`)).body.Resources,
    ).toMatchObject([{ id }]);
    await aurora.send('PATCH', `/Users/${id}`, patchOf({ op: 'replace', value: { active: false } }));
    expect(
      (await aurora.send('PATCH', `/Users/${id}`, email('other@aurora.example'))).body.emails,
    ).toMatchObject([{ value: 'other@aurora.example' }]);
  });

  test('DB-08: is deprovisioned at once although every ordinary connection is in use', async () => {
    const { id } = await create();
    const count = pool().options.max;
    const slow = Promise.all(Array.from({ length: count }, () => pool().query('SELECT pg_sleep(6)')));
    const begunMs = performance.now();
    const off = patchOf({ op: 'replace', value: { active: false } });
    expect((await aurora.send('PATCH', `/Users/${id}`, off)).body).toMatchObject({ active: false });
    expect(performance.now() - begunMs).toBeLessThan(3_000);
    // The twin: what ends nothing has to wait, and says so.
    expectError(await aurora.send('GET', `/Users/${id}`), 503);
    await slow;
    expect((await aurora.send('GET', `/Users/${id}`)).body).toMatchObject({ active: false });
  });

  test('is one of a kind: a second with the userName or the address is refused, also when both come at once', async () => {
    const both = await Promise.all(
      [1, 2, 3].map(() => aurora.send('POST', '/Users', person('twin@aurora.example'))),
    );
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
    expectError(await aurora.send('POST', '/Users', person('TWIN@aurora.example')), 409, 'uniqueness');
    for (const userName of [
      '',
      'no address',
      '\u212Aim@aurora.example',
      'a\u0000b@aurora.example',
      7,
      undefined,
    ])
      expectError(await aurora.send('POST', '/Users', { ...person(), userName }), 400, 'invalidValue');
  });
});

describe('a group', () => {
  test('comes without tools, holds only active users, and loses none of several members that come at once', async () => {
    const users = await Promise.all(Array.from({ length: 4 }, () => create()));
    const [gone] = users;
    await aurora.send('PATCH', `/Users/${gone!.id}`, patchOf({ op: 'replace', value: { active: false } }));
    const { id } = (await aurora.send('POST', '/Groups', { schemas: [GROUP], displayName: 'Busy' })).body;
    await Promise.all(
      users.map((user) =>
        aurora.send(
          'PATCH',
          `/Groups/${id}`,
          patchOf({ op: 'add', path: 'members', value: [{ value: user.id }] }),
        ),
      ),
    );
    const { members } = (await aurora.send('GET', `/Groups/${id}`)).body;
    expect((members as { value: string }[]).map(({ value }) => value).toSorted()).toEqual(
      users
        .slice(1)
        .map((user) => user.id)
        .toSorted(),
    );
    const { rows } = await pool().query(
      `SELECT count(*)::int AS n FROM group_tools t JOIN groups g ON g.id = t.group_id WHERE g.slug = 'busy'`,
    );
    expect(rows).toEqual([{ n: 0 }]);
    // Tools that an admin gives it afterwards are not the directory's to take.
    await pool().query(
      `INSERT INTO group_tools (organization_id, group_id, tool_name) SELECT organization_id, id, 'get_me' FROM groups WHERE slug = 'busy'`,
    );
    await aurora.send('PUT', `/Groups/${id}`, { displayName: 'Busy', members: [] });
    expect(
      (
        await pool().query(
          `SELECT 1 FROM group_tools t JOIN groups g ON g.id = t.group_id WHERE g.slug = 'busy'`,
        )
      ).rowCount,
    ).toBe(1);
    expect((await aurora.send('POST', '/Groups', { displayName: 'busy' })).body).toMatchObject({
      scimType: 'uniqueness',
    });
  });

  test('of an admin’s is neither found, read nor changed', async () => {
    await transaction((tx) =>
      createGroup(tx, aurora.organization.actor, { name: 'Private', tools: ['get_me'], members: [] }),
    );
    expect(
      (await aurora.send('GET', `/Groups${filtered('displayName eq "Private"')}`)).body.totalResults,
    ).toBe(0);
    const { rows } = await pool().query(`SELECT id FROM groups WHERE slug = 'private'`);
    expectError(await aurora.send('DELETE', `/Groups/${rows[0].id}`), 404);
  });
});

describe('the protocol', () => {
  test('pages through everybody once, from 1, and counts without showing', async () => {
    const own = await connectDirectory(`Pages${(named += 1)}`);
    for (let n = 0; n < 4; n += 1) await create(own);
    const page = async (query: string) => (await own.send('GET', `/Users?${query}`)).body;
    const seen: string[] = [];
    for (let startIndex = 1; startIndex <= 5; startIndex += 2) {
      const { totalResults, Resources } = await page(`startIndex=${startIndex}&count=2`);
      expect(totalResults).toBe(5);
      seen.push(...(Resources as { id: string }[]).map(({ id }) => id));
    }
    expect(new Set(seen).size).toBe(5);
    expect(await page('count=0')).toMatchObject({ totalResults: 5, itemsPerPage: 0, Resources: [] });
    expect(await page('startIndex=-3&count=-1')).toMatchObject({ startIndex: 1, itemsPerPage: 0 });
    expect(await page('startIndex=99')).toMatchObject({ totalResults: 5, Resources: [] });
    expect(await page('count=100000')).toMatchObject({ itemsPerPage: 5 });
    expectError(await own.send('GET', '/Users?count=many'), 400, 'invalidValue');
    const [shown] = (await page('count=1&attributes=userName')).Resources;
    expect(Object.keys(shown).toSorted()).toEqual(['id', 'meta', 'schemas', 'userName']);
  });

  test('refuses filters it would answer wrongly, instead of answering everybody', async () => {
    for (const filter of [
      'userName sw "a"',
      'userName eq "a" or userName eq "b"',
      'not (userName eq "a")',
      'password eq "x"',
      'userName eq',
      'userName',
      'userName eq "a" and',
      'userName eq "a" garbage',
      'emails[type eq "work"]',
      `userName eq "${'a'.repeat(3_000)}"`,
      'userName eq "a\\',
    ])
      for (const kind of ['Users', 'Groups'])
        expect([filter, (await aurora.send('GET', `/${kind}${filtered(filter)}`)).body.scimType]).toEqual([
          filter,
          'invalidFilter',
        ]);
    // What looks like SQL is a name nobody has.
    expect(
      (await aurora.send('GET', `/Users${filtered(`userName eq "' OR 1=1 --"`)}`)).body.totalResults,
    ).toBe(0);
  });

  test('refuses bodies that are no PATCH, too many operations and too many bytes, and changes nothing', async () => {
    const { id } = await create();
    const before = (await aurora.send('GET', `/Users/${id}`)).body;
    const one = { op: 'replace', path: 'displayName', value: 'Changed' };
    for (const [body, status, scimType] of [
      [{ Operations: [one] }, 400, 'invalidSyntax'],
      [{ ...patchOf(), Operations: one }, 400, 'invalidSyntax'],
      [patchOf({ ...one, op: 'move' }), 400, 'invalidSyntax'],
      [patchOf(one, { op: 'remove' }), 400, 'noTarget'],
      [patchOf(one, { op: 'replace', value: 'text' }), 400, 'invalidSyntax'],
      [patchOf(one, { ...one, path: 'a[b eq' }), 400, 'invalidPath'],
      [patchOf(one, { op: 'replace', path: 'active', value: 'perhaps' }), 400, 'invalidValue'],
      [patchOf(one, { op: 'replace', path: 'externalId', value: { a: 1 } }), 400, 'invalidValue'],
      [patchOf(...Array.from({ length: 1_001 }, () => one)), 413, undefined],
      ['{"schemas":', 400, 'invalidSyntax'],
      ['[]', 400, 'invalidSyntax'],
      [`"${'x'.repeat(1_100_000)}"`, 413, undefined],
    ] as const)
      expectError(
        await aurora.send('PATCH', `/Users/${id}`, body, { 'content-type': 'application/scim+json' }),
        status,
        scimType,
      );
    expectError(
      await aurora.send('PATCH', `/Users/${id}`, patchOf(one), { 'content-type': 'text/plain' }),
      400,
      'invalidSyntax',
    );
    expect((await aurora.send('GET', `/Users/${id}`)).body).toEqual(before);
    expect(
      (await aurora.send('PATCH', `/Users/${id}`, patchOf(one), { 'content-type': 'application/json' })).body
        .displayName,
    ).toBe('Changed');
  });

  test('tags what it shows: a change over a stale tag is refused, a read with the current one is short', async () => {
    const { id } = await create();
    const read = await aurora.send('GET', `/Users/${id}`);
    const tag = read.headers.get('etag')!;
    expect(read.body.meta).toMatchObject({
      version: tag,
      location: expect.stringMatching(new RegExp(`/scim/v2/Users/${id}$`)),
    });
    expect((await aurora.send('GET', `/Users/${id}`, undefined, { 'if-none-match': tag })).status).toBe(304);
    const rename = (value: string, ifMatch: string) =>
      aurora.send('PATCH', `/Users/${id}`, patchOf({ op: 'replace', path: 'displayName', value }), {
        'if-match': ifMatch,
      });
    const changed = await rename('New', tag);
    expect([changed.status, changed.headers.get('etag') === tag]).toEqual([200, false]);
    expectError(await rename('Newer', tag), 412);
    expectError(await aurora.send('DELETE', `/Users/${id}`, undefined, { 'if-match': tag }), 412);
    expect((await rename('Newer', '*')).status).toBe(200);
  });

  test('says what it is, in SCIM’s words, and that all else is not here', async () => {
    const config = (await aurora.send('GET', '/ServiceProviderConfig')).body;
    expect(config).toMatchObject({
      ...{
        patch: { supported: true },
        bulk: { supported: false },
        filter: { supported: true, maxResults: 200 },
      },
      ...{ etag: { supported: true }, sort: { supported: false }, changePassword: { supported: false } },
    });
    expect((await aurora.send('GET', '/ResourceTypes')).body.Resources).toMatchObject([
      { id: 'User', endpoint: '/Users', schema: USER },
      { id: 'Group', endpoint: '/Groups', schema: GROUP },
    ]);
    expect((await aurora.send('GET', `/Schemas/${USER}`)).body).toMatchObject({ id: USER, name: 'User' });
    for (const path of ['/Bulk', '/Me', '/Nothing', '/Users/a/b', '/Schemas/other', '/'])
      expectError(await aurora.send('GET', path), 404);
    expectError(await aurora.send('POST', '/Bulk', {}), 404);
    for (const [method, path] of [
      ['DELETE', '/Users'],
      ['PUT', '/Groups'],
      ['POST', '/ServiceProviderConfig'],
      ['POST', '/Users/00000000-0000-4000-8000-000000000000'],
    ] as const)
      expectError(await aurora.send(method, path), 405);
  });
});
