// Rules on arguments at the gate: what they refuse never leaves, is on record with the rule's name, and the agent hears what to change; what
// fits goes on as before. What has to be asked of Asana is asked through the caller's own connection, on record and counted.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { replaceGroup } from '@/lib/people/groups';
import { admit } from '@/lib/gateway/admit';
import { CLIENT_ANSWER } from '@/lib/policy/policy';
import { hashToken } from '@/lib/tokens/token-format';
import { updateOrganization } from '@/lib/people/organizations';
import { NO_RULES, type ArgumentRules } from '@/lib/policy/argument-rules';
import { SEED } from '@/lib/sandbox/world-seed';
import { addTask, newGid } from '@/lib/sandbox/world';
import { startAcme } from '../support/acme';
import {
  callOf,
  connect,
  forgetThrottles,
  freshMinute,
  makeGroup,
  mint,
  post,
  rpc,
  watchAudit,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let token: string;
let newRecords: () => Promise<AuditRecord[]>;
/** A task in no project, of Ana; a subtask of it two steps down from the relaunch; one in the portfolio's other project. */
let loose: string;
let deep: string;

const TOOLS = [
  ...[
    'get_task',
    'get_tasks',
    'get_project',
    'get_projects',
    'search_tasks',
    'search_objects',
    'get_my_tasks',
    'get_me',
  ],
  ...[
    'create_tasks',
    'update_tasks',
    'add_comment',
    'get_attachments',
    'create_project_status_update',
    'get_users',
  ],
  ...[
    'get_items_for_portfolio',
    'save_project_changes_confirm',
    'save_task_changes_confirm',
    'create_task_from_template',
  ],
];
const place = (gid: string) => ({ gid, name: null });
const RELAUNCH = { projects: [place(SEED.relaunch)] };

beforeAll(async () => {
  ({ gate, organization, ana, token } = await startAcme(TOOLS));
  const { world } = gate.sandbox;
  const task = (fields: Partial<Parameters<typeof addTask>[1]>) =>
    addTask(world, { workspaceGid: SEED.works, createdByGid: SEED.ana, name: 'Something', ...fields }).gid;
  loose = task({ assigneeGid: SEED.ana });
  deep = task({ parentGid: task({ parentGid: SEED.homepageCopy }) });
  await post(gate, token, callOf('get_me'));
  newRecords = await watchAudit(organization);
});
afterAll(() => gate.stop());
beforeEach(async () => {
  await set(null);
  await newRecords();
  gate.sandbox.log.clear();
});

/** Gives Ana's group these rules. */
const set = (rules: Partial<ArgumentRules> | null) =>
  transaction((tx) =>
    replaceGroup(
      tx,
      organization.actor,
      'readers',
      { name: 'Readers', tools: TOOLS, members: [ana.email], rules: rules && { ...NO_RULES, ...rules } },
      null,
    ),
  );
/** Calls of tools that reached Asana in the name of an agent (Gatehouse's own have numbers for ids). */
const reached = () =>
  gate.sandbox.log.entries.flatMap(({ rpc: sent }) =>
    sent?.method === 'tools/call' && typeof sent.id === 'string' ? [sent.tool] : [],
  );
const lookups = () =>
  gate.sandbox.log.entries.flatMap(({ rpc: sent }) =>
    sent?.method === 'tools/call' && typeof sent.id === 'number' ? [sent.tool] : [],
  );
const projectsOf = (task: string) =>
  gate.sandbox.world.tasks.get(task)!.memberships.map(({ projectGid }) => projectGid);
const call = async (tool: string, args: Record<string, unknown>, bearer = token) => {
  gate.sandbox.log.clear();
  return post(gate, bearer, callOf(tool, args));
};

async function expectSent(tool: string, args: Record<string, unknown>): Promise<void> {
  const { status, body } = await call(tool, args);
  const about = `${tool} ${JSON.stringify(args)}: ${body.error?.message}`;
  expect([status, body.error], about).toEqual([200, undefined]);
  expect(body.result.isError ?? false, `${about} ${body.result.content?.[0]?.text}`).toBe(false);
  expect(reached(), about).toEqual([tool]);
  expect((await newRecords())[0], about).toMatchObject({ tool, decision: 'allow', outcome: 'ok' });
}

async function expectRefused(rule: string, tool: string, args: Record<string, unknown>): Promise<string> {
  const { status, body } = await call(tool, args);
  const about = `${tool} ${JSON.stringify(args)}`;
  expect([status, body.error?.code, body.error?.message], about).toEqual([
    ...[200, -32602, expect.stringMatching(/^Refused by a rule on arguments.*Nothing was/s)],
  ]);
  expect(reached(), about).toEqual([]);
  const records = (await newRecords()).filter(({ credential }) => credential.kind !== 'system');
  expect(records, about).toHaveLength(1);
  expect(records[0], about).toMatchObject({
    ...{ tool, decision: 'deny', reason: 'argument_rule', target: `group:readers rule:${rule}` },
  });
  return body.error!.message;
}

describe('only inside these places', () => {
  test('a project that is named must be one of them', async () => {
    await set(RELAUNCH);
    await expectSent('get_project', { project_id: SEED.relaunch });
    expect(lookups()).toEqual([]);
    const text = await expectRefused('places', 'get_project', { project_id: SEED.onboarding });
    expect(text).toContain('Readers');
    expect(text).toContain(SEED.relaunch);
    expect(lookups()).toEqual([]);
  });

  test('a list or search names a place, and names no other beside it', async () => {
    await set(RELAUNCH);
    await expectSent('search_tasks', { projects_any: SEED.relaunch, text: 'copy' });
    await expectSent('get_tasks', { project: SEED.relaunch });
    expect(await expectRefused('places', 'search_tasks', { text: 'salary' })).toMatch(/add projects_any/);
    for (const projects_any of [
      ...[`${SEED.relaunch},${SEED.onboarding}`, SEED.onboarding, '', `${SEED.relaunch},`],
      ...[
        `${SEED.relaunch}&projects.any=${SEED.onboarding}`,
        `https://app.asana.com/0/${SEED.relaunch}/list`,
      ],
    ])
      await expectRefused('places', 'search_tasks', { projects_any });
    await expectRefused('places', 'search_tasks', {
      ...{ projects_any: SEED.relaunch, custom_fields: '{"1.value":{"projects":1}}' },
    });
    await expectSent('search_tasks', {
      ...{ projects_any: SEED.relaunch, custom_fields: `{"${SEED.effort}.value":2}` },
    });
    await expectRefused('places', 'search_tasks', {
      projects_any: SEED.relaunch,
      sections_any: SEED.salaries,
    });
    await expectSent('search_tasks', { sections_any: SEED.relaunchTodo });
    expect(lookups()).toEqual(['get_project']);
    await expectRefused('places', 'get_tasks', { project: SEED.relaunch, assignee: 'me' });
    await expectRefused('places', 'get_tasks', { assignee: 'me' });
    await expectRefused('places', 'get_my_tasks', {});
    await expectRefused('places', 'get_projects', {});
    await expectRefused('places', 'search_objects', { resource_type: 'project', query: 'salary' });
    await expectSent('search_objects', { resource_type: 'user', query: 'ben' });
    await expectSent('get_me', {});
  });

  test('a gid may be a number, and a link is refused rather than understood', async () => {
    await set(RELAUNCH);
    const { body } = await call('get_project', { project_id: Number(SEED.relaunch) });
    // Asana's own affair whether it takes one.
    expect([body.error, reached()]).toEqual([undefined, ['get_project']]);
    await newRecords();
    await expectRefused('places', 'get_project', { project_id: Number(SEED.onboarding) });
    for (const project_id of [
      ...[
        `https://app.asana.com/0/${SEED.relaunch}/list`,
        `https://app.asana.com/1/1/project/${SEED.relaunch}`,
      ],
      ...[` ${SEED.relaunch}`, `0${SEED.relaunch}`, `${SEED.relaunch}\n`, `${SEED.relaunch}.0`, true, null],
      ...[SEED.relaunch.replace('1', '\uff11')],
    ])
      await expectRefused('places', 'get_project', { project_id });
  });

  test('where a task lies is asked of Asana, in the name of the caller and on record', async () => {
    await set(RELAUNCH);
    await expectSent('get_task', { task_id: SEED.pressKit });
    expect(lookups()).toEqual(['get_task']);
    await call('add_comment', { task_id: SEED.pressKit, text: 'On it.' });
    const [own, asked] = await newRecords();
    expect([own, asked]).toMatchObject([
      { tool: 'add_comment', decision: 'allow', credential: { kind: 'agent_token' } },
      {
        ...{
          tool: 'get_task',
          decision: 'allow',
          outcome: 'ok',
          member: ana.email,
          connection: ana.connectionId,
        },
        credential: { kind: 'system', name: 'argument rules' },
      },
    ]);
    // In the other project; of nobody that Ana may see; of nobody at all; in no project.
    const [onboarding] = [...gate.sandbox.world.tasks.values()].filter((task) =>
      task.memberships.some(({ projectGid }) => projectGid === SEED.onboarding),
    );
    for (const task_id of [onboarding!.gid, SEED.salaryTable, '1', loose])
      await expectRefused('places', 'get_task', { task_id });
    await expectRefused('places', 'get_attachments', { parent: SEED.onboarding });
    await expectSent('get_attachments', { parent: SEED.homepageCopy });
    await expectSent('get_attachments', { parent: SEED.relaunch });
  });

  test('a subtask lies where its parents do, some steps up', async () => {
    await set(RELAUNCH);
    await expectSent('get_task', { task_id: deep });
    expect(lookups()).toEqual(['get_task', 'get_task', 'get_task']);
    // One step too many.
    const { world } = gate.sandbox;
    let parentGid: string = deep;
    for (let step = 0; step < 4; step += 1)
      parentGid = addTask(world, {
        ...{ workspaceGid: SEED.works, createdByGid: SEED.ana, name: 'Deeper', parentGid },
      }).gid;
    await expectRefused('places', 'get_task', { task_id: parentGid });
  });

  test('teams, portfolios and sections hold what lies in them', async () => {
    await set({ teams: [place(SEED.marketing)] });
    await expectSent('get_project', { project_id: SEED.relaunch });
    await expectRefused('places', 'get_project', { project_id: SEED.onboarding });
    await expectSent('get_projects', { team: SEED.marketing });
    await expectRefused('places', 'get_projects', { team: SEED.product });
    await expectRefused('places', 'get_users', {});
    await expectSent('get_users', { team: SEED.marketing });
    await set({ portfolios: [place(SEED.launches)] });
    for (const project_id of [SEED.relaunch, SEED.onboarding])
      await expectSent('get_project', { project_id });
    await expectRefused('places', 'get_project', { project_id: SEED.salaries });
    await expectSent('get_items_for_portfolio', { portfolio_gid: SEED.launches });
    await expectRefused('places', 'get_items_for_portfolio', { portfolio_gid: '1200000000000602' });
    await expectSent('create_project_status_update', {
      ...{ parent: SEED.launches, title: 'Week', color: 'green', text: 'Fine.' },
    });
    await set({ sections: [place(SEED.relaunchDoing)] });
    await expectSent('get_task', { task_id: SEED.pressKit });
    await expectRefused('places', 'get_task', { task_id: SEED.homepageCopy });
    await expectRefused('places', 'get_project', { project_id: SEED.relaunch });
    await expectSent('get_tasks', { section: SEED.relaunchDoing });
    const text = await expectRefused('places', 'get_tasks', { section: SEED.relaunchTodo });
    expect(text).toContain(SEED.relaunchDoing);
  });

  test('every entry of a bulk call must lie inside, with all that it names', async () => {
    await set(RELAUNCH);
    const make = (...tasks: object[]) => ({ tasks });
    await expectSent(
      'create_tasks',
      make({ name: 'A', project_id: SEED.relaunch }, { name: 'B', parent: SEED.pressKit }),
    );
    await expectSent('create_tasks', { ...make({ name: 'A' }), default_project: SEED.relaunch });
    await expectSent(
      'create_tasks',
      make({ name: 'A', project_id: SEED.relaunch, section_id: SEED.relaunchDone }),
    );
    const outside = [
      ...[{ name: 'B' }, { name: 'B', project_id: SEED.onboarding }, { name: 'B', parent: loose }],
      ...[
        { name: 'B', assignee: 'me' },
        { name: 'B', project_id: SEED.relaunch, parent: loose },
      ],
      { name: 'B', project_id: SEED.relaunch, section_id: '1200000000000499' },
    ];
    for (const item of outside)
      await expectRefused('places', 'create_tasks', make({ name: 'A', project_id: SEED.relaunch }, item));
    await expectRefused('places', 'create_tasks', {
      ...{ ...make({ name: 'A', project_id: null }), default_project: SEED.relaunch },
    });
    await expectSent('update_tasks', make({ task: SEED.pressKit, name: 'Prepare the press kit' }));
    for (const change of [
      ...[{ task: loose }, { task: SEED.pressKit, add_projects: [{ project_id: SEED.onboarding }] }],
      ...[
        { task: SEED.pressKit, add_dependencies: [loose] },
        { task: SEED.pressKit, parent: loose },
      ],
      ...[
        { task: SEED.pressKit, remove_projects: [SEED.onboarding] },
        { task: SEED.pressKit, assignee_section: '7' },
      ],
    ])
      await expectRefused(
        'places',
        'update_tasks',
        make({ task: SEED.homepageCopy, completed: false }, change),
      );
    expect(projectsOf(SEED.pressKit)).toEqual([SEED.relaunch]);
  });

  test('neither mentions in texts nor details of other things in opt_fields lead out of them', async () => {
    await set(RELAUNCH);
    const task_id = SEED.pressKit;
    await expectSent('add_comment', {
      task_id,
      html_text: '<body>See <a href="https://example.com/a">this</a> &amp; that</body>',
    });
    await expectSent('add_comment', { task_id, text: 'Q&A and R&D: 100 %' });
    for (const html_text of [
      `<body><a data-asana-gid="${SEED.salaries}"/></body>`,
      `<body><a href="https://app.asana.com/0/1/${SEED.salaries}">x</a></body>`,
      `<body><a href="https://app.&#97;sana.com/0/1/1">x</a></body>`,
      `<body><a href="https://app.%61sana.com/0/1/1">x</a></body>`,
    ])
      await expectRefused('places', 'add_comment', { task_id, html_text });
    await expectRefused('places', 'add_comment', { task_id, text: 'https://APP.asana.com/0/1/1' });
    await expectSent('get_task', {
      task_id,
      opt_fields: 'name,notes,parent.name,memberships.section.name,custom_fields.display_value',
    });
    for (const opt_fields of [
      'dependencies.notes',
      'name,parent.html_notes',
      'projects.custom_fields.display_value',
      'this.(a|b)',
    ])
      await expectRefused('places', 'get_task', { task_id, opt_fields });
    const said = [...gate.sandbox.world.stories.values()].filter(({ taskGid }) => taskGid === task_id);
    expect(said.filter(({ htmlText }) => /asana/i.test(htmlText))).toEqual([]);
  });
});

describe('the other rules', () => {
  test('at most so many items in one call', async () => {
    await set({ maxItems: 2 });
    const tasks = (count: number) => ({
      tasks: Array.from({ length: count }, () => ({ name: 'A', project_id: SEED.relaunch })),
    });
    await expectSent('create_tasks', tasks(2));
    expect(await expectRefused('maxItems', 'create_tasks', tasks(3))).toContain('3 items');
  });

  test('no task leaves its project', async () => {
    await set({ keepInProject: true });
    const task = SEED.pressKit;
    await expectSent('update_tasks', {
      tasks: [{ task, add_projects: [{ project_id: SEED.relaunch, section_id: SEED.relaunchDone }] }],
    });
    await expectSent('update_tasks', {
      tasks: [{ task, add_projects: [{ project_id: SEED.relaunch, section_id: SEED.relaunchDoing }] }],
    });
    for (const change of [
      { remove_projects: [SEED.relaunch] },
      { parent: SEED.homepageCopy },
      { parent: null },
    ])
      await expectRefused('keepInProject', 'update_tasks', { tasks: [{ task, ...change }] });
    const saved = (fields: object) => ({
      widget_id: 'model-generated-widget-id',
      taskGid: task,
      updatedNativeFields: fields,
    });
    const project = (gid: string) => ({ project: { gid, name: 'x', icon: null, color: null } });
    await expectSent(
      'save_task_changes_confirm',
      saved({ taskName: 'Prepare the press kit', ...project(SEED.relaunch) }),
    );
    for (const fields of [
      ...[project(SEED.onboarding), { project: null }, { previousProjectGid: SEED.relaunch }],
      { ...project(SEED.relaunch), previousProjectGid: SEED.onboarding },
    ])
      await expectRefused('keepInProject', 'save_task_changes_confirm', saved(fields));
    const board = { widget_id: 'model-generated-widget-id', projectGid: SEED.relaunch };
    const move = (toSectionGid: string, taskGid: string = task) => ({
      ...board,
      taskMoves: [{ taskGid, toSectionGid }],
    });
    await expectSent('save_project_changes_confirm', move(SEED.relaunchDoing));
    await expectRefused('keepInProject', 'save_project_changes_confirm', move('1200000000000499'));
    await expectRefused('keepInProject', 'save_project_changes_confirm', move(SEED.relaunchDoing, loose));
    expect([projectsOf(task), projectsOf(loose)]).toEqual([[SEED.relaunch], []]);
  });

  test('tasks and access only for people of the company', async () => {
    await set({ companyDomains: ['example.com'] });
    const made = (fields: object) => ({ tasks: [{ name: 'A', project_id: SEED.relaunch, ...fields }] });
    await expectSent('create_tasks', made({ assignee: 'Ben@Example.com', followers: 'me,ana@example.com' }));
    await expectSent('create_tasks', made({ assignee: SEED.ben }));
    expect(lookups()).toEqual(['get_user']);
    const guest = newGid(gate.sandbox.world);
    gate.sandbox.world.users.set(guest, {
      ...{ gid: guest, name: 'Guest', email: 'guest@elsewhere.example' },
      memberships: [{ workspaceGid: SEED.works, role: 'guest' }],
    });
    for (const fields of [
      ...[
        { assignee: guest },
        { assignee: 'guest@elsewhere.example' },
        { assignee: 'x@example.com.elsewhere.example' },
      ],
      ...[
        { assignee: 'a@b@example.com' },
        { assignee: 'evil@notexample.com' },
        { assignee: '99' },
        { assignee: 'Ben' },
      ],
      ...[{ followers: 'me,guest@elsewhere.example' }, { followers: `me,${guest}` }, { assignee: true }],
    ])
      await expectRefused('companyDomains', 'create_tasks', made(fields));
    await expectRefused('companyDomains', 'create_tasks', { ...made({}), default_assignee: guest });
    await expectRefused('companyDomains', 'add_comment', {
      task_id: SEED.pressKit,
      html_text: `<body><a data-asana-gid="${guest}"/></body>`,
    });
    // Looking for somebody's tasks gives nobody anything.
    await expectSent('search_tasks', { assignee_any: 'guest@elsewhere.example' });
    await expectSent('update_tasks', { tasks: [{ task: SEED.pressKit, remove_followers: [guest] }] });
  });

  test('only the person\u2019s own tasks', async () => {
    await set({ ownTasksOnly: true });
    await expectSent('get_my_tasks', {});
    await expectSent('get_task', { task_id: SEED.pressKit });
    expect(new Set(lookups())).toEqual(new Set(['get_me', 'get_task']));
    expect(lookups()).toHaveLength(2);
    await expectRefused('ownTasksOnly', 'get_task', { task_id: SEED.homepageCopy });
    await expectSent('search_tasks', { assignee_any: 'me', text: 'press' });
    for (const args of [
      {},
      { assignee_any: 'me,ben@example.com' },
      { assignee_any: SEED.ben },
      { assignee_any: '' },
    ])
      await expectRefused('ownTasksOnly', 'search_tasks', args);
    await expectSent('get_tasks', { assignee: 'ana@example.com' });
    for (const args of [
      { project: SEED.relaunch },
      { project: SEED.relaunch, assignee: 'me' },
      { assignee: 'ben@example.com' },
    ])
      await expectRefused('ownTasksOnly', 'get_tasks', args);
    await expectSent('create_tasks', {
      tasks: [{ name: 'A', assignee: SEED.ana }],
      default_assignee: 'ben@example.com',
    });
    for (const args of [
      { tasks: [{ name: 'A', project_id: SEED.relaunch }] },
      { tasks: [{ name: 'A', assignee: 'me' }, { name: 'B' }] },
      { tasks: [{ name: 'A' }], default_assignee: 'ben@example.com' },
      { tasks: [{ name: 'A', assignee: 'me', parent: SEED.homepageCopy }] },
    ])
      await expectRefused('ownTasksOnly', 'create_tasks', args);
    await expectRefused('ownTasksOnly', 'update_tasks', {
      tasks: [{ task: SEED.pressKit, add_dependents: [SEED.homepageCopy] }],
    });
    await expectRefused('ownTasksOnly', 'search_objects', { resource_type: 'task', query: '' });
    await expectRefused('ownTasksOnly', 'create_task_from_template', { task_template_id: SEED.taskTemplate });
  });

  test('an argument that nobody mapped closes the call, and the tool where its reviewed definition has one', async () => {
    await set({ maxItems: 10 });
    const text = await expectRefused('unmapped', 'get_task', { task_id: SEED.pressKit, workspace: '1' });
    expect(text).toContain('workspace');
    const edit = `UPDATE tools SET definition = (definition::jsonb || jsonb_build_object('inputSchema', jsonb_set(definition::jsonb -> 'inputSchema',
      '{properties,scope}', '{"type":"string"}')))::json WHERE organization_id = $1 AND name = 'get_task'`;
    const { rows } = await pool().query(
      `SELECT definition FROM tools WHERE organization_id = $1 AND name = 'get_task'`,
      [organization.id],
    );
    await pool().query(edit, [organization.id]);
    await expectRefused('unmapped', 'get_task', { task_id: SEED.pressKit });
    await set(null);
    await expectSent('get_task', { task_id: SEED.pressKit });
    await pool().query(`UPDATE tools SET definition = $2 WHERE organization_id = $1 AND name = 'get_task'`, [
      ...[organization.id, JSON.stringify(rows[0].definition)],
    ]);
  });
});

describe('between the policy and the call', () => {
  test('one group whose rules a call fits is enough, and a group without rules restricts nothing', async () => {
    await set(RELAUNCH);
    const other = await makeGroup(organization, 'Second', ['get_project'], [ana]);
    await expectSent('get_project', { project_id: SEED.onboarding });
    await transaction((tx) =>
      replaceGroup(
        tx,
        organization.actor,
        other.slug,
        { ...other, rules: { ...NO_RULES, projects: [place(SEED.onboarding)] } },
        null,
      ),
    );
    for (const project_id of [SEED.relaunch, SEED.onboarding])
      await expectSent('get_project', { project_id });
    const { body } = await call('get_project', { project_id: SEED.salaries });
    expect(body.error!.message).toMatch(/Readers.*Second/);
    expect((await newRecords())[0]).toMatchObject({
      target: 'group:readers rule:places, group:second rule:places',
    });
    await pool().query(`DELETE FROM groups WHERE slug = 'second'`);
  });

  test('nothing is looked up for somebody who may not use the tool, and the answer is that of an unknown tool', async () => {
    await set(RELAUNCH);
    const { token: narrow } = await mint(ana, { tools: ['get_me'] });
    const { body } = await call('get_task', { task_id: SEED.pressKit }, narrow);
    expect([body.error!.message, lookups()]).toEqual(['Unknown tool: get_task', []]);
    const hidden = await call('delete_task', { task: SEED.pressKit });
    expect([hidden.body.error!.message, lookups()]).toEqual(['Unknown tool: delete_task', []]);
  });

  test('the list of tools stays as it is, and calls without rules cost no lookup', async () => {
    await set(RELAUNCH);
    const { body } = await post(gate, token, rpc('tools/list'));
    expect(body.result.tools).toHaveLength(TOOLS.length);
    await set(null);
    await expectSent('get_task', { task_id: loose });
    expect(lookups()).toEqual([]);
  });

  test('a rule that changes while Asana is asked is asked anew, and the new one decides', async () => {
    await set(RELAUNCH);
    await call('get_task', { task_id: SEED.pressKit });
    await newRecords();
    gate.sandbox.set({ mcpFault: 'slow', faultMethods: ['tools/call'], faultCount: 1 });
    const answer = call('get_task', { task_id: SEED.pressKit });
    await new Promise((resolve) => setTimeout(resolve, 250));
    await set({ projects: [place(SEED.onboarding)] });
    const { body } = await answer;
    gate.sandbox.set({ mcpFault: null, faultMethods: null, faultCount: null });
    expect(body.error?.message).toContain(SEED.onboarding);
    expect(reached()).toEqual([]);
    const records = await newRecords();
    expect(records.filter(({ credential }) => credential.kind === 'agent_token')).toMatchObject([
      { decision: 'deny', reason: 'argument_rule' },
    ]);
  });

  test('what was found through one connection is no verdict about a call through another', async () => {
    await set({ ownTasksOnly: true });
    await call('get_task', { task_id: SEED.pressKit });
    gate.sandbox.set({ mcpFault: 'slow', faultMethods: ['tools/call'], faultCount: 1 });
    const answer = call('get_task', { task_id: SEED.pressKit });
    await new Promise((resolve) => setTimeout(resolve, 250));
    await pool().query(`UPDATE connections SET status = 'needs_reconnect' WHERE id = $1`, [ana.connectionId]);
    const bens = await connect(gate, ana, 'ben@example.com');
    const { body } = await answer;
    gate.sandbox.set({ mcpFault: null, faultMethods: null, faultCount: null });
    await pool().query('DELETE FROM connections WHERE id = $1', [bens]);
    await pool().query(`UPDATE connections SET status = 'active' WHERE id = $1`, [ana.connectionId]);
    expect([body.error?.message, reached()]).toEqual([
      expect.stringContaining('not assigned to the person'),
      [],
    ]);
  });

  test('a lookup that fails refuses the call', async () => {
    await set(RELAUNCH);
    for (const mcpFault of ['500', 'nonsense'] as const) {
      gate.sandbox.set({ mcpFault, faultMethods: ['tools/call'], faultCount: null });
      const { body } = await call('get_task', { task_id: SEED.pressKit });
      gate.sandbox.set({ mcpFault: null, faultMethods: null });
      expect(body.error, mcpFault).toMatchObject({
        code: -32602,
        message: expect.stringMatching(/^Refused by a rule/),
      });
      expect(reached(), mcpFault).toEqual([]);
      expect((await newRecords())[0], mcpFault).toMatchObject({ decision: 'deny', reason: 'argument_rule' });
    }
    await expectSent('get_task', { task_id: SEED.pressKit });
  });

  test('lookups count in the connection\u2019s limit, and a full one refuses the call', async () => {
    await set(RELAUNCH);
    await freshMinute();
    await transaction((tx) =>
      updateOrganization(tx, organization.actor, { limits: { connectionPerMinute: 2 } }),
    );
    await expectSent('get_task', { task_id: SEED.pressKit });
    await freshMinute();
    const { status, headers, body } = await call('update_tasks', {
      tasks: [SEED.pressKit, SEED.homepageCopy].map((task) => ({ task, completed: false })),
    });
    await transaction((tx) => updateOrganization(tx, organization.actor, { limits: null }));
    await pool().query('DELETE FROM call_counters');
    await forgetThrottles();
    expect([status, body.error!.code, Number(headers.get('retry-after')) > 0, reached()]).toEqual([
      429,
      1429,
      true,
      [],
    ]);
    expect((await newRecords()).find(({ tool }) => tool === 'update_tasks')).toMatchObject({
      reason: 'rate_limited',
    });
    await expectSent('get_task', { task_id: SEED.pressKit });
  });

  test('too many lookups are refused instead of made', async () => {
    await set(RELAUNCH);
    const add_dependencies = Array.from({ length: 80 }, (_, n) => String(2_000_000_000_000_000 + n));
    const { body } = await call('update_tasks', { tasks: [{ task: SEED.pressKit, add_dependencies }] });
    expect([body.error!.message, lookups()]).toEqual([expect.stringContaining('too many'), []]);
  });

  test('without a connection the agent hears how to connect, and a call that can be refused is', async () => {
    await set(RELAUNCH);
    await pool().query(`UPDATE connections SET status = 'needs_reconnect' WHERE id = $1`, [ana.connectionId]);
    const { body } = await call('get_task', { task_id: SEED.pressKit });
    const refused = await call('get_project', { project_id: SEED.onboarding });
    await pool().query(`UPDATE connections SET status = 'active' WHERE id = $1`, [ana.connectionId]);
    expect(body.result).toMatchObject({ isError: true });
    expect(body.result.content[0].text).toContain('/connections');
    expect(refused.body.error!.message).toMatch(/^Refused by a rule/);
    expect(gate.sandbox.log.entries).toEqual([]);
  });

  test('an agent under rules can\u2019t be asked anything in the middle of a call', async () => {
    const ask = async (method: string, family: string | null) => {
      const admission = await admit({
        ...{
          callId: null,
          bearerHash: hashToken(token),
          method,
          era: 'legacy',
          tool: null,
          family,
          uri: null,
        },
        ...{ denial: null, argumentsHash: null, client: null },
      });
      return 'admitted' in admission ? admission.admitted : null;
    };
    await pool().query(`UPDATE groups SET methods = '{client_requests,prompts}'`);
    expect((await ask('initialize', null))!.families!.toSorted()).toEqual(['client_requests', 'prompts']);
    expect((await ask(CLIENT_ANSWER, 'client_requests'))!.denial).toBeNull();
    await set(RELAUNCH);
    expect((await ask('initialize', null))!.families).toEqual(['prompts']);
    expect((await ask(CLIENT_ANSWER, 'client_requests'))!.denial).toBe('method_not_allowed');
    expect((await ask('prompts/list', 'prompts'))!.denial).toBeNull();
    await pool().query(`UPDATE groups SET methods = '{}'`);
  });

  test('answers to questions of Asana\u2019s can\u2019t carry what the arguments may not', async () => {
    await set(RELAUNCH);
    const _meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const params = { name: 'get_project', arguments: { project_id: SEED.relaunch }, _meta };
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'get_project',
    };
    const asked = await post(
      gate,
      token,
      rpc('tools/call', { ...params, inputResponses: { a: {} } }),
      headers,
    );
    expect(asked.body.error!.message).toMatch(/questions/);
    expect(reached()).toEqual([]);
    const { body } = await post(gate, token, rpc('tools/call', params), headers);
    expect(body.error).toBeUndefined();
  });
});
