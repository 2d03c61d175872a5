// Reads what Asana's token endpoint answers. Every answer is a success, a permanent failure or a transient one; none is half read.
import {
  OperationProcessingError,
  ResponseBodyError,
  UnsupportedOperationError,
  type CustomFetchOptions,
  type TokenEndpointResponse,
} from 'oauth4webapi';
import { z } from 'zod';
import { callOutbound, OutboundError } from '../http';
import { failureCodeOf, type ConnectFailureCode } from './connect-failures';
import { retryAfterMs } from './retry-after';

/** The Asana account an answer names; each member is null where Asana did not say it. */
export interface AsanaAccount {
  email: string | null;
  userGid: string | null;
}

export interface TokenAnswer {
  accessToken: string;
  /** Null in most refresh answers: the old one stays good (facts: Asana does not rotate). */
  refreshToken: string | null;
  expiresInSeconds: number;
  account: AsanaAccount;
}

/** `permanent`: Asana said no, asking again changes nothing. `transient`: nothing is known, keep everything. */
export type TokenFailure =
  | { failure: 'permanent'; error: 'invalid_grant' | Exclude<ConnectFailureCode, 'invalid_code'> }
  | {
      failure: 'transient';
      reason: 'timeout' | 'unreachable' | 'cut' | 'rate_limited' | 'server_error' | 'malformed';
      retryAfterMs: number | null;
    };

const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_LIFETIME_SECONDS = 30 * 24 * 3600;

/**
 * The fetch of oauth4webapi's requests: through lib/http (time limits, size cap, no redirects, pinned origins), and the answer cut
 * down to what we read. Throws `OutboundError`.
 */
export async function outboundFetch(
  url: string,
  request: CustomFetchOptions<'POST', URLSearchParams>,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { status, headers, body } = await callOutbound(url, {
    method: 'POST',
    headers: request.headers,
    body: request.body.toString(),
    timeoutMs: deadlineMs / 2,
    maxBytes: MAX_ANSWER_BYTES,
    signal,
  });
  // Only these two headers mean anything here. A WWW-Authenticate beside `invalid_client` would hide the error in the body.
  const kept = new Headers();
  for (const name of ['content-type', 'retry-after'])
    if (typeof headers[name] === 'string') kept.set(name, headers[name]);
  return new Response(body.length > 0 ? onlyKnownMembers(body) : null, { status, headers: kept });
}

const KNOWN_MEMBERS = new Set([
  ...['access_token', 'refresh_token', 'token_type', 'expires_in', 'data'],
  ...['error', 'error_description'],
]);

// A null counts as absent, and what we did not ask for (an id_token, a scope) can't spoil an answer.
function onlyKnownMembers(body: Buffer): string {
  const text = body.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return text;
  const known = Object.entries(value).filter(
    ([name, member]) =>
      KNOWN_MEMBERS.has(name) && member !== null && (name !== 'expires_in' || isNumeric(member)),
  );
  return JSON.stringify(Object.fromEntries(known));
}

// oauth4webapi reads lifetimes with parseFloat, which finds a number in `[3600]` and in "36 minutes" too.
function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^\d{1,9}$/.test(value));
}

/** Sends a request and reads its answer; whatever goes wrong on Asana's side becomes a `TokenFailure`. */
export async function askAsana<T>(
  send: () => Promise<Response>,
  read: (response: Response) => Promise<T>,
): Promise<T | TokenFailure> {
  try {
    const response = await send();
    const waitMs = retryAfterMs(response.headers.get('retry-after'), Date.now());
    if (response.status === 429)
      return { failure: 'transient', reason: 'rate_limited', retryAfterMs: waitMs };
    if (response.status >= 500) return { failure: 'transient', reason: 'server_error', retryAfterMs: waitMs };
    return await read(response);
  } catch (error) {
    if (error instanceof ResponseBodyError)
      return namedFailure(error.error, String(error.error_description ?? ''));
    if (
      error instanceof OperationProcessingError ||
      error instanceof UnsupportedOperationError ||
      error instanceof z.ZodError
    )
      return { failure: 'transient', reason: 'malformed', retryAfterMs: null };
    if (!(error instanceof OutboundError)) throw error;
    const named = {
      timeout: 'timeout',
      cut: 'cut',
      too_large: 'malformed',
      unreachable: 'unreachable',
    } as const;
    const reason = error.reason === 'refused_url' ? 'unreachable' : named[error.reason];
    return { failure: 'transient', reason, retryAfterMs: null };
  }
}

/** The failure of an OAuth error that Asana named. */
export function namedFailure(error: string, description: string): TokenFailure {
  const code = failureCodeOf(error, description);
  return code === 'asana_unavailable'
    ? { failure: 'transient', reason: 'server_error', retryAfterMs: null }
    : { failure: 'permanent', error: code === 'invalid_code' ? 'invalid_grant' : code };
}

// Printable ASCII only: the token becomes a header's value (SP-…: no header of Asana's choosing).
const headerValue = z.string().regex(/^[\x21-\x7e]{1,4096}$/);
const gid = z.union([z.string().regex(/^\d{1,32}$/), z.number().int().positive().transform(String)]);
const account = z
  .object({
    email: z
      .string()
      .max(320)
      .regex(/^[^\s\p{C}]+@[^\s\p{C}]+$/u)
      .nullish()
      .catch(null),
    gid: gid.nullish().catch(null),
    id: gid.nullish().catch(null),
  })
  .catch({ email: null, gid: null, id: null });

/** Reads `{email, gid | id}` out of what Asana says of a user, however much of it is there. */
export function readAccount(data: unknown): AsanaAccount {
  const { email, gid: userGid, id } = account.parse(data);
  return { email: email ?? null, userGid: userGid ?? id ?? null };
}

const tokens = z.object({
  access_token: headerValue,
  refresh_token: headerValue.optional(),
  token_type: z.literal('bearer'),
  // Without a believable lifetime the token can't be refreshed in time; half an answer is not saved (OC-13).
  expires_in: z.number().positive().max(MAX_LIFETIME_SECONDS),
});

/** Reads an answer that oauth4webapi found well formed. Throws `ZodError` where Asana's is no use: half of it is not saved. */
export function readTokens(response: TokenEndpointResponse): TokenAnswer {
  const parsed = tokens.parse(response);
  return {
    accessToken: parsed.access_token,
    refreshToken: parsed.refresh_token ?? null,
    expiresInSeconds: parsed.expires_in,
    account: readAccount(response.data),
  };
}
