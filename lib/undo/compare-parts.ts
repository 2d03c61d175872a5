// One task or project as it was against as it is, part by part: what would be put back by which arguments, what somebody changed since, and
// what Asana can't bring back. One file, because each part is a few lines and all of them are read together. Pure.
import { isObject, type FieldValue, type Named, type Parts, type Person, type Thing } from './what-is-there';

export interface Change {
  /** The part, in words. */
  what: string;
  was: string;
  now: string;
  /** It is neither as it was nor as the call left it: somebody else's work would be overwritten. */
  changedSince: boolean;
}

/** `differs`: would be put back; `same`: nothing to do; `gone`: it can't be seen any more; `new`: would be created anew. */
export interface Item {
  kind: Thing['kind'];
  gid: string;
  title: string;
  state: 'differs' | 'same' | 'gone' | 'new';
  changes: Change[];
  /** What does not come back, in sentences. */
  lost: string[];
}

/** Members of the call that brings a thing back; null: nothing to do. */
export interface Back extends Item {
  args: Record<string, unknown> | null;
}

interface Compared {
  was: Parts;
  now: Parts;
  /** The arguments that changed it. */
  asked: Record<string, unknown>;
  me: string;
}
interface Found {
  changes: Change[];
  args: Record<string, unknown>;
  lost: string[];
}
const NOTHING: Found = { changes: [], args: {}, lost: [] };

/** What has to change for a thing to be as it was. */
export function compareThing(base: Omit<Back, 'state'>, compared: Compared): Back {
  const found = COMPARISONS.map((compare) => compare(compared));
  const changes = found.flatMap((one) => one.changes);
  const args: Record<string, unknown> = {};
  for (const one of found) Object.assign(args, one.args);
  const isSame = Object.keys(args).length === 0;
  return {
    ...base,
    state: isSame ? 'same' : 'differs',
    changes,
    lost: found.flatMap((one) => one.lost),
    args: isSame ? null : args,
  };
}

export const shownDay = (day: string | null | undefined) => day ?? 'none';
export const shownName = (one: Named | null | undefined) => one?.name ?? 'none';
export const shownList = (all: readonly Named[] | undefined) =>
  all?.map(({ name }) => name).join(', ') || 'none';
const isFlag = (value: boolean) => (value ? 'yes' : 'no');
const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
const gidsOf = (all: readonly Named[] | undefined) => new Set(all?.map(({ gid }) => gid));
const isPerson = (person: Person | null, said: unknown, me: string): boolean =>
  person === null
    ? said === null
    : said === person.gid ||
      (typeof said === 'string' && (said === 'me' ? me : said).toLowerCase() === person.email?.toLowerCase());

