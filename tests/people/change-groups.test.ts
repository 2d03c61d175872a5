// Changes of several groups at once: whole or not at all, never over a change unseen, and undone exactly.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { effectiveTools } from '@/lib/catalogue/catalogue';
import { pool, transaction } from '@/lib/db';
import { changeGroups } from '@/lib/people/change-groups';
import { createGroup, deleteGroup, listGroups, replaceGroup, type Group } from '@/lib/people/groups';
import { untilSomebodyWaits } from '../support/database';
import { addOrganization, addPerson, openLib, type PortalOrganization } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;
let other: PortalOrganization;
let ana: string;
let round = 0;
/** Three fresh groups a test: `a` with get_me, `b` with get_me and get_task, `c` with nothing. */
let a: string, b: string, c: string;

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
  other = await addOrganization('Borealis', 'admin@borealis.example');
});
afterAll(() => lib.close());
beforeEach(async () => {
  round += 1;
  [a, b, c] = [`a-${round}`, `b-${round}`, `c-${round}`];
  const email = `ana${round}@aurora.example`;
  ana = await addPerson(organization, email, { password: undefined });
  for (const [slug, tools] of [
    [a, ['get_me']],
    [b, ['get_me', 'get_task']],
    [c, []],
  ] as const)
    await transaction((tx) =>
      createGroup(tx, organization.actor, {
        ...{ slug, name: slug, tools: [...tools], members: [email], methods: ['prompts'] },
      }),
    );
});

type Change = Parameters<typeof changeGroups>[2][number];
const change = (changes: Change[], by = organization) =>
  transaction((tx) => changeGroups(tx, by.actor, changes));
const all = async () =>
  new Map((await transaction((tx) => listGroups(tx, organization.id))).map((group) => [group.slug, group]));
const eventsOf = async (slug: string) => {
  const { records } = await searchAudit(organization.id, { kind: 'event' }, { limit: 500 });
  return records.filter(({ target }) => target === `group:${slug}`);
};
const ends = async (attempts: Promise<unknown>[]) =>
  (await Promise.allSettled(attempts)).map((attempt) =>
    attempt.status === 'fulfilled'
      ? 'done'
      : String((attempt.reason as { code?: unknown }).code ?? attempt.reason),
  );

