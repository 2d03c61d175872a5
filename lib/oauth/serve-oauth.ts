// The authorization server on Node's HTTP: its own few paths and no others, headers that only the configuration may set, parameters
// that mean something here, and the token endpoint as one transaction.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { callerAddress } from '../caller-address';
import { endingAccess } from '../db';
import { env, publicUrlIsLoopback, resourceUrl } from '../env';
import { isDatabaseGone } from '../errors';
import { log } from '../log';
import { keepAnswer } from './adapter';
import { startCleaner } from './clean-up';
import { fetchDocument as fetchPublicDocument, type FetchDocument } from './client-documents';
import { decide } from './consent';
import { cookieNames, withoutCookie } from './cookies';
import { resourceMetadata, serverMetadata } from './metadata';
import { createProvider } from './provider';
import { MAX_REGISTRATION_BYTES, NO_CLIENT_CREDENTIALS, registerClient } from './register-client';
import { SCOPE } from './scope';
import { inTokenCall } from './token-transaction';
import type { ErrorPage, MemberOf } from './wiring';

export interface AuthorizationServer {
  /** Answers below /oauth and /.well-known; false for a path that is not served here. */
  serve(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean>;
  /** Answers POST /authorize/{uid}. */
  decide(request: IncomingMessage, response: ServerResponse, uid: string): Promise<void>;
  /** Ends background work. */
  stop(): Promise<void>;
}

/** Makes the authorization server of this process. `fetchDocument` replaces the fetching of clients' metadata documents in tests. */
export function openAuthorizationServer(given: {
  memberOf: MemberOf;
  errorPage: ErrorPage;
  fetchDocument?: FetchDocument;
}): AuthorizationServer {
  const wiring = { fetchDocument: fetchPublicDocument, ...given };
  const provider = createProvider(wiring);
  provider.use(steps as never);
  const callback = provider.callback();
  const pass = (request: IncomingMessage, response: ServerResponse) => {
    trustOnlyConfiguration(request);
    return callback(request, response);
  };
  return {
    serve: (request, response, path) => route(pass, request, response, path),
    decide(request, response, uid) {
      trustOnlyConfiguration(request);
      return decide({ ...wiring, provider, request, response, uid });
    },
    stop: startCleaner(30_000),
  };
}

type Pass = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

async function route(
  pass: Pass,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<boolean> {
  const method = request.method ?? '';
  const only = async (methods: string[], work: () => Promise<void> | void): Promise<true> => {
    if (methods.includes(method)) await work();
    else
      send(
        response,
        405,
        { error: 'method_not_allowed', error_description: `Use ${methods[0]}.` },
        {
          allow: methods.join(', '),
        },
      );
    return true;
  };
  const open = (value: unknown) =>
    only(['GET', 'HEAD', 'OPTIONS'], () => send(response, method === 'OPTIONS' ? 204 : 200, value, PUBLIC));
  if (/^\/\.well-known\/oauth-protected-resource(?:\/mcp)?$/.test(path)) return open(resourceMetadata());
  if (path === '/.well-known/oauth-authorization-server') return open(serverMetadata());
  // Tokens are opaque: there is no key to verify them with (R10).
  if (path === '/oauth/jwks') return open({ keys: [] });
  if (path === '/oauth/register') return only(['POST'], () => register(request, response));
  if (path === '/oauth/authorize' || /^\/oauth\/authorize\/[\w-]{10,64}$/.test(path))
    return only(['GET'], () => pass(request, response));
  if (path === '/oauth/token' || path === '/oauth/revoke')
    return only(['POST', 'OPTIONS'], () => pass(request, response));
  return false;
}

/** Anybody may read what clients discover; it is the same for all (R2). */
const PUBLIC = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers': '*',
};

// Host and protocol as the configuration says (AS-34). On loopback the name that the browser used stays, or its cookies would not
// come back; server.ts has checked that it is one of this machine's.
function trustOnlyConfiguration(request: IncomingMessage): void {
  const { host, protocol } = new URL(env().GATEHOUSE_URL);
  for (const name of Object.keys(request.headers))
    if (/^(?:x-)?forwarded/.test(name)) delete request.headers[name];
  if (!publicUrlIsLoopback()) request.headers.host = host;
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1);
  const { cookie } = request.headers;
  if (cookie !== undefined) request.headers.cookie = withoutCookie(cookie, cookieNames().session);
}

