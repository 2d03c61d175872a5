// One POST of our own to Asana's MCP server: on record before it leaves, its outcome after; every failure has a name.
import { pool } from '../db';
import { env } from '../env';
import { openOutbound, outboundError, OutboundError, type OutboundAnswer } from '../http';
import { log } from '../log';
import { recordOutcomes, recordSystemCall, type Outcome } from '../audit/system-call';
import { readMcpAnswer, refusalCodeIn } from './mcp-answer';
import { retryAfterMs } from './retry-after';

/** Through whom a call goes, as the audit remembers it. `connectionId` is null while a connect is under way. */
export interface ConnectionFacts {
  organizationId: string;
  memberId: string;
  memberEmail: string;
  connectionId: string | null;
  workspaceGid: string | null;
}

/**
 * Asana did not answer a call of ours with a result. `unauthorized`: the token is refused. `session_gone`: initialize again.
 * `rate_limited`: wait `retryAfterMs`. `refused`: a JSON-RPC error, its code in `rpcCode`. `failed`: 5xx, network, timeout.
 * `malformed`: an answer that is none. Never carries Asana's own text.
 */
export class UpstreamError extends Error {
  constructor(
    readonly reason: 'unauthorized' | 'session_gone' | 'rate_limited' | 'refused' | 'failed' | 'malformed',
    readonly detail: {
      status?: number;
      retryAfterMs?: number | null;
      rpcCode?: number;
      /** The token was not issued to an MCP app (facts 2.2). */
      wrongKindOfApp?: boolean;
      /** Whether Asana may have acted on it. */
      mayHaveRun?: boolean;
    } = {},
    options?: { cause?: unknown },
  ) {
    super(`Asana's MCP server: ${reason}`, options);
  }
}

/** An initialized session. Asana may issue no id; then every request stands alone, as it does in the modern era. */
export interface UpstreamSession {
  facts: ConnectionFacts;
  accessToken: string;
  purpose: string;
  /** Requests are of the modern era (MCP 2026-07-28): their headers repeat the body, and there is no session. */
  isModern?: boolean;
  sessionId: string | null;
  protocolVersion: string;
  /** What Asana offers, by name. */
  capabilities: Readonly<Record<string, unknown>>;
  nextId: number;
}

export const MODERN_VERSION = '2026-07-28';

const HEADERS_TIMEOUT_MS = 15_000;
const DEADLINE_MS = 30_000;
// Asana's own advice to plugins, where it does not say how long (facts/asana 2.6).
const UNSAID_WAIT_MS = 10_000;

interface Message {
  id?: number;
  method: string;
  params?: Record<string, unknown>;
}

/** One recorded POST. Returns a request's result; null for a notification. Throws `UpstreamError`. */
export async function post(
  session: UpstreamSession,
  message: Message,
  tool?: string,
): Promise<Record<string, unknown> | null> {
  const { facts, purpose } = session;
  const callId = await recordSystemCall({ ...facts, purpose, method: message.method, tool });
  const startedMs = performance.now();
  let outcome: Outcome = 'unknown';
  try {
    const result = await send(session, message);
    outcome = result?.isError === true ? 'tool_error' : 'ok';
    return result;
  } catch (error) {
    if (error instanceof UpstreamError && !error.detail.mayHaveRun) outcome = 'upstream_error';
    throw error;
  } finally {
    const latencyMs = performance.now() - startedMs;
    // A call without an outcome reads `unknown`, which is true of one whose outcome could not be stored.
    await recordOutcomes([{ organizationId: facts.organizationId, callId, outcome, latencyMs }]).catch(
      (error) => log().warn({ err: error }, 'the outcome of a call of our own could not be recorded'),
    );
  }
}

