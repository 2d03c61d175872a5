// How many processes serve /mcp right now. Each says so in a row of its own while calls go through it; one that died is not counted
// any more five seconds after it last said so, and an idle one counts nobody out.
import { randomUUID } from 'node:crypto';
import { pool } from '../db';
import { log } from '../log';

const BEAT_MS = 2_000;
const IDLE_AFTER_MS = 10_000;
const CLEAN_EVERY = 300;

const id = randomUUID();
let count = 1;
let first: Promise<void> | undefined;
let lastUseMs = -Infinity;
let beats = 0;
let timer: NodeJS.Timeout | undefined;

/** This process included. Waits for the database only where the process has just become active; answers 1 without it. */
export async function liveProcesses(): Promise<number> {
  lastUseMs = performance.now();
  first ??= beat().then(() => {
    schedule();
  });
  await first;
  return count;
}

function schedule(): void {
  timer = setTimeout(() => {
    if (performance.now() - lastUseMs > IDLE_AFTER_MS) {
      first = undefined;
      return;
    }
    void beat().then(schedule);
  }, BEAT_MS).unref();
}

/** Says no more that this process lives, until its next call; for the end of the process and for tests. */
export function stopBeating(): void {
  clearTimeout(timer);
  first = undefined;
}

async function beat(): Promise<void> {
  try {
    const { rows } = await pool().query<{ others: number }>({
      name: 'gate-beat',
      text: `WITH me AS (
          INSERT INTO gate_processes (id, seen_at) VALUES ($1, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now()
        )
        SELECT count(*)::int AS others FROM gate_processes WHERE id <> $1 AND seen_at > now() - interval '5 seconds'`,
      values: [id],
    });
    count = rows[0]!.others + 1;
    if (beats % CLEAN_EVERY === 0) await clean();
    beats += 1;
  } catch (error) {
    // Without the database no call is admitted either.
    log().warn({ err: error }, 'the number of living processes is not known');
  }
}

// Rows that somebody holds are passed over, so that nobody waits for a deletion and a deletion for nobody.
async function clean(): Promise<void> {
  await pool().query(
    `DELETE FROM gate_processes WHERE id IN (
       SELECT id FROM gate_processes WHERE seen_at < now() - interval '1 minute' FOR UPDATE SKIP LOCKED)`,
  );
  await forgetOldCounters();
}

/** Deletes the counters that nobody used for an hour. */
export async function forgetOldCounters(): Promise<void> {
  await pool().query(
    `DELETE FROM call_counters WHERE (kind, id) IN (
       SELECT kind, id FROM call_counters WHERE minute < now() - interval '1 hour' FOR UPDATE SKIP LOCKED)`,
  );
}
