// How far an organization's set-up is. Every step is read from what is there, not from what somebody clicked, but for the endpoint's
// address, which can be copied without a trace.
import { appendEvent, type Actor } from '../audit/append';
import type { Tx } from '../db';

export const FIRST_STEPS = [
  ...(['organization', 'asana_app', 'sync', 'group'] as const),
  ...(['invite', 'connect', 'endpoint', 'first_call'] as const),
] as const;
export type FirstStep = (typeof FIRST_STEPS)[number];

export interface FirstRun {
  /** In order. `at`: since when; null while it is not done. */
  steps: { id: FirstStep; done: boolean; at: string | null }[];
  hidden: boolean;
  /** Open requests for tools. */
  openRequests: number;
  /** Tools that are new, changed or gone, and that no admin has decided about. */
  toReview: number;
}

type Row = Record<FirstStep, Date | null> & { hidden: boolean; open_requests: number; to_review: number };

/**
 * The steps and what waits for an admin. `invite` is the second person, `first_call` the first allowed call of an agent that Asana
 * answered (`ok` or `tool_error`): the audit's roll-up keeps it, so it costs nothing and stays.
 */
export async function readFirstRun(tx: Tx, organizationId: string): Promise<FirstRun> {
  const [row] = await tx.$queryRaw<Row[]>`
    SELECT o.created_at AS organization, o.tools_synced_at AS sync, o.first_run_hidden_at IS NOT NULL AS hidden,
      (SELECT a.secret_set_at FROM asana_apps a WHERE a.organization_id = o.id) AS asana_app,
      (SELECT min(g.created_at) FROM groups g WHERE g.organization_id = o.id) AS "group",
      (SELECT m.created_at FROM members m WHERE m.organization_id = o.id AND NOT m.is_drill ORDER BY m.created_at, m.id OFFSET 1 LIMIT 1) AS invite,
      (SELECT min(c.created_at) FROM connections c WHERE c.organization_id = o.id) AS connect,
      least(o.endpoint_copied_at, (SELECT min(t.created_at) FROM agent_tokens t WHERE t.organization_id = o.id),
        (SELECT min(g.created_at) FROM grants g WHERE g.organization_id = o.id)) AS endpoint,
      (SELECT min(h.first_at) FROM audit_hours h WHERE h.organization_id = o.id AND h.span = 'ever'
        AND h.dimension = 'outcome' AND h.key IN ('ok', 'tool_error')) AS first_call,
      (SELECT count(*)::int FROM tool_requests r WHERE r.organization_id = o.id AND r.status = 'open') AS open_requests,
      (SELECT count(*)::int FROM tools t WHERE t.organization_id = o.id AND NOT t.blocked AND CASE t.status
        WHEN 'reviewed' THEN false
        WHEN 'missing' THEN t.reviewed_at IS NOT NULL AND t.kept_hash IS DISTINCT FROM 'missing'
        ELSE t.kept_hash IS DISTINCT FROM coalesce(t.seen_hash, t.definition_hash) END) AS to_review
    FROM organizations o WHERE o.id = ${organizationId}::uuid`;
  return {
    steps: FIRST_STEPS.map((id) => ({ id, done: row![id] !== null, at: row![id]?.toISOString() ?? null })),
    hidden: row!.hidden,
    openRequests: row!.open_requests,
    toReview: row!.to_review,
  };
}

/** Notes that the endpoint was copied (the first time counts), hides the list or shows it again; with an event where that is new. */
export async function updateFirstRun(
  tx: Tx,
  actor: Actor,
  change: { endpointCopied?: true; hidden?: boolean },
): Promise<FirstRun> {
  const { organizationId } = actor;
  await tx.$executeRaw`SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
  const now = await tx.organization.findUniqueOrThrow({
    where: { id: organizationId },
    select: { endpointCopiedAt: true, firstRunHiddenAt: true },
  });
  const copied = change.endpointCopied === true && now.endpointCopiedAt === null;
  const turned = change.hidden !== undefined && change.hidden !== (now.firstRunHiddenAt !== null);
  if (copied || turned) {
    const data = {
      ...(copied ? { endpointCopiedAt: new Date() } : {}),
      ...(turned ? { firstRunHiddenAt: change.hidden ? new Date() : null } : {}),
    };
    await tx.organization.update({ where: { id: organizationId }, data });
    await appendEvent(tx, actor, {
      action: 'first_run.updated',
      target: 'organization',
      after: { ...(copied ? { endpointCopied: true } : {}), ...(turned ? { hidden: change.hidden } : {}) },
    });
  }
  return readFirstRun(tx, organizationId);
}

/** Notes that Asana's list was compared with the catalogue just now. */
export async function noteToolsSynced(tx: Tx, organizationId: string): Promise<void> {
  await tx.organization.update({ where: { id: organizationId }, data: { toolsSyncedAt: new Date() } });
}
