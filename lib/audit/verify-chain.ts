// Recomputes an organization's chain from its records and holds it against its end, its checkpoints and what has no link: any change of
// what it covers is found, and the first bad record named.
import type { PoolClient } from 'pg';
import { chainHash, chainStart, checkpointText } from './canonical';
import { onConnection } from './chain-connection';
import { checkpointsAfter, type Checkpoint } from './checkpoints';
import { columns, type AuditRow } from './record-rows';
import { isSignedBy } from './signing-keys';

const PAGE = 5_000;
/** Looking for records without a link reads all of them. */
const WHOLE_MS = 120_000;

export interface Verdict {
  ok: boolean;
  /** How many records were recomputed and are as they were written. */
  records: number;
  /** The number of the first record that is not what was written, or is missing; it, or one before it, was changed. */
  firstBad?: number;
}

/** Of a part of the chain: `next` is where the next part begins (null: this was the last), `last` the chain's end. */
export interface PartVerdict extends Verdict {
  next: number | null;
  last: number;
}

/**
 * Recomputes the chain from its first record, or from the retention checkpoint behind which it begins. `firstBad` is the number of the
 * first record that was edited, deleted, moved or slipped in, the number after the last where the newest records were cut off, or the
 * first number behind the last checkpoint that fits where a later one does not.
 */
export async function verifyChain(organizationId: string): Promise<Verdict> {
  const { ok, records, firstBad } = await verifyPart(organizationId, { after: 0, records: Infinity });
  return ok ? { ok, records } : { ok, records, firstBad };
}

/** The same for at most `records` numbers behind `after`, whose link is taken as it is stored: the part before has recomputed it. */
export function verifyPart(
  organizationId: string,
  part: { after: number; records: number },
): Promise<PartVerdict> {
  // One snapshot: what is laid meanwhile must look neither cut off nor slipped in.
  return onConnection('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', (client) =>
    verifyOn(client, organizationId, part),
  );
}

/** The same on a connection that has its snapshot already. */
export async function verifyOn(
  client: PoolClient,
  organizationId: string,
  { after, records }: { after: number; records: number },
): Promise<PartVerdict> {
  const head = await readHead(client, organizationId);
  const known = await readCheckpoints(client, organizationId);
  const start = await startOf(client, { organizationId, after, checkpoints: known.good });
  const walked = await walk(client, { organizationId, start, end: start.seq + records, checkpoints: known });
  const isLast = walked.firstBad === undefined && walked.reached < start.seq + records;
  const bad = Math.min(
    walked.firstBad ?? Infinity,
    isLast ? endOf(walked, head, known) : Infinity,
    isLast || records === Infinity ? await firstSlippedIn(client, organizationId) : Infinity,
  );
  const last = head?.seq ?? walked.reached;
  return bad === Infinity
    ? { ok: true, records: walked.reached - start.seq, next: isLast ? null : walked.reached, last }
    : { ok: false, records: Math.max(0, bad - 1 - start.seq), firstBad: bad, next: null, last };
}

interface Known {
  good: Checkpoint[];
  /** The number of the first whose signature is not of a key of the organization. */
  forgedAt: number;
}

async function readCheckpoints(client: PoolClient, organizationId: string): Promise<Known> {
  const { rows } = await client.query<{ id: string; public_key: string }>(
    'SELECT id, public_key FROM audit_keys WHERE organization_id = $1',
    [organizationId],
  );
  const keys = new Map(rows.map((row) => [row.id, row.public_key]));
  const all = await checkpointsAfter(organizationId, -1, { limit: 1_000_000, client });
  const isGood = (checkpoint: Checkpoint) =>
    isSignedBy(
      keys.get(checkpoint.keyId) ?? '',
      checkpointText(checkpoint),
      Buffer.from(checkpoint.signature, 'base64'),
    );
  const good = all.filter(isGood);
  const forged = all.find((checkpoint) => !good.includes(checkpoint));
  return { good, forgedAt: forged?.seq ?? Infinity };
}

async function readHead(client: PoolClient, organizationId: string) {
  const { rows } = await client.query<{ seq: string; hash: Buffer }>(
    'SELECT seq, hash FROM audit_chain_heads WHERE organization_id = $1',
    [organizationId],
  );
  return rows[0] ? { seq: Number(rows[0].seq), hash: rows[0].hash } : null;
}

interface Link {
  seq: number;
  hash: Buffer;
}

