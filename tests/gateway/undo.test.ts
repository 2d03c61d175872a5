// The undo bundle at the gate: before a call changes or deletes something, what is there is kept sealed, or the call is not sent; who has no
// such group pays nothing for it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { disconnect } from '@/lib/asana/connections';
import { db, pool, transaction } from '@/lib/db';
import { READING } from '@/lib/gateway/keep-before';
import { replaceGroup, type GroupContent } from '@/lib/people/groups';
import { removeMember } from '@/lib/people/members';
import { updateOrganization } from '@/lib/people/organizations';
import { SEED } from '@/lib/sandbox/world-seed';
import { forgetBundles } from '@/lib/undo/forget';
import { openBundle } from '@/lib/undo/keep';
import { thingIn } from '@/lib/undo/read-answer';
import { MAX_THINGS, wantedOf } from '@/lib/undo/what-is-there';
import { startAcme } from '../support/acme';
import {
  callOf,
  connect,
  forgetCircuits,
  forgetThrottles,
  makeGroup,
  makeMember,
  mint,
  post,
  until,
  watchAudit,
  type Gate,
  type RpcAnswer,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let ben: TestMember;
let token: string;
let newRecords: () => Promise<AuditRecord[]>;
const TOOLS = ['get_me', 'get_task', 'update_tasks', 'update_project', 'delete_task', 'create_tasks'];

beforeAll(async () => {
  const acme = await startAcme(TOOLS, { colleagues: ['ben'] });
  ({ gate, organization, ana, token } = acme);
  ben = acme.colleagues.ben.member;
  await post(gate, token, callOf('get_me'));
  newRecords = await watchAudit(organization);
});
afterAll(() => gate.stop());
beforeEach(async () => {
  await pool().query('DELETE FROM undo_bundles');
  await set({});
  await newRecords();
  gate.sandbox.log.clear();
});

/** Ana's group; seven days are kept unless told otherwise. */
const set = (change: Partial<GroupContent>) =>
  transaction((tx) =>
    replaceGroup(
      tx,
      organization.actor,
      'readers',
      { ...{ name: 'Readers', tools: TOOLS, members: [ana.email, ben.email], undo: { days: 7 } }, ...change },
      null,
    ),
  );
const call = (tool: string, args: Record<string, unknown>, bearer = token) =>
  post(gate, bearer, callOf(tool, args));
const update = (change: Record<string, unknown>, task: string = SEED.pressKit) => ({
  tasks: [{ task, ...change }],
});
const reached = (tool = 'update_tasks') => gate.upstreamCalls().filter((sent) => sent.tool === tool).length;
const textIn = ({ body }: RpcAnswer): string => body.result?.content?.[0]?.text ?? '';

async function kept() {
  const rows = await db().undoBundle.findMany({ where: { organizationId: organization.id } });
  return rows.map((row) => ({ row, bundle: openBundle(organization.id, row.id, row.sealed) }));
}

/** Through, and answered by Asana. */
async function sent(tool: string, args: Record<string, unknown>, bearer = token) {
  const before = reached(tool);
  const answer = await call(tool, args, bearer);
  expect([answer.body.error, answer.body.result?.isError ?? false], answer.text).toEqual([undefined, false]);
  expect(reached(tool)).toBe(before + 1);
}

/** Not sent, and said so. */
async function unsent(tool: string, args: Record<string, unknown>): Promise<string> {
  const answer = await call(tool, args);
  expect([reached(tool), answer.body.result?.isError], answer.text).toEqual([0, true]);
  expect(textIn(answer)).toMatch(/^Not sent to Asana: what was there before could not be kept, because /);
  expect(await kept()).toEqual([]);
  return textIn(answer);
}

describe('before a call that changes or deletes', () => {
  test('exactly what it changes is read first and kept, sealed, under its record', async () => {
    await sent('update_tasks', update({ name: 'Renamed', due_on: null, add_followers: ['ben@example.com'] }));
    const records = await newRecords();
    const record = records.find(({ tool }) => tool === 'update_tasks')!;
    const [{ row, bundle } = (() => expect.unreachable('nothing was kept'))()] = await kept();
    expect(row).toMatchObject({
      id: record.id,
      memberId: ana.id,
      toolName: 'update_tasks',
      things: 1,
      state: 'kept',
    });
    expect(row.sealed).not.toMatch(/press kit/);
    expect(row.expiresAt.getTime() - row.keptAt.getTime()).toBe(7 * 86_400_000);
    expect(bundle.before).toEqual([
      {
        ...{ kind: 'task', gid: SEED.pressKit, title: 'Prepare the press kit' },
        parts: {
          name: 'Prepare the press kit',
          dates: { due_on: '2026-11-13', due_at: null, start_on: null, start_at: null },
          followers: [expect.objectContaining({ gid: SEED.ana, email: 'ana@example.com' })],
        },
      },
    ]);
    // On record as Gatehouse's own, and before the call.
    const reading = records.find(({ tool }) => tool === 'get_task')!;
    expect(reading.credential).toMatchObject({ kind: 'system', name: 'undo: what was there before' });
    const order = gate.upstreamCalls().flatMap(({ tool }) => (tool === undefined ? [] : [tool]));
    expect(order).toEqual(['get_task', 'update_tasks']);
    await sent('update_tasks', update({ name: 'Prepare the press kit', due_on: '2026-11-13' }));
  });

  test('of a project, and of a deletion with all its subtasks', async () => {
    await sent('update_project', {
      project_id: SEED.relaunch,
      color: 'dark-blue',
      add_sections: [{ name: 'Later' }],
    });
    const made = await call('create_tasks', {
      tasks: [
        { name: 'To be deleted', project_id: SEED.relaunch, section_id: SEED.relaunchDoing, notes: 'N' },
      ],
    });
    const gid = JSON.parse(textIn(made)).succeeded[0].gid as string;
    const child = JSON.parse(textIn(await call('create_tasks', { tasks: [{ name: 'Below', parent: gid }] })));
    await sent('delete_task', { task: gid });
    const bundles = await kept();
    const project = bundles.find(({ bundle }) => bundle.tool === 'update_project')!.bundle.before[0]!;
    expect(project.parts.settings).toMatchObject({ color: null });
    expect(project.parts.sections!.map(({ name }) => name)).toEqual(['To do', 'Doing', 'Done']);
    const { before } = bundles.find(({ bundle }) => bundle.tool === 'delete_task')!.bundle;
    expect(before.map((thing) => thing.gid)).toEqual([gid, child.succeeded[0].gid]);
    expect(before[0]!.parts).toMatchObject({
      ...{ name: 'To be deleted', notes: { plain: 'N' }, completed: { completed: false } },
      projects: [{ project: { gid: SEED.relaunch }, section: { gid: SEED.relaunchDoing } }],
    });
    expect(before[1]!.parts).toMatchObject({ name: 'Below', parent: { gid } });
  });

  test('the longest time of the groups that grant the tool counts, and no other group\u2019s', async () => {
    await makeGroup(organization, 'Longer', ['update_tasks'], [ana]);
    await makeGroup(organization, 'Elsewhere', ['get_me'], [ana]);
    const days = (slug: string, tools: string[], time: number | null) =>
      transaction((tx) =>
        replaceGroup(
          tx,
          organization.actor,
          slug,
          { name: slug, tools, members: [ana.email], undo: time === null ? null : { days: time } },
          null,
        ),
      );
    await days('longer', ['update_tasks'], 30);
    await days('elsewhere', ['get_me'], 90);
    await sent('update_tasks', update({ completed: true }));
    const [one] = await kept();
    expect(one!.row.expiresAt.getTime() - one!.row.keptAt.getTime()).toBe(30 * 86_400_000);
    await pool().query('DELETE FROM undo_bundles');
    await days('longer', ['update_tasks'], null);
    await set({ undo: null });
    await sent('update_tasks', update({ completed: false }));
    expect(await kept()).toEqual([]);
  });

  test('a group that does not ask for it, and a tool that changes nothing, cause no reading at all', async () => {
    await sent('get_task', { task_id: SEED.pressKit });
    await set({ undo: null });
    await sent('update_tasks', update({ completed: true }));
    await sent('update_tasks', update({ completed: false }));
    expect(gate.upstreamCalls().filter(({ tool }) => tool !== undefined)).toHaveLength(3);
    expect(await kept()).toEqual([]);
  });

  test('an agent of the modern era has it kept, too, and hears in its own words where it is not', async () => {
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const ask = (args: Record<string, unknown>) =>
      post(
        gate,
        token,
        {
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'update_tasks', arguments: args, _meta },
        },
        { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'update_tasks' },
      );
    const done = await ask(update({ completed: true }));
    expect(done.body.result, done.text).toMatchObject({ resultType: 'complete' });
    expect(await kept()).toHaveLength(1);
    const { body } = await ask({ tasks: [{ task: SEED.pressKit, colour: 'red' }] });
    expect(body.result).toMatchObject({ resultType: 'complete', isError: true });
    await sent('update_tasks', update({ completed: false }));
  });
});

