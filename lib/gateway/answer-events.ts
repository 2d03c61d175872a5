// Reads Asana's events for one call: what belongs to it goes on, one event at a time, until its answer. What can't be understood is
// refused, and a cut or second answer never passes for a success.
import { createEventStreamParser, EventStreamError, type StreamEvent } from '../asana/event-stream';
import type { OutboundAnswer } from '../http';
import { ANSWER_LIMITS, decodeJson, encodeJson, type Json, type JsonObject } from './decode';
import { topLevelMembers } from './json-members';
import {
  broken,
  MAX_ANSWER_BYTES,
  MAX_STREAM_BYTES,
  outcomeUnknown,
  readFinal,
  type Exchange,
  type Final,
} from './read-answer';
import { answerEvents, answerJson, resultText, type McpAnswer } from './respond';

const KEEP_ALIVE_MS = 15_000;
const MAX_RETRY_MS = 60_000;

/** What one event of Asana's is to the agent: its answer, something beside it, or only a place in the stream. */
interface Piece {
  final?: Final;
  /** A message, as JSON. */
  text?: string;
  /** The event's id as the agent sees it. */
  place?: string;
  retryMs?: number;
  /** Asana asks before it goes on, and the agent is of the modern era. */
  question?: AskedOnStream;
}

/** A request of Asana's on the stream of a call. */
export interface AskedOnStream {
  /** Asana's id of it, as JSON. */
  id: string;
  method: string;
  params: Json | undefined;
}

/** A stream that is being read, and may be read on by another exchange than the one it began with. */
export interface EventsOfCall {
  upstream: OutboundAnswer;
  reader: { exchange: Exchange };
  iterator: AsyncGenerator<Piece>;
  /** What is read next. */
  pending: Promise<IteratorResult<Piece>>;
}

/** The pieces of an event stream that concern this call; ends after the final one. Throws where the stream can't be understood. */
async function* pieces(upstream: OutboundAnswer, reader: EventsOfCall['reader']): AsyncGenerator<Piece> {
  const parser = createEventStreamParser(MAX_ANSWER_BYTES);
  let size = 0;
  try {
    for await (const chunk of upstream.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_STREAM_BYTES) throw new EventStreamError('the stream is too long');
      for (const event of parser.push(chunk)) {
        const piece = await readEvent(event, reader.exchange);
        if (piece) yield piece;
        if (piece?.final) return;
      }
    }
    for (const event of parser.end()) {
      const piece = await readEvent(event, reader.exchange);
      if (piece) yield piece;
    }
  } finally {
    // A second answer on the same stream is never read (RF-08).
    upstream.body.destroy();
  }
}

async function readEvent(event: StreamEvent, exchange: Exchange): Promise<Piece | null> {
  const place = event.id === undefined ? null : (exchange.session?.placeOf(event.id) ?? null);
  const where = place === null ? {} : { place, retryMs: event.retryMs };
  if (event.data.trim() === '') return place === null ? null : where;
  const text = event.data.replace(/^\uFEFF/, '');
  const recalled = exchange.recall?.(Buffer.from(text));
  if (recalled)
    return {
      ...where,
      final: { text: resultText(exchange.agentId, recalled.toString()), outcome: 'ok' },
    };
  const final = readFinal(text, exchange);
  if (final) return { ...where, final };
  const question = exchange.modern?.park ? questionIn(text) : null;
  if (question) return { ...where, question };
  const said = await readAside(text, exchange);
  return said === null ? null : { ...where, text: said };
}

