// Lays the hash chain over the audit, after the fact: admission never waits for it. One chainer per organization at a time,
// elected by an advisory lock, whichever process it runs in.
import type { PoolClient } from 'pg';
import { pool } from '../db';
import { isDatabaseGone } from '../errors';
import { log } from '../log';
import { chainHash, chainStart } from './canonical';
import { columns, type AuditRow } from './records';

const BATCH = 2_000;

/** Organizations whose chain can't be laid, so that the log says it once and not twice a second. */
const stuck = new Set<string>();

/** Lays the chain for everything recorded so far. Returns how many records were laid. */
export async function layChain(): Promise<number> {
  // Only records of transactions that nothing still running could precede (the snapshot's xmin): none can slip in behind.
  const { rows } = await pool().query<{ id: string }>(
    `SELECT o.id FROM organizations o LEFT JOIN audit_chain_heads h ON h.organization_id = o.id
     WHERE EXISTS (SELECT 1 FROM audit_records r WHERE r.organization_id = o.id
       AND (h.xid IS NULL OR (r.xid, r.id) > (h.xid, h.record_id)) AND r.xid < pg_snapshot_xmin(pg_current_snapshot()))`,
  );
  let laid = 0;
  for (const { id } of rows)
    try {
      for (let n = BATCH; n === BATCH; laid += n) n = await layBatch(id);
      stuck.delete(id);
    } catch (error) {
      // A chain that somebody tampered with must not hold up those of the other organizations.
      if (isDatabaseGone(error)) throw error;
      if (!stuck.has(id))
        log().error({ err: error, organizationId: id }, 'an audit chain can’t be laid; verify it');
      stuck.add(id);
    }
  return laid;
}

/** Runs `work` on one connection, in a transaction that ends with a rollback unless `work` commits. */
async function onConnection<T>(begin: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool().connect();
  // A connection that is lost between two statements says so by an event, which without a listener would end the process.
  const ignore = () => undefined;
  client.on('error', ignore);
  try {
    await client.query(begin);
    return await work(client);
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    client.off('error', ignore);
    client.release();
  }
}

function layBatch(organizationId: string): Promise<number> {
  return onConnection('BEGIN', async (client) => {
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
  });
}

/**
 * Recomputes the chain from its first record. `firstBad` is the number of the first record that was edited, deleted, moved or
 * slipped in, or the number after the last where the newest records were cut off.
 */
export function verifyChain(
  organizationId: string,
): Promise<{ ok: boolean; records: number; firstBad?: number }> {
  // One snapshot: what is laid meanwhile must look neither cut off nor slipped in.
  return onConnection('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', async (client) => {
    const { records, firstBad = Infinity } = await walkChain(client, organizationId);
    const bad = Math.min(firstBad, await firstSlippedIn(client, organizationId));
    return bad === Infinity ? { ok: true, records } : { ok: false, records: bad - 1, firstBad: bad };
  });
}

async function walkChain(
  client: PoolClient,
  organizationId: string,
): Promise<{ records: number; firstBad?: number }> {
  const heads = await client.query<{ seq: string; hash: Buffer }>(
    'SELECT seq, hash FROM audit_chain_heads WHERE organization_id = $1',
    [organizationId],
  );
  let expected = 1n;
  let hash: Buffer = chainStart(organizationId);
  for (;;) {
    const { rows } = await client.query<AuditRow & { seq: string; hash: Buffer; missing: boolean }>(
      `SELECT ${columns}, c.seq, c.hash, r.id IS NULL AS missing FROM audit_chain c
       LEFT JOIN audit_records r ON r.id = c.record_id AND r.organization_id = c.organization_id
       WHERE c.organization_id = $1 AND c.seq >= $2 ORDER BY c.seq LIMIT 5000`,
      [organizationId, String(expected)],
    );
    for (const { seq, hash: stored, missing, ...row } of rows) {
      hash = chainHash(hash, expected, row);
      if (BigInt(seq) !== expected || missing || !hash.equals(stored))
        return { records: Number(expected - 1n), firstBad: Number(expected) };
      expected += 1n;
    }
    if (rows.length < 5000) break;
  }
  const records = Number(expected - 1n);
  // How far it reaches is also kept beside the chain: a chain that ends elsewhere, or otherwise, lost its end.
  const whole = (heads.rows[0]?.hash ?? chainStart(organizationId)).equals(hash);
  return whole ? { records } : { records, firstBad: records + 1 };
}

/** The number that a record without a link would have had; `Infinity` where every record up to the chain's end has its link. */
async function firstSlippedIn(client: PoolClient, organizationId: string): Promise<number> {
  const { rows } = await client.query<{ seq: string }>(
    `SELECT (SELECT c.seq FROM audit_chain c JOIN audit_records n ON n.id = c.record_id
             WHERE c.organization_id = $1 AND (n.xid, n.id) > (r.xid, r.id) ORDER BY n.xid, n.id LIMIT 1) AS seq
     FROM audit_records r JOIN audit_chain_heads h ON h.organization_id = r.organization_id
     WHERE r.organization_id = $1 AND (r.xid, r.id) < (h.xid, h.record_id)
       AND NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.record_id = r.id)
     ORDER BY r.xid, r.id LIMIT 1`,
    [organizationId],
  );
  return rows[0] ? Number(rows[0].seq) : Infinity;
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
