// The tools of the stand-in Asana read and change one world: what is written is read back, what belongs to somebody else
// is not seen, and what Asana would refuse is refused.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../lib/sandbox/start-sandbox';
import { SEED } from '../../lib/sandbox/world-seed';
import { clientOf } from '../support/call-sandbox';

type Client = Awaited<ReturnType<typeof clientOf>>;

let sandbox: Sandbox;
let ana: Client;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  sandbox.reset();
  ana = await clientOf(sandbox, 'ana@example.com', SEED.works);
});
afterAll(() => sandbox.close());

const message = (answer: { value: any }) => answer.value.errors[0].message as string;
const names = (list: { name: string }[]) => list.map(({ name }) => name);

/** Good arguments for every tool of the list, so that none is left unexercised. */
const EVERY_TOOL: Record<string, Record<string, unknown>> = {
  get_workspace_agents: {},
  get_agent: { agent_gid: SEED.agent },
  get_attachments: { parent: SEED.homepageCopy },
  create_task_from_template: { template_name: 'new PAGE', project_id: SEED.relaunch },
  create_project_from_template: { project_template_id: SEED.projectTemplate, name: 'Autumn launch' },
  get_portfolio: { portfolio_gid: SEED.launches },
  get_portfolios: {},
  get_items_for_portfolio: { portfolio_gid: SEED.launches },
  get_project: { project_id: SEED.relaunch, include_sections: true },
  get_project_internal: { widget_id: 'model-generated-widget-id', project_id: SEED.relaunch },
  get_projects: {},
  create_project_status_update: { parent: SEED.relaunch, title: 'Week 39', color: 'green', text: 'Fine.' },
  create_project: { name: 'New project' },
  update_project: { project_id: SEED.relaunch, name: 'Website' },
  get_status_overview: { keywords: 'website' },
  search_tasks: { text: 'homepage' },
  get_task: { task_id: SEED.homepageCopy },
  get_task_stories: { task_id: SEED.homepageCopy },
  create_tasks: { tasks: [{ name: 'A task' }], default_project: SEED.relaunch },
  update_tasks: { tasks: [{ task: SEED.homepageCopy, completed: true }] },
  add_comment: { task_id: SEED.homepageCopy, text: 'Hello' },
  get_tasks: { project: SEED.relaunch },
  get_my_tasks: {},
  delete_task: { task: SEED.pressKit },
  get_teams: {},
  search_objects: { resource_type: 'project', query: 'web' },
  search_objects_internal: { widget_id: 'model-generated-widget-id', resource_type: 'user' },
  get_user: { user_id: 'ben@example.com' },
  get_me: {},
  get_users: {},
  log_widget_event: { widget_id: 'model-generated-widget-id', widget_type: 'task', action: 'open' },
  create_task_preview_v4: { taskName: 'Drawn only' },
  create_task_confirm: {
    widget_id: 'model-generated-widget-id',
    workspace: SEED.works,
    taskName: 'From the widget',
    isComplete: false,
    startDate: null,
    dueDate: '2026-11-30',
    assignee: null,
    description: null,
  },
  save_task_changes_confirm: { widget_id: 'model-generated-widget-id', taskGid: SEED.homepageCopy },
  search_tasks_preview: { text: 'press' },
  create_project_preview_v3: { project_name: 'Drawn', sections: [] },
  create_project_confirm: {
    widget_id: 'model-generated-widget-id',
    workspace: SEED.works,
    projectName: 'Widget project',
    sections: [],
  },
  create_project_confirm_populate: {
    widget_id: 'model-generated-widget-id',
    workspace: SEED.works,
    project: SEED.relaunch,
    sections: [],
  },
  save_project_changes_confirm: { widget_id: 'model-generated-widget-id', projectGid: SEED.relaunch },
};

describe('every tool', () => {
  it('has an example here', () => {
    expect(Object.keys(EVERY_TOOL).sort()).toEqual(sandbox.tools.map(({ name }) => name).sort());
  });

  it.each(Object.entries(EVERY_TOOL))('%s works with good arguments', async (name, given) => {
    const answer = await ana.call(name, given);
    expect(answer.isError, JSON.stringify(answer.value)).toBe(false);
    expect(typeof answer.value).toBe('object');
  });

  it.each(Object.entries(EVERY_TOOL).filter(([name]) => /get_|search_|preview|log_/.test(name)))(
    '%s, which calls itself read-only, changes nothing',
    async (name, given) => {
      const before = JSON.stringify(Object.values(sandbox.world).map((all) => [...(all.values?.() ?? [])]));
      await ana.call(name, given);
      const after = JSON.stringify(Object.values(sandbox.world).map((all) => [...(all.values?.() ?? [])]));
      expect(after).toBe(before);
    },
  );

  it('answers in the workspace of the token only, whatever the tool', async () => {
    const secrets = [SEED.studioRelaunch, SEED.studioPoster, 'Print the studio poster'];
    for (const [name, given] of Object.entries(EVERY_TOOL)) {
      sandbox.reset();
      const client = await clientOf(sandbox, 'ana@example.com', SEED.works);
      const text = JSON.stringify(await client.call(name, given));
      for (const secret of secrets) expect(text, name).not.toContain(secret);
    }
  });
});

