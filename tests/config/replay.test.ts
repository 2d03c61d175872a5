// A replay says what a draft would decide, and the gate then decides just that: the calls on record are replayed against a draft, the draft
// is applied, and the same calls are made once more. Nothing of a replay stays.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replayPolicy, type PolicyDraft, type PolicyReplay } from '@/lib/config/replay';
import { applyConfig } from '@/lib/config/config';
import { configFile } from '@/lib/config/format';
import { pool, transaction } from '@/lib/db';
import { changeGroups } from '@/lib/people/change-groups';
import { lockGroups, replaceGroup } from '@/lib/people/groups';
import { updateOrganization } from '@/lib/people/organizations';
import { createPolicyTest } from '@/lib/people/policy-tests';
import { NO_RULES } from '@/lib/policy/argument-rules';
import { revokeMemberToken } from '@/lib/tokens/agent-tokens';
import {
  auditOf,
  callOf,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  startGate,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

const PROJECT = '1200000000000301';
const ELSEWHERE = '1200000000000999';
const DAY_MS = 86_400_000;

let gate: Gate;
let acme: TestOrganization;
let other: TestOrganization;
let ana: TestMember;
let ben: TestMember;

beforeAll(async () => {
  gate = await startGate();
  acme = await makeOrganization(gate, 'Acme');
  other = await makeOrganization(gate, 'Other');
  ana = await makeMember(gate, acme, 'ana@acme.example', { asana: 'ana@example.com' });
  ben = await makeMember(gate, acme, 'ben@acme.example', { asana: 'ben@example.com' });
  await makeGroup(acme, 'Readers', ['get_me', 'get_task', 'get_tasks'], [ana, ben]);
  await makeGroup(acme, 'Writers', ['create_tasks', 'get_projects'], [ana]);
});
afterAll(() => gate.stop());

interface Asked {
  member: TestMember;
  token: string;
  tool: string;
  arguments: Record<string, unknown>;
}

/** Makes the calls and answers the recorded decision of each. */
async function make(calls: readonly Asked[]): Promise<string[]> {
  const before = new Set((await auditOf(acme)).map(({ id }) => id));
  for (const call of calls) await post(gate, call.token, callOf(call.tool, call.arguments));
  const records = (await auditOf(acme))
    // Without Gatehouse's own, which open the sessions.
    .filter(({ id, tool }) => tool !== undefined && !before.has(id))
    .toReversed();
  expect(records.map(({ tool }) => tool)).toEqual(calls.map(({ tool }) => tool));
  return records.map(({ decision, reason }) => reason ?? decision!);
}

const replay = (draft: PolicyDraft, organization = acme) =>
  replayPolicy(organization.actor, draft, Date.now() - DAY_MS);

const linesOf = (replayed: PolicyReplay, side: 'refused' | 'allowed') =>
  replayed[side].lines
    .map(({ member, tool, calls, reason }) => `${member.email} ${tool} ${calls} ${reason}`)
    .toSorted();

/** The lines that the difference between two runs of the same calls makes. */
function differences(
  calls: readonly Asked[],
  before: string[],
  after: string[],
  side: 'refused' | 'allowed',
) {
  const lines = new Map<string, number>();
  for (const [n, call] of calls.entries()) {
    const [was, is] = [before[n]!, after[n]!];
    if (side === 'refused' ? was !== 'allow' || is === 'allow' : was === 'allow' || is !== 'allow') continue;
    const key = `${call.member.email} ${call.tool}|${side === 'refused' ? is : was}`;
    lines.set(key, (lines.get(key) ?? 0) + 1);
  }
  return [...lines].map(([key, count]) => key.replace('|', ` ${count} `)).toSorted();
}

async function forget(): Promise<void> {
  await pool().query('TRUNCATE audit_arguments');
  await pool().query('ALTER TABLE audit_records DISABLE TRIGGER USER');
  await pool().query("DELETE FROM audit_records WHERE kind <> 'event'");
  await pool().query('ALTER TABLE audit_records ENABLE TRIGGER USER');
}

const everything = async () =>
  JSON.stringify(
    (
      await pool().query(
        `SELECT (SELECT json_agg(g ORDER BY g.id) FROM groups g) AS groups, (SELECT json_agg(t ORDER BY t.group_id, t.tool_name) FROM group_tools t) AS tools,
           (SELECT json_agg(m ORDER BY m.group_id, m.member_id) FROM group_members m) AS members, (SELECT count(*) FROM audit_records) AS records`,
      )
    ).rows,
  );

describe('a replay agrees with a real run of the same calls under the new policy', () => {
  test('for a draft of the matrix: grants, losses, narrowed tokens, tools that nobody has', async () => {
    await forget();
    const [anas, bens] = [(await mint(ana)).token, (await mint(ben)).token];
    const narrowed = (await mint(ben, { tools: ['get_me'] })).token;
    const calls: Asked[] = [
      ...[ana, ben].flatMap((member) =>
        [
          'get_me',
          'get_task',
          'get_tasks',
          'create_tasks',
          'get_projects',
          'delete_task',
          'no_such_tool',
        ].map((tool) => ({ member, token: member === ana ? anas : bens, tool, arguments: {} })),
      ),
      ...['get_me', 'get_task', 'create_tasks'].map((tool) => ({
        ...{ member: ben, token: narrowed, tool, arguments: {} },
      })),
      { member: ana, token: anas, tool: 'get_task', arguments: { task_id: '1' } },
    ];
    const before = await make(calls);
    const changes = [
      { slug: 'readers', add: ['create_tasks'], remove: ['get_task'] },
      { slug: 'writers', remove: ['create_tasks', 'get_projects'] },
    ];
    const stood = await everything();
    const replayed = await replay({ changes });
    expect(await everything()).toBe(stood);
    expect(replayed).toMatchObject({ calls: calls.length, unjudged: { calls: 0, people: 0 } });
    await transaction(async (tx) => {
      const groups = await lockGroups(tx, acme.id, ['readers', 'writers']);
      const version = (slug: string) => groups.find((group) => group.slug === slug)!.version;
      await changeGroups(
        tx,
        acme.actor,
        changes.map((change) => ({ ...change, version: version(change.slug) })),
      );
    });
    const after = await make(calls);
    expect(linesOf(replayed, 'refused')).toEqual(differences(calls, before, after, 'refused'));
    expect(linesOf(replayed, 'allowed')).toEqual(differences(calls, before, after, 'allowed'));
    expect(replayed.refused).toMatchObject({ calls: 4, people: 2 });
    expect(replayed.allowed).toMatchObject({ calls: 1, people: 1 });
  });

  test('for rules on arguments, where the arguments were kept', async () => {
    await forget();
    await transaction((tx) => updateOrganization(tx, acme.actor, { keepArguments: true }));
    await transaction((tx) =>
      replaceGroup(
        tx,
        acme.actor,
        'readers',
        { name: 'Readers', tools: ['get_project', 'create_tasks'], members: [ana.email, ben.email] },
        null,
      ),
    );
    const token = (await mint(ana)).token;
    const of = (tool: string, given: Record<string, unknown>): Asked => ({
      ...{ member: ana, token, tool, arguments: given },
    });
    const tasks = (count: number, project: string) => ({
      tasks: Array.from({ length: count }, (_, n) => ({ name: `Task ${n}`, project_id: project })),
    });
    const calls = [
      of('get_project', { project_id: PROJECT }),
      of('get_project', { project_id: ELSEWHERE }),
      of('get_project', { project_id: PROJECT, strange: 1 }),
      of('create_tasks', tasks(1, PROJECT)),
      of('create_tasks', tasks(3, PROJECT)),
      of('create_tasks', tasks(1, ELSEWHERE)),
      of('create_tasks', { tasks: [{ name: 'Nowhere' }] }),
    ];
    const before = await make(calls);
    const group = {
      ...{ slug: 'readers', name: 'Readers', tools: ['get_project', 'create_tasks'] },
      members: [ana.email, ben.email],
      rules: { ...NO_RULES, projects: [{ gid: PROJECT, name: null }], maxItems: 2 },
    };
    const replayed = await replay({ group });
    const { slug, ...content } = group;
    await transaction((tx) => replaceGroup(tx, acme.actor, slug, content, null));
    const after = await make(calls);
    // Nothing was left to be asked of Asana: every one of them names its project.
    expect(replayed).toMatchObject({ calls: 7, unjudged: { calls: 0, people: 0 } });
    expect(linesOf(replayed, 'refused')).toEqual(differences(calls, before, after, 'refused'));
    expect(replayed.refused.calls).toBeGreaterThan(3);
    // That arguments were read is on record, as everywhere.
    const { rows } = await pool().query(
      `SELECT action, after->>'calls' AS calls FROM audit_records WHERE organization_id = $1 AND action = 'audit.arguments_replayed'`,
      [acme.id],
    );
    expect(rows).toEqual([{ action: 'audit.arguments_replayed', calls: '7' }]);
  });

  test('for a file, with a tool blocked and another drift policy', async () => {
    await forget();
    await pool().query(
      `UPDATE tools SET status = 'changed' WHERE organization_id = $1 AND name = 'get_project'`,
      [acme.id],
    );
    const token = (await mint(ben)).token;
    const calls = ['get_project', 'create_tasks', 'get_me'].map((tool) => ({
      ...{ member: ben, token, tool, arguments: {} },
    }));
    const before = await make(calls);
    const file = configFile.parse({
      gatehouse: 1,
      organization: { driftPolicy: 'warn' },
      tools: { blocked: ['create_tasks'] },
      groups: [
        { slug: 'readers', name: 'Readers', tools: ['get_project', 'create_tasks', 'get_me'], rules: null },
      ],
      absentGroups: 'keep',
    });
    const replayed = await replay({ config: file });
    await transaction((tx) => applyConfig(tx, acme.actor, file, null));
    const after = await make(calls);
    expect(linesOf(replayed, 'refused')).toEqual(differences(calls, before, after, 'refused'));
    expect(linesOf(replayed, 'allowed')).toEqual(differences(calls, before, after, 'allowed'));
    expect([before, after]).toEqual([
      ['not_reviewed', 'argument_rule', 'not_in_group'],
      ['allow', 'blocked', 'allow'],
    ]);
  });
});

describe('a replay', () => {
  test('says of how many calls it can’t tell, where rules decide and the arguments were not kept', async () => {
    await forget();
    await transaction((tx) => updateOrganization(tx, acme.actor, { keepArguments: false }));
    const token = (await mint(ben)).token;
    await make([1, 2].map(() => ({ member: ben, token, tool: 'get_me', arguments: {} })));
    const group = {
      ...{ slug: 'readers', name: 'Readers', tools: ['get_me'], members: [ben.email] },
      rules: { ...NO_RULES, ownTasksOnly: true },
    };
    expect(await replay({ group })).toMatchObject({
      ...{ calls: 2, unjudged: { calls: 2, people: 1 } },
      ...{ refused: { calls: 0 }, allowed: { calls: 0 } },
    });
    // The twin: without rules nothing has to be known of them.
    expect(await replay({ group: { ...group, rules: null } })).toMatchObject({ unjudged: { calls: 0 } });
  });

  test('leaves out calls that a limit, a stop or nobody’s policy refused, calls of others, and those made before', async () => {
    await forget();
    const draft = { changes: [{ slug: 'readers', remove: ['get_me'] }] };
    const insert = (
      reason: string | null,
      more: { at?: string; organization?: string; kind?: string } = {},
    ) =>
      pool().query(
        `INSERT INTO audit_records (id, organization_id, at, kind, member_id, member_email, credential_kind, credential_id, method, tool, decision, reason)
         VALUES (gen_random_uuid(), $1, coalesce($2, now()), 'call', $3, $4, $5, 'gone', 'tools/call', 'get_me', $6, $7)`,
        [
          ...[more.organization ?? acme.id, more.at ?? null, ben.id, ben.email, more.kind ?? 'agent_token'],
          ...[reason === null ? 'allow' : 'deny', reason],
        ],
      );
    for (const reason of ['rate_limited', 'asana_rate_limited', 'organization_stopped', 'malformed'])
      await insert(reason);
    await insert(null, { organization: other.id });
    await insert(null, { kind: 'system' });
    await insert(null, { at: '2020-01-01T00:00:00Z' });
    expect(await replay(draft)).toMatchObject({ calls: 0, refused: { calls: 0 } });
    await insert(null);
    // Its list is gone with the token; what it refused it would refuse again.
    await insert('token_restriction');
    expect(await replay(draft)).toMatchObject({
      ...{ calls: 2, refused: { calls: 1, people: 1 }, allowed: { calls: 0 } },
    });
    expect(await replay({ changes: [] }, other)).toMatchObject({ calls: 0 });
  });

  test('counts a revoked token’s calls as those of a bearer that was not narrowed', async () => {
    await forget();
    const minted = await mint(ben);
    await make([{ member: ben, token: minted.token, tool: 'get_me', arguments: {} }]);
    await transaction((tx) => revokeMemberToken(tx, acme.actor, ben.email, minted.id));
    const replayed = await replay({ changes: [{ slug: 'readers', remove: ['get_me'] }] });
    expect(linesOf(replayed, 'refused')).toEqual(['ben@acme.example get_me 1 not_in_group']);
  });

  test('names the policy tests that the draft would break, and refuses what a save would refuse', async () => {
    const kept = await transaction((tx) =>
      createPolicyTest(tx, acme.actor, {
        ...{ member: ben.email, groups: [], tool: 'get_me', arguments: null, may: true, because: 'sign-in' },
      }),
    );
    expect(kept.result.passed).toBe(true);
    const { broken } = await replay({ changes: [{ slug: 'readers', remove: ['get_me'] }] });
    expect(broken.map(({ id, result }) => [id, result.sentence])).toEqual([
      [kept.id, 'The policy refuses it. None of the person’s groups has this tool.'],
    ]);
    expect((await replay({ changes: [{ slug: 'readers', remove: ['get_project'] }] })).broken).toEqual([]);
    await expect(replay({ changes: [{ slug: 'none', add: ['get_me'] }] })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(replay({ changes: [{ slug: 'readers', add: ['none'] }] })).rejects.toMatchObject({
      code: 'unknown_tool',
    });
  });
});
