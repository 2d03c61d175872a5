// What one person sees through one authorization: nothing outside the workspace that the token is bound to, and inside
// it only what the person may see. Everything that a tool touches is fetched through these functions.
import { ToolError, unknownObject } from '@/lib/sandbox/tool-error';
import {
  findUserByEmail,
  type CustomField,
  type Portfolio,
  type Project,
  type Section,
  type Task,
  type Team,
  type User,
  type World,
} from '@/lib/sandbox/world';

export interface View {
  readonly world: World;
  readonly user: User;
  readonly workspaceGid: string;
  readonly workspacesShown: 'bound' | 'all';
  readonly now: Date;
}

/** The arguments of a tool call after they were held against its input schema. */
export type Arguments = Record<string, any>;

/** A tool's work: returns what is sent as JSON, or throws `ToolError`. */
export type ToolHandler = (view: View, given: Arguments) => unknown;

export function roleIn(user: User, workspaceGid: string): 'member' | 'guest' | undefined {
  return user.memberships.find((membership) => membership.workspaceGid === workspaceGid)?.role;
}

export function canSeeProject({ user, world, workspaceGid }: View, project: Project): boolean {
  if (project.workspaceGid !== workspaceGid) return false;
  if (project.ownerGid === user.gid || project.memberGids.includes(user.gid)) return true;
  if (roleIn(user, workspaceGid) !== 'member') return false;
  if (project.privacy === 'private_to_team')
    return project.teamGid !== null && world.teams.get(project.teamGid)!.memberGids.includes(user.gid);
  return project.privacy === 'public_to_workspace';
}

/** A task is seen by those who see one of its projects or its parent, and by the people involved. */
export function canSeeTask(view: View, task: Task): boolean {
  if (task.workspaceGid !== view.workspaceGid) return false;
  if ([task.assigneeGid, task.createdByGid, ...task.followerGids].includes(view.user.gid)) return true;
  if (task.memberships.some(({ projectGid }) => canSeeProject(view, view.world.projects.get(projectGid)!)))
    return true;
  const parent = task.parentGid === null ? undefined : view.world.tasks.get(task.parentGid);
  return parent !== undefined && canSeeTask(view, parent);
}

export function visibleTasks(view: View): Task[] {
  return [...view.world.tasks.values()].filter((task) => canSeeTask(view, task));
}

export function visibleProjects(view: View): Project[] {
  return [...view.world.projects.values()].filter((project) => canSeeProject(view, project));
}

export function tasksIn(view: View, place: { projectGid?: string; sectionGid?: string }): Task[] {
  return visibleTasks(view).filter((task) =>
    task.memberships.some(
      (membership) =>
        (place.projectGid === undefined || membership.projectGid === place.projectGid) &&
        (place.sectionGid === undefined || membership.sectionGid === place.sectionGid),
    ),
  );
}

export function requireTask(view: View, gid: string, argument: string): Task {
  const task = view.world.tasks.get(gid);
  if (!task || !canSeeTask(view, task)) throw unknownObject(argument, gid);
  return task;
}

export function requireProject(view: View, gid: string, argument: string): Project {
  const project = view.world.projects.get(gid);
  if (!project || !canSeeProject(view, project)) throw unknownObject(argument, gid);
  return project;
}

/** A section that is visible and, where `project` is given, belongs to that project. */
export function requireSection(view: View, gid: string, argument: string, project?: Project): Section {
  const section = view.world.sections.get(gid);
  if (!section) throw unknownObject(argument, gid);
  requireProject(view, section.projectGid, argument);
  if (project && section.projectGid !== project.gid)
    throw new ToolError(`${argument}: Section ${gid} does not belong to project ${project.gid}`);
  return section;
}

/** A person of the workspace: "me", an e-mail address or a gid. */
export function requireUser(view: View, reference: string, argument: string): User {
  const { world, user, workspaceGid } = view;
  if (reference === 'me') return user;
  const found = reference.includes('@') ? findUserByEmail(world, reference) : world.users.get(reference);
  if (!found || !roleIn(found, workspaceGid)) throw unknownObject(argument, reference);
  return found;
}

export function requireTeam({ world, workspaceGid }: View, gid: string, argument: string): Team {
  const team = world.teams.get(gid);
  if (!team || team.workspaceGid !== workspaceGid) throw unknownObject(argument, gid);
  return team;
}

export function visiblePortfolios({ world, workspaceGid, user }: View): Portfolio[] {
  return [...world.portfolios.values()].filter(
    (portfolio) => portfolio.workspaceGid === workspaceGid && portfolio.memberGids.includes(user.gid),
  );
}

export function requirePortfolio(view: View, gid: string, argument: string): Portfolio {
  const portfolio = visiblePortfolios(view).find((entry) => entry.gid === gid);
  if (!portfolio) throw unknownObject(argument, gid);
  return portfolio;
}

export function requireCustomField(
  { world, workspaceGid }: View,
  gid: string,
  argument: string,
): CustomField {
  const field = world.customFields.get(gid);
  if (!field || field.workspaceGid !== workspaceGid) throw unknownObject(argument, gid);
  return field;
}

/** Splits a comma-separated argument; empty entries are dropped. */
export function csv(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
}
