// One try: what an agent's connection is sent, from the first byte of the head to the last of the body, and what the judge may rely on.
import type { Caller } from './callers';
import { bodyOf } from './messages';
import { mutated } from './bytes';
import type { Random } from './random';

/** What a try may use of its caller's. */
export interface ShotContext {
  caller: Caller;
  host: string;
  token: string;
  /** The id of a session of this caller's, as the gate gave it out. */
  session: string;
  /** Of another caller. */
  foreign: { token: string; session: string };
}

export interface Shot {
  httpMethod: string;
  /** As sent with every body; without those of the framing. */
  headers: [name: string, value: string][];
  /** More than one are pipelined. */
  bodies: Buffer[];
  /** The framing says exactly these bodies, so what the gate reads is known. */
  exact: boolean;
  pieces: Buffer[];
  /** On a connection of its own. */
  fresh: boolean;
}

/** A try: head, framing, body. Depends on nothing but its arguments. */
export function shotOf(random: Random, context: ShotContext): Shot {
  const httpMethod = random.chance(0.98)
    ? 'POST'
    : random.pick(['GET', 'DELETE', 'DELETE', 'PUT', 'OPTIONS', 'PATCH']);
  const headers = headersOf(random, context).filter(
    // The stream of a session does not end by itself.
    ([name]) => httpMethod !== 'GET' || name.toLowerCase() !== 'mcp-session-id',
  );
  const count = httpMethod === 'POST' && random.chance(0.03) ? 2 : 1;
  const hasBody = httpMethod === 'POST' || httpMethod === 'PUT' || httpMethod === 'PATCH';
  const bodies = Array.from({ length: count }, () =>
    hasBody ? bodyOf(random, context.caller) : Buffer.alloc(0),
  );
  const head = (framing: string[]) =>
    Buffer.from(
      [
        `${httpMethod} /mcp HTTP/1.1`,
        ...headers.map(([name, value]) => `${name}: ${value}`),
        ...framing,
        '',
        '',
      ].join('\r\n'),
      'latin1',
    );
  const isWild = hasBody && random.chance(0.03);
  const bytes = isWild
    ? wild(random, head, bodies[0]!)
    : Buffer.concat(bodies.flatMap((body) => framed(random, head, body, hasBody)));
  return {
    ...{ httpMethod, headers, exact: !isWild, fresh: isWild },
    bodies: isWild ? bodies.slice(0, 1) : bodies,
    pieces: split(random, bytes),
  };
}

function framed(
  random: Random,
  head: (framing: string[]) => Buffer,
  body: Buffer,
  hasBody: boolean,
): Buffer[] {
  if (!hasBody) return [head([])];
  if (random.chance(0.8)) return [head([`Content-Length: ${body.length}`]), body];
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const size = 1 + random.below(random.chance(0.3) ? 3 : body.length);
    const piece = body.subarray(at, at + size);
    const extension = random.chance(0.02) ? ';x=1' : '';
    chunks.push(Buffer.from(`${piece.length.toString(16)}${extension}\r\n`), piece, Buffer.from('\r\n'));
    at += size;
  }
  return [head(['Transfer-Encoding: chunked']), ...chunks, Buffer.from('0\r\n\r\n')];
}

/** Framings that two servers read in two ways, or none at all (PP-25). */
function wild(random: Random, head: (framing: string[]) => Buffer, body: Buffer): Buffer {
  const length = `Content-Length: ${body.length}`;
  const chunked = Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from('\r\n0\r\n\r\n'),
  ]);
  const smuggled = Buffer.concat([Buffer.from('0\r\n\r\n'), head([length]), body]);
  return random.pick<() => Buffer>([
    () => Buffer.concat([head([length, 'Transfer-Encoding: chunked']), chunked]),
    () => Buffer.concat([head(['Content-Length: 4', 'Transfer-Encoding: chunked']), smuggled]),
    () => Buffer.concat([head(['Transfer-Encoding: chunked, identity']), chunked]),
    () => Buffer.concat([head(['Transfer-Encoding: xchunked', length]), body]),
    () => Buffer.concat([head(['Transfer-Encoding : chunked']), chunked]),
    () => Buffer.concat([head(['Transfer-Encoding:\r\n chunked']), chunked]),
    () => Buffer.concat([head([length, `Content-Length: ${body.length + 1}`]), body]),
    () => Buffer.concat([head([`Content-Length: ${body.length}, ${body.length}`]), body]),
    () => Buffer.concat([head([`Content-Length: +${body.length}`]), body]),
    () => Buffer.concat([head([`Content-Length: ${body.length + 1 + random.below(50)}`]), body]),
    () => Buffer.concat([head([`Content-Length: ${random.below(body.length + 1)}`]), body]),
    () => Buffer.concat([head([]), body]),
    () => Buffer.concat([head([length]), body, head([length]).subarray(0, random.below(60))]),
    () =>
      Buffer.from(
        head([length]).toString('latin1').replaceAll('\r\n', '\n') + body.toString('latin1'),
        'latin1',
      ),
    () => Buffer.concat([head(['Transfer-Encoding: chunked']), mutated(random, chunked, [body])]),
    () => Buffer.concat([mutated(random, head([length]), [body]), body]),
  ])();
}