const COMPARISONS: ((compared: Compared) => Found)[] = [
  // Name.
  ({ was, now, asked }) =>
    was.name === undefined || was.name === now.name
      ? NOTHING
      : {
          changes: [
            { what: 'Name', was: was.name, now: now.name ?? '', changedSince: now.name !== asked.name },
          ],
          args: { name: was.name },
          lost: [],
        },
  // Description.
  ({ was, now, asked }) => {
    if (!was.notes || same(was.notes, now.notes)) return NOTHING;
    const left = typeof asked.html_notes === 'string' ? now.notes?.html : now.notes?.plain;
    const said = asked.html_notes ?? asked.notes;
    const changedSince = typeof said !== 'string' || normal(left ?? '') !== normal(said);
    return {
      changes: [{ what: 'Description', was: was.notes.plain, now: now.notes?.plain ?? '', changedSince }],
      args: notesArgs(was.notes),
      lost: [],
    };
  },
  ({ was, now, asked, me }) =>
    personBack('assignee', was.assignee, now.assignee, { said: asked.assignee, me }),
  ({ was, now, asked, me }) => personBack('owner', was.owner, now.owner, { said: asked.owner, me }),
  datesBack,
  ({ was, now, asked }) => {
    if (!was.completed || same(was.completed, now.completed)) return NOTHING;
    const shown = (state: Parts['completed']) =>
      state?.approval ?? (state ? (state.completed ? 'completed' : 'not completed') : 'unknown');
    const changedSince =
      asked.approval_status === undefined
        ? asked.completed !== now.completed?.completed
        : asked.approval_status !== now.completed?.approval;
    return {
      changes: [{ what: 'State', was: shown(was.completed), now: shown(now.completed), changedSince }],
      args:
        was.completed.approval === null
          ? { completed: was.completed.completed }
          : { approval_status: was.completed.approval },
      lost: [],
    };
  },
  ({ was, now, asked }) =>
    was.parent === undefined || was.parent?.gid === now.parent?.gid
      ? NOTHING
      : {
          changes: [
            {
              ...{ what: 'Parent task', was: shownName(was.parent), now: shownName(now.parent) },
              changedSince: asked.parent !== (now.parent?.gid ?? null),
            },
          ],
          args: { parent: was.parent?.gid ?? null },
          lost: [],
        },
  placesBack,
  ({ was, now, asked }) =>
    listBack('dependencies', 'Waits for', { was: was.dependencies, now: now.dependencies, asked }, byGid),
  ({ was, now, asked }) =>
    listBack('dependents', 'Others wait', { was: was.dependents, now: now.dependents, asked }, byGid),
  ({ was, now, asked, me }) =>
    listBack('followers', 'Followers', { was: was.followers, now: now.followers, asked }, byPerson(me)),
  ({ was, now, asked, me }) => {
    const back = listBack('members', 'Members', { was: was.members, now: now.members, asked }, byPerson(me));
    // Whoever puts it back has read what it does.
    return 'add_members' in back.args
      ? { ...back, args: { ...back.args, confirm_sensitive_changes: true } }
      : back;
  },
  fieldsBack,
  settingsBack,
  sectionsBack,
  ({ was, now, asked }) => {
    const named = {
      ...asked,
      add_fields: gidList(asked.add_custom_fields, 'custom_field'),
      remove_fields: asked.remove_custom_fields,
    };
    const back = listBack(
      'fields',
      'Custom fields of the project',
      { was: was.fields, now: now.fields, asked: named },
      byGid,
    );
    const { add_fields: adds, remove_fields: removes } = back.args as Record<string, string[] | undefined>;
    const important = (gid: string) => was.fields?.find((field) => field.gid === gid)?.isImportant ?? false;
    return {
      changes: back.changes,
      args: {
        ...(adds && {
          add_custom_fields: adds.map((gid) => ({ custom_field: gid, is_important: important(gid) })),
        }),
        ...(removes && { remove_custom_fields: removes }),
      },
      lost: adds
        ? ['What tasks had in a custom field that was taken off the project may not come back with it.']
        : [],
    };
  },
  ({ was, asked }) =>
    was.myTasks === null && 'assignee_section' in asked
      ? {
          ...NOTHING,
          lost: [
            'The section in the assignee\u2019s My Tasks list: Asana shows it to nobody else, so it was not kept.',
          ],
        }
      : NOTHING,
];

const normal = (text: string) => text.replace(/\s+/g, ' ').trim();

/** Plain text goes back as such, so that nothing of Asana's own marking up can be refused. */
export function notesArgs({ plain, html }: NonNullable<Parts['notes']>): Record<string, unknown> {
  return html !== null && /<(?!\/?body\b)/i.test(html) ? { html_notes: html } : { notes: plain };
}

function personBack(
  name: 'assignee' | 'owner',
  was: Person | null | undefined,
  now: Person | null | undefined,
  { said, me }: { said: unknown; me: string },
): Found {
  if (was === undefined || was?.gid === now?.gid) return NOTHING;
  const what = name === 'assignee' ? 'Assignee' : 'Owner';
  const changedSince = !isPerson(now ?? null, said, me);
  return {
    changes: [{ what, was: shownName(was), now: shownName(now), changedSince }],
    args: { [name]: was?.gid ?? null },
    lost: [],
  };
}

