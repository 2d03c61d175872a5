// What agents of the legacy era carry for us from one request to the next: sessions, places in a stream, questions. Each is sealed for one
// purpose, credential and connection, so any process can go on with it, nobody else can, and nothing of Asana's own ids is shown.
import { hash } from 'node:crypto';
import { openSecret, sealSecret } from '../vault/vault';
import type { RpcId } from './respond';

/** Who may bring back what was sealed. */
export interface SealOwner {
  organizationId: string;
  credentialId: string;
  connectionId: string;
}

/** A session at Asana on behalf of one agent. */
export interface AgentSession {
  /** Asana's `Mcp-Session-Id`. */
  upstreamId: string;
  /** What initialize settled on. */
  protocolVersion: string;
  /**
   * What of Asana's may reach the agent beside its answers, as far as its groups still open it: `elicitation`, `sampling`, `roots` (it
   * relays them, and Asana was told so), `logging`.
   */
  relays: string[];
  /** Asana has no sessions: this one is ours alone, and `upstreamId` a name that Asana never hears. */
  isBridged?: boolean;
}

/** Where an agent was in a stream of Asana's. */
export interface StreamPlace {
  /** Asana's own event id. */
  eventId: string;
  /** Whose answer the stream carries; null on the session's own stream (GET). */
  call: StreamCall | null;
}

/** A call whose answer is still on its way. */
export interface StreamCall {
  callId: string;
  agentId: RpcId;
  method: string;
  /** The tool's name or the resource's URI, by which it is judged again. */
  name: string | null;
  /** As JSON. */
  progressToken: string | null;
  /** The rules on arguments that it passed; null where none applied. */
  judgedAs: string | null;
  /** When it was sent, since 1970. */
  sentMs: number;
}

const MAX_SEALED_CHARS = 6_144;
/** Node takes 16 KiB of headers in all, and this one comes back as one of them. */
const MAX_EVENT_ID_CHARS = 1_024;
/** No call of Asana's lasts longer. */
const QUESTION_MS = 10 * 60_000;

/** Seals a value for its owner and purpose, as visible ASCII that is random in its nonce. */
export function sealFor(owner: SealOwner, purpose: string, value: unknown): string {
  return sealSecret(placeFor(owner, purpose), JSON.stringify(value));
}

/** What was sealed for this owner and purpose; null for anything else. */
export function openFor(owner: SealOwner, purpose: string, sealed: string): unknown {
  if (sealed.length > MAX_SEALED_CHARS) return null;
  try {
    return JSON.parse(openSecret(placeFor(owner, purpose), sealed)) as unknown;
  } catch {
    return null;
  }
}

function placeFor(owner: SealOwner, purpose: string): string {
  return `${owner.organizationId}:${purpose}:${owner.credentialId}:${owner.connectionId}`;
}

// Before the seal, so that admission can read what such a call needs before it is known whose session it is. It opens nothing.
const BRIDGED = 'bridged.';

/** Whether an id claims to be that of a session without Asana's behind it. */
export function isBridgedId(id: string | undefined): boolean {
  return id?.startsWith(BRIDGED) === true;
}

/** The id for the agent (MCP 2025-11-25, transports, session management). */
export function sealSession(
  owner: SealOwner,
  { upstreamId, protocolVersion, relays, isBridged }: AgentSession,
): string {
  const value = [upstreamId, protocolVersion, relays];
  return isBridged
    ? BRIDGED + sealFor(owner, 'mcp-session-bridged', value)
    : sealFor(owner, 'mcp-session', value);
}

/** The session behind an agent's id, or null when it is not one of ours for this very credential and connection (T8, PP-30). */
export function openSession(owner: SealOwner, id: string): AgentSession | null {
  const isBridged = isBridgedId(id);
  const opened = isBridged
    ? openFor(owner, 'mcp-session-bridged', id.slice(BRIDGED.length))
    : openFor(owner, 'mcp-session', id);
  if (opened === null) return null;
  const [upstreamId, protocolVersion, relays = []] = opened as [string, string, string[]?];
  return { upstreamId, protocolVersion, relays, isBridged };
}

// What belongs to a session is good in that session only: an agent with two of them can't carry one's place into the other.
const inSession = (purpose: string, { upstreamId }: AgentSession) =>
  `${purpose}:${hash('sha256', upstreamId)}`;

/** An event id for the agent; null where Asana's is too long to come back in a header. */
export function sealPlace(owner: SealOwner, session: AgentSession, place: StreamPlace): string | null {
  const { eventId, call } = place;
  // It comes back as a header.
  if (eventId.length > MAX_EVENT_ID_CHARS || !/^[\x20-\x7e]*$/.test(eventId)) return null;
  const value = call === null ? [eventId] : [eventId, call];
  const sealed = sealFor(owner, inSession('mcp-event', session), value);
  return sealed.length > MAX_SEALED_CHARS ? null : sealed;
}

/** The place behind a `Last-Event-ID`, or null when it was not given to this agent in this session. */
export function openPlace(owner: SealOwner, session: AgentSession, id: string): StreamPlace | null {
  const opened = openFor(owner, inSession('mcp-event', session), id);
  if (opened === null) return null;
  const [eventId, call = null] = opened as [string, StreamCall?];
  return { eventId, call };
}

/** The id under which the agent hears a question of Asana's. `askedAs`: Asana's id, as JSON; `nowMs`: since 1970. */
export function sealQuestion(
  owner: SealOwner,
  session: AgentSession,
  askedAs: string,
  nowMs: number,
): string | null {
  const sealed = sealFor(owner, inSession('mcp-question', session), [askedAs, nowMs + QUESTION_MS]);
  return sealed.length > MAX_SEALED_CHARS ? null : sealed;
}

/** Asana's id (as JSON) of a question that this agent was asked in this session; null for any other, and for one that is too old. */
export function openQuestion(
  owner: SealOwner,
  session: AgentSession,
  id: string,
  nowMs: number,
): string | null {
  const opened = openFor(owner, inSession('mcp-question', session), id);
  if (opened === null) return null;
  const [askedAs, untilMs] = opened as [string, number];
  return nowMs < untilMs ? askedAs : null;
}
