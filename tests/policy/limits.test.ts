// What an admin sets as limits is kept, shown, on record, and lifted again; what makes no sense is refused before it is stored.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { db, pool, transaction } from '@/lib/db';
import { createGroup, replaceGroup } from '@/lib/people/groups';
import { addMember, updateMember } from '@/lib/people/members';
import { createOrganization, readOrganization, updateOrganization } from '@/lib/people/organizations';
import type { Actor } from '@/lib/audit/append';
import { connectionLimitsSql, isSearchSql } from '@/lib/policy/limits';
import { meOperations } from '@/lib/portal/operations-me';
import { organizationOperations } from '@/lib/portal/operations-organization';
import { peopleOperations } from '@/lib/portal/operations-people';
import { listAgentTokens, mintAgentToken } from '@/lib/tokens/agent-tokens';
import { openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let actor: Actor;
let memberId: string;
beforeAll(async () => {
  lib = await openLib();
  const { organizationId, adminId } = await transaction((tx) =>
    createOrganization(tx, {
      name: 'Acme',
      admin: { email: 'admin@acme.example', name: 'Admin' },
      credentialName: 'test',
    }),
  );
  const credential = { kind: 'session' as const, id: 'test', name: null };
  actor = { organizationId, memberId: adminId, memberEmail: 'admin@acme.example', credential };
  const ana = { email: 'ana@acme.example', name: 'Ana', role: 'member' as const };
  ({ id: memberId } = await transaction((tx) => addMember(tx, actor, ana)));
});
afterAll(() => lib.close());

/** `before` and `after` of the newest event. */
async function lastEvent(): Promise<{ before: any; after: any }> {
  const { records } = await searchAudit(actor.organizationId, { kind: 'event' }, { limit: 1 });
  return records[0] as never;
}

test('of a group: set, kept by a change that does not name them, and lifted by null', async () => {
  const content = { name: 'Readers', tools: ['get_me'], members: ['ana@acme.example'] };
  const made = await transaction((tx) => createGroup(tx, actor, { ...content, limits: { perMinute: 7 } }));
  expect(made.limits).toEqual({ perMinute: 7 });
  const replace = (limits?: { perMinute: number } | null) =>
    transaction((tx) =>
      replaceGroup(tx, actor, 'readers', { ...content, ...(limits === undefined ? {} : { limits }) }, null),
    );
  expect((await replace()).limits).toEqual({ perMinute: 7 });
  expect((await replace({ perMinute: 9 })).limits).toEqual({ perMinute: 9 });
  expect(await lastEvent()).toMatchObject({
    before: { limits: { perMinute: 7 } },
    after: { limits: { perMinute: 9 } },
  });
  expect((await replace(null)).limits).toBeNull();
});

test('of a member: set when added or changed, on record, and lifted by null', async () => {
  const bea = { email: 'bea@acme.example', name: 'Bea', role: 'member' as const, limits: { perMinute: 3 } };
  const { member } = await transaction((tx) => addMember(tx, actor, bea));
  expect(member.limits).toEqual({ perMinute: 3 });
  const change = (limits?: { perMinute: number } | null) =>
    transaction((tx) =>
      updateMember(tx, actor, bea.email, limits === undefined ? { name: 'B' } : { limits }),
    );
  expect((await change()).limits).toEqual({ perMinute: 3 });
  expect((await change({ perMinute: 4 })).limits).toEqual({ perMinute: 4 });
  expect(await lastEvent()).toMatchObject({
    before: { limits: { perMinute: 3 } },
    after: { limits: { perMinute: 4 } },
  });
  expect((await change(null)).limits).toBeNull();
});

test('of an agent token: set when minted, shown in the list, on record', async () => {
  const mine = { ...actor, memberId };
  await transaction((tx) => mintAgentToken(tx, mine, { name: 'slow', limits: { perMinute: 2 } }));
  expect(await lastEvent()).toMatchObject({ after: { name: 'slow', limits: { perMinute: 2 } } });
  await transaction((tx) => mintAgentToken(tx, mine, { name: 'free' }));
  const tokens = await listAgentTokens(db(), actor.organizationId, memberId);
  expect(Object.fromEntries(tokens.map(({ name, limits }) => [name, limits]))).toEqual({
    slow: { perMinute: 2 },
    free: null,
  });
});

test('of an organization’s connections: one number alone leaves the other to the plan; null leaves both', async () => {
  const set = (change: Parameters<typeof updateOrganization>[2]) =>
    transaction((tx) => updateOrganization(tx, actor, change));
  expect((await readOrganization(db(), actor.organizationId)).limits).toBeNull();
  expect((await set({ limits: { connectionPerMinute: 5 } })).limits).toEqual({
    connectionPerMinute: 5,
    searchPerMinute: 60,
  });
  expect((await set({ limits: { searchPerMinute: 5 }, asanaPlan: 'free' })).limits).toEqual({
    connectionPerMinute: 150,
    searchPerMinute: 5,
  });
  expect((await set({ name: 'Acme Ltd' })).limits).toEqual({ connectionPerMinute: 150, searchPerMinute: 5 });
  expect((await set({ limits: null })).limits).toBeNull();
  expect(await lastEvent()).toMatchObject({
    before: { limits: { connectionPerMinute: 150, searchPerMinute: 5 } },
    after: { limits: null },
  });
});

test('the SQL of the rule says the same as the plan', async () => {
  const { connection, search } = connectionLimitsSql('o');
  const rows = `(VALUES ('free', NULL::int, NULL::int), ('paid', NULL, NULL), ('free', 7, 8)) o(asana_plan, connection_per_minute, search_per_minute)`;
  const { rows: found } = await pool().query(`SELECT ${connection} AS a, ${search} AS b FROM ${rows}`);
  expect(found).toEqual([
    { a: 150, b: 60 },
    { a: 1_500, b: 60 },
    { a: 7, b: 8 },
  ]);
  const names = [
    'search_tasks',
    'search_objects',
    'get_status_overview',
    'get_me',
    'searchXtasks',
    'research_x',
  ];
  const { rows: searching } = await pool().query(
    `SELECT name FROM unnest($1::text[]) AS t(name) WHERE ${isSearchSql('name')}`,
    [names],
  );
  expect(searching.map(({ name }) => name)).toEqual(names.slice(0, 3));
});

describe('what makes no sense is refused', () => {
  const group = { name: 'G', tools: [], members: [] };
  const person = { email: 'x@acme.example', name: 'X', role: 'member' };
  const bodies: [
    string,
    { safeParse(value: unknown): { success: boolean } },
    (limits: unknown) => unknown,
  ][] = [
    ['PUT /groups/{slug}', peopleOperations['PUT /groups/{slug}'].body, (limits) => ({ ...group, limits })],
    ['POST /members', peopleOperations['POST /members'].body, (limits) => ({ ...person, limits })],
    ['PATCH /members/{email}', peopleOperations['PATCH /members/{email}'].body, (limits) => ({ limits })],
    ['POST /me/tokens', meOperations['POST /me/tokens'].body, (limits) => ({ name: 'a', limits })],
  ];
  const wrong = [0, -1, 1.5, 100_001, '5', null, undefined].map((perMinute) => ({ perMinute }));

  test.each(bodies)('at %s', (_, body, make) => {
    for (const limits of [...wrong, {}, 5, [], { perMinute: 5, other: 1 }])
      expect([limits, body.safeParse(make(limits)).success]).toEqual([limits, false]);
    for (const limits of [null, { perMinute: 1 }, { perMinute: 100_000 }])
      expect([limits, body.safeParse(make(limits)).success]).toEqual([limits, true]);
  });

  test('at PATCH /organization', () => {
    const { body } = organizationOperations['PATCH /organization'];
    for (const limits of [{ connectionPerMinute: 0 }, { searchPerMinute: 1.5 }, { perMinute: 5 }, 5, []])
      expect([limits, body.safeParse({ limits }).success]).toEqual([limits, false]);
    for (const limits of [
      null,
      {},
      { connectionPerMinute: 5 },
      { connectionPerMinute: 5, searchPerMinute: 5 },
    ])
      expect([limits, body.safeParse({ limits }).success]).toEqual([limits, true]);
  });
});
