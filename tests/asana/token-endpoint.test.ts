// What Asana's token endpoint may answer, and what becomes of it: a whole success, a named refusal, or nothing changes.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectFailure, failureCodeOf } from '@/lib/asana/connect-failures';
import { retryAfterMs } from '@/lib/asana/retry-after';
import { authorizationUrl, exchangeCode, refreshTokens, revokeToken } from '@/lib/asana/token-endpoint';
import { setEnv } from '@/lib/env';
import { startOddServer } from './odd-server';

const credentials = { clientId: '1200', clientSecret: 'the-secret' };
const exchange = () =>
  exchangeCode({
    ...{ credentials, state: 's', codeVerifier: 'v'.repeat(43) },
    callback: new URLSearchParams({ code: 'the-code', state: 's' }),
    redirectUrl: 'http://localhost:3000/connect/asana/callback',
  });
const refresh = () => refreshTokens({ credentials, refreshToken: 'the-refresh-token' });
const good = {
  access_token: 'access',
  refresh_token: 'refresh',
  token_type: 'bearer',
  expires_in: 3600,
  data: { id: '12', gid: '12', name: 'Ana', email: 'ana@example.com' },
};
const malformed = { failure: 'transient', reason: 'malformed', retryAfterMs: null };

let asana: Awaited<ReturnType<typeof startOddServer>>;
let elsewhere: Awaited<ReturnType<typeof startOddServer>>;
beforeAll(async () => {
  asana = await startOddServer();
  elsewhere = await startOddServer();
});
afterAll(() => Promise.all([asana.close(), elsewhere.close()]));
beforeEach(() => {
  setEnv({
    ASANA_OAUTH_URL: asana.origin,
    ASANA_MCP_URL: `${asana.origin}/v2/mcp`,
    ASANA_RESOURCE: 'https://mcp.asana.com/v2',
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
  });
  asana.answers({ body: good });
  elsewhere.answers({ body: good });
});

describe('a good answer', () => {
  test('is read whole: tokens, lifetime, account', async () => {
    expect(await exchange()).toEqual({
      accessToken: 'access',
      refreshToken: 'refresh',
      expiresInSeconds: 3600,
      account: { email: 'ana@example.com', userGid: '12' },
    });
  });

  test.each([
    ['more members than we know', { ...good, scope: 7, id_token: 'not a JWT', extra: [] }],
    ['the token type in capitals', { ...good, token_type: 'Bearer' }],
    ['the lifetime as text', { ...good, expires_in: '3600' }],
  ])('may have %s', async (_, body) => {
    asana.answers({ body });
    expect(await exchange()).toMatchObject({ accessToken: 'access', expiresInSeconds: 3600 });
  });

  test.each([
    ['no data', undefined, null, null],
    ['null as data', null, null, null],
    ['text as data', 'ana@example.com', null, null],
    ['only an id', { id: '34' }, null, '34'],
    ['an id that is a number', { id: 34 }, null, '34'],
    ['an id that lost digits as a number', { id: 1e20 }, null, null],
    ['a gid beside another id', { id: '1', gid: '2' }, null, '2'],
    ['a null e-mail', { gid: '2', email: null }, null, '2'],
    ['an e-mail that is none', { gid: '2', email: 'ana' }, null, '2'],
    ['an e-mail with a line break', { gid: '2', email: 'a@example.com\nb' }, null, '2'],
    ['an endless e-mail', { gid: '2', email: `${'a'.repeat(400)}@example.com` }, null, '2'],
  ])('with %s names what it can', async (_, data, email, userGid) => {
    asana.answers({ body: { ...good, data } });
    expect(await exchange()).toMatchObject({ account: { email, userGid } });
  });

  test('OC-14: a refresh may come without a refresh token, or with null for one', async () => {
    for (const refresh_token of [undefined, null]) {
      asana.answers({ body: { ...good, refresh_token } });
      expect(await refresh()).toMatchObject({ accessToken: 'access', refreshToken: null });
    }
    asana.answers({ body: good });
    expect(await refresh()).toMatchObject({ refreshToken: 'refresh' });
  });
});

