// A connect ends where it began: one state, one use, one browser, one member; and nothing is half saved.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { disconnect, listConnections } from '@/lib/asana/connections';
import { beginConnect, finishConnect } from '@/lib/asana/connect';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import { openAccessToken } from '@/lib/asana/refresh';
import { pool, transaction } from '@/lib/db';
import { SEED } from '@/lib/sandbox/world-seed';
import type { Sandbox } from '@/lib/sandbox/start-sandbox';
import * as setting from './setting';
import {
  addPerson,
  approve,
  connect,
  connectionsOf,
  eventsOf,
  isExchange,
  lastConnectOf,
  WORKS,
} from './setting';

let sandbox: Sandbox;
let close: () => Promise<void>;
beforeAll(async () => ({ sandbox, close } = await setting.startSetting()));
afterAll(() => close());
beforeEach(() => sandbox.reset());

const exchanges = () => sandbox.log.count(isExchange);
const failed = (result: object) =>
  result as { status: number; code: string; explanation: string; fix: string };

test('a member connects: the account and workspace are shown, the tokens are sealed, the event is on record', async () => {
  const person = await addPerson(sandbox);
  const result = await connect(person);
  expect(result).toEqual({ connected: expect.any(String) });
  const [view, ...others] = await listConnections(person.organizationId, person.memberId);
  expect(others).toEqual([]);
  expect(view).toEqual({
    id: (result as { connected: string }).connected,
    workspace: WORKS,
    asanaEmail: person.email,
    status: 'active',
    expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
    lastUsedAt: null,
  });
  expect(Date.parse(view!.expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
  const [row] = await connectionsOf(person);
  expect(row!.access_token).toMatch(/^v1\.test\./);
  expect(row!.refresh_token).toMatch(/^v1\.test\./);
  const accessToken = openAccessToken({ ...person, id: row!.id, accessToken: row!.access_token });
  expect(accessToken).toMatch(/^2\//);
  expect(await eventsOf(person)).toContainEqual(
    expect.objectContaining({ action: 'connection.connected', target: `connection:${row!.id}` }),
  );
  expect(await lastConnectOf(person)).toBe('ok');
});

test('Asana is asked with S256, an exact redirect URL, the resource and no scope, and no secret stands in the URL', async () => {
  const person = await addPerson(sandbox);
  const { location } = await beginConnect(person);
  const { origin, pathname, searchParams } = new URL(location);
  expect(`${origin}${pathname}`).toBe(`${sandbox.origin}/-/oauth_authorize`);
  expect(Object.fromEntries(searchParams)).toEqual({
    response_type: 'code',
    client_id: sandbox.apps[0]!.clientId,
    redirect_uri: setting.REDIRECT_URL,
    state: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    code_challenge: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    code_challenge_method: 'S256',
    resource: sandbox.resource,
  });
  expect(location).not.toContain(sandbox.apps[0]!.clientSecret);
  await finishConnect({ ...person, params: await approve(location, person.email) });
  const form = new URLSearchParams(sandbox.log.entries.find(isExchange)!.body);
  expect(form.get('resource')).toBe(sandbox.resource);
  expect(form.has('scope')).toBe(false);
});

test('the state is stored as a hash only, and the PKCE verifier sealed', async () => {
  const person = await addPerson(sandbox);
  const { location } = await beginConnect(person);
  const state = new URL(location).searchParams.get('state')!;
  const { rows } = await pool().query('SELECT * FROM connect_attempts WHERE organization_id = $1', [
    person.organizationId,
  ]);
  expect(rows).toHaveLength(1);
  expect(rows[0].code_verifier).toMatch(/^v1\./);
  const stored = JSON.stringify(rows[0], (_, value) =>
    Buffer.isBuffer(value) ? value.toString('hex') : value,
  );
  for (const secret of [state, person.browserSecret]) {
    expect(stored).not.toContain(secret);
    expect(stored).not.toContain(Buffer.from(secret).toString('hex'));
  }
});

describe('OC-01 C6: a state that is', () => {
  const refused = async (person: setting.Person, params: URLSearchParams) => {
    sandbox.log.clear();
    expect(await finishConnect({ ...person, params })).toMatchObject({ status: 400, code: 'invalid_state' });
    expect(exchanges()).toBe(0);
    expect(await connectionsOf(person)).toEqual([]);
  };

  test('missing, empty, wrong or given twice ends with 400 and no exchange', async () => {
    const person = await addPerson(sandbox);
    const { location } = await beginConnect(person);
    const good = await approve(location, person.email);
    const code = good.get('code')!;
    const state = good.get('state')!;
    await refused(person, new URLSearchParams({ code }));
    await refused(person, new URLSearchParams({ code, state: '' }));
    await refused(person, new URLSearchParams({ code, state: `${state}x` }));
    await refused(person, new URLSearchParams({ code, state: state.toLowerCase() }));
    await refused(person, new URLSearchParams([...good, ['state', state]]));
    expect(await finishConnect({ ...person, params: good })).toHaveProperty('connected');
  });

  test('older than ten minutes ends with 400 and no exchange; one of nine minutes works', async () => {
    const person = await addPerson(sandbox);
    const age = (minutes: number) =>
      pool().query(
        `UPDATE connect_attempts SET expires_at = expires_at - $2 * interval '1 minute' WHERE organization_id = $1`,
        [person.organizationId, minutes],
      );
    const old = await approve((await beginConnect(person)).location, person.email);
    await age(10);
    await refused(person, old);
    const young = await approve((await beginConnect(person)).location, person.email);
    await age(9);
    expect(await finishConnect({ ...person, params: young })).toHaveProperty('connected');
  });
});

test('OC-11: the same callback twice, even at once, exchanges once; the second gets a friendly 400', async () => {
  const person = await addPerson(sandbox);
  const params = await approve((await beginConnect(person)).location, person.email);
  const results = await Promise.all([1, 2, 3, 4].map(() => finishConnect({ ...person, params })));
  expect(results.filter((result) => 'connected' in result)).toHaveLength(1);
  for (const result of results.filter((each) => !('connected' in each))) {
    expect(result).toMatchObject({ status: 400, code: 'invalid_state' });
    expect(failed(result).fix).toContain('connected already');
  }
  expect(exchanges()).toBe(1);
  expect(await connectionsOf(person)).toHaveLength(1);
});

describe('a callback in the wrong hands', () => {
  test('OC-02 C6: another browser gets 403, no code is exchanged, and the attempt is over', async () => {
    const person = await addPerson(sandbox);
    for (const browserSecret of [null, '', 'x'.repeat(43)]) {
      const params = await approve((await beginConnect(person)).location, person.email);
      expect(await finishConnect({ ...person, params, browserSecret })).toMatchObject({
        status: 403,
        code: 'other_browser',
      });
      expect(await finishConnect({ ...person, params })).toMatchObject({
        status: 400,
        code: 'invalid_state',
      });
    }
    expect(exchanges()).toBe(0);
    expect(await connect(person)).toHaveProperty('connected');
  });

  test('OC-03 C8: another member, of the same or another organization, gets 403 and no code is exchanged', async () => {
    const attacker = await addPerson(sandbox, { asanaEmail: 'any' });
    const colleague = await addPerson(sandbox, { organizationId: attacker.organizationId });
    const stranger = await addPerson(sandbox);
    for (const victim of [colleague, stranger]) {
      const params = await approve((await beginConnect(attacker)).location, attacker.email);
      const { organizationId, memberId } = victim;
      // Even with the attacker's cookie in the victim's browser.
      const { browserSecret } = attacker;
      expect(await finishConnect({ organizationId, memberId, browserSecret, params })).toMatchObject({
        status: 403,
        code: 'other_member',
      });
      expect(await eventsOf(victim)).toContainEqual(
        expect.objectContaining({
          action: 'connection.refused',
          target: `member:${victim.email}`,
          after: expect.objectContaining({ reason: 'other_member' }),
        }),
      );
    }
    expect(exchanges()).toBe(0);
    expect(await connectionsOf(colleague)).toEqual([]);
    expect(await connectionsOf(stranger)).toEqual([]);
    expect(await connect(attacker)).toHaveProperty('connected');
  });

  test('OC-03: a code that Asana gave for another attempt is refused by PKCE', async () => {
    const person = await addPerson(sandbox);
    const attacker = await addPerson(sandbox);
    const stolen = await approve((await beginConnect(attacker)).location, attacker.email);
    const params = await approve((await beginConnect(person)).location, person.email);
    params.set('code', stolen.get('code')!);
    expect(await finishConnect({ ...person, params })).toMatchObject({ status: 400, code: 'invalid_code' });
    expect(await connectionsOf(person)).toEqual([]);
  });

  test('OC-05: an attempt begun with another Asana app is refused before the code is sent to the new one', async () => {
    const person = await addPerson(sandbox);
    const params = await approve((await beginConnect(person)).location, person.email);
    const other = sandbox.addApp({ redirectUrls: [setting.REDIRECT_URL] });
    await transaction((tx) => saveAsanaApp(tx, person.actor, other));
    expect(await finishConnect({ ...person, params })).toMatchObject({ status: 400, code: 'interrupted' });
    expect(exchanges()).toBe(0);
    expect(await connect(person)).toHaveProperty('connected');
  });

  test('OC-05: an issuer other than Asana (RFC 9207) is refused before the code is sent; Asana’s own is accepted', async () => {
    const person = await addPerson(sandbox);
    const params = await approve((await beginConnect(person)).location, person.email);
    params.set('iss', 'https://elsewhere.example.com');
    expect(await finishConnect({ ...person, params })).toMatchObject({
      status: 400,
      code: 'refused_by_asana',
    });
    expect(exchanges()).toBe(0);
    const good = await approve((await beginConnect(person)).location, person.email);
    good.set('iss', sandbox.origin);
    expect(await finishConnect({ ...person, params: good })).toHaveProperty('connected');
  });
});

describe('what Asana says instead of a code', () => {
  test('OC-10: a refusal uses up the state, and none of Asana’s text is shown', async () => {
    const person = await addPerson(sandbox);
    const state = new URL((await beginConnect(person)).location).searchParams.get('state')!;
    const params = new URLSearchParams({
      state,
      error: 'access_denied',
      error_description: '<script>alert(1)</script>',
    });
    const result = await finishConnect({ ...person, params });
    expect(result).toMatchObject({ status: 400, code: 'access_denied' });
    expect(JSON.stringify(result)).not.toContain('script');
    expect(await finishConnect({ ...person, params })).toMatchObject({ code: 'invalid_state' });
    expect(await eventsOf(person)).toContainEqual(
      expect.objectContaining({
        action: 'connection.refused',
        after: expect.objectContaining({ reason: 'access_denied' }),
      }),
    );
  });

  test.each([
    [{ error: 'invalid_scope', error_description: 'Invalid scope(s) requested' }, 400, 'invalid_scope'],
    [
      {
        error: 'invalid_request',
        error_description:
          'This app is not available to your Asana workspace or organization. If you are the app owner…',
      },
      ...([400, 'app_not_available'] as const),
    ],
    [
      {
        error: 'invalid_request',
        error_description: 'The redirect_uri parameter does not match a valid url for the application.',
      },
      ...([400, 'redirect_mismatch'] as const),
    ],
    [{ error: 'server_error' }, 502, 'asana_unavailable'],
    [{ error: 'something_new', error_description: 'constructor' }, 400, 'refused_by_asana'],
    [{}, 400, 'no_code'],
    [{ code: '' }, 400, 'no_code'],
  ])('%o becomes %i %s with an explanation and a fix', async (given, status, code) => {
    const person = await addPerson(sandbox);
    const state = new URL((await beginConnect(person)).location).searchParams.get('state')!;
    const result = failed(
      await finishConnect({ ...person, params: new URLSearchParams({ ...(given as object), state }) }),
    );
    expect(result).toMatchObject({ status, code });
    expect(result.explanation.length).toBeGreaterThan(20);
    expect(result.fix.length).toBeGreaterThan(10);
    expect(exchanges()).toBe(0);
  });

  test('the workspace outside the app’s distribution is explained, also when Asana tells it by redirect', async () => {
    const person = await addPerson(sandbox);
    sandbox.addApp({ ...sandbox.apps[0], workspaces: [SEED.studio] });
    sandbox.set({ distributionError: 'redirect' });
    expect(await connect(person)).toMatchObject({ status: 400, code: 'app_not_available' });
    expect(await lastConnectOf(person)).toBe('app_not_available');
  });
});

describe('OC-13: when the exchange fails nothing is saved', () => {
  test.each(['500', '503', '429', 'nonsense', 'html', 'drop-before', 'redirect'] as const)(
    '%s becomes 502, and the next try works',
    async (tokenFault) => {
      const person = await addPerson(sandbox);
      sandbox.set({ tokenFault, tokenFaultCount: 1 });
      expect(await connect(person)).toMatchObject({ status: 502, code: 'asana_unavailable' });
      expect(await connectionsOf(person)).toEqual([]);
      // OC-09: the secret and the code never follow a redirect.
      expect(sandbox.log.count(({ path }) => path === '/redirect-trap')).toBe(0);
      expect(await connect(person)).toHaveProperty('connected');
    },
  );

  test('an expired code is 400, wrong credentials of the app are 502 and remembered for the checks', async () => {
    const person = await addPerson(sandbox);
    sandbox.set({ codeLifetimeSeconds: 0 });
    expect(await connect(person)).toMatchObject({ status: 400, code: 'invalid_code' });
    sandbox.set({ codeLifetimeSeconds: 60 });
    sandbox.addApp({ ...sandbox.apps[0], clientSecret: 'another-secret' });
    expect(await connect(person)).toMatchObject({ status: 502, code: 'invalid_client' });
    expect(await lastConnectOf(person)).toBe('invalid_client');
    expect(await connectionsOf(person)).toEqual([]);
  });

  test('one person’s refusal does not hide what is known about the app', async () => {
    const person = await addPerson(sandbox);
    const denied = async () => {
      const state = new URL((await beginConnect(person)).location).searchParams.get('state')!;
      return finishConnect({ ...person, params: new URLSearchParams({ state, error: 'access_denied' }) });
    };
    await denied();
    expect(await lastConnectOf(person)).toBe('access_denied');
    await connect(person);
    expect(await lastConnectOf(person)).toBe('ok');
    await denied();
    expect(await lastConnectOf(person)).toBe('ok');
  });

  test('an API app’s tokens, which the MCP server refuses, are not kept: wrong_kind_of_app, and the grant is revoked', async () => {
    const person = await addPerson(sandbox);
    const params = await approve((await beginConnect(person)).location, person.email);
    sandbox.set({ tokenFault: 'slow', slowMs: 300, tokenFaultCount: 1 });
    const finishing = finishConnect({ ...person, params });
    await setting.until(() => exchanges() === 1);
    sandbox.addApp({ ...sandbox.apps[0], kind: 'api' });
    expect(await finishing).toMatchObject({ status: 502, code: 'wrong_kind_of_app' });
    expect(await connectionsOf(person)).toEqual([]);
    expect(sandbox.log.count((entry) => setting.isRevocation(entry) && entry.status === 200)).toBe(1);
  });
});

describe('beginning', () => {
  test('before the app is registered it is no_asana_app', async () => {
    const person = await addPerson(sandbox);
    await pool().query('DELETE FROM asana_apps WHERE organization_id = $1', [person.organizationId]);
    await expect(beginConnect(person)).rejects.toMatchObject({ code: 'no_asana_app' });
  });

  test('a reconnect of anybody else’s connection, or of none, is not_found; of one’s own it begins', async () => {
    const person = await addPerson(sandbox, { asanaEmail: 'any' });
    const colleague = await addPerson(sandbox, { organizationId: person.organizationId });
    const { connected } = (await connect(person)) as { connected: string };
    for (const connectionId of [connected.replace(/.$/, 'x'), crypto.randomUUID(), "' OR 1=1"])
      await expect(beginConnect({ ...person, connectionId })).rejects.toMatchObject({ code: 'not_found' });
    await expect(beginConnect({ ...colleague, connectionId: connected })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(beginConnect({ ...person, connectionId: connected })).resolves.toHaveProperty('location');
  });

  test('attempts do not pile up: the newest twenty of a member stay', async () => {
    const person = await addPerson(sandbox);
    const first = await approve((await beginConnect(person)).location, person.email);
    for (let n = 0; n < 25; n += 1) await beginConnect(person);
    const newest = await approve((await beginConnect(person)).location, person.email);
    const { rowCount } = await pool().query('SELECT 1 FROM connect_attempts WHERE organization_id = $1', [
      person.organizationId,
    ]);
    expect(rowCount).toBe(20);
    expect(await finishConnect({ ...person, params: first })).toMatchObject({ code: 'invalid_state' });
    expect(await finishConnect({ ...person, params: newest })).toHaveProperty('connected');
  });
});

test('a member removed while connecting keeps nothing: the fresh grant is revoked', async () => {
  const person = await addPerson(sandbox);
  const params = await approve((await beginConnect(person)).location, person.email);
  sandbox.set({ tokenFault: 'slow', slowMs: 400, tokenFaultCount: 1 });
  const finishing = finishConnect({ ...person, params });
  await setting.until(() => exchanges() === 1);
  await pool().query('DELETE FROM members WHERE id = $1', [person.memberId]);
  expect(await finishing).toMatchObject({ status: 400, code: 'interrupted' });
  expect(sandbox.log.count((entry) => setting.isRevocation(entry) && entry.status === 200)).toBe(1);
});

test('a connection that is disconnected while it is being renewed stays gone, and the fresh grant is revoked', async () => {
  const person = await addPerson(sandbox);
  const { connected } = (await connect(person)) as { connected: string };
  const params = await approve(
    (await beginConnect({ ...person, connectionId: connected })).location,
    person.email,
  );
  sandbox.log.clear();
  sandbox.set({ tokenFault: 'slow', slowMs: 400, tokenFaultCount: 1 });
  const finishing = finishConnect({ ...person, params });
  await setting.until(() => exchanges() === 1);
  await disconnect(person.actor, person.memberId, connected);
  expect(await finishing).toMatchObject({ status: 400, code: 'interrupted' });
  expect(await connectionsOf(person)).toEqual([]);
  expect(sandbox.log.count((entry) => setting.isRevocation(entry) && entry.status === 200)).toBe(2);
});
