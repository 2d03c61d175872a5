// The drift log: what Asana changed in which tool, when it was found, and what an admin decided about it.
import { Prisma, pool, type Tx } from '../db';
import { uuidv7, type Actor } from '../audit/append';
import type { ToolDefinition } from './classify';
import type { DriftKind } from './successor';

/** `sync`: an admin asked; `schedule`; `agent`: a list that Asana gave to somebody's agent. */
export type FoundBy = 'sync' | 'schedule' | 'agent';
export type Decision = 'accepted' | 'kept' | 'blocked' | 'superseded';

export interface FoundDrift {
  toolName: string;
  kinds: DriftKind[];
  before: ToolDefinition | null;
  after: ToolDefinition | null;
  successorOf?: string | null;
  /** It is as an admin accepted it before, so nobody has to decide. */
  settled?: boolean;
}

const json = (value: ToolDefinition | null) =>
  value === null ? Prisma.DbNull : (value as Prisma.InputJsonObject);

/** Logs what was found, in the transaction that stores it. An earlier change of the same tool that still waits is superseded. */
export async function logDrift(
  tx: Tx,
  organizationId: string,
  foundBy: FoundBy,
  found: readonly FoundDrift[],
): Promise<void> {
  if (found.length === 0) return;
  const names = found.map(({ toolName }) => toolName);
  await tx.toolDrift.updateMany({
    where: { organizationId, toolName: { in: names }, decision: null },
    data: { decision: 'superseded', decidedAt: new Date() },
  });
  await tx.toolDrift.createMany({
    data: found.map(({ toolName, kinds, before, after, successorOf, settled }) => ({
      ...{ id: uuidv7(), organizationId, toolName, kinds, foundBy },
      ...(settled ? { decision: 'accepted', decidedAt: new Date() } : {}),
      ...{ before: json(before), after: json(after), successorOf: successorOf ?? null },
    })),
  });
}

/** Notes what an admin decided about the change of a tool that waits; nothing waits: nothing happens. */
export async function decideDrift(
  tx: Tx,
  actor: Actor,
  toolName: string,
  decision: Exclude<Decision, 'superseded'>,
): Promise<void> {
  const { organizationId, memberEmail, credential } = actor;
  await tx.toolDrift.updateMany({
    where: { organizationId, toolName, decision: null },
    data: { decision, decidedAt: new Date(), decidedBy: memberEmail ?? credential.name ?? credential.id },
  });
}

/** An entry of the log. Times are ISO 8601. */
export interface Drift {
  id: string;
  tool: string;
  kinds: DriftKind[];
  foundAt: string;
  foundBy: FoundBy;
  successorOf: string | null;
  before: ToolDefinition | null;
  after: ToolDefinition | null;
  decision: Decision | null;
  decidedBy: string | null;
  decidedAt: string | null;
}

/** The log, newest first, from after the entry `cursor` on; a cursor that is none begins at the newest. */
export async function listDrift(
  organizationId: string,
  { tool, cursor, limit = 50 }: { tool?: string; cursor?: string; limit?: number },
): Promise<{ drifts: Drift[]; nextCursor: string | null }> {
  const { rows } = await pool().query<
    Omit<Drift, 'foundAt' | 'decidedAt'> & { foundAt: Date; decidedAt: Date | null }
  >(
    `SELECT id, tool_name AS tool, kinds, found_at AS "foundAt", found_by AS "foundBy", successor_of AS "successorOf", before, after,
       decision, decided_by AS "decidedBy", decided_at AS "decidedAt"
     FROM tool_drifts WHERE organization_id = $1 AND ($2::text IS NULL OR tool_name = $2) AND ($3::uuid IS NULL OR id < $3)
     ORDER BY id DESC LIMIT $4`,
    [organizationId, tool ?? null, cursor ?? null, limit + 1],
  );
  const drifts = rows.slice(0, limit).map((row) => ({
    ...row,
    foundAt: row.foundAt.toISOString(),
    decidedAt: row.decidedAt?.toISOString() ?? null,
  }));
  return { drifts, nextCursor: rows.length > limit ? drifts.at(-1)!.id : null };
}
