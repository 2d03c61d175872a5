// `npm run bench`: what Gatehouse costs, told against a bare proxy that is measured in the same run, round by round in turns, so that
// what else the machine does hits all alike. Prints one table and which targets are reached; ends everything it started.
//
//   npm run bench                                        all of it, about six minutes
//   npm run bench -- --only call --connections 64        one workload
//   npm run bench -- --profile                           where a call's time goes
import { existsSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { idleCost, measureCells } from './cells';
import { endChildren } from './children';
import { measureHostile } from './hostile';
import { printCells, printMemory, printProfile, printVerdicts } from './print';
import { startSetting, type Setting } from './setting';
import { measureStreams } from './streams';
import { judge } from './targets';
import { WORKLOADS, type Workload } from './workloads';

const STREAM_COUNTS = [1_000, 5_000];
const PARTS = [...WORKLOADS, 'streams', 'hostile'] as const;

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: PARTS.join(',') },
    connections: { type: 'string', default: '1,16,64' },
    json: { type: 'string' },
    profile: { type: 'boolean', default: false },
    slim: { type: 'boolean', default: false },
  },
});

/** A number of the options within bounds; the loops must end. */
function bounded(name: 'seconds' | 'rounds', least: number, most: number): number {
  const value = Number(given[name]);
  if (value >= least && value <= most) return value;
  console.error(`--${name} must be a number from ${least} to ${most}.`);
  process.exit(2);
}
const seconds = bounded('seconds', 0.1, 60);
const rounds = Math.trunc(bounded('rounds', 1, 20));
const connections = given.connections.split(',').map(Number);
if (!connections.every((count) => Number.isInteger(count) && count >= 1 && count <= 512)) {
  console.error('--connections takes whole numbers from 1 to 512, separated by commas.');
  process.exit(2);
}
const parts = given.only.split(',');
const stranger = parts.find((part) => !(PARTS as readonly string[]).includes(part));
if (stranger !== undefined) {
  console.error(`--only knows ${PARTS.join(', ')}; "${stranger}" is none of them.`);
  process.exit(2);
}

// What is built is measured as it is served; Next in the same process is part of what it costs.
const whole = !given.slim && existsSync('.next/BUILD_ID');

const startedMs = performance.now();
const stopping = new AbortController();
let setting: Setting | undefined;
process.on('exit', endChildren);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    stopping.abort();
    // What is being waited for fails then, and the run ends as it would anyway.
    endChildren();
  });

async function run({ upstream }: Setting): Promise<void> {
  console.log(
    `${cpus()[0]?.model ?? 'processor'}, ${availableParallelism()} cores, Node ${process.versions.node}; ` +
      `${rounds} rounds of ${seconds} s a cell (others than call shorter), medians\n` +
      `the gate is ${whole ? 'server.ts' : 'the gate alone (no Next)'}; a call’s answer has ${upstream.taskBytes + 60} bytes, ` +
      `the list of ${upstream.tools} tools ${upstream.listBytes} bytes\n`,
  );
  if (given.profile) return printProfile(setting!, seconds);
  const idle = await idleCost(setting!);
  console.log(
    `idle, a gate takes ${idle.gate.toFixed(0)} ms of processor time a second and PostgreSQL ${idle.postgres.toFixed(0)} ms\n`,
  );
  const workloads = parts.filter((part): part is Workload => (WORKLOADS as readonly string[]).includes(part));
  const cells = await measureCells(setting!, { workloads, connections, rounds, ms: seconds * 1_000 });
  const streams = parts.includes('streams') ? await measureStreams(setting!, STREAM_COUNTS) : null;
  const rises = parts.includes('hostile') ? await measureHostile(setting!) : [];
  const verdicts = judge({ cells, streams: streams?.costs ?? [], rises });
  printCells(cells);
  printMemory(streams, rises);
  printVerdicts(verdicts);
  if (given.json !== undefined)
    writeFileSync(given.json, JSON.stringify({ cells, streams, rises, verdicts }, null, 2));
}

try {
  setting = await startSetting({
    pair: !given.profile,
    streams: parts.includes('streams'),
    whole,
    signal: stopping.signal,
  });
  await run(setting);
  console.log(`the run took ${Math.round((performance.now() - startedMs) / 1_000)} s`);
} catch (error) {
  if (!stopping.signal.aborted) console.error(error);
  process.exitCode = stopping.signal.aborted ? 130 : 1;
} finally {
  await setting?.close();
}
process.exit();
