// Fingerprints for definitions that were stored before there were any: without one the gate shows a tool to nobody.
import { transaction } from '../db';
import { fingerprintOf } from './classify';

interface Row {
  organization_id: string;
  name: string;
  definition: unknown;
  seen: unknown;
}

const BATCH = 500;

/** Fills in what is missing, of all organizations; before the gate opens, and now and then. Returns how many it filled in. */
export async function fillFingerprints(): Promise<number> {
  for (let filled = 0; ;) {
    const rows = await fillSome();
    filled += rows;
    if (rows < BATCH) return filled;
  }
}

function fillSome(): Promise<number> {
  return transaction(async (tx) => {
    const rows = await tx.$queryRaw<Row[]>`
      SELECT organization_id, name, definition, seen FROM tools
      WHERE definition_hash IS NULL OR (seen IS NOT NULL AND seen_hash IS NULL) LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`;
    await tx.$executeRaw`
      UPDATE tools t SET definition_hash = f.definition_hash, seen_hash = f.seen_hash
      FROM unnest(${rows.map((row) => row.organization_id)}::uuid[], ${rows.map(({ name }) => name)}::text[],
        ${rows.map(({ definition }) => fingerprintOf(definition))}::text[],
        ${rows.map(({ seen }) => (seen === null ? null : fingerprintOf(seen)))}::text[])
        AS f(organization_id, name, definition_hash, seen_hash)
      WHERE t.organization_id = f.organization_id AND t.name = f.name`;
    return rows.length;
  });
}
