// An agent of the modern era whose call an Asana of the older one interrupts with questions: a request of Asana's on the stream of the call
// becomes an `input_required` result (MCP 2026-07-28, multi round-trip requests), the stream waits here, and goes on with the retry that
// brings the answers. Only this process has it: a retry that comes to another hears that the outcome is unknown.
import type { FreshToken } from '../asana/refresh';
import { admittedStill } from './admit-again';
import { goOnReading, type AskedOnStream, type EventsOfCall } from './answer-events';
import { encodeJson, type Json } from './decode';
import { metaOf } from './era';
import { exchangeOf } from './exchange';
import { NEEDS } from './input-required';
import { factsOf, hear, ownerOf, pass, type Journey } from './journey';
import { declaredCapabilities } from './modern-request';
import { register } from './open-streams';
import { cancelInOwnSession, type OwnSession } from './own-sessions';
import { outcomeUnknown, type Final } from './read-answer';
import { sealState } from './request-state';
import { answerJson, resultText, type McpAnswer } from './respond';
import { refuseQuestion } from './session-stream';

interface Parked {
  connectionId: string;
  credentialId: string;
  /** By the key under which the agent is asked. */
  questions: Map<string, AskedOnStream>;
  answers: Map<string, Json>;
  stream: EventsOfCall;
  own: OwnSession;
  /** Of the round that was sent: its answer carries this id. */
  upstreamId: string;
  /** As JSON, of that round. */
  progressToken: string | undefined;
  /** Questions of the call so far. */
  asked: number;
  release(): void;
}

/** So long a person may think. */
const PARKED_MS = 5 * 60_000;
const MAX_OF_CREDENTIAL = 20;
const MAX_PARKED = 500;
/** What asks more often is not answered any more. */
const MAX_QUESTIONS = 20;

const parked = new Map<string, Parked>();

/**
 * Parks a call of the modern era that Asana asks back, and gives the result that asks the agent; null where none of the questions may be
 * asked: they are refused in the agent's stead, and the stream goes on.
 */
export function parkCall(journey: Journey, asked: AskedOnStream[], stream: EventsOfCall): Final | null {
  const { message, admitted, own, resumed } = journey;
  const declared = declaredCapabilities(metaOf(message), admitted.families ?? []);
  const before = resumed?.asked ?? 0;
  const mayAsk = ({ method, params }: AskedOnStream, n: number) =>
    declared.has(NEEDS.get(method) ?? '') &&
    !(params instanceof Map && params.get('mode') === 'url') &&
    before + n < MAX_QUESTIONS;
  const questions = new Map<string, AskedOnStream>();
  for (const [n, question] of asked.entries())
    if (mayAsk(question, n)) questions.set(`q${before + n + 1}`, question);
    else void refuseQuestion({ ...admitted, connection: journey.connection }, own!, question.id);
  if (questions.size === 0) return null;
  return keep(journey, {
    ...{ connectionId: journey.connection.id, credentialId: admitted.credentialId, own: own! },
    ...{ questions, answers: new Map(), stream, asked: before + asked.length, release: () => undefined },
    upstreamId: resumed?.upstreamId ?? journey.callId,
    progressToken: resumed?.progressToken ?? stream.reader.exchange.progressToken,
  });
}

/** Keeps the call until its retry, its time, or the end of the access behind it; the result asks what has no answer yet. */
function keep(journey: Journey, call: Parked): Final | null {
  const { organizationId, memberId, credentialId } = journey.admitted;
  makeRoom(credentialId);
  const id = crypto.randomUUID();
  const timer = setTimeout(() => drop(id), PARKED_MS).unref();
  const unregister = register({
    ...{ organizationId, memberId, credentialId, connectionId: journey.connection.id },
    end: () => drop(id),
  });
  call.release = () => {
    clearTimeout(timer);
    unregister();
    parked.delete(id);
  };
  parked.set(id, call);
  const state = sealState({ ...ownerOf(journey), message: journey.message }, id, Date.now(), 'parked')!;
  const open = [...call.questions].filter(([key]) => !call.answers.has(key));
  const inputRequests = new Map<string, Json>(
    open.map(([key, { method, params }]): [string, Json] => {
      const request = new Map<string, Json>([['method', method]]);
      if (params !== undefined) request.set('params', params);
      return [key, request];
    }),
  );
  const asks = encodeJson(
    new Map<string, Json>(
      Object.entries({ resultType: 'input_required', inputRequests, requestState: state }),
    ),
  );
  return { text: resultText(journey.message.id ?? null, asks), outcome: 'ok', reason: 'input_required' };
}

