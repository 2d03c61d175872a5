// Nothing that opens a door can be found where it does not belong: after every main flow and its failures, a stolen database, the
// logs, the answers, the pages and the scripts hold none of the secrets that were planted.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { openSecret, placeOf } from '@/lib/vault/vault';
import { dumpDatabase } from '../support/dump';
import {
  attemptSignIn,
  browser,
  connectAsana,
  script,
  START_MS,
  startPortal,
  type Answer,
  type Client,
  type Portal,
  type Sent,
} from '../support/portal';

const canary = (what: string) => `canary-${what}-${randomBytes(12).toString('hex')}`;
const passwords = { admin: canary('password'), typed: canary('typed'), invited: canary('invited') };

let portal: Portal;
/** Every secret by what it is. */
const secrets: Record<string, string> = { ...passwords, argument: canary('argument') };
/** Everything that was answered, and to what; `shows` names the one secret that this answer is for. */
const answers: { to: string; text: string; shows?: string }[] = [];

/** A client whose answers are kept: status, headers but for cookies, body. */
function watched(inner: Client): Client {
  const call = async (method: string, path: string, sent?: Sent): Promise<Answer> => {
    const answer = await inner.call(method, path, sent);
    const headers = [...answer.headers].filter(([name]) => name !== 'set-cookie');
    answers.push({ to: `${method} ${path}`, text: `${JSON.stringify(headers)}\n${answer.text}` });
    return answer;
  };
  return { call, cookies: inner.cookies };
}

/** Says that the latest answer is the one place where a secret is shown. */
function remember(what: string, secret: string): string {
  secrets[what] = secret;
  answers.at(-1)!.shows = what;
  return secret;
}

let admin: Client;
let ana: Client;
let key: Client;
const MCP = { accept: 'application/json, text/event-stream' };

beforeAll(async () => {
  portal = await startPortal();
  secrets.vaultKey = portal.variables.GATEHOUSE_KEYS!.split(':')[1]!;
  secrets.secret = portal.variables.GATEHOUSE_SECRET!;
  const databasePassword = new URL(portal.databaseUrl).password;
  if (databasePassword) secrets.databasePassword = databasePassword;
  await enter();
  await administer();
  await connect();
  await callTools();
  await fail();
  for (const [who, name] of [
    [admin, 'admin'],
    [ana, 'member'],
  ] as const)
    for (const [cookie, value] of who.cookies) secrets[`${name}’s ${cookie}`] = value;
  await readEverything();
}, START_MS * 2);
afterAll(() => portal.stop());

async function signInAs(email: string, password: string): Promise<Client> {
  const client = watched(browser(portal));
  expect((await attemptSignIn(client, email, password)).status).toBe(200);
  return client;
}

async function enter(): Promise<void> {
  const code = /one-time code ([0-9a-f-]{19})/.exec(portal.output())![1]!;
  const nobody = watched(browser(portal));
  const body = {
    organization: 'Aurora',
    name: 'Admin',
    email: 'admin@aurora.example',
    password: passwords.admin,
  };
  await nobody.call('POST', '/api/v1/setup', { body: { ...body, code: 'wrong' } });
  expect((await nobody.call('POST', '/api/v1/setup', { body: { ...body, code } })).status).toBe(201);
  admin = await signInAs('admin@aurora.example', passwords.admin);
  for (const email of ['admin@aurora.example', 'nobody@aurora.example', passwords.typed])
    await attemptSignIn(nobody, email, passwords.typed);
}

async function administer(): Promise<void> {
  const [app] = portal.sandbox.apps;
  secrets.clientSecret = app!.clientSecret;
  secrets.wrongClientSecret = canary('client-secret');
  await admin.call('PUT', '/api/v1/asana-app', {
    body: { clientId: app!.clientId, clientSecret: secrets.wrongClientSecret },
  });
  await admin.call('POST', '/api/v1/asana-app/check');
  await admin.call('PUT', '/api/v1/asana-app', {
    body: { clientId: app!.clientId, clientSecret: app!.clientSecret },
  });
  await admin.call('POST', '/api/v1/asana-app/check');
  const made = await admin.call('POST', '/api/v1/api-keys', { body: { name: 'script', role: 'admin' } });
  key = watched(script(portal, remember('apiKey', made.body.key as string)));
  const member = { email: 'ana@example.com', name: 'Ana', role: 'member' };
  const invited = await key.call('POST', '/api/v1/members', { body: member });
  const token = remember('invite', (invited.body.inviteUrl as string).split('#')[1]!);
  const nobody = watched(browser(portal));
  await nobody.call('POST', '/api/v1/invites/accept', { body: { token, password: 'short' } });
  await nobody.call('POST', '/api/v1/invites/accept', { body: { token, password: passwords.invited } });
  await nobody.call('POST', '/api/v1/invites/accept', { body: { token, password: passwords.invited } });
  await key.call('POST', '/api/v1/groups', {
    body: { name: 'All', tools: ['get_me', 'get_task', 'create_tasks'], members: ['ana@example.com'] },
  });
  ana = await signInAs('ana@example.com', passwords.invited);
}

