// What a result must say of itself in the modern era: `resultType` always, `ttlMs` and `cacheScope` on what may be cached. All else of
// it keeps its bytes. Pure.
import { META } from './era';
import { SERVER_INFO } from './initialize';
import { topLevelMembers } from './json-members';

/** How long a client may keep what an admin can change, and what only Asana can. */
export const MAX_TTL_MS = { policy: 5_000, content: 60_000 };

/** What a client may keep, and so is always rewritten. */
export const CACHEABLE = new Set([
  'resources/list',
  'resources/templates/list',
  'resources/read',
  'prompts/list',
]);

/** Prefix of a result that said nothing of its type, which is `complete` (MCP 2026-07-28, basic). */
export const COMPLETE = '"resultType":"complete"';

function cappedTtl(said: unknown, maxMs: number): number {
  return typeof said === 'number' && said > 0 ? Math.floor(Math.min(said, maxMs)) : 0;
}

/** A filtered tools/list result of the modern era. `members`: of `shownTools`; `said`: Asana's `ttlMs`. */
export function finishToolList(members: string, said: unknown): string {
  const meta = JSON.stringify({ [`${META}serverInfo`]: SERVER_INFO });
  const ttlMs = cappedTtl(said, MAX_TTL_MS.policy);
  return `{${COMPLETE},${members},"ttlMs":${ttlMs},"cacheScope":"private","_meta":${meta}}`;
}

/**
 * A `complete` result for an agent of the modern era, or null where it can't be one. What may be cached may be so by its caller only:
 * a list of Asana's is as private as the connection that it was read through (F7).
 */
export function finishResult(method: string, result: string): string | null {
  const members = topLevelMembers(result);
  if (!members) return null;
  const said = members.get('resultType');
  if (said !== undefined && said !== '"complete"') return null;
  if (!CACHEABLE.has(method))
    return said === undefined
      ? `{${COMPLETE}${members.size > 0 ? ',' : ''}${result.slice(result.indexOf('{') + 1)}`
      : result;
  const ttlMs = cappedTtl(JSON.parse(members.get('ttlMs') ?? 'null'), MAX_TTL_MS.content);
  for (const own of ['resultType', 'ttlMs', 'cacheScope']) members.delete(own);
  const kept = [...members].map(([key, value]) => `,${JSON.stringify(key)}:${value}`).join('');
  return `{${COMPLETE}${kept},"ttlMs":${ttlMs},"cacheScope":"private"}`;
}
