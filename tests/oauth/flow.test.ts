// The whole way against the started server: the official SDK's client from nothing to a call, through the real sign-in and consent
// pages, and everything that ends its access.
import { auth, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import {
  addOrganization,
  addPerson,
  browser,
  connectAsana,
  signIn,
  startPortal,
  START_MS,
  type Client as Browser,
  type Portal,
  type PortalOrganization,
} from '../support/portal';

let portal: Portal;
let organization: PortalOrganization;
let ana: Browser;
let admin: Browser;
const EMAIL = 'ana@example.com';

beforeAll(async () => {
  portal = await startPortal();
  organization = await addOrganization('Aurora', 'admin@aurora.example', portal.sandbox);
  await addPerson(organization, EMAIL);
  const content = { name: 'Readers', tools: ['get_me', 'search_tasks', 'create_tasks'], members: [EMAIL] };
  await transaction((tx) => createGroup(tx, organization.actor, content));
  ana = await signIn(portal, EMAIL);
  admin = await signIn(portal, organization.adminEmail);
}, START_MS);
afterAll(() => portal.stop());
beforeEach(() => portal.sandbox.log.clear());

/** A client's memory, and a person at a browser who answers what it opens. */
class Agent implements OAuthClientProvider {
  readonly redirectUrl = 'http://localhost:41999/oauth/callback';
  client?: OAuthClientInformationMixed;
  kept?: OAuthTokens;
  verifier = '';
  code: string | null = null;
  answered?: URL;
  constructor(
    readonly person: Browser,
    readonly decision: 'allow' | 'deny' = 'allow',
    readonly clientName = 'Planner',
  ) {}
  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: this.clientName,
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }
  state = () => 'state-of-the-client';
  clientInformation = () => this.client;
  saveClientInformation(client: OAuthClientInformationMixed) {
    this.client = client;
  }
  tokens = () => this.kept;
  saveTokens(tokens: OAuthTokens) {
    this.kept = tokens;
  }
  saveCodeVerifier(verifier: string) {
    this.verifier = verifier;
  }
  codeVerifier = () => this.verifier;
  invalidateCredentials(scope: string) {
    if (scope !== 'verifier') this.kept = undefined;
    if (scope === 'all' || scope === 'client') this.client = undefined;
  }
  async redirectToAuthorization(url: URL) {
    this.answered = await answer(this.person, url, this.decision);
    this.code = this.answered.searchParams.get('code');
  }
}

const pathOf = (location: string | null) => {
  const url = new URL(location ?? '', portal.origin);
  return url.origin === portal.origin ? url.pathname + url.search : url.href;
};

/** What stands in the consent form of a page. */
function formOf(html: string): Record<string, string> {
  const inputs = [...html.matchAll(/<input[^>]*>/g)].map(([input]) => input);
  const attribute = (input: string, name: string) => new RegExp(`${name}="([^"]*)"`).exec(input)?.[1] ?? '';
  const chosen = inputs.filter((input) => !/type="radio"/.test(input) || /checked/.test(input));
  return Object.fromEntries(chosen.map((input) => [attribute(input, 'name'), attribute(input, 'value')]));
}

/** As a person does: opens the page, presses Allow or Deny, is sent back. */
async function answer(person: Browser, url: URL, decision: 'allow' | 'deny'): Promise<URL> {
  const started = await person.call('GET', url.pathname + url.search);
  const path = pathOf(started.headers.get('location'));
  const page = await person.call('GET', path);
  if (page.status !== 200) throw new Error(`consent: ${page.status}`);
  const decided = await decide(person, path, page.text, decision);
  const back = await person.call('GET', pathOf(decided.headers.get('location')));
  return new URL(back.headers.get('location') ?? '');
}

const decide = (person: Browser, path: string, html: string, decision: 'allow' | 'deny') =>
  person.call('POST', path, {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...formOf(html), decision }).toString(),
  });

/** Connects an SDK client, signing in where it is asked to. */
async function connect(agent: Agent): Promise<Client> {
  const target = () =>
    new StreamableHTTPClientTransport(new URL(`${portal.origin}/mcp`), { authProvider: agent });
  const client = new Client({ name: 'planner', version: '1.0.0' });
  const transport = target();
  try {
    await client.connect(transport);
    return client;
  } catch (error) {
    if (!agent.code) throw error;
    await transport.finishAuth(agent.code);
  }
  await client.connect(target());
  return client;
}

