// Ends connections in the caller's transaction: row gone, revocation queued, event on record. All of it or nothing.
import { Prisma, type Tx } from '../db';
import { log } from '../log';
import { appendEvents, type Actor } from '../audit/append';
import { SealError } from '../vault/seal';
import { openSecret, placeOf } from '../vault/vault';
import { queueRevocations } from './revoke';
import type { AppCredentials } from './token-endpoint';

export interface EndedConnections {
  connectionIds: string[];
  /** To try with `attemptRevocation` after the commit; fewer than connections where a token could not be opened. */
  revocationIds: string[];
}

interface Ended {
  id: string;
  refresh_token: string;
  asana_email: string;
  workspace_gid: string | null;
  email: string;
}

/**
 * Ends the organization's connections that `which` picks (all, a member's, or one of a member's). `credentials` are those the
 * connections were made with; null where they are lost, and then nothing can be revoked at Asana.
 */
export async function endConnections(
  tx: Tx,
  actor: Actor,
  which: { memberId?: string; connectionId?: string },
  credentials: AppCredentials | null,
  reason?: string,
): Promise<EndedConnections> {
  const { organizationId } = actor;
  const member = which.memberId ? Prisma.sql`AND c.member_id = ${which.memberId}::uuid` : Prisma.empty;
  const one = which.connectionId ? Prisma.sql`AND c.id = ${which.connectionId}::uuid` : Prisma.empty;
  const rows = await tx.$queryRaw<Ended[]>`
    DELETE FROM connections c USING members m
    WHERE c.organization_id = ${organizationId}::uuid AND m.organization_id = c.organization_id AND m.id = c.member_id
      ${member} ${one}
    RETURNING c.id, c.refresh_token, c.asana_email, c.workspace_gid, m.email`;
  const ended = rows.map((row) => ({ row, refreshToken: credentials && openable(organizationId, row) }));
  const requests = ended.flatMap(({ row: { email: memberEmail }, refreshToken }) =>
    credentials && refreshToken ? [{ organizationId, memberEmail, credentials, refreshToken }] : [],
  );
  const revocationIds = await queueRevocations(tx, requests);
  const events = ended.map(({ row, refreshToken }) => ({
    action: 'connection.disconnected',
    target: `connection:${row.id}`,
    before: { member: row.email, asanaEmail: row.asana_email, workspace: row.workspace_gid },
    after: { revocation: refreshToken ? 'queued' : 'impossible', ...(reason ? { reason } : {}) },
  }));
  await appendEvents(tx, actor, events);
  return { connectionIds: rows.map(({ id }) => id), revocationIds };
}

// One unreadable token must not keep a person from being disconnected (TV-06).
function openable(organizationId: string, row: Ended): string | null {
  try {
    return openSecret(placeOf(organizationId, 'connections', 'refresh_token', row.id), row.refresh_token);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    log().error(
      { err: error, connection: row.id },
      'a connection’s refresh token can’t be opened or revoked',
    );
    return null;
  }
}
