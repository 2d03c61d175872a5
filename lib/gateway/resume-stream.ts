// GET with Last-Event-ID (MCP 2025-11-25, transports, resumability): an agent asks for the rest of a stream of its own session. The call
// is judged by the policy as it is now, its list is filtered for who asks now, and its outcome is noted when the answer is here.
import type { FreshToken } from '../asana/refresh';
import type { Outcome } from '../audit/system-call';
import { methodAccess } from '../policy/policy';
import type { Admitted } from './admit';
import { answerFromEvents, eventOf } from './answer-events';
import { failureOf } from './answer-failure';
import { isEventStream } from './answer';
import { decodeJson, ANSWER_LIMITS, type Json } from './decode';
import { exchangeOf } from './exchange';
import { hear, ownerOf, pass, type Journey } from './journey';
import type { Message } from './message';
import { noteOutcome } from './outcomes';
import { relayStream } from './relay-stream';
import {
  answerError,
  answerEvents,
  answerLimit,
  answerUnauthenticated,
  errorText,
  type McpAnswer,
} from './respond';
import { openPlace, type StreamCall } from './sealed-ids';
import { createSessionStream } from './session-stream';

/** `renew`: another token where Asana refuses this one. Throws what `pass` throws. */
export async function resumeStream(
  journey: Journey,
  { token, renew }: { token: FreshToken; renew(): Promise<FreshToken> },
): Promise<McpAnswer> {
  const { session, request, admitted, connection } = journey;
  const place = session && openPlace(ownerOf(journey), session, request.header('last-event-id') ?? '');
  if (!session || !place) {
    journey.settled('upstream_error', 'no_event');
    return answerError(400, null, -32000, 'There is no such event in this session.');
  }
  const { eventId, call } = place;
  if (call === null) {
    journey.settled('ok');
    return relayStream(request, { ...admitted, connection }, session, eventId);
  }
  journey.message = messageOf(call);
  const judged = await judgedNow(journey, call);
  if ('answer' in judged) return judged.answer;
  const ask = ({ accessToken }: FreshToken) =>
    pass(journey, {
      ...{ method: 'GET', accessToken, lasts: true, headers: { 'last-event-id': eventId } },
      ...{ sessionId: session.upstreamId, protocolVersion: session.protocolVersion },
    });
  let upstream = await ask(token);
  if (upstream.status === 401) {
    upstream.body.destroy();
    upstream = await ask(await renew());
  }
  hear(journey, upstream);
  if (upstream.status === 200 && isEventStream(upstream)) {
    const caller = { ...judged.admitted, connection };
    return answerFromEvents(upstream, {
      ...exchangeOf(
        { ...outcomesOf(journey, call), message: journey.message, admitted: caller },
        () => false,
      ),
      session: createSessionStream({ caller, session, call }),
      isResumed: true,
    });
  }
  if (upstream.status !== 405 && upstream.status >= 300) return failureOf(journey, upstream);
  upstream.body.destroy();
  journey.settled('upstream_error', `status_${upstream.status}`);
  return answerError(405, null, -32000, 'Asana does not let streams be resumed.', {
    headers: { allow: 'POST, DELETE' },
  });
}

/** As much of the call as its answer needs. */
function messageOf({ agentId, method, name, progressToken }: StreamCall): Message {
  const params = new Map<string, Json>();
  if (name !== null) params.set(method.startsWith('resources/') ? 'uri' : 'name', name);
  if (progressToken !== null)
    params.set('_meta', new Map([['progressToken', decodeJson(progressToken, ANSWER_LIMITS)]]));
  return { id: agentId ?? undefined, method, params, era: 'legacy' };
}

/** What the caller may have now, or what is answered instead. */
async function judgedNow(
  journey: Journey,
  { method, name, agentId, judgedAs }: StreamCall,
): Promise<{ admitted: Admitted } | { answer: McpAnswer }> {
  const access = methodAccess(method, 'legacy');
  const again = await journey.admitAgain({
    method,
    tool: method === 'tools/call' ? name : null,
    family: access === 'open' || access === 'closed' ? null : access,
    uri: method === 'resources/read' ? name : null,
  });
  if ('unauthenticated' in again) {
    journey.settled('upstream_error', 'revoked_meanwhile');
    return { answer: answerUnauthenticated('The agent token was revoked') };
  }
  const { denial, limit, connection, rules } = again.admitted;
  // Its arguments are not here; what they were allowed by still must be what is asked.
  const isAllowed = denial === null && (rules?.version ?? null) === judgedAs;
  if (isAllowed && connection?.id === journey.connection.id) return again;
  journey.settled('upstream_error', denial ?? (isAllowed ? 'no_connection' : 'argument_rule'));
  if (limit) return { answer: answerLimit(agentId, limit) };
  const [code, text] =
    method === 'tools/call' ? [-32602, `Unknown tool: ${name}`] : [-32601, `Method not found: ${method}`];
  return { answer: answerEvents(oneEvent(errorText(agentId, code, text))) };
}

async function* oneEvent(json: string): AsyncGenerator<string> {
  yield eventOf(json);
}

/** The outcome belongs to the call that began the stream; the GET has one of its own. */
function outcomesOf(journey: Journey, { callId, sentMs }: StreamCall) {
  const { admitted, connection } = journey;
  const { organizationId, credentialId } = admitted;
  return {
    callId,
    settled(outcome: Outcome, reason?: string) {
      if (journey.isSettled()) return;
      const latencyMs = Math.max(0, Date.now() - sentMs);
      noteOutcome({
        ...{ organizationId, callId, outcome, latencyMs, reason, credentialId },
        connectionId: connection.id,
      });
      journey.settled(outcome === 'unknown' ? 'unknown' : 'ok', reason);
    },
    suspended: () => journey.settled('ok'),
  };
}
