// The stand-in Asana authorizes, issues, refreshes and revokes as Asana was seen to do, error text by error text.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../lib/sandbox/start-sandbox';
import { SEED } from '../../lib/sandbox/world-seed';
import {
  authorizeUrl,
  CALLBACK,
  connect,
  get,
  getCode,
  mcpClient,
  outcomeOf,
  pkce,
  postForm,
  redirected,
  sendForm,
} from '../support/call-sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

const NOT_AVAILABLE =
  'invalid_request: This app is not available to your Asana workspace or organization. If you are the app owner, adjust settings under "Manage Distribution" in the Asana developer console.';

describe('metadata', () => {
  it('stands at the real paths, names this sandbox, and offers no registration', async () => {
    const resource = await get(`${sandbox.origin}/.well-known/oauth-protected-resource/v2`);
    expect(resource.status).toBe(200);
    expect(await resource.json()).toEqual({
      resource: `${sandbox.origin}/v2/mcp`,
      authorization_servers: [sandbox.origin],
      scopes_supported: ['default'],
      bearer_methods_supported: ['header'],
      resource_documentation: 'https://developers.asana.com/docs/using-asanas-mcp-server',
      resource_name: 'Asana MCP',
    });
    const server = await (await get(`${sandbox.origin}/.well-known/oauth-authorization-server`)).json();
    expect(server).toEqual({
      issuer: sandbox.origin,
      authorization_endpoint: `${sandbox.origin}/-/oauth_authorize`,
      token_endpoint: `${sandbox.origin}/-/oauth_token`,
      revocation_endpoint: `${sandbox.origin}/-/oauth_revoke`,
      response_types_supported: ['code'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:jwt-bearer',
      ],
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
      code_challenge_methods_supported: ['S256'],
    });
  });

  it.each([
    '/v2/.well-known/oauth-protected-resource',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-protected-resource',
    '/sse',
  ])('answers 404 at %s', async (path) => {
    expect((await get(`${sandbox.origin}${path}`)).status).toBe(404);
  });
});

