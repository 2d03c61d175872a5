// The process's vault: the key ring from the environment or keys.json, fresh nonces, and the check that the ring fits the database.
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { readKeyFile } from '../database/key-file';
import { deploymentDb } from '../db';
import { env, EnvironmentError } from '../env';
import { open, parseKeyRing, seal, SealError, type KeyRing } from './seal';

/** How long a change of keys.json may go unnoticed by the sealing side; opening looks at once where it meets a new key. */
const LOOK_MS = 1_000;

let ring: { text: string; keys: KeyRing } | undefined;
let followed: { file: string; version: string; text: string; lookedMs: number } | undefined;

/** The ring as it is now; its first key seals. Throws where there is none or it is not well-formed. */
export function keyRing({ look = false } = {}): KeyRing {
  const { GATEHOUSE_KEYS, GATEHOUSE_KEYS_FILE } = env();
  const text = GATEHOUSE_KEYS_FILE ? followFile(GATEHOUSE_KEYS_FILE, look) : GATEHOUSE_KEYS;
  if (!text) throw new EnvironmentError(['GATEHOUSE_KEYS is not set.']);
  if (ring?.text !== text) ring = { text, keys: parseKeyRing(text) };
  return ring.keys;
}

/** The ring in the file. A file that is gone or spoilt changes nothing for a process that has read it: it still opens what it could. */
function followFile(file: string, look: boolean): string {
  const known = followed?.file === file ? followed : undefined;
  const nowMs = performance.now();
  if (known && !look && nowMs - known.lookedMs < LOOK_MS) return known.text;
  try {
    const { mtimeMs, ino } = statSync(file);
    const version = `${ino} ${mtimeMs}`;
    const text = known?.version === version ? known.text : readKeyFile(file).keys;
    if (text !== known?.text) parseKeyRing(text);
    followed = { file, version, text, lookedMs: nowMs };
  } catch (error) {
    if (!known) throw error;
    known.lookedMs = nowMs;
  }
  return followed!.text;
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
  try {
    return open(keyRing(), place, sealed).toString('utf8');
  } catch (error) {
    // Another process may seal with a key that was added a moment ago.
    if (!(error instanceof SealError) || error.reason !== 'unknown_key') throw error;
    return open(keyRing({ look: true }), place, sealed).toString('utf8');
  }
}

const CHECK_TEXT = 'gatehouse key check';

/** A row of key_checks. */
export interface KeyCheckRow {
  keyId: string;
  sealed: string;
}

/** Whether this key of the ring is the very one that made the check (TV-17: a ring of another environment, the same names). */
function opensCheck(keys: KeyRing, { keyId, sealed }: KeyCheckRow): boolean {
  try {
    return open(keys, `key-check:${keyId}`, sealed).toString() === CHECK_TEXT;
  } catch (error) {
    if (error instanceof SealError) return false;
    throw error;
  }
}

/** Holds the key ring against the checks of a database (TV-08, TV-13). Throws `EnvironmentError` with a sentence for each that fails. */
export function assertRingFits(checks: readonly KeyCheckRow[]): void {
  const keys = keyRing({ look: true });
  const problems = checks.flatMap((check) => {
    if (opensCheck(keys, check)) return [];
    return keys.some(({ id }) => id === check.keyId)
      ? [
          `The key "${check.keyId}" in GATEHOUSE_KEYS is not the one this database was sealed with; put that one back.`,
        ]
      : [
          `GATEHOUSE_KEYS lacks the key "${check.keyId}" that this database was sealed with; put it back (older keys go behind the current one).`,
        ];
  });
  if (problems.length > 0) throw new EnvironmentError(problems);
}

/**
 * For the start: every key that this database was sealed with must be in the ring, and be the right one. Writes the check of the key
 * that seals, where there is none yet. (Not of the others: a retired key would come back.) Throws `EnvironmentError` with a sentence.
 */
export async function checkKeyRing(): Promise<void> {
  const checks = await deploymentDb().keyCheck.findMany();
  assertRingFits(checks);
  await writeCheck(checks);
}

/**
 * For a process that runs: whether its own keys are those of the database. A key that it does not know is no fault yet: it may just be
 * introduced, one process after the other.
 */
export async function ringStillFits(): Promise<boolean> {
  const keys = keyRing({ look: true });
  const checks = await deploymentDb().keyCheck.findMany();
  const own = checks.filter(({ keyId }) => keys.some(({ id }) => id === keyId));
  if (!own.every((check) => opensCheck(keys, check))) return false;
  if (own.length === 0 && checks.length > 0) return false;
  await writeCheck(checks);
  return true;
}

async function writeCheck(known: readonly KeyCheckRow[]): Promise<void> {
  const [key] = keyRing();
  if (known.some(({ keyId }) => keyId === key.id)) return;
  await deploymentDb().keyCheck.upsert({
    where: { keyId: key.id },
    create: { keyId: key.id, sealed: seal([key], `key-check:${key.id}`, CHECK_TEXT, randomBytes(12)) },
    update: {},
  });
}
