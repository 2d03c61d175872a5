// A connection for work on an organization's chain: in a transaction, under the chain's lock where it writes, and never waiting for a
// dead one.
import type { PoolClient } from 'pg';
import { pool } from '../db';

/** A holder of the lock that falls silent (paused, cut off) must not keep the chain from the others for longer. */
const SILENT_MS = 5_000;

/** Runs `work` on one connection, in a transaction that ends with a rollback unless `work` commits. */
export async function onConnection<T>(begin: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool().connect();
  // A connection that is lost between two statements says so by an event, which without a listener would end the process.
  const ignore = () => undefined;
  client.on('error', ignore);
  let failed = true;
  try {
    await client.query(`${begin}; SET LOCAL idle_in_transaction_session_timeout = ${SILENT_MS}`);
    const result = await work(client);
    failed = false;
    return result;
  } finally {
    // One that failed may be a dead one: asking it for a rollback would wait once more, and the next user after that.
    if (!failed) await client.query('ROLLBACK').catch(() => (failed = true));
    client.off('error', ignore);
    client.release(failed);
  }
}

/** Whether this transaction is now the one that may write the organization's chain. */
export async function lockChain(client: PoolClient, organizationId: string): Promise<boolean> {
  const lock = await client.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('audit chain ' || $1, 0)) AS mine`,
    [organizationId],
  );
  return lock.rows[0]?.mine ?? false;
}
