// Judges the arguments of one call by the rules of the groups that grant its tool. What can't be told from the arguments is asked for as a
// lookup; what can't be told at all is refused, never guessed. Pure: the gate does the asking, and judges again with what it heard.
import { mapOf, type ArgumentJson, type Kind, type ToolMap } from './argument-map';
import { GID, hasPlaces, placeWords, RULE_NAMES, type ArgumentRules, type RuleName } from './argument-rules';
import { readArguments, unmappedArgument, type Reading, type Readings } from './read-arguments';

/** Something that only Asana knows. The caller's own connection is asked, so what it may not see is not found. */
export interface Lookup {
  kind: 'task' | 'project' | 'portfolio' | 'user' | 'me';
  /** Empty for `me`. */
  gid: string;
}

/** What Asana said; lists of gids. */
export interface LookedUp {
  task: { projects: string[]; sections: string[]; parent: string | null; assignee: string | null };
  project: { team: string | null; sections: string[] };
  portfolio: { items: string[] };
  user: { gid: string; email: string | null };
  me: { gid: string; email: string | null };
}

/** Null: Asana was asked and did not say. */
export type Known = ReadonlyMap<string, LookedUp[Lookup['kind']] | null>;

export const lookupKey = ({ kind, gid }: Lookup): string => `${kind} ${gid}`;

/** A group that grants the tool, with its rules. */
export interface RuledGroup {
  slug: string;
  name: string;
  rules: ArgumentRules;
}

export interface Refusal {
  group: RuledGroup;
  rule: RuleName;
  /** What is wrong and what to change, for the agent. */
  text: string;
}

export type Verdict = { passed: true } | { needs: Lookup[] } | { refusals: Refusal[] };

/** How many steps up a subtask is followed to find a project. */
const MAX_PARENTS = 5;
/** Whose sections are looked through for one that the call names alone. */
const MAX_PROJECTS_LOOKED_THROUGH = 10;

/**
 * Whether a call may be made under the rules: one group whose rules it fits is enough, like one group that has the tool. `inputSchema`: of
 * the reviewed definition; an argument in it that nobody mapped closes the tool.
 */
export function judgeArguments(
  groups: readonly RuledGroup[],
  call: { tool: string; arguments: ArgumentJson; inputSchema: unknown },
  known: Known,
): Verdict {
  const map = mapOf(call.tool);
  const unmapped = map === null ? null : unmappedArgument(map, call.inputSchema);
  const readings = map === null ? null : readArguments(map, call.arguments);
  const needs = new Map<string, Lookup>();
  const refusals: Refusal[] = [];
  for (const group of groups) {
    const refuse = (rule: RuleName, text: string) => refusals.push({ group, rule, text });
    if (map === null) {
      refuse('unmapped', `nobody has said what the arguments of ${call.tool} mean to the rules`);
      continue;
    }
    if (unmapped !== null) {
      refuse('unmapped', `${call.tool} has an argument that the rules do not know (${unmapped})`);
      continue;
    }
    if ('unmapped' in readings!) {
      refuse(
        'unmapped',
        `${shown(readings.unmapped)} is not an argument that the rules know, or of another form`,
      );
      continue;
    }
    const asked = new Map<string, Lookup>();
    const judged = judgeGroup({
      rules: group.rules,
      map,
      ...(readings as Readings),
      known,
      asked,
      tool: call.tool,
    });
    if (judged !== null) refuse(judged.rule, judged.text);
    else if (asked.size === 0) return { passed: true };
    else for (const [key, lookup] of asked) needs.set(key, lookup);
  }
  return needs.size > 0 ? { needs: [...needs.values()] } : { refusals };
}

/** What an agent reads: each group's reason, the rule by its name, and who can change it. */
export function refusalText(refusals: readonly Refusal[]): string {
  const reasons = refusals.map(
    ({ group, rule, text }) => `Group \u201c${group.name}\u201d allows ${RULE_NAMES[rule]}: ${text}.`,
  );
  return `Refused by a rule on arguments. ${reasons.join(' ')} Nothing was sent to Asana. Change the call, or ask an admin about the rule.`;
}

