// What a call is about to change or delete: which tasks and projects, and which parts of them. What is not understood is said to be so, never
// guessed: what was there before is kept whole, or the call is not sent. Pure.
import { GID } from '../policy/argument-rules';

export const UNDO_TOOLS = ['update_tasks', 'update_project', 'delete_task'] as const;
export type UndoTool = (typeof UNDO_TOOLS)[number];

/** Tasks of one call, with the subtasks that a deletion takes along. */
export const MAX_THINGS = 50;

export interface Named {
  gid: string;
  name: string;
}
export interface Person extends Named {
  email: string | null;
}
export interface FieldValue extends Named {
  /** As `update_tasks` takes it; null where it is empty. */
  value: unknown;
  /** As people read it. */
  shown: string;
  /** Whether Asana's tools can set it. */
  isSettable: boolean;
}

/** The parts of a task or project, as far as Asana was asked for them. */
export interface Parts {
  name?: string;
  notes?: { plain: string; html: string | null };
  assignee?: Person | null;
  owner?: Person | null;
  dates?: Record<'due_on' | 'due_at' | 'start_on' | 'start_at', string | null>;
  completed?: { completed: boolean; approval: string | null };
  subtype?: string;
  parent?: Named | null;
  projects?: { project: Named; section: Named | null }[];
  dependencies?: Named[];
  dependents?: Named[];
  followers?: Person[];
  members?: Person[];
  customFields?: FieldValue[];
  settings?: Partial<Record<Setting, string | boolean | null>>;
  sections?: Named[];
  fields?: (Named & { isImportant: boolean })[];
  /** In the section of the assignee's My Tasks list; Asana shows it to nobody else, so it is never read. */
  myTasks?: null;
}
export type Part = keyof Parts;
export const SETTINGS = [
  'color',
  'icon',
  'default_view',
  'privacy_setting',
  'default_access_level',
  'archived',
] as const;
export type Setting = (typeof SETTINGS)[number];

/** A task or project as it was. */
export interface Thing {
  kind: 'task' | 'project';
  gid: string;
  /** Beside the parts that were asked for. */
  title: string;
  parts: Parts;
}

/** What is kept of one call. */
export interface Bundle {
  tool: UndoTool;
  arguments: Record<string, unknown>;
  /** Of a deletion: the task first, then its subtasks, parents before children. */
  before: Thing[];
  /** What came of putting it back, once it was. */
  result?: RestoredItem[];
}

/** `back`: as it was; `not_back`: not, or not all of it; `unknown`: Asana did not say. `newGid`: of a task that was created anew. */
export interface RestoredItem {
  kind: Thing['kind'];
  gid: string;
  title: string;
  result: 'back' | 'not_back' | 'unknown';
  why: string | null;
  newGid: string | null;
}

/** One thing that Asana is to be asked for. */
export interface Wanted {
  kind: Thing['kind'];
  gid: string;
  parts: readonly Part[];
  /** Its subtasks, too. */
  deep: boolean;
  /** Of a project: those that the answer must say. */
  settings?: readonly Setting[];
}

export type Answer = Readonly<Record<string, unknown>>;
export const isObject = (value: unknown): value is Answer =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isGid = (value: unknown): value is string => typeof value === 'string' && GID.test(value);

/** Which part an argument changes. An argument that is not here closes the call: what it changes could not be kept. */
const TASK_ARGUMENTS: Readonly<Record<string, Part>> = {
  ...{ name: 'name', notes: 'notes', html_notes: 'notes', assignee: 'assignee', assignee_section: 'myTasks' },
  ...{ due_on: 'dates', start_on: 'dates', completed: 'completed', approval_status: 'completed' },
  ...{ parent: 'parent', add_projects: 'projects', remove_projects: 'projects' },
  ...{ add_dependencies: 'dependencies', remove_dependencies: 'dependencies' },
  ...{ add_dependents: 'dependents', remove_dependents: 'dependents' },
  ...{ add_followers: 'followers', remove_followers: 'followers', custom_fields: 'customFields' },
};
const PROJECT_ARGUMENTS: Readonly<Record<string, Part | null>> = {
  ...{
    name: 'name',
    notes: 'notes',
    html_notes: 'notes',
    owner: 'owner',
    due_on: 'dates',
    start_on: 'dates',
  },
  ...Object.fromEntries(SETTINGS.map((setting) => [setting, 'settings' as const])),
  ...{ set_custom_field_values: 'customFields', add_members: 'members', remove_members: 'members' },
  ...{ add_sections: 'sections', rename_sections: 'sections', remove_sections: 'sections' },
  ...{ add_custom_fields: 'fields', remove_custom_fields: 'fields', confirm_sensitive_changes: null },
};
const WHOLE_TASK: readonly Part[] = [
  ...(['name', 'notes', 'assignee', 'dates', 'completed', 'subtype', 'parent', 'projects'] as const),
  ...(['dependencies', 'dependents', 'followers', 'customFields'] as const),
];

/** What a call of one of the three tools is about to change, or why that can't be said. */
export function wantedOf(tool: UndoTool, args: Answer): { wanted: Wanted[] } | { unclear: string } {
  if (tool === 'delete_task') {
    const strange = strangeIn(args, ['task']);
    if (strange) return { unclear: strange };
    if (!isGid(args.task)) return { unclear: 'its argument task is no task\u2019s gid' };
    return { wanted: [{ kind: 'task', gid: args.task, parts: WHOLE_TASK, deep: true }] };
  }
  if (tool === 'update_project') {
    const strange = strangeIn(args, ['project_id', ...Object.keys(PROJECT_ARGUMENTS)]);
    if (strange) return { unclear: strange };
    if (!isGid(args.project_id)) return { unclear: 'its argument project_id is no project\u2019s gid' };
    const parts = partsOf(args, PROJECT_ARGUMENTS);
    const settings = SETTINGS.filter((setting) => setting in args);
    const one = { kind: 'project' as const, gid: args.project_id, parts, deep: false, settings };
    return { wanted: parts.length === 0 ? [] : [one] };
  }
  const strange = strangeIn(args, ['tasks']);
  if (strange) return { unclear: strange };
  if (!Array.isArray(args.tasks)) return { unclear: 'its argument tasks is no list' };
  const byTask = new Map<string, Set<Part>>();
  for (const item of args.tasks as unknown[]) {
    if (!isObject(item) || !isGid(item.task))
      return { unclear: 'an entry of tasks names no task by its gid' };
    const odd = strangeIn(item, ['task', ...Object.keys(TASK_ARGUMENTS)]);
    if (odd) return { unclear: odd };
    const parts = byTask.get(item.task) ?? new Set();
    for (const part of partsOf(item, TASK_ARGUMENTS)) parts.add(part);
    byTask.set(item.task, parts);
  }
  const wanted = [...byTask].map(([gid, parts]) => ({
    kind: 'task' as const,
    gid,
    parts: [...parts],
    deep: false,
  }));
  return { wanted: wanted.filter(({ parts }) => parts.length > 0) };
}

function strangeIn(given: Answer, known: readonly string[]): string | null {
  const strange = Object.keys(given).find((name) => !known.includes(name));
  return strange === undefined ? null : `nobody here knows what its argument ${strange.slice(0, 60)} changes`;
}

function partsOf(given: Answer, map: Readonly<Record<string, Part | null>>): Part[] {
  const parts = Object.keys(given).map((name) => map[name]);
  return [...new Set(parts.filter((part): part is Part => part !== null && part !== undefined))];
}