describe('a set of changes', () => {
  test('is saved with one event for each group, as replacing the group writes it, and gives the new versions', async () => {
    const before = await all();
    const saved = await change([
      { slug: b, version: 1, remove: ['get_me'], add: ['search_tasks', 'search_tasks'] },
      { slug: a, version: 1, add: ['get_task'] },
    ]);
    expect(saved.map(({ slug, tools, version }) => [slug, tools, version])).toEqual([
      [b, ['get_task', 'search_tasks'], 2],
      [a, ['get_me', 'get_task'], 2],
    ]);
    const after = await all();
    expect(saved).toEqual([after.get(b), after.get(a)]);
    for (const slug of [a, b])
      expect((await eventsOf(slug))[0]).toMatchObject({
        ...{ action: 'group.updated', before: before.get(slug), after: after.get(slug) },
        member: 'admin@aurora.example',
      });
    expect(after.get(c)).toEqual(before.get(c));
  });

  test('is undone exactly by its inverse with the versions it returned', async () => {
    const before = await all();
    const tools = await effectiveTools(organization.id, ana);
    const [first, second] = await change([
      { slug: a, version: 1, add: ['get_task', 'search_tasks'], remove: ['get_me'] },
      { slug: b, version: 1, remove: ['get_me', 'get_task'] },
    ]);
    expect(await effectiveTools(organization.id, ana)).not.toEqual(tools);
    await change([
      { slug: a, version: first!.version, remove: ['get_task', 'search_tasks'], add: ['get_me'] },
      { slug: b, version: second!.version, add: ['get_me', 'get_task'] },
    ]);
    const plain = (groups: Map<string, Group>) =>
      [...groups.values()].map(({ version: _version, ...group }) => group);
    expect(plain(await all())).toEqual(plain(before));
    expect(await effectiveTools(organization.id, ana)).toEqual(tools);
  });

  test('that changes nothing of a group leaves its version and the audit alone', async () => {
    const before = await all();
    const saved = await change([
      { slug: b, version: 1, add: ['get_me'], remove: ['search_tasks'] },
      { slug: a, version: 1 },
    ]);
    expect(saved).toEqual([before.get(b), before.get(a)]);
    expect(await all()).toEqual(before);
    expect(await eventsOf(b)).toHaveLength(1);
  });

  const failures: [string, Partial<Change>, string, RegExp][] = [
    ['a stale version', { version: 2 }, 'stale_version', /"b-\d+".*nothing was saved/],
    ['a version of before', { version: 0 }, 'stale_version', /"b-\d+"/],
    ['an unknown group', { slug: 'no-such-group' }, 'not_found', /"no-such-group"/],
    ['another organization’s group', { slug: 'theirs' }, 'not_found', /"theirs"/],
    ['an unknown tool to add', { add: ['GET_ME'] }, 'unknown_tool', /"GET_ME"/],
    ['an unknown tool to remove', { remove: ['constructor'] }, 'unknown_tool', /"constructor"/],
  ];
  test.each(failures)('with %s is refused whole', async (_, wrong, code, about) => {
    await transaction((tx) =>
      createGroup(tx, other.actor, { name: 'Theirs', slug: 'theirs', tools: [], members: [] }),
    ).catch(() => undefined);
    const before = await all();
    const count = (await eventsOf(a)).length;
    const attempt = change([
      { slug: a, version: 1, add: ['search_tasks'] },
      { slug: b, version: 1, add: ['search_tasks'], ...wrong },
      { slug: c, version: 1, add: ['search_tasks'] },
    ]);
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(about) });
    expect(await all()).toEqual(before);
    expect(await eventsOf(a)).toHaveLength(count);
  });

  test('names every group that has moved on, and no other', async () => {
    await change([
      { slug: a, version: 1, add: ['get_task'] },
      { slug: c, version: 1, add: ['get_task'] },
    ]);
    const attempt = change([a, b, c].map((slug) => ({ slug, version: 1, add: ['search_tasks'] })));
    const { message } = (await attempt.catch((error: unknown) => error)) as Error;
    expect([message.includes(`"${a}"`), message.includes(`"${b}"`), message.includes(`"${c}"`)]).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe('of several admins at once', () => {
  const shuffled = (n: number) => (n % 2 === 0 ? [a, b, c] : [c, b, a]);

  test('who change the same groups from the same versions one is saved whole, the others hear that theirs are stale', async () => {
    const tools = ['search_tasks', 'get_projects', 'get_project', 'get_tasks', 'get_user', 'get_users'];
    const attempts = tools.map((tool, n) =>
      change(shuffled(n).map((slug) => ({ slug, version: 1, add: [tool] }))),
    );
    const results = await ends(attempts);
    expect(results.toSorted()).toEqual(['done', ...Array<string>(5).fill('stale_version')]);
    const winner = tools[results.indexOf('done')]!;
    const after = await all();
    for (const slug of [a, b, c]) {
      const { version, tools: has } = after.get(slug)!;
      expect([version, has.filter((tool) => tools.includes(tool))]).toEqual([2, [winner]]);
      expect(await eventsOf(slug)).toHaveLength(2);
    }
  });

  test('everybody locks groups in the order of their ids, in whatever order they are named, so that nobody waits in a circle', async () => {
    const { rows } = await pool().query<{ id: string; slug: string }>(
      'SELECT id, slug FROM groups WHERE slug = ANY($1::text[]) ORDER BY id',
      [[a, b, c]],
    );
    const [first, second] = rows as [(typeof rows)[0], (typeof rows)[0]];
    const lock = 'SELECT 1 FROM groups WHERE id = $1 FOR UPDATE';
    for (const [n, slugs] of [
      [first.slug, second.slug],
      [second.slug, first.slug],
    ].entries()) {
      const holder = await pool().connect();
      await holder.query(`BEGIN; SET LOCAL lock_timeout = '3s'`);
      await holder.query(lock, [first.id]);
      const changing = change(
        slugs.map((slug) => ({ slug, version: n + 1, add: [`get_user${'s'.repeat(n)}`] })),
      );
      await untilSomebodyWaits();
      // Whoever waits for the first must not hold the second.
      await expect(holder.query(lock, [second.id])).resolves.toBeDefined();
      await holder.query('ROLLBACK');
      holder.release();
      await expect(changing).resolves.toHaveLength(2);
    }
  });

  test('who change different groups all are saved, and nothing is lost', async () => {
    const attempts = [a, b, c].map((slug) => change([{ slug, version: 1, add: ['search_tasks'] }]));
    expect(await ends(attempts)).toEqual(['done', 'done', 'done']);
    for (const slug of [a, b, c]) expect((await all()).get(slug)!.tools).toContain('search_tasks');
  });

  test('who overlap, delete, replace and try again until they are through, every change that was acknowledged is there', async () => {
    const tools = ['search_tasks', 'get_projects', 'get_project', 'get_tasks'];
    const insist = async (tool: string, n: number): Promise<void> => {
      for (;;) {
        const groups = await all();
        const slugs = shuffled(n).filter((slug) => groups.has(slug));
        const set = slugs.map((slug) => ({ slug, version: groups.get(slug)!.version, add: [tool] }));
        const [end] = await ends([change(set)]);
        if (end === 'done') return;
        expect(end).toMatch(/^(stale_version|not_found)$/);
      }
    };
    const replaced = transaction((tx) =>
      replaceGroup(tx, organization.actor, b, { name: 'Renamed', tools: ['get_me'], members: [] }, 1),
    );
    const [ended] = await ends([
      replaced,
      transaction((tx) => deleteGroup(tx, organization.actor, c)),
      ...tools.map(insist),
    ]);
    expect(ended).toMatch(/^(done|stale_version)$/);
    const after = await all();
    expect(after.has(c)).toBe(false);
    expect(after.get(a)!.tools).toEqual(['get_me', ...tools].toSorted());
    expect(after.get(a)!.version).toBe(5);
    expect(after.get(b)!.tools).toEqual(expect.arrayContaining(tools));
    expect(after.get(b)!.name).toBe(ended === 'done' ? 'Renamed' : b);
  });

  test('who change a set and replace one of its groups from the same version one is saved, the other stale', async () => {
    const results = await ends([
      change([
        { slug: a, version: 1, add: ['get_task'] },
        { slug: b, version: 1, add: ['search_tasks'] },
      ]),
      transaction((tx) => replaceGroup(tx, organization.actor, b, { name: b, tools: [], members: [] }, 1)),
    ]);
    expect(results.toSorted()).toEqual(['done', 'stale_version']);
    const after = await all();
    expect([after.get(a)!.version, after.get(b)!.version]).toEqual([results[0] === 'done' ? 2 : 1, 2]);
  });
});