/** What the audit keeps of it: `group:sales rule:places`, for each group. */
export const refusalTarget = (refusals: readonly Refusal[]): string =>
  refusals.map(({ group, rule }) => `group:${group.slug} rule:${rule}`).join(', ');

interface Setting extends Readings {
  rules: ArgumentRules;
  map: ToolMap;
  tool: string;
  known: Known;
  /** Filled with what would have to be known. */
  asked: Map<string, Lookup>;
}

interface Reason {
  rule: RuleName;
  text: string;
}
/** Undefined: not known yet. */
type Maybe = boolean | undefined;

function judgeGroup(at: Setting): Reason | null {
  const { rules } = at;
  return (
    judgeItems(at) ??
    (hasPlaces(rules) ? judgePlaces(at) : null) ??
    (rules.keepInProject ? judgeMoves(at) : null) ??
    (rules.companyDomains.length > 0 ? judgePeople(at) : null) ??
    (rules.ownTasksOnly ? judgeOwn(at) : null) ??
    judgeTexts(at)
  );
}

function judgeItems({ rules: { maxItems }, map, entries }: Setting): Reason | null {
  if (maxItems === null) return null;
  const count = (map.items ?? []).reduce((sum, path) => sum + (entries.get(path) ?? 0), 0);
  return count > maxItems
    ? { rule: 'maxItems', text: `this call has ${count} items and may have ${maxItems}; split it` }
    : null;
}

/** Text in which people and things are mentioned notifies people and shows names, whichever place it stands in. */
function judgeTexts({ rules, readings }: Setting): Reason | null {
  const rule =
    rules.companyDomains.length > 0 ? 'companyDomains' : hasPlaces(rules) ? 'places' : 'ownTasksOnly';
  if (rule === 'ownTasksOnly' && !rules.ownTasksOnly) return null;
  for (const { kind, value, place } of readings) {
    if (kind === 'text' && typeof value === 'string' && mayMention(value))
      return { rule, text: `${place} holds a mention or a link into Asana; write it without` };
    if (kind === 'fields' && typeof value === 'string' && !onlyOfTheThing(value))
      return {
        rule,
        text: `${place} asks for details of other things (like parent.notes); ask for names and gids of them only`,
      };
    if (kind === 'fields' && typeof value !== 'string' && value !== null)
      return { rule, text: `${place} must be a text` };
  }
  return null;
}

