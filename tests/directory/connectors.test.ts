// What Okta's and Entra's SCIM connectors send, request by request in the shapes they document, and what they must hear.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { mapDirectoryGroup } from '@/lib/directory/directory-groups';
import { createGroup } from '@/lib/people/groups';
import { listMembers } from '@/lib/people/members';
import { addPerson, openLib } from '../support/portal';
import { connectDirectory, ENTERPRISE, GROUP, patchOf, USER, type Directory } from './scim';

let lib: Awaited<ReturnType<typeof openLib>>;
beforeAll(async () => {
  lib = await openLib();
});
afterAll(() => lib.close());

interface Step {
  what: string;
  send: [method: string, path: string | ((ids: Ids) => string), body?: (ids: Ids) => unknown];
  status: number;
  /** Part of the body. */
  body?: (ids: Ids) => unknown;
  /** Keeps the answer's id under this name. */
  keep?: string;
}
type Ids = Record<string, string>;

const listOf = (...resources: unknown[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  totalResults: resources.length,
  itemsPerPage: resources.length,
  Resources: resources,
});
const eq = (attribute: string, value: string) =>
  `?filter=${encodeURIComponent(`${attribute} eq "${value}"`)}`;

async function play(directory: Directory, steps: readonly Step[]): Promise<Ids> {
  const ids: Ids = {};
  for (const { what, send, status, body, keep } of steps) {
    const [method, path, sent] = send;
    const answer = await directory.send(method, typeof path === 'string' ? path : path(ids), sent?.(ids));
    expect([what, answer.status, answer.status === status ? null : answer.body]).toEqual([
      what,
      status,
      null,
    ]);
    if (status !== 204) expect(answer.headers.get('content-type'), what).toBe('application/scim+json');
    if (body) expect(answer.body, what).toMatchObject(body(ids) as object);
    if (keep) ids[keep] = answer.body.id as string;
  }
  return ids;
}

