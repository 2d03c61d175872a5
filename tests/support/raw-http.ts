// HTTP as nobody's client would write it: bytes go out as they are, and what comes back is read until the connection ends.
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  /** Everything that was received. */
  text: string;
  /** Status of the first answer; null where there was none. */
  status: number | null;
  /** Bytes that were accepted for sending before the connection ended. */
  sentBytes: number;
}

/**
 * Sends bytes, one piece after the other, until all are out or the other side ends the connection. Never rejects: a reset is an
 * end like any other. `endless` repeats its piece until the other side stops it.
 */
export async function sendRaw(
  url: string,
  pieces: (string | Uint8Array)[],
  { endless, hangUp = false }: { endless?: Uint8Array; hangUp?: boolean } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  const end = new Promise<void>((resolve) => {
    socket.on('close', () => resolve()).on('error', () => undefined);
  });
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  for (const piece of pieces) await write(socket, piece);
  while (endless && !socket.closed) await write(socket, endless);
  if (hangUp) socket.destroy();
  await end;
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
  return { text, status: status === undefined ? null : Number(status), sentBytes: socket.bytesWritten };
}

function write(socket: Socket, piece: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed || !socket.writable) return resolve();
    const done = () => {
      socket.off('close', done);
      resolve();
    };
    socket.once('close', done);
    socket.write(piece, done);
  });
}

/** A POST to /mcp as text; the body's length is told unless `headers` say otherwise. */
export function rawPost(token: string | null, headers: string[], body: string): string {
  const told = /^(content-length|transfer-encoding):/im.test(headers.join('\n'));
  return [
    'POST /mcp HTTP/1.1',
    'Host: localhost',
    'Connection: close',
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    ...(token === null ? [] : [`Authorization: Bearer ${token}`]),
    ...(told ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
    ...headers,
    '',
    body,
  ].join('\r\n');
}
