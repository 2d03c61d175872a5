// The sandbox's HTTP side: whatever arrives is in the log before anything else happens, even bytes that are no HTTP; then
// it becomes an exchange, and what the endpoints make of it goes out, or the connection breaks as asked.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Exchange } from '@/lib/sandbox/exchange';
import { answered, deliver, json, type Delivery } from '@/lib/sandbox/faults';
import type { LogEntry, WritableLog } from '@/lib/sandbox/request-log';

const MAX_BODY_BYTES = 4 * 1024 * 1024;

export interface Wiring {
  log: WritableLog;
  origin: string;
  route: (exchange: Exchange) => Promise<Delivery>;
  control: (exchange: Exchange) => Delivery;
}

/** From Node's events to exchanges and back. Whatever arrives is in the log before anything else happens. */
export function listen(server: Server, { log, origin, route, control }: Wiring): void {
  server.on('request', (request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  // Bytes that are no HTTP at all were sent to us all the same, so they are on record too.
  server.on('clientError', (error: Error & { rawPacket?: Buffer }, socket) => {
    if (error.rawPacket)
      log.keepBody(log.add({ method: '', path: '', headers: {}, rawHeaders: [] }), error.rawPacket);
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
  });
  server.on('connect', (request, socket) => {
    log.add(headOf(request));
    socket.destroy();
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isControl = /^\/sandbox(\/|\?|$)/.test(request.url ?? '');
    const entry: LogEntry = isControl
      ? { n: 0, at: 0, body: '', bodyBytes: 0, ...headOf(request) }
      : log.add(headOf(request));
    let delivery: Delivery | undefined;
    response.on('close', () => {
      if (!response.writableFinished && !['drop', 'cut', 'taken'].includes(delivery?.kind ?? ''))
        entry.closedEarly = true;
    });
    const { body, end } = await readBody(request);
    if (!isControl) log.keepBody(entry, body);
    if (end === 'gone') return;
    const url = URL.canParse(request.url ?? '', origin)
      ? new URL(request.url!, origin)
      : new URL('/invalid', origin);
    const exchange: Exchange = { request, response, url, body, entry };
    if (end === 'too-large')
      delivery = answered({ status: 413, headers: { connection: 'close' }, body: 'Payload Too Large' });
    else delivery = isControl ? control(exchange) : await route(exchange).catch(bug);
    if ('answer' in delivery) entry.status = delivery.answer.status;
    await deliver(response, delivery);
  }
}

const headOf = (request: IncomingMessage) => ({
  method: request.method ?? '',
  path: request.url ?? '',
  headers: request.headers,
  rawHeaders: request.rawHeaders,
});

/** A mistake in the sandbox itself must not look like one of Asana's faults. */
function bug(error: unknown): Delivery {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return answered(json(500, { error: 'sandbox_bug', message }));
}

/** Reads a body, or as much of it as arrived before the other side went away or the limit was reached. */
function readBody(request: IncomingMessage): Promise<{ body: Buffer; end: 'whole' | 'too-large' | 'gone' }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (end: 'whole' | 'too-large' | 'gone') => resolve({ body: Buffer.concat(chunks), end });
    request.on('data', (chunk: Buffer) => {
      if (size > MAX_BODY_BYTES) return;
      chunks.push(chunk);
      size += chunk.length;
      // The connection stays open: the refusal still has to go out on it.
      if (size > MAX_BODY_BYTES) done('too-large');
    });
    request.on('end', () => done('whole'));
    request.on('close', () => request.complete || done('gone'));
    request.on('error', () => done('gone'));
  });
}