describe('the authorization endpoint', () => {
  it('shows a form with accounts and workspaces as radio buttons, and escapes what it repeats', async () => {
    const response = await get(authorizeUrl(sandbox, { state: '"><script>alert(1)</script>' }));
    const page = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(page.match(/type="radio" name="sandbox_user"/g)).toHaveLength(5);
    expect(page.match(/type="radio" name="sandbox_workspace"/g)).toHaveLength(2);
    expect(page).toMatch(/<button type="submit" name="decision" value="allow">Allow<\/button>/);
    expect(page).toMatch(/value="deny" formnovalidate>Deny<\/button>/);
    expect(page).not.toContain('<script>');
    expect(page).toContain('name="state" value="&quot;&gt;&lt;script&gt;');
  });

  const submit = async (fields: Record<string, string>) => {
    const query = new URL(authorizeUrl(sandbox)).searchParams;
    return fetch(`${sandbox.origin}/-/oauth_authorize`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ...Object.fromEntries(query), ...fields }).toString(),
    });
  };

  it('sends the code and the state back after Allow', async () => {
    const response = await submit({
      sandbox_user: 'ben@example.com',
      sandbox_workspace: SEED.works,
      decision: 'allow',
    });
    expect(response.headers.get('location')).toMatch(
      /^http:\/\/localhost:3000\/connect\/asana\/callback\?code=/,
    );
    expect(redirected(response).state).toBe('state-1');
  });

  it('sends access_denied back after Deny', async () => {
    expect(redirected(await submit({ decision: 'deny' }))).toMatchObject({
      error: 'access_denied',
      state: 'state-1',
    });
  });

  it('shows the form again when the person does not belong to the workspace', async () => {
    const response = await submit({
      sandbox_user: 'ben@example.com',
      sandbox_workspace: SEED.studio,
      decision: 'allow',
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('role="alert"');
  });

  it('approves at once with sandbox_user, or as whoever silentApproval names', async () => {
    const asked = authorizeUrl(sandbox, { sandbox_user: 'DORA@example.com', sandbox_workspace: SEED.studio });
    expect(redirected(await get(asked)).code).toBeTruthy();
    sandbox.set({ silentApproval: { email: 'cleo@example.com', workspaceGid: SEED.works } });
    const { code } = redirected(await get(authorizeUrl(sandbox)));
    const answer = await postForm(sandbox, 'oauth_token', {
      grant_type: 'authorization_code',
      code: code!,
      redirect_uri: CALLBACK,
    });
    expect(answer.body.data.email).toBe('cleo@example.com');
  });

  it.each([
    ['a wrong client id', { client_id: '999' }, /^invalid_client: /],
    ['no client id', { client_id: null }, /^invalid_client: /],
    ...[
      'http://localhost:3001/connect/asana/callback',
      `${CALLBACK}/`,
      `${CALLBACK}?x=1`,
      'https://evil.test/',
    ].map((redirect_uri): [string, Record<string, string | null>, RegExp] => [
      `the redirect URL ${redirect_uri}`,
      { redirect_uri },
      /^invalid_request: The redirect_uri parameter does not match a valid url for the application\.$/,
    ]),
    [
      'no redirect URL',
      { redirect_uri: null },
      /^invalid_request: The redirect_uri parameter does not match/,
    ],
  ] as [string, Record<string, string | null>, RegExp][])(
    'answers plain text and never redirects for %s',
    async (_case, changes, text) => {
      const response = await get(authorizeUrl(sandbox, { ...changes, sandbox_user: 'ana@example.com' }));
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toContain('text/plain');
      expect(response.headers.get('location')).toBeNull();
      expect(await response.text()).toMatch(text);
    },
  );

  it.each([
    ['another response type', { response_type: 'token' }, 'unsupported_response_type', /.*/],
    ['no response type', { response_type: null }, 'invalid_request', /response_type/],
    ['no state', { state: null }, 'invalid_request', /state/],
    ['another scope', { scope: 'openid' }, 'invalid_scope', /^Invalid scope\(s\) requested$/],
    ['an additional scope', { scope: 'default openid' }, 'invalid_scope', /^Invalid scope\(s\) requested$/],
    [
      'plain PKCE',
      { code_challenge: 'a'.repeat(43), code_challenge_method: 'plain' },
      'invalid_request',
      /S256/,
    ],
    ['PKCE without method', { code_challenge: 'a'.repeat(43) }, 'invalid_request', /S256/],
    [
      'a malformed challenge',
      { code_challenge: 'short', code_challenge_method: 'S256' },
      'invalid_request',
      /malformed/,
    ],
  ] as [string, Record<string, string | null>, string, RegExp][])(
    'tells the redirect URL about %s',
    async (_case, changes, error, description) => {
      const asked = authorizeUrl(sandbox, { ...changes, sandbox_user: 'ana@example.com' });
      const answer = redirected(await get(asked));
      expect(answer.error).toBe(error);
      expect(answer.error_description).toMatch(description);
      expect(answer.code).toBeUndefined();
      expect(answer.state).toBe('state' in changes ? undefined : 'state-1');
    },
  );

  it('accepts the scope default and any resource, unless acceptedResources says which', async () => {
    const ask = (changes: Record<string, string>) =>
      get(authorizeUrl(sandbox, { sandbox_user: 'ana@example.com', ...changes })).then(redirected);
    expect((await ask({ scope: 'default', resource: 'https://elsewhere.test' })).code).toBeTruthy();
    sandbox.set({ acceptedResources: [sandbox.resource] });
    expect((await ask({ resource: sandbox.resource })).code).toBeTruthy();
    expect((await ask({ resource: sandbox.mcpUrl })).error).toBe('invalid_target');
    const wrong = await postForm(sandbox, 'oauth_token', { grant_type: 'refresh_token', resource: 'x' });
    expect(wrong.body.error).toBe('invalid_target');
  });

  it('refuses a parameter that is there twice', async () => {
    const response = await get(`${authorizeUrl(sandbox, { sandbox_user: 'ana@example.com' })}&client_id=2`);
    expect(response.status).toBe(400);
    expect(await response.text()).toMatch(/^invalid_request: .*client_id/);
  });

  it('keeps workspaces outside the distribution out, and guests of those inside', async () => {
    sandbox.addApp({ clientId: 'works-only', redirectUrls: [CALLBACK], workspaces: [SEED.works] });
    const ask = (email: string, workspace: string) =>
      get(
        authorizeUrl(sandbox, {
          client_id: 'works-only',
          sandbox_user: email,
          sandbox_workspace: workspace,
        }),
      );
    expect(redirected(await ask('ana@example.com', SEED.works)).code).toBeTruthy();
    for (const [email, workspace] of [
      ['ana@example.com', SEED.studio],
      ['dora@example.com', SEED.works],
    ] as const) {
      const response = await ask(email, workspace);
      expect(response.status).toBe(400);
      expect(await response.text()).toBe(NOT_AVAILABLE);
    }
    sandbox.set({ distributionError: 'redirect' });
    const { error, error_description: why } = redirected(await ask('ana@example.com', SEED.studio));
    expect(`${error}: ${why}`).toBe(NOT_AVAILABLE);
    sandbox.addApp({ clientId: 'works-only', redirectUrls: [CALLBACK], workspaces: 'any' });
    expect(redirected(await ask('dora@example.com', SEED.works)).code).toBeTruthy();
  });

  it('keeps the query of a registered redirect URL and allows schemes of native clients', async () => {
    const redirectUrls = [
      'https://gate.test/callback?tenant=7',
      'cursor://anysphere.cursor-mcp/oauth/callback',
    ];
    sandbox.addApp({ clientId: 'odd', redirectUrls });
    for (const redirect_uri of redirectUrls) {
      const asked = authorizeUrl(sandbox, {
        client_id: 'odd',
        redirect_uri,
        sandbox_user: 'ana@example.com',
      });
      const location = (await get(asked)).headers.get('location')!;
      expect(location.startsWith(redirect_uri)).toBe(true);
      expect(new URL(location).searchParams.get('code')).toBeTruthy();
    }
  });
});

