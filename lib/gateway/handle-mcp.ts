// The gate: one MCP request of an agent, from its first header to its answer. The steps are in README.md; each is a function of its
// own, and nothing reaches Asana but through `callAsana`, after `admit` resolved.
import { hash } from 'node:crypto';
import { uuidv7 } from '../audit/append';
import { isOwnOrigin } from '../env';
import { isDatabaseGone } from '../errors';
import { log } from '../log';
import { CLIENT_ANSWER, methodAccess, type Denial } from '../policy/policy';
import { hashToken, isWellFormedToken } from '../tokens/token-format';
import { admit, AdmissionUnavailable } from './admit';
import { answerLocally } from './answer-locally';
import { admitUnderRules } from './argument-rules';
import { callAsking } from './ask-agent';
import { encodeJson } from './decode';
import { checkModern, eraOf, metaOf, META, MODERN_VERSION } from './era';
import { headerMismatch } from './headers-agree';
import { answerRepeat, answerSpent } from './guard-writes';
import { answerHeld, takeOwnAnswer } from './hold-call';
import { LEGACY_VERSIONS } from './initialize';
import { listen } from './listen';
import { checkToolCall, decodeMessage, STREAM, type Message, type Refused } from './message';
import { countCall, countDenial, type CallFacts } from './metrics';
import {
  answerAccepted,
  answerError,
  answerJson,
  answerLimit,
  answerStopped,
  answerUnauthenticated,
  answerUnavailable,
  type McpAnswer,
} from './respond';
import { isBridgedId } from './sealed-ids';
import { getStream } from './relay-stream';

/** A request as any server can hand it over. */
export interface McpRequest {
  method: string;
  /** Lower-case name → value; undefined where absent. */
  header(name: string): string | undefined;
  /** How many `Authorization` headers came; two are nobody's. */
  authorizations: number;
  /** Headers whose lower-case name begins so. Absent: the server can't say. */
  headersFrom?(prefix: string): ReadonlyMap<string, string>;
  /** Reads the body up to a cap; null over it. */
  body(maxBytes: number): Promise<Uint8Array | null>;
  /** Aborted when the agent leaves before its answer was complete. Absent: it is never known. */
  left?(): AbortSignal;
}

export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Answers one request to /mcp. Never throws: what goes wrong inside is an answer too. */
export async function handleMcp(request: McpRequest): Promise<McpAnswer> {
  const facts: CallFacts = { method: null, decision: 'none' };
  const answer = await steps(request, facts).catch(answerFailure);
  countCall(facts, answer.status);
  return answer;
}

async function steps(request: McpRequest, facts: CallFacts): Promise<McpAnswer> {
  const refusedByHeaders = checkHeaders(request);
  if (refusedByHeaders) return refusedByHeaders;

  const bearer = readBearer(request);
  if ('answer' in bearer) return bearer.answer;

  const refusedByContent = checkContentHeaders(request);
  if (refusedByContent) return refusedByContent;

  const call = await readCall(request);
  if ('answer' in call) return call.answer;
  facts.method = call.method ?? request.method;
  const wasAsked = takeOwnAnswer(call.message);

  const callId = call.record ? uuidv7() : null;
  const asked = {
    callId,
    bearerHash: bearer.hash,
    method: call.method,
    // A call in such a session goes up in the modern era, and needs what a call of that era needs.
    era: isBridgedId(request.header('mcp-session-id')) ? ('modern' as const) : call.message.era,
    tool: call.tool,
    family: call.family,
    uri: call.uri,
    denial: call.denial,
    argumentsHash: call.argumentsHash,
    ...(call.argumentsHash === null ? {} : { argumentsText: () => argumentsText(call.message) }),
    client: request.header('user-agent')?.slice(0, 200) ?? null,
  };
  let admission;
  try {
    admission = await admitUnderRules(asked, call.message);
  } catch (error) {
    if (!(error instanceof AdmissionUnavailable)) throw error;
    facts.decision = 'unavailable';
    return answerUnavailable(call.message?.id ?? null);
  }
  facts.decision = 'unauthenticated';
  if ('unauthenticated' in admission)
    return answerUnauthenticated(admission.unauthenticated === 'expired' ? bearer.expired : bearer.unknown);

  const { admitted } = admission;
  facts.decision = admitted.denial ? 'deny' : 'allow';
  if (admitted.denial) countDenial(admitted.denial);
  if (call.refused) return refuse(call.refused);
  if (admitted.limit) return answerLimit(call.message.id ?? null, admitted.limit);
  if (admitted.denial === 'organization_stopped') return answerStopped(call.message.id, request.method);
  if (admitted.denial === 'approval_required' && callId !== null)
    return answerHeld(admitted, call.message, {
      ...{ id: callId, wasAsked, argumentsHash: call.argumentsHash! },
      argumentsText: argumentsText(call.message),
    });
  if (admitted.denial === 'write_budget' || admitted.denial === 'delete_budget')
    return answerSpent(admitted, call.message);
  if (admitted.denial === 'duplicate_write' && callId !== null)
    return answerRepeat({
      ...{ request, admitted, message: call.message, callId },
      admitRound: (round) => admitUnderRules({ ...asked, callId: round }, call.message),
      // The first had whatever approval it needed.
      admitAgain: () =>
        admitUnderRules({ ...asked, callId: null, claimedBy: admitted.repeatOf! }, call.message),
    });
  if (admitted.denial) return deny(call.message!, admitted.denial, admitted.refusal);
  if (call.message.method === 'subscriptions/listen') return listen(request, admitted, call.message);
  if (callId === null)
    return isInSession(request) && request.method === 'GET'
      ? getStream(request, admitted)
      : answerWithoutCall(request.method, call.message);
  return (
    (await answerLocally(admitted, call.message, callId)) ??
    callAsking({
      request,
      admitted,
      message: call.message,
      callId,
      admitRound: (round) => admitUnderRules({ ...asked, callId: round }, call.message),
      // Without its arguments another call can't be judged by them; whoever asks looks at the rules himself.
      admitAgain: (instead) =>
        instead
          ? admit({ ...asked, ...instead, callId: null })
          : admitUnderRules({ ...asked, callId: null, claimedBy: callId }, call.message),
    })
  );
}

