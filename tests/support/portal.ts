// The built Gatehouse as a process of its own, as `npm start` runs it, and browsers and scripts to call it with.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { closeDatabase, db, pool, transaction } from '@/lib/db';
import { childEnv, setEnv } from '@/lib/env';
import { saveAsanaApp } from '@/lib/asana/asana-app';
import type { Actor } from '@/lib/audit/append';
import { addMember, type NewMember } from '@/lib/people/members';
import { createOrganization } from '@/lib/people/organizations';
import { startSandbox, type Sandbox } from '@/lib/sandbox/start-sandbox';
import { createApiKey, type ApiKey } from '@/lib/tokens/api-keys';
import { placeOf, sealSecret } from '@/lib/vault/vault';
import { createTestDatabase } from './database';

export const PASSWORD = 'a long enough password';
const START_TIMEOUT_MS = 60_000;

/** For `beforeAll`: a start on a busy machine takes its time. */
export const START_MS = 90_000;

export interface Portal {
  /** GATEHOUSE_URL, the address that the server listens on. */
  origin: string;
  sandbox: Sandbox;
  databaseUrl: string;
  /** What the server was started with. */
  variables: Record<string, string>;
  /** Everything that the server wrote to stdout and stderr so far. */
  output(): string;
  stop(): Promise<void>;
}

/** What a portal before this one in the same process may have had. */
const NO_COMPANY = { OIDC_ISSUER: '', OIDC_CLIENT_ID: '', OIDC_CLIENT_SECRET: '', OIDC_GROUPS_CLAIM: '' };

/** A Gatehouse of its own; the test's process shares its database and keys, so that `lib` can be called beside it. */
export async function startPortal(extra: Record<string, string> = {}, postgresUrl?: string): Promise<Portal> {
  const database = await createTestDatabase(postgresUrl);
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const sandbox = await startSandbox({ apps: [{ redirectUrls: [`${origin}/connect/asana/callback`] }] });
  const variables = {
    DATABASE_URL: database.url,
    GATEHOUSE_URL: origin,
    GATEHOUSE_SECRET: randomBytes(32).toString('base64'),
    GATEHOUSE_KEYS: `test:${randomBytes(32).toString('base64')}`,
    ASANA_MCP_URL: sandbox.mcpUrl,
    ASANA_OAUTH_URL: sandbox.oauthUrl,
    ASANA_RESOURCE: sandbox.resource,
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
    ...extra,
  };
  setEnv({ ...NO_COMPANY, ...variables, GATEHOUSE_LOG: 'silent' });
  await warmUp();
  const closeRest = async () => {
    await closeDatabase();
    await sandbox.close();
    await database.drop();
  };
  try {
    const server = await startServer({ ...variables, PORT: String(port) });
    const stop = async () => {
      await server.stop();
      await closeRest();
    };
    return { origin, sandbox, databaseUrl: database.url, variables, output: server.output, stop };
  } catch (error) {
    await closeRest();
    throw error;
  }
}

/** For tests that call `lib` in their own process: a database of its own, without a server. */
export async function openLib(extra: Record<string, string> = {}) {
  const database = await createTestDatabase();
  const variables = {
    DATABASE_URL: database.url,
    GATEHOUSE_URL: 'http://localhost:3000',
    GATEHOUSE_SECRET: randomBytes(32).toString('base64'),
    GATEHOUSE_KEYS: `test:${randomBytes(32).toString('base64')}`,
    ...extra,
  };
  setEnv({ ...variables, GATEHOUSE_LOG: 'silent' });
  await warmUp();
  const close = async () => {
    await closeDatabase();
    await database.drop();
  };
  return { databaseUrl: database.url, variables, close };
}

