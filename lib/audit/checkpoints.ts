// Signed checkpoints of an organization's chain: made hourly by whichever process comes first and by hand, kept insert-only, and said
// aloud (log, sink), so that what was on record at a moment can be proven against a database that was rewritten since.
import type { PoolClient } from 'pg';
import { db, pool, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import { log } from '../log';
import { appendEvent, type Actor } from './append';
import { checkpointText, type CheckpointFacts } from './canonical';
import { layOrganization } from './chain';
import { signerOf } from './signing-keys';

export interface Checkpoint extends CheckpointFacts {
  /** Base64, Ed25519 over the line "gatehouse audit checkpoint" and the other members as canonical JSON. */
  signature: string;
}

interface Row {
  seq: string;
  kind: Checkpoint['kind'];
  hash: Buffer;
  at: Date;
  key_id: string;
  signature: Buffer;
}

const toCheckpoint = (organization: string, row: Row): Checkpoint => ({
  organization,
  seq: Number(row.seq),
  hash: row.hash.toString('hex'),
  at: row.at.toISOString(),
  kind: row.kind,
  keyId: row.key_id,
  signature: row.signature.toString('base64'),
});

const COLUMNS = 'seq, kind, hash, at, key_id, signature';

/** The newest checkpoints, newest first; `before` goes on where a page ended. */
export async function listCheckpoints(
  organizationId: string,
  { before, limit }: { before?: number; limit: number },
): Promise<Checkpoint[]> {
  const { rows } = await pool().query<Row>(
    `SELECT ${COLUMNS} FROM audit_checkpoints WHERE organization_id = $1 AND ($2::bigint IS NULL OR seq < $2)
     ORDER BY seq DESC, kind LIMIT $3`,
    [organizationId, before ?? null, limit],
  );
  return rows.map((row) => toCheckpoint(organizationId, row));
}

/** Checkpoints behind `seq`, in order; for the sink and for verifying. `client`: the connection of its snapshot. */
export async function checkpointsAfter(
  organizationId: string,
  seq: number,
  { limit, client = pool() }: { limit: number; client?: Pick<PoolClient, 'query'> },
): Promise<Checkpoint[]> {
  const { rows } = await client.query<Row>(
    `SELECT ${COLUMNS} FROM audit_checkpoints WHERE organization_id = $1 AND seq > $2 ORDER BY seq, kind LIMIT $3`,
    [organizationId, seq, limit],
  );
  return rows.map((row) => toCheckpoint(organizationId, row));
}

/** Signs what the chain's link `seq` says and stores it. One that is there already stays and is returned. */
export async function writeCheckpoint(organizationId: string, link: SignedLink): Promise<Checkpoint> {
  const checkpoint = await signed(organizationId, link);
  return (await store(db() as unknown as Tx, checkpoint)) ? announced(checkpoint) : known(checkpoint);
}

interface SignedLink {
  seq: number;
  hash: Buffer;
  kind: Checkpoint['kind'];
}

async function signed(organization: string, { seq, hash, kind }: SignedLink): Promise<Checkpoint> {
  const signer = await signerOf(organization);
  const at = new Date().toISOString();
  const facts: CheckpointFacts = {
    organization,
    seq,
    hash: hash.toString('hex'),
    at,
    kind,
    keyId: signer.keyId,
  };
  return { ...facts, signature: signer.sign(checkpointText(facts)).toString('base64') };
}

/** False where there is one of this number and kind. */
async function store(
  tx: Tx,
  { organization, seq, kind, hash, at, keyId, signature }: Checkpoint,
): Promise<boolean> {
  const count = await tx.$executeRaw`
    INSERT INTO audit_checkpoints (organization_id, seq, kind, hash, at, key_id, signature)
    VALUES (${organization}::uuid, ${seq}, ${kind}, decode(${hash}, 'hex'), ${at}::timestamptz, ${keyId}, decode(${signature}, 'base64'))
    ON CONFLICT DO NOTHING`;
  return count === 1;
}

/** Wherever the log goes, this goes: an anchor outside of the database. */
function announced(checkpoint: Checkpoint): Checkpoint {
  log().info({ checkpoint }, 'audit checkpoint');
  return checkpoint;
}

async function known({ organization, seq, kind }: Checkpoint): Promise<Checkpoint> {
  const stored = await checkpointsAfter(organization, seq - 1, { limit: 2 });
  return stored.find((one) => one.seq === seq && one.kind === kind)!;
}

/** A checkpoint of the chain as it is now, asked for by somebody, with the event. Throws `nothing_recorded` for an empty chain. */
export async function makeCheckpoint(organizationId: string, actor: Actor): Promise<Checkpoint> {
  await layOrganization(organizationId);
  const head = await readReach(organizationId);
  if (!head) throw new AppError('nothing_recorded');
  const checkpoint = await signed(organizationId, { ...head, kind: 'checkpoint' });
  const stored = await transaction(async (tx) => {
    const isNew = await store(tx, checkpoint);
    if (isNew) {
      const { seq, hash, keyId } = checkpoint;
      const after = { seq, hash, keyId };
      await appendEvent(tx, actor, { action: 'audit.checkpoint_made', target: `checkpoint:${seq}`, after });
    }
    return isNew;
  });
  return stored ? announced(checkpoint) : known(checkpoint);
}

/** How far the chain reaches; null before its first record. */
export async function readReach(organizationId: string): Promise<{ seq: number; hash: Buffer } | null> {
  const { rows } = await pool().query<{ seq: string; hash: Buffer }>(
    'SELECT seq, hash FROM audit_chain_heads WHERE organization_id = $1',
    [organizationId],
  );
  return rows[0] ? { seq: Number(rows[0].seq), hash: rows[0].hash } : null;
}

/** Where the chain went on since the last checkpoint, a checkpoint of it as it is. */
export async function checkpointIfDue(organizationId: string): Promise<Checkpoint | null> {
  const reach = await readReach(organizationId);
  if (!reach) return null;
  const { rowCount } = await pool().query(
    `SELECT FROM audit_checkpoints WHERE organization_id = $1 AND seq >= $2 AND kind = 'checkpoint' LIMIT 1`,
    [organizationId, reach.seq],
  );
  return rowCount ? null : writeCheckpoint(organizationId, { ...reach, kind: 'checkpoint' });
}