/** The oldest makes room, because it is most likely nobody's any more. */
function makeRoom(credentialId: string): void {
  const ofCredential = [...parked].filter(([, call]) => call.credentialId === credentialId);
  if (ofCredential.length >= MAX_OF_CREDENTIAL) drop(ofCredential[0]![0]);
  else if (parked.size >= MAX_PARKED) drop(parked.keys().next().value!);
}

function drop(id: string): void {
  const call = parked.get(id);
  call?.release();
  call?.stream.upstream.body.destroy();
}

/** The retry of a call that is parked: its answers go up, and its stream goes on. `id`: out of its `requestState`. */
export async function goOnParked(journey: Journey, token: FreshToken, id: string): Promise<McpAnswer> {
  const { admitted, settled } = journey;
  const call = parked.get(id);
  if (!call || call.credentialId !== admitted.credentialId || call.connectionId !== journey.connection.id)
    return lost(journey);
  call.release();
  const given = journey.brought.get('inputResponses');
  for (const key of call.questions.keys()) {
    const answer = given instanceof Map ? given.get(key) : undefined;
    // What is no answer is asked for again, as Asana itself would in the modern era.
    if (answer instanceof Map) call.answers.set(key, answer);
  }
  if (call.answers.size < call.questions.size) {
    const asks = keep(journey, call)!;
    settled(asks.outcome, asks.reason);
    return answerJson(200, asks.text);
  }
  // Whoever took long to answer may have lost the right to meanwhile.
  const stale = await admittedStill(journey);
  if (stale) {
    call.stream.upstream.body.destroy();
    return stale;
  }
  takeOver(journey, call, token);
  for (const [key, { id: askedAs }] of call.questions)
    if (!(await bring(journey, token, askedAs, call.answers.get(key)!))) {
      call.stream.upstream.body.destroy();
      return lost(journey);
    }
  const exchange = exchangeOf(journey, () => false);
  exchange.upstreamId = call.upstreamId;
  exchange.progressAs = exchange.progressToken;
  exchange.progressToken = exchange.progressAs === undefined ? undefined : call.progressToken;
  return goOnReading(call.stream, exchange);
}

/** From here on the stream is this journey's: it ends with it, and with the agent. */
function takeOver(journey: Journey, call: Parked, { accessToken }: FreshToken): void {
  const { upstream } = call.stream;
  journey.own = call.own;
  journey.resumed = { upstreamId: call.upstreamId, progressToken: call.progressToken, asked: call.asked };
  journey.ending.wasSent = true;
  hear(journey, upstream);
  const leave = () => {
    if (journey.isSettled()) return;
    upstream.body.destroy();
    void cancelInOwnSession(call.own, { facts: factsOf(journey), accessToken, requestId: call.upstreamId });
  };
  if (journey.left?.aborted) leave();
  journey.left?.addEventListener('abort', leave);
}

/** One answer for Asana; false where it was not taken. */
async function bring(journey: Journey, token: FreshToken, askedAs: string, answer: Json): Promise<boolean> {
  const { sessionId, protocolVersion } = journey.own!;
  const { status, body } = await pass(journey, {
    ...{ method: 'POST', accessToken: token.accessToken, sessionId, protocolVersion },
    body: `{"jsonrpc":"2.0","id":${askedAs},"result":${encodeJson(answer)}}`,
  });
  body.destroy();
  return status < 300;
}

function lost({ message, settled }: Journey): McpAnswer {
  settled('unknown', 'not_parked');
  return answerJson(200, outcomeUnknown(message.id ?? null));
}
