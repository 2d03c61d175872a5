// The rehearsal: a synthetic member is let in, gets a session, an agent token and open streams in every process, and is offboarded as
// anybody is. A good drill has seen all of it end within a second, everywhere. It asks Asana for nothing: the member is connected to nothing.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemActor, uuidv7, type Actor } from '../audit/append';
import { db, pool, transaction } from '../db';
import { AppError } from '../errors';
import { addMember, lockMember } from '../people/members';
import { startSession } from '../people/sessions';
import type { Job } from '../schedule/run-on-schedule';
import { mintAgentToken } from '../tokens/agent-tokens';
import { sealSecret } from '../vault/vault';
import { databaseTime, endAll, expectReports, CHANNEL, noteEnded } from './offboard';
import { placeOfDrillToken } from './witness';

const PURPOSE = 'offboarding drill';
const READY_WITHIN_MS = 6_000;
const ENDED_WITHIN_MS = 11_000;
/** What a drill asks of every process, counted from when the end of the access was seen in the database. */
const MOST_MS = 1_000;

/** Once a day, in every organization. A drill that finds something throws, so that it is tried again soon and the health room says so. */
export const drillJob: Job = {
  name: 'offboarding-drill',
  everyMs: 24 * 60 * 60_000,
  leaseMs: 60_000,
  firstWithinMs: 24 * 60 * 60_000,
  async work(organizationId) {
    await runDrill(organizationId);
  },
};

/** Runs one drill and returns its receipt's id. Throws `drill_failed` where something did not end in time; the receipt says what. */
export async function runDrill(organizationId: string, { mostMs = MOST_MS } = {}): Promise<string> {
  const stopped = await db().organization.findUniqueOrThrow({
    where: { id: organizationId },
    select: { stoppedAt: true },
  });
  if (stopped.stoppedAt !== null)
    throw new AppError(
      'tool_closed',
      'All agents of the organization are stopped, so there is nothing to rehearse.',
    );
  const actor = systemActor(organizationId, PURPOSE);
  await endLeftovers(actor);
  const { id, memberId, email } = await letIn(actor);
  await untilReported(organizationId, id, 'ready_at', READY_WITHIN_MS);
  await transaction(async (tx) => {
    const end = await endAll(tx, actor, await lockMember(tx, organizationId, email), email);
    await tx.offboarding.update({
      where: { organizationId_id: { organizationId, id } },
      data: { ...end, startedAt: await databaseTime() },
    });
    await tx.$executeRaw`SELECT pg_notify(${CHANNEL}, ${id})`;
  });
  await noteEnded(organizationId, id, memberId);
  await untilReported(organizationId, id, 'ended_at', ENDED_WITHIN_MS);
  const problem = await close(organizationId, id, mostMs);
  if (problem !== null) throw new AppError('drill_failed', problem);
  return id;
}

/** A member of a drill that was broken off: a process that died must not leave somebody behind. */
async function endLeftovers(actor: Actor): Promise<void> {
  const { organizationId } = actor;
  const left = await db().member.findMany({
    where: { organizationId, isDrill: true },
    select: { email: true },
  });
  for (const { email } of left)
    await transaction(async (tx) => {
      await endAll(tx, actor, await lockMember(tx, organizationId, email), email);
    });
}

async function letIn(actor: Actor): Promise<{ id: string; memberId: string; email: string }> {
  const { organizationId } = actor;
  const id = uuidv7();
  // Nobody can own an address below .invalid (RFC 2606), and without a password nobody signs in with it.
  const email = `drill-${randomBytes(8).toString('hex')}@drill.invalid`;
  const startedAt = await databaseTime();
  const memberId = await transaction(async (tx) => {
    const added = await addMember(tx, actor, {
      email,
      name: 'Offboarding drill',
      role: 'member',
      isDrill: true,
    });
    return added.id;
  });
  const drillSession = await startSession({ id: memberId, organizationId });
  await transaction(async (tx) => {
    const minting = { ...actor, memberId, memberEmail: email };
    const { token } = await mintAgentToken(tx, minting, { name: PURPOSE, expiresInDays: 1 });
    await tx.offboarding.create({
      data: {
        ...{
          id,
          organizationId,
          memberId,
          memberEmail: email,
          memberName: 'Offboarding drill',
          isDrill: true,
        },
        ...{ by: PURPOSE, startedAt, drillSession, revocationIds: [] },
        drillToken: sealSecret(placeOfDrillToken(organizationId, id), token),
      },
    });
    await expectReports(tx, organizationId, id);
  });
  return { id, memberId, email };
}

async function untilReported(
  organizationId: string,
  id: string,
  what: 'ready_at' | 'ended_at',
  withinMs: number,
): Promise<void> {
  for (const endMs = performance.now() + withinMs; performance.now() < endMs;) {
    const { rows } = await pool().query<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM offboarding_reports
       WHERE organization_id = $1 AND offboarding_id = $2 AND ${what} IS NULL AND problem IS NULL`,
      [organizationId, id],
    );
    if (rows[0]!.waiting === 0) return;
    await sleep(100);
  }
}

const WORDS: Record<string, string> = {
  gate_not_reached: 'could not be reached at its own port',
  token_not_accepted: 'did not accept the token before the end',
  stream_open: 'kept an open stream',
  token_accepted: 'still accepted the token',
  session_open: 'still knew the portal session',
};

/** Judges the drill, forgets its token, and returns what is wrong in a sentence, or null. */
async function close(organizationId: string, id: string, mostMs: number): Promise<string | null> {
  const { rows } = await pool().query<{ problem: string | null; ms: number | null; is_gone: boolean }>(
    `SELECT w.problem, round(extract(epoch FROM w.ended_at - coalesce(o.ended_at, o.started_at)) * 1000)::int AS ms,
       NOT EXISTS (SELECT 1 FROM witnesses x WHERE x.id = w.process_id) AS is_gone
     FROM offboarding_reports w JOIN offboardings o ON o.organization_id = w.organization_id AND o.id = w.offboarding_id
     WHERE o.organization_id = $1 AND o.id = $2`,
    [organizationId, id],
  );
  // A process that ended meanwhile serves nobody.
  const seen = rows.filter(({ is_gone: isGone, ms }) => !isGone || ms !== null);
  const problems = seen.flatMap(({ problem, ms }) => {
    if (problem !== null) return [`A process ${WORDS[problem] ?? problem}.`];
    if (ms === null) return ['A process did not report.'];
    return ms > mostMs ? [`A process needed ${(ms / 1000).toFixed(1)} s.`] : [];
  });
  const problem =
    seen.length === 0
      ? 'No process that serves agents was there to ask.'
      : problems.length > 0
        ? problems.join(' ')
        : null;
  await pool().query(
    `UPDATE offboardings SET problem = $3, closed_at = now(), drill_token = NULL, drill_session = NULL
     WHERE organization_id = $1 AND id = $2`,
    [organizationId, id, problem],
  );
  return problem;
}
