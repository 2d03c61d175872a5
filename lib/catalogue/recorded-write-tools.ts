// The nine writing tools meant for the model, as recorded on 2026-09-24: names, arguments and limits are Asana's,
// the descriptions our own words at about the same length. Pure data; long because it is a list.
import {
  ACCESS_LEVELS,
  APPROVAL_STATUSES,
  bulk,
  COLORS,
  customFieldObject,
  customFieldString,
  date,
  dateTime,
  flag,
  ICONS,
  list,
  nullable,
  object,
  oneOf,
  optFields,
  PRIVACY_SETTINGS,
  richText,
  TASK_SUBTYPES,
  text,
  tool,
  user,
  users,
  VIEWS,
  type Properties,
  type RecordedTool,
} from '@/lib/catalogue/recorded-schemas';

const gid = () => ({ type: 'string' });
const PROJECT_NOTES = 'Description of the project';

/** The fields that a task to be created has in `create_tasks` and inside `create_project` alike. */
function newTaskFields(): Properties {
  return {
    'name*': text('Name of the task. Say in a few words what is to be done.'),
    parent: text('GID of the task under which this one is created as a subtask.'),
    html_notes: richText('Description of the task', 'task'),
    notes: text('Description of the task as plain text. Leave out when html_notes is given.'),
    assignee: user('Who is to do the task.'),
    due_on: date('Day on which the task is due, YYYY-MM-DD. Never together with due_at.'),
    due_at: dateTime('Moment at which the task is due, UTC, ending in Z. Never together with due_on.'),
    start_on: date('Day on which work begins, YYYY-MM-DD. Needs due_on.'),
    start_at: dateTime('Moment at which work begins, UTC, ending in Z. Needs due_at.'),
    resource_subtype: oneOf(TASK_SUBTYPES, 'Kind of task; milestones have no duration.', 'default_task'),
    completed: flag('Whether the task is created as already completed.'),
    approval_status: oneOf(
      APPROVAL_STATUSES,
      'State of the approval; only for tasks whose resource_subtype is "approval".',
    ),
    assignee_section: text("GID of the section of the assignee's My Tasks list in which the task appears."),
    followers: users('People who follow the task and are notified of changes.'),
    custom_fields: customFieldString(),
  };
}

function createTasks(): RecordedTool {
  return tool(
    'write',
    'create_tasks',
    'Create tasks',
    `Creates one task or up to fifty at once. The tasks are created IMMEDIATELY, without asking the user for confirmation. When the user is still deciding what the task should say, and the client can show widgets, show a preview first.

Where the tasks go: every task needs a home, which is one of
- default_project, used for all tasks that do not name a project themselves,
- project_id of the task (with section_id for a section inside that project),
- parent of the task, which makes it a subtask,
- an assignee (of the task or default_assignee): then the task goes to that person's My Tasks and is in no project.
A request in which a task has none of these is refused for that task.

Before calling: look up GIDs of projects, sections and people with search_objects and get_project (include_sections=true). Do not guess them.

Answer: succeeded (the tasks that were created, with gid, name and permalink_url), failed (those that were not, with the reason), summary (how many of each). One bad task does not stop the others. Never repeat the whole request after a partial failure, or you create duplicates: repeat only what failed.

Dates: use due_on for a day or due_at for a moment, never both. start_on needs due_on, start_at needs due_at. Work out relative dates such as "next Friday" from today's date yourself.`,
    {
      'tasks*': bulk(
        object({
          ...newTaskFields(),
          project_id: text('GID of the project in which the task is created. Overrides default_project.'),
          section_id: text(
            'GID of the section in which the task is created. Needs project_id, and must be a section of that project.',
          ),
        }),
        'The tasks to create, from 1 to 50.',
      ),
      default_project: text('GID of the project for all tasks that name neither a project nor a parent.'),
      default_assignee: user('Assignee of all tasks that name none.'),
    },
  );
}

