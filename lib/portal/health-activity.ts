// What the last hour and day show of an organization's health: refreshes, calls at Asana, the audit's chain, late revocations.
import { lastConnectOf } from '../asana/asana-app';
import {
  listFailingConnections,
  readRefreshFailures,
  type FailingConnection,
} from '../asana/refresh-failures';
import { chainDelayMs } from '../audit/chain';
import { AUDIT_JOBS } from '../audit/retention';
import { readSink } from '../audit/sink';
import { syncJob } from '../catalogue/sync-schedule';
import { pool } from '../db';
import { drillJob } from '../offboarding/drill';
import { stateOfJob, type JobState } from '../schedule/run-on-schedule';

/** A failure in twenty is more than an unlucky moment. */
const BAD_SHARE = 0.05;
/** The chain follows within a second; half a minute says that something holds it up. */
const CHAIN_PATIENCE_MS = 30_000;
/** Scheduled work that failed once may have met a bad moment; three in a row say that something is wrong. */
const PATIENCE = 3;
/** The newest outcomes looked at, so that a busy hour costs no more than this. */
const MOST_OUTCOMES = 10_000;

/** The facts that come from what happened; each red one says in `fix` what to do. */
export async function activityFacts(organizationId: string) {
  const [failures, failing, lastConnect, upstream, delayMs, overdueRevocations, sync, drill, keeping] =
    await Promise.all([
      readRefreshFailures(organizationId),
      listFailingConnections(organizationId),
      lastConnectOf(organizationId),
      readUpstream(organizationId),
      chainDelayMs(organizationId),
      listOverdueRevocations(organizationId),
      stateOfJob(organizationId, syncJob.name),
      stateOfJob(organizationId, drillJob.name),
      Promise.all(AUDIT_JOBS.map(({ name }) => stateOfJob(organizationId, name))),
    ]);
  const appRefused = lastConnect === 'invalid_client';
  const refreshing = !appRefused && failing.every(({ status }) => status !== 'active');
  const chained = delayMs < CHAIN_PATIENCE_MS;
  const sink = await sinkFact(organizationId);
  return {
    refreshes: {
      ok: refreshing,
      failedLastDay: failures.lastDay,
      lastFailureAt: failures.lastAt?.toISOString() ?? null,
      fix: refreshing
        ? null
        : appRefused
          ? 'Asana refuses the app\u2019s client id or secret: copy the present secret from Asana\u2019s developer console into the Asana app page.'
          : 'Run the checks on the Asana app page; if they pass, Asana\u2019s token endpoint was away and the next call tries again.',
    },
    soon: failing.map(toSoon),
    upstream,
    sink,
    chain: {
      ok: chained,
      behindSeconds: Math.round(delayMs / 1000),
      fix: chained
        ? null
        : 'Look for \u201caudit chain\u201d in the log, and verify the audit: a record that was changed by hand holds the chain up.',
    },
    overdueRevocations,
    auditKeeping: keepingFact(keeping),
    catalogueSync: syncFact(sync),
    offboardingDrill: drillFact(drill),
  };
}

/** Of the audit's own work, the part that failed most often in a row, else what was done last. A broken chain needs no second try. */
function keepingFact(states: readonly (JobState | null)[]) {
  const [worst = null] = states
    .filter((state) => state !== null)
    .sort((a, b) => b.failures - a.failures || (b.lastAt?.getTime() ?? 0) - (a.lastAt?.getTime() ?? 0));
  const isBroken = states.some((state) => state?.problem === 'audit_broken');
  const ok = !isBroken && (worst === null || worst.failures < PATIENCE);
  return {
    ok,
    ...momentsOf(worst),
    fix: ok
      ? null
      : isBroken
        ? 'Records that are old enough to be deleted are not as they were written, so nothing is deleted. Verify the chain under Audit, Proof, and compare with a backup and with checkpoints kept elsewhere.'
        : 'Look for \u201cscheduled work failed\u201d in the log, and sign a checkpoint under Audit, Proof to see why. Until it works nothing new is signed, and nothing old is deleted.',
  };
}

function syncFact(state: JobState | null) {
  const ok = state === null || state.failures < PATIENCE;
  return {
    ok,
    ...momentsOf(state),
    fix: ok
      ? null
      : state.problem === 'asana_unavailable'
        ? 'Asana did not give its list of tools. Press \u201cSync with Asana\u201d under Tools to see why; until it works a change is noticed only when an agent lists its tools.'
        : 'Look for \u201cscheduled work failed\u201d in the log. Press \u201cSync with Asana\u201d under Tools to try at once.',
  };
}

