// Lays the hash chain over the audit, after the fact: admission never waits for it. One chainer per organization at a time,
// elected by an advisory lock, whichever process it runs in.
import { pool } from '../db';
import { log } from '../log';
import { chainHash, chainStart } from './canonical';
import { columns, type AuditRow } from './records';

const BATCH = 2_000;

/** Lays the chain for everything recorded so far. Returns how many records were laid. */
export async function layChain(): Promise<number> {
  // Only records of transactions that nothing still running could precede (the snapshot's xmin): none can slip in behind.
  const { rows } = await pool().query<{ id: string }>(
    `SELECT o.id FROM organizations o LEFT JOIN audit_chain_heads h ON h.organization_id = o.id
     WHERE EXISTS (SELECT 1 FROM audit_records r WHERE r.organization_id = o.id
       AND (h.xid IS NULL OR (r.xid, r.id) > (h.xid, h.record_id)) AND r.xid < pg_snapshot_xmin(pg_current_snapshot()))`,
  );
  let laid = 0;
  for (const { id } of rows) for (let n = BATCH; n === BATCH; laid += n) n = await layBatch(id);
  return laid;
}

async function layBatch(organizationId: string): Promise<number> {
  const client = await pool().connect();
  try {
    await client.query('BEGIN');
    const lock = await client.query<{ mine: boolean }>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended('audit chain ' || $1, 0)) AS mine`,
      [organizationId],
    );
    if (!lock.rows[0]?.mine) return 0;
    const head = await client.query<{ seq: string; hash: Buffer }>(
      'SELECT seq, hash FROM audit_chain_heads WHERE organization_id = $1',
      [organizationId],
    );
    const { rows } = await client.query<AuditRow & { xid: string }>(
      `SELECT ${columns}, r.xid FROM audit_records r LEFT JOIN audit_chain_heads h ON h.organization_id = r.organization_id
       WHERE r.organization_id = $1 AND (h.xid IS NULL OR (r.xid, r.id) > (h.xid, h.record_id))
         AND r.xid < pg_snapshot_xmin(pg_current_snapshot())
       ORDER BY r.xid, r.id LIMIT ${BATCH}`,
      [organizationId],
    );
    const last = rows.at(-1);
    if (!last) return 0;
    let seq = BigInt(head.rows[0]?.seq ?? 0);
    let hash: Buffer = head.rows[0]?.hash ?? chainStart(organizationId);
    const links = rows.map(({ xid: _xid, ...row }) => {
      seq += 1n;
      hash = chainHash(hash, seq, row);
      return { seq: String(seq), recordId: row.id, hash };
    });
    await client.query(
      `INSERT INTO audit_chain (organization_id, seq, record_id, hash)
       SELECT $1, * FROM unnest($2::bigint[], $3::uuid[], $4::bytea[])`,
      [organizationId, links.map((l) => l.seq), links.map((l) => l.recordId), links.map((l) => l.hash)],
    );
    await client.query(
      `INSERT INTO audit_chain_heads (organization_id, xid, record_id, seq, hash) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (organization_id) DO UPDATE SET xid = $2, record_id = $3, seq = $4, hash = $5`,
      [organizationId, last.xid, last.id, String(seq), hash],
    );
    await client.query('COMMIT');
    return rows.length;
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    client.release();
  }
}

/**
 * Recomputes the chain from its first record. `firstBad` is the number of the first record that was edited, deleted, inserted or
 * moved, or the number after the last where the newest records were cut off.
 */
export async function verifyChain(
  organizationId: string,
): Promise<{ ok: boolean; records: number; firstBad?: number }> {
  let expected = 1n;
  let hash: Buffer = chainStart(organizationId);
  for (;;) {
    const { rows } = await pool().query<AuditRow & { seq: string; hash: Buffer; missing: boolean }>(
      `SELECT ${columns}, c.seq, c.hash, r.id IS NULL AS missing FROM audit_chain c
       LEFT JOIN audit_records r ON r.id = c.record_id AND r.organization_id = c.organization_id
       WHERE c.organization_id = $1 AND c.seq >= $2 ORDER BY c.seq LIMIT 5000`,
      [organizationId, String(expected)],
    );
    for (const { seq, hash: stored, missing, ...row } of rows) {
      hash = chainHash(hash, expected, row);
      if (BigInt(seq) !== expected || missing || !hash.equals(stored))
        return { ok: false, records: Number(expected - 1n), firstBad: Number(expected) };
      expected += 1n;
    }
    if (rows.length < 5000) break;
  }
  const { rows } = await pool().query<{ seq: string; hash: Buffer }>(
    'SELECT seq, hash FROM audit_chain_heads WHERE organization_id = $1',
    [organizationId],
  );
  const records = Number(expected - 1n);
  const cut = rows[0] ? BigInt(rows[0].seq) > expected - 1n : false;
  return cut ? { ok: false, records, firstBad: records + 1 } : { ok: true, records };
}

/** Lays the chain about twice a second until stopped. A failure (database away) is tried again. */
export function startChainer(intervalMs = 400): () => Promise<void> {
  let stopped = false;
  let running: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout;
  const run = () => {
    running = layChain()
      .catch((error: unknown) => log().warn({ err: error }, 'the audit chain waits for the database'))
      .finally(() => {
        if (!stopped) timer = setTimeout(run, intervalMs).unref();
      });
  };
  timer = setTimeout(run, intervalMs).unref();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