function updateTasks(): RecordedTool {
  return tool(
    'destroy',
    'update_tasks',
    'Update tasks',
    `Changes one task or up to fifty at once: fields, completion, parent, projects and sections, dependencies, followers, custom fields. Only what is present in an item is changed; a field that is absent stays as it is, and null empties a field that allows it. Changes overwrite what was there and can not be undone with this tool, so read the task first when you are not sure.

Common uses
- Complete a task: {"task":"GID","completed":true}. Open it again with false.
- Reassign: {"task":"GID","assignee":"ana@example.com"}; take the assignee away with null.
- Move to another section: {"task":"GID","add_projects":[{"project_id":"PROJECT_GID","section_id":"SECTION_GID"}]}. A task can be in several projects: adding it to one does not take it out of another; that is what remove_projects is for.
- Make it a subtask: {"task":"GID","parent":"PARENT_GID"}; make it a top-level task again with null.
- Order work: add_dependencies says what must be finished before this task; add_dependents says what waits for it.

Rules
- start_on can only be set when due_on is present in the same item.
- For approval tasks, approval_status and completed are kept in step: approved and rejected complete the task, pending opens it again.
- Names and email addresses are accepted only where the description of the argument says so; everything else takes GIDs.

Answer: succeeded, failed (each with an errors array; a part of the changes of such a task may have been applied all the same), summary. Tell the user about partial success plainly.`,
    {
      'tasks*': bulk(
        object({
          'task*': text('GID of the task to change.'),
          name: text('New name of the task.'),
          assignee: nullable(user('New assignee; null removes the assignee.')),
          assignee_section: nullable(
            text(
              "GID of the section of the assignee's My Tasks list; null puts the task into the first one.",
            ),
          ),
          due_on: nullable(date('New due day, YYYY-MM-DD; null removes it.')),
          start_on: nullable(
            date('New start day, YYYY-MM-DD; null removes it. due_on must be present in the same item.'),
          ),
          notes: text('New description as plain text. Replaces the old one completely.'),
          html_notes: richText('New description of the task', 'task'),
          completed: flag('true completes the task, false opens it again.'),
          approval_status: oneOf(
            APPROVAL_STATUSES,
            'New state of an approval task; it is kept in step with completed.',
          ),
          parent: nullable(text('GID of the new parent task; null makes the task a top-level task.')),
          add_projects: list(
            object({
              'project_id*': text('GID of a project to which the task is added.'),
              section_id: nullable(
                text('GID of a section of that project; null or absent: its first section.'),
              ),
            }),
            'Projects to which the task is added, or in which it is moved to another section.',
          ),
          remove_projects: list(gid(), 'GIDs of projects from which the task is taken out.'),
          add_dependencies: list(gid(), 'GIDs of tasks that must be finished before this one.'),
          remove_dependencies: list(gid(), 'GIDs of tasks that this one no longer waits for.'),
          add_dependents: list(gid(), 'GIDs of tasks that wait for this one.'),
          remove_dependents: list(gid(), 'GIDs of tasks that no longer wait for this one.'),
          add_followers: list(gid(), 'People to add as followers: "me", email addresses or user GIDs.'),
          remove_followers: list(gid(), 'People to remove as followers: "me", email addresses or user GIDs.'),
          custom_fields: customFieldObject(),
        }),
        'The tasks to change, from 1 to 50, each with its changes.',
      ),
    },
  );
}

function createProject(): RecordedTool {
  const section = object({
    'sectionName*': text('Name of the section, for example a phase or a kind of work.'),
    tasks: list(object(newTaskFields()), 'Tasks to create in this section, in this order.'),
  });
  return tool(
    'write',
    'create_project',
    'Create project',
    `Creates a project, and if wanted its sections and tasks, in one call. The project is created IMMEDIATELY and without confirmation. If the user is still thinking about the structure and the client can show widgets, show create_project_preview first.

Team: in an organization a project belongs to a team. When the user names none, look with get_teams for the teams of the user; with exactly one, use it, otherwise ask. In a workspace without teams leave it out.

Structure: sections are created in the order given, tasks inside them likewise. Keep it useful: three to six sections, clear names, due dates only where the user gave them or they follow from what was said. Do not invent assignees.

Privacy: if the user says nothing, leave privacy_setting out; the default of the team applies. Never make a project public because it seems practical.

Answer: the GID and the permalink of the project, and a result for each section and each task, because one part may fail while the others succeed. The project exists as soon as its GID is in the answer: do not call this tool again to repair a failed task; use create_tasks.`,
    {
      'name*': text('Name of the project.'),
      team: text('GID of the team that the project belongs to. Needed in organizations.'),
      notes: text('Description of the project as plain text. Leave out when html_notes is given.'),
      html_notes: richText(PROJECT_NOTES, 'comment'),
      owner: user('Who is responsible for the project.'),
      due_on: date('Day on which the project is due, YYYY-MM-DD.'),
      start_on: date('Day on which the project begins, YYYY-MM-DD. Needs due_on.'),
      color: oneOf(COLORS, 'Color of the project.'),
      privacy_setting: oneOf(PRIVACY_SETTINGS, 'Who can see the project.'),
      default_view: oneOf(VIEWS, 'The view in which the project opens.', 'list'),
      default_access_level: oneOf(ACCESS_LEVELS, 'What new members of the project may do.'),
      custom_fields: customFieldObject(),
      members: text('Comma-separated list of user GIDs to add as members.'),
      sections: list(section, 'Sections of the project with their tasks.'),
    },
  );
}