// The pool gives up on a new connection within a second; a machine that runs many tests at once may need longer for its first.
async function warmUp(): Promise<void> {
  const deadline = Date.now() + 20_000;
  const open = () => Promise.all(Array.from({ length: 12 }, () => pool().query('SELECT pg_sleep(0.05)')));
  for (;;) {
    const failure = await open().then(
      () => null,
      (error: unknown) => error as Error,
    );
    if (!failure) return;
    if (Date.now() > deadline) throw failure;
  }
}

/** Starts the built server on 127.0.0.1 with these variables and waits until it is ready. Rejects with its output if it ends. `endMs`: how long `stop` waits before it kills. */
export async function startServer(
  variables: Record<string, string>,
  { endMs = 10_000 } = {},
): Promise<{ output: () => string; stop: () => Promise<void> }> {
  if (!existsSync('.next/BUILD_ID')) throw new Error('The portal is not built: `npm run build` first.');
  const args = ['--import', './scripts/follow-parent.mjs', '.next/gatehouse/server.mjs'];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: childEnv({ GATEHOUSE_LOG: 'debug', HOST: '127.0.0.1', ...variables, NODE_ENV: 'production' }),
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += String(chunk)));
  const output = () => text;
  await untilReady(child, Number(variables.PORT), output);
  return { output, stop: () => end(child, endMs) };
}

async function untilReady(child: ChildProcess, port: number, output: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The server ended at its start:\n${output()}`);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (ready?.status === 200) return;
    if (Date.now() > deadline) {
      await end(child);
      throw new Error(`The server was not ready after ${START_TIMEOUT_MS} ms:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function end(child: ChildProcess, endMs = 10_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), endMs);
  await ended;
  clearTimeout(late);
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** Parsed JSON, or undefined. */
  body: any;
}

export interface Sent {
  /** Sent as JSON unless it is text or bytes. */
  body?: unknown;
  /** A value of null leaves a header out that would be sent otherwise. */
  headers?: Record<string, string | null>;
}

/** One caller: sends what its kind sends by itself (cookies and Origin, or a bearer) and keeps the cookies it is given. */
export interface Client {
  call(method: string, path: string, sent?: Sent): Promise<Answer>;
  cookies: Map<string, string>;
}

function client(portal: Pick<Portal, 'origin'>, own: Record<string, string>): Client {
  const cookies = new Map<string, string>();
  const call = async (method: string, path: string, { body, headers = {} }: Sent = {}): Promise<Answer> => {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const all: Record<string, string | null> = {
      ...own,
      ...(cookie ? { cookie } : {}),
      ...(raw ? {} : { 'content-type': 'application/json' }),
      ...headers,
    };
    const response = await fetch(`${portal.origin}${path}`, {
      method,
      redirect: 'manual',
      headers: Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
      body: (raw ? body : JSON.stringify(body)) as BodyInit | undefined,
    });
    keepCookies(cookies, response.headers);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(response, text) };
  };
  return { call, cookies };
}

function keepCookies(cookies: Map<string, string>, headers: Headers): void {
  for (const line of headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
    const ended = value === '' || /;\s*max-age=0/i.test(line) || /expires=Thu, 01 Jan 1970/i.test(line);
    if (ended) cookies.delete(name!);
    else cookies.set(name!, value!);
  }
}

function parsed(response: Response, text: string): unknown {
  return /^application\/(problem\+)?json(;|$)/.test(response.headers.get('content-type') ?? '') && text !== ''
    ? JSON.parse(text)
    : undefined;
}

/** A browser without a session. */
export const browser = (portal: Pick<Portal, 'origin'>) => client(portal, { origin: portal.origin });

/** A script with a bearer. */
export const script = (portal: Pick<Portal, 'origin'>, bearer: string) =>
  client(portal, { authorization: `Bearer ${bearer}` });

/** What the sign-in form sends. The status is 200 when it went well, 401 otherwise. */
export async function attemptSignIn(via: Client, email: string, password: string): Promise<Answer> {
  const { csrfToken } = (await via.call('GET', '/api/auth/csrf')).body;
  return via.call('POST', '/api/auth/callback/credentials', {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ csrfToken, email, password, json: 'true' }).toString(),
  });
}

