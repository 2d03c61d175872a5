// The writing tools of the stand-in Asana that are meant for the model. Bulk tools answer succeeded, failed and summary;
// a failed item stops nothing and is named with its reason.
import { createProjectTool, updateProjectTool } from '@/lib/sandbox/project-changes';
import { compact, pick, statusRecord, storyRecord, taskRecord, type Json } from '@/lib/sandbox/records';
import { textPair } from '@/lib/sandbox/rich-text';
import { changeTask, createTask, deleteTask } from '@/lib/sandbox/task-changes';
import { ToolError, unknownObject } from '@/lib/sandbox/tool-error';
import {
  requirePortfolio,
  requireProject,
  requireTask,
  requireUser,
  requireTeam,
  type Arguments,
  type ToolHandler,
  type View,
} from '@/lib/sandbox/view';
import {
  addProject,
  addStory,
  newGid,
  put,
  type Project,
  type StatusUpdate,
  type Task,
} from '@/lib/sandbox/world';

const line = (view: View, task: Task): Json =>
  pick(taskRecord(view, task), undefined, 'name,assignee,completed,due_on,permalink_url');

const summary = (succeeded: unknown[], failed: unknown[]) => ({
  total: succeeded.length + failed.length,
  succeeded: succeeded.length,
  failed: failed.length,
});

/** Runs `work` and returns the message of a `ToolError` instead of throwing it. */
function attempt<T>(work: () => T): { value: T } | { error: string } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof ToolError) return { error: error.message };
    throw error;
  }
}

const createTasks: ToolHandler = (view, given) => {
  const succeeded: Json[] = [];
  const failed: Json[] = [];
  (given.tasks as Arguments[]).forEach((item, index) => {
    const done = attempt(() => {
      if (item.section_id !== undefined && item.project_id === undefined)
        throw new ToolError('section_id: Needs project_id');
      // A subtask is in no project of its own unless it names one.
      const inherited = item.parent === undefined ? given.default_project : undefined;
      const projectGid: string | undefined = item.project_id ?? inherited;
      const project = projectGid === undefined ? undefined : requireProject(view, projectGid, 'project_id');
      return createTask(view, item, {
        project,
        sectionGid: item.section_id,
        parentGid: item.parent,
        assignee: given.default_assignee,
      });
    });
    if ('value' in done) succeeded.push({ index, ...line(view, done.value) });
    else failed.push({ index, name: item.name, errors: [{ message: done.error }] });
  });
  return { succeeded, failed, summary: summary(succeeded, failed) };
};

const updateTasks: ToolHandler = (view, given) => {
  const succeeded: Json[] = [];
  const failed: Json[] = [];
  for (const item of given.tasks as Arguments[]) {
    const done = attempt(() => {
      const task = requireTask(view, item.task, 'task');
      return { task, errors: changeTask(view, task, item) };
    });
    if ('error' in done) failed.push({ task: item.task, errors: [{ message: done.error }] });
    else if (done.value.errors.length > 0)
      failed.push({ task: item.task, errors: done.value.errors.map((message) => ({ message })) });
    else succeeded.push(line(view, done.value.task));
  }
  return { succeeded, failed, summary: summary(succeeded, failed) };
};

/** Exactly one of `text` and `html_text`. */
function requireOneText(given: Arguments): { plain: string; html: string } {
  const text = textPair(given.text, given.html_text, 'html_text', 'comment');
  if (!text) throw new ToolError('text: Exactly one of text and html_text is required');
  return text;
}

const addComment: ToolHandler = (view, given) => {
  const task = requireTask(view, given.task_id, 'task_id');
  const text = requireOneText(given);
  const story = addStory(view.world, {
    taskGid: task.gid,
    type: 'comment',
    text: text.plain,
    htmlText: text.html,
    isPinned: given.is_pinned === true,
    createdByGid: view.user.gid,
    createdAt: view.now.toISOString(),
  });
  task.modifiedAt = view.now.toISOString();
  const byDefault = 'task,created_by,created_at,text,html_text,is_pinned';
  return { data: pick(storyRecord(view, story), given.opt_fields, byDefault) };
};

const STATUS_TYPES: Record<string, string> = {
  green: 'on_track',
  yellow: 'at_risk',
  red: 'off_track',
  blue: 'on_hold',
  complete: 'complete',
};

