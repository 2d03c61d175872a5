// What waits too long ends, what is over is forgotten: its arguments at once, the row after 90 days. The audit keeps what was decided.
import { pool } from '../db';
import type { Job } from '../schedule/run-on-schedule';

const DAYS = 90;

/** Done for every organization again and again. */
export const forgetJob: Job = {
  ...{ name: 'approvals', everyMs: 5 * 60_000, leaseMs: 60_000, firstWithinMs: 60_000 },
  work: forgetApprovals,
};

/** Ends what is too late in an organization, and deletes what is old. */
export async function forgetApprovals(organizationId: string): Promise<void> {
  await pool().query(
    `UPDATE approvals SET state = 'ended', sealed = NULL
     WHERE organization_id = $1 AND state IN ('open', 'approved') AND expires_at <= now()`,
    [organizationId],
  );
  await pool().query(
    `DELETE FROM approvals WHERE organization_id = $1 AND state NOT IN ('open', 'approved')
     AND asked_at < now() - make_interval(days => $2) AND expires_at <= now()`,
    [organizationId, DAYS],
  );
}
