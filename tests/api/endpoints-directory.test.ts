// /api/v1 on the company's side of sign-in, SCIM over the wire, and how fast a person ends who leaves the company.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { patchOf, USER } from '../directory/scim';
import { startAurora } from '../support/aurora';
import { headersFor, until } from '../support/gate';
import { modernHeaders, modernMessage } from '../support/modern-gate';
import {
  addConnection,
  addOrganization,
  addPerson,
  browser,
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
let elsewhere: Client;
let call: OpenApi['call'];

beforeAll(async () => {
  ({ portal, organization, admin } = await startAurora({ isAtAsana: true }));
  await addOrganization('Borealis', 'admin@borealis.example');
  elsewhere = await signIn(portal, 'admin@borealis.example');
  ({ call } = await readOpenApi(admin));
}, START_MS);
afterAll(() => portal.stop());

const nothing = '01a1fe02-b593-7f50-9690-dd3d83671a9f';

describe('/directory', () => {
  test('says that nothing is configured, where SCIM is, and no secret', async () => {
    expect((await call('GET /directory')).body).toEqual({
      signIn: null,
      bound: 0,
      scimUrl: `${portal.origin}/scim/v2`,
      users: { all: 0, inactive: 0 },
    });
    expectProblem(await browser(portal).call('GET', '/api/v1/directory'), 401, 'unauthenticated');
  });
});

describe('/directory/groups', () => {
  const map = (body: unknown, as = admin) => call('POST /directory/groups', { body, as });

  test('maps one group of the company to one here, is on record, and lets go without touching the members', async () => {
    await addPerson(organization, 'member@aurora.example');
    for (const name of ['Design', 'Sales'])
      await transaction((tx) =>
        createGroup(tx, organization.actor, { name, tools: ['get_me'], members: ['member@aurora.example'] }),
      );
    const made = await map({ name: 'ACME Design', group: 'design' });
    expect(made.body).toMatchObject({
      ...{ name: 'ACME Design', group: 'design', groupName: 'Design', members: 1 },
      ...{ madeByDirectory: false, externalId: null },
    });
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'directory_group.mapped', target: 'group:design', member: 'admin@aurora.example' },
      after: { name: 'ACME Design' },
    });
    expectProblem(await map({ name: 'ACME Design', group: 'sales' }), 409, 'exists', 'ACME Design');
    expectProblem(await map({ name: 'Another', group: 'design' }), 409, 'exists', 'design');
    expectProblem(await map({ name: 'Another', group: 'nothing' }), 422, 'unknown_group', 'nothing');
    expectProblem(await map({ name: 'Another', group: 'sales' }, elsewhere), 422, 'unknown_group');
    for (const body of [
      {},
      { name: '', group: 'sales' },
      { name: 'x'.repeat(121), group: 'sales' },
      { name: 'A' },
    ])
      expectProblem(await map(body), 400, 'invalid');
    expect((await call('GET /directory/groups', { as: elsewhere })).body).toEqual({ directoryGroups: [] });
    const remove = (id: string, as = admin) =>
      call('DELETE /directory/groups/{id}', { path: `/directory/groups/${id}`, as });
    expectProblem(await remove(made.body.id, elsewhere), 404, 'not_found');
    for (const id of [nothing, 'x']) expectProblem(await remove(id), 404, 'not_found');
    expect((await remove(made.body.id)).status).toBe(204);
    expect(await lastEvent(admin)).toMatchObject({
      action: 'directory_group.unmapped',
      target: 'group:design',
    });
    const { members } = (await admin.call('GET', '/api/v1/groups/design')).body;
    expect(members).toEqual(['member@aurora.example']);
  });
});

describe('/directory/tokens', () => {
  const mint = async (body: unknown = { name: 'Okta' }) => call('POST /directory/tokens', { body });

  test('are shown once, listed by their end, open SCIM alone, and are over when ended', async () => {
    const { token, id } = (await mint()).body;
    expect(token).toMatch(/^ghd_[0-9A-Za-z]{44}$/);
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'directory_token.created', target: `directory_token:${id}`, after: { name: 'Okta' } },
    });
    const directory = script(portal, token);
    const seen = await directory.call('GET', '/scim/v2/Users');
    expect([seen.status, seen.headers.get('content-type')]).toEqual([200, 'application/scim+json']);
    for (const path of ['/api/v1/members', '/api/v1/me', '/api/v1/directory'])
      expectProblem(await directory.call('GET', path), 401, 'unauthenticated');
    expect((await directory.call('POST', '/mcp', { body: {} })).status).toBe(401);
    const list = (await call('GET /directory/tokens')).body.directoryTokens;
    expect(list).toMatchObject([
      { id, name: 'Okta', last4: token.slice(-4), lastUsedAt: expect.any(String) },
    ]);
    expect(JSON.stringify(list)).not.toContain(token);
    const end = (one: string, as = admin) =>
      call('DELETE /directory/tokens/{id}', { path: `/directory/tokens/${one}`, as });
    expectProblem(await end(id, elsewhere), 404, 'not_found');
    expect((await end(id)).status).toBe(204);
    expect(await lastEvent(admin)).toMatchObject({
      action: 'directory_token.deleted',
      before: { name: 'Okta' },
    });
    expect((await directory.call('GET', '/scim/v2/Users')).status).toBe(401);
    for (const one of [id, nothing, 'x']) expectProblem(await end(one), 404, 'not_found');
    for (const body of [{}, { name: '' }, { name: 'x', expiresInDays: 0 }])
      expectProblem(await mint(body), 400, 'invalid');
  });
});