/** What broke inside before anything was sent. After that callAsana knows better and answers itself. */
function answerFailure(error: unknown): McpAnswer {
  if (isDatabaseGone(error)) return answerUnavailable(null);
  log().error({ err: error }, 'a request to /mcp failed');
  return answerError(500, null, -32603, 'Something went wrong inside Gatehouse; it is logged.');
}

/** Origin, method and size: all that is judged before it matters who calls. */
function checkHeaders({ method, header }: McpRequest): McpAnswer | null {
  if (header('origin') !== undefined && !isOwnOrigin(header('origin'), header('host')))
    return answerError(403, null, -32000, 'Origin is not allowed here.');
  if (!/^(POST|GET|DELETE)$/.test(method))
    return answerError(405, null, -32000, 'Use POST.', { headers: { allow: 'POST, DELETE' } });
  if (Number(header('content-length') ?? 0) > MAX_BODY_BYTES) return answerError(413, null, -32600, tooLarge);
  return null;
}

/** What a POST must say about its body (MCP 2025-11-25, transports). Who has no bearer hears 401 first. */
function checkContentHeaders({ method, header }: McpRequest): McpAnswer | null {
  if (method !== 'POST') return null;
  const plain = (status: number, message: string) => answerError(status, null, -32000, message);
  const type = header('content-type') ?? '';
  // Who declares another charset means other text than we would read (PP-14).
  if (!/^application\/json\s*(?:;|$)/i.test(type) || /;\s*charset\s*=(?!\s*"?utf-8"?\s*(?:;|$))/i.test(type))
    return plain(415, 'Send Content-Type: application/json, in UTF-8.');
  if (!/^(?:identity)?$/i.test(header('content-encoding') ?? ''))
    return plain(415, 'Send the body without Content-Encoding.');
  if (!accepts(header('accept'))) return plain(406, 'Send Accept: application/json, text/event-stream.');
  return null;
}

const tooLarge = `A message may have at most ${MAX_BODY_BYTES / 1024 / 1024} MiB.`;

function accepts(accept: string | undefined): boolean {
  if (accept === undefined || accept.includes('*/*')) return true;
  const types = accept
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';')[0]!.trim());
  const has = (type: string) => types.includes(type) || types.includes(`${type.split('/')[0]}/*`);
  return has('application/json') && has('text/event-stream');
}

/** The bearer's hash, or 401 at once for what can't be one of ours: junk never reaches the database (LD-14). */
function readBearer(
  request: McpRequest,
): { hash: Uint8Array; unknown: string; expired: string } | { answer: McpAnswer } {
  const authorization = request.header('authorization');
  if (authorization === undefined) return { answer: answerUnauthenticated() };
  const token =
    request.authorizations === 1 ? /^Bearer ([^\s,]{1,512})$/i.exec(authorization)?.[1] : undefined;
  if (token !== undefined && isWellFormedToken(token, 'gth'))
    return {
      hash: hashToken(token),
      unknown: 'The agent token is not known here: it was revoked, or its member was removed',
      expired: 'The agent token has expired; mint another in the portal',
    };
  if (token !== undefined && isWellFormedToken(token, 'gho'))
    return {
      hash: hashToken(token),
      unknown:
        'The access token is not known here: the person or an admin ended the access, or it is for another resource. Authorize again',
      expired: 'The access token has expired; use the refresh token at /oauth/token, or authorize again',
    };
  return { answer: answerUnauthenticated(mixUp(token)) };
}

