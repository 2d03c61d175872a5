// What the agent gets of Asana's result: an opening rewritten to what is governed, a list filtered, anything else as it is.
import type { Outcome } from '../audit/system-call';
import type { Admitted } from './admit';
import type { Exchange, ModernAnswer } from './read-answer';
import { wordsFor } from './answer-failure';
import { ANSWER_LIMITS, decodeJson, DecodeError, encodeJson, type Json } from './decode';
import { metaOf } from './era';
import { readToolList, shownTools, visibleTools, type ToolList } from './filter-tools';
import { levelIn } from './bridge-to-modern';
import { legacyError, legacyResult } from './legacy-result';
import { LEGACY_VERSIONS, sessionOpening } from './initialize';
import { asksBack, passQuestions, questionsIn } from './input-required';
import { topLevelMembers } from './json-members';
import { knownList, rememberList, shownOf } from './known-lists';
import type { Rounds } from './journey';
import type { Message } from './message';
import type { OwnSession } from './own-sessions';
import { modernError } from './modern-error';
import { isHeard, wantedLevel } from './modern-request';
import { CACHEABLE, finishResult, finishToolList } from './modern-result';
import type { AgentSession } from './sealed-ids';
import { createSessionStream, type SessionStream } from './session-stream';
import { noticeList } from './notice-drift';

interface Call {
  message: Message;
  admitted: Admitted;
  callId: string;
  /** The session the agent brought; null or absent for one without. */
  session?: AgentSession | null;
  settled(outcome: Outcome, reason?: string): void;
  suspended?(): void;
  /** It is of the older era and went up in the modern one. */
  isBridged?: boolean;
  rounds?: Rounds;
  /** The session of ours that it went up in, where Asana is of the older era. */
  own?: OwnSession | null;
  park?: ModernAnswer['park'];
}

/** How the answer to one call is read; `opened` hears the version that an `initialize` settled on, and says whether there is a session. */
export function exchangeOf(call: Call, opened: (protocolVersion: string) => boolean): Exchange {
  const { message, admitted, callId, settled } = call;
  const token = metaOf(message).get('progressToken');
  return {
    upstreamId: callId,
    agentId: message.id ?? null,
    progressToken: token === undefined ? undefined : encodeJson(token),
    settled,
    heard: admitted.kept === null ? undefined : (result) => (admitted.kept!.result = result),
    session: sessionOf(call),
    suspended: call.suspended,
    errorMessage: (said) => wordsFor(message, said),
    modern: message.era === 'modern' ? modernAnswer(call) : call.isBridged ? bridgedAnswer(call) : null,
    rewrite:
      message.method === 'initialize'
        ? (result) => rewriteInitialize(result, admitted, opened)
        : message.method === 'tools/list'
          ? (result, answer) => rewriteList(result, answer, call)
          : null,
    recall: message.method === 'tools/list' ? (answer) => recallList(answer, call) : undefined,
  };
}

/** What else passes where the agent brought a session of its own. */
function sessionOf({ message, admitted, callId, session }: Call): SessionStream | null {
  const { connection } = admitted;
  if (!session || session.isBridged || !connection || message.era === 'modern') return null;
  const token = metaOf(message).get('progressToken');
  const call = {
    ...{ callId, agentId: message.id ?? null, method: message.method, sentMs: Date.now() },
    name: [message.params.get('name'), message.params.get('uri')].find(isText) ?? null,
    progressToken: token === undefined ? null : encodeJson(token),
    judgedAs: admitted.judgedAs ?? null,
  };
  return createSessionStream({ caller: { ...admitted, connection }, session, call });
}

const isText = (value: unknown) => typeof value === 'string';

/** The list for this caller out of an answer that is known but for its id. */
function recallList(answer: Buffer, call: Call): Buffer | null {
  const known = knownList(answer, call.callId);
  if (!known) return null;
  notice(call, known.list);
  // The text depends on the list, the names and the era, and on nothing else.
  const key = JSON.stringify([call.message.era, call.admitted.visible]);
  return shownOf(known, key, () => listFor(call, known.list));
}

function rewriteList(result: string, answer: string, call: Call): string | null {
  const list = readToolList(result);
  if (list) rememberList(Buffer.from(answer), call.callId, list);
  if (list) notice(call, list);
  return list && listFor(call, list);
}

function notice({ admitted, message }: Call, list: ToolList): void {
  noticeList(admitted.organizationId, list, { whole: !message.params.has('cursor') });
}

function listFor({ admitted, message }: Call, list: ToolList): string {
  const members = shownTools(list, visibleTools(admitted.visible));
  return message.era === 'modern' ? finishToolList(members, list.ttlMs) : `{${members}}`;
}

/** What the modern era adds: a result says its type, an error of Asana's keeps what a client needs of its data. */
function modernAnswer(call: Call): ModernAnswer {
  const { message, admitted } = call;
  const { organizationId, credentialId, connection } = admitted;
  const wanted = wantedLevel(metaOf(message), admitted.families ?? []);
  const owner = { organizationId, credentialId, connectionId: connection!.id, message };
  return {
    finish(result) {
      const members = topLevelMembers(result);
      const asks = members !== null && asksBack(members);
      const text = asks
        ? passQuestions(members, owner, admitted.families ?? [])
        : finishResult(message.method, result);
      return text === null ? null : { text, reason: asks ? 'input_required' : undefined };
    },
    holds: CACHEABLE.has(message.method),
    error: (failure) => modernError(message, failure),
    hearsLog: (level) => isHeard(level, wanted),
    park: call.own ? call.park : undefined,
  };
}

/** The other way round: what the modern era added is taken off, and log messages pass from the level of the agent's session on. */
function bridgedAnswer({ message, admitted, session = null, rounds }: Call): ModernAnswer {
  const wanted = levelIn(session);
  const isOpen = admitted.families?.includes('client_requests') === true;
  return {
    finish(result) {
      const members = topLevelMembers(result);
      if (members !== null && asksBack(members)) {
        const mayAsk = (name: string) => isOpen && session?.relays.includes(name) === true;
        const asked = rounds ? questionsIn(members, message.method, mayAsk) : null;
        if (asked) rounds!.asked = asked;
        // Not for the agent: `ask-agent` puts the questions in its place.
        return asked && { text: '{}', reason: 'input_required' };
      }
      const text = legacyResult(result);
      return text === null ? null : { text };
    },
    holds: false,
    error: (failure) => legacyError(message, failure),
    hearsLog: (level) => isHeard(level, wanted),
  };
}

function rewriteInitialize(
  text: string,
  admitted: Admitted,
  opened: (version: string) => boolean,
): string | null {
  const result = tryDecode(text);
  const version = result instanceof Map ? result.get('protocolVersion') : undefined;
  if (typeof version !== 'string' || !(LEGACY_VERSIONS as readonly string[]).includes(version)) return null;
  const capabilities = (result as Map<string, Json>).get('capabilities');
  return sessionOpening(version, {
    families: admitted.families ?? [],
    offered: capabilities instanceof Map ? capabilities : new Map(),
    hasSession: opened(version),
  });
}

function tryDecode(text: string): Json | null {
  try {
    return decodeJson(text, ANSWER_LIMITS);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
