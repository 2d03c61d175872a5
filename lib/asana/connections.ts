// A member's Asana connections: list them, end them. Here they stop at the commit; at Asana as soon as it answers.
import { db, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import { log } from '../log';
import type { Actor } from '../audit/append';
import { SealError } from '../vault/seal';
import { appCredentials } from './asana-app';
import { endConnections } from './end-connections';
import { attemptRevocation } from './revoke';
import type { AppCredentials } from './token-endpoint';

/** A connection as CONTRACT's `/me/connections` shows it. Times are ISO 8601. */
export interface ConnectionView {
  id: string;
  workspace: { gid: string; name: string } | null;
  /** Empty where Asana never said and the organization allows any account. */
  asanaEmail: string;
  status: 'active' | 'needs_reconnect';
  expiresAt: string;
  lastUsedAt: string | null;
}

/** The member's connections, oldest first. */
export async function listConnections(organizationId: string, memberId: string): Promise<ConnectionView[]> {
  const rows = await db().connection.findMany({
    where: { organizationId, memberId },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    select: {
      id: true,
      workspaceGid: true,
      workspaceName: true,
      asanaEmail: true,
      status: true,
      accessExpiresAt: true,
      lastUsedAt: true,
    },
  });
  return rows.map((row) => ({
    id: row.id,
    workspace: row.workspaceGid
      ? { gid: row.workspaceGid, name: row.workspaceName ?? row.workspaceGid }
      : null,
    asanaEmail: row.asanaEmail,
    status: row.status,
    expiresAt: row.accessExpiresAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  }));
}

/**
 * Ends one connection of the member: local use stops when this commits, then Asana gets one attempt of about 3 s; `pending`
 * is worked until Asana confirms. Throws `AppError('not_found')` for anybody else's connection.
 */
export async function disconnect(
  actor: Actor,
  memberId: string,
  connectionId: string,
): Promise<{ revocation: 'confirmed' | 'pending' }> {
  if (!isUuid(connectionId)) throw new AppError('not_found');
  const ended = await transaction(async (tx) => {
    const credentials = await credentialsOrNull(actor.organizationId, tx);
    const result = await endConnections(tx, actor, { memberId, connectionId }, credentials);
    if (result.connectionIds.length === 0) throw new AppError('not_found');
    return result;
  });
  const [revocationId] = ended.revocationIds;
  return { revocation: revocationId ? await attemptRevocation(revocationId) : 'pending' };
}

/**
 * Ends all connections of a member who is being removed, in the caller's transaction. Returns the ids to hand to
 * `attemptRevocation` after the commit; the worker takes them otherwise.
 */
export async function endMemberConnections(
  tx: Tx,
  actor: Actor,
  { memberId }: { memberId: string; memberEmail?: string },
): Promise<string[]> {
  const { organizationId } = actor;
  // Member first, then connections: the order in which a connect under way takes its locks.
  await tx.$queryRaw`
    SELECT 1 FROM members WHERE organization_id = ${organizationId}::uuid AND id = ${memberId}::uuid FOR UPDATE`;
  const credentials = await credentialsOrNull(organizationId, tx);
  return (await endConnections(tx, actor, { memberId }, credentials, 'member_removed')).revocationIds;
}

// Without credentials nothing can be revoked at Asana, but people must still be able to end what they began.
async function credentialsOrNull(organizationId: string, tx: Tx): Promise<AppCredentials | null> {
  try {
    return await appCredentials(organizationId, tx);
  } catch (error) {
    if (!(error instanceof SealError) && !(error instanceof AppError && error.code === 'no_asana_app'))
      throw error;
    log().error({ err: error, organizationId }, 'no usable Asana app; connections end here only');
    return null;
  }
}

/** Whether a text can be a row's id; anything else would be an error of the database instead of a 404. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
