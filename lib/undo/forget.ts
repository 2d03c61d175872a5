// Forgets what was kept once its days are over. Disconnecting and removing a member forget it by themselves (foreign keys, migration 0017).
import { systemActor } from '../audit/append';
import { pool, transaction } from '../db';
import type { Job } from '../schedule/run-on-schedule';
import { revokeAgentToken } from '../tokens/agent-tokens';
import { AppError } from '../errors';

/** Longer than any putting back takes. */
const BROKEN_OFF = '15 minutes';

/** Done for every organization again and again. */
export const forgetUndoJob: Job = {
  ...{ name: 'undo', everyMs: 5 * 60_000, leaseMs: 60_000, firstWithinMs: 60_000 },
  work: forgetBundles,
};

/** Deletes an organization's bundles whose time is over, and ends tokens that a broken-off putting back left behind. */
export async function forgetBundles(organizationId: string): Promise<void> {
  await pool().query(`DELETE FROM undo_bundles WHERE organization_id = $1 AND expires_at <= now()`, [
    organizationId,
  ]);
  const { rows } = await pool().query<{ token_id: string; member_id: string; email: string }>(
    `SELECT b.token_id, b.member_id, m.email FROM undo_bundles b
     JOIN members m ON m.organization_id = b.organization_id AND m.id = b.member_id
     JOIN agent_tokens t ON t.organization_id = b.organization_id AND t.id = b.token_id
     WHERE b.organization_id = $1 AND b.begun_at < now() - interval '${BROKEN_OFF}'`,
    [organizationId],
  );
  for (const { token_id: id, member_id: memberId, email: memberEmail } of rows)
    await transaction((tx) =>
      revokeAgentToken(tx, { ...systemActor(organizationId, 'undo'), memberId, memberEmail }, id),
    ).catch((error: unknown) => {
      // Somebody else ended it meanwhile.
      if (!(error instanceof AppError && error.code === 'not_found')) throw error;
    });
}
