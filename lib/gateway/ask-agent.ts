// An agent of the older era whose call an Asana of the modern one answers with questions (MCP 2026-07-28, multi round-trip requests): each
// becomes a request on the stream of the call, its answer comes as a message of its own (2025-11-25, transports), and the call goes up again
// with all of them. Every round is admitted and recorded like any call, and none lasts longer than the access behind it.
import { uuidv7 } from '../audit/append';
import { answerRefused, mayGo } from './admit-again';
import { eventOf, within } from './answer-events';
import { callAsana } from './call-asana';
import { ANSWER_WITHIN_MS, awaitAnswers, type GivenAnswer } from './client-answers';
import { ANSWER_LIMITS, decodeJson, encodeJson, type Json } from './decode';
import { endedWords } from './ending';
import { ASKING, type Questions } from './input-required';
import { holdFlight, ownerOf, type AdmittedCall, type Rounds } from './journey';
import { register, type EndReason } from './open-streams';
import { answerError, answerEvents, CODES, errorText, isWhole, type McpAnswer } from './respond';
import { isBridgedId, openSession, sealQuestion, type AgentSession } from './sealed-ids';

/** What asks more often, or more at once, is not answered any more. */
const MAX_ROUNDS = 10;
const MAX_QUESTIONS = 20;
const KEEP_ALIVE_MS = 15_000;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

/** Answers an admitted call as `callAsana` does, and puts Asana's questions to the agent where it brought a session of ours. Never throws. */
export async function callAsking(call: AdmittedCall): Promise<McpAnswer> {
  const { message, request } = call;
  const sessionId = request.header('mcp-session-id');
  if (message.era === 'modern' || !ASKING.includes(message.method) || !isBridgedId(sessionId))
    return callAsana(call);
  const session = openSession(ownerOf({ ...call, connection: call.admitted.connection! }), sessionId!);
  if (!session) return callAsana(call);
  const rounds: Rounds = { brought: new Map(), asked: null };
  const first = await callAsana({ ...call, rounds });
  const isEvents = first.headers['content-type'] === 'text/event-stream';
  return rounds.asked === null && !isEvents
    ? first
    : answerEvents(conversation(call, session, rounds, first));
}

/** The events of all rounds, up to the answer. */
async function* conversation(
  call: AdmittedCall,
  session: AgentSession,
  rounds: Rounds,
  first: McpAnswer,
): AsyncGenerator<string> {
  let answer = first;
  let { callId } = call;
  for (let round = 1; ; round += 1) {
    yield* eventsIn(answer, rounds, call);
    const { asked } = rounds;
    if (asked === null) return;
    rounds.asked = null;
    if (round > MAX_ROUNDS || asked.requests.size > MAX_QUESTIONS)
      return yield failed(call, 'Asana asks too much; whether the call took effect is unknown.');
    const given = yield* ask({ ...call, callId }, session, asked);
    if (given === null) return;
    const brought = broughtBy(asked, given);
    if (brought === null)
      return yield failed(
        call,
        'A question of Asana\u2019s was answered with an error, so the call did not go on.',
      );
    callId = uuidv7();
    answer = await goOn({ ...call, callId, rounds: Object.assign(rounds, { brought }) });
  }
}

const failed = ({ message }: AdmittedCall, text: string) =>
  eventOf(errorText(message.id ?? null, CODES.upstreamFailed, text, { outcome: 'unknown' }));

/** The next round: judged like a call that comes now, on record under an id of its own. */
async function goOn(call: AdmittedCall): Promise<McpAnswer> {
  const { admitted, callId, message } = call;
  try {
    const again = await call.admitRound(callId);
    if (!('admitted' in again) || !mayGo(again, admitted.connection!.id))
      return await answerRefused(again, call);
    return await callAsana({ ...call, admitted: again.admitted });
  } catch {
    return answerError(503, message.id ?? null, CODES.unavailable, 'Gatehouse can\u2019t go on right now.', {
      data: { outcome: 'unknown' },
    });
  }
}

