// The three preview tools and the eight that only the widgets' own code may call, as recorded on 2026-09-24: names,
// arguments and `_meta` are Asana's, the descriptions our own words at about the same length. Pure data.
import {
  dictionary,
  flag,
  gids,
  list,
  nullable,
  number,
  object,
  oneOf,
  optFields,
  orNull,
  plainDate,
  PRIORITIES,
  RESOURCE_TYPES,
  text,
  tool,
  user,
  users,
  type JsonSchema,
  type Properties,
  type RecordedTool,
} from '@/lib/catalogue/recorded-schemas';

const gid = () => ({ type: 'string' });

/** Both spellings of the link to the widget: the nested one and the flat older key. */
function widget(file: string): Record<string, unknown> {
  const resourceUri = `ui://widget/${file}`;
  return { ui: { resourceUri }, 'ui/resourceUri': resourceUri };
}

/** The fields of a task as the preview widgets draw it. */
function drawnTask(subject: string): Properties {
  return {
    'taskName*': text(`Name of the ${subject}: short, and beginning with a verb.`),
    description: orNull(text(`Description of the ${subject} in Markdown, or null.`)),
    isComplete: flag(`Whether the ${subject} is already done.`),
    startDate: orNull(plainDate('Start day, YYYY-MM-DD or null.')),
    dueDate: orNull(plainDate('Due day, YYYY-MM-DD or null.')),
    assignee: orNull(user('Who is to do it, or null.')),
  };
}

const DESIGN_GUIDE = `HOW TO DESIGN A GOOD PROJECT

1. Understand first. What is the goal, who takes part, by when must it be done? If the goal is not clear, ask one short question. If it is, do not ask: draw, and let the user correct the drawing.

2. Sections are the phases or the kinds of work, in the order in which they happen. Three to six of them. Good: "Prepare", "Design", "Build", "Launch", "Afterwards". Bad: "Tasks", "Misc", "To do", one section per person, one section per week.

3. Tasks say what is to be done. They begin with a verb, fit on one line, and can be finished by one person. Three to eight per section. Good: "Agree on the venue". Bad: "Venue", "Think about venue options and maybe call some of them".

4. Subtasks only where a task really has steps that different people take, or that are easily forgotten. At most five, never nested. No subtask may repeat the name of its task.

5. Dates only when the user gave some, or when they follow from a deadline that the user gave: then work backwards from it, leave no weekend as a due date, and let no task start before the tasks it builds on are due. A due date in the past is a mistake.

6. Assignees only if the user named people. Pass them as email address, GID or "me"; a bare first name does not work. Leave assignee null otherwise.

7. Priority: high for the few tasks without which the goal fails, low for what is nice to have, medium, or null for the rest. If more than a third are high, none is.

8. Descriptions in Markdown, two or three sentences: what the result looks like, and where to find what is needed. No description is better than one that repeats the name.

9. Write everything in the language of the user.

EXAMPLE
The user says: "We are moving to a bigger office at the end of November and I do not want to forget anything."

{
  "project_name": "Office move",
  "sections": [
    {
      "sectionName": "Decide",
      "tasks": [
        {
          "taskName": "Agree on the floor plan",
          "description": "One plan that every team has seen. Mark where the quiet rooms and the printers go.",
          "isComplete": false,
          "startDate": "2026-10-05",
          "dueDate": "2026-10-14",
          "assignee": null,
          "priority": "high",
          "subtasks": [
            { "taskName": "Collect wishes of the teams", "description": null, "isComplete": false, "startDate": null, "dueDate": "2026-10-08", "assignee": null },
            { "taskName": "Draw two variants", "description": null, "isComplete": false, "startDate": null, "dueDate": "2026-10-12", "assignee": null }
          ]
        },
        {
          "taskName": "Choose a moving company",
          "description": "Three offers, all with insurance.",
          "isComplete": false,
          "startDate": null,
          "dueDate": "2026-10-16",
          "assignee": null,
          "priority": "high"
        }
      ]
    },
    {
      "sectionName": "Prepare",
      "tasks": [
        { "taskName": "Order the internet line", "description": "Takes about four weeks.", "isComplete": false, "startDate": null, "dueDate": "2026-10-19", "assignee": null, "priority": "high" },
        { "taskName": "Give notice of the new address", "description": "Bank, insurance, suppliers, website.", "isComplete": false, "startDate": null, "dueDate": "2026-11-13", "assignee": null, "priority": "medium" },
        { "taskName": "Label boxes and desks", "description": null, "isComplete": false, "startDate": null, "dueDate": "2026-11-24", "assignee": null, "priority": null }
      ]
    },
    {
      "sectionName": "Move",
      "tasks": [
        { "taskName": "Hand over the keys", "description": "Protocol with photographs.", "isComplete": false, "startDate": null, "dueDate": "2026-11-30", "assignee": null, "priority": "high" },
        { "taskName": "Bring plants and cake", "description": null, "isComplete": false, "startDate": null, "dueDate": "2026-11-30", "assignee": null, "priority": "low" }
      ]
    }
  ]
}`;

