// Every outbound call: time limits, a size cap, no redirects, pinned origins, and no private addresses (SSRF).
import { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { Agent, request, type Dispatcher } from 'undici';
import { env, type Env } from './env';
import { exchange, type Answer } from './http-exchange';

/** The other side did not answer as a server should. `sent` says whether a byte of the request may have left. */
export class OutboundError extends Error {
  constructor(
    readonly reason: 'refused_url' | 'unreachable' | 'timeout' | 'cut' | 'too_large',
    readonly sent: boolean,
    options?: { cause?: unknown },
  ) {
    super(`outbound call failed: ${reason}`, options);
  }
}

const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  special.addSubnet(network, prefix, 'ipv6');

/** Whether an address is loopback, private, link-local or otherwise not on the public internet (RFC 6890). */
export function isSpecialAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0) return true;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return isSpecialAddress(mapped);
  if (/^::ffff:/i.test(address)) return true;
  return special.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

// The *connected* address is what is checked, so a name that changes its answer in between gains nothing (AS-38).
export const guardedLookup: typeof lookup = ((
  host: string,
  options: object,
  callback: (...args: unknown[]) => void,
) =>
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error);
    const bad =
      !env().GATEHOUSE_ALLOW_INSECURE_UPSTREAM && addresses.some(({ address }) => isSpecialAddress(address));
    if (bad || addresses.length === 0) return callback(new OutboundError('refused_url', false));
    return (options as { all?: boolean }).all
      ? callback(null, addresses)
      : callback(null, addresses[0]!.address, addresses[0]!.family);
  })) as never;

// Kept-alive connections per origin. Pipelining stays off: a queued write behind a hanging read would share its fate. And reads have
// connections of their own: many that hang would else leave none to a write, a refresh or an opening.
const connections = () =>
  new Agent({
    // Streams stay open for minutes: what bounds the calls is lib/policy/limits, for each connection of a person's.
    connections: 16_384,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 60_000,
    connect: { timeout: 5_000, lookup: guardedLookup },
    maxHeaderSize: 32_768,
  });
// Streams that stay open would keep them from everybody.
const lanes = { reads: connections(), others: connections(), streams: connections() };

/** Where a request goes. */
interface Target {
  origin: string;
  path: string;
}

// Judged once for each URL under one environment, which is few: every call to Asana asks.
const judged = new WeakMap<Env, Map<string, Target>>();

/** Throws unless the URL is one of Asana's configured origins and, outside of tests, https to a public address. */
function allowedTarget(url: string): Target {
  const current = env();
  let targets = judged.get(current);
  if (!targets) judged.set(current, (targets = new Map()));
  let target = targets.get(url);
  if (!target) {
    target = judge(new URL(url), current);
    if (targets.size < 100) targets.set(url, target);
  }
  return target;
}

function judge(url: URL, { ASANA_MCP_URL, ASANA_OAUTH_URL, GATEHOUSE_ALLOW_INSECURE_UPSTREAM }: Env): Target {
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  const isOurs = [ASANA_MCP_URL, ASANA_OAUTH_URL].some((known) => new URL(known).origin === url.origin);
  if (!isOurs) throw new OutboundError('refused_url', false);
  if (!GATEHOUSE_ALLOW_INSECURE_UPSTREAM) {
    if (url.protocol !== 'https:') throw new OutboundError('refused_url', false);
    if (isIP(literal) !== 0 && isSpecialAddress(literal)) throw new OutboundError('refused_url', false);
  }
  return { origin: url.origin, path: url.pathname + url.search };
}

export interface OutboundRequest {
  method: 'GET' | 'POST' | 'DELETE';
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** Until the answer's headers are here. */
  timeoutMs: number;
  /** The longest silence inside the answer's body. */
  idleTimeoutMs?: number;
  /** For all of it, the body included. */
  deadlineMs?: number;
  signal?: AbortSignal;
  /** Whose connections it uses: `reads` for what may hang without harm to others. Default: `others`. */
  lane?: keyof typeof lanes;
}

export type OutboundAnswer = Answer;

