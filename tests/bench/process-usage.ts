// What processes cost, from /proc: processor time of a process with all its threads, and its resident memory. NaN where there is none.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const MS_PER_TICK = 10; // USER_HZ is 100 on every Linux that runs Node

// proc(5): behind the command's closing parenthesis the first field is the third of the page.
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Processor time of a process in ms, user and system, its ended and awaited children included. */
export function cpuMs(pid: number): number {
  try {
    return statOf(pid)
      .slice(11, 15)
      .reduce((sum, ticks) => sum + Number(ticks) * MS_PER_TICK, 0);
  } catch {
    return NaN;
  }
}

/** The same of a process and those it started (PostgreSQL's postmaster and its backends). */
export function cpuMsOfTree(parent: number): number {
  const children = numbersIn('/proc').filter((pid) => parentOf(pid) === parent);
  return [parent, ...children].reduce((sum, pid) => sum + (cpuMs(pid) || 0), 0);
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** The id of a process's parent. */
export function parentOf(pid: number): number {
  try {
    return Number(statOf(pid)[1]);
  } catch {
    return NaN;
  }
}

/** Resident memory in MiB: now and the most since the last `forgetPeak`. */
export function residentMiB(pid: number): { now: number; peak: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
    return { now: read('VmRSS'), peak: read('VmHWM') };
  } catch {
    return { now: NaN, peak: NaN };
  }
}

/** Lets the peak of a process begin again at what it has now; without the right to do so the old one stays. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then the peak counts from the process's start.
  }
}
