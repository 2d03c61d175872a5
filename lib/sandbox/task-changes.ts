// Creating, changing and deleting one task: the rules that Asana's descriptions name, used by the model's tools and by
// the widgets' tools alike, so that both really change the same world.
import { customFieldsOf } from '@/lib/sandbox/records';
import { textPair } from '@/lib/sandbox/rich-text';
import { ToolError } from '@/lib/sandbox/tool-error';
import {
  csv,
  requireCustomField,
  requireProject,
  requireSection,
  requireTask,
  requireUser,
  type Arguments,
  type View,
} from '@/lib/sandbox/view';
import { addStory, addTask, type Project, type Task } from '@/lib/sandbox/world';

function say(view: View, task: Task, text: string): void {
  addStory(view.world, { taskGid: task.gid, type: 'system', text, createdByGid: view.user.gid });
}

/** Puts a task into a project (or moves it to another section of it); without a section into the first one. */
export function placeTask(view: View, task: Task, project: Project, sectionGid?: string | null): void {
  const section = sectionGid
    ? requireSection(view, sectionGid, 'section_id', project).gid
    : project.sectionGids[0]!;
  task.memberships = task.memberships.filter(({ projectGid }) => projectGid !== project.gid);
  task.memberships.push({ projectGid: project.gid, sectionGid: section });
}

function checkDates(dates: Pick<Task, 'dueOn' | 'dueAt' | 'startOn' | 'startAt'>): void {
  if (dates.dueOn !== null && dates.dueAt !== null)
    throw new ToolError('due_on: You may not give due_on and due_at together');
  if (dates.startOn !== null && dates.dueOn === null) throw new ToolError('start_on: Needs due_on');
  if (dates.startAt !== null && dates.dueAt === null) throw new ToolError('start_at: Needs due_at');
  const [start, due] = [dates.startOn ?? dates.startAt, dates.dueOn ?? dates.dueAt];
  if (start !== null && due !== null && start > due)
    throw new ToolError('start_on: Must not be after the due date');
}

/** Completion and approval are kept in step: a decision completes the task, `pending` opens it again. */
function setCompleted(view: View, task: Task, completed: boolean): void {
  if (task.completed === completed) return;
  task.completed = completed;
  task.completedAt = completed ? view.now.toISOString() : null;
  if (task.subtype === 'approval') task.approvalStatus = completed ? 'approved' : 'pending';
  say(view, task, completed ? 'marked this task complete' : 'marked this task incomplete');
}

function setApproval(view: View, task: Task, status: string): void {
  if (task.subtype !== 'approval') throw new ToolError('approval_status: The task is no approval');
  setCompleted(view, task, status === 'approved' || status === 'rejected');
  task.approvalStatus = status;
}

/** Sets custom field values on a task or project; `fieldGids` are the fields that it has. */
export function setCustomFields(
  view: View,
  target: { customValues: Map<string, unknown> },
  fieldGids: string[],
  values: unknown,
): void {
  if (typeof values !== 'object' || values === null || Array.isArray(values))
    throw new ToolError('custom_fields: Must be one object');
  const entries = Object.entries(values);
  for (const [gid, value] of entries) {
    const field = requireCustomField(view, gid, 'custom_fields');
    if (!fieldGids.includes(gid))
      throw new ToolError(`custom_fields: Custom field with ID ${gid} is not on given object`);
    const chosen = field.type === 'enum' ? [value] : field.type === 'multi_enum' ? (value as unknown[]) : [];
    const known = (option: unknown) => field.options.some((entry) => entry.gid === option);
    if (value !== null && !(Array.isArray(chosen) && chosen.every(known)))
      throw new ToolError(`custom_fields.${gid}: Unknown option`);
    if (value !== null && field.type === 'number' && typeof value !== 'number')
      throw new ToolError(`custom_fields.${gid}: Not a number`);
  }
  for (const [gid, value] of entries) {
    if (value === null) target.customValues.delete(gid);
    else target.customValues.set(gid, value);
  }
}

/** `create_tasks` and the tasks inside `create_project` carry their custom fields as one JSON string. */
function parseCustomFields(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new ToolError('custom_fields: Not a valid JSON string');
  }
}