describe('arguments', () => {
  it.each([
    ['get_task', {}, 'arguments.task_id is required'],
    ['get_task', { task_id: 5 }, 'arguments.task_id must be of type string'],
    ['get_task', { task_id: '1', comment_limit: 51 }, 'arguments.comment_limit must be at most 50'],
    ['search_objects', { resource_type: 'planet' }, 'arguments.resource_type must be one of'],
    ['search_tasks', { due_on: '2026-02-30' }, 'arguments.due_on has the wrong format'],
    ['create_tasks', { tasks: [] }, "arguments.tasks's number of items must be at least 1"],
    ['create_tasks', { tasks: [{}] }, 'arguments.tasks.0.name is required'],
    ['update_tasks', { tasks: [{ task: '1', completed: null }] }, 'must be of type boolean'],
    ['get_project_internal', { widget_id: 'mine', project_id: '1' }, 'must be "model-generated-widget-id"'],
    ['create_project_from_template', { project_template_id: '1', name: '  ' }, 'has the wrong format'],
  ] as [string, Record<string, unknown>, string][])(
    '%s refuses %j as a tool error',
    async (name, given, problem) => {
      const answer = await ana.call(name, given);
      expect(answer.isError).toBe(true);
      expect(answer.value).toContain(`Invalid arguments for tool ${name}`);
      expect(answer.value).toContain(problem);
    },
  );

  it('are taken with unknown names beside them, as the schemas allow', async () => {
    expect((await ana.call('get_me', { workspace: SEED.studio })).value.data.name).toBe('Ana');
  });
});

