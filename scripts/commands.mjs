// What each command prepares and starts; passes signals on to it and ends as it ends.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { followParent } from './follow-parent.mjs';
import { prepare } from './prepare.mjs';
import { endChild, PreparationError, root } from './run-quietly.mjs';

const tsx = (file, ...first) => [
  '--import',
  './scripts/follow-parent.mjs',
  '--import',
  'tsx',
  file,
  ...first,
];
const script = (file, ...first) => ['--import', './scripts/follow-parent.mjs', file, ...first];
const loopback = { HOST: '127.0.0.1' };
const production = { NODE_ENV: 'production' };

/** `run`: Node's arguments; `set` goes into the environment, `byDefault` only where the variable is not set there. */
const commands = {
  demo: { build: true, run: tsx('scripts/demo.ts'), set: production, byDefault: loopback },
  start: { build: true, run: script('.next/gatehouse/server.mjs'), set: production },
  dev: {
    build: false,
    run: tsx('server.ts', '--dev'),
    set: { NODE_ENV: 'development' },
    byDefault: loopback,
  },
  build: { build: true },
  sandbox: { build: false, run: tsx('lib/sandbox/main.ts'), set: production },
  organization: { build: false, run: tsx('scripts/organization.ts'), set: production },
  config: { build: false, run: tsx('scripts/config.ts'), set: production },
  backup: { build: false, run: tsx('scripts/backup.ts'), set: production },
  restore: { build: false, run: tsx('scripts/restore.ts'), set: production },
  keys: { build: false, run: tsx('scripts/keys.ts'), set: production },
  'seed:large': { build: false, run: tsx('scripts/seed-large.ts'), set: production },
  screenshots: { build: true, run: tsx('scripts/screenshots.ts'), set: production },
  test: { build: true, clients: true, run: script('scripts/run-tests.mjs') },
  'test:full': {
    build: true,
    clients: true,
    ecosystem: true,
    run: script('scripts/run-tests.mjs'),
    set: { FULL: '1' },
  },
  bench: { build: false, run: tsx('tests/bench/bench.ts'), set: production },
  'bench:pages': { build: false, run: tsx('tests/bench/pages.ts') },
  conformance: { build: false, ecosystem: true, run: tsx('tests/conformance/run.ts') },
  mutate: { build: false, run: tsx('scripts/mutate.ts') },
  fuzz: { build: false, run: tsx('tests/fuzz/main.ts') },
  torture: { build: false, run: tsx('tests/reliability/torture.ts') },
  check: { build: false, run: script('scripts/run-checks.mjs') },
};

/** Prepares the clone for the command and runs it; sets the exit code. */
export async function runCommand(name, args) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (!command) {
    console.error(`Say which command: ${Object.keys(commands).join(', ')}.`);
    process.exitCode = 2;
    return;
  }
  let child;
  const end = (signal) => {
    if (child) {
      child.kill(signal);
      return;
    }
    endChild();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
  // Killed with -9, npm passes nothing on; without npm, a parent that ends first is no fault (`… &` in a shell).
  if (process.env.npm_lifecycle_event) followParent(() => end('SIGTERM'));
  try {
    await prepare(command);
  } catch (error) {
    if (!(error instanceof PreparationError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
    return;
  }
  if (!command.run) return;
  const given = Object.entries(process.env).filter(([, value]) => value !== ''); // an empty value counts as unset
  // Next would tell its maker that it was started.
  const quiet = { NEXT_TELEMETRY_DISABLED: '1' };
  const env = { ...quiet, ...command.byDefault, ...Object.fromEntries(given), ...command.set };
  if (!command.set?.NODE_ENV) delete env.NODE_ENV; // the test runners set their own
  child = spawn(process.execPath, [...command.run, ...args], { cwd: root, stdio: 'inherit', env });
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}
