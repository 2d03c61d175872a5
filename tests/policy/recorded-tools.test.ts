// The recorded catalogue says what Asana's list said on 2026-09-24, argument by argument.
import { describe, expect, it } from 'vitest';
import { recordedTools } from '../../lib/catalogue/recorded-tools';
import { V1_HINTS, V1_TO_V2 } from '../../lib/catalogue/v1-names';

const tools = recordedTools();
const tool = (name: string) => {
  const found = tools.find((entry) => entry.name === name);
  if (!found) throw new Error(`no tool ${name}`);
  return found;
};
const names = (filter: (entry: (typeof tools)[number]) => boolean) =>
  tools.filter(filter).map((entry) => entry.name);

type Node = Record<string, any>;
/** Every schema node below a value, the value included. */
function nodes(value: unknown): Node[] {
  if (typeof value !== 'object' || value === null) return [];
  return [...(Array.isArray(value) ? [] : [value as Node]), ...Object.values(value).flatMap(nodes)];
}
/** The arguments of an object schema in the notation of the fact tables: a star marks a required one. */
const argumentsOf = (schema: Node): string =>
  Object.keys(schema.properties)
    .map((name) => (schema.required?.includes(name) ? `${name}*` : name))
    .sort()
    .join(' ');
const sorted = (text: string) => text.split(/\s+/).filter(Boolean).sort().join(' ');
const at = (name: string, path: string): Node =>
  path.split('.').reduce<Node>(
    (node, key) => {
      const open = node.anyOf ? node.anyOf[0] : node;
      return key === '[]' ? open.items : open.properties[key];
    },
    tool(name).inputSchema as Node,
  );

const ORDER = `get_workspace_agents, get_agent, get_attachments, create_task_from_template, create_project_from_template, get_portfolio, get_portfolios, get_items_for_portfolio, get_project, get_project_internal, get_projects, create_project_status_update, create_project, update_project, get_status_overview, search_tasks, get_task, get_task_stories, create_tasks, update_tasks, add_comment, get_tasks, get_my_tasks, delete_task, get_teams, search_objects, search_objects_internal, get_user, get_me, get_users, log_widget_event, create_task_preview_v4, create_task_confirm, save_task_changes_confirm, search_tasks_preview, create_project_preview_v3, create_project_confirm, create_project_confirm_populate, save_project_changes_confirm`;

const ARGUMENTS: Record<string, string> = {
  get_workspace_agents: 'limit offset opt_fields',
  get_agent: 'agent_gid* opt_fields',
  get_attachments: 'parent* limit offset opt_fields',
  get_portfolio: 'portfolio_gid* opt_fields',
  get_portfolios: 'limit offset opt_fields',
  get_items_for_portfolio: 'portfolio_gid* limit offset opt_fields',
  get_project: 'project_id* include_sections opt_fields',
  get_projects: 'team archived limit offset opt_fields',
  get_status_overview: 'keywords* opt_fields',
  search_tasks:
    'text resource_subtype completed is_subtask assignee_any followers_any created_by_any projects_any sections_any tags_any due_on due_on_before due_on_after created_on_before created_on_after completed_on_before completed_on_after modified_on_after created_at_before created_at_after completed_at_before completed_at_after modified_at_after sort_by sort_ascending custom_fields limit opt_fields',
  get_task: 'task_id* include_subtasks include_comments comment_limit opt_fields',
  get_task_stories: 'task_id* limit offset opt_fields',
  get_tasks:
    'project tag section user_task_list assignee completed_since modified_since limit offset opt_fields',
  get_my_tasks: 'completed_since limit offset opt_fields',
  get_teams: 'user limit offset',
  search_objects: 'resource_type* query count opt_fields',
  get_user: 'user_id opt_fields',
  get_me: '',
  get_users: 'team limit offset opt_fields',
  create_tasks: 'tasks* default_project default_assignee',
  update_tasks: 'tasks*',
  add_comment: 'task_id* text html_text is_pinned opt_fields',
  delete_task: 'task*',
  create_project:
    'name* team notes html_notes owner due_on start_on color privacy_setting default_view default_access_level custom_fields members sections',
  update_project:
    'project_id* name notes html_notes owner due_on start_on color icon default_view privacy_setting default_access_level archived set_custom_field_values add_sections rename_sections remove_sections add_members remove_members add_custom_fields remove_custom_fields confirm_sensitive_changes',
  create_project_status_update: 'parent* title* color* text html_text',
  create_task_from_template: 'task_template_id template_name project_id name',
  create_project_from_template:
    'project_template_id* name* team privacy_setting is_strict requested_dates requested_roles',
  create_task_preview_v4:
    'taskName* isComplete startDate dueDate assignee description project_gid section_gid subtasks',
  search_tasks_preview:
    'text completed completed_on_before completed_on_after start_on_before start_on_after due_on_before due_on_after assignee_any created_on_before created_on_after created_by_any followers_any projects_any',
  create_project_preview_v3: 'project_name* sections*',
  get_project_internal: 'widget_id* project_id* include_sections opt_fields',
  search_objects_internal: 'widget_id* resource_type* query count opt_fields',
  log_widget_event: 'widget_id* widget_type* action* extra_event_attributes_json',
  create_task_confirm:
    'widget_id* workspace* taskName* isComplete* startDate* dueDate* assignee* description* useRichTextTaskDescription project section subtasks',
  save_task_changes_confirm:
    'widget_id* taskGid* updatedNativeFields updatedCustomFields updatedSubtasks newSubtasks deletedSubtaskGids useRichTextTaskDescription',
  create_project_confirm: 'widget_id* workspace* projectName* sections*',
  create_project_confirm_populate: 'widget_id* workspace* project* sections* useRichTextTaskDescription',
  save_project_changes_confirm:
    'widget_id* projectGid* updatedProjectName updatedSectionNames updatedTasks taskSubtaskOperations newTasks newSections deletedTaskGids deletedSectionGids taskMoves orderedSectionGids orderedTaskGidsBySectionGid useRichTextTaskDescription customFieldInfos',
};