describe('tasks', () => {
  it('are created at once and read back in REST style, with their project and section', async () => {
    const { value } = await ana.call('create_tasks', {
      default_project: SEED.relaunch,
      default_assignee: 'me',
      tasks: [
        {
          name: 'Write the FAQ',
          html_notes: '<body>See <a href="https://example.com/">here</a></body>',
          due_on: '2026-12-01',
          followers: 'ben@example.com,cleo@example.com',
          custom_fields: JSON.stringify({ [SEED.priority]: SEED.priorityHigh, [SEED.effort]: 3 }),
        },
        { name: 'In a section', project_id: SEED.relaunch, section_id: SEED.relaunchDone },
        { name: 'Under the copy', parent: SEED.homepageCopy, resource_subtype: 'approval' },
      ],
    });
    expect(value.failed).toEqual([]);
    expect(value.summary).toEqual({ total: 3, succeeded: 3, failed: 0 });
    const [first, second, third] = await Promise.all(
      value.succeeded.map(
        async ({ gid }: { gid: string }) => (await ana.call('get_task', { task_id: gid })).value.data,
      ),
    );
    expect(first).toMatchObject({
      name: 'Write the FAQ',
      notes: 'See here',
      due_on: '2026-12-01',
      assignee: { email: 'ana@example.com' },
      projects: [{ gid: SEED.relaunch }],
      memberships: [{ project: { gid: SEED.relaunch }, section: { gid: SEED.relaunchTodo } }],
      parent: null,
    });
    expect(names(first.followers)).toEqual(['Ana', 'Ben', 'Cleo']);
    expect(first.custom_fields.map((field: any) => field.display_value)).toEqual(['High', '3']);
    expect(second.memberships[0].section.gid).toBe(SEED.relaunchDone);
    expect(third).toMatchObject({
      parent: { gid: SEED.homepageCopy },
      projects: [],
      approval_status: 'pending',
    });
    expect((await ana.call('get_my_tasks', { completed_since: 'now' })).value.data.length).toBeGreaterThan(2);
  });

  it('fail one by one in a bulk call, with the reason', async () => {
    const { value } = await ana.call('create_tasks', {
      tasks: [
        { name: 'Nowhere' },
        { name: 'Good', project_id: SEED.relaunch },
        { name: 'Foreign', project_id: SEED.studioRelaunch },
        { name: 'Section without project', section_id: SEED.relaunchTodo },
        { name: 'Both dates', assignee: 'me', due_on: '2026-12-01', due_at: '2026-12-01T10:00:00Z' },
        { name: 'Start only', assignee: 'me', start_on: '2026-12-01' },
        { name: 'Two texts', assignee: 'me', notes: 'a', html_notes: '<body>b</body>' },
        { name: 'Bad rich text', assignee: 'me', html_notes: '<body><script>x</script></body>' },
        { name: 'Bad fields', project_id: SEED.relaunch, custom_fields: '{"' },
        { name: 'Unknown option', project_id: SEED.relaunch, custom_fields: `{"${SEED.priority}":"7"}` },
        { name: 'Stranger', assignee: 'nobody@example.com' },
        { name: 'Not of this workspace', project_id: SEED.onboarding, section_id: SEED.relaunchTodo },
      ],
    });
    expect(names(value.succeeded)).toEqual(['Good']);
    expect(value.summary).toEqual({ total: 12, succeeded: 1, failed: 11 });
    expect(value.failed.every((entry: any) => typeof entry.errors[0].message === 'string')).toBe(true);
    expect(value.failed[1].errors[0].message).toBe(`project_id: Unknown object: ${SEED.studioRelaunch}`);
    const after = await ana.call('search_tasks', { text: 'nowhere' });
    expect(after.value.data).toEqual([]);
  });

  it('change field by field, and say which part of a change failed', async () => {
    const change = (item: Record<string, unknown>) =>
      ana.call('update_tasks', { tasks: [{ task: SEED.homepageCopy, ...item }] });
    await change({
      name: 'New name',
      assignee: null,
      due_on: '2026-12-24',
      start_on: '2026-12-20',
      completed: true,
      add_followers: ['ben@example.com'],
      add_dependencies: [SEED.pressKit],
      add_projects: [
        { project_id: SEED.relaunch, section_id: SEED.relaunchDone },
        { project_id: SEED.onboarding },
      ],
      custom_fields: { [SEED.effort]: 5, [SEED.priority]: null },
    });
    const read = async () => (await ana.call('get_task', { task_id: SEED.homepageCopy })).value.data;
    const task = await read();
    expect(task).toMatchObject({ name: 'New name', assignee: null, start_on: '2026-12-20', completed: true });
    expect(task.completed_at).toBeTruthy();
    expect(names(task.projects)).toEqual(['Website relaunch', 'Customer onboarding']);
    expect(task.dependencies.map(({ gid }: any) => gid)).toEqual([SEED.pressKit]);
    expect(task.custom_fields.map((field: any) => field.value)).toEqual([null, 5]);

    const partial = await change({ notes: 'Changed', parent: SEED.homepageCopy, start_on: '2027-01-01' });
    expect(partial.value.summary).toEqual({ total: 1, succeeded: 0, failed: 1 });
    expect(partial.value.failed[0].errors).toHaveLength(2);
    expect((await read()).notes).toBe('Changed');

    const loop = await ana.call('update_tasks', {
      tasks: [{ task: SEED.pressKit, add_dependencies: [SEED.homepageCopy] }],
    });
    expect(loop.value.summary.failed).toBe(1);
    await change({
      due_on: null,
      remove_projects: [SEED.onboarding],
      completed: false,
      remove_followers: ['me'],
    });
    expect(await read()).toMatchObject({
      due_on: null,
      start_on: null,
      completed: false,
      completed_at: null,
    });
    const stories = (await ana.call('get_task_stories', { task_id: SEED.homepageCopy })).value.data;
    expect(stories.map(({ text }: any) => text)).toContain('marked this task complete');
  });

  it('keep approval and completion in step', async () => {
    const made = await ana.call('create_tasks', {
      tasks: [{ name: 'Sign off', assignee: 'me', resource_subtype: 'approval' }],
    });
    const task = made.value.succeeded[0].gid;
    const set = async (item: Record<string, unknown>) => {
      await ana.call('update_tasks', { tasks: [{ task, ...item }] });
      const { completed, approval_status } = (await ana.call('get_task', { task_id: task })).value.data;
      return [completed, approval_status];
    };
    expect(await set({ approval_status: 'rejected' })).toEqual([true, 'rejected']);
    expect(await set({ approval_status: 'pending' })).toEqual([false, 'pending']);
    expect(await set({ completed: true })).toEqual([true, 'approved']);
    expect(await set({ approval_status: 'changes_requested' })).toEqual([false, 'changes_requested']);
  });

  it('are deleted with those subtasks that are in no other project', async () => {
    const made = await ana.call('create_tasks', {
      tasks: [
        { name: 'Stays', parent: SEED.homepageCopy, project_id: SEED.relaunch },
        { name: 'Goes', parent: SEED.homepageCopy },
      ],
    });
    const [stays, goes] = made.value.succeeded.map(({ gid }: any) => gid);
    const deleted = await ana.call('delete_task', { task: SEED.homepageCopy });
    expect(deleted.value.data.deleted_subtasks).toContain(goes);
    for (const gone of [SEED.homepageCopy, goes]) {
      const answer = await ana.call('get_task', { task_id: gone });
      expect(answer.isError).toBe(true);
      expect(message(answer)).toBe(`task_id: Unknown object: ${gone}`);
    }
    expect((await ana.call('get_task', { task_id: stays })).value.data.parent).toBeNull();
    expect((await ana.call('delete_task', { task: SEED.homepageCopy })).isError).toBe(true);
  });

  it('carry comments, plain or rich but not both', async () => {
    const comment = (given: Record<string, unknown>) =>
      ana.call('add_comment', { task_id: SEED.homepageCopy, ...given });
    const made = await comment({ html_text: '<body>Well <strong>done</strong></body>', is_pinned: true });
    expect(made.value.data).toMatchObject({
      text: 'Well done',
      is_pinned: true,
      created_by: { name: 'Ana' },
    });
    for (const bad of [
      {},
      { text: 'a', html_text: '<body>b</body>' },
      { html_text: '<body><h1>no</h1></body>' },
    ])
      expect((await comment(bad)).isError).toBe(true);
    const { comments } = (await ana.call('get_task', { task_id: SEED.homepageCopy, comment_limit: 1 })).value
      .data;
    expect(comments).toHaveLength(1);
    expect(comments[0].text).toBe('Well done');
    const bare = (await ana.call('get_task', { task_id: SEED.homepageCopy, include_comments: false })).value
      .data;
    expect(bare).not.toHaveProperty('comments');
  });

  it.each([
    ['<body>a<b>b</b></body>'],
    ['a<body>b</body>'],
    ['<body>a</body><body>b</body>'],
    ['<body>a'],
    ['<body><em>a</body></em>'],
    ['<body style="x">a</body>'],
    ['<body>a & b</body>'],
    ['<body>a <br> b</body>'],
    ['<body><a onclick="x">a</a></body>'],
    ['plain'],
  ])('refuse the rich text %s', async (html_text) => {
    const answer = await ana.call('add_comment', { task_id: SEED.homepageCopy, html_text });
    expect(answer.isError).toBe(true);
    expect(message(answer)).toMatch(/^html_text: XML is invalid/);
  });

  it('are listed in one context, in pages whose tokens can not be made up', async () => {
    const tasks = Array.from({ length: 7 }, (_, index) => ({ name: `Task ${index}` }));
    await ana.call('create_tasks', { tasks, default_project: SEED.onboarding });
    const seen: string[] = [];
    let offset: string | undefined;
    do {
      const page = await ana.call('get_tasks', {
        project: SEED.onboarding,
        limit: 3,
        ...(offset && { offset }),
      });
      expect(page.value.data.length).toBeLessThanOrEqual(3);
      seen.push(...names(page.value.data));
      offset = page.value.next_page?.offset;
    } while (offset);
    expect(seen).toEqual(['Collect first questions', ...names(tasks)]);
    expect((await ana.call('get_tasks', { project: SEED.onboarding, offset: 'x' })).isError).toBe(true);
    expect((await ana.call('get_tasks', {})).isError).toBe(true);
    const open = await ana.call('get_tasks', {
      project: SEED.relaunch,
      completed_since: new Date().toISOString(),
    });
    expect(names(open.value.data)).not.toContain('Choose a typeface');
    const section = await ana.call('get_tasks', { section: SEED.relaunchDone });
    expect(names(section.value.data)).toEqual(['Choose a typeface']);
  });

  it('are found by every kind of filter, and only in paid workspaces', async () => {
    const find = async (given: Record<string, unknown>) =>
      names((await ana.call('search_tasks', given)).value.data);
    expect(await find({ text: 'keep it short' })).toEqual(['Write the homepage copy']);
    expect(await find({ assignee_any: 'me', completed: false })).toEqual(['Prepare the press kit']);
    expect(await find({ created_by_any: 'ben@example.com', is_subtask: true })).toEqual([
      'Find three quotes from customers',
    ]);
    expect(await find({ projects_any: SEED.relaunch, due_on_before: '2026-11-10' })).toEqual([
      'Write the homepage copy',
    ]);
    expect(await find({ due_on: '2026-11-13' })).toEqual(['Prepare the press kit']);
    expect(await find({ sections_any: SEED.relaunchDone })).toEqual(['Choose a typeface']);
    expect(await find({ completed_at_after: '2026-09-18T09:00:00Z' })).toEqual(['Choose a typeface']);
    expect(
      await find({ custom_fields: JSON.stringify({ [SEED.priority]: SEED.priorityHigh }) }),
    ).toHaveLength(1);
    expect(await find({ custom_fields: JSON.stringify({ [`${SEED.effort}.greater_than`]: 2 }) })).toEqual([]);
    expect(await find({ sort_by: 'due_date', sort_ascending: false, limit: 1 })).toEqual([
      'Prepare the press kit',
    ]);
    for (const custom_fields of ['[', '[]', '{"1.near":1}', '{"1":{"a":1}}'])
      expect((await ana.call('search_tasks', { custom_fields })).isError).toBe(true);
    const dora = await clientOf(sandbox, 'dora@example.com', SEED.studio);
    const refused = await dora.call('search_tasks', { text: 'poster' });
    expect([refused.isError, refused.value.status]).toEqual([true, 402]);
  });

  it('return the fields asked for and no others', async () => {
    const { value } = await ana.call('get_tasks', {
      project: SEED.relaunch,
      limit: 1,
      opt_fields: 'assignee.name,due_on,unknown_field',
    });
    expect(value.data[0]).toEqual({
      gid: SEED.homepageCopy,
      resource_type: 'task',
      assignee: { gid: SEED.ben, resource_type: 'user', name: 'Ben' },
      due_on: '2026-11-06',
    });
  });
});

