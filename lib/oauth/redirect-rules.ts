// Each organization's redirect rule, whether any organization allows a URI, and the registrations that none did.
import { appendEvent, type Actor } from '../audit/append';
import { pool, type Tx } from '../db';
import { AppError } from '../errors';
import {
  DEFAULT_RULE,
  displayName,
  isAllowedRedirect,
  isLoopbackRedirect,
  redirectUriFault,
  type RedirectRule,
} from './redirect-uris';

const MAX_URIS = 200;
const MAX_REFUSED = 100;

/** A registration that no organization's rule allowed. */
export interface RefusedRegistration {
  uri: string;
  clientName: string;
  at: string;
}

/** The organization's rule in force now. */
export async function readRedirectRule(organizationId: string): Promise<RedirectRule> {
  const { rows } = await pool().query<RedirectRule>(
    'SELECT uris, allow_loopback AS "allowLoopback" FROM redirect_uri_rules WHERE organization_id = $1',
    [organizationId],
  );
  return rows[0] ?? DEFAULT_RULE;
}

/** Replaces the rule. Throws `invalid` for what can't be a redirect URI. In force for the next authorization, code and refresh. */
export async function saveRedirectRule(tx: Tx, actor: Actor, rule: RedirectRule): Promise<RedirectRule> {
  const uris = [...new Set(rule.uris)];
  if (uris.length > MAX_URIS)
    throw new AppError('invalid', `At most ${MAX_URIS} redirect URIs can be listed.`);
  for (const uri of uris) {
    const fault = redirectUriFault(uri);
    if (fault) throw new AppError('invalid', `body.uris: ${uri.slice(0, 200)} ${fault}`);
  }
  const { organizationId } = actor;
  const before = await readRedirectRule(organizationId);
  await tx.$executeRaw`
    INSERT INTO redirect_uri_rules (organization_id, uris, allow_loopback)
    VALUES (${organizationId}::uuid, ${uris}::text[], ${rule.allowLoopback})
    ON CONFLICT (organization_id) DO UPDATE SET uris = EXCLUDED.uris, allow_loopback = EXCLUDED.allow_loopback`;
  const after = { uris, allowLoopback: rule.allowLoopback };
  await appendEvent(tx, actor, { action: 'redirect_uris.updated', target: 'redirect_uris', before, after });
  return after;
}

/** Whether this organization's rule lets a client send people back to `uri`. */
export async function organizationAllows(organizationId: string, uri: string): Promise<boolean> {
  return isAllowedRedirect(await readRedirectRule(organizationId), uri);
}

/** Those of `uris` that no organization of the deployment allows. */
export async function disallowedUris(uris: string[]): Promise<string[]> {
  const { rows } = await pool().query<{ uri: string }>(
    `SELECT u.uri FROM unnest($1::text[], $2::bool[], $3::bool[]) AS u(uri, loopback, by_default)
     WHERE NOT EXISTS (SELECT 1 FROM redirect_uri_rules r WHERE u.uri = ANY(r.uris) OR (u.loopback AND r.allow_loopback))
       AND NOT (u.by_default AND EXISTS (SELECT 1 FROM organizations o
         WHERE NOT EXISTS (SELECT 1 FROM redirect_uri_rules r WHERE r.organization_id = o.id)))`,
    [uris, uris.map(isLoopbackRedirect), uris.map((uri) => isAllowedRedirect(DEFAULT_RULE, uri))],
  );
  return uris.filter((uri) => rows.some((row) => row.uri === uri));
}

/** Remembers refused URIs for admins; the newest hundred of the deployment stay. */
export async function rememberRefused(uris: string[], clientName: unknown): Promise<void> {
  const shown = uris.slice(0, 10).map((uri) => uri.slice(0, 500).replaceAll(/[^\x21-\x7e]/g, '\uFFFD'));
  await pool().query(
    `INSERT INTO refused_registrations (uri, client_name) SELECT DISTINCT uri, $2 FROM unnest($1::text[]) AS u(uri)
     ON CONFLICT (uri, client_name) DO UPDATE SET at = now()`,
    [shown, displayName(clientName)],
  );
  await pool().query(
    `DELETE FROM refused_registrations WHERE (uri, client_name) IN (
       SELECT uri, client_name FROM refused_registrations ORDER BY at DESC, uri, client_name OFFSET ${MAX_REFUSED})`,
  );
}

/** Refused registrations, newest first, that this organization's rule still refuses. */
export async function listRefused(rule: RedirectRule): Promise<RefusedRegistration[]> {
  const { rows } = await pool().query<{ uri: string; clientName: string; at: Date }>(
    'SELECT uri, client_name AS "clientName", at FROM refused_registrations ORDER BY at DESC, uri LIMIT $1',
    [MAX_REFUSED],
  );
  return rows
    .filter(({ uri }) => !isAllowedRedirect(rule, uri))
    .map((row) => ({ ...row, at: row.at.toISOString() }));
}