/** The link that the first recomputed one follows. Behind a retention checkpoint nothing older counts: it is gone, or going. */
async function startOf(
  client: PoolClient,
  given: { organizationId: string; after: number; checkpoints: readonly Checkpoint[] },
): Promise<Link> {
  const { organizationId, after } = given;
  const kept = given.checkpoints.findLast(({ kind }) => kind === 'retention');
  if (kept && kept.seq >= after) return { seq: kept.seq, hash: Buffer.from(kept.hash, 'hex') };
  if (after === 0) return { seq: 0, hash: chainStart(organizationId) };
  const { rows } = await client.query<{ hash: Buffer }>(
    'SELECT hash FROM audit_chain WHERE organization_id = $1 AND seq = $2',
    [organizationId, after],
  );
  return rows[0] ? { seq: after, hash: rows[0].hash } : { seq: 0, hash: chainStart(organizationId) };
}

interface Walked {
  /** The last number that fits, and its hash. */
  reached: number;
  hash: Buffer;
  firstBad?: number;
}

async function walk(
  client: PoolClient,
  given: { organizationId: string; start: Link; end: number; checkpoints: Known },
): Promise<Walked> {
  const { organizationId, start, end } = given;
  const { good, forgedAt } = given.checkpoints;
  const marks = new Map(good.map(({ seq, hash }) => [seq, hash]));
  let proven = start.seq;
  let reached = start.seq;
  let { hash } = start;
  for (;;) {
    const limit = Math.min(PAGE, end - reached);
    if (limit <= 0) return { reached, hash };
    const { rows } = await client.query<AuditRow & { seq: string; hash: Buffer; missing: boolean }>(
      `SELECT ${columns}, c.seq, c.hash, r.id IS NULL AS missing FROM audit_chain c
       LEFT JOIN audit_records r ON r.id = c.record_id AND r.organization_id = c.organization_id
       WHERE c.organization_id = $1 AND c.seq > $2 ORDER BY c.seq LIMIT ${limit}`,
      [organizationId, reached],
    );
    for (const { seq, hash: stored, missing, ...row } of rows) {
      const next = chainHash(hash, BigInt(reached + 1), row);
      const fits = Number(seq) === reached + 1 && !missing && next.equals(stored);
      if (!fits || reached + 1 >= forgedAt) return { reached, hash, firstBad: reached + 1 };
      hash = next;
      reached += 1;
      const mark = marks.get(reached);
      // Each link fits the one before, and yet it is not what was signed: all since the last one that is may be anybody's.
      if (mark !== undefined && mark !== hash.toString('hex')) return { reached, hash, firstBad: proven + 1 };
      if (mark !== undefined) proven = reached;
    }
    if (rows.length < limit) return { reached, hash };
  }
}

/** The number after the last where the chain goes on elsewhere than it ends, `Infinity` where this is its end. */
function endOf({ reached, hash }: Walked, head: Link | null, { good, forgedAt }: Known): number {
  // How far it reaches is also kept beside the chain: a chain that ends elsewhere, or otherwise, lost its end.
  const isWhole = head ? head.hash.equals(hash) : reached === 0;
  const isMarked = good.every(({ seq }) => seq <= reached) && (forgedAt === Infinity || forgedAt <= reached);
  return isWhole && isMarked ? Infinity : reached + 1;
}

/** The number that a record without a link would have had; `Infinity` where every record up to the chain's end has its link. */
async function firstSlippedIn(client: PoolClient, organizationId: string): Promise<number> {
  await client.query(`SET LOCAL statement_timeout = ${WHOLE_MS}`);
  const { rows } = await client.query<{ seq: string }>({
    text: `SELECT (SELECT c.seq FROM audit_chain c JOIN audit_records n ON n.id = c.record_id
             WHERE c.organization_id = $1 AND (n.xid, n.id) > (r.xid, r.id) ORDER BY n.xid, n.id LIMIT 1) AS seq
     FROM audit_records r JOIN audit_chain_heads h ON h.organization_id = r.organization_id
     WHERE r.organization_id = $1 AND (r.xid, r.id) < (h.xid, h.record_id)
       AND NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.record_id = r.id)
     ORDER BY r.xid, r.id LIMIT 1`,
    values: [organizationId],
    // The pool's own time is for what a person waits for.
    ...{ query_timeout: WHOLE_MS },
  });
  return rows[0] ? Number(rows[0].seq) : Infinity;
}
