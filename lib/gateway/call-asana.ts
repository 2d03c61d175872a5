// Takes an admitted call to Asana and back: token, session, one forward, its answer. A write is never sent twice: its only repeats
// are after answers that say the request was not executed (401: token refused, 404: session unknown). A read that got no answer may
// go once more (repeat-read.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import { UpstreamError } from '../asana/mcp-client';
import { freshAccessToken, RefreshFailure, type FreshToken } from '../asana/refresh';
import type { Outcome } from '../audit/system-call';
import { isDatabaseGone } from '../errors';
import { OutboundError, type OutboundAnswer } from '../http';
import { admit, AdmissionUnavailable, type Admission, type Admitted, type AdmittedConnection } from './admit';
import { answerFrom } from './answer';
import {
  circuitOpen,
  failureOf,
  outboundFailed,
  ownSessionFailed,
  sessionGone,
  tokenFailed,
} from './answer-failure';
import { answerWithoutConnection } from './answer-locally';
import {
  assertAsanaAnswers,
  CircuitOpen,
  enterAsana,
  leaveAsana,
  pauseAtAsana,
  type Heard,
  type Passage,
} from './asana-circuits';
import { readWholeAnswer, type RpcFailure } from './asana-error';
import { encodeJson, type Json } from './decode';
import { discovery, type Capabilities } from './discover';
import { createEnding, endCall, Ended, orEnded, type Ending } from './ending';
import { exchangeOf } from './exchange';
import { forward } from './forward';
import { paramHeaderMismatch, paramHeadersFor } from './headers-agree';
import { NoSlot, takeSlot } from './in-flight';
import { broughtBack } from './input-required';
import type { McpRequest } from './handle-mcp';
import { LEGACY_VERSIONS } from './initialize';
import { metaOf, MODERN_VERSION } from './era';
import { rebuild, type Message } from './message';
import { bridgedRequest, modernRequest, wantedLevel } from './modern-request';
import { register } from './open-streams';
import { noteOutcome } from './outcomes';
import { cancelInOwnSession, forgetOwnSession, hearLog, ownSession, type OwnSession } from './own-sessions';
import { createRepeatBudget, isPassing, REPEAT_WITHIN_MS, REPEATS } from './repeat-read';
import {
  answerAccepted,
  answerError,
  answerJson,
  answerLimit,
  answerRateLimited,
  answerResult,
  answerStopped,
  answerUnauthenticated,
  answerUnavailable,
  CODES,
  errorText,
  type McpAnswer,
} from './respond';
import { openSession, sealSession, type AgentSession } from './session-id';
import { doubtStanding, standingOf, type Standing } from './upstream-era';

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
  /** From when it enters Asana's circuits until it is settled. */
  passage: Passage | null;
  heard: Heard;
  /** Whether its access ended while it was under way. */
  ending: Ending;
  /** Asana's answer, once there is one. */
  upstream: OutboundAnswer | null;
  /** It was a read that went twice. */
  repeated: boolean;
  /** Aborted when the agent leaves, where that is a cancel (modern era). */
  left: AbortSignal | null;
  /** The `Mcp-Param-*` headers of a `tools/call` of the modern era. */
  paramHeaders: Record<string, string>;
  /** What a retry of the modern era brings back for Asana, as members of params. */
  brought: ReadonlyMap<string, Json>;
  /** What a request of the modern era found Asana to speak. */
  standing: Standing | null;
  /** Why Asana refused it, where that was read already. */
  refusal: RpcFailure | null;
  isSettled(): boolean;
  land(): void;
  settled(outcome: Outcome, reason?: string): void;
}

const READMIT_AFTER_MS = 1_000;

/** Answers an admitted call through its connection; at once where its access ends meanwhile. Never throws. */
export async function callAsana(call: AdmittedCall): Promise<McpAnswer> {
  const journey = begin(call);
  // What it took after it was ended is given back when it comes to its own end.
  const work = proceed(journey).finally(() => journey.ending.reason !== null && journey.land());
  return orEnded(journey.ending, call.message.id ?? null, work, async () => {
    // What was not sent is answered like a call that comes now.
    const again = journey.ending.wasSent ? null : await judgedAgain(journey).catch(() => null);
    journey.settled(journey.ending.wasSent ? 'unknown' : 'upstream_error', journey.ending.reason!);
    return again;
  });
}

