// `npm run torture -- --minutes N --processes M --seed S`: a cluster under load while things go wrong, and afterwards the question whether
// anything was lost, doubled, stale or a lie. `--kills N` instead of minutes: that many rounds of kill -9. Exit code 1 on any violation.
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { closeDatabase } from '@/lib/db';
import { checkHistory, RULES, timesOf, type Violation } from './check-history';
import { settle, startTraffic } from './clients';
import { startCluster, type Cluster } from './cluster';
import { readDatabase, untilChained, watchSandbox } from './evidence';
import { now, type History } from './history';
import { killRounds, torture } from './nemesis';
import { randomOf } from './random';

const USAGE =
  'usage: npm run torture -- [--minutes N | --kills N] [--processes M] [--seed S] [--history FILE] [--quiet]';
const SHOWN_PER_RULE = 20;

function readOptions() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      kills: { type: 'string' },
      processes: { type: 'string', default: '2' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      history: { type: 'string' },
      quiet: { type: 'boolean', default: false },
    },
  });
  const number = (name: 'minutes' | 'kills' | 'processes' | 'seed', text = values[name]!) => {
    if (!(Number(text) >= 0)) throw new Error(`--${name} must be a number, not "${text}".\n${USAGE}`);
    return Number(text);
  };
  return {
    minutes: number('minutes'),
    kills: values.kills === undefined ? null : number('kills'),
    processes: Math.max(1, Math.floor(number('processes'))),
    seed: Math.floor(number('seed')),
    history: values.history,
    quiet: values.quiet,
  };
}

type Options = ReturnType<typeof readOptions>;

/** Notes when this process could not run for a while: then neither could those it measures. */
function watchStalls() {
  const stalls: History['stalls'] = [];
  let lastMs = now();
  const timer = setInterval(() => {
    const atMs = now();
    if (atMs - lastMs > 150) stalls.push({ fromMs: lastMs, toMs: atMs });
    lastMs = atMs;
  }, 50);
  return { stalls, end: () => clearInterval(timer) };
}

async function run(
  cluster: Cluster,
  options: Options,
): Promise<{ history: History; done: Record<string, number> }> {
  const random = randomOf(options.seed);
  const people = await settle(cluster);
  const sandbox = watchSandbox(cluster.sandbox);
  const watch = watchStalls();
  const traffic = startTraffic(cluster, people, random.fork('clients'));
  const beganMs = now();
  const report = (line: string) =>
    options.quiet || console.log(`${((now() - beganMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const nemesis = random.fork('nemesis');
  const done =
    options.kills === null
      ? await torture(cluster, nemesis, { untilMs: beganMs + options.minutes * 60_000, report })
      : await killRounds(cluster, nemesis, { rounds: options.kills, report });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  await traffic.stop();
  const caughtUpMs = await untilChained(people.organizationId);
  // What still hangs would keep a process from ending for as long as it may; nothing does.
  await Promise.all(cluster.members.map((member) => member.stop()));
  sandbox.end();
  watch.end();
  const { chain, ...database } = await readDatabase(people.organizationId);
  const { calls, changes, probes } = traffic;
  const { arrivals, tasks } = sandbox;
  const { lives, faults } = cluster;
  return {
    done,
    history: {
      ...{ calls, changes, probes, arrivals, tasks, lives, faults, stalls: watch.stalls },
      ...database,
      chain: { ...chain, caughtUpMs },
    },
  };
}

function describe(history: History): string[] {
  const { calls, changes, probes, arrivals, tasks, audit, lives, chain, stalls } = history;
  const times = timesOf(history);
  const heard = (is: string) => calls.filter((call) => call.heard.is === is).length;
  const unavailable = calls.filter(({ heard: h }) => h.is === 'refused' && h.status === 503).length;
  const acknowledged = changes.filter(({ result }) => result === 'ok').length;
  const rss = Math.max(...lives.map(({ rssMib }) => rssMib));
  return [
    `${calls.length} calls: ${heard('ok')} ok, ${heard('denied')} denied, ${heard('unauthenticated')} unauthenticated, ${heard('refused')} refused (${unavailable} of them 503), ${heard('broken')} unknown`,
    `${changes.length} changes of admins, ${acknowledged} acknowledged; ${probes.length} probes`,
    `${arrivals.length} messages reached the sandbox; ${Object.keys(tasks).length} tasks were made`,
    `${audit.length} records, ${chain.linked} linked, the last ${(chain.caughtUpMs / 1000).toFixed(1)} s after the end; ${lives.length} lives of processes, at most ${Math.round(rss)} MiB; ${stalls.length} stalls of the machine`,
    `${times.outages} outages of a database that nothing else disturbed: refused within ${times.refusedMs} ms, served again within ${times.servedMs} ms`,
  ];
}

function tell(violations: Violation[]): void {
  for (const [rule, promise] of Object.entries(RULES)) {
    const broken = violations.filter((violation) => violation.rule === rule);
    console.log(`${broken.length === 0 ? 'holds ' : 'BROKEN'} ${rule}: ${promise}`);
    for (const { said } of broken.slice(0, SHOWN_PER_RULE)) console.log(`         ${said}`);
    if (broken.length > SHOWN_PER_RULE) console.log(`         and ${broken.length - SHOWN_PER_RULE} more`);
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  const aim = options.kills === null ? `${options.minutes} min` : `${options.kills} kills`;
  console.log(`torture: ${aim}, ${options.processes} processes, seed ${options.seed}`);
  const cluster = await startCluster(options.processes);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(
      signal,
      () => void cluster.close().finally(() => process.exit(128 + constants.signals[signal])),
    );
  try {
    const { history, done } = await run(cluster, options);
    const violations = checkHistory(history);
    if (options.history) writeFileSync(options.history, JSON.stringify(history, null, 1));
    console.log(
      Object.entries(done)
        .map(([name, count]) => `${count} × ${name}`)
        .join(', '),
    );
    for (const line of describe(history)) console.log(line);
    tell(violations);
    console.log(`${violations.length} violations (seed ${options.seed})`);
    return violations.length === 0 ? 0 : 1;
  } finally {
    await closeDatabase();
    await cluster.close();
  }
}

process.exitCode = await main();
// Handles of the sandbox's hung answers may be left; nothing of this run is.
process.exit();