async function connect(): Promise<void> {
  const started = await ana.call('GET', '/connect/asana');
  secrets.state = new URL(started.headers.get('location')!).searchParams.get('state')!;
  answers.pop(); // the redirect to Asana carries the state
  await ana.call('GET', `/connect/asana/callback?state=${secrets.state}&error=access_denied`);
  secrets.code = canary('code');
  await ana.call('GET', `/connect/asana/callback?state=${secrets.state}&code=${secrets.code}`);
  for (const tokenFault of ['nonsense', 'invalid_client'] as const) {
    portal.sandbox.set({ tokenFault: tokenFault as never });
    await expect(connectAsana(portal, unlogged(ana), 'ana@example.com')).rejects.toThrow(/connecting/);
    portal.sandbox.set({ tokenFault: null });
  }
  await pool().query('ALTER TABLE connections ADD CONSTRAINT never CHECK (false) NOT VALID');
  await expect(connectAsana(portal, unlogged(ana), 'ana@example.com')).rejects.toThrow(/connecting/);
  await pool().query('ALTER TABLE connections DROP CONSTRAINT never');
  const id = await connectAsana(portal, unlogged(ana), 'ana@example.com');
  const { rows } = await pool().query('SELECT * FROM connections WHERE id = $1', [id]);
  const open = (column: string) =>
    openSecret(placeOf(rows[0].organization_id, 'connections', column, id), rows[0][column]);
  secrets.accessToken = open('access_token');
  secrets.refreshToken = open('refresh_token');
}

/** Without the redirects to Asana, which carry the state by design. */
function unlogged(who: Client): Client {
  const call = async (method: string, path: string, sent?: Sent) => {
    const answer = await who.call(method, path, sent);
    if (answer.headers.get('location')?.includes('/-/oauth_authorize')) answers.pop();
    return answer;
  };
  return { call, cookies: who.cookies };
}

async function callTools(): Promise<void> {
  const minted = await ana.call('POST', '/api/v1/me/tokens', { body: { name: 'agent' } });
  const agent = watched(script(portal, remember('agentToken', minted.body.token as string)));
  const call = (name: string, args: object) =>
    agent.call('POST', '/mcp', {
      headers: MCP,
      body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } },
    });
  await agent.call('POST', '/mcp', { headers: MCP, body: { jsonrpc: '2.0', id: 1, method: 'tools/list' } });
  expect((await call('get_me', {})).text).toContain('ana@example.com');
  await call('delete_task', { task_id: secrets.argument });
  await call('get_task', { task_id: secrets.argument });
  for (const mcpFault of ['503', 'nonsense', 'drop-mid'] as const) {
    portal.sandbox.set({ mcpFault: mcpFault as never, faultCount: 3 });
    await call('get_me', { opt: secrets.argument });
    await admin.call('POST', '/api/v1/tools/sync');
    portal.sandbox.set({ mcpFault: null });
  }
  portal.sandbox.expireAccessTokensNow();
  await call('get_me', {});
  await admin.call('POST', '/api/v1/tools/sync');
  // In the wrong place, as people do.
  await agent.call('GET', '/api/v1/me');
  await watched(script(portal, secrets.accessToken!)).call('POST', '/mcp', { headers: MCP, body: '{' });
  await key.call('POST', '/mcp', { headers: MCP, body: {} });
}

async function fail(): Promise<void> {
  const broken = `{"name":"x","password":"${passwords.typed}",`;
  await key.call('POST', '/api/v1/members', {
    body: broken,
    headers: { 'content-type': 'application/json' },
  });
  const wrong = { email: 'x', name: passwords.typed, role: 'admin', password: passwords.typed };
  await key.call('POST', '/api/v1/members', { body: wrong });
  await ana.call('GET', `/api/v1/me?token=${secrets.agentToken}`);
  // The database refuses the record of each change, and says so with the row that it refused.
  await pool().query('ALTER TABLE audit_records ADD CONSTRAINT never CHECK (false) NOT VALID');
  const before = portal.output().length;
  await key.call('POST', '/api/v1/members', { body: { ...wrong, email: 'x@aurora.example', name: 'X' } });
  await key.call('PATCH', '/api/v1/members/ana@example.com', { body: { password: passwords.typed } });
  await ana.call('POST', '/api/v1/me/tokens', { body: { name: 'second' } });
  await key.call('PUT', '/api/v1/asana-app', {
    body: { clientId: portal.sandbox.apps[0]!.clientId, clientSecret: secrets.wrongClientSecret },
  });
  expect((await attemptSignIn(watched(browser(portal)), 'ana@example.com', passwords.invited)).status).toBe(
    401,
  );
  await pool().query('ALTER TABLE audit_records DROP CONSTRAINT never');
  // It was logged: that the secrets are not there is not for want of a line.
  expect(
    portal
      .output()
      .slice(before)
      .match(/"level":50/g)!.length,
  ).toBeGreaterThanOrEqual(5);
}