function split(random: Random, bytes: Buffer): Buffer[] {
  if (random.chance(0.9)) return [bytes];
  const cuts = Array.from({ length: 1 + random.below(3) }, () => random.below(bytes.length)).sort(
    (a, b) => a - b,
  );
  return [0, ...cuts]
    .map((from, n) => bytes.subarray(from, cuts[n] ?? bytes.length))
    .filter(({ length }) => length > 0);
}

const base64 = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;

const TYPES = [
  ...[
    'application/json; charset=utf-8',
    'Application/JSON',
    'application/json ; charset="UTF-8"',
    'application/json;charset=utf8',
  ],
  ...[
    'application/json; charset=utf-16',
    'application/json; charset=utf-7',
    'application/json; charset=latin1',
    'text/plain',
  ],
  ...[
    'application/json; x=1; charset=iso-8859-1',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json-rpc',
  ],
  ...[
    'application/json, text/plain',
    '',
    'application/x-www-form-urlencoded',
    'application/json;',
    'text/json',
    'application/json\tx',
  ],
];
const ACCEPTS = [
  ...[
    '*/*',
    'application/json',
    'text/event-stream',
    'application/*, text/*',
    'text/html',
    '',
    'APPLICATION/JSON, TEXT/EVENT-STREAM',
  ],
  ...[
    'application/json;q=0, text/event-stream',
    'application/json,text/event-stream;q=0.1',
    'application/jsonx, text/event-stream',
  ],
];

/** Headers of an honest client, and now and then others. */
function headersOf(random: Random, { host, token, session, foreign }: ShotContext): [string, string][] {
  const headers: [string, string][] = [
    ['Host', host],
    ['Authorization', `Bearer ${token}`],
    ['Content-Type', 'application/json'],
    ['Accept', 'application/json, text/event-stream'],
  ];
  const set = (name: string, value: string) => (headers.find(([known]) => known === name)![1] = value);
  const add = (name: string, value: string) =>
    headers.splice(random.below(headers.length + 1), 0, [name, value]);
  if (random.chance(0.15))
    add(
      'Mcp-Session-Id',
      random.chance(0.7) ? session : random.pick([foreign.session, 'x', '', session.slice(0, -2)]),
    );
  if (random.chance(0.1))
    add(
      'MCP-Protocol-Version',
      random.chance(0.7) ? '2025-11-25' : random.pick(['2025-03-26', '2026-07-28', 'x', '']),
    );
  if (!random.chance(0.2)) return headers;
  for (let times = 1 + random.below(2); times > 0; times -= 1)
    random.pick<() => unknown>([
      () =>
        add(
          'Mcp-Method',
          random.pick(['tools/call', 'tools/call', 'tools/list', 'Tools/Call', 'tools/call, tools/list', '']),
        ),
      () =>
        add(
          'Mcp-Name',
          random.pick([
            'get_me',
            'get_me',
            'delete_task',
            base64('get_me'),
            base64('delete_task'),
            '=?BASE64?Z2V0X21l?=',
            'get_me\u00a0',
          ]),
        ),
      () => set('Content-Type', random.pick(TYPES)),
      () => set('Accept', random.pick(ACCEPTS)),
      () => add('Content-Type', random.pick(TYPES)),
      () =>
        add(
          'Content-Encoding',
          random.pick(['gzip', 'br', 'identity', 'deflate', 'x', '', 'identity, gzip']),
        ),
      () =>
        add(
          'Origin',
          random.pick(['null', 'http://evil.example', `http://${host}`, `http://${host}.evil.example`, '']),
        ),
      () =>
        set(
          'Authorization',
          random.pick([
            `bearer ${token}`,
            `Bearer  ${token}`,
            token,
            '',
            'Bearer',
            `Basic ${token}`,
            `Bearer ${token}x`,
            `Bearer ${token.toUpperCase()}`,
            `Bearer ${token},${foreign.token}`,
          ]),
        ),
      () => add('Authorization', `Bearer ${random.pick([foreign.token, token])}`),
      () =>
        add(
          random.pick(CONTROLS),
          random.pick(['delete_task', '*', '1', foreign.token, 'DELETE', 'tools/call']),
        ),
      () => add('Cookie', `session=${foreign.session}`),
      () => add('Last-Event-ID', '1'),
      () => add('Expect', '100-continue'),
      () => add('User-Agent', random.pick(['fuzz', 'x'.repeat(500), '\u00ff\u00fe', '', 'a: b'])),
      () => add('Mcp-Param-Task', 'delete_task'),
      () =>
        add(
          'Connection',
          random.pick(['keep-alive', 'keep-alive, Authorization', 'keep-alive, Mcp-Session-Id']),
        ),
    ])();
  return headers;
}

const CONTROLS = [
  ...[
    'X-Allowed-Tools',
    'X-Org-Id',
    'X-Upstream-Authorization',
    'X-Forwarded-User',
    'X-Middleware-Subrequest',
    'X-Member-Id',
  ],
  ...[
    'X-HTTP-Method-Override',
    'X-Forwarded-Authorization',
    'Proxy-Authorization',
    'X-Asana-Token',
    'X-Original-URL',
    'Forwarded',
  ],
];
