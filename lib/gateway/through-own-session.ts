// One forward through the connection's own session, for agents that bring none; opened again once where Asana forgot it, because that
// says the call was not executed.
import type { FreshToken } from '../asana/refresh';
import type { OutboundAnswer } from '../http';
import { metaOf } from './era';
import { ASKING } from './input-required';
import type { Outgoing } from './forward';
import { factsOf, pass, type Journey } from './journey';
import { declaredCapabilities, wantedLevel } from './modern-request';
import { cancelInOwnSession, forgetOwnSession, hearLog, ownSession, type OwnSession } from './own-sessions';

type Base = Omit<Outgoing, 'sessionId' | 'protocolVersion'>;

/** Throws `UpstreamError` where no session was opened, and what `pass` throws. */
export async function sendThroughOwnSession(
  journey: Journey,
  token: FreshToken,
  base: Base,
): Promise<OutboundAnswer> {
  const { message, request } = journey;
  const facts = factsOf(journey);
  // Where Asana keeps no sessions, the version the agent settled on with it is the one that counts.
  const settledOn = message.era === 'legacy' ? request.header('mcp-protocol-version') : undefined;
  const wanted = message.era === 'modern' && wantedLevel(metaOf(message), journey.admitted.families ?? []);
  // Asana was told at the opening of a session what it may ask in it.
  const declared = message.era === 'modern' ? declaredNames(journey) : [];
  const through = async (own: OwnSession) => {
    if (message.era === 'modern') cancelWhereLeft(journey, own, token);
    if (message.era === 'modern') journey.own = own;
    if (wanted) await hearLog(own, facts, token.accessToken);
    return pass(journey, {
      ...base,
      asks: declared.length > 0,
      sessionId: own.sessionId,
      protocolVersion: own.sessionId === null ? (settledOn ?? own.protocolVersion) : own.protocolVersion,
    });
  };
  const own = await ownSession(facts, token.accessToken, declared);
  const answer = await through(own);
  // An Asana that no longer speaks the version we settled on says 400 (2025-11-25 transports); the next call settles on another.
  if (answer.status === 400) await forgetOwnSession(journey.connection.id, own);
  if (answer.status !== 404 || own.sessionId === null) return answer;
  // Asana forgot a session that we opened: opened again, once. 404 says that the call was not executed.
  answer.body.destroy();
  await forgetOwnSession(journey.connection.id, own);
  return through(await ownSession(facts, token.accessToken, declared));
}

function declaredNames({ message, admitted }: Journey): string[] {
  if (!ASKING.includes(message.method)) return [];
  return [...declaredCapabilities(metaOf(message), admitted.families ?? []).keys()].toSorted();
}

/** In the legacy era a disconnect is no cancel, so an agent of the modern one that leaves is told of (facts/mcp 1.5). */
function cancelWhereLeft(journey: Journey, own: OwnSession, { accessToken }: FreshToken): void {
  journey.left?.addEventListener('abort', () => {
    if (journey.ending.wasSent && !journey.isSettled())
      void cancelInOwnSession(own, { facts: factsOf(journey), accessToken, requestId: journey.callId });
  });
}
