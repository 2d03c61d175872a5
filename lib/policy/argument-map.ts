// What every argument of Asana's tools means to the rules on arguments: which names a task, a place, a person, a list of items. Complete
// for the recorded tools (facts/asana 1.2 to 1.5); what is not in here closes a call to groups with rules. Pure data; long because it is a list.
//
// A path names an argument: `tasks[].project_id` is a member of each entry of `tasks`, `*` any key of a dictionary.

/** A decoded JSON value (`gateway/decode`): objects are Maps, and a number that JavaScript would change is `{text}`. */
export type ArgumentJson =
  | null
  | boolean
  | number
  | string
  | { readonly text: string }
  | readonly ArgumentJson[]
  | ReadonlyMap<string, ArgumentJson>;

/** `free` says nothing to any rule. `any` is the same for a whole object or list. Plural kinds are comma-separated texts. */
export type Kind =
  | 'free'
  | 'any'
  /** Text that Asana shows to people, in which a person or thing can be mentioned. */
  | 'text'
  /** `opt_fields`: what to answer, also of things that merely hang on the one asked for. */
  | 'fields'
  /** A query object in one JSON string. */
  | 'filter'
  | 'task'
  | 'project'
  | 'projects'
  | 'section'
  | 'sections'
  | 'team'
  /** A team of which people or names are listed, not work. */
  | 'teamOfPeople'
  | 'portfolio'
  | 'taskOrProject'
  | 'projectOrPortfolio'
  /** What can't be told to lie in a place: a tag, a My Tasks list, a template. */
  | 'elsewhere'
  /** Who gets a task. */
  | 'assignee'
  /** Who gets something else: a follower, a member, an owner, a role. */
  | 'person'
  | 'people'
  /** Whose tasks are asked for. */
  | 'assigneeFilter'
  | 'assigneesFilter'
  | 'resourceType';

export interface ToolMap {
  /** Path → meaning. */
  arguments: Readonly<Record<string, Kind>>;
  /** Keys of a dictionary that are gids themselves: the dictionary's path → their meaning. */
  keys?: Readonly<Record<string, Kind>>;
  /** Lists whose entries count as items of a bulk call. */
  items?: readonly string[];
  /**
   * What keeps a call inside places: `nothing` (no work is touched), `closed` (it can't be narrowed), or the arguments of which one must
   * be named, for each entry of the list `each` where there is one.
   */
  reach: 'nothing' | 'closed' | 'by type' | { oneOf: readonly string[]; each?: string };
  /** What keeps it to the caller's own tasks: as above, by an assignee asked for. */
  own?: 'closed' | 'by type' | { filter: string };
  /** Where tasks are made (`''`: by the call itself): each needs the caller as assignee, at this path below it, or at one of the call's. */
  creates?: readonly { at: string; assignee: string; otherwise?: string }[];
}

const all = <K extends Kind>(kind: K, names: string): Record<string, K> =>
  Object.fromEntries(names.split(' ').map((name) => [name, kind]));

/** The same arguments below a path. */
const under = (path: string, map: Record<string, Kind>): Record<string, Kind> =>
  Object.fromEntries(Object.entries(map).map(([name, kind]) => [`${path}.${name}`, kind]));

const PAGES = all('free', 'limit offset');
const FIELDS = { opt_fields: 'fields' } as const;

/** A task inside `create_tasks` and `create_project`. */
const NEW_TASK: Record<string, Kind> = {
  ...all('free', 'due_on due_at start_on start_at resource_subtype completed approval_status custom_fields'),
  ...all('text', 'name notes html_notes'),
  ...{ parent: 'task', assignee: 'assignee', assignee_section: 'section', followers: 'people' },
};
const CHANGED_TASK: Record<string, Kind> = {
  ...all('free', 'due_on start_on completed approval_status'),
  ...all('text', 'name notes html_notes'),
  ...{ task: 'task', parent: 'task', assignee: 'assignee', assignee_section: 'section' },
  ...{ 'add_projects[].project_id': 'project', 'add_projects[].section_id': 'section' },
  'remove_projects[]': 'project',
  ...all('task', 'add_dependencies[] remove_dependencies[] add_dependents[] remove_dependents[]'),
  ...{ 'add_followers[]': 'person', 'remove_followers[]': 'free', custom_fields: 'any' },
};

