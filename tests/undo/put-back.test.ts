// What putting back means, without any server: what differs, what somebody changed since, what can't come back, and what is made of answers
// whose exact form nobody knows.
import { describe, expect, test } from 'vitest';
import { notesArgs } from '@/lib/undo/compare-parts';
import { createdAnew } from '@/lib/undo/create-anew';
import type { OwnCall } from '@/lib/undo/own-call';
import { compareBundle } from '@/lib/undo/put-back';
import { readingOf, thingIn } from '@/lib/undo/read-answer';
import { createAgain } from '@/lib/undo/run-creation';
import type { Bundle, Parts, Thing } from '@/lib/undo/what-is-there';

const task = (gid: string, parts: Parts, title = `Task ${gid}`): Thing => ({
  kind: 'task',
  gid,
  title,
  parts,
});
const project = (parts: Parts): Thing => ({ kind: 'project', gid: '9', title: 'Project', parts });
const compare = (bundle: Bundle, ...now: Thing[]) =>
  compareBundle(bundle, new Map(now.map((thing) => [thing.gid, thing])), 'me@example.com');
const changed = (item: Record<string, unknown>, was: Parts, now: Parts) =>
  compare(
    { tool: 'update_tasks', arguments: { tasks: [{ task: '1', ...item }] }, before: [task('1', was)] },
    task('1', now),
  )[0]!;
const person = (gid: string, email: string | null = null) => ({ gid, name: `P${gid}`, email });
const days = (due_on: string | null, more: object = {}) => ({
  dates: { due_on, due_at: null, start_on: null, start_at: null, ...more },
});

describe('a part', () => {
  test('that is as it was needs nothing, and one that the call left is no later work', () => {
    expect(changed({ name: 'B' }, { name: 'A' }, { name: 'A' })).toMatchObject({ state: 'same', args: null });
    expect(changed({ name: 'B' }, { name: 'A' }, { name: 'B' })).toMatchObject({
      ...{ state: 'differs', args: { name: 'A' }, changes: [{ changedSince: false }] },
    });
    expect(changed({ name: 'B' }, { name: 'A' }, { name: 'C' }).changes[0]!.changedSince).toBe(true);
  });

  test('says a person by gid, e-mail address or "me" alike', () => {
    const left = (said: unknown, now: ReturnType<typeof person> | null) =>
      changed({ assignee: said }, { assignee: person('1') }, { assignee: now }).changes[0]!.changedSince;
    expect(left('2', person('2'))).toBe(false);
    expect(left('Two@Example.com', person('2', 'two@example.com'))).toBe(false);
    expect(left('me', person('2', 'me@example.com'))).toBe(false);
    expect(left(null, null)).toBe(false);
    expect(left('me', person('2', 'two@example.com'))).toBe(true);
    expect(left('3', null)).toBe(true);
  });

  test('keeps what others added to a list, and undoes only what the call named', () => {
    const back = changed(
      { add_followers: ['2'], remove_followers: ['3'] },
      { followers: [person('1'), person('3')] },
      { followers: [person('1'), person('2'), person('4')] },
    );
    expect(back.args).toEqual({ add_followers: ['3'], remove_followers: ['2'] });
    expect(back.changes).toEqual([
      { what: 'Followers', was: 'P1, P4, P3', now: 'P1, P2, P4', changedSince: false },
    ]);
    const none = changed(
      { add_followers: ['1'] },
      { followers: [person('1')] },
      { followers: [person('1')] },
    );
    expect(none.state).toBe('same');
  });

  test('of a date loses its time of day, and says so', () => {
    const back = changed({ due_on: null }, days(null, { due_at: '2026-12-01T10:00:00.000Z' }), days(null));
    expect(back).toMatchObject({
      args: { due_on: '2026-12-01' },
      lost: [expect.stringMatching(/time of day/)],
    });
    expect(
      changed({ due_on: '2026-12-05' }, days('2026-12-02', { start_on: '2026-12-01' }), days('2026-12-05'))
        .args,
    ).toEqual({ due_on: '2026-12-02', start_on: '2026-12-01' });
  });

  test('of a place comes back with its section, and goes where it was not before', () => {
    const at = (project_: string, section: string) => ({
      project: { gid: project_, name: 'P' },
      section: { gid: section, name: 'S' },
    });
    const item = {
      add_projects: [{ project_id: '5' }, { project_id: '6', section_id: '61' }],
      remove_projects: ['7'],
    };
    const back = changed(
      item,
      { projects: [at('6', '60'), at('7', '70')] },
      { projects: [at('5', '50'), at('6', '61')] },
    );
    expect(back.args).toEqual({
      add_projects: [
        { project_id: '6', section_id: '60' },
        { project_id: '7', section_id: '70' },
      ],
      remove_projects: ['5'],
    });
    expect(back.changes.some(({ changedSince }) => changedSince)).toBe(false);
    const moved = changed(item, { projects: [at('6', '60')] }, { projects: [at('6', '62')] });
    expect(moved.changes).toMatchObject([{ changedSince: true }]);
  });

  test('of a custom field is set by its kind, or said to be lost', () => {
    const field = (more: object) => ({
      gid: '8',
      name: 'F',
      value: null,
      shown: '',
      isSettable: true,
      ...more,
    });
    const back = (was: object, now: object) =>
      changed(
        { custom_fields: { '8': 'y' } },
        { customFields: [field(was)] },
        { customFields: [field(now)] },
      );
    expect(back({ value: 'x' }, { value: 'y' })).toMatchObject({ args: { custom_fields: { '8': 'x' } } });
    expect(back({ value: null }, { value: 'y' }).args).toEqual({ custom_fields: { '8': null } });
    expect(back({ value: 'x' }, { value: 'z' }).changes[0]!.changedSince).toBe(true);
    expect(back({ value: 1, isSettable: false }, { value: 'y' })).toMatchObject({
      ...{ args: null, lost: [expect.stringMatching(/can\u2019t set a field of its kind/)] },
    });
  });

  test('in My Tasks is said to be lost', () => {
    const back = changed({ assignee_section: '3' }, { myTasks: null }, { myTasks: null });
    expect(back).toMatchObject({ state: 'same', lost: [expect.stringMatching(/My Tasks/)] });
  });

  test('of two entries about one task is put back once, with what both changed', () => {
    const bundle: Bundle = {
      tool: 'update_tasks',
      arguments: {
        tasks: [
          { task: '1', name: 'B', add_followers: ['2'] },
          { task: '1', name: 'C', add_followers: ['3'] },
        ],
      },
      before: [task('1', { name: 'A', followers: [] })],
    };
    const [back] = compare(bundle, task('1', { name: 'C', followers: [person('2'), person('3')] }));
    expect(back!.args).toEqual({ name: 'A', remove_followers: ['2', '3'] });
    expect(back!.changes.some(({ changedSince }) => changedSince)).toBe(false);
  });
});

