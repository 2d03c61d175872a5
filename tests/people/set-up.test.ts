// The first run: who reads the log makes the first organization, once; whoever comes later or guesses makes none.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pool } from '@/lib/db';
import { EnvironmentError, readEnv, setEnv } from '@/lib/env';
import { setUp, setUpCode, setUpFromEnvironment } from '@/lib/portal/set-up';
import { signIn } from '@/lib/people/sign-in';
import { openLib, PASSWORD } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;

beforeEach(async () => {
  lib = await openLib();
});
afterEach(() => lib.close());

const input = (email: string, code = setUpCode()) => ({
  ...{ code, organization: `Of ${email}`, name: 'Ana', email, password: PASSWORD },
});
const count = async (table: string) =>
  Number((await pool().query(`SELECT count(*) FROM ${table}`)).rows[0].count);

describe('set-up by hand', () => {
  test('with the code of the log makes the organization, its admin and its catalogue', async () => {
    expect(await setUp(input('ana@aurora.example'))).toEqual({ email: 'ana@aurora.example' });
    expect([await count('organizations'), await count('members'), await count('tools')]).toEqual([1, 1, 39]);
    const { rows } = await pool().query('SELECT status, blocked, reviewed_at FROM tools');
    expect(rows.filter((tool) => tool.status !== 'reviewed' || tool.blocked || !tool.reviewed_at)).toEqual(
      [],
    );
    expect(
      await signIn({ email: 'ana@aurora.example', password: PASSWORD, address: '192.0.2.1' }),
    ).not.toBeNull();
    const audit = await pool().query('SELECT action, credential_name, after FROM audit_records ORDER BY id');
    expect(audit.rows.map(({ action }) => action)).toEqual(['organization.created', 'member.signed_in']);
    expect(audit.rows[0]).toMatchObject({
      credential_name: 'set-up page',
      after: { admin: 'ana@aurora.example' },
    });
  });

  test('forgives spaces and capitals in the code and nothing else', async () => {
    const code = setUpCode();
    const wrong = ['', ' ', code.slice(1), `${code}0`, code.replaceAll('-', ''), 'ü'.repeat(19), `${code} x`];
    const long = [
      `${code}${' '.repeat(40)}x`,
      '🚪'.repeat(40),
      '\u0000',
      code.replace(/^./, (c) => (c === '0' ? '1' : '0')),
    ];
    for (const guess of [...wrong, ...long])
      await expect(setUp(input('ana@aurora.example', guess)), JSON.stringify(guess)).rejects.toMatchObject({
        code: 'wrong_set_up_code',
      });
    expect(await count('organizations')).toBe(0);
    await setUp(input('ana@aurora.example', `  ${code.toUpperCase()}\n`));
    expect(await count('organizations')).toBe(1);
  });

  test('has a code that another deployment does not have', () => {
    const code = setUpCode();
    expect(code).toMatch(/^[0-9a-f]{4}(-[0-9a-f]{4}){3}$/);
    setEnv({ GATEHOUSE_SECRET: `${lib.variables.GATEHOUSE_SECRET}x` });
    expect(setUpCode()).not.toBe(code);
    setEnv({ GATEHOUSE_SECRET: lib.variables.GATEHOUSE_SECRET });
    expect(setUpCode()).toBe(code);
  });

  test('happens once: later, or of eight at the same moment, the others hear that it is done', async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => setUp(input(`admin${n % 4}@aurora.example`))),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'set_up_already' });
    await expect(setUp(input('late@aurora.example'))).rejects.toMatchObject({ code: 'set_up_already' });
    expect([await count('organizations'), await count('members')]).toEqual([1, 1]);
  });
});

describe('set-up from the environment', () => {
  const given = {
    GATEHOUSE_ORGANIZATION: 'Aurora',
    GATEHOUSE_ADMIN_EMAIL: 'Ana@Aurora.example',
    GATEHOUSE_ADMIN_PASSWORD: PASSWORD,
  };
  const none = { GATEHOUSE_ORGANIZATION: '', GATEHOUSE_ADMIN_EMAIL: '', GATEHOUSE_ADMIN_PASSWORD: '' };
  afterEach(() => setEnv(none));

  test('makes one organization, whichever of several processes comes first, and is ignored from then on', async () => {
    setEnv(given);
    const made = await Promise.all(Array.from({ length: 5 }, () => setUpFromEnvironment()));
    expect(made.filter(Boolean)).toHaveLength(1);
    expect(
      await signIn({ email: 'ana@aurora.example', password: PASSWORD, address: '192.0.2.1' }),
    ).not.toBeNull();
    setEnv({ ...given, GATEHOUSE_ADMIN_EMAIL: 'other@aurora.example', GATEHOUSE_ORGANIZATION: 'Other' });
    expect(await setUpFromEnvironment()).toBe(false);
    setEnv({ ...given, GATEHOUSE_ADMIN_PASSWORD: 'changed in the environment' });
    expect(await setUpFromEnvironment()).toBe(false);
    expect([await count('organizations'), await count('members')]).toEqual([1, 1]);
    expect(
      await signIn({
        email: 'ana@aurora.example',
        password: 'changed in the environment',
        address: '192.0.2.1',
      }),
    ).toBeNull();
  });

  test('does nothing without its variables, and a part of them or a bad one stops the start', async () => {
    setEnv(none);
    expect(await setUpFromEnvironment()).toBe(false);
    const base = { GATEHOUSE_ALLOW_INSECURE_UPSTREAM: '1' };
    expect(() => readEnv({ ...base, ...given })).not.toThrow();
    for (const name of Object.keys(given))
      expect(() => readEnv({ ...base, ...given, [name]: undefined }), name).toThrow(EnvironmentError);
    for (const bad of [
      { GATEHOUSE_ADMIN_EMAIL: 'ana@aurora.example, eve@evil.example' },
      { GATEHOUSE_ADMIN_EMAIL: 'ana' },
      { GATEHOUSE_ADMIN_PASSWORD: 'short' },
      { GATEHOUSE_ADMIN_PASSWORD: 'x'.repeat(201) },
      { GATEHOUSE_ORGANIZATION: 'x'.repeat(121) },
    ]) {
      const [[name, value]] = Object.entries(bad) as [[string, string]];
      const problems = problemsOf({ ...base, ...given, ...bad });
      expect(problems.join('\n'), name).toContain(name);
      expect(problems.join('\n'), name).not.toContain(value);
    }
  });

  function problemsOf(variables: Record<string, string>): string[] {
    try {
      readEnv(variables);
      return [];
    } catch (error) {
      return (error as EnvironmentError).problems;
    }
  }
});
