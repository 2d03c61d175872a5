// The authorization endpoint: which requests become a question to a person, which go back to the client as an error, and which may
// not be sent anywhere.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { saveRedirectRule } from '@/lib/oauth/redirect-rules';
import { DEFAULT_RULE } from '@/lib/oauth/redirect-uris';
import type { TestMember, TestOrganization } from '../support/gate';
import {
  answerConsent,
  authorizeUrl,
  beginConsent,
  Browser,
  browserOf,
  codeFor,
  makeTeam,
  newClient,
  REDIRECT,
  redemption,
  refreshing,
  startSetting,
  token,
  verifier,
  type Setting,
} from './setting';

let setting: Setting;
let organization: TestOrganization;
let ana: TestMember;
let clientId: string;
let browser: Browser;

beforeAll(async () => {
  setting = await startSetting();
  ({ organization, member: ana } = await makeTeam(setting, 'Acme'));
  clientId = await newClient(setting);
  browser = await browserOf(setting, ana);
});
afterAll(() => setting.stop());

const ask = (more: Record<string, string | null>, id = clientId) =>
  browser.go('GET', authorizeUrl(setting, id, verifier(), more));

/** Sent back to the client with this error, its state and our issuer, each once. */
async function expectSentBack(
  more: Record<string, string | null>,
  error: string,
  id = clientId,
): Promise<void> {
  const { status, location } = await ask(more, id);
  expect([status, location && location.origin + location.pathname], JSON.stringify(more)).toEqual([
    303,
    REDIRECT,
  ]);
  // Who asks for a token in the answer hears the refusal where the token would have been: in the fragment.
  const said = new URLSearchParams(location!.hash ? location!.hash.slice(1) : location!.search);
  expect(said.get('error')).toBe(error);
  expect(said.getAll('iss')).toEqual([setting.origin]);
  expect(said.getAll('state')).toEqual(['the-state']);
  expect([said.has('code'), said.has('access_token')]).toEqual([false, false]);
}

/** Answered by a page of ours, not by a redirect. */
async function expectKeptHere(more: Record<string, string | null>, id = clientId): Promise<string> {
  const { status, location, headers, text } = await ask(more, id);
  expect([status, location], JSON.stringify(more)).toEqual([400, null]);
  expect(headers.get('content-type')).toMatch(/^text\/html/);
  expect(headers.get('cache-control')).toBe('no-store');
  return text;
}

