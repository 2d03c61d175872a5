// Reads Asana's answer to one call and makes the agent's of it: the envelope is checked, the agent's id restored, the payload kept
// byte for byte or filtered. What can't be understood is refused, and a cut or second answer never passes for a success.
import { createEventStreamParser, EventStreamError } from '../asana/event-stream';
import type { Outcome } from '../audit/system-call';
import { outboundError, type OutboundAnswer } from '../http';
import { ANSWER_LIMITS, decodeJson, encodeJson, type Json } from './decode';
import { readMembers, topLevelMembers } from './json-members';
import { readLargeAnswer } from './large-answer';
import { COMPLETE } from './modern-result';
import {
  answerEvents,
  answerJson,
  answerJsonInPieces,
  CODES,
  errorText,
  resultText,
  type McpAnswer,
  type RpcId,
} from './respond';

/** Above that a result is passed on while it arrives. */
const MAX_SMALL_BYTES = 1024 * 1024;
/** Of what must be held or rewritten, and of an event. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Of an event stream or a large answer as a whole, comments and notifications included (RF-21). */
const MAX_STREAM_BYTES = 64 * 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;

/** One call that waits for its answer. */
export interface Exchange {
  /** The id we sent. */
  upstreamId: string;
  agentId: RpcId;
  /** The request's own progress token, as JSON; progress for any other is dropped. */
  progressToken: string | undefined;
  /**
   * Turns Asana's result (JSON text) into the agent's, or into null where it is not what was asked for. `answer` is the whole message.
   * Null: its bytes are kept.
   */
  rewrite: ((result: string, answer: string) => string | null) | null;
  /** The agent's result where this very answer was read and found good before, but for its id; null where it must be read. */
  recall?: (answer: string) => string | null;
  /** What else an agent of the modern era gets; null or absent: the agent is of the older one. */
  modern?: ModernAnswer | null;
  /** What the agent reads of Asana's words in a JSON-RPC error. */
  errorMessage(said: string): string;
  /** Called once, with what became of the call. */
  settled(outcome: Outcome, reason?: string): void;
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
}

interface Final {
  text: string;
  outcome: Outcome;
  reason?: string;
}

/** Answers an agent from a 2xx answer of Asana's. `settled` is called before or while the answer is read to its end. */
export async function answerFrom(upstream: OutboundAnswer, exchange: Exchange): Promise<McpAnswer> {
  const type = mediaType(upstream);
  const encoding = String(upstream.headers['content-encoding'] ?? 'identity').toLowerCase();
  // We asked for identity; what comes encoded all the same can't be checked here and is not passed on (RF-13).
  if (encoding !== 'identity' || (type !== 'application/json' && type !== 'text/event-stream')) {
    upstream.body.destroy();
    return broken(exchange, 'unreadable_type');
  }
  return type === 'application/json'
    ? answerFromJson(upstream, exchange)
    : answerFromEvents(upstream, exchange);
}

/** The media type, compared without case and parameters (RF-10). */
function mediaType({ headers }: OutboundAnswer): string {
  return String(headers['content-type'] ?? '')
    .split(';')[0]!
    .trim()
    .toLowerCase();
}

async function answerFromJson(upstream: OutboundAnswer, exchange: Exchange): Promise<McpAnswer> {
  let text: string;
  try {
    const begun = await begin(upstream.body, mustHold(exchange) ? MAX_ANSWER_BYTES : MAX_SMALL_BYTES);
    if (begun.rest) return await answerInPieces(begun.bytes, begun.rest, exchange);
    text = decodeAnswer(begun.bytes);
  } catch {
    upstream.body.destroy();
    return broken(exchange, 'cut');
  }
  const final = readFinal(text, exchange);
  if (!final) return broken(exchange, 'not_an_answer');
  exchange.settled(final.outcome, final.reason);
  return answerJson(200, final.text);
}

/** Whether all of a result must be here before any of it goes on. */
function mustHold({ rewrite, modern }: Exchange): boolean {
  return rewrite !== null || modern?.holds === true;
}

/** The body as far as `maxBytes`, and what reads on where that was not all of it. */
async function begin(
  body: OutboundAnswer['body'],
  maxBytes: number,
): Promise<{ bytes: Buffer; rest: AsyncIterator<Buffer> | null }> {
  const chunks: Buffer[] = [];
  let size = 0;
  const reader = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (;;) {
    const { done, value } = await reader.next();
    if (done) return { bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size), rest: null };
    chunks.push(value);
    size += value.length;
    if (size > maxBytes) return { bytes: Buffer.concat(chunks, size), rest: reader };
  }
}

