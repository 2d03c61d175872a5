// A deleted task can't be undeleted through Asana's tools; it can be created anew. With what, and without what. Pure.
import { notesArgs, shownDay, shownList, shownName, type Back, type Change } from './compare-parts';
import type { Named, Thing } from './what-is-there';

/** What Asana's tools never bring back of a deleted task (facts/asana 1.2); said before anybody decides. */
export const LOST_WITH_A_TASK = [
  'It is created anew, under a new id and a new link, by the person whose connection it is, and today.',
  'Comments, attachments, likes, tags and the history are gone for good.',
  'Links to the old task, in other tasks and elsewhere, lead nowhere.',
] as const;

/** A deleted task against what is there now; `root` is the one that the call named. */
export function deleted(thing: Thing, current: Thing | undefined, root: string): Back {
  const base = { kind: thing.kind, gid: thing.gid, title: thing.title, changes: [], lost: [] };
  if (current) {
    // A subtask that is in a project of its own outlives its parent, and only loses it.
    const isOrphan = thing.gid !== root && !current.parts.parent && thing.parts.parent !== null;
    return isOrphan
      ? {
          ...{ ...base, state: 'differs', args: {} },
          changes: [
            { what: 'Parent task', was: shownName(thing.parts.parent), now: 'none', changedSince: false },
          ],
        }
      : { ...base, state: 'same', args: null };
  }
  const { assignee, projects = [], parent, dates, customFields = [] } = thing.parts;
  if (thing.gid === root && !assignee && !parent && projects.length === 0)
    return {
      ...{ ...base, state: 'gone', args: null },
      lost: [
        'It was in no project, under no task and assigned to nobody; Asana\u2019s tools create no such task.',
      ],
    };
  const lost: string[] = thing.gid === root ? [...LOST_WITH_A_TASK] : [];
  const kept = customFields.filter(({ value, isSettable }) => !isSettable && value !== null);
  if (kept.length > 0) lost.push(`Custom fields that Asana\u2019s tools can\u2019t set: ${shownList(kept)}.`);
  const change = (what: string, was: string): Change[] =>
    was === '' || was === 'none' ? [] : [{ what, was, now: 'deleted', changedSince: false }];
  return {
    ...{ ...base, state: 'new', args: {}, lost },
    changes: [
      ...change('Description', thing.parts.notes?.plain.slice(0, 500) ?? ''),
      ...change('Assignee', shownName(assignee)),
      ...change('Due', shownDay(dates?.due_at ?? dates?.due_on)),
      ...change('Projects', shownList(projects.map(({ project }) => project))),
      ...change('Parent task', shownName(parent)),
      ...change('State', thing.parts.completed?.completed ? 'completed' : ''),
      ...change('Followers', shownList(thing.parts.followers)),
      ...change('Waits for', shownList(thing.parts.dependencies)),
      ...change('Others wait', shownList(thing.parts.dependents)),
      ...customFields.flatMap(({ name, shown, value }) => (value === null ? [] : change(name, shown))),
    ],
  };
}

/** An entry of `create_tasks` for a deleted task; `parent` is the new parent of a subtask. */
export function createdAnew({ parts }: Thing, parent: string | null): Record<string, unknown> {
  const [first] = parts.projects ?? [];
  const { dates, completed, assignee, notes } = parts;
  const values = (parts.customFields ?? []).filter(({ value, isSettable }) => isSettable && value !== null);
  const followers = parts.followers?.map(({ gid }) => gid) ?? [];
  return {
    name: parts.name,
    ...(notes && (notes.plain !== '' || notes.html !== null) ? notesArgs(notes) : {}),
    ...(assignee ? { assignee: assignee.gid } : {}),
    ...(dates?.due_at ? { due_at: asUtc(dates.due_at) } : dates?.due_on ? { due_on: dates.due_on } : {}),
    ...(dates?.start_at && dates.due_at
      ? { start_at: asUtc(dates.start_at) }
      : dates?.start_on && dates.due_on && !dates.due_at
        ? { start_on: dates.start_on }
        : {}),
    ...(parts.subtype && parts.subtype !== 'default_task' && /^(milestone|approval)$/.test(parts.subtype)
      ? { resource_subtype: parts.subtype }
      : {}),
    ...(completed?.approval
      ? { approval_status: completed.approval }
      : completed?.completed
        ? { completed: true }
        : {}),
    ...(followers.length > 0 ? { followers: followers.join(',') } : {}),
    // One JSON string here, an object elsewhere (facts/asana 1.4).
    ...(first && values.length > 0
      ? { custom_fields: JSON.stringify(Object.fromEntries(values.map(({ gid, value }) => [gid, value]))) }
      : {}),
    ...(first
      ? { project_id: first.project.gid, ...(first.section ? { section_id: first.section.gid } : {}) }
      : {}),
    ...(parent === null ? {} : { parent }),
  };
}

/** The entry of `update_tasks` for what `create_tasks` does not take; null where there is nothing more. */
export function afterCreation({ parts }: Thing, gid: string): Record<string, unknown> | null {
  const more = parts.projects?.slice(1) ?? [];
  const gids = (all: Named[] | undefined) => all?.map((one) => one.gid) ?? [];
  const entry = {
    ...(more.length > 0
      ? {
          add_projects: more.map(({ project, section }) => ({
            project_id: project.gid,
            ...(section ? { section_id: section.gid } : {}),
          })),
        }
      : {}),
    ...(gids(parts.dependencies).length > 0 ? { add_dependencies: gids(parts.dependencies) } : {}),
    ...(gids(parts.dependents).length > 0 ? { add_dependents: gids(parts.dependents) } : {}),
  };
  return Object.keys(entry).length === 0 ? null : { task: gid, ...entry };
}

/** The tools take UTC with `Z` only (facts/asana 1.4). */
const asUtc = (moment: string) => new Date(moment).toISOString();