describe('a project', () => {
  const back = (args: Record<string, unknown>, was: Parts, now: Parts) =>
    compare(
      { tool: 'update_project', arguments: { project_id: '9', ...args }, before: [project(was)] },
      project(now),
    )[0]!;

  test('goes back to what fewer people see, or more, with the consent that Asana asks for', () => {
    const settings = (privacy_setting: string) => ({ settings: { privacy_setting, color: 'none' } });
    expect(
      back({ privacy_setting: 'private' }, settings('public_to_workspace'), settings('private')).args,
    ).toEqual({ privacy_setting: 'public_to_workspace', confirm_sensitive_changes: true });
    expect(
      back({ remove_members: ['2'] }, { members: [person('1'), person('2')] }, { members: [person('1')] })
        .args,
    ).toEqual({ add_members: ['2'], confirm_sensitive_changes: true });
    // What the call did not name is somebody else's.
    expect(back({ archived: true }, settings('private'), settings('public_to_workspace')).args).toBeNull();
  });

  test('gets sections and fields back, and says with what they come', () => {
    const sections = (...names: string[]) => ({
      sections: names.map((name, n) => ({ gid: `${n + 1}`, name })),
    });
    const removed = back({ remove_sections: ['2'] }, sections('A', 'B'), sections('A'));
    expect(removed).toMatchObject({
      args: { add_sections: [{ name: 'B' }] },
      lost: [expect.stringMatching(/new id/)],
    });
    const fields = (...gids: string[]) => ({
      fields: gids.map((gid) => ({ gid, name: gid, isImportant: true })),
    });
    const field = back({ remove_custom_fields: ['2'] }, fields('1', '2'), fields('1'));
    expect(field.args).toEqual({ add_custom_fields: [{ custom_field: '2', is_important: true }] });
    expect(field.lost).toHaveLength(1);
    const added = back({ add_custom_fields: [{ custom_field: '2' }] }, fields('1'), fields('1', '2'));
    expect(added.args).toEqual({ remove_custom_fields: ['2'] });
  });
});

describe('text', () => {
  test('goes back as it was marked up, and plain where nothing was', () => {
    expect(notesArgs({ plain: 'x', html: '<body>x</body>' })).toEqual({ notes: 'x' });
    expect(notesArgs({ plain: 'x', html: '<body><em>x</em></body>' })).toEqual({
      html_notes: '<body><em>x</em></body>',
    });
    expect(notesArgs({ plain: 'x', html: null })).toEqual({ notes: 'x' });
  });
});