describe('projects', () => {
  const read = async (include_sections = false) =>
    (await ana.call('get_project', { project_id: SEED.relaunch, include_sections })).value.data;

  it('are created with sections and tasks, part by part', async () => {
    const { value } = await ana.call('create_project', {
      name: 'Office move',
      members: SEED.ben,
      privacy_setting: 'private',
      custom_fields: { [SEED.effort]: 9 },
      sections: [
        {
          sectionName: 'Decide',
          tasks: [
            { name: 'Agree on the plan', assignee: 'me' },
            { name: 'Bad', start_on: '2026-10-01' },
          ],
        },
        { sectionName: 'Move' },
      ],
    });
    expect(names(value.data.sections)).toEqual(['Decide', 'Move']);
    expect(value.data.sections[0].tasks.map(({ success }: any) => success)).toEqual([true, false]);
    const ben = await clientOf(sandbox, 'ben@example.com', SEED.works);
    const cleo = await clientOf(sandbox, 'cleo@example.com', SEED.works);
    const ask = { project_id: value.data.gid, opt_fields: 'num_tasks,custom_fields' };
    expect((await ben.call('get_project', ask)).value.data).toMatchObject({
      num_tasks: 1,
      custom_fields: [{ value: 9 }],
    });
    expect((await cleo.call('get_project', ask)).isError).toBe(true);
  });

  it.each([
    [{ add_members: ['cleo@example.com'] }, /Cleo .* becomes a member/],
    [{ default_access_level: 'admin' }, /admin access instead of editor/],
  ])('apply nothing of the sensitive change %j before it is confirmed', async (change, effect) => {
    const before = JSON.stringify(sandbox.world.projects.get(SEED.relaunch));
    const given = { project_id: SEED.relaunch, name: 'Renamed with it', ...change };
    const asked = await ana.call('update_project', given);
    expect(asked.value.data).toMatchObject({ confirmation_required: true, applied: [] });
    expect(asked.value.data.effects[0]).toMatch(effect);
    expect(JSON.stringify(sandbox.world.projects.get(SEED.relaunch))).toBe(before);
    const done = await ana.call('update_project', { ...given, confirm_sensitive_changes: true });
    expect(done.value.data.applied).toEqual(['name', Object.keys(change)[0]]);
    expect((await read()).name).toBe('Renamed with it');
  });

  it('go public only when confirmed, and back without asking', async () => {
    const set = (given: Record<string, unknown>) =>
      ana.call('update_project', { project_id: SEED.relaunch, ...given });
    await set({ privacy_setting: 'private' });
    expect((await set({ privacy_setting: 'public_to_workspace' })).value.data.confirmation_required).toBe(
      true,
    );
    expect((await read()).privacy_setting).toBe('private');
    await set({ privacy_setting: 'public_to_workspace', confirm_sensitive_changes: true });
    expect((await read()).privacy_setting).toBe('public_to_workspace');
  });

  it('lose only empty sections, never the last, and apply the rest', async () => {
    const { value } = await ana.call('update_project', {
      project_id: SEED.relaunch,
      archived: true,
      icon: 'rocket',
      due_on: '2026-12-31',
      owner: null,
      remove_sections: [SEED.relaunchTodo],
      add_sections: [{ name: 'Later' }],
      rename_sections: [{ section_id: SEED.relaunchDone, name: 'Finished' }],
    });
    expect(value.data.applied).toEqual([
      'owner',
      'due_on',
      'icon',
      'archived',
      'add_sections',
      'rename_sections',
    ]);
    expect(value.data.failed).toEqual([
      { argument: 'remove_sections', message: 'remove_sections: Cannot delete a non-empty section' },
    ]);
    const project = await read(true);
    expect(project).toMatchObject({ archived: true, icon: 'rocket', owner: null });
    expect(names(project.sections)).toEqual(['To do', 'Doing', 'Finished', 'Later']);
    expect(names((await ana.call('get_projects', {})).value.data)).not.toContain('Website relaunch');
    expect(names((await ana.call('get_projects', { archived: true })).value.data)).toContain(
      'Website relaunch',
    );
    const fresh = (await ana.call('create_project', { name: 'One section' })).value.data.gid;
    const [only] = (await ana.call('get_project', { project_id: fresh, include_sections: true })).value.data
      .sections;
    const last = await ana.call('update_project', { project_id: fresh, remove_sections: [only.gid] });
    expect(last.value.data.failed[0].message).toMatch(/last section/);
  });

  it('get status updates, as do portfolios, and the overview finds them', async () => {
    for (const parent of [SEED.relaunch, SEED.launches]) {
      const { value } = await ana.call('create_project_status_update', {
        parent,
        title: 'Fresh news',
        color: 'yellow',
        text: 'Careful.',
      });
      expect(value.data).toMatchObject({
        parent: { gid: parent },
        status_type: 'at_risk',
        author: { name: 'Ana' },
      });
    }
    const { value } = await ana.call('get_status_overview', { keywords: 'relaunch, launches' });
    expect(names(value.data)).toEqual(['Website relaunch', 'Launches']);
    for (const entry of value.data)
      expect(entry.status_updates.map(({ title }: any) => title)).toContain('Fresh news');
  });

  it('come from templates, which insist on what they ask for when told to', async () => {
    const make = (given: Record<string, unknown>) =>
      ana.call('create_project_from_template', {
        project_template_id: SEED.projectTemplate,
        name: 'Spring',
        ...given,
      });
    const strict = await make({ is_strict: true, requested_dates: [{ gid: '1', value: '2027-04-01' }] });
    expect(message(strict)).toBe('is_strict: Missing Launch lead');
    const made = await make({
      is_strict: true,
      requested_dates: [{ gid: '1', value: '2027-04-01' }],
      requested_roles: [{ gid: '1', value: 'me' }],
    });
    const project = made.value.data.new_project.gid;
    expect((await ana.call('get_tasks', { project })).value.data).toHaveLength(3);
    const listed = await ana.call('create_task_from_template', { project_id: SEED.relaunch });
    expect(names(listed.value.data)).toEqual(['New page']);
    const task = await ana.call('create_task_from_template', {
      task_template_id: SEED.taskTemplate,
      name: 'Jobs',
    });
    const { data } = (await ana.call('get_task', { task_id: task.value.data.new_task.gid })).value;
    expect([data.name, data.num_subtasks]).toEqual(['Jobs', 3]);
  });
});

