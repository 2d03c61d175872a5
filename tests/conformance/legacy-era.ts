// The fixture in the legacy era (MCP 2025-11-25): sessions, an event stream for every request, the GET stream, streams that can be
// resumed, and requests of the server on the stream of the call that needs them.
import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { requireCapabilities, RpcError, type Call, type Change, type Json, type Level } from './fixture-call';
import { CAPABILITIES, LEGACY_VERSIONS, LEVELS, METHODS, SERVER_INFO } from './fixture-methods';
import { refuseHttp } from './refuse-http';

const RETRY_MS = 300;
const MAX_STREAMS = 200;
const GET_STREAM = 'get';

export interface LegacyRequest {
  headers: IncomingHttpHeaders;
  response: ServerResponse;
  caller: string;
  /** Called once the client cancels the call. */
  onCancel(): void;
}

export interface LegacyEra {
  post(message: Json, request: LegacyRequest): Promise<void>;
  get(request: LegacyRequest): void;
  end(request: LegacyRequest): void;
  close(): void;
}

/** A stream of events that outlives its connections. */
interface Stream {
  id: string;
  events: string[];
  response: ServerResponse | null;
  ended: boolean;
}

interface Session {
  id: string;
  caller: string;
  version: string;
  capabilities: Json;
  level: Level;
  /** URIs. */
  watched: Set<string>;
  streams: Map<string, Stream>;
  /** Requests of ours that wait for the client's answer, by id. */
  waiting: Map<string, { resolve: (result: Json) => void; reject: (error: Error) => void }>;
  /** Calls in flight by the client's id, as JSON. */
  calls: Map<string, AbortController>;
}

/** `changes` emits `changed` with the name of a list and `updated` with a URI. */
export function legacyEra({ changes }: { changes: EventEmitter }): LegacyEra {
  const sessions = new Map<string, Session>();

  const tellAll = (message: Json, isFor: (session: Session) => boolean = () => true) => {
    for (const session of sessions.values()) {
      const stream = session.streams.get(GET_STREAM);
      if (stream && isFor(session)) send(stream, message);
    }
  };
  const tell = (list: Change) => tellAll({ method: `notifications/${list}/list_changed` });
  const tellUpdate = (uri: string) =>
    tellAll({ method: 'notifications/resources/updated', params: { uri } }, ({ watched }) =>
      watched.has(uri),
    );
  changes.on('changed', tell).on('updated', tellUpdate);

  /** The request's session, or null once it is answered: no id is 400, one that is not the caller's is as unknown as any other. */
  function sessionOf({ headers, response, caller }: LegacyRequest): Session | null {
    const id = headers['mcp-session-id'];
    const version = headers['mcp-protocol-version'];
    if (version !== undefined && !LEGACY_VERSIONS.includes(String(version)))
      return refuseHttp(response, 400, `Bad Request: unsupported protocol version ${String(version)}`);
    if (id === undefined) return refuseHttp(response, 400, 'Bad Request: Mcp-Session-Id header is required');
    const session = sessions.get(String(id));
    return session?.caller === caller ? session : refuseHttp(response, 404, 'Session not found', -32001);
  }

  async function post(message: Json, request: LegacyRequest): Promise<void> {
    const { response } = request;
    if (message.method === 'initialize') return initialize(message, request);
    const session = sessionOf(request);
    if (!session) return;
    if (message.id === undefined || message.method === undefined) {
      take(session, message);
      return void response.writeHead(202).end();
    }
    const stream = openStream(session, randomUUID(), response);
    const key = JSON.stringify(message.id);
    const aborted = new AbortController();
    aborted.signal.addEventListener('abort', request.onCancel);
    session.calls.set(key, aborted);
    const answer = await answerTo(session, message, stream, aborted.signal);
    session.calls.delete(key);
    // Who cancelled wants no answer any more.
    if (!aborted.signal.aborted) send(stream, { id: message.id, ...answer });
    stream.ended = true;
    stream.response?.end();
  }

  async function answerTo(
    session: Session,
    message: Json,
    stream: Stream,
    signal: AbortSignal,
  ): Promise<Json> {
    const { method, params = {} } = message;
    try {
      if (method === 'ping') return { result: {} };
      if (method === 'logging/setLevel') {
        if (!LEVELS.includes(params.level)) throw new RpcError(-32602, 'There is no such level.');
        session.level = params.level as Level;
        return { result: {} };
      }
      if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
        session.watched[method === 'resources/subscribe' ? 'add' : 'delete'](String(params.uri));
        return { result: {} };
      }
      const run = METHODS.get(method);
      if (!run) throw new RpcError(-32601, `Method not found: ${method}`);
      return { result: await run(callOf(session, params, stream, signal)) };
    } catch (error) {
      const {
        code,
        message: text,
        data,
      } = error instanceof RpcError ? error : new RpcError(-32603, String(error));
      return { error: { code, message: text, ...(data ? { data } : {}) } };
    }
  }

  function callOf(session: Session, params: Json, stream: Stream, signal: AbortSignal): Call {
    const { capabilities } = session;
    const call: Call = {
      ...{ era: 'legacy', params, capabilities, signal },
      progress(progress, total) {
        const progressToken = params._meta?.progressToken;
        if (progressToken === undefined) return;
        send(stream, { method: 'notifications/progress', params: { progressToken, progress, total } });
      },
      log(level, text) {
        if (LEVELS.indexOf(level) < LEVELS.indexOf(session.level)) return;
        send(stream, { method: 'notifications/message', params: { level, logger: 'fixture', data: text } });
      },
      async ask(requests) {
        requireCapabilities(call, Object.values(requests));
        const answers = Object.entries(requests).map(async ([key, request]) => [
          key,
          await askClient(session, stream, request),
        ]);
        return Object.fromEntries(await Promise.all(answers)) as Record<string, Json>;
      },
      changed: (list) => changes.emit('changed', list),
      updated: (uri) => changes.emit('updated', uri),
      openStream: () => undefined,
      closeStream() {
        stream.response?.end();
        stream.response = null;
      },
    };
    return call;
  }

  function initialize({ id, params = {} }: Json, { response, caller }: LegacyRequest): void {
    const version = LEGACY_VERSIONS.find((known) => known === params.protocolVersion) ?? LEGACY_VERSIONS[0]!;
    const session: Session = {
      ...{ id: randomUUID(), caller, version, capabilities: params.capabilities ?? {}, level: 'debug' },
      ...{ watched: new Set(), streams: new Map(), waiting: new Map(), calls: new Map() },
    };
    sessions.set(session.id, session);
    response.setHeader('mcp-session-id', session.id);
    const stream = openStream(session, randomUUID(), response);
    const result = {
      protocolVersion: version,
      capabilities: CAPABILITIES,
      serverInfo: SERVER_INFO,
      instructions: 'A server to test clients and gateways with.',
    };
    send(stream, { id, result });
    stream.ended = true;
    response.end();
  }

  function get(request: LegacyRequest): void {
    const session = sessionOf(request);
    if (!session) return;
    const { headers, response } = request;
    const last = headers['last-event-id'];
    if (typeof last === 'string') return resume(session, last, response);
    const open = session.streams.get(GET_STREAM);
    if (open?.response) return void refuseHttp(response, 409, 'Conflict: the session has a stream already');
    openStream(session, GET_STREAM, response);
  }

  function end(request: LegacyRequest): void {
    const session = sessionOf(request);
    if (!session) return;
    close(session);
    request.response.writeHead(200).end();
  }

  function close(session: Session): void {
    sessions.delete(session.id);
    for (const call of session.calls.values()) call.abort();
    for (const { reject } of session.waiting.values()) reject(new RpcError(-32603, 'The session ended.'));
    for (const { response } of session.streams.values()) response?.end();
  }

  return {
    post,
    get,
    end,
    close() {
      changes.off('changed', tell).off('updated', tellUpdate);
      for (const session of sessions.values()) close(session);
    },
  };
}