/** Says which other credential this looks like; what people met behind OpenAI's bare 424 was one of these. */
function mixUp(token: string | undefined): string {
  if (token === undefined) return 'Send exactly one header Authorization: Bearer gth_...';
  // Access, refresh and personal tokens alike, the oldest form (0/ and 32 digits) included.
  if (/^\d\/(?:\d+(?:\/\d+){0,2}:)?[0-9a-f]{16,}$/i.test(token))
    return 'This is a token of Asana (OAuth or personal access token); Gatehouse takes its own agent tokens only, gth_...';
  if (token.startsWith('ghk_'))
    return 'This is an API key of Gatehouse; it opens /api/v1 only. Mint an agent token for /mcp';
  if (token.startsWith('gth_')) return 'This agent token is mistyped or cut off: its checksum does not fit';
  if (token.startsWith('gho_')) return 'This access token is mistyped or cut off: its checksum does not fit';
  if (token.startsWith('ghr_'))
    return 'This is a refresh token; it is good at /oauth/token only, which answers an access token, gho_...';
  if (token.startsWith('ghc_'))
    return 'This is an authorization code; exchange it at /oauth/token for an access token, gho_...';
  if (/^ey[\w-]+\./.test(token))
    return 'This is a signed token (JWT) of somebody else; Gatehouse takes its own agent tokens only';
  return 'This is not an agent token of Gatehouse, gth_...';
}

/** One request, read as far as admission needs it. */
interface Call {
  message: Message;
  /** Found unacceptable before the policy; still admitted, so that a dead bearer hears 401 and a live one's attempt is on record. */
  refused?: Refused;
  method: string | null;
  tool: string | null;
  family: string | null;
  uri: string | null;
  denial: Denial | null;
  argumentsHash: string | null;
  /** False for what is answered here without a record. */
  record: boolean;
}

const NO_MESSAGE: Message = { id: undefined, method: '', params: new Map(), era: 'legacy' };
const STREAM_ASKED: Message = { ...NO_MESSAGE, method: STREAM };

/** In the modern era there are no sessions, whatever is sent along. */
function isInSession({ header }: McpRequest): boolean {
  return header('mcp-session-id') !== undefined && header('mcp-protocol-version') !== MODERN_VERSION;
}

/** Whether a GET asks Asana for the rest of a stream; one that asks for the session's own reaches it as ours does. */
function isResumed(request: McpRequest): boolean {
  return isInSession(request) && request.header('last-event-id') !== undefined;
}

async function readCall(request: McpRequest): Promise<Call | { answer: McpAnswer }> {
  const base = {
    message: NO_MESSAGE,
    tool: null,
    family: null,
    uri: null,
    denial: null,
    argumentsHash: null,
  };
  const isModern = request.header('mcp-protocol-version') === MODERN_VERSION;
  if (request.method === 'GET' && isResumed(request))
    return { ...base, message: STREAM_ASKED, method: STREAM, record: true };
  if (request.method === 'GET' || (request.method === 'DELETE' && isModern))
    return { ...base, method: null, record: false };
  // Ending a session reaches Asana, so it is on record like a call.
  if (request.method === 'DELETE') return { ...base, method: 'DELETE', record: true };
  const body = await request.body(MAX_BODY_BYTES).catch(() => undefined);
  if (body === undefined) return { answer: answerError(400, null, -32700, 'The body broke off.') };
  if (body === null) return { answer: answerError(413, null, -32600, tooLarge) };
  const decoded = decodeMessage(body);
  if ('refused' in decoded) return malformed(decoded.refused);
  const { message } = decoded;
  message.era = eraOf(message, request.header);
  const refused = checkMessage(message, request);
  if (refused) return malformed(refused, message);
  // The name of an answer on record is no method that could be asked for.
  const isAnswer = message.answer !== undefined;
  const access =
    isAnswer === (message.method === CLIENT_ANSWER) ? methodAccess(message.method, message.era) : 'closed';
  const tool = message.method === 'tools/call' ? (message.params.get('name') as string) : null;
  return {
    message,
    method: recordable(message.method),
    tool: tool === null ? null : recordable(tool),
    family: access === 'open' || access === 'closed' ? null : access,
    uri: message.method === 'resources/read' ? uriOf(message) : null,
    denial: access === 'closed' ? 'method_not_allowed' : tool === null ? null : unrecordable(tool),
    argumentsHash: message.method === 'tools/call' ? hashArguments(message) : null,
    record: message.method !== 'ping' && message.method !== 'subscriptions/listen',
  };
}