describe('widgets', () => {
  const widget_id = 'model-generated-widget-id';
  const sent = (taskName: string, extra: Record<string, unknown> = {}) => ({
    taskName,
    description: null,
    isComplete: false,
    startDate: null,
    dueDate: null,
    assignee: null,
    ...extra,
  });
  const exists = async (task_id: string) => !(await ana.call('get_task', { task_id })).isError;

  it('preview what they were given and write nothing', async () => {
    const given = { taskName: 'Only drawn', dueDate: '2026-12-01', subtasks: [{ taskName: 'x' }] };
    const { value } = await ana.call('create_task_preview_v4', given);
    expect(value).toEqual({ preview: given });
    expect((await ana.call('search_tasks', { text: 'drawn' })).value.data).toEqual([]);
    const found = await ana.call('search_tasks_preview', { text: 'press kit' });
    expect(names(found.value.tasks)).toEqual(['Prepare the press kit']);
  });

  it('really create tasks and projects through the confirm tools', async () => {
    const task = await ana.call('create_task_confirm', {
      widget_id,
      workspace: SEED.works,
      ...sent('Confirmed', { dueDate: '2026-12-01', description: 'With *Markdown*' }),
      project: { gid: SEED.relaunch, name: 'x', icon: null, color: null },
      section: { gid: SEED.relaunchDoing, name: 'x' },
      subtasks: [sent('Part one', { assignee: { gid: SEED.ben, name: 'Ben', email: 'ben@example.com' } })],
    });
    const { data } = (await ana.call('get_task', { task_id: task.value.data.gid })).value;
    expect(data.memberships[0].section.gid).toBe(SEED.relaunchDoing);
    expect(names(data.subtasks)).toEqual(['Part one']);
    const sections = [
      {
        sectionName: 'Plan',
        tasks: [{ ...sent('Think'), customFields: [{ kind: 'priority', priorityLevel: 'low' }] }],
      },
    ];
    const project = await ana.call('create_project_confirm', {
      widget_id,
      workspace: SEED.works,
      projectName: 'From a widget',
      sections,
    });
    await ana.call('create_project_confirm_populate', {
      widget_id,
      workspace: SEED.works,
      project: project.value.data.gid,
      sections,
    });
    const tasks = await ana.call('get_tasks', {
      project: project.value.data.gid,
      opt_fields: 'name,custom_fields.display_value',
    });
    expect(names(tasks.value.data)).toEqual(['Think', 'Think']);
    expect(tasks.value.data[0].custom_fields[0].display_value).toBe('Low');
  });

  it('refuse any workspace but that of the authorization', async () => {
    const answer = await ana.call('create_task_confirm', { widget_id, workspace: SEED.studio, ...sent('x') });
    expect(answer.isError).toBe(true);
    expect(message(answer)).toBe(`workspace: Unknown object: ${SEED.studio}`);
  });

  it('really change and delete through save_task_changes_confirm', async () => {
    const made = await ana.call('create_tasks', {
      tasks: [
        { name: 'Old subtask', parent: SEED.homepageCopy },
        { name: 'Kept', parent: SEED.homepageCopy },
      ],
    });
    const [gone, kept] = made.value.succeeded.map(({ gid }: any) => gid);
    const answer = await ana.call('save_task_changes_confirm', {
      widget_id,
      taskGid: SEED.homepageCopy,
      updatedNativeFields: { taskName: 'Edited', isComplete: true, assignee: null, startDate: '2026-11-01' },
      updatedCustomFields: { priority: { gid: SEED.priority, value: null } },
      updatedSubtasks: [{ gid: kept, fields: { taskName: 'Kept and edited' } }],
      newSubtasks: [sent('New subtask')],
      deletedSubtaskGids: [gone],
    });
    expect(answer.isError).toBe(false);
    const { data } = (await ana.call('get_task', { task_id: SEED.homepageCopy })).value;
    expect(data).toMatchObject({ name: 'Edited', completed: true, assignee: null, start_on: '2026-11-01' });
    expect(names(data.subtasks)).toEqual(expect.arrayContaining(['Kept and edited', 'New subtask']));
    expect(await exists(gone)).toBe(false);
  });

  it('really delete tasks and sections through save_project_changes_confirm', async () => {
    const answer = await ana.call('save_project_changes_confirm', {
      widget_id,
      projectGid: SEED.relaunch,
      updatedProjectName: 'Saved',
      updatedSectionNames: [{ sectionGid: SEED.relaunchTodo, name: 'First' }],
      updatedTasks: [{ taskGid: SEED.domainSwitch, nativeFields: { dueDate: '2026-11-20' } }],
      newTasks: [{ sectionGid: SEED.relaunchTodo, task: { ...sent('Added'), customFields: [] } }],
      newSections: [{ sectionName: 'Extra', tasks: [{ ...sent('In extra'), customFields: [] }] }],
      taskMoves: [{ taskGid: SEED.homepageCopy, toSectionGid: SEED.relaunchDone }],
      deletedTaskGids: [SEED.pressKit],
      deletedSectionGids: [SEED.relaunchDoing],
      orderedSectionGids: [SEED.relaunchDone, SEED.relaunchTodo],
    });
    expect(answer.isError).toBe(false);
    expect(await exists(SEED.pressKit)).toBe(false);
    const { data } = (await ana.call('get_project', { project_id: SEED.relaunch, include_sections: true }))
      .value;
    expect(data.name).toBe('Saved');
    expect(names(data.sections)).toEqual(['Done', 'First', 'Extra']);
    const moved = (await ana.call('get_task', { task_id: SEED.homepageCopy })).value.data;
    expect(moved.memberships[0].section.gid).toBe(SEED.relaunchDone);
  });
});

