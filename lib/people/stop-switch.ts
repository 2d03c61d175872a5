// The organization's stop switch: from the commit on no call of its agents passes, in any process, and what is open ends.
import { appendEvent, type Actor } from '../audit/append';
import type { Tx } from '../db';

/** Since when (ISO 8601), by whom (e-mail address, or the name of an API key) and why. */
export interface Stop {
  since: string;
  by: string;
  reason: string;
}

/** The organization's stop, or null while its agents may call. */
export async function readStop(tx: Tx, organizationId: string): Promise<Stop | null> {
  const row = await tx.organization.findUniqueOrThrow({
    where: { id: organizationId },
    select: { stoppedAt: true, stoppedBy: true, stoppedReason: true },
  });
  if (row.stoppedAt === null) return null;
  return { since: row.stoppedAt.toISOString(), by: row.stoppedBy!, reason: row.stoppedReason! };
}

/** How many members have agents that can call, and how many agents these are (tokens that live, clients that are allowed). */
export async function countAgents(
  tx: Tx,
  organizationId: string,
): Promise<{ members: number; agents: number }> {
  const [row] = await tx.$queryRaw<{ members: number; agents: number }[]>`
    SELECT count(DISTINCT member_id)::int AS members, count(*)::int AS agents FROM (
      SELECT member_id FROM agent_tokens
      WHERE organization_id = ${organizationId}::uuid AND (expires_at IS NULL OR expires_at > now())
      UNION ALL
      SELECT g.member_id FROM grants g
      WHERE g.organization_id = ${organizationId}::uuid AND g.ended_at IS NULL AND g.redeemed_at IS NOT NULL
        AND g.expires_at > now() AND NOT EXISTS (SELECT 1 FROM client_blocks b
          WHERE b.organization_id = g.organization_id AND b.client_id = g.client_id)) agents`;
  return row!;
}

/** Stops all agents of the organization, with its audit event. One that is stopped already stays as it is, and its first reason too. */
export async function stopOrganization(tx: Tx, actor: Actor, reason: string): Promise<Stop> {
  const before = await lockedStop(tx, actor.organizationId);
  if (before) return before;
  const by = actor.memberEmail ?? actor.credential.name ?? actor.credential.id;
  await tx.$executeRaw`
    UPDATE organizations SET stopped_at = clock_timestamp(), stopped_by = ${by}, stopped_reason = ${reason}
    WHERE id = ${actor.organizationId}::uuid`;
  const counted = await countAgents(tx, actor.organizationId);
  const event = { action: 'organization.stopped', target: 'organization', after: { reason, ...counted } };
  await appendEvent(tx, actor, event);
  return (await readStop(tx, actor.organizationId))!;
}

/** Lets the agents call again, with its audit event; what ended stays ended. Does nothing where nothing is stopped. */
export async function resumeOrganization(tx: Tx, actor: Actor): Promise<void> {
  const before = await lockedStop(tx, actor.organizationId);
  if (!before) return;
  await tx.$executeRaw`
    UPDATE organizations SET stopped_at = NULL, stopped_by = NULL, stopped_reason = NULL
    WHERE id = ${actor.organizationId}::uuid`;
  await appendEvent(tx, actor, { action: 'organization.resumed', target: 'organization', before });
}

// Two admins at once: the second finds what the first did.
async function lockedStop(tx: Tx, organizationId: string): Promise<Stop | null> {
  await tx.$executeRaw`SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
  return readStop(tx, organizationId);
}
