// What a failure on the way to Asana means to the agent (README.md, failure table): one function per kind, each of which settles the
// call's outcome and says whether it may have taken effect.
import { throttleConnection } from '../asana/mcp-post';
import type { UpstreamError } from '../asana/mcp-client';
import type { RefreshFailure } from '../asana/refresh';
import { retryAfterMs } from '../asana/retry-after';
import type { Outcome } from '../audit/system-call';
import type { OutboundAnswer, OutboundError } from '../http';
import type { Admitted } from './admit';
import { collect } from './answer';
import type { RpcFailure } from './asana-error';
import { answerWithoutConnection } from './answer-locally';
import { topLevelMembers } from './json-members';
import type { Message } from './message';
import { modernError } from './modern-error';
import { answerError, answerJson, answerRateLimited, CODES, errorText, type McpAnswer } from './respond';
import type { AgentSession } from './session-id';

/** A call that failed on its way. */
export interface FailedCall {
  admitted: Admitted;
  message: Message;
  callId: string;
  /** The session the agent brought; null for one without. */
  session: AgentSession | null;
  /** Why Asana refused it, where that was read already (modern era). */
  refusal: RpcFailure | null;
  /** Notes the outcome, once. */
  settled(outcome: Outcome, reason?: string): void;
  /** Forgets the call as one in flight. */
  land(): void;
}

/** Asana's words are for who called a tool; beside a list or an opening they could name what is hidden (RF-17). */
export function wordsFor({ method }: Message, said: string): string {
  return method === 'tools/call' ? said.slice(0, 2_000) : 'Asana refused the request.';
}

/** What each status of Asana's means to the agent (README.md, failure table). */
export async function failureOf(call: FailedCall, upstream: OutboundAnswer): Promise<McpAnswer> {
  const { message, settled, session } = call;
  const { status } = upstream;
  const id = message.id ?? null;
  const refused = message.era === 'modern' && status < 500 ? modernRefusal(call, status) : null;
  if (refused) return refused;
  if (status === 400) {
    const error = await errorIn(upstream);
    settled('upstream_error', 'status_400');
    return answerJson(
      error ? 400 : 502,
      error
        ? errorText(id, error.code, wordsFor(message, error.message))
        : notExecuted(id, 'Asana refused the request (400).'),
    );
  }
  upstream.body.destroy();
  if (status === 404 && session) return sessionGone(call);
  if (status === 401) {
    settled('upstream_error', 'status_401');
    return withoutToken(call);
  }
  if (status === 429) {
    settled('upstream_error', 'status_429');
    const header = upstream.headers['retry-after'];
    const waitMs = retryAfterMs(typeof header === 'string' ? header : null, Date.now()) ?? UNSAID_WAIT_MS;
    await quieten(call, waitMs);
    return rateLimited(id, waitMs);
  }
  if (status < 500) {
    settled('upstream_error', `status_${status}`);
    return answerJson(502, notExecuted(id, `Asana refused the request (${status}).`));
  }
  settled('unknown', `status_${status}`);
  return answerError(status === 504 ? 504 : 502, id, CODES.upstreamFailed, failed(status), {
    data: { outcome: 'unknown' },
  });
}

/** An error of Asana's that an agent of the modern era understands, or null where it must hear another. */
function modernRefusal({ message, settled, refusal }: FailedCall, status: number): McpAnswer | null {
  // The version was ours, so it is nothing that the agent could mend.
  if (refusal === null || refusal.code === -32022) return null;
  const isUnknown = status === 404 && refusal.code === -32601;
  if (status !== 400 && !isUnknown) return null;
  settled('upstream_error', `status_${status}`);
  const { code, data } = modernError(message, refusal);
  const text = isUnknown ? `Method not found: ${message.method}` : wordsFor(message, refusal.message);
  return answerError(status, message.id, code, text, { data });
}

const failed = (status: number) =>
  `Asana failed (${status}); whether the call took effect is unknown. Look before you repeat it.`;

function notExecuted(id: string | number | null, text: string): string {
  return errorText(id, CODES.upstreamFailed, text, { outcome: 'not_executed' });
}

function rateLimited(id: string | number | null, waitMs: number): McpAnswer {
  const text = 'Asana\u2019s rate limit is reached';
  return answerRateLimited(id, { text, waitMs, outcome: 'not_executed' });
}

