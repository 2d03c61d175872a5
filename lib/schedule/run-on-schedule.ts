// Work that every organization has done again and again, by one process at a time: whoever takes the lease on the organization's row does
// it. A process that dies gives its lease back by the clock; what failed is tried again sooner, and longer apart each time.
import { randomUUID } from 'node:crypto';
import { pool } from '../db';
import { AppError } from '../errors';
import { log } from '../log';

export interface Job {
  /** Unique; the row's key. */
  name: string;
  everyMs: number;
  /** So long nobody else begins; the work must be over by then. */
  leaseMs: number;
  /** An organization that was never looked at waits up to this long, so that not all begin with the process. */
  firstWithinMs: number;
  /** Throws what went wrong; an `AppError`'s code is what the health room shows. */
  work(organizationId: string): Promise<void>;
}

/** When a job was last done for an organization and how it went. */
export interface JobState {
  lastAt: Date | null;
  lastOkAt: Date | null;
  nextAt: Date;
  /** In a row. */
  failures: number;
  /** Code of the last failure; null where the last went well. */
  problem: string | null;
}

const POLL_MS = 5_000;
const RETRY_MS = 60_000;
const MAX_AT_ONCE = 4;
const holder = randomUUID();

/** Looks for what is due about every five seconds until the returned function is called; that resolves when the last is over. */
export function startSchedule(jobs: readonly Job[], { pollMs = POLL_MS } = {}): () => Promise<void> {
  let stopped = false;
  let passing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;
  async function pass(): Promise<void> {
    for (const job of jobs)
      try {
        if (!stopped) await runDue(job, () => stopped);
      } catch (error) {
        log().warn({ err: error, job: job.name }, 'what is due could not be looked up; it is tried again');
      }
    if (!stopped) plan();
  }
  function plan(): void {
    timer = setTimeout(
      () => {
        passing = pass();
      },
      pollMs * (0.5 + Math.random()),
    ).unref();
  }
  plan();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await passing;
  };
}

/** One look at a job: plans it for organizations that are new, and does what is due. Returns how many it did. */
export async function runDue(job: Job, isStopped = () => false): Promise<number> {
  await pool().query(
    `INSERT INTO scheduled_jobs (organization_id, job, next_at)
     SELECT o.id, $1, now() + random() * $2::float8 * interval '1 millisecond' FROM organizations o
     WHERE NOT EXISTS (SELECT 1 FROM scheduled_jobs s WHERE s.organization_id = o.id AND s.job = $1)
     ON CONFLICT DO NOTHING`,
    [job.name, job.firstWithinMs],
  );
  let done = 0;
  const lane = async () => {
    while (!isStopped()) {
      const organizationId = await claim(job, null);
      if (organizationId === null) return;
      await perform(job, organizationId);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, lane));
  return done;
}

/** Does a job for one organization now, unless somebody is at it: then it returns false. */
export async function runNow(job: Job, organizationId: string): Promise<boolean> {
  await pool().query(
    `INSERT INTO scheduled_jobs (organization_id, job, next_at) VALUES ($1, $2, now()) ON CONFLICT DO NOTHING`,
    [organizationId, job.name],
  );
  if ((await claim(job, organizationId)) === null) return false;
  await perform(job, organizationId);
  return true;
}

/** Makes a job due, unless it was done less than `sinceMs` ago. */
export async function hasten(organizationId: string, job: string, sinceMs: number): Promise<void> {
  await pool().query(
    `UPDATE scheduled_jobs SET next_at = now() WHERE organization_id = $1 AND job = $2 AND next_at > now()
       AND (last_at IS NULL OR last_at < now() - $3::float8 * interval '1 millisecond')`,
    [organizationId, job, sinceMs],
  );
}

/** Null where it is not planned yet. */
export async function stateOfJob(organizationId: string, job: string): Promise<JobState | null> {
  const { rows } = await pool().query<JobState>(
    `SELECT last_at AS "lastAt", last_ok_at AS "lastOkAt", next_at AS "nextAt", failures, problem
     FROM scheduled_jobs WHERE organization_id = $1 AND job = $2`,
    [organizationId, job],
  );
  return rows[0] ?? null;
}

/** The organization that is due and nobody is at, with the lease taken; `wanted`: this one, due or not. */
async function claim(job: Job, wanted: string | null): Promise<string | null> {
  const { rows } = await pool().query<{ organization_id: string }>(
    `UPDATE scheduled_jobs s SET lease_holder = $2, lease_until = now() + $3::float8 * interval '1 millisecond', last_at = now()
     WHERE (s.organization_id, s.job) IN (
       SELECT organization_id, job FROM scheduled_jobs
       WHERE job = $1 AND (lease_until IS NULL OR lease_until < now())
         AND CASE WHEN $4::uuid IS NULL THEN next_at <= now() ELSE organization_id = $4 END
       ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING s.organization_id`,
    [job.name, holder, job.leaseMs, wanted],
  );
  return rows[0]?.organization_id ?? null;
}

async function perform(job: Job, organizationId: string): Promise<void> {
  let problem: string | null = null;
  try {
    await job.work(organizationId);
  } catch (error) {
    problem = error instanceof AppError ? error.code : 'internal';
    log().warn({ err: error, job: job.name, organizationId }, 'scheduled work failed; it is tried again');
  }
  // Jitter keeps organizations apart that were made together. A lease that ran out is somebody else's by now.
  await pool().query(
    `UPDATE scheduled_jobs SET lease_until = NULL, lease_holder = NULL, problem = $4,
       failures = CASE WHEN $4::text IS NULL THEN 0 ELSE failures + 1 END,
       last_ok_at = CASE WHEN $4::text IS NULL THEN now() ELSE last_ok_at END,
       next_at = now() + (0.8 + random() * 0.4) * interval '1 millisecond' * CASE WHEN $4::text IS NULL THEN $5::float8
         ELSE least($5::float8, $6::float8 * power(2, least(failures, 10))) END
     WHERE organization_id = $1 AND job = $2 AND lease_holder = $3`,
    [organizationId, job.name, holder, problem, job.everyMs, RETRY_MS],
  );
}
