// Removes each guard of the gate in a copy of the working tree and runs the tests that hold it: a guard whose removal no test notices
// is a guard nobody holds. Ends with 1 where one survives. `npm run mutate -- WORD` takes only the guards whose file or reason has it.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTANTS, type Mutant } from './mutate-guards';
import type { Order, Result } from './mutate-worker';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PARALLEL = 2;
const RUN_TIMEOUT_MS = 180_000;
const LEFT_OUT = new Set(['.git', '.next', 'data', 'node_modules']);

type Verdict = 'red' | 'survived' | 'hung' | 'no test';

/** Every old text must stand exactly once, or the table no longer says what it removes. Returns one sentence per problem. */
function problemsOf(mutants: readonly Mutant[]): string[] {
  return mutants.flatMap(({ file, find, why }) => {
    const count = readFileSync(join(ROOT, file), 'utf8').split(find).length - 1;
    return count === 1 ? [] : [`${file}, "${why}": the old text stands ${count} times, not once.`];
  });
}

function copyOfTree(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-mutate-'));
  chmodSync(folder, 0o755); // PostgreSQL's own account starts its programs from in here.
  cpSync(ROOT, folder, {
    recursive: true,
    filter: (from) =>
      !relative(ROOT, from)
        .split(sep)
        .some((part) => LEFT_OUT.has(part)),
  });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** A process that runs tests in a copy; started again where a run hung. */
interface Runner {
  folder: string;
  child: ChildProcess;
}

async function startRunner(folder: string): Promise<Runner> {
  const child = fork(join(folder, 'scripts/mutate-worker.ts'), {
    cwd: folder,
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return { folder, child };
}

/** Runs these tests. Only a test that failed is red: a file that does not even load proves nothing. */
async function runTests(runner: Runner, order: Order): Promise<Verdict> {
  runner.child.send(order);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), RUN_TIMEOUT_MS);
  try {
    const [{ passed, failed }] = (await once(runner.child, 'message', { signal: late.signal })) as [Result];
    if (failed > 0) return 'red';
    return passed > 0 ? 'survived' : 'no test';
  } catch {
    runner.child.kill('SIGKILL');
    runner.child = (await startRunner(runner.folder)).child;
    return 'hung';
  } finally {
    clearTimeout(timer);
  }
}

async function judge(runner: Runner, { file, find, replace, tests, match }: Mutant): Promise<Verdict> {
  const path = join(runner.folder, file);
  const original = readFileSync(path, 'utf8');
  // A function as replacement: `$` in the new text means itself.
  writeFileSync(
    path,
    original.replace(find, () => replace),
  );
  try {
    // The database is made from the migrations, so a changed one needs a database of its own.
    if (!file.endsWith('.sql')) return await runTests(runner, { changed: path, tests, match });
    const fresh = await startRunner(runner.folder);
    const verdict = await runTests(fresh, { changed: path, tests, match });
    await end(fresh);
    return verdict;
  } finally {
    writeFileSync(path, original);
  }
}

/** Red must mean that the guard is gone, not that the test fails anyway. File by file, so that none waits for all. */
async function proveUntouched(runners: Runner[], chosen: readonly Mutant[]): Promise<void> {
  const waiting = [...new Set(chosen.flatMap(({ tests }) => tests))];
  await Promise.all(
    runners.map(async (runner) => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        const tests = file;
        const patterns = chosen.filter((mutant) => mutant.tests.includes(tests)).map(({ match }) => match);
        const match = patterns.includes('')
          ? ''
          : [...new Set(patterns)].map((pattern) => `(?:${pattern})`).join('|');
        const order = { changed: join(runner.folder, 'server.ts'), tests: [tests], match };
        const verdict = await runTests(runner, order);
        console.log(`${verdict === 'survived' ? 'green' : verdict}  ${tests}, with every guard in place`);
        if (verdict === 'survived') continue;
        console.error(
          `With every guard in place ${tests} is "${verdict}": what was red there proves nothing.`,
        );
        process.exitCode = 1;
      }
    }),
  );
}

async function end({ child }: Runner): Promise<void> {
  const ended = once(child, 'exit');
  child.disconnect();
  await ended;
}

async function main(): Promise<void> {
  const untouchedOnly = process.argv.includes('--untouched');
  const words = process.argv.slice(2).filter((word) => word !== '--untouched');
  const chosen = MUTANTS.filter(({ file, why }) => words.every((word) => `${file} ${why}`.includes(word)));
  const problems = problemsOf(MUTANTS);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0 || chosen.length === 0) {
    if (chosen.length === 0) console.error('No guard has these words.');
    process.exitCode = 2;
    return;
  }
  const runners = await Promise.all(Array.from({ length: PARALLEL }, () => startRunner(copyOfTree())));
  const results: { mutant: Mutant; verdict: Verdict; seconds: number }[] = [];
  const waiting = untouchedOnly ? [] : [...chosen];
  const startedMs = performance.now();
  try {
    await Promise.all(
      runners.map(async (runner) => {
        for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
          const fromMs = performance.now();
          const verdict = await judge(runner, mutant);
          const seconds = (performance.now() - fromMs) / 1000;
          results.push({ mutant, verdict, seconds });
          console.log(
            `${verdict.padEnd(8)} ${seconds.toFixed(0).padStart(4)} s  ${mutant.file}  ${mutant.why}`,
          );
        }
      }),
    );
    await proveUntouched(runners, chosen);
  } finally {
    await Promise.all(runners.map(end));
    for (const { folder } of runners) rmSync(folder, { recursive: true, force: true });
  }
  const alive = results.filter(({ verdict }) => verdict === 'survived' || verdict === 'no test');
  for (const { mutant, verdict } of alive)
    console.error(`${verdict}: ${mutant.file}, "${mutant.why}" (-t ${mutant.match})`);
  console.log(
    `${results.length - alive.length} of ${results.length} guards are held, in ${((performance.now() - startedMs) / 60_000).toFixed(1)} minutes`,
  );
  if (alive.length > 0) process.exitCode = 1;
}

await main();
