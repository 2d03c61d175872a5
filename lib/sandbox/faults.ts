// How things go wrong on demand: one table per endpoint, one line per fault. A fault either replaces the work
// (`executes: false`: nothing has happened at Asana) or spoils the answer after the work was done (`executes: true`).
import type { ServerResponse } from 'node:http';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What becomes of an answer on its way out. `taken` means that somebody else writes to the connection. */
export type Delivery =
  | { kind: 'answer'; answer: Answer; delayMs?: number }
  | { kind: 'cut'; answer: Answer }
  /** The answer's status and headers, and these pieces instead of its body, for as long as somebody reads them. */
  | { kind: 'pieces'; answer: Answer; pieces: Iterable<Buffer>; everyMs?: number }
  | { kind: 'drop' }
  | { kind: 'hang' }
  | { kind: 'taken' };

export interface FaultContext {
  /** The true answer; for a fault that does not execute, an empty 200. */
  answer: Answer;
  origin: string;
  retryAfterSeconds: number | null;
  slowMs: number;
}
export interface Fault {
  executes: boolean;
  deliver(context: FaultContext): Delivery;
}

export const json = (status: number, value: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(value),
});
export const plainText = (status: number, body: string): Answer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  body,
});
export const html = (status: number, body: string): Answer => ({
  status,
  headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
  body,
});
export const answered = (answer: Answer): Delivery => ({ kind: 'answer', answer });

const instead = (deliver: (context: FaultContext) => Answer): Fault => ({
  executes: false,
  deliver: (context) => answered(deliver(context)),
});
const spoiled = (deliver: (answer: Answer, context: FaultContext) => Delivery): Fault => ({
  executes: true,
  deliver: (context) => deliver(context.answer, context),
});
const retryAfter = ({ retryAfterSeconds }: FaultContext): Record<string, string> =>
  retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) };

const HANG: Fault = { executes: false, deliver: () => ({ kind: 'hang' }) };
const DROP_BEFORE: Fault = { executes: false, deliver: () => ({ kind: 'drop' }) };
const SLOW = spoiled((answer, { slowMs }) => ({ kind: 'answer', answer, delayMs: slowMs }));
const SERVER_ERROR = instead(() =>
  json(500, { error: 'server_error', message: 'Oops! Something went wrong' }),
);
const UNAVAILABLE = instead((context) =>
  json(503, { error: 'temporarily_unavailable' }, retryAfter(context)),
);
const TOO_MANY = instead((context) =>
  json(429, { errors: [{ message: 'You have made too many requests recently.' }] }, retryAfter(context)),
);
const NONSENSE = instead(() => ({ ...json(200, null), body: '}{ this is not JSON' }));
const HTML = instead(() => html(200, '<!doctype html><title>Asana</title><p>We will be right back.'));
/** The target is on this server, so that a client that follows shows in the log, with all that it sent along. */
const REDIRECT = instead(({ origin }) => ({
  status: 307,
  headers: { location: `${origin}/redirect-trap` },
  body: '',
}));
const oauthError = (status: number, error: string): Fault => instead(() => json(status, { error }));

/** Rewrites the last JSON-RPC message of an answer, whether it is JSON or an event stream. */
function rewriteLast(answer: Answer, rewrite: (message: Record<string, unknown>) => unknown[]): Answer {
  if (answer.body === '') return answer;
  if (!answer.headers['content-type']?.startsWith('text/event-stream')) {
    const [message] = rewrite(JSON.parse(answer.body) as Record<string, unknown>);
    return { ...answer, body: JSON.stringify(message) };
  }
  const events = answer.body.split('\n\n').filter(Boolean);
  const last = /^data: (.*)$/m.exec(events.pop()!)![1]!;
  const messages = rewrite(JSON.parse(last) as Record<string, unknown>);
  const written = messages.map((message) => `event: message\ndata: ${JSON.stringify(message)}`);
  return { ...answer, body: [...events, ...written, ''].join('\n\n') };
}

/** Writes the events of an answer anew; an answer that is JSON stays as it is. `lines` are those of one event, without its end. */
const reframed = (write: (events: string[][]) => string): Fault =>
  spoiled((answer) => {
    if (!answer.headers['content-type']?.startsWith('text/event-stream')) return answered(answer);
    const events = answer.body.split('\n\n').filter(Boolean);
    return answered({ ...answer, body: write(events.map((event) => event.split('\n'))) });
  });
