// Asana's MCP endpoint as far as it is known: Streamable HTTP of the legacy era (2024-11-05 to 2025-11-25) or of the modern
// one (modern-era.ts), the recorded 401, optional sessions, JSON or event-stream answers. What is not known is a switch. It shares no code with the
// gateway and does not use the MCP SDK, so that a mistake there is not repeated here.
import { setTimeout as delay } from 'node:timers/promises';
import { mediaType, type Exchange } from '@/lib/sandbox/exchange';
import { answered, json, MCP_FAULTS, underFault, type Answer, type Delivery } from '@/lib/sandbox/faults';
import { readAccessToken, type Grant, type Grants } from '@/lib/sandbox/grants';
import {
  answerRequest,
  notificationsBefore,
  readMessage,
  rpcError,
  type Message,
} from '@/lib/sandbox/mcp-messages';
import { discovery, isModern, modernAnswer, refusal } from '@/lib/sandbox/modern-era';
import type { Rpc } from '@/lib/sandbox/request-log';
import type { Sessions } from '@/lib/sandbox/sessions';
import { countFault, type Switches } from '@/lib/sandbox/switches';
import type { ToolList } from '@/lib/sandbox/tool-list';
import { roleIn, type View } from '@/lib/sandbox/view';
import type { World } from '@/lib/sandbox/world';

export interface McpContext {
  readonly origin: string;
  readonly switches: Switches;
  readonly grants: Grants;
  readonly world: World;
  readonly sessions: Sessions;
  readonly tools: ToolList;
}

const FOREIGN = 'Invalid token signature - token was not issued by Asana OAuth';
const MAX_BATCH = 100;

/** The recorded 401; `why` adds `error` and `error_description`. */
function unauthorized(origin: string, why?: string): Delivery {
  const error = why === undefined ? '' : `, error="invalid_token", error_description="${why}"`;
  const challenge = `Bearer realm="Asana MCP", resource_metadata="${origin}/.well-known/oauth-protected-resource/v2"${error}`;
  const body =
    why === undefined ? { error: 'unauthorized' } : { error: 'invalid_token', error_description: why };
  return answered(json(401, body, { 'www-authenticate': challenge }));
}

const refused = (
  status: number,
  code: number,
  message: string,
  headers: Record<string, string> = {},
): Delivery => answered(json(status, rpcError(null, code, message), headers));

/** `/v2/mcp`: bearer, then fault, then the method of HTTP. */
export async function handleMcp(context: McpContext, exchange: Exchange): Promise<Delivery> {
  const { switches, grants, origin, sessions } = context;
  const { request, entry, body } = exchange;
  const parsed = request.method === 'POST' ? parseBody(body) : undefined;
  if (parsed && 'value' in parsed) entry.rpc = describe(parsed.value);
  if (switches.latencyMs > 0) await delay(switches.latencyMs, undefined, { ref: false });
  const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer === undefined) return unauthorized(origin);
  const access = readAccessToken(grants, bearer, Date.now());
  if (access.state === 'foreign') return unauthorized(origin, FOREIGN);
  const view = viewOf(context, access.grant);
  entry.user = view?.user.email;
  if (access.state === 'expired' || !view) return unauthorized(origin, switches.expiredTokenText);
  if (switches.next401 > 0) {
    switches.next401 -= 1;
    return unauthorized(origin, switches.expiredTokenText);
  }
  const fault = takeFault(context, exchange);
  const { retryAfterSeconds, slowMs } = switches;
  const sessionId = request.headers['mcp-session-id'] as string | undefined;
  if (fault === MCP_FAULTS['404-session'] && sessionId !== undefined) sessions.end(sessionId);
  return underFault(fault, { origin, retryAfterSeconds, slowMs }, () => {
    if (request.method === 'POST') return post(context, exchange, access.grant, view, parsed!);
    // In the modern era alone there is no session to end and no stream to open.
    if (switches.era === 'modern') return refused(405, -32000, 'Method not allowed', { allow: 'POST' });
    if (request.method === 'DELETE') return endSession(context, access.grant, sessionId);
    if (request.method === 'GET' && switches.getStream)
      return openStream(context, exchange, access.grant, sessionId);
    return refused(405, -32000, 'Method not allowed', { allow: switches.sessions ? 'POST, DELETE' : 'POST' });
  });
}