async function send(session: UpstreamSession, message: Message): Promise<Record<string, unknown> | null> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  let answer: OutboundAnswer;
  try {
    answer = await openOutbound(env().ASANA_MCP_URL, {
      method: 'POST',
      headers: {
        ...sessionHeaders(session),
        ...(session.isModern ? repeated(message) : {}),
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'accept-encoding': 'identity',
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...(session.isModern ? modernOf(message) : message) }),
      timeoutMs: HEADERS_TIMEOUT_MS,
      signal: deadline,
    });
  } catch (error) {
    const { sent } = outboundError(error);
    throw new UpstreamError('failed', { mayHaveRun: sent }, { cause: error });
  }
  if (answer.status >= 300 || answer.status < 200) {
    // Which era Asana speaks shows in the code.
    const rpcCode = answer.status === 400 || answer.status === 404 ? await refusalCodeIn(answer) : undefined;
    answer.body.destroy();
    const refused = refusal(session, answer, rpcCode);
    if (refused.reason === 'rate_limited' && session.facts.connectionId !== null) {
      const { organizationId, connectionId } = session.facts;
      await throttleConnection(
        { organizationId, connectionId },
        refused.detail.retryAfterMs ?? UNSAID_WAIT_MS,
      );
    }
    throw refused;
  }
  if (message.id === undefined) {
    answer.body.destroy();
    return null;
  }
  if (message.method === 'initialize') session.sessionId = sessionIdOf(answer);
  try {
    const read = await readMcpAnswer(answer, message.id);
    if ('result' in read) return read.result;
    throw new UpstreamError('refused', { rpcCode: read.rpcCode });
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    const reason = error instanceof OutboundError ? 'failed' : 'malformed';
    throw new UpstreamError(reason, { mayHaveRun: true }, { cause: error });
  }
}

const META = 'io.modelcontextprotocol/';

/** Nobody is there to be asked, so nothing is declared. */
function modernOf({ params, ...message }: Message): Message {
  const _meta = {
    [`${META}protocolVersion`]: MODERN_VERSION,
    [`${META}clientInfo`]: { name: 'gatehouse', version: '1' },
    [`${META}clientCapabilities`]: {},
  };
  return { ...message, params: { ...params, _meta } };
}

/** What the headers repeat. The names are those of tools that we call ourselves: plain ASCII. */
function repeated({ method, params }: Message): Record<string, string> {
  return { 'mcp-method': method, ...(method === 'tools/call' ? { 'mcp-name': String(params!.name) } : {}) };
}

function sessionHeaders({
  accessToken,
  protocolVersion,
  sessionId,
}: UpstreamSession): Record<string, string> {
  return {
    authorization: `Bearer ${accessToken}`,
    ...(protocolVersion ? { 'mcp-protocol-version': protocolVersion } : {}),
    ...(sessionId === null ? {} : { 'mcp-session-id': sessionId }),
  };
}

function refusal(
  session: UpstreamSession,
  { status, headers }: OutboundAnswer,
  rpcCode: number | undefined,
): UpstreamError {
  if (status === 401) {
    const wrongKindOfApp = /not issued by Asana OAuth/i.test(String(headers['www-authenticate'] ?? ''));
    return new UpstreamError('unauthorized', { status, wrongKindOfApp });
  }
  if (status === 404 && session.sessionId !== null) return new UpstreamError('session_gone', { status });
  if (status === 429) {
    const waitMs = retryAfterMs(String(headers['retry-after'] ?? ''), Date.now());
    return new UpstreamError('rate_limited', { status, retryAfterMs: waitMs });
  }
  // 4xx says it was not executed; a 5xx may come from something in front of a server that did.
  return status >= 500
    ? new UpstreamError('failed', { status, mayHaveRun: true })
    : new UpstreamError('malformed', { status, ...(rpcCode === undefined ? {} : { rpcCode }) });
}

/**
 * Remembers for all processes that Asana asked for quiet on a connection (429, `Retry-After`); admission reads it. A shorter wait
 * never ends a longer one. Never throws: where it can't be stored, Asana says it again.
 */
export async function throttleConnection(
  { organizationId, connectionId }: { organizationId: string; connectionId: string },
  waitMs: number,
): Promise<void> {
  try {
    await pool().query(
      `UPDATE connections SET throttled_until = greatest(throttled_until, now() + $3 * interval '1 millisecond')
       WHERE organization_id = $1 AND id = $2`,
      [organizationId, connectionId, waitMs],
    );
  } catch (error) {
    log().warn({ err: error }, 'that Asana asked for quiet could not be stored');
  }
}

/** The session id of an initialize answer: visible ASCII (2025-11-25 transports), so that it can go back as a header. */
function sessionIdOf({ headers }: OutboundAnswer): string | null {
  const value = headers['mcp-session-id'];
  if (value === undefined) return null;
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,1024}$/.test(value)) throw new UpstreamError('malformed');
  return value;
}

/** Ends a session. Courtesy only: Asana may answer 405, and a session that is not ended there runs out by itself. */
export async function endSession(session: UpstreamSession): Promise<void> {
  if (session.sessionId === null) return;
  try {
    const { body } = await openOutbound(env().ASANA_MCP_URL, {
      method: 'DELETE',
      headers: sessionHeaders(session),
      timeoutMs: 3_000,
    });
    body.destroy();
  } catch {
    // Nothing depends on it.
  }
}
