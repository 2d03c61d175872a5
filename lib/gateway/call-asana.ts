// Takes an admitted call to Asana and back: token, session, one forward, its answer. A write is never sent twice: the only repeats
// are after answers that say the request was not executed (401: token refused, 404: session unknown).
import { UpstreamError } from '../asana/mcp-client';
import { freshAccessToken, RefreshFailure, type FreshToken } from '../asana/refresh';
import type { Outcome } from '../audit/system-call';
import { isDatabaseGone } from '../errors';
import { OutboundError, type OutboundAnswer } from '../http';
import { admit, AdmissionUnavailable, type Admission, type Admitted, type AdmittedConnection } from './admit';
import { answerFrom } from './answer';
import { failureOf, outboundFailed, ownSessionFailed, sessionGone, tokenFailed } from './answer-failure';
import { answerWithoutConnection } from './answer-locally';
import { encodeJson, type Json } from './decode';
import { exchangeOf } from './exchange';
import { forward } from './forward';
import { NoSlot, takeSlot } from './in-flight';
import type { McpRequest } from './handle-mcp';
import { LEGACY_VERSIONS } from './initialize';
import { rebuild, type Message } from './message';
import { noteOutcome } from './outcomes';
import { forgetOwnSession, ownSession, type OwnSession } from './own-sessions';
import {
  answerAccepted,
  answerError,
  answerJson,
  answerLimit,
  answerRateLimited,
  answerUnauthenticated,
  answerUnavailable,
  CODES,
  errorText,
  type McpAnswer,
} from './respond';
import { openSession, sealSession, type AgentSession } from './session-id';

export interface AdmittedCall {
  request: McpRequest;
  admitted: Admitted;
  message: Message;
  callId: string;
  /** Asks for admission once more, without a second record. */
  admitAgain(): ReturnType<typeof admit>;
}

interface Journey extends AdmittedCall {
  connection: AdmittedConnection;
  /** The session the agent brought; null for one without. */
  session: AgentSession | null;
  startedMs: number;
  /** Its key in `inFlight` until it is settled. */
  flight: string | null;
  /** Gives back its place among the calls in flight. */
  freeSlot: (() => void) | null;
  land(): void;
  settled(outcome: Outcome, reason?: string): void;
}

const READMIT_AFTER_MS = 1_000;

/** Answers an admitted call through its connection. Never throws. */
export async function callAsana(call: AdmittedCall): Promise<McpAnswer> {
  const journey = begin(call);
  const { request, admitted, message } = call;
  const sessionId = request.header('mcp-session-id');
  const id = message.id ?? null;
  if (sessionId !== undefined && message.method !== 'initialize') {
    journey.session = openSession(ownerOf(journey), sessionId);
    if (!journey.session) return sessionGone(journey);
  }
  try {
    // A cancel must not wait behind what it cancels.
    if (message.id !== undefined) journey.freeSlot = await slotFor(journey);
    const token = await freshAccessToken({ ...journey.connection, organizationId: admitted.organizationId });
    const stale = await admittedStill(journey);
    if (stale) return stale;
    if (message.id !== undefined) {
      journey.flight = flightKey(journey, message.id);
      inFlight.set(journey.flight, call.callId);
    }
    return await travel(journey, token);
  } catch (error) {
    if (error instanceof NoSlot) {
      journey.settled('upstream_error', 'too_many_in_flight');
      const text = 'Too many calls are in flight through this Asana connection';
      return answerRateLimited(id, { text, waitMs: 1_000, outcome: 'not_sent' });
    }
    if (error instanceof AdmissionUnavailable) {
      journey.settled('upstream_error', 'unavailable');
      return answerUnavailable(id);
    }
    if (error instanceof RefreshFailure) return tokenFailed(journey, error);
    if (error instanceof OutboundError) return outboundFailed(journey, error);
    if (error instanceof UpstreamError) return ownSessionFailed(journey, error);
    // The database is asked on the way there (lease, record of our own session) and never after an answer that was executed.
    if (isDatabaseGone(error)) {
      journey.settled('upstream_error', 'unavailable');
      return answerUnavailable(id);
    }
    journey.settled('unknown', 'internal');
    throw error;
  }
}

