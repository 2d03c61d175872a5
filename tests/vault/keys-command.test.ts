// `npm run keys` on a data folder of its own: the ring in keys.json changes whole, and a process that runs follows it by itself.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changeKeyFile, readKeyFile } from '@/lib/database/key-file';
import { openDatabase } from '@/lib/database/open-database';
import { closeDatabase, pool } from '@/lib/db';
import { childEnv, env, setEnv } from '@/lib/env';
import { checkKeyRing, openSecret, placeOf, sealSecret } from '@/lib/vault/vault';
import { removeDataFolder } from '../support/database';
import { addOrganization } from '../support/portal';

let folder: string;
let file: string;
let organizationId: string;
let close: () => Promise<void>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-keys-'));
  chmodSync(folder, 0o711);
  file = join(folder, 'data', 'keys.json');
  const unset = { DATABASE_URL: '', GATEHOUSE_SECRET: '', GATEHOUSE_KEYS: '' };
  setEnv({ ...unset, GATEHOUSE_DATA: join(folder, 'data'), GATEHOUSE_LOG: 'silent' });
  ({ close } = await openDatabase(() => undefined));
  await checkKeyRing();
  organizationId = (await addOrganization('Aurora', 'admin@aurora.example')).id;
  await pool().query(
    `INSERT INTO asana_apps (organization_id, client_id, client_secret, secret_set_at) VALUES ($1, 'c', $2, now())`,
    [organizationId, sealSecret(place(), 'the app’s secret')],
  );
}, 120_000);

afterAll(async () => {
  await closeDatabase();
  await close();
  removeDataFolder(join(folder, 'data'));
  rmSync(folder, { recursive: true });
});

const place = () => placeOf(organizationId, 'asana_apps', 'client_secret', organizationId);
const ringIds = () =>
  readKeyFile(file)
    .keys.split(',')
    .map((key) => key.split(':')[0]);
const stored = async () =>
  (await pool().query('SELECT client_secret FROM asana_apps')).rows[0].client_secret as string;

async function keys(args: string[], variables: Record<string, string> = {}) {
  const own = {
    GATEHOUSE_DATA: join(folder, 'data'),
    NODE_ENV: 'production',
    GATEHOUSE_KEYS_FILE: '',
    ...variables,
  };
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/keys.ts', ...args], {
    env: childEnv(own),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

describe('npm run keys on the embedded database, beside a process that runs', { timeout: 60_000 }, () => {
  test('adds a key, seals everything with it and retires the old one; the other process never stops reading and sealing', async () => {
    const secret = env().GATEHOUSE_SECRET;
    expect(await keys(['status'])).toEqual({
      code: 0,
      output: 'key 1: seals; 1 sealed text (asana_apps.client_secret)\n',
    });

    const added = await keys(['add']);
    expect([added.code, added.output]).toEqual([0, expect.stringContaining('Added the key 2')]);
    expect(ringIds()).toEqual(['2', '1']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readKeyFile(file).secret).toBe(secret);
    expect(openSecret(place(), await stored())).toBe('the app’s secret');

    const early = await keys(['retire', '1']);
    expect([early.code, early.output]).toEqual([
      1,
      expect.stringContaining('1 texts are still sealed with the key "1"'),
    ]);
    expect(await stored()).toMatch(/^v1\.1\./);

    expect((await keys(['rotate'])).output).toContain('Sealed 1 text anew with the key 2.');
    expect(await stored()).toMatch(/^v1\.2\./);
    expect(openSecret(place(), await stored())).toBe('the app’s secret');
    expect(sealSecret('p', 'x')).toMatch(/^v1\.2\./);

    const retired = await keys(['retire', '1']);
    expect([retired.code, retired.output]).toEqual([0, expect.stringContaining('Took the key 1 out of')]);
    expect(ringIds()).toEqual(['2']);
    expect(await keys(['status'])).toEqual({
      code: 0,
      output: 'key 2: seals; 1 sealed text (asana_apps.client_secret)\n',
    });
    expect(openSecret(place(), await stored())).toBe('the app’s secret');
    expect(readdirSync(join(folder, 'data')).filter((name) => name.startsWith('keys.'))).toEqual([
      'keys.json',
    ]);

    const { rows } = await pool().query(
      `SELECT action, target, after FROM audit_records WHERE action LIKE 'vault_key.%' ORDER BY id`,
    );
    expect(rows).toEqual([
      { action: 'vault_key.added', target: 'vault_key:2', after: null },
      {
        action: 'vault_key.rotation_started',
        target: 'vault_key:2',
        after: { to: '2', from: ['1'], rows: 1 },
      },
      {
        action: 'vault_key.rotation_finished',
        target: 'vault_key:2',
        after: { to: '2', resealed: 1, unreadable: 0 },
      },
      { action: 'vault_key.retired', target: 'vault_key:1', after: null },
    ]);
  });

  test('with GATEHOUSE_KEYS it changes no file and says what to put where', async () => {
    const before = readFileSync(file, 'utf8');
    const { code, output } = await keys(['add'], { GATEHOUSE_KEYS: readKeyFile(file).keys });
    expect([code, output]).toEqual([0, expect.stringMatching(/in front of it.*\n3:[A-Za-z0-9+/]{43}=\n/)]);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test('says how it is used, and refuses a ring that is not this database’s', async () => {
    expect(await keys([])).toEqual({
      code: 2,
      output: expect.stringContaining('status | add | rotate | retire ID'),
    });
    const wrong = await keys(['rotate'], {
      GATEHOUSE_KEYS: `2:${Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64')}`,
    });
    expect([wrong.code, wrong.output]).toEqual([
      1,
      expect.stringContaining('is not the one this database was sealed with'),
    ]);
    expect(await stored()).toMatch(/^v1\.2\./);
  });
});

describe('keys.json', () => {
  test('keeps every change of several that are made at once', async () => {
    const own = join(folder, 'own.json');
    writeFileSync(own, JSON.stringify({ secret: 's', keys: 'a' }));
    await Promise.all(['b', 'c', 'd'].map((name) => changeKeyFile(own, (ring) => `${ring},${name}`)));
    expect(readKeyFile(own).keys.split(',').toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('that is spoilt or gone is named and never quoted', () => {
    const own = join(folder, 'spoilt.json');
    writeFileSync(own, '{"keys": "1:secretsecret');
    expect(() => readKeyFile(own)).toThrow(/spoilt\.json is damaged; put your copy of it back\.$/);
    expect(() => readKeyFile(join(folder, 'none.json'))).toThrow("can't be read (ENOENT)");
  });

  test('that is spoilt while a process runs leaves that process the keys it has', async () => {
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, 'spoilt');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(openSecret(place(), await stored())).toBe('the app’s secret');
    writeFileSync(file, before);
  });
});
