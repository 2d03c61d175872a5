// The stand-in MCP server in the modern era (MCP 2026-07-28): every POST stands alone and repeats its body in its headers. Its answers are
// those of the older era with what the modern one adds. As in mcp-server.ts, no code is shared with the gateway.
import type { IncomingHttpHeaders } from 'node:http';
import { rpcError, type Message } from '@/lib/sandbox/mcp-messages';
import type { Switches } from '@/lib/sandbox/switches';

const VERSION = '2026-07-28';
const META = 'io.modelcontextprotocol/';
const CACHEABLE = /^(server\/discover|resources\/read|.*\/list)$/;
/** What the older era has and this one has not. */
const GONE = new Set(['initialize', 'ping']);
const NAMED: ReadonlyMap<string, 'name' | 'uri'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);

/** Whether a message is one of the modern era, for a server that speaks both. */
export function isModern({ method, params }: Message, headers: IncomingHttpHeaders): boolean {
  const meta = metaOf(params);
  return (
    meta[`${META}protocolVersion`] !== undefined ||
    headers['mcp-protocol-version'] === VERSION ||
    method === 'server/discover'
  );
}

function metaOf(params: Message['params']): Record<string, unknown> {
  const meta = params?._meta;
  return typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>) : {};
}

/** What is wrong with a request, in the order of the specification, and the status that goes with it; null where nothing is. */
export function refusal(
  message: Message,
  headers: IncomingHttpHeaders,
  switches: Switches,
): { status: number; error: ReturnType<typeof rpcError> } | null {
  const { id = null, method = '', params } = message;
  const refuse = (status: number, code: number, text: string, data?: unknown) => {
    const error = rpcError(id, code, text);
    return { status, error: data === undefined ? error : { ...error, error: { ...error.error, data } } };
  };
  const meta = metaOf(params);
  const version = headers['mcp-protocol-version'];
  if (version === undefined) return refuse(400, -32020, 'MCP-Protocol-Version header is required');
  const said = meta[`${META}protocolVersion`];
  if (said !== undefined && said !== version)
    return refuse(400, -32020, 'MCP-Protocol-Version differs from the body');
  if (headers['mcp-method'] !== method)
    return refuse(400, -32020, 'Mcp-Method is missing or differs from the body');
  const member = NAMED.get(method);
  if (member && decoded(headers['mcp-name']) !== params?.[member])
    return refuse(400, -32020, 'Mcp-Name is missing or differs from the body');
  if (version !== VERSION)
    return refuse(400, -32022, `Unsupported protocol version ${version as string}`, {
      supported: versionsOf(switches),
      requested: version,
    });
  if (said === undefined || typeof meta[`${META}clientCapabilities`] !== 'object')
    return refuse(400, -32602, 'params._meta lacks what every request has');
  return GONE.has(method) ? refuse(404, -32601, 'Method not found') : null;
}

/** `=?base64?…?=` stands for its decoded text. */
function decoded(value: string | string[] | undefined): string | undefined {
  if (typeof value !== 'string') return undefined;
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
}

function versionsOf({ era, protocolVersions }: Switches): string[] {
  return era === 'both' ? [VERSION, ...protocolVersions] : [VERSION];
}

/** What `server/discover` says. */
export function discovery(switches: Switches): object {
  return {
    supportedVersions: versionsOf(switches),
    capabilities: { tools: { listChanged: true }, resources: {}, prompts: {} },
    ...(switches.instructions !== null && { instructions: switches.instructions }),
  };
}

/** An answer of the older era as one of this, and its status: a method that is not there is not found. */
export function modernAnswer({ method = '' }: Message, answer: unknown): { status: number; answer: object } {
  const { result, error, ...rest } = answer as { result?: object; error?: { code: number } };
  if (error?.code === -32601) return { status: 404, answer: { ...rest, error } };
  if (error) return { status: 200, answer: { ...rest, error: { ...error, code: modernCode(error.code) } } };
  const cache = CACHEABLE.test(method) ? { ttlMs: 60_000, cacheScope: 'public' } : {};
  const _meta = {
    [`${META}serverInfo`]: { name: 'asana-sandbox', title: 'Asana (sandbox)', version: '2.0.0' },
  };
  return { status: 200, answer: { ...rest, result: { resultType: 'complete', ...result, ...cache, _meta } } };
}

const modernCode = (code: number) => (code === -32002 ? -32602 : code);