describe('exchanging a code', () => {
  const exchange = (changes: Record<string, string | null>, headers: Record<string, string> = {}) =>
    postForm(
      sandbox,
      'oauth_token',
      { grant_type: 'authorization_code', redirect_uri: CALLBACK, ...changes },
      headers,
    );

  it('answers tokens of Asana shape, the account, and no-store', async () => {
    const { verifier, code } = await getCode(sandbox);
    const answer = await exchange({ code, code_verifier: verifier });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(Object.keys(answer.body).sort()).toEqual(
      ['access_token', 'data', 'expires_in', 'refresh_token', 'token_type'].sort(),
    );
    expect(answer.body.access_token).toMatch(/^2\/\d+\/\d+:[0-9a-f]{32}$/);
    expect(answer.body.refresh_token).toHaveLength(68);
    expect(answer.body.expires_in).toBe(3600);
    expect(answer.body.token_type).toBe('bearer');
    expect(answer.body.data).toEqual({ id: SEED.ana, gid: SEED.ana, name: 'Ana', email: 'ana@example.com' });
  });

  it('omits e-mail and gid on demand', async () => {
    sandbox.set({ omitDataEmail: true, omitDataGid: true });
    expect((await connect(sandbox)).data).toEqual({ id: SEED.ana, name: 'Ana' });
  });

  it('authenticates the client in the body or with Basic, not both, and never without a secret', async () => {
    const { clientId, clientSecret } = sandbox.apps[0]!;
    const basic = { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` };
    const first = await getCode(sandbox);
    const noBody = { client_id: null, client_secret: null };
    const good = await exchange({ code: first.code, code_verifier: first.verifier, ...noBody }, basic);
    expect(good.status).toBe(200);
    const second = await getCode(sandbox);
    const given = { code: second.code, code_verifier: second.verifier };
    expect((await exchange(given, basic)).body.error).toBe('invalid_request');
    const wrongs: Record<string, string | null>[] = [
      { client_secret: null },
      { client_secret: 'wrong' },
      { client_id: '42' },
    ];
    for (const wrong of wrongs) {
      const refused = await exchange({ ...given, ...wrong });
      expect(refused.status).toBe(401);
      expect(refused.body.error).toBe('invalid_client');
    }
    const bad = { authorization: `Basic ${Buffer.from(`${clientId}:nope`).toString('base64')}` };
    const refused = await exchange({ ...given, ...noBody }, bad);
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client']);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Basic/);
    // None of these spent the code.
    expect((await exchange(given)).status).toBe(200);
  });

  it('takes a code once, in time, for its client, redirect URL and verifier only', async () => {
    const { verifier, code } = await getCode(sandbox);
    expect((await exchange({ code, code_verifier: verifier })).status).toBe(200);
    const again = await exchange({ code, code_verifier: verifier });
    expect([again.status, again.body.error]).toEqual([400, 'invalid_grant']);

    const refuse = async (changes: Record<string, string | null>, authorization = {}) => {
      const fresh = await getCode(sandbox, authorization);
      const answer = await exchange({ code: fresh.code, code_verifier: fresh.verifier, ...changes });
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
    };
    await refuse({ code_verifier: pkce().verifier });
    await refuse({ code_verifier: null });
    await refuse({}, { code_challenge: null, code_challenge_method: null });
    await refuse({ redirect_uri: 'http://127.0.0.1:3000/connect/asana/callback' });
    await refuse({ redirect_uri: null });
    await refuse({ code: 'made-up' });
    const other = sandbox.addApp({ clientId: 'other', redirectUrls: [CALLBACK] });
    await refuse({ client_id: other.clientId, client_secret: other.clientSecret });
    sandbox.set({ codeLifetimeSeconds: 0 });
    await refuse({});
  });

  it('refuses other grant types, other bodies, other methods and repeated parameters', async () => {
    expect((await exchange({ grant_type: 'client_credentials' })).body.error).toBe('unsupported_grant_type');
    expect((await exchange({ grant_type: null })).body.error).toBe('invalid_request');
    expect((await exchange({})).body.error).toBe('invalid_request');
    expect((await exchange({}, { 'content-type': 'application/json' })).body.error).toBe('invalid_request');
    expect((await get(`${sandbox.origin}/-/oauth_token`)).status).toBe(405);
    const twice = await fetch(`${sandbox.origin}/-/oauth_token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'client_id=1&client_id=2',
    });
    expect(await twice.json()).toMatchObject({ error: 'invalid_request' });
  });

  it('refuses the credentials of an API app as soon as the MCP server is named', async () => {
    const app = sandbox.addApp({ clientId: 'api', kind: 'api', redirectUrls: [CALLBACK] });
    const credentials = { client_id: app.clientId, client_secret: app.clientSecret };
    const named = await exchange({ ...credentials, code: 'bogus', resource: sandbox.resource });
    expect([named.status, named.body.error]).toEqual([401, 'invalid_client']);
    const silent = await exchange({ ...credentials, code: 'bogus' });
    expect([silent.status, silent.body.error]).toEqual([400, 'invalid_grant']);
  });
});

