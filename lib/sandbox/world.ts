// What the stand-in Asana knows: people, workspaces and their work, in memory. Plain records and the few functions that
// add to them; who may see what is decided in `view.ts`. Bounded: a full world refuses further objects.
import { writeRichText } from '@/lib/sandbox/rich-text';
import { ToolError } from '@/lib/sandbox/tool-error';

export interface Workspace {
  readonly gid: string;
  name: string;
  /** Advanced search (`search_tasks`) is refused in a free workspace, as at Asana. */
  paid: boolean;
}
export interface User {
  readonly gid: string;
  name: string;
  email: string;
  /** A guest sees only the projects that he or she is a member of. */
  memberships: { workspaceGid: string; role: 'member' | 'guest' }[];
}
export interface Team {
  readonly gid: string;
  readonly workspaceGid: string;
  name: string;
  memberGids: string[];
}
export interface CustomField {
  readonly gid: string;
  readonly workspaceGid: string;
  name: string;
  type: 'text' | 'number' | 'enum' | 'multi_enum' | 'date' | 'people';
  options: { gid: string; name: string }[];
}
export interface Project {
  readonly gid: string;
  readonly workspaceGid: string;
  name: string;
  teamGid: string | null;
  ownerGid: string | null;
  memberGids: string[];
  notes: string;
  htmlNotes: string;
  color: string | null;
  icon: string | null;
  archived: boolean;
  privacy: 'public_to_workspace' | 'private_to_team' | 'private';
  defaultView: string;
  defaultAccessLevel: string;
  startOn: string | null;
  dueOn: string | null;
  sectionGids: string[];
  customFieldGids: string[];
  customValues: Map<string, unknown>;
  readonly createdAt: string;
  modifiedAt: string;
}
export interface Section {
  readonly gid: string;
  readonly projectGid: string;
  name: string;
}
export interface Task {
  readonly gid: string;
  readonly workspaceGid: string;
  name: string;
  notes: string;
  htmlNotes: string;
  assigneeGid: string | null;
  assigneeSectionGid: string | null;
  subtype: string;
  completed: boolean;
  completedAt: string | null;
  approvalStatus: string | null;
  startOn: string | null;
  startAt: string | null;
  dueOn: string | null;
  dueAt: string | null;
  parentGid: string | null;
  /** In the order of the section; one entry per project. */
  memberships: { projectGid: string; sectionGid: string }[];
  followerGids: string[];
  dependencyGids: string[];
  tagGids: string[];
  customValues: Map<string, unknown>;
  likes: number;
  readonly createdByGid: string;
  readonly createdAt: string;
  modifiedAt: string;
}
export interface Story {
  readonly gid: string;
  readonly taskGid: string;
  readonly type: 'comment' | 'system';
  readonly text: string;
  readonly htmlText: string;
  readonly isPinned: boolean;
  readonly createdByGid: string;
  readonly createdAt: string;
}
export interface Portfolio {
  readonly gid: string;
  readonly workspaceGid: string;
  name: string;
  ownerGid: string;
  memberGids: string[];
  itemGids: string[];
}
export interface StatusUpdate {
  readonly gid: string;
  readonly parentGid: string;
  readonly title: string;
  readonly text: string;
  readonly htmlText: string;
  readonly statusType: string;
  readonly authorGid: string;
  readonly createdAt: string;
}
export interface Attachment {
  readonly gid: string;
  readonly parentGid: string;
  readonly name: string;
  readonly createdAt: string;
}
/** Tags, goals and AI Teammates: things that can be found, and no more. */
export interface Named {
  readonly gid: string;
  readonly workspaceGid: string;
  readonly name: string;
  readonly description?: string;
}
export interface TaskTemplate {
  readonly gid: string;
  readonly projectGid: string;
  readonly name: string;
  readonly taskName: string;
  readonly subtaskNames: string[];
}
export interface ProjectTemplate extends Named {
  readonly requestedDates: { gid: string; name: string }[];
  readonly requestedRoles: { gid: string; name: string }[];
  readonly sections: { name: string; taskNames: string[] }[];
}

export interface World {
  readonly workspaces: Map<string, Workspace>;
  readonly users: Map<string, User>;
  readonly teams: Map<string, Team>;
  readonly customFields: Map<string, CustomField>;
  readonly projects: Map<string, Project>;
  readonly sections: Map<string, Section>;
  readonly tasks: Map<string, Task>;
  readonly stories: Map<string, Story>;
  readonly portfolios: Map<string, Portfolio>;
  readonly statusUpdates: Map<string, StatusUpdate>;
  readonly attachments: Map<string, Attachment>;
  readonly tags: Map<string, Named>;
  readonly goals: Map<string, Named>;
  readonly agents: Map<string, Named>;
  readonly taskTemplates: Map<string, TaskTemplate>;
  readonly projectTemplates: Map<string, ProjectTemplate>;
  nextGid: number;
}

