// Session ids that agents see: Asana's id sealed together with the connection and the credential it belongs to. Any process can
// continue such a session and nobody else can use it; Asana's own id never reaches an agent.
import { openSecret, sealSecret } from '../vault/vault';

/** A session at Asana on behalf of one agent. */
export interface AgentSession {
  /** Asana's `Mcp-Session-Id`. */
  upstreamId: string;
  /** What initialize settled on. */
  protocolVersion: string;
}

interface Owner {
  organizationId: string;
  credentialId: string;
  connectionId: string;
}

const place = (owner: Owner) =>
  `${owner.organizationId}:mcp-session:${owner.credentialId}:${owner.connectionId}`;

/** The id for the agent: visible ASCII, random in its nonce (MCP 2025-11-25, transports, session management). */
export function sealSession(owner: Owner, session: AgentSession): string {
  return sealSecret(place(owner), JSON.stringify([session.upstreamId, session.protocolVersion]));
}

/** The session behind an agent's id, or null when it is not one of ours for this very credential and connection (T8, PP-30). */
export function openSession(owner: Owner, id: string): AgentSession | null {
  if (id.length > 4_096) return null;
  try {
    const [upstreamId, protocolVersion] = JSON.parse(openSecret(place(owner), id)) as [string, string];
    return { upstreamId, protocolVersion };
  } catch {
    return null;
  }
}
