// What an organization's audit keeps and for how long, as its readers see it.
import type { Tx } from '../db';

export interface Keeping {
  keepArguments: boolean;
  keepArgumentsSince: string | null;
  argumentDays: number;
  /** Null: for ever. */
  auditMonths: number | null;
  /** The oldest record there is. */
  firstSeq: number | null;
  firstAt: string | null;
}

/** The organization's rules on keeping, and the oldest record that is still there. */
export async function readKeeping(tx: Tx, organizationId: string): Promise<Keeping> {
  const [{ keepArgumentsSince, argumentDays, auditMonths }, link] = await Promise.all([
    tx.organization.findUniqueOrThrow({
      where: { id: organizationId },
      select: { keepArgumentsSince: true, argumentDays: true, auditMonths: true },
    }),
    tx.auditChain.findFirst({ where: { organizationId }, orderBy: { seq: 'asc' } }),
  ]);
  const record =
    link &&
    (await tx.auditRecord.findFirst({ where: { organizationId, id: link.recordId }, select: { at: true } }));
  return {
    keepArguments: keepArgumentsSince !== null,
    keepArgumentsSince: keepArgumentsSince?.toISOString() ?? null,
    argumentDays,
    auditMonths,
    firstSeq: link ? Number(link.seq) : null,
    firstAt: record?.at.toISOString() ?? null,
  };
}