const endedWith = (end: string) =>
  reframed((events) => events.map((lines) => lines.join(end) + end + end).join(''));
const encoded = (encoding: string, encode: (body: string) => Buffer): Fault =>
  spoiled((answer) => {
    const headers = { ...answer.headers, 'content-encoding': encoding };
    return { kind: 'pieces', answer: { ...answer, headers }, pieces: [encode(answer.body)] };
  });
const typed = (type: string): Fault =>
  spoiled((answer) => answered({ ...answer, headers: { ...answer.headers, 'content-type': type } }));

function* crumbs(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length;) {
    const size = at < 500 || at > body.length - 500 ? 1 : 397;
    yield body.subarray(at, at + size);
    at += size;
  }
}

function* forEver(first: string, piece: string): Generator<Buffer> {
  yield Buffer.from(first);
  for (const more = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length))); ;) yield more;
}

/** Instead of the work: what begins like an answer in the given type and never ends. */
const endless = (type: string, first: string, piece: string): Fault => ({
  executes: false,
  deliver: () => ({
    kind: 'pieces',
    answer: { status: 200, headers: { 'content-type': type }, body: '' },
    pieces: forEver(first, piece),
    everyMs: 1,
  }),
});

export const MCP_FAULTS = {
  '500': SERVER_ERROR,
  '502': instead(() => html(502, '<html><head><title>502 Bad Gateway</title></head><body></body></html>')),
  '503': UNAVAILABLE,
  '504': instead(() =>
    html(504, '<html><head><title>504 Gateway Time-out</title></head><body></body></html>'),
  ),
  '429': TOO_MANY,
  '403': instead(() =>
    json(
      403,
      { error: 'insufficient_scope' },
      { 'www-authenticate': 'Bearer realm="Asana MCP", error="insufficient_scope"' },
    ),
  ),
  '404-session': instead(() =>
    json(404, { jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null }),
  ),
  hang: HANG,
  slow: SLOW,
  'drop-before': DROP_BEFORE,
  'drop-mid': spoiled((answer) => ({ kind: 'cut', answer })),
  'drop-after': spoiled(() => ({ kind: 'drop' })),
  nonsense: NONSENSE,
  'wrong-type': spoiled((answer) =>
    answered({ ...answer, headers: { ...answer.headers, 'content-type': 'text/plain' } }),
  ),
  html: HTML,
  redirect: REDIRECT,
  'wrong-id': spoiled((answer) =>
    answered(rewriteLast(answer, (message) => [{ ...message, id: 'not-yours' }])),
  ),
  /** Only event streams can carry two answers; a JSON answer stays as it is. */
  'second-answer': spoiled((answer) =>
    answered(rewriteLast(answer, (message) => [message, { ...message, result: { content: [] } }])),
  ),
  'no-answer': spoiled((answer) => answered({ ...answer, body: '' })),
  /** Framings that a client accepts and a reader of lines may miss; an answer that is JSON stays as it is. */
  'events-crlf': endedWith('\r\n'),
  'events-cr': endedWith('\r'),
  'events-bom': reframed((events) => `\uFEFF${events.map((lines) => `${lines.join('\n')}\n\n`).join('')}`),
  'events-no-space': reframed((events) =>
    events.map((lines) => `${lines.map((line) => line.replace(': ', ':')).join('\n')}\n\n`).join(''),
  ),
  'events-comments': reframed((events) =>
    events.map((lines) => `: wait\n\nretry: 5\nid: 1\n${lines.join('\n: and\n')}\n\n`).join(''),
  ),
  'events-many-lines': reframed((events) =>
    events
      .map((lines) => {
        const data = lines.find((line) => line.startsWith('data: '))!.slice(6);
        return `${JSON.stringify(JSON.parse(data), null, 1).replace(/^/gm, 'data: ')}\n\n`;
      })
      .join(''),
  ),
  'events-no-end': reframed((events) => events.map((lines) => lines.join('\n')).join('\n\n')),
  /** Byte after byte, inside characters and line ends too; in the middle of a long answer in odd pieces, which is quicker. */
  'byte-by-byte': spoiled((answer) => ({
    kind: 'pieces',
    answer,
    pieces: crumbs(Buffer.from(answer.body)),
  })),
  gzip: encoded('gzip', gzipSync),
  br: encoded('br', brotliCompressSync),
  deflate: encoded('deflate', deflateSync),
  'type-missing': typed(''),
  'type-html': typed('text/html'),
  'type-odd-case': spoiled((answer) =>
    answered({
      ...answer,
      headers: { ...answer.headers, 'content-type': `${answer.headers['content-type']!.toUpperCase()} ;x=1` },
    }),
  ),
  'status-203': spoiled((answer) => answered({ ...answer, status: 203 })),
  'error-and-result': spoiled((answer) =>
    answered(rewriteLast(answer, (message) => [{ ...message, error: { code: 1, message: 'Both.' } }])),
  ),
  'endless-json': endless('application/json', '{"jsonrpc":"2.0","x":"', 'x'),
  'endless-event': endless('text/event-stream', 'data: {"x":"', 'x'),
  'endless-comments': endless('text/event-stream', '', ': still working\n\n'),
} satisfies Record<string, Fault>;