async function readEverything(): Promise<void> {
  const pages = [
    '/',
    '/connections',
    '/tokens',
    '/admin/asana',
    '/admin/audit',
    '/admin/groups',
    '/admin/groups/all',
  ];
  const more = [
    '/admin/health',
    '/admin/organization',
    '/admin/directory',
    '/admin/people',
    '/admin/tools',
    '/admin/tools/get_me',
  ];
  const calls = [
    'organization',
    'asana-app',
    'tools',
    'api-keys',
    'groups',
    'members',
    'me',
    'me/tokens',
    'audit',
  ];
  for (const path of [...pages, ...more]) await admin.call('GET', path);
  for (const path of [
    ...calls,
    'audit/export?format=jsonl',
    'audit/export?format=csv',
    'openapi.json',
    'health',
  ])
    await admin.call('GET', `/api/v1/${path}`);
  for (const path of [
    '/',
    '/connections',
    '/tokens',
    '/api/v1/me',
    '/api/v1/me/tokens',
    '/api/v1/me/connections',
  ])
    await ana.call('GET', path);
  for (const path of ['/sign-in', '/invite', '/metrics', '/readyz', '/api/auth/providers'])
    await watched(browser(portal)).call('GET', path);
}

/** Which secrets a text holds, as they are or in an encoding that anybody undoes. */
function found(text: string, except?: string): string[] {
  return Object.entries(secrets).flatMap(([what, secret]) => {
    const bytes = Buffer.from(secret);
    const forms = [
      secret,
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('base64url'),
      bytes.toString('hex'),
    ];
    const raw = what === 'vaultKey' ? [Buffer.from(secret, 'base64').toString('hex')] : [];
    const hit = [...forms, ...raw, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)].some(
      (form) => text.includes(form),
    );
    return hit && what !== except ? [what] : [];
  });
}

describe('the secrets that were planted', () => {
  test('are many, and would be found', () => {
    expect(Object.keys(secrets).length).toBeGreaterThanOrEqual(16);
    for (const [what, secret] of Object.entries(secrets)) {
      expect(secret.length, what).toBeGreaterThanOrEqual(12);
      for (const form of [
        secret,
        Buffer.from(secret).toString('base64'),
        Buffer.from(secret).toString('hex'),
      ])
        expect(found(`…${form}…`)).toContain(what);
    }
    for (const { text, shows } of answers) if (shows) expect(found(text)).toContain(shows);
    expect(answers.length).toBeGreaterThan(70);
  });

  test('are not in a stolen copy of the database', async () => {
    const { audit: _audit, ...tables } = await dumpDatabase();
    expect(Object.keys(tables).length).toBeGreaterThan(15);
    expect(tables.connections).toContain('ana@example.com');
    for (const [table, rows] of Object.entries(tables)) expect([table, found(rows)]).toEqual([table, []]);
  });

  test('are not in what the server wrote to its log', () => {
    expect(portal.output()).toContain('Gatehouse listens');
    expect(found(portal.output())).toEqual([]);
  });

  test('SP-15: are in no answer and on no page, but each where it is shown once', () => {
    // What an agent sent, Asana may say back to it.
    const expected = (to: string, shows?: string) => (to === 'POST /mcp' ? 'argument' : shows);
    for (const { to, text, shows } of answers)
      expect([to, found(text, expected(to, shows))]).toEqual([to, []]);
    const showing = answers.flatMap(({ shows }) => shows ?? []);
    expect(showing.toSorted()).toEqual(['agentToken', 'apiKey', 'invite']);
  });

  test('TV-18: and the code that keeps them are not in what browsers load', () => {
    const files = readdirSync('.next/static', { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => file.endsWith('.map'))).toEqual([]);
    for (const file of files) {
      const text = readFileSync(file, 'latin1');
      expect([file, found(text)]).toEqual([file, []]);
      const serverOnly =
        /NEXT_PUBLIC_|audit_records|argon2|aes-256-gcm|NEXTAUTH_SECRET|DATABASE_URL|process\.env\.[A-Z]+_SECRET|prisma/i;
      expect([file, serverOnly.exec(text)?.[0]]).toEqual([file, undefined]);
    }
  });
});
