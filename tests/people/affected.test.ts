// A preview counts the truth: held against what people and agents may really use before and after the very changes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { effectiveTools } from '@/lib/catalogue/catalogue';
import { pool, transaction } from '@/lib/db';
import { previewChanges } from '@/lib/people/affected';
import { changeGroups, type GroupChange } from '@/lib/people/change-groups';
import { createGroup, listGroups } from '@/lib/people/groups';
import { updateOrganization } from '@/lib/people/organizations';
import { grantedSql, toolDenialSql } from '@/lib/policy/policy';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { addOrganization, addPerson, openLib, type PortalOrganization } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;
let other: PortalOrganization;
const people: { id: string; email: string }[] = [];
const agents: { id: string; atWork: boolean }[] = [];
const TOOLS = ['get_me', 'get_task', 'get_tasks', 'search_tasks', 'get_project', 'get_projects', 'get_user'];
const GROUPS = ['one', 'two', 'three', 'four'];

// Repeatable: the same picks in every run.
let state = 7;
const pick = (n: number) => (state = (state * 48_271) % 2_147_483_647) % n;
const some = <T>(items: readonly T[], oneIn: number): T[] => items.filter(() => pick(oneIn) === 0);

async function mint(memberId: string, tools: string[] | undefined, sql: string | null): Promise<void> {
  const actor = { ...organization.actor, memberId };
  const { id } = await transaction((tx) => mintAgentToken(tx, actor, { name: 'agent', tools }));
  agents.push({ id, atWork: sql === 'last_used_at = now()' });
  if (sql) await pool().query(`UPDATE agent_tokens SET ${sql} WHERE id = $1`, [id]);
}

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
  other = await addOrganization('Borealis', 'admin@borealis.example');
  for (let n = 0; n < 14; n += 1) {
    const email = `p${String(n).padStart(2, '0')}@aurora.example`;
    const id = await addPerson(organization, email, { name: `P${n}`, password: undefined });
    people.push({ id, email });
    await mint(id, undefined, 'last_used_at = now()');
    await mint(id, some(TOOLS, 2), 'last_used_at = now()');
    if (n % 4 === 0) await mint(id, undefined, null);
    if (n % 4 === 1) await mint(id, undefined, `last_used_at = now() - interval '8 days'`);
    if (n % 4 === 2)
      await mint(id, undefined, `last_used_at = now(), expires_at = now() - interval '1 second'`);
    if (n % 4 === 3) await mint(id, [], 'last_used_at = now()');
  }
  for (const slug of GROUPS)
    await transaction((tx) =>
      createGroup(tx, organization.actor, {
        ...{ slug, name: slug, tools: some(TOOLS, 2), members: some(people, 2).map(({ email }) => email) },
      }),
    );
  await addPerson(other, 'p@borealis.example', { password: undefined });
  await transaction((tx) =>
    createGroup(tx, other.actor, {
      ...{ slug: 'one', name: 'One', tools: [], members: ['p@borealis.example'] },
    }),
  );
  await pool().query(`UPDATE tools SET blocked = true WHERE name = 'get_tasks'`);
  await pool().query(`UPDATE tools SET status = 'changed' WHERE name = 'search_tasks'`);
  await pool().query(`UPDATE tools SET status = 'new' WHERE name = 'get_project'`);
  await pool().query(`UPDATE tools SET status = 'missing' WHERE name = 'get_projects'`);
});
afterAll(() => lib.close());

const preview = (changes: GroupChange[]) => previewChanges(organization.id, changes);
const save = async (changes: GroupChange[]) => {
  const groups = await transaction((tx) => listGroups(tx, organization.id));
  const version = (slug: string) => groups.find((group) => group.slug === slug)!.version;
  await transaction((tx) =>
    changeGroups(
      tx,
      organization.actor,
      changes.map((change) => ({ ...change, version: version(change.slug) })),
    ),
  );
};

const RULE = toolDenialSql({
  ...{ tool: 't', restricted: 'k.restricted', tools: 'k.tools', driftPolicy: 'o.drift_policy' },
  granted: grantedSql({ organizationId: '$1', memberId: 'k.member_id', toolName: 't.name' }),
});

/** Who may use what, by the functions that others answer with; agents by the gate's rule with their token in it. */
async function truth() {
  const sets = await Promise.all(
    people.map(async ({ id, email }) => [email, new Set(await effectiveTools(organization.id, id))] as const),
  );
  const { rows } = await pool().query<{ id: string; tools: string[] }>(
    `SELECT k.id, ARRAY(SELECT t.name FROM tools t JOIN organizations o ON o.id = t.organization_id
       WHERE t.organization_id = $1 AND ${RULE} IS NULL) AS tools FROM agent_tokens k WHERE k.id = ANY($2::uuid[])`,
    [organization.id, agents.filter(({ atWork }) => atWork).map(({ id }) => id)],
  );
  const ofAgents = new Map(rows.map(({ id, tools }) => [id, new Set(tools)]));
  return { people: new Map(sets), agents: ofAgents };
}

type Truth = Awaited<ReturnType<typeof truth>>;

