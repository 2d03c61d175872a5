// Answers /api/v1: finds the operation by method and path, performs it, and renders the answer or an RFC 9457 problem.
import { endingAccess } from '../db';
import { AppError, problemOf } from '../errors';
import { log } from '../log';
import { callerOf } from './caller';
import { openApiDocument } from './open-api';
import { authorize, perform, type Operation, type Streamed } from './operation';
import { operationEntries } from './operations';

const PREFIX = '/api/v1';
const MAX_BODY_BYTES = 1_048_576;
/** A body too large is read to its end up to here, because a client that still sends may not hear the answer. */
const MAX_DISCARDED_BYTES = 8_388_608;

interface Route {
  method: string;
  segments: string[];
  operation: Operation;
}

let routes: Route[] | undefined;

/** Answers one request below /api/v1. Never throws. */
export async function handleApi(request: Request): Promise<Response> {
  try {
    return await answer(request);
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status >= 500) log().error({ err: error, path: new URL(request.url).pathname }, 'api');
    return respond(JSON.stringify(problem), {
      status: problem.status,
      headers: {
        'content-type': 'application/problem+json',
        ...(problem.status === 401 ? { 'www-authenticate': 'Bearer realm="Gatehouse API"' } : {}),
        ...(problem.status === 405 ? { allow: allowedAt(request) } : {}),
        // What is left of the body is not read: the next request could not follow it on this connection.
        ...(problem.status === 413 ? { connection: 'close' } : {}),
        ...(problem.status === 503 ? { 'retry-after': '1' } : {}),
      },
    });
  }
}

async function answer(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const path = url.pathname.slice(PREFIX.length);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  if (method === 'GET' && path === '/openapi.json') return json(openApiDocument(), 200);
  const found = route(method, path);
  // Who calls is asked there too.
  return found.operation.ends
    ? endingAccess(() => carryOut(request, url, found))
    : carryOut(request, url, found);
}

async function carryOut(request: Request, url: URL, { operation, parameters }: Found): Promise<Response> {
  const caller = await callerOf(request);
  // Before a byte of the body is read: who may not call hears nothing about what was sent.
  authorize(operation, caller);
  const result = await perform(operation, caller, {
    path: parameters,
    query: queryOf(url),
    body: await bodyOf(request),
    ifMatch: request.headers.get('if-match'),
  });
  if (operation.answer === 'none') return respond(null, { status: 204 });
  if (operation.answer === 'stream') return stream(result as Streamed);
  const version = (result as { version?: unknown }).version;
  return json(result, operation.status, typeof version === 'number' ? { etag: `"${version}"` } : {});
}

function allRoutes(): Route[] {
  return (routes ??= operationEntries().map((entry) => ({
    ...entry,
    segments: entry.path.split('/').slice(1),
  })));
}

interface Found {
  operation: Operation;
  parameters: Record<string, string>;
}

function route(method: string, path: string): Found {
  const segments = path.split('/').slice(1);
  let otherMethod = path === '/openapi.json';
  for (const candidate of allRoutes()) {
    const parameters = match(candidate.segments, segments);
    if (!parameters) continue;
    if (candidate.method === method) return { operation: candidate.operation, parameters };
    otherMethod = true;
  }
  throw new AppError(otherMethod ? 'method_not_allowed' : 'not_found');
}

/** The `Allow` of a 405 (RFC 9110 §15.5.6). */
function allowedAt(request: Request): string {
  const segments = new URL(request.url).pathname.slice(PREFIX.length).split('/').slice(1);
  const fitting = allRoutes().filter((candidate) => match(candidate.segments, segments));
  return fitting.length === 0 ? 'GET' : fitting.map(({ method }) => method).join(', ');
}

function match(pattern: string[], segments: string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const parameters: Record<string, string> = {};
  for (const [n, part] of pattern.entries()) {
    const segment = segments[n]!;
    const parameter = /^\{(\w+)\}$/.exec(part)?.[1];
    if (!parameter && part !== segment) return null;
    if (!parameter) continue;
    try {
      parameters[parameter] = decodeURIComponent(segment);
    } catch {
      return null;
    }
  }
  return parameters;
}

function queryOf(url: URL): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [key, value] of url.searchParams) {
    if (Object.hasOwn(query, key)) throw new AppError('invalid', `query.${key}: given twice`);
    query[key] = value;
  }
  return query;
}

async function bodyOf(request: Request): Promise<unknown> {
  if (request.method === 'GET' || request.method === 'HEAD' || request.body === null) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    else if (size > MAX_DISCARDED_BYTES) break;
  }
  if (size > MAX_BODY_BYTES) throw new AppError('too_large');
  if (size === 0) return undefined;
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get('content-type') ?? ''))
    throw new AppError('invalid', 'Send the body as application/json.');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))) as unknown;
  } catch {
    throw new AppError('invalid', 'The body is not valid JSON.');
  }
}

function json(value: unknown, status: number, headers: Record<string, string> = {}): Response {
  return respond(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

// Answers depend on who asks; no cache between may keep them (SP-16).
function respond(
  body: BodyInit | null,
  init: { status: number; headers?: Record<string, string> },
): Response {
  return new Response(body, {
    status: init.status,
    headers: { 'cache-control': 'no-store', ...init.headers },
  });
}

function stream({ contentType, fileName, chunks }: Streamed): Response {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      } catch (error) {
        // The status is long sent: a cut transfer says that the export is not whole, a clean end would not.
        log().error({ err: error }, 'export broke off');
        controller.error(error);
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return respond(body, {
    status: 200,
    headers: { 'content-type': contentType, 'content-disposition': `attachment; filename="${fileName}"` },
  });
}