/** Characters may be written in another way that is read as the same; the five entities that XML needs spell none of these. */
function mayMention(text: string): boolean {
  const plain = text
    .normalize('NFKC')
    .replace(/%([2-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return /data-asana|asana\.com|&#|&(?!(?:amp|lt|gt|quot|apos);)[a-z][a-z\d]*;/i.test(plain);
}

const NAMING = /\.(?:gid|name|email|resource_type|resource_subtype)$/;
const OWN_PARTS = /^(?:custom_fields|custom_field_settings|enum_options|photo)\./;

/** `opt_fields` reach through references into other tasks and projects: of those only what names them. */
function onlyOfTheThing(fields: string): boolean {
  return fields
    .split(',')
    .map((field) => field.trim())
    .every(
      (field) =>
        /^[a-z_0-9]*$/.test(field) ||
        (/^[a-z_0-9]+(?:\.[a-z_0-9]+){1,3}$/.test(field) &&
          (NAMING.test(field) || OWN_PARTS.test(field) || /^memberships\.(?:project|section)$/.test(field))),
    );
}

// ---- places

const FINDABLE_ANYWHERE = ['actor', 'agent', 'custom_field', 'tag', 'user'];
const CLOSED_BY_PLACES: readonly Kind[] = ['elsewhere', 'assigneeFilter'];

function judgePlaces(at: Setting): Reason | null {
  const { map, readings, rules, tool } = at;
  const refuse = (text: string): Reason => ({ rule: 'places', text: `${text}; ${placesOf(rules)}` });
  if (map.reach === 'closed') return refuse(`${tool} can\u2019t be narrowed to a place`);
  if (tool === 'get_teams' && rules.teams.length > 0) return refuse(`${tool} lists all teams`);
  if (tool === 'get_users' && rules.teams.length > 0 && !named(at, 'team'))
    return refuse(`${tool} needs the argument team`);
  for (const { kind, place, value } of readings) {
    if (kind === 'resourceType' && !isFindable(value, rules))
      return refuse(`a search for ${shown(value)} can\u2019t be narrowed to a place`);
    if (CLOSED_BY_PLACES.includes(kind))
      return refuse(`${place} can\u2019t be told to stay in a place; leave it out`);
    if (kind === 'filter' && !isPlainFilter(value))
      return refuse(`${place} must be a JSON object of custom field gids and plain values`);
  }
  const unnamed = placeMissing(at);
  if (unnamed !== null) return refuse(unnamed);
  for (const reading of readings) {
    const gids = gidsOf(reading);
    if (gids === null) return refuse(`${reading.place} must be given as gids alone (digits, no link)`);
    for (const gid of gids)
      if (inPlace(at, reading, gid) === false)
        return refuse(`${reading.place} names ${gid}, which is not inside, or Asana did not say so`);
  }
  return null;
}

const placesOf = (rules: ArgumentRules): string => {
  const places = (['projects', 'teams', 'portfolios', 'sections'] as const).flatMap((kind) =>
    rules[kind].slice(0, 5).map((place) => `${kind.slice(0, -1)} ${placeWords(place)}`),
  );
  return `inside is: ${places.slice(0, 8).join(', ')}${places.length > 8 ? ' and others' : ''}`;
};

function isFindable(value: ArgumentJson, rules: ArgumentRules): boolean {
  if (value === 'team') return rules.teams.length === 0;
  return typeof value === 'string' && FINDABLE_ANYWHERE.includes(value);
}

/** `{"<gid>.<operator>": plain value}`: anything else could be taken for another filter. */
function isPlainFilter(value: ArgumentJson): boolean {
  if (typeof value !== 'string') return value === null;
  let filter: unknown;
  try {
    filter = JSON.parse(value);
  } catch {
    return false;
  }
  if (typeof filter !== 'object' || filter === null || Array.isArray(filter)) return false;
  return Object.entries(filter).every(
    ([key, entry]) =>
      /^\d{1,32}(?:\.[a-z_]{1,20})?$/.test(key) && /^(?:string|number|boolean)$/.test(typeof entry),
  );
}

/** The sentence about a place that the call ought to name and does not; null where it names one. */
function placeMissing(at: Setting): string | null {
  const { reach } = at.map;
  if (typeof reach === 'string') return null;
  const { oneOf, each } = reach;
  const words = oneOf.map((path) => path.replace(`${each}.`, '')).join(' or ');
  if (each === undefined) return oneOf.some((path) => named(at, path)) ? null : `add ${words}`;
  const places = at.objects.get(each) ?? [];
  if (places.length === 0) return `${each.slice(0, -2)} is missing`;
  const candidates = at.readings.filter(({ path }) => oneOf.includes(path));
  const bare = places.find((place) => {
    const own = candidates.filter((reading) => reading.place.startsWith(`${place}.`));
    const shared = candidates.filter(({ path }) => !path.startsWith(each));
    // An entry that says null might mean to be nowhere, whatever the call says for all.
    return (
      own.some(({ value }) => value === null) || ![...own, ...shared].some(({ value }) => value !== null)
    );
  });
  return bare === undefined ? null : `add ${words} to ${bare}`;
}

const named = ({ readings }: Setting, path: string): boolean =>
  readings.some((reading) => reading.path === path && reading.value !== null);

const PLACE_KINDS: readonly Kind[] = [
  ...(['task', 'project', 'projects', 'section', 'sections', 'team', 'teamOfPeople'] as const),
  ...(['portfolio', 'taskOrProject', 'projectOrPortfolio'] as const),
];

/** The gids of a reading that names a place or a task; none for others and for null. Null where it is written in another form. */
function gidsOf({ kind, value }: Pick<Reading, 'kind' | 'value'>): string[] | null {
  if (!PLACE_KINDS.includes(kind) || value === null) return [];
  const text = typeof value === 'object' && 'text' in value ? value.text : value;
  if (typeof text !== 'string' && typeof text !== 'number') return null;
  const isList = kind === 'projects' || kind === 'sections';
  const gids = (isList ? String(text).split(',') : [String(text)]).map((gid) => (isList ? gid.trim() : gid));
  return gids.every((gid) => GID.test(gid)) ? gids : null;
}

function inPlace(at: Setting, reading: Reading, gid: string): Maybe {
  switch (reading.kind) {
    case 'project':
    case 'projects':
      return inProjects(at, gid);
    case 'section':
    case 'sections':
      return inSections(at, reading, gid);
    case 'team':
      return holds(at.rules.teams, gid);
    case 'teamOfPeople':
      return at.rules.teams.length === 0 || holds(at.rules.teams, gid);
    case 'portfolio':
      return holds(at.rules.portfolios, gid);
    case 'task':
      return inTask(at, gid);
    case 'taskOrProject':
      return inTaskOrProject(at, gid);
    case 'projectOrPortfolio':
      return holds(at.rules.portfolios, gid) || inProjects(at, gid);
    default:
      return true;
  }
}

const holds = (places: readonly { gid: string }[], gid: string): boolean =>
  places.some((place) => place.gid === gid);

/** True as soon as one is true, unknown as long as one is. */
function any(checks: Iterable<Maybe>): Maybe {
  let result: Maybe = false;
  for (const check of checks) {
    if (check === true) return true;
    if (check === undefined) result = undefined;
  }
  return result;
}

/** What is known of a thing; null where Asana did not say; undefined, and asked for, where it was not asked yet. */
function lookUp<K extends Lookup['kind']>(at: Setting, kind: K, gid: string): LookedUp[K] | null | undefined {
  const key = lookupKey({ kind, gid });
  const found = at.known.get(key);
  if (found === undefined) at.asked.set(key, { kind, gid });
  return found as LookedUp[K] | null | undefined;
}

function inProjects(at: Setting, gid: string): Maybe {
  const { projects, teams, portfolios } = at.rules;
  if (holds(projects, gid)) return true;
  const checks: Maybe[] = [];
  if (teams.length > 0) {
    const project = lookUp(at, 'project', gid);
    checks.push(
      project === undefined ? undefined : typeof project?.team === 'string' && holds(teams, project.team),
    );
  }
  for (const portfolio of portfolios) {
    const found = lookUp(at, 'portfolio', portfolio.gid);
    checks.push(found === undefined ? undefined : found !== null && found.items.includes(gid));
  }
  return any(checks);
}

/** A section named in the rule, or one of a project that is inside: the one the call names beside it, or those of the rule. */
function inSections(at: Setting, reading: Reading, gid: string): Maybe {
  if (holds(at.rules.sections, gid)) return true;
  const beside = projectsBeside(at, reading);
  const projects =
    beside.length > 0
      ? beside
      : at.rules.projects.slice(0, MAX_PROJECTS_LOOKED_THROUGH).map((place) => place.gid);
  return any(
    projects.map((project) => {
      const isInside = inProjects(at, project);
      if (isInside === false) return false;
      const found = lookUp(at, 'project', project);
      if (found === undefined || isInside === undefined) return undefined;
      return found !== null && found.sections.includes(gid);
    }),
  );
}

/** Projects that the same entry of a list names, else the call itself. */
function projectsBeside({ readings }: Setting, { place }: Reading): string[] {
  const projects = readings.filter(({ kind, path }) => kind === 'project' && !path.includes('remove_'));
  const entry = place.replace(/[^.[\]]*(\[\d+\])?$/, '');
  const near = projects.filter((project) => project.place.startsWith(entry) && entry !== '');
  const chosen = near.length > 0 ? near : projects.filter((project) => !project.place.includes('['));
  return chosen.flatMap((project) => gidsOf(project) ?? []);
}

/** A task is where its projects and sections are; a subtask is also where its parent is. */
function inTask(at: Setting, gid: string, steps = 0): Maybe {
  const task = lookUp(at, 'task', gid);
  if (!task) return task === undefined ? undefined : false;
  if (task.sections.some((section) => holds(at.rules.sections, section))) return true;
  const here = any(task.projects.map((project) => inProjects(at, project)));
  if (here !== false || task.parent === null || steps >= MAX_PARENTS) return here;
  return inTask(at, task.parent, steps + 1);
}

function inTaskOrProject(at: Setting, gid: string): Maybe {
  if (holds(at.rules.projects, gid)) return true;
  const task = lookUp(at, 'task', gid);
  if (task === undefined) return undefined;
  return task === null ? inProjects(at, gid) : inTask(at, gid);
}

// ---- moves

/** Nothing that takes a task out of a project: what goes in beside that is for the other rules. */
function judgeMoves(at: Setting): Reason | null {
  const refuse = (text: string): Reason => ({ rule: 'keepInProject', text });
  for (const reading of at.readings) {
    const { path, place, value } = reading;
    if (/(?:^|\.)remove_projects\[\]$/.test(path))
      return refuse(`${place} takes a task out of a project; leave it out`);
    if (path === 'tasks[].parent' && at.tool === 'update_tasks')
      return refuse(`${place} hangs a task elsewhere; leave it out`);
    if (path === 'updatedNativeFields.project' && value === null)
      return refuse(`${place} takes the task out of its project`);
    if (/^orderedTaskGidsBySectionGid\./.test(path))
      return refuse(`${place} can\u2019t be judged; leave it out`);
    if (isMoveAway(at, reading))
      return refuse(`${place} names another project than the task is in, or Asana did not say so`);
  }
  return null;
}

/** In the widgets' tools: a project that is not the task's, or a section or task that is not the project's. */
function isMoveAway(at: Setting, { path, value }: Reading): boolean {
  const gid = typeof value === 'string' ? value : '';
  // Of a task in two projects it would leave the one it was in "before".
  if (path === 'updatedNativeFields.previousProjectGid')
    return value !== null && gid !== gidAt(at, 'updatedNativeFields.project.gid');
  if (path === 'updatedNativeFields.project.gid') return taskIsIn(at, gidAt(at, 'taskGid'), gid) === false;
  if (path === 'taskMoves[].taskGid') return taskIsIn(at, gid, gidAt(at, 'projectGid')) === false;
  if (path !== 'taskMoves[].toSectionGid') return false;
  const project = lookUp(at, 'project', gidAt(at, 'projectGid'));
  return project === null || (project !== undefined && !project.sections.includes(gid));
}

function taskIsIn(at: Setting, task: string, project: string): Maybe {
  if (!GID.test(task) || !GID.test(project)) return false;
  const found = lookUp(at, 'task', task);
  return found === undefined ? undefined : found !== null && found.projects.includes(project);
}

function gidAt({ readings }: Setting, path: string): string {
  const value = readings.find((reading) => reading.path === path)?.value;
  return typeof value === 'string' ? value : '';
}

// ---- people

const GIVEN: readonly Kind[] = ['assignee', 'person', 'people'];

/** Who is given a task, a place among followers or members, or a role, is of the company: "me", or an e-mail address at one of its domains. */
function judgePeople(at: Setting): Reason | null {
  for (const { kind, place, value } of at.readings) {
    if (!GIVEN.includes(kind) || value === null) continue;
    for (const person of peopleIn(kind, value))
      if (isOfCompany(at, person) === false)
        return {
          rule: 'companyDomains',
          text: `${place} names ${shown(person)}, who has no address at ${at.rules.companyDomains.join(', ')}, or Asana did not say so`,
        };
  }
  return null;
}

function peopleIn(kind: Kind, value: ArgumentJson): string[] {
  const text = typeof value === 'object' && value !== null && 'text' in value ? value.text : String(value);
  return kind === 'people' || kind === 'assigneesFilter'
    ? text.split(',').map((entry) => entry.trim())
    : [text];
}

function isOfCompany(at: Setting, person: string): Maybe {
  if (person === 'me') return true;
  const { companyDomains } = at.rules;
  const domain = (email: string) => /^[^\s@,<>"]+@([a-z0-9.-]+)$/.exec(email.toLowerCase())?.[1];
  if (person.includes('@')) return companyDomains.includes(domain(person) ?? '');
  if (!GID.test(person)) return false;
  const user = lookUp(at, 'user', person);
  if (!user) return user === undefined ? undefined : false;
  return user.email !== null && companyDomains.includes(domain(user.email) ?? '');
}

// ---- own tasks

const CLOSED_BY_OWN: readonly string[] = ['project', 'tag', 'section', 'user_task_list'];

function judgeOwn(at: Setting): Reason | null {
  const { map, readings, tool } = at;
  const refuse = (text: string): Reason => ({ rule: 'ownTasksOnly', text });
  if (map.own === 'closed') return refuse(`${tool} can\u2019t be narrowed to them`);
  if (map.own === 'by type' && !named(at, 'resource_type')) return refuse('add resource_type');
  if (typeof map.own === 'object' && !named(at, map.own.filter)) return refuse(`add ${map.own.filter}: "me"`);
  for (const { kind, path, place, value } of readings) {
    if (kind === 'resourceType' && (value === 'task' || typeof value !== 'string'))
      return refuse('a search for tasks can\u2019t be narrowed to them; use get_my_tasks');
    // Which of several contexts Asana goes by is not known.
    if (tool === 'get_tasks' && CLOSED_BY_OWN.includes(path) && value !== null)
      return refuse(`${place} asks for tasks of others, too; give assignee alone`);
    if (path === 'deletedSectionGids[]')
      return refuse(`${place} may take tasks of others with it; leave it out`);
    if (kind === 'assigneeFilter' || kind === 'assigneesFilter') {
      if (value !== null && peopleIn(kind, value).some((person) => isMe(at, person) === false))
        return refuse(`${place} must be "me"`);
    }
    if ((kind === 'task' || kind === 'taskOrProject') && value !== null) {
      const [gid] = gidsOf({ kind, value }) ?? [];
      if (gid === undefined) return refuse(`${place} must be given as a gid alone (digits, no link)`);
      if (isOwn(at, gid) === false)
        return refuse(`${place} names ${gid}, which is not assigned to the person, or Asana did not say so`);
    }
  }
  return judgeNewTasks(at);
}

/** A new task is the caller's own where it is assigned to the caller. */
function judgeNewTasks(at: Setting): Reason | null {
  for (const { at: path, assignee, otherwise } of at.map.creates ?? [])
    for (const place of at.objects.get(path) ?? []) {
      const own = valueAt(at, place === '' ? assignee : `${place}.${assignee}`);
      const value = own ?? (otherwise === undefined ? null : valueAt(at, otherwise));
      // A widget sends a person's address beside the gid; whichever of the two Asana goes by, both must fit.
      const email = /\.gid$/.test(assignee)
        ? valueAt(at, `${place === '' ? '' : `${place}.`}assignee.email`)
        : null;
      if (value === null || isMe(at, value) === false || (email !== null && isMe(at, email) === false))
        return {
          rule: 'ownTasksOnly',
          text: `${place || 'the new task'} must be assigned to the person: set ${assignee.split('.')[0]} to "me"`,
        };
    }
  return null;
}

function valueAt({ readings }: Setting, place: string): string | null {
  const value = readings.find((reading) => reading.place === place)?.value;
  return typeof value === 'string' ? value : null;
}

function isMe(at: Setting, person: string): Maybe {
  if (person === 'me') return true;
  const me = lookUp(at, 'me', '');
  if (!me) return me === undefined ? undefined : false;
  return person === me.gid || (me.email !== null && person.toLowerCase() === me.email.toLowerCase());
}

function isOwn(at: Setting, gid: string): Maybe {
  const task = lookUp(at, 'task', gid);
  const me = lookUp(at, 'me', '');
  if (task === null || me === null) return false;
  if (task === undefined || me === undefined) return undefined;
  return task.assignee !== null && task.assignee === me.gid;
}

/** A value of the agent's in a sentence of ours: short, and without its line breaks. */
function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 60);
}
