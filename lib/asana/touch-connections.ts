// "Last used" of connections, kept apart from the calls that use them.
import { pool } from '../db';

/** Notes that connections were used just now, to the half minute. Rows that are being changed (a refresh) are passed over. */
export async function touchConnections(organizationIds: string[], ids: string[]): Promise<void> {
  await pool().query(
    `UPDATE connections SET last_used_at = now() WHERE id IN (
       SELECT id FROM connections WHERE organization_id = ANY($1::uuid[]) AND id = ANY($2::uuid[])
         AND (last_used_at IS NULL OR last_used_at < now() - interval '30 seconds') FOR UPDATE SKIP LOCKED)`,
    [organizationIds, ids],
  );
}
