// What a failure on the way to Asana means to the agent (README.md, failure table): one function per kind, each of which settles the
// call's outcome and says whether it may have taken effect.
import { throttleConnection } from '../asana/mcp-post';
import type { UpstreamError } from '../asana/mcp-client';
import type { RefreshFailure } from '../asana/refresh';
import { isModernRefusal } from '../asana/modern-only';
import { retryAfterMs } from '../asana/retry-after';
import type { Outcome } from '../audit/system-call';
import type { OutboundAnswer, OutboundError } from '../http';
import type { Admitted } from './admit';

import { collect, type RpcFailure } from './asana-error';
import { answerWithoutConnection } from './answer-locally';
import { topLevelMembers } from './json-members';
import type { Message } from './message';
import { isOfModern, legacyError } from './legacy-result';
import { modernError } from './modern-error';
import {
  answerError,
  answerJson,
  answerRateLimited,
  CODES,
  errorText,
  sessionUnknown,
  type McpAnswer,
} from './respond';
import type { AgentSession } from './sealed-ids';

/** A call that failed on its way. */
export interface FailedCall {
  admitted: Admitted;
  message: Message;
  callId: string;
  /** The session the agent brought; null for one without. */
  session: AgentSession | null;
  /** Why Asana refused it, where that was read already (modern era). */
  refusal: RpcFailure | null;
  /** It is of the older era and went up in the modern one. */
  isBridged: boolean;
  /** A first try of it got no answer and may have been carried out. */
  mayHaveRun: boolean;
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
  const refused = status < 500 ? (bridgedRefusal(call, status) ?? modernRefusal(call, status)) : null;
  if (refused) return refused;
  if (status === 400) {
    const error = call.refusal ?? (await errorIn(upstream));
    // Asana speaks the modern era only by now: the next session is one of ours.
    if (session && isModernRefusal({ status, code: error?.code })) return sessionGone(call);
    settled('upstream_error', 'status_400');
    return answerJson(
      error ? 400 : 502,
      error
        ? errorText(id, error.code, wordsFor(message, error.message))
        : notExecuted(call, 'Asana refused the request (400).'),
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
    return rateLimited(call, waitMs);
  }
  if (status < 500) {
    settled('upstream_error', `status_${status}`);
    return answerJson(502, notExecuted(call, `Asana refused the request (${status}).`));
  }
  settled('unknown', `status_${status}`);
  return answerError(status === 504 ? 504 : 502, id, CODES.upstreamFailed, failed(status), {
    data: { outcome: 'unknown' },
  });
}

/** An error of Asana's for an agent of the older era whose request went up in the modern one; null where it must hear another. */
function bridgedRefusal(call: FailedCall, status: number): McpAnswer | null {
  const { message, settled, refusal, session, isBridged } = call;
  if (!isBridged || (status !== 400 && status !== 404)) return null;
  // No server of the modern era refuses so: sessions may be had again.
  if (!isOfModern(refusal)) return session ? sessionGone(call) : null;
  settled('upstream_error', `status_${status}`);
  const { code, data } = legacyError(message, refusal);
  const text = code === -32601 ? `Method not found: ${message.method}` : wordsFor(message, refusal.message);
  return answerError(200, message.id, code, text, { data });
}

/** An error of Asana's that an agent of the modern era understands, or null where it must hear another. */
function modernRefusal({ message, settled, refusal }: FailedCall, status: number): McpAnswer | null {
  if (message.era === 'legacy') return null;
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

/** What may be told of a refusal's effect: that of a second try says nothing about a first one that got no answer. */
function effectOf<Effect>({ mayHaveRun }: FailedCall, effect: Effect): Effect | 'unknown' {
  return mayHaveRun ? 'unknown' : effect;
}

function notExecuted(call: FailedCall, text: string): string {
  const outcome = effectOf(call, 'not_executed');
  return errorText(call.message.id ?? null, CODES.upstreamFailed, text, { outcome });
}

function rateLimited(call: FailedCall, waitMs: number): McpAnswer {
  const text = 'Asana\u2019s rate limit is reached';
  const outcome = effectOf(call, 'not_executed' as const);
  return answerRateLimited(call.message.id ?? null, { text, waitMs, outcome });
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
  return sessionUnknown(call.message.id ?? null);
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
  if (failure.retryAfterMs !== null) return rateLimited(call, failure.retryAfterMs);
  return answerError(
    502,
    message.id ?? null,
    CODES.upstreamFailed,
    'Asana did not renew the access token; try again in a minute.',
    {
      data: { outcome: effectOf(call, 'not_sent') },
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
  if (!error.sent && !call.mayHaveRun) {
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
  if (reason === 'rate_limited') return rateLimited(call, detail.retryAfterMs ?? UNSAID_WAIT_MS);
  const effect = call.mayHaveRun ? 'whether the call took effect is unknown' : 'the call was not sent';
  return answerError(502, id, CODES.upstreamFailed, `Asana did not open a session; ${effect}.`, {
    data: { outcome: effectOf(call, 'not_sent') },
  });
}
