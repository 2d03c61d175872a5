// Seals secrets with AES-256-GCM. A sealed text opens only with its key and in the very place it was sealed for. Pure.
import { createCipheriv, createDecipheriv } from 'node:crypto';

export interface VaultKey {
  id: string;
  /** 32 bytes. */
  bytes: Buffer;
}

/** `first` is the current key; older ones only open. */
export type KeyRing = readonly [VaultKey, ...VaultKey[]];

/** A sealed text that could not be opened: unknown key, changed bytes, or sealed for another place. */
export class SealError extends Error {
  constructor(
    readonly reason: 'malformed' | 'unknown_key' | 'refused',
    readonly keyId?: string,
  ) {
    super(
      reason === 'unknown_key'
        ? `sealed with key "${keyId}", which is not in the key ring`
        : `sealed text ${reason}`,
    );
  }
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Reads a key ring of the form `id:base64(32 bytes)[,older…]`.
 * Throws on a wrong form, a repeated id, or a key that is plainly not random (TV-09).
 */
export function parseKeyRing(text: string): KeyRing {
  const keys = text.split(',').map((part) => {
    const [, id, encoded] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)$/.exec(part.trim()) ?? [];
    if (!id || !encoded)
      throw new Error('GATEHOUSE_KEYS must be id:base64(32 bytes), several separated by commas.');
    const bytes = Buffer.from(encoded, 'base64');
    if (new Set(bytes).size < 8)
      throw new Error(
        `The key "${id}" in GATEHOUSE_KEYS is not random; make one with \`openssl rand -base64 32\`.`,
      );
    return { id, bytes };
  });
  if (new Set(keys.map((key) => key.id)).size !== keys.length)
    throw new Error('GATEHOUSE_KEYS names a key id twice.');
  return keys as unknown as KeyRing;
}

/**
 * Seals `plain` for one place. `place` is bound as associated data (`organization:table:column:id`), so a sealed text moved to
 * another row, column or organization does not open. `nonce` must be 12 random bytes, never used before with this key.
 * Returns `v1.<key id>.<base64url(nonce + ciphertext + tag)>`.
 */
export function seal(ring: KeyRing, place: string, plain: string | Buffer, nonce: Buffer): string {
  if (nonce.length !== NONCE_BYTES) throw new Error('nonce must be 12 bytes');
  const [key] = ring;
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associatedData(key.id, place));
  const sealed = Buffer.concat([
    nonce,
    cipher.update(plain as string, 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return `v1.${key.id}.${sealed.toString('base64url')}`;
}

/** Opens what `seal` made for the same place. Throws `SealError`. */
export function open(ring: KeyRing, place: string, sealed: string): Buffer {
  const [, keyId, encoded] = /^v1\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_-]+)$/.exec(sealed) ?? [];
  if (!keyId || !encoded) throw new SealError('malformed');
  const key = ring.find(({ id }) => id === keyId);
  if (!key) throw new SealError('unknown_key', keyId);
  const bytes = Buffer.from(encoded, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== encoded)
    throw new SealError('malformed');
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associatedData(keyId, place));
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    throw new SealError('refused', keyId);
  }
}

// Length-prefixed, so that no two (key, place) pairs share the same bytes (AU-12).
function associatedData(keyId: string, place: string): Buffer {
  return Buffer.from(`gatehouse.v1:${keyId.length}:${keyId}:${place.length}:${place}`, 'utf8');
}
