// Filters tools/list answers: only tools the caller may use, each of them whole, in Asana's order. The envelope is rebuilt from the
// members that we know, so nothing beside the list can carry a hidden name (RF-16, RF-17). Pure.
import { fingerprintOf } from '../catalogue/classify';
import { ANSWER_LIMITS, decodeJson, DecodeError, type Json } from './decode';
import { listEntries, topLevelMembers } from './json-members';

/** A tools/list result that was decoded strictly. Nothing in it depends on who asked. */
export interface ToolList {
  /**
   * In Asana's order; `text` is the whole tool as it came, and `fingerprint` that of its definition. Names that stood twice are left out.
   */
  tools: readonly { name: string; text: string; fingerprint: string }[];
  nextCursor: string | null;
  /** What Asana says a client may keep it for (MCP 2026-07-28); undefined where it says nothing. */
  ttlMs: Json | undefined;
}

/** Reads a result, given as JSON text; null where it is not a tools/list result. Works on any page. */
export function readToolList(text: string): ToolList | null {
  let result: Json;
  try {
    result = decodeJson(text, ANSWER_LIMITS);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
  if (!(result instanceof Map)) return null;
  const decoded = result.get('tools');
  if (!Array.isArray(decoded)) return null;
  const names = decoded.map((tool) => (tool instanceof Map ? tool.get('name') : undefined));
  if (!names.every((name) => typeof name === 'string')) return null;
  // What was decoded has each key once, so these are the very tools that were looked at.
  const texts = listEntries(topLevelMembers(text)!.get('tools')!);
  // A name listed twice stands for two tools, of which only one was reviewed: neither is shown (PB-13).
  const times = new Map<string, number>();
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1);
  const tools = names
    .map((name, n) => ({ name, text: texts[n]! }))
    .filter(({ name }) => times.get(name) === 1)
    .map((tool) => ({ ...tool, fingerprint: fingerprintOf(JSON.parse(tool.text)) }));
  const cursor = result.get('nextCursor');
  return { tools, nextCursor: typeof cursor === 'string' ? cursor : null, ttlMs: result.get('ttlMs') };
}

/** What admission says of a caller (`fingerprint name`), by name. */
export function visibleTools(visible: readonly string[] | null): ReadonlyMap<string, string> {
  // A fingerprint holds no space, and a name may.
  return new Map(
    (visible ?? []).map((text) => {
      const at = text.indexOf(' ');
      return [text.slice(at + 1), text.slice(0, at)];
    }),
  );
}

/**
 * The members of the result for a caller, as JSON text without the braces around them. `visible`: the names he may see, each with the
 * fingerprint that was reviewed: what Asana changed since then he does not see, whether a sync has noticed it yet or not (PB-12, RF-25);
 * `*`: any. Cursors pass untouched.
 */
export function shownTools({ tools, nextCursor }: ToolList, visible: ReadonlyMap<string, string>): string {
  let shown = '';
  for (const { name, text, fingerprint } of tools) {
    const reviewed = visible.get(name);
    if (reviewed === fingerprint || reviewed === '*') shown += shown === '' ? text : `,${text}`;
  }
  return `"tools":[${shown}]${nextCursor === null ? '' : `,"nextCursor":${JSON.stringify(nextCursor)}`}`;
}