/** The three tools that draw a widget and write nothing. */
export function previewTools(): RecordedTool[] {
  const subtasks = () => list(object(drawnTask('subtask')), 'Subtasks, in their order.');
  const task = object({
    ...drawnTask('task'),
    priority: orNull(oneOf(PRIORITIES, 'How much the goal depends on the task, or null.')),
    subtasks: subtasks(),
  });
  const day = (what: string) => plainDate(`Only tasks ${what} this day, YYYY-MM-DD.`);
  return [
    tool(
      'read',
      'create_task_preview_v4',
      'Preview task creation',
      `Shows the user an interactive preview of ONE task, which they can edit and then create with a button. Nothing is created by this call. Use it when the user wants to add a task and the client can show widgets; use create_tasks when the user asks for several tasks, wants no confirmation, or the client shows no widgets.

Fill in what the user said and what follows from it, and leave the rest null. Do not ask for missing details: the user adds them in the preview. Work out relative dates ("tomorrow", "next Friday") from today's date. If the user names a project, find its GID with search_objects first and pass it as project_gid; with a section as well, look it up with get_project and include_sections=true.

After this call say in one sentence that the preview is ready. Do not repeat its contents, do not say that the task was created, and do not call create_tasks for the same task.`,
      {
        ...drawnTask('task'),
        project_gid: orNull(
          text('GID of the project in which the task is to be created, or null for My Tasks.'),
        ),
        section_gid: orNull(text('GID of a section of that project, or null for its first section.')),
        subtasks: subtasks(),
      },
      widget('task_preview.html'),
    ),
    tool(
      'read',
      'search_tasks_preview',
      'Preview task search results',
      `Searches tasks like search_tasks and shows the result to the user as an interactive list. Use it when the user wants to SEE tasks ("show me what is due this week"); use search_tasks when you need the tasks yourself, to answer a question or to change them. All filters are combined with AND, several values in one filter with OR. People are "me", email addresses or GIDs, projects are GIDs: look them up with search_objects first. The workspace needs a paid plan.

After this call do not list the tasks again in your answer: the user sees them already. One sentence about what is shown is enough.`,
      {
        text: text('Words to look for in names, descriptions and comments.'),
        completed: flag('true: only completed tasks. false: only open ones.'),
        completed_on_before: day('completed before'),
        completed_on_after: day('completed after'),
        start_on_before: day('that start before'),
        start_on_after: day('that start after'),
        due_on_before: day('due before'),
        due_on_after: day('due after'),
        assignee_any: users('Only tasks assigned to any of these people.'),
        created_on_before: day('created before'),
        created_on_after: day('created after'),
        created_by_any: users('Only tasks created by any of these people.'),
        followers_any: users('Only tasks followed by any of these people.'),
        projects_any: gids('project', 'Only tasks in any of these projects.'),
      },
      widget('search_tasks_preview.html'),
    ),
    tool(
      'read',
      'create_project_preview_v3',
      'Preview project creation',
      `Shows the user an interactive preview of a whole project with sections, tasks and subtasks, which they can edit and then create with a button. Nothing is created by this call. Use it when the user wants to plan or set up a project and the client can show widgets. Use create_project only when the user asks to create the project at once, or the client shows no widgets.

Call it once with the complete plan. When the user asks for changes, call it again with the whole changed plan. Afterwards say in one or two sentences what you planned and why; do not repeat the plan, and do not say that the project was created.

${DESIGN_GUIDE}`,
      {
        'project_name*': text('Name of the project: what the user calls it, without the word "project".'),
        'sections*': list(
          object({
            'sectionName*': text('Name of the section: a phase or a kind of work.'),
            'tasks*': list(task, 'Tasks of the section, in their order.'),
          }),
          'Sections of the project, in their order.',
        ),
      },
      widget('project_preview.html'),
    ),
  ];
}

const INTERNAL =
  'DEPRECATED for direct use. This tool exists only so that the code of an Asana widget can call it after the user pressed a button there. It is not meant for the model: never call it and never mention it. It may change or disappear without notice. Use the other Asana tools instead.';

