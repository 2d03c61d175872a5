// Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document, MCP 2026-07-28): a client's id is the https URL of its
// description. The URL comes from a stranger, so it is fetched through lib/http's guard, and only what is understood is kept of it.
import { getFromStranger } from '../http';
import { log } from '../log';
import { sql } from './token-transaction';
import { displayName, redirectUriFault } from './redirect-uris';

const MAX_BYTES = 5 * 1024;
const TIMEOUT_MS = 4_000;
const MAX_REDIRECT_URIS = 20;
/** In each process; whoever makes us ask for more makes others wait a minute. */
const FETCHES_A_MINUTE = 120;

/** Seconds for which a document is believed: clamped, and an error is never kept (AS-41). */
export const DOCUMENT_CACHE_SECONDS = { min: 60, max: 3_600 };

/** GETs a document; as `getFromStranger`. Tests put their own in its place. */
export type FetchDocument = (url: string) => Promise<{
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}>;

export const fetchDocument: FetchDocument = (url) =>
  getFromStranger(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, accept: 'application/json' });

/** Whether a client id can be the URL of a document: https with a path, nothing that two parsers could read differently. */
export function isDocumentUrl(id: string): boolean {
  if (!/^https:\/\/[a-z0-9.-]+(?::\d{1,5})?\/[\x21-\x7e]+$/.test(id) || id.length > 500) return false;
  if (/[#?@\\]/.test(id) || id.split('/').some((part) => /^(?:\.|%2e){1,2}$/i.test(part))) return false;
  return URL.canParse(id) && new URL(id).href === id;
}

let minute = 0;
let fetches = 0;

/** Whether another document may be fetched now. */
export function mayFetch(id: string): boolean {
  const now = Math.floor(performance.now() / 60_000);
  if (now !== minute) [minute, fetches] = [now, 0];
  if (!isDocumentUrl(id)) return false;
  fetches += 1;
  return fetches <= FETCHES_A_MINUTE;
}

/** oidc-provider's `fetch`: the document, reduced to what is used here, as an answer it can read. */
export function documentFetcher(fetchOne: FetchDocument) {
  return async (url: string | URL | Request): Promise<Response> => {
    const id = String(url);
    const answer = await fetchOne(id).catch((error: unknown) => {
      log().warn({ err: error, host: new URL(id).host }, 'a client metadata document could not be fetched');
      throw error;
    });
    const header = (name: string) => String(answer.headers[name] ?? '');
    const isJson = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(header('content-type'));
    if (answer.status !== 200 || !isJson || answer.body.length > MAX_BYTES)
      return new Response(null, {
        status: answer.status === 200 ? 415 : answer.status === 304 ? 502 : Math.max(answer.status, 400),
      });
    const cacheable = /no-store|no-cache/i.test(header('cache-control')) ? '' : header('cache-control');
    return new Response(JSON.stringify(reduce(JSON.parse(answer.body.toString('utf8')))), {
      status: 200,
      headers: { 'content-type': 'application/json', ...(cacheable ? { 'cache-control': cacheable } : {}) },
    });
  };
}

// Shared secrets stay in, so that they are refused; pictures, policies and keys of a stranger are not looked at.
function reduce(document: unknown): unknown {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return document;
  const given = document as Record<string, unknown>;
  const uris = Array.isArray(given.redirect_uris) ? given.redirect_uris : [];
  const usable = uris.filter(
    (uri): uri is string => typeof uri === 'string' && redirectUriFault(uri) === null,
  );
  if (usable.length === 0 || usable.length !== uris.length || uris.length > MAX_REDIRECT_URIS)
    return { ...pick(given), redirect_uris: [] };
  return { ...pick(given), ...derived(usable) };
}

function pick(given: Record<string, unknown>) {
  const names = ['client_id', 'token_endpoint_auth_method', 'client_secret', 'client_secret_expires_at'];
  const kept = names.filter((name) => Object.hasOwn(given, name)).map((name) => [name, given[name]]);
  return {
    token_endpoint_auth_method: 'none',
    ...Object.fromEntries(kept),
    client_name: displayName(given.client_name),
  };
}

/** What follows from the redirect URIs: loopback ports may differ for `native` clients only (RFC 8252 §7.3). */
export function derived(redirectUris: string[]) {
  return {
    redirect_uris: redirectUris,
    application_type: redirectUris.every((uri) => uri.startsWith('https://')) ? 'web' : 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
}

/** Notes a client known by its document, for the consent page and the admins' list. */
export async function rememberDocument(
  id: string,
  name: unknown,
  redirectUris: readonly string[],
): Promise<void> {
  await sql(
    `INSERT INTO oauth_clients (id, kind, name, metadata) VALUES ($1, 'document', $2, $3::jsonb)
     ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, metadata = EXCLUDED.metadata`,
    id,
    displayName(name),
    JSON.stringify({ redirect_uris: redirectUris }),
  );
}