const MAX_OBJECTS_OF_A_KIND = 50_000;

export function emptyWorld(): World {
  return {
    workspaces: new Map(),
    users: new Map(),
    teams: new Map(),
    customFields: new Map(),
    projects: new Map(),
    sections: new Map(),
    tasks: new Map(),
    stories: new Map(),
    portfolios: new Map(),
    statusUpdates: new Map(),
    attachments: new Map(),
    tags: new Map(),
    goals: new Map(),
    agents: new Map(),
    taskTemplates: new Map(),
    projectTemplates: new Map(),
    nextGid: 1_300_000_000_000_001,
  };
}

/** A gid that no object has yet. */
export function newGid(world: World): string {
  return String(world.nextGid++);
}

/** Puts an object into its collection and returns it. Throws `ToolError` when the collection is full. */
export function put<T extends { readonly gid: string }>(collection: Map<string, T>, object: T): T {
  if (collection.size >= MAX_OBJECTS_OF_A_KIND && !collection.has(object.gid))
    throw new ToolError(
      'The sandbox is full: it holds 50,000 objects of this kind. Reset it, or delete something.',
    );
  collection.set(object.gid, object);
  return object;
}

export function addWorkspace(world: World, given: { name: string; paid?: boolean; gid?: string }): Workspace {
  const { name, paid = true, gid = newGid(world) } = given;
  return put(world.workspaces, { gid, name, paid });
}

/** Adds a person; `workspaces` lists gids, and a gid in `guestIn` makes the person a guest there. */
export function addUser(
  world: World,
  given: { name: string; email: string; workspaces: string[]; guestIn?: string[]; gid?: string },
): User {
  const { name, email, gid = newGid(world), guestIn = [] } = given;
  const memberships = [
    ...given.workspaces.map((workspaceGid) => ({ workspaceGid, role: 'member' as const })),
    ...guestIn.map((workspaceGid) => ({ workspaceGid, role: 'guest' as const })),
  ];
  return put(world.users, { gid, name, email, memberships });
}

/** Adds a project with its sections (one called "Untitled section" when none are named). */
export function addProject(
  world: World,
  given: {
    workspaceGid: string;
    name: string;
    sections?: { name: string; gid?: string }[];
  } & Partial<Project>,
): Project {
  const { sections = [], ...fields } = given;
  const now = new Date().toISOString();
  const project = put<Project>(world.projects, {
    gid: newGid(world),
    teamGid: null,
    ownerGid: null,
    memberGids: [],
    notes: '',
    htmlNotes: '<body></body>',
    color: null,
    icon: null,
    archived: false,
    privacy: 'public_to_workspace',
    defaultView: 'list',
    defaultAccessLevel: 'editor',
    startOn: null,
    dueOn: null,
    customFieldGids: [],
    customValues: new Map(),
    createdAt: now,
    modifiedAt: now,
    ...fields,
    sectionGids: [],
  });
  for (const section of sections.length > 0 ? sections : [{ name: 'Untitled section' }])
    addSection(world, project, section.name, 'gid' in section ? section.gid : undefined);
  return project;
}

export function addSection(world: World, project: Project, name: string, gid = newGid(world)): Section {
  const section = put(world.sections, { gid, name, projectGid: project.gid });
  project.sectionGids.push(gid);
  return section;
}

export function addTask(
  world: World,
  given: { workspaceGid: string; name: string; createdByGid: string } & Partial<Task>,
): Task {
  const now = new Date().toISOString();
  return put<Task>(world.tasks, {
    gid: newGid(world),
    notes: '',
    htmlNotes: '<body></body>',
    assigneeGid: null,
    assigneeSectionGid: null,
    subtype: 'default_task',
    completed: false,
    completedAt: null,
    approvalStatus: null,
    startOn: null,
    startAt: null,
    dueOn: null,
    dueAt: null,
    parentGid: null,
    memberships: [],
    followerGids: [],
    dependencyGids: [],
    tagGids: [],
    customValues: new Map(),
    likes: 0,
    createdAt: now,
    modifiedAt: now,
    ...given,
  });
}

export function addStory(
  world: World,
  given: Pick<Story, 'taskGid' | 'type' | 'text' | 'createdByGid'> & Partial<Story>,
): Story {
  return put<Story>(world.stories, {
    gid: newGid(world),
    htmlText: writeRichText(given.text),
    isPinned: false,
    createdAt: new Date().toISOString(),
    ...given,
  });
}

export function findUserByEmail(world: World, email: string): User | undefined {
  const wanted = email.toLowerCase();
  return [...world.users.values()].find((user) => user.email.toLowerCase() === wanted);
}
