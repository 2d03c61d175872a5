// `npm run fuzz`: a gate with a real database and a stand-in Asana on loopback, and the fuzzer at it. Ends with 1 where it finds
// something. `--seconds 60`, `--seed 7`, `--replay seed:number`.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startTestPostgres } from '../support/database';
import { CLASSES, fuzz, type FuzzReport } from './run';
import { startSetting } from './setting';

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, replay: { type: 'string' } },
});
const [replaySeed, replayNumber] = values.replay?.split(':').map(Number) ?? [];
const seed = replaySeed ?? Number(values.seed ?? randomInt(2 ** 31));
const seconds = Number(values.seconds ?? 60);
if (![seed, seconds, replayNumber ?? 0].every((number) => Number.isInteger(number) && number >= 0)) {
  console.error('Say --seconds and --seed as whole numbers, and --replay as seed:number.');
  process.exit(2);
}

function print(report: FuzzReport): void {
  for (const { number, what, sent, answered } of report.findings) {
    console.log(`finding: --replay ${seed}:${number}`);
    for (const sentence of what) console.log(`  ${sentence}`);
    console.log(`  sent (hex): ${sent.toString('hex')}`);
    if (answered) console.log(`  Asana answered (hex): ${answered.toString('hex')}`);
  }
  const rate = Math.round(report.tried / report.seconds);
  console.log(`${report.tried} bodies in ${report.seconds.toFixed(1)} s, ${rate} a second, seed ${seed}`);
  for (const name of CLASSES) console.log(`  ${name}: ${report.outcomes[name]}`);
  console.log(
    `  of these heard as a result: ${report.passed}; honest calls between, all answered: ${report.honest}`,
  );
  console.log(`disallowed executions and other findings: ${report.findings.length}`);
}

/** Ends what was started, however the run ends: a database must not outlive it. */
const ends: (() => Promise<void>)[] = [];
async function end(code: number): Promise<never> {
  for (const stop of ends.splice(0).reverse()) await stop().catch(() => undefined);
  process.exit(code);
}

console.log(`seed ${seed}`);
// The gate runs in this process: what would end it is a finding like any other.
const died = (error: unknown) => {
  console.error(`finding: the process would have died (seed ${seed}):`, error);
  void end(1);
};
process.on('uncaughtException', died).on('unhandledRejection', died);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(1));
const postgres = await startTestPostgres();
ends.push(postgres.stop);
const setting = await startSetting({ postgresUrl: postgres.url });
ends.push(setting.stop);
const report = await fuzz(setting, { seed, seconds, only: replayNumber });
print(report);
await end(report.findings.length === 0 ? 0 : 1);
