// Each process that serves agents says that it lives, and reports of every offboarding when nothing of the person is open in it any more.
// Of a drill it first tries the synthetic member's token and opens a stream, and then sees both refused.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pool } from '../db';
import { listenTo } from '../events/listen';
import { streamsOfMember } from '../gateway/open-streams';
import { log } from '../log';
import { findSession } from '../people/sessions';
import { openSecret, placeOf } from '../vault/vault';
import { CHANNEL } from './offboard';
import { openOwnStream, statusOfPing, type OwnGate, type OwnStream } from './own-gate';
import { keepConfirmations } from './receipts';

const BEAT_MS = 2_000;
const LOOK_MS = 50;
/** So long a report is waited for; what is open then is reported as a problem. */
const PATIENCE_MS = 10_000;

/** The place of a drill's token in the vault. */
export const placeOfDrillToken = (organizationId: string, id: string): string =>
  placeOf(organizationId, 'offboardings', 'drill_token', id);

interface Open {
  id: string;
  organization_id: string;
  member_id: string;
  is_drill: boolean;
  ended: boolean;
  ready: boolean;
  drill_token: string | null;
  drill_session: string | null;
}

/** Begins to witness, for the process that serves agents at `gate`. Resolves once it is known to the others; the returned function ends it. */
export async function startWitness(gate: OwnGate): Promise<() => Promise<void>> {
  const process = { id: randomUUID(), gate, drills: new Map<string, OwnStream>(), busy: new Set<string>() };
  let stopped = false;
  let timer: NodeJS.Timeout;
  const look = async () => {
    try {
      await lookAtOpen(process);
    } catch (error) {
      log().warn({ err: error }, 'offboardings could not be looked up; it is tried again');
    }
  };
  async function beat(): Promise<void> {
    try {
      await pool().query(
        `INSERT INTO witnesses (id, seen_at) VALUES ($1, now()) ON CONFLICT (id) DO UPDATE SET seen_at = now()`,
        [process.id],
      );
      await pool().query(`DELETE FROM witnesses WHERE seen_at < now() - interval '1 minute'`);
      await keepConfirmations();
    } catch (error) {
      log().warn({ err: error }, 'it is not on record that this process lives; it is tried again');
    }
    // Also what a lost notification told of.
    await look();
    if (!stopped) timer = setTimeout(() => void beat(), BEAT_MS).unref();
  }
  await beat();
  const stopListening = listenTo(CHANNEL, { heard: () => void look(), joined: () => void look() });
  return async () => {
    stopped = true;
    clearTimeout(timer);
    stopListening();
    for (const stream of process.drills.values()) stream.leave();
    await pool()
      .query('DELETE FROM witnesses WHERE id = $1', [process.id])
      .catch(() => undefined);
  };
}

interface Process {
  id: string;
  gate: OwnGate;
  /** Streams of drills that are open here. */
  drills: Map<string, OwnStream>;
  /** Offboardings that are being looked at. */
  busy: Set<string>;
}

async function lookAtOpen(process: Process): Promise<void> {
  const { rows } = await pool().query<Open>({
    name: 'open-offboardings',
    text: `SELECT o.id, o.organization_id, o.member_id, o.is_drill, o.drill_token, o.drill_session, w.ready_at IS NOT NULL AS ready,
        NOT EXISTS (SELECT 1 FROM members m WHERE m.id = o.member_id) AS ended
      FROM offboarding_reports w JOIN offboardings o ON o.organization_id = w.organization_id AND o.id = w.offboarding_id
      WHERE w.process_id = $1 AND w.ended_at IS NULL AND w.problem IS NULL`,
    values: [process.id],
  });
  await Promise.all(
    rows.map(async (open) => {
      const step = `${open.id} ${open.ended}`;
      if (process.busy.has(step) || (open.ready && !open.ended)) return;
      process.busy.add(step);
      try {
        await (open.ended ? reportEnd(process, open) : makeReady(process, open));
      } catch (error) {
        log().warn({ err: error, offboarding: open.id }, 'a step of an offboarding could not be reported');
      } finally {
        process.busy.delete(step);
      }
    }),
  );
}

/** Before a drill's end: the token is good here, and a stream is open. */
async function makeReady(process: Process, open: Open): Promise<void> {
  if (!open.is_drill || open.drill_token === null) return;
  const token = openSecret(placeOfDrillToken(open.organization_id, open.id), open.drill_token);
  let problem: string | null = null;
  try {
    const stream = await openOwnStream(process.gate, token);
    process.drills.set(open.id, stream);
    if (stream.status !== 200 || (await statusOfPing(process.gate, token)) !== 200)
      problem = 'token_not_accepted';
  } catch (error) {
    log().warn({ err: error, offboarding: open.id }, 'a drill found its own gate closed');
    problem = 'gate_not_reached';
  }
  await pool().query(
    `UPDATE offboarding_reports SET ready_at = clock_timestamp(), problem = $4
     WHERE organization_id = $1 AND offboarding_id = $2 AND process_id = $3`,
    [open.organization_id, open.id, process.id, problem],
  );
}

/** When nothing of the person is open here any more; for a drill also when its token is refused and its session is nobody's. */
async function reportEnd(process: Process, open: Open): Promise<void> {
  const token =
    open.drill_token && openSecret(placeOfDrillToken(open.organization_id, open.id), open.drill_token);
  const stream = process.drills.get(open.id);
  const sinceMs = performance.now();
  let left: string | null;
  do {
    left =
      streamsOfMember(open.member_id).open > 0 || (stream && !stream.isOver)
        ? 'stream_open'
        : token && (await statusOfPing(process.gate, token)) !== 401
          ? 'token_accepted'
          : open.drill_session && (await findSession(open.drill_session)) !== null
            ? 'session_open'
            : null;
    if (left !== null) await sleep(LOOK_MS, undefined, { ref: false });
  } while (left !== null && performance.now() - sinceMs < PATIENCE_MS);
  stream?.leave();
  process.drills.delete(open.id);
  await pool().query(
    `UPDATE offboarding_reports SET problem = $4, streams = $5, ended_at = CASE WHEN $4::text IS NULL THEN clock_timestamp() END
     WHERE organization_id = $1 AND offboarding_id = $2 AND process_id = $3`,
    [open.organization_id, open.id, process.id, left, streamsOfMember(open.member_id).ended],
  );
}