/** A request of Asana's, or null. */
function questionIn(text: string): AskedOnStream | null {
  const members = topLevelMembers(text);
  const id = members?.get('id');
  const method: unknown = JSON.parse(members?.get('method') ?? 'null');
  if (id === undefined || typeof method !== 'string' || !/^("|-?\d+$)/.test(id)) return null;
  const params = members!.get('params');
  return { id, method, params: params === undefined ? undefined : decodeJson(params, ANSWER_LIMITS) };
}

/** A message beside the answer as the agent may have it, or null (RF-20). Throws where it is none. */
async function readAside(text: string, exchange: Exchange): Promise<string | null> {
  const members = topLevelMembers(text);
  if (!members) throw new EventStreamError('not a JSON-RPC message');
  if (members.has('result') || members.has('error'))
    throw new EventStreamError('an answer to another request, or none at all');
  const method = members.get('method');
  if (members.has('id') || method !== '"notifications/progress"') {
    if (!exchange.modern) return exchange.session?.relay(members) ?? null;
    if (members.has('id') || method !== '"notifications/message"') return null;
  }
  const params = decodeJson(members.get('params') ?? 'null', ANSWER_LIMITS);
  if (method === '"notifications/message"') {
    const isHeard = params instanceof Map && exchange.modern!.hearsLog(params.get('level'));
    return isHeard ? notification('notifications/message', params) : null;
  }
  const token = params instanceof Map ? params.get('progressToken') : undefined;
  if (
    exchange.progressToken === undefined ||
    token === undefined ||
    encodeJson(token) !== exchange.progressToken
  )
    return null;
  // Asana knows the token of the round that it was sent in.
  if (exchange.progressAs !== undefined)
    (params as JsonObject).set('progressToken', decodeJson(exchange.progressAs, ANSWER_LIMITS));
  return notification('notifications/progress', params);
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

/** `settled` (or `suspended`) is called before or while the events are read to their end. */
export async function answerFromEvents(upstream: OutboundAnswer, exchange: Exchange): Promise<McpAnswer> {
  const reader = { exchange };
  const iterator = pieces(upstream, reader);
  return readOn({ upstream, reader, iterator, pending: nextOf(iterator) });
}

/** The same for a stream that waited for an answer of the agent's; the rest of it is this exchange's. */
export function goOnReading(stream: EventsOfCall, exchange: Exchange): Promise<McpAnswer> {
  stream.reader.exchange = exchange;
  return readOn(stream);
}

function nextOf(iterator: AsyncGenerator<Piece>): Promise<IteratorResult<Piece>> {
  const piece = iterator.next();
  piece.catch(() => undefined);
  return piece;
}

/** Asana asks what it asks at once; who waits longer is asked in a further round. */
const TOGETHER_MS = 50;

/** The result that asks the agent, with the stream parked; null where the stream goes on. */
async function park(stream: EventsOfCall, first: AskedOnStream): Promise<Final | null> {
  const asked = [first];
  for (;;) {
    stream.pending = nextOf(stream.iterator);
    const got = await within(stream.pending, TOGETHER_MS);
    if (got === 'waiting' || got.done || !got.value.question) break;
    asked.push(got.value.question);
  }
  return stream.reader.exchange.modern!.park!(asked, stream);
}

async function readOn(stream: EventsOfCall): Promise<McpAnswer> {
  const { iterator, reader } = stream;
  const { exchange } = reader;
  try {
    while (!exchange.isResumed) {
      const begun = await within(stream.pending, KEEP_ALIVE_MS);
      // Nothing came before the answer itself: then it can be plain JSON, and a broken one can still have a status.
      if (begun === 'waiting') break;
      if (begun.done) return broken(exchange, 'cut');
      const { final, question } = begun.value;
      const asks = question ? await park(stream, question) : null;
      if (question && !asks) continue;
      if (!final && !asks) break;
      if (final) void iterator.return(undefined);
      const last = (final ?? asks)!;
      exchange.settled(last.outcome, last.reason);
      return answerJson(200, last.text);
    }
  } catch {
    return broken(exchange, 'not_an_answer');
  }
  return answerEvents(eventsOf(stream));
}

async function* eventsOf(stream: EventsOfCall): AsyncGenerator<string> {
  const { iterator } = stream;
  const { exchange } = stream.reader;
  let canResume = exchange.isResumed === true;
  let isParked = false;
  try {
    // What is asked for again may be silent for long; its status must not be.
    if (canResume) yield ': open\n\n';
    for (;;) {
      const got = await within(stream.pending, KEEP_ALIVE_MS);
      if (got === 'waiting') {
        yield ': keep-alive\n\n';
        continue;
      }
      if (got.done) {
        if (!canResume) break;
        exchange.suspended?.();
        return;
      }
      const { final, text, place, question } = got.value;
      const asks = question ? await park(stream, question) : null;
      if (question && !asks) continue;
      isParked = asks !== null;
      const last = final ?? asks;
      if (last) {
        exchange.settled(last.outcome, last.reason);
        yield eventOf(last.text, got.value);
        return;
      }
      canResume ||= place !== undefined;
      yield eventOf(text ?? '', got.value);
      stream.pending = nextOf(iterator);
    }
  } catch {
    // Falls through to the error below: whatever broke, the agent must not take silence for success.
  } finally {
    if (!isParked) void iterator.return(undefined);
    // Also where the reader of these events went away before their end.
    exchange.settled('unknown', 'cut');
  }
  yield eventOf(outcomeUnknown(exchange.agentId));
}

// One line for every reader: some end a line at U+0085, U+2028 or U+2029 too, and would take a tool's text for an event (RF-22).
/** An event as text. `retryMs` tells clients when to come back (WHATWG HTML §9.2). */
export function eventOf(json: string, { place, retryMs }: { place?: string; retryMs?: number } = {}): string {
  const line = json
    .replace(/[\r\n]/g, ' ')
    .replace(/[\u0085\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const id = place === undefined ? '' : `id: ${place}\n`;
  const retry = retryMs === undefined ? '' : `retry: ${Math.min(retryMs, MAX_RETRY_MS)}\n`;
  // Without a message it has no type either: some readers take a message that is empty for a broken one.
  return `${id}${retry}${json === '' ? '' : 'event: message\n'}data: ${line}\n\n`;
}

/** What `work` gives, or `waiting` after `ms`. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T | 'waiting'> {
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
