// What an offboarding or a drill shows: each step with how long it took, and nothing that was not seen.
import { pool } from '../db';
import { AppError } from '../errors';
import { WITNESS_SECONDS } from './offboard';

/** A receipt. Times are ISO 8601; `ms` are counted from the start by the database's clock, null while it is not over or was not seen. */
export interface Receipt {
  id: string;
  member: { email: string; name: string };
  isDrill: boolean;
  by: string;
  startedAt: string;
  /** Sign-ins, password, invites: from here on nobody gets in as this person. */
  portal: { sessions: number; ms: number | null };
  /**
   * Agent tokens and clients: refused from the same moment on. `streams` are calls and streams that were under way and were ended;
   * `processes` those that have seen that none is left, of all that were alive. `lost`: processes that died before they said so.
   */
  agents: {
    tokens: number;
    grants: number;
    streams: number;
    processes: { all: number; confirmed: number; lost: number };
    ms: number | null;
  };
  /** `impossible`: authorizations that can't be revoked from here, because their token can't be opened or the app is gone. */
  asana: {
    connections: number;
    confirmed: number;
    impossible: number;
    state: 'nothing' | 'confirmed' | 'waiting' | 'impossible';
    /** Of the one that was asked for most often. */
    attempts: number;
    ms: number | null;
  };
  /** Nothing is under way any more. */
  isOver: boolean;
  /** Of a drill: what did not end in time. */
  problem: string | null;
}

interface Row {
  id: string;
  member_email: string;
  member_name: string;
  is_drill: boolean;
  by: string;
  started_at: Date;
  ended_at: Date | null;
  sessions: number;
  tokens: number;
  grants: number;
  connections: number;
  queued: number;
  confirmed: number;
  attempts: number;
  confirmed_at: Date | null;
  all_processes: number;
  confirmed_processes: number;
  lost_processes: number;
  streams: number;
  agents_at: Date | null;
  problem: string | null;
  closed_at: Date | null;
}

// Confirmed revocations are deleted after a week; by then `confirmed_at` says that there are no others.
const RECEIPTS = `
SELECT o.id, o.member_email, o.member_name, o.is_drill, o.by, o.started_at, o.ended_at, o.sessions, o.tokens, o.grants, o.connections,
  cardinality(coalesce(o.revocation_ids, '{}')) AS queued, o.problem, o.closed_at,
  CASE WHEN o.confirmed_at IS NULL THEN r.confirmed ELSE cardinality(coalesce(o.revocation_ids, '{}')) END AS confirmed,
  CASE WHEN o.confirmed_at IS NULL THEN r.attempts ELSE o.attempts END AS attempts,
  CASE WHEN o.confirmed_at IS NULL AND r.confirmed = cardinality(o.revocation_ids) THEN r.confirmed_at ELSE o.confirmed_at END AS confirmed_at,
  p.all_processes, p.confirmed_processes, p.lost_processes, p.streams, p.agents_at
FROM offboardings o
CROSS JOIN LATERAL (
  SELECT count(confirmed_at)::int AS confirmed, coalesce(max(attempts), 0) AS attempts, max(confirmed_at) AS confirmed_at
  FROM revocations WHERE organization_id = o.organization_id AND id = ANY(o.revocation_ids)
) r
CROSS JOIN LATERAL (
  SELECT count(*)::int AS all_processes, count(w.ended_at)::int AS confirmed_processes, coalesce(sum(w.streams), 0)::int AS streams,
    count(*) FILTER (WHERE w.ended_at IS NULL AND NOT EXISTS (
      SELECT 1 FROM witnesses x WHERE x.id = w.process_id AND x.seen_at > now() - ${WITNESS_SECONDS} * interval '1 second'))::int AS lost_processes,
    max(w.ended_at) AS agents_at
  FROM offboarding_reports w WHERE w.organization_id = o.organization_id AND w.offboarding_id = o.id
) p
WHERE o.organization_id = $1`;

/** One receipt; throws `not_found`. */
export async function readReceipt(organizationId: string, id: string): Promise<Receipt> {
  const { rows } = await pool().query<Row>(`${RECEIPTS} AND o.id = $2`, [organizationId, id]);
  if (!rows[0]) throw new AppError('not_found', 'There is no such offboarding.');
  return toReceipt(rows[0]);
}

/** The newest fifty receipts of people, or of drills. */
export async function listReceipts(
  organizationId: string,
  { drills }: { drills: boolean },
): Promise<Receipt[]> {
  const { rows } = await pool().query<Row>(`${RECEIPTS} AND o.is_drill = $2 ORDER BY o.id DESC LIMIT 50`, [
    organizationId,
    drills,
  ]);
  return rows.map(toReceipt);
}

/** Writes down what Asana has confirmed, before the queue forgets it. */
export async function keepConfirmations(): Promise<void> {
  await pool().query(
    `UPDATE offboardings o SET confirmed_at = r.confirmed_at, attempts = r.attempts
     FROM (SELECT o.id, max(r.confirmed_at) AS confirmed_at, max(r.attempts) AS attempts
       FROM offboardings o JOIN revocations r ON r.organization_id = o.organization_id AND r.id = ANY(o.revocation_ids)
       WHERE o.confirmed_at IS NULL AND o.revocation_ids <> '{}'
       GROUP BY o.id, o.revocation_ids HAVING count(r.confirmed_at) = cardinality(o.revocation_ids)) r
     WHERE o.id = r.id AND o.confirmed_at IS NULL`,
  );
}

function toReceipt(row: Row): Receipt {
  const since = (at: Date | null) =>
    at === null ? null : Math.max(0, at.getTime() - row.started_at.getTime());
  const impossible = row.connections - row.queued;
  const agentsSeen = row.confirmed_processes + row.lost_processes === row.all_processes;
  const state =
    row.connections === 0
      ? ('nothing' as const)
      : row.confirmed < row.queued
        ? ('waiting' as const)
        : impossible > 0
          ? ('impossible' as const)
          : ('confirmed' as const);
  return {
    ...{ id: row.id, isDrill: row.is_drill, by: row.by, problem: row.problem },
    member: { email: row.member_email, name: row.member_name },
    startedAt: row.started_at.toISOString(),
    portal: { sessions: row.sessions, ms: since(row.ended_at) },
    agents: {
      ...{ tokens: row.tokens, grants: row.grants, streams: row.streams },
      processes: { all: row.all_processes, confirmed: row.confirmed_processes, lost: row.lost_processes },
      // Where no process was there to ask, none had anything open: what counts is the end of the access itself.
      ms: agentsSeen ? since(row.agents_at ?? row.ended_at) : null,
    },
    asana: {
      ...{
        connections: row.connections,
        confirmed: row.confirmed,
        impossible,
        state,
        attempts: row.attempts,
      },
      ms: state === 'confirmed' ? since(row.confirmed_at) : null,
    },
    isOver: row.is_drill
      ? row.closed_at !== null
      : row.ended_at !== null && agentsSeen && state !== 'waiting',
  };
}
