// Groups under several hands at once: no change is lost unseen, none is half made, and members get the union of their groups.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { effectiveTools } from '@/lib/catalogue/catalogue';
import { transaction } from '@/lib/db';
import {
  createGroup,
  deleteGroup,
  listGroups,
  replaceGroup,
  requireGroup,
  slugOf,
  type Group,
  type GroupContent,
} from '@/lib/people/groups';
import { addMember, removeMember, updateMember } from '@/lib/people/members';
import { addOrganization, addPerson, openLib, type PortalOrganization } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;
let other: PortalOrganization;
let named = 0;
let slug: string;
const content: GroupContent = { name: 'Sales', tools: ['get_me'], members: ['ana@aurora.example'] };

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
  other = await addOrganization('Borealis', 'admin@borealis.example');
  await addPerson(organization, 'ana@aurora.example');
  await addPerson(organization, 'ben@aurora.example');
  await addPerson(other, 'ana@borealis.example');
});
afterAll(() => lib.close());
beforeEach(async () => {
  slug = `sales-${(named += 1)}`;
  await transaction((tx) => createGroup(tx, organization.actor, { ...content, slug }));
});

const read = (of = slug) => transaction((tx) => requireGroup(tx, organization.id, of));
const replace = (change: Partial<GroupContent>, version: number | null, of = slug) =>
  transaction((tx) => replaceGroup(tx, organization.actor, of, { ...content, ...change }, version));

/** How each of several attempts ended: its value's version, or the code of its error. */
async function outcomes(attempts: Promise<unknown>[]): Promise<string[]> {
  return (await Promise.allSettled(attempts)).map((attempt) =>
    attempt.status === 'fulfilled'
      ? 'done'
      : String((attempt.reason as { code?: unknown }).code ?? attempt.reason),
  );
}

const counted = (values: string[]) =>
  Object.fromEntries([...new Set(values)].toSorted().map((v) => [v, values.filter((w) => w === v).length]));

async function eventsOf(target: string) {
  const { records } = await searchAudit(organization.id, { kind: 'event' }, { limit: 500 });
  return records.filter((record) => record.target === target).toReversed();
}

describe('of several admins at once', () => {
  test('SP-18: who read the same version exactly one changes the group; the others hear that it is stale', async () => {
    const { version } = await read();
    const attempts = ['get_task', 'get_tasks', 'search_tasks', 'get_projects'].map((tool) =>
      replace({ tools: [tool] }, version),
    );
    expect(counted(await outcomes(attempts))).toEqual({ done: 1, stale_version: 3 });
    const after = await read();
    expect(after.version).toBe(version + 1);
    expect(after.tools).toHaveLength(1);
  });

  test('who insist on overwriting each change what the one before left, and the audit says so', async () => {
    const attempts = ['One', 'Two', 'Three', 'Four', 'Five'].map((name) => replace({ name }, null));
    expect(counted(await outcomes(attempts))).toEqual({ done: 5 });
    expect((await read()).version).toBe(6);
    const events = (await eventsOf(`group:${slug}`)).filter(({ action }) => action === 'group.updated');
    const steps = events
      .map(({ before, after }) => ({ before: before as Group, after: after as Group }))
      .toSorted((a, b) => a.after.version - b.after.version);
    expect(steps.map(({ after }) => after.version)).toEqual([2, 3, 4, 5, 6]);
    const first = {
      ...content,
      slug,
      methods: [],
      limits: null,
      rules: null,
      approvals: null,
      undo: null,
      writeSafety: null,
      version: 1,
    };
    for (const [n, { before }] of steps.entries())
      expect(before).toEqual(n === 0 ? first : steps[n - 1]!.after);
  });

  test('who press create twenty times one makes a group, the others hear that it exists', async () => {
    const attempts = Array.from({ length: 20 }, () =>
      transaction((tx) => createGroup(tx, organization.actor, { ...content, slug: `${slug}-twenty` })),
    );
    expect(counted(await outcomes(attempts))).toEqual({ done: 1, exists: 19 });
    expect(await eventsOf(`group:${slug}-twenty`)).toHaveLength(1);
  });

  test('who delete it one does, and the others find none', async () => {
    const attempts = Array.from({ length: 6 }, () =>
      transaction((tx) => deleteGroup(tx, organization.actor, slug)),
    );
    expect(counted(await outcomes(attempts))).toEqual({ done: 1, not_found: 5 });
    expect((await eventsOf(`group:${slug}`)).map(({ action }) => action)).toEqual([
      'group.created',
      'group.deleted',
    ]);
  });

  test('who delete and change it, or remove its member, none meets an error of the database', async () => {
    for (let round = 0; round < 5; round += 1) {
      const email = `leaving${named}-${round}@aurora.example`;
      await addPerson(organization, email, { password: undefined });
      const of = `${slug}-${round}`;
      await transaction((tx) => createGroup(tx, organization.actor, { ...content, slug: of }));
      const ends = await outcomes([
        transaction((tx) => removeMember(tx, organization.actor, email)),
        replace({ members: ['ana@aurora.example', email] }, null, of),
        transaction((tx) => deleteGroup(tx, organization.actor, of)),
        transaction((tx) => updateMember(tx, organization.actor, email, { groups: [of] })),
      ]);
      const expected = /^(done|not_found|unknown_member|unknown_group|stale_version)$/;
      expect(ends.filter((end) => !expected.test(end))).toEqual([]);
    }
  });
});

