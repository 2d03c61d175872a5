// One cell is one workload at one number of connections against one target. Cells are measured in turns, round by round.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Load, Measured } from './load';
import { cpuMs, cpuMsOfTree, forgetPeak, residentMiB } from './process-usage';
import type { Setting } from './setting';
import { JUNK_PATH, type Workload } from './workloads';

export const TARGETS = ['direct', 'bare', 'gate', 'gate2'] as const;
export type Target = (typeof TARGETS)[number];

/** One round of a cell. */
export interface Round extends Measured {
  /** Of the proxy's or the gates' processes, all threads, a call; NaN where there are none. */
  cpuMsEach: number;
  /** Of PostgreSQL's processes, a call. */
  postgresMsEach: number;
  /** Of the first of its processes, at the end of the cell and at most during it. */
  residentMiB: number;
  peakMiB: number;
}

export interface Cell {
  workload: Workload;
  connections: number;
  /** By target, in the order of the rounds. */
  rounds: Record<Target, Round[]>;
}

interface Plan {
  workloads: Workload[];
  connections: number[];
  rounds: number;
  ms: number;
}

const IDLE_MS = 1_500;
/** Of a gate by far the most: V8 goes on optimizing what a call runs through for some eight thousand calls. */
const WARM_UP_MS = { direct: 1_500, bare: 1_500, gate: 8_000, gate2: 8_000 } as const;
const WARM_UP_CONNECTIONS = 64;
/** The cells of every workload but `call` are shorter, so that a whole run takes seven minutes. */
const SHORT_SHARE = 0.25;

/** Measures every cell of the plan; the targets take turns within each round. */
export async function measureCells(setting: Setting, plan: Plan): Promise<Cell[]> {
  const cells = plan.workloads.flatMap((workload) =>
    plan.connections.map((connections) => ({
      workload,
      connections,
      rounds: { direct: [], bare: [], gate: [], gate2: [] } as Cell['rounds'],
    })),
  );
  for (const workload of plan.workloads)
    for (const target of TARGETS)
      await runLoad(setting, target, {
        ...{ workload, connections: WARM_UP_CONNECTIONS, ms: warmUpMs(workload, target, plan.ms) },
      });
  for (let round = 0; round < plan.rounds; round += 1)
    for (const { workload, connections, rounds } of cells)
      for (const target of targetsAt(connections))
        rounds[target].push(
          await measureRound(setting, target, { workload, connections, ms: cellMs(workload, plan.ms) }),
        );
  return cells;
}

const cellMs = (workload: Workload, ms: number) =>
  workload === 'call' ? ms : Math.max(Math.min(ms, 300), ms * SHORT_SHARE);
const warmUpMs = (workload: Workload, target: Target, ms: number) =>
  workload === 'call' ? Math.min(WARM_UP_MS[target], ms * 3) : Math.min(ms, 1_500);

/** One connection reaches one of two processes, so the pair is no target there. */
export const targetsAt = (connections: number): readonly Target[] =>
  connections === 1 ? TARGETS.slice(0, 3) : TARGETS;

type Asked = Pick<Load, 'workload' | 'connections' | 'ms'>;

async function measureRound(setting: Setting, target: Target, asked: Asked): Promise<Round> {
  const pids = pidsOf(setting, target);
  const spent = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = { own: spent(), postgres: cpuMsOfTree(setting.postgresPid) };
  for (const pid of pids) forgetPeak(pid);
  const measured = await runLoad(setting, target, asked);
  // What a gate still writes (outcomes, the chain) belongs to this cell and not to the next.
  if (target.startsWith('gate')) await settle(() => spent() + cpuMsOfTree(setting.postgresPid));
  const resident = residentMiB(pids[0] ?? -1);
  return {
    ...measured,
    cpuMsEach: pids.length === 0 ? NaN : (spent() - before.own) / measured.calls,
    postgresMsEach: target.startsWith('gate')
      ? (cpuMsOfTree(setting.postgresPid) - before.postgres) / measured.calls
      : NaN,
    residentMiB: resident.now,
    peakMiB: resident.peak,
  };
}

function pidsOf({ bare, gates }: Setting, target: Target): number[] {
  if (target === 'direct') return [];
  if (target === 'bare') return [bare.pid];
  return (target === 'gate' ? gates.slice(0, 1) : gates.slice(1)).map(({ pid }) => pid);
}

/** Processor time in ms a second of a gate, and of PostgreSQL under all of them, while nothing calls. */
export async function idleCost({ gates, postgresPid }: Setting): Promise<{ gate: number; postgres: number }> {
  const before = { gate: cpuMs(gates[0]!.pid), postgres: cpuMsOfTree(postgresPid) };
  await sleep(IDLE_MS);
  const aSecond = (spent: number) => (spent * 1_000) / IDLE_MS;
  return {
    gate: aSecond(cpuMs(gates[0]!.pid) - before.gate),
    postgres: aSecond(cpuMsOfTree(postgresPid) - before.postgres),
  };
}

/** Waits until hardly any processor time is spent any more, at most a second and a half. */
async function settle(spentMs: () => number): Promise<void> {
  let last = spentMs();
  for (let n = 0; n < 15; n += 1) {
    await sleep(100);
    const now = spentMs();
    if (!(now - last > 10)) return;
    last = now;
  }
}

/** Puts load on a target, without measuring what it costs. */
export function runLoad(setting: Setting, target: Target, asked: Asked): Promise<Measured> {
  const { upstream, bare, gates, bearers, load } = setting;
  const ports = {
    direct: [upstream.port],
    bare: [bare.port],
    gate: [gates[0]!.port],
    gate2: gates.slice(1).map(({ port }) => port),
  };
  const isGate = target.startsWith('gate');
  const isJunk = asked.workload === 'junk';
  return load.tell<Measured>('measure', {
    ...asked,
    ports: ports[target],
    path: isGate ? '/mcp' : isJunk ? JUNK_PATH : '/v2/mcp',
    bearers: isJunk ? bearers.map(mistyped) : bearers,
    filtered: isGate,
  } satisfies Load);
}

/** The same with a checksum that does not fit. */
const mistyped = (bearer: string) => bearer.slice(0, -1) + (bearer.endsWith('0') ? '1' : '0');

/** The middle one; of an even number the lower. NaN of none. */
export function median(values: number[]): number {
  const known = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  return known[(known.length - 1) >> 1] ?? NaN;
}

/** The median of a figure over a target's rounds. */
export const figure = (cell: Cell, target: Target, key: keyof Round): number =>
  median(cell.rounds[target].map((round) => round[key] as number));

/** The median over the rounds of a figure of one target against another's of the same round. */
export function against(
  cell: Cell,
  [target, other]: [Target, Target],
  key: keyof Round,
  how: (own: number, others: number) => number,
): number {
  return median(
    cell.rounds[target].map((round, n) => how(round[key] as number, cell.rounds[other][n]![key] as number)),
  );
}

export const ratio = (cell: Cell, target: Target): number =>
  against(cell, [target, 'bare'], 'perSecond', (own, bare) => own / bare);
export const added = (cell: Cell, pair: [Target, Target], key: 'p50Ms' | 'p99Ms'): number =>
  against(cell, pair, key, (own, other) => own - other);
