// The Ed25519 keys (RFC 8032) that sign what an organization's audit says of itself: made here, kept sealed, told to everybody by their
// public half. Whoever can write to the database alone can't sign.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
} from 'node:crypto';
import { db, type Tx } from '../db';
import { openSecret, placeOf, sealSecret } from '../vault/vault';
import { appendEvent, type Actor } from './append';

export interface PublicKey {
  /** The first 16 hex digits of the SHA-256 of its 32 bytes: a key can't be passed off as another. */
  id: string;
  algorithm: 'Ed25519';
  /** PEM (SPKI, RFC 8410). */
  publicKey: string;
  createdAt: string;
  /** Since when it signs no more; null for the one that signs. */
  retiredAt: string | null;
}

/** Signs texts with one key. */
export interface Signer {
  keyId: string;
  /** Base64 of its 32 bytes. */
  publicKey: string;
  sign(text: string): Buffer;
}

// What stands before the 32 bytes of an Ed25519 key in its SPKI form.
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const keyOf = (publicKey: string) =>
  createPublicKey({
    key: Buffer.concat([SPKI, Buffer.from(publicKey, 'base64')]),
    format: 'der',
    type: 'spki',
  });

/** The organization's signer; its first key is made by whoever asks first. */
export async function signerOf(organizationId: string): Promise<Signer> {
  const tx = db() as unknown as Tx;
  let key = await signingKey(tx, organizationId);
  if (!key) {
    await makeKey(tx, organizationId);
    key = (await signingKey(tx, organizationId))!;
  }
  const place = placeOf(organizationId, 'audit_keys', 'private_key', key.id);
  const der = Buffer.from(openSecret(place, key.privateKey!), 'base64');
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return {
    keyId: key.id,
    publicKey: key.publicKey,
    sign: (text) => sign(null, Buffer.from(text), privateKey),
  };
}

const signingKey = (tx: Tx, organizationId: string) =>
  tx.auditKey.findFirst({ where: { organizationId, retiredAt: null } });

/** Makes a key where none signs. */
async function makeKey(tx: Tx, organizationId: string): Promise<void> {
  const pair = generateKeyPairSync('ed25519');
  const raw = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  const id = createHash('sha256').update(raw).digest('hex').slice(0, 16);
  const privateKey = pair.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
  await tx.auditKey.createMany({
    data: [
      {
        ...{ id, organizationId, publicKey: raw.toString('base64') },
        privateKey: sealSecret(placeOf(organizationId, 'audit_keys', 'private_key', id), privateKey),
      },
    ],
    // Another process made one in the same moment.
    skipDuplicates: true,
  });
}

/** Retires the key that signs and makes another, with the event. The old one's private half is gone for good; what it signed stays good. */
export async function rotateSigningKey(tx: Tx, actor: Actor): Promise<PublicKey> {
  const { organizationId } = actor;
  await tx.$executeRaw`SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
  const old = await signingKey(tx, organizationId);
  await tx.auditKey.updateMany({
    where: { organizationId, retiredAt: null },
    data: { retiredAt: new Date(), privateKey: null },
  });
  await makeKey(tx, organizationId);
  const key = (await signingKey(tx, organizationId))!;
  await appendEvent(tx, actor, {
    action: 'audit_key.rotated',
    target: `audit_key:${key.id}`,
    ...(old ? { before: { id: old.id } } : {}),
    // Its public half stands in the chain itself.
    after: { id: key.id, publicKey: key.publicKey },
  });
  return toPublicKey(key);
}

/** All keys the organization ever signed with, the newest first. Makes the first one. */
export async function listPublicKeys(organizationId: string): Promise<PublicKey[]> {
  await signerOf(organizationId);
  const rows = await db().auditKey.findMany({
    where: { organizationId },
    orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
  });
  return rows.map(toPublicKey);
}

function toPublicKey(row: {
  id: string;
  publicKey: string;
  createdAt: Date;
  retiredAt: Date | null;
}): PublicKey {
  return {
    id: row.id,
    algorithm: 'Ed25519',
    publicKey: keyOf(row.publicKey).export({ format: 'pem', type: 'spki' }) as string,
    createdAt: row.createdAt.toISOString(),
    retiredAt: row.retiredAt?.toISOString() ?? null,
  };
}

/** Whether `signature` over `text` is of this key (base64 of its 32 bytes). */
export function isSignedBy(publicKey: string, text: string, signature: Uint8Array): boolean {
  try {
    return verify(null, Buffer.from(text), keyOf(publicKey), signature);
  } catch {
    // No key at all, which is no proof either.
    return false;
  }
}
