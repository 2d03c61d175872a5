// Takes an admitted call to Asana and back: token, session, one forward, its answer. A write is never sent twice: its only repeats
// are after answers that say the request was not executed (401: token refused, 404: session unknown). A read that got no answer may
// go once more (repeat-read.ts).
import { UpstreamError } from '../asana/mcp-client';
import { freshAccessToken, RefreshFailure, type FreshToken } from '../asana/refresh';
import { isDatabaseGone } from '../errors';
import { OutboundError, type OutboundAnswer } from '../http';
import { AdmissionUnavailable } from './admit';
import { admittedStill, judgedAgain } from './admit-again';
import { answerFrom } from './answer';
import {
  circuitOpen,
  failureOf,
  outboundFailed,
  ownSessionFailed,
  sessionGone,
  tokenFailed,
} from './answer-failure';
import { assertAsanaAnswers, CircuitOpen, enterAsana } from './asana-circuits';
import { answerInBridgedSession, hasNoSessions, openBridgedSession } from './bridge-to-modern';
import { discovery, type Capabilities } from './discover';
import { endSession } from './end-session';
import { orEnded } from './ending';
import { exchangeOf } from './exchange';
import { NoSlot, takeSlot } from './in-flight';
import { keepBefore } from './keep-before';
import {
  begin,
  factsOf,
  flightOf,
  hear,
  noteFlight,
  ownerOf,
  type AdmittedCall,
  type Journey,
} from './journey';
import type { ClientAnswer } from './message';
import { relayedCapabilities } from './modern-request';
import { ownSession } from './own-sessions';
import { goOnParked, parkCall } from './parked-calls';
import {
  answerAccepted,
  answerError,
  answerRateLimited,
  answerResult,
  answerUnavailable,
  type McpAnswer,
} from './respond';
import { send, sendOrRepeat } from './send-call';
import { modernRefused } from './send-modern';
import { openQuestion, openSession, sealSession, type AgentSession } from './sealed-ids';
import { resumeStream } from './resume-stream';
import { standingOf } from './upstream-era';

/** Answers an admitted call through its connection; at once where its access ends meanwhile. Never throws. */
export async function callAsana(call: AdmittedCall): Promise<McpAnswer> {
  const journey = begin(call);
  // What it took after it was ended is given back when it comes to its own end.
  const work = proceed(journey).finally(() => journey.ending.reason !== null && journey.land());
  return orEnded(
    journey.ending,
    () => journey.message.id ?? null,
    work,
    async () => {
      // What was not sent is answered like a call that comes now.
      const again = journey.ending.wasSent ? null : await judgedAgain(journey).catch(() => null);
      journey.settled(journey.ending.wasSent ? 'unknown' : 'upstream_error', journey.ending.reason!);
      return again;
    },
  );
}

async function proceed(journey: Journey): Promise<McpAnswer> {
  const { request, admitted, message } = journey;
  const sessionId = request.header('mcp-session-id');
  const id = message.id ?? null;
  const refused = message.era === 'modern' ? modernRefused(journey) : null;
  if (refused) return refused;
  // The modern era has no sessions; an id that comes all the same means nothing (MCP 2026-07-28, transports).
  if (sessionId !== undefined && message.method !== 'initialize' && message.era === 'legacy') {
    journey.session = openSession(ownerOf(journey), sessionId);
    if (!journey.session) return sessionGone(journey);
  }
  try {
    // A cancel must not wait behind what it cancels.
    if (message.id !== undefined || request.method === 'GET') {
      // Before the wait for a place among calls that may hang.
      assertAsanaAnswers(journey.connection.id);
      journey.freeSlot = await slotFor(journey);
    }
    if (admitted.undoDays !== null) {
      const unkept = await keepBefore(journey);
      if (unkept) return unkept;
    }
    const token = await freshAccessToken({ ...journey.connection, organizationId: admitted.organizationId });
    const stale = await admittedStill(journey);
    if (stale) return stale;
    if (message.id !== undefined) {
      noteFlight(journey);
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
      return answerUnavailable(id, journey.mayHaveRun ? 'unknown' : 'not_sent');
    }
    journey.settled('unknown', 'internal');
    throw error;
  }
}

