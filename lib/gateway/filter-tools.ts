// Filters tools/list answers: only tools the caller may use, each of them whole, in Asana's order. The envelope is rebuilt from the
// members that we know, so nothing beside the list can carry a hidden name (RF-16, RF-17). Pure.
import type { Json, JsonObject } from './decode';

/** The result for the agent, or null when what came is not a tools/list result. Works on any page; cursors pass untouched. */
export function filterToolList(result: Json, visible: ReadonlySet<string>): JsonObject | null {
  if (!(result instanceof Map)) return null;
  const tools = result.get('tools');
  if (!Array.isArray(tools)) return null;
  const names = tools.map((tool) => (tool instanceof Map ? tool.get('name') : undefined));
  if (!names.every((name) => typeof name === 'string')) return null;
  // A name listed twice stands for two tools, of which only one was reviewed: neither is shown (PB-13).
  const twice = new Set(names.filter((name, n) => names.indexOf(name) !== n));
  const kept = tools.filter((_, n) => visible.has(names[n]!) && !twice.has(names[n]!));
  const filtered: JsonObject = new Map<string, Json>([['tools', kept]]);
  const cursor = result.get('nextCursor');
  if (typeof cursor === 'string') filtered.set('nextCursor', cursor);
  return filtered;
}