describe('OC-13: an answer that can’t be used is malformed as a whole', () => {
  test.each([
    ['no access token', { ...good, access_token: undefined }],
    ['an empty access token', { ...good, access_token: '' }],
    ['an access token that is a number', { ...good, access_token: 7 }],
    ['an access token that would break a header', { ...good, access_token: 'a\r\nx-evil: 1' }],
    ['an access token with a space', { ...good, access_token: 'a b' }],
    ['an access token beyond all bounds', { ...good, access_token: 'a'.repeat(10_000) }],
    ['no token type', { ...good, token_type: undefined }],
    ['another token type', { ...good, token_type: 'mac' }],
    ['a token that needs a proof of possession', { ...good, token_type: 'dpop' }],
    ['no lifetime', { ...good, expires_in: undefined }],
    ['a lifetime of words', { ...good, expires_in: 'soon' }],
    ['a lifetime of zero', { ...good, expires_in: 0 }],
    ['a negative lifetime', { ...good, expires_in: -1 }],
    ['a lifetime of years', { ...good, expires_in: 1e9 }],
    ['a lifetime that is a list', { ...good, expires_in: [3600] }],
    ['a lifetime with a unit', { ...good, expires_in: '36 minutes' }],
    ['a refresh token that is a number', { ...good, refresh_token: 7 }],
    ['an empty refresh token', { ...good, refresh_token: '' }],
    ['an error below 200', { error: 'invalid_grant' }],
    ['a list', [good]],
    ['null', 'null'],
    ['no JSON', '<!doctype html>'],
    ['half of it', JSON.stringify(good).slice(0, 40)],
    ['nothing', ''],
    ['more than 64 KiB', { ...good, extra: 'x'.repeat(70_000) }],
  ])('%s', async (_, body) => {
    asana.answers({ body });
    expect(await exchange()).toEqual(malformed);
    asana.answers({ body });
    expect(await refresh()).toEqual(malformed);
  });

  test('a code exchange without a refresh token shows an app of the wrong kind', async () => {
    asana.answers({ body: { ...good, refresh_token: undefined } });
    expect(await exchange()).toEqual({ failure: 'permanent', error: 'wrong_kind_of_app' });
  });
});

describe('OC-15: an error answer', () => {
  const error = (error: string, error_description?: string) => ({ error, error_description });
  test.each([
    [400, error('invalid_grant'), { failure: 'permanent', error: 'invalid_grant' }],
    [401, error('invalid_client'), { failure: 'permanent', error: 'invalid_client' }],
    [400, error('unauthorized_client'), { failure: 'permanent', error: 'invalid_client' }],
    [400, error('invalid_scope'), { failure: 'permanent', error: 'invalid_scope' }],
    [
      ...([400, error('invalid_request', 'The redirect_uri parameter does not match a valid url')] as const),
      { failure: 'permanent', error: 'redirect_mismatch' },
    ],
    [400, error('invalid_request', 'who knows'), { failure: 'permanent', error: 'refused_by_asana' }],
    [
      400,
      error('temporarily_unavailable'),
      { failure: 'transient', reason: 'server_error', retryAfterMs: null },
    ],
    // Only a well-formed OAuth error in a 4xx is Asana's word; a page in front of it is not.
    [500, error('invalid_grant'), { failure: 'transient', reason: 'server_error', retryAfterMs: null }],
    [429, error('invalid_grant'), { failure: 'transient', reason: 'rate_limited', retryAfterMs: null }],
    [400, 'invalid_grant', malformed],
    [400, { error: { code: 'invalid_grant' } }, malformed],
    [403, '<html>invalid_grant</html>', malformed],
    [404, {}, malformed],
    [201, good, malformed],
    [204, '', malformed],
  ])('%i %j is %j', async (status, body, expected) => {
    for (const ask of [exchange, refresh]) {
      asana.answers({ status, body });
      expect(await ask()).toEqual(expected);
      expect(asana.requests).toHaveLength(1);
    }
  });

  test('is read from the body though a WWW-Authenticate stands beside it', async () => {
    asana.answers({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="Asana"' },
      body: error('invalid_client'),
    });
    expect(await refresh()).toEqual({ failure: 'permanent', error: 'invalid_client' });
  });

  test('that is not declared as JSON is nobody’s word', async () => {
    asana.answers({ status: 400, headers: { 'content-type': 'text/html' }, body: error('invalid_grant') });
    expect(await refresh()).toEqual(malformed);
  });

  test('with Retry-After passes the wait on', async () => {
    asana.answers({ status: 503, headers: { 'retry-after': '7' }, body: {} });
    expect(await refresh()).toEqual({ failure: 'transient', reason: 'server_error', retryAfterMs: 7_000 });
  });
});

