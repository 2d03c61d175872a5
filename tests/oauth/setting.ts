// The authorization server and the gate in this process over a real database, with people and browsers: what tests/oauth works with.
import { fork } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { closeDatabase, pool } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { serveMcp } from '@/lib/gateway/serve-mcp';
import type { FetchDocument } from '@/lib/oauth/client-documents';
import { readQuestion, type ConsentQuestion } from '@/lib/oauth/consent';
import { cookieIn } from '@/lib/oauth/cookies';
import { openAuthorizationServer } from '@/lib/oauth/serve-oauth';
import { findSession, startSession } from '@/lib/people/sessions';
import { plainPage } from '@/lib/portal/plain-page';
import { startSandbox, type Sandbox } from '@/lib/sandbox/start-sandbox';
import { createTestDatabase } from '../support/database';
import {
  makeGroup,
  makeMember,
  makeOrganization,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

export interface Setting {
  origin: string;
  /** The MCP endpoint, as tests/support/gate wants it. */
  url: string;
  sandbox: Sandbox;
  upstreamCalls(): { method: string; tool?: string }[];
  variables: Record<string, string>;
  /** Metadata documents by URL, in place of the network; a number answers that status. */
  documents: Map<string, object | number>;
  stop(): Promise<void>;
}

/** Serves both on a free port. `more` replaces environment variables (an https GATEHOUSE_URL, say). */
export async function startSetting(
  more: Record<string, string> = {},
  fetchDocument?: FetchDocument,
): Promise<Setting> {
  const database = await createTestDatabase();
  const sandbox = await startSandbox();
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const variables = {
    DATABASE_URL: database.url,
    GATEHOUSE_URL: origin,
    GATEHOUSE_SECRET: randomBytes(32).toString('base64'),
    GATEHOUSE_KEYS: `test:${randomBytes(32).toString('base64')}`,
    GATEHOUSE_LOG: 'silent',
    ASANA_MCP_URL: sandbox.mcpUrl,
    ASANA_OAUTH_URL: sandbox.oauthUrl,
    ASANA_RESOURCE: sandbox.resource,
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
    ...more,
  };
  setEnv(variables);
  const documents = new Map<string, object | number>();
  const oauth = openAuthorizationServer({
    memberOf,
    errorPage: plainPage,
    fetchDocument: fetchDocument ?? ((url) => Promise.resolve(documentAt(documents, url))),
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0]!;
    if (path === '/mcp') return serveMcp(request, response);
    if (await oauth.serve(request, response, path)) return;
    const uid = /^\/authorize\/([\w-]+)$/.exec(path)?.[1];
    if (uid && request.method === 'POST') return oauth.decide(request, response, uid);
    const member = uid ? await memberOf(request) : null;
    const question = uid && member ? await readQuestion(uid, member) : null;
    response.writeHead(question ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(question));
  }

  return {
    origin,
    url: `${origin}/mcp`,
    sandbox,
    upstreamCalls: () =>
      sandbox.log.entries
        .filter(({ path }) => path.startsWith('/v2/mcp'))
        .map(({ rpc, method }) => ({
          method: rpc?.method ?? method,
          ...(rpc?.tool ? { tool: rpc.tool } : {}),
        })),
    variables,
    documents,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await oauth.stop();
      await flushOutcomes();
      await closeDatabase();
      await sandbox.close();
      await database.drop();
    },
  };
}

function documentAt(documents: Map<string, object | number>, url: string) {
  const found = documents.get(url) ?? 404;
  return typeof found === 'number'
    ? { status: found, headers: {}, body: Buffer.from('') }
    : {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(found)),
      };
}

const SESSION = 'portal-session';

async function memberOf(request: IncomingMessage) {
  const member = await findSession(cookieIn(request.headers.cookie, SESSION) ?? '');
  return (
    member && {
      id: member.id,
      email: member.email,
      organizationId: member.organization.id,
      sessionId: member.sessionId,
    }
  );
}

