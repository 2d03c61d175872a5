// What one message of Asana's is to the call that waits for it: its envelope is checked, the agent's id restored, its payload kept byte
// for byte or rewritten. Pure but for what the exchange brings.
import type { Outcome } from '../audit/system-call';
import { readMembers } from './json-members';
import { answerJson, CODES, errorText, resultText, type McpAnswer, type RpcId } from './respond';
import type { AskedOnStream, EventsOfCall } from './answer-events';
import type { SessionStream } from './session-stream';

/** Of what must be held or rewritten, and of an event. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Of an event stream or a large answer as a whole, comments and notifications included (RF-21). */
export const MAX_STREAM_BYTES = 64 * 1024 * 1024;

/** One call that waits for its answer. */
export interface Exchange {
  /** The id we sent. */
  upstreamId: string;
  agentId: RpcId;
  /** The request's own progress token, as JSON; progress for any other is dropped. */
  progressToken: string | undefined;
  /** What stands in its place for the agent, as JSON, where that is another. */
  progressAs?: string;
  /**
   * Turns Asana's result (JSON text) into the agent's, or into null where it is not what was asked for. `answer` is the whole message.
   * Null: its bytes are kept.
   */
  rewrite: ((result: string, answer: string) => string | null) | null;
  /** The agent's result where this very answer was read and found good before, but for its id; null where it must be read. */
  recall?: (answer: Buffer) => Buffer | null;
  /** What else is done where one side is of the modern era; null or absent: neither is. */
  modern?: ModernAnswer | null;
  /** What else passes on a stream of the agent's own session; null or absent: it has none. */
  session?: SessionStream | null;
  /** Whether the stream was begun before, and so is events whatever comes first. */
  isResumed?: boolean;
  /** What the agent reads of Asana's words in a JSON-RPC error. */
  errorMessage(said: string): string;
  /** Hears the tool's result as Asana gave it, before `settled`; absent: nobody keeps it (`guard-writes`). */
  heard?(result: string): void;
  /** Called once, with what became of the call. */
  settled(outcome: Outcome, reason?: string): void;
  /** Called instead where the stream ended before its answer and can be resumed (MCP 2025-11-25, transports). */
  suspended?(): void;
}

export interface ModernAnswer {
  /** Makes a result that is held and not rewritten the agent's, or null where it is none; `reason`: for the audit. */
  finish(result: string): { text: string; reason?: string } | null;
  /** Code and data for the agent of an error of Asana's. */
  error(failure: { code: number; data?: unknown }): { code: number; data?: unknown };
  /** Whether `finish` needs a large result too. */
  holds: boolean;
  /** Whether the agent asked for log messages of this level and may have them. */
  hearsLog(level: unknown): boolean;
  /** Keeps a stream on which Asana asks back, and gives the result that asks the agent; null where the stream goes on. */
  park?(asked: AskedOnStream[], stream: EventsOfCall): Final | null;
}

/** The answer that ends a call. */
export interface Final {
  text: string;
  outcome: Outcome;
  reason?: string;
}

/** The final answer to this call, or null where the message is none. */
export function readFinal(text: string, exchange: Exchange): Final | null {
  const read = readMembers(text);
  if (!read) return null;
  const { members, parsed } = read;
  const value = (key: string) => members.get(key);
  if (value('jsonrpc') !== '"2.0"' || members.has('method')) return null;
  // The id must be ours: an answer to anything else belongs to nobody here (RF-19).
  if (value('id') !== JSON.stringify(exchange.upstreamId)) return null;
  const [result, error] = [value('result'), value('error')];
  if ((result === undefined) === (error === undefined)) return null;
  if (error !== undefined) return readError(error, exchange);
  if (!result!.startsWith('{')) return null;
  const rewritten = exchange.rewrite ? exchange.rewrite(result!, text) : result!;
  const modern = !exchange.rewrite && exchange.modern ? exchange.modern.finish(result!) : undefined;
  if (rewritten === null || modern === null) return null;
  const failed = (parsed.result as { isError?: unknown }).isError === true;
  exchange.heard?.(result!);
  return {
    text: resultText(exchange.agentId, modern?.text ?? rewritten),
    outcome: failed ? 'tool_error' : 'ok',
    reason: modern?.reason,
  };
}

function readError(error: string, exchange: Exchange): Final | null {
  const { code: said, message, data: given } = (JSON.parse(error) ?? {}) as Record<string, unknown>;
  if (!Number.isInteger(said) || typeof message !== 'string') return null;
  const { code, data } = exchange.modern?.error({ code: said as number, data: given }) ?? {
    ...{ code: said as number, data: undefined },
  };
  return {
    text: errorText(exchange.agentId, code, exchange.errorMessage(message), data),
    outcome: 'upstream_error',
  };
}

const UNKNOWN =
  'Asana\u2019s answer broke off or could not be read; whether the call took effect is unknown. Look before you repeat it.';

/** The error of an answer that broke off. */
export function outcomeUnknown(id: RpcId): string {
  return errorText(id, CODES.upstreamFailed, UNKNOWN, { outcome: 'unknown' });
}

/** The same as an answer, where none was begun. */
export function broken(exchange: Exchange, reason: string): McpAnswer {
  exchange.settled('unknown', reason);
  return answerJson(502, outcomeUnknown(exchange.agentId));
}
