// An explanation names the event that put things so, and tells a member nothing about anybody else.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import type { Actor } from '@/lib/audit/append';
import { applyListing, listTools, updateTool } from '@/lib/catalogue/catalogue';
import { explainTool } from '@/lib/catalogue/explain';
import { transaction, type Tx } from '@/lib/db';
import { changeGroups } from '@/lib/people/change-groups';
import { createGroup, deleteGroup, replaceGroup, requireGroup } from '@/lib/people/groups';
import { addMember, removeMember, updateMember } from '@/lib/people/members';
import { updateOrganization } from '@/lib/people/organizations';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { addOrganization, addPerson, openLib, type PortalOrganization } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;
let ana: string;
let email: string;
let round = 0;
let slug: string;

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
});
afterAll(() => lib.close());
beforeEach(async () => {
  round += 1;
  email = `ana${round}@aurora.example`;
  slug = `sales-${round}`;
  ana = await addPerson(organization, email, { name: 'Ana', password: undefined });
});

const explain = async (tool = 'get_task', tokenId: string | null = null, memberId = ana) =>
  (await explainTool(organization.id, { memberId, tokenId, tool }, { isSelf: false }))!;
const changeOf = async (id: string, tool?: string, tokenId?: string) =>
  (await explain(tool, tokenId)).checks.find((check) => check.id === id)!.change;
const inGroup = async () => (await explain()).groups.find((group) => group.slug === slug)?.change;

/** Does something as an admin, and returns the event that it left, as a change names it. */
async function did(work: (tx: Tx, actor: Actor) => Promise<unknown>) {
  await transaction((tx) => work(tx, organization.actor));
  const [event] = (await searchAudit(organization.id, { kind: 'event' }, { limit: 1 })).records;
  return { record: event!.id, at: event!.at, by: 'admin@aurora.example' };
}

const create = (tools: string[], members: string[], as = slug) =>
  did((tx, actor) => createGroup(tx, actor, { name: as, slug: as, tools, members }));
const replace = (tools: string[], members: string[], as = slug) =>
  did((tx, actor) => replaceGroup(tx, actor, as, { name: as, tools, members }, null));
const setGroups = (groups: string[]) => did((tx, actor) => updateMember(tx, actor, email, { groups }));

describe('of a group, an explanation names', () => {
  test('what completed it: the tool’s or the person’s coming, whichever was later', async () => {
    const made = await create(['get_task'], [email]);
    expect([await inGroup(), await changeOf('groups')]).toEqual([made, made]);
    await replace(['get_task', 'get_me'], [email]);
    expect(await inGroup()).toEqual(made);
    await replace([], [email]);
    const back = await replace(['get_task'], [email]);
    expect([await inGroup(), await changeOf('groups')]).toEqual([back, back]);
    await setGroups([]);
    const joined = await setGroups([slug]);
    expect([await inGroup(), await changeOf('groups')]).toEqual([joined, joined]);
    await replace(['get_task'], []);
    const returned = await replace(['get_task'], [email]);
    expect([await inGroup(), await changeOf('groups')]).toEqual([returned, returned]);
  });

  test('what gave the person the tool first of all the groups that still do', async () => {
    const first = await create(['get_task'], [email]);
    const second = await create(['get_task'], [email], `${slug}-second`);
    expect(await changeOf('groups')).toEqual(first);
    await replace([], [email]);
    expect(await changeOf('groups')).toEqual(second);
  });

  test('what took the tool from the group, and from the person', async () => {
    await create(['get_task'], [email]);
    const taken = await did(async (tx, actor) => {
      const { version } = await requireGroup(tx, organization.id, slug);
      return changeGroups(tx, actor, [{ slug, version, remove: ['get_task'] }]);
    });
    await replace(['get_me'], [email, 'admin@aurora.example']);
    expect([await inGroup(), await changeOf('groups')]).toEqual([taken, taken]);
  });

  const losses: [string, () => Promise<unknown>][] = [
    ['the group’s own change of members', () => replace(['get_task'], [])],
    ['a change of the person’s groups', () => setGroups([])],
    ['the deletion of the group', () => did((tx, actor) => deleteGroup(tx, actor, slug))],
    ['a change that took both', () => replace([], [])],
  ];
  test.each(losses)('what took the person from it: %s', async (_, lose) => {
    await create(['get_task'], [email]);
    const lost = await lose();
    await create(['get_task'], [], `${slug}-later`);
    await setGroups([]);
    expect(await changeOf('groups')).toEqual(lost);
  });

  test('nothing where the person never had the tool, or somebody else had the address before', async () => {
    await create(['get_task'], []);
    await setGroups([slug]);
    await replace([], [email]);
    await did((tx, actor) => removeMember(tx, actor, email));
    ana = (
      await transaction((tx) => addMember(tx, organization.actor, { email, name: 'Ana', role: 'member' }))
    ).id;
    expect(await changeOf('groups')).toBeNull();
    await create(['get_me'], [email], `${slug}-other`);
    await did((tx, actor) => updateMember(tx, actor, email, { groups: [] }));
    expect(await changeOf('groups')).toBeNull();
  });
});