// Asana's own advice to plugins, where it does not say how long (facts/asana 2.6).
const UNSAID_WAIT_MS = 10_000;

/** Asana counts what it refuses too: until its time is over no call goes through this connection, from any process. */
async function quieten({ admitted }: FailedCall, waitMs: number): Promise<void> {
  const { organizationId, connection } = admitted;
  if (connection) await throttleConnection({ organizationId, connectionId: connection.id }, waitMs);
}

/** The JSON-RPC error in a 400 of Asana's, if it is one. */
async function errorIn(upstream: OutboundAnswer): Promise<{ code: number; message: string } | null> {
  try {
    const error = topLevelMembers((await collect(upstream.body, 65_536)).toString())?.get('error');
    const { code, message } = JSON.parse(error ?? 'null') as { code?: unknown; message?: unknown };
    return Number.isInteger(code) && typeof message === 'string' ? { code: code as number, message } : null;
  } catch {
    return null;
  }
}

/** 404 makes the agent initialize again (MCP 2025-11-25, session management). */
export function sessionGone(call: FailedCall): McpAnswer {
  call.settled('upstream_error', 'session_gone');
  return answerError(404, call.message.id ?? null, -32001, 'Session not found; initialize again.');
}

/** The person has to connect again; the answer holds the link. */
function withoutToken({ admitted, message, callId, land }: FailedCall): Promise<McpAnswer> {
  land();
  const { connection } = admitted;
  const ended = connection && { ...connection, status: 'needs_reconnect' as const };
  return answerWithoutConnection({ ...admitted, connection: ended }, message, callId);
}

/** No living access token. */
export async function tokenFailed(call: FailedCall, failure: RefreshFailure): Promise<McpAnswer> {
  const { message } = call;
  if (failure.kind === 'needs_reconnect') return withoutToken(call);
  call.settled('upstream_error', `refresh_${failure.reason}`);
  if (failure.retryAfterMs !== null) return rateLimited(message.id ?? null, failure.retryAfterMs);
  return answerError(
    502,
    message.id ?? null,
    CODES.upstreamFailed,
    'Asana did not renew the access token; try again in a minute.',
    {
      data: { outcome: 'not_sent' },
    },
  );
}

/** Asana has been failing; nothing was sent. */
export function circuitOpen(call: FailedCall, waitMs: number): McpAnswer {
  call.settled('upstream_error', 'circuit_open');
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const text = `Asana has been failing; the call was not sent. Try again in ${seconds} s.`;
  return answerError(502, call.message.id ?? null, CODES.upstreamFailed, text, {
    data: { outcome: 'not_sent', retryAfterSeconds: seconds },
    headers: { 'retry-after': String(seconds) },
  });
}

/** The network failed, or Asana did not keep the connection. */
export function outboundFailed(call: FailedCall, error: OutboundError): McpAnswer {
  const id = call.message.id ?? null;
  if (!error.sent) {
    call.settled('upstream_error', error.reason);
    return answerError(502, id, CODES.upstreamFailed, 'Asana can\u2019t be reached; the call was not sent.', {
      data: { outcome: 'not_sent' },
    });
  }
  call.settled('unknown', error.reason);
  const late = error.reason === 'timeout';
  const text = `Asana ${late ? 'did not answer in time' : 'broke off'}; whether the call took effect is unknown. Look before you repeat it.`;
  return answerError(late ? 504 : 502, id, late ? CODES.upstreamTimeout : CODES.upstreamFailed, text, {
    data: { outcome: 'unknown' },
  });
}

/** Our own session could not be opened, so the call itself was never sent. */
export async function ownSessionFailed(call: FailedCall, error: UpstreamError): Promise<McpAnswer> {
  const id = call.message.id ?? null;
  const { reason, detail } = error;
  if (reason === 'unauthorized') return withoutToken(call);
  call.settled('upstream_error', `session_${reason}`);
  if (reason === 'rate_limited') return rateLimited(id, detail.retryAfterMs ?? UNSAID_WAIT_MS);
  return answerError(502, id, CODES.upstreamFailed, 'Asana did not open a session; the call was not sent.', {
    data: { outcome: 'not_sent' },
  });
}
