// Advanced search over tasks, as `search_tasks` and its preview do it: AND between filters, OR inside one.
import { ToolError } from '@/lib/sandbox/tool-error';
import { csv, requireUser, visibleTasks, type Arguments, type View } from '@/lib/sandbox/view';
import type { Task } from '@/lib/sandbox/world';

type Filter = (task: Task) => boolean;

/** The tasks that fit, sorted. Throws 402 in a free workspace and 400 on a filter that makes no sense. */
export function searchTasks(view: View, given: Arguments): Task[] {
  if (!view.world.workspaces.get(view.workspaceGid)!.paid)
    throw new ToolError('Search is only available to premium users.', 402);
  const filters = [
    ...plainFilters(view, given),
    ...peopleFilters(view, given),
    ...placeFilters(given),
    ...dateFilters(given),
    ...customFieldFilters(given.custom_fields as string | undefined),
  ];
  const found = visibleTasks(view).filter((task) => filters.every((filter) => filter(task)));
  const direction = given.sort_ascending === true ? 1 : -1;
  const key = sortKey((given.sort_by as string | undefined) ?? 'modified_at');
  return found.sort((a, b) => direction * (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

function sortKey(by: string): (task: Task) => string | number {
  if (by === 'likes') return (task) => task.likes;
  if (by === 'due_date') return (task) => task.dueOn ?? task.dueAt ?? '';
  if (by === 'created_at') return (task) => task.createdAt;
  if (by === 'completed_at') return (task) => task.completedAt ?? '';
  return (task) => task.modifiedAt;
}

function plainFilters(view: View, given: Arguments): Filter[] {
  const filters: Filter[] = [];
  const { text, completed, resource_subtype: subtype, is_subtask: isSubtask } = given;
  if (text !== undefined) {
    const words = (text as string).toLowerCase().split(/\s+/).filter(Boolean);
    const comments = [...view.world.stories.values()].filter((story) => story.type === 'comment');
    filters.push((task) => {
      const own = comments.filter((story) => story.taskGid === task.gid).map((story) => story.text);
      const searched = [task.name, task.notes, ...own].join('\n').toLowerCase();
      return words.every((word) => searched.includes(word));
    });
  }
  if (completed !== undefined) filters.push((task) => task.completed === completed);
  if (subtype !== undefined) filters.push((task) => task.subtype === subtype);
  if (isSubtask !== undefined) filters.push((task) => (task.parentGid !== null) === isSubtask);
  return filters;
}

function peopleFilters(view: View, given: Arguments): Filter[] {
  const anyOf = (argument: string, involved: (task: Task) => (string | null)[]): Filter[] => {
    if (given[argument] === undefined) return [];
    const wanted = csv(given[argument]).map((reference) => requireUser(view, reference, argument).gid);
    return [(task) => involved(task).some((gid) => gid !== null && wanted.includes(gid))];
  };
  return [
    ...anyOf('assignee_any', (task) => [task.assigneeGid]),
    ...anyOf('followers_any', (task) => task.followerGids),
    ...anyOf('created_by_any', (task) => [task.createdByGid]),
  ];
}

function placeFilters(given: Arguments): Filter[] {
  const anyOf = (argument: string, places: (task: Task) => string[]): Filter[] => {
    if (given[argument] === undefined) return [];
    const wanted = csv(given[argument]);
    return [(task) => places(task).some((gid) => wanted.includes(gid))];
  };
  return [
    ...anyOf('projects_any', (task) => task.memberships.map(({ projectGid }) => projectGid)),
    ...anyOf('sections_any', (task) => task.memberships.map(({ sectionGid }) => sectionGid)),
    ...anyOf('tags_any', (task) => task.tagGids),
  ];
}

/** `due_on`, `created_on_before`, `completed_at_after` and so on: the name says field, precision and side. */
function dateFilters(given: Arguments): Filter[] {
  const fields: Record<string, (task: Task) => string | null> = {
    due: (task) => task.dueOn ?? task.dueAt,
    start: (task) => task.startOn ?? task.startAt,
    created: (task) => task.createdAt,
    completed: (task) => task.completedAt,
    modified: (task) => task.modifiedAt,
  };
  return Object.entries(given).flatMap(([argument, limit]) => {
    const [, field, precision, side] = /^([a-z]+)_(on|at)(?:_(before|after))?$/.exec(argument) ?? [];
    const read = field === undefined ? undefined : fields[field];
    if (!read) return [];
    return [
      (task: Task) => {
        const moment = read(task);
        if (moment === null) return false;
        const value = precision === 'on' ? moment.slice(0, 10) : new Date(moment).toISOString();
        const wanted = precision === 'on' ? (limit as string) : new Date(limit as string).toISOString();
        return side === 'before' ? value < wanted : side === 'after' ? value > wanted : value === wanted;
      },
    ];
  });
}

const COMPARE: ReadonlyMap<string, (value: unknown, wanted: string | number | boolean) => boolean> = new Map([
  ['value', (value, wanted) => value === wanted],
  ['is_set', (value, wanted) => (value !== undefined && value !== null) === wanted],
  ['not_value', (value, wanted) => value !== wanted],
  ['starts_with', (value, wanted) => String(value).startsWith(String(wanted))],
  ['ends_with', (value, wanted) => String(value).endsWith(String(wanted))],
  ['contains', (value, wanted) => String(value).includes(String(wanted))],
  ['less_than', (value, wanted) => typeof value === 'number' && value < Number(wanted)],
  ['greater_than', (value, wanted) => typeof value === 'number' && value > Number(wanted)],
  ['before', (value, wanted) => dayOf(value) !== '' && dayOf(value) < String(wanted)],
  ['after', (value, wanted) => dayOf(value) !== '' && dayOf(value) > String(wanted)],
]);

function dayOf(value: unknown): string {
  const date = value as { date?: string; date_time?: string } | null | undefined;
  return date?.date ?? date?.date_time ?? '';
}

/** One JSON string: `{"<gid>.<operator>": value}`; a bare gid means value, or is_set for a boolean. */
function customFieldFilters(json: string | undefined): Filter[] {
  if (json === undefined) return [];
  let filters: unknown;
  try {
    filters = JSON.parse(json);
  } catch {
    throw new ToolError('custom_fields: Not a valid JSON string');
  }
  if (typeof filters !== 'object' || filters === null || Array.isArray(filters))
    throw new ToolError('custom_fields: Must hold one JSON object');
  return Object.entries(filters).map(([key, wanted]) => {
    if (!['string', 'number', 'boolean'].includes(typeof wanted))
      throw new ToolError(`custom_fields.${key}: Values must be strings, numbers or booleans`);
    const [gid, operator = typeof wanted === 'boolean' ? 'is_set' : 'value'] = key.split('.');
    const compare = COMPARE.get(operator);
    if (!compare) throw new ToolError(`custom_fields.${key}: Unknown operator ${operator}`);
    return (task) => compare(task.customValues.get(gid!), wanted);
  });
}
