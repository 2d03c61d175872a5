// keys.json of a data folder: made once, changed whole or not at all, readable by its owner only.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EnvironmentError } from '../env';
import { withLock } from './process-lock.mjs';

/** `secret` signs sessions; `keys` is a key ring as GATEHOUSE_KEYS spells it. */
export interface KeyFile {
  secret: string;
  keys: string;
}

/** Where the keys of a data folder lie. */
export const keyFileOf = (dataFolder: string): string => join(dataFolder, 'keys.json');

/** The keys of this data folder, made once. A link appears whole and only once, so two first starts get the same keys. */
export function readOrMakeKeys(dataFolder: string): KeyFile {
  mkdirSync(dataFolder, { recursive: true });
  const file = keyFileOf(dataFolder);
  if (!existsSync(file)) {
    const draft = writeDraft(file, { secret: randomBytes(48).toString('base64'), keys: `1:${randomKey()}` });
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft);
    }
  }
  return readKeyFile(file);
}

/** A new key for the vault: 32 random bytes in base64. */
export const randomKey = (): string => randomBytes(32).toString('base64');

/** What the file holds. Throws `EnvironmentError` where it can't be read; the message quotes nothing of it. */
export function readKeyFile(file: string): KeyFile {
  try {
    const { secret, keys } = JSON.parse(readFileSync(file, 'utf8')) as Partial<KeyFile>;
    if (typeof secret === 'string' && typeof keys === 'string') return { secret, keys };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== undefined)
      throw new EnvironmentError([
        `${file} can't be read (${code}); put it back, or give Gatehouse the right to read it.`,
      ]);
  }
  throw new EnvironmentError([`${file} is damaged; put your copy of it back.`]);
}

/**
 * Puts what `change` makes of the key ring in the place of the old one, durably and atomically: whoever reads meanwhile, or a machine
 * that goes down, finds the old file or the new one. Changes of two processes follow each other.
 */
export async function changeKeyFile(file: string, change: (keys: string) => string): Promise<void> {
  await withLock(dirname(file), 'keys-lock', async () => {
    const old = readKeyFile(file);
    const draft = writeDraft(file, { ...old, keys: change(old.keys) });
    renameSync(draft, file);
    if (process.platform === 'win32') return; // a folder can't be opened there
    const folder = openSync(dirname(file), 'r');
    fsyncSync(folder);
    closeSync(folder);
  });
}

function writeDraft(file: string, content: KeyFile): string {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flush: true });
  return draft;
}
