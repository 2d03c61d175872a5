// Policy tests: they say what the gate would say, no save breaks one that passes, and nobody's broken test stands in another's way.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { explainTool } from '@/lib/catalogue/explain';
import type { Actor } from '@/lib/audit/append';
import { db, pool, transaction, type Tx } from '@/lib/db';
import { createGroup, replaceGroup } from '@/lib/people/groups';
import { addMember, removeMember } from '@/lib/people/members';
import { updateOrganization } from '@/lib/people/organizations';
import {
  createPolicyTest,
  keepingPolicyTests,
  replacePolicyTests,
  runPolicyTests,
  type KeptTest,
} from '@/lib/people/policy-tests';
import { NO_RULES } from '@/lib/policy/argument-rules';
import type { PolicyTest } from '@/lib/policy/policy-tests';
import { addOrganization, openLib } from '../support/portal';

const PROJECT = '1200000000000301';

let lib: Awaited<ReturnType<typeof openLib>>;
let actor: Actor;
let elsewhere: Actor;
let bobId: string;

beforeAll(async () => {
  lib = await openLib();
  ({ actor } = await addOrganization('Aurora', 'admin@aurora.example'));
  ({ actor: elsewhere } = await addOrganization('Borealis', 'admin@borealis.example'));
  bobId = await transaction(async (tx) => {
    const { id } = await addMember(tx, actor, { email: 'bob@aurora.example', name: 'Bob', role: 'member' });
    return id;
  });
  await make('Readers', ['get_me', 'get_task', 'delete_task'], ['bob@aurora.example']);
  await make('Careful', ['get_project'], ['bob@aurora.example'], {
    ...NO_RULES,
    projects: [{ gid: PROJECT, name: null }],
  });
  await make('Nobody', ['create_tasks'], []);
});
afterAll(() => lib.close());
beforeEach(() => pool().query('DELETE FROM policy_tests'));

const make = (name: string, tools: string[], members: string[], rules: typeof NO_RULES | null = null) =>
  transaction((tx) => createGroup(tx, actor, { name, tools, members, rules }));

const about = (more: Partial<PolicyTest>): PolicyTest => ({
  ...{ member: 'bob@aurora.example', groups: [], tool: 'get_me', arguments: null, may: true, because: null },
  ...more,
});
const keep = (more: Partial<PolicyTest>): Promise<KeptTest> =>
  transaction((tx) => createPolicyTest(tx, actor, about(more)));
const save = <T>(change: (tx: Tx) => Promise<T>) =>
  transaction((tx) => keepingPolicyTests(tx, actor.organizationId, () => change(tx)));
const readers = (tools: string[]) => (tx: Tx) =>
  replaceGroup(tx, actor, 'readers', { name: 'Readers', tools, members: ['bob@aurora.example'] }, null);