describe('secrets go to Asana and nowhere else', () => {
  test.each([301, 302, 303, 307, 308])('OC-09: a %i is not followed', async (status) => {
    for (const ask of [exchange, refresh, () => revokeToken({ credentials, refreshToken: 'r' })]) {
      asana.answers({ status, headers: { location: `${elsewhere.origin}/-/oauth_token` } });
      expect(await ask()).toEqual(malformed);
    }
    expect(elsewhere.requests).toEqual([]);
  });

  test('OC-08: endpoints that the answers or the metadata name are not used', async () => {
    asana.answers({
      body: { ...good, token_endpoint: `${elsewhere.origin}/t`, issuer: elsewhere.origin },
      headers: { link: `<${elsewhere.origin}>; rel="token_endpoint"` },
    });
    await exchange();
    await refresh();
    await revokeToken({ credentials, refreshToken: 'r' });
    expect(asana.requests.map(({ path }) => path)).toEqual([
      '/-/oauth_token',
      '/-/oauth_token',
      '/-/oauth_revoke',
    ]);
    expect(elsewhere.requests).toEqual([]);
  });

  test('they stand in the body, never in the URL or a header', async () => {
    await exchange();
    await refresh();
    for (const { path, headers, body } of asana.requests) {
      expect(path).toBe('/-/oauth_token');
      expect(JSON.stringify(headers)).not.toMatch(/the-secret|the-code|the-refresh-token/);
      expect(headers['content-type']).toContain('application/x-www-form-urlencoded');
      expect(new URLSearchParams(body).get('client_secret')).toBe('the-secret');
    }
  });

  test('without an insecure upstream allowed, http and loopback are refused before a byte leaves', async () => {
    setEnv({ GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '' });
    expect(() =>
      authorizationUrl({ clientId: '1', redirectUrl: 'x', state: 's', codeChallenge: 'c' }),
    ).toThrow('https');
    expect(asana.requests).toEqual([]);
  });
});

test('resource is sent with authorize, exchange and refresh, and scope never', async () => {
  const url = new URL(authorizationUrl({ clientId: '1', redirectUrl: 'x', state: 's', codeChallenge: 'c' }));
  await exchange();
  await refresh();
  const sent = [url.searchParams, ...asana.requests.map(({ body }) => new URLSearchParams(body))];
  expect(sent.map((each) => each.get('resource'))).toEqual(Array(3).fill('https://mcp.asana.com/v2'));
  expect(sent.map((each) => each.has('scope'))).toEqual([false, false, false]);
});

describe('revoking', () => {
  test('sends the refresh token with the credentials; 200 is enough, whatever the body', async () => {
    for (const body of ['', {}, 'OK']) {
      asana.answers({ body, headers: { 'content-type': 'text/plain' } });
      expect(await revokeToken({ credentials, refreshToken: 'gone' })).toEqual({ revoked: true });
      expect(Object.fromEntries(new URLSearchParams(asana.requests[0]!.body))).toEqual({
        client_id: '1200',
        client_secret: 'the-secret',
        token: 'gone',
      });
    }
  });

  test('anything but 200 is no confirmation', async () => {
    for (const status of [201, 204, 302, 400, 404, 500]) {
      asana.answers({ status, body: status === 204 ? '' : {} });
      expect(await revokeToken({ credentials, refreshToken: 'r' })).toHaveProperty('failure');
    }
  });
});

test('a server that can’t be reached is transient', async () => {
  const gone = await startOddServer();
  setEnv({ ASANA_OAUTH_URL: gone.origin });
  await gone.close();
  expect(await refresh()).toEqual({ failure: 'transient', reason: 'unreachable', retryAfterMs: null });
});

test.each([
  ['5', 5_000],
  ['0', 1_000],
  ['86400', 300_000],
  ['9'.repeat(400), 300_000],
  ['Wed, 21 Oct 2015 07:28:30 GMT', 30_000],
  ['Wed, 21 Oct 2015 07:27:00 GMT', 1_000],
  ['-5', null],
  ['soon', null],
  ['', null],
  [undefined, null],
])('UF-04: Retry-After %j is %j ms', (header, expected) => {
  const nowMs = Date.parse('2015-10-21T07:28:00Z');
  expect(retryAfterMs(header, nowMs)).toBe(expected);
});

test('every code has a status, and words that name a next step', () => {
  for (const error of [
    'access_denied',
    'invalid_client',
    'invalid_grant',
    'server_error',
    'invalid_scope',
    'x',
  ]) {
    const failure = connectFailure(failureCodeOf(error, ''));
    expect([400, 403, 502]).toContain(failure.status);
    expect(failure.fix).toMatch(/[A-Z].*\./);
  }
});
