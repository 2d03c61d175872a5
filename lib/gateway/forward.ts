// Sends one rebuilt message to Asana, with our headers only: the agent's Authorization, cookies and session id never go along.
import { env } from '../env';
import { openOutbound, type OutboundAnswer } from '../http';

const HEADERS_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 120_000;
const DEADLINE_MS = 600_000;

export interface Outgoing {
  method: 'POST' | 'DELETE';
  /** The rebuilt message; absent on DELETE. */
  body?: string;
  accessToken: string;
  sessionId: string | null;
  protocolVersion: string | null;
}

/** Forwards and returns when the answer's headers are here. Throws `OutboundError`. */
export function forward(outgoing: Outgoing): Promise<OutboundAnswer> {
  return openOutbound(env().ASANA_MCP_URL, {
    method: outgoing.method,
    headers: {
      authorization: `Bearer ${outgoing.accessToken}`,
      accept: 'application/json, text/event-stream',
      'accept-encoding': 'identity',
      'user-agent': 'Gatehouse',
      ...(outgoing.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(outgoing.sessionId === null ? {} : { 'mcp-session-id': outgoing.sessionId }),
      ...(outgoing.protocolVersion === null ? {} : { 'mcp-protocol-version': outgoing.protocolVersion }),
    },
    body: outgoing.body,
    timeoutMs: HEADERS_TIMEOUT_MS,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
}
