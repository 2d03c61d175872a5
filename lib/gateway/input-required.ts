// Questions of Asana's in the middle of a call (MCP 2026-07-28, multi round-trip requests): they pass where the agent declared that it
// can answer them and a group of its person opens `client_requests`; each round is a call of its own, admitted and recorded like any.
import type { Json } from './decode';
import { metaOf } from './era';
import { topLevelMembers } from './json-members';
import { declaredCapabilities } from './modern-request';
import { openState, sealState, type StateOwner } from './request-state';

/** The methods that may ask back. */
export const ASKING = ['tools/call', 'prompts/get', 'resources/read'];

/** Questions of Asana's, and what the agent must have declared for each. */
export const NEEDS: ReadonlyMap<unknown, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);

/** Whether a result (its members as raw JSON) asks back instead of answering. */
export function asksBack(members: ReadonlyMap<string, string>): boolean {
  return members.get('resultType') === '"input_required"';
}

/** What Asana asks before it can answer. */
export interface Questions {
  /** By Asana's keys: the method, and the params as JSON. */
  requests: ReadonlyMap<string, { method: string; params: string | undefined }>;
  /** Asana's own `requestState`. */
  state: string | null;
}

/**
 * The questions in an `input_required` result to a call of `method`; null where it may not ask, asks what nobody declared, or asks
 * nothing at all. `mayAsk`: whether the agent declared the capability and its groups open it.
 */
export function questionsIn(
  members: ReadonlyMap<string, string>,
  method: string,
  mayAsk: (capability: string) => boolean,
): Questions | null {
  if (!ASKING.includes(method)) return null;
  const asked = topLevelMembers(members.get('inputRequests') ?? '{}');
  const state: unknown = JSON.parse(members.get('requestState') ?? 'null');
  if (asked === null || (state !== null && typeof state !== 'string')) return null;
  if (asked.size === 0 && state === null) return null;
  const requests = new Map<string, { method: string; params: string | undefined }>();
  for (const [key, text] of asked) {
    const request = topLevelMembers(text);
    const said: unknown = JSON.parse(request?.get('method') ?? 'null');
    const needed = NEEDS.get(said);
    if (needed === undefined || !mayAsk(needed)) return null;
    requests.set(key, { method: said as string, params: request!.get('params') });
  }
  return { requests, state };
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
  const declared = declaredCapabilities(metaOf(message), families);
  const asked = questionsIn(members, message.method, (capability) => declared.has(capability));
  if (asked === null) return null;
  const { state } = asked;
  const sealed = state === null ? undefined : sealState(owner, state, Date.now());
  if (sealed === null) return null;
  const kept = [...members].filter(([key]) => key !== 'requestState');
  if (sealed !== undefined) kept.push(['requestState', JSON.stringify(sealed)]);
  return `{${kept.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

/**
 * What a retry brings back, as members of params for Asana: its answers as they are (Asana judges them) and Asana's own state. Empty
 * for a first call; `parkedAs` names one that waits here instead. Null where the state is not one for this very call, or the family was closed meanwhile (F10).
 */
export function broughtBack(
  owner: StateOwner,
  families: readonly string[],
): { brought: Map<string, Json>; parkedAs: string | null } | null {
  const { params, method } = owner.message;
  const [sealed, responses] = [params.get('requestState'), params.get('inputResponses')];
  const brought = new Map<string, Json>();
  const first = { brought, parkedAs: null };
  if (!ASKING.includes(method) || (sealed === undefined && responses === undefined)) return first;
  const isOpen = families.includes('client_requests');
  if (responses !== undefined && isOpen) brought.set('inputResponses', responses);
  if (sealed === undefined) return first;
  const opened = isOpen ? openState(owner, sealed, Date.now()) : null;
  if (opened === null) return null;
  if (opened.kind === 'parked') return { brought, parkedAs: opened.state };
  brought.set('requestState', opened.state);
  return first;
}