describe('a call whose "before" can\u2019t be kept is not sent', () => {
  test.each(['500', '503', 'nonsense', 'wrong-id', 'html', 'drop-before', '403', '404-session'] as const)(
    'where Asana answers the reading with %s, and goes through when it is well again',
    async (mcpFault) => {
      gate.sandbox.set({ mcpFault, faultMethods: ['tools/call'], faultCount: null });
      const text = await unsent('update_tasks', update({ completed: true })).finally(() =>
        gate.sandbox.set({ mcpFault: null, faultMethods: null }),
      );
      forgetCircuits();
      expect(text).toMatch(
        /Nothing was changed\. Try again in a moment, or ask an admin to switch the undo off/,
      );
      expect((await newRecords()).find(({ tool }) => tool === 'update_tasks')).toMatchObject({
        ...{ decision: 'allow', outcome: 'upstream_error', reason: 'undo_unread' },
      });
      await sent('update_tasks', update({ completed: false }));
    },
  );

  test('where the reading hangs, within its time', async () => {
    READING.withinMs = 300;
    gate.sandbox.set({ mcpFault: 'hang', faultMethods: ['tools/call'], faultCount: null });
    const beganMs = performance.now();
    await unsent('update_tasks', update({ completed: true })).finally(() => {
      READING.withinMs = 15_000;
      gate.sandbox.set({ mcpFault: null, faultMethods: null });
    });
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    forgetCircuits();
    await sent('update_tasks', update({ completed: false }));
  });

  test('where Asana asks the reading for quiet, or the connection\u2019s minute is full: 429, and counted', async () => {
    gate.sandbox.set({ mcpFault: '429', faultMethods: ['tools/call'], faultCount: null });
    const quiet = await call('update_tasks', update({ completed: true }));
    gate.sandbox.set({ mcpFault: null, faultMethods: null });
    await forgetThrottles();
    expect([quiet.status, reached()]).toEqual([429, 0]);
    const limits = async (connectionPerMinute: number | null) => {
      await transaction((tx) =>
        updateOrganization(tx, organization.actor, {
          limits: connectionPerMinute ? { connectionPerMinute } : null,
        }),
      );
      await pool().query('DELETE FROM call_counters');
    };
    await limits(1);
    const full = await call('update_tasks', update({ completed: true }));
    expect([full.status, full.body.error!.code, reached()]).toEqual([429, 1429, 0]);
    await limits(2);
    await sent('update_tasks', update({ completed: true }));
    await limits(null);
    await sent('update_tasks', update({ completed: false }));
  });

  test('a token that Asana refuses is renewed first; without a connection the agent hears how to connect', async () => {
    gate.sandbox.set({ next401: 1 });
    await sent('update_tasks', update({ completed: true }));
    await sent('update_tasks', update({ completed: false }));
    const dora = await makeMember(gate, organization, 'dora@acme.example', { asana: 'dora@example.com' });
    await set({ members: [ana.email, dora.email] });
    const hers = (await mint(dora)).token;
    gate.sandbox.set({ tokenFault: 'invalid_grant', next401: 20 });
    const answer = await call('update_tasks', update({ completed: true }), hers);
    gate.sandbox.set({ tokenFault: null, next401: 0 });
    expect([answer.body.result.isError, textIn(answer)]).toEqual([
      true,
      expect.stringContaining('/connections'),
    ]);
  });

  test('where a task can\u2019t be seen, or the arguments can\u2019t be understood', async () => {
    await unsent('update_tasks', update({ completed: true }, SEED.salaryTable));
    for (const [args, why] of [
      [
        { tasks: [{ task: SEED.pressKit, colour: 'red' }] },
        /nobody here knows what its argument colour changes/,
      ],
      [{ tasks: [{ task: 'https://app.asana.com/0/1/2' }] }, /names no task by its gid/],
      [{ tasks: { task: SEED.pressKit } }, /tasks is no list/],
      [{ tasks: [], notify: true }, /argument notify changes/],
    ] as const)
      expect(await unsent('update_tasks', args)).toMatch(why);
    expect(await unsent('delete_task', { task: 'x' })).toMatch(/no task\u2019s gid/);
    expect(await unsent('update_project', { project_id: '0' })).toMatch(/no project\u2019s gid/);
    await sent('update_tasks', update({ completed: false }));
  });

  test(`where more than ${MAX_THINGS} tasks, or more text than is kept, are in it`, async () => {
    const tasks = Array.from({ length: MAX_THINGS + 1 }, (_, n) => ({ task: `${n + 1}`, completed: true }));
    expect(await unsent('update_tasks', { tasks })).toMatch(/more than 50 tasks are in it/);
    expect(reached('get_task')).toBe(0);
    const long = 'x'.repeat(600_000);
    await set({ undo: null });
    await sent('update_tasks', update({ notes: long }));
    await set({});
    expect(
      await unsent('update_tasks', { tasks: [{ task: SEED.pressKit, notes: '' }] }).catch(String),
    ).toMatch(/too much text/);
    await set({ undo: null });
    await sent('update_tasks', update({ notes: '' }));
  });

  test('where the access ended while it was read', async () => {
    const { id, token: own } = await mint(ana);
    gate.sandbox.set({ latencyMs: 600 });
    const asked = call('update_tasks', update({ completed: true }), own);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await pool().query('DELETE FROM agent_tokens WHERE id = $1', [id]);
    const answer = await asked;
    gate.sandbox.set({ latencyMs: 0 });
    expect([answer.body.error !== undefined, reached()], answer.text).toEqual([true, 0]);
    // The reading comes to its own end, and nothing is kept of it.
    await until(() => reached('get_task') > 0);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(await kept()).toEqual([]);
  });
});