describe('PKCE (RFC 7636)', () => {
  test('A2 AS-07: a request without a challenge, with plain, or with a method nobody knows is invalid_request', async () => {
    await expectSentBack({ code_challenge: null, code_challenge_method: null }, 'invalid_request');
    await expectSentBack({ code_challenge: null }, 'invalid_request');
    await expectSentBack({ code_challenge_method: 'plain' }, 'invalid_request');
    await expectSentBack({ code_challenge_method: null }, 'invalid_request');
    await expectSentBack({ code_challenge_method: 's256' }, 'invalid_request');
    await expectSentBack({ code_challenge: 'too-short' }, 'invalid_request');
    expect((await ask({})).location?.pathname).toMatch(/^\/authorize\//);
  });
});

describe('A3: the redirect URI', () => {
  test('AS-01: is compared byte for byte; a variant hears of it here and is sent nowhere', async () => {
    const id = await newClient(setting, { redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] });
    const base = 'https://claude.ai/api/mcp/auth_callback';
    const variants = [
      ...[`${base}x`, `${base}/`, base.slice(0, -1), `${base}?a=b`, `${base}#x`, `${base}%20`, ` ${base}`],
      ...[
        'https://claude.ai/api/mcp/x/../auth_callback',
        'https://claude.ai/api/mcp/%2e%2e/mcp/auth_callback',
      ],
      ...[
        'https://user@claude.ai/api/mcp/auth_callback',
        'https://claude.ai@evil.example/api/mcp/auth_callback',
      ],
      ...['HTTPS://claude.ai/api/mcp/auth_callback', 'https://CLAUDE.ai/api/mcp/auth_callback'],
      ...['https://claude.ai/API/mcp/auth_callback', 'https://claude.ai:443/api/mcp/auth_callback'],
      ...['https://claude.ai:8443/api/mcp/auth_callback', 'https://claude.ai./api/mcp/auth_callback'],
      ...['https:\\\\claude.ai\\api\\mcp\\auth_callback', 'https://claude.ai/api/mcp\t/auth_callback'],
      ...['https://ｃlaude.ai/api/mcp/auth_callback', 'https://claude.ai/api%252fmcp/auth_callback'],
      ...[
        'http://claude.ai/api/mcp/auth_callback',
        'https://evil.example/',
        '',
        '//claude.ai/api/mcp/auth_callback',
      ],
    ];
    for (const variant of variants) await expectKeptHere({ redirect_uri: variant }, id);
    const { path } = await beginConsent(
      browser,
      authorizeUrl(setting, id, verifier(), { redirect_uri: base }),
    );
    expect(path).toMatch(/^\/authorize\//);
  });

  test('AS-02: of a loopback registration may differ in its port and in nothing else', async () => {
    for (const good of [
      'http://127.0.0.1/callback',
      'http://127.0.0.1:1/callback',
      'http://127.0.0.1:65535/callback',
    ])
      await beginConsent(browser, authorizeUrl(setting, clientId, verifier(), { redirect_uri: good }));
    for (const bad of [
      ...['http://localhost:7777/callback', 'http://[::1]:7777/callback', 'http://127.0.0.2:7777/callback'],
      ...['http://127.0.0.1:7777/callback/x', 'http://127.0.0.1:7777/', 'http://127.0.0.1:7777/callback?x=1'],
      ...[
        'https://127.0.0.1:7777/callback',
        'http://127.0.0.1:99999/callback',
        'http://127.0.0.1:/callback/',
      ],
      ...['http://evil@127.0.0.1:7777/callback', 'http://127.0.0.1.evil.example:7777/callback'],
    ])
      await expectKeptHere({ redirect_uri: bad });
    const web = await newClient(setting, { redirect_uris: ['https://vscode.dev/redirect'] });
    await expectKeptHere({ redirect_uri: 'http://127.0.0.1:7777/callback' }, web);
    await expectKeptHere({ redirect_uri: 'https://vscode.dev:444/redirect' }, web);
    expect((await ask({})).location?.pathname).toMatch(/^\/authorize\//);
  });

  test('A3: of a client that does not exist, or without one, ends on a page that says so', async () => {
    expect(await expectKeptHere({}, 'mcp_nobody')).toContain('not known here');
    expect(await expectKeptHere({ client_id: null })).toContain('go on');
  });

  test('A3: a page shows nothing of the request as markup', async () => {
    const text = await expectKeptHere({ redirect_uri: 'https://evil.example/"><script>alert(1)</script>' });
    expect(text).not.toMatch(/alert\(1\)|evil\.example\/">/);
  });

  test('AS-04: that the organization’s list loses is refused at authorization, consent and token alike', async () => {
    const rule = (uris: string[], allowLoopback: boolean) =>
      transaction((tx) => saveRedirectRule(tx, organization.actor, { uris, allowLoopback }));
    const codeVerifier = verifier();
    const [code, other] = [await codeFor(setting, browser, clientId, codeVerifier), verifier()];
    const tokens = (
      await token(setting, redemption(clientId, await codeFor(setting, browser, clientId, other), other))
    ).body;
    const open = await beginConsent(browser, authorizeUrl(setting, clientId, verifier()));
    await rule([], false);
    try {
      expect(await expectKeptHere({})).toContain('redirect uri');
      await expect(answerConsent(browser, open)).rejects.toThrow(/403.*does not know this client/s);
      expect((await token(setting, redemption(clientId, code, codeVerifier))).body.error).toBe(
        'invalid_grant',
      );
      expect((await token(setting, refreshing(clientId, tokens.refresh_token))).body.error).toBe(
        'invalid_grant',
      );
    } finally {
      await rule(DEFAULT_RULE.uris, DEFAULT_RULE.allowLoopback);
    }
    // What was not allowed did not use anything up.
    expect((await token(setting, redemption(clientId, code, codeVerifier))).status).toBe(200);
    expect((await token(setting, refreshing(clientId, tokens.refresh_token))).status).toBe(200);
  });
});

describe('A5 AS-18: the resource (RFC 8707)', () => {
  test('that is missing is bound to the one there is; anything foreign is invalid_target', async () => {
    for (const resource of [
      ...['https://mcp.asana.com/v2', setting.origin, `${setting.origin}/mcp/`, `${setting.origin}/MCP`],
      ...[`${setting.origin}/mcp#x`, 'not a url', `${setting.origin}/mcp?x=1`],
    ])
      await expectSentBack({ resource }, 'invalid_target');
    const codeVerifier = verifier();
    const code = await codeFor(setting, browser, clientId, codeVerifier, { resource: null });
    const { body } = await token(setting, redemption(clientId, code, codeVerifier));
    const { rows } = await pool().query('SELECT resource FROM oauth_tokens WHERE hash = sha256($1::bytea)', [
      Buffer.from(body.access_token),
    ]);
    expect(rows).toEqual([{ resource: `${setting.origin}/mcp` }]);
  });

  test('given several times over is not several: with a foreign one among them it is invalid_target', async () => {
    const url = `${authorizeUrl(setting, clientId, verifier())}&resource=https://evil.example/mcp`;
    const { location } = await browser.go('GET', url);
    expect(location?.searchParams.get('error')).toBe('invalid_target');
  });
});

describe('A7 AS-35: every answer names the issuer once, exactly', () => {
  test('with a code, with a denial, and with an error of the request', async () => {
    const allowed = await answerConsent(
      browser,
      await beginConsent(browser, authorizeUrl(setting, clientId, verifier())),
    );
    expect(allowed.searchParams.getAll('iss')).toEqual([setting.origin]);
    expect(allowed.searchParams.get('code')).toMatch(/^ghc_/);
    const denied = await answerConsent(
      browser,
      await beginConsent(browser, authorizeUrl(setting, clientId, verifier())),
      'deny',
    );
    expect(denied.searchParams.getAll('iss')).toEqual([setting.origin]);
    expect(denied.searchParams.get('error')).toBe('access_denied');
    expect(denied.searchParams.get('code')).toBeNull();
    await expectSentBack({ response_type: 'token' }, 'unsupported_response_type');
  });
});

test('AS-22: implicit, hybrid and other response modes are not offered', async () => {
  for (const type of ['token', 'id_token', 'code token', 'none', 'code id_token'])
    await expectSentBack({ response_type: type }, 'unsupported_response_type');
  for (const mode of ['fragment', 'form_post', 'web_message', 'jwt', 'x'])
    await expectSentBack({ response_mode: mode }, 'unsupported_response_mode');
  expect((await ask({})).location?.pathname).toMatch(/^\/authorize\//);
});

test('parameters that mean nothing here (OpenID’s, scopes of others) are no reason to refuse', async () => {
  const more = {
    scope: 'openid profile email offline_access',
    nonce: 'n',
    max_age: '10',
    prompt: 'login',
    claims: '{}',
  };
  const { path } = await beginConsent(browser, authorizeUrl(setting, clientId, verifier(), more));
  expect(path).toMatch(/^\/authorize\//);
});

test('a parameter that counts, given twice, is refused', async () => {
  for (const name of ['state', 'code_challenge', 'response_type']) {
    const url = `${authorizeUrl(setting, clientId, verifier())}&${name}=x`;
    const { location } = await browser.go('GET', url);
    expect(location?.searchParams.get('error') ?? 'kept here', name).toMatch(/invalid_request|kept here/);
    expect(location?.pathname.startsWith('/authorize/') ?? false).toBe(false);
  }
});

describe('AS-14: nobody is let through by themselves', () => {
  test('neither signed out, nor signed in, nor after consenting before, nor with prompt=none', async () => {
    const nobody = new Browser(setting.origin);
    const started = await nobody.go('GET', authorizeUrl(setting, clientId, verifier()));
    expect(started.location?.pathname).toMatch(/^\/authorize\//);
    for (let round = 0; round < 2; round += 1)
      await answerConsent(browser, await beginConsent(browser, authorizeUrl(setting, clientId, verifier())));
    await expectSentBack({ prompt: 'none' }, 'consent_required');
  });

  test('the way back without a decision leads nowhere', async () => {
    const started = await browser.go('GET', authorizeUrl(setting, clientId, verifier()));
    const uid = started.location!.pathname.split('/').at(-1);
    const { status, location } = await browser.go('GET', `/oauth/authorize/${uid}`);
    expect(location?.searchParams.get('code') ?? null).toBeNull();
    // Asked again, in a new question.
    expect([status, location?.pathname.startsWith('/authorize/')]).toEqual([303, true]);
  });
});

test('S3: nothing but http(s), loopback and listed application schemes is ever a place to go on to', async () => {
  const { rows } = await pool().query<{ uri: string }>(
    `SELECT jsonb_array_elements_text(metadata->'redirect_uris') AS uri FROM oauth_clients`,
  );
  for (const { uri } of rows) expect(uri).toMatch(/^(https:|http:\/\/127|cursor:)/);
  for (const uri of ['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd'])
    await expectKeptHere({ redirect_uri: uri });
});
