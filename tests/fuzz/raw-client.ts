// A client that sends bytes as they are and reads answers with a reader of its own: several answers, strays and cut ones show.
import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  status: number;
  /** Lower-case name and value, as they came. */
  headers: [string, string][];
  body: Buffer;
  /** The connection ended before the answer did; `body` is what had come. */
  cut: boolean;
}

export interface Exchange {
  answers: HttpAnswer[];
  /** How it ended: all answers came, the other side closed, or neither within the time. */
  end: 'answered' | 'closed' | 'silent';
  /** The connection had served another exchange before. */
  reused: boolean;
  /** Our port, where the connection is over now; null where it is kept. */
  leftPort: number | null;
}

export interface RawClient {
  /**
   * Sends pieces one after the other and reads until `expected` answers are here. `hangUpMs`: after so long without an answer our
   * side of the connection ends. `fresh`: on a connection of its own.
   */
  exchange(
    pieces: Uint8Array[],
    options: { expected: number; fresh?: boolean; hangUpMs?: number; timeoutMs?: number },
  ): Promise<Exchange>;
  /** Bytes that nobody waited for, since it was last asked. */
  strays(): string;
  close(): void;
}

/** A client of one address; one exchange at a time. */
export function createRawClient(url: string): RawClient {
  const { hostname, port } = new URL(url);
  let kept: Socket | undefined;
  let stray = '';
  const ports = new WeakMap<Socket, number>();

  function open(): Socket {
    const socket = connect(Number(port), hostname);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.once('connect', () => ports.set(socket, socket.localPort!));
    socket.on('close', () => {
      if (kept === socket) kept = undefined;
    });
    return socket;
  }

  return {
    async exchange(pieces, { expected, fresh = false, hangUpMs, timeoutMs = 20_000 }) {
      const reused = !fresh && kept !== undefined;
      const socket = fresh ? open() : (kept ??= open());
      const reader = createAnswerReader();
      socket.removeAllListeners('data');
      const ended = new Promise<Exchange['end']>((resolve) => {
        const late = setTimeout(() => resolve('silent'), timeoutMs);
        const hangUp = hangUpMs === undefined ? undefined : setTimeout(() => socket.end(), hangUpMs);
        const finish = (end: Exchange['end']) => {
          socket.off('close', closed);
          clearTimeout(late);
          clearTimeout(hangUp);
          resolve(end);
        };
        const closed = () => {
          reader.end();
          finish(reader.answers.length >= expected ? 'answered' : 'closed');
        };
        socket.on('data', (chunk: Buffer) => {
          reader.push(chunk);
          if (reader.answers.length >= expected) finish('answered');
        });
        socket.on('close', closed);
        if (socket.destroyed) finish('closed');
      });
      for (const [n, piece] of pieces.entries()) {
        if (n > 0) await new Promise(setImmediate);
        if (socket.writable) socket.write(piece);
      }
      const end = await ended;
      if (fresh && end === 'answered') await new Promise((resolve) => setTimeout(resolve, 2));
      const closing = reader.answers.some(({ headers }) =>
        headers.some(([name, value]) => name === 'connection' && /close/i.test(value)),
      );
      stray += reader.rest();
      socket.removeAllListeners('data');
      const isLeft = fresh || end !== 'answered' || closing;
      if (isLeft) {
        socket.destroy();
        if (kept === socket) kept = undefined;
      } else socket.on('data', (chunk: Buffer) => (stray += chunk.toString('latin1')));
      return { answers: reader.answers, end, reused, leftPort: isLeft ? (ports.get(socket) ?? null) : null };
    },
    strays() {
      const found = stray;
      stray = '';
      return found;
    },
    close: () => kept?.destroy(),
  };
}

/** Reads HTTP/1.1 answers (RFC 9112 §6) out of what arrives. Interim answers (1xx) are passed over. */
function createAnswerReader() {
  const answers: HttpAnswer[] = [];
  let buffer: Buffer = Buffer.alloc(0);
  const headOf = (bytes: Buffer) => {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return null;
    const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0), headers, bodyAt: end + 4 };
  };
  const next = (isEnd: boolean): boolean => {
    const head = headOf(buffer);
    if (!head) return false;
    const { status, headers, bodyAt } = head;
    if (status >= 100 && status < 200) {
      buffer = buffer.subarray(bodyAt);
      return true;
    }
    const value = (name: string) => headers.find(([known]) => known === name)?.[1];
    const rest = buffer.subarray(bodyAt);
    const chunked = value('transfer-encoding') === 'chunked';
    const read = chunked ? unchunk(rest) : plain(rest, status, value('content-length'));
    if (!read.complete && !isEnd) return false;
    answers.push({ status, headers, body: read.body, cut: !read.complete });
    buffer = buffer.subarray(bodyAt + read.size);
    return true;
  };
  const drain = (isEnd: boolean) => {
    while (buffer.length > 0 && next(isEnd));
  };
  return {
    answers,
    push(chunk: Buffer) {
      buffer = buffer.length === 0 ? chunk : Buffer.concat([buffer, chunk]);
      drain(false);
    },
    end: () => drain(true),
    rest: () => buffer.toString('latin1'),
  };
}

interface ReadBody {
  body: Buffer;
  /** Bytes it took. */
  size: number;
  complete: boolean;
}

function plain(bytes: Buffer, status: number, length: string | undefined): ReadBody {
  const size = status === 204 || status === 304 ? 0 : Number(length ?? Infinity);
  return {
    body: bytes.subarray(0, size),
    size: Math.min(size, bytes.length),
    complete: bytes.length >= size,
  };
}

function unchunk(bytes: Buffer): ReadBody {
  const parts: Buffer[] = [];
  const so = (size: number, complete: boolean) => ({ body: Buffer.concat(parts), size, complete });
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.subarray(at, Math.max(at, lineEnd)).toString('latin1'), 16);
    if (lineEnd === -1 || !(size >= 0)) return so(bytes.length, false);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    if (bytes.length < lineEnd + 4 + size) return so(bytes.length, false);
    if (size === 0) return so(lineEnd + 4, true);
    at = lineEnd + 4 + size;
  }
}
