// Reads the one answer to a request of ours, from JSON or from an event stream. A cut, a stranger's id or nonsense is an error.
import { outboundError, OutboundError, type OutboundAnswer } from '../http';
import { createEventStreamParser, type StreamEvent } from './event-stream';

/** The answer was no answer to our request. */
export class MalformedAnswer extends Error {}

export type McpAnswer = { result: Record<string, unknown> } | { rpcCode: number };

const MAX_ANSWER_BYTES = 8 * 1024 * 1024;

/**
 * Waits for the response with our id. Notifications and requests of the server on the same stream are passed over (we offer no
 * capabilities). Throws `MalformedAnswer`, `EventStreamError`, or `OutboundError` for a cut or too large body.
 */
export async function readMcpAnswer({ headers, body }: OutboundAnswer, id: number): Promise<McpAnswer> {
  const type = String(headers['content-type'] ?? '')
    .split(';')[0]!
    .trim()
    .toLowerCase();
  const encoding = String(headers['content-encoding'] ?? 'identity').toLowerCase();
  try {
    // We asked for identity: what comes encoded all the same is not unpacked, however small it looks (RF-13).
    if (encoding !== 'identity') throw new MalformedAnswer('encoded');
    if (type === 'application/json') {
      const chunks: Buffer[] = [];
      for await (const chunk of limited(body)) chunks.push(chunk);
      const answer = answerIn(parse(Buffer.concat(chunks)), id);
      if (answer) return answer;
    } else if (type === 'text/event-stream') {
      const events = createEventStreamParser(MAX_ANSWER_BYTES);
      for await (const chunk of limited(body)) {
        const answer = firstAnswer(events.push(chunk), id);
        if (answer) return answer;
      }
      const answer = firstAnswer(events.end(), id);
      if (answer) return answer;
      throw new OutboundError('cut', true);
    }
  } finally {
    body.destroy();
  }
  throw new MalformedAnswer('no answer to our request');
}

const MAX_REFUSAL_BYTES = 65_536;

/** The JSON-RPC code in the body of a refusal (4xx), if there is one. Never throws. */
export async function refusalCodeIn({ body }: OutboundAnswer): Promise<number | undefined> {
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > MAX_REFUSAL_BYTES) return undefined;
      chunks.push(chunk);
    }
    const { error } = parse(Buffer.concat(chunks)) as { error?: { code?: unknown } };
    return Number.isInteger(error?.code) ? (error!.code as number) : undefined;
  } catch {
    return undefined;
  }
}

async function* limited(body: OutboundAnswer['body']): AsyncGenerator<Buffer> {
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) throw new OutboundError('too_large', true);
      yield chunk;
    }
  } catch (error) {
    throw outboundError(error);
  }
}

function firstAnswer(events: StreamEvent[], id: number): McpAnswer | null {
  for (const { data } of events) {
    const answer = data === '' ? null : answerIn(parse(Buffer.from(data)), id);
    if (answer) return answer;
  }
  return null;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new MalformedAnswer('not JSON');
  }
}

/** A message's answer to our id; null for another kind of message. */
function answerIn(message: unknown, id: number): McpAnswer | null {
  if (typeof message !== 'object' || message === null || !('jsonrpc' in message) || message.jsonrpc !== '2.0')
    throw new MalformedAnswer('not JSON-RPC 2.0');
  const { id: theirs, method, result, error } = message as Record<string, unknown>;
  if (method !== undefined) return null;
  if (theirs !== id || (result === undefined) === (error === undefined))
    throw new MalformedAnswer('answers another request');
  if (error !== undefined) {
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (typeof code !== 'number') throw new MalformedAnswer('an error without a code');
    return { rpcCode: code };
  }
  if (typeof result !== 'object' || result === null || Array.isArray(result))
    throw new MalformedAnswer('a result that is no object');
  return { result: result as Record<string, unknown> };
}
