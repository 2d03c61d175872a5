// A hundred times kill -9 of a gate, of PostgreSQL or of both while calls and changes go on: nothing acknowledged is lost, nothing
// reaches the sandbox unrecorded, no write is doubled. Minutes long, so it belongs to the full run.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const TORTURE = fileURLToPath(new URL('torture.ts', import.meta.url));

test('DB-03 AU-05 LD-10: a hundred kills lose no record, send no call without one, and double no write', async () => {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', TORTURE, '--kills', '100', '--seed', '7', '--quiet'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect(said).toMatch(/^0 violations \(seed 7\)$/m);
  expect(code).toBe(0);
}, 1_800_000);
