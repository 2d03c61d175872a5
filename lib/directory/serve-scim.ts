// SCIM 2.0 at /scim/v2 (RFC 7643, RFC 7644): who calls, which resource, the answer in SCIM's shape. Nothing opens it but a directory
// token, and a directory token opens nothing else.
import type { Actor } from '../audit/append';
import { endingAccess } from '../db';
import { log } from '../log';
import { findDirectory } from './directory-tokens';
import { ScimError, scimErrorOf } from './scim-error';
import { readFilter } from './scim-filter';
import { groups, scimUrl, users, type Json, type Resources } from './scim-resources';
import { MAX_RESULTS, resourceTypes, schemas, serviceProviderConfig } from './scim-schemas';

const PREFIX = '/scim/v2';
const MAX_BODY_BYTES = 1_048_576;
const MAX_DISCARDED_BYTES = 8_388_608;

/** Answers one request below /scim/v2. Never throws. */
export async function serveScim(request: Request): Promise<Response> {
  try {
    // What the company changes or takes away may end somebody's access, so it has connections of its own (DB-08).
    const mayEnd = ['PUT', 'PATCH', 'DELETE'].includes(request.method);
    return await (mayEnd ? endingAccess(() => answer(request)) : answer(request));
  } catch (error) {
    const { status, body } = scimErrorOf(error);
    if (status >= 500) log().error({ err: error, path: new URL(request.url).pathname }, 'scim');
    return respond(status, body, {
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="Gatehouse SCIM"' } : {}),
      ...(status === 413 ? { connection: 'close' } : {}),
      ...(status === 503 ? { 'retry-after': '1' } : {}),
    });
  }
}

async function answer(request: Request): Promise<Response> {
  const actor = await actorOf(request);
  const url = new URL(request.url);
  const [kind = '', id, ...more] = url.pathname.slice(PREFIX.length + 1).split('/');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  if (more.length > 0) throw noEndpoint();
  if (kind !== 'Users' && kind !== 'Groups') {
    if (method !== 'GET') throw isDescription(kind) ? notAllowed() : noEndpoint();
    return respond(200, description(kind, id));
  }
  const { create, list, read, replace, patch, end } = kind === 'Users' ? users : groups;
  if (id === undefined || id === '') {
    if (method === 'GET') return respond(200, await listOf(list, actor, url));
    if (method !== 'POST') throw notAllowed();
    const made = await create(actor, await bodyOf(request));
    return respond(201, made, { ...tagOf(made), location: locationOf(made) });
  }
  const given = decoded(id);
  if (method === 'GET') return oneOf(request, url, await read(actor, given));
  if (method !== 'PUT' && method !== 'PATCH' && method !== 'DELETE') throw notAllowed();
  await refuseStale(request, () => read(actor, given));
  if (method === 'DELETE') {
    await end(actor, given);
    return respond(204, null);
  }
  const changed = await (method === 'PUT' ? replace : patch)(actor, given, await bodyOf(request));
  return respond(200, changed, tagOf(changed));
}

const noEndpoint = () =>
  new ScimError(404, 'There is no such endpoint here; /scim/v2/ResourceTypes names them.');
const notAllowed = () => new ScimError(405, 'This method is not offered here.');

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    throw noEndpoint();
  }
}

