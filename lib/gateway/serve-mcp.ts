// The gate on Node's own HTTP server: reads the request, writes the answer, keeps back-pressure.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { handleMcp, type McpRequest } from './handle-mcp';
import type { McpAnswer } from './respond';

/** Answers one HTTP request to /mcp. */
export async function serveMcp(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await send(request, response, await handleMcp(fromNode(request)));
}

function fromNode(request: IncomingMessage): McpRequest {
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
      for await (const chunk of request as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxBytes) return null;
        chunks.push(chunk);
      }
      return Buffer.concat(chunks, size);
    },
  };
}

async function send(request: IncomingMessage, response: ServerResponse, answer: McpAnswer): Promise<void> {
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
  for await (const piece of body) {
    // In the legacy era a disconnect is not a cancel: the answer is read to its end, for the record.
    if (response.destroyed) continue;
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
