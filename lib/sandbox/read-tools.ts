// The reading tools of the stand-in Asana: each answers from the world as the caller sees it and changes nothing.
import {
  attachmentRecord,
  compact,
  customFieldRecord,
  page,
  pick,
  portfolioItems,
  portfolioRecord,
  projectRecord,
  sectionRecords,
  statusRecord,
  storyRecord,
  taskRecord,
  userRecord,
  type Json,
} from '@/lib/sandbox/records';
import { searchTasks } from '@/lib/sandbox/search-tasks';
import { ToolError, unknownObject } from '@/lib/sandbox/tool-error';
import {
  csv,
  requirePortfolio,
  requireProject,
  requireSection,
  requireTask,
  requireTeam,
  requireUser,
  roleIn,
  tasksIn,
  visiblePortfolios,
  visibleProjects,
  visibleTasks,
  type Arguments,
  type ToolHandler,
  type View,
} from '@/lib/sandbox/view';
import type { Task, User } from '@/lib/sandbox/world';

const TASK_LINE = 'name,assignee,due_on,completed';

/** One page of a list; records are made for the page only. */
function listOf<T>(
  all: T[],
  record: (entry: T) => Json,
  given: Arguments,
  defaultLimit: number,
  byDefault: string,
): Json {
  const { data, next_page } = page(all, given, defaultLimit);
  return { data: data.map((entry) => pick(record(entry), given.opt_fields, byDefault)), next_page };
}

const inWorkspace = <T extends { workspaceGid: string }>(view: View, all: Map<string, T>): T[] =>
  [...all.values()].filter((entry) => entry.workspaceGid === view.workspaceGid);

const people = (view: View): User[] =>
  [...view.world.users.values()].filter((user) => roleIn(user, view.workspaceGid) !== undefined);

const comments = (view: View, task: Task) =>
  [...view.world.stories.values()]
    .filter((story) => story.taskGid === task.gid)
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0));

const getTask: ToolHandler = (view, given) => {
  const task = requireTask(view, given.task_id, 'task_id');
  const record = taskRecord(view, task);
  const { html_notes: _, ...byDefault } = record;
  const extra: Json = {};
  if (given.include_subtasks !== false)
    extra.subtasks = visibleTasks(view)
      .filter((other) => other.parentGid === task.gid)
      .map((other) => pick(taskRecord(view, other), undefined, TASK_LINE));
  if (given.include_comments !== false)
    extra.comments = comments(view, task)
      .filter((story) => story.type === 'comment')
      .slice(-((given.comment_limit as number | undefined) ?? 10))
      .map((story) => pick(storyRecord(view, story), undefined, 'text,created_by,created_at,is_pinned'));
  return { data: { ...(given.opt_fields ? pick(record, given.opt_fields) : byDefault), ...extra } };
};

const getTasks: ToolHandler = (view, given) => {
  const contexts = ['project', 'section', 'tag', 'user_task_list', 'assignee'].filter(
    (name) => given[name] !== undefined,
  );
  if (contexts.length === 0)
    throw new ToolError('You should specify one of project, tag, section, user_task_list, assignee');
  let tasks = visibleTasks(view);
  const narrow = (keep: (task: Task) => boolean) => (tasks = tasks.filter(keep));
  const keepIn = (place: { projectGid?: string; sectionGid?: string }) => {
    const inside = new Set(tasksIn(view, place).map((task) => task.gid));
    narrow((task) => inside.has(task.gid));
  };
  if (given.project !== undefined) keepIn({ projectGid: requireProject(view, given.project, 'project').gid });
  if (given.section !== undefined) keepIn({ sectionGid: requireSection(view, given.section, 'section').gid });
  if (given.tag !== undefined) narrow((task) => task.tagGids.includes(given.tag));
  // A My Tasks list of the sandbox has the gid of its person.
  const assignee = given.assignee ?? given.user_task_list;
  if (assignee !== undefined) {
    const { gid } = requireUser(view, assignee, given.assignee === undefined ? 'user_task_list' : 'assignee');
    narrow((task) => task.assigneeGid === gid);
  }
  if (given.completed_since !== undefined) narrow(openSince(given.completed_since, view.now));
  if (given.modified_since !== undefined)
    narrow((task) => Date.parse(task.modifiedAt) > Date.parse(given.modified_since));
  return listOf(tasks, (task) => taskRecord(view, task), given, 50, 'name');
};

/** Open, or completed after the moment ("now" leaves only what is open). */
function openSince(moment: string, now: Date): (task: Task) => boolean {
  const since = moment === 'now' ? now.getTime() : Date.parse(moment);
  if (Number.isNaN(since)) throw new ToolError('completed_since: Must be "now" or a date-time');
  return (task) => !task.completed || Date.parse(task.completedAt!) > since;
}