const createStatus: ToolHandler = (view, given) => {
  const isPortfolio = view.world.portfolios.has(given.parent);
  const parent = (isPortfolio ? requirePortfolio : requireProject)(view, given.parent, 'parent');
  const text = requireOneText(given);
  const status = put<StatusUpdate>(view.world.statusUpdates, {
    gid: newGid(view.world),
    parentGid: parent.gid,
    title: given.title,
    text: text.plain,
    htmlText: text.html,
    statusType: STATUS_TYPES[given.color as string]!,
    authorGid: view.user.gid,
    createdAt: view.now.toISOString(),
  });
  return {
    data: pick(
      statusRecord(view, status),
      undefined,
      'parent,title,status_type,author,created_at,permalink_url',
    ),
  };
};

const job = (view: View, result: Json) => ({
  data: { gid: newGid(view.world), resource_type: 'job', status: 'in_progress', ...result },
});

const createTaskFromTemplate: ToolHandler = (view, given) => {
  const all = [...view.world.taskTemplates.values()];
  const named: string | undefined = given.template_name?.toLowerCase();
  if (given.task_template_id === undefined && given.project_id === undefined)
    throw new ToolError('task_template_id: Give it, or template_name with project_id');
  const project =
    given.project_id === undefined ? undefined : requireProject(view, given.project_id, 'project_id');
  const ofProject = all.filter((template) => template.projectGid === project?.gid);
  if (given.task_template_id === undefined && named === undefined)
    return { data: ofProject.map((template) => compact('task_template', template)) };
  const template =
    given.task_template_id === undefined
      ? ofProject.find((entry) => entry.name.toLowerCase() === named)
      : view.world.taskTemplates.get(given.task_template_id);
  if (!template) throw unknownObject('task_template_id', given.task_template_id ?? given.template_name);
  const home = { project: requireProject(view, template.projectGid, 'task_template_id') };
  const task = createTask(view, { name: given.name ?? template.taskName }, home);
  for (const name of template.subtaskNames) createTask(view, { name }, { parentGid: task.gid });
  return job(view, { new_task: compact('task', task) });
};

const createProjectFromTemplate: ToolHandler = (view, given) => {
  const { world, workspaceGid, user } = view;
  const template = world.projectTemplates.get(given.project_template_id);
  if (!template || template.workspaceGid !== workspaceGid)
    throw unknownObject('project_template_id', given.project_template_id);
  const givenGids = (list: { gid: string }[] | undefined) => new Set((list ?? []).map(({ gid }) => gid));
  const missing = [
    ...template.requestedDates.filter(({ gid }) => !givenGids(given.requested_dates).has(gid)),
    ...template.requestedRoles.filter(({ gid }) => !givenGids(given.requested_roles).has(gid)),
  ];
  if (given.is_strict === true && missing.length > 0)
    throw new ToolError(`is_strict: Missing ${missing.map(({ name }) => name).join(', ')}`);
  for (const role of (given.requested_roles ?? []) as { value: string }[])
    requireUser(view, role.value, 'requested_roles');
  const project = addProject(world, {
    workspaceGid,
    name: given.name,
    teamGid: given.team === undefined ? null : requireTeam(view, given.team, 'team').gid,
    ownerGid: user.gid,
    memberGids: [user.gid],
    privacy: (given.privacy_setting as Project['privacy'] | undefined) ?? 'public_to_workspace',
    sections: template.sections,
  });
  template.sections.forEach((section, index) => {
    for (const name of section.taskNames)
      createTask(view, { name }, { project, sectionGid: project.sectionGids[index] });
  });
  return job(view, { new_project: compact('project', project) });
};

export const WRITE_TOOLS: ReadonlyMap<string, ToolHandler> = new Map<string, ToolHandler>([
  ['create_tasks', createTasks],
  ['update_tasks', updateTasks],
  ['add_comment', addComment],
  [
    'delete_task',
    (view, given) => {
      const task = requireTask(view, given.task, 'task');
      const [, ...subtasks] = deleteTask(view, task);
      return { data: { gid: task.gid, deleted: true, deleted_subtasks: subtasks } };
    },
  ],
  ['create_project', createProjectTool],
  ['update_project', updateProjectTool],
  ['create_project_status_update', createStatus],
  ['create_task_from_template', createTaskFromTemplate],
  ['create_project_from_template', createProjectFromTemplate],
]);