/** One round's answer as events, without what stands in the place of questions. */
async function* eventsIn(
  { body, headers }: McpAnswer,
  rounds: Rounds,
  call: AdmittedCall,
): AsyncGenerator<string> {
  if (isWhole(body)) {
    const text = Array.isArray(body) ? Buffer.concat(body).toString() : body;
    if (rounds.asked === null && text !== null) yield eventOf(text);
    return;
  }
  const isEvents = headers['content-type'] === 'text/event-stream';
  const held: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    if (isEvents) {
      // `asked` is there before the event that stands for it.
      if (rounds.asked === null) yield String(piece);
      continue;
    }
    size += piece.length;
    if (size > MAX_HELD_BYTES) return yield failed(call, 'Asana\u2019s answer is too large.');
    held.push(Buffer.from(piece));
  }
  if (!isEvents) yield eventOf(Buffer.concat(held).toString());
}

/** Puts the questions to the agent and waits; null where nobody is there to go on with. */
async function* ask(
  call: AdmittedCall,
  session: AgentSession,
  { requests }: Questions,
): AsyncGenerator<string, GivenAnswer[] | null> {
  const { admitted, callId, message } = call;
  const { organizationId, memberId, credentialId } = admitted;
  const owner = ownerOf({ admitted, connection: admitted.connection! });
  const stop = new AbortController();
  const unregister = register({
    ...{ organizationId, memberId, credentialId, connectionId: owner.connectionId },
    end: (reason) => stop.abort(reason),
  });
  const held = holdFlight({ admitted, session }, message.id);
  const late = AbortSignal.timeout(ANSWER_WITHIN_MS);
  const signal = AbortSignal.any([stop.signal, held.signal, late]);
  try {
    const answers = awaitAnswers({ organizationId, callId, count: requests.size }, signal).then(
      (given) => ({ given }),
      () => ({ given: null }),
    );
    let number = 0;
    for (const { method, params } of requests.values()) {
      const id = sealQuestion(owner, session, JSON.stringify([callId, number]), Date.now());
      number += 1;
      yield eventOf(requestText(id!, method, params));
    }
    for (;;) {
      const got = await within(answers, KEEP_ALIVE_MS);
      if (got === 'waiting') {
        yield ': keep-alive\n\n';
        continue;
      }
      if (got.given) return got.given;
      // Who cancelled wants no answer any more.
      if (held.signal.aborted) return null;
      yield stop.signal.aborted
        ? eventOf(endedText(call, stop.signal.reason as EndReason))
        : failed(call, 'Nobody answered Asana\u2019s question within five minutes.');
      return null;
    }
  } finally {
    stop.abort();
    held.release();
    unregister();
  }
}

function endedText({ message }: AdmittedCall, reason: EndReason): string {
  return errorText(message.id ?? null, CODES.stopped, endedWords(reason), { outcome: 'unknown' });
}

/** A question written anew, under the id by which its answer finds back. */
function requestText(id: string, method: string, params: string | undefined): string {
  const message = new Map<string, Json>(Object.entries({ jsonrpc: '2.0', id, method }));
  if (params !== undefined) message.set('params', decodeJson(params, ANSWER_LIMITS));
  return encodeJson(message);
}

/** Members of params for the next round; null where an answer is an error that the modern era has no words for. */
function broughtBy({ requests, state }: Questions, given: GivenAnswer[]): Map<string, Json> | null {
  const responses = new Map<string, Json>();
  const keys = [...requests];
  for (const [number, { member, value }] of given.entries()) {
    const [key, { method }] = keys[number]!;
    if (member === 'result') responses.set(key, decodeJson(value, ANSWER_LIMITS));
    // That nobody chose anything is what an elicitation calls `cancel`.
    else if (method === 'elicitation/create') responses.set(key, new Map([['action', 'cancel']]));
    else return null;
  }
  const brought = new Map<string, Json>();
  if (responses.size > 0) brought.set('inputResponses', responses);
  if (state !== null) brought.set('requestState', state);
  return brought;
}
