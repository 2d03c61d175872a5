// What the bench prints: the table of cells and the profile.
import {
  added,
  figure,
  ratio,
  runLoad,
  TARGETS,
  targetsAt,
  type Cell,
  type Round,
  type Target,
} from './cells';
import type { Rise } from './hostile';
import type { ProfileLine, ProfileTables } from './profile';
import type { Setting } from './setting';
import type { Streams } from './streams';
import type { Verdict } from './targets';

const shown = (value: number, digits: number) => (Number.isNaN(value) ? '–' : value.toFixed(digits));

/** A table with aligned columns; the first three to the left. */
export function printTable(head: string[], rows: string[][], left = 3): void {
  const widths = head.map((name, n) => Math.max(name.length, ...rows.map((row) => row[n]!.length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, n) => (n < left ? cell.padEnd(widths[n]!) : cell.padStart(widths[n]!))).join(' | ')} |`;
  console.log([line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n'));
}

const HEAD = [
  ...['workload', 'conn', 'target', 'calls/s', '× bare', 'p50 ms', 'p99 ms', '+p50 direct', '+p99 direct'],
  ...['+p50 bare', '+p99 bare', 'CPU ms/call', 'PG ms/call', 'RSS MiB', 'peak', 'failed'],
];

/** Prints all cells, a line a target. */
export function printCells(cells: Cell[]): void {
  if (cells.length === 0) return;
  const rows = cells.flatMap((cell) =>
    targetsAt(cell.connections).map((target) => {
      const of = (key: keyof Round, digits: number) => shown(figure(cell, target, key), digits);
      const more = (other: Target, key: 'p50Ms' | 'p99Ms') =>
        target === 'direct' || target === other ? '' : shown(added(cell, [target, other], key), 2);
      return [
        cell.workload,
        String(cell.connections),
        target,
        of('perSecond', 0),
        shown(ratio(cell, target), 2),
        of('p50Ms', 2),
        of('p99Ms', 2),
        more('direct', 'p50Ms'),
        more('direct', 'p99Ms'),
        more('bare', 'p50Ms'),
        more('bare', 'p99Ms'),
        of('cpuMsEach', 3),
        of('postgresMsEach', 3),
        of('residentMiB', 0),
        of('peakMiB', 0),
        String(cell.rounds[target].reduce((sum, { failed }) => sum + failed, 0)),
      ];
    }),
  );
  printTable(HEAD, rows);
  console.log('');
  for (const { workload, connections, rounds } of cells)
    for (const target of TARGETS) {
      const failure = rounds[target].find((round) => round.failure !== null)?.failure;
      if (failure) console.log(`FAILED ${workload} at ${connections}, ${target}: ${failure}`);
    }
}

/** Prints what idle streams and hostile requests did to the first gate's memory. */
export function printMemory(streams: Streams | null, rises: Rise[]): void {
  if (streams) {
    printTable(
      ['streams', 'open', 'RSS MiB', 'kB each'],
      streams.costs.map(({ asked, open, residentMiB, kBEach }) => [
        String(asked),
        String(open),
        shown(residentMiB, 1),
        shown(kBEach, 1),
      ]),
      0,
    );
    const refusal = streams.costs.find((cost) => cost.refusal !== null)?.refusal;
    if (refusal) console.log(`the first stream that did not open: ${refusal}`);
    console.log(
      `before ${shown(streams.beforeMiB, 1)} MiB, after all ended ${shown(streams.afterMiB, 1)} MiB\n`,
    );
  }
  if (rises.length === 0) return;
  printTable(
    ['one hostile request', 'answered', 'peak +MiB', 'kept +MiB'],
    rises.map(({ kind, statuses, peakMiB, keptMiB }) => [
      kind,
      statuses.map((status) => status || 'closed').join(', '),
      shown(peakMiB, 1),
      shown(keptMiB, 1),
    ]),
    2,
  );
  console.log('');
}

/** Prints each target beside its figure. */
export function printVerdicts(verdicts: Verdict[]): void {
  if (verdicts.length === 0) return;
  printTable(
    ['target', 'measured', 'wanted', ''],
    verdicts.map(({ what, measured, target, reached }) => [
      what,
      shown(measured, 2),
      target,
      reached ? 'reached' : 'not reached',
    ]),
    1,
  );
}

/** Profiles the gate under the `call` workload at 64 connections and prints where the time went. */
export async function printProfile(setting: Setting, seconds: number): Promise<void> {
  const asked = { workload: 'call', connections: 64 } as const;
  await runLoad(setting, 'gate', { ...asked, ms: 3_000 });
  await setting.gates[0]!.tell('profile');
  const measured = await runLoad(setting, 'gate', { ...asked, ms: seconds * 1_000 });
  const { busyMs, functions, files } = await setting.gates[0]!.tell<ProfileTables>('endProfile');
  console.log(
    `${measured.calls} calls, ${Math.round(measured.perSecond)}/s while profiled (sampling costs some), ` +
      `${((busyMs * 1_000) / measured.calls).toFixed(0)} µs of the main thread a call, ${measured.failed} failed`,
  );
  const rows = (lines: ProfileLine[]) =>
    lines.map(({ name, selfMs, share }) => [
      name,
      ((selfMs * 1_000) / measured.calls).toFixed(1),
      `${(share * 100).toFixed(1)} %`,
    ]);
  printTable(['self time by function', 'µs/call', 'share'], rows(functions), 1);
  console.log('');
  printTable(['self time by file', 'µs/call', 'share'], rows(files), 1);
}
