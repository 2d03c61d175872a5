// Sessions at Asana that Gatehouse opens itself, for agents that bring none: one per connection, process and what Asana may
// ask in it, never shared between connections. Only these are opened again when Asana has forgotten them.
import { openUpstreamSession, type ConnectionFacts } from '../asana/mcp-client';
import { post } from '../asana/mcp-post';
import { log } from '../log';
import type { Capabilities } from './discover';

export interface OwnSession {
  /** Null where Asana issues no session ids. */
  sessionId: string | null;
  protocolVersion: string;
  /** What Asana said at its opening. */
  capabilities: Capabilities;
}

const MAX_KEPT = 5_000;
const MAX_AGE_MS = 30 * 60_000;

const kept = new Map<string, { session: Promise<OwnSession>; openedMs: number }>();

/**
 * The connection's own session, opened if there is none (its two POSTs are on record). `declared`: what Asana may ask in it. Throws
 * `UpstreamError`.
 */
export function ownSession(
  facts: ConnectionFacts & { connectionId: string },
  accessToken: string,
  declared: readonly string[] = [],
): Promise<OwnSession> {
  const key = [facts.connectionId, ...declared].join(' ');
  const existing = kept.get(key);
  if (existing && performance.now() - existing.openedMs < MAX_AGE_MS) return existing.session;
  const session = openUpstreamSession({
    ...{ facts, accessToken, declared },
    purpose: 'session for agents without one',
  });
  const entry = { session, openedMs: performance.now() };
  kept.delete(key);
  kept.set(key, entry);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
  session.catch(() => {
    if (kept.get(key) === entry) kept.delete(key);
  });
  return session;
}

/** Forgets a session that Asana no longer knows; the next call opens another. */
export async function forgetOwnSession(connectionId: string, session: OwnSession): Promise<void> {
  for (const [key, existing] of kept)
    if (key.startsWith(connectionId) && (await existing.session.catch(() => null)) === session)
      kept.delete(key);
}

const loud = new WeakMap<OwnSession, Promise<unknown>>();

/**
 * Lets Asana send all log messages in this session, once (on record). The session is shared by agents of one connection, so what each
 * of them hears is chosen at the gate. Never throws: without, there are no messages.
 */
export async function hearLog(own: OwnSession, facts: ConnectionFacts, accessToken: string): Promise<void> {
  if (own.capabilities.logging === undefined) return;
  let asked = loud.get(own);
  if (!asked) {
    const session = { ...own, facts, accessToken, purpose: 'log messages for agents that ask', nextId: 1 };
    asked = post(session, { id: 1, method: 'logging/setLevel', params: { level: 'debug' } });
    loud.set(own, asked);
  }
  await asked.catch((error: unknown) => log().info({ err: error }, 'Asana sends no log messages'));
}

/** Tells Asana that nobody waits for a request any more (on record). Never throws: it may come too late as well. */
export async function cancelInOwnSession(
  { sessionId, protocolVersion }: OwnSession,
  call: { facts: ConnectionFacts; accessToken: string; requestId: string },
): Promise<void> {
  const { facts, accessToken, requestId } = call;
  const session = {
    ...{ facts, accessToken, sessionId, protocolVersion },
    purpose: 'cancel',
    capabilities: {},
    nextId: 1,
  };
  const params = { requestId, reason: 'the agent left' };
  await post(session, { method: 'notifications/cancelled', params }).catch((error: unknown) => {
    log().warn({ err: error }, 'Asana could not be told that an agent left');
  });
}