describe('refreshing', () => {
  const refresh = (token: string, changes: Record<string, string | null> = {}) =>
    postForm(sandbox, 'oauth_token', { grant_type: 'refresh_token', refresh_token: token, ...changes });
  const ping = async (token: string) => (await mcpClient(sandbox, token).open()).status;

  it('answers a new access token, repeats the account, and sends no refresh token', async () => {
    const tokens = await connect(sandbox);
    const answer = await refresh(tokens.refresh_token);
    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty('refresh_token');
    expect(answer.body.data.email).toBe('ana@example.com');
    expect(answer.body.access_token).not.toBe(tokens.access_token);
    expect(await ping(answer.body.access_token)).toBe(200);
    expect(await ping(tokens.access_token)).toBe(200);
    expect((await refresh(tokens.refresh_token)).status).toBe(200);
  });

  it('rotates on demand: the new refresh token works, the old one is refused', async () => {
    sandbox.set({ rotateRefreshTokens: true });
    const { refresh_token: old } = await connect(sandbox);
    const { refresh_token: next } = (await refresh(old)).body;
    expect(next).toHaveLength(68);
    expect((await refresh(old)).body.error).toBe('invalid_grant');
    expect((await refresh(next)).status).toBe(200);
  });

  it('takes a rotated refresh token for as long as it is told to, and no longer', async () => {
    sandbox.set({ rotateRefreshTokens: true, predecessorGraceMs: 300 });
    const { refresh_token: old } = await connect(sandbox);
    const { refresh_token: next } = (await refresh(old)).body;
    expect((await refresh(old)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 320));
    for (const past of [old, next]) expect((await refresh(past)).body.error).toBe('invalid_grant');
  });

  it('loses the answer of a refresh that was carried out', async () => {
    sandbox.set({ rotateRefreshTokens: true, loseRefreshAnswer: true, tokenFaultCount: 1 });
    const { refresh_token: old } = await connect(sandbox);
    await expect(refresh(old)).rejects.toThrow('fetch failed');
    expect(sandbox.switches.loseRefreshAnswer).toBe(false);
    expect((await refresh(old)).body.error).toBe('invalid_grant');
  });

  it('refuses an access token, an unknown token, and the token of another client', async () => {
    const tokens = await connect(sandbox);
    const other = sandbox.addApp({ clientId: 'other' });
    for (const [token, client] of [
      [tokens.access_token, {}],
      ['2/1/1:0', {}],
      [tokens.refresh_token, { client_id: other.clientId, client_secret: other.clientSecret }],
    ] as const) {
      const answer = await refresh(token, client);
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant']);
    }
    expect((await refresh('', { refresh_token: null })).body.error).toBe('invalid_request');
  });

  it('issues tokens that expire when told, one by one and all at once', async () => {
    sandbox.set({ expiresInSeconds: 0 });
    const dead = await connect(sandbox);
    expect(await ping(dead.access_token)).toBe(401);
    sandbox.set({ expiresInSeconds: 60 });
    const tokens = await connect(sandbox);
    expect(await ping(tokens.access_token)).toBe(200);
    sandbox.expireAccessTokensNow();
    expect(await ping(tokens.access_token)).toBe(401);
    const renewed = await refresh(tokens.refresh_token);
    expect(renewed.body.expires_in).toBe(60);
    expect(await ping(renewed.body.access_token)).toBe(200);
  });
});

