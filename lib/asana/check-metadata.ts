// Compares Asana's published metadata (RFC 9728, RFC 8414) with the configuration. For the admin's eyes; nothing follows it.
import { z } from 'zod';
import { env } from '../env';
import { callOutbound } from '../http';

export interface Check {
  id: string;
  status: 'pass' | 'warn' | 'fail';
  /** What was found; plain sentences of ours. */
  message: string;
  /** What to do; null on `pass`. */
  fix: string | null;
}

export const pass = (id: string, message: string): Check => ({ id, status: 'pass', message, fix: null });
export const warn = (id: string, message: string, fix: string): Check => ({
  id,
  status: 'warn',
  message,
  fix,
});
export const fail = (id: string, message: string, fix: string): Check => ({
  id,
  status: 'fail',
  message,
  fix,
});

const TIMEOUT_MS = 4_000;
const MAX_METADATA_BYTES = 64 * 1024;
const NOTHING_TO_DO =
  'Nothing, as long as people can connect: Gatehouse takes Asana’s addresses from its own configuration.';

async function fetchJson(url: string): Promise<unknown> {
  const { status, body } = await callOutbound(url, {
    method: 'GET',
    headers: { accept: 'application/json' },
    timeoutMs: TIMEOUT_MS / 2,
    maxBytes: MAX_METADATA_BYTES,
  });
  return status === 200 ? JSON.parse(body.toString('utf8')) : null;
}

const resourceMetadata = z.object({ resource: z.string(), authorization_servers: z.array(z.string()) });

/** RFC 9728 §3.1 puts the well-known part before the path; Asana's stands one level up (facts 2.1), so parents are tried too. */
export function resourceMetadataUrls(mcpUrl: string): string[] {
  const { origin, pathname } = new URL(mcpUrl);
  const segments = pathname.split('/').filter(Boolean);
  return segments
    .concat('')
    .map((_, index) => segments.slice(0, segments.length - index))
    .map((kept) => `${origin}/.well-known/oauth-protected-resource${kept.map((s) => `/${s}`).join('')}`);
}

/** The MCP server must name the authorization server that the secrets go to. */
export async function checkResourceMetadata(): Promise<Check> {
  const id = 'resource_metadata';
  const documents = await Promise.all(
    resourceMetadataUrls(env().ASANA_MCP_URL).map((url) => fetchJson(url).catch(() => null)),
  );
  const document = documents.find((found) => found !== null);
  if (document === undefined) return warn(id, 'The MCP server’s metadata was not found.', NOTHING_TO_DO);
  const { success, data } = resourceMetadata.safeParse(document);
  if (!success || !data.authorization_servers.includes(env().ASANA_OAUTH_URL))
    return fail(
      id,
      'The MCP server’s metadata does not name the configured authorization server.',
      'Compare ASANA_MCP_URL and ASANA_OAUTH_URL with Asana’s documentation. Gatehouse never follows the metadata by itself.',
    );
  return pass(id, 'The MCP server names the configured authorization server.');
}

const serverMetadata = z.object({
  authorization_endpoint: z.string(),
  token_endpoint: z.string(),
  revocation_endpoint: z.string(),
  code_challenge_methods_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
});

/** The authorization server must describe itself as Gatehouse is built for it. */
export async function checkServerMetadata(): Promise<Check> {
  const id = 'server_metadata';
  const origin = env().ASANA_OAUTH_URL;
  const document = await fetchJson(`${origin}/.well-known/oauth-authorization-server`).catch(() => null);
  if (document === null) return warn(id, 'The authorization server’s metadata was not found.', NOTHING_TO_DO);
  const { success, data } = serverMetadata.safeParse(document);
  const asExpected =
    success &&
    data.authorization_endpoint === `${origin}/-/oauth_authorize` &&
    data.token_endpoint === `${origin}/-/oauth_token` &&
    data.revocation_endpoint === `${origin}/-/oauth_revoke` &&
    data.code_challenge_methods_supported.includes('S256') &&
    data.token_endpoint_auth_methods_supported.includes('client_secret_post');
  if (asExpected) return pass(id, 'Asana’s authorization server is as expected.');
  return fail(
    id,
    'Asana’s authorization server describes itself otherwise than Gatehouse is built for.',
    'Check ASANA_OAUTH_URL. If it is right, Asana has changed its addresses: look for a newer Gatehouse.',
  );
}
