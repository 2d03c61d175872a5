// The fixture in the modern era (MCP 2026-07-28): every POST stands alone, its headers repeat its body, and a disconnect cancels it.
import type { EventEmitter } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { RpcError, type Call, type Change, type Json, type Level } from './fixture-call';
import { CAPABILITIES, LEVELS, METHODS, MODERN_VERSION, SERVER_INFO } from './fixture-methods';
import { fixtureTools } from './fixture-tools';
import { InputRequired, inputRounds } from './input-rounds';

const META = 'io.modelcontextprotocol/';
const CACHEABLE = /^(server\/discover|resources\/read|.*\/list)$/;
const KEEP_ALIVE_MS = 15_000;

export interface ModernRequest {
  headers: IncomingHttpHeaders;
  response: ServerResponse;
  caller: string;
  /** Called once the client left before its answer was complete. */
  onCancel(): void;
}

export interface ModernEra {
  post(message: Json, request: ModernRequest): Promise<void>;
  close(): void;
}

/** `versions`: what discovery says; `changes` emits `changed` with the name of a list and `updated` with a URI; `key` seals `requestState`. */
export function modernEra({
  versions,
  changes,
  key,
}: {
  versions: string[];
  changes: EventEmitter;
  key: Buffer;
}): ModernEra {
  const listening = new Set<() => void>();

  async function post(message: Json, request: ModernRequest): Promise<void> {
    const { headers, response } = request;
    const { id, method } = message;
    const stream = answerStream(response, id);
    try {
      checkHeaders(message, headers, versions);
      // Core defines no notification of clients over HTTP any more; what comes is taken and means nothing.
      if (id === undefined) return void response.writeHead(202).end();
      if (method === 'subscriptions/listen') return listen(message, stream, response);
      const result =
        method === 'server/discover'
          ? discover()
          : await METHODS.get(method)!(callOf(message, request, stream));
      stream.end({ result: complete(method, result) });
    } catch (error) {
      if (error instanceof InputRequired) stream.end({ result: identified(error.result) });
      else stream.fail(error);
    }
  }

  const discover = (): Json => ({
    supportedVersions: versions,
    capabilities: CAPABILITIES,
    instructions: 'A server to test clients and gateways with.',
  });

  function callOf(
    { method, params }: Json,
    { response, caller, onCancel }: ModernRequest,
    stream: AnswerStream,
  ): Call {
    const meta = params._meta as Json;
    const aborted = new AbortController();
    response.on('close', () => {
      if (response.writableFinished) return;
      onCancel();
      aborted.abort();
    });
    const capabilities = meta[`${META}clientCapabilities`] as Json;
    const wanted = LEVELS.indexOf(meta[`${META}logLevel`] as Level);
    return {
      ...{ era: 'modern', params, capabilities, signal: aborted.signal },
      progress(progress, total) {
        if (meta.progressToken === undefined) return;
        stream.notify('notifications/progress', { progressToken: meta.progressToken, progress, total });
      },
      log(level, text) {
        if (wanted === -1 || LEVELS.indexOf(level) < wanted) return;
        stream.notify('notifications/message', { level, logger: 'fixture', data: text });
      },
      ask: inputRounds({ method, params, capabilities, caller, key }),
      changed: (list) => changes.emit('changed', list),
      updated: (uri) => changes.emit('updated', uri),
      openStream: stream.open,
      closeStream: () => undefined,
    };
  }

  function listen({ id, params }: Json, stream: AnswerStream, response: ServerResponse): void {
    const asked = (params.notifications ?? {}) as Json;
    const kinds: Change[] = [
      ...(asked.toolsListChanged === true ? (['tools'] as const) : []),
      ...(asked.promptsListChanged === true ? (['prompts'] as const) : []),
    ];
    const uris = Array.isArray(asked.resourceSubscriptions) ? (asked.resourceSubscriptions as unknown[]) : [];
    const tag = { [`${META}subscriptionId`]: id };
    stream.notify('notifications/subscriptions/acknowledged', {
      _meta: tag,
      notifications: {
        ...Object.fromEntries(kinds.map((kind) => [`${kind}ListChanged`, true])),
        ...(uris.length > 0 ? { resourceSubscriptions: uris } : {}),
      },
    });
    const tell = (list: Change) => {
      if (kinds.includes(list)) stream.notify(`notifications/${list}/list_changed`, { _meta: tag });
    };
    const tellUpdate = (uri: string) => {
      if (uris.includes(uri)) stream.notify('notifications/resources/updated', { _meta: tag, uri });
    };
    const keepAlive = setInterval(() => response.write(': listening\n\n'), KEEP_ALIVE_MS).unref();
    const end = () =>
      stream.end({
        result: { resultType: 'complete', _meta: { ...tag, [`${META}serverInfo`]: SERVER_INFO } },
      });
    changes.on('changed', tell).on('updated', tellUpdate);
    listening.add(end);
    response.on('close', () => {
      clearInterval(keepAlive);
      changes.off('changed', tell).off('updated', tellUpdate);
      listening.delete(end);
    });
  }

  return {
    post,
    close() {
      for (const end of listening) end();
    },
  };
}