const SUBTASK = 'taskName* description* isComplete* startDate* dueDate* assignee*';
const EDIT = 'taskName isComplete startDate dueDate assignee description';
const NEW_TASK =
  'name* parent html_notes notes assignee due_on due_at start_on start_at resource_subtype completed approval_status assignee_section followers custom_fields';
const DRAWN = 'taskName* description isComplete startDate dueDate assignee';

const NESTED: [tool: string, path: string, expected: string][] = [
  ['create_tasks', 'tasks.[]', `${NEW_TASK} project_id section_id`],
  [
    'update_tasks',
    'tasks.[]',
    'task* name assignee assignee_section due_on start_on notes html_notes completed approval_status parent add_projects remove_projects add_dependencies remove_dependencies add_dependents remove_dependents add_followers remove_followers custom_fields',
  ],
  ['update_tasks', 'tasks.[].add_projects.[]', 'project_id* section_id'],
  ['create_project', 'sections.[]', 'sectionName* tasks'],
  ['create_project', 'sections.[].tasks.[]', NEW_TASK],
  ['update_project', 'add_sections.[]', 'name*'],
  ['update_project', 'rename_sections.[]', 'section_id* name*'],
  ['update_project', 'add_custom_fields.[]', 'custom_field* is_important'],
  ['create_project_from_template', 'requested_dates.[]', 'gid* value*'],
  ['create_project_from_template', 'requested_roles.[]', 'gid* value*'],
  ['create_task_preview_v4', 'subtasks.[]', DRAWN],
  ['create_project_preview_v3', 'sections.[]', 'sectionName* tasks*'],
  ['create_project_preview_v3', 'sections.[].tasks.[]', `${DRAWN} priority subtasks`],
  ['create_project_preview_v3', 'sections.[].tasks.[].subtasks.[]', DRAWN],
  ['create_task_confirm', 'assignee', 'gid* name* email* photoUrl'],
  ['create_task_confirm', 'project', 'gid* name* icon* color*'],
  ['create_task_confirm', 'section', 'gid* name*'],
  ['create_task_confirm', 'subtasks.[]', SUBTASK],
  ['save_task_changes_confirm', 'updatedNativeFields', `${EDIT} project section previousProjectGid`],
  ['save_task_changes_confirm', 'updatedSubtasks.[]', 'gid* fields*'],
  ['save_task_changes_confirm', 'updatedSubtasks.[].fields', EDIT],
  ['save_task_changes_confirm', 'newSubtasks.[]', SUBTASK],
  ['create_project_confirm', 'sections.[]', 'sectionName* tasks*'],
  ['create_project_confirm', 'sections.[].tasks.[]', `${SUBTASK} customFields* subtasks`],
  ['create_project_confirm', 'sections.[].tasks.[].customFields.[]', 'kind* priorityLevel*'],
  ['create_project_confirm_populate', 'sections.[].tasks.[].subtasks.[]', SUBTASK],
  ['save_project_changes_confirm', 'updatedSectionNames.[]', 'sectionGid* name*'],
  ['save_project_changes_confirm', 'updatedTasks.[]', 'taskGid* nativeFields customFields'],
  ['save_project_changes_confirm', 'updatedTasks.[].customFields.priority', 'gid* value*'],
  [
    'save_project_changes_confirm',
    'taskSubtaskOperations.[]',
    'taskGid* updatedSubtasks newSubtasks deletedSubtaskGids',
  ],
  ['save_project_changes_confirm', 'newTasks.[]', 'sectionGid* task*'],
  ['save_project_changes_confirm', 'newTasks.[].task', `${SUBTASK} customFields`],
  ['save_project_changes_confirm', 'newSections.[]', 'sectionName* tasks*'],
  ['save_project_changes_confirm', 'taskMoves.[]', 'taskGid* toSectionGid*'],
];