/** A person as a widget sends one. Whichever of the two Asana goes by, both must fit. */
const PERSON: Record<string, Kind> = {
  ...all('assignee', 'assignee.gid assignee.email'),
  ...all('free', 'assignee.name assignee.photoUrl'),
};
const SENT_TASK: Record<string, Kind> = {
  ...all('text', 'taskName description'),
  ...all('free', 'isComplete startDate dueDate'),
  ...PERSON,
};
const WIDGET_PROJECT: Record<string, Kind> = {
  'project.gid': 'project',
  ...all('free', 'project.name project.icon project.color'),
};
const WIDGET_SECTION: Record<string, Kind> = { 'section.gid': 'section', 'section.name': 'free' };
const PRIORITIES = all('free', 'customFields[].kind customFields[].priorityLevel');
/** A task drawn in a preview. */
const DRAWN_TASK: Record<string, Kind> = {
  ...all('text', 'taskName description'),
  ...all('free', 'isComplete startDate dueDate'),
  assignee: 'person',
};
const SENT_SECTIONS: Record<string, Kind> = under('sections[]', {
  sectionName: 'text',
  ...under('tasks[]', { ...SENT_TASK, ...PRIORITIES, ...under('subtasks[]', SENT_TASK) }),
});
const SENT_SECTION_ITEMS = ['sections', 'sections[].tasks', 'sections[].tasks[].subtasks'];
const SENT_SECTION_TASKS = [
  { at: 'sections[].tasks[]', assignee: 'assignee.gid' },
  { at: 'sections[].tasks[].subtasks[]', assignee: 'assignee.gid' },
];

const SEARCH_DATES = all(
  'free',
  'due_on_before due_on_after created_on_before created_on_after completed_on_before completed_on_after',
);

