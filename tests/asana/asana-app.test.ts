// The registration of the Asana app: its secret never comes out, another app ends what the old one issued, the checks tell why.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { appCredentials, readAsanaApp, saveAsanaApp } from '@/lib/asana/asana-app';
import { checkAsanaApp } from '@/lib/asana/check-app';
import { resourceMetadataUrls } from '@/lib/asana/check-metadata';
import { beginConnect, finishConnect } from '@/lib/asana/connect';
import { browserSecretFor, connectCookieAttributes, connectCookieName } from '@/lib/asana/connect-cookie';
import { attemptRevocation } from '@/lib/asana/revoke';
import { pool, transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import { startOddServer } from './odd-server';
import * as setting from './setting';
import { addConnection, addPerson, approve, connect, connectionsOf, eventsOf, isLive } from './setting';

let sandbox: Sandbox;
let variables: Record<string, string>;
let close: () => Promise<void>;
beforeAll(async () => ({ sandbox, variables, close } = await setting.startSetting()));
afterAll(() => close());
beforeEach(() => {
  sandbox.reset();
  setEnv(variables);
});

describe('saving the app', () => {
  test('shows id, date and redirect URL; the secret is sealed, and neither shown nor on record', async () => {
    const person = await addPerson(sandbox);
    const { clientId, clientSecret } = sandbox.apps[0]!;
    const view = await readAsanaApp(person.organizationId);
    expect(view).toEqual({ clientId, secretSetAt: expect.any(Date), redirectUrl: setting.REDIRECT_URL });
    const { rows } = await pool().query('SELECT * FROM asana_apps WHERE organization_id = $1', [
      person.organizationId,
    ]);
    expect(rows[0].client_secret).toMatch(/^v1\.test\./);
    const events = await eventsOf(person);
    expect(events).toMatchObject([{ action: 'asana_app.saved', after: { clientId } }]);
    expect(JSON.stringify([view, events, rows])).not.toContain(clientSecret);
    expect(await appCredentials(person.organizationId)).toEqual({ clientId, clientSecret });
  });

  test('before it there is no client id, and credentials are no_asana_app', async () => {
    const person = await addPerson(sandbox);
    await pool().query('DELETE FROM asana_apps WHERE organization_id = $1', [person.organizationId]);
    expect(await readAsanaApp(person.organizationId)).toEqual({
      clientId: null,
      secretSetAt: null,
      redirectUrl: setting.REDIRECT_URL,
    });
    await expect(appCredentials(person.organizationId)).rejects.toMatchObject({ code: 'no_asana_app' });
  });

  test('a new secret for the same client id disconnects nobody', async () => {
    const person = await addPerson(sandbox);
    await addConnection(sandbox, person);
    const { clientId } = sandbox.apps[0]!;
    await transaction((tx) => saveAsanaApp(tx, person.actor, { clientId, clientSecret: 'new-secret' }));
    expect(await connectionsOf(person)).toHaveLength(1);
    expect((await appCredentials(person.organizationId)).clientSecret).toBe('new-secret');
  });

  test('another client id while people are connected is refused, saying how many, and changes nothing', async () => {
    const person = await addPerson(sandbox);
    const colleague = await addPerson(sandbox, { organizationId: person.organizationId });
    for (const each of [person, person, colleague]) await addConnection(sandbox, each);
    const saving = transaction((tx) => saveAsanaApp(tx, person.actor, { clientId: '77', clientSecret: 'x' }));
    await expect(saving).rejects.toMatchObject({
      code: 'would_disconnect',
      detail: expect.stringContaining('2 people'),
    });
    expect(await connectionsOf(person)).toHaveLength(3);
    expect((await readAsanaApp(person.organizationId)).clientId).toBe(sandbox.apps[0]!.clientId);
  });

  test('another client id without connections needs no confirmation', async () => {
    const person = await addPerson(sandbox);
    await transaction((tx) => saveAsanaApp(tx, person.actor, { clientId: '77', clientSecret: 'x' }));
    expect((await readAsanaApp(person.organizationId)).clientId).toBe('77');
  });

  test('confirmed, it ends the organization’s connections and revokes them with the old credentials; others’ stay', async () => {
    const person = await addPerson(sandbox);
    const stranger = await addPerson(sandbox);
    const mine = await addConnection(sandbox, person);
    const theirs = await addConnection(sandbox, stranger);
    const other = { clientId: '77', clientSecret: 'x' };
    await transaction((tx) => saveAsanaApp(tx, person.actor, other, { confirm: true }));
    expect(await connectionsOf(person)).toEqual([]);
    expect(await connectionsOf(stranger)).toHaveLength(1);
    const { rows } = await pool().query<{ id: string }>(
      'SELECT id FROM revocations WHERE organization_id = $1',
      [person.organizationId],
    );
    expect(await Promise.all(rows.map(({ id }) => attemptRevocation(id)))).toEqual(['confirmed']);
    expect(await isLive(sandbox, mine.refreshToken)).toBe(false);
    expect(await isLive(sandbox, theirs.refreshToken)).toBe(true);
    expect((await eventsOf(person)).map(({ action }) => action)).toContain('connection.disconnected');
  });

  test('a connect under way through the old app does not slip in behind the change', async () => {
    const person = await addPerson(sandbox);
    const params = await approve((await beginConnect(person)).location, person.email);
    sandbox.set({ tokenFault: 'slow', slowMs: 400, tokenFaultCount: 1 });
    const finishing = finishConnect({ ...person, params });
    await setting.until(() => sandbox.log.count(setting.isExchange) === 1);
    await transaction((tx) => saveAsanaApp(tx, person.actor, { clientId: '77', clientSecret: 'x' }));
    expect(await finishing).toMatchObject({ status: 400, code: 'interrupted' });
    expect(await connectionsOf(person)).toEqual([]);
    expect(sandbox.revokeAll({ email: person.email })).toBe(0);
  });

  test('TV-06: a stored secret that the vault can’t open can be replaced', async () => {
    const person = await addPerson(sandbox);
    await addConnection(sandbox, person);
    await pool().query(`UPDATE asana_apps SET client_secret = 'v1.gone.AAAA' WHERE organization_id = $1`, [
      person.organizationId,
    ]);
    const other = { clientId: '77', clientSecret: 'x' };
    await transaction((tx) => saveAsanaApp(tx, person.actor, other, { confirm: true }));
    expect(await appCredentials(person.organizationId)).toEqual(other);
    expect(await connectionsOf(person)).toEqual([]);
  });
});

describe('the checks', () => {
  const check = async (person: setting.Person) =>
    Object.fromEntries((await checkAsanaApp(person.organizationId)).checks.map((each) => [each.id, each]));
  const statuses = async (person: setting.Person) =>
    Object.fromEntries(Object.entries(await check(person)).map(([id, { status }]) => [id, status]));
  const seen = {
    mcp_endpoint: 'pass',
    resource_metadata: 'pass',
    server_metadata: 'pass',
    redirect_url: 'pass',
    credentials: 'pass',
  };

  test('of a good app pass, but for what only a consent shows: that warns until somebody connected', async () => {
    const person = await addPerson(sandbox);
    const unseen = {
      ...{ redirect_registered: 'warn', scope: 'warn', distribution: 'warn' },
      ...{ kind_of_app: 'warn', account: 'warn' },
    };
    expect(await statuses(person)).toEqual({ ...seen, ...unseen });
    await connect(person);
    const all = await check(person);
    expect(new Set(Object.values(all).map(({ status }) => status))).toEqual(new Set(['pass']));
    for (const { message, fix } of Object.values(all)) {
      expect(message.length).toBeGreaterThan(10);
      expect(fix).toBeNull();
    }
  });

  test('wrong credentials fail, and say what to do', async () => {
    const person = await addPerson(sandbox);
    sandbox.addApp({ ...sandbox.apps[0], clientSecret: 'another' });
    const { credentials } = await check(person);
    expect(credentials).toMatchObject({ status: 'fail', fix: expect.stringContaining('OAuth tab') });
  });

  test('no app yet, or a secret that can’t be opened, fail the credentials and nothing else', async () => {
    const person = await addPerson(sandbox);
    await pool().query(`UPDATE asana_apps SET client_secret = 'v1.gone.AAAA' WHERE organization_id = $1`, [
      person.organizationId,
    ]);
    expect(await statuses(person)).toMatchObject({ ...seen, credentials: 'fail' });
    await pool().query('DELETE FROM asana_apps WHERE organization_id = $1', [person.organizationId]);
    expect(await statuses(person)).toMatchObject({ ...seen, credentials: 'fail', account: 'warn' });
  });

  test('a token endpoint that fails leaves the credentials open: warn, never pass', async () => {
    const person = await addPerson(sandbox);
    for (const tokenFault of ['500', 'nonsense', 'redirect'] as const) {
      sandbox.set({ tokenFault });
      expect(await statuses(person)).toMatchObject({ credentials: 'warn' });
    }
  });

  test('what the last connect showed fills its check', async () => {
    const person = await addPerson(sandbox);
    sandbox.addApp({ ...sandbox.apps[0], workspaces: [] });
    sandbox.set({ distributionError: 'redirect' });
    await connect(person);
    expect(await check(person)).toMatchObject({
      distribution: { status: 'fail', fix: expect.stringContaining('Manage distribution') },
      kind_of_app: { status: 'warn' },
    });
    sandbox.reset();
    expect(await connect(person, { user: 'ben@example.com' })).toMatchObject({ code: 'account_differs' });
    expect(await check(person)).toMatchObject({
      account: { status: 'fail' },
      distribution: { status: 'pass' },
      kind_of_app: { status: 'pass' },
    });
  });

  test('a server that is down, or no MCP server, fails; 401 and 405 pass', async () => {
    const person = await addPerson(sandbox);
    const odd = await startOddServer();
    setEnv({ ASANA_MCP_URL: `${odd.origin}/v2/mcp` });
    for (const [status, expected] of [
      [401, 'pass'],
      [405, 'pass'],
      [200, 'fail'],
      [302, 'fail'],
      [404, 'fail'],
      [503, 'fail'],
    ] as const) {
      odd.answers({ status });
      expect([status, (await statuses(person)).mcp_endpoint]).toEqual([status, expected]);
    }
    await odd.close();
    expect((await statuses(person)).mcp_endpoint).toBe('fail');
  });

  test('no check sends a token, and only the token endpoint gets the secret', async () => {
    const person = await addPerson(sandbox);
    await addConnection(sandbox, person);
    await checkAsanaApp(person.organizationId);
    const { clientSecret } = sandbox.apps[0]!;
    for (const { path, headers, body } of sandbox.log.entries) {
      expect(headers).not.toHaveProperty('authorization');
      expect(body.includes(clientSecret)).toBe(path === '/-/oauth_token');
    }
  });

  test('metadata that names another authorization server fails, and that server hears nothing', async () => {
    const person = await addPerson(sandbox);
    const [odd, elsewhere] = [await startOddServer(), await startOddServer()];
    odd.answers(({ path }) =>
      path.startsWith('/.well-known')
        ? { body: { resource: `${odd.origin}/v2/mcp`, authorization_servers: [elsewhere.origin] } }
        : { status: 401 },
    );
    setEnv({ ASANA_MCP_URL: `${odd.origin}/v2/mcp` });
    expect(await statuses(person)).toMatchObject({ resource_metadata: 'fail', mcp_endpoint: 'pass' });
    expect(elsewhere.requests).toEqual([]);
    odd.answers({ status: 404 });
    expect(await statuses(person)).toMatchObject({ resource_metadata: 'warn' });
    await Promise.all([odd.close(), elsewhere.close()]);
  });

  test('an authorization server that describes itself otherwise fails', async () => {
    const person = await addPerson(sandbox);
    const odd = await startOddServer();
    const document = {
      authorization_endpoint: `${odd.origin}/-/oauth_authorize`,
      token_endpoint: `${odd.origin}/-/oauth_token`,
      revocation_endpoint: `${odd.origin}/-/oauth_revoke`,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    };
    setEnv({ ASANA_OAUTH_URL: odd.origin });
    const withDocument = async (body: unknown, status = 200) => {
      odd.answers(({ path }) => (path.startsWith('/.well-known') ? { status, body } : { status: 500 }));
      return (await statuses(person)).server_metadata;
    };
    expect(await withDocument(document)).toBe('pass');
    expect(await withDocument({ ...document, token_endpoint: 'https://elsewhere.example.com/t' })).toBe(
      'fail',
    );
    expect(await withDocument({ ...document, code_challenge_methods_supported: ['plain'] })).toBe('fail');
    expect(await withDocument({ ...document, token_endpoint_auth_methods_supported: ['none'] })).toBe('fail');
    expect(await withDocument({})).toBe('fail');
    expect(await withDocument('', 404)).toBe('warn');
    await odd.close();
  });

  test('a redirect URL without https outside of this machine fails', async () => {
    const person = await addPerson(sandbox);
    for (const [url, expected] of [
      ['http://gatehouse.example.com', 'fail'],
      ['https://gatehouse.example.com', 'pass'],
      ['http://127.0.0.1:3000', 'pass'],
    ] as const) {
      setEnv({ GATEHOUSE_URL: url });
      expect((await statuses(person)).redirect_url).toBe(expected);
    }
  });
});

test('the resource metadata is looked for at the RFC 9728 path and its parents, where Asana’s really is', () => {
  expect(resourceMetadataUrls('https://mcp.asana.com/v2/mcp')).toEqual([
    'https://mcp.asana.com/.well-known/oauth-protected-resource/v2/mcp',
    'https://mcp.asana.com/.well-known/oauth-protected-resource/v2',
    'https://mcp.asana.com/.well-known/oauth-protected-resource',
  ]);
});

describe('the connect cookie', () => {
  test('is a __Host- cookie on https; on http it has no prefix, which browsers would refuse', () => {
    setEnv({ GATEHOUSE_URL: 'https://gatehouse.example.com' });
    expect(connectCookieName()).toMatch(/^__Host-/);
    expect(connectCookieAttributes()).toEqual({
      ...{ httpOnly: true, sameSite: 'lax', secure: true, path: '/', maxAge: 600 },
    });
    setEnv({ GATEHOUSE_URL: 'http://localhost:3000' });
    expect(connectCookieName()).not.toMatch(/^__/);
    expect(connectCookieAttributes().secure).toBe(false);
  });

  test('keeps a well-formed value, so that a second tab does not break the first, and replaces any other', () => {
    const value = browserSecretFor(undefined);
    expect(value).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(browserSecretFor(value)).toBe(value);
    for (const bad of ['', 'short', `${value}x`, value.replace(/.$/, '=')])
      expect(browserSecretFor(bad)).not.toBe(bad);
    expect(browserSecretFor(undefined)).not.toBe(value);
  });
});
