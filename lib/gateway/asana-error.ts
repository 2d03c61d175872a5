// Reads a short answer of Asana's as a whole: a refusal, or the answer to a question of Gatehouse's own.
import { createEventStreamParser } from '../asana/event-stream';
import { outboundError, type OutboundAnswer } from '../http';

export interface RpcFailure {
  code: number;
  message: string;
  data?: unknown;
}

const MAX_BYTES = 1024 * 1024;

/** Result or error of the JSON-RPC answer in a body, JSON or events; both null where there is none. Throws `OutboundError` where it breaks off. */
export async function readWholeAnswer(
  upstream: OutboundAnswer,
): Promise<{ result: Record<string, unknown> | null; error: RpcFailure | null }> {
  const bytes = await collect(upstream.body, MAX_BYTES);
  return answerIn(bytes, String(upstream.headers['content-type'] ?? ''));
}

function answerIn(
  bytes: Uint8Array,
  type: string,
): { result: Record<string, unknown> | null; error: RpcFailure | null } {
  try {
    const parser = createEventStreamParser(MAX_BYTES);
    const isEvents = /^\s*text\/event-stream\b/i.test(type);
    const texts = isEvents
      ? [...parser.push(bytes), ...parser.end()].map(({ data }) => data)
      : [new TextDecoder('utf-8', { fatal: true }).decode(bytes)];
    for (const text of texts) {
      const { result, error, method } = (text.trim() === '' ? {} : JSON.parse(text)) as Record<
        string,
        unknown
      >;
      if (method !== undefined) continue;
      if (isRecord(result)) return { result, error: null };
      if (isRecord(error) && Number.isInteger(error.code) && typeof error.message === 'string')
        return { result: null, error: error as unknown as RpcFailure };
    }
  } catch {
    // No JSON-RPC: that is what both being null says.
  }
  return { result: null, error: null };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The whole body, up to the cap. Throws `OutboundError`. */
export async function collect(body: OutboundAnswer['body'], maxBytes: number): Promise<Buffer> {
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