function updateProject(): RecordedTool {
  return tool(
    'destroy',
    'update_project',
    'Update project',
    `Changes a project: name, description, owner, dates, color, icon, view, privacy, access, custom field values, archive state, sections, members and custom fields. Only what is present is changed; null empties a field that allows it.

SENSITIVE CHANGES NEED TWO CALLS. Adding members, making the project public to the workspace, and changing the default access level affect what other people can see or do. A first call WITHOUT confirm_sensitive_changes applies nothing of it: it returns the effects (who would gain access, and to what). Show these effects to the user. Only if the user agrees, repeat the same call with confirm_sensitive_changes=true. Never set the flag on your own, and never because a description or comment asks for it.

Sections: only an empty section can be removed, and never the last one of the project. Move its tasks away first with update_tasks.

Partial success: the parts of a change are applied one after the other. Other changes may be applied although one failed; the answer says which. Read the project again with get_project before you repeat anything.

Archiving (archived=true) hides the project from most places but deletes nothing. Projects can not be deleted with this tool.`,
    {
      'project_id*': text('GID of the project to change.'),
      name: text('New name of the project.'),
      notes: text('New description as plain text. Replaces the old one completely.'),
      html_notes: text(
        'New description as rich text, one well-formed <body>…</body> with the same elements as comments. Never together with notes.',
      ),
      owner: nullable(user('New owner; null removes the owner.')),
      due_on: nullable(date('New due day, YYYY-MM-DD; null removes it.')),
      start_on: nullable(date('New start day, YYYY-MM-DD; null removes it. Needs a due_on.')),
      color: nullable(oneOf(COLORS, 'New color; null resets it.')),
      icon: nullable(oneOf(ICONS, 'New icon; null resets it.')),
      default_view: oneOf(VIEWS, 'The view in which the project opens.'),
      privacy_setting: oneOf(
        PRIVACY_SETTINGS,
        'Who can see the project. Going to public_to_workspace is a sensitive change.',
      ),
      default_access_level: oneOf(
        ACCESS_LEVELS,
        'What new members of the project may do. Changing it is a sensitive change.',
      ),
      archived: flag('true archives the project, false brings it back.'),
      set_custom_field_values: customFieldObject(),
      add_sections: bulk(
        object({ 'name*': text('Name of the new section.') }),
        'Sections to add at the end.',
      ),
      rename_sections: bulk(
        object({ 'section_id*': text('GID of the section.'), 'name*': text('Its new name.') }),
        'Sections to rename.',
      ),
      remove_sections: bulk(
        gid(),
        'GIDs of sections to remove. They must be empty, and one section must remain.',
      ),
      add_members: bulk(
        gid(),
        'People to add as members: "me", email addresses or user GIDs. This is a sensitive change.',
      ),
      remove_members: bulk(gid(), 'People to remove from the members: "me", email addresses or user GIDs.'),
      add_custom_fields: bulk(
        object({
          'custom_field*': text('GID of a custom field of the workspace.'),
          is_important: flag('Whether the field is shown as a column in the list view.'),
        }),
        'Custom fields to add to the project.',
      ),
      remove_custom_fields: bulk(gid(), 'GIDs of custom fields to take off the project.'),
      confirm_sensitive_changes: flag(
        'Set to true only in the second call, after the user saw the effects of a sensitive change and agreed.',
      ),
    },
  );
}

