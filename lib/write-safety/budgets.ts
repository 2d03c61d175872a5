// Agents that spent their budget of writes for the day, and so only read: who they are, and an admin's way to put one back. They are counted
// and tripped inside of admission (`guard_writes`, migration 0016), with the audit event `budget.tripped`.
import { appendEvent, type Actor } from '../audit/append';
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';

/** An agent that may only read until `until`. */
export interface SpentBudget {
  id: string;
  member: { email: string; name: string };
  /** What the agent token or client is called. */
  agent: string;
  credentialId: string;
  reason: 'write_budget' | 'delete_budget';
  /** Calls a day. */
  budget: number;
  trippedAt: string;
  /** The end of the day, UTC. */
  until: string;
}

interface Row {
  trip_id: string;
  email: string;
  name: string;
  credential_name: string;
  credential_id: string;
  tripped_as: SpentBudget['reason'];
  budget: number;
  tripped_at: Date;
  until: Date;
}

// Of a person whom no group gives a budget any more nobody looks at what was spent.
const TRIPPED = Prisma.sql`
  SELECT w.trip_id, m.email, m.name, w.credential_name, w.credential_id, w.tripped_as, w.budget, w.tripped_at,
    (w.day + 1)::timestamp AT TIME ZONE 'UTC' AS until
  FROM write_budgets w JOIN members m ON m.organization_id = w.organization_id AND m.id = w.member_id
  WHERE w.trip_id IS NOT NULL AND w.day = (now() AT TIME ZONE 'UTC')::date AND EXISTS (
    SELECT FROM group_members gm JOIN groups g ON g.organization_id = gm.organization_id AND g.id = gm.group_id
    WHERE gm.organization_id = w.organization_id AND gm.member_id = w.member_id
      AND (g.writes_per_day IS NOT NULL OR g.deletes_per_day IS NOT NULL))`;

const toSpent = (row: Row): SpentBudget => ({
  id: row.trip_id,
  member: { email: row.email, name: row.name },
  agent: row.credential_name,
  credentialId: row.credential_id,
  reason: row.tripped_as,
  budget: row.budget,
  trippedAt: row.tripped_at.toISOString(),
  until: row.until.toISOString(),
});

/** Agents that are read-only today, the last first; `memberId`: those of one person. */
export async function listSpentBudgets(
  tx: Tx,
  organizationId: string,
  memberId?: string,
): Promise<SpentBudget[]> {
  const own = memberId === undefined ? Prisma.empty : Prisma.sql`AND w.member_id = ${memberId}::uuid`;
  const rows = await tx.$queryRaw<Row[]>`
    ${TRIPPED} AND w.organization_id = ${organizationId}::uuid ${own} ORDER BY w.tripped_at DESC, w.trip_id LIMIT 500`;
  return rows.map(toSpent);
}

/**
 * Lets an agent write again: its day begins anew, with its whole budget. Whoever looked at an older trip lifts nothing. Throws `not_found`,
 * also where somebody lifted it already.
 */
export async function liftBudget(tx: Tx, actor: Actor, id: string): Promise<SpentBudget> {
  const { organizationId } = actor;
  await tx.$executeRaw`
    SELECT 1 FROM write_budgets WHERE organization_id = ${organizationId}::uuid AND trip_id = ${id}::uuid FOR UPDATE`;
  const [row] = await tx.$queryRaw<Row[]>`
    ${TRIPPED} AND w.organization_id = ${organizationId}::uuid AND w.trip_id = ${id}::uuid`;
  if (!row)
    throw new AppError(
      'not_found',
      'No agent is read-only under this id: it was lifted already, or its day is over.',
    );
  await tx.writeBudget.updateMany({
    where: { organizationId, tripId: id },
    data: { ...{ writes: 0, deletes: 0 }, tripId: null, trippedAs: null, trippedAt: null, budget: null },
  });
  const spent = toSpent(row);
  await appendEvent(tx, actor, {
    action: 'budget.lifted',
    target: `budget:${id}`,
    before: { reason: spent.reason, budget: spent.budget },
    after: { member: spent.member.email, agent: spent.agent },
  });
  return spent;
}
