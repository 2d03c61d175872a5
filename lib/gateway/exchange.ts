// What the agent gets of Asana's result: an opening rewritten to what is governed, a list filtered, anything else as it is.
import type { Outcome } from '../audit/system-call';
import type { Admitted } from './admit';
import type { Exchange } from './answer';
import { wordsFor } from './answer-failure';
import { ANSWER_LIMITS, decodeJson, DecodeError, encodeJson, type Json } from './decode';
import { filterToolList } from './filter-tools';
import { LEGACY_VERSIONS, sessionOpening } from './initialize';
import type { Message } from './message';

interface Call {
  message: Message;
  admitted: Admitted;
  callId: string;
  settled(outcome: Outcome, reason?: string): void;
}

/** How the answer to one call is read; `opened` hears the version that an `initialize` settled on. */
export function exchangeOf(call: Call, opened: (protocolVersion: string) => void): Exchange {
  const { message, admitted, callId, settled } = call;
  const meta = message.params.get('_meta');
  const token = meta instanceof Map ? meta.get('progressToken') : undefined;
  return {
    upstreamId: callId,
    agentId: message.id ?? null,
    progressToken: token === undefined ? undefined : encodeJson(token),
    settled,
    errorMessage: (said) => wordsFor(message, said),
    rewrite:
      message.method === 'initialize'
        ? (result) => rewriteInitialize(result, admitted, opened)
        : message.method === 'tools/list'
          ? (result) => rewriteList(result, new Set(admitted.visible ?? []))
          : null,
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

function rewriteList(text: string, visible: ReadonlySet<string>): string | null {
  const result = tryDecode(text);
  const filtered = result === null ? null : filterToolList(result, visible);
  return filtered && encodeJson(filtered);
}

function tryDecode(text: string): Json | null {
  try {
    return decodeJson(text, ANSWER_LIMITS);
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}
