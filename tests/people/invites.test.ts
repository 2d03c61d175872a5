// Invites: a link opens once, for one person, for seven days.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { acceptInvite, invite } from '@/lib/people/invites';
import { findSession, startSession } from '@/lib/people/sessions';
import { signIn } from '@/lib/people/sign-in';
import { hashToken, mintToken } from '@/lib/tokens/token-format';
import { addOrganization, addPerson, openLib, PASSWORD, type PortalOrganization } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
});
afterAll(() => lib.close());

async function invited(email: string, password?: string): Promise<{ id: string; token: string }> {
  const id = await addPerson(organization, email, { password });
  return { id, token: await renew(id, email) };
}

async function renew(id: string, email: string): Promise<string> {
  const link = await transaction((tx) => invite(tx, organization.actor, { id, email }));
  return /^http:\/\/localhost:3000\/invite#(ghi_[0-9A-Za-z]{44})$/.exec(link)![1]!;
}

const canSignIn = async (email: string, password: string) =>
  (await signIn({ email, password, address: '192.0.2.1' })) !== null;
const gone = { code: 'not_found' };

describe('an invite', () => {
  test('SP-07: sets a password and is used up, also when twenty use it in the same moment', async () => {
    const { token } = await invited('ana@aurora.example');
    const passwords = Array.from({ length: 20 }, (_, n) => `long password number ${n}`);
    const attempts = await Promise.allSettled(passwords.map((password) => acceptInvite(token, password)));
    const won = attempts.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    expect(won).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject(gone);
    expect(await canSignIn('ana@aurora.example', passwords[won[0]!]!)).toBe(true);
    expect(await canSignIn('ana@aurora.example', passwords[(won[0]! + 1) % 20]!)).toBe(false);
    const { records } = await searchAudit(organization.id, { member: 'ana@aurora.example' }, { limit: 50 });
    expect(records.filter(({ action }) => action === 'invite.accepted')).toHaveLength(1);
    await expect(acceptInvite(token, PASSWORD)).rejects.toMatchObject(gone);
  });

  test('ends when it is replaced, when its seven days are over, and when its member is removed', async () => {
    const { id, token } = await invited('ben@aurora.example');
    const { rows } = await pool().query(
      'SELECT extract(epoch FROM expires_at - now()) / 86400 AS days FROM invites WHERE member_id = $1',
      [id],
    );
    expect(Number(rows[0].days)).toBeCloseTo(7, 2);
    const second = await renew(id, 'ben@aurora.example');
    await expect(acceptInvite(token, PASSWORD)).rejects.toMatchObject(gone);
    await pool().query(`UPDATE invites SET expires_at = now() - interval '1 second' WHERE member_id = $1`, [
      id,
    ]);
    await expect(acceptInvite(second, PASSWORD)).rejects.toMatchObject(gone);
    expect(await canSignIn('ben@aurora.example', PASSWORD)).toBe(false);
    const third = await renew(id, 'ben@aurora.example');
    await pool().query('DELETE FROM members WHERE id = $1', [id]);
    await expect(acceptInvite(third, PASSWORD)).rejects.toMatchObject(gone);
  });

  test('is not guessed: any other text, another kind of bearer or a foreign checksum opens nothing', async () => {
    const { token } = await invited('cleo@aurora.example');
    const flipped = token.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
    const kinds = [mintToken('ghi'), mintToken('gth'), mintToken('ghk'), token.replace(/^ghi/, 'gth')];
    for (const made of ['', ' ', flipped, `${token} `, token.toLowerCase(), `${token}\u0000`, ...kinds])
      await expect(acceptInvite(made, PASSWORD), made).rejects.toMatchObject(gone);
    expect(await acceptInvite(token, PASSWORD)).toEqual({ email: 'cleo@aurora.example' });
  });

  test('lets a locked-out member in with a new password and ends the sessions of the old one', async () => {
    const { id, token } = await invited('dora@aurora.example', PASSWORD);
    const session = await startSession({ id, organizationId: organization.id });
    await pool().query(
      `UPDATE members SET locked_until = now() + interval '10 minutes', failed_sign_ins = 5 WHERE id = $1`,
      [id],
    );
    await acceptInvite(token, 'a very new password');
    expect(await findSession(session)).toBeNull();
    expect(await canSignIn('dora@aurora.example', PASSWORD)).toBe(false);
    expect(await canSignIn('dora@aurora.example', 'a very new password')).toBe(true);
  });

  test('is kept as a hash: the database does not hold what opens the door', async () => {
    const { id, token } = await invited('emil@aurora.example');
    const { rows } = await pool().query('SELECT token_hash FROM invites WHERE member_id = $1', [id]);
    expect(Buffer.from(rows[0].token_hash)).toEqual(Buffer.from(hashToken(token)));
  });
});
