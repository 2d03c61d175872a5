// The gate on Node's own HTTP server: reads the request, writes the answer, keeps back-pressure.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { handleMcp, type McpRequest } from './handle-mcp';
import { gauge } from './metrics';
import { isWhole, type McpAnswer } from './respond';

/** How long somebody may say nothing: in the middle of a body, or while the answer waits to be read (LD-03, LD-04). */
export interface Patience {
  bodyMs: number;
  readerMs: number;
}

/** Of a body that nobody reads. */
const MAX_PASSED_OVER_BYTES = 64 * 1024;

const PATIENCE: Patience = { bodyMs: 10_000, readerMs: 60_000 };

let openStreams = 0;
gauge('gatehouse_open_streams', 'Answers that are being streamed', () => openStreams);

/** Answers one HTTP request to /mcp. */
export async function serveMcp(
  request: IncomingMessage,
  response: ServerResponse,
  patience: Patience = PATIENCE,
): Promise<void> {
  await send(request, response, await handleMcp(fromNode(request, response, patience)), patience);
}

function fromNode(request: IncomingMessage, response: ServerResponse, { bodyMs }: Patience): McpRequest {
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
    headersFrom: (prefix) =>
      new Map(
        Object.entries(request.headers).flatMap(([name, value]) =>
          name.startsWith(prefix) ? [[name, String(value)] as const] : [],
        ),
      ),
    body: (maxBytes) => readBody(request, { maxBytes, bodyMs }),
    left() {
      const leaving = new AbortController();
      const closed = () => {
        if (!response.writableFinished) leaving.abort();
      };
      if (response.destroyed) closed();
      else response.on('close', closed);
      return leaving.signal;
    },
  };
}

// By its events: an iterator costs a small body more than all its bytes, and would end the connection before it heard 413.
function readBody(
  request: IncomingMessage,
  { maxBytes, bodyMs }: { maxBytes: number; bodyMs: number },
): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    // Twice: no single piece may take that long, nor all of them together much longer, however they drip.
    const whole = setTimeout(() => request.destroy(), 3 * bodyMs);
    const piece = setTimeout(() => request.destroy(), bodyMs);
    const over = () => {
      clearTimeout(whole);
      clearTimeout(piece);
      request.off('data', take).off('end', done).off('close', cut).off('error', cut);
    };
    function take(chunk: Buffer): void {
      piece.refresh();
      size += chunk.length;
      if (size <= maxBytes) return void chunks.push(chunk);
      over();
      request.pause();
      resolve(null);
    }
    function done(): void {
      over();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    }
    function cut(): void {
      over();
      // What breaks later has nobody to hear it, which must not end the process.
      request.on('error', () => undefined);
      reject(new Error('the body broke off'));
    }
    if (request.destroyed && !request.readableEnded) return cut();
    request.on('data', take).on('end', done).on('close', cut).on('error', cut);
  });
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: McpAnswer,
  { bodyMs, readerMs }: Patience,
): Promise<void> {
  const { status, headers, body } = answer;
  if (!request.complete) leaveUnread(request, response, bodyMs);
  if (isWhole(body)) {
    const pieces = Array.isArray(body) ? body : [];
    const last = Array.isArray(body) ? '' : (body ?? '');
    const bytes = pieces.reduce((sum, { length }) => sum + length, Buffer.byteLength(last));
    if (status !== 202) response.setHeader('content-length', bytes);
    response.writeHead(status, headers);
    for (const piece of pieces) response.write(piece);
    response.end(last);
    return;
  }
  response.writeHead(status, headers);
  openStreams += 1;
  try {
    for await (const piece of body) {
      // In the legacy era a disconnect is not a cancel: the answer is read to its end, for the record. In the modern era it is one, and
      // has ended what is read here.
      if (response.destroyed) continue;
      if (!response.write(piece)) await drained(response, readerMs);
    }
  } catch {
    // What broke off on Asana's side has no end here either.
    response.destroy();
    return;
  } finally {
    openStreams -= 1;
  }
  response.end();
}

// An answer that did not wait for the body (401, 413). A little that is still on its way is passed over, so that a client with a dead
// token does not need a new connection for every try; more is not worth reading, and the connection ends with the answer.
function leaveUnread(request: IncomingMessage, response: ServerResponse, bodyMs: number): void {
  if (!(Number(request.headers['content-length']) <= MAX_PASSED_OVER_BYTES)) {
    response.setHeader('connection', 'close');
    return;
  }
  const late = setTimeout(() => request.destroy(), bodyMs).unref();
  request.once('close', () => clearTimeout(late)).resume();
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
