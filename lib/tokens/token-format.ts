// The shape of our own bearers: a prefix, randomness, and a checksum by which junk is told offline (AS-43). Pure but for randomness.
import { hash, randomBytes } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARS = 38;
const CHECKSUM_CHARS = 6;

/**
 * `gth` an agent token, `ghk` an API key, `ghd` a directory's, `ghi` an invite; of the authorization server `gho` an access token, `ghr` a refresh token,
 * `ghc` an authorization code.
 */
export type TokenPrefix = 'gth' | 'ghk' | 'ghd' | 'ghi' | 'gho' | 'ghr' | 'ghc';

/** Mints a bearer: `<prefix>_` + 38 random characters (226 bits) + 6 of checksum. It is shown once and kept as SHA-256 only. */
export function mintToken(prefix: TokenPrefix): string {
  let random = '';
  while (random.length < RANDOM_CHARS)
    // 248 is the largest multiple of 62 in a byte: anything above would favour the first characters.
    for (const byte of randomBytes(64))
      if (byte < 248 && random.length < RANDOM_CHARS) random += ALPHABET[byte % 62];
  return `${prefix}_${random}${checksum(`${prefix}_${random}`)}`;
}

/** Whether a text has the shape and checksum of one of our bearers; a wrong one is refused without asking the database. */
export function isWellFormedToken(token: string, prefix: TokenPrefix): boolean {
  const shape = /^([a-z]{3})_([0-9A-Za-z]{44})$/.exec(token);
  if (!shape || shape[1] !== prefix) return false;
  const body = token.slice(0, -CHECKSUM_CHARS);
  return checksum(body) === token.slice(-CHECKSUM_CHARS);
}

/** SHA-256 of a bearer: what the database keeps and looks up by (so no comparison of secrets takes place in code). */
export function hashToken(token: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hash('sha256', token, 'buffer'));
}

function checksum(body: string): string {
  let value = hash('sha256', `checksum:${body}`, 'buffer').readUIntBE(0, 6);
  let text = '';
  for (let n = 0; n < CHECKSUM_CHARS; n += 1) {
    text += ALPHABET[value % 62];
    value = Math.floor(value / 62);
  }
  return text;
}