/** What a preview of these tools must say, from the difference. */
function difference(names: string[], before: Truth, after: Truth) {
  const changed = (had: Map<string, Set<string>>, has: Map<string, Set<string>>, tool: string) =>
    [...had.keys()].filter((key) => !had.get(key)!.has(tool) && has.get(key)!.has(tool));
  const affected = (from: Truth, to: Truth, tool: string) => {
    const gained = changed(from.people, to.people, tool).toSorted();
    return {
      people: gained.length,
      agents: changed(from.agents, to.agents, tool).length,
      sample: gained.slice(0, 8).map((email) => ({ email, name: `P${Number(email.slice(1, 3))}` })),
    };
  };
  const anyone = (from: Truth, to: Truth) =>
    new Set(TOOLS.flatMap((tool) => changed(from.people, to.people, tool))).size;
  return {
    tools: names.map((name) => ({
      name,
      gains: affected(before, after, name),
      loses: affected(after, before, name),
    })),
    people: { gain: anyone(before, after), lose: anyone(after, before) },
  };
}

describe('a preview', () => {
  test.each(['hold', 'warn'] as const)(
    'says exactly what saving the changes does to people and agents at work, with the drift policy %s',
    async (driftPolicy) => {
      await transaction((tx) => updateOrganization(tx, organization.actor, { driftPolicy }));
      let before = await truth();
      let [gained, lost] = [0, 0];
      for (let round = 0; round < 8; round += 1) {
        const changes = some(GROUPS, 2).map((slug) => {
          const add = some(TOOLS, 3);
          return { slug, add, remove: some(TOOLS, 3).filter((tool) => !add.includes(tool)) };
        });
        if (changes.length === 0) continue;
        const said = await preview(changes);
        const named = new Set(changes.flatMap(({ add, remove }) => [...add, ...remove]));
        expect(new Set(said.tools.map(({ name }) => name))).toEqual(named);
        await save(changes);
        const after = await truth();
        expect(said).toEqual(
          difference(
            said.tools.map(({ name }) => name),
            before,
            after,
          ),
        );
        gained += said.people.gain;
        lost += said.people.lose;
        before = after;
      }
      expect([gained > 5, lost > 5]).toEqual([true, true]);
    },
  );

  test('saves nothing', async () => {
    const groups = () => transaction((tx) => listGroups(tx, organization.id));
    const before = await groups();
    await preview(GROUPS.map((slug) => ({ slug, add: ['get_me'], remove: ['get_task'] })));
    expect(await groups()).toEqual(before);
  });

  test('counts nobody for a tool that nobody may use as it stands', async () => {
    for (const tool of ['get_tasks', 'get_project', 'get_projects'])
      for (const change of [{ add: [tool] }, { remove: [tool] }]) {
        const { tools, people } = await preview(GROUPS.map((slug) => ({ slug, ...change })));
        expect([tools[0]!.gains.people, tools[0]!.loses.people, people]).toEqual([
          0,
          0,
          { gain: 0, lose: 0 },
        ]);
      }
  });

  test('counts an MCP client’s grant as an agent while it is in force', async () => {
    await save([{ slug: 'one', remove: ['get_user'] }]);
    const { rows } = await pool().query<{ id: string }>(
      `SELECT m.id FROM members m JOIN group_members gm ON gm.member_id = m.id JOIN groups g ON g.id = gm.group_id
       WHERE g.slug = 'one' AND m.organization_id = $1 AND NOT EXISTS (SELECT 1 FROM group_members o JOIN group_tools t
         ON t.group_id = o.group_id WHERE o.member_id = m.id AND t.tool_name = 'get_user') LIMIT 1`,
      [organization.id],
    );
    const agentsNow = async () =>
      (await preview([{ slug: 'one', add: ['get_user'] }])).tools[0]!.gains.agents;
    const before = await agentsNow();
    const id = crypto.randomUUID();
    await pool().query(
      `INSERT INTO grants (id, organization_id, member_id, client_id, client_name, redirect_uri, resource, expires_at, last_used_at)
       VALUES ($1, $2, $3, 'client', 'Client', 'http://127.0.0.1/', 'r', now() + interval '1 hour', now())`,
      [id, organization.id, rows[0]!.id],
    );
    expect(await agentsNow()).toBe(before + 1);
    for (const sql of [
      `UPDATE grants SET ended_at = now()`,
      `UPDATE grants SET ended_at = NULL, expires_at = now()`,
      `UPDATE grants SET expires_at = now() + interval '1 hour', last_used_at = now() - interval '8 days'`,
    ]) {
      await pool().query(`${sql} WHERE id = $1`, [id]);
      expect(await agentsNow(), sql).toBe(before);
    }
    await pool().query(`UPDATE grants SET last_used_at = now() WHERE id = $1`, [id]);
    await pool().query(`INSERT INTO client_blocks (organization_id, client_id) VALUES ($1, 'client')`, [
      organization.id,
    ]);
    expect(await agentsNow()).toBe(before);
  });

  test('of an unknown group or tool, or another organization’s, is refused', async () => {
    await expect(preview([{ slug: 'nothing', add: ['get_me'] }])).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(preview([{ slug: 'one', add: ['nothing'] }])).rejects.toMatchObject({
      code: 'unknown_tool',
    });
    const theirs = await previewChanges(other.id, [{ slug: 'one', add: ['get_me'] }]);
    expect(theirs.tools[0]!.gains).toEqual({
      ...{ people: 1, agents: 0, sample: [{ email: 'p@borealis.example', name: 'p@borealis.example' }] },
    });
    await expect(previewChanges(other.id, [{ slug: 'two' }])).rejects.toMatchObject({ code: 'not_found' });
  });
});