function begin(call: AdmittedCall): Journey {
  const { admitted, callId } = call;
  const startedMs = performance.now();
  let done = false;
  const journey: Journey = {
    ...call,
    connection: admitted.connection!,
    session: null,
    startedMs,
    flight: null,
    freeSlot: null,
    // An id that was used again while in flight belongs to the later call.
    land() {
      if (journey.flight !== null && inFlight.get(journey.flight) === callId) inFlight.delete(journey.flight);
      journey.freeSlot?.();
    },
    settled(outcome, reason) {
      if (done) return;
      done = true;
      journey.land();
      noteOutcome({
        organizationId: admitted.organizationId,
        callId,
        outcome,
        latencyMs: performance.now() - startedMs,
        reason,
        credentialId: admitted.credentialId,
        connectionId: admitted.connection!.id,
      });
    },
  };
  return journey;
}

/** A call that waited (a refresh) is judged again before it is sent; null where it may still go. */
async function admittedStill(journey: Journey): Promise<McpAnswer | null> {
  if (performance.now() - journey.startedMs < READMIT_AFTER_MS) return null;
  const again: Admission = await journey.admitAgain();
  if ('unauthenticated' in again) {
    journey.settled('upstream_error', 'revoked_meanwhile');
    return answerUnauthenticated('The agent token was revoked');
  }
  const { denial, connection, limit } = again.admitted;
  if (denial === null && connection?.id === journey.connection.id) return null;
  journey.settled('upstream_error', denial ?? 'no_connection');
  const { id, method, params } = journey.message;
  if (limit) return answerLimit(id ?? null, limit);
  if (denial === null) return answerWithoutConnection(again.admitted, journey.message, journey.callId);
  return method === 'tools/call'
    ? answerError(200, id ?? null, -32602, `Unknown tool: ${String(params.get('name'))}`)
    : answerError(200, id ?? null, -32601, `Method not found: ${method}`);
}

function slotFor({ admitted, connection }: Journey): Promise<() => void> {
  const { credentialId, reads } = admitted;
  return takeSlot({ connectionId: connection.id, kind: reads ? 'read' : 'write', credentialId });
}

// Asana's ids of the calls in flight, by the agent's: only so can an agent cancel its own.
const inFlight = new Map<string, string>();

function flightKey(journey: Journey, id: Json | undefined): string {
  return JSON.stringify([
    journey.admitted.credentialId,
    journey.session?.upstreamId ?? null,
    id === undefined ? null : encodeJson(id),
  ]);
}

/** One forward, with the two repeats that are safe, and its answer. */
async function travel(journey: Journey, token: FreshToken): Promise<McpAnswer> {
  const { message, request } = journey;
  // An agent's `initialized` without a session of its own has nothing to reach: our own session is initialized already. A cancel
  // of a call that this process does not know under this very credential and session reaches nobody's (PP-33).
  const cancels =
    message.method === 'notifications/cancelled'
      ? inFlight.get(flightKey(journey, message.params.get('requestId')))
      : undefined;
  const nowhere = message.method === 'notifications/cancelled' ? cancels === undefined : !journey.session;
  if (message.id === undefined && request.method === 'POST' && nowhere) {
    journey.settled('ok');
    return answerAccepted();
  }
  if (cancels !== undefined) message.params.set('requestId', cancels);
  if (request.method === 'DELETE') return endSession(journey, token);
  let upstream = await send(journey, token).catch(refusedOpening);
  if (upstream === null || upstream.status === 401) {
    upstream?.body.destroy();
    const { organizationId } = journey.admitted;
    const renewed = await freshAccessToken(
      { organizationId, id: journey.connection.id },
      { force: token.generation },
    );
    upstream = await send(journey, renewed);
  }
  return answerOf(journey, upstream);
}

/** Null where Asana refused the token already at our own session: that is a 401 like the call's own. */
function refusedOpening(error: unknown): null {
  if (error instanceof UpstreamError && error.reason === 'unauthorized') return null;
  throw error;
}

