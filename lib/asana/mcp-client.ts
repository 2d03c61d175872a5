// Gatehouse's own MCP calls to Asana (Streamable HTTP, 2025-11-25, or 2026-07-28 where Asana speaks nothing else): sessions, tool calls,
// the whole tool list.
import { AppError } from '../errors';
import {
  endSession,
  MODERN_VERSION,
  post,
  UpstreamError,
  type ConnectionFacts,
  type UpstreamSession,
} from './mcp-post';
import { forgetModernOnly, isModernOnly, noteModernOnly, refusesSessions } from './modern-only';
import { freshAccessToken, RefreshFailure } from './refresh';

export { UpstreamError, type ConnectionFacts, type UpstreamSession };

const LATEST_VERSION = '2025-11-25';
const SPOKEN_VERSIONS = new Set([LATEST_VERSION, '2025-06-18', '2025-03-26']);
const MAX_PAGES = 50;
const MAX_TOOLS = 2_000;

/**
 * Initializes a session at Asana (two POSTs on record) and leaves it open; the gateway keeps it for agents without sessions.
 * `purpose` becomes the audit's `credential.name`. Throws `UpstreamError`, also where Asana has none (`refusesSessions`).
 */
export async function openUpstreamSession(request: {
  facts: ConnectionFacts;
  accessToken: string;
  purpose: string;
  /** What Asana may ask of the client; nothing by default. */
  declared?: readonly string[];
}): Promise<Pick<UpstreamSession, 'sessionId' | 'protocolVersion' | 'capabilities'>> {
  const { sessionId, protocolVersion, capabilities } = await initialize(
    request.facts,
    request.accessToken,
    request.purpose,
    request.declared,
  );
  return { sessionId, protocolVersion, capabilities };
}

/**
 * Runs `work` in a session of its own and ends it, whatever happens; where Asana has no sessions, its requests stand alone. Throws
 * `UpstreamError`, and what `work` throws.
 */
export async function withUpstreamSession<T>(
  facts: ConnectionFacts,
  accessToken: string,
  purpose: string,
  work: (session: UpstreamSession) => Promise<T>,
): Promise<T> {
  const session = await begin(facts, accessToken, purpose);
  try {
    return await work(session);
  } finally {
    void endSession(session);
  }
}

/** Calls a tool once (never again by itself). Returns Asana's result untouched; `isError` is the caller's to read. */
export async function callTool(
  session: UpstreamSession,
  name: string,
  args: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  return request(session, 'tools/call', { name, arguments: args }, name);
}

/**
 * All pages of Asana's tool list, each tool as it came. An empty page and an empty cursor are not the end (facts/mcp 1.5). Throws
 * `UpstreamError('malformed')` for a cursor that returns, a name listed twice, and a list without end.
 */
export async function listTools(session: UpstreamSession): Promise<Record<string, unknown>[]> {
  const tools = new Map<string, Record<string, unknown>>();
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const result = await request(session, 'tools/list', cursor === undefined ? {} : { cursor });
    if (!Array.isArray(result.tools)) throw new UpstreamError('malformed');
    for (const tool of result.tools as unknown[]) {
      if (typeof tool !== 'object' || tool === null) throw new UpstreamError('malformed');
      const { name } = tool as { name?: unknown };
      if (typeof name !== 'string' || tools.has(name) || tools.size >= MAX_TOOLS)
        throw new UpstreamError('malformed');
      tools.set(name, tool as Record<string, unknown>);
    }
    const next = result.nextCursor;
    if (next === undefined || next === null) return [...tools.values()];
    if (typeof next !== 'string' || cursors.has(next)) throw new UpstreamError('malformed');
    cursors.add(next);
    cursor = next;
  }
  throw new UpstreamError('malformed');
}

/**
 * `listTools` through a stored connection, with a token that lives; after a 401 once more with a new one. Throws
 * `AppError('asana_unavailable')`, and `no_connection` where the authorization has ended.
 */
