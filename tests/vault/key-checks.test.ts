// A ring that does not belong to the database stops the start, before anything is sealed or opened with it; a nonce never comes twice.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { readEnv, setEnv } from '@/lib/env';
import { keysFact } from '@/lib/portal/health';
import { parseKeyRing, seal } from '@/lib/vault/seal';
import { checkKeyRing, openSecret, placeOf, ringStillFits, sealSecret } from '@/lib/vault/vault';
import { openLib, startServer, freePort } from '../support/portal';

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const [production, older, staging] = [key('p2'), key('p1'), key('p2')];

let lib: Awaited<ReturnType<typeof openLib>>;
beforeAll(async () => {
  lib = await openLib();
});
afterAll(() => lib.close());

beforeEach(async () => {
  setEnv({ GATEHOUSE_KEYS: older });
  await pool().query('DELETE FROM key_checks');
  await checkKeyRing();
  setEnv({ GATEHOUSE_KEYS: `${production},${older}` });
  await checkKeyRing();
});

const checked = async () =>
  (await pool().query<{ key_id: string }>('SELECT key_id FROM key_checks ORDER BY 1')).rows.map(
    (row) => row.key_id,
  );
const problemsWith = (keys: string) => {
  setEnv({ GATEHOUSE_KEYS: keys });
  return checkKeyRing().then(
    () => [],
    (error: { problems: string[] }) => error.problems,
  );
};

describe('the start', () => {
  test('TV-08: with the keys of this database it goes on, in whatever order they stand', async () => {
    expect(await problemsWith(`${production},${older}`)).toEqual([]);
    expect(await problemsWith(`${older},${production}`)).toEqual([]);
    expect(await problemsWith(`${key('p3')},${production},${older}`)).toEqual([]);
    expect(await checked()).toEqual(['p1', 'p2', 'p3']);
  });

  test('TV-08, TV-17: another key of the same name, a staging one for instance, stops it', async () => {
    expect(await problemsWith(`${staging},${older}`)).toEqual([
      'The key "p2" in GATEHOUSE_KEYS is not the one this database was sealed with; put that one back.',
    ]);
    // And the other way round: production's ring on a database of staging.
    await pool().query('DELETE FROM key_checks');
    expect(await problemsWith(staging)).toEqual([]);
    expect(await problemsWith(production)).toEqual([expect.stringContaining('is not the one')]);
    expect(await checked()).toEqual(['p2']);
  });

  test('TV-13: a key that was taken out too early stops it, named, and nothing is changed', async () => {
    expect(await problemsWith(production)).toEqual([
      'GATEHOUSE_KEYS lacks the key "p1" that this database was sealed with; put it back (older keys go behind the current one).',
    ]);
    expect(await problemsWith(key('fresh'))).toHaveLength(2);
    expect(await checked()).toEqual(['p1', 'p2']);
  });

  test('a key that waits behind the first has no check yet, so that giving it up again needs nobody', async () => {
    expect(await problemsWith(`${production},${older},${key('next')}`)).toEqual([]);
    expect(await checked()).toEqual(['p1', 'p2']);
    expect(await problemsWith(`${production},${older}`)).toEqual([]);
  });

  test.each([
    ['missing', '', 'is not set'],
    ['short', `k:${randomBytes(16).toString('base64')}`, 'must be'],
    ['all zero', `k:${Buffer.alloc(32).toString('base64')}`, 'not random'],
    ['whitespace', '   ', 'must be'],
    ['the placeholder', 'id:base64(32 bytes)', 'must be'],
  ])('TV-09: a key that is %s stops it', async (_, keys, words) => {
    setEnv({ GATEHOUSE_KEYS: keys });
    await expect(checkKeyRing()).rejects.toThrow(words);
  });

  test(
    'TV-08: the server says so in one sentence, ends with 1 and never listens',
    { timeout: 60_000 },
    async () => {
      const PORT = String(await freePort());
      const started = startServer({ ...lib.variables, PORT, GATEHOUSE_KEYS: `${staging},${older}` });
      const output = await started.then(
        () => 'it started',
        (error: Error) => error.message,
      );
      expect(output).toContain('The key "p2" in GATEHOUSE_KEYS is not the one this database was sealed with');
      expect(output).not.toMatch(/\bat .*:\d+:\d+/);
      for (const one of [production, staging, older]) expect(output).not.toContain(one.split(':')[1]!);
    },
  );
});

describe('a process that runs', () => {
  test('stays ready while another one introduces a key that it does not know yet', async () => {
    expect(await problemsWith(`${key('p3')},${production},${older}`)).toEqual([]);
    setEnv({ GATEHOUSE_KEYS: `${production},${older}` });
    expect(await ringStillFits()).toBe(true);
    expect(await keysFact()).toMatchObject({ ok: true });
  });

  test('is not ready on a database of other keys, and writes nothing into it', async () => {
    setEnv({ GATEHOUSE_KEYS: `${staging},${older}` });
    expect(await keysFact()).toMatchObject({ ok: false });
    setEnv({ GATEHOUSE_KEYS: key('foreign') });
    expect(await keysFact()).toMatchObject({ ok: false });
    expect(await checked()).toEqual(['p1', 'p2']);
  });
});

test('TV-03, TV-04: a text of another row, column, table or organization does not open in this process either', () => {
  const sealed = sealSecret(placeOf('o1', 'connections', 'access_token', 'r1'), 'secret');
  for (const place of [
    placeOf('o2', 'connections', 'access_token', 'r1'),
    placeOf('o1', 'revocations', 'access_token', 'r1'),
    placeOf('o1', 'connections', 'refresh_token', 'r1'),
    placeOf('o1', 'connections', 'access_token', 'r2'),
  ])
    expect(() => openSecret(place, sealed), place).toThrow('refused');
  expect(openSecret(placeOf('o1', 'connections', 'access_token', 'r1'), sealed)).toBe('secret');
});

test('TV-06: a text of a key that is not in the ring is refused by name', () => {
  const sealed = seal(parseKeyRing(key('gone')), 'place', 'secret', randomBytes(12));
  expect(() => openSecret('place', sealed)).toThrow('sealed with key "gone", which is not in the key ring');
});

test('TV-07: 50,000 texts sealed in a row never share a nonce', () => {
  const nonces = new Set<string>();
  for (let n = 0; n < 50_000; n += 1)
    nonces.add(sealSecret('p', '').slice('v1.p2.'.length, 'v1.p2.'.length + 16));
  expect(nonces.size).toBe(50_000);
});

test('TV-09: the settings refuse what is no key ring before anything else starts', () => {
  expect(() => readEnv({ GATEHOUSE_KEYS: 'k:short' })).toThrow('GATEHOUSE_KEYS must be');
  expect(readEnv({ GATEHOUSE_KEYS: production }).GATEHOUSE_KEYS).toBe(production);
});