describe('a group', () => {
  test('with an unknown tool, member or slug is refused, and nothing of it stays', async () => {
    const before = await read();
    const cases: [Partial<GroupContent>, string][] = [
      [{ tools: ['get_me', 'no_such_tool'] }, 'unknown_tool'],
      [{ tools: ['GET_ME'] }, 'unknown_tool'],
      [{ tools: ['constructor'] }, 'unknown_tool'],
      [{ members: ['nobody@aurora.example'] }, 'unknown_member'],
      [{ members: ['ana@aurora.example', 'ana@borealis.example'] }, 'unknown_member'],
    ];
    for (const [change, code] of cases) {
      await expect(replace({ name: 'Changed', ...change }, null)).rejects.toMatchObject({ code });
      await expect(
        transaction((tx) => createGroup(tx, organization.actor, { ...content, slug: 'new', ...change })),
      ).rejects.toMatchObject({ code });
    }
    await expect(replace({}, null, 'no-such-group')).rejects.toMatchObject({ code: 'not_found' });
    expect(await read()).toEqual(before);
    const slugs = await transaction((tx) => listGroups(tx, organization.id));
    expect(slugs.map((group) => group.slug)).not.toContain('new');
  });

  test('takes each tool and member once, whatever their number and spelling', async () => {
    const after = await replace(
      { tools: ['get_task', 'get_me', 'get_task'], members: ['BEN@aurora.example', 'ben@aurora.example'] },
      null,
    );
    expect(after).toMatchObject({ tools: ['get_me', 'get_task'], members: ['ben@aurora.example'] });
  });

  test('has a version that every change of it or of its members raises, and nothing else', async () => {
    const versions: number[] = [];
    const after = async (change: Promise<unknown>) => {
      await change;
      versions.push((await read()).version);
    };
    const { actor } = organization;
    const email = `new${named}@aurora.example`;
    await after(replace({ tools: [] }, null));
    await after(transaction((tx) => updateMember(tx, actor, 'ben@aurora.example', { groups: [slug] })));
    await after(transaction((tx) => updateMember(tx, actor, 'ben@aurora.example', { groups: [slug] })));
    await after(transaction((tx) => updateMember(tx, actor, 'ben@aurora.example', { name: 'Ben' })));
    await after(transaction((tx) => updateMember(tx, actor, 'ben@aurora.example', { groups: [] })));
    await after(
      transaction((tx) => addMember(tx, actor, { email, name: 'New', role: 'member', groups: [slug] })),
    );
    await after(transaction((tx) => removeMember(tx, actor, email)));
    await after(
      transaction((tx) => createGroup(tx, other.actor, { ...content, slug, members: [], tools: ['get_me'] })),
    );
    expect(versions).toEqual([2, 3, 3, 3, 4, 5, 6, 6]);
  });

  test('gives its members its tools; of several groups they have the union, and of other organizations nothing', async () => {
    const email = `union${named}@aurora.example`;
    const memberId = await addPerson(organization, email, { password: undefined });
    const tools = () => effectiveTools(organization.id, memberId);
    expect(await tools()).toEqual([]);
    await replace({ tools: ['get_me', 'get_task'], members: [email] }, null);
    await transaction((tx) =>
      createGroup(tx, organization.actor, {
        ...{ name: 'Second', slug: `${slug}-second`, tools: ['get_task', 'search_tasks'], members: [email] },
      }),
    );
    expect((await tools()).toSorted()).toEqual(['get_me', 'get_task', 'search_tasks']);
    expect(await effectiveTools(other.id, memberId)).toEqual([]);
    await transaction((tx) => deleteGroup(tx, organization.actor, slug));
    expect((await tools()).toSorted()).toEqual(['get_task', 'search_tasks']);
    await transaction((tx) => updateMember(tx, organization.actor, email, { groups: [] }));
    expect(await tools()).toEqual([]);
  });

  test('has a slug that is safe in a URL, whatever its name', () => {
    const cases: [name: string, slug: string][] = [
      ['Sales & Marketing', 'sales-marketing'],
      ['  Größe 1 ', 'gro-e-1'],
      ['../../etc/passwd', 'etc-passwd'],
      ['🚪', 'group'],
      ['', 'group'],
      ['a'.repeat(100), 'a'.repeat(60)],
      [`${'a'.repeat(59)} b`, 'a'.repeat(59)],
    ];
    for (const [name, expected] of cases) expect(slugOf(name)).toBe(expected);
  });
});
