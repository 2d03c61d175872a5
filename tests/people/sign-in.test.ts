// Guessing passwords: the same answer and time for a known and an unknown address, a lock after eight failures, a limit for
// every network address, and the right person is let in again.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { countAttempt } from '@/lib/people/attempts';
import { acceptInvite, invite } from '@/lib/people/invites';
import { hashPassword } from '@/lib/people/passwords';
import { signIn } from '@/lib/people/sign-in';
import { addOrganization, addPerson, openLib, PASSWORD, type PortalOrganization } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;
let named = 0;
let email: string;
let address: string;

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
});
afterAll(() => lib.close());
beforeEach(async () => {
  named += 1;
  email = `ana${named}@aurora.example`;
  address = `192.0.2.${named}`;
  await addPerson(organization, email);
});

/** `in`, `wrong`, or the code of the error. */
async function attempt(who: string, password: string, from = address): Promise<string> {
  try {
    return (await signIn({ email: who, password, address: from })) ? 'in' : 'wrong';
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

async function times<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let n = 0; n < count; n += 1) results.push(await work());
  return results;
}

const LOCKED = 'too_many_attempts';
/** The moments until which something is locked or counted lie in the past now. */
async function letTimePass(): Promise<void> {
  await pool().query(
    `UPDATE members SET locked_until = now() - interval '1 second' WHERE locked_until IS NOT NULL`,
  );
  await pool().query('UPDATE rate_limits SET expire = 1 WHERE expire IS NOT NULL');
}

describe('an e-mail address', () => {
  test('fits in any case and with spaces around it, and in no other spelling', async () => {
    for (const spelling of [email, email.toUpperCase(), ` ${email}\t`, email.replace('a', 'A')])
      expect(await attempt(spelling, PASSWORD), spelling).toBe('in');
    const others = [
      email.replace('a', 'а'), // Cyrillic
      email.replace('@', '＠'),
      `${email}.`,
      `"${email.split('@')[0]}"@aurora.example`,
      `${email},admin@aurora.example`,
      `${email}\u0000`,
      `\u0000`,
      `${email}\n`.replace('\n', '\u200B'),
      `${email}' OR '1'='1`,
      '%',
      '',
    ];
    for (const other of others) expect(await attempt(other, PASSWORD), JSON.stringify(other)).toBe('wrong');
  });

  test('that nobody has is answered like one that somebody has: wrong eight times, then locked, then open again', async () => {
    const series = async (who: string) => {
      const answers = await times(10, () => attempt(who, 'wrong password', '198.51.100.1'));
      await letTimePass();
      answers.push(...(await times(1, () => attempt(who, 'wrong password', '198.51.100.2'))));
      await letTimePass();
      return answers;
    };
    const known = await series(email);
    expect(known).toEqual([...Array<string>(8).fill('wrong'), ...Array<string>(2).fill(LOCKED), 'wrong']);
    // With a NUL in it, which the database could not even look for.
    expect(await series(`nobody${named}\u0000@aurora.example`)).toEqual(known);
  });

  test('takes about as long when nobody has it, when it has no password yet, and when the password is wrong', async () => {
    const invited = `invited${named}@aurora.example`;
    await addPerson(organization, invited, { password: undefined });
    const taken: Record<string, number[]> = { known: [], unknown: [], invited: [] };
    for (let n = 0; n < 9; n += 1) {
      await letTimePass();
      await pool().query('UPDATE members SET failed_sign_ins = 0');
      for (const [kind, who] of [
        ['known', email],
        ['unknown', `nobody${named}-${n}@aurora.example`],
        ['invited', invited],
      ] as const) {
        const since = performance.now();
        expect(await attempt(who, 'wrong password')).toBe('wrong');
        taken[kind]!.push(performance.now() - since);
      }
    }
    const median = (kind: string) => taken[kind]!.toSorted((a, b) => a - b)[4]!;
    // An answer without a hashed password would come in a tenth of the time.
    for (const kind of ['unknown', 'invited']) {
      expect(median(kind) / median('known'), kind).toBeGreaterThan(0.5);
      expect(median(kind) / median('known'), kind).toBeLessThan(2);
    }
  });
});