describe('a deleted task', () => {
  const root = task('1', { name: 'Root', projects: [{ project: { gid: '5', name: 'P' }, section: null }] });
  const children = ['2', '3'].map((gid) =>
    task(gid, { name: `Child ${gid}`, parent: { gid: '1', name: 'Root' } }),
  );
  const bundle: Bundle = { tool: 'delete_task', arguments: { task: '1' }, before: [root, ...children] };
  const call = (said: object | null, more: Partial<OwnCall> = {}): OwnCall => ({
    ...{
      id: null,
      mayHaveRun: true,
      said: said as OwnCall['said'],
      problem: said === null ? 'No answer.' : null,
    },
    ...more,
  });
  /** Answers the calls one after the other, and notes what was asked. */
  const run = async (...answers: OwnCall[]) => {
    const asked: Record<string, unknown>[] = [];
    const items = await createAgain(
      (_, args) => {
        asked.push(args);
        return Promise.resolve(answers.shift()!);
      },
      bundle,
      compare(bundle),
    );
    return { items: items.map(({ result, newGid }) => [result, newGid]), asked };
  };

  test('is hung onto nothing that Asana did not name', async () => {
    const unnamed = await run(call({ succeeded: [{ name: 'Root' }], failed: [] }));
    expect(unnamed.items).toEqual([
      ['unknown', null],
      ['not_back', null],
      ['not_back', null],
    ]);
    expect(unnamed.asked).toHaveLength(1);
    const silent = await run(call(null));
    expect(silent.items[0]).toEqual(['unknown', null]);
    const refused = await run(call(null, { mayHaveRun: false, problem: 'Unknown tool: create_tasks' }));
    expect(refused.items[0]).toEqual(['not_back', null]);
  });

  test('comes back task by task, also where Asana creates only some of them', async () => {
    const first = call({ data: { succeeded: [{ task: { gid: '11' } }], failed: [] } });
    const some = await run(
      first,
      call({
        succeeded: [{ gid: '13', name: 'Child 3' }],
        failed: [{ index: 0, errors: [{ message: 'No.' }] }],
      }),
    );
    expect(some.items).toEqual([
      ['back', '11'],
      ['not_back', null],
      ['back', '13'],
    ]);
    expect(some.asked[1]).toEqual({
      tasks: [
        { name: 'Child 2', parent: '11' },
        { name: 'Child 3', parent: '11' },
      ],
    });
  });

  test('takes along what create_tasks knows: kind, state, dates, fields as one JSON string', () => {
    const whole = createdAnew(
      task('1', {
        ...{ name: 'T', notes: { plain: 'n', html: null }, assignee: person('2'), subtype: 'approval' },
        completed: { completed: true, approval: 'approved' },
        ...days(null, { due_at: '2026-12-01T10:00:00+02:00' }),
        ...{ followers: [person('3'), person('4')], parent: null },
        projects: [{ project: { gid: '5', name: 'P' }, section: { gid: '6', name: 'S' } }],
        customFields: [{ gid: '8', name: 'F', value: ['1'], shown: 'x', isSettable: true }],
      }),
      null,
    );
    expect(whole).toEqual({
      ...{ name: 'T', notes: 'n', assignee: '2', resource_subtype: 'approval', approval_status: 'approved' },
      ...{ due_at: '2026-12-01T08:00:00.000Z', followers: '3,4', project_id: '5', section_id: '6' },
      custom_fields: '{"8":["1"]}',
    });
  });
});

describe('a custom field that Asana shows', () => {
  const read = (field: object) =>
    thingIn(
      { kind: 'task', gid: '1', parts: ['customFields'], deep: false },
      {
        data: {
          gid: '1',
          name: 'T',
          custom_fields: [{ gid: '8', name: 'F', display_value: 'shown', ...field }],
        },
      },
    )!.parts.customFields![0]!;

  test('is read in each of its kinds, into what the tools take', () => {
    expect(read({ resource_subtype: 'text', text_value: 'x' }).value).toBe('x');
    expect(read({ type: 'number', number_value: 2 }).value).toBe(2);
    expect(read({ type: 'enum', enum_value: { gid: '3', name: 'High' } }).value).toBe('3');
    expect(read({ type: 'multi_enum', multi_enum_values: [{ gid: '3' }, { gid: '4' }] }).value).toEqual([
      '3',
      '4',
    ]);
    expect(read({ type: 'date', date_value: { date: '2026-12-01' } }).value).toEqual({ date: '2026-12-01' });
    expect(read({ type: 'enum', enum_value: null })).toMatchObject({ value: null, isSettable: true });
    expect(read({ type: 'people', people_value: [] })).toMatchObject({ value: null, isSettable: false });
  });

  test('is asked for with exactly the parts that the call changes', () => {
    expect(readingOf({ kind: 'task', gid: '1', parts: ['assignee'], deep: false })).toEqual({
      tool: 'get_task',
      args: {
        ...{ task_id: '1', include_subtasks: false, include_comments: false },
        opt_fields: 'name,assignee.name,assignee.email',
      },
    });
  });
});