const getMyTasks: ToolHandler = (view, given) => {
  const mine = visibleTasks(view).filter((task) => task.assigneeGid === view.user.gid);
  const kept =
    given.completed_since === undefined ? mine : mine.filter(openSince(given.completed_since, view.now));
  return listOf(kept, (task) => taskRecord(view, task), given, 50, TASK_LINE);
};

const getProject: ToolHandler = (view, given) => {
  const project = requireProject(view, given.project_id, 'project_id');
  const record = pick(
    projectRecord(view, project),
    given.opt_fields,
    'name,notes,owner,members,team,archived,color,icon,privacy_setting,due_on,start_on,current_status_update,num_tasks,num_incomplete_tasks,num_completed_tasks,permalink_url,workspace',
  );
  return {
    data: given.include_sections === true ? { ...record, sections: sectionRecords(view, project) } : record,
  };
};

const getProjects: ToolHandler = (view, given) => {
  const team = given.team === undefined ? undefined : requireTeam(view, given.team, 'team');
  const projects = visibleProjects(view)
    .filter((project) => project.archived === (given.archived === true))
    .filter((project) => !team || project.teamGid === team.gid);
  const byDefault = 'name,archived,owner,team,num_tasks,num_incomplete_tasks,num_completed_tasks';
  return listOf(projects, (project) => projectRecord(view, project), given, 20, byDefault);
};

const getAttachments: ToolHandler = (view, given) => {
  const parent: string = given.parent;
  if (view.world.projects.has(parent)) requireProject(view, parent, 'parent');
  else requireTask(view, parent, 'parent');
  const found = [...view.world.attachments.values()].filter((entry) => entry.parentGid === parent);
  return listOf(found, attachmentRecord, given, 50, 'name,download_url,permanent_url,view_url');
};

const getStatusOverview: ToolHandler = (view, given) => {
  const keywords = csv(given.keywords).map((keyword) => keyword.toLowerCase());
  const fits = ({ name }: { name: string }) => keywords.some((word) => name.toLowerCase().includes(word));
  const updates = (gid: string) =>
    [...view.world.statusUpdates.values()]
      .filter((status) => status.parentGid === gid)
      .map((status) =>
        pick(statusRecord(view, status), given.opt_fields, 'title,text,status_type,created_at,author'),
      );
  const today = view.now.toISOString().slice(0, 10);
  const summary = (tasks: Task[]) => ({
    total: tasks.length,
    completed: tasks.filter((task) => task.completed).length,
    overdue: tasks.filter((task) => !task.completed && task.dueOn !== null && task.dueOn < today).length,
  });
  const projects = visibleProjects(view).filter(fits);
  const portfolios = visiblePortfolios(view).filter(fits);
  return {
    data: [
      ...projects.map((project) => ({
        ...compact('project', project),
        tasks: summary(tasksIn(view, { projectGid: project.gid })),
        status_updates: updates(project.gid),
      })),
      ...portfolios.map((portfolio) => ({
        ...compact('portfolio', portfolio),
        tasks: summary(
          portfolioItems(view, portfolio).flatMap(({ gid }) => tasksIn(view, { projectGid: gid })),
        ),
        status_updates: updates(portfolio.gid),
      })),
    ],
  };
};

interface Candidate {
  name: string;
  email?: string;
  record: () => Json;
}

/** What `search_objects` can find, by `resource_type`; the record is made only for what was found. */
function findable(view: View, type: string): Candidate[] {
  const { world } = view;
  const each = <T extends { name: string }>(all: T[], record: (entry: T) => Json): Candidate[] =>
    all.map((entry) => ({ name: entry.name, record: () => record(entry) }));
  const named = (kind: string, all: Map<string, { gid: string; name: string; workspaceGid: string }>) =>
    each(inWorkspace(view, all), (entry) => compact(kind, entry));
  switch (type) {
    case 'user':
      return people(view).map((user) => ({ ...user, record: () => userRecord(view, user) }));
    case 'agent':
      return named('agent', world.agents);
    case 'actor':
      return [...findable(view, 'user'), ...findable(view, 'agent')];
    case 'project':
      return each(visibleProjects(view), (project) => projectRecord(view, project));
    case 'task':
      return each(visibleTasks(view), (task) => taskRecord(view, task));
    case 'portfolio':
      return each(visiblePortfolios(view), (portfolio) => portfolioRecord(view, portfolio));
    case 'custom_field':
      return each(inWorkspace(view, world.customFields), (field) => customFieldRecord(view, field.gid));
    case 'project_template':
      return named('project_template', world.projectTemplates);
    case 'goal':
      return named('goal', world.goals);
    case 'tag':
      return named('tag', world.tags);
    default:
      return named('team', world.teams);
  }
}

