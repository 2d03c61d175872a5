// The command of the policy file, run as a person runs it.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '@/lib/audit/append';
import { readConfig } from '@/lib/config/config';
import { configText, type Config } from '@/lib/config/format';
import { db, transaction, type Tx } from '@/lib/db';
import { childEnv } from '@/lib/env';
import { createGroup } from '@/lib/people/groups';
import { addOrganization, openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let actor: Actor;

beforeAll(async () => {
  lib = await openLib();
  ({ actor } = await addOrganization('Aurora', 'admin@aurora.example'));
  await addOrganization('Borealis', 'admin@borealis.example');
  await transaction(async (tx) => {
    await createGroup(tx, actor, { name: 'Sales', tools: ['get_task'], members: [] });
    await createGroup(tx, actor, { name: 'Board', tools: ['delete_task'], members: [] });
  });
});
afterAll(() => lib.close());

const read = () => readConfig(db() as unknown as Tx, actor.organizationId);
const text = async () => configText(await read());

describe('npm run config', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  const path = join(folder, 'gatehouse.json');
  afterAll(() => rmSync(folder, { recursive: true }));
  const command = (...args: string[]) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      execFile(
        process.execPath,
        ['--import', 'tsx', 'scripts/config.ts', ...args],
        { env: childEnv({ ...lib.variables, NODE_ENV: 'production' }) },
        (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
      );
    });
  const named = ['--organization', 'Aurora'];

  // Five programs, one after the other, on a machine that may be busy.
  const slow = { timeout: 120_000 };
  test(
    'exports, ends a plan with 0 or 2, applies, and says which organizations there are',
    slow,
    async () => {
      expect(await command('export', path)).toMatchObject({
        code: 1,
        out: expect.stringContaining('"Aurora", "Borealis"'),
      });
      expect(await command('export', path, ...named)).toEqual({ code: 0, out: '' });
      expect(readFileSync(path, 'utf8')).toBe(await text());
      expect(await command('plan', path, ...named)).toMatchObject({
        code: 0,
        out: expect.stringContaining('Nothing to change'),
      });
      const file = JSON.parse(readFileSync(path, 'utf8')) as Config;
      writeFileSync(
        path,
        JSON.stringify({ ...file, groups: file.groups.map((group) => ({ ...group, name: 'Three' })) }),
      );
      expect(await command('plan', path, ...named)).toMatchObject({
        code: 2,
        out: expect.stringContaining('~ Group sales: is called “Three”'),
      });
      expect(await command('apply', path, ...named)).toMatchObject({
        code: 0,
        out: expect.stringContaining('Applied'),
      });
      expect((await read()).groups.map(({ name }) => name)).toEqual(['Three', 'Three']);
    },
  );
});
