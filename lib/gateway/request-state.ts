// `requestState` as agents see it (MCP 2026-07-28, multi round-trip requests): Asana's own, sealed for who asks, what is called and with
// which arguments. Whoever brings it back elsewhere, later or changed brings nothing (T14). Any process can go on with it.
import { hash } from 'node:crypto';
import { openSecret, sealSecret } from '../vault/vault';
import { encodeJson, type Json } from './decode';
import { nameIn } from './headers-agree';
import type { Message } from './message';

/** Whose call it is, and which. */
export interface StateOwner {
  organizationId: string;
  credentialId: string;
  connectionId: string;
  message: Message;
}

/** A person may take a while to answer; what a token may do is judged anew in each round anyway. */
const TTL_MS = 10 * 60_000;
const MAX_STATE_CHARS = 256 * 1024;

function placeOf({ organizationId, credentialId, connectionId, message }: StateOwner): string {
  const about = encodeJson(
    [message.method, nameIn(message) ?? null, message.params.get('arguments') ?? new Map<string, Json>()],
    true,
  );
  return `${organizationId}:mcp-request-state:${credentialId}:${connectionId}:${hash('sha256', about)}`;
}

/** Asana's own state, or the name of a call that waits here (`parked-calls`). */
export type StateKind = 'own' | 'parked';

/** A state for the agent; null where it is too long to come back. `nowMs`: since 1970. */
export function sealState(
  owner: StateOwner,
  state: string,
  nowMs: number,
  kind: StateKind = 'own',
): string | null {
  if (state.length > MAX_STATE_CHARS) return null;
  return sealSecret(placeOf(owner), JSON.stringify([nowMs + TTL_MS, state, kind]));
}

/** The state out of the agent's, or null where it is not one that was given for this very call, or is too old. */
export function openState(
  owner: StateOwner,
  sealed: Json,
  nowMs: number,
): { state: string; kind: StateKind } | null {
  if (typeof sealed !== 'string') return null;
  try {
    const opened = JSON.parse(openSecret(placeOf(owner), sealed)) as [number, string, StateKind];
    const [untilMs, state, kind] = opened;
    return nowMs < untilMs ? { state, kind } : null;
  } catch {
    return null;
  }
}
