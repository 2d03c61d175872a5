// Sends to the address that an admin gave for the audit (an OTLP collector, a syslog server), under the rules of every outbound call: time
// limits, no redirects, no private addresses, certificates always checked.
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectSealed } from 'node:tls';
import { rootCertificates } from 'node:tls';
import { Agent, request } from 'undici';
import { env } from './env';
import { guardedLookup, isSpecialAddress, OutboundError, outboundError } from './http';

/** Throws `refused_url` unless the host is, by its name at least, on the public internet, or this process may go anywhere. */
export function assertSinkHost(hostname: string): void {
  const literal = hostname.replace(/^\[|\]$/g, '');
  const isPrivate = isIP(literal) !== 0 ? isSpecialAddress(literal) : /(^|\.)localhost$/i.test(literal);
  if (isPrivate && !env().GATEHOUSE_ALLOW_INSECURE_UPSTREAM) throw new OutboundError('refused_url', false);
}

const authorities = (ca: string | null) => (ca === null ? {} : { ca: [...rootCertificates, ca] });

// One for each authority; there is about one.
const agents = new Map<string | null, Agent>();

function agentFor(ca: string | null): Agent {
  let agent = agents.get(ca);
  if (!agent) {
    if (agents.size > 50) agents.clear();
    agent = new Agent({
      connections: 4,
      pipelining: 1,
      keepAliveTimeout: 4_000,
      connect: { timeout: 5_000, lookup: guardedLookup, ...authorities(ca) },
      maxHeaderSize: 16_384,
    });
    agents.set(ca, agent);
  }
  return agent;
}

/** POSTs JSON and answers status, `Retry-After` and the first 64 KiB of the body. https only, but where the process may go anywhere. Throws `OutboundError`. */
export async function postToSink(
  url: string,
  given: { body: string; authorization: string | null; ca: string | null; timeoutMs: number },
): Promise<{ status: number; retryAfter: string | null; text: string }> {
  const target = new URL(url);
  if (target.protocol !== 'https:' && !env().GATEHOUSE_ALLOW_INSECURE_UPSTREAM)
    throw new OutboundError('refused_url', false);
  assertSinkHost(target.hostname);
  const signal = AbortSignal.timeout(given.timeoutMs);
  try {
    const { statusCode, headers, body } = await request(target, {
      dispatcher: agentFor(given.ca),
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(given.authorization === null ? {} : { authorization: given.authorization }),
      },
      body: given.body,
      signal,
    });
    body.on('error', () => undefined);
    let text = '';
    for await (const piece of body as AsyncIterable<Buffer>) {
      text += piece.toString();
      if (text.length > 65_536) {
        body.destroy();
        break;
      }
    }
    const { 'retry-after': retryAfter = null } = headers;
    return { status: statusCode, retryAfter: Array.isArray(retryAfter) ? retryAfter[0]! : retryAfter, text };
  } catch (error) {
    if (signal.aborted) throw new OutboundError('timeout', true, { cause: error });
    throw outboundError(error);
  }
}

/**
 * Opens a connection, sends all of it and closes our half; resolves when the other side has closed its own, which it does once it has
 * read everything: plain syslog knows no other receipt. Throws `OutboundError`.
 */
export function sendOverTcp(
  { host, port, tls, ca }: { host: string; port: number; tls: boolean; ca: string | null },
  payload: string,
  timeoutMs: number,
): Promise<void> {
  assertSinkHost(host);
  const literal = host.replace(/^\[|\]$/g, '');
  const where = { host: literal, port, lookup: guardedLookup };
  return new Promise((resolve, reject) => {
    const socket: Socket = tls
      ? connectSealed({ ...where, ...(isIP(literal) ? {} : { servername: literal }), ...authorities(ca) })
      : connectPlain(where);
    let isConnected = false;
    const timer = setTimeout(() => socket.destroy(new OutboundError('timeout', isConnected)), timeoutMs);
    const failed = (error: unknown) => {
      clearTimeout(timer);
      const named = outboundError(error, isConnected ? 'cut' : 'unreachable');
      reject(named);
    };
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      isConnected = true;
      socket.end(payload);
    });
    // What it says is nothing that syslog knows.
    socket.resume();
    let hasEnded = false;
    socket.once('end', () => (hasEnded = true));
    socket.once('error', failed);
    socket.once('close', () => {
      clearTimeout(timer);
      if (hasEnded && socket.writableFinished) resolve();
      else reject(new OutboundError(isConnected ? 'cut' : 'unreachable', isConnected));
    });
  });
}