export async function listUpstreamTools(
  connection: Omit<ConnectionFacts, 'connectionId'> & { id: string },
): Promise<Record<string, unknown>[]> {
  const { id, organizationId, memberId, memberEmail, workspaceGid } = connection;
  const facts = { organizationId, memberId, memberEmail, workspaceGid, connectionId: id };
  const list = (accessToken: string) => withUpstreamSession(facts, accessToken, 'catalogue sync', listTools);
  try {
    const { accessToken, generation } = await freshAccessToken({ organizationId, id });
    try {
      return await list(accessToken);
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.reason !== 'unauthorized') throw error;
      return await list((await freshAccessToken({ organizationId, id }, { force: generation })).accessToken);
    }
  } catch (error) {
    if (error instanceof RefreshFailure && error.kind === 'needs_reconnect')
      throw new AppError(
        'no_connection',
        'The Asana connection for this has ended; reconnect it first, then sync.',
      );
    if (error instanceof RefreshFailure || error instanceof UpstreamError)
      throw new AppError('asana_unavailable', undefined, { cause: error });
    throw error;
  }
}

/** A session, or what stands for one where Asana speaks the modern era only; found anew where that is no longer so. */
async function begin(facts: ConnectionFacts, accessToken: string, purpose: string): Promise<UpstreamSession> {
  const { connectionId } = facts;
  if (connectionId !== null && isModernOnly(connectionId))
    try {
      return await discover(facts, accessToken, purpose);
    } catch (error) {
      // A token that is refused, quiet that is asked for, or an outage say nothing about the era.
      if (!(error instanceof UpstreamError) || !/^(malformed|refused)$/.test(error.reason)) throw error;
      forgetModernOnly(connectionId);
    }
  try {
    return await initialize(facts, accessToken, purpose);
  } catch (error) {
    if (!refusesSessions(error)) throw error;
    const session = await discover(facts, accessToken, purpose);
    if (connectionId !== null) noteModernOnly(connectionId);
    return session;
  }
}

async function discover(
  facts: ConnectionFacts,
  accessToken: string,
  purpose: string,
): Promise<UpstreamSession> {
  const session: UpstreamSession = {
    ...{ facts, accessToken, purpose, nextId: 1, isModern: true },
    ...{ sessionId: null, protocolVersion: MODERN_VERSION, capabilities: {} },
  };
  const { supportedVersions } = await request(session, 'server/discover', {});
  if (!Array.isArray(supportedVersions) || !supportedVersions.includes(MODERN_VERSION))
    throw new UpstreamError('malformed');
  return session;
}

async function initialize(
  facts: ConnectionFacts,
  accessToken: string,
  purpose: string,
  declared: readonly string[] = [],
): Promise<UpstreamSession> {
  const session: UpstreamSession = {
    ...{ facts, accessToken, purpose, nextId: 1 },
    ...{ sessionId: null, protocolVersion: '', capabilities: {} },
  };
  const result = await request(session, 'initialize', {
    protocolVersion: LATEST_VERSION,
    capabilities: Object.fromEntries(declared.map((name) => [name, {}])),
    clientInfo: { name: 'gatehouse', version: '1' },
  });
  if (typeof result.protocolVersion !== 'string' || !SPOKEN_VERSIONS.has(result.protocolVersion))
    throw new UpstreamError('malformed');
  session.protocolVersion = result.protocolVersion;
  const { capabilities } = result;
  if (typeof capabilities === 'object' && capabilities !== null)
    session.capabilities = capabilities as Record<string, unknown>;
  await post(session, { method: 'notifications/initialized' });
  return session;
}

async function request(
  session: UpstreamSession,
  method: string,
  params: Record<string, unknown>,
  tool?: string,
): Promise<Record<string, unknown>> {
  const id = session.nextId;
  session.nextId += 1;
  const result = await post(session, { id, method, params }, tool);
  // Nothing was declared that Asana could ask for.
  const isWhole = !session.isModern || (result?.resultType ?? 'complete') === 'complete';
  if (!result || !isWhole) throw new UpstreamError('malformed');
  return result;
}