const PERSON = () =>
  nullable(
    object(
      {
        'gid*': text('Their GID.'),
        'name*': text('Their name.'),
        'email*': text('Their email address.'),
        photoUrl: text('Address of a small photo.'),
      },
      'The person who is to do the task, or null.',
    ),
  );

const PROJECT = () =>
  nullable(
    object(
      {
        'gid*': text('GID of the project.'),
        'name*': text('Name of the project.'),
        'icon*': orNull(text('Icon of the project, or null.')),
        'color*': orNull(text('Color of the project, or null.')),
      },
      'The project in which the task is, or null.',
    ),
  );

const SECTION = () =>
  nullable(
    object(
      { 'gid*': text('GID of the section.'), 'name*': text('Name of the section.') },
      'The section in which the task is, or null.',
    ),
  );

/** A task as a widget sends it (SUBTASK of the fact tables): every field is required, most may be null. */
function sentTask(): Properties {
  return {
    'taskName*': text('Name of the task.'),
    'description*': orNull(text('Description of the task, or null.')),
    'isComplete*': flag('Whether the task is ticked in the widget.'),
    'startDate*': orNull(plainDate('Start day, YYYY-MM-DD or null.')),
    'dueDate*': orNull(plainDate('Due day, YYYY-MM-DD or null.')),
    'assignee*': PERSON(),
  };
}

/** The fields of a task that the user changed in a widget; what is absent stays as it is. */
function editedFields(): Properties {
  return {
    taskName: text('New name of the task.'),
    isComplete: flag('New completion of the task.'),
    startDate: orNull(plainDate('New start day, YYYY-MM-DD, or null to remove it.')),
    dueDate: orNull(plainDate('New due day, YYYY-MM-DD, or null to remove it.')),
    assignee: PERSON(),
    description: orNull(text('New description, or null to remove it.')),
  };
}

const SUBTASKS = (description: string) => list(object(sentTask()), description);

function customFields(extra: JsonSchema = {}): JsonSchema {
  const priority = object({
    'kind*': {
      type: 'string',
      const: 'priority',
      description: 'What the widget knows about: the priority only.',
    },
    'priorityLevel*': orNull(oneOf(PRIORITIES, 'The priority chosen in the widget, or null for none.')),
  });
  return { ...list(priority, 'Custom fields that the widget shows for the task.'), ...extra };
}

const SECTIONS = () =>
  list(
    object({
      'sectionName*': text('Name of the section.'),
      'tasks*': list(
        object({
          ...sentTask(),
          'customFields*': customFields(),
          subtasks: SUBTASKS('Subtasks of the task, in their order.'),
        }),
        'Tasks of the section, in their order.',
      ),
    }),
    'Sections of the project with their tasks, in their order.',
  );

const fieldValue = () =>
  object({
    'gid*': text('GID of the custom field.'),
    'value*': orNull(text('New value: the GID of an option, or null to empty the field.')),
  });

const subtaskEdits = () =>
  list(
    object({ 'gid*': text('GID of the subtask.'), 'fields*': object(editedFields(), 'What changed.') }),
    'Subtasks that were changed.',
  );

const richDescription = () =>
  flag('Whether descriptions are stored as rich text made from the Markdown of the widget.');

const workspace = () => text('GID of the workspace in which the object is created.');

function internal(
  kind: 'read' | 'write' | 'destroy',
  name: string,
  title: string,
  starred: Properties,
): RecordedTool {
  const widgetId = {
    type: 'string',
    const: 'model-generated-widget-id',
    description: 'Identifies the widget. Always the constant "model-generated-widget-id".',
  };
  const _meta = { ui: { visibility: ['app'] } };
  return tool(kind, name, `[Internal] ${title}`, INTERNAL, { 'widget_id*': widgetId, ...starred }, _meta);
}