// PostgreSQL's text holds no NUL: one such name would fail the statement of the whole batch, other agents' calls included.
function recordable(text: string): string {
  return text.slice(0, 200).replaceAll('\0', '\uFFFD');
}

/** Null for what is no URI that a tool could point at; then only the family opens it. */
function uriOf({ params }: Message): string | null {
  const uri = params.get('uri');
  return typeof uri === 'string' && !uri.includes('\0') ? uri : null;
}

/** A name that can't be kept as it is can't be in the catalogue either; it must not be decided by what is kept of it. */
function unrecordable(tool: string): Denial | null {
  return recordable(tool) === tool ? null : 'unknown_tool';
}

function malformed(refused: Refused, message: Message = NO_MESSAGE): Call {
  const name = message.params.get('name');
  return {
    message,
    refused,
    method: refused.method === null ? null : recordable(refused.method),
    tool: typeof name === 'string' ? recordable(name) : null,
    family: null,
    uri: null,
    denial: 'malformed',
    argumentsHash: null,
    record: true,
  };
}

/** What a well-formed message may still get wrong. */
function checkMessage(message: Message, { header }: McpRequest): Refused | null {
  const { id, method, answer } = message;
  if (message.era === 'modern' && answer)
    return {
      ...{ status: 400, code: -32600, id: undefined, method },
      message: 'In this version clients answer no requests; retry the call with inputResponses.',
    };
  if (message.era === 'modern')
    return checkModern(message, header) ?? (method === 'tools/call' ? checkToolCall(message) : null);
  const bad = (code: Refused['code'], text: string): Refused => ({
    status: 400,
    code,
    message: text,
    id: id ?? null,
    method,
  });
  const mismatch = headerMismatch(message, header);
  if (mismatch) return bad(-32600, mismatch);
  const version = header('mcp-protocol-version') ?? metaOf(message).get(`${META}protocolVersion`);
  const spoken = version === undefined || (LEGACY_VERSIONS as readonly unknown[]).includes(version);
  if (!spoken && method !== 'initialize')
    return bad(-32000, `This server speaks ${LEGACY_VERSIONS.join(', ')}; begin with initialize.`);
  if (method.startsWith('notifications/') && id !== undefined)
    return bad(-32600, 'A notification has no id.');
  if (!method.startsWith('notifications/') && !answer && id === undefined)
    return bad(-32600, `${method.slice(0, 60)} needs an id.`);
  return method === 'tools/call' ? checkToolCall(message) : null;
}

/** SHA-256 over the arguments in canonical form: the same arguments hash the same in any order of keys. */
function hashArguments(message: Message): string {
  return hash('sha256', argumentsText(message));
}

function argumentsText({ params }: Message): string {
  return encodeJson(params.get('arguments') ?? new Map(), true);
}

function refuse({ status, id, code, message, data }: Refused): McpAnswer {
  return answerError(status, id, code, message, { data });
}

/** A hidden tool sounds exactly like one that does not exist; the true reason is in the audit (F2, AU-16). Of a tool in
 * its list the agent hears why, so that it can change the call (`refusal`). */
function deny(
  { id, method, params, era, answer }: Message,
  denial: Denial,
  refusal: string | null,
): McpAnswer {
  if (answer) return answerError(400, null, -32600, 'Answers of clients are not taken here.');
  if (id === undefined) return answerAccepted();
  if (method === 'tools/call')
    return answerError(200, id, -32602, refusal ?? `Unknown tool: ${String(params.get('name'))}`);
  return answerError(
    // MCP 2026-07-28, transports: a method that is not there is not found (T5).
    era === 'modern' ? 404 : 200,
    id,
    -32601,
    denial === 'method_not_allowed' ? `Method not found: ${method}` : 'Method not found',
  );
}

/**
 * Ping is answered here. Without a session there is no stream to GET, and in the modern era none to DELETE: both are 405, never 400
 * (facts/mcp 1.3).
 */
function answerWithoutCall(httpMethod: string, { id }: Message): McpAnswer {
  if (httpMethod !== 'POST')
    return answerError(405, null, -32000, `There is nothing to ${httpMethod} here; POST messages.`, {
      headers: { allow: httpMethod === 'GET' ? 'POST, DELETE' : 'POST' },
    });
  return id === undefined
    ? answerAccepted()
    : answerJson(200, `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{}}`);
}
