// Lays the hash chain over the audit, after the fact: admission never waits for it. One chainer per organization at a time,
// elected by an advisory lock, whichever process it runs in.
import type { PoolClient } from 'pg';
import { pool } from '../db';
import { isDatabaseGone } from '../errors';
import { log } from '../log';
import { chainHash, chainStart } from './canonical';
import { columns, type AuditRow } from './record-rows';
import { rollUp } from './roll-up';

const BATCH = 2_000;

// Only records of transactions that nothing still running could precede (the snapshot's xmin): none can slip in behind.
const SETTLED = 'r.xid < pg_snapshot_xmin(pg_current_snapshot())';
const IN_ORDER = 'ORDER BY r.xid, r.id';
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/**
 * `what` of the oldest record behind the head `h` (of all where that is null). Written so that the
 * index is entered where the head stands: an OR in place of the coalesce would read the whole audit, twice a second.
 */
const firstUnlaid = (organizationId: string, what: string, which = 'true') =>
  `(SELECT ${what} FROM audit_records r WHERE r.organization_id = ${organizationId}
    AND (r.xid, r.id) > (coalesce(h.xid, '0'), coalesce(h.record_id, '${BEFORE_ALL}')) AND ${which} ${IN_ORDER} LIMIT 1)`;

/** Organizations whose chain can't be laid, so that the log says it once and not twice a second. */
const stuck = new Set<string>();

/** Lays the chain for everything recorded so far. Returns how many records were laid. */
export async function layChain(): Promise<number> {
  const { rows } = await pool().query<{ id: string }>(
    `SELECT o.id FROM organizations o LEFT JOIN audit_chain_heads h ON h.organization_id = o.id
     WHERE h.rolled_seq < h.seq OR ${firstUnlaid('o.id', 'r.id', SETTLED)} IS NOT NULL`,
  );
  let laid = 0;
  for (const { id } of rows)
    try {
      while (await countBatch(id));
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

/** A holder of the lock that falls silent (paused, cut off) must not keep the chain from the others for longer. */
const SILENT_MS = 5_000;

/** Runs `work` on one connection, in a transaction that ends with a rollback unless `work` commits. */
async function onConnection<T>(begin: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool().connect();
  // A connection that is lost between two statements says so by an event, which without a listener would end the process.
  const ignore = () => undefined;
  client.on('error', ignore);
  let failed = true;
  try {
    await client.query(`${begin}; SET LOCAL idle_in_transaction_session_timeout = ${SILENT_MS}`);
    const result = await work(client);
    failed = false;
    return result;
  } finally {
    // One that failed may be a dead one: asking it for a rollback would wait once more, and the next user after that.
    if (!failed) await client.query('ROLLBACK').catch(() => (failed = true));
    client.off('error', ignore);
    client.release(failed);
  }
}

/** Whether this transaction is now the one that may write the organization's chain. */
async function lockChain(client: PoolClient, organizationId: string): Promise<boolean> {
  const lock = await client.query<{ mine: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('audit chain ' || $1, 0)) AS mine`,
    [organizationId],
  );
  return lock.rows[0]?.mine ?? false;
}

/** How far the chain reaches, and how far its records are counted. */
interface Head {
  xid: string;
  record_id: string;
  seq: string;
  hash: Buffer;
  rolled_seq: string;
}

async function readHead(client: PoolClient, organizationId: string) {
  const { rows } = await client.query<Head>(
    'SELECT xid, record_id, seq, hash, rolled_seq FROM audit_chain_heads WHERE organization_id = $1',
    [organizationId],
  );
  return rows[0];
}

/** Counts a batch of what was laid before there was a roll-up. False once there is none left. */
function countBatch(organizationId: string): Promise<boolean> {
  return onConnection('BEGIN', async (client) => {
    const head = (await lockChain(client, organizationId)) && (await readHead(client, organizationId));
    if (!head || BigInt(head.rolled_seq) >= BigInt(head.seq)) return false;
    const after = BigInt(head.rolled_seq);
    const last = after + BigInt(BATCH) < BigInt(head.seq) ? after + BigInt(BATCH) : BigInt(head.seq);
    await rollUp(client, organizationId, after, last);
    await client.query('UPDATE audit_chain_heads SET rolled_seq = $2 WHERE organization_id = $1', [
      organizationId,
      String(last),
    ]);
    await client.query('COMMIT');
    return true;
  });
}

function layBatch(organizationId: string): Promise<number> {
  return onConnection('BEGIN', async (client) => {
    if (!(await lockChain(client, organizationId))) return 0;
    const head = await readHead(client, organizationId);
    // What was laid earlier is counted first, or `rolled_seq` would have a gap.
    if (head && BigInt(head.rolled_seq) < BigInt(head.seq)) return 0;
    const { rows } = await client.query<AuditRow & { xid: string }>(
      `SELECT ${columns}, r.xid FROM audit_records r
       WHERE r.organization_id = $1 AND (r.xid, r.id) > ($2::xid8, $3::uuid) AND ${SETTLED} ${IN_ORDER} LIMIT ${BATCH}`,
      [organizationId, head?.xid ?? '0', head?.record_id ?? BEFORE_ALL],
    );
    const last = rows.at(-1);
    if (!last) return 0;
    const first = BigInt(head?.seq ?? 0);
    let seq = first;
    let hash: Buffer = head?.hash ?? chainStart(organizationId);
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
    await rollUp(client, organizationId, first, seq);
    await client.query(
      `INSERT INTO audit_chain_heads (organization_id, xid, record_id, seq, hash, rolled_seq) VALUES ($1, $2, $3, $4, $5, $4)
       ON CONFLICT (organization_id) DO UPDATE SET xid = $2, record_id = $3, seq = $4, hash = $5, rolled_seq = $4`,
      [organizationId, last.xid, last.id, String(seq), hash],
    );
    await client.query('COMMIT');
    return rows.length;
  });
}

/** How long ago the oldest record was made that has no link yet; 0 where all have. */
export async function chainDelayMs(organizationId: string): Promise<number> {
  const { rows } = await pool().query<{ ms: number | null }>(
    `SELECT greatest(0, extract(epoch FROM clock_timestamp() - ${firstUnlaid('o.id', 'r.at')}) * 1000)::float8 AS ms
     FROM organizations o LEFT JOIN audit_chain_heads h ON h.organization_id = o.id WHERE o.id = $1`,
    [organizationId],
  );
  return rows[0]?.ms ?? 0;
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
