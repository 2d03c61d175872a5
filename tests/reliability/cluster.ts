// The cluster under torture: gates as processes of their own, each with a wire to PostgreSQL and one to the sandbox that can be cut.
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '@/lib/database/free-port';
import { setEnv } from '@/lib/env';
import { startSandbox, type Sandbox } from '@/lib/sandbox/start-sandbox';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import type { Obeyed, Orders } from './gate';
import { now, type Fault, type Life } from './history';
import { startPostgres, type Postgres } from './postgres';

const SCRIPT = fileURLToPath(new URL('gate.ts', import.meta.url));

export interface Member {
  url: string;
  toDatabase: TcpProxy;
  toAsana: TcpProxy;
  /** Null while it does not run. */
  child: ChildProcess | null;
  state: 'starting' | 'serving' | 'paused' | 'stopping' | 'down';
  /** Starts it and resolves when it serves; while its database is away it is started again and again. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
  pause(still: boolean): void;
}

export interface Cluster {
  postgres: Postgres;
  sandbox: Sandbox;
  members: Member[];
  lives: Life[];
  faults: Fault[];
  /** Gives an order to a member; `unknown` where it ended before it answered. */
  order<Name extends keyof Orders>(
    member: Member,
    order: Name,
    ...given: Parameters<Orders[Name]>
  ): Promise<Obeyed | 'unknown'>;
  /** Runs `work` as a fault on record. */
  during<T>(name: string, member: Member | null, work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Starts PostgreSQL, the sandbox and `count` gates; this process's `lib` works on the same database, by a wire nobody cuts. */
export async function startCluster(count: number): Promise<Cluster> {
  const [postgres, sandbox] = [await startPostgres(), await startSandbox()];
  const variables = {
    DATABASE_URL: postgres.url,
    GATEHOUSE_URL: 'http://127.0.0.1',
    GATEHOUSE_SECRET: randomBytes(32).toString('base64'),
    GATEHOUSE_KEYS: `test:${randomBytes(32).toString('base64')}`,
    GATEHOUSE_LOG: 'error',
    ASANA_MCP_URL: sandbox.mcpUrl,
    ASANA_OAUTH_URL: sandbox.oauthUrl,
    ASANA_RESOURCE: sandbox.resource,
    GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1',
  };
  setEnv(variables);
  const lives: Life[] = [];
  const faults: Fault[] = [];
  const members = await Promise.all(
    Array.from({ length: count }, (_, n) => makeMember(n, { postgres, sandbox, variables, lives, faults })),
  );
  await Promise.all(members.map((member) => member.start()));
  const measuring = setInterval(() => members.forEach((member, n) => measure(lives, n, member)), 500);
  let orders = 0;
  return {
    postgres,
    sandbox,
    members,
    lives,
    faults,
    async order({ child }, order, ...given) {
      if (!child?.connected) return 'unknown';
      const n = (orders += 1);
      return new Promise((resolve) => {
        const settle = (obeyed: Obeyed | 'unknown') => {
          child.off('message', heard).off('exit', ended);
          resolve(obeyed);
        };
        const heard = (obeyed: unknown) => {
          if ((obeyed as Obeyed).n === n) settle(obeyed as Obeyed);
        };
        const ended = () => settle('unknown');
        child.on('message', heard).once('exit', ended);
        child.send({ n, order, given }, (error) => error && settle('unknown'));
      });
    },
    async during(name, member, work) {
      const index = member ? members.indexOf(member) : -1;
      const fault: Fault = { name, process: index === -1 ? null : index, fromMs: now(), toMs: Infinity };
      faults.push(fault);
      try {
        return await work();
      } finally {
        fault.toMs = now();
      }
    },
    async close() {
      clearInterval(measuring);
      await Promise.all(members.map((member) => member.kill()));
      await Promise.all(members.flatMap(({ toDatabase, toAsana }) => [toDatabase.close(), toAsana.close()]));
      await sandbox.close();
      await postgres.remove();
    },
  };
}

interface World {
  postgres: Postgres;
  sandbox: Sandbox;
  variables: Record<string, string>;
  lives: Life[];
  faults: Fault[];
}

async function makeMember(index: number, world: World): Promise<Member> {
  const { postgres, sandbox, variables, lives, faults } = world;
  const toDatabase = await startTcpProxy({ host: '127.0.0.1', port: postgres.port });
  const asana = new URL(sandbox.origin);
  const toAsana = await startTcpProxy({ host: asana.hostname, port: Number(asana.port) });
  const port = await freePort();
  const database = Object.assign(new URL(postgres.url), { port: String(toDatabase.port) });
  const through = (url: string) => Object.assign(new URL(url), { port: String(toAsana.port) }).href;
  const env = {
    ...{ PATH: process.env.PATH, NODE_ENV: 'production' as const },
    ...variables,
    DATABASE_URL: database.href,
    ASANA_MCP_URL: through(sandbox.mcpUrl),
    ASANA_OAUTH_URL: through(sandbox.oauthUrl),
  };
  let life: Life | null = null;

  /** One start; false where the process ended before it served. */
  async function launch(): Promise<boolean> {
    const child = fork(SCRIPT, [String(port)], {
      execArgv: ['--import', 'tsx'],
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const mine: Life = {
      process: index,
      readyMs: Infinity,
      endedMs: Infinity,
      end: 'died',
      said: '',
      rssMib: 0,
    };
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (bytes: Buffer) => (mine.said = (mine.said + bytes.toString()).slice(-2_000)));
    member.child = child;
    return new Promise((resolve) => {
      child.once('message', () => {
        mine.readyMs = now();
        life = mine;
        lives.push(mine);
        resolve(true);
      });
      child.once('exit', (code, signal) => {
        mine.endedMs = now();
        mine.said = `code ${code}, signal ${signal}. ${mine.said}`;
        if (member.state === 'stopping' && code === 0) mine.end = 'stopped';
        if (member.child === child) member.child = null;
        resolve(false);
      });
    });
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const { child } = member;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  const member: Member = {
    url: `http://127.0.0.1:${port}/mcp`,
    toDatabase,
    toAsana,
    child: null,
    state: 'down',
    async start() {
      member.state = 'starting';
      const fault: Fault = { name: 'starting', process: index, fromMs: now(), toMs: Infinity };
      faults.push(fault);
      // Without a database a start ends with a sentence; whoever runs the process starts it again.
      for (const untilMs = now() + 60_000; !(await launch());) {
        if (now() > untilMs) throw new Error(`process ${index} does not start`);
        await sleep(200);
      }
      member.state = 'serving';
      fault.toMs = now();
    },
    async kill() {
      member.state = 'down';
      if (life) life.end = 'killed';
      await end('SIGKILL');
    },
    async stop() {
      member.state = 'stopping';
      await end('SIGTERM');
      member.state = 'down';
    },
    pause(still) {
      member.child?.kill(still ? 'SIGSTOP' : 'SIGCONT');
      member.state = still ? 'paused' : 'serving';
    },
  };
  return member;
}

/** The resident set of a process, from /proc (Linux); elsewhere it is not known. */
function measure(lives: Life[], index: number, { child }: Member): void {
  const life = lives.findLast(({ process }) => process === index);
  if (!life || !child?.pid || process.platform !== 'linux') return;
  try {
    const kib = Number(
      /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0,
    );
    life.rssMib = Math.max(life.rssMib, kib / 1024);
  } catch {
    // It has ended.
  }
}