const READ: Record<string, ToolMap> = {
  get_workspace_agents: { arguments: { ...PAGES, ...FIELDS }, reach: 'nothing' },
  get_agent: { arguments: { agent_gid: 'free', ...FIELDS }, reach: 'nothing' },
  get_attachments: {
    arguments: { parent: 'taskOrProject', ...PAGES, ...FIELDS },
    reach: { oneOf: ['parent'] },
  },
  get_portfolio: {
    arguments: { portfolio_gid: 'portfolio', ...FIELDS },
    reach: { oneOf: ['portfolio_gid'] },
  },
  get_portfolios: { arguments: { ...PAGES, ...FIELDS }, reach: 'closed' },
  get_items_for_portfolio: {
    arguments: { portfolio_gid: 'portfolio', ...PAGES, ...FIELDS },
    reach: { oneOf: ['portfolio_gid'] },
  },
  get_project: {
    arguments: { project_id: 'project', include_sections: 'free', ...FIELDS },
    reach: { oneOf: ['project_id'] },
  },
  get_projects: {
    arguments: { team: 'team', archived: 'free', ...PAGES, ...FIELDS },
    reach: { oneOf: ['team'] },
  },
  get_status_overview: { arguments: { keywords: 'free', ...FIELDS }, reach: 'closed', own: 'closed' },
  search_tasks: {
    arguments: {
      ...all('free', 'text resource_subtype completed is_subtask followers_any created_by_any tags_any'),
      ...all('free', 'due_on modified_on_after created_at_before created_at_after completed_at_before'),
      ...all('free', 'completed_at_after modified_at_after sort_by sort_ascending limit'),
      ...{ assignee_any: 'assigneesFilter', projects_any: 'projects', sections_any: 'sections' },
      ...{ custom_fields: 'filter', ...SEARCH_DATES, ...FIELDS },
    },
    // Asana joins the two by OR where both are given, so every entry of both is judged.
    reach: { oneOf: ['projects_any', 'sections_any'] },
    own: { filter: 'assignee_any' },
  },
  get_task: {
    arguments: {
      ...{ task_id: 'task', ...all('free', 'include_subtasks include_comments comment_limit'), ...FIELDS },
    },
    reach: { oneOf: ['task_id'] },
  },
  get_task_stories: {
    arguments: { task_id: 'task', ...PAGES, ...FIELDS },
    reach: { oneOf: ['task_id'] },
  },
  get_tasks: {
    arguments: {
      ...{ project: 'project', section: 'section', tag: 'elsewhere', user_task_list: 'elsewhere' },
      ...{
        assignee: 'assigneeFilter',
        ...all('free', 'completed_since modified_since'),
        ...PAGES,
        ...FIELDS,
      },
    },
    reach: { oneOf: ['project', 'section'] },
    own: { filter: 'assignee' },
  },
  get_my_tasks: { arguments: { completed_since: 'free', ...PAGES, ...FIELDS }, reach: 'closed' },
  get_teams: { arguments: { user: 'free', ...PAGES }, reach: 'nothing' },
  search_objects: {
    arguments: { resource_type: 'resourceType', ...all('free', 'query count'), ...FIELDS },
    ...{ reach: 'by type', own: 'by type' },
  },
  get_user: { arguments: { user_id: 'free', ...FIELDS }, reach: 'nothing' },
  get_me: { arguments: {}, reach: 'nothing' },
  get_users: { arguments: { team: 'teamOfPeople', ...PAGES, ...FIELDS }, reach: 'nothing' },
};

const WRITE: Record<string, ToolMap> = {
  create_tasks: {
    arguments: {
      ...under('tasks[]', { ...NEW_TASK, project_id: 'project', section_id: 'section' }),
      ...{ default_project: 'project', default_assignee: 'assignee' },
    },
    items: ['tasks'],
    reach: { each: 'tasks[]', oneOf: ['tasks[].project_id', 'tasks[].parent', 'default_project'] },
    creates: [{ at: 'tasks[]', assignee: 'assignee', otherwise: 'default_assignee' }],
  },
  update_tasks: {
    arguments: under('tasks[]', CHANGED_TASK),
    items: ['tasks'],
    reach: { each: 'tasks[]', oneOf: ['tasks[].task'] },
  },
  add_comment: {
    arguments: { task_id: 'task', text: 'text', html_text: 'text', is_pinned: 'free', ...FIELDS },
    reach: { oneOf: ['task_id'] },
  },
  delete_task: { arguments: { task: 'task' }, reach: { oneOf: ['task'] } },
  create_project: {
    arguments: {
      ...all('free', 'due_on start_on color privacy_setting default_view default_access_level'),
      ...{ ...all('text', 'name notes html_notes'), custom_fields: 'any' },
      ...{ team: 'team', owner: 'person', members: 'people', 'sections[].sectionName': 'text' },
      ...under('sections[].tasks[]', NEW_TASK),
    },
    items: ['sections', 'sections[].tasks'],
    // A new project is none of those named, unless a team is.
    reach: { oneOf: ['team'] },
    creates: [{ at: 'sections[].tasks[]', assignee: 'assignee' }],
  },
  update_project: {
    arguments: {
      ...all('free', 'due_on start_on color icon default_view privacy_setting default_access_level archived'),
      ...{ ...all('text', 'name notes html_notes'), confirm_sensitive_changes: 'free' },
      ...{ project_id: 'project', owner: 'person', set_custom_field_values: 'any' },
      ...{ 'add_sections[].name': 'text', 'rename_sections[].section_id': 'section' },
      ...{ 'rename_sections[].name': 'text', 'remove_sections[]': 'section', 'add_members[]': 'person' },
      ...all('free', 'remove_members[] add_custom_fields[].custom_field add_custom_fields[].is_important'),
      'remove_custom_fields[]': 'free',
    },
    items: [
      ...['add_sections', 'rename_sections', 'remove_sections', 'add_members', 'remove_members'],
      ...['add_custom_fields', 'remove_custom_fields'],
    ],
    reach: { oneOf: ['project_id'] },
  },
  create_project_status_update: {
    arguments: { parent: 'projectOrPortfolio', color: 'free', ...all('text', 'title text html_text') },
    reach: { oneOf: ['parent'] },
  },
  create_task_from_template: {
    arguments: {
      ...{ task_template_id: 'elsewhere', template_name: 'free', project_id: 'project', name: 'text' },
    },
    reach: { oneOf: ['project_id'] },
    // Whose the new task and its subtasks are stands in the template.
    own: 'closed',
  },
  create_project_from_template: {
    arguments: {
      ...{
        project_template_id: 'elsewhere',
        name: 'text',
        team: 'team',
        'requested_roles[].value': 'person',
      },
      ...all('free', 'privacy_setting is_strict requested_dates[].gid requested_dates[].value'),
      'requested_roles[].gid': 'free',
    },
    ...{ reach: 'closed', own: 'closed' },
  },
};