describe('the list', () => {
  it('holds 39 tools with unique names in the recorded order', () => {
    expect(tools.map((entry) => entry.name)).toEqual(ORDER.split(', '));
    expect(new Set(tools.map((entry) => entry.name)).size).toBe(39);
  });

  it('names every tool and argument so that all model vendors accept it', () => {
    for (const entry of tools) expect(entry.name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    for (const entry of tools)
      for (const node of nodes(entry.inputSchema))
        for (const name of Object.keys(node.type === 'object' ? (node.properties ?? {}) : {}))
          expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
  });

  it('is about as large as the recorded one, so that token costs are realistic', () => {
    const bytes = Buffer.byteLength(JSON.stringify(tools));
    expect(bytes).toBeGreaterThan(100_000);
    expect(bytes).toBeLessThan(130_000);
  });

  it('is built anew on every call, so that a caller can not change it for others', () => {
    const mine = recordedTools();
    (mine[0]!.inputSchema.properties as Node).limit.maximum = 5;
    (mine[0]!.annotations as Node).readOnlyHint = false;
    expect(recordedTools()).toEqual(tools);
    const seen = new Set<object>();
    for (const node of nodes(tools)) {
      expect(seen.has(node)).toBe(false);
      seen.add(node);
    }
  });
});

describe('hints', () => {
  it('calls 25 tools read-only and 14 not', () => {
    expect(names((entry) => entry.annotations.readOnlyHint)).toHaveLength(25);
    expect(names((entry) => !entry.annotations.readOnlyHint)).toHaveLength(14);
  });

  it('calls exactly five tools destructive', () => {
    expect(names((entry) => entry.annotations.destructiveHint).sort()).toEqual([
      'delete_task',
      'save_project_changes_confirm',
      'save_task_changes_confirm',
      'update_project',
      'update_tasks',
    ]);
  });

  it('calls the readers and the destructive five idempotent, and the other nine writers not', () => {
    for (const { annotations } of tools)
      expect(annotations.idempotentHint).toBe(annotations.readOnlyHint || annotations.destructiveHint);
    expect(names((entry) => !entry.annotations.idempotentHint)).toHaveLength(9);
  });

  it('claims an open world for no tool, and repeats the title', () => {
    for (const { title, annotations } of tools) {
      expect(annotations.openWorldHint).toBe(false);
      expect(annotations.title).toBe(title);
      expect(Object.keys(annotations)).toHaveLength(5);
    }
  });
});

describe('internal and preview tools', () => {
  const internal = tools.filter((entry) => entry.title.startsWith('[Internal]'));

  it('has eight internal tools with one description, a widget id and the visibility of an app', () => {
    expect(internal).toHaveLength(8);
    expect(new Set(internal.map((entry) => entry.description)).size).toBe(1);
    for (const entry of internal) {
      expect(entry._meta).toEqual({ ui: { visibility: ['app'] } });
      expect((entry.inputSchema.properties.widget_id as Node).const).toBe('model-generated-widget-id');
    }
  });

  it('links three previews to their widgets in both spellings', () => {
    const linked = tools.filter((entry) => entry._meta && 'ui/resourceUri' in entry._meta);
    expect(linked.map((entry) => [entry.name, entry._meta])).toEqual(
      [
        ['create_task_preview_v4', 'ui://widget/task_preview.html'],
        ['search_tasks_preview', 'ui://widget/search_tasks_preview.html'],
        ['create_project_preview_v3', 'ui://widget/project_preview.html'],
      ].map(([name, uri]) => [name, { ui: { resourceUri: uri }, 'ui/resourceUri': uri }]),
    );
    for (const entry of linked) expect(entry.annotations.readOnlyHint).toBe(true);
  });

  it('gives `_meta` to no other tool', () => {
    expect(names((entry) => entry._meta !== undefined)).toHaveLength(11);
  });
});

describe('input schemas', () => {
  it('carry the dialect, never close themselves, never refer elsewhere, and promise no output', () => {
    for (const entry of tools) {
      expect(entry.inputSchema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
      expect(entry.inputSchema.type).toBe('object');
      expect(entry).not.toHaveProperty('outputSchema');
    }
    for (const node of nodes(tools)) {
      expect(node.additionalProperties).not.toBe(false);
      expect(node).not.toHaveProperty('$ref');
    }
    expect(JSON.stringify(tools)).not.toContain('*"');
  });

  it.each(Object.entries(ARGUMENTS))('%s takes the recorded arguments', (name, expected) => {
    expect(argumentsOf(tool(name).inputSchema)).toBe(sorted(expected));
  });

  it('has an entry in that table for every tool', () => {
    expect(Object.keys(ARGUMENTS).sort()).toEqual(tools.map((entry) => entry.name).sort());
  });

  it.each(NESTED)('%s takes the recorded fields in %s', (name, path, expected) => {
    const node = at(name, path);
    expect(argumentsOf(node.anyOf ? node.anyOf[0] : node)).toBe(sorted(expected));
  });

  it('spells "may be null" in both recorded ways', () => {
    const all = nodes(tools);
    expect(all.some((node) => Array.isArray(node.anyOf) && node.anyOf.at(-1).type === 'null')).toBe(true);
    expect(all.some((node) => Array.isArray(node.type) && node.type.join() === 'string,null')).toBe(true);
    const isNullable = (node: Node) => JSON.stringify(node).includes('"null"');
    for (const field of ['assignee', 'assignee_section', 'due_on', 'start_on', 'parent'])
      expect(isNullable(at('update_tasks', `tasks.[].${field}`))).toBe(true);
    for (const field of ['owner', 'due_on', 'start_on', 'color', 'icon'])
      expect(isNullable(at('update_project', field))).toBe(true);
    for (const field of ['name', 'notes', 'completed'])
      expect(isNullable(at('update_tasks', `tasks.[].${field}`))).toBe(false);
  });

  it('sets the recorded limits and defaults', () => {
    const limits = (name: string, path: string) => {
      const { minimum, maximum, default: byDefault } = at(name, path);
      return [minimum, maximum, byDefault];
    };
    expect(limits('get_projects', 'limit')).toEqual([1, 100, 20]);
    expect(limits('get_teams', 'limit')).toEqual([1, 100, 20]);
    expect(limits('get_users', 'limit')).toEqual([1, 100, 50]);
    expect(limits('search_tasks', 'limit')).toEqual([1, 100, 50]);
    expect(limits('get_my_tasks', 'limit')).toEqual([1, 100, undefined]);
    expect(limits('get_tasks', 'limit')).toEqual([1, 100, undefined]);
    expect(limits('search_objects', 'count')).toEqual([1, 100, undefined]);
    expect(limits('get_task', 'comment_limit')).toEqual([1, 50, 10]);
    expect(at('get_task', 'include_subtasks').default).toBe(true);
    expect(at('get_task', 'include_comments').default).toBe(true);
    expect(at('get_project', 'include_sections').default).toBe(false);
    expect(at('get_projects', 'archived').default).toBe(false);
    expect(at('add_comment', 'is_pinned').default).toBe(false);
    expect(at('create_project', 'default_view').default).toBe('list');
    expect(at('create_tasks', 'tasks.[].resource_subtype').default).toBe('default_task');
    expect(at('search_tasks', 'sort_by').default).toBe('modified_at');
    expect(at('search_tasks', 'sort_ascending').default).toBe(false);
    expect(at('save_project_changes_confirm', 'newTasks.[].task.customFields').default).toEqual([]);
    for (const [name, path] of [
      ['create_tasks', 'tasks'],
      ['update_tasks', 'tasks'],
      ['update_project', 'add_members'],
      ['update_project', 'remove_sections'],
    ] as const)
      expect([at(name, path).minItems, at(name, path).maxItems]).toEqual([1, 50]);
    expect(at('create_project_from_template', 'name').minLength).toBe(1);
    expect(new RegExp(at('create_project_from_template', 'name').pattern).test('   ')).toBe(false);
  });

  it('lists the recorded values of every enumeration', () => {
    const values = (name: string, path: string) => {
      const node = at(name, path);
      return (node.anyOf ? node.anyOf[0] : node).enum;
    };
    expect(values('create_project', 'color')).toHaveLength(19);
    expect(values('update_project', 'color')).toHaveLength(19);
    expect(new Set(values('update_project', 'icon')).size).toBe(32);
    expect(values('search_objects', 'resource_type')).toHaveLength(11);
    expect(values('search_objects_internal', 'resource_type')).toEqual(
      values('search_objects', 'resource_type'),
    );
    expect(values('create_project_status_update', 'color')).toEqual(
      'green yellow red blue complete'.split(' '),
    );
    expect(values('update_tasks', 'tasks.[].approval_status')).toEqual(
      'pending approved rejected changes_requested'.split(' '),
    );
    expect(values('create_project_preview_v3', 'sections.[].tasks.[].priority')).toEqual([
      'low',
      'medium',
      'high',
      null,
    ]);
    expect(values('create_project_confirm', 'sections.[].tasks.[].customFields.[].priorityLevel')).toContain(
      null,
    );
  });

  it('takes custom fields as one JSON string when creating tasks and as an object elsewhere', () => {
    expect(at('create_tasks', 'tasks.[].custom_fields').type).toBe('string');
    expect(at('create_project', 'sections.[].tasks.[].custom_fields').type).toBe('string');
    expect(at('search_tasks', 'custom_fields').type).toBe('string');
    expect(at('update_tasks', 'tasks.[].custom_fields').type).toBe('object');
    expect(at('create_project', 'custom_fields').type).toBe('object');
    expect(at('update_project', 'set_custom_field_values').type).toBe('object');
  });

  it('knows month lengths and leap years in dates, and takes moments in UTC only', () => {
    const day = new RegExp(at('search_tasks', 'due_on').pattern);
    for (const good of ['2026-01-31', '2024-02-29', '2000-02-29', '2026-04-30', '2026-12-01'])
      expect(day.test(good), good).toBe(true);
    for (const bad of ['2026-02-29', '1900-02-29', '2026-04-31', '2026-13-01', '2026-00-10', '26-01-01'])
      expect(day.test(bad), bad).toBe(false);
    const moment = new RegExp(at('search_tasks', 'created_at_after').pattern);
    for (const good of ['2026-09-24T08:00:00Z', '2024-02-29T23:59:59.123Z'])
      expect(moment.test(good), good).toBe(true);
    for (const bad of [
      '2026-09-24T08:00:00+02:00',
      '2026-09-24',
      '2026-09-24T24:00:00Z',
      '2026-09-24T08:00Z',
    ])
      expect(moment.test(bad), bad).toBe(false);
    const plain = at('create_task_preview_v4', 'dueDate');
    expect(plain.pattern).toBe('^\\d{4}-\\d{2}-\\d{2}$');
    expect(plain.type).toEqual(['string', 'null']);
  });

  it('repeats the rules of rich text in the six recorded places', () => {
    const places = nodes(tools).filter(
      (node) =>
        typeof node.description === 'string' && node.description.includes('ELEMENTS THAT ARE ALLOWED'),
    );
    expect(places).toHaveLength(6);
    for (const { description } of places) expect(description.length).toBeGreaterThan(1_500);
    expect(at('add_comment', 'html_text').description).toContain('NOT available here');
    expect(at('create_tasks', 'tasks.[].html_notes').description).toContain('Only in task notes');
  });
});

describe('the names of V1', () => {
  it('covers all 44 tools and points only to tools of V2', () => {
    expect(V1_TO_V2.size).toBe(44);
    const known = new Set(tools.map((entry) => entry.name));
    for (const [old, replacements] of V1_TO_V2) {
      expect(old).toMatch(/^asana_/);
      for (const name of replacements) expect(known, `${old} → ${name}`).toContain(name);
    }
  });

  it('says plainly for which tools V2 has nothing', () => {
    const gone = [...V1_TO_V2].filter(([, replacements]) => replacements.length === 0).map(([old]) => old);
    expect(gone).toHaveLength(10);
    for (const old of gone) expect(V1_HINTS.get(old), old).toMatch(/\.$/);
    for (const old of V1_HINTS.keys()) expect(V1_TO_V2.has(old), old).toBe(true);
  });
});
