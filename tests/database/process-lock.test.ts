// Only one process at a time holds a lock, whoever was killed while holding it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRunning, processName, withLock } from '@/lib/database/process-lock.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const LOCK = new URL('../../lib/database/process-lock.mjs', import.meta.url).href;
const run = (body: string) =>
  spawn(
    process.execPath,
    ['--input-type=module', '-e', `import { withLock } from '${LOCK}'; import fs from 'node:fs';${body}`],
    {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );

test('six processes that count under the lock miss no step, though one is killed holding it', async () => {
  writeFileSync(join(folder, 'count'), '0');
  const victim = run(
    `await withLock('.', 'l', () => { console.log('held'); return new Promise(() => setInterval(() => {}, 1e6)) })`,
  );
  await once(victim.stdout, 'data');
  const count = `for (let i = 0; i < 40; i += 1) await withLock('.', 'l', async () => {
    const n = Number(fs.readFileSync('count', 'utf8'));
    await new Promise(setImmediate);
    fs.writeFileSync('count', String(n + 1));
  });`;
  const counters = Array.from({ length: 6 }, () => run(count));
  const ended = Promise.all(counters.map((child) => once(child, 'exit')));
  victim.kill('SIGKILL');
  expect(await ended).toEqual(counters.map(() => [0, null]));
  expect(readFileSync(join(folder, 'count'), 'utf8')).toBe('240');
});

test('work that throws releases the lock, and whoever waits is told for whom', async () => {
  await expect(withLock(folder, 'l', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  const waits: number[] = [];
  await withLock(folder, 'l', async () => {
    const second = withLock(
      folder,
      'l',
      async () => 'second',
      (pid) => waits.push(pid),
    );
    const notYet = new Promise((resolve) => setTimeout(resolve, 60, 'not yet'));
    expect(await Promise.race([second, notYet])).toBe('not yet');
  });
  expect(waits).toEqual([process.pid]);
});

test('a process has one name for life: a dead one and another start time do not pass for it', async () => {
  const child = spawn('sleep', ['60']);
  const name = processName(child.pid!)!;
  expect(isRunning(name)).toBe(true);
  expect(isRunning(name.replace(/\.\d+/, '.1'))).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(isRunning(name)).toBe(false);
  expect(isRunning('')).toBe(false);
});
