// The goodbye: one transaction ends everything of a person; what follows is measured and kept, so that a receipt can say what ended when.
import { endConnections } from '../asana/end-connections';
import { appCredentials } from '../asana/asana-app';
import { attemptRevocation } from '../asana/revoke';
import { uuidv7, type Actor } from '../audit/append';
import { pool, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import { log } from '../log';
import { lockMember, removeMember } from '../people/members';
import { SealError } from '../vault/seal';

/** The channel on which processes hear that an offboarding began, or that a drill went on; the payload is its id. */
export const CHANNEL = 'gatehouse_offboarding';
/** A process that said nothing for so long serves nobody any more. */
export const WITNESS_SECONDS = 10;

/**
 * Ends everything of a member: sessions, invites, agent tokens, grants, connections, memberships, all in one transaction with its events,
 * and has Asana asked at once. Returns the id of the receipt. Throws `not_found`, `last_admin`.
 */
export async function offboard(actor: Actor, email: string): Promise<string> {
  const startedAt = await databaseTime();
  const id = uuidv7();
  const ended = await transaction(async (tx) => {
    const memberId = await lockMember(tx, actor.organizationId, email);
    const person = await tx.member.findFirstOrThrow({
      where: { organizationId: actor.organizationId, id: memberId },
      select: { name: true, email: true, isDrill: true },
    });
    const end = await endAll(tx, actor, memberId, person.email);
    await tx.offboarding.create({
      data: {
        ...{ id, organizationId: actor.organizationId, memberId, startedAt, isDrill: person.isDrill },
        ...{ memberEmail: person.email, memberName: person.name },
        by: actor.memberEmail ?? actor.credential.name ?? actor.credential.id,
        ...end,
      },
    });
    await expectReports(tx, actor.organizationId, id);
    return { memberId, ...end };
  });
  // Everything here has ended; Asana hears of it at once, and the worker goes on where it does not confirm.
  for (const revocationId of ended.revocationIds) void attemptRevocation(revocationId);
  await noteEnded(actor.organizationId, id, ended.memberId);
  return id;
}

/** What there was of a member, and is no more once the transaction commits. */
export async function endAll(tx: Tx, actor: Actor, memberId: string, email: string) {
  const { organizationId } = actor;
  const [there] = await tx.$queryRaw<{ sessions: number; tokens: number; grants: number }[]>`
    SELECT (SELECT count(*)::int FROM sessions WHERE organization_id = ${organizationId}::uuid
        AND member_id = ${memberId}::uuid AND expires_at > now()) AS sessions,
      (SELECT count(*)::int FROM agent_tokens WHERE organization_id = ${organizationId}::uuid
        AND member_id = ${memberId}::uuid AND (expires_at IS NULL OR expires_at > now())) AS tokens,
      (SELECT count(*)::int FROM grants WHERE organization_id = ${organizationId}::uuid AND member_id = ${memberId}::uuid
        AND ended_at IS NULL AND redeemed_at IS NOT NULL AND expires_at > now()) AS grants`;
  const credentials = await appCredentials(organizationId, tx).catch((error: unknown) => {
    // Without the app nothing can be revoked at Asana, but access here must end all the same.
    if (!(error instanceof SealError) && !(error instanceof AppError && error.code === 'no_asana_app'))
      throw error;
    return null;
  });
  const { connectionIds, revocationIds } = await endConnections(
    tx,
    actor,
    { memberId },
    credentials,
    'member_removed',
  );
  await removeMember(tx, actor, email);
  return { ...there!, connections: connectionIds.length, revocationIds };
}

/** Asks every process that is alive for its report, and tells them with the commit. */
export async function expectReports(tx: Tx, organizationId: string, id: string): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO offboarding_reports (organization_id, offboarding_id, process_id)
    SELECT ${organizationId}::uuid, ${id}::uuid, w.id FROM witnesses w
    WHERE w.seen_at > now() - ${WITNESS_SECONDS} * interval '1 second'`;
  await tx.$executeRaw`SELECT pg_notify(${CHANNEL}, ${id})`;
}

/** Notes when it was seen, after the commit, that nothing of the member is left. Never throws: what it belongs to is done. */
export async function noteEnded(organizationId: string, id: string, memberId: string): Promise<void> {
  try {
    const { rowCount } = await pool().query(
      `UPDATE offboardings SET ended_at = clock_timestamp() WHERE organization_id = $1 AND id = $2
         AND NOT EXISTS (SELECT 1 FROM members WHERE id = $3) AND NOT EXISTS (SELECT 1 FROM sessions WHERE member_id = $3)
         AND NOT EXISTS (SELECT 1 FROM agent_tokens WHERE member_id = $3) AND NOT EXISTS (SELECT 1 FROM grants WHERE member_id = $3)
         AND NOT EXISTS (SELECT 1 FROM connections WHERE member_id = $3) AND NOT EXISTS (SELECT 1 FROM invites WHERE member_id = $3)`,
      [organizationId, id, memberId],
    );
    if (rowCount !== 1) log().error({ offboarding: id }, 'something is left of a member who was offboarded');
  } catch (error) {
    log().warn({ err: error, offboarding: id }, 'the end of an offboarding was not measured; it is done');
  }
}

export async function databaseTime(): Promise<Date> {
  const { rows } = await pool().query<{ at: Date }>('SELECT clock_timestamp() AS at');
  return rows[0]!.at;
}