describe('revoking', () => {
  const revoke = (fields: Record<string, string | null>) => postForm(sandbox, 'oauth_revoke', fields);
  const works = async (tokens: { access_token: string; refresh_token: string }) => [
    (await mcpClient(sandbox, tokens.access_token).open()).status,
    (await postForm(sandbox, 'oauth_token', { grant_type: 'refresh_token', ...tokens })).status,
  ];

  it('ends the refresh token and its access tokens, and says 200 again for what is gone', async () => {
    const tokens = await connect(sandbox);
    const mine = await connect(sandbox, { sandbox_user: 'ben@example.com' });
    expect((await revoke({ token: tokens.refresh_token })).status).toBe(200);
    expect(await works(tokens)).toEqual([401, 400]);
    expect((await revoke({ token: tokens.refresh_token })).status).toBe(200);
    expect((await revoke({ token: 'never-seen' })).status).toBe(200);
    expect(await works(mine)).toEqual([200, 200]);
  });

  it('refuses bearer tokens, missing tokens and wrong clients, and then ends nothing', async () => {
    const tokens = await connect(sandbox);
    expect((await revoke({ token: tokens.access_token })).status).toBe(400);
    expect((await revoke({})).status).toBe(400);
    expect((await revoke({ token: tokens.refresh_token, client_secret: 'wrong' })).status).toBe(401);
    const other = sandbox.addApp({ clientId: 'other' });
    const foreign = { client_id: other.clientId, client_secret: other.clientSecret };
    expect((await revoke({ token: tokens.refresh_token, ...foreign })).status).toBe(200);
    expect(await works(tokens)).toEqual([200, 200]);
  });

  it('ends grants from outside, by person, app or workspace', async () => {
    const ana = await connect(sandbox);
    const ben = await connect(sandbox, { sandbox_user: 'ben@example.com' });
    expect(sandbox.revokeAll({ email: 'ana@example.com', workspaceGid: SEED.studio })).toBe(0);
    expect(sandbox.revokeAll({ email: 'ana@example.com' })).toBe(1);
    expect(await works(ana)).toEqual([401, 400]);
    expect(await works(ben)).toEqual([200, 200]);
    expect(sandbox.revokeAll()).toBe(1);
    expect(await works(ben)).toEqual([401, 400]);
  });
});

