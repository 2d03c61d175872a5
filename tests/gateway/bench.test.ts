// The bench measures what it says: every cell counts calls whose answers were checked, and none of them failed.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Cell } from '../bench/cells';

test('npm run bench counts answered calls in every cell, and each was answered as it should be', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const report = join(folder, 'report.json');
  const options = ['--seconds', '0.3', '--rounds', '1', '--only', 'call,refused', '--connections', '4'];
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'tests/bench/bench.ts', ...options, '--slim', '--json', report],
      { timeout: 110_000 },
    );
    const { cells } = JSON.parse(readFileSync(report, 'utf8')) as { cells: Cell[] };
    const measured = cells.flatMap(({ workload, rounds }) =>
      Object.entries(rounds).map(([target, [round]]) => ({ cell: `${workload} ${target}`, round })),
    );
    expect(measured.map(({ cell }) => cell)).toEqual(
      ['call', 'refused'].flatMap((workload) =>
        ['direct', 'bare', 'gate', 'gate2'].map((target) => `${workload} ${target}`),
      ),
    );
    for (const { cell, round } of measured) {
      expect([cell, round?.failed, round?.failure]).toEqual([cell, 0, null]);
      expect(round?.calls, cell).toBeGreaterThan(0);
      expect(stdout).toContain(String(Math.round(round!.perSecond)));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);
