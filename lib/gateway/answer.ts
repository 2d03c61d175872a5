// Reads Asana's answer to one call and makes the agent's of it: the envelope is checked, the agent's id restored, the payload kept
// byte for byte or filtered. What can't be understood is refused, and a cut or second answer never passes for a success.
import type { OutboundAnswer } from '../http';
import { answerFromEvents } from './answer-events';
import { answerInPieces } from './answer-in-pieces';
import { broken, MAX_ANSWER_BYTES, readFinal, type Exchange } from './read-answer';
import { answerJson, resultBytes, type McpAnswer } from './respond';

/** Above that a result is passed on while it arrives. */
const MAX_SMALL_BYTES = 1024 * 1024;

/** Answers an agent from a 2xx answer of Asana's. `settled` is called before or while the answer is read to its end. */
export async function answerFrom(upstream: OutboundAnswer, exchange: Exchange): Promise<McpAnswer> {
  const type = mediaType(upstream);
  if (!isPlain(upstream) || (type !== 'application/json' && type !== 'text/event-stream')) {
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

/** Whether events come that can be read. */
export function isEventStream(upstream: OutboundAnswer): boolean {
  return mediaType(upstream) === 'text/event-stream' && isPlain(upstream);
}

// We asked for identity; what comes encoded all the same can't be checked here and is not passed on (RF-13).
function isPlain({ headers }: OutboundAnswer): boolean {
  return String(headers['content-encoding'] ?? 'identity').toLowerCase() === 'identity';
}

async function answerFromJson(upstream: OutboundAnswer, exchange: Exchange): Promise<McpAnswer> {
  let text: string;
  try {
    const begun = await begin(upstream.body, mustHold(exchange) ? MAX_ANSWER_BYTES : MAX_SMALL_BYTES);
    if (begun.rest) {
      // What must be rewritten and is over the cap is nobody's list.
      if (mustHold(exchange)) throw new Error('too large');
      return await answerInPieces(begun.bytes, begun.rest, exchange);
    }
    const recalled = exchange.recall?.(begun.bytes);
    if (recalled) {
      exchange.settled('ok');
      return answerJson(200, resultBytes(exchange.agentId, recalled));
    }
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

// A byte order mark is cut off: some readers do, and what we send on is rebuilt without it (RF-05).
function decodeAnswer(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
}
