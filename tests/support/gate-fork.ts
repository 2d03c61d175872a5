// Gates as processes of their own on the database and sandbox of the gate in this one.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { bundle } from '../../scripts/bundle.mjs';
import type { Told } from './gate-process';

const SCRIPT = fileURLToPath(new URL('gate-process.ts', import.meta.url));
/** What the processes have in common. */
const SHARED = [
  ...['DATABASE_URL', 'GATEHOUSE_URL', 'GATEHOUSE_SECRET', 'GATEHOUSE_KEYS', 'GATEHOUSE_LOG'],
  ...['ASANA_MCP_URL', 'ASANA_OAUTH_URL', 'ASANA_RESOURCE', 'GATEHOUSE_ALLOW_INSECURE_UPSTREAM'],
];

/** The environment of this process's gate, for another one. */
export const shared = (): Record<string, string> =>
  Object.fromEntries(SHARED.map((name) => [name, process.env[name]!]));

export interface GateProcess {
  url: string;
  child: ChildProcess;
}

// One for all processes of a test file: compiling the gate's sources is most of the start of each.
let bundled: Promise<string> | undefined;
afterAll(async () => {
  const path = await bundled;
  if (path) for (const made of [path, `${path}.map`]) rmSync(made, { force: true });
});

/** Starts one; end it with a signal to `child`. */
export async function startProcess(): Promise<GateProcess> {
  bundled ??= bundle(SCRIPT, `gate-process-${process.pid}`);
  const child = fork(await bundled, { execArgv: [] });
  await once(child, 'message');
  const { url } = (await tell(child, { variables: shared() })) as { url: string };
  return { child, url };
}

/** Gives an order and returns the answer. Throws what the process says went wrong. */
export async function tell(child: ChildProcess, told: Told): Promise<unknown> {
  child.send(told);
  const [answer] = (await once(child, 'message')) as [{ failure?: string }];
  if (answer.failure !== undefined) throw new Error(answer.failure);
  return answer;
}