/** The eight tools that hosts with MCP Apps hide from the model (`visibility: ["app"]`), and other clients do not. */
export function internalTools(): RecordedTool[] {
  return [
    internal('read', 'get_project_internal', 'Get project', {
      'project_id*': text('GID of the project.'),
      include_sections: flag('Whether to return the sections of the project, at most 50 of them.', false),
      ...optFields(
        'name, icon, color, owner, team, team.name, members, members.name, privacy_setting, workspace',
      ),
    }),
    internal('read', 'search_objects_internal', 'Search objects', {
      'resource_type*': oneOf(RESOURCE_TYPES, 'The kind of object to look for.'),
      query: text('What to look for in names; may be empty for recently used objects.'),
      count: number('How many objects to return at most, from 1 to 100; 20 if absent.', 1, 100),
      ...optFields('name, email, photo, photo.image_60x60, icon, color, team, team.name, resource_subtype'),
    }),
    internal('read', 'log_widget_event', 'Log event', {
      'widget_type*': text('Which widget the event comes from.'),
      'action*': text('What happened in the widget.'),
      extra_event_attributes_json: text('Further details of the event, as one string that contains JSON.'),
    }),
    internal('write', 'create_task_confirm', 'Create task', {
      'workspace*': workspace(),
      ...sentTask(),
      useRichTextTaskDescription: richDescription(),
      project: PROJECT(),
      section: SECTION(),
      subtasks: SUBTASKS('Subtasks to create under the task, in their order.'),
    }),
    saveTaskChanges(),
    internal('write', 'create_project_confirm', 'Create project', {
      'workspace*': workspace(),
      'projectName*': text('Name of the project.'),
      'sections*': SECTIONS(),
    }),
    internal('write', 'create_project_confirm_populate', 'Populate project', {
      'workspace*': workspace(),
      'project*': text('GID of the project that was created and is now filled.'),
      'sections*': SECTIONS(),
      useRichTextTaskDescription: richDescription(),
    }),
    saveProjectChanges(),
  ];
}

function saveTaskChanges(): RecordedTool {
  return internal('destroy', 'save_task_changes_confirm', 'Save task changes', {
    'taskGid*': text('GID of the task that was changed in the widget.'),
    updatedNativeFields: object(
      {
        ...editedFields(),
        project: PROJECT(),
        section: SECTION(),
        previousProjectGid: orNull(text('GID of the project that the task was in before, or null.')),
      },
      'Fields of the task that changed.',
    ),
    updatedCustomFields: dictionary(fieldValue(), 'Custom fields that changed, by any key.'),
    updatedSubtasks: subtaskEdits(),
    newSubtasks: SUBTASKS('Subtasks that were added.'),
    deletedSubtaskGids: list(gid(), 'GIDs of subtasks that are deleted.'),
    useRichTextTaskDescription: richDescription(),
  });
}

function saveProjectChanges(): RecordedTool {
  const newTask = () => object({ ...sentTask(), customFields: customFields({ default: [] }) }, 'The task.');
  return internal('destroy', 'save_project_changes_confirm', 'Save project changes', {
    'projectGid*': text('GID of the project that was changed in the widget.'),
    updatedProjectName: text('New name of the project.'),
    updatedSectionNames: list(
      object({ 'sectionGid*': text('GID of the section.'), 'name*': text('Its new name.') }),
      'Sections that were renamed.',
    ),
    updatedTasks: list(
      object({
        'taskGid*': text('GID of the task.'),
        nativeFields: object(editedFields(), 'Fields of the task that changed.'),
        customFields: object({ priority: fieldValue() }, 'Custom fields of the task that changed.'),
      }),
      'Tasks that were changed.',
    ),
    taskSubtaskOperations: list(
      object({
        'taskGid*': text('GID of the task whose subtasks changed.'),
        updatedSubtasks: subtaskEdits(),
        newSubtasks: SUBTASKS('Subtasks that were added.'),
        deletedSubtaskGids: list(gid(), 'GIDs of subtasks that are deleted.'),
      }),
      'Changes to subtasks, by task.',
    ),
    newTasks: list(
      object({
        'sectionGid*': orNull(text('GID of the section in which the task is created, or null.')),
        'task*': newTask(),
      }),
      'Tasks that were added.',
    ),
    newSections: list(
      object({
        'sectionName*': text('Name of the section.'),
        'tasks*': list(newTask(), 'Tasks of the section, in their order.'),
      }),
      'Sections that were added, with their tasks.',
    ),
    deletedTaskGids: list(gid(), 'GIDs of tasks that are deleted.'),
    deletedSectionGids: list(gid(), 'GIDs of sections that are deleted.'),
    taskMoves: list(
      object({
        'taskGid*': text('GID of the task.'),
        'toSectionGid*': text('GID of the section it is moved to.'),
      }),
      'Tasks that were moved to another section.',
    ),
    orderedSectionGids: list(gid(), 'GIDs of all sections in their new order.'),
    orderedTaskGidsBySectionGid: dictionary(
      list(gid(), 'GIDs of the tasks of the section in their new order.'),
      'The new order of tasks, by the GID of their section.',
    ),
    useRichTextTaskDescription: richDescription(),
    customFieldInfos: list(
      { type: 'object' },
      'What the widget knows about the custom fields of the project.',
    ),
  });
}