/** A request of ours on the stream of the call that needs it; resolves to the client's result. */
function askClient(session: Session, stream: Stream, { method, params }: Json): Promise<Json> {
  const id = `fixture-${randomUUID()}`;
  return new Promise((resolve, reject) => {
    session.waiting.set(id, { resolve, reject });
    send(stream, { id, method, params });
  });
}

/** A notification or an answer of the client. */
function take(session: Session, message: Json): void {
  if (message.method === 'notifications/cancelled')
    session.calls.get(JSON.stringify(message.params?.requestId))?.abort();
  const asked = message.method === undefined ? session.waiting.get(String(message.id)) : undefined;
  if (!asked) return;
  session.waiting.delete(String(message.id));
  if (message.result) asked.resolve(message.result as Json);
  else asked.reject(new RpcError(-32603, `The client refused: ${message.error?.message}`));
}

/** Opens a stream on this connection. Its first event has an id and no data, so that it can be resumed before anything came. */
function openStream(session: Session, id: string, response: ServerResponse): Stream {
  const stream: Stream = session.streams.get(id) ?? { id, events: [], response: null, ended: false };
  session.streams.set(id, stream);
  if (session.streams.size > MAX_STREAMS) session.streams.delete(session.streams.keys().next().value!);
  connect(stream, response);
  // Clients of older versions take an event without data for a broken one (MCP 2025-11-25, transports).
  if (session.version === LEGACY_VERSIONS[0]) record(stream, `retry: ${RETRY_MS}\n`, '');
  return stream;
}

function connect(stream: Stream, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  stream.response = response;
  // A disconnect is not a cancel: the call runs on and its answer waits.
  response.on('close', () => {
    if (stream.response === response) stream.response = null;
  });
}

function send(stream: Stream, message: Json): void {
  record(stream, 'event: message\n', JSON.stringify({ jsonrpc: '2.0', ...message }));
}

function record(stream: Stream, first: string, data: string): void {
  const event = `id: ${stream.id}.${stream.events.length}\n${first}data: ${data}\n\n`;
  stream.events.push(event);
  stream.response?.write(event);
}

/** What came after this event, on the event's own stream only, and then whatever comes. */
function resume(session: Session, last: string, response: ServerResponse): void {
  const [, id = '', n = ''] = /^(.+)\.(\d+)$/.exec(last) ?? [];
  const stream = session.streams.get(id);
  if (!stream) return void refuseHttp(response, 400, 'Bad Request: there is no such event');
  stream.response?.end();
  connect(stream, response);
  for (const event of stream.events.slice(Number(n) + 1)) response.write(event);
  if (stream.ended) response.end();
}