function drillFact(state: JobState | null) {
  const ok = state === null || state.failures === 0 || state.problem === 'tool_closed';
  return {
    ok,
    ...momentsOf(state),
    fix: ok
      ? null
      : 'The last rehearsal did not see everything end within a second. Its receipt says which process was late; restart that process, and run the drill again.',
  };
}

const momentsOf = (state: JobState | null) => ({
  lastAt: state?.lastAt?.toISOString() ?? null,
  lastOkAt: state?.lastOkAt?.toISOString() ?? null,
  nextAt: state?.nextAt.toISOString() ?? null,
  failures: state?.failures ?? 0,
});

/** Behind by more than this, a sink that takes records is too slow, or sending has stopped. */
const SINK_PATIENCE_SECONDS = 300;

async function sinkFact(organizationId: string) {
  const { kind, address, problem, behind, behindSeconds } = await readSink(organizationId);
  if (kind === 'none') return null;
  const ok = problem === null && behindSeconds < SINK_PATIENCE_SECONDS;
  const waiting =
    behind === 0 ? 'nothing waits' : `${behind} ${behind === 1 ? 'record waits' : 'records wait'}`;
  return {
    ok,
    behindSeconds,
    detail:
      problem === null
        ? `Goes to ${address}; ${waiting}.`
        : `${address} does not take records: ${problem} ${behind} wait.`,
    fix: ok
      ? null
      : 'Nothing is lost: Gatehouse tries again by itself. Look whether the server takes records, and check address and authorization under Audit, Proof.',
  };
}

const WHY: Record<string, string> = {
  no_asana_app: 'no Asana app is registered here',
  unreadable: 'the key ring does not open its tokens',
  invalid_client: 'Asana refuses the app\u2019s client id or secret',
  rate_limited: 'Asana asked for a pause',
};

function toSoon({ member, workspace, asanaEmail, status, reason, accessExpiresAt }: FailingConnection) {
  const whose = { member, workspace, asanaEmail };
  if (status === 'needs_reconnect')
    return {
      ...whose,
      why: 'Asana ended the authorization; agents get a link instead of an answer.',
      fix: `${member} opens Connections and presses Reconnect.`,
    };
  const because = WHY[reason ?? ''] ?? 'Asana\u2019s token endpoint did not answer as expected';
  const expired = accessExpiresAt.getTime() <= Date.now();
  return {
    ...whose,
    why: `The last refresh failed: ${because}. ${expired ? 'The access token has run out, so calls fail until a refresh succeeds.' : 'Calls fail once the access token has run out.'}`,
    fix:
      reason === 'unreadable'
        ? `Restore GATEHOUSE_KEYS as it was, or ask ${member} to reconnect.`
        : reason === 'invalid_client' || reason === 'no_asana_app'
          ? 'Put the present client id and secret into the Asana app page.'
          : 'Nothing at once: the next call tries again. If it stays, run the checks on the Asana app page.',
  };
}

/** Calls of the last hour that went to Asana, of the newest ten thousand outcomes. */
async function readUpstream(organizationId: string) {
  const { rows } = await pool().query<{ calls: number; failed: number; p95: number | null }>(
    `SELECT count(*)::int AS calls, count(*) FILTER (WHERE outcome IN ('upstream_error', 'unknown'))::int AS failed,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms) AS p95
     FROM (SELECT outcome, latency_ms FROM audit_records WHERE organization_id = $1 AND kind = 'outcome'
       AND at > now() - interval '1 hour' AND reason IS DISTINCT FROM 'no_connection'
       ORDER BY at DESC, id DESC LIMIT ${MOST_OUTCOMES}) o`,
    [organizationId],
  );
  const { calls, failed, p95 } = rows[0]!;
  const ok = failed <= calls * BAD_SHARE;
  return {
    ok,
    p95Ms: p95 === null ? null : Math.round(p95 * 10) / 10,
    failedLastHour: failed,
    callsLastHour: calls,
    fix: ok
      ? null
      : 'See Asana\u2019s status page, and filter the audit by outcome upstream_error and unknown to see whose calls failed.',
  };
}

/** Ended here more than five minutes ago, tried, and not confirmed by Asana; oldest first, 100 at most. */
async function listOverdueRevocations(organizationId: string) {
  const { rows } = await pool().query<{ member: string; attempts: number; since: Date }>(
    `SELECT member_email AS member, attempts, created_at AS since FROM revocations
     WHERE organization_id = $1 AND confirmed_at IS NULL AND attempts > 0 AND created_at < now() - interval '5 minutes'
     ORDER BY created_at, id LIMIT 100`,
    [organizationId],
  );
  return rows.map((row) => ({
    ...row,
    since: row.since.toISOString(),
    fix: `Gatehouse keeps trying. To be sure now, ${row.member} removes the app in Asana under Settings, Apps.`,
  }));
}
