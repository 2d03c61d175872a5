// What the bench promises, and whether this run reached it.
import type { Rise } from './hostile';
import { added, figure, ratio, type Cell } from './cells';
import type { StreamCost } from './streams';

export interface Verdict {
  what: string;
  measured: number;
  target: string;
  reached: boolean;
}

const RATIOS: [Cell['workload'], number, number][] = [
  ['call', 64, 0.5],
  ['call', 16, 0.4],
  ['list', 64, 0.5],
  ['refused', 64, 0.6],
  ['junk', 64, 0.9],
];
const ADDED: [number, 'p50Ms' | 'p99Ms', number][] = [
  [1, 'p50Ms', 0.8],
  [1, 'p99Ms', 3],
  [16, 'p99Ms', 8],
];
const MOST_RESIDENT_MIB = 350;
const MOST_RISE_MIB = 16;
const MOST_KB_EACH = 25;

/** A verdict for each target whose figure was measured. */
export function judge({
  cells,
  streams,
  rises,
}: {
  cells: Cell[];
  streams: StreamCost[];
  rises: Rise[];
}): Verdict[] {
  const find = (workload: Cell['workload'], connections: number) =>
    cells.filter((cell) => cell.workload === workload && cell.connections === connections);
  const atMost = (what: string, measured: number, most: number, unit: string): Verdict => ({
    what,
    measured,
    target: `≤ ${most} ${unit}`,
    reached: measured <= most,
  });
  return [
    ...RATIOS.flatMap(([workload, connections, least]) =>
      find(workload, connections).map((cell) => {
        const measured = ratio(cell, 'gate');
        const what = `${workload} at ${connections}: calls/s against the bare proxy`;
        return { what, measured, target: `≥ ${least}`, reached: measured >= least };
      }),
    ),
    ...ADDED.flatMap(([connections, key, most]) =>
      find('call', connections).map((cell) =>
        atMost(
          `call at ${connections}: ${key === 'p50Ms' ? 'p50' : 'p99'} added to a direct call`,
          added(cell, ['gate', 'direct'], key),
          most,
          'ms',
        ),
      ),
    ),
    ...find('call', 64).map((cell) =>
      atMost(
        'call at 64: resident memory at most',
        figure(cell, 'gate', 'peakMiB'),
        MOST_RESIDENT_MIB,
        'MiB',
      ),
    ),
    ...streams.map(({ asked, open, kBEach }) => {
      const verdict = atMost(`memory of a stream at ${asked} (${open} open)`, kBEach, MOST_KB_EACH, 'kB');
      return { ...verdict, reached: verdict.reached && open === asked };
    }),
    ...rises.map(({ kind, peakMiB }) => atMost(`${kind}: rise of memory`, peakMiB, MOST_RISE_MIB, 'MiB')),
  ];
}
