// A program that works in silence while a person waits: its output is shown only when it fails, and it does not outlive us.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRunning, processName } from '../lib/database/process-lock.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));
/** Locks, and the name of the program that runs. */
export const workFolder = join(root, '.gatehouse');
const childFile = join(workFolder, 'running');

/** What the person who ran the command must read; everything else thrown is a fault of ours. */
export class PreparationError extends Error {}

let child;

/** Runs a program in a process group of its own; its output is shown only when it fails. Prints `done` and the time. */
export async function runQuietly(done, doing, program, args, env) {
  const since = performance.now();
  if (process.stdout.isTTY) process.stdout.write(`${doing} …`);
  const windows = process.platform === 'win32';
  child = spawn(program, args, {
    cwd: root,
    env,
    detached: !windows,
    shell: windows && program === 'npm',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid) writeFileSync(childFile, processName(child.pid) ?? '');
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? undefined : `it ended with ${signal ?? code}`),
    );
  });
  child = undefined;
  rmSync(childFile, { force: true });
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  if (failure === undefined) return console.log(`${done} in ${seconds} s`);
  process.stderr.write(Buffer.concat(output));
  throw new PreparationError(
    `Gatehouse stopped while ${doing} (${failure}): its output is above; mend the cause and run the command again.`,
  );
}

/** Ends the program that is being waited for, with all that it started. */
export function endChild() {
  if (child?.pid) endGroup(child.pid);
}

function endGroup(pid) {
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** A start that was killed with -9 leaves its npm or its build running, which would work against ours. */
export async function endOrphan() {
  if (!existsSync(childFile)) return;
  const name = readFileSync(childFile, 'utf8');
  if (isRunning(name)) endGroup(Number.parseInt(name, 10));
  while (isRunning(name)) await new Promise((resolve) => setTimeout(resolve, 50));
  rmSync(childFile, { force: true });
}