function slotFor({ admitted, connection }: Journey): Promise<() => void> {
  const { credentialId, reads } = admitted;
  return takeSlot({ connectionId: connection.id, kind: reads ? 'read' : 'write', credentialId });
}
/** One forward, with the two repeats that are safe, and its answer. */
async function travel(journey: Journey, token: FreshToken): Promise<McpAnswer> {
  const { message, request } = journey;
  // An agent's `initialized` without a session of its own has nothing to reach: our own session is initialized already. A cancel
  // of a call that this process does not know under this very credential and session reaches nobody's (PP-33).
  const cancels =
    message.method === 'notifications/cancelled'
      ? flightOf(journey, message.params.get('requestId'))
      : undefined;
  const nowhere = message.method === 'notifications/cancelled' ? cancels === undefined : !journey.session;
  if (message.answer) {
    journey.askedAs = questionOf(journey, message.answer);
    if (journey.askedAs === null) return answersNothing(journey);
  } else if (message.id === undefined && request.method === 'POST' && nowhere) {
    journey.settled('ok');
    return answerAccepted();
  }
  if (cancels !== undefined) message.params.set('requestId', cancels);
  const local = answerInBridgedSession(journey);
  if (local) return local;
  journey.passage = enterAsana({
    organizationId: journey.admitted.organizationId,
    connectionId: journey.connection.id,
  });
  if (request.method === 'DELETE') return endSession(journey, token);
  if (request.method === 'GET') return resumeStream(journey, { token, renew: () => renew(journey, token) });
  if (message.method === 'server/discover') return discover(journey, token);
  journey.park = (asked, stream) => parkCall(journey, asked, stream);
  if (journey.parkedAs !== null) return goOnParked(journey, token, journey.parkedAs);
  let upstream = await sendOrRepeat(journey, token).catch(refusedOpening);
  if (upstream === null || upstream.status === 401) {
    upstream?.body.destroy();
    upstream = await send(journey, await renew(journey, token));
  }
  hear(journey, upstream);
  // Asked for anew at each opening: whoever believed an older verdict would open sessions of no use.
  const refused = message.method === 'initialize' && (await hasNoSessions(journey, token, upstream));
  const bridged = refused ? await openBridgedSession(journey, token, relaysOf(journey)) : null;
  return bridged ?? answerOf(journey, upstream);
}

/** What `ask` got, at the second try with a new token where Asana refused the first. */
async function renewing<T>(
  journey: Journey,
  token: FreshToken,
  ask: (token: FreshToken) => Promise<T>,
): Promise<T> {
  const refused = Symbol('refused');
  const first = await ask(token).catch((error: unknown) => refusedOpening(error) ?? refused);
  return first === refused ? ask(await renew(journey, token)) : (first as T);
}

function renew({ admitted, connection }: Journey, refused: FreshToken): Promise<FreshToken> {
  const { organizationId } = admitted;
  return freshAccessToken({ organizationId, id: connection.id }, { force: refused.generation });
}

/** Asana's capabilities, as far as they are governed: from what it said to us, which is asked again every ten minutes. */
async function discover(journey: Journey, token: FreshToken): Promise<McpAnswer> {
  const { message, admitted } = journey;
  const offered = await renewing(journey, token, (with_) => capabilitiesOf(journey, with_));
  journey.settled('ok');
  return answerResult(message.id ?? null, discovery({ families: admitted.families ?? [], offered }));
}

async function capabilitiesOf(journey: Journey, token: FreshToken): Promise<Capabilities> {
  const { offered } = await standingOf(factsOf(journey), token.accessToken);
  return offered ?? (await ownSession(factsOf(journey), token.accessToken)).capabilities;
}

/** Null where Asana refused the token already at our own session: that is a 401 like the call's own. */
function refusedOpening(error: unknown): null {
  if (error instanceof UpstreamError && error.reason === 'unauthorized') return null;
  throw error;
}

/** What of Asana's may reach the agent in the session that it opens: what it can be asked, and log messages. */
function relaysOf({ message, admitted }: Journey): string[] {
  const families = admitted.families ?? [];
  const declared = relayedCapabilities(message.params.get('capabilities'), families);
  return [...declared.keys(), ...(families.includes('logging') ? ['logging'] : [])];
}

/** Asana's id of the question that is answered; null where this agent was not asked in this session. */
function questionOf(journey: Journey, { to }: ClientAnswer): string | null {
  const { session } = journey;
  return session && openQuestion(ownerOf(journey), session, to, Date.now());
}

function answersNothing({ settled }: Journey): McpAnswer {
  settled('upstream_error', 'no_question');
  return answerError(
    400,
    null,
    -32600,
    'It answers no question that was asked in this session, or it is too late.',
  );
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
      const hasSession = typeof id === 'string' && /^[\x21-\x7e]{1,1024}$/.test(id);
      if (hasSession) opened = { upstreamId: id, protocolVersion: version, relays: relaysOf(journey) };
      return hasSession;
    });
    const answer = await answerFrom(upstream, exchange);
    return opened
      ? { ...answer, headers: { ...answer.headers, 'mcp-session-id': sealSession(ownerOf(journey), opened) } }
      : answer;
  }
  return failureOf(journey, upstream);
}
