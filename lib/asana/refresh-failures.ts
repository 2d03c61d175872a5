// Failed refreshes, kept as audit events: how many there were, and which connections break because of them.
import { appendEvent } from '../audit/append';
import { pool, transaction } from '../db';
import { log } from '../log';
import type { Lease } from './token-lease';

/**
 * Records that Asana gave no new tokens for a reason that may pass. Once an hour for the same connection, tokens and reason: an
 * outage with busy agents must not fill the audit. Never throws: whoever waits for a token has a better answer to give.
 */
export async function recordRefreshFailure(lease: Lease, reason: string): Promise<void> {
  const { organizationId, id, memberId, memberEmail, generation } = lease;
  const target = `connection:${id}`;
  const after = { reason, generation };
  try {
    await transaction(async (tx) => {
      const known = await tx.$queryRaw<unknown[]>`
        SELECT 1 FROM audit_records WHERE organization_id = ${organizationId}::uuid AND kind = 'event' AND target = ${target}
          AND action = 'connection.refresh_failed' AND after = ${JSON.stringify(after)}::jsonb
          AND at > now() - interval '1 hour' LIMIT 1`;
      if (known.length > 0) return;
      const credential = { kind: 'system', id: 'gatehouse', name: 'refresh' } as const;
      const actor = { organizationId, memberId, memberEmail, credential };
      await appendEvent(tx, actor, { action: 'connection.refresh_failed', target, after });
    });
  } catch (error) {
    log().warn({ err: error, connection: id }, 'a failed refresh could not be recorded');
  }
}

/** Recorded failures of the last 24 hours (one an hour for each connection and reason), Asana's refusals among them. */
export async function readRefreshFailures(
  organizationId: string,
): Promise<{ lastDay: number; lastAt: Date | null }> {
  const { rows } = await pool().query<{ lastDay: number; lastAt: Date | null }>(
    `SELECT count(*)::int AS "lastDay", max(at) AS "lastAt" FROM audit_records
     WHERE organization_id = $1 AND kind = 'event' AND at > now() - interval '24 hours'
       AND action IN ('connection.refresh_failed', 'connection.needs_reconnect')`,
    [organizationId],
  );
  return rows[0]!;
}

/** A connection that is broken, or that breaks once its access token has run out. */
export interface FailingConnection {
  member: string;
  workspace: string | null;
  asanaEmail: string;
  status: 'active' | 'needs_reconnect';
  /** Of the last try to refresh the tokens it has now; null where Asana ended the authorization. */
  reason: string | null;
  failedAt: Date | null;
  accessExpiresAt: Date;
}

const MOST = 200;

/**
 * What is known to break: connections that Asana ended, and active ones whose last refresh failed (a success stores another
 * generation, so that the failure counts no more). Active ones first, then by e-mail; 200 at most. How long Asana's refresh tokens
 * live is not known, so nothing is foretold from their age.
 */
export async function listFailingConnections(organizationId: string): Promise<FailingConnection[]> {
  const { rows } = await pool().query<FailingConnection>(
    `SELECT m.email AS member, coalesce(c.workspace_name, c.workspace_gid) AS workspace, c.asana_email AS "asanaEmail",
       c.status::text AS status, f.reason, f.at AS "failedAt", c.access_expires_at AS "accessExpiresAt"
     FROM connections c JOIN members m ON m.organization_id = c.organization_id AND m.id = c.member_id
     LEFT JOIN LATERAL (
       SELECT r.at, r.after->>'reason' AS reason FROM audit_records r
       WHERE r.organization_id = c.organization_id AND r.kind = 'event' AND r.target = 'connection:' || c.id
         AND r.action = 'connection.refresh_failed' AND r.after->>'generation' = c.generation::text
       ORDER BY r.at DESC LIMIT 1) f ON c.status = 'active'
     WHERE c.organization_id = $1 AND (c.status = 'needs_reconnect' OR f.at IS NOT NULL)
     ORDER BY c.status, m.email, c.created_at LIMIT ${MOST}`,
    [organizationId],
  );
  return rows;
}
