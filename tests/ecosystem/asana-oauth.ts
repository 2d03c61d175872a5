// The client that MCP's conformance suite starts: Gatehouse's own OAuth module for Asana (lib/asana/token-endpoint) against the suite's
// authorization server. What an admin does once (finding the server, registering the app) and the addresses that Asana fixes are played
// here; PKCE, authorization URL, callback, code exchange and refresh are the product's.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { calculatePKCECodeChallenge, generateRandomCodeVerifier, generateRandomState } from 'oauth4webapi';
import { authorizationUrl, exchangeCode, refreshTokens } from '../../lib/asana/token-endpoint';
import { setEnv } from '../../lib/env';

// By a variable: it is installed for the full run only, and types are checked without it.
const sdk = '@modelcontextprotocol/client';
const { Client, StreamableHTTPClientTransport } = (await import(sdk)) as Record<string, any>;

const REDIRECT_URL = 'http://localhost:3000/connect/asana/callback';

type Json = Record<string, any>;
const serverUrl = process.argv.at(-1)!;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT || '{}') as Json;

const { resource, issuer, metadata } = await findServer();
const front = await serveAsAsana(metadata);
setEnv({
  DATABASE_URL: 'postgresql://unused',
  GATEHOUSE_URL: 'http://localhost:3000',
  GATEHOUSE_SECRET: 'x'.repeat(32),
  GATEHOUSE_KEYS: `test:${Buffer.alloc(32).toString('base64')}`,
  GATEHOUSE_LOG: 'silent',
  GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
  ASANA_MCP_URL: serverUrl,
  ASANA_OAUTH_URL: front.origin,
  ASANA_RESOURCE: resource,
});
const credentials = await registerApp(metadata);
try {
  const tokens = await connect();
  await useTools(tokens.accessToken);
  const refreshed = await refreshTokens({ credentials, refreshToken: tokens.refreshToken });
  console.error(`refresh: ${'failure' in refreshed ? JSON.stringify(refreshed) : 'ok'}`);
} finally {
  front.close();
}

/** The product's connect: one authorization, one code, one exchange. */
async function connect() {
  const state = generateRandomState();
  const codeVerifier = generateRandomCodeVerifier();
  const codeChallenge = await calculatePKCECodeChallenge(codeVerifier);
  const location = authorizationUrl({
    ...{ clientId: credentials.clientId, redirectUrl: REDIRECT_URL, state, codeChallenge },
  });
  let at = location;
  while (!at.startsWith(REDIRECT_URL))
    at = (await fetch(at, { redirect: 'manual' })).headers.get('location') ?? '';
  const callback = new URL(at).searchParams;
  // The suite's issuer is known here as Asana's; any other stays another.
  if (callback.get('iss') === issuer) callback.set('iss', front.origin);
  const exchanged = await exchangeCode({
    credentials,
    callback,
    state,
    codeVerifier,
    redirectUrl: REDIRECT_URL,
  });
  if ('failure' in exchanged) throw new Error(`the code was not exchanged: ${JSON.stringify(exchanged)}`);
  return exchanged;
}

async function useTools(accessToken: string): Promise<void> {
  const client = new Client({ name: 'gatehouse', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const requestInit = { headers: { authorization: `Bearer ${accessToken}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl), { requestInit }));
  const { tools } = await client.listTools();
  if (tools[0]) await client.callTool({ name: tools[0].name, arguments: {} });
  await client.close();
}

// --- what an admin does once, and what Asana fixes

async function findServer() {
  const refused = await fetch(serverUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'admin', version: '1' },
      },
    }),
  });
  const named = /resource_metadata="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '')?.[1];
  const { origin, pathname } = new URL(serverUrl);
  const paths = ['', ...(pathname === '/' ? [] : [pathname])].toReversed();
  const described = await firstJson(
    named ? [named] : paths.map((path) => `${origin}/.well-known/oauth-protected-resource${path}`),
  );
  const authorizationServer = new URL(described?.authorization_servers?.[0] ?? origin);
  const at = authorizationServer.pathname.replace(/\/$/, '');
  const found = await firstJson([
    `${authorizationServer.origin}/.well-known/oauth-authorization-server${at}`,
    `${authorizationServer.origin}/.well-known/openid-configuration${at}`,
    `${authorizationServer.origin}${at}/.well-known/openid-configuration`,
  ]);
  if (!found) throw new Error('no authorization server metadata');
  return {
    resource: String(described?.resource ?? serverUrl),
    issuer: String(found.issuer),
    metadata: found,
  };
}

async function firstJson(urls: string[]): Promise<Json | undefined> {
  for (const url of urls) {
    const response = await fetch(url);
    if (response.ok) return (await response.json()) as Json;
  }
  return undefined;
}

async function registerApp(found: Json) {
  if (context.client_id) return { clientId: context.client_id, clientSecret: context.client_secret };
  const response = await fetch(found.registration_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ client_name: 'Gatehouse', redirect_uris: [REDIRECT_URL], application_type: 'web' },
      ...{ grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
      token_endpoint_auth_method: 'client_secret_post',
    }),
  });
  const { client_id: clientId, client_secret: clientSecret } = (await response.json()) as Json;
  return { clientId: String(clientId), clientSecret: String(clientSecret ?? 'none') };
}

/** Asana's paths in front of the suite's: requests and answers go through as they are, but for the refresh token that Asana always gives. */
async function serveAsAsana(found: Json) {
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url!, 'http://localhost');
    if (pathname === '/-/oauth_authorize') {
      response.writeHead(302, { location: found.authorization_endpoint + search }).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void (async () => {
        const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
        const answer = await fetch(found.token_endpoint, {
          method: request.method,
          headers: headers as Record<string, string>,
          body: Buffer.concat(chunks),
        });
        const body = (await answer.json()) as Json;
        if (body.access_token) body.refresh_token ??= 'a-refresh-token';
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      })();
    });
  });
  await new Promise<void>((ready) => {
    server.listen(0, '127.0.0.1', ready);
  });
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, close };
}