/** What a call with this bearer, and no way to renew it, hears. */
const statusWith = async (bearer: string) =>
  (
    await fetch(`${portal.origin}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', accept: '*/*' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    })
  ).status;

const emailOf = (result: unknown) =>
  (JSON.parse((result as { content: { text: string }[] }).content[0]!.text) as { data: { email: string } })
    .data.email;

test('the SDK’s client goes from nothing through discovery, registration and consent to a filtered list and a call', async () => {
  await connectAsana(portal, ana, EMAIL);
  portal.sandbox.log.clear();
  const agent = new Agent(ana);
  const client = await connect(agent);
  // C1: nothing went to Asana’s authorization server on the client’s behalf.
  expect(portal.sandbox.log.entries.filter(({ path }) => path.includes('oauth'))).toEqual([]);
  expect(agent.answered!.searchParams.get('iss')).toBe(portal.origin);
  expect(agent.answered!.searchParams.get('state')).toBe('state-of-the-client');
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).toSorted()).toEqual(['create_tasks', 'get_me', 'search_tasks']);
  expect(emailOf(await client.callTool({ name: 'get_me', arguments: {} }))).toBe(EMAIL);
  await expect(client.callTool({ name: 'delete_task', arguments: {} })).rejects.toThrow(
    'Unknown tool: delete_task',
  );
  const { grants } = (await ana.call('GET', '/api/v1/me/grants')).body;
  expect(grants).toMatchObject([
    { client: { name: 'Planner' }, redirectUri: agent.redirectUrl, ended: null },
  ]);

  // Refresh, as the SDK does it by itself.
  const before = agent.kept!;
  expect(await auth(agent, { serverUrl: `${portal.origin}/mcp` })).toBe('AUTHORIZED');
  expect(agent.kept!.access_token).not.toBe(before.access_token);
  expect(emailOf(await client.callTool({ name: 'get_me', arguments: {} }))).toBe(EMAIL);

  // AS-31: the person ends it; the client’s next call is refused and leads to a new consent.
  expect((await ana.call('DELETE', `/api/v1/me/grants/${grants[0].id}`)).status).toBe(204);
  expect(await statusWith(agent.kept!.access_token)).toBe(401);
  agent.code = null;
  const again = await connect(agent);
  expect(agent.code).toMatch(/^ghc_/);
  expect((await again.listTools()).tools).toHaveLength(3);
  await Promise.all([client.close(), again.close()]);
});

test('a denial reaches the client as access_denied, with iss, and gives it nothing', async () => {
  const agent = new Agent(ana, 'deny');
  await expect(connect(agent)).rejects.toThrow();
  expect(Object.fromEntries(agent.answered!.searchParams)).toMatchObject({
    error: 'access_denied',
    iss: portal.origin,
    state: 'state-of-the-client',
  });
  expect(agent.kept).toBeUndefined();
});

describe('the consent page', () => {
  const begin = async (person: Browser, clientName = 'Planner') => {
    const agent = new Agent(person, 'allow', clientName);
    let asked: URL | undefined;
    agent.redirectToAuthorization = (url: URL) => {
      asked = url;
      return Promise.resolve();
    };
    await connect(agent).catch(() => undefined);
    const started = await person.call('GET', asked!.pathname + asked!.search);
    return { path: pathOf(started.headers.get('location')), agent };
  };

  test('C3: shows the client, where it sends the person, the tools by class, the account it acts through, and how to end it', async () => {
    const { path } = await begin(ana);
    const { status, text, headers } = await ana.call('GET', path);
    expect(status).toBe(200);
    const words = text
      .replace(/<script[\s\S]*?<\/script>/g, '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');
    for (const shown of [
      ...[
        'Planner',
        'localhost:41999',
        'http://localhost:41999/oauth/callback',
        EMAIL,
        '3 tools',
        '2 read',
        '1 write',
      ],
      ...['A program on your computer', 'You can end this at any time', 'Allow', 'Deny'],
    ])
      expect(words).toContain(shown);
    expect(headers.get('cache-control')).toContain('no-store');
  });

  test('C4 AS-15: is framed by nobody, and its form may go to Gatehouse and back to the client only', async () => {
    const { path } = await begin(ana);
    const { headers } = await ana.call('GET', path);
    expect(headers.get('x-frame-options')).toBe('DENY');
    const policy = headers.get('content-security-policy')!;
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toMatch(/form-action 'self' http:\/\/localhost:41999(;|$)/);
    expect(headers.get('referrer-policy')).toBe('same-origin');
  });

  test('AS-17 SP-13: shows a hostile name as text', async () => {
    const { path } = await begin(ana, '</h1><script>alert(1)</script><img src=x onerror=alert(1)>');
    const { text } = await ana.call('GET', path);
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toMatch(/<script>alert|<img src=x/);
  });

  test('AS-14: asks who is signed out to sign in first, and comes back', async () => {
    const nobody = browser(portal);
    const { path } = await begin(nobody);
    const { status, headers } = await nobody.call('GET', path);
    expect([status, headers.get('location')]).toEqual([307, `/sign-in?next=${encodeURIComponent(path)}`]);
  });

  test('C8: is not there in another browser, whoever is signed in', async () => {
    const { path } = await begin(ana);
    for (const other of [admin, await signIn(portal, EMAIL)])
      expect((await other.call('GET', path)).status).toBe(404);
    const { text } = await ana.call('GET', path);
    expect((await decide(admin, path, text, 'allow')).status).toBe(403);
  });

  test('C6 OC-04: a consent starts nothing at Asana: no state, no cookie, before the person presses Connect', async () => {
    const person = await signIn(portal, EMAIL);
    const attempts = async () =>
      (await pool().query('SELECT count(*)::int AS n FROM connect_attempts')).rows[0].n;
    const before = await attempts();
    const agent = new Agent(person);
    await (await connect(agent)).close();
    expect(agent.code).toMatch(/^ghc_/);
    expect(await attempts()).toBe(before);
    expect([...person.cookies.keys()].filter((name) => name.includes('connect'))).toEqual([]);
    await person.call('GET', '/connect/asana');
    expect(await attempts()).toBe(before + 1);
    expect([...person.cookies.keys()]).toContain('gatehouse-connect');
  });

  test('OC-18: connecting Asana comes back to the consent, and to nowhere else', async () => {
    const { path } = await begin(ana);
    const through = async (wanted: string) => {
      const started = await ana.call('GET', `/connect/asana?return=${encodeURIComponent(wanted)}`);
      const authorize = new URL(started.headers.get('location') ?? '');
      authorize.searchParams.set('sandbox_user', EMAIL);
      const consent = await fetch(authorize, { redirect: 'manual' });
      const back = new URL(consent.headers.get('location') ?? '');
      const done = await ana.call('GET', back.pathname + back.search);
      return done.headers.get('location')!;
    };
    expect(await through(path)).toMatch(new RegExp(`^${path}\\?connected=[0-9a-f-]{36}$`));
    expect((await ana.call('GET', path)).status).toBe(200);
    for (const elsewhere of [
      ...[
        '//evil.example/authorize/aaaaaaaaaaaa',
        '/\\evil.example',
        'https://evil.example/authorize/aaaaaaaaaaaa',
      ],
      ...[
        'https:evil.example',
        '/tokens',
        '/authorize/../api/auth/signout',
        `${path}/x`,
        `${path}?x=1`,
        'evil.example',
      ],
    ])
      expect(await through(elsewhere)).toMatch(/^\/connections\?connected=[0-9a-f-]{36}$/);
  });

  test('SP-08: a decision from another origin is refused by the started server too', async () => {
    const { path } = await begin(ana);
    const { text } = await ana.call('GET', path);
    const form = new URLSearchParams({ ...formOf(text), decision: 'allow' }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example' };
    expect((await ana.call('POST', path, { headers, body: form })).status).toBe(403);
    expect(
      (await ana.call('POST', path, { headers: { ...headers, origin: portal.origin }, body: form })).status,
    ).toBe(303);
  });
});

describe('/clients and /redirect-uris', () => {
  test('C9: the admin sees a client with whom it acts for, blocks it at once, and deletes it', async () => {
    const agent = new Agent(ana, 'allow', 'Watched');
    const client = await connect(agent);
    const bearer = agent.kept!.access_token;
    const status = () => statusWith(bearer);
    const list = async () =>
      (await admin.call('GET', '/api/v1/clients')).body.clients as Record<string, unknown>[];
    const watched = (await list()).find(({ name }) => name === 'Watched')!;
    expect(watched).toMatchObject({
      kind: 'registered',
      redirectUris: [agent.redirectUrl],
      blocked: false,
      members: [EMAIL],
    });
    const at = `/api/v1/clients/${encodeURIComponent(String(watched.id))}`;
    expect((await admin.call('PATCH', at, { body: { blocked: true } })).body).toMatchObject({
      blocked: true,
    });
    expect(await status()).toBe(401);
    expect((await admin.call('PATCH', at, { body: { blocked: false } })).body).toMatchObject({
      blocked: false,
    });
    expect(await status()).toBe(200);
    expect((await admin.call('DELETE', at)).status).toBe(204);
    expect(await status()).toBe(401);
    expect((await list()).map(({ name }) => name)).not.toContain('Watched');
    expect((await admin.call('DELETE', at)).status).toBe(404);
    await client.close();
  });

  test('a refused registration is shown to the admin, who allows it; then it registers', async () => {
    const uri = 'https://agents.example.com/callback';
    const register = () =>
      browser(portal).call('POST', '/oauth/register', {
        body: { client_name: 'Newcomer', redirect_uris: [uri] },
      });
    expect((await register()).body).toMatchObject({ error: 'invalid_redirect_uri', disallowed_uris: [uri] });
    const { body: rule } = await admin.call('GET', '/api/v1/redirect-uris');
    expect(rule.refused).toEqual([{ uri, clientName: 'Newcomer', at: expect.any(String) }]);
    expect(rule.known.map(({ name }: { name: string }) => name)).toEqual([
      'Claude',
      'ChatGPT',
      'Cursor',
      'VS Code',
    ]);
    const saved = await admin.call('PUT', '/api/v1/redirect-uris', {
      body: { uris: [...rule.uris, uri], allowLoopback: true },
    });
    expect(saved.body).toMatchObject({ uris: [...rule.uris, uri], allowLoopback: true, refused: [] });
    expect((await register()).status).toBe(201);
    const bad = await admin.call('PUT', '/api/v1/redirect-uris', {
      body: { uris: ['javascript:alert(1)'], allowLoopback: true },
    });
    expect([bad.status, bad.body.code]).toEqual([400, 'invalid']);
  });
});
