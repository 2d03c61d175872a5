// Grants: what a member allowed a client, for one connection. In force until ended; admission reads the row itself.
import { randomUUID } from 'node:crypto';
import { appendEvent, type Actor } from '../audit/append';
import { pool, type Tx } from '../db';
import { resourceUrl } from '../env';
import { AppError } from '../errors';

/** However often it is refreshed, a grant ends after so long and asks for consent again (AS-23). */
export const GRANT_DAYS = 180;
/** One person's live grants to one client (several machines share a client's metadata document); older ones end. */
const MAX_PER_CLIENT = 20;

/** Why a grant ended. */
export type EndReason = 'member' | 'admin' | 'client' | 'code_reused' | 'refresh_reused' | 'replaced';

/** A grant as its member sees it. */
export interface Grant {
  id: string;
  client: { id: string; name: string };
  connectionId: string | null;
  redirectUri: string;
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string;
  /** Set where the grant ended on suspicion (a token used twice), so that its member hears of it. */
  ended: { at: string; reason: EndReason } | null;
}

/** Stores a consent, with its audit event. Its code follows; a grant whose code is never exchanged is cleaned up. */
export async function createGrant(
  tx: Tx,
  actor: Actor & { memberId: string },
  given: { clientId: string; clientName: string; connectionId: string | null; redirectUri: string },
): Promise<string> {
  const id = randomUUID();
  const { organizationId, memberId } = actor;
  await tx.$executeRaw`
    INSERT INTO grants (id, organization_id, member_id, client_id, client_name, connection_id, redirect_uri, resource, expires_at)
    VALUES (${id}::uuid, ${organizationId}::uuid, ${memberId}::uuid, ${given.clientId}, ${given.clientName},
      ${given.connectionId}::uuid, ${given.redirectUri}, ${resourceUrl()}, now() + make_interval(days => ${GRANT_DAYS}::int))`;
  await appendEvent(tx, actor, {
    action: 'grant.created',
    target: `grant:${id}`,
    after: {
      client: given.clientName,
      clientId: given.clientId,
      redirectUri: given.redirectUri,
      connectionId: given.connectionId,
    },
  });
  const older = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM grants WHERE organization_id = ${organizationId}::uuid AND member_id = ${memberId}::uuid
      AND client_id = ${given.clientId} AND ended_at IS NULL ORDER BY created_at DESC, id OFFSET ${MAX_PER_CLIENT}`;
  for (const grant of older) await endGrants(tx, actor, { id: grant.id }, 'replaced');
  return id;
}

/**
 * Ends the organization's grants that `which` picks: access stops at the next admission in every process, refresh at once. Returns
 * how many ended. Lock order: a grant's row, then its tokens (the token endpoint does the same).
 */
export async function endGrants(
  tx: Tx,
  actor: Actor,
  which: { id?: string; memberId?: string; email?: string; clientId?: string },
  reason: EndReason,
): Promise<number> {
  const { organizationId } = actor;
  const ended = await tx.$queryRaw<{ id: string; client_id: string; client_name: string; email: string }[]>`
    UPDATE grants g SET ended_at = now(), ended_reason = ${reason} FROM members m
    WHERE g.organization_id = ${organizationId}::uuid AND m.organization_id = g.organization_id AND m.id = g.member_id
      AND g.ended_at IS NULL AND (${which.id ?? null}::uuid IS NULL OR g.id = ${which.id ?? null}::uuid)
      AND (${which.memberId ?? null}::uuid IS NULL OR g.member_id = ${which.memberId ?? null}::uuid)
      AND (${which.email ?? null}::text IS NULL OR m.email = ${which.email ?? null}::text)
      AND (${which.clientId ?? null}::text IS NULL OR g.client_id = ${which.clientId ?? null}::text)
    RETURNING g.id, g.client_id, g.client_name, m.email`;
  const ids = ended.map(({ id }) => id);
  await tx.$executeRaw`
    DELETE FROM oauth_tokens WHERE organization_id = ${organizationId}::uuid AND grant_id = ANY(${ids}::uuid[])`;
  for (const grant of ended)
    await appendEvent(tx, actor, {
      action: 'grant.ended',
      target: `grant:${grant.id}`,
      before: { member: grant.email, client: grant.client_name, clientId: grant.client_id },
      after: { reason },
    });
  return ended.length;
}

/** The member's grants, newest first: those in force, and for a week those that ended on suspicion. */
export async function listGrants(organizationId: string, memberId: string): Promise<Grant[]> {
  const { rows } = await pool().query<Row>(
    `SELECT id, client_id, client_name, connection_id, redirect_uri, created_at, last_used_at, expires_at, ended_at, ended_reason
     FROM grants WHERE organization_id = $1 AND member_id = $2 AND redeemed_at IS NOT NULL
       AND CASE WHEN ended_at IS NULL THEN expires_at > now()
         ELSE ended_reason IN ('code_reused', 'refresh_reused') AND ended_at > now() - interval '7 days' END
     ORDER BY created_at DESC, id LIMIT 500`,
    [organizationId, memberId],
  );
  return rows.map((row) => ({
    id: row.id,
    client: { id: row.client_id, name: row.client_name },
    connectionId: row.connection_id,
    redirectUri: row.redirect_uri,
    createdAt: row.created_at.toISOString(),
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    expiresAt: row.expires_at.toISOString(),
    ended: row.ended_at && { at: row.ended_at.toISOString(), reason: row.ended_reason! },
  }));
}

interface Row {
  id: string;
  client_id: string;
  client_name: string;
  connection_id: string | null;
  redirect_uri: string;
  created_at: Date;
  last_used_at: Date | null;
  expires_at: Date;
  ended_at: Date | null;
  ended_reason: EndReason | null;
}

/** Ends one of the member's own grants; throws `not_found` for anybody else's. */
export async function endOwnGrant(tx: Tx, actor: Actor & { memberId: string }, id: string): Promise<void> {
  if ((await endGrants(tx, actor, { id, memberId: actor.memberId }, 'member')) === 0)
    throw new AppError('not_found', 'You have no such grant.');
}

/** Ends a grant of the member with this e-mail address, for admins; throws `not_found` where there is none such. */
export async function endMemberGrant(tx: Tx, actor: Actor, email: string, id: string): Promise<void> {
  if ((await endGrants(tx, actor, { id, email: email.toLowerCase() }, 'admin')) === 0)
    throw new AppError('not_found', 'There is no such member, or the member has allowed no such client.');
}

/** Notes that grants were used just now, to the half minute. Rows that somebody else is changing are passed over. */
export async function touchGrants(organizationIds: string[], ids: string[]): Promise<void> {
  await pool().query(
    `UPDATE grants SET last_used_at = now() WHERE id IN (
       SELECT id FROM grants WHERE organization_id = ANY($1::uuid[]) AND id = ANY($2::uuid[])
         AND (last_used_at IS NULL OR last_used_at < now() - interval '30 seconds') FOR NO KEY UPDATE SKIP LOCKED)`,
    [organizationIds, ids],
  );
}