/** What is done around oidc-provider, by path. */
async function steps(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  ctx.set('cache-control', 'no-store');
  ctx.set('x-content-type-options', 'nosniff');
  if (ctx.path === '/oauth/token') return tokenStep(ctx, next);
  if (ctx.path === '/oauth/revoke') return endingAccess(() => tokenStep(ctx, next));
  ctx.set('x-frame-options', 'DENY');
  ctx.set('content-security-policy', "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
  ctx.set('referrer-policy', 'no-referrer');
  if (ctx.path === '/oauth/authorize') ctx.querystring = meaningful(ctx.querystring);
  await next();
  // The login that ends with this answer must not greet the next person at this browser.
  const session = cookieNames().session;
  const cookies = [ctx.response.get('set-cookie') as unknown as string | string[]].flat().filter(Boolean);
  const kept = cookies.filter(
    (cookie) => !cookie.startsWith(`${session}=`) && !cookie.startsWith(`${session}.sig=`),
  );
  ctx.remove('set-cookie');
  if (kept.length > 0) ctx.set('set-cookie', kept);
}

const MEANINGFUL = new Set([
  ...['response_type', 'response_mode', 'client_id', 'redirect_uri', 'state'],
  ...['code_challenge', 'code_challenge_method', 'resource', 'prompt'],
]);

// Clients ask for scopes and add OpenID parameters that mean nothing here; they get the one scope instead of an error. Whatever
// counts is passed on as it came, doubles included, for oidc-provider to refuse.
function meaningful(query: string): string {
  const given = [...new URLSearchParams(query)].filter(
    ([name, value]) => MEANINGFUL.has(name) && (name !== 'prompt' || /^(?:none|consent)$/.test(value)),
  );
  const kept = given.map(([name, value]) => [
    name,
    name === 'response_mode' && value !== 'query' ? 'unsupported' : value,
  ]);
  return new URLSearchParams([...kept, ['scope', SCOPE]] as [string, string][]).toString();
}

async function tokenStep(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  try {
    await inTokenCall(
      async (call) => {
        await next();
        if (call.repeat) {
          ctx.status = 200;
          ctx.body = call.repeat;
        } else if (call.rotated && ctx.status === 200) await keepAnswer(call.rotated, ctx.body as object);
      },
      // A request that fails uses nothing up; only what it gave away about a thief stays.
      (call) => ctx.status < 400 || (call.ended && ctx.status < 500),
    );
  } catch (error) {
    log().error({ err: error }, 'the token endpoint failed');
    const away = isDatabaseGone(error);
    ctx.status = away ? 503 : 500;
    ctx.body = { error: away ? 'temporarily_unavailable' : 'server_error' };
  }
  explain(ctx);
}

/** Says what to do instead, where oidc-provider only names the error. */
function explain(ctx: KoaContextWithOIDC): void {
  const { params } = ctx.oidc;
  if (ctx.method !== 'POST' || ctx.status < 400) return;
  if (params?.grant_type === 'client_credentials') {
    ctx.status = 400;
    ctx.remove('www-authenticate');
    ctx.body = { error: 'unsupported_grant_type', error_description: NO_CLIENT_CREDENTIALS };
  } else if (ctx.status >= 500) {
    ctx.body = {
      error: ctx.status === 503 ? 'temporarily_unavailable' : 'server_error',
      error_description: 'Something went wrong on our side; try again.',
    };
  } else if ((ctx.body as { error?: string }).error === 'invalid_target')
    ctx.body = { error: 'invalid_target', error_description: `The only resource here is ${resourceUrl()}` };
}

async function register(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refuse = (status: number, error_description: string) =>
    send(response, status, { error: 'invalid_client_metadata', error_description });
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? ''))
    return refuse(415, 'Send the client\u2019s metadata as application/json.');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REGISTRATION_BYTES) return refuse(413, `At most ${MAX_REGISTRATION_BYTES} bytes.`);
    chunks.push(chunk);
  }
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    return refuse(400, 'The body is not valid JSON.');
  }
  const answer = await registerClient(body, callerAddress(request));
  send(response, answer.status, answer.body, answer.status === 429 ? { 'retry-after': '3600' } : {});
}

function send(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const body = status === 204 ? '' : JSON.stringify(value);
  response.writeHead(status, {
    ...(status === 204
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}
