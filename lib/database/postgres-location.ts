// Where the embedded PostgreSQL's files are: in the data folder, or, where PostgreSQL's account can't get there, outside.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { EnvironmentError } from '../env';
import { canTraverse, postgresAccount, type Account } from './postgres-account';

/** `folder` belongs to `account` (null: to us); `major`: of the database in it, if there is one. */
export type Location = { folder: string; account: Account | null; major: number | undefined };

/** Files that must lie outside the data folder, and copies of programs, when we are root. */
export const OUTSIDE = '/var/lib/gatehouse';

/**
 * Decides where PostgreSQL's files are and makes the folder. The data folder must exist; call it under the data folder's lock.
 * A file `postgres-is-in` marks a data folder whose database is outside: without the mark, what is found there
 * is what a deleted data folder left behind (its keys are gone with it), and is moved out of the way.
 * `evict` is called before that, to end a PostgreSQL that still runs there.
 */
export async function locatePostgres(
  dataFolder: string,
  evict: (folder: string) => Promise<void>,
): Promise<Location> {
  const real = realpathSync(dataFolder);
  const inside = join(real, 'postgres');
  const outside = join(OUTSIDE, createHash('sha256').update(real).digest('hex').slice(0, 16));
  const mark = join(real, 'postgres-is-in');
  const marked = existsSync(mark) ? readFileSync(mark, 'utf8').trim() : undefined;
  const account = postgresAccount([marked ?? inside]);
  const location = (folder: string): Location => ({ folder, account, major: databaseMajor(folder) });
  if (marked) {
    checkMark(mark, marked, outside, real);
    return location(outside);
  }
  if (canTraverse(real, account)) {
    makeFolder(inside, account);
    return location(inside);
  }
  if (databaseMajor(inside) !== undefined)
    throw new EnvironmentError([
      `PostgreSQL's account "${account?.name}" can't reach ${inside} any more, because a folder above it was closed: chmod o+x the folders above it, or move the database away and start with an empty one.`,
    ]);
  if (databaseMajor(outside) !== undefined) {
    await evict(outside);
    renameSync(outside, `${outside}.left-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`);
  }
  makeOutside();
  makeFolder(outside, account);
  writeFileSync(`${mark}.new`, `${outside}\n`);
  renameSync(`${mark}.new`, mark);
  return location(outside);
}

function makeOutside(): void {
  try {
    mkdirSync(OUTSIDE, { recursive: true });
    chmodSync(OUTSIDE, 0o755);
  } catch (error) {
    throw new EnvironmentError([
      `PostgreSQL's account can't reach GATEHOUSE_DATA, and ${OUTSIDE} can't be made instead (${(error as NodeJS.ErrnoException).code}): set GATEHOUSE_DATA to a folder whose parents every account may pass through, or set DATABASE_URL.`,
    ]);
  }
}

/** Two data folders must never share one database by accident: one of them was copied with its mark. */
function checkMark(mark: string, marked: string, outside: string, dataFolder: string): void {
  if (marked !== outside)
    throw new EnvironmentError([
      `${dataFolder} was moved or copied: its database is in ${marked}. Rename that to ${outside} and write this name into ${mark}, or delete ${mark} to start with an empty database.`,
    ]);
  if (!existsSync(outside))
    throw new EnvironmentError([
      `The database of ${dataFolder} was in ${outside}, which is gone: bring it back, or delete ${mark} to start with an empty database.`,
    ]);
}

function makeFolder(folder: string, account: Account | null): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (account) chownSync(folder, account.uid, account.gid);
}

/** The major version of the finished database in this folder (its sub-folder's name), if there is one. */
function databaseMajor(folder: string): number | undefined {
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .toSorted((a, b) => b - a)[0];
}
