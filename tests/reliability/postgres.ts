// A PostgreSQL of its own, fsync on, that may be killed, stopped, held still and started again on the same port and files.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '@/lib/database/migrate';
import { databaseFolder, serverUrl, type Server } from '@/lib/database/postgres-files';
import { locatePostgres, OUTSIDE } from '@/lib/database/postgres-location';
import { postgresPrograms } from '@/lib/database/postgres-programs';
import { makeDatabase, startServer, stopServer } from '@/lib/database/postgres-server';
import { removeDataFolder } from '../support/database';

const DATABASE = 'gatehouse';

export interface Postgres {
  /** Of the migrated database; it holds the password. */
  url: string;
  /** Of the database folder, for what fills its disk. */
  folder: string;
  port: number;
  /** `all`: every process of it at once, as a machine that goes down; else only the first, whose children notice. */
  kill(all: boolean): void;
  /** A clean shutdown that ends sessions (SIGINT). */
  stop(): Promise<void>;
  /** Resolves when it answers. */
  start(): Promise<void>;
  /** Holds every process still, or lets them go on. */
  hold(still: boolean): void;
  /** Ends it and removes its files. */
  remove(): Promise<void>;
}

/** Makes and starts one; `place` is an existing folder on the disk to use. */
export async function startPostgres(place: string = tmpdir()): Promise<Postgres> {
  const folder = mkdtempSync(join(place, 'gatehouse-torture-'));
  chmodSync(folder, 0o711); // PostgreSQL's account passes through
  const data = join(folder, 'data');
  mkdirSync(data);
  chmodSync(data, 0o711);
  const location = await locatePostgres(realpathSync(data), () => Promise.resolve());
  const programs = await postgresPrograms(
    location.account,
    location.major,
    location.account ? OUTSIDE : realpathSync(data),
  );
  await makeDatabase(location, programs);
  let server: Server = await startServer(location, programs);
  const { port } = server;
  const url = serverUrl(location, port, DATABASE);
  const administrator = new pg.Client({ connectionString: serverUrl(location, port, 'postgres') });
  await administrator.connect();
  await administrator.query(`CREATE DATABASE ${DATABASE}`);
  await administrator.end();
  await migrate(url);
  const toAll = (name: NodeJS.Signals) => {
    for (const pid of [...childrenOf(server.pid), server.pid]) signal(pid, name);
  };
  return {
    url,
    folder: databaseFolder(location, programs),
    port,
    kill: (all) => (all ? toAll('SIGKILL') : signal(server.pid, 'SIGKILL')),
    stop: () => stopServer(server),
    async start() {
      server = await startServer(location, programs, port);
    },
    hold: (still) => toAll(still ? 'SIGSTOP' : 'SIGCONT'),
    async remove() {
      toAll('SIGCONT');
      await stopServer(server);
      removeDataFolder(realpathSync(data));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}

/** Each backend leads a session of its own, so they are found by their parent (Linux; elsewhere there are none to find). */
function childrenOf(parent: number): number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        // After the name in parentheses: state, parent.
        const [, ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
        return Number(ppid) === parent;
      } catch {
        return false;
      }
    });
}
