// Clients known by their metadata document: what may be fetched, from where, and what of it is believed.
import { createServer } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { connect, type AddressInfo } from 'node:net';
import dns from 'node:dns';
import { gzipSync } from 'node:zlib';
import { Agent } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { pool } from '@/lib/db';
import { getFromStranger, isSpecialAddress, OutboundError } from '@/lib/http';
import { documentFetcher, isDocumentUrl, mayFetch } from '@/lib/oauth/client-documents';
import { listRefused } from '@/lib/oauth/redirect-rules';
import { DEFAULT_RULE } from '@/lib/oauth/redirect-uris';
import { callOf, emailIn, post, type TestMember } from '../support/gate';
import {
  answerConsent,
  authorizeUrl,
  beginConsent,
  browserOf,
  makeTeam,
  redemption,
  refreshing,
  startSetting,
  token,
  verifier,
  type Browser,
  type Setting,
} from './setting';

let setting: Setting;
let ana: TestMember;
let browser: Browser;
let n = 0;
let url: string;

beforeAll(async () => {
  setting = await startSetting();
  ({ member: ana } = await makeTeam(setting, 'Acme'));
  browser = await browserOf(setting, ana);
});
afterAll(() => setting.stop());
beforeEach(() => {
  n += 1;
  // Documents are believed for a minute at least, so each test has its own.
  url = `https://client.example/app-${n}.json`;
  publish({});
});

const publish = (change: Record<string, unknown>) =>
  setting.documents.set(url, {
    client_id: url,
    client_name: 'Documented',
    redirect_uris: ['http://127.0.0.1:7777/callback'],
    token_endpoint_auth_method: 'none',
    ...change,
  });

/** What the authorization is answered with where the document is fine. */
const isAsked = async () =>
  (await browser.go('GET', authorizeUrl(setting, url, verifier()))).location?.pathname.startsWith(
    '/authorize/',
  );

/** The authorization ends on a page of ours, and no client is known by that document. */
async function expectRefused(id = url): Promise<string> {
  const { status, location, text } = await browser.go('GET', authorizeUrl(setting, id, verifier()));
  expect([status, location], id).toEqual([400, null]);
  expect((await pool().query('SELECT 1 FROM oauth_clients WHERE id = $1', [id])).rows).toEqual([]);
  return text;
}

test('A8: a client with a document signs a person in, calls, and refreshes; the page shows where it is described', async () => {
  const codeVerifier = verifier();
  const open = await beginConsent(browser, authorizeUrl(setting, url, codeVerifier));
  expect(open.question.client).toEqual({ id: url, name: 'Documented', kind: 'document' });
  const code = (await answerConsent(browser, open)).searchParams.get('code')!;
  const { status, body } = await token(setting, redemption(url, code, codeVerifier));
  expect(status).toBe(200);
  expect(emailIn(await post(setting, body.access_token, callOf('get_me')))).toBe('ana@example.com');
  expect((await token(setting, refreshing(url, body.refresh_token))).status).toBe(200);
});