function datesBack({ was, now, asked }: Compared): Found {
  if (!was.dates || !now.dates || same(was.dates, now.dates)) return NOTHING;
  const [before, current] = [was.dates, now.dates];
  const due = before.due_on ?? before.due_at?.slice(0, 10) ?? null;
  const start = before.start_on ?? before.start_at?.slice(0, 10) ?? null;
  const lost =
    before.due_at !== null && current.due_at === null
      ? ['The time of day of the due date: Asana\u2019s tools set days only.']
      : [];
  const shown = (day: string | null, from: string | null) =>
    from === null ? shownDay(day) : `${day ?? 'none'} from ${from}`;
  if (due === current.due_on && start === current.start_on) return { ...NOTHING, lost };
  const isAsLeft =
    (asked.due_on === undefined || asked.due_on === current.due_on) &&
    (asked.start_on === undefined || asked.start_on === current.start_on) &&
    (asked.due_on !== undefined || before.due_on === current.due_on);
  return {
    changes: [
      {
        what: 'Dates',
        was: shown(due, start),
        now: shown(current.due_on, current.start_on),
        changedSince: !isAsLeft,
      },
    ],
    args: { due_on: due, ...(due === null || start === current.start_on ? {} : { start_on: start }) },
    lost,
  };
}

function placesBack({ was, now, asked }: Compared): Found {
  if (!was.projects) return NOTHING;
  const added = (Array.isArray(asked.add_projects) ? asked.add_projects : []).filter(isObject);
  const removed = (Array.isArray(asked.remove_projects) ? asked.remove_projects : []) as unknown[];
  const named = new Set([...added.map(({ project_id: gid }) => gid), ...removed]);
  const at = (parts: Parts, gid: unknown) => parts.projects?.find(({ project }) => project.gid === gid);
  const found: Found = { changes: [], args: {}, lost: [] };
  const [adds, removes]: [object[], string[]] = [[], []];
  const shown = (place: ReturnType<typeof at>) =>
    place ? `${place.project.name}${place.section ? `, ${place.section.name}` : ''}` : 'not in it';
  for (const gid of named) {
    const [before, current] = [at(was, gid), at(now, gid)];
    if (before?.section?.gid === current?.section?.gid && !before === !current) continue;
    const wanted = added.findLast(({ project_id: project }) => project === gid);
    const asLeft = removed.includes(gid)
      ? current === undefined
      : current !== undefined &&
        (typeof wanted?.section_id !== 'string' || current.section?.gid === wanted.section_id);
    const name = (before ?? current)!.project.name;
    found.changes.push({
      what: `Project ${name}`,
      was: shown(before),
      now: shown(current),
      changedSince: !asLeft,
    });
    if (before)
      adds.push({
        project_id: before.project.gid,
        ...(before.section ? { section_id: before.section.gid } : {}),
      });
    else removes.push(current!.project.gid);
  }
  if (adds.length > 0) found.args.add_projects = adds;
  if (removes.length > 0) found.args.remove_projects = removes;
  return found;
}

type Says = (one: Named, said: unknown) => boolean;
const byGid: Says = ({ gid }, said) => gid === said;
const byPerson =
  (me: string): Says =>
  (one, said) =>
    isPerson(one as Person, said, me);
const gidList = (list: unknown, name: string): unknown[] =>
  (Array.isArray(list) ? list : []).filter(isObject).map((entry) => entry[name]);

/** What a call added goes, what it took away comes back; what others did to the rest stays. */
function listBack(
  name: string,
  what: string,
  { was, now, asked }: { was: Named[] | undefined; now: Named[] | undefined; asked: Record<string, unknown> },
  says: Says,
): Found {
  if (!was || !now) return NOTHING;
  const list = (key: string) => (Array.isArray(asked[key]) ? (asked[key] as unknown[]) : []);
  const [before, current] = [gidsOf(was), gidsOf(now)];
  const isNamed = (key: string) => (one: Named) => list(key).some((said) => says(one, said));
  const goes = now.filter((one) => !before.has(one.gid) && isNamed(`add_${name}`)(one));
  const comes = was.filter((one) => !current.has(one.gid) && isNamed(`remove_${name}`)(one));
  if (goes.length + comes.length === 0) return NOTHING;
  // Additions and removals by others stay as they are.
  const after = [...now.filter((one) => !goes.includes(one)), ...comes];
  return {
    changes: [{ what, was: shownList(after), now: shownList(now), changedSince: false }],
    args: {
      ...(comes.length > 0 ? { [`add_${name}`]: comes.map(({ gid }) => gid) } : {}),
      ...(goes.length > 0 ? { [`remove_${name}`]: goes.map(({ gid }) => gid) } : {}),
    },
    lost: [],
  };
}

