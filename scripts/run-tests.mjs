// Runs the guarantees, first in vitest, then in a browser, and ends with their sum: `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from './chromium.mjs';

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-results-'));
const isBrowserTest = (path) => path.startsWith('tests/e2e');
const filters = process.argv.slice(2);
const isFull = process.env.FULL === '1';
// One walk holds the main job together; `npm run test:full` walks everything else.
const WALK = 'tests/e2e/walk.spec.ts';
const chosen = {
  browser: filters.filter(isBrowserTest),
  other: filters.filter((path) => !isBrowserTest(path)),
};

let child;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    child?.kill(signal);
    rmSync(folder, { recursive: true, force: true });
    process.exit(128 + constants.signals[signal]);
  });

/** Without the settings of a real Gatehouse: a test must never meet the database that DATABASE_URL names here. */
function testEnv(extra = {}) {
  const settings = /^(GATEHOUSE_|OIDC_|ASANA_|NEXTAUTH_|AUTH_|DATABASE_URL$|HOST$|PORT$|NODE_ENV$)/;
  const kept = Object.entries(process.env).filter(([name]) => !settings.test(name));
  return { ...Object.fromEntries(kept), ...extra };
}

function run(args, env) {
  return new Promise((resolve) => {
    child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** A suite that ran no test, ended badly without a failed test, or left no report has failed once. */
function judge(name, report, exitCode, count) {
  if (!existsSync(report)) return explain(name, 'left no report', { passed: 0, failed: 1 });
  const { passed, failed } = count(JSON.parse(readFileSync(report, 'utf8')));
  if (passed + failed === 0) return explain(name, 'ran no test', { passed, failed: 1 });
  if (exitCode !== 0 && failed === 0) return explain(name, 'failed outside its tests', { passed, failed: 1 });
  return { passed, failed };
}

function explain(name, what, result) {
  console.error(`${name} ${what}.`);
  return result;
}

async function runVitest() {
  const missing = installNginx();
  if (missing) console.error(`The test of nginx will fail: ${missing}`);
  const report = join(folder, 'vitest.json');
  const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${report}`];
  const exitCode = await run(
    ['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...chosen.other],
    testEnv(),
  );
  return judge('vitest', report, exitCode, ({ numPassedTests, numFailedTests }) => ({
    passed: numPassedTests,
    failed: numFailedTests,
  }));
}

async function runPlaywright() {
  const missing = await installChromium();
  if (missing) return explain('The browser tests', `can't run: ${missing}`, { passed: 0, failed: 1 });
  const report = join(folder, 'playwright.json');
  const env = testEnv({ PLAYWRIGHT_JSON_OUTPUT_FILE: report });
  const specs = chosen.browser.length > 0 || isFull ? chosen.browser : [WALK];
  const args = ['node_modules/@playwright/test/cli.js', 'test', '--reporter=line,json', ...specs];
  const exitCode = await run(args, env);
  return judge('The browser tests', report, exitCode, ({ stats }) => ({
    passed: stats.expected,
    failed: stats.unexpected + stats.flaky, // a test that passes only sometimes does not hold
  }));
}

/** Sees to a browser; returns a sentence for the person where it can't. */
async function installChromium() {
  const { chromium } = await import('@playwright/test');
  if (findChromium() || existsSync(chromium.executablePath())) return undefined;
  const needed = 'install Chromium or Chrome, or set PLAYWRIGHT_CHROMIUM to the path of one';
  return installFromDebian('chromium', needed) ?? (findChromium() ? undefined : needed);
}

/** The full run starts Debian's nginx with the example's configuration. */
function installNginx() {
  if (!isFull || !spawnSync('nginx', ['-v']).error) return undefined;
  return installFromDebian('nginx-light', 'install nginx');
}

/** Undefined where it is installed now, else a sentence that ends with what is needed. */
function installFromDebian(name, needed) {
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).error) return needed;
  const since = performance.now();
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', name]]) {
    const { status, stdout, stderr } = spawnSync('apt-get', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    if (status !== 0) return `apt-get ${args[0]} failed; ${needed}.\n${String(stdout)}${String(stderr)}`;
  }
  console.log(`installed ${name} in ${((performance.now() - since) / 1000).toFixed(1)} s`);
}

const results = [];
if (filters.length === 0 || chosen.other.length > 0) results.push(await runVitest());
if (filters.length === 0 || chosen.browser.length > 0) results.push(await runPlaywright());
rmSync(folder, { recursive: true, force: true });
const [passed, failed] = ['passed', 'failed'].map((key) =>
  results.reduce((sum, result) => sum + result[key], 0),
);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
