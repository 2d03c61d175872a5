// Questions of Asana's in the middle of a call (MCP 2026-07-28, multi round-trip requests): they pass where the agent declared that it
// can answer them and a group of its person opens `client_requests`; each round is a call of its own, admitted and recorded like any.
import type { Json } from './decode';
import { metaOf } from './era';
import { topLevelMembers } from './json-members';
import { declaredCapabilities } from './modern-request';
import { openState, sealState, type StateOwner } from './request-state';

/** The methods that may ask back. */
const ASKING = ['tools/call', 'prompts/get', 'resources/read'];

const NEEDS: ReadonlyMap<unknown, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);

/** Whether a result (its members as raw JSON) asks back instead of answering. */
export function asksBack(members: ReadonlyMap<string, string>): boolean {
  return members.get('resultType') === '"input_required"';
}

/**
 * An `input_required` result for the agent: Asana's, with its state sealed. Null where it may not ask, asks what the agent did not
 * declare, or asks nothing at all.
 */
export function passQuestions(
  members: ReadonlyMap<string, string>,
  owner: StateOwner,
  families: readonly string[],
): string | null {
  const { message } = owner;
  if (!ASKING.includes(message.method)) return null;
  const declared = declaredCapabilities(metaOf(message), families);
  const requests = topLevelMembers(members.get('inputRequests') ?? '{}');
  const state: unknown = JSON.parse(members.get('requestState') ?? 'null');
  if (requests === null || (state !== null && typeof state !== 'string')) return null;
  if (requests.size === 0 && state === null) return null;
  for (const request of requests.values()) {
    const method = topLevelMembers(request)?.get('method');
    const needed = method === undefined ? undefined : NEEDS.get(JSON.parse(method));
    if (needed === undefined || !declared.has(needed)) return null;
  }
  const sealed = state === null ? undefined : sealState(owner, state, Date.now());
  if (sealed === null) return null;
  const kept = [...members].filter(([key]) => key !== 'requestState');
  if (sealed !== undefined) kept.push(['requestState', JSON.stringify(sealed)]);
  return `{${kept.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

/**
 * What a retry brings back, as members of params for Asana: its answers as they are (Asana judges them) and Asana's own state. Empty
 * for a first call; null where the state is not one for this very call, or the family was closed meanwhile (F10).
 */
export function broughtBack(owner: StateOwner, families: readonly string[]): Map<string, Json> | null {
  const { params, method } = owner.message;
  const [sealed, responses] = [params.get('requestState'), params.get('inputResponses')];
  if (!ASKING.includes(method) || (sealed === undefined && responses === undefined)) return new Map();
  const isOpen = families.includes('client_requests');
  const brought = new Map<string, Json>();
  if (responses !== undefined && isOpen) brought.set('inputResponses', responses);
  if (sealed === undefined) return brought;
  const state = isOpen ? openState(owner, sealed, Date.now()) : null;
  return state === null ? null : brought.set('requestState', state);
}