describe('a policy test', () => {
  test('passes exactly where the gate’s own rule says what it says, for every tool', async () => {
    await pool().query(
      `UPDATE tools SET blocked = (name = 'delete_task'), status = CASE name WHEN 'get_task' THEN 'changed' ELSE status END::tool_status
       WHERE organization_id = $1`,
      [actor.organizationId],
    );
    const { rows } = await pool().query<{ name: string }>(
      'SELECT name FROM tools WHERE organization_id = $1',
      [actor.organizationId],
    );
    const judge = async (may: boolean) => {
      const all = rows.map(({ name }) => about({ tool: name, may }));
      await transaction((tx) => replacePolicyTests(tx, actor, all));
      const judged = await runPolicyTests(db() as unknown as Tx, actor.organizationId);
      return new Map(judged.map(({ tool, result }) => [tool, result.passed]));
    };
    const [may, mayNot] = [await judge(true), await judge(false)];
    for (const { name } of rows) {
      const explained = await explainTool(
        actor.organizationId,
        { memberId: bobId, tokenId: null, tool: name },
        { isSelf: false },
      );
      expect([name, may.get(name), mayNot.get(name)]).toEqual([
        name,
        explained!.allowed,
        !explained!.allowed,
      ]);
    }
    expect(rows.length).toBeGreaterThan(30);
    await pool().query(`UPDATE tools SET blocked = false, status = 'reviewed' WHERE organization_id = $1`, [
      actor.organizationId,
    ]);
  });

  test('about arguments is judged by the rules on arguments, and passes in neither direction where only Asana could tell', async () => {
    const of = (given: Record<string, unknown>, may: boolean) =>
      keep({ tool: 'get_project', arguments: given, may });
    expect((await of({ project_id: PROJECT }, true)).result.passed).toBe(true);
    const outside = await of({ project_id: '999' }, true);
    expect(outside.result).toMatchObject({ passed: false, sentence: expect.stringContaining('999') });
    await pool().query('DELETE FROM policy_tests');
    expect((await of({ project_id: '999' }, false)).result.passed).toBe(true);
    // At all: some arguments pass.
    expect((await keep({ tool: 'get_project' })).result.passed).toBe(true);
    await transaction((tx) =>
      replaceGroup(
        tx,
        actor,
        'careful',
        {
          ...{ name: 'Careful', tools: ['get_project', 'get_task_stories'], members: ['bob@aurora.example'] },
          rules: { ...NO_RULES, projects: [{ gid: PROJECT, name: null }] },
        },
        null,
      ),
    );
    for (const may of [true, false]) {
      const told = await keep({ tool: 'get_task_stories', arguments: { task_id: '5' }, may });
      expect(told.result).toEqual({
        ...{ passed: false, sentence: 'It can’t be told. Only Asana could say where task 5 is.' },
      });
      await pool().query('DELETE FROM policy_tests');
    }
  });

  test('about groups is about a person in exactly those, whoever is in them', async () => {
    const may = async (groups: string[], tool: string) =>
      (await keep({ member: null, groups, tool })).result.passed;
    expect(await may(['readers'], 'get_me')).toBe(true);
    expect(await may(['readers'], 'create_tasks')).toBe(false);
    expect(await may(['nobody', 'readers'], 'create_tasks')).toBe(true);
  });

  test('names only what exists in the organization, and is there once', async () => {
    const refused: [Partial<PolicyTest>, string][] = [
      [{ member: 'admin@borealis.example' }, 'unknown_member'],
      [{ member: null, groups: ['none'] }, 'unknown_group'],
      [{ tool: 'no_such_tool' }, 'unknown_tool'],
    ];
    for (const [more, code] of refused) await expect(keep(more)).rejects.toMatchObject({ code });
    await keep({});
    await expect(keep({})).rejects.toMatchObject({ code: 'exists' });
    await expect(keep({ may: false })).rejects.toMatchObject({ code: 'exists' });
    await keep({ arguments: {} });
    expect(await runPolicyTests(db() as unknown as Tx, elsewhere.organizationId)).toEqual([]);
  });

  test('goes with its member', async () => {
    await transaction((tx) =>
      addMember(tx, actor, { email: 'cleo@aurora.example', name: 'Cleo', role: 'member' }),
    );
    await keep({ member: 'cleo@aurora.example', may: false });
    await keep({});
    await transaction((tx) => removeMember(tx, actor, 'cleo@aurora.example'));
    const left = await runPolicyTests(db() as unknown as Tx, actor.organizationId);
    expect(left.map(({ member }) => member)).toEqual(['bob@aurora.example']);
  });
});

describe('a save', () => {
  test('that would break a test is refused whole, and says which and why; its twin is saved', async () => {
    await keep({ tool: 'create_tasks', may: false, because: 'Bob only reads' });
    const before = await pool().query('SELECT count(*)::int AS n FROM audit_records');
    await expect(save(readers(['get_me', 'create_tasks']))).rejects.toMatchObject({
      code: 'policy_test_failed',
      detail:
        'Nothing was saved: a policy test fails. “bob@aurora.example may not call create_tasks” (Bob only reads): The policy allows it.',
    });
    expect(await pool().query('SELECT count(*)::int AS n FROM audit_records')).toMatchObject({
      rows: before.rows,
    });
    expect((await save(readers(['get_me', 'get_task']))).tools).toEqual(['get_me', 'get_task']);
  });

  test('is not hindered by a test that failed before it, until that test passes', async () => {
    await keep({ tool: 'create_tasks', may: true });
    // One that passes, so that the tests are asked at all.
    await keep({ tool: 'get_user', may: false });
    await save(readers(['get_me']));
    await save(readers(['get_me', 'create_tasks']));
    await expect(save(readers(['get_me']))).rejects.toMatchObject({ code: 'policy_test_failed' });
  });

  test('is asked about tests of its own organization alone', async () => {
    await keep({});
    const answer = await transaction((tx) =>
      keepingPolicyTests(tx, elsewhere.organizationId, async () => 'saved'),
    );
    expect(answer).toBe('saved');
  });

  test('sees what another save did at the same time: two that each break nothing can’t break a test together', async () => {
    await save(readers(['get_me']));
    await pool().query(
      `UPDATE tools SET status = 'changed' WHERE organization_id = $1 AND name = 'get_task'`,
      [actor.organizationId],
    );
    await keep({ tool: 'get_task', may: false });
    let letGo = () => {};
    const isHeld = new Promise<void>((resolve) => (letGo = resolve));
    let arrived = () => {};
    const atEnd = new Promise<void>((resolve) => (arrived = resolve));
    // One gives a tool that is closed because it changed; before it commits the other lets changed tools stay, and nobody has any yet.
    // No row is touched by both.
    const one = transaction(async (tx) => {
      await keepingPolicyTests(tx, actor.organizationId, () => readers(['get_me', 'get_task'])(tx));
      arrived();
      await isHeld;
    });
    await atEnd;
    const two = save((tx) => updateOrganization(tx, actor, { driftPolicy: 'warn' }));
    const late = setTimeout(letGo, 300);
    const ends = await Promise.allSettled([one, two]);
    clearTimeout(late);
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((ends[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'policy_test_failed' });
  });
});
