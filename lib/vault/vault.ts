// The process's vault: the key ring from the environment, fresh nonces, and the check that the ring fits the database.
import { randomBytes } from 'node:crypto';
import { deploymentDb } from '../db';
import { env, EnvironmentError } from '../env';
import { open, parseKeyRing, seal, SealError, type KeyRing } from './seal';

let ring: { text: string; keys: KeyRing } | undefined;

function keyRing(): KeyRing {
  const text = env().GATEHOUSE_KEYS;
  if (!text) throw new EnvironmentError(['GATEHOUSE_KEYS is not set.']);
  if (ring?.text !== text) ring = { text, keys: parseKeyRing(text) };
  return ring.keys;
}

/** The place of a sealed column; its four parts are the associated data. */
export function placeOf(organizationId: string, table: string, column: string, id: string): string {
  return `${organizationId}:${table}:${column}:${id}`;
}

/** Seals a secret for its place with the current key. */
export function sealSecret(place: string, plain: string): string {
  return seal(keyRing(), place, plain, randomBytes(12));
}

/** Opens a secret sealed for this place; throws `SealError` (logged by its caller, never shown). */
export function openSecret(place: string, sealed: string): string {
  return open(keyRing(), place, sealed).toString('utf8');
}

const CHECK_TEXT = 'gatehouse key check';

/**
 * Holds the key ring against the database (TV-08): each key's check value must open, and every key the database was sealed with
 * must be there. Writes the check value of a key seen for the first time. Throws `EnvironmentError` with a sentence.
 */
export async function checkKeyRing(): Promise<void> {
  const keys = keyRing();
  const known = await deploymentDb().keyCheck.findMany();
  for (const { keyId, sealed } of known) {
    try {
      if (open(keys, `key-check:${keyId}`, sealed).toString() === CHECK_TEXT) continue;
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      if (error.reason === 'unknown_key')
        throw new EnvironmentError([
          `GATEHOUSE_KEYS lacks the key "${keyId}" that this database was sealed with; put it back (older keys go behind the current one).`,
        ]);
    }
    throw new EnvironmentError([
      `The key "${keyId}" in GATEHOUSE_KEYS is not the one this database was sealed with.`,
    ]);
  }
  for (const key of keys)
    if (!known.some(({ keyId }) => keyId === key.id))
      await deploymentDb().keyCheck.upsert({
        where: { keyId: key.id },
        create: { keyId: key.id, sealed: seal([key], `key-check:${key.id}`, CHECK_TEXT, randomBytes(12)) },
        update: {},
      });
}
