// What the agent gets of Asana's result: an opening rewritten to what is governed, a list filtered, anything else as it is.
import type { Outcome } from '../audit/system-call';
import type { Admitted } from './admit';
import type { Exchange, ModernAnswer } from './answer';
import { wordsFor } from './answer-failure';
import { ANSWER_LIMITS, decodeJson, DecodeError, encodeJson, type Json } from './decode';
import { metaOf } from './era';
import { readToolList, shownTools, type ToolList } from './filter-tools';
import { LEGACY_VERSIONS, sessionOpening } from './initialize';
import { asksBack, passQuestions } from './input-required';
import { topLevelMembers } from './json-members';
import { keyOf, knownList, rememberList } from './known-lists';
import type { Message } from './message';
import { modernError } from './modern-error';
import { isHeard, wantedLevel } from './modern-request';
import { CACHEABLE, finishResult, finishToolList } from './modern-result';

interface Call {
  message: Message;
  admitted: Admitted;
  callId: string;
  settled(outcome: Outcome, reason?: string): void;
}

/** How the answer to one call is read; `opened` hears the version that an `initialize` settled on. */
export function exchangeOf(call: Call, opened: (protocolVersion: string) => void): Exchange {
  const { message, admitted, callId, settled } = call;
  const token = metaOf(message).get('progressToken');
  return {
    upstreamId: callId,
    agentId: message.id ?? null,
    progressToken: token === undefined ? undefined : encodeJson(token),
    settled,
    errorMessage: (said) => wordsFor(message, said),
    modern: message.era === 'modern' ? modernAnswer(call) : null,
    rewrite:
      message.method === 'initialize'
        ? (result) => rewriteInitialize(result, admitted, opened)
        : message.method === 'tools/list'
          ? (result, answer) => rewriteList(result, answer, call)
          : null,
    recall: message.method === 'tools/list' ? (answer) => recallList(answer, call) : undefined,
  };
}

/** The list for this caller out of an answer that is known but for its id. */
function recallList(answer: string, call: Call): string | null {
  const key = keyOf(answer, call.callId);
  const list = key === null ? undefined : knownList(key);
  return list ? listFor(call, list) : null;
}

function rewriteList(result: string, answer: string, call: Call): string | null {
  const list = readToolList(result);
  const key = list && keyOf(answer, call.callId);
  if (key) rememberList(key, list, answer.length);
  return list && listFor(call, list);
}

function listFor({ admitted, message }: Call, list: ToolList): string {
  const members = shownTools(list, new Set(admitted.visible ?? []));
  return message.era === 'modern' ? finishToolList(members, list.ttlMs) : `{${members}}`;
}

/** What the modern era adds: a result says its type, an error of Asana's keeps what a client needs of its data. */
function modernAnswer({ message, admitted }: Call): ModernAnswer {
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
  };
}

function rewriteInitialize(
  text: string,
  admitted: Admitted,
  opened: (version: string) => void,
): string | null {
  const result = tryDecode(text);
  const version = result instanceof Map ? result.get('protocolVersion') : undefined;
  if (typeof version !== 'string' || !(LEGACY_VERSIONS as readonly string[]).includes(version)) return null;
  const capabilities = (result as Map<string, Json>).get('capabilities');
  opened(version);
  return sessionOpening(version, {
    families: admitted.families ?? [],
    offered: new Set(capabilities instanceof Map ? capabilities.keys() : []),
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