function fieldsBack({ was, now, asked }: Compared): Found {
  if (!was.customFields) return NOTHING;
  const argument = 'set_custom_field_values' in asked ? 'set_custom_field_values' : 'custom_fields';
  const said = isObject(asked[argument]) ? asked[argument] : {};
  const found: Found = { changes: [], args: {}, lost: [] };
  const values: Record<string, unknown> = {};
  const by = (parts: Parts, gid: string): FieldValue | undefined =>
    parts.customFields?.find((field) => field.gid === gid);
  for (const [gid, value] of Object.entries(said)) {
    const [before, current] = [by(was, gid), by(now, gid)];
    if (!before || !current || same(before.value, current.value)) {
      if (!before !== !current)
        found.lost.push(`The custom field ${(before ?? current)!.name} is not on both.`);
      continue;
    }
    if (!before.isSettable) {
      found.lost.push(
        `The custom field ${before.name}: Asana\u2019s tools can\u2019t set a field of its kind.`,
      );
      continue;
    }
    values[gid] = before.value;
    found.changes.push({
      ...{ what: before.name, was: before.shown || 'none', now: current.shown || 'none' },
      changedSince: !same(current.value, value),
    });
  }
  if (Object.keys(values).length > 0) found.args[argument] = values;
  return found;
}

const SETTING_WORDS: Record<string, string> = {
  ...{ color: 'Color', icon: 'Icon', default_view: 'View', privacy_setting: 'Who can see it' },
  ...{ default_access_level: 'Access of new members', archived: 'Archived' },
};

function settingsBack({ was, now, asked }: Compared): Found {
  if (!was.settings) return NOTHING;
  const found: Found = { changes: [], args: {}, lost: [] };
  const shown = (value: unknown) =>
    typeof value === 'boolean' ? isFlag(value) : typeof value === 'string' ? value : 'none';
  for (const [name, before] of Object.entries(was.settings)) {
    const current = (now.settings as Record<string, unknown> | undefined)?.[name];
    if (!(name in asked) || before === current) continue;
    const isEmpty = before === null && !['color', 'icon'].includes(name);
    if (isEmpty) continue;
    found.args[name] = before;
    if (/^(privacy_setting|default_access_level)$/.test(name)) found.args.confirm_sensitive_changes = true;
    found.changes.push({
      ...{ what: SETTING_WORDS[name]!, was: shown(before), now: shown(current) },
      changedSince: current !== asked[name],
    });
  }
  return found;
}

function sectionsBack({ was, now, asked }: Compared): Found {
  if (!was.sections || !now.sections) return NOTHING;
  const found: Found = { changes: [], args: {}, lost: [] };
  const current = new Map(now.sections.map((section) => [section.gid, section.name]));
  const renamed = (Array.isArray(asked.rename_sections) ? asked.rename_sections : []).filter(isObject);
  const back = was.sections.filter(
    ({ gid, name }) =>
      renamed.some(({ section_id: id }) => id === gid) && current.has(gid) && current.get(gid) !== name,
  );
  for (const { gid, name } of back) {
    const to = renamed.findLast(({ section_id: id }) => id === gid)?.name;
    found.changes.push({
      what: 'Section',
      was: name,
      now: current.get(gid)!,
      changedSince: current.get(gid) !== to,
    });
  }
  if (back.length > 0) found.args.rename_sections = back.map(({ gid, name }) => ({ section_id: gid, name }));
  const removed = Array.isArray(asked.remove_sections) ? (asked.remove_sections as unknown[]) : [];
  const lost = was.sections.filter(({ gid }) => removed.includes(gid) && !current.has(gid));
  const missing = lost.filter(({ name }) => ![...current.values()].includes(name));
  if (missing.length > 0) {
    found.args.add_sections = missing.map(({ name }) => ({ name }));
    found.changes.push({
      what: 'Removed sections',
      was: shownList(missing),
      now: 'none',
      changedSince: false,
    });
    found.lost.push(
      'A section that was removed comes back under a new id, empty, at the end of the project.',
    );
  }
  const before = gidsOf(was.sections);
  const added = gidList(asked.add_sections, 'name');
  const goes = now.sections.filter(({ gid, name }) => !before.has(gid) && added.includes(name));
  if (goes.length > 0) {
    found.args.remove_sections = goes.map(({ gid }) => gid);
    found.changes.push({ what: 'Added sections', was: 'none', now: shownList(goes), changedSince: false });
    found.lost.push('A section that was added is removed only while it is empty.');
  }
  return found;
}