export const TOKEN_FAULTS = {
  hang: HANG,
  '500': SERVER_ERROR,
  '503': UNAVAILABLE,
  '429': TOO_MANY,
  nonsense: NONSENSE,
  html: HTML,
  invalid_grant: oauthError(400, 'invalid_grant'),
  invalid_client: oauthError(401, 'invalid_client'),
  slow: SLOW,
  'drop-before': DROP_BEFORE,
  redirect: REDIRECT,
} satisfies Record<string, Fault>;

export const REVOKE_FAULTS = {
  hang: HANG,
  '400': oauthError(400, 'invalid_request'),
  '500': SERVER_ERROR,
  '503': UNAVAILABLE,
  '429': TOO_MANY,
  slow: SLOW,
  'drop-before': DROP_BEFORE,
  'drop-after': spoiled(() => ({ kind: 'drop' })),
  redirect: REDIRECT,
} satisfies Record<string, Fault>;

/** Carries out `work` under a fault, or plainly without one. */
export async function underFault(
  fault: Fault | null,
  context: Omit<FaultContext, 'answer'>,
  work: () => Delivery | Promise<Delivery>,
): Promise<Delivery> {
  if (!fault) return work();
  const empty: Answer = { status: 200, headers: {}, body: '' };
  const done: Delivery = fault.executes ? await work() : answered(empty);
  // A delivery that is no plain answer (an open stream) has nothing left to spoil.
  return done.kind === 'answer' ? fault.deliver({ ...context, answer: done.answer }) : done;
}

/** Writes an answer to the connection, or breaks the connection as asked. */
export async function deliver(response: ServerResponse, delivery: Delivery): Promise<void> {
  if (delivery.kind === 'taken' || delivery.kind === 'hang') return;
  if (delivery.kind === 'drop') return void response.destroy();
  if (delivery.kind === 'pieces') return deliverPieces(response, delivery);
  const { answer } = delivery;
  if (delivery.kind === 'answer' && delivery.delayMs)
    await delay(delivery.delayMs, undefined, { ref: false });
  // Event streams have no length; everything else says it, so that a cut can be noticed.
  const isStream = answer.headers['content-type']?.startsWith('text/event-stream');
  const length = isStream ? {} : { 'content-length': String(Buffer.byteLength(answer.body)) };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  if (delivery.kind === 'answer') return void response.end(answer.body);
  const bytes = Buffer.from(answer.body);
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
}

async function deliverPieces(
  response: ServerResponse,
  { answer, pieces, everyMs }: Delivery & { kind: 'pieces' },
): Promise<void> {
  response.writeHead(answer.status, answer.headers);
  response.on('error', () => undefined);
  const closed = new AbortController();
  response.on('close', () => closed.abort());
  for (const piece of pieces) {
    if (response.destroyed) return;
    if (!response.write(piece))
      await once(response, 'drain', { signal: closed.signal }).catch(() => undefined);
    else if (everyMs) await delay(everyMs, undefined, { ref: false });
    else await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}
