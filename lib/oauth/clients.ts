// MCP clients as admins see them. Clients belong to the deployment; whom they may act for is each organization's own affair.
import { appendEvent, type Actor } from '../audit/append';
import { pool, type Tx } from '../db';
import { AppError } from '../errors';
import { endGrants } from './grants';

/** A client, with what the asking organization has to do with it. */
export interface Client {
  id: string;
  name: string;
  kind: 'registered' | 'document';
  redirectUris: string[];
  createdAt: string;
  blocked: boolean;
  /** Members of this organization whom a grant in force lets it act for. */
  members: string[];
  lastUsedAt: string | null;
}

const MAX_LISTED = 500;

const SELECT = `
  SELECT c.id, c.name, c.kind, c.metadata->'redirect_uris' AS "redirectUris", c.created_at AS "createdAt",
    b.client_id IS NOT NULL AS blocked, coalesce(g.members, '{}') AS members, g.last_used_at AS "lastUsedAt"
  FROM oauth_clients c
  LEFT JOIN client_blocks b ON b.organization_id = $1 AND b.client_id = c.id
  LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT m.email ORDER BY m.email) AS members, max(g.last_used_at) AS last_used_at
    FROM grants g JOIN members m ON m.organization_id = g.organization_id AND m.id = g.member_id
    WHERE g.organization_id = $1 AND g.client_id = c.id AND g.ended_at IS NULL AND g.redeemed_at IS NOT NULL
      AND g.expires_at > now()
  ) g ON true
  WHERE (b.client_id IS NOT NULL
    OR EXISTS (SELECT 1 FROM grants o WHERE o.client_id = c.id AND o.organization_id = $1)
    OR NOT EXISTS (SELECT 1 FROM grants o WHERE o.client_id = c.id))`;

type Row = Omit<Client, 'createdAt' | 'lastUsedAt'> & { createdAt: Date; lastUsedAt: Date | null };

const toClient = (row: Row): Client => ({
  ...row,
  createdAt: row.createdAt.toISOString(),
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
});

/**
 * The clients that this organization knows (its people allowed them, or it blocks them) and those that nobody has allowed yet; another
 * organization's own are nobody else's business. Those in use first, then the newest.
 */
export async function listClients(organizationId: string): Promise<Client[]> {
  const { rows } = await pool().query<Row>(
    `${SELECT} ORDER BY b.client_id IS NOT NULL OR g.members IS NOT NULL DESC, c.created_at DESC, c.id LIMIT ${MAX_LISTED}`,
    [organizationId],
  );
  return rows.map(toClient);
}

async function requireClient(tx: Tx, organizationId: string, id: string): Promise<Client> {
  const rows = await tx.$queryRawUnsafe<Row[]>(
    `${SELECT.replaceAll('$1', '$1::uuid')} AND c.id = $2`,
    organizationId,
    id,
  );
  if (!rows[0]) throw new AppError('not_found', 'There is no such client.');
  return toClient(rows[0]);
}

/** Shuts a client out of the organization, or lets it in again. A block is in force for the next call; its grants stay, asleep. */
export async function blockClient(tx: Tx, actor: Actor, id: string, blocked: boolean): Promise<Client> {
  const { organizationId } = actor;
  const before = await requireClient(tx, organizationId, id);
  if (blocked)
    await tx.$executeRaw`
      INSERT INTO client_blocks (organization_id, client_id) VALUES (${organizationId}::uuid, ${id}) ON CONFLICT DO NOTHING`;
  else
    await tx.$executeRaw`
      DELETE FROM client_blocks WHERE organization_id = ${organizationId}::uuid AND client_id = ${id}`;
  await appendEvent(tx, actor, {
    action: blocked ? 'client.blocked' : 'client.unblocked',
    target: `client:${id}`,
    before: { name: before.name, blocked: before.blocked },
    after: { blocked },
  });
  return { ...before, blocked };
}

/**
 * Ends all that the client may do in this organization. The client itself goes too, unless another organization's people allowed
 * it: then only they can end that.
 */
export async function deleteClient(tx: Tx, actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor;
  const before = await requireClient(tx, organizationId, id);
  const ended = await endGrants(tx, actor, { clientId: id }, 'admin');
  await tx.$executeRaw`
    DELETE FROM oauth_clients c WHERE c.id = ${id} AND NOT EXISTS (
      SELECT 1 FROM grants g WHERE g.client_id = c.id AND g.organization_id <> ${organizationId}::uuid
        AND g.ended_at IS NULL AND g.expires_at > now())`;
  await tx.$executeRaw`
    DELETE FROM client_blocks b WHERE b.organization_id = ${organizationId}::uuid AND b.client_id = ${id}
      AND NOT EXISTS (SELECT 1 FROM oauth_clients c WHERE c.id = ${id})`;
  await appendEvent(tx, actor, {
    action: 'client.deleted',
    target: `client:${id}`,
    before: { name: before.name, members: before.members },
    after: { grantsEnded: ended },
  });
}

/** A client's name, kind and redirect URIs; null where there is none. */
export async function findClient(
  id: string,
): Promise<{ id: string; name: string; kind: Client['kind']; redirectUris: string[] } | null> {
  const { rows } = await pool().query<{
    id: string;
    name: string;
    kind: Client['kind'];
    redirectUris: string[];
  }>(`SELECT id, name, kind, metadata->'redirect_uris' AS "redirectUris" FROM oauth_clients WHERE id = $1`, [
    id,
  ]);
  return rows[0] ?? null;
}

/** Whether this organization's admins shut the client out. */
export async function isBlocked(organizationId: string, clientId: string): Promise<boolean> {
  const { rows } = await pool().query(
    'SELECT 1 FROM client_blocks WHERE organization_id = $1 AND client_id = $2',
    [organizationId, clientId],
  );
  return rows.length > 0;
}
