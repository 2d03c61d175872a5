// A bare-fetch client of the stand-in Asana: authorizes, exchanges, speaks MCP, and reads answers in both forms. It uses
// no SDK, so that what is asserted is what was on the wire.
import { createHash, randomBytes } from 'node:crypto';
import type { Sandbox } from '../../lib/sandbox/start-sandbox';

export const CALLBACK = 'http://localhost:3000/connect/asana/callback';

export function pkce() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** GET on the authorization endpoint; a value of null leaves a parameter out. */
export function authorizeUrl(sandbox: Sandbox, changes: Record<string, string | null> = {}): string {
  const parameters = {
    client_id: sandbox.apps[0]!.clientId,
    redirect_uri: CALLBACK,
    response_type: 'code',
    state: 'state-1',
    ...changes,
  };
  const kept = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== null);
  return `${sandbox.oauthUrl}/-/oauth_authorize?${new URLSearchParams(kept)}`;
}

export const get = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers, redirect: 'manual' });

/** The query of the redirect that an answer makes. */
export function redirected(response: Response): Record<string, string> {
  const location = response.headers.get('location');
  if (response.status !== 302 || location === null) throw new Error(`no redirect but ${response.status}`);
  return Object.fromEntries(new URL(location).searchParams);
}

export function sendForm(
  sandbox: Sandbox,
  endpoint: 'oauth_token' | 'oauth_revoke',
  fields: Record<string, string | null>,
  headers: Record<string, string> = {},
  timeoutMs = 10_000,
): Promise<Response> {
  const app = sandbox.apps[0]!;
  const form: Record<string, string | null> = {
    client_id: app.clientId,
    client_secret: app.clientSecret,
    ...fields,
  };
  const kept = Object.entries(form).filter((entry): entry is [string, string] => entry[1] !== null);
  return fetch(`${sandbox.oauthUrl}/-/${endpoint}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(kept).toString(),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  });
}

export async function postForm(...given: Parameters<typeof sendForm>) {
  const response = await sendForm(...given);
  const text = await response.text();
  const json = response.headers.get('content-type') === 'application/json' && text.startsWith('{');
  return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : {} };
}

/** A code for this person and workspace, without the page. */
export async function getCode(sandbox: Sandbox, changes: Record<string, string | null> = {}) {
  const { verifier, challenge } = pkce();
  const url = authorizeUrl(sandbox, {
    code_challenge: challenge,
    code_challenge_method: 'S256',
    sandbox_user: 'ana@example.com',
    ...changes,
  });
  return { verifier, code: redirected(await get(url)).code! };
}

/** The whole way from the page to the tokens. */
export async function connect(sandbox: Sandbox, changes: Record<string, string | null> = {}) {
  const { verifier, code } = await getCode(sandbox, changes);
  const answer = await postForm(sandbox, 'oauth_token', {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: CALLBACK,
  });
  return answer.body as { access_token: string; refresh_token: string; data: Record<string, string> };
}

export interface RpcAnswer {
  id?: unknown;
  result?: any;
  error?: { code: number; message: string };
  method?: string;
  params?: any;
}

/** What became of a request, in one line: status, headers that matter, body; or that the connection broke. */
export async function outcomeOf(asked: Promise<Response>): Promise<string> {
  try {
    const response = await asked;
    const told = ['content-type', 'retry-after', 'location', 'www-authenticate']
      .filter((name) => response.headers.has(name))
      .map((name) => `[${name}: ${response.headers.get(name)}]`);
    return [response.status, ...told, await response.text()].join(' ');
  } catch (error) {
    return `broken: ${(error as Error).message}`;
  }
}

/** Every message of an answer, in order, whether it came as JSON or as an event stream. */
export async function readMessages(response: Response): Promise<RpcAnswer[]> {
  const text = await response.text();
  if (!response.headers.get('content-type')?.startsWith('text/event-stream'))
    return text === '' ? [] : [JSON.parse(text)].flat();
  return text
    .split('\n\n')
    .filter((event) => event.includes('data: '))
    .map((event) => JSON.parse(/^data: (.*)$/m.exec(event)![1]!));
}

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
};

/** An MCP client that keeps its session. Header values of null are left out. */
export function mcpClient(sandbox: Sandbox, token: string | null) {
  let session: string | null = null;
  let nextId = 1;
  const send = (
    body: unknown,
    changes: Record<string, string | null> = {},
    method = 'POST',
    timeoutMs = 10_000,
  ) => {
    const headers = Object.entries({
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: token === null ? null : `Bearer ${token}`,
      'mcp-session-id': session,
      ...changes,
    }).filter((entry): entry is [string, string] => entry[1] !== null);
    return fetch(sandbox.mcpUrl, {
      method,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...(method === 'POST' && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  };
  const client = {
    send,
    session: () => session,
    async open(params: Record<string, unknown> = {}) {
      const body = { ...INITIALIZE, params: { ...INITIALIZE.params, ...params } };
      const response = await send(body, { 'mcp-session-id': null });
      session = response.headers.get('mcp-session-id');
      const [answer] = await readMessages(response);
      return { status: response.status, answer: answer! };
    },
    async request(method: string, params?: unknown): Promise<RpcAnswer> {
      const response = await send({
        jsonrpc: '2.0',
        id: nextId++,
        method,
        ...(params !== undefined && { params }),
      });
      return (await readMessages(response)).at(-1)!;
    },
    /** Calls a tool and reads the JSON in its text. */
    async call(name: string, given: Record<string, unknown> = {}): Promise<{ isError: boolean; value: any }> {
      const { result, error } = await client.request('tools/call', { name, arguments: given });
      if (error) throw new Error(`${error.code} ${error.message}`);
      const text = result.content[0].text as string;
      return { isError: result.isError === true, value: text.startsWith('{') ? JSON.parse(text) : text };
    },
  };
  return client;
}

/** An MCP client of this person, its session open. */
export async function clientOf(sandbox: Sandbox, email: string, workspaceGid?: string) {
  const client = mcpClient(sandbox, sandbox.issueTokens({ email, workspaceGid }).accessToken);
  await client.open();
  return client;
}
