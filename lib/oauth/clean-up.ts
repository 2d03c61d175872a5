// Removes what is over: expired tokens, answers past their grace, authorizations nobody finished, grants long ended, clients nobody
// ever allowed. A little at a time; several processes may do it at once.
import { pool } from '../db';
import { isDatabaseGone } from '../errors';
import { log } from '../log';
import { REFRESH_GRACE_SECONDS } from './adapter';

const BATCH = 1_000;

const STATEMENTS = [
  `UPDATE oauth_tokens SET answer = NULL WHERE hash IN (SELECT hash FROM oauth_tokens
     WHERE answer IS NOT NULL AND consumed_at < now() - interval '${REFRESH_GRACE_SECONDS} seconds' LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM oauth_tokens WHERE hash IN (SELECT hash FROM oauth_tokens
     WHERE expires_at < now() - interval '1 day' LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM oauth_states WHERE id_hash IN (SELECT id_hash FROM oauth_states
     WHERE expires_at < now() LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM grants WHERE id IN (SELECT id FROM grants
     WHERE ended_at < now() - interval '30 days' OR expires_at < now() - interval '30 days'
       OR (redeemed_at IS NULL AND created_at < now() - interval '1 hour') LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
  `DELETE FROM oauth_clients WHERE id IN (SELECT id FROM oauth_clients c WHERE created_at < now() - interval '30 days'
     AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.id)
     AND NOT EXISTS (SELECT 1 FROM client_blocks b WHERE b.client_id = c.id) LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`,
];

/** One round. */
export async function cleanUp(): Promise<void> {
  for (const statement of STATEMENTS) await pool().query(statement);
}

/** Cleans every `intervalMs`; returns a function that stops it. */
export function startCleaner(intervalMs: number): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    running = running.then(cleanUp).catch((error: unknown) => {
      if (!isDatabaseGone(error)) log().warn({ err: error }, 'cleaning up after OAuth failed');
    });
  }, intervalMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    return running;
  };
}