const searchObjects: ToolHandler = (view, given) => {
  const query = String(given.query ?? '').toLowerCase();
  const found = findable(view, given.resource_type).filter(({ name, email = '' }) =>
    [name, email].some((text) => text.toLowerCase().includes(query)),
  );
  const limited = found.slice(0, (given.count as number | undefined) ?? 20);
  return { data: limited.map(({ record }) => pick(record(), given.opt_fields, 'name,email')) };
};

const agentRecord = (view: View, gid: string, argument: string): Json => {
  const agent = view.world.agents.get(gid);
  if (!agent || agent.workspaceGid !== view.workspaceGid) throw unknownObject(argument, gid);
  const workspace = compact('workspace', view.world.workspaces.get(agent.workspaceGid)!);
  return {
    ...compact('agent', agent),
    resource_subtype: 'ai_teammate',
    description: agent.description ?? '',
    behavior_guidance: '',
    workspace,
  };
};

const userLine = 'name,email,workspaces';

export const READ_TOOLS: ReadonlyMap<string, ToolHandler> = new Map<string, ToolHandler>([
  [
    'get_workspace_agents',
    (view, given) => {
      const agents = inWorkspace(view, view.world.agents);
      return listOf(
        agents,
        ({ gid }) => agentRecord(view, gid, 'agent_gid'),
        given,
        50,
        'resource_subtype,name',
      );
    },
  ],
  [
    'get_agent',
    (view, given) => ({
      data: pick(agentRecord(view, given.agent_gid, 'agent_gid'), given.opt_fields, 'resource_subtype,name'),
    }),
  ],
  ['get_attachments', getAttachments],
  [
    'get_portfolio',
    (view, given) => {
      const portfolio = requirePortfolio(view, given.portfolio_gid, 'portfolio_gid');
      return { data: pick(portfolioRecord(view, portfolio), given.opt_fields) };
    },
  ],
  [
    'get_portfolios',
    (view, given) => {
      const owned = inWorkspace(view, view.world.portfolios).filter(
        (entry) => entry.ownerGid === view.user.gid,
      );
      return listOf(owned, (entry) => portfolioRecord(view, entry), given, 50, 'name');
    },
  ],
  [
    'get_items_for_portfolio',
    (view, given) => {
      const portfolio = requirePortfolio(view, given.portfolio_gid, 'portfolio_gid');
      const items = portfolioItems(view, portfolio);
      return listOf(items, (project) => projectRecord(view, project), given, 50, 'name');
    },
  ],
  ['get_project', getProject],
  ['get_project_internal', getProject],
  ['get_projects', getProjects],
  ['get_status_overview', getStatusOverview],
  [
    'search_tasks',
    (view, given) => {
      const found = searchTasks(view, given).slice(0, (given.limit as number | undefined) ?? 50);
      return { data: found.map((task) => pick(taskRecord(view, task), given.opt_fields, TASK_LINE)) };
    },
  ],
  ['get_task', getTask],
  [
    'get_task_stories',
    (view, given) => {
      const stories = comments(view, requireTask(view, given.task_id, 'task_id'));
      return listOf(
        stories,
        (story) => storyRecord(view, story),
        given,
        50,
        'type,text,created_by,created_at',
      );
    },
  ],
  ['get_tasks', getTasks],
  ['get_my_tasks', getMyTasks],
  [
    'get_teams',
    (view, given) => {
      const user = given.user === undefined ? undefined : requireUser(view, given.user, 'user');
      const teams = inWorkspace(view, view.world.teams).filter(
        (team) => !user || team.memberGids.includes(user.gid),
      );
      return listOf(teams, (team) => compact('team', team), given, 20, 'name');
    },
  ],
  ['search_objects', searchObjects],
  ['search_objects_internal', searchObjects],
  [
    'get_user',
    (view, given) => {
      const user = requireUser(view, given.user_id ?? 'me', 'user_id');
      return { data: pick(userRecord(view, user), given.opt_fields, userLine) };
    },
  ],
  ['get_me', (view) => ({ data: pick(userRecord(view, view.user), undefined, userLine) })],
  [
    'get_users',
    (view, given) => {
      const team = given.team === undefined ? undefined : requireTeam(view, given.team, 'team');
      const users = people(view).filter((user) => !team || team.memberGids.includes(user.gid));
      const { data, next_page } = page(users, given, 50);
      const shown = data.map((user) => pick(userRecord(view, user), given.opt_fields, 'name,email'));
      return { users: shown, next_page };
    },
  ],
  ['log_widget_event', () => ({ logged: true })],
]);