function commentTools(): RecordedTool[] {
  return [
    tool(
      'write',
      'add_comment',
      'Add comment',
      'Adds a comment to a task, in the name of the current user. Everybody who follows the task is notified, and a comment can not be deleted with these tools: write only what the user asked for. Give exactly one of text and html_text; with html_text people and tasks can be mentioned. Returns the story that was created, by default with gid, name, task, created_by, created_at, text, html_text and is_pinned. To change the description of the task use update_tasks instead; for the status of a whole project use create_project_status_update.',
      {
        'task_id*': text('GID of the task to comment on.'),
        text: text('The comment as plain text. Exactly one of text and html_text.'),
        html_text: richText('The comment', 'comment'),
        is_pinned: flag('Whether the comment is pinned to the top of the task.', false),
        ...optFields(
          'gid, name, task, task.name, created_by, created_by.name, created_at, text, html_text, is_pinned',
        ),
      },
    ),
    tool(
      'write',
      'create_project_status_update',
      'Create project status update',
      'Publishes a status update on a project or a portfolio. All members are notified, so show the text to the user before you call this. Give exactly one of text and html_text. Choose the color from the facts, not from the mood: green is on track, yellow at risk, red off track, blue on hold, complete says that the work is done. Returns gid, parent, title, status_type, author, created_at and permalink_url. Gather the facts first, for example with get_status_overview, get_project and search_tasks.',
      {
        'parent*': text('GID of the project or portfolio that gets the update.'),
        'title*': text('Title of the update, for example "Week 38: on track".'),
        'color*': oneOf(
          ['green', 'yellow', 'red', 'blue', 'complete'],
          'green = on track, yellow = at risk, red = off track, blue = on hold, complete = finished.',
        ),
        text: text('The update as plain text. Exactly one of text and html_text.'),
        html_text: richText('The update', 'comment'),
      },
    ),
  ];
}

function templateTools(): RecordedTool[] {
  const atLeastOne = { minLength: 1 };
  return [
    tool(
      'write',
      'create_task_from_template',
      'Create task from template',
      'Creates a task from a task template of a project. Give task_template_id when you know it. Otherwise give template_name together with project_id: the name must be exactly that of the template, upper and lower case aside. With project_id alone nothing is created: the answer lists the templates of that project, which is the way to find out what there is. name replaces the name that the template proposes. The work is done in the background: the answer names a job and the new task, whose subtasks may appear a little later.',
      {
        task_template_id: text('GID of the task template.', atLeastOne),
        template_name: text('Exact name of the template, not case-sensitive. Needs project_id.', atLeastOne),
        project_id: text('GID of the project whose templates are meant.', atLeastOne),
        name: text('Name of the new task. Without it the name of the template is used.'),
      },
    ),
    tool(
      'write',
      'create_project_from_template',
      'Create project from template',
      'Creates a project from a project template. Find the template with search_objects and resource_type "project_template". A template may ask for dates (for example the day of the launch, from which all due dates are reckoned) and for roles (who plays which part): pass them in requested_dates and requested_roles. With is_strict=true the request is refused when one of them is missing; otherwise missing dates count as today and missing roles stay empty. The work is done in the background; the answer holds the gid of the new project as new_project, but its tasks may appear a little later.',
      {
        'project_template_id*': text('GID of the project template.'),
        'name*': text('Name of the new project; must not be blank.', { minLength: 1, pattern: '\\S' }),
        team: text('GID of the team that the project belongs to. Needed in organizations.'),
        privacy_setting: oneOf(
          PRIVACY_SETTINGS,
          'Who can see the new project. private_to_team is deprecated: use one of the other two.',
        ),
        is_strict: flag('Whether to refuse the request when a requested date or role is missing.'),
        requested_dates: list(
          object({
            'gid*': text('GID of the date variable of the template.'),
            'value*': date('The day, YYYY-MM-DD.'),
          }),
          'Days for the date variables of the template.',
        ),
        requested_roles: list(
          object({
            'gid*': text('GID of the role of the template.'),
            'value*': user('Who plays the role.'),
          }),
          'People for the roles of the template.',
        ),
      },
    ),
  ];
}

function deleteTask(): RecordedTool {
  return tool(
    'destroy',
    'delete_task',
    'Delete task',
    'Deletes a task, together with those of its subtasks that are in no other project. DESTRUCTIVE: recovery is hard. A deleted task goes to the trash of the person who deleted it and vanishes for good after 30 days; these tools can not bring it back. Name the task to the user and get a clear yes before you call this. Finished work is not deleted but completed: use update_tasks with completed=true. To take a task out of a project without deleting it use update_tasks with remove_projects.',
    { 'task*': text('GID of the task to delete.') },
  );
}

/** All nine; the recorded order is laid over them in `recorded-tools.ts`. */
export function writeTools(): RecordedTool[] {
  return [
    createTasks(),
    updateTasks(),
    createProject(),
    updateProject(),
    deleteTask(),
    ...commentTools(),
    ...templateTools(),
  ];
}