const OKTA: readonly Step[] = [
  {
    what: 'tests the connection',
    send: ['GET', '/Users?startIndex=1&count=2'],
    status: 200,
    body: () => ({ totalResults: 1, startIndex: 1 }),
  },
  {
    what: 'looks for the person',
    send: ['GET', `/Users${eq('userName', 'ana@okta.example')}&startIndex=1&count=100`],
    status: 200,
    body: () => listOf(),
  },
  {
    what: 'creates the person',
    send: [
      'POST',
      '/Users',
      () => ({
        schemas: [USER],
        userName: 'ana@okta.example',
        name: { givenName: 'Ana', familyName: 'Berg' },
        emails: [{ primary: true, value: 'ana@okta.example', type: 'work' }],
        displayName: 'Ana Berg',
        locale: 'en-US',
        externalId: '00u1ana',
        groups: [],
        password: 'an Okta made this up',
        active: true,
      }),
    ],
    status: 201,
    keep: 'ana',
    body: () => ({
      userName: 'ana@okta.example',
      externalId: '00u1ana',
      active: true,
      displayName: 'Ana Berg',
      name: { givenName: 'Ana', familyName: 'Berg' },
      meta: { resourceType: 'User' },
    }),
  },
  {
    what: 'reads the person',
    send: ['GET', ({ ana }) => `/Users/${ana}`],
    status: 200,
    body: ({ ana }) => ({ id: ana, active: true }),
  },
  {
    what: 'replaces the person',
    send: [
      'PUT',
      ({ ana }) => `/Users/${ana}`,
      ({ ana }) => ({
        schemas: [USER],
        id: ana,
        userName: 'ana@okta.example',
        name: { givenName: 'Ana', familyName: 'Berg-Lund' },
        emails: [{ primary: true, value: 'ana@okta.example', type: 'work' }],
        externalId: '00u1ana',
        active: true,
        groups: [],
        meta: { resourceType: 'User' },
      }),
    ],
    status: 200,
    body: () => ({ displayName: 'Ana Berg-Lund', name: { familyName: 'Berg-Lund' }, active: true }),
  },
  {
    what: 'looks for the group to push',
    send: ['GET', `/Groups${eq('displayName', 'Design team')}&startIndex=1&count=100`],
    status: 200,
    body: () => listOf(),
  },
  {
    what: 'pushes the group',
    send: ['POST', '/Groups', () => ({ schemas: [GROUP], displayName: 'Design team', members: [] })],
    status: 201,
    keep: 'team',
    body: () => ({ displayName: 'Design team', members: [] }),
  },
  {
    what: 'pushes its members',
    send: [
      'PATCH',
      ({ team }) => `/Groups/${team}`,
      ({ ana }) =>
        patchOf({ op: 'add', path: 'members', value: [{ value: ana, display: 'ana@okta.example' }] }),
    ],
    status: 200,
    body: ({ ana }) => ({ members: [{ value: ana, display: 'Ana Berg-Lund' }] }),
  },
  {
    what: 'renames the group',
    send: [
      'PATCH',
      ({ team }) => `/Groups/${team}`,
      ({ team }) => patchOf({ op: 'replace', value: { id: team, displayName: 'Design' } }),
    ],
    status: 200,
    body: () => ({ displayName: 'Design' }),
  },
  {
    what: 'reads the members back',
    send: ['GET', ({ team }) => `/Groups/${team}`],
    status: 200,
    body: ({ ana }) => ({ displayName: 'Design', members: [{ value: ana }] }),
  },
  {
    what: 'takes a member out and replaces all at once',
    send: [
      'PATCH',
      ({ team }) => `/Groups/${team}`,
      ({ ana }) =>
        patchOf(
          { op: 'remove', path: `members[value eq "${ana}"]` },
          { op: 'replace', path: 'members', value: [{ value: ana }] },
        ),
    ],
    status: 200,
    body: ({ ana }) => ({ members: [{ value: ana }] }),
  },
  {
    what: 'deactivates the person',
    send: ['PATCH', ({ ana }) => `/Users/${ana}`, () => patchOf({ op: 'replace', value: { active: false } })],
    status: 200,
    body: ({ ana }) => ({ id: ana, active: false, userName: 'ana@okta.example', groups: [] }),
  },
  {
    what: 'finds the person deactivated',
    send: ['GET', `/Users${eq('userName', 'ana@okta.example')}`],
    status: 200,
    body: ({ ana }) => listOf({ id: ana, active: false }),
  },
  {
    what: 'reactivates the person',
    send: [
      'PUT',
      ({ ana }) => `/Users/${ana}`,
      () => ({
        schemas: [USER],
        userName: 'ana@okta.example',
        name: { givenName: 'Ana', familyName: 'Berg' },
        emails: [{ primary: true, value: 'ana@okta.example' }],
        active: true,
      }),
    ],
    status: 200,
    body: ({ ana }) => ({ id: ana, active: true, groups: [] }),
  },
  { what: 'deletes the group', send: ['DELETE', ({ team }) => `/Groups/${team}`], status: 204 },
  {
    what: 'finds no group any more',
    send: ['GET', ({ team }) => `/Groups/${team}`],
    status: 404,
    body: () => ({ status: '404' }),
  },
];