/** A browser in which this person is signed in. */
export async function signIn(portal: Pick<Portal, 'origin'>, email: string, password = PASSWORD) {
  const signedIn = browser(portal);
  const { status, text } = await attemptSignIn(signedIn, email, password);
  if (status !== 200) throw new Error(`sign-in of ${email}: ${status} ${text}`);
  return signedIn;
}

export interface PortalOrganization {
  id: string;
  adminEmail: string;
  actor: Actor;
}

/** An organization with its admin (password `PASSWORD`); `sandbox` registers its first app. */
export async function addOrganization(
  name: string,
  adminEmail: string,
  sandbox?: Sandbox,
): Promise<PortalOrganization> {
  const { organizationId, adminId } = await transaction((tx) =>
    createOrganization(tx, {
      name,
      admin: { email: adminEmail, name: `Admin of ${name}`, password: PASSWORD },
      credentialName: 'test',
    }),
  );
  const actor: Actor = {
    organizationId,
    memberId: adminId,
    memberEmail: adminEmail,
    credential: { kind: 'system', id: 'gatehouse', name: 'test' },
  };
  const [app] = sandbox?.apps ?? [];
  if (app)
    await transaction((tx) =>
      saveAsanaApp(tx, actor, { clientId: app.clientId, clientSecret: app.clientSecret }),
    );
  return { id: organizationId, adminEmail, actor };
}

/** A member with the password `PASSWORD`; returns the id. */
export async function addPerson(
  { actor }: PortalOrganization,
  email: string,
  more: Partial<NewMember> = {},
): Promise<string> {
  const member = { email, name: email, role: 'member' as const, password: PASSWORD, ...more };
  return (await transaction((tx) => addMember(tx, actor, member))).id;
}

/** A new API key of the organization. */
export const addApiKey = ({ actor }: PortalOrganization, role: ApiKey['role'], name = `key of ${role}`) =>
  transaction((tx) => createApiKey(tx, actor, { name, role }));

/** A connection with a grant of the sandbox behind it, without the way through the browser. Returns its id. */
export async function addConnection(
  { sandbox }: Pick<Portal, 'sandbox'>,
  organizationId: string,
  memberId: string,
  asanaEmail: string,
): Promise<string> {
  const id = crypto.randomUUID();
  const { accessToken, refreshToken } = sandbox.issueTokens({ email: asanaEmail });
  const seal = (column: string, plain: string) =>
    sealSecret(placeOf(organizationId, 'connections', column, id), plain);
  await db().connection.create({
    data: {
      ...{ id, organizationId, memberId, asanaEmail, clientId: sandbox.apps[0]!.clientId },
      accessToken: seal('access_token', accessToken),
      refreshToken: seal('refresh_token', refreshToken),
      accessExpiresAt: new Date(Date.now() + 3_600_000),
    },
  });
  return id;
}

/** Connects an Asana account as a browser does: to Asana and back. Returns the connection's id. */
export async function connectAsana(
  portal: Pick<Portal, 'origin'>,
  member: Client,
  asanaEmail: string,
  workspaceGid?: string,
): Promise<string> {
  const started = await member.call('GET', '/connect/asana');
  const authorize = new URL(started.headers.get('location') ?? '');
  authorize.searchParams.set('sandbox_user', asanaEmail);
  if (workspaceGid) authorize.searchParams.set('sandbox_workspace', workspaceGid);
  const consent = await fetch(authorize, { redirect: 'manual' });
  const back = new URL(consent.headers.get('location') ?? '');
  const done = await member.call('GET', back.pathname + back.search);
  const id = /\/connections\?connected=([0-9a-f-]{36})$/.exec(done.headers.get('location') ?? '')?.[1];
  if (!id) throw new Error(`connecting ${asanaEmail}: ${done.status} ${done.text}`);
  return id;
}