/** An organization with a member who may use `get_me` and `search_tasks`, connected to Asana. */
export async function makeTeam(
  setting: Setting,
  name: string,
): Promise<{ organization: TestOrganization; member: TestMember }> {
  const organization = await makeOrganization(setting, name);
  const member = await makeMember(setting, organization, `ana@${name.toLowerCase()}.example`, {
    asana: 'ana@example.com',
  });
  await makeGroup(organization, 'Readers', ['get_me', 'search_tasks'], [member]);
  return { organization, member };
}

/** A browser: keeps cookies by name and path, follows nothing by itself. */
export class Browser {
  readonly cookies = new Map<string, { name: string; value: string; path: string; line: string }>();
  constructor(readonly origin: string) {}

  async go(
    method: string,
    url: string,
    { form, headers = {} }: { form?: Record<string, string>; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; headers: Headers; text: string; location: URL | null }> {
    const target = new URL(url, this.origin);
    const cookie = [...this.cookies.values()]
      .filter(
        ({ path }) => target.pathname === path || target.pathname.startsWith(path === '/' ? '/' : `${path}/`),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const response = await fetch(target, {
      method,
      redirect: 'manual',
      headers: {
        ...(cookie ? { cookie } : {}),
        ...(form ? { origin: this.origin, 'content-type': 'application/x-www-form-urlencoded' } : {}),
        ...headers,
      },
      body: form && new URLSearchParams(form).toString(),
    });
    for (const line of response.headers.getSetCookie()) this.keep(line);
    const location = response.headers.get('location');
    return {
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      location: location === null ? null : new URL(location, target),
    };
  }

  keep(line: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
    const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/';
    if (value === '') this.cookies.delete(`${name}@${path}`);
    else this.cookies.set(`${name}@${path}`, { name: name!, value: value!, path, line });
  }
}

/** A browser in which this member is signed in to the portal. */
export async function browserOf(setting: Pick<Setting, 'origin'>, member: TestMember): Promise<Browser> {
  const browser = new Browser(setting.origin);
  const session = await startSession({ id: member.id, organizationId: member.organization.id });
  browser.keep(`${SESSION}=${session}; Path=/`);
  return browser;
}

export const REDIRECT = 'http://127.0.0.1:7777/callback';

/** Registers a client; the answer as it came. */
export async function register(
  setting: Pick<Setting, 'origin'>,
  metadata: Record<string, unknown> = {},
): Promise<{ status: number; headers: Headers; body: any }> {
  const response = await fetch(`${setting.origin}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Test client', redirect_uris: [REDIRECT], ...metadata }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

/** A new public client's id. */
export const newClient = async (
  setting: Pick<Setting, 'origin'>,
  metadata: Record<string, unknown> = {},
): Promise<string> => (await register(setting, metadata)).body.client_id;

export const verifier = () => randomBytes(32).toString('base64url');
export const challengeOf = (code: string) => createHash('sha256').update(code).digest('base64url');

/** The URL of an authorization request; a value of null leaves a parameter out. */
export function authorizeUrl(
  setting: Pick<Setting, 'origin'>,
  clientId: string,
  codeVerifier: string,
  more: Record<string, string | null> = {},
): string {
  const all: Record<string, string | null> = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT,
    state: 'the-state',
    code_challenge: challengeOf(codeVerifier),
    code_challenge_method: 'S256',
    resource: `${setting.origin}/mcp`,
    scope: 'mcp',
    ...more,
  };
  const kept = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
  return `${setting.origin}/oauth/authorize?${new URLSearchParams(kept).toString()}`;
}

/** Begins an authorization and reads what it asks. */
export async function beginConsent(
  browser: Browser,
  url: string,
): Promise<{ path: string; question: ConsentQuestion }> {
  const started = await browser.go('GET', url);
  const path = started.location?.pathname ?? '';
  if (started.status !== 303 || !path.startsWith('/authorize/'))
    throw new Error(
      `no consent: ${started.status} ${started.headers.get('location')} ${started.text.slice(0, 300)}`,
    );
  const page = await browser.go('GET', path);
  if (page.status !== 200) throw new Error(`the consent page answers ${page.status}`);
  return { path, question: JSON.parse(page.text) as ConsentQuestion };
}

/** Decides and follows the way back; returns the client's redirect URI as it was called. */
export async function answerConsent(
  browser: Browser,
  { path, question }: { path: string; question: ConsentQuestion },
  decision: 'allow' | 'deny' = 'allow',
  connection = '',
): Promise<URL> {
  const decided = await browser.go('POST', path, { form: { token: question.token, decision, connection } });
  if (decided.status !== 303)
    throw new Error(`the decision answers ${decided.status}: ${decided.text.slice(0, 2_000)}`);
  const back = await browser.go('GET', decided.location!.href);
  if (!back.location) throw new Error(`resuming answers ${back.status}: ${back.text.slice(0, 300)}`);
  return back.location;
}

/** The whole way to a code. */
export async function codeFor(
  setting: Pick<Setting, 'origin'>,
  browser: Browser,
  clientId: string,
  codeVerifier: string,
  more: Record<string, string | null> = {},
): Promise<string> {
  const back = await answerConsent(
    browser,
    await beginConsent(browser, authorizeUrl(setting, clientId, codeVerifier, more)),
  );
  const code = back.searchParams.get('code');
  if (code === null) throw new Error(`no code: ${back.search}`);
  return code;
}

/** Posts a form to the token endpoint. */
export async function token(
  setting: Pick<Setting, 'origin'>,
  form: Record<string, string>,
  { path = '/oauth/token', headers = {} }: { path?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Headers; body: any }> {
  const response = await fetch(setting.origin + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text.startsWith('{') ? JSON.parse(text) : text,
  };
}

export const redemption = (
  clientId: string,
  code: string,
  codeVerifier: string,
  more: Record<string, string> = {},
) => ({
  grant_type: 'authorization_code',
  client_id: clientId,
  code,
  code_verifier: codeVerifier,
  redirect_uri: REDIRECT,
  ...more,
});

export const refreshing = (clientId: string, refreshToken: string, more: Record<string, string> = {}) => ({
  grant_type: 'refresh_token',
  client_id: clientId,
  refresh_token: refreshToken,
  ...more,
});

export interface Tokens {
  clientId: string;
  access: string;
  refresh: string;
}

/** From nothing to tokens: registration, consent, code, exchange. */
export async function obtainTokens(
  setting: Pick<Setting, 'origin'>,
  member: TestMember,
  { clientId }: { clientId?: string } = {},
): Promise<Tokens> {
  const id = clientId ?? (await newClient(setting));
  const codeVerifier = verifier();
  const code = await codeFor(setting, await browserOf(setting, member), id, codeVerifier);
  const { status, body } = await token(setting, redemption(id, code, codeVerifier));
  if (status !== 200) throw new Error(`no tokens: ${status} ${JSON.stringify(body)}`);
  return { clientId: id, access: body.access_token, refresh: body.refresh_token };
}

/** The id of the grant behind an access or refresh token. */
export async function grantOf(value: string): Promise<string> {
  const { rows } = await pool().query('SELECT grant_id FROM oauth_tokens WHERE hash = sha256($1::bytea)', [
    Buffer.from(value),
  ]);
  return rows[0].grant_id;
}

/** Another process on the same database; `origin` is where it listens. */
export async function startSecondProcess(
  setting: Setting,
): Promise<{ origin: string; url: string; stop(): void }> {
  const child = fork(fileURLToPath(new URL('second-process.ts', import.meta.url)), {
    execArgv: ['--import', './scripts/follow-parent.mjs', '--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const heard = () => new Promise<unknown>((resolve) => child.once('message', resolve));
  await heard();
  const answer = heard();
  child.send({ variables: setting.variables });
  const { origin } = (await answer) as { origin: string };
  return { origin, url: `${origin}/mcp`, stop: () => child.kill('SIGKILL') };
}