const PREVIEW: Record<string, ToolMap> = {
  create_task_preview_v4: {
    arguments: {
      ...DRAWN_TASK,
      ...{ project_gid: 'project', section_gid: 'section', ...under('subtasks[]', DRAWN_TASK) },
    },
    items: ['subtasks'],
    reach: { oneOf: ['project_gid'] },
  },
  search_tasks_preview: {
    arguments: {
      ...all('free', 'text completed start_on_before start_on_after created_by_any followers_any'),
      ...{ assignee_any: 'assigneesFilter', projects_any: 'projects', ...SEARCH_DATES },
    },
    reach: { oneOf: ['projects_any'] },
    own: { filter: 'assignee_any' },
  },
  // It draws what it is given and asks Asana for nothing.
  create_project_preview_v3: {
    arguments: {
      ...{ project_name: 'text', 'sections[].sectionName': 'text' },
      ...under('sections[].tasks[]', {
        ...{ ...DRAWN_TASK, priority: 'free', ...under('subtasks[]', DRAWN_TASK) },
      }),
    },
    items: SENT_SECTION_ITEMS,
    reach: 'nothing',
  },
};

const WIDGET: Record<string, ToolMap> = {
  get_project_internal: {
    arguments: { widget_id: 'free', ...READ.get_project!.arguments },
    reach: { oneOf: ['project_id'] },
  },
  search_objects_internal: {
    arguments: { widget_id: 'free', ...READ.search_objects!.arguments },
    ...{ reach: 'by type', own: 'by type' },
  },
  log_widget_event: {
    arguments: all('free', 'widget_id widget_type action extra_event_attributes_json'),
    reach: 'nothing',
  },
  create_task_confirm: {
    arguments: {
      ...all('free', 'widget_id workspace useRichTextTaskDescription'),
      ...{ ...SENT_TASK, ...WIDGET_PROJECT, ...WIDGET_SECTION, ...under('subtasks[]', SENT_TASK) },
    },
    items: ['subtasks'],
    reach: { oneOf: ['project.gid'] },
    creates: [
      { at: '', assignee: 'assignee.gid' },
      { at: 'subtasks[]', assignee: 'assignee.gid' },
    ],
  },
  save_task_changes_confirm: {
    arguments: {
      ...{ ...all('free', 'widget_id useRichTextTaskDescription'), taskGid: 'task' },
      ...under('updatedNativeFields', {
        ...{ ...SENT_TASK, ...WIDGET_PROJECT, ...WIDGET_SECTION, previousProjectGid: 'project' },
      }),
      ...all('free', 'updatedCustomFields.*.gid updatedCustomFields.*.value'),
      ...{ 'updatedSubtasks[].gid': 'task', ...under('updatedSubtasks[].fields', SENT_TASK) },
      ...{ ...under('newSubtasks[]', SENT_TASK), 'deletedSubtaskGids[]': 'task' },
    },
    items: ['updatedSubtasks', 'newSubtasks', 'deletedSubtaskGids'],
    reach: { oneOf: ['taskGid'] },
    creates: [{ at: 'newSubtasks[]', assignee: 'assignee.gid' }],
  },
  create_project_confirm: {
    arguments: { ...all('free', 'widget_id workspace'), projectName: 'text', ...SENT_SECTIONS },
    ...{ items: SENT_SECTION_ITEMS, reach: 'closed', creates: SENT_SECTION_TASKS },
  },
  create_project_confirm_populate: {
    arguments: {
      ...all('free', 'widget_id workspace useRichTextTaskDescription'),
      ...{ project: 'project', ...SENT_SECTIONS },
    },
    items: SENT_SECTION_ITEMS,
    reach: { oneOf: ['project'] },
    creates: SENT_SECTION_TASKS,
  },
  save_project_changes_confirm: {
    arguments: {
      ...{ ...all('free', 'widget_id useRichTextTaskDescription'), 'customFieldInfos[]': 'any' },
      ...{ projectGid: 'project', updatedProjectName: 'text', 'updatedSectionNames[].sectionGid': 'section' },
      ...{ 'updatedSectionNames[].name': 'text', 'updatedTasks[].taskGid': 'task' },
      ...under('updatedTasks[].nativeFields', SENT_TASK),
      ...under('updatedTasks[].customFields', all('free', 'priority.gid priority.value')),
      ...under('taskSubtaskOperations[]', {
        ...{ taskGid: 'task', 'updatedSubtasks[].gid': 'task' },
        ...{ ...under('updatedSubtasks[].fields', SENT_TASK), ...under('newSubtasks[]', SENT_TASK) },
        'deletedSubtaskGids[]': 'task',
      }),
      ...{ 'newTasks[].sectionGid': 'section', ...under('newTasks[].task', { ...SENT_TASK, ...PRIORITIES }) },
      'newSections[].sectionName': 'text',
      ...under('newSections[].tasks[]', { ...SENT_TASK, ...PRIORITIES }),
      ...{ 'deletedTaskGids[]': 'task', 'deletedSectionGids[]': 'section', 'taskMoves[].taskGid': 'task' },
      ...{ 'taskMoves[].toSectionGid': 'section', 'orderedSectionGids[]': 'section' },
      'orderedTaskGidsBySectionGid.*[]': 'task',
    },
    keys: { orderedTaskGidsBySectionGid: 'section' },
    items: [
      ...[
        'updatedSectionNames',
        'updatedTasks',
        'newTasks',
        'newSections',
        'newSections[].tasks',
        'taskMoves',
      ],
      ...['taskSubtaskOperations[].updatedSubtasks', 'taskSubtaskOperations[].newSubtasks'],
      ...['taskSubtaskOperations[].deletedSubtaskGids', 'deletedTaskGids', 'deletedSectionGids'],
    ],
    reach: { oneOf: ['projectGid'] },
    creates: [
      { at: 'newTasks[].task', assignee: 'assignee.gid' },
      { at: 'newSections[].tasks[]', assignee: 'assignee.gid' },
      { at: 'taskSubtaskOperations[].newSubtasks[]', assignee: 'assignee.gid' },
    ],
  },
};

/** The map of a tool; null for one that nobody has mapped. */
export function mapOf(tool: string): ToolMap | null {
  return MAPS.get(tool) ?? null;
}

const MAPS: ReadonlyMap<string, ToolMap> = new Map(
  Object.entries({ ...READ, ...WRITE, ...PREVIEW, ...WIDGET }),
);
