// A killed parent can't pass a signal on: loaded with --import, this ends a process whose parent is gone as SIGTERM would,
// so that a start after a kill -9 finds its port free.
import { readFileSync } from 'node:fs';

const CHECK_INTERVAL_MS = 300;

/** Calls `gone` once, soon after this process's parent ended; where that is npm's shell, soon after npm ended too. */
export function followParent(gone) {
  const before = ancestry();
  const timer = setInterval(() => {
    if (ancestry() === before) return;
    clearInterval(timer);
    gone();
  }, CHECK_INTERVAL_MS);
  timer.unref();
}

function ancestry() {
  try {
    // proc(5): pid (command) state parent …
    const [, command, parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(
      readFileSync(`/proc/${process.ppid}/stat`, 'utf8'),
    );
    return /^(sh|dash|bash)$/.test(command) ? `${process.ppid} ${parent}` : `${process.ppid}`;
  } catch {
    return `${process.ppid}`; // not Linux
  }
}

const loaded = process.execArgv.some((argument) => argument.endsWith('follow-parent.mjs'));
if (loaded) followParent(() => process.kill(process.pid, 'SIGTERM'));
