// What an audit record's hash is taken over. Pure: a verifier needs nothing but the records.
import { hash } from 'node:crypto';

/** JSON with sorted keys and no spaces: the same value gives the same text (in the manner of RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let text = '';
  if (Array.isArray(value)) {
    for (const entry of value) text += `${text === '' ? '' : ','}${canonicalJson(entry ?? null)}`;
    return `[${text}]`;
  }
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object).sort()) {
    const entry = object[key];
    if (entry !== undefined)
      text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(entry)}`;
  }
  return `{${text}}`;
}

/** The hash a chain begins with, before its first record. */
export function chainStart(organizationId: string): Buffer {
  return hash('sha256', `gatehouse audit chain of ${organizationId}`, 'buffer');
}

/** The next hash: SHA-256 over the previous one, the record's number and its canonical JSON (which quotes, so nothing collides). */
export function chainHash(previous: Uint8Array, seq: bigint, record: unknown): Buffer {
  return hash('sha256', Buffer.concat([previous, Buffer.from(`${seq}:${canonicalJson(record)}`)]), 'buffer');
}

/** How far a chain reached at a moment; its signature is over `checkpointText`. */
export interface CheckpointFacts {
  organization: string;
  seq: number;
  /** Hex. */
  hash: string;
  /** RFC 3339, UTC, milliseconds. */
  at: string;
  kind: 'checkpoint' | 'retention';
  keyId: string;
}

/** What is signed of a checkpoint. The first line keeps it apart from anything else that a key of ours signs. */
export function checkpointText({ organization, seq, hash, at, kind, keyId }: CheckpointFacts): string {
  return `gatehouse audit checkpoint\n${canonicalJson({ organization, seq, hash, at, kind, keyId })}`;
}

/** What is signed of an export's closing statement (all of it but the signature). */
export function exportText(statement: object): string {
  return `gatehouse audit export\n${canonicalJson(statement)}`;
}