/** The person and workspace that a grant stands for; undefined when the person left since. */
function viewOf({ world, switches }: McpContext, grant: Grant): View | undefined {
  const user = world.users.get(grant.userGid);
  if (!user || !roleIn(user, grant.workspaceGid)) return undefined;
  const { workspaceGid } = grant;
  return { world, user, workspaceGid, workspacesShown: switches.workspacesShown, now: new Date() };
}

function takeFault({ switches }: McpContext, { request, entry }: Exchange) {
  if (switches.mcpFault === null) return null;
  const called = entry.rpc?.batch?.map(({ method }) => method) ?? [entry.rpc?.method ?? request.method!];
  if (switches.faultMethods && !called.some((method) => switches.faultMethods!.includes(method))) return null;
  const fault = MCP_FAULTS[switches.mcpFault];
  countFault(switches, 'faultCount', 'mcpFault');
  return fault;
}

function parseBody(body: Buffer): { value: unknown } | { broken: true } {
  try {
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    return { broken: true };
  }
}

/** What the log says of a body, however odd the body is. */
function describe(value: unknown): Rpc | undefined {
  const one = (message: unknown): { method: string; id?: unknown; tool?: string } => {
    const { method, id, params } = (message ?? {}) as Record<string, any>;
    const tool = method === 'tools/call' ? params?.name : undefined;
    return {
      method: typeof method === 'string' ? method : '',
      ...(id !== undefined && { id }),
      ...(tool !== undefined && { tool: typeof tool === 'string' ? tool : JSON.stringify(tool) }),
    };
  };
  if (Array.isArray(value)) return { method: 'batch', batch: value.slice(0, MAX_BATCH).map(one) };
  return typeof value === 'object' && value !== null ? one(value) : undefined;
}

function post(
  context: McpContext,
  { request }: Exchange,
  grant: Grant,
  view: View,
  parsed: { value: unknown } | { broken: true },
): Delivery {
  const { switches } = context;
  const { headers } = request;
  const accepted = (headers.accept ?? '').split(',').map(mediaType);
  if (!accepted.includes('application/json') || !accepted.includes('text/event-stream'))
    return refused(
      406,
      -32000,
      'Not Acceptable: Client must accept both application/json and text/event-stream',
    );
  if (mediaType(headers['content-type']) !== 'application/json')
    return refused(415, -32000, 'Unsupported Media Type: Content-Type must be application/json');
  if ('broken' in parsed) return refused(400, -32700, 'Parse error: Invalid JSON');
  const isBatch = Array.isArray(parsed.value);
  const values = isBatch ? (parsed.value as unknown[]) : [parsed.value];
  if (isBatch && (!switches.batches || values.length === 0 || values.length > MAX_BATCH))
    return refused(400, -32600, 'Invalid Request: Batches are not accepted');
  const messages: Message[] = [];
  for (const value of values) {
    const message = readMessage(value);
    if (!message) return refused(400, -32600, 'Invalid Request: Not a JSON-RPC message');
    messages.push(message);
  }
  const [first] = messages;
  if (switches.era === 'modern' || (switches.era === 'both' && !isBatch && isModern(first!, request.headers)))
    return isBatch
      ? refused(400, -32600, 'Invalid Request: Batches are not accepted')
      : postModern(context, request.headers, view, first!);
  const opening = checkSession(context, request.headers, grant, messages);
  if ('refusal' in opening) return opening.refusal;
  // A message without an id asks for nothing, whatever its method; a response is merely taken note of.
  const requests = messages.filter(({ id, method }) => id !== undefined && method !== undefined);
  if (requests.length === 0) return answered({ status: 202, headers: {}, body: '' });
  const answers = requests.map((message) => answerRequest(message, { switches, tools: context.tools, view }));
  const answer = write(switches, requests, answers, isBatch);
  const opened =
    opening.open && !('error' in (answers[0] as object)) ? context.sessions.open(grant.id) : undefined;
  return answered({
    ...answer,
    headers: { ...answer.headers, ...(opened !== undefined && { 'mcp-session-id': opened }) },
  });
}