describe('what Asana says is taken at its word or not at all', () => {
  const wanted = { kind: 'task', gid: '7', parts: ['assignee', 'dates'], deep: false } as const;
  const whole = { gid: '7', name: 'T', assignee: null, due_on: null, start_on: null };

  test('an answer about another task, or one that leaves a part out, says nothing', () => {
    expect(thingIn(wanted, { data: whole })).toMatchObject({ title: 'T', parts: { assignee: null } });
    for (const data of [
      { ...whole, gid: '8' },
      { ...whole, assignee: undefined },
      { ...whole, due_on: undefined },
      { ...whole, assignee: { name: 'no gid' } },
    ])
      expect(thingIn(wanted, { data }), JSON.stringify(data)).toBeNull();
    expect(thingIn(wanted, null)).toBeNull();
    const project = {
      kind: 'project',
      gid: '7',
      parts: ['settings'],
      deep: false,
      settings: ['icon'],
    } as const;
    expect(thingIn(project, { data: { gid: '7', color: 'none' } })).toBeNull();
    expect(thingIn(project, { data: { gid: '7', icon: null } })).not.toBeNull();
  });

  test('a task that is named twice is read once, with the parts of both', () => {
    const asked = wantedOf('update_tasks', {
      tasks: [
        { task: '7', name: 'a' },
        { task: '7', completed: true },
      ],
    });
    expect(asked).toMatchObject({ wanted: [{ gid: '7', parts: ['name', 'completed'] }] });
  });
});

