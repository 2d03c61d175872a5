// `npm run conformance`: MCP's own suites on the fixture, and with `--through` on a gate before the fixture. Prints what each scenario
// scored and every check that the gate lost; ends with 1 where one is lost, or where the fixture itself fails what is scored.
//
//   npm run conformance                                   # the fixture alone
//   npm run conformance -- --through                      # and through the gate
//   npm run conformance -- --through --upstream modern    # with an Asana that speaks one era only
//   npm run conformance -- --suite 2026-07-28 --scenario caching --through --verbose
//   npm run conformance -- --through --trace FILE         # appends what was sent and answered, a JSON line each
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runSuite, sumOf, type Check } from '../ecosystem/judge';
import { startTestPostgres } from '../support/database';
import { startForwarder } from './bearer-forwarder';
import { compareChecks, type Lost, type Row } from './compare-checks';
import { startFixture, type FixtureOptions } from './fixture';
import { startGateBeforeFixture } from './gate-before-fixture';

const { values: given } = parseArgs({
  options: {
    through: { type: 'boolean', default: false },
    upstream: { type: 'string', default: 'both' },
    suite: { type: 'string' },
    scenario: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    trace: { type: 'string' },
  },
});

const SUITES = [
  { name: '0.1.16', program: 'conformance-legacy', args: ['--suite', 'active'] },
  { name: '2025-11-25', program: 'conformance-modern', args: ['--requirements', '2025-11-25'] },
  { name: '2026-07-28', program: 'conformance-modern', args: ['--requirements', '2026-07-28'] },
] as const;
/** An extension that the fixture does not have. The suites run its scenarios and never score them; what passes there still counts. */
const EXTENSION = /^tasks-/;

const MAX_DETAILS_CHARS = 2_000;

/** The checks of one suite against a server, by scenario. */
async function checksAt(url: string, suite: (typeof SUITES)[number]): Promise<Check[]> {
  // The two of 2026-07-28 and 2025-11-25 differ in the wire; a single scenario runs at the one that is named.
  const args = given.scenario
    ? ['--scenario', given.scenario, ...(suite.name === '0.1.16' ? [] : ['--spec-version', suite.name])]
    : suite.args;
  const { checks, output } = await runSuite(suite.program, ['server', '--url', url, ...args]);
  if (checks.length === 0) throw new Error(`The suite ${suite.name} found nothing to say:\n${output}`);
  return checks.map((check) => ({ ...check, scenario: check.scenario.replace(/^server-/, '') }));
}

/** All chosen suites, one after the other, by name. */
async function runSuites(url: string): Promise<Map<string, Check[]>> {
  const chosen = SUITES.filter(({ name }) => !given.suite || name === given.suite);
  if (chosen.length === 0) throw new Error(`--suite is one of ${SUITES.map(({ name }) => name).join(', ')}.`);
  const results = new Map<string, Check[]>();
  for (const suite of chosen) {
    const startedMs = performance.now();
    const checks = await checksAt(url, suite);
    const { passed, failed } = sumOf(checks);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`  ${suite.name.padEnd(12)} ${passed} passed, ${failed} failed, ${seconds} s`);
    results.set(suite.name, checks);
  }
  return results;
}

async function runThroughGate(era: FixtureOptions['era']): Promise<Map<string, Check[]>> {
  const asanaToken = randomBytes(24).toString('base64url');
  const fixture = await startFixture({ era, bearers: [asanaToken] });
  const postgres = await startTestPostgres();
  const gate = await startGateBeforeFixture({
    ...{ postgresUrl: postgres.url, fixtureUrl: fixture.url, asanaToken },
  });
  const forwarder = await startForwarder(gate.url, gate.agentToken, (exchange) => {
    if (given.trace) appendFileSync(given.trace, `${JSON.stringify(exchange)}\n`);
  });
  try {
    return await runSuites(forwarder.url);
  } finally {
    await forwarder.close();
    await gate.stop();
    await postgres.stop();
    await fixture.close();
  }
}

async function runDirectly(): Promise<Map<string, Check[]>> {
  const fixture = await startFixture();
  try {
    return await runSuites(fixture.url);
  } finally {
    await fixture.close();
  }
}

function printTable(suite: string, rows: Row[]): void {
  const score = ({ passed, failed }: Row['direct']) => `${passed}/${passed + failed}`;
  console.log(`\n${suite.padEnd(46)} directly  through  lost`);
  for (const { scenario, direct, through, lost } of rows)
    if (given.verbose || lost > 0)
      console.log(
        `  ${scenario.padEnd(44)} ${score(direct).padStart(8)} ${score(through).padStart(8)} ${String(lost).padStart(5)}`,
      );
  const whole = rows.filter(({ lost }) => lost === 0).length;
  console.log(`  ${whole} of ${rows.length} scenarios whole`);
}

/** Grouped by what came instead: one cause is often behind many checks. */
function printLost(lost: Lost[]): void {
  const causes = new Map<string, Lost[]>();
  for (const check of lost) {
    const [first] = check.through;
    const cause = first ? `${first.status}: ${first.message}` : 'the check was not made';
    causes.set(cause, [...(causes.get(cause) ?? []), check]);
  }
  for (const [cause, checks] of [...causes].toSorted(([, a], [, b]) => b.length - a.length)) {
    console.log(`\n  ${checks.length} × ${cause}`);
    for (const { scenario, id, description, through } of checks) {
      console.log(`      ${scenario} / ${id}: ${description}`);
      const seen = through[0]?.details;
      if (given.verbose && seen !== undefined)
        console.log(`        ${JSON.stringify(seen).slice(0, MAX_DETAILS_CHARS)}`);
    }
  }
}

async function main(): Promise<boolean> {
  const era = (['legacy', 'modern', 'both'] as const).find((known) => known === given.upstream);
  if (!era) throw new Error('--upstream is legacy, modern or both.');
  console.log('MCP’s conformance suites on the fixture, directly:');
  const direct = await runDirectly();
  const own = [...direct.values()].flatMap(
    (checks) => sumOf(checks.filter(({ scenario }) => !EXTENSION.test(scenario))).failures,
  );
  if (own.length > 0) console.log(`\nThe fixture itself fails:\n  ${own.join('\n  ')}`);
  if (!given.through) return own.length === 0;
  console.log(`\nThrough the gate, with a fixture of the era ${era} behind it:`);
  const through = await runThroughGate(era);
  const compared = [...direct].map(([suite, checks]) => ({
    suite,
    ...compareChecks(checks, through.get(suite) ?? []),
  }));
  for (const { suite, rows } of compared) printTable(suite, rows);
  for (const { suite, lost } of compared)
    if (lost.length > 0) {
      console.log(`\nLost in ${suite}:`);
      printLost(lost);
    }
  const count = compared.reduce((sum, { lost }) => sum + lost.length, 0);
  console.log(count === 0 ? '\nNo check is lost.' : `\n${count} checks are lost.`);
  return count === 0 && own.length === 0;
}

main().then(
  (good) => process.exit(good ? 0 : 1),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
