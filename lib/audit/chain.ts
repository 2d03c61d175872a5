// Lays the hash chain over the audit, after the fact: admission never waits for it. One chainer per organization at a time,
// elected by an advisory lock, whichever process it runs in.
import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { pool } from '../db';
import { isDatabaseGone } from '../errors';
import { log } from '../log';
import { chainHash, chainStart } from './canonical';
import { lockChain, onConnection } from './chain-connection';
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
      laid += await layAll(id);
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

async function layAll(organizationId: string): Promise<number> {
  let laid = 0;
  while (await countBatch(organizationId));
  for (let n = BATCH; n === BATCH; laid += n) n = await layBatch(organizationId);
  return laid;
}

const CATCH_UP_MS = 3_000;

/**
 * Lays what was recorded before now, and waits for who is laying it already. False where that took more than three seconds: the chain is
 * held up, by somebody's long transaction or because it was tampered with.
 */
export async function layOrganization(organizationId: string): Promise<boolean> {
  const since = Date.now();
  for (;;) {
    await layAll(organizationId).catch((error: unknown) => {
      if (isDatabaseGone(error)) throw error;
    });
    const passed = Date.now() - since;
    if ((await chainDelayMs(organizationId)) <= passed) return true;
    if (passed > CATCH_UP_MS) return false;
    await sleep(20);
  }
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