describe('what was kept is forgotten', () => {
  test('when its days are over', async () => {
    await sent('update_tasks', update({ completed: true }));
    await forgetBundles(organization.id);
    expect(await kept()).toHaveLength(1);
    await pool().query(`UPDATE undo_bundles SET expires_at = now() - interval '1 second'`);
    await forgetBundles(organization.id);
    expect(await kept()).toEqual([]);
    await sent('update_tasks', update({ completed: false }));
  });

  test('when the connection ends, and when the person is removed', async () => {
    const leaver = await makeMember(gate, organization, 'leaver@acme.example', { asana: 'ben@example.com' });
    const second = await connect(gate, leaver, 'ana@example.com');
    await set({ members: [ana.email, leaver.email] });
    const through = async (connectionId: string) => (await mint(leaver, { connectionId })).token;
    await sent('update_tasks', update({ completed: true }), await through(leaver.connectionId!));
    await sent('update_tasks', update({ completed: false }), await through(second));
    expect(await kept()).toHaveLength(2);
    await disconnect(organization.actor, leaver.id, leaver.connectionId!);
    expect((await kept()).map(({ row }) => row.connectionId)).toEqual([second]);
    await transaction((tx) => removeMember(tx, organization.actor, leaver.email));
    expect(await kept()).toEqual([]);
  });
});
