// What an audit record's hash is taken over. Pure: a verifier needs nothing but the records.
import { createHash } from 'node:crypto';

/** JSON with sorted keys and no spaces: the same value gives the same text (in the manner of RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((entry) => canonicalJson(entry ?? null)).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`)
      .join(',')}}`;
  return JSON.stringify(value) ?? 'null';
}

/** The hash a chain begins with, before its first record. */
export function chainStart(organizationId: string): Buffer {
  return createHash('sha256').update(`gatehouse audit chain of ${organizationId}`).digest();
}

/** The next hash: SHA-256 over the previous one, the record's number and its canonical JSON (which quotes, so nothing collides). */
export function chainHash(previous: Uint8Array, seq: bigint, record: unknown): Buffer {
  return createHash('sha256').update(previous).update(`${seq}:`).update(canonicalJson(record)).digest();
}