function identified(result: Json): Json {
  return { ...result, _meta: { ...result._meta, [`${META}serverInfo`]: SERVER_INFO } };
}

function complete(method: string, result: Json): Json {
  // Public on purpose: what a gateway filters for one caller it must not hand on as public.
  const cache = CACHEABLE.test(method) ? { ttlMs: 60_000, cacheScope: 'public' } : {};
  return identified({ resultType: 'complete', ...result, ...cache });
}

interface AnswerStream {
  open(): void;
  notify(method: string, params: Json): void;
  end(answer: Json): void;
  fail(error: unknown): void;
}

/** One JSON object, or events from the first notification on. */
function answerStream(response: ServerResponse, id: unknown): AnswerStream {
  const write = (message: Json) =>
    response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
  const open = () => {
    if (response.headersSent) return;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
  };
  const end = (answer: Json, status = 200) => {
    if (response.writableEnded) return;
    if (response.headersSent) {
      write({ id, ...answer });
      response.end();
      return;
    }
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', ...(id === undefined ? {} : { id }), ...answer }));
  };
  return {
    open,
    notify(method, params) {
      open();
      write({ method, params });
    },
    end,
    fail(error) {
      const known = error instanceof RpcError ? error : new RpcError(-32603, String(error), undefined, 500);
      const { code, message, data } = known;
      end({ error: { code, message, ...(data ? { data } : {}) } }, known.status);
    },
  };
}

const HAS_NAME: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/** Headers against body, then `_meta`, version and method, each with its own error (MCP 2026-07-28, transports and versioning). */
function checkHeaders(
  { method, params = {}, id }: Json,
  headers: IncomingHttpHeaders,
  versions: string[],
): void {
  const mismatch = (what: string) => new RpcError(-32020, what, undefined, 400);
  const meta = (params._meta ?? {}) as Json;
  const said = meta[`${META}protocolVersion`];
  const version = headers['mcp-protocol-version'];
  if (version === undefined) {
    // A client of the older era: it learns which versions there are.
    if (method === 'initialize') throw unsupported(params.protocolVersion, versions);
    throw mismatch('MCP-Protocol-Version is needed.');
  }
  if (said !== undefined && said !== version) throw mismatch('MCP-Protocol-Version differs from the body.');
  if (headers['mcp-method'] !== method) throw mismatch('Mcp-Method is missing or differs from the body.');
  const named = HAS_NAME[method];
  if (named && decodeHeader(headers['mcp-name']) !== params[named])
    throw mismatch('Mcp-Name is missing or differs from the body.');
  if (id === undefined) return;
  if (typeof said !== 'string' || typeof meta[`${META}clientCapabilities`] !== 'object')
    throw new RpcError(-32602, 'params._meta lacks what every request has.', undefined, 400);
  if (said !== MODERN_VERSION) throw unsupported(said, versions);
  if (method !== 'server/discover' && method !== 'subscriptions/listen' && !METHODS.has(method))
    throw new RpcError(-32601, `Method not found: ${method}`, undefined, 404);
  if (method === 'tools/call') checkParamHeaders(params, headers, mismatch);
}

const unsupported = (requested: unknown, supported: string[]) =>
  new RpcError(-32022, 'This version is not spoken here.', { supported, requested }, 400);

/** Parameters whose schema has `x-mcp-header` stand in a header too, and say the same there (SEP-2243). */
function checkParamHeaders(
  params: Json,
  headers: IncomingHttpHeaders,
  mismatch: (what: string) => RpcError,
): void {
  const properties = (fixtureTools().find(({ name }) => name === params.name)?.inputSchema.properties ??
    {}) as Json;
  for (const [property, schema] of Object.entries(properties)) {
    const suffix = (schema as Json)['x-mcp-header'] as string | undefined;
    if (suffix === undefined) continue;
    const given = params.arguments?.[property];
    const header = headers[`mcp-param-${suffix.toLowerCase()}`];
    if (decodeHeader(header) !== (given === undefined ? undefined : String(given)))
      throw mismatch(`Mcp-Param-${suffix} is missing or differs from the body.`);
  }
}

/** `=?base64?…?=` stands for its decoded text; undefined where it is absent, null where it is no base64 of UTF-8. */
function decodeHeader(value: string | string[] | undefined): string | null | undefined {
  if (typeof value !== 'string') return undefined;
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return null;
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : null;
}