async function proceed(journey: Journey): Promise<McpAnswer> {
  const { request, admitted, message } = journey;
  const sessionId = request.header('mcp-session-id');
  const id = message.id ?? null;
  const refused = message.era === 'modern' ? (paramHeadersRefused(journey) ?? retryRefused(journey)) : null;
  if (refused) return refused;
  // The modern era has no sessions; an id that comes all the same means nothing (MCP 2026-07-28, transports).
  if (sessionId !== undefined && message.method !== 'initialize' && message.era === 'legacy') {
    journey.session = openSession(ownerOf(journey), sessionId);
    if (!journey.session) return sessionGone(journey);
  }
  try {
    // A cancel must not wait behind what it cancels.
    if (message.id !== undefined) {
      // Before the wait for a place among calls that may hang.
      assertAsanaAnswers(journey.connection.id);
      journey.freeSlot = await slotFor(journey);
    }
    const token = await freshAccessToken({ ...journey.connection, organizationId: admitted.organizationId });
    const stale = await admittedStill(journey);
    if (stale) return stale;
    if (message.id !== undefined) {
      journey.flight = flightKey(journey, message.id);
      inFlight.set(journey.flight, journey.callId);
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
    if (error instanceof CircuitOpen) return circuitOpen(journey, error.waitMs);
    if (error instanceof RefreshFailure) return tokenFailed(journey, error);
    if (journey.left?.aborted) {
      journey.settled(journey.ending.wasSent ? 'unknown' : 'upstream_error', 'cancelled');
      return answerAccepted();
    }
    if (error instanceof OutboundError) {
      if (error.reason !== 'refused_url') journey.heard = 'failure';
      return outboundFailed(journey, error);
    }
    if (error instanceof UpstreamError) {
      if (error.reason === 'failed') journey.heard = 'failure';
      return ownSessionFailed(journey, error);
    }
    // The database is asked on the way there (lease, record of our own session) and never after an answer that was executed.
    if (isDatabaseGone(error)) {
      journey.settled('upstream_error', 'unavailable');
      return answerUnavailable(id);
    }
    journey.settled('unknown', 'internal');
    throw error;
  }
}

const NOTHING: ReadonlyMap<string, Json> = new Map();

function begin(call: AdmittedCall): Journey {
  const { admitted, callId } = call;
  const startedMs = performance.now();
  let done = false;
  const { organizationId, memberId, credentialId } = admitted;
  const connectionId = admitted.connection!.id;
  const unregister = register({
    ...{ organizationId, memberId, credentialId, connectionId },
    end(reason) {
      if (journey.ending.wasSent) journey.settled('unknown', reason);
      endCall(journey.ending, reason);
      journey.upstream?.body.destroy();
    },
  });
  // Written out, not spread: each call makes one, and V8 keeps what is spread as a table, slow to write to ever after.
  const journey: Journey = {
    request: call.request,
    admitted,
    message: call.message,
    callId,
    admitAgain: call.admitAgain,
    connection: admitted.connection!,
    session: null,
    startedMs,
    flight: null,
    freeSlot: null,
    passage: null,
    heard: 'nothing',
    ending: createEnding(),
    upstream: null,
    repeated: false,
    left: call.message.era === 'modern' ? (call.request.left?.() ?? null) : null,
    paramHeaders: {},
    brought: NOTHING,
    standing: null,
    refusal: null,
    isSettled: () => done,
    // An id that was used again while in flight belongs to the later call.
    land() {
      unregister();
      if (journey.flight !== null && inFlight.get(journey.flight) === callId) inFlight.delete(journey.flight);
      journey.freeSlot?.();
      if (journey.passage) leaveAsana(journey.passage, journey.heard);
      journey.passage = null;
    },
    settled(outcome, reason) {
      if (done) return;
      done = true;
      // An answer that could not be understood says neither that Asana is well nor that it is not.
      if (outcome === 'unknown' && journey.heard === 'answer') journey.heard = 'nothing';
      const cancelled = outcome === 'unknown' && journey.left?.aborted === true;
      if (cancelled) journey.heard = 'nothing';
      journey.land();
      noteOutcome({
        organizationId: admitted.organizationId,
        callId,
        outcome,
        latencyMs: performance.now() - startedMs,
        reason: reasonOf(journey, cancelled ? 'cancelled' : reason),
        credentialId: admitted.credentialId,
        connectionId: admitted.connection!.id,
      });
    },
  };
  return journey;
}

function reasonOf({ repeated }: Journey, reason: string | undefined): string | undefined {
  return repeated ? ['retried', ...(reason ? [reason] : [])].join('_') : reason;
}

/** An `Mcp-Param-*` header that contradicts the body, by the definition that an admin reviewed (SEP-2243). */
function paramHeadersRefused(journey: Journey): McpAnswer | null {
  const { message, request, admitted, settled } = journey;
  if (message.method !== 'tools/call') return null;
  const annotated = admitted.paramHeaders ?? {};
  const suffix = paramHeaderMismatch(message, annotated, request.header);
  const sent = suffix === null ? paramHeadersFor(message, annotated, paramHeadersOf(request)) : null;
  if (sent !== null) {
    journey.paramHeaders = sent;
    return null;
  }
  settled('upstream_error', 'header_mismatch');
  const text =
    suffix === null
      ? 'The Mcp-Param headers are too many or too long.'
      : `Mcp-Param-${suffix} is missing or differs from the body.`;
  return answerError(400, message.id, -32020, text);
}

/** A retry whose state was not given for this very call (T14, F10). */
function retryRefused(journey: Journey): McpAnswer | null {
  const { message, admitted, settled } = journey;
  const brought = broughtBack({ ...ownerOf(journey), message }, admitted.families ?? []);
  if (brought !== null) {
    journey.brought = brought;
    return null;
  }
  settled('upstream_error', 'request_state');
  const text =
    'requestState is not one that was given for this very call, or it is too old. Begin again without it.';
  return answerError(400, message.id, -32602, text);
}

function paramHeadersOf(request: McpRequest): ReadonlyMap<string, string> {
  return request.headersFrom?.('mcp-param-') ?? new Map<string, string>();
}

/** A call that waited (a refresh) is judged again before it is sent; null where it may still go. */
async function admittedStill(journey: Journey): Promise<McpAnswer | null> {
  return performance.now() - journey.startedMs < READMIT_AFTER_MS ? null : judgedAgain(journey);
}

async function judgedAgain(journey: Journey): Promise<McpAnswer | null> {
  const again: Admission = await journey.admitAgain();
  if ('unauthenticated' in again) {
    journey.settled('upstream_error', 'revoked_meanwhile');
    return answerUnauthenticated('The agent token was revoked');
  }
  const { denial, connection, limit } = again.admitted;
  if (denial === null && connection?.id === journey.connection.id) return null;
  journey.settled('upstream_error', denial ?? 'no_connection');
  const { id, method, params, era } = journey.message;
  if (limit) return answerLimit(id ?? null, limit);
  if (denial === 'organization_stopped') return answerStopped(id, journey.request.method);
  if (denial === null) return answerWithoutConnection(again.admitted, journey.message, journey.callId);
  return method === 'tools/call'
    ? answerError(200, id ?? null, -32602, `Unknown tool: ${String(params.get('name'))}`)
    : answerError(era === 'modern' ? 404 : 200, id ?? null, -32601, `Method not found: ${method}`);
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
  journey.passage = enterAsana({
    organizationId: journey.admitted.organizationId,
    connectionId: journey.connection.id,
  });
  if (request.method === 'DELETE') return endSession(journey, token);
  if (message.method === 'server/discover') return discover(journey, token);
  let upstream = await sendOrRepeat(journey, token).catch(refusedOpening);
  if (upstream === null || upstream.status === 401) {
    upstream?.body.destroy();
    upstream = await send(journey, await renew(journey, token));
  }
  listen(journey, upstream);
  return answerOf(journey, upstream);
}

function renew({ admitted, connection }: Journey, refused: FreshToken): Promise<FreshToken> {
  const { organizationId } = admitted;
  return freshAccessToken({ organizationId, id: connection.id }, { force: refused.generation });
}

/** Asana's capabilities, as far as they are governed: from what it said to us, which is asked again every ten minutes. */
async function discover(journey: Journey, token: FreshToken): Promise<McpAnswer> {
  const { message, admitted } = journey;
  const ask = (with_: FreshToken) => capabilitiesOf(journey, with_);
  const offered = (await ask(token).catch(refusedOpening)) ?? (await ask(await renew(journey, token)));
  journey.settled('ok');
  return answerResult(message.id ?? null, discovery({ families: admitted.families ?? [], offered }));
}

async function capabilitiesOf(journey: Journey, token: FreshToken): Promise<Capabilities> {
  const { offered } = await standingOf(factsOf(journey), token.accessToken);
  return offered ?? (await ownSession(factsOf(journey), token.accessToken)).capabilities;
}

function factsOf({ admitted, connection }: Journey) {
  const { organizationId, memberId, memberEmail } = admitted;
  const { id: connectionId, workspaceGid } = connection;
  return { organizationId, memberId, memberEmail, connectionId, workspaceGid };
}

/** What Asana's circuits learn: the status, and whether the body breaks off later. */
function listen(journey: Journey, upstream: OutboundAnswer): void {
  const { status, body } = upstream;
  journey.heard = status >= 500 ? 'failure' : 'answer';
  journey.upstream = upstream;
  if (journey.ending.reason !== null) body.destroy();
  // What we end ourselves (too large, nobody reads) is not Asana's failure.
  body.onBreak(() => {
    journey.heard = journey.left?.aborted ? 'nothing' : 'failure';
  });
}

const repeats = createRepeatBudget(REPEATS);

/** One forward, or two where a read got no answer; the second has only the time that the first left. */
async function sendOrRepeat(journey: Journey, token: FreshToken): Promise<OutboundAnswer> {
  repeats.earn();
  const startedMs = performance.now();
  const first = await send(journey, token).catch((error: unknown) => ({ error }));
  const spentMs = performance.now() - startedMs;
  const again =
    isRead(journey) &&
    isPassing('error' in first ? first.error : first) &&
    spentMs < REPEAT_WITHIN_MS &&
    // A probe is one call, not two.
    journey.passage?.probeOfAsana === null &&
    journey.passage.probeOfConnection === null &&
    // Others may have found meanwhile that Asana fails.
    pauseAtAsana(journey.connection.id) === 0 &&
    repeats.spend();
  if (again) {
    if (!('error' in first)) first.body.destroy();
    journey.repeated = true;
    // Not all at once, where many calls broke at the same time.
    const pauseMs = 50 + Math.random() * 150;
    await sleep(pauseMs);
    return send(journey, token, spentMs + pauseMs).catch((error: unknown) => {
      // The second was not sent; the first may have been carried out all the same, and the answer must not say otherwise.
      const unsent = error instanceof OutboundError && !error.sent;
      throw unsent && mayHaveRun(first) ? new OutboundError(error.reason, true, { cause: error }) : error;
    });
  }
  if ('error' in first) throw first.error;
  return first;
}

/** Whether Asana may have carried out an attempt that got no answer, or a gateway's. */
function mayHaveRun(attempt: OutboundAnswer | { error: unknown }): boolean {
  if (!('error' in attempt)) return true;
  return attempt.error instanceof OutboundError && attempt.error.sent;
}

/** A list, or a tool whose reviewed definition only reads: carried out twice it is as if once. */
function isRead({ message: { method }, admitted: { reads } }: Journey): boolean {
  return method === 'tools/list' || (method === 'tools/call' && reads);
}

/** Null where Asana refused the token already at our own session: that is a 401 like the call's own. */
function refusedOpening(error: unknown): null {
  if (error instanceof UpstreamError && error.reason === 'unauthorized') return null;
  throw error;
}

/** One forward, unless the call was ended meanwhile. */
function pass(journey: Journey, request: Parameters<typeof forward>[0]): Promise<OutboundAnswer> {
  if (journey.ending.reason !== null || journey.left?.aborted) throw new Ended();
  journey.ending.wasSent = true;
  return forward(request);
}

async function send(journey: Journey, token: FreshToken, spentMs = 0): Promise<OutboundAnswer> {
  const { message, callId, session } = journey;
  if (message.era === 'modern') return sendModern(journey, token, spentMs);
  const body =
    message.method === 'initialize'
      ? initialize(message, callId)
      : rebuild(message, message.id === undefined ? undefined : callId);
  const { reads } = journey.admitted;
  const base = { method: 'POST' as const, body, accessToken: token.accessToken, reads, spentMs };
  if (message.method === 'initialize')
    return pass(journey, { ...base, sessionId: null, protocolVersion: null });
  if (session)
    return pass(journey, {
      ...base,
      sessionId: session.upstreamId,
      protocolVersion: session.protocolVersion,
    });
  return sendThroughOwnSession(journey, token, base);
}

type Base = Omit<Parameters<typeof forward>[0], 'sessionId' | 'protocolVersion'>;

async function sendThroughOwnSession(
  journey: Journey,
  token: FreshToken,
  base: Base,
): Promise<OutboundAnswer> {
  const { message, request } = journey;
  const facts = factsOf(journey);
  // Where Asana keeps no sessions, the version the agent settled on with it is the one that counts.
  const settledOn = message.era === 'legacy' ? request.header('mcp-protocol-version') : undefined;
  const wanted = message.era === 'modern' && wantedLevel(metaOf(message), journey.admitted.families ?? []);
  const through = async (own: OwnSession) => {
    if (message.era === 'modern') cancelWhereLeft(journey, own, token);
    if (wanted) await hearLog(own, facts, token.accessToken);
    return pass(journey, {
      ...base,
      sessionId: own.sessionId,
      protocolVersion: own.sessionId === null ? (settledOn ?? own.protocolVersion) : own.protocolVersion,
    });
  };
  const own = await ownSession(facts, token.accessToken);
  const answer = await through(own);
  // An Asana that no longer speaks the version we settled on says 400 (2025-11-25 transports); the next call settles on another.
  if (answer.status === 400) await forgetOwnSession(journey.connection.id, own);
  if (answer.status !== 404 || own.sessionId === null) return answer;
  // Asana forgot a session that we opened: opened again, once. 404 says that the call was not executed.
  answer.body.destroy();
  await forgetOwnSession(journey.connection.id, own);
  return through(await ownSession(facts, token.accessToken));
}

/** In the legacy era a disconnect is no cancel, so an agent of the modern one that leaves is told of (facts/mcp 1.5). */
function cancelWhereLeft(journey: Journey, own: OwnSession, { accessToken }: FreshToken): void {
  journey.left?.addEventListener('abort', () => {
    if (journey.ending.wasSent && !journey.isSettled())
      void cancelInOwnSession(own, { facts: factsOf(journey), accessToken, requestId: journey.callId });
  });
}

const MODERN_REFUSALS = [400, 404];

/** A request of the modern era, in the era that Asana speaks; twice where the first answer says that it speaks another by now. */
async function sendModern(journey: Journey, token: FreshToken, spentMs: number): Promise<OutboundAnswer> {
  const first = await sendOnce(journey, token, spentMs).catch(openingRefused);
  const standing = journey.standing!;
  if (first !== null && !speaksOtherEra(first, standing, journey.refusal)) return first;
  // Such a refusal says that nothing was executed.
  doubtStanding(journey.connection.id, standing);
  const isSame = (await standingOf(factsOf(journey), token.accessToken)).era === standing.era;
  return first !== null && isSame ? first : sendOnce(journey, token, spentMs);
}

/** One forward; a short refusal is read at once, because it says which era Asana speaks. */
async function sendOnce(journey: Journey, token: FreshToken, spentMs: number): Promise<OutboundAnswer> {
  const answer = await sendInEraOf(journey, token, spentMs);
  journey.refusal = MODERN_REFUSALS.includes(answer.status) ? (await readWholeAnswer(answer)).error : null;
  return answer;
}

/** Null where our own session was not opened because Asana has none: it may speak the modern era by now. */
function openingRefused(error: unknown): null {
  if (error instanceof UpstreamError && (error.reason === 'malformed' || error.reason === 'refused'))
    return null;
  throw error;
}

function speaksOtherEra({ status }: OutboundAnswer, { era }: Standing, refusal: RpcFailure | null): boolean {
  if (!MODERN_REFUSALS.includes(status)) return false;
  const code = refusal?.code ?? 0;
  return era === 'legacy' ? code === -32020 || code === -32022 : !MODERN_CODES.includes(code);
}

/** What a server of the modern era refuses a well-formed request of ours with. */
const MODERN_CODES = [-32020, -32021, -32601, -32602, -32603];

async function sendInEraOf(journey: Journey, token: FreshToken, spentMs: number): Promise<OutboundAnswer> {
  const { message, callId, admitted, left } = journey;
  const standing = await standingOf(factsOf(journey), token.accessToken);
  journey.standing = standing;
  const { reads } = admitted;
  const base = {
    method: 'POST' as const,
    accessToken: token.accessToken,
    reads,
    spentMs,
    signal: left ?? undefined,
  };
  if (standing.era === 'legacy')
    return sendThroughOwnSession(journey, token, { ...base, body: bridgedRequest(message, callId) });
  const families = admitted.families ?? [];
  const { paramHeaders, brought: instead } = journey;
  const made = modernRequest(message, callId, { families, paramHeaders, instead });
  return pass(journey, { ...base, ...made, sessionId: null, protocolVersion: MODERN_VERSION });
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
  const upstream = await pass(journey, {
    method: 'DELETE',
    accessToken: token.accessToken,
    sessionId: upstreamId,
    protocolVersion,
  });
  const { status, body } = upstream;
  listen(journey, upstream);
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
