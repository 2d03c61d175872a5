// The gate on Node's own HTTP server: reads the request, writes the answer, keeps back-pressure.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { handleMcp, type McpRequest } from './handle-mcp';
import type { McpAnswer } from './respond';

/** How long somebody may say nothing: in the middle of a body, or while the answer waits to be read (LD-03, LD-04). */
export interface Patience {
  bodyMs: number;
  readerMs: number;
}

const PATIENCE: Patience = { bodyMs: 10_000, readerMs: 60_000 };

/** Answers one HTTP request to /mcp. */
export async function serveMcp(
  request: IncomingMessage,
  response: ServerResponse,
  patience: Patience = PATIENCE,
): Promise<void> {
  await send(request, response, await handleMcp(fromNode(request, patience)), patience);
}

function fromNode(request: IncomingMessage, { bodyMs }: Patience): McpRequest {
  return {
    method: request.method ?? '',
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    // Node keeps the first of two Authorization headers and drops the second; a proxy may have kept the other.
    authorizations: request.rawHeaders.filter(
      (name, n) => n % 2 === 0 && name.toLowerCase() === 'authorization',
    ).length,
    async body(maxBytes) {
      const chunks: Buffer[] = [];
      let size = 0;
      // Twice: no single piece may take that long, nor all of them together much longer, however they drip.
      const whole = setTimeout(() => request.destroy(), 3 * bodyMs);
      const piece = setTimeout(() => request.destroy(), bodyMs);
      try {
        for await (const chunk of request as AsyncIterable<Buffer>) {
          piece.refresh();
          size += chunk.length;
          if (size > maxBytes) return null;
          chunks.push(chunk);
        }
      } finally {
        clearTimeout(whole);
        clearTimeout(piece);
      }
      return Buffer.concat(chunks, size);
    },
  };
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: McpAnswer,
  { readerMs }: Patience,
): Promise<void> {
  const { status, headers, body } = answer;
  // What of the request is still on its way is not worth reading: the connection ends with the answer.
  if (!request.complete) response.setHeader('connection', 'close');
  if (typeof body === 'string' || body === null) {
    response.writeHead(
      status,
      status === 202 ? headers : { ...headers, 'content-length': Buffer.byteLength(body ?? '') },
    );
    response.end(body ?? undefined);
    return;
  }
  response.writeHead(status, headers);
  try {
    for await (const piece of body) {
      // In the legacy era a disconnect is not a cancel: the answer is read to its end, for the record.
      if (response.destroyed) continue;
      if (!response.write(piece)) await drained(response, readerMs);
    }
  } catch {
    // What broke off on Asana's side has no end here either.
    response.destroy();
    return;
  }
  response.end();
}

// Who reads nothing for too long has left; what was kept for him is let go.
function drained(response: ServerResponse, readerMs: number): Promise<void> {
  return new Promise((resolve) => {
    const stalled = setTimeout(() => response.destroy(), readerMs);
    const done = () => {
      clearTimeout(stalled);
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