describe('faults of the back channel', () => {
  const asking = (token: string, timeoutMs?: number) =>
    outcomeOf(
      sendForm(sandbox, 'oauth_token', { grant_type: 'refresh_token', refresh_token: token }, {}, timeoutMs),
    );

  it.each([
    ['500', /^500 .*"error":"server_error"/],
    ['503', /^503 .*\[retry-after: 7\]/],
    ['429', /^429 .*\[retry-after: 7\]/],
    ['nonsense', /^200 \[content-type: application\/json\] \}\{/],
    ['html', /^200 \[content-type: text\/html/],
    ['invalid_grant', /^400 .*\{"error":"invalid_grant"\}$/],
    ['invalid_client', /^401 .*\{"error":"invalid_client"\}$/],
    ['redirect', /^307 \[location: http:\/\/127\.0\.0\.1:\d+\/redirect-trap\] $/],
    ['drop-before', /^broken: fetch failed$/],
    ['hang', /^broken: .*timeout/],
  ] as const)('token fault %s strikes as often as told and issues nothing', async (tokenFault, outcome) => {
    const { refresh_token: token } = await connect(sandbox);
    sandbox.set({ rotateRefreshTokens: true, tokenFault, tokenFaultCount: 2, retryAfterSeconds: 7 });
    const timeoutMs = tokenFault === 'hang' ? 200 : 10_000;
    for (let round = 0; round < 2; round++) expect(await asking(token, timeoutMs)).toMatch(outcome);
    expect(sandbox.switches.tokenFault).toBeNull();
    // The refresh token was not rotated meanwhile, and nobody followed the redirect.
    expect(await asking(token)).toMatch(/^200 .*"access_token"/);
    expect(sandbox.log.count((entry) => entry.path === '/redirect-trap')).toBe(0);
  });

  it('strikes until it is switched off when no count is given', async () => {
    const { refresh_token: token } = await connect(sandbox);
    sandbox.set({ tokenFault: '500' });
    for (let round = 0; round < 3; round++) expect(await asking(token)).toMatch(/^500 /);
    sandbox.set({ tokenFault: null });
    expect(await asking(token)).toMatch(/^200 /);
  });

  it('says in the log when it was the client who gave up, and when it was not', async () => {
    const { refresh_token: token } = await connect(sandbox);
    sandbox.set({ tokenFault: 'hang' });
    await asking(token, 100);
    await expect.poll(() => sandbox.log.entries.at(-1)).toMatchObject({ closedEarly: true });
    expect(sandbox.log.entries.at(-1)!.status).toBeUndefined();
    sandbox.set({ tokenFault: 'drop-before' });
    await asking(token);
    expect(sandbox.log.entries.at(-1)).not.toHaveProperty('closedEarly');
  });

  it('answers late with slow', async () => {
    const { refresh_token: token } = await connect(sandbox);
    sandbox.set({ tokenFault: 'slow', slowMs: 150 });
    const start = performance.now();
    expect(await asking(token)).toMatch(/^200 .*"access_token"/);
    expect(performance.now() - start).toBeGreaterThan(140);
  });

  it.each([
    ['400', /^400 /, false],
    ['500', /^500 /, false],
    ['503', /^503 /, false],
    ['429', /^429 /, false],
    ['redirect', /^307 /, false],
    ['hang', /^broken: .*timeout/, false],
    ['slow', /^200 /, true],
    ['drop-before', /^broken: fetch failed$/, false],
    ['drop-after', /^broken: fetch failed$/, true],
  ] as const)(
    'revoke fault %s strikes once (outcome %s, revoked: %s)',
    async (revokeFault, outcome, revoked) => {
      const { refresh_token: token } = await connect(sandbox);
      sandbox.set({ revokeFault, revokeFaultCount: 1, slowMs: 20 });
      const timeoutMs = revokeFault === 'hang' ? 200 : 10_000;
      expect(await outcomeOf(sendForm(sandbox, 'oauth_revoke', { token }, {}, timeoutMs))).toMatch(outcome);
      expect(await asking(token)).toMatch(revoked ? /^400 .*invalid_grant/ : /^200 /);
      expect(sandbox.switches.revokeFault).toBeNull();
    },
  );
});
