// What agents hear: JSON-RPC answers and the HTTP around them. Pure.
import { env } from '../env';

/** An answer before it meets a server: Node's in server.ts, a web Response in app/mcp. */
export interface McpAnswer {
  status: number;
  headers: Record<string, string>;
  /** In pieces: whoever can't read them to their end must break the answer off (a throw), not end it. */
  body: string | Buffer[] | AsyncIterable<string | Uint8Array> | null;
}

/** Whether all of a body is here. */
export function isWhole(body: McpAnswer['body']): body is string | Buffer[] | null {
  return typeof body === 'string' || body === null || Array.isArray(body);
}

/** JSON-RPC codes of our own lie outside the reserved range (JSON-RPC 2.0 §5.1; MCP 2026-07-28 reserves -32020 to -32099). */
export const CODES = {
  stopped: 1403,
  rateLimited: 1429,
  upstreamFailed: 1502,
  unavailable: 1503,
  upstreamTimeout: 1504,
} as const;

export type RpcId = string | number | null;

const json = { 'content-type': 'application/json', 'cache-control': 'no-store' };

const beforeResult = (id: RpcId) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;

/** A result, given as JSON text. */
export function resultText(id: RpcId, result: string): string {
  return `${beforeResult(id)}${result}}`;
}

/** The same of bytes, which are not copied. */
export function resultBytes(id: RpcId, result: Buffer): Buffer[] {
  return [Buffer.from(beforeResult(id)), result, Buffer.from('}')];
}

/** An error, given as an object; without an id where that is undefined (in the modern era null is none). */
export function errorText(id: RpcId | undefined, code: number, message: string, data?: unknown): string {
  return JSON.stringify({
    jsonrpc: '2.0',
    id,
    error: { code, message, ...(data === undefined ? {} : { data }) },
  });
}

/** A JSON answer. */
export function answerJson(
  status: number,
  body: string | Buffer[],
  headers: Record<string, string> = {},
): McpAnswer {
  return { status, headers: { ...json, ...headers }, body };
}

/** HTTP 200 with JSON that comes in pieces. */
export function answerJsonInPieces(pieces: AsyncIterable<string | Uint8Array>): McpAnswer {
  return { status: 200, headers: json, body: pieces };
}

/** HTTP 200 with a JSON-RPC result. */
export function answerResult(id: RpcId, result: string, headers: Record<string, string> = {}): McpAnswer {
  return answerJson(200, resultText(id, result), headers);
}

/** A JSON-RPC error under an HTTP status. */
export function answerError(
  status: number,
  id: RpcId | undefined,
  code: number,
  message: string,
  extra: { data?: unknown; headers?: Record<string, string> } = {},
): McpAnswer {
  return answerJson(status, errorText(id, code, message, extra.data), extra.headers);
}

/** The client initializes again (MCP 2025-11-25, transports, session management). */
export function sessionUnknown(id: RpcId): McpAnswer {
  return answerError(404, id, -32001, 'Session not found; initialize again.');
}

/** An accepted notification (MCP 2025-11-25, transports). */
export function answerAccepted(): McpAnswer {
  return { status: 202, headers: { 'cache-control': 'no-store' }, body: null };
}

/** Events; proxies in between must not hold them back. */
export function answerEvents(events: AsyncIterable<string>): McpAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
    body: events,
  };
}

/** 401 with the challenge of RFC 9728 §5.1 and RFC 6750 §3; without `description` there was no bearer at all. */
export function answerUnauthenticated(description?: string): McpAnswer {
  const metadata = `${env().GATEHOUSE_URL}/.well-known/oauth-protected-resource/mcp`;
  const error =
    description === undefined ? '' : `, error="invalid_token", error_description="${description}"`;
  return answerJson(
    401,
    JSON.stringify(
      description === undefined
        ? {
            error: 'unauthorized',
            error_description: 'Send an agent token of Gatehouse as Authorization: Bearer gth_...',
          }
        : { error: 'invalid_token', error_description: description },
    ),
    { 'www-authenticate': `Bearer resource_metadata="${metadata}", scope="mcp"${error}` },
  );
}

/** The result of a tool call that could not be made because no Asana account stands behind the bearer. */
export function notConnectedResult(text: string, isModern: boolean): string {
  return JSON.stringify({
    ...(isModern ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text }],
    isError: true,
  });
}

/** Refused within a second, nothing sent, worth trying again (CONTRACT: overload or database gone). */
export function answerUnavailable(
  id: string | number | null,
  outcome: 'not_sent' | 'unknown' = 'not_sent',
): McpAnswer {
  return answerError(
    503,
    id,
    CODES.unavailable,
    'Gatehouse can\u2019t record calls right now, so it makes none. Try again shortly.',
    {
      data: { outcome },
      headers: { 'retry-after': '1' },
    },
  );
}

/**
 * The organization's stop switch. As a JSON-RPC error under HTTP 200, like every denial, so that the model reads why and nobody
 * tries again as after a 503; a stream that is asked for, or a session's end, has no id to answer and gets 403.
 */
export function answerStopped(id: RpcId | undefined, httpMethod: string): McpAnswer {
  if (id === undefined && httpMethod === 'POST') return answerAccepted();
  return answerError(id === undefined ? 403 : 200, id ?? null, CODES.stopped, STOPPED, {
    data: { outcome: 'not_sent' },
  });
}

/** What every agent of a stopped organization hears. */
export const STOPPED =
  'Your organization has stopped all agents at Gatehouse, so nothing was sent to Asana. Do not try again; an admin lets them continue.';

/** 429: nothing may be sent before `waitMs` is over (CONTRACT: rate limit, Asana's or ours). */
export function answerRateLimited(
  id: RpcId,
  {
    text,
    waitMs,
    outcome,
  }: { text: string; waitMs: number; outcome: 'not_sent' | 'not_executed' | 'unknown' },
): McpAnswer {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return answerError(429, id, CODES.rateLimited, `${text}; wait ${seconds} s.`, {
    data: { outcome, retryAfterSeconds: seconds },
    headers: { 'retry-after': String(seconds) },
  });
}

const REACHED = {
  token: 'The limit of this agent token is reached',
  member: 'The limit of the person you act for is reached',
  group: 'The limit of a group of the person you act for is reached',
  search: 'The limit on searches through this Asana connection is reached',
  connection: 'The limit of calls through this Asana connection is reached',
  asana: 'Asana\u2019s rate limit is reached',
} as const;

/** 429 for a limit that was found before anything was sent. */
export function answerLimit(id: RpcId, limit: { name: keyof typeof REACHED; waitMs: number }): McpAnswer {
  return answerRateLimited(id, { text: REACHED[limit.name], waitMs: limit.waitMs, outcome: 'not_sent' });
}

/** The link that every answer about a missing connection holds. */
export function connectionsUrl(): string {
  return `${env().GATEHOUSE_URL}/connections`;
}
