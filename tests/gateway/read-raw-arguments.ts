// A second reading of what a call asks for, by the names that Asana gives its arguments (facts/asana 1.5) and by what the stand-in Asana
// really holds. It shares nothing with the product's map: what both let through, both would have to be wrong about.
import type { World } from '@/lib/sandbox/world';
import type { SEED } from '@/lib/sandbox/world-seed';

export type RuleSet =
  | { kind: 'places'; projects: string[]; teams: string[]; sections: string[] }
  | { kind: 'items'; most: number }
  | { kind: 'stay' }
  | { kind: 'company'; domain: string }
  | { kind: 'own' };

type Raw = Record<string, unknown>;
/** A value under its name, with the names it stands in. */
interface Found {
  name: string;
  value: unknown;
  above: string[];
}

/** Every value of the arguments that is no object and no list, and null; entries of a list stand under the list's name. */
function found(value: unknown, name = '', above: string[] = []): Found[] {
  if (Array.isArray(value)) return value.flatMap((entry) => found(entry, name, above));
  if (typeof value !== 'object' || value === null) return [{ name, value, above }];
  return Object.entries(value).flatMap(([key, entry]) => [
    { name: 'key', value: key, above: [...above, name] },
    ...found(entry, key, [...above, name]),
  ]);
}

const TASKS =
  /^(task|task_id|taskGid|deletedTaskGids|deletedSubtaskGids|add_dependencies|remove_dependencies|add_dependents|remove_dependents)$/;
const PROJECTS =
  /^(project_id|default_project|project|project_gid|projectGid|projects_any|remove_projects|previousProjectGid)$/;
const SECTIONS =
  /^(section|section_id|section_gid|sectionGid|sections_any|assignee_section|toSectionGid|deletedSectionGids|rename_sections|remove_sections|orderedSectionGids)$/;
const PEOPLE = /^(assignee|default_assignee|followers|add_followers|members|add_members|owner)$/;
const LISTS =
  /^(tasks|sections|subtasks|updatedSubtasks|newSubtasks|deletedSubtaskGids|updatedTasks|newTasks|newSections|deletedTaskGids|deletedSectionGids|taskMoves|updatedSectionNames|(add|remove|rename)_(sections|members|custom_fields))$/;
const PREVIEWS = /_preview(_v\d)?$/;

/** Why a call reaches outside the rule; null where it does not. What can't be understood reaches outside. */
export function outside(
  rule: RuleSet,
  call: { tool: string; args: Raw },
  at: { world: World; me: string; names: ReadonlySet<string>; seed: typeof SEED },
): string | null {
  const all = found(call.args);
  const stranger = all.find(({ name, value, above }) => {
    if (name !== 'key' || typeof value !== 'string') return false;
    return (
      !at.names.has(value) &&
      !/custom_?fields|CustomFields|orderedTaskGids|customFieldInfos/i.test(above.join())
    );
  });
  if (stranger) return `unknown argument ${String(stranger.value)}`;
  switch (rule.kind) {
    case 'places':
      return outsidePlaces(rule, call, all, at.world);
    case 'items':
      return tooMany(call.args, rule.most);
    case 'stay':
      return leaves(call, all, at.world);
    case 'company':
      return notOfCompany(rule.domain, call.tool, all, at);
    case 'own':
      return notOwn(call, all, at);
  }
}

const entries = (value: unknown, isList: boolean): string[] =>
  isList ? String(value).split(',') : [String(value)];
const isNone = (value: unknown) => value === null || value === undefined;
const isGid = (text: string) => /^[0-9]+$/.test(text);

