// Previews draw and write nothing; the `*_confirm` tools behind their buttons really create, change and delete, by the
// same functions as the model's tools. A gateway that lets them through lets their writes and deletions through.
import { createProject, removeSection } from '@/lib/sandbox/project-changes';
import { compact, pick, taskRecord, type Json } from '@/lib/sandbox/records';
import { searchTasks } from '@/lib/sandbox/search-tasks';
import { changeTask, createTask, deleteTask, placeTask, setCustomFields } from '@/lib/sandbox/task-changes';
import { ToolError, unknownObject } from '@/lib/sandbox/tool-error';
import {
  requireProject,
  requireSection,
  requireTask,
  type Arguments,
  type ToolHandler,
  type View,
} from '@/lib/sandbox/view';
import { addSection, type Project, type Task } from '@/lib/sandbox/world';

interface SentTask {
  taskName: string;
  description: string | null;
  isComplete: boolean;
  startDate: string | null;
  dueDate: string | null;
  assignee: { gid: string } | null;
  customFields?: { priorityLevel: string | null }[];
  subtasks?: SentTask[];
}
interface SentSection {
  sectionName: string;
  tasks: SentTask[];
}

/** The widget tools are the only ones that name a workspace; it must be the one of the authorization. */
function requireWorkspace(view: View, gid: string): void {
  if (gid !== view.workspaceGid) throw unknownObject('workspace', gid);
}

function createSentTask(view: View, sent: SentTask, home: Parameters<typeof createTask>[2]): Task {
  const item: Arguments = {
    name: sent.taskName,
    completed: sent.isComplete,
    ...(sent.description !== null && { notes: sent.description }),
    ...(sent.dueDate !== null && { due_on: sent.dueDate }),
    ...(sent.startDate !== null && sent.dueDate !== null && { start_on: sent.startDate }),
  };
  // Without a project, parent or assignee the task lands in the caller's own My Tasks, as the widget promises.
  const owner = sent.assignee?.gid ?? (home.project || home.parentGid ? undefined : 'me');
  const task = createTask(view, item, { ...home, ...(owner !== undefined && { assignee: owner }) });
  for (const field of sent.customFields ?? []) setPriority(view, task, home.project, field.priorityLevel);
  for (const subtask of sent.subtasks ?? []) createSentTask(view, subtask, { parentGid: task.gid });
  return task;
}

/** The one custom field that the widgets know; the project gets it when it has none and the workspace does. */
function setPriority(view: View, task: Task, project: Project | undefined, level: string | null): void {
  if (level === null || !project) return;
  const field = [...view.world.customFields.values()].find(
    (entry) => entry.workspaceGid === view.workspaceGid && entry.name === 'Priority',
  );
  const option = field?.options.find((entry) => entry.name.toLowerCase() === level);
  if (!field || !option) return;
  if (!project.customFieldGids.includes(field.gid)) project.customFieldGids.push(field.gid);
  setCustomFields(view, task, project.customFieldGids, { [field.gid]: option.gid });
}

/** Turns a widget's EDIT fields into an `update_tasks` item. */
function editOf(edit: Partial<SentTask> = {}): Arguments {
  const item: Arguments = {};
  if (edit.taskName !== undefined) item.name = edit.taskName;
  if (edit.isComplete !== undefined) item.completed = edit.isComplete;
  if (edit.dueDate !== undefined) item.due_on = edit.dueDate;
  if (edit.startDate !== undefined) item.start_on = edit.startDate;
  if (edit.assignee !== undefined) item.assignee = edit.assignee === null ? null : edit.assignee.gid;
  if (edit.description !== undefined) item.notes = edit.description ?? '';
  return item;
}

/** Applies an item and throws its first error: a widget shows one message. */
function edit(view: View, task: Task, item: Arguments): void {
  // The widget may send a start day alone; the due day then stays what it is.
  const dueOn = 'start_on' in item && !('due_on' in item) ? { due_on: task.dueOn } : {};
  const [error] = changeTask(view, task, { ...item, ...dueOn });
  if (error !== undefined) throw new ToolError(error);
}

function changeSubtasks(view: View, parent: Task, given: Arguments): void {
  for (const { gid, fields } of (given.updatedSubtasks ?? []) as { gid: string; fields: Partial<SentTask> }[])
    edit(view, requireTask(view, gid, 'updatedSubtasks'), editOf(fields));
  for (const subtask of (given.newSubtasks ?? []) as SentTask[])
    createSentTask(view, subtask, { parentGid: parent.gid });
  for (const gid of (given.deletedSubtaskGids ?? []) as string[])
    deleteTask(view, requireTask(view, gid, 'deletedSubtaskGids'));
}

function setFieldValues(
  view: View,
  task: Task,
  fields: Record<string, { gid: string; value: string | null }>,
): void {
  const values = Object.fromEntries(Object.values(fields).map(({ gid, value }) => [gid, value]));
  edit(view, task, { custom_fields: values });
}

const createTaskConfirm: ToolHandler = (view, given) => {
  requireWorkspace(view, given.workspace);
  const project = given.project ? requireProject(view, given.project.gid, 'project') : undefined;
  const task = createSentTask(view, given as SentTask, { project, sectionGid: given.section?.gid });
  return { data: pick(taskRecord(view, task), undefined, 'name,permalink_url') };
};

