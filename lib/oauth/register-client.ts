// Dynamic client registration (RFC 7591): what a client may say of itself, where it may send people back, and how many there may be.
import { createHash, randomBytes } from 'node:crypto';
import { pool } from '../db';
import { sealSecret } from '../vault/vault';
import { secretPlace } from './adapter';
import { derived } from './client-documents';
import { disallowedUris, rememberRefused } from './redirect-rules';
import { displayName, redirectUriFault } from './redirect-uris';

export const MAX_REGISTRATION_BYTES = 16 * 1024;
const MAX_REDIRECT_URIS = 20;
/** An office behind one address registers a client a person on its first morning; nobody needs more. */
const PER_ADDRESS_AND_HOUR = 300;
/** Clients that nobody has allowed yet; beyond it the oldest that had their hour go (AS-36). */
const MAX_UNUSED = 5_000;

const AUTH_METHODS = ['none', 'client_secret_post', 'client_secret_basic'] as const;

/** An answer of the registration endpoint. */
export interface Registered {
  status: number;
  body: Record<string, unknown>;
}

const refused = (error: string, error_description: string, more: object = {}): Registered => ({
  status: 400,
  body: { error, error_description, ...more },
});

/** Registers a client. `body` is the request's parsed JSON, `address` the caller's network address. Unknown members are ignored (RFC 7591 §2). */
export async function registerClient(body: unknown, address: string): Promise<Registered> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return refused('invalid_client_metadata', 'Send the client\u2019s metadata as a JSON object.');
  const given = body as Record<string, unknown>;
  const uris = given.redirect_uris;
  if (!isTexts(uris) || uris.length === 0 || uris.length > MAX_REDIRECT_URIS)
    return refused('invalid_redirect_uri', `redirect_uris must list 1 to ${MAX_REDIRECT_URIS} URIs.`);
  const faulty = uris.filter((uri) => redirectUriFault(uri) !== null);
  const fault = faulty[0] === undefined ? null : redirectUriFault(faulty[0]);
  const disallowed = faulty.length > 0 ? faulty : await disallowedUris(uris);
  if (disallowed.length > 0) {
    if (faulty.length === 0) await rememberRefused(disallowed, given.client_name);
    return refused('invalid_redirect_uri', fault ? `A redirect URI ${fault}.` : NOT_ALLOWED, {
      disallowed_uris: disallowed,
    });
  }
  const unsupported = unsupportedMetadata(given);
  if (unsupported) return refused('invalid_client_metadata', unsupported);
  if (!(await hasRoom(address)))
    return {
      status: 429,
      body: {
        error: 'too_many_requests',
        error_description: 'Too many clients registered; try again in an hour.',
      },
    };
  return store(given, uris, address);
}

const NOT_ALLOWED =
  'No organization here allows clients to send people back to these redirect URIs. An admin sees this refusal under Clients and can allow them there; then register again.';

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string');

function unsupportedMetadata({
  token_endpoint_auth_method: method = 'none',
  grant_types: grants = ['authorization_code'],
  response_types: responses = ['code'],
}: Record<string, unknown>): string | null {
  if (!AUTH_METHODS.includes(method as never))
    return `token_endpoint_auth_method must be one of ${AUTH_METHODS.join(', ')}.`;
  if (!isTexts(responses) || (responses.length > 0 && !responses.includes('code')))
    return 'response_types must include code; nothing else is offered.';
  if (!isTexts(grants)) return 'grant_types must be a list of names.';
  if (grants.length > 0 && !grants.includes('authorization_code'))
    return grants.includes('client_credentials')
      ? NO_CLIENT_CREDENTIALS
      : 'grant_types must include authorization_code; refresh_token is added.';
  return null;
}

/** What a machine client hears instead of a token. */
export const NO_CLIENT_CREDENTIALS =
  'client_credentials is not offered: Asana acts for people only, so every token here belongs to one. Let a person mint an agent token in the portal (Tokens) and send it as Authorization: Bearer gth_...';

const addressHash = (address: string) => createHash('sha256').update(`registered-from:${address}`).digest();

async function hasRoom(address: string): Promise<boolean> {
  const { rows } = await pool().query<{ n: number }>(
    `SELECT count(*)::int AS n FROM oauth_clients WHERE registered_from = $1 AND created_at > now() - interval '1 hour'`,
    [addressHash(address)],
  );
  if (rows[0]!.n >= PER_ADDRESS_AND_HOUR) return false;
  const { rows: unused } = await pool().query<{ n: number }>(
    `SELECT count(*)::int AS n FROM (SELECT 1 FROM oauth_clients c WHERE NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.id)
       LIMIT ${MAX_UNUSED + 1}) u`,
  );
  if (unused[0]!.n < MAX_UNUSED) return true;
  const { rowCount } = await pool().query(
    `DELETE FROM oauth_clients WHERE id IN (SELECT id FROM oauth_clients c
       WHERE created_at < now() - interval '1 hour' AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.id)
       ORDER BY created_at LIMIT 100)`,
  );
  return (rowCount ?? 0) > 0;
}

async function store(given: Record<string, unknown>, uris: string[], address: string): Promise<Registered> {
  const id = `mcp_${randomBytes(16).toString('hex')}`;
  const name = displayName(given.client_name);
  const method = (given.token_endpoint_auth_method ?? 'none') as (typeof AUTH_METHODS)[number];
  // A public client gets no secret, whatever it asks for (A9).
  const secret = method === 'none' ? null : randomBytes(32).toString('base64url');
  const issuedAt = Math.floor(Date.now() / 1000);
  const metadata = {
    client_id: id,
    client_id_issued_at: issuedAt,
    client_name: name,
    token_endpoint_auth_method: method,
    ...derived(uris),
  };
  await pool().query(
    `INSERT INTO oauth_clients (id, kind, name, metadata, secret, registered_from) VALUES ($1, 'registered', $2, $3, $4, $5)`,
    [id, name, metadata, secret && sealSecret(secretPlace(id), secret), addressHash(address)],
  );
  return {
    status: 201,
    body: {
      ...metadata,
      scope: 'mcp',
      ...(secret ? { client_secret: secret, client_secret_expires_at: 0 } : {}),
    },
  };
}