/** A large result passed on as it comes. Resolves with its first piece, so that until then a broken one still has a status. */
async function answerInPieces(
  bytes: Buffer,
  rest: AsyncIterator<Buffer>,
  exchange: Exchange,
): Promise<McpAnswer> {
  // What must be rewritten and is over the cap is nobody's list.
  if (mustHold(exchange)) throw new Error('too large');
  const answer = readLargeAnswer(exchange.upstreamId, MAX_ANSWER_BYTES);
  const [before, after] = resultText(exchange.agentId, '\0').split('\0') as [string, string];
  let size = bytes.length;
  let isOver = false;
  const brace = exchange.modern ? keepClosingBrace() : null;
  const passed = (given: Uint8Array[]) => brace?.pass(given) ?? given;
  let pieces = passed(answer.push(bytes));
  async function read(): Promise<Uint8Array[]> {
    const { done, value } = await rest.next();
    isOver = done === true;
    if (isOver) {
      const { rest: held, isToolError, resultType } = answer.end();
      const all = [...passed(held), ...(brace?.end(resultType) ?? [])];
      exchange.settled(isToolError ? 'tool_error' : 'ok');
      return all;
    }
    size += value.length;
    if (size > MAX_STREAM_BYTES) throw new Error('too large');
    return passed(answer.push(value));
  }
  while (pieces.length === 0 && !isOver) pieces = await read();
  async function* through(): AsyncGenerator<string | Uint8Array> {
    try {
      yield before;
      for (;;) {
        yield* pieces;
        if (isOver) break;
        pieces = await read();
      }
      yield after;
    } finally {
      // Asana broke off, or the agent's reader went away: his JSON has no end.
      exchange.settled('unknown', 'cut');
      void rest.return?.();
    }
  }
  return answerJsonInPieces(through());
}

/** Keeps the brace that closes a large result until its type is known: then it is whole, and one that was not said is put before it. */
function keepClosingBrace() {
  let kept: Uint8Array = new Uint8Array(0);
  return {
    pass(pieces: Uint8Array[]): Uint8Array[] {
      const all = [kept, ...pieces].filter(({ length }) => length > 0);
      const last = all.pop();
      if (!last) return [];
      kept = last.subarray(-1);
      return last.length > 1 ? [...all, last.subarray(0, -1)] : all;
    },
    /** `resultType` as raw JSON. Throws where it is not `complete`: what asks for input is never so large, and is not checked here. */
    end(resultType: string | null): Uint8Array[] {
      if (resultType !== null && resultType !== '"complete"') throw new Error('not complete');
      return resultType === null ? [Buffer.from(`,${COMPLETE}`), kept] : [kept];
    },
  };
}

/** The whole body, up to the cap. Throws `OutboundError`. */
export async function collect(body: OutboundAnswer['body'], maxBytes = MAX_ANSWER_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) {
        body.destroy();
        throw new Error('too large');
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw outboundError(error);
  }
  return Buffer.concat(chunks);
}

// A byte order mark is cut off: some readers do, and what we send on is rebuilt without it (RF-05).
function decodeAnswer(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
}

/** What one message of Asana's is to this call. */
function readFinal(text: string, exchange: Exchange): Final | null {
  const recalled = exchange.recall?.(text) ?? null;
  if (recalled !== null) return { text: resultText(exchange.agentId, recalled), outcome: 'ok' };
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
  return {
    text: resultText(exchange.agentId, modern?.text ?? rewritten),
    outcome: failed ? 'tool_error' : 'ok',
    reason: modern?.reason,
  };
}

function readError(error: string, exchange: Exchange): Final | null {
  const { code: said, message, data: given } = JSON.parse(error) as Record<string, unknown>;
  if (!Number.isInteger(said) || typeof message !== 'string') return null;
  const { code, data } = exchange.modern?.error({ code: said as number, data: given }) ?? {
    ...{ code: said as number, data: undefined },
  };
  return {
    text: errorText(exchange.agentId, code, exchange.errorMessage(message), data),
    outcome: 'upstream_error',
  };
}

type Piece = { progress: string } | { final: Final };

