// The policy as a file: an export says everything and no secret, an apply of it changes nothing, and whatever else a file says is done whole,
// with the records that the portal writes, or not at all.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '@/lib/audit/append';
import { updateTool } from '@/lib/catalogue/catalogue';
import { applyConfig, planConfig, readConfig, versionOf } from '@/lib/config/config';
import { configFile, configText, readConfigText, type Config } from '@/lib/config/format';
import { db, pool, transaction, type Tx } from '@/lib/db';
import { createGroup, listGroups } from '@/lib/people/groups';
import { addMember } from '@/lib/people/members';
import { createPolicyTest } from '@/lib/people/policy-tests';
import { NO_RULES } from '@/lib/policy/argument-rules';
import { addOrganization, openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let actor: Actor;
const PROJECT = '1200000000000301';

beforeAll(async () => {
  lib = await openLib();
  ({ actor } = await addOrganization('Aurora', 'admin@aurora.example'));
  const { actor: elsewhere } = await addOrganization('Borealis', 'admin@borealis.example');
  await transaction(async (tx) => {
    for (const name of ['ana', 'bob'])
      await addMember(tx, actor, { email: `${name}@aurora.example`, name, role: 'member' });
    await addMember(tx, elsewhere, { email: 'eve@borealis.example', name: 'Eve', role: 'member' });
    await createGroup(tx, elsewhere, { name: 'Theirs', tools: ['get_me'], members: [] });
    const sales = {
      ...{
        name: 'Sales',
        tools: ['get_task', 'get_me'],
        members: ['bob@aurora.example', 'ana@aurora.example'],
      },
      ...{ methods: ['resources' as const], limits: { perMinute: 30 } },
      rules: { ...NO_RULES, projects: [{ gid: PROJECT, name: 'Relaunch' }], maxItems: 5 },
    };
    await createGroup(tx, actor, sales);
    await createGroup(tx, actor, { name: 'Board', tools: ['delete_task'], members: ['ana@aurora.example'] });
    await updateTool(tx, actor, 'create_project', { blocked: true });
    await createPolicyTest(tx, actor, {
      ...{ member: 'bob@aurora.example', groups: [], tool: 'delete_task', arguments: null, may: false },
      because: 'Bob is new',
    });
  });
});
afterAll(() => lib.close());

const read = () => readConfig(db() as unknown as Tx, actor.organizationId);
const text = async () => configText(await read());
const apply = (file: unknown, base: string | null = null) =>
  transaction((tx) => applyConfig(tx, actor, configFile.parse(file), base));
const plan = (file: unknown) => planConfig(actor, configFile.parse(file));
const events = async () =>
  (
    await pool().query<{ action: string; target: string }>(
      `SELECT action, target FROM audit_records WHERE organization_id = $1 AND kind = 'event' ORDER BY id`,
      [actor.organizationId],
    )
  ).rows;
/** What an attempt left behind in the database: nothing, where it was refused. */
async function unchanged(work: () => Promise<unknown>) {
  const before = [await text(), await events()];
  const failed = await work().then(
    () => null,
    (error: unknown) => error as { code: string; message: string },
  );
  expect([await text(), await events()]).toEqual(before);
  return failed;
}

describe('an export', () => {
  test('is the same text on repeat, reads back as itself, and an apply of it changes nothing and records nothing', async () => {
    const exported = await text();
    expect(await text()).toBe(exported);
    const again = readConfigText(exported);
    expect('file' in again && JSON.parse(JSON.stringify(again.file))).toEqual(JSON.parse(exported));
    const failed = await unchanged(async () => {
      expect((await apply(JSON.parse(exported))).changes).toEqual([]);
      expect((await plan(JSON.parse(exported))).changes).toEqual([]);
    });
    expect(failed).toBeNull();
    // The twin: one letter of it.
    expect((await plan(JSON.parse(exported.replace('"Board"', '"Bored"')))).changes).toHaveLength(1);
  });

  test('holds the whole policy and neither secrets, ids of ours nor another organization’s things', async () => {
    const { groups, tools, tests, organization, redirectUris } = await read();
    expect(groups.map(({ slug }) => slug)).toEqual(['board', 'sales']);
    expect(groups[1]).toEqual({
      ...{ slug: 'sales', name: 'Sales', tools: ['get_me', 'get_task'], methods: ['resources'] },
      ...{
        members: ['ana@aurora.example', 'bob@aurora.example'],
        limits: { perMinute: 30 },
        approvals: null,
        undo: null,
        writeSafety: null,
      },
      rules: { ...NO_RULES, projects: [{ gid: PROJECT, name: 'Relaunch' }], maxItems: 5 },
    });
    expect(tools.blocked).toEqual(['create_project']);
    expect(tests).toEqual([
      {
        ...{ member: 'bob@aurora.example', groups: [], tool: 'delete_task', arguments: null, may: false },
        because: 'Bob is new',
      },
    ]);
    expect(organization.driftPolicy).toBe('hold');
    expect(redirectUris.allowLoopback).toBe(true);
    expect(await text()).not.toMatch(
      /[0-9a-f]{8}-[0-9a-f]{4}-|borealis|theirs|password|secret|token_hash|gth_|ghk_/i,
    );
  });
});

describe('a plan', () => {
  test('says in words what an apply would change, and which tests would fail, and changes nothing', async () => {
    const file = await read();
    const [board, sales] = file.groups as [Config['groups'][number], Config['groups'][number]];
    const wanted = {
      ...file,
      organization: { ...file.organization, driftPolicy: 'warn' },
      tools: { blocked: ['get_task'] },
      groups: [
        { ...sales, tools: ['get_me', 'delete_task'], rules: null, limits: null },
        { slug: 'new', name: 'New', tools: ['get_me'] },
      ],
      absentGroups: 'delete',
      redirectUris: { ...file.redirectUris, allowLoopback: false },
    };
    let said: Awaited<ReturnType<typeof plan>>;
    expect(
      await unchanged(async () => {
        said = await plan(wanted);
      }),
    ).toBeNull();
    expect(said!.changes.map(({ sentence }) => sentence)).toEqual([
      'Setting driftPolicy: hold becomes warn.',
      'Redirect URIs: no longer allows programs on the person’s own computer.',
      'Tool get_task is blocked for everybody.',
      'Tool create_project is no longer blocked.',
      `Group board is deleted: 1 person loses what it gave them (${board.tools.join(', ')}).`,
      'Group new is made: 0 people; get_me.',
      'Group sales: gets delete_task; loses get_task; its limit is none instead of 30 calls a minute; its rules on arguments are lifted; they were “Only inside projects Relaunch (1200000000000301). At most 5 items in one call.”.',
    ]);
    expect(said!.failing.map(({ tool, result }) => [tool, result.sentence])).toEqual([
      ['delete_task', 'The policy allows it.'],
    ]);
    const refused = await unchanged(() => apply(wanted));
    expect(refused).toMatchObject({ code: 'policy_test_failed' });
    expect(refused!.message).toContain('“bob@aurora.example may not call delete_task” (Bob is new)');
  });
});

describe('an apply', () => {
  test.each<[string, (file: Config) => unknown, string, string]>([
    [
      'an unknown member',
      (file) => ({ ...file, groups: [{ ...file.groups[0], members: ['no@one.example'] }, file.groups[1]] }),
      'unknown_member',
      'no@one.example',
    ],
    [
      'somebody else’s member',
      (file) => ({
        ...file,
        groups: [{ ...file.groups[0], members: ['eve@borealis.example'] }, file.groups[1]],
      }),
      'unknown_member',
      'eve',
    ],
    [
      'an unknown tool',
      (file) => ({ ...file, groups: [{ ...file.groups[0], tools: ['none'] }, file.groups[1]] }),
      'unknown_tool',
      'none',
    ],
    ['an unknown tool to block', (file) => ({ ...file, tools: { blocked: ['none'] } }), 'not_found', 'none'],
    [
      'an unknown group in a test',
      (file) => ({ ...file, tests: [{ groups: ['none'], tool: 'get_me', may: true }] }),
      'unknown_group',
      'none',
    ],
    [
      'groups that it does not name',
      (file) => ({ ...file, groups: file.groups.slice(1) }),
      'absent_groups',
      '"board"',
    ],
    [
      'a redirect URI that is none',
      (file) => ({ ...file, redirectUris: { uris: ['javascript:alert(1)'], allowLoopback: true } }),
      'invalid',
      'javascript',
    ],
    [
      'a test that fails',
      (file) => ({ ...file, tests: [{ member: 'ana@aurora.example', tool: 'delete_task', may: false }] }),
      'policy_test_failed',
      'ana@aurora.example may not call delete_task',
    ],
  ])('is refused whole for %s', async (_what, change, code, about) => {
    const file = change({
      ...(await read()),
      organization: { ...(await read()).organization, driftPolicy: 'warn' },
    });
    const failed = await unchanged(() => apply(file));
    expect(failed).toMatchObject({ code });
    expect(failed!.message).toContain(about);
  });

  test('is refused where the policy was changed since the plan, and goes where it was not', async () => {
    const file = await read();
    const { version } = await plan(file);
    expect(version).toBe(versionOf(file));
    await transaction((tx) => updateTool(tx, actor, 'get_me', { blocked: true }));
    expect(await unchanged(() => apply(file, version))).toMatchObject({ code: 'stale_version' });
    const now = await plan(file);
    expect((await apply(file, now.version)).changes).toHaveLength(1);
  });

  test('writes for each thing that changes the event that the portal writes, and for nothing else', async () => {
    const file = await read();
    const before = (await events()).length;
    await apply({
      gatehouse: 1,
      organization: { driftPolicy: 'warn', asanaPlan: file.organization.asanaPlan },
      tools: { blocked: ['create_project', 'get_user'] },
      groups: [
        { slug: 'sales', name: 'Sales people', tools: ['get_me', 'get_task'] },
        { slug: 'new', name: 'New', tools: [] },
      ],
      absentGroups: 'delete',
      tests: [...file.tests, { groups: ['new'], tool: 'get_me', may: false }],
    });
    expect(
      (await events())
        .slice(before)
        .map(({ action, target }) => `${action} ${target.replace(/:[0-9a-f-]{36}$/, '')}`),
    ).toEqual([
      'organization.updated organization',
      'tool.updated tool:get_user',
      'group.deleted group:board',
      'group.created group:new',
      'group.updated group:sales',
      'policy_test.created policy_test',
    ]);
    // What the file does not say of a group stays as it was.
    const [, sales] = await listGroups(db() as unknown as Tx, actor.organizationId);
    expect(sales).toMatchObject({
      ...{ name: 'Sales people', members: ['ana@aurora.example', 'bob@aurora.example'] },
      ...{ methods: ['resources'], limits: { perMinute: 30 }, rules: { maxItems: 5 } },
    });
  });

  test('never opens a tool that nobody has reviewed', async () => {
    await pool().query(
      `UPDATE tools SET status = 'new', blocked = true WHERE organization_id = $1 AND name = 'get_user'`,
      [actor.organizationId],
    );
    await apply({ gatehouse: 1, tools: { blocked: [] } });
    const { rows } = await pool().query(
      `SELECT status, blocked FROM tools WHERE organization_id = $1 AND name = 'get_user'`,
      [actor.organizationId],
    );
    expect(rows).toEqual([{ status: 'new', blocked: false }]);
    expect(
      configFile.safeParse({ gatehouse: 1, tools: { blocked: [], reviewed: ['get_user'] } }).success,
    ).toBe(false);
  });

  test('of two at once is one after the other: each finds the policy that it was planned for, or is refused', async () => {
    const file = await read();
    const { version } = await plan(file);
    const ends = await Promise.allSettled(
      ['One', 'Two'].map((name) =>
        apply({ ...file, groups: file.groups.map((group) => ({ ...group, name })) }, version),
      ),
    );
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const refused = ends.find(({ status }) => status === 'rejected') as PromiseRejectedResult;
    expect(refused.reason).toMatchObject({ code: 'stale_version' });
  });
});

describe('a file', () => {
  test.each([
    ['no JSON', '{', /not JSON/],
    ['another version', '{"gatehouse":2}', /gatehouse: must be 1/],
    ['a name that no version knows', '{"gatehouse":1,"group":[]}', /group/],
    [
      'a group twice',
      '{"gatehouse":1,"groups":[{"slug":"a","name":"A","tools":[]},{"slug":"a","name":"A","tools":[]}]}',
      /twice/,
    ],
    ['a test of nobody', '{"gatehouse":1,"tests":[{"tool":"get_me","may":true}]}', /either member or groups/],
  ])('that is %s is refused with the place', (_what, given, problem) => {
    expect(readConfigText(given)).toEqual({ problem: expect.stringMatching(problem) });
  });
});
