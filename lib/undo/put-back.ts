// What putting back means for a whole bundle: what was there before a call against what is there now, thing by thing. Pure.
import { compareThing, type Back } from './compare-parts';
import { deleted } from './create-anew';
import { isObject, type Bundle, type Thing } from './what-is-there';

/** Compares each thing with what is there now (by gid; absent: it can't be seen). `me`: e-mail address of the account at Asana. */
export function compareBundle(
  { tool, arguments: args, before }: Bundle,
  now: ReadonlyMap<string, Thing>,
  me: string,
): Back[] {
  if (tool === 'delete_task')
    return before.map((thing) => deleted(thing, now.get(thing.gid), before[0]!.gid));
  return before.map((thing) => {
    const current = now.get(thing.gid);
    const asked = tool === 'update_project' ? args : mergedItem(args, thing.gid);
    const base = { kind: thing.kind, gid: thing.gid, title: thing.title, changes: [], lost: [], args: null };
    if (!current)
      return {
        ...base,
        state: 'gone',
        lost: [`The ${thing.kind} can\u2019t be seen any more, so nothing of it can be put back.`],
      };
    return compareThing(base, { was: thing.parts, now: current.parts, asked, me });
  });
}

/** What all entries of a call say of one task; lists add up, else the last counts. */
function mergedItem(args: Bundle['arguments'], gid: string): Record<string, unknown> {
  const merged: Record<string, unknown> = {};
  for (const item of args.tasks as Record<string, unknown>[])
    if (item.task === gid)
      for (const [name, value] of Object.entries(item)) {
        const had = merged[name];
        if (Array.isArray(had) && Array.isArray(value))
          merged[name] = [...(had as unknown[]), ...(value as unknown[])];
        else if (isObject(had) && isObject(value)) merged[name] = { ...had, ...value };
        else merged[name] = value;
      }
  return merged;
}