describe('A8 AS-37: a document', () => {
  test('whose client_id differs from its URL by a byte is refused', async () => {
    for (const id of [
      `${url}x`,
      url.slice(0, -1),
      url.toUpperCase(),
      `${url}/`,
      url.replace('https', 'http'),
      null,
      [url],
    ]) {
      n += 1;
      url = `https://client.example/app-${n}.json`;
      publish({ client_id: id });
      await expectRefused();
    }
    n += 1;
    url = `https://client.example/app-${n}.json`;
    publish({});
    expect(await isAsked()).toBe(true);
  });

  test('AS-42: that holds or asks for a shared secret, or keys, is refused', async () => {
    for (const change of [
      ...[
        { token_endpoint_auth_method: 'client_secret_post' },
        { token_endpoint_auth_method: 'client_secret_basic' },
      ],
      ...[
        { token_endpoint_auth_method: 'client_secret_jwt' },
        { client_secret: 'x' },
        { client_secret_expires_at: 0 },
      ],
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'https://10.0.0.1/jwks' },
    ]) {
      n += 1;
      url = `https://client.example/app-${n}.json`;
      publish(change);
      await expectRefused();
    }
    n += 1;
    url = `https://client.example/app-${n}.json`;
    publish({});
    expect(await isAsked()).toBe(true);
  });

  test('with no, too many, dangerous or unlisted redirect URIs is refused', async () => {
    for (const redirect_uris of [
      ...[
        [],
        undefined,
        'http://127.0.0.1/',
        ['javascript:alert(1)'],
        ['http://127.0.0.1:7777/callback', 'data:x'],
      ],
      Array(21).fill('http://127.0.0.1:7777/callback'),
    ]) {
      n += 1;
      url = `https://client.example/app-${n}.json`;
      publish({ redirect_uris });
      await expectRefused();
    }
    n += 1;
    url = `https://client.example/app-${n}.json`;
    publish({});
    expect(await isAsked()).toBe(true);
  });

  test('AS-40: whose redirect URIs are another’s, or on no organization’s list, sends nobody there; admins see the latter', async () => {
    const ask = (redirect_uri: string) =>
      browser.go('GET', authorizeUrl(setting, url, verifier(), { redirect_uri }));
    publish({ redirect_uris: ['https://claude.ai/api/mcp/auth_callback', 'https://unlisted.example/cb'] });
    for (const uri of ['http://127.0.0.1:7777/callback', 'https://unlisted.example/cb']) {
      const { status, location } = await ask(uri);
      expect([status, location]).toEqual([400, null]);
    }
    expect((await listRefused(DEFAULT_RULE)).map(({ uri, clientName }) => [uri, clientName])).toEqual([
      ['https://unlisted.example/cb', 'Documented'],
    ]);
    expect((await ask('https://claude.ai/api/mcp/auth_callback')).location?.pathname).toMatch(
      /^\/authorize\//,
    );
  });

  test('that is missing, not JSON, an error or a redirect is refused, and the error is not remembered', async () => {
    for (const status of [404, 500, 301, 302, 307, 204]) {
      setting.documents.set(url, status);
      await expectRefused();
    }
    publish({});
    expect((await beginConsent(browser, authorizeUrl(setting, url, verifier()))).question.client.id).toBe(
      url,
    );
  });
});

describe('A8 AS-37: the URL of a document', () => {
  test.each([
    ...[
      'http://client.example/app',
      'https://client.example',
      'https://client.example/',
      'https://client.example/a#b',
    ],
    ...['https://user@client.example/a', 'https://client.example/a/../b', 'https://client.example/%2e%2e/b'],
    ...[
      'https://client.example/./a',
      'https://client.example\\a',
      'HTTPS://client.example/a',
      'https://CLIENT.example/a',
    ],
    ...[
      'https://client.example:443/a',
      'https://client.example/a b',
      'https://client.example/a?b=c',
      'ftp://client.example/a',
    ],
    ...['https://[::1]/a', 'https://client.example/a\tb', 'https://ｃlient.example/a'],
  ])('can’t be %s, and nothing is fetched', async (id) => {
    expect(isDocumentUrl(id)).toBe(false);
    setting.documents.set(id, {
      client_id: id,
      client_name: 'x',
      redirect_uris: ['http://127.0.0.1:7777/callback'],
    });
    await expectRefused(id);
  });
});

describe('AS-38 S2: the guard of addresses', () => {
  const reason = async (target: string) => {
    const failure = await getFromStranger(target, { timeoutMs: 2_000, maxBytes: 100, accept: '*/*' }).then(
      () => 'fetched',
      (error: unknown) => (error instanceof OutboundError ? error.reason : String(error)),
    );
    return failure;
  };

  test.each([
    ...[
      'https://127.0.0.1/x',
      'https://127.1/x',
      'https://0x7f.1/x',
      'https://2130706433/x',
      'https://[::1]/x',
    ],
    ...[
      'https://[::ffff:a9fe:a9fe]/x',
      'https://[::ffff:127.0.0.1]/x',
      'https://169.254.169.254/x',
      'https://10.1.2.3/x',
    ],
    ...[
      'https://100.64.0.1/x',
      'https://198.18.0.1/x',
      'https://192.168.1.1/x',
      'https://172.20.0.1/x',
      'https://0.0.0.0/x',
    ],
    ...[
      'https://[fd00::1]/x',
      'https://[fe80::1]/x',
      'https://[64:ff9b::7f00:1]/x',
      'https://[2002:7f00:1::]/x',
    ],
    ...['http://example.com/x', 'https://user@example.com/x', 'ftp://example.com/x', 'https://localhost/x'],
  ])('makes no connection to %s, with the sandbox’s permission set', async (target) => {
    expect(await reason(target)).toBe('refused_url');
  });

  test('looks at the address that is connected to: a name that turns private, or has one private address, is refused', async () => {
    const lookup = vi.spyOn(dns, 'lookup');
    syncBuiltinESMExports();
    const answer = (addresses: { address: string; family: number }[]) =>
      lookup.mockImplementation(((_host: string, _options: object, callback: (...args: unknown[]) => void) =>
        callback(null, addresses)) as never);
    try {
      for (const addresses of [
        [{ address: '127.0.0.1', family: 4 }],
        [
          { address: '93.184.216.34', family: 4 },
          { address: '10.0.0.1', family: 4 },
        ],
        [{ address: 'fd00::1', family: 6 }],
        [],
      ]) {
        answer(addresses);
        expect(await reason('https://metadata.google.internal/x')).toBe('refused_url');
      }
      expect(lookup).toHaveBeenCalledTimes(4);
    } finally {
      lookup.mockRestore();
      syncBuiltinESMExports();
    }
  });

  test('knows every network that is not public', () => {
    for (const address of [
      '127.0.0.1',
      '::1',
      '::ffff:10.0.0.1',
      '::ffff:a00:1',
      'fc00::1',
      '224.0.0.1',
      'not-an-address',
    ])
      expect(isSpecialAddress(address), address).toBe(true);
    for (const address of ['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'])
      expect(isSpecialAddress(address), address).toBe(false);
  });
});