describe('of a tool, an explanation names', () => {
  const definitions = async () => {
    const tools = await transaction((tx) => listTools(tx, organization.id));
    return tools.map(({ name, title, description, inputSchema, annotations }) => ({
      ...{ name, inputSchema, ...(title ? { title } : {}), ...(description ? { description } : {}) },
      ...(annotations ? { annotations } : {}),
    })) as Parameters<typeof applyListing>[2][number][];
  };
  const sync = (listed: Awaited<ReturnType<typeof definitions>>) =>
    did((tx, actor) => applyListing(tx, actor, listed));
  const update = (change: Parameters<typeof updateTool>[3], name: string) =>
    did((tx, actor) => updateTool(tx, actor, name, change));

  test('who blocked it, and who unblocked it', async () => {
    expect(await changeOf('blocked', 'get_user')).toBeNull();
    const blocked = await update({ blocked: true }, 'get_user');
    await update({ status: 'reviewed' }, 'get_user');
    expect(await changeOf('blocked', 'get_user')).toEqual(blocked);
    const unblocked = await update({ blocked: false }, 'get_user');
    expect(await changeOf('blocked', 'get_user')).toEqual(unblocked);
  });

  test('the sync that found it new, changed or gone, the review, and the policy that lets it stay', async () => {
    const listed = await definitions();
    const isNew = { name: `fresh_${round}`, description: 'x', inputSchema: { type: 'object' } } as never;
    const edited = listed.map((tool) =>
      tool.name === 'get_project' ? { ...tool, description: 'Another' } : tool,
    );
    const synced = await sync([...edited.filter(({ name }) => name !== 'get_users'), isNew]);
    for (const [tool, check] of [
      [`fresh_${round}`, 'catalogue'],
      [`fresh_${round}`, 'review'],
      ['get_project', 'review'],
      ['get_users', 'review'],
    ] as const)
      expect(await changeOf(check, tool), tool).toEqual(synced);
    expect(await changeOf('catalogue', 'get_project')).toBeNull();
    const warned = await did((tx, actor) => updateOrganization(tx, actor, { driftPolicy: 'warn' }));
    await did((tx, actor) => updateOrganization(tx, actor, { name: 'Aurora' }));
    expect(await changeOf('review', 'get_project')).toEqual(warned);
    expect(await changeOf('review', 'get_users')).toEqual(synced);
    const reviewed = await update({ status: 'reviewed' }, 'get_project');
    expect(await changeOf('review', 'get_project')).toEqual(reviewed);
  });

  test('who minted the agent token', async () => {
    const person = { ...organization.actor, memberId: ana, memberEmail: email };
    const { id } = await transaction((tx) => mintAgentToken(tx, person, { name: 'agent', tools: [] }));
    expect(await changeOf('token', 'get_me', id)).toMatchObject({ by: email });
  });
});

test('an admin reads which groups have the tool that the person is not in', async () => {
  await create(['search_tasks'], [], `${slug}-has`);
  await create(['get_me'], [email]);
  const { candidates, groups } = await explain('search_tasks');
  expect(candidates.map((group) => group.slug)).toEqual([`${slug}-has`]);
  expect(groups.map((group) => [group.slug, group.hasTool])).toEqual([[slug, false]]);
});

test('a member reads nothing about other people, other groups or the audit', async () => {
  const tool = 'get_projects';
  await create([tool], ['admin@aurora.example'], `secret-${round}`);
  await create([tool], [email]);
  const own = async () =>
    (await explainTool(organization.id, { memberId: ana, tokenId: null, tool }, { isSelf: true, email }))!;
  const having = await own();
  expect(having).toMatchObject({ allowed: true, candidates: [], groups: [{ slug, hasTool: true }] });
  expect(having.sentence).toMatch(/^You may use get_projects/);
  await replace([], [email]);
  const lost = await own();
  expect(lost.checks.find(({ id }) => id === 'groups')!.change).toEqual({
    ...{ at: expect.any(String), by: 'an admin', record: null },
  });
  await did((tx, actor) => updateTool(tx, actor, tool, { blocked: true }));
  await replace([tool], []);
  for (const answer of [having, lost, await own()])
    expect(JSON.stringify(answer)).not.toMatch(/admin@|secret|"record":"/);
});