describe('/members/{email}/identity', () => {
  const read = (email: string, as = admin) =>
    call('GET /members/{email}/identity', { path: `/members/${email}/identity`, as });
  const release = (email: string, as = admin) =>
    call('DELETE /members/{email}/identity', { path: `/members/${email}/identity`, as });

  test('shows the account at the company, and releasing ends it with the sign-ins, on record', async () => {
    const id = await addPerson(organization, 'bound@aurora.example');
    expect((await read('bound@aurora.example')).body).toEqual({ identities: [] });
    expectProblem(await release('bound@aurora.example'), 404, 'not_found');
    await pool().query(
      `INSERT INTO identities (organization_id, member_id, issuer, subject) VALUES ($1, $2, 'https://id.example', 's1')`,
      [organization.id, id],
    );
    const person = await signIn(portal, 'bound@aurora.example');
    expect((await read('bound@aurora.example')).body.identities).toMatchObject([
      { issuer: 'https://id.example', subject: 's1', usedAt: null },
    ]);
    for (const via of [read, release])
      for (const [email, as] of [
        ['bound@aurora.example', elsewhere],
        ['nobody@aurora.example', admin],
      ] as const)
        expectProblem(await via(email, as), 404, 'not_found');
    expect((await release('bound@aurora.example')).status).toBe(204);
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'member.released_from_company', target: 'member:bound@aurora.example' },
      before: [{ issuer: 'https://id.example', subject: 's1' }],
    });
    expect((await person.call('GET', '/api/v1/me')).status).toBe(401);
  });
});

describe('who leaves the company', () => {
  test('has no token, open stream, portal session or Asana authorization within a second, in either spelling of it', async () => {
    const { token: bearer } = (await call('POST /directory/tokens', { body: { name: 'Leaving' } })).body;
    const directory = script(portal, bearer);
    const leave = (n: number) =>
      n === 0
        ? patchOf({ op: 'replace', value: { active: false } })
        : patchOf({ op: 'Replace', path: 'active', value: 'False' });
    for (const n of [0, 1]) {
      const email = `leaver${n}@aurora.example`;
      const memberId = await addPerson(organization, email);
      await addConnection(portal, organization.id, memberId, 'ben@example.com');
      const person = { ...organization.actor, memberId, memberEmail: email };
      const { token } = await transaction((tx) => mintAgentToken(tx, person, { name: 'agent' }));
      const session = await signIn(portal, email);
      const stream = await openStream(token);
      const found = await directory.call(
        'GET',
        `/scim/v2/Users?filter=${encodeURIComponent(`userName eq "${email}"`)}`,
      );
      const [{ id }] = JSON.parse(found.text).Resources;
      const revoked = () =>
        portal.sandbox.log.entries.filter(({ path }) => path.endsWith('/oauth_revoke')).length;
      const before = revoked();
      const startedAt = Date.now();
      const answer = await directory.call('PATCH', `/scim/v2/Users/${id}`, { body: leave(n) });
      expect([answer.status, JSON.parse(answer.text).active]).toEqual([200, false]);
      expect((await session.call('GET', '/api/v1/me')).status).toBe(401);
      expect((await script(portal, token).call('POST', '/mcp', { body: {} })).status).toBe(401);
      await until(() => Promise.resolve(stream.isOver && revoked() > before ? true : null));
      // A machine that runs many tests at once may need longer than the second that is asked of a server.
      expect(Date.now() - startedAt).toBeLessThan(8_000);
      const receipt = await until(async () => {
        const [latest] = (await admin.call('GET', '/api/v1/offboardings')).body.offboardings;
        return latest.isOver ? latest : null;
      });
      expect(receipt).toMatchObject({
        ...{ member: { email }, by: 'Leaving', portal: { sessions: 1 } },
        agents: { tokens: 1, streams: 1 },
      });
      // On the server's own clock, which no client's wait is in.
      expect(receipt.portal.ms).toBeLessThan(8_000);
    }
    expect((await call('GET /directory')).body.users).toEqual({ all: 2, inactive: 2 });
    // And a newcomer of the same name is nobody of before.
    const again = await directory.call('POST', '/scim/v2/Users', {
      body: { schemas: [USER], userName: 'leaver0@aurora.example' },
    });
    expect(again.status).toBe(409);
  });
});

/** A stream that an agent holds open. */
async function openStream(token: string): Promise<{ isOver: boolean }> {
  const message = modernMessage('subscriptions/listen', { notifications: { toolsListChanged: true } });
  const response = await fetch(`${portal.origin}/mcp`, {
    method: 'POST',
    headers: headersFor(token, modernHeaders(message)),
    body: JSON.stringify(message),
  });
  expect(response.status).toBe(200);
  const stream = { isOver: false };
  const reader = response.body!.getReader();
  await reader.read();
  void (async () => {
    for (;;) if ((await reader.read().catch(() => ({ done: true }))).done) break;
    stream.isOver = true;
  })();
  return stream;
}