describe('a lock', () => {
  test('comes with the eighth failure, refuses the right password too, and opens after fifteen minutes', async () => {
    expect(await times(8, () => attempt(email, 'wrong password'))).toEqual(Array<string>(8).fill('wrong'));
    expect(await attempt(email, PASSWORD)).toBe(LOCKED);
    expect(await attempt(email, PASSWORD, '203.0.113.9')).toBe(LOCKED);
    const { rows } = await pool().query(
      'SELECT extract(epoch FROM locked_until - now()) / 60 AS minutes FROM members WHERE email = $1',
      [email],
    );
    expect(Number(rows[0].minutes)).toBeGreaterThan(14);
    expect(Number(rows[0].minutes)).toBeLessThanOrEqual(15.01);
    await letTimePass();
    expect(await attempt(email, PASSWORD)).toBe('in');
    const { records } = await searchAudit(organization.id, { member: email }, { limit: 20 });
    expect(records.map(({ action }) => action)).toEqual([
      'member.signed_in',
      'member.locked',
      ...Array<string>(7).fill('member.sign_in_failed'),
    ]);
  });

  test('does not come while the person gets in between, nor to a neighbour', async () => {
    const nearly = () => pool().query('UPDATE members SET failed_sign_ins = 6 WHERE email = $1', [email]);
    await nearly();
    expect(await attempt(email, 'wrong password')).toBe('wrong');
    expect(await attempt(email, PASSWORD)).toBe('in');
    expect(await attempt(email, 'wrong password')).toBe('wrong');
    expect(await attempt(email, PASSWORD)).toBe('in');
    await nearly();
    expect(await times(3, () => attempt(email, 'wrong password'))).toEqual(['wrong', 'wrong', LOCKED]);
    expect(await attempt('admin@aurora.example', PASSWORD)).toBe('in');
  });

  test('comes when the guesses arrive all at once', async () => {
    const from = (n: number) => `203.0.113.${n}`;
    await Promise.all(Array.from({ length: 12 }, (_, n) => attempt(email, `wrong password ${n}`, from(n))));
    expect(await attempt(email, PASSWORD)).toBe(LOCKED);
  });

  test('ends with an invite’s new password', async () => {
    await pool().query('UPDATE members SET failed_sign_ins = 7 WHERE email = $1', [email]);
    expect(await times(2, () => attempt(email, 'wrong password'))).toEqual(['wrong', LOCKED]);
    const { rows } = await pool().query('SELECT id FROM members WHERE email = $1', [email]);
    const link = await transaction((tx) => invite(tx, organization.actor, { id: rows[0].id, email }));
    await acceptInvite(link.split('#')[1]!, 'another long password');
    expect(await attempt(email, 'another long password')).toBe('in');
  });
});

describe('a network address', () => {
  test('has forty failures in ten minutes; then it is refused, right password or not, and others are not', async () => {
    // Thirty-nine of other kinds of guessing count like wrong passwords.
    for (let n = 0; n < 39; n += 1) await countAttempt(address);
    expect(await attempt(email, PASSWORD)).toBe('in');
    expect(await attempt(email, 'wrong password')).toBe('wrong');
    expect(await attempt(email, 'wrong password')).toBe(LOCKED);
    expect(await attempt(email, PASSWORD)).toBe(LOCKED);
    expect(await attempt(`nobody${named}@aurora.example`, PASSWORD)).toBe(LOCKED);
    await expect(countAttempt(address)).rejects.toMatchObject({ code: LOCKED, status: 429 });
    expect(await attempt(email, PASSWORD, '203.0.113.99')).toBe('in');
    const { rows } = await pool().query('SELECT expire FROM rate_limits WHERE key = $1', [
      `sign-in:${address}`,
    ]);
    const minutes = (Number(rows[0].expire) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(8);
    expect(minutes).toBeLessThanOrEqual(10);
    await letTimePass();
    expect(await attempt(email, PASSWORD)).toBe('in');
  });

  test('and what was typed into it are not kept in clear once they count no more', async () => {
    await attempt(`secret-${named}@typed.example`, 'typed password');
    const { rows } = await pool().query('SELECT key FROM rate_limits');
    expect(JSON.stringify(rows)).not.toContain('typed');
  });
});

describe('a password', () => {
  test('is kept as argon2id with 19 MiB and two passes, salted, whatever its length and script', async () => {
    const [one, two] = [await hashPassword('größer als zehn 🚪'), await hashPassword('größer als zehn 🚪')];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
    await pool().query('UPDATE members SET password_hash = $1 WHERE email = $2', [one, email]);
    expect(await attempt(email, 'größer als zehn 🚪'.normalize('NFD'))).toBe('in');
    for (const wrong of ['größer als zehn', 'GRÖSSER ALS ZEHN 🚪', '', 'größer als zehn 🚪 '])
      expect(await attempt(email, wrong)).toBe('wrong');
  });

  test('that the database holds in a broken form lets nobody in', async () => {
    for (const broken of ['', 'x', '$argon2id$v=19$m=19456,t=2,p=1$AAAA', PASSWORD]) {
      await pool().query('UPDATE members SET password_hash = $1 WHERE email = $2', [broken, email]);
      expect(await attempt(email, PASSWORD), broken).toBe('wrong');
    }
  });
});