const ENTRA: readonly Step[] = [
  {
    what: 'tests the connection',
    send: ['GET', `/Users${eq('userName', 'f3c1a7d2-0000-4000-8000-5d1f4f2a9e10')}`],
    status: 200,
    body: () => listOf(),
  },
  { what: 'reads the schemas', send: ['GET', '/Schemas'], status: 200, body: () => ({ totalResults: 2 }) },
  {
    what: 'creates the person',
    send: [
      'POST',
      '/Users',
      () => ({
        schemas: [USER, ENTERPRISE],
        externalId: '58342554-38d6-4ec8-948c-50044d0a33fd',
        userName: 'Bo@entra.example',
        active: true,
        displayName: 'Bo',
        emails: [{ primary: true, type: 'work', value: 'Bo@entra.example' }],
        meta: { resourceType: 'User' },
        name: { formatted: 'Bo Dahl', familyName: 'Dahl', givenName: 'Bo' },
        [ENTERPRISE]: { department: 'Design', manager: { value: 'nobody' } },
        roles: [{ primary: true, value: 'admin' }],
      }),
    ],
    status: 201,
    keep: 'bo',
    body: () => ({
      userName: 'Bo@entra.example',
      emails: [{ value: 'bo@entra.example', primary: true }],
      displayName: 'Bo',
    }),
  },
  {
    what: 'finds the person without case',
    send: ['GET', `/Users${eq('userName', 'BO@ENTRA.EXAMPLE')}`],
    status: 200,
    body: ({ bo }) => listOf({ id: bo }),
  },
  {
    what: 'finds the person by its own id',
    send: ['GET', `/Users${eq('externalId', '58342554-38d6-4ec8-948c-50044d0a33fd')}`],
    status: 200,
    body: ({ bo }) => listOf({ id: bo }),
  },
  {
    what: 'finds the person by work address',
    send: [
      'GET',
      `/Users?filter=${encodeURIComponent('emails[type eq "work"].value eq "bo@entra.example"')}`,
    ],
    status: 200,
    body: ({ bo }) => listOf({ id: bo }),
  },
  {
    what: 'changes several attributes',
    send: [
      'PATCH',
      ({ bo }) => `/Users/${bo}`,
      () =>
        patchOf(
          { op: 'Replace', path: 'displayName', value: 'Bo Dahl' },
          { op: 'Add', path: 'name.givenName', value: 'Bosse' },
          { op: 'Replace', path: 'emails[type eq "work"].value', value: 'bo@entra.example' },
          { op: 'Add', path: `${ENTERPRISE}:department`, value: 'Sales' },
          { op: 'Add', path: 'addresses[type eq "work"].country', value: 'SE' },
          { op: 'Replace', value: { 'name.familyName': 'Dahl', [`${ENTERPRISE}:costCenter`]: '7' } },
        ),
    ],
    status: 200,
    body: () => ({ displayName: 'Bo Dahl', name: { givenName: 'Bosse', familyName: 'Dahl' } }),
  },
  {
    what: 'looks for the group',
    send: [
      'GET',
      `/Groups?excludedAttributes=members&filter=${encodeURIComponent('displayName eq "Sales"')}`,
    ],
    status: 200,
    body: () => listOf(),
  },
  {
    what: 'creates the group',
    send: [
      'POST',
      '/Groups',
      () => ({
        schemas: [GROUP, 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'],
        externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
        displayName: 'Sales',
        meta: { resourceType: 'Group' },
      }),
    ],
    status: 201,
    keep: 'sales',
    body: () => ({ displayName: 'Sales', externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159' }),
  },
  {
    what: 'adds a member',
    send: [
      'PATCH',
      ({ sales }) => `/Groups/${sales}`,
      ({ bo }) => patchOf({ op: 'Add', path: 'members', value: [{ $ref: null, value: bo }] }),
    ],
    status: 200,
    body: ({ bo }) => ({ members: [{ value: bo }] }),
  },
  {
    what: 'asks whether the person is a member',
    send: [
      'GET',
      ({ sales, bo }) => `/Groups?filter=${encodeURIComponent(`id eq "${sales}" and members eq "${bo}"`)}`,
    ],
    status: 200,
    body: ({ sales }) => listOf({ id: sales }),
  },
  {
    what: 'reads the group without its members',
    send: ['GET', ({ sales }) => `/Groups/${sales}?excludedAttributes=members`],
    status: 200,
    body: () => ({ displayName: 'Sales' }),
  },
  {
    what: 'takes the member out',
    send: [
      'PATCH',
      ({ sales }) => `/Groups/${sales}`,
      ({ bo }) => patchOf({ op: 'Remove', path: 'members', value: [{ $ref: null, value: bo }] }),
    ],
    status: 200,
    body: () => ({ members: [] }),
  },
  {
    what: 'deactivates the person in words',
    send: [
      'PATCH',
      ({ bo }) => `/Users/${bo}`,
      () => patchOf({ op: 'Replace', path: 'active', value: 'False' }),
    ],
    status: 200,
    body: ({ bo }) => ({ id: bo, active: false }),
  },
  { what: 'deletes the person for good', send: ['DELETE', ({ bo }) => `/Users/${bo}`], status: 204 },
  {
    what: 'finds nobody any more',
    send: ['GET', ({ bo }) => `/Users/${bo}`],
    status: 404,
    body: () => ({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '404' }),
  },
];

describe('a connector', () => {
  test('of Okta’s shape provisions, pushes a group, deactivates, reactivates and ends, and is understood at every step', async () => {
    const directory = await connectDirectory('Okta');
    await play(directory, OKTA);
    const members = await transaction((tx) => listMembers(tx, directory.organization.id));
    // Back again, but with nothing of before: neither a group nor a password, and no more than a member.
    expect(members.find(({ email }) => email === 'ana@okta.example')).toMatchObject({
      ...{ role: 'member', groups: [], signInReady: false },
    });
  });

  test('of Entra’s shape provisions with words for booleans and paths of its own, and is understood at every step', async () => {
    const directory = await connectDirectory('Entra');
    await play(directory, ENTRA);
    const members = await transaction((tx) => listMembers(tx, directory.organization.id));
    expect(members.map(({ email }) => email)).toEqual(['admin@entra.example']);
  });

  test('leaves a record for every change, by its own token, and none for what it only reads', async () => {
    const directory = await connectDirectory('Records');
    const count = async () =>
      (await searchAudit(directory.organization.id, { credential: directory.tokenId }, { limit: 100 }))
        .records;
    const person = { schemas: [USER], userName: 'eve@records.example', active: true };
    const { id } = (await directory.send('POST', '/Users', person)).body;
    await directory.send('GET', `/Users/${id}`);
    await directory.send('PUT', `/Users/${id}`, person);
    expect((await count()).map(({ action }) => String(action)).toSorted()).toEqual([
      'directory_user.created',
      'member.added',
    ]);
    await directory.send('PATCH', `/Users/${id}`, patchOf({ op: 'replace', value: { active: false } }));
    await directory.send('DELETE', `/Users/${id}`);
    const after = await count();
    expect(after.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['member.removed', 'directory_user.deleted']),
    );
    for (const record of after)
      expect(record).toMatchObject({
        credential: { kind: 'api_key', name: 'Directory of Records' },
        member: null,
      });
  });

  test('finds the people and the mapped groups that were there before it, and no other group', async () => {
    const directory = await connectDirectory('Before');
    const { organization, send } = directory;
    await addPerson(organization, 'old@before.example', { name: 'Old' });
    for (const name of ['Mapped', 'Own'])
      await transaction((tx) =>
        createGroup(tx, organization.actor, { name, tools: ['get_me'], members: ['old@before.example'] }),
      );
    await transaction((tx) =>
      mapDirectoryGroup(tx, organization.actor, { name: 'All of them', group: 'mapped' }),
    );
    const old = (await send('GET', `/Users${eq('userName', 'old@before.example')}`)).body.Resources[0];
    expect(old).toMatchObject({ active: true, displayName: 'Old', groups: [{ display: 'All of them' }] });
    const { Resources } = (await send('GET', '/Groups')).body;
    expect(Resources).toMatchObject([{ displayName: 'All of them', members: [{ value: old.id }] }]);
    // An admin's group is not the directory's for the asking.
    expect(await send('POST', '/Groups', { displayName: 'Own' })).toMatchObject({
      status: 409,
      body: { scimType: 'uniqueness', detail: expect.stringContaining('Directory') },
    });
    // Changing a person keeps who they are.
    const linked = await send(
      'PATCH',
      `/Users/${old.id}`,
      patchOf({ op: 'replace', value: { externalId: 'x1' } }),
    );
    expect(linked.body).toMatchObject({ id: old.id, externalId: 'x1', active: true });
    await send('PATCH', `/Groups/${Resources[0].id}`, patchOf({ op: 'remove', path: 'members' }));
    const { rows } = await pool().query(
      `SELECT g.slug, count(m.member_id)::int AS members, (SELECT count(*)::int FROM group_tools t WHERE t.group_id = g.id) AS tools
       FROM groups g LEFT JOIN group_members m ON m.group_id = g.id WHERE g.organization_id = $1 GROUP BY g.id ORDER BY 1`,
      [organization.id],
    );
    expect(rows).toEqual([
      { slug: 'mapped', members: 0, tools: 1 },
      { slug: 'own', members: 1, tools: 1 },
    ]);
    // Deleted by the directory, an admin's group stays with its tools, and is the admin's again.
    expect((await send('DELETE', `/Groups/${Resources[0].id}`)).status).toBe(204);
    expect((await pool().query(`SELECT 1 FROM groups WHERE slug = 'mapped'`)).rowCount).toBe(1);
    expect((await send('GET', '/Groups')).body.totalResults).toBe(0);
  });
});
