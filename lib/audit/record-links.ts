// Where records hang in the chain: each one's link with the hash before it, and its outcome with the same.
import { pool } from '../db';
import { columns, type AuditRow, type Joined } from './record-rows';

/** A link as a file holds it; hashes in hex. */
export interface LinkOfRow {
  seq: number;
  previous: string;
  hash: string;
}

export interface Links {
  /** By the record's id; only links up to `reach`. */
  ofRecord: Map<string, LinkOfRow>;
  /** A call's outcome by the call's id, where its link is one of them. */
  ofCall: Map<string, { row: AuditRow; link: LinkOfRow }>;
}

/** The links of a page of records and of their outcomes, none behind `reach`. `start`: what the chain's first link follows. */
export async function linksOf(
  organizationId: string,
  rows: readonly Joined[],
  { reach, start }: { reach: number; start: { seq: number; hash: string } },
): Promise<Links> {
  const ids = rows.map(({ id }) => id);
  const outcomes = await pool().query<AuditRow>(
    `SELECT ${columns} FROM audit_records r WHERE r.organization_id = $1 AND r.call_id = ANY($2::uuid[])`,
    [organizationId, ids],
  );
  const { rows: links } = await pool().query<{
    record_id: string;
    seq: string;
    hash: Buffer;
    previous: Buffer | null;
  }>(
    `SELECT c.record_id, c.seq, c.hash, p.hash AS previous
     FROM audit_chain c LEFT JOIN audit_chain p ON p.organization_id = c.organization_id AND p.seq = c.seq - 1
     WHERE c.organization_id = $1 AND c.seq <= $3 AND c.record_id = ANY($2::uuid[])`,
    [organizationId, [...ids, ...outcomes.rows.map(({ id }) => id)], reach],
  );
  const ofRecord = new Map(
    links.map(({ record_id, seq, hash, previous }): [string, LinkOfRow] => {
      // What the link before said is with the retention checkpoint where that link was let go.
      const before = Number(seq) === start.seq + 1 ? start.hash : (previous?.toString('hex') ?? '');
      return [record_id, { seq: Number(seq), previous: before, hash: hash.toString('hex') }];
    }),
  );
  const ofCall = new Map(
    outcomes.rows.flatMap((row): [string, { row: AuditRow; link: LinkOfRow }][] => {
      const link = ofRecord.get(row.id);
      return link ? [[row.call_id!, { row, link }]] : [];
    }),
  );
  return { ofRecord, ofCall };
}