describe('AS-39: what a document’s server does', () => {
  const fetchWith = async (answer: {
    status?: number;
    headers?: Record<string, string>;
    body?: string | Buffer;
  }) => {
    const response = await documentFetcher(() =>
      Promise.resolve({
        status: answer.status ?? 200,
        headers: { 'content-type': 'application/json', ...answer.headers },
        body: Buffer.from(answer.body ?? '{}'),
      }),
    )('https://client.example/a');
    return response.status;
  };

  test('another type, another status or more than 5 KB is no document; +json is one', async () => {
    expect(await fetchWith({})).toBe(200);
    expect(await fetchWith({ headers: { 'content-type': 'application/cimd+json; charset=utf-8' } })).toBe(
      200,
    );
    for (const type of ['text/html', 'text/plain', '', 'application/jsonp'])
      expect(await fetchWith({ headers: { 'content-type': type } })).not.toBe(200);
    for (const status of [201, 203, 206, 301, 304, 404, 500])
      expect(await fetchWith({ status })).not.toBe(200);
    expect(await fetchWith({ body: `"${'x'.repeat(5 * 1024)}"` })).not.toBe(200);
    await expect(fetchWith({ body: '{' })).rejects.toThrow();
    await expect(fetchWith({ body: '['.repeat(5_000) })).rejects.toThrow();
  });

  test('a redirect is not followed; size, compression, dripping and silence end it within its time', async () => {
    let visits = 0;
    const server = createServer((request, response) => {
      visits += 1;
      if (request.url === '/redirect') response.writeHead(302, { location: '/other' }).end();
      else if (request.url === '/big') response.end('x'.repeat(1_001));
      else if (request.url === '/gzip')
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'));
      else if (request.url === '/good') response.end(JSON.stringify(request.headers));
      else if (request.url === '/drip') setInterval(() => response.write(' '), 50).unref();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    // Past the look-up of names only: everything else is as it is.
    const local = new Agent({
      connect: (_options, done) => {
        const socket = connect(port, '127.0.0.1', () => done(null, socket));
      },
    });
    const get = (path: string) =>
      getFromStranger(
        `https://client.example${path}`,
        { timeoutMs: 700, maxBytes: 1_000, accept: 'a/b' },
        local,
      );
    try {
      expect((await get('/redirect')).status).toBe(302);
      expect(visits).toBe(1);
      const { body } = await get('/good');
      expect(JSON.parse(String(body))).toMatchObject({ accept: 'a/b', 'accept-encoding': 'identity' });
      expect(String(body)).not.toMatch(/cookie|authorization|referer/i);
      await expect(get('/big')).rejects.toMatchObject({ reason: 'too_large' });
      await expect(get('/gzip')).rejects.toMatchObject({ reason: 'cut' });
      for (const path of ['/drip', '/silent']) {
        const startedMs = performance.now();
        await expect(get(path)).rejects.toMatchObject({ reason: 'timeout' });
        expect(performance.now() - startedMs).toBeLessThan(3_000);
      }
    } finally {
      await local.destroy();
      server.closeAllConnections();
      server.close();
    }
  });
});

test('AS-41: documents are fetched at most 120 times a minute by a process, and believed a minute to an hour', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    vi.advanceTimersByTime(600_000);
    const allowed = Array.from({ length: 200 }, (_, i) => mayFetch(`https://client.example/${i}`)).filter(
      Boolean,
    );
    expect(allowed).toHaveLength(120);
  } finally {
    vi.useRealTimers();
  }
});