/** Where a new task goes. At least one of project, parent and assignee must be there. */
export interface Home {
  project?: Project;
  sectionGid?: string | null;
  parentGid?: string;
  assignee?: string;
}

/** Creates a task from the fields of a `create_tasks` item, or throws and leaves nothing behind. */
export function createTask(view: View, item: Arguments, home: Home): Task {
  const { world, user, workspaceGid } = view;
  const parent = home.parentGid === undefined ? undefined : requireTask(view, home.parentGid, 'parent');
  const assigneeReference: string | undefined = item.assignee ?? home.assignee;
  const assignee =
    assigneeReference === undefined ? undefined : requireUser(view, assigneeReference, 'assignee');
  if (!home.project && !parent && !assignee)
    throw new ToolError('You should specify one of workspace, parent, projects, or an assignee');
  if (home.project && home.sectionGid) requireSection(view, home.sectionGid, 'section_id', home.project);
  const text = textPair(item.notes, item.html_notes, 'html_notes', 'task');
  const dates = {
    dueOn: item.due_on ?? null,
    dueAt: item.due_at ?? null,
    startOn: item.start_on ?? null,
    startAt: item.start_at ?? null,
  };
  checkDates(dates);
  const subtype: string = item.resource_subtype ?? 'default_task';
  if (item.approval_status !== undefined && subtype !== 'approval')
    throw new ToolError('approval_status: The task is no approval');
  const followers = csv(item.followers).map((reference) => requireUser(view, reference, 'followers').gid);
  const values = item.custom_fields === undefined ? {} : parseCustomFields(item.custom_fields);
  const customValues = new Map<string, unknown>();
  setCustomFields(view, { customValues }, home.project?.customFieldGids ?? [], values);
  const task = addTask(world, {
    workspaceGid,
    name: item.name,
    createdByGid: user.gid,
    notes: text?.plain ?? '',
    htmlNotes: text?.html ?? '<body></body>',
    assigneeGid: assignee?.gid ?? null,
    assigneeSectionGid: item.assignee_section ?? null,
    subtype,
    approvalStatus: subtype === 'approval' ? 'pending' : null,
    parentGid: parent?.gid ?? null,
    followerGids: [...new Set([user.gid, ...followers])],
    customValues,
    createdAt: view.now.toISOString(),
    modifiedAt: view.now.toISOString(),
    ...dates,
  });
  if (home.project) placeTask(view, task, home.project, home.sectionGid);
  if (item.approval_status !== undefined) setApproval(view, task, item.approval_status);
  if (item.completed !== undefined) setCompleted(view, task, item.completed);
  return task;
}

type Change = (view: View, task: Task, value: any, item: Arguments) => void;

/** The changes of an `update_tasks` item, one by one, in the order in which they are applied. */
const CHANGES: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['name', (_view, task, value) => void (task.name = value)],
  ['notes', (_view, task, value, item) => setNotes(task, value, item.html_notes)],
  ['html_notes', (_view, task, value, item) => setNotes(task, item.notes, value)],
  [
    'assignee',
    (view, task, value) => {
      task.assigneeGid = value === null ? null : requireUser(view, value, 'assignee').gid;
      say(view, task, value === null ? 'unassigned this task' : 'assigned this task');
    },
  ],
  ['assignee_section', (_view, task, value) => void (task.assigneeSectionGid = value)],
  ['due_on', (_view, task, value, item) => setDays(task, item)],
  [
    'start_on',
    (_view, task, _value, item) => {
      if (!('due_on' in item)) throw new ToolError('start_on: due_on must be present in the same item');
      setDays(task, item);
    },
  ],
  ['completed', (view, task, value) => setCompleted(view, task, value)],
  ['approval_status', (view, task, value) => setApproval(view, task, value)],
  ['parent', setParent],
  [
    'add_projects',
    (view, task, value: { project_id: string; section_id?: string | null }[]) => {
      for (const { project_id: gid, section_id: sectionGid } of value)
        placeTask(view, task, requireProject(view, gid, 'add_projects'), sectionGid);
    },
  ],
  [
    'remove_projects',
    (view, task, value: string[]) => {
      for (const gid of value) requireProject(view, gid, 'remove_projects');
      task.memberships = task.memberships.filter(({ projectGid }) => !value.includes(projectGid));
    },
  ],
  ['add_dependencies', (view, task, value) => link(view, value, 'add_dependencies', task, true)],
  ['remove_dependencies', (view, task, value) => link(view, value, 'remove_dependencies', task, false)],
  ['add_dependents', (view, task, value) => linkBack(view, value, 'add_dependents', task, true)],
  ['remove_dependents', (view, task, value) => linkBack(view, value, 'remove_dependents', task, false)],
  [
    'add_followers',
    (view, task, value: string[]) => {
      const gids = value.map((reference) => requireUser(view, reference, 'add_followers').gid);
      task.followerGids = [...new Set([...task.followerGids, ...gids])];
    },
  ],
  [
    'remove_followers',
    (view, task, value: string[]) => {
      const gids = value.map((reference) => requireUser(view, reference, 'remove_followers').gid);
      task.followerGids = task.followerGids.filter((gid) => !gids.includes(gid));
    },
  ],
  ['custom_fields', (view, task, value) => setCustomFields(view, task, customFieldsOf(view, task), value)],
]);