async function actorOf(request: Request): Promise<Actor> {
  const bearer = /^Bearer ([^\s,]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  const actor = bearer === undefined ? null : await findDirectory(bearer);
  if (actor) return actor;
  throw new ScimError(
    401,
    /^(gth|ghk|gho)_/.test(bearer ?? '')
      ? 'This token is for something else. Make a directory token in the portal under Directory, and send that.'
      : 'Send a valid directory token as a bearer; an admin makes one in the portal under Directory.',
  );
}

const metaOf = (resource: Json) => resource.meta as { location: string; version: string };
const locationOf = (resource: Json) => metaOf(resource).location;
const tagOf = (resource: Json) => ({ etag: metaOf(resource).version });

/** If-Match (RFC 7644 §3.14): who changes what they have not seen hears so. */
async function refuseStale(request: Request, read: () => Promise<Json>): Promise<void> {
  const asked = request.headers.get('if-match');
  if (asked === null || asked.trim() === '*') return;
  if (!tagsIn(asked).includes(metaOf(await read()).version))
    throw new ScimError(412, 'It has changed since it was read; read it again and repeat the change.');
}

const tagsIn = (header: string) => header.split(',').map((tag) => tag.trim());

function oneOf(request: Request, url: URL, resource: Json): Response {
  const asked = request.headers.get('if-none-match');
  if (asked !== null && tagsIn(asked).includes(metaOf(resource).version))
    return respond(304, null, tagOf(resource));
  return respond(200, chosen(resource, url), tagOf(resource));
}

/** `attributes` and `excludedAttributes` (RFC 7644 §3.9), of the first level. */
function chosen(resource: Json, url: URL): Json {
  const [wanted, unwanted] = [namesIn(url, 'attributes'), namesIn(url, 'excludedAttributes')];
  const always = ['schemas', 'id', 'meta'];
  return Object.fromEntries(
    Object.entries(resource).filter(([key]) => {
      if (always.includes(key)) return true;
      const name = key.toLowerCase();
      return (wanted.length === 0 || wanted.includes(name)) && !unwanted.includes(name);
    }),
  );
}

/** Names in lower case, each without its schema and what is below it. */
const namesIn = (url: URL, parameter: string): string[] =>
  (url.searchParams.get(parameter) ?? '')
    .split(',')
    .map((name) =>
      name
        .trim()
        .replace(/^urn:.*:/i, '')
        .split('.')[0]!
        .toLowerCase(),
    )
    .filter(Boolean);

async function listOf(list: Resources['list'], actor: Actor, url: URL): Promise<Json> {
  const filter = url.searchParams.get('filter');
  const terms = filter === null || filter.trim() === '' ? [] : readFilter(filter);
  const startIndex = Math.max(1, wholeNumber(url, 'startIndex', 1));
  const count = Math.min(MAX_RESULTS, Math.max(0, wholeNumber(url, 'count', 100)));
  const wanted = namesIn(url, 'attributes');
  const withMembers =
    !namesIn(url, 'excludedAttributes').includes('members') &&
    (wanted.length === 0 || wanted.includes('members'));
  const { total, resources } = await list(actor, terms, { offset: startIndex - 1, count, withMembers });
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources.map((resource) => chosen(resource, url)),
  };
}

function wholeNumber(url: URL, parameter: string, otherwise: number): number {
  const given = url.searchParams.get(parameter);
  if (given === null || given === '') return otherwise;
  if (!/^-?\d{1,9}$/.test(given))
    throw new ScimError(400, `${parameter} must be a whole number.`, 'invalidValue');
  return Number(given);
}

const isDescription = (kind: string) => /^(ServiceProviderConfig|ResourceTypes|Schemas)$/.test(kind);

function description(kind: string, id: string | undefined): Json {
  const base = scimUrl();
  if (kind === 'ServiceProviderConfig' && id === undefined) return serviceProviderConfig(base);
  if (kind !== 'ResourceTypes' && kind !== 'Schemas') throw noEndpoint();
  const all: { id: string }[] = kind === 'ResourceTypes' ? resourceTypes(base) : schemas(base);
  if (id === undefined || id === '')
    return {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      ...{ totalResults: all.length, startIndex: 1, itemsPerPage: all.length, Resources: all },
    };
  const found = all.find((one) => one.id === decoded(id));
  if (!found) throw noEndpoint();
  return { ...found };
}

async function bodyOf(request: Request): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (request.body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    else if (size > MAX_DISCARDED_BYTES) break;
  }
  if (size > MAX_BODY_BYTES) throw new ScimError(413, 'At most 1 MiB is taken at once; send it in parts.');
  if (!/^application\/(scim\+)?json\s*(;|$)/i.test(request.headers.get('content-type') ?? ''))
    throw new ScimError(400, 'Send the body as application/scim+json.', 'invalidSyntax');
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))) as unknown;
  } catch {
    throw new ScimError(400, 'The body is not valid JSON.', 'invalidSyntax');
  }
}

function respond(status: number, body: Json | null, headers: Record<string, string> = {}): Response {
  return new Response(body === null ? null : JSON.stringify(body), {
    status,
    // Who asks decides what is answered; no cache between may keep it (SP-16).
    headers: {
      'cache-control': 'no-store',
      ...(body === null ? {} : { 'content-type': 'application/scim+json' }),
      ...headers,
    },
  });
}
