// Sessions at Asana that Gatehouse opens itself, for agents that bring none: one per connection and process, never shared between
// connections. Only these are opened again when Asana has forgotten them.
import { openUpstreamSession, type ConnectionFacts } from '../asana/mcp-client';

export interface OwnSession {
  /** Null where Asana issues no session ids. */
  sessionId: string | null;
  protocolVersion: string;
}

const MAX_KEPT = 5_000;
const MAX_AGE_MS = 30 * 60_000;

const kept = new Map<string, { session: Promise<OwnSession>; openedMs: number }>();

/** The connection's own session, opened if there is none (its two POSTs are on record). Throws `UpstreamError`. */
export function ownSession(
  facts: ConnectionFacts & { connectionId: string },
  accessToken: string,
): Promise<OwnSession> {
  const existing = kept.get(facts.connectionId);
  if (existing && performance.now() - existing.openedMs < MAX_AGE_MS) return existing.session;
  const session = openUpstreamSession({ facts, accessToken, purpose: 'session for agents without one' });
  const entry = { session, openedMs: performance.now() };
  kept.delete(facts.connectionId);
  kept.set(facts.connectionId, entry);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
  session.catch(() => {
    if (kept.get(facts.connectionId) === entry) kept.delete(facts.connectionId);
  });
  return session;
}

/** Forgets a session that Asana no longer knows; the next call opens another. */
export async function forgetOwnSession(connectionId: string, session: OwnSession): Promise<void> {
  const existing = kept.get(connectionId);
  if (existing && (await existing.session.catch(() => null)) === session) kept.delete(connectionId);
}