function setNotes(task: Task, plain: string | undefined, html: string | undefined): void {
  const text = textPair(plain, html, 'html_notes', 'task')!;
  task.notes = text.plain;
  task.htmlNotes = text.html;
}

function setDays(task: Task, item: Arguments): void {
  const dueOn = 'due_on' in item ? (item.due_on as string | null) : task.dueOn;
  // Without a due day the old start day goes as well; a new one would be a contradiction, which checkDates refuses.
  const kept = dueOn === null ? null : task.startOn;
  const startOn = 'start_on' in item ? (item.start_on as string | null) : kept;
  checkDates({ dueOn, startOn, dueAt: null, startAt: null });
  Object.assign(task, { dueOn, startOn, dueAt: null, startAt: null });
}

function setParent(view: View, task: Task, value: string | null): void {
  for (let above = value; above !== null; above = requireTask(view, above, 'parent').parentGid)
    if (above === task.gid) throw new ToolError('parent: A task can not be its own parent');
  task.parentGid = value;
}

/** Makes `task` wait for the others, or no longer. */
function link(view: View, gids: string[], argument: string, task: Task, on: boolean): void {
  for (const gid of gids) {
    const other = requireTask(view, gid, argument);
    if (on && (other === task || other.dependencyGids.includes(task.gid)))
      throw new ToolError(`${argument}: Tasks can not wait for each other`);
    task.dependencyGids = task.dependencyGids.filter((known) => known !== gid);
    if (on) task.dependencyGids.push(gid);
  }
}

/** Makes the others wait for `task`, or no longer. */
function linkBack(view: View, gids: string[], argument: string, task: Task, on: boolean): void {
  for (const gid of gids) link(view, [task.gid], argument, requireTask(view, gid, argument), on);
}

/** Applies an `update_tasks` item. Returns what failed; the other changes are applied all the same. */
export function changeTask(view: View, task: Task, item: Arguments): string[] {
  const errors: string[] = [];
  for (const [field, change] of CHANGES) {
    if (item[field] === undefined) continue;
    try {
      change(view, task, item[field], item);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      errors.push(error.message);
    }
  }
  task.modifiedAt = view.now.toISOString();
  return errors;
}

/** Deletes a task with those subtasks that are in no other project. Returns the gids that are gone. */
export function deleteTask(view: View, task: Task): string[] {
  const { tasks, stories, attachments } = view.world;
  tasks.delete(task.gid);
  const gone = [task.gid];
  for (const other of tasks.values())
    other.dependencyGids = other.dependencyGids.filter((gid) => gid !== task.gid);
  for (const story of stories.values()) if (story.taskGid === task.gid) stories.delete(story.gid);
  for (const file of attachments.values()) if (file.parentGid === task.gid) attachments.delete(file.gid);
  for (const subtask of [...tasks.values()].filter((other) => other.parentGid === task.gid)) {
    if (subtask.memberships.length === 0) gone.push(...deleteTask(view, subtask));
    else subtask.parentGid = null;
  }
  return gone;
}
