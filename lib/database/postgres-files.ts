// The files of a database and of the server on it: what they are called, and whether a server runs by what they say.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Location } from './postgres-location';
import type { Programs } from './postgres-programs';
import { processName } from './process-lock.mjs';

export type Server = { pid: number; port: number };

export const ROLE = 'gatehouse';

export const databaseFolder = (location: Location, programs: Programs) =>
  join(location.folder, String(programs.major));
export const logFile = (location: Location) => join(location.folder, 'postgres.log');
export const passwordFile = (location: Location) => join(location.folder, 'password');

/** The address of a database on this server; it holds the password, so never log it. */
export function serverUrl(location: Location, port: number, database: string): string {
  const password = readFileSync(passwordFile(location), 'utf8').trim();
  return `postgresql://${ROLE}:${password}@127.0.0.1:${port}/${database}`;
}

/** The server that runs on this database folder, whoever started it. */
export function findServer(folder: string): Server | undefined {
  const lines = readPidFile(folder);
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return isServer(pid, folder) && port > 0 ? { pid, port } : undefined;
}

function readPidFile(folder: string): string[] {
  try {
    return readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

/** Only a process whose command line names this folder: a pid alone may be someone else's by now. */
function isServer(pid: number, folder: string): boolean {
  if (processName(pid) === undefined) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(folder);
  } catch {
    return process.platform !== 'linux';
  }
}

/**
 * A machine that went down leaves postmaster.pid, and its pid may be another process's now (or a zombie's), for which PostgreSQL
 * refuses to start. Put a pid there that no process can have. The rest must stay: by its shared memory key PostgreSQL
 * sees whether orphans of the dead server still write to the folder.
 */
export function disarmPidFile(folder: string): void {
  const lines = readPidFile(folder);
  if (lines.length > 1 && !isServer(Number(lines[0]), folder))
    writeFileSync(join(folder, 'postmaster.pid'), ['2147483647', ...lines.slice(1)].join('\n'));
}

/**
 * A server that was killed between creating postmaster.pid and writing it leaves it empty, for which PostgreSQL refuses to start
 * for ever. It had not touched the data yet: the file is its first step.
 */
export function removeEmptyPidFile(folder: string): void {
  const file = join(folder, 'postmaster.pid');
  if (existsSync(file) && statSync(file).size === 0) rmSync(file, { force: true });
}
