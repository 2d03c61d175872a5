// One PostgreSQL server on one database folder: make the database, start it, wait for it, stop it.
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { childEnv, EnvironmentError } from '../env';
import { freePort } from './free-port';
import {
  databaseFolder,
  disarmPidFile,
  logFile,
  passwordFile,
  removeEmptyPidFile,
  ROLE,
  serverUrl,
  type Server,
} from './postgres-files';
import type { Location } from './postgres-location';
import type { Programs } from './postgres-programs';
import { isRunning, processName } from './process-lock.mjs';

const LOG_SIZE_MAX = 10 * 1024 * 1024;
/** Recovery after a crash may take long; a server that is alive is waited for. */
const READY_WAIT_MS = 300_000;
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  // What was acknowledged survives a crash, whatever postgresql.conf says.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // Recovery after a crash begins by flushing every file, a thousand of them in a new database; one call does the same.
  ...(process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {}),
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // No values in the log: neither statements nor the rows that an error's detail quotes.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
  log_parameter_max_length: '0',
};

const minimalEnv = () => {
  const { PATH, LD_LIBRARY_PATH, SystemRoot } = childEnv();
  return { NODE_ENV: 'production' as const, PATH, LD_LIBRARY_PATH, SystemRoot, LC_ALL: 'C', TZ: 'UTC' };
};
const runAs = ({ account }: Location) => ({
  ...(account ? { uid: account.uid, gid: account.gid } : {}),
  cwd: '/',
  env: minimalEnv(),
});

/** Makes the database if there is none. It appears under its name only when it is whole, so a kill leaves no half one. */
export async function makeDatabase(location: Location, programs: Programs): Promise<void> {
  const folder = databaseFolder(location, programs);
  if (existsSync(folder)) return;
  // A start that was killed leaves a half one, and perhaps an initdb that still writes to it: never share its folder.
  for (const name of readdirSync(location.folder).filter((entry) => entry.startsWith('unfinished-')))
    rmSync(join(location.folder, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  const unfinished = join(location.folder, `unfinished-${randomBytes(4).toString('hex')}`);
  const password = passwordFile(location);
  rmSync(password, { force: true });
  writeFileSync(password, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true });
  if (location.account) chownSync(password, location.account.uid, location.account.gid);
  const options = [
    '-U',
    ROLE,
    '-A',
    'scram-sha-256',
    `--pwfile=${password}`,
    '-E',
    'UTF8',
    '--no-locale',
    '--no-instructions',
  ];
  try {
    await promisify(execFile)(join(programs.bin, 'initdb'), ['-D', unfinished, ...options], runAs(location));
  } catch (error) {
    const reason = String((error as { stderr?: string }).stderr || (error as Error).message).trim();
    throw new EnvironmentError([
      `PostgreSQL could not make its database in ${location.folder} (${reason}): give it a folder on a disk with room (GATEHOUSE_DATA), or set DATABASE_URL.`,
    ]);
  }
  renameSync(unfinished, folder);
}

/**
 * Starts the server on this database folder, on `port` or on a free one, and returns it when it answers. It leads a session of
 * its own, so that neither Ctrl-C nor the end of this process reaches it. Throws with the log's last line.
 */
export async function startServer(location: Location, programs: Programs, port?: number): Promise<Server> {
  const folder = databaseFolder(location, programs);
  for (let attempt = 1; ; attempt += 1) {
    disarmPidFile(folder);
    // An orphan that is just starting would have filled it by now.
    if (attempt > 3) removeEmptyPidFile(folder);
    const chosen = port ?? (await freePort());
    const { log, size } = openLog(location);
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(join(programs.bin, 'postgres'), ['-D', folder, '-p', String(chosen), ...settings], {
      ...runAs(location),
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    child.unref();
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    const running = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
    if (await Promise.race([waitUntilReady(location, chosen, running), ended.then(() => false)]))
      return { pid: child.pid!, port: chosen };
    // Its port was taken since we looked, or orphans of a killed server have not ended yet.
    if (attempt >= 10 || child.pid === undefined)
      throw new EnvironmentError([explainFailure(location, size)]);
    await sleep(25 * attempt);
  }
}

const explainFailure = (location: Location, since: number) => {
  const said = readFileSync(logFile(location))
    .subarray(since)
    .toString()
    .split('\n')
    .findLast((line) => /(FATAL|PANIC|ERROR|error while loading)/.test(line));
  return `PostgreSQL did not start (${said?.replace(/^.*?(FATAL|PANIC|ERROR):\s*/, '') ?? 'it said nothing'}): ${logFile(location)} has its log; remove the cause, or set DATABASE_URL to a PostgreSQL of yours.`;
};

function openLog(location: Location): { log: number; size: number } {
  const file = logFile(location);
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_SIZE_MAX) renameSync(file, `${file}.1`);
  return { log: openSync(file, 'a', 0o600), size: size > LOG_SIZE_MAX ? 0 : size };
}

/** True as soon as the server lets us in with our password (so it is ours); false when it stopped running. */
export async function waitUntilReady(
  location: Location,
  port: number,
  running: () => boolean,
): Promise<boolean> {
  for (const until = Date.now() + READY_WAIT_MS; running() && Date.now() < until; await sleep(30)) {
    const client = new Client({
      connectionString: serverUrl(location, port, 'postgres'),
      connectionTimeoutMillis: 5000,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      // It is starting or recovering.
    } finally {
      await client.end().catch(() => {});
    }
  }
  return false;
}

/** Ends the server and waits until it is gone: fast shutdown first, after 10 s without the closing checkpoint. */
export async function stopServer({ pid }: Server): Promise<void> {
  const name = processName(pid);
  const gone = async (ms: number) => {
    for (const until = Date.now() + ms; Date.now() < until; await sleep(10))
      if (!name || !isRunning(name)) return true;
    return false;
  };
  for (const [signal, waitMs] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 10_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    if (await gone(waitMs)) return;
  }
}
