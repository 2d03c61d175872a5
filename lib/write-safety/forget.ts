// What was kept for repeats is forgotten with its window, counted days two days later.
import { pool } from '../db';
import type { Job } from '../schedule/run-on-schedule';

/** Done for every organization again and again. */
export const writeSafetyJob: Job = {
  ...{ name: 'write safety', everyMs: 60_000, leaseMs: 30_000, firstWithinMs: 60_000 },
  work: forgetWrites,
};

/** Deletes what is over in an organization. */
export async function forgetWrites(organizationId: string): Promise<void> {
  await pool().query(`DELETE FROM write_claims WHERE organization_id = $1 AND expires_at <= now()`, [
    organizationId,
  ]);
  await pool().query(
    `DELETE FROM write_budgets WHERE organization_id = $1 AND day < (now() AT TIME ZONE 'UTC')::date - 1`,
    [organizationId],
  );
}
