// A sink outside gets the whole chain in order, at least once, whatever it does meanwhile, and nobody else gets it.
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { appendEvent, uuidv7, type Actor } from '@/lib/audit/append';
import { layOrganization } from '@/lib/audit/chain';
import { makeCheckpoint } from '@/lib/audit/checkpoints';
import { readSink, saveSink, sendOnce, type SinkChange } from '@/lib/audit/sink';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { makeCertificate } from '../support/certificate';
import { openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
const servers: (Server | TcpServer)[] = [];
beforeAll(async () => {
  lib = await openLib({ GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1' });
});
afterEach(async () => {
  setEnv({ GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1' });
  await pool().query('DELETE FROM audit_sinks');
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  }
});
afterAll(() => lib.close());

interface Made {
  id: string;
  actor: Actor;
}
async function addOrganization(): Promise<Made> {
  const { rows } = await pool().query<{ id: string }>(
    `INSERT INTO organizations (name) VALUES ('Aurora') RETURNING id`,
  );
  const { id } = rows[0]!;
  const credential = { kind: 'session', id: 'c', name: null } as const;
  return {
    id,
    actor: { organizationId: id, memberId: uuidv7(), memberEmail: 'ana@example.com', credential },
  };
}
async function addEvents({ id, actor }: Made, count: number): Promise<void> {
  await transaction(async (tx) => {
    for (let n = 0; n < count; n += 1)
      await appendEvent(tx, actor, { action: 'thing.changed', target: `thing \u2028 ${n}`, after: { n } });
  });
  while (!(await layOrganization(id)));
}
const save = ({ actor }: Made, change: SinkChange) => transaction((tx) => saveSink(tx, actor, change));
const listen = async (server: Server | TcpServer) => {
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};
/** Whatever pause a failure made is over. */
const again = () => pool().query('UPDATE audit_sinks SET next_at = now()');
const drain = async () => {
  while (await sendOnce());
};

interface Got {
  organization: string;
  seq: number;
  previous: string;
  hash: string;
  target?: string;
}

/** An OTLP collector that answers as told; `got`: what it took. */
async function collector(answer: (n: number, response: ServerResponse, request: IncomingMessage) => void) {
  const got: Got[] = [];
  const headers: (string | undefined)[] = [];
  let n = 0;
  const port = await listen(
    createHttp((request, response) => {
      let text = '';
      request.on('data', (piece) => (text += String(piece)));
      request.on('end', () => {
        n += 1;
        headers.push(request.headers.authorization);
        response.once('finish', () => {
          if (response.statusCode !== 200) return;
          for (const { body } of JSON.parse(text).resourceLogs[0].scopeLogs[0].logRecords)
            got.push(JSON.parse(body.stringValue));
        });
        answer(n, response, request);
      });
    }),
  );
  return { url: `http://127.0.0.1:${port}/v1/logs`, got, headers, calls: () => n };
}
const ok = (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
const records = (got: readonly object[]) => got.filter((one) => 'seq' in one) as Got[];

/** Every number in order, each hanging on the one before. */
function expectWhole(got: readonly Got[], last: number): void {
  const bySeq = new Map(got.map((one) => [one.seq, one]));
  expect([...bySeq.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: last }, (_, n) => n + 1));
  for (let seq = 2; seq <= last; seq += 1) expect(bySeq.get(seq)!.previous).toBe(bySeq.get(seq - 1)!.hash);
}
const lastOf = async ({ id }: Made) =>
  Number(
    (await pool().query('SELECT seq FROM audit_chain_heads WHERE organization_id = $1', [id])).rows[0].seq,
  );

describe('an OTLP sink', () => {
  test('gets every record in order and the checkpoints, then only what is new, with its authorization, which is shown to nobody', async () => {
    const made = await addOrganization();
    await addEvents(made, 510);
    const { url, got, headers } = await collector((_, response) => ok(response));
    await save(made, {
      kind: 'otlp',
      address: url,
      authorization: 'Bearer of-the-collector',
      from: 'beginning',
    });
    await makeCheckpoint(made.id, made.actor);
    while (!(await layOrganization(made.id)));
    await drain();
    expectWhole(records(got), await lastOf(made));
    expect(got.filter((one) => 'checkpoint' in one)).toHaveLength(1);
    expect(records(got)[1]).toMatchObject({ organization: made.id, target: 'thing \u2028 1', kind: 'event' });
    expect(new Set(headers)).toEqual(new Set(['Bearer of-the-collector']));
    const before = got.length;
    await addEvents(made, 2);
    await drain();
    expect(got.slice(before).map(({ seq }) => seq)).toEqual([(await lastOf(made)) - 1, await lastOf(made)]);
    const view = await readSink(made.id);
    expect(view).toMatchObject({
      kind: 'otlp',
      hasAuthorization: true,
      behind: 0,
      behindSeconds: 0,
      problem: null,
    });
    expect(JSON.stringify(view)).not.toContain('of-the-collector');
    const { rows } = await pool().query('SELECT secret FROM audit_sinks');
    expect(rows[0].secret).toMatch(/^v1\./);
  });

  const faults: [string, RegExp, (response: ServerResponse, request: IncomingMessage) => void][] = [
    ['answers 401', /status 401/, (response) => response.writeHead(401).end()],
    ['answers 429', /status 429/, (response) => response.writeHead(429, { 'retry-after': '1' }).end()],
    ['answers 500', /status 500/, (response) => response.writeHead(500).end('no')],
    [
      'redirects elsewhere',
      /status 307/,
      (response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
    ],
    [
      'rejects some of a batch',
      /rejected 2/,
      (response) => response.writeHead(200).end('{"partialSuccess":{"rejectedLogRecords":"2"}}'),
    ],
    ['drops the connection', /closed the connection/, (_, request) => request.socket.destroy()],
    [
      'breaks its answer off',
      /closed the connection/,
      (response, request) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{');
        setTimeout(() => request.socket.destroy(), 20);
      },
    ],
  ];
  test.each(faults)(
    'that %s loses nothing: it is said, and everything comes once it is well',
    async (_, problem, fail) => {
      const made = await addOrganization();
      await addEvents(made, 5);
      const { url, got } = await collector((n, response, request) =>
        n <= 2 ? fail(response, request) : void ok(response),
      );
      await save(made, { kind: 'otlp', address: url, from: 'beginning' });
      while (!(await layOrganization(made.id)));
      await drain();
      const failed = await readSink(made.id);
      expect(failed).toMatchObject({ failures: 1, problem: expect.stringMatching(problem), sentSeq: 0 });
      expect(failed.behind).toBeGreaterThan(4);
      // Not at once again: a sink that is down is not hammered.
      expect(await sendOnce()).toBe(false);
      await again();
      await drain();
      expect((await readSink(made.id)).failures).toBe(2);
      await again();
      await drain();
      expect(await readSink(made.id)).toMatchObject({ failures: 0, problem: null, behind: 0 });
      expectWhole(records(got), await lastOf(made));
    },
  );

  test('is sent to by one process at a time, and by another where that one died in the middle', async () => {
    const made = await addOrganization();
    await addEvents(made, 3);
    let release = () => {};
    const { url, got, calls } = await collector((n, response) => {
      if (n === 1) release = () => void ok(response);
      else void ok(response);
    });
    await save(made, { kind: 'otlp', address: url, from: 'beginning' });
    while (!(await layOrganization(made.id)));
    const first = sendOnce();
    while (calls() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await sendOnce()).toBe(false);
    await pool().query(`UPDATE audit_sinks SET lease_until = now() - interval '1 second'`);
    expect(await sendOnce()).toBe(true);
    release();
    await first;
    await drain();
    expect(await readSink(made.id)).toMatchObject({ behind: 0, failures: 0 });
    expectWhole(records(got), await lastOf(made));
  });

  test('SSRF: is never one on a private address, by its name or by what the name leads to, unless the deployment allows that', async () => {
    const made = await addOrganization();
    const { url } = await collector((_, response) => ok(response));
    await save(made, { kind: 'otlp', address: url.replace('127.0.0.1', 'localhost'), from: 'beginning' });
    while (!(await layOrganization(made.id)));
    setEnv({ GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '0' });
    await drain();
    expect(await readSink(made.id)).toMatchObject({
      failures: 1,
      problem: 'Its address is not a public one.',
    });
    for (const address of [
      ...[
        'http://collector.example.com/v1/logs',
        'https://127.0.0.1/',
        'https://169.254.169.254/latest',
        'https://[::1]/',
        'https://10.0.0.7/',
      ],
      ...[
        'https://localhost/',
        'ftp://collector.example.com/',
        'https://user:password@collector.example.com/',
        'nonsense',
      ],
    ])
      await expect(save(made, { kind: 'otlp', address }), address).rejects.toMatchObject({ code: 'invalid' });
    for (const address of [
      'tcp://10.0.0.7:514',
      'tls://syslog.example.com',
      'https://syslog.example.com:6514',
      'tls://syslog.example.com:6514/path',
    ])
      await expect(save(made, { kind: 'syslog', address }), address).rejects.toMatchObject({
        code: 'invalid',
      });
    await save(made, { kind: 'otlp', address: 'https://collector.example.com/v1/logs' });
    await save(made, { kind: 'syslog', address: 'tls://syslog.example.com:6514' });
    expect(await readSink(made.id)).toMatchObject({ kind: 'syslog', problem: null });
    await save(made, { kind: 'none' });
  });

  test('gets no secret that was given for another address', async () => {
    const made = await addOrganization();
    const { url, headers } = await collector((_, response) => ok(response));
    await save(made, {
      kind: 'otlp',
      address: 'https://collector.example.com/',
      authorization: 'Bearer theirs',
    });
    await save(made, { kind: 'otlp', address: url, from: 'beginning' });
    while (!(await layOrganization(made.id)));
    await drain();
    expect(headers.length).toBeGreaterThan(0);
    expect(headers.every((value) => value === undefined)).toBe(true);
  });
});

/** Reads octet-counted messages (RFC 6587 §3.4.1), strictly. */
function readFrames(bytes: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const size = Number(bytes.subarray(at, space).toString());
    const message = bytes.subarray(space + 1, space + 1 + size);
    if (!Number.isInteger(size) || message.length !== size) throw new Error(`no frame at ${at}`);
    messages.push(message.toString());
    at = space + 1 + size;
  }
  return messages;
}

describe('a syslog sink', () => {
  const MESSAGE =
    /^<(\d+)>1 (\S+) (\S+) gatehouse - (\w+) \[gatehouse@32473 organization="([^"]+)" seq="(\d+)"\] \ufeff(\{.*\})$/s;

  async function syslog(secured: boolean, handle?: (n: number, socket: Socket) => boolean) {
    let n = 0;
    const got: string[] = [];
    const certificate = makeCertificate('localhost');
    const accept = (socket: Socket) => {
      n += 1;
      socket.on('error', () => undefined);
      if (handle?.(n, socket)) return;
      const pieces: Buffer[] = [];
      socket.on('data', (piece: Buffer) => pieces.push(piece));
      socket.on('end', () => got.push(...readFrames(Buffer.concat(pieces))));
    };
    const server = secured
      ? createTls({ cert: certificate.cert, key: certificate.key }, accept)
      : createTcp(accept);
    const port = await listen(server);
    return { address: `${secured ? 'tls' : 'tcp'}://localhost:${port}`, got, ca: certificate.cert };
  }

  test.each([[false], [true]])(
    'gets RFC 5424 messages, each record once in order (TLS: %s)',
    async (secured) => {
      const made = await addOrganization();
      await addEvents(made, 60);
      const { address, got, ca } = await syslog(secured);
      await save(made, { kind: 'syslog', address, from: 'beginning', ...(secured ? { ca } : {}) });
      while (!(await layOrganization(made.id)));
      await drain();
      expect(await readSink(made.id)).toMatchObject({ problem: null, behind: 0 });
      const read = got.map((message) => MESSAGE.exec(message)!);
      expect(read.every((match) => match !== null)).toBe(true);
      expectWhole(
        read.map((match) => JSON.parse(match[7]!) as Got),
        await lastOf(made),
      );
      expect(new Set(read.map((match) => match[1]))).toEqual(new Set(['110']));
      expect(read[0]![2]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    },
  );

  test('whose certificate nobody vouches for gets nothing', async () => {
    const made = await addOrganization();
    const { address, got } = await syslog(true);
    await save(made, { kind: 'syslog', address, from: 'beginning' });
    while (!(await layOrganization(made.id)));
    await drain();
    expect(await readSink(made.id)).toMatchObject({
      failures: 1,
      problem: expect.stringMatching(/certificate is not trusted/),
    });
    expect(got).toEqual([]);
  });

  test('that drops the connection before it has read everything gets it all again', async () => {
    const made = await addOrganization();
    await addEvents(made, 50);
    const { address, got } = await syslog(false, (n, socket) => {
      if (n === 1) socket.once('data', () => socket.resetAndDestroy());
      return n === 1;
    });
    await save(made, { kind: 'syslog', address, from: 'beginning' });
    while (!(await layOrganization(made.id)));
    await drain();
    expect(await readSink(made.id)).toMatchObject({
      failures: 1,
      problem: expect.stringMatching(/closed the connection/),
      sentSeq: 0,
    });
    await again();
    await drain();
    expectWhole(
      got.map((message) => JSON.parse(MESSAGE.exec(message)![7]!) as Got),
      await lastOf(made),
    );
  });
});
