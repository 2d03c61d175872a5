// Creates deleted tasks anew, parents before children, then hangs back on what belongs to them. What Asana does not name by its new id stops
// there: nothing is hung onto a guess.
import type { Back } from './compare-parts';
import { afterCreation, createdAnew } from './create-anew';
import type { Caller } from './restore';
import { isObject, type Bundle, type RestoredItem, type Thing } from './what-is-there';

/** Tools that creating them takes. */
export function toolsToCreate(items: readonly Back[], { before }: Bundle): string[] {
  const isNew = (gid: string) => items.some((item) => item.gid === gid && item.state === 'new');
  const needsUpdate =
    items.some(({ state }) => state === 'differs') ||
    before.some((thing) => isNew(thing.gid) && afterCreation(thing, thing.gid) !== null);
  return needsUpdate ? ['create_tasks', 'update_tasks'] : ['create_tasks'];
}

/** Creates what is gone; one result for each thing that is to come back. */
export async function createAgain(
  caller: Caller,
  { before }: Bundle,
  items: readonly Back[],
): Promise<RestoredItem[]> {
  const stateOf = new Map(items.map((item) => [item.gid, item.state]));
  const made = new Map<string, string>();
  const results = new Map<string, RestoredItem>();
  const note = (thing: Thing, result: RestoredItem['result'], why: string | null) =>
    results.set(thing.gid, {
      ...{ kind: thing.kind, gid: thing.gid, title: thing.title, result, why },
      newGid: made.get(thing.gid) ?? null,
    });
  const root = before[0]!;
  for (let level = before.filter(({ gid }) => gid === root.gid); level.length > 0;) {
    const wanted = level.filter(({ gid }) => stateOf.get(gid) === 'new');
    if (wanted.length > 0) await createLevel(caller, wanted, { root, made, note });
    level = before.filter(
      ({ gid, parts }) =>
        gid !== root.gid &&
        !results.has(gid) &&
        level.some((above) => above.gid === parts.parent?.gid && made.has(above.gid)) &&
        stateOf.get(gid) === 'new',
    );
  }
  await hangBack(caller, before, { stateOf, made, results, note });
  for (const thing of before)
    if (stateOf.get(thing.gid) === 'new' && !results.has(thing.gid))
      note(thing, 'not_back', 'The task above it was not created.');
  return before.flatMap(({ gid }) => results.get(gid) ?? []);
}

interface Making {
  root: Thing;
  made: Map<string, string>;
  note(thing: Thing, result: RestoredItem['result'], why: string | null): void;
}

async function createLevel(caller: Caller, level: Thing[], { root, made, note }: Making): Promise<void> {
  const parentOf = (thing: Thing) =>
    thing.gid === root.gid ? (thing.parts.parent?.gid ?? null) : made.get(thing.parts.parent!.gid)!;
  const call = await caller('create_tasks', {
    tasks: level.map((thing) => createdAnew(thing, parentOf(thing))),
  });
  const gids = newGids(call.said, level);
  for (const [at, thing] of level.entries()) {
    const gid = gids[at];
    if (gid) {
      made.set(thing.gid, gid);
      note(thing, 'back', null);
    } else if (
      call.said !== null &&
      failedIn(call.said).length > 0 &&
      succeededIn(call.said).length < level.length
    )
      note(thing, 'not_back', reasonIn(call.said, at, level) ?? 'Asana did not create it.');
    else
      note(
        thing,
        call.mayHaveRun ? 'unknown' : 'not_back',
        call.problem ??
          'Asana did not say under which id it was created; what belongs to it was not hung back on.',
      );
  }
}

/** Further projects, dependencies, and subtasks that outlived their parent. */
async function hangBack(
  caller: Caller,
  before: readonly Thing[],
  {
    stateOf,
    made,
    results,
    note,
  }: Omit<Making, 'root'> & { stateOf: Map<string, Back['state']>; results: Map<string, RestoredItem> },
): Promise<void> {
  const renamed = (gid: string) => made.get(gid) ?? gid;
  const tasks: { thing: Thing; entry: Record<string, unknown> }[] = [];
  for (const thing of before) {
    const gid = made.get(thing.gid);
    const more = gid ? afterCreation(thing, gid) : null;
    if (more) tasks.push({ thing, entry: more });
    const parent = made.get(thing.parts.parent?.gid ?? '');
    if (stateOf.get(thing.gid) === 'differs' && parent)
      tasks.push({ thing, entry: { task: thing.gid, parent } });
  }
  if (tasks.length === 0) return;
  for (const { entry } of tasks)
    for (const name of ['add_dependencies', 'add_dependents'])
      if (Array.isArray(entry[name])) entry[name] = (entry[name] as string[]).map(renamed);
  const call = await caller('update_tasks', { tasks: tasks.map(({ entry }) => entry) });
  const failed = call.said === null ? null : failedIn(call.said);
  for (const { thing, entry } of tasks) {
    const isIn = failed?.find((one) => one.task === entry.task || one.gid === entry.task);
    const why = call.problem ?? (isIn ? `${messageIn(isIn) ?? 'Asana refused it'}.` : null);
    if (why === null && failed !== null) {
      if (!results.has(thing.gid)) note(thing, 'back', null);
      continue;
    }
    const lost =
      stateOf.get(thing.gid) === 'differs'
        ? 'It was not put under the new task'
        : 'Created, but further projects or dependencies are missing';
    note(
      thing,
      call.mayHaveRun && failed === null ? 'unknown' : 'not_back',
      `${lost}: ${why ?? 'Asana\u2019s answer was not understood.'}`,
    );
  }
}

type Said = Readonly<Record<string, unknown>>;
const listIn = (said: Said, name: string): Said[] => {
  const from = isObject(said.data) && Array.isArray(said.data[name]) ? said.data : said;
  return (Array.isArray(from[name]) ? (from[name] as unknown[]) : []).filter(isObject);
};
const succeededIn = (said: Said) => listIn(said, 'succeeded');
const failedIn = (said: Said) => listIn(said, 'failed');

/** The new gids in the order of what was asked for. Exact members of the answer are not known (facts/asana 1.7), so no more than is plain. */
function newGids(said: Said | null, level: readonly Thing[]): (string | null)[] {
  if (said === null) return level.map(() => null);
  const entries = succeededIn(said).map((entry) => ({
    entry,
    gid: [
      entry.gid,
      isObject(entry.task) ? entry.task.gid : null,
      isObject(entry.data) ? entry.data.gid : null,
    ].find((gid) => typeof gid === 'string') as string | undefined,
  }));
  return level.map((thing, at) => {
    if (entries.length === level.length && failedIn(said).length === 0) return entries[at]!.gid ?? null;
    const byIndex = entries.filter(({ entry }) => entry.index === at);
    const byName = entries.filter(({ entry }) => entry.name === thing.parts.name);
    const [only, ...others] = byIndex.length === 1 ? byIndex : byName;
    return only && others.length === 0 ? (only.gid ?? null) : null;
  });
}

function reasonIn(said: Said, at: number, level: readonly Thing[]): string | null {
  const failed = failedIn(said);
  const one =
    failed.find(({ index }) => index === at) ?? failed.find(({ name }) => name === level[at]!.parts.name);
  return one ? messageIn(one) : null;
}

function messageIn({ errors, error }: Said): string | null {
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : [error];
  const text = isObject(first) ? first.message : first;
  return typeof text === 'string' ? text.slice(0, 300) : null;
}
