// A stand-in MCP server that passes MCP's conformance suites: both eras, switchable, and locked by a bearer where Asana would be.
import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Json } from './fixture-call';
import { LEGACY_VERSIONS, MODERN_VERSION } from './fixture-methods';
import { legacyEra } from './legacy-era';
import { modernEra } from './modern-era';
import { refuseHttp } from './refuse-http';

export interface FixtureOptions {
  /** By default `both`. */
  era?: 'legacy' | 'modern' | 'both';
  /** The bearers that open it; without any it is open. */
  bearers?: readonly string[];
}

/** One request as it came, for tests that look at what passed a gateway. */
export interface FixtureRequest {
  httpMethod: string;
  headers: IncomingHttpHeaders;
  /** Null on GET and DELETE. */
  message: Json | null;
  /** True once the call was cancelled: by a notification (legacy), by a disconnect (modern). */
  cancelled: boolean;
}

export interface Fixture {
  /** `http://localhost:<port>/mcp`: the suites want a name of this computer. */
  url: string;
  /** The last thousand, oldest first. */
  requests: FixtureRequest[];
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const MAX_REQUESTS = 1_000;

/** Starts the fixture on a free loopback port. */
export async function startFixture({ era = 'both', bearers }: FixtureOptions = {}): Promise<Fixture> {
  const changes = new EventEmitter().setMaxListeners(0);
  const versions = [
    ...(era === 'legacy' ? [] : [MODERN_VERSION]),
    ...(era === 'modern' ? [] : LEGACY_VERSIONS),
  ];
  const legacy = legacyEra({ changes });
  const modern = modernEra({ versions, changes, key: randomBytes(32) });
  const requests: FixtureRequest[] = [];

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const { headers, method: httpMethod = '' } = request;
    const seen: FixtureRequest = { httpMethod, headers, message: null, cancelled: false };
    requests.push(seen);
    if (requests.length > MAX_REQUESTS) requests.shift();
    if (!isLocal(headers))
      return refuseHttp(response, 403, 'Forbidden: this server answers its own computer only');
    const bearer = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
    if (bearers && !bearers.includes(bearer ?? '')) {
      response.setHeader('www-authenticate', 'Bearer error="invalid_token"');
      return refuseHttp(response, 401, 'Unauthorized');
    }
    const given = { headers, response, caller: bearer ?? 'anybody', onCancel: () => (seen.cancelled = true) };
    if (new URL(request.url ?? '', 'http://localhost').pathname !== '/mcp')
      return refuseHttp(response, 404, 'Not found');
    if (httpMethod !== 'POST') {
      // Without a session there is nothing to GET or to end; 400 makes some clients loop.
      if (era === 'modern' || (era === 'both' && headers['mcp-session-id'] === undefined))
        return refuseHttp(response, 405, 'Method not allowed');
      if (httpMethod === 'GET') return legacy.get(given);
      if (httpMethod === 'DELETE') return legacy.end(given);
      return refuseHttp(response, 405, 'Method not allowed');
    }
    const message = await readMessage(request, response);
    if (!message) return;
    seen.message = message;
    if (era === 'modern' || (era === 'both' && isModern(message, headers)))
      return modern.post(message, given);
    return legacy.post(message, given);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else refuseHttp(response, 500, String(error), -32603);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/mcp`,
    requests,
    async close() {
      legacy.close();
      modern.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A page of another origin must not reach a server on this computer, whatever name it gave it (DNS rebinding). */
function isLocal({ host = '', origin }: IncomingHttpHeaders): boolean {
  const local = (url: string) =>
    URL.canParse(url) && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(new URL(url).hostname);
  return local(`http://${host}`) && (origin === undefined || local(origin));
}

/** What belongs to the modern era where both are spoken (facts of the two eras: `_meta` decides, then the headers). */
function isModern({ method, params }: Json, headers: IncomingHttpHeaders): boolean {
  return (
    params?._meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined ||
    headers['mcp-protocol-version'] === MODERN_VERSION ||
    method === 'server/discover'
  );
}

/** The one message of a POST, or null once it is answered. */
async function readMessage(request: IncomingMessage, response: ServerResponse): Promise<Json | null> {
  const { headers } = request;
  const accept = headers.accept ?? '';
  if (!/^application\/json\b/.test(headers['content-type'] ?? ''))
    return refuseHttp(response, 415, 'Unsupported media type');
  if (!accept.includes('application/json') || !accept.includes('text/event-stream'))
    return refuseHttp(response, 406, 'Not acceptable');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return refuseHttp(response, 413, 'Too large', -32600);
    chunks.push(chunk);
  }
  try {
    const message = JSON.parse(Buffer.concat(chunks).toString()) as unknown;
    if (typeof message === 'object' && message !== null && !Array.isArray(message)) return message;
    refuseHttp(response, 400, 'One message in a POST', -32600);
  } catch {
    refuseHttp(response, 400, 'Parse error', -32700);
  }
  return null;
}
