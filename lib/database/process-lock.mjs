// One process at a time on this machine, and the lock of a process that was killed never blocks the next.
// Plain JavaScript: scripts/ needs it before anything is installed.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const POLL_INTERVAL_MS = 25;
const FREE = 'free';
let drafts = 0;

const read = (path) => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/**
 * A name for a running process that no later process can bear: pid, start time, boot.
 * A pid alone is reused (after a restart of a container at once), and a zombie still answers `kill -0`:
 * both would make a dead holder look alive. Returns undefined where no such process runs.
 */
export function processName(pid) {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  if (process.platform === 'linux') {
    const stat = read(`/proc/${pid}/stat`);
    if (!stat) return undefined;
    // proc(5): the second field is the command in parentheses and may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startedAt] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X') return undefined;
    return `${pid}.${startedAt}.${read('/proc/sys/kernel/random/boot_id')?.slice(0, 8) ?? '0'}`;
  }
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return undefined;
  }
  if (process.platform === 'win32') return `${pid}.0.0`;
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line.startsWith('Z') ? undefined : `${pid}.${Date.parse(line.replace(/^\S+\s+/, ''))}.0`;
  } catch {
    return undefined;
  }
}

/** Whether the process that bore this name still runs. */
export function isRunning(name) {
  return processName(Number.parseInt(name, 10)) === name;
}

const numbersOf = (folder, name) =>
  readdirSync(folder)
    .filter((file) => file.startsWith(`${name}.`) && /^\d+$/.test(file.slice(name.length + 1)))
    .map((file) => Number(file.slice(name.length + 1)))
    .toSorted((a, b) => a - b);

/**
 * Takes the lock if it is free or its holder is dead. The lock is the file `<name>.<number>` with the highest number; it
 * holds its holder's name, or `free`. Taking it means to create the next number, which only one can do. To remove a
 * dead holder's file and create it anew would let a slow second contender remove the file of the first.
 */
function tryLock(folder, name, me) {
  const numbers = numbersOf(folder, name);
  const top = numbers.at(-1) ?? 0;
  const holder = top === 0 ? FREE : read(join(folder, `${name}.${top}`));
  if (holder === undefined) return {}; // superseded while we looked
  if (holder !== FREE && isRunning(holder)) return { holder };
  const mine = join(folder, `${name}.${top + 1}`);
  const draft = join(folder, `${name}.draft-${me}-${(drafts += 1)}`);
  writeFileSync(draft, me);
  try {
    linkSync(draft, mine);
  } catch (error) {
    if (error.code === 'EEXIST') return {};
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  // A contender that was slow since it read the folder may create a number that was superseded and removed long ago.
  if (numbersOf(folder, name).at(-1) !== top + 1) {
    rmSync(mine, { force: true });
    return {};
  }
  for (const number of numbers) rmSync(join(folder, `${name}.${number}`), { force: true });
  return { mine };
}

/**
 * Runs `work` while holding the lock `name` in `folder` (made if missing); waits for a living holder as long as it takes.
 * `onWait` is told the holder's pid once. Not re-entrant. Throws what `work` throws, with the lock released.
 */
export async function withLock(folder, name, work, onWait = () => {}) {
  mkdirSync(folder, { recursive: true });
  const me = processName(process.pid);
  let mine;
  let told = false;
  while (!mine) {
    const attempt = tryLock(folder, name, me);
    mine = attempt.mine;
    if (attempt.holder && !told) {
      told = true;
      onWait(Number.parseInt(attempt.holder, 10));
    }
    if (attempt.holder) await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
  try {
    return await work();
  } finally {
    const freed = join(folder, `${name}.draft-${me}-${(drafts += 1)}`);
    writeFileSync(freed, FREE);
    renameSync(freed, mine);
  }
}
