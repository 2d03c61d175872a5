// What an agent of the older era gets of an Asana that speaks the modern one only: results without what that era added, errors with the
// codes of its own. Pure.
import { topLevelMembers } from './json-members';
import type { Message } from './message';

const ADDED = ['resultType', 'ttlMs', 'cacheScope'];

/** A `complete` result without the modern era's own members, or null where it is none; all else keeps its bytes. */
export function legacyResult(result: string): string | null {
  const members = topLevelMembers(result);
  const said = members?.get('resultType');
  if (!members || (said !== undefined && said !== '"complete"')) return null;
  if (!ADDED.some((name) => members.has(name))) return result;
  const kept = [...members].filter(([key]) => !ADDED.includes(key));
  return `{${kept.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

interface Failure {
  code: number;
  data?: unknown;
}

/**
 * Asana's error for the agent: it can do nothing about our headers or our version, a capability that it did not declare makes its request
 * a bad one, and a resource that is not there has a code of its own (SEP-2164).
 */
export function legacyError({ method, params }: Message, { code, data }: Failure): Failure {
  if (code === -32020 || code === -32022) return { code: -32603 };
  if (code === -32021) return { code: -32602 };
  const named = (data as { uri?: unknown } | null | undefined)?.uri;
  const isResource = method === 'resources/read' && code === -32602 && typeof named === 'string';
  return isResource ? { code: -32002, data: { uri: params.get('uri') } } : { code };
}

/** What a server of the modern era refuses a well-formed request of ours with. */
const CODES = [-32020, -32021, -32022, -32601, -32602, -32603];

/** Whether an error (of HTTP 400 or 404) is one that a server of the modern era gives. */
export function isOfModern<T extends Failure>(failure: T | null): failure is T {
  return failure !== null && CODES.includes(failure.code);
}