/** A message of the modern era: it stands alone, whatever session id it brings. */
function postModern(
  { switches, tools }: McpContext,
  headers: Exchange['request']['headers'],
  view: View,
  message: Message,
): Delivery {
  if (message.id === undefined) return answered({ status: 202, headers: {}, body: '' });
  const refusedAs = refusal(message, headers, switches);
  if (refusedAs) return answered(json(refusedAs.status, refusedAs.error));
  const said =
    message.method === 'server/discover'
      ? { jsonrpc: '2.0', id: message.id, result: discovery(switches) }
      : answerRequest(message, { switches, tools, view });
  const { status, answer } = modernAnswer(message, said);
  return answered(status === 200 ? write(switches, [message], [answer], false) : json(status, answer));
}

/** Era, session and protocol version of a POST. `open` means that this is the request that opens a session. */
function checkSession(
  { switches, sessions }: McpContext,
  headers: Exchange['request']['headers'],
  grant: Grant,
  messages: Message[],
): { open: boolean } | { refusal: Delivery } {
  const fail = (status: number, code: number, message: string) => ({
    refusal: refused(status, code, message),
  });
  // A server of the legacy era does not know the probe of the modern one; 400 makes clients fall back.
  if (messages.some(({ method }) => method === 'server/discover'))
    return fail(400, -32601, 'Method not found');
  const id = headers['mcp-session-id'] as string | undefined;
  if (messages.some(({ method }) => method === 'initialize')) {
    if (messages.length > 1)
      return fail(400, -32600, 'Invalid Request: Only one initialization request is allowed');
    if (switches.sessions && id !== undefined && sessions.isOpen(id, grant.id))
      return fail(400, -32600, 'Invalid Request: Server already initialized');
    return { open: switches.sessions };
  }
  if (switches.sessions) {
    if (id === undefined) return fail(400, -32000, 'Bad Request: Mcp-Session-Id header is required');
    if (!sessions.isOpen(id, grant.id)) return fail(404, -32001, 'Session not found');
  }
  const version = headers['mcp-protocol-version'] as string | undefined;
  if (version !== undefined && !switches.protocolVersions.includes(version))
    return fail(400, -32000, `Bad Request: Unsupported protocol version ${version}`);
  return { open: false };
}

/** Answers as JSON (an array for a batch) or as events, one message each, after the notifications asked for. */
function write(switches: Switches, requests: Message[], answers: unknown[], isBatch: boolean): Answer {
  if (switches.answers === 'json') return json(200, isBatch ? answers : answers[0]);
  const before = requests.flatMap((request) =>
    notificationsBefore(request, switches.notificationsBeforeAnswer),
  );
  const events = [...before, ...answers].map(
    (message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`,
  );
  return {
    status: 200,
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' },
    body: events.join(''),
  };
}

function endSession({ switches, sessions }: McpContext, grant: Grant, id: string | undefined): Delivery {
  if (!switches.sessions) return refused(405, -32000, 'Method not allowed', { allow: 'POST' });
  if (id === undefined) return refused(400, -32000, 'Bad Request: Mcp-Session-Id header is required');
  if (!sessions.isOpen(id, grant.id)) return refused(404, -32001, 'Session not found');
  sessions.end(id);
  return answered({ status: 200, headers: {}, body: '' });
}

function openStream(
  { switches, sessions }: McpContext,
  { request, response, entry }: Exchange,
  grant: Grant,
  id: string | undefined,
): Delivery {
  if (!(request.headers.accept ?? '').split(',').map(mediaType).includes('text/event-stream'))
    return refused(406, -32000, 'Not Acceptable: Client must accept text/event-stream');
  if (switches.sessions && id === undefined)
    return refused(400, -32000, 'Bad Request: Mcp-Session-Id header is required');
  if (switches.sessions && !sessions.isOpen(id!, grant.id)) return refused(404, -32001, 'Session not found');
  if (!sessions.attach(id, response, switches.streamCommentMs))
    return refused(503, -32000, 'Too many open streams');
  entry.status = 200;
  return { kind: 'taken' };
}