async function send(journey: Journey, token: FreshToken): Promise<OutboundAnswer> {
  const { message, callId, session, request } = journey;
  const body =
    message.method === 'initialize'
      ? initialize(message, callId)
      : rebuild(message, message.id === undefined ? undefined : callId);
  const base = { method: 'POST' as const, body, accessToken: token.accessToken };
  if (message.method === 'initialize') return forward({ ...base, sessionId: null, protocolVersion: null });
  if (session)
    return forward({ ...base, sessionId: session.upstreamId, protocolVersion: session.protocolVersion });
  const facts = {
    organizationId: journey.admitted.organizationId,
    memberId: journey.admitted.memberId,
    memberEmail: journey.admitted.memberEmail,
    connectionId: journey.connection.id,
    workspaceGid: journey.connection.workspaceGid,
  };
  const through = (own: OwnSession) =>
    forward({
      ...base,
      sessionId: own.sessionId,
      // Where Asana keeps no sessions, the version the agent settled on with it is the one that counts.
      protocolVersion:
        own.sessionId === null
          ? (request.header('mcp-protocol-version') ?? own.protocolVersion)
          : own.protocolVersion,
    });
  const own = await ownSession(facts, token.accessToken);
  const answer = await through(own);
  if (answer.status !== 404 || own.sessionId === null) return answer;
  // Asana forgot a session that we opened: opened again, once. 404 says that the call was not executed.
  answer.body.destroy();
  await forgetOwnSession(journey.connection.id, own);
  return through(await ownSession(facts, token.accessToken));
}

/** Asana hears of us, not of the agent; capabilities of the client are not relayed, so none are claimed. */
function initialize({ params }: Message, callId: string): string {
  const asked = params.get('protocolVersion');
  const protocolVersion = LEGACY_VERSIONS.find((known) => known === asked) ?? LEGACY_VERSIONS[0];
  return JSON.stringify({
    jsonrpc: '2.0',
    id: callId,
    method: 'initialize',
    params: { protocolVersion, capabilities: {}, clientInfo: { name: 'gatehouse', version: '1' } },
  });
}

async function answerOf(journey: Journey, upstream: OutboundAnswer): Promise<McpAnswer> {
  const { message, settled } = journey;
  const { status } = upstream;
  if (status >= 200 && status < 300) {
    if (message.id === undefined) {
      upstream.body.destroy();
      settled('ok');
      return answerAccepted();
    }
    let opened: AgentSession | null = null;
    const exchange = exchangeOf(journey, (version) => {
      const id = upstream.headers['mcp-session-id'];
      if (typeof id === 'string' && /^[\x21-\x7e]{1,1024}$/.test(id))
        opened = { upstreamId: id, protocolVersion: version };
    });
    const answer = await answerFrom(upstream, exchange);
    return opened
      ? { ...answer, headers: { ...answer.headers, 'mcp-session-id': sealSession(ownerOf(journey), opened) } }
      : answer;
  }
  return failureOf(journey, upstream);
}

async function endSession(journey: Journey, token: FreshToken): Promise<McpAnswer> {
  if (!journey.session) {
    journey.settled('ok');
    return answerError(400, null, -32000, 'Mcp-Session-Id is needed to end a session.');
  }
  const { upstreamId, protocolVersion } = journey.session;
  const { status, body } = await forward({
    method: 'DELETE',
    accessToken: token.accessToken,
    sessionId: upstreamId,
    protocolVersion,
  });
  body.destroy();
  if (status === 404) return sessionGone(journey);
  const ended = status < 300 || status === 405;
  const outcome = ended ? 'ok' : status < 500 ? 'upstream_error' : 'unknown';
  journey.settled(outcome, status < 300 ? undefined : `status_${status}`);
  if (status === 405)
    return answerError(405, null, -32000, 'Asana does not let sessions be ended.', {
      headers: { allow: 'POST' },
    });
  return status < 300
    ? { status: 200, headers: {}, body: null }
    : answerJson(
        502,
        errorText(null, CODES.upstreamFailed, 'Asana did not end the session.', {
          outcome: status < 500 ? 'not_executed' : 'unknown',
        }),
      );
}

function ownerOf({ admitted, connection }: Journey) {
  return {
    organizationId: admitted.organizationId,
    credentialId: admitted.credentialId,
    connectionId: connection.id,
  };
}