function outsidePlaces(
  rule: RuleSet & { kind: 'places' },
  { tool, args }: { tool: string; args: Raw },
  all: Found[],
  world: World,
): string | null {
  const project = (gid: string): boolean =>
    rule.projects.includes(gid) || rule.teams.includes(world.projects.get(gid)?.teamGid ?? '-');
  const section = (gid: string): boolean =>
    rule.sections.includes(gid) || project(world.sections.get(gid)?.projectGid ?? '-');
  const task = (gid: string): boolean => {
    for (let now = world.tasks.get(gid), steps = 0; now && steps < 6; steps += 1) {
      if (now.memberships.some((one) => project(one.projectGid) || rule.sections.includes(one.sectionGid)))
        return true;
      now = now.parentGid === null ? undefined : world.tasks.get(now.parentGid);
    }
    return false;
  };
  for (const { name, value, above } of all) {
    if (value === null) continue;
    const parts = entries(value, /^(projects_any|sections_any)$/.test(name));
    const isHolder = (holder: string) => name === 'gid' && above.at(-1) === holder;
    const is = (inside: (gid: string) => boolean) => parts.every((gid) => isGid(gid) && inside(gid));
    const wrong = `${name} ${String(value)}`;
    if ((PROJECTS.test(name) || isHolder('project')) && !is(project)) return wrong;
    if ((SECTIONS.test(name) || isHolder('section')) && !is(section)) return wrong;
    if ((TASKS.test(name) || isHolder('updatedSubtasks')) && !is(task)) return wrong;
    if (name === 'key' && above.at(-1) === 'orderedTaskGidsBySectionGid' && !is(section)) return wrong;
    if (above.at(-1) === 'orderedTaskGidsBySectionGid' && name !== 'key' && !is(task)) return wrong;
    if (name === 'portfolio_gid') return wrong;
    if (name === 'team' && tool !== 'get_users' && !is((gid) => rule.teams.includes(gid))) return wrong;
    if (
      name === 'team' &&
      tool === 'get_users' &&
      rule.teams.length > 0 &&
      !is((gid) => rule.teams.includes(gid))
    )
      return wrong;
    if (
      name === 'parent' &&
      !is((gid) => task(gid) || (/^(get_attachments|create_project_status)/.test(tool) && project(gid)))
    )
      return wrong;
    if (/^(tag|user_task_list|task_template_id|project_template_id)$/.test(name)) return wrong;
    if (name === 'opt_fields' && /\.(?:notes|html_notes)/.test(String(value))) return wrong;
    if (typeof value === 'string' && mentions(tool, name, value)) return wrong;
  }
  const has = (name: string) => args[name] !== undefined && args[name] !== null;
  if (
    /^(get_my_tasks|get_portfolios|get_status_overview|create_project_from_template|create_project_confirm)$/.test(
      tool,
    )
  )
    return 'everywhere';
  if (/^(get_portfolio|get_items_for_portfolio)$/.test(tool)) return 'a portfolio';
  if (/^(search_tasks|search_tasks_preview)$/.test(tool) && !has('projects_any') && !has('sections_any'))
    return 'no place';
  if (tool === 'get_tasks' && !has('project') && !has('section')) return 'no place';
  if (/^(get_projects|create_project)$/.test(tool) && !has('team')) return 'no team';
  if (tool === 'create_task_from_template' && !has('project_id')) return 'no project';
  if (/^create_task_(confirm|preview_v4)$/.test(tool) && !has('project') && !has('project_gid'))
    return 'no project';
  if (
    /^search_objects/.test(tool) &&
    !/^(actor|agent|custom_field|tag|user)$/.test(String(args.resource_type))
  )
    return args.resource_type === 'team' && rule.teams.length === 0 ? null : 'a search everywhere';
  if (tool === 'get_teams' && rule.teams.length > 0) return 'all teams';
  if (tool === 'create_tasks')
    for (const item of (args.tasks ?? []) as Raw[])
      if (isNone(item.project_id) && isNone(item.parent) && !has('default_project'))
        return 'a task in no project';
  return null;
}

/** Text that Asana turns into a reference. What a search looks for is written nowhere. */
function mentions(tool: string, name: string, value: string): boolean {
  if (/^search_/.test(tool)) return false;
  if (!/^(name|notes|html_notes|text|html_text|title|description|taskName)$/.test(name)) return false;
  const read = value
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(parseInt(code, 16)));
  return /data-asana|app\.asana\.com/i.test(read);
}

function tooMany(args: Raw, most: number): string | null {
  const over = (value: unknown, name: string): boolean => {
    if (Array.isArray(value))
      return (LISTS.test(name) && value.length > most) || value.some((entry) => over(entry, ''));
    return (
      typeof value === 'object' &&
      value !== null &&
      Object.entries(value).some(([key, entry]) => over(entry, key))
    );
  };
  return over(args, '') ? `more than ${most}` : null;
}

