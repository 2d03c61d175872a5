// What an exported file says of itself on its last line: how many lines it has, from where to where the chain goes, signed. Without it a
// file that was cut would look like a whole one.
import { pool } from '../db';
import { chainStart, checkpointText, exportText } from './canonical';
import { isSignedBy, signerOf } from './signing-keys';

export interface ExportStatement {
  organization: string;
  /** RFC 3339, UTC, milliseconds. */
  at: string;
  /** How many lines. */
  records: number;
  /** Whether the export was filtered: then the chain has numbers that the file has not. */
  partial: boolean;
  /** The link that the first one of the chain follows: 0 and the hash every chain begins with, or the last one that was let go. */
  start: { seq: number; hash: string };
  /** The last link of the chain when the export began. */
  end: { seq: number; hash: string };
  /** SHA-256 over a line `<hash> <outcome's hash>` for each line of the file, in its order. */
  digest: string;
  keyId: string;
  /** Base64 of its 32 bytes. */
  publicKey: string;
  /** Base64, Ed25519 over the line "gatehouse audit export" and the other members as canonical JSON. */
  signature: string;
}

/**
 * What the first link of the chain that is still there follows. A retention checkpoint that none of the organization's keys signed does not
 * count: signing the export would make it good.
 */
export async function startOfChain(organizationId: string): Promise<{ seq: number; hash: string }> {
  const { rows } = await pool().query<{
    publicKey: string;
    keyId: string;
    seq: string;
    hash: Buffer;
    at: Date;
    signature: Buffer;
  }>(
    `SELECT p.public_key AS "publicKey", k.key_id AS "keyId", k.seq, k.hash, k.at, k.signature
     FROM audit_checkpoints k JOIN audit_keys p ON p.organization_id = k.organization_id AND p.id = k.key_id
     WHERE k.organization_id = $1 AND k.kind = 'retention' ORDER BY k.seq DESC`,
    [organizationId],
  );
  for (const { publicKey, keyId, signature, ...row } of rows) {
    const link = { seq: Number(row.seq), hash: row.hash.toString('hex') };
    const facts = {
      organization: organizationId,
      ...link,
      at: row.at.toISOString(),
      kind: 'retention' as const,
      keyId,
    };
    if (isSignedBy(publicKey, checkpointText(facts), signature)) return link;
  }
  return { seq: 0, hash: chainStart(organizationId).toString('hex') };
}

/** Completes and signs the statement of a file. */
export async function signStatement(
  organizationId: string,
  given: Pick<ExportStatement, 'start' | 'records' | 'partial' | 'digest'> & {
    reach: { seq: number; hash: Buffer } | null;
  },
): Promise<ExportStatement> {
  const { start, reach, records, partial, digest } = given;
  const signer = await signerOf(organizationId);
  const statement = {
    organization: organizationId,
    at: new Date().toISOString(),
    ...{ records, partial, start },
    end: reach ? { seq: reach.seq, hash: reach.hash.toString('hex') } : start,
    digest,
    keyId: signer.keyId,
    publicKey: signer.publicKey,
  };
  return { ...statement, signature: signer.sign(exportText(statement)).toString('base64') };
}
