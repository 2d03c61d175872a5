// The private database comes back from its backup and keys.json alone, on a machine that has nothing else.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openDatabase } from '@/lib/database/open-database';
import { closeDatabase } from '@/lib/db';
import { childEnv, setEnv } from '@/lib/env';
import { signIn } from '@/lib/people/sign-in';
import { checkKeyRing } from '@/lib/vault/vault';
import { removeDataFolder } from '../support/database';
import { addOrganization, PASSWORD } from '../support/portal';

async function run(name: 'backup' | 'restore', args: string[], data: string) {
  const own = { GATEHOUSE_DATA: data, NODE_ENV: 'production' };
  const unset = { DATABASE_URL: '', GATEHOUSE_SECRET: '', GATEHOUSE_KEYS: '', GATEHOUSE_KEYS_FILE: '' };
  const child = spawn(process.execPath, ['--import', 'tsx', `scripts/${name}.ts`, ...args], {
    env: childEnv({ ...unset, ...own }),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

test(
  'backup, everything destroyed, restore: people sign in, and the next backup has the same tables',
  { timeout: 240_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-embedded-'));
    chmodSync(folder, 0o711);
    const data = join(folder, 'data');
    const [file, again, keys] = [
      join(folder, 'one.backup'),
      join(folder, 'two.backup'),
      join(folder, 'kept-keys.json'),
    ];
    const open = async () => {
      setEnv({
        DATABASE_URL: '',
        GATEHOUSE_SECRET: '',
        GATEHOUSE_KEYS: '',
        GATEHOUSE_DATA: data,
        GATEHOUSE_LOG: 'silent',
      });
      const opened = await openDatabase(() => undefined);
      await checkKeyRing();
      return async () => {
        await closeDatabase();
        await opened.close();
      };
    };
    const close = await open();
    await addOrganization('Aurora', 'admin@aurora.example');
    // While a process uses it.
    const made = await run('backup', ['--to', file], data);
    expect([made.code, made.output]).toEqual([
      0,
      expect.stringContaining(`keep a copy of ${join(data, 'keys.json')}`),
    ]);
    const refused = await run('restore', ['--from', file, '--replace'], data);
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringContaining('Gatehouse runs on this database'),
    ]);
    await close();
    renameSync(join(data, 'keys.json'), keys);
    removeDataFolder(data);

    const keyless = await run('restore', ['--from', file], data);
    expect([keyless.code, keyless.output]).toEqual([
      1,
      expect.stringContaining('put the keys that belong to this backup back first'),
    ]);
    writeFileSync(join(data, 'keys.json'), readFileSync(keys), { mode: 0o600 });
    const restored = await run('restore', ['--from', file], data);
    expect([restored.code, restored.output]).toEqual([
      0,
      expect.stringContaining('The audit of Aurora verifies'),
    ]);

    const closeAgain = await open();
    expect(
      await signIn({ email: 'admin@aurora.example', password: PASSWORD, address: '192.0.2.1' }),
    ).toMatchObject({ email: 'admin@aurora.example' });
    expect((await run('backup', ['--to', again], data)).code).toBe(0);
    const tables = (path: string) =>
      gunzipSync(readFileSync(path))
        .toString()
        .split('\n')
        .filter((line) => line.startsWith('{"table"'));
    expect(tables(again)).toEqual(tables(file));
    await closeAgain();
    removeDataFolder(data);
    rmSync(folder, { recursive: true });
  },
);