/** The pieces of an event stream that concern this call; ends after the final one. Throws where the stream can't be understood. */
async function* pieces(upstream: OutboundAnswer, exchange: Exchange): AsyncGenerator<Piece> {
  const parser = createEventStreamParser(MAX_ANSWER_BYTES);
  let size = 0;
  try {
    for await (const chunk of upstream.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_STREAM_BYTES) throw new EventStreamError('the stream is too long');
      for (const event of parser.push(chunk)) {
        const piece = readEvent(event.data, exchange);
        if (piece) yield piece;
        if (piece && 'final' in piece) return;
      }
    }
    for (const event of parser.end()) {
      const piece = readEvent(event.data, exchange);
      if (piece) yield piece;
    }
  } finally {
    // A second answer on the same stream is never read (RF-08).
    upstream.body.destroy();
  }
}

function readEvent(data: string, exchange: Exchange): Piece | null {
  if (data.trim() === '') return null;
  const final = readFinal(data.replace(/^\uFEFF/, ''), exchange);
  if (final) return { final };
  const members = topLevelMembers(data);
  if (!members) throw new EventStreamError('not a JSON-RPC message');
  if (members.has('result') || members.has('error'))
    throw new EventStreamError('an answer to another request, or none at all');
  // Requests of the server, list changes and anything else we do not relay are dropped (RF-20).
  const method = members.get('method');
  const isLog = exchange.modern && method === '"notifications/message"';
  if (members.has('id') || (method !== '"notifications/progress"' && !isLog)) return null;
  const params = decodeJson(members.get('params') ?? 'null', ANSWER_LIMITS);
  if (isLog) {
    const isHeard = params instanceof Map && exchange.modern!.hearsLog(params.get('level'));
    return isHeard ? { progress: notification('notifications/message', params) } : null;
  }
  const token = params instanceof Map ? params.get('progressToken') : undefined;
  if (
    exchange.progressToken === undefined ||
    token === undefined ||
    encodeJson(token) !== exchange.progressToken
  )
    return null;
  return { progress: notification('notifications/progress', params) };
}

function notification(method: string, params: Json): string {
  return encodeJson(
    new Map<string, Json>([
      ['jsonrpc', '2.0'],
      ['method', method],
      ['params', params],
    ]),
  );
}

async function answerFromEvents(upstream: OutboundAnswer, exchange: Exchange): Promise<McpAnswer> {
  const iterator = pieces(upstream, exchange);
  const next = () => iterator.next();
  let first = next();
  first.catch(() => undefined);
  try {
    const begun = await within(first, KEEP_ALIVE_MS);
    // Nothing came before the answer itself: then it can be plain JSON, and a broken one can still have a status.
    if (begun !== 'waiting') {
      if (begun.done) return broken(exchange, 'cut');
      if ('final' in begun.value) {
        void iterator.return(undefined);
        exchange.settled(begun.value.final.outcome, begun.value.final.reason);
        return answerJson(200, begun.value.final.text);
      }
    }
  } catch {
    return broken(exchange, 'not_an_answer');
  }
  async function* events(): AsyncGenerator<string> {
    try {
      for (;;) {
        const got = await within(first, KEEP_ALIVE_MS);
        if (got === 'waiting') {
          yield ': keep-alive\n\n';
          continue;
        }
        if (got.done) break;
        if ('final' in got.value) {
          exchange.settled(got.value.final.outcome, got.value.final.reason);
          yield eventOf(got.value.final.text);
          return;
        }
        yield eventOf(got.value.progress);
        first = next();
        first.catch(() => undefined);
      }
    } catch {
      // Falls through to the error below: whatever broke, the agent must not take silence for success.
    } finally {
      void iterator.return(undefined);
      // Also where the reader of these events went away before their end.
      exchange.settled('unknown', 'cut');
    }
    yield eventOf(outcomeUnknown(exchange.agentId));
  }
  return answerEvents(events());
}

// One line for every reader: some end a line at U+0085, U+2028 or U+2029 too, and would take a tool's text for an event (RF-22).
function eventOf(json: string): string {
  const line = json
    .replace(/[\r\n]/g, ' ')
    .replace(/[\u0085\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `event: message\ndata: ${line}\n\n`;
}

const UNKNOWN =
  'Asana\u2019s answer broke off or could not be read; whether the call took effect is unknown. Look before you repeat it.';

function outcomeUnknown(id: RpcId): string {
  return errorText(id, CODES.upstreamFailed, UNKNOWN, { outcome: 'unknown' });
}

function broken(exchange: Exchange, reason: string): McpAnswer {
  exchange.settled('unknown', reason);
  return answerJson(502, outcomeUnknown(exchange.agentId));
}

async function within<T>(work: Promise<T>, ms: number): Promise<T | 'waiting'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'waiting'>((resolve) => {
    timer = setTimeout(() => resolve('waiting'), ms).unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
