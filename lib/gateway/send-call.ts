// Sends one call to Asana: once, or twice where it is a read that got no answer (repeat-read.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import type { FreshToken } from '../asana/refresh';
import { OutboundError, type OutboundAnswer } from '../http';
import { pauseAtAsana } from './asana-circuits';
import { sendInBridgedSession, sendWithoutSession } from './bridge-to-modern';
import type { Json } from './decode';
import { LEGACY_VERSIONS } from './initialize';
import { pass, type Journey } from './journey';
import { rebuild, rebuildAnswer, type Message } from './message';
import { relayedCapabilities } from './modern-request';
import { takePlaceAgain } from './repeat-place';
import { createRepeatBudget, isPassing, REPEAT_WITHIN_MS, REPEATS } from './repeat-read';
import { sendModern } from './send-modern';

const repeats = createRepeatBudget(REPEATS);

/** One forward, or two where a read got no answer; the second has only the time that the first left. */
export async function sendOrRepeat(journey: Journey, token: FreshToken): Promise<OutboundAnswer> {
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
    repeats.spend() &&
    (await takesPlaceAgain(journey));
  if (again) {
    if (!('error' in first)) first.body.destroy();
    journey.repeated = true;
    journey.mayHaveRun = mayHaveRun(first);
    // Not all at once, where many calls broke at the same time.
    const pauseMs = 50 + Math.random() * 150;
    await sleep(pauseMs);
    return send(journey, token, spentMs + pauseMs);
  }
  if ('error' in first) throw first.error;
  return first;
}

function takesPlaceAgain({ admitted, connection, message }: Journey): Promise<boolean> {
  const tool = message.method === 'tools/call' ? String(message.params.get('name')) : null;
  return takePlaceAgain({ organizationId: admitted.organizationId, connectionId: connection.id, tool });
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

/** One forward in the era of the agent. Throws `OutboundError`, `UpstreamError` and `Ended`. */
export async function send(journey: Journey, token: FreshToken, spentMs = 0): Promise<OutboundAnswer> {
  const { message, callId, session } = journey;
  if (message.era === 'modern') return sendModern(journey, token, spentMs);
  const body =
    message.method === 'initialize'
      ? initialize(message, callId, journey.admitted.families ?? [])
      : message.answer
        ? rebuildAnswer(message.answer, journey.askedAs!)
        : rebuild(message, message.id === undefined ? undefined : callId);
  const { reads } = journey.admitted;
  const base = { method: 'POST' as const, body, accessToken: token.accessToken, reads, spentMs };
  if (message.method === 'initialize')
    return pass(journey, { ...base, sessionId: null, protocolVersion: null });
  if (session?.isBridged) return sendInBridgedSession(journey, token, spentMs);
  if (session)
    return pass(journey, {
      ...base,
      sessionId: session.upstreamId,
      protocolVersion: session.protocolVersion,
    });
  return sendWithoutSession(journey, token, base);
}

/** Asana hears of us, not of the agent; of what the agent can be asked, as much as its groups open. */
function initialize({ params }: Message, callId: string, families: readonly string[]): string {
  const asked = params.get('protocolVersion');
  const protocolVersion = LEGACY_VERSIONS.find((known) => known === asked) ?? LEGACY_VERSIONS[0];
  const capabilities = relayedCapabilities(params.get('capabilities'), families);
  const clientInfo = new Map(Object.entries({ name: 'gatehouse', version: '1' }));
  const said = new Map<string, Json>(Object.entries({ protocolVersion, capabilities, clientInfo }));
  return rebuild({ id: callId, method: 'initialize', params: said, era: 'legacy' }, callId, said);
}
