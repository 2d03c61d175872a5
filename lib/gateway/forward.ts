// Sends one rebuilt message to Asana, with our headers only: the agent's Authorization, cookies and session id never go along.
import { env } from '../env';
import { openOutbound, type OutboundAnswer } from '../http';
import { observeUpstream } from './metrics';

const HEADERS_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 120_000;
const DEADLINE_MS = 600_000;
/** A person thinks for five minutes at most (`parked-calls`). */
const ASKING_MS = 330_000;
/** A stream of ours is opened anew so often, so that one that died silently is noticed. */
const LASTING_MS = 30 * 60_000;

export interface Outgoing {
  method: 'POST' | 'GET' | 'DELETE';
  /** The rebuilt message; absent on DELETE. */
  body?: string;
  accessToken: string;
  sessionId: string | null;
  protocolVersion: string | null;
  /** Of the modern era: what repeats the body. */
  headers?: Record<string, string>;
  /** Ends it: the agent left, which is a cancel in the modern era. */
  signal?: AbortSignal;
  /** Whether it only reads. */
  reads?: boolean;
  /** Whether a person may be asked before its answer comes. */
  asks?: boolean;
  /** Whether it is a stream that may be silent for long. */
  lasts?: boolean;
  /** Time that an earlier attempt took of this call's. */
  spentMs?: number;
}

/** Forwards and returns when the answer's headers are here. Throws `OutboundError`. */
export async function forward(outgoing: Outgoing): Promise<OutboundAnswer> {
  const beganMs = performance.now();
  let status: number | null = null;
  try {
    const answer = await send(outgoing);
    status = answer.status;
    return answer;
  } finally {
    observeUpstream(status, (performance.now() - beganMs) / 1000);
  }
}

function send(outgoing: Outgoing): Promise<OutboundAnswer> {
  const { spentMs = 0 } = outgoing;
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
      ...outgoing.headers,
    },
    body: outgoing.body,
    signal: outgoing.signal,
    lane: outgoing.lasts ? 'streams' : outgoing.reads ? 'reads' : 'others',
    timeoutMs: Math.round(HEADERS_TIMEOUT_MS - spentMs),
    idleTimeoutMs: outgoing.lasts ? LASTING_MS : outgoing.asks ? ASKING_MS : IDLE_TIMEOUT_MS,
    deadlineMs: outgoing.lasts ? LASTING_MS : Math.round(DEADLINE_MS - spentMs),
  });
}
