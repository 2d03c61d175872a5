// How Asana is asked for the parts of a task or project, and what its answer says of them (facts/asana 1.2, 1.4, 1.7). An answer that leaves out
// what was asked for, or is about something else, says nothing. Pure.
import {
  isGid,
  isObject,
  SETTINGS,
  type Answer,
  type FieldValue,
  type Named,
  type Part,
  type Parts,
  type Person,
  type Thing,
  type Wanted,
} from './what-is-there';

const named = (value: unknown): Named | undefined =>
  isObject(value) && isGid(value.gid)
    ? { gid: value.gid, name: typeof value.name === 'string' ? value.name : value.gid }
    : undefined;
const person = (value: unknown): Person | undefined => {
  const one = named(value);
  return (
    one && {
      ...one,
      email: typeof (value as Answer).email === 'string' ? ((value as Answer).email as string) : null,
    }
  );
};
const orNull = <T>(value: unknown, read: (value: unknown) => T | undefined): T | null | undefined =>
  value === null ? null : read(value);
/** All of a list, or undefined where one of them says nothing. */
function listOf<T>(value: unknown, read: (value: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const entries = (value as unknown[]).map(read);
  return entries.includes(undefined) ? undefined : (entries as T[]);
}
const textOrNull = (value: unknown) => (value === null || typeof value === 'string' ? value : undefined);

/** How each part is asked for (`opt_fields`, facts/asana 1.2), and read; undefined where the answer does not say it. */
const READINGS: { [P in Part]-?: { fields: string[]; read(data: Answer): Parts[P] | undefined } } = {
  name: { fields: ['name'], read: ({ name }) => (typeof name === 'string' ? name : undefined) },
  notes: {
    fields: ['notes', 'html_notes'],
    read: ({ notes, html_notes: html }) =>
      typeof notes === 'string' ? { plain: notes, html: typeof html === 'string' ? html : null } : undefined,
  },
  assignee: { fields: ['assignee.name', 'assignee.email'], read: (data) => orNull(data.assignee, person) },
  owner: { fields: ['owner.name', 'owner.email'], read: (data) => orNull(data.owner, person) },
  dates: {
    fields: ['due_on', 'due_at', 'start_on', 'start_at'],
    read(data) {
      const [dueOn, startOn] = [textOrNull(data.due_on), textOrNull(data.start_on)];
      if (dueOn === undefined || startOn === undefined) return undefined;
      // A project has days only.
      return {
        ...{ due_on: dueOn, start_on: startOn },
        ...{ due_at: textOrNull(data.due_at) ?? null, start_at: textOrNull(data.start_at) ?? null },
      };
    },
  },
  completed: {
    fields: ['completed', 'approval_status'],
    read: ({ completed, approval_status: approval }) =>
      typeof completed === 'boolean'
        ? { completed, approval: typeof approval === 'string' ? approval : null }
        : undefined,
  },
  subtype: {
    fields: ['resource_subtype'],
    read: ({ resource_subtype: subtype }) => (typeof subtype === 'string' ? subtype : undefined),
  },
  parent: { fields: ['parent.name'], read: (data) => orNull(data.parent, named) },
  projects: {
    fields: ['memberships.project.name', 'memberships.section.name'],
    read: (data) =>
      listOf(data.memberships, (value) => {
        const [project, section] = isObject(value) ? [named(value.project), named(value.section)] : [];
        return project && { project, section: section ?? null };
      }),
  },
  dependencies: { fields: ['dependencies.name'], read: (data) => listOf(data.dependencies, named) },
  dependents: { fields: ['dependents.name'], read: (data) => listOf(data.dependents, named) },
  followers: {
    fields: ['followers.name', 'followers.email'],
    read: (data) => listOf(data.followers, person),
  },
  members: { fields: ['members.name', 'members.email'], read: (data) => listOf(data.members, person) },
  customFields: { fields: ['custom_fields'], read: (data) => listOf(data.custom_fields, fieldValue) },
  settings: {
    fields: [...SETTINGS],
    read: (data) => {
      const said = SETTINGS.filter(
        (name) => ['string', 'boolean'].includes(typeof data[name]) || data[name] === null,
      );
      return said.length === 0
        ? undefined
        : Object.fromEntries(said.map((name) => [name, data[name] as string | boolean | null]));
    },
  },
  // Null means unknown, not none (facts/asana 1.2); of fifty there may be more.
  sections: {
    fields: [],
    read: ({ sections }) =>
      Array.isArray(sections) && sections.length < 50 ? listOf(sections, named) : undefined,
  },
  fields: {
    fields: ['custom_field_settings.custom_field', 'custom_field_settings.is_important'],
    read: (data) =>
      listOf(data.custom_field_settings, (value) => {
        const field = isObject(value) ? named(value.custom_field) : undefined;
        return field && { ...field, isImportant: (value as Answer).is_important === true };
      }),
  },
  myTasks: { fields: [], read: () => null },
};

/** A custom field with its value in the form in which the tools take it (facts/asana 1.4). */
function fieldValue(value: unknown): FieldValue | undefined {
  const field = named(value);
  if (!field) return undefined;
  const raw = value as Answer;
  const shown = typeof raw.display_value === 'string' ? raw.display_value : '';
  const type = raw.resource_subtype ?? raw.type;
  const said = (plain: unknown) => ({ ...field, value: plain ?? null, shown, isSettable: true });
  const gidOf = (option: unknown) => named(option)?.gid ?? null;
  if ('value' in raw) return said(raw.value);
  if (type === 'text') return said(raw.text_value);
  if (type === 'number') return said(raw.number_value);
  if (type === 'enum') return said(gidOf(raw.enum_value));
  if (type === 'multi_enum' && Array.isArray(raw.multi_enum_values))
    return said(raw.multi_enum_values.length === 0 ? null : (raw.multi_enum_values as unknown[]).map(gidOf));
  if (type === 'date') {
    const date = raw.date_value;
    const at = isObject(date) && typeof date.date_time === 'string' ? { date_time: date.date_time } : null;
    return said(at ?? (isObject(date) && typeof date.date === 'string' ? { date: date.date } : null));
  }
  return { ...field, value: null, shown, isSettable: false };
}

/** The arguments of the call that asks Asana for it. */
export function readingOf({ kind, gid, parts, deep }: Wanted): {
  tool: string;
  args: Record<string, unknown>;
} {
  const fields = [
    'name',
    ...parts.flatMap((part) => READINGS[part].fields),
    ...(deep ? ['num_subtasks'] : []),
  ];
  const asked = { opt_fields: [...new Set(fields)].join(',') };
  return kind === 'project'
    ? {
        tool: 'get_project',
        args: { project_id: gid, include_sections: parts.includes('sections'), ...asked },
      }
    : { tool: 'get_task', args: { task_id: gid, include_subtasks: deep, include_comments: false, ...asked } };
}

/** What the answer says of the thing that was asked for; null where it leaves something out, or is about another. */
export function thingIn(
  { kind, gid, parts: wanted, settings = [] }: Wanted,
  answer: Answer | null,
): Thing | null {
  const data = answer === null ? null : isObject(answer.data) ? answer.data : answer;
  if (data === null || data.gid !== gid) return null;
  const parts: Parts = {};
  for (const part of wanted) {
    const value = READINGS[part].read(
      part === 'sections' ? { sections: data.sections ?? answer?.sections } : data,
    );
    if (value === undefined) return null;
    Object.assign(parts, { [part]: value });
  }
  if (settings.some((setting) => parts.settings?.[setting] === undefined)) return null;
  return { kind, gid, title: typeof data.name === 'string' ? data.name : gid, parts };
}

/** The gids of the subtasks in an answer; null where it does not name them all. */
export function subtasksIn(answer: Answer | null): string[] | null {
  const data = answer === null ? null : isObject(answer.data) ? answer.data : answer;
  const listed = listOf(data?.subtasks ?? answer?.subtasks ?? [], named);
  const said = data?.num_subtasks;
  return listed === undefined || (typeof said === 'number' && said > listed.length)
    ? null
    : listed.map(({ gid }) => gid);
}
