// Putting back: what was there before a call comes back through the person's own connection and the whole gate, once, and never over
// somebody's later work unless that was shown; what Asana can't bring back is said before.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { db, pool, transaction } from '@/lib/db';
import { AppError } from '@/lib/errors';
import { replaceGroup, type GroupContent } from '@/lib/people/groups';
import { SEED } from '@/lib/sandbox/world-seed';
import { forgetBundles } from '@/lib/undo/forget';
import { listKept, readContents, requireKept, type Viewer } from '@/lib/undo/list';
import { previewRestore, restore } from '@/lib/undo/restore';
import { startAcme } from '../support/acme';
import { startProcess, tell } from '../support/gate-fork';
import {
  auditOf,
  callOf,
  forgetCircuits,
  makeGroup,
  makeMember,
  post,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let ben: TestMember;
let lea: TestMember;
let token: string;
const TOOLS = ['get_me', 'get_task', 'update_tasks', 'update_project', 'delete_task', 'create_tasks'];

beforeAll(async () => {
  const acme = await startAcme(TOOLS, { colleagues: ['ben'] });
  ({ gate, organization, ana, token } = acme);
  ben = acme.colleagues.ben.member;
  lea = await makeMember(gate, organization, 'lea@acme.example');
  await makeGroup(organization, 'Leads', [], [lea]);
});
afterAll(() => gate.stop());
beforeEach(async () => {
  await pool().query('DELETE FROM undo_bundles');
  await set({});
});

const set = (change: Partial<GroupContent>) =>
  transaction((tx) =>
    replaceGroup(
      tx,
      organization.actor,
      'readers',
      {
        ...{
          name: 'Readers',
          tools: TOOLS,
          members: [ana.email, ben.email],
          undo: { days: 7 },
          approvals: null,
        },
        ...change,
      },
      null,
    ),
  );

const actorOf = (member: TestMember) => ({
  ...organization.actor,
  memberId: member.id,
  memberEmail: member.email,
});
const own = (member: TestMember): Viewer => ({ memberId: member.id, role: 'member' });
const find = (id: string, viewer = own(ana)) =>
  transaction((tx) => requireKept(tx, organization.id, viewer, id));
const world = () => gate.sandbox.world;
const task = (gid: string) => world().tasks.get(gid)!;
const codeOf = (error: unknown) => (error instanceof AppError ? error.code : error);

/** Newest first. */
const events = async (action: string) =>
  (await searchAudit(organization.id, { kind: 'event' }, { limit: 100 })).records.filter(
    (one) => one.action === action,
  );

/** The agent's call; returns the id of what was kept. */
async function made(tool: string, args: Record<string, unknown>): Promise<string> {
  const { body, text } = await post(gate, token, callOf(tool, args));
  expect([body.error, body.result?.isError ?? false], text).toEqual([undefined, false]);
  const [call] = await auditOf(organization, { tool }, 1);
  return call!.id;
}
const update = (gid: string, change: Record<string, unknown>) =>
  made('update_tasks', { tasks: [{ task: gid, ...change }] });
const preview = async (id: string) => previewRestore(actorOf(ana), await find(id));
const putBack = async (id: string, confirm?: string) => restore(actorOf(ana), await find(id), confirm);

async function create(item: Record<string, unknown>): Promise<string> {
  const { body } = await post(
    gate,
    token,
    callOf('create_tasks', { tasks: [{ project_id: SEED.relaunch, ...item }] }),
  );
  return JSON.parse(body.result.content[0].text).succeeded[0].gid as string;
}

describe('a change of tasks', () => {
  test('is put back part by part, as calls of the person\u2019s own that point to the first', async () => {
    const other = await create({ name: 'Other' });
    const gid = await create({
      ...{ name: 'Before', html_notes: '<body>Was <strong>so</strong></body>', assignee: 'ben@example.com' },
      ...{ due_on: '2026-12-01', section_id: SEED.relaunchDoing, followers: 'cleo@example.com' },
      custom_fields: JSON.stringify({ [SEED.effort]: 2, [SEED.priority]: SEED.priorityHigh }),
    });
    const was = structuredClone(task(gid));
    const id = await update(gid, {
      ...{ name: 'After', notes: 'Now so', assignee: null, due_on: null, completed: true, parent: other },
      ...{ add_projects: [{ project_id: SEED.relaunch, section_id: SEED.relaunchDone }] },
      ...{
        add_dependencies: [SEED.pressKit],
        remove_followers: ['cleo@example.com'],
        add_followers: ['ben@example.com'],
      },
      custom_fields: { [SEED.effort]: 9, [SEED.priority]: null },
    });
    const { items, changedSince, tools } = await preview(id);
    expect([changedSince, tools]).toEqual([false, ['update_tasks']]);
    expect(items[0]!.changes.map(({ what, was: before, now }) => [what, before, now])).toEqual([
      ['Name', 'Before', 'After'],
      ['Description', 'Was so', 'Now so'],
      ['Assignee', 'Ben', 'none'],
      ['Dates', '2026-12-01', 'none'],
      ['State', 'not completed', 'completed'],
      ['Parent task', 'none', 'Other'],
      ['Project Website relaunch', 'Website relaunch, Doing', 'Website relaunch, Done'],
      ['Waits for', 'none', 'Prepare the press kit'],
      ['Followers', 'Ana, Cleo', 'Ana, Ben'],
      ['Effort in days', '2', '9'],
      ['Priority', 'High', 'none'],
    ]);
    const done = await putBack(id);
    expect(done.items).toEqual([
      { kind: 'task', gid, title: 'Before', result: 'back', why: null, newGid: null },
    ]);
    const { modifiedAt: _, followerGids, ...now } = task(gid);
    const { modifiedAt: __, followerGids: followed, ...before } = was;
    expect(now).toEqual({ ...before, completedAt: null });
    expect(new Set(followerGids)).toEqual(new Set(followed));
    // Its own record: this person's, through a credential that names the first call and is gone.
    const [call] = await auditOf(organization, { tool: 'update_tasks' }, 1);
    expect(done.calls).toEqual([call!.id]);
    expect(call).toMatchObject({
      member: ana.email,
      decision: 'allow',
      outcome: 'ok',
      connection: ana.connectionId,
    });
    expect(call!.credential).toMatchObject({ kind: 'agent_token', name: `Put back: call ${id}` });
    expect(
      await db().agentToken.count({ where: { organizationId: organization.id, memberId: ana.id } }),
    ).toBe(1);
    const records = await events('undo.restored');
    expect(records[0]).toMatchObject({
      ...{ target: `call:${id}`, member: ana.email },
      after: { calls: done.calls, back: 1, notBack: 0, unknown: 0 },
    });
  });

  test('is put back once, whoever tries, however many processes at once', async () => {
    const gid = await create({ name: 'Once' });
    const id = await update(gid, { name: 'Twice' });
    const { child } = await startProcess();
    const tries = await Promise.allSettled([
      ...[putBack(id), tell(child, { order: 'putBack', given: [actorOf(ana), id] }), putBack(id)],
    ]);
    child.kill();
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const calls = await auditOf(organization, { tool: 'update_tasks' }, 10);
    expect(calls.filter(({ credential }) => credential.name === `Put back: call ${id}`)).toHaveLength(1);
    expect(await putBack(id).catch(codeOf)).toBe('restored_already');
  });

  test('is not put over somebody\u2019s later work before that was shown and confirmed, as it then is', async () => {
    const gid = await create({ name: 'Mine' });
    const id = await update(gid, { name: 'Agent' });
    task(gid).name = 'Somebody';
    const shown = await preview(id);
    expect(shown.items[0]!.changes).toEqual([
      { what: 'Name', was: 'Mine', now: 'Somebody', changedSince: true },
    ]);
    expect(await putBack(id).catch(codeOf)).toBe('changed_since');
    task(gid).name = 'Somebody again';
    expect(await putBack(id, shown.confirm).catch(codeOf)).toBe('changed_since');
    expect(task(gid).name).toBe('Somebody again');
    expect((await putBack(id, (await preview(id)).confirm)).items[0]!.result).toBe('back');
    expect(task(gid).name).toBe('Mine');
  });

  test('says task by task what came back, and what can\u2019t be seen any more', async () => {
    const [one, two, three] = [
      await create({ name: 'One' }),
      await create({ name: 'Two' }),
      await create({ name: 'Three' }),
    ];
    const id = await made('update_tasks', {
      tasks: [one, two, three].map((gid) => ({ task: gid, name: 'Same', assignee: 'ben@example.com' })),
    });
    world().tasks.delete(two);
    Object.assign(task(three), { name: 'Three', assigneeGid: null });
    expect((await preview(id)).items.map(({ state }) => state)).toEqual(['differs', 'gone', 'same']);
    const { items } = await putBack(id, (await preview(id)).confirm);
    expect(items.map(({ title, result }) => [title, result])).toEqual([['One', 'back']]);
    const [contents] = [await transaction(async (tx) => readContents(tx, actorOf(ana), await find(id)))];
    expect(JSON.parse(contents.text).result).toEqual(items);
  });

  test('goes only as far as the policy lets this person\u2019s calls go, and can be tried again after a refusal', async () => {
    const gid = await create({ name: 'Policy' });
    const id = await update(gid, { name: 'Changed' });
    await set({ tools: TOOLS.filter((tool) => tool !== 'update_tasks') });
    const refused = await putBack(id).catch((error: AppError) => error);
    expect([codeOf(refused), String((refused as AppError).detail)]).toEqual([
      'tool_closed',
      expect.stringMatching(/nothing was sent: Unknown tool: update_tasks/),
    ]);
    expect(task(gid).name).toBe('Changed');
    const [denied] = await auditOf(organization, { tool: 'update_tasks' }, 1);
    expect(denied).toMatchObject({ decision: 'deny', member: ana.email });
    await set({ approvals: { tools: ['update_tasks'], approver: { group: 'leads' } } });
    expect(await putBack(id).catch((error: AppError) => error.detail)).toMatch(/wait for an approval/);
    await set({});
    expect((await putBack(id)).items[0]!.result).toBe('back');
    expect(task(gid).name).toBe('Policy');
  });

  test('is left alone where Asana does not say what is there', async () => {
    const gid = await create({ name: 'Fault' });
    const id = await update(gid, { name: 'Changed' });
    for (const mcpFault of ['500', 'nonsense'] as const) {
      gate.sandbox.set({ mcpFault, faultMethods: ['tools/call'], faultCount: null });
      expect(await putBack(id).catch(codeOf), mcpFault).toBe('asana_unavailable');
      gate.sandbox.set({ mcpFault: null, faultMethods: null });
      forgetCircuits();
    }
    expect((await find(id)).state).toBe('kept');
    expect((await putBack(id)).items[0]!.result).toBe('back');
  });
});

describe('a change of a project', () => {
  test('is put back with its sections and members, the sensitive parts too', async () => {
    const project = world().projects.get(SEED.relaunch)!;
    const was = structuredClone(project);
    const id = await made('update_project', {
      ...{
        project_id: SEED.relaunch,
        name: 'Renamed',
        color: 'dark-blue',
        archived: true,
        owner: 'ben@example.com',
      },
      ...{
        add_sections: [{ name: 'Later' }],
        rename_sections: [{ section_id: SEED.relaunchTodo, name: 'Open' }],
      },
      ...{ remove_members: ['ben@example.com'], due_on: '2027-01-01' },
    });
    const { items } = await preview(id);
    expect(items[0]!.lost).toEqual(['A section that was added is removed only while it is empty.']);
    expect((await putBack(id)).items).toMatchObject([{ kind: 'project', result: 'back' }]);
    const { modifiedAt: _, ...now } = project;
    const { modifiedAt: __, ...before } = was;
    expect({ ...now, memberGids: new Set(now.memberGids) }).toEqual({
      ...before,
      memberGids: new Set(before.memberGids),
    });
    expect(world().sections.get(SEED.relaunchTodo)!.name).toBe('To do');
  });
});

describe('a deletion', () => {
  test('says what is gone for good, and creates the task and its subtasks anew, with what hangs on them', async () => {
    const gid = await create({
      ...{ name: 'Deleted', notes: 'Text', due_at: '2026-12-01T10:00:00Z', section_id: SEED.relaunchDone },
      ...{ assignee: 'ben@example.com', followers: 'cleo@example.com', completed: true },
      custom_fields: JSON.stringify({ [SEED.effort]: 4 }),
    });
    const child = await create({ name: 'Child', parent: gid, project_id: undefined });
    const grandchild = await create({ name: 'Grandchild', parent: child, project_id: undefined });
    const survivor = await create({ name: 'Survivor', parent: gid });
    await update(gid, { add_dependencies: [SEED.pressKit] });
    const id = await made('delete_task', { task: gid });
    expect([gid, child, grandchild].map((one) => task(one))).toEqual([undefined, undefined, undefined]);
    const { items, tools } = await preview(id);
    expect(tools).toEqual(['create_tasks', 'update_tasks']);
    expect(items[0]!.lost.join(' ')).toMatch(
      /new id.*Comments, attachments, likes, tags and the history are gone/,
    );
    expect(
      items.toSorted((a, b) => a.title.localeCompare(b.title)).map(({ title, state }) => [title, state]),
    ).toEqual([
      ['Child', 'new'],
      ['Deleted', 'new'],
      ['Grandchild', 'new'],
      ['Survivor', 'differs'],
    ]);
    const done = await putBack(id);
    expect(done.items.map(({ result }) => result)).toEqual(['back', 'back', 'back', 'back']);
    const newOf = (old: string) => task(done.items.find((item) => item.gid === old)!.newGid!);
    expect(newOf(gid)).toMatchObject({
      ...{
        name: 'Deleted',
        notes: 'Text',
        dueAt: '2026-12-01T10:00:00.000Z',
        completed: true,
        assigneeGid: SEED.ben,
      },
      ...{
        memberships: [{ projectGid: SEED.relaunch, sectionGid: SEED.relaunchDone }],
        dependencyGids: [SEED.pressKit],
      },
    });
    expect(newOf(gid).customValues.get(SEED.effort)).toBe(4);
    expect(newOf(gid).followerGids).toContain(SEED.cleo);
    expect(newOf(child)).toMatchObject({ name: 'Child', parentGid: newOf(gid).gid, memberships: [] });
    expect(newOf(grandchild).parentGid).toBe(newOf(child).gid);
    expect(task(survivor).parentGid).toBe(newOf(gid).gid);
  });

  test('that Asana did not carry out, and one of a task that nobody could create, are left alone', async () => {
    const gid = await create({ name: 'Still there' });
    const id = await made('delete_task', { task: gid });
    world().tasks.set(gid, { ...task(SEED.pressKit), gid, name: 'Still there' });
    expect(await putBack(id).catch(codeOf)).toBe('nothing_to_put_back');
    const nobodys = await create({ name: 'Nobody\u2019s', project_id: undefined, assignee: 'me' });
    await update(nobodys, { assignee: null });
    const lost = await made('delete_task', { task: nobodys });
    expect((await preview(lost)).items[0]).toMatchObject({
      ...{ state: 'gone', lost: [expect.stringMatching(/create no such task/)] },
    });
    expect(await putBack(lost).catch(codeOf)).toBe('nothing_to_put_back');
  });
});

describe('what was kept', () => {
  const reader = (role: Viewer['role']): Viewer => ({ memberId: lea.id, role });

  test('is listed to its person, to admins and auditors, and to nobody else', async () => {
    const gid = await create({ name: 'Listed' });
    const id = await update(gid, { name: 'Changed' });
    const ids = async (viewer: Viewer) =>
      (await transaction((tx) => listKept(tx, organization.id, viewer))).map((one) => one.id);
    for (const viewer of [own(ana), reader('admin'), reader('auditor')])
      expect(await ids(viewer)).toEqual([id]);
    for (const viewer of [own(ben), reader('member')]) {
      expect(await ids(viewer)).toEqual([]);
      expect(await find(id, viewer).catch(codeOf)).toBe('not_found');
    }
    const elsewhere = await transaction((tx) => listKept(tx, crypto.randomUUID(), reader('admin')));
    expect(elsewhere).toEqual([]);
  });

  test('is read by others only where the organization keeps arguments, and each reading is on record', async () => {
    const gid = await create({ name: 'Private' });
    const id = await update(gid, { name: 'Changed' });
    const read = async (viewer: Viewer) =>
      transaction(async (tx) => readContents(tx, actorOf(lea), await find(id, viewer)));
    for (const role of ['admin', 'auditor'] as const)
      expect(await read(reader(role)).catch(codeOf)).toBe('forbidden');
    await pool().query('UPDATE organizations SET keep_arguments_since = now()');
    const { text } = await read(reader('auditor'));
    await pool().query('UPDATE organizations SET keep_arguments_since = NULL');
    expect(text).toContain('"name": "Private"');
    const readings = async () => (await events('undo.read')).filter(({ target }) => target === `call:${id}`);
    expect(await readings()).toMatchObject([{ member: lea.email, after: { member: ana.email } }]);
    const hers = await transaction(async (tx) => readContents(tx, actorOf(ana), await find(id)));
    expect(hers.text).toContain('Private');
    expect(await readings()).toHaveLength(2);
  });

  test('an auditor does not put it back, and nobody can without the connection', async () => {
    const gid = await create({ name: 'Reconnect' });
    const id = await update(gid, { name: 'Changed' });
    const by = async (viewer: Viewer) => restore(actorOf(lea), await find(id, viewer), undefined);
    expect(await by(reader('auditor')).catch(codeOf)).toBe('forbidden');
    await pool().query(`UPDATE connections SET status = 'needs_reconnect' WHERE id = $1`, [ana.connectionId]);
    expect(await by(reader('admin')).catch(codeOf)).toBe('no_connection');
    await pool().query(`UPDATE connections SET status = 'active' WHERE id = $1`, [ana.connectionId]);
    expect((await by(reader('admin'))).items[0]!.result).toBe('back');
    const [call] = await auditOf(organization, { tool: 'update_tasks' }, 1);
    expect(call).toMatchObject({ member: ana.email, connection: ana.connectionId });
    const records = await events('undo.restored');
    expect(records[0]!.member).toBe(lea.email);
  });

  test('a putting back that broke off is not begun again, and leaves no token behind', async () => {
    const gid = await create({ name: 'Broken off' });
    const id = await update(gid, { name: 'Changed' });
    const { rows } = await pool().query<{ id: string }>(
      `INSERT INTO agent_tokens (organization_id, member_id, name, token_hash, last4) VALUES ($1, $2, 'left', '\\x00', 'left') RETURNING id`,
      [organization.id, ana.id],
    );
    await pool().query(
      `UPDATE undo_bundles SET state = 'restoring', begun_at = now() - interval '1 hour', begun_by = 'x', token_id = $2 WHERE id = $1`,
      [id, rows[0]!.id],
    );
    expect((await find(id)).state).toBe('broken_off');
    expect(await putBack(id).catch(codeOf)).toBe('restored_already');
    await forgetBundles(organization.id);
    expect(await db().agentToken.count({ where: { organizationId: organization.id, id: rows[0]!.id } })).toBe(
      0,
    );
  });
});
