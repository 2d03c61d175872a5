// A private PostgreSQL in a data folder, shared by all processes that use the folder: the first starts it, the last stops
// it, any of them starts it again when it crashes.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { EnvironmentError } from '../env';
import { databaseFolder, findServer, serverUrl, type Server } from './postgres-files';
import { locatePostgres, OUTSIDE, type Location } from './postgres-location';
import { postgresPrograms, type Programs } from './postgres-programs';
import { makeDatabase, startServer, stopServer, waitUntilReady } from './postgres-server';
import { isRunning, processName, withLock } from './process-lock.mjs';

/**
 * `url` holds the password: never log it. `reused`: it ran already. `stop` takes this process off the list of users, and
 * ends PostgreSQL if it was the last one.
 */
export type EmbeddedPostgres = { url: string; version: string; reused: boolean; stop: () => Promise<void> };

const LOCK = 'postgres-lock';
const DATABASE = 'gatehouse';
const RETRY_DELAY_MS_MAX = 2000;
/** By then it is no hiccup: about two seconds after the end. */
const REPORTED_ATTEMPT = 5;

/**
 * Starts or joins the PostgreSQL of `dataFolder` (made if missing) and returns when it answers. Until `stop` it is kept
 * running: after a crash it is back on the same port, and `report` is told in one line. Throws `EnvironmentError`.
 */
export async function startEmbeddedPostgres(
  dataFolder: string,
  report: (line: string) => void = () => {},
): Promise<EmbeddedPostgres> {
  const data = makeDataFolder(dataFolder);
  const users = join(data, 'postgres-users');
  const me = join(users, `${processName(process.pid)}-${randomBytes(4).toString('hex')}`);
  const opened = await withLock(data, LOCK, async () => {
    mkdirSync(users, { recursive: true });
    const location = await locatePostgres(data, evict);
    const programs = await postgresPrograms(
      location.account,
      location.major,
      location.account ? OUTSIDE : data,
    );
    await makeDatabase(location, programs);
    const { server, reused } = await findOrStart(location, programs, livingUsers(users)[0]);
    await createDatabase(location, server.port);
    writeFileSync(me, String(server.port));
    return { location, programs, port: server.port, reused };
  }).catch(explainPermission(data));
  const { location, programs, port, reused } = opened;
  const watch = keepRunning(location, port, report, () =>
    withLock(data, LOCK, async () => {
      await findOrStart(location, programs, port);
    }),
  );
  const stop = async () => {
    if (!existsSync(me)) return;
    await watch.end();
    await withLock(data, LOCK, async () => {
      rmSync(me, { force: true });
      if (livingUsers(users).length > 0) return;
      const server = findServer(databaseFolder(location, programs));
      if (server) await stopServer(server);
    });
  };
  return { url: serverUrl(location, port, DATABASE), version: programs.version, reused, stop };
}

/** The data folder's real path. A new one may be passed through, not listed, by PostgreSQL's account. */
function makeDataFolder(dataFolder: string): string {
  try {
    if (mkdirSync(dataFolder, { recursive: true })) chmodSync(dataFolder, 0o711);
    return realpathSync(dataFolder);
  } catch (error) {
    throw new EnvironmentError([
      `The data folder ${dataFolder} can't be made (${(error as NodeJS.ErrnoException).code}): set GATEHOUSE_DATA to a folder that Gatehouse may write to.`,
    ]);
  }
}

const explainPermission = (data: string) => (error: unknown) => {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
  throw new EnvironmentError([
    `Gatehouse may not use ${path ?? data} (${code}); another account made it: start as that account, or set GATEHOUSE_DATA to a folder of your own.`,
  ]);
};

/** Call it under the lock. `port`: other users know the server by it, so it must be that one. */
async function findOrStart(
  location: Location,
  programs: Programs,
  port?: number,
): Promise<{ server: Server; reused: boolean }> {
  const folder = databaseFolder(location, programs);
  const running = findServer(folder);
  const alive = () => findServer(folder)?.pid === running?.pid;
  if (running && (await waitUntilReady(location, running.port, alive)))
    return { server: running, reused: true };
  return { server: await startServer(location, programs, port), reused: false };
}

/** Ends the PostgreSQL that a deleted data folder left running in `folder`. */
async function evict(folder: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    const server = findServer(join(folder, name));
    if (server) await stopServer(server);
  }
}

async function createDatabase(location: Location, port: number): Promise<void> {
  const client = new Client({ connectionString: serverUrl(location, port, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (!rowCount) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

/** The port of each user that still runs; killed ones are struck off. A user's file is its process's name and a number. */
function livingUsers(users: string): number[] {
  const files = readdirSync(users);
  const living = files.filter((file) => isRunning(file.slice(0, file.lastIndexOf('-'))));
  for (const file of files) if (!living.includes(file)) rmSync(join(users, file), { force: true });
  return living.map((file) => Number(readFileSync(join(users, file), 'utf8')));
}

type UnrefableClient = Client & { ref(): void; unref(): void }; // pg has them, its types do not

/** Holds one idle connection: when it breaks, the server is found or started again, by whichever process is first. */
function keepRunning(
  location: Location,
  port: number,
  report: (line: string) => void,
  restart: () => Promise<void>,
) {
  let ended = false;
  let client: Client | undefined;
  let recovery: Promise<void> = Promise.resolve();
  const connect = async () => {
    client = new Client({ connectionString: serverUrl(location, port, 'postgres'), keepAlive: true });
    client.on('error', () => {});
    await client.connect();
    client.once('end', () => {
      if (!ended) recovery = recover();
    });
    (client as UnrefableClient).unref(); // a program that forgets to stop may still end
  };
  const recover = async () => {
    const since = performance.now();
    for (let attempt = 1; !ended; attempt += 1) {
      try {
        await restart();
        await connect();
        const seconds = ((performance.now() - since) / 1000).toFixed(1);
        return report(`PostgreSQL ended and was brought back in ${seconds} s`);
      } catch (error) {
        if (attempt === REPORTED_ATTEMPT)
          report(`PostgreSQL ended and does not start again: ${(error as Error).message}`);
        await sleep(Math.min(50 * 2 ** attempt, RETRY_DELAY_MS_MAX));
      }
    }
  };
  recovery = connect().catch(recover);
  return {
    end: async () => {
      ended = true;
      await recovery;
      (client as UnrefableClient | undefined)?.ref();
      await client?.end().catch(() => {});
    },
  };
}