function leaves({ tool, args }: { tool: string; args: Raw }, all: Found[], world: World): string | null {
  const isIn = (task: unknown, project: unknown) =>
    world.tasks.get(String(task))?.memberships.some(({ projectGid }) => projectGid === String(project)) ??
    false;
  if (tool === 'update_tasks' && all.some(({ name }) => name === 'remove_projects' || name === 'parent'))
    return 'taken out';
  if (tool === 'save_task_changes_confirm') {
    const native = (args.updatedNativeFields ?? {}) as Raw;
    const project = native.project as Raw | null | undefined;
    if (project === null) return 'in no project';
    if (project !== undefined && !isIn(args.taskGid, project.gid)) return 'in another project';
    if (!isNone(native.previousProjectGid) && native.previousProjectGid !== project?.gid)
      return 'from another project';
  }
  if (tool === 'save_project_changes_confirm')
    for (const move of (args.taskMoves ?? []) as Raw[])
      if (
        world.sections.get(String(move.toSectionGid))?.projectGid !== args.projectGid ||
        !isIn(move.taskGid, args.projectGid)
      )
        return 'moved';
  return null;
}

function notOfCompany(
  domain: string,
  tool: string,
  all: Found[],
  { world }: { world: World },
): string | null {
  for (const { name, value, above } of all) {
    const isPerson =
      PEOPLE.test(name) ||
      (/^(gid|email)$/.test(name) && above.at(-1) === 'assignee') ||
      (name === 'value' && above.includes('requested_roles'));
    const isFilter = tool === 'get_tasks';
    if (isPerson && !isFilter && value !== null)
      for (const person of entries(value, /^(followers|members)$/.test(name)).map((entry) => entry.trim())) {
        const email = person.includes('@') ? person : (world.users.get(person)?.email ?? '');
        if (person !== 'me' && !email.toLowerCase().endsWith(`@${domain}`)) return `${name} ${person}`;
        if (email.split('@').length > 2) return `${name} ${person}`;
      }
    if (typeof value === 'string' && mentions(tool, name, value)) return `${name} ${value}`;
  }
  return null;
}

function notOwn(
  { tool, args }: { tool: string; args: Raw },
  all: Found[],
  { world, me, seed }: { world: World; me: string; seed: typeof SEED },
): string | null {
  const mine = new Set(['me', me, world.users.get(me)!.email]);
  const isMine = (value: unknown) => mine.has(String(value).toLowerCase());
  for (const { name, value, above } of all) {
    if (value === null) continue;
    const isTask =
      TASKS.test(name) ||
      (name === 'gid' && above.at(-1) === 'updatedSubtasks') ||
      (name === 'parent' && tool !== 'create_project_status_update') ||
      (name !== 'key' && above.at(-1) === 'orderedTaskGidsBySectionGid');
    if (isTask && world.tasks.get(String(value))?.assigneeGid !== me) return `${name} ${String(value)}`;
    if (
      name === 'assignee_any' &&
      !String(value)
        .split(',')
        .every((person) => isMine(person.trim()))
    )
      return 'of others';
    if (typeof value === 'string' && mentions(tool, name, value)) return `${name} ${value}`;
  }
  if (/^(get_status_overview|create_task_from_template|create_project_from_template)$/.test(tool))
    return 'of others';
  if (/^search_objects/.test(tool) && args.resource_type === 'task') return 'of others';
  if (/^search_tasks/.test(tool) && isNone(args.assignee_any)) return 'of others';
  if (
    tool === 'get_tasks' &&
    (!isMine(args.assignee) ||
      ['project', 'section', 'tag', 'user_task_list'].some((name) => !isNone(args[name])))
  )
    return 'of others';
  if (PREVIEWS.test(tool)) return null;
  const made = (value: unknown, name: string): Raw[] => {
    if (Array.isArray(value)) return value.flatMap((entry) => made(entry, name));
    if (typeof value !== 'object' || value === null) return [];
    const below = Object.entries(value).flatMap(([key, entry]) => made(entry, key));
    const isNew =
      /^(newSubtasks|subtasks)$/.test(name) ||
      (name === 'task' && /^save/.test(tool)) ||
      (name === 'tasks' && tool !== 'update_tasks');
    return isNew ? [value as Raw, ...below] : below;
  };
  const tasks = [...made(args, ''), ...(tool === 'create_task_confirm' ? [args] : [])];
  for (const task of tasks) {
    const assignee = task.assignee ?? args.default_assignee;
    const person = typeof assignee === 'object' && assignee !== null ? (assignee as Raw).gid : assignee;
    if (person === undefined || person === null || !isMine(person)) return 'for another';
  }
  return seed.ana === me ? null : 'not Ana';
}