const saveTaskChanges: ToolHandler = (view, given) => {
  const task = requireTask(view, given.taskGid, 'taskGid');
  const fields = (given.updatedNativeFields ?? {}) as Arguments;
  edit(view, task, editOf(fields));
  if (fields.previousProjectGid && fields.previousProjectGid !== fields.project?.gid)
    edit(view, task, { remove_projects: [fields.previousProjectGid] });
  if (fields.project)
    placeTask(view, task, requireProject(view, fields.project.gid, 'project'), fields.section?.gid);
  setFieldValues(view, task, given.updatedCustomFields ?? {});
  changeSubtasks(view, task, given);
  return { data: pick(taskRecord(view, task), undefined, 'name,permalink_url') };
};

function fillSection(view: View, project: Project, sectionGid: string, tasks: SentTask[]): Json[] {
  return tasks.map((sent) => compact('task', createSentTask(view, sent, { project, sectionGid })));
}

const createProjectConfirm: ToolHandler = (view, given) => {
  requireWorkspace(view, given.workspace);
  const planned = given.sections as SentSection[];
  const names = planned.map(({ sectionName }) => sectionName);
  const project = createProject(view, { name: given.projectName }, names);
  planned.forEach(({ tasks }, index) => fillSection(view, project, project.sectionGids[index]!, tasks));
  return { data: compact('project', project) };
};

const populateProject: ToolHandler = (view, given) => {
  requireWorkspace(view, given.workspace);
  const project = requireProject(view, given.project, 'project');
  for (const { sectionName, tasks } of given.sections as SentSection[])
    fillSection(view, project, addSection(view.world, project, sectionName).gid, tasks);
  return { data: compact('project', project) };
};

const saveProjectChanges: ToolHandler = (view, given) => {
  const project = requireProject(view, given.projectGid, 'projectGid');
  const each = (argument: string) => (given[argument] ?? []) as Arguments[];
  if (given.updatedProjectName !== undefined) project.name = given.updatedProjectName;
  for (const { sectionGid, name } of each('updatedSectionNames'))
    requireSection(view, sectionGid, 'updatedSectionNames', project).name = name;
  for (const { taskGid, nativeFields, customFields } of each('updatedTasks')) {
    const task = requireTask(view, taskGid, 'updatedTasks');
    edit(view, task, editOf(nativeFields));
    setFieldValues(view, task, customFields ?? {});
  }
  for (const operation of each('taskSubtaskOperations'))
    changeSubtasks(view, requireTask(view, operation.taskGid, 'taskSubtaskOperations'), operation);
  for (const { sectionGid, task } of each('newTasks'))
    createSentTask(view, task, { project, sectionGid: sectionGid as string | null });
  for (const { sectionName, tasks } of each('newSections'))
    fillSection(view, project, addSection(view.world, project, sectionName).gid, tasks);
  for (const { taskGid, toSectionGid } of each('taskMoves'))
    placeTask(view, requireTask(view, taskGid, 'taskMoves'), project, toSectionGid);
  deleteFromProject(view, project, given);
  reorder(view, project, given);
  return { data: compact('project', project) };
};

function deleteFromProject(view: View, project: Project, given: Arguments): void {
  for (const gid of (given.deletedTaskGids ?? []) as string[])
    deleteTask(view, requireTask(view, gid, 'deletedTaskGids'));
  for (const gid of (given.deletedSectionGids ?? []) as string[]) removeSection(view, project, gid);
}

function reorder(view: View, project: Project, given: Arguments): void {
  const order = (given.orderedSectionGids ?? []) as string[];
  const rank = (gid: string) => (order.includes(gid) ? order.indexOf(gid) : order.length);
  project.sectionGids.sort((a, b) => rank(a) - rank(b));
  // The order of tasks is that of the map they are kept in, so they are taken out and put back in the new order.
  for (const gids of Object.values((given.orderedTaskGidsBySectionGid ?? {}) as Record<string, string[]>))
    for (const gid of gids) {
      const task = requireTask(view, gid, 'orderedTaskGidsBySectionGid');
      view.world.tasks.delete(gid);
      view.world.tasks.set(gid, task);
    }
}

/** A preview says back what it was asked to draw. */
const preview: ToolHandler = (_view, given) => ({ preview: given });

export const WIDGET_TOOLS: ReadonlyMap<string, ToolHandler> = new Map<string, ToolHandler>([
  ['create_task_preview_v4', preview],
  ['create_project_preview_v3', preview],
  [
    'search_tasks_preview',
    (view, given) => {
      const tasks = searchTasks(view, given).slice(0, 50);
      const line = 'name,assignee,due_on,completed,permalink_url';
      return { preview: given, tasks: tasks.map((task) => pick(taskRecord(view, task), undefined, line)) };
    },
  ],
  ['create_task_confirm', createTaskConfirm],
  ['save_task_changes_confirm', saveTaskChanges],
  ['create_project_confirm', createProjectConfirm],
  ['create_project_confirm_populate', populateProject],
  ['save_project_changes_confirm', saveProjectChanges],
]);
