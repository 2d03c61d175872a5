// An HTTP/1.1 client over a bare socket that costs next to nothing: requests are bytes made beforehand, and an answer that must equal
// an earlier one is compared while it comes in. Only for servers of the bench; it reads what Node's server writes.
import { connect, type Socket } from 'node:net';

export interface Client {
  /** Sends one request; the answer comes to `onAnswer`. One at a time. */
  send(request: Buffer): void;
  close(): void;
  socket: Socket;
}

export interface Answer {
  status: number;
  /** Null where the body equals `expected` byte for byte. */
  body: Buffer | null;
  /** The other side closes the connection: the next request needs another one. */
  closes: boolean;
}

interface Options {
  port: number;
  onAnswer(answer: Answer): void;
  /** The socket broke or was closed by the other side. */
  onEnd(): void;
  /** The body that the next answer will probably have. */
  expected?: () => Buffer | null;
}

/** The bytes of a POST to `path`. */
export function requestBytes(path: string, bearer: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${bearer}\r\n` +
      'content-type: application/json\r\naccept: application/json, text/event-stream\r\n' +
      `user-agent: bench\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Connects and resolves when the socket stands. */
export function openClient({ port, onAnswer, onEnd, expected }: Options): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  /** Bytes of a head that is not whole yet, or of a chunked answer. */
  let held: Buffer | null = null;
  let status = 0;
  let closes = false;
  /** Bytes of the body that are still to come; -1 between answers. */
  let left = -1;
  let length = 0;
  let parts: Buffer[] = [];
  let model: Buffer | null = null;

  const finish = (body: Buffer | null) => {
    left = -1;
    parts = [];
    held = null;
    onAnswer({ status, body, closes });
  };
  const takeBody = (bytes: Buffer) => {
    // As long as it equals the model nothing is kept of it.
    const at = length - left;
    if (model && bytes.compare(model, at, at + bytes.length) !== 0) {
      parts.push(model.subarray(0, at));
      model = null;
    }
    if (!model) parts.push(bytes);
    left -= bytes.length;
    if (left === 0) finish(model ? null : Buffer.concat(parts));
  };
  const takeHead = (bytes: Buffer) => {
    const data = held ? Buffer.concat([held, bytes]) : bytes;
    const end = data.indexOf('\r\n\r\n');
    if (end === -1) {
      held = data;
      return;
    }
    const head = data.toString('latin1', 0, end);
    status = Number(head.slice(9, 12));
    closes = /\r\nconnection: close/i.test(head);
    const size = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (size === undefined) {
      const body = dechunk(data, end + 4);
      if (body) finish(body.equals(expected?.() ?? Buffer.alloc(0)) ? null : body);
      else held = data;
      return;
    }
    length = left = Number(size);
    model = expected?.() ?? null;
    if (model?.length !== length) model = null;
    held = null;
    if (length === 0) finish(Buffer.alloc(0));
    else if (data.length > end + 4) takeBody(data.subarray(end + 4));
  };
  socket.on('data', (bytes: Buffer) => (left === -1 ? takeHead(bytes) : takeBody(bytes)));
  socket.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.on('close', onEnd);
      resolve({
        socket,
        send: (request) => void socket.write(request),
        close() {
          socket.off('close', onEnd);
          socket.destroy();
        },
      });
    });
  });
}

/** The body of a chunked answer (RFC 9112 §7.1) that begins at `at`; null where it is not whole yet. */
function dechunk(data: Buffer, at: number): Buffer | null {
  const chunks: Buffer[] = [];
  for (let from = at; ;) {
    const line = data.indexOf('\r\n', from);
    if (line === -1) return null;
    const size = Number.parseInt(data.toString('latin1', from, line), 16);
    if (data.length < line + 2 + size + 2) return null;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(data.subarray(line + 2, line + 2 + size));
    from = line + 2 + size + 2;
  }
}