describe('other people', () => {
  it('do not see another workspace, by search, by list or by gid, though they belong to it', async () => {
    const studio = await clientOf(sandbox, 'ana@example.com', SEED.studio);
    expect(names((await studio.call('get_projects', {})).value.data)).toEqual(['Website relaunch']);
    expect((await studio.call('get_projects', {})).value.data[0].gid).toBe(SEED.studioRelaunch);
    for (const [client, task, project] of [
      [ana, SEED.studioPoster, SEED.studioRelaunch],
      [studio, SEED.homepageCopy, SEED.relaunch],
    ] as const) {
      expect((await client.call('get_task', { task_id: task })).isError).toBe(true);
      expect((await client.call('get_project', { project_id: project })).isError).toBe(true);
      expect((await client.call('get_tasks', { project })).isError).toBe(true);
      expect((await client.call('delete_task', { task })).isError).toBe(true);
      const changed = await client.call('update_tasks', { tasks: [{ task, name: 'x' }] });
      expect(changed.value.summary).toEqual({ total: 1, succeeded: 0, failed: 1 });
    }
    expect(sandbox.world.tasks.get(SEED.homepageCopy)!.name).toBe('Write the homepage copy');
    expect((await studio.call('get_user', { user_id: 'ben@example.com' })).isError).toBe(true);
  });

  it('do not see private projects or their tasks', async () => {
    const cleo = await clientOf(sandbox, 'cleo@example.com', SEED.works);
    const found = (client: Client) =>
      client.call('search_objects', { resource_type: 'project', query: 'salary' });
    expect(names((await found(cleo)).value.data)).toEqual(['Salary review']);
    expect((await found(ana)).value.data).toEqual([]);
    expect((await ana.call('get_task', { task_id: SEED.salaryTable })).isError).toBe(true);
    expect((await ana.call('search_tasks', { text: 'salary' })).value.data).toEqual([]);
  });

  it('do not see a private project through a task or a portfolio that they may see', async () => {
    const admin = await clientOf(sandbox, 'admin@example.com', SEED.works);
    await admin.call('update_tasks', {
      tasks: [{ task: SEED.homepageCopy, add_projects: [{ project_id: SEED.salaries }] }],
    });
    sandbox.world.portfolios.get(SEED.launches)!.itemGids.push(SEED.salaries);
    for (const [name, given] of [
      ['get_task', { task_id: SEED.homepageCopy }],
      ['get_portfolio', { portfolio_gid: SEED.launches }],
      ['get_items_for_portfolio', { portfolio_gid: SEED.launches }],
    ] as const) {
      expect(JSON.stringify(await ana.call(name, given)), name).not.toContain('Salary');
      expect(JSON.stringify(await admin.call(name, given)), name).toContain('Salary');
    }
  });

  it('do not see the portfolios of another workspace', async () => {
    const studio = await clientOf(sandbox, 'ana@example.com', SEED.studio);
    const search = { resource_type: 'portfolio', query: '' };
    expect(names((await ana.call('search_objects', search)).value.data)).toEqual(['Launches']);
    expect((await studio.call('search_objects', search)).value.data).toEqual([]);
    expect((await studio.call('get_portfolios')).value.data).toEqual([]);
    expect((await studio.call('get_portfolio', { portfolio_gid: SEED.launches })).isError).toBe(true);
  });

  it('see, as guests, only what they were added to', async () => {
    const dora = await clientOf(sandbox, 'dora@example.com', SEED.works);
    expect((await dora.call('get_projects', {})).value.data).toEqual([]);
    expect((await dora.call('get_task', { task_id: SEED.homepageCopy })).isError).toBe(true);
    await ana.call('update_project', {
      project_id: SEED.relaunch,
      add_members: ['dora@example.com'],
      confirm_sensitive_changes: true,
    });
    expect(names((await dora.call('get_projects', {})).value.data)).toEqual(['Website relaunch']);
  });

  it('read at once what somebody else wrote', async () => {
    const ben = await clientOf(sandbox, 'ben@example.com', SEED.works);
    await ben.call('update_tasks', { tasks: [{ task: SEED.homepageCopy, name: 'By Ben' }] });
    const { data } = (await ana.call('get_task', { task_id: SEED.homepageCopy })).value;
    expect(data.name).toBe('By Ben');
  });

  it('are who their token says', async () => {
    const { value } = await ana.call('get_me');
    expect(value.data).toMatchObject({ gid: SEED.ana, email: 'ana@example.com' });
    expect(names(value.data.workspaces)).toEqual(['Example Works']);
    sandbox.set({ workspacesShown: 'all' });
    const all = (await ana.call('get_me')).value.data.workspaces;
    expect(names(all)).toEqual(['Example Works', 'Small Studio']);
    const ben = (await ana.call('get_user', { user_id: SEED.ben })).value.data;
    expect(names(ben.workspaces)).toEqual(['Example Works']);
    const asBen = await clientOf(sandbox, 'ben@example.com', SEED.works);
    const seenByBen = (await asBen.call('get_user', { user_id: SEED.ana })).value.data;
    expect(names(seenByBen.workspaces)).toEqual(['Example Works']);
  });
});

describe('a world of one’s own', () => {
  it('starts empty and is filled by the given function, at every reset anew', async () => {
    const own = await startSandbox({
      seedWorld: (world) => {
        world.workspaces.set('7', { gid: '7', name: 'Mine', paid: true });
        world.users.set('8', {
          gid: '8',
          name: 'Eve',
          email: 'eve@example.com',
          memberships: [{ workspaceGid: '7', role: 'member' }],
        });
      },
    });
    try {
      own.reset();
      expect(own.users).toEqual([
        {
          gid: '8',
          name: 'Eve',
          email: 'eve@example.com',
          workspaces: [{ gid: '7', name: 'Mine', role: 'member' }],
        },
      ]);
      const eve = await clientOf(own, 'eve@example.com');
      expect((await eve.call('get_projects')).value.data).toEqual([]);
    } finally {
      await own.close();
    }
  });
});
