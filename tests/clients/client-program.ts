// A client in a process of its own, driven action by action. It reaches this computer only, and sees none of our environment.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Plays the person: opens the authorization URL, decides, and returns the URL that the browser is sent back to. */
export type Person = (authorizationUrl: string) => Promise<string>;

export interface ClientProgram {
  /** Runs one action of the program. Rejects with all that the client's error says, causes included. */
  do(action: string, given?: Record<string, unknown>): Promise<any>;
  /** What it wrote to stderr; a connection to anywhere else begins with `LEFT LOOPBACK`. */
  stderr(): string;
  stop(): void;
}

/** What a client needs from the environment, with a home of its own and no calls to its maker. */
export function clientEnv(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH ?? '',
    HOME: home,
    NODE_ENV: 'test',
    NODE_NO_WARNINGS: '1',
    ...{ MASTRA_TELEMETRY_DISABLED: '1', OPENAI_AGENTS_DISABLE_TRACING: '1', DO_NOT_TRACK: '1' },
  };
}

export const PRELOAD = ['--import', resolve('tests/clients/loopback-only.mjs')];

/** Starts `tests/<path>`. Without a `person` nobody comes, however long it waits. */
export function startProgram(path: string, person?: Person): ClientProgram {
  const home = mkdtempSync(join(tmpdir(), 'gatehouse-client-'));
  const child = fork(resolve('tests', path), [], {
    cwd: home,
    env: clientEnv(home),
    execArgv: PRELOAD,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr!.on('data', (chunk) => (stderr += String(chunk)));
  let settle: { resolve: (value: unknown) => void; reject: (error: Error) => void } | undefined;
  const fail = (why: string) => settle?.reject(new Error(why));
  child.on('exit', (code) => fail(`${path} ended with ${code}:\n${stderr}`));
  child.on('error', (error) => fail(`${path} did not start: ${error.message}`));
  child.on('message', (said: { ok?: unknown; error?: string; authorize?: string }) => {
    if (said.authorize !== undefined) {
      person?.(said.authorize).then(
        (callback) => child.send({ callback }),
        (error: unknown) => fail(`the person could not go on: ${String(error)}`),
      );
    } else if (said.error !== undefined) fail(said.error);
    else settle?.resolve(said.ok);
  });
  return {
    do: (action, given = {}) =>
      new Promise((done, reject) => {
        if (child.exitCode !== null) return reject(new Error(`${path} has ended:\n${stderr}`));
        settle = { resolve: done, reject };
        child.send({ do: action, ...given });
      }),
    stderr: () => stderr,
    stop: () => {
      child.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
    },
  };
}