/** Sends one request and returns as soon as the answer's headers are here. Redirects are answers like any other. Throws `OutboundError`. */
export async function openOutbound(url: string, options: OutboundRequest): Promise<OutboundAnswer> {
  const { origin, path } = allowedTarget(url);
  try {
    return await exchange(
      lanes[options.lane ?? 'others'],
      {
        origin,
        path,
        method: options.method,
        headers: options.headers,
        body: options.body,
        headersTimeout: options.timeoutMs,
        bodyTimeout: options.idleTimeoutMs ?? options.timeoutMs,
      },
      options,
    );
  } catch (error) {
    throw outboundError(error);
  }
}

/** The same, with the whole body (at most `maxBytes`). Throws `OutboundError`. */
export async function callOutbound(
  url: string,
  options: OutboundRequest & { maxBytes: number },
): Promise<Omit<OutboundAnswer, 'body'> & { body: Buffer }> {
  const { status, headers, body } = await openOutbound(url, {
    ...options,
    deadlineMs: options.timeoutMs * 2,
  });
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > options.maxBytes) {
        body.destroy();
        throw new OutboundError('too_large', true);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw outboundError(error, 'cut');
  }
  return { status, headers, body: Buffer.concat(chunks) };
}

// For addresses that strangers name (metadata documents of MCP clients). The sandbox's permission does not reach here: this guard
// has no switch, and a connection is never kept for another document.
const strictLookup: typeof lookup = ((
  host: string,
  options: object,
  callback: (...args: unknown[]) => void,
) =>
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error);
    if (addresses.length === 0 || addresses.some(({ address }) => isSpecialAddress(address)))
      return callback(new OutboundError('refused_url', false));
    return (options as { all?: boolean }).all
      ? callback(null, addresses)
      : callback(null, addresses[0]!.address, addresses[0]!.family);
  })) as never;

const strangersAgent = new Agent({
  connections: 4,
  pipelining: 1,
  keepAliveTimeout: 1,
  connect: { timeout: 2_000, lookup: strictLookup },
  maxHeaderSize: 16_384,
});

/**
 * GETs an https URL that a stranger named: public addresses only (the *connected* one counts), no redirects, no compression, at most
 * `maxBytes` and `timeoutMs` from first to last byte. Throws `OutboundError`. Tests bring their own `dispatcher`, past the look-up only.
 */
export async function getFromStranger(
  url: string,
  { timeoutMs, maxBytes, accept }: { timeoutMs: number; maxBytes: number; accept: string },
  dispatcher: Dispatcher = strangersAgent,
): Promise<Omit<OutboundAnswer, 'body'> & { body: Buffer }> {
  const target = new URL(url);
  const literal = target.hostname.replace(/^\[|\]$/g, '');
  if (target.protocol !== 'https:' || target.username !== '' || target.password !== '')
    throw new OutboundError('refused_url', false);
  if (isIP(literal) !== 0 && isSpecialAddress(literal)) throw new OutboundError('refused_url', false);
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { statusCode, headers, body } = await request(target, {
      dispatcher,
      method: 'GET',
      headers: { accept, 'accept-encoding': 'identity' },
      signal,
    });
    body.on('error', () => undefined);
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
      body.destroy();
      throw new OutboundError('cut', true);
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) {
        body.destroy();
        throw new OutboundError('too_large', true);
      }
      chunks.push(chunk);
    }
    return { status: statusCode, headers, body: Buffer.concat(chunks) };
  } catch (error) {
    if ((error as Error).name === 'TimeoutError' || signal.aborted)
      throw new OutboundError('timeout', true, { cause: error });
    throw outboundError(error);
  }
}

/** Names a failure of undici or the socket. Before a connection stands nothing was sent. */
export function outboundError(error: unknown, fallback: 'cut' | 'unreachable' = 'cut'): OutboundError {
  if (error instanceof OutboundError) return error;
  const cause = error as { code?: string; name?: string; cause?: unknown };
  if (cause.cause instanceof OutboundError) return cause.cause;
  const code = cause.code ?? '';
  if (
    /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/.test(code) ||
    // A handshake that failed (OpenSSL calls one of its reasons UNABLE_TO_VERIFY_LEAF_SIGNATURE), not a record that did later.
    (/CERT|LEAF_SIGNATURE|TLS|SSL/.test(code) && !/RECORD_MAC|DECRYPTION/.test(code))
  )
    return new OutboundError('unreachable', false, { cause: error });
  if (/TIMEOUT/.test(code) || cause.name === 'TimeoutError')
    return new OutboundError('timeout', true, { cause: error });
  return new OutboundError(fallback, true, { cause: error });
}
