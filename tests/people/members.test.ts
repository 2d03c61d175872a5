// Members: always an admin left, one address for one person in the whole deployment, and no trace of access after the end.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { pool, transaction } from '@/lib/db';
import { invite } from '@/lib/people/invites';
import { addMember, listMembers, removeMember, updateMember } from '@/lib/people/members';
import { createOrganization } from '@/lib/people/organizations';
import { findSession, startSession } from '@/lib/people/sessions';
import { mintAgentToken } from '@/lib/tokens/agent-tokens';
import { addOrganization, addPerson, openLib, PASSWORD, type PortalOrganization } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;
let named = 0;

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
});
afterAll(() => lib.close());

const add = (email: string, to = organization) =>
  transaction((tx) => addMember(tx, to.actor, { email, name: 'Any', role: 'member' }));
const codeOf = async (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'done',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  );
const codesOf = (attempts: Promise<unknown>[]) => Promise.all(attempts.map(codeOf));

describe('the last admin', () => {
  test('SP-07: can neither be removed nor lose the role, alone or when all admins go at the same moment', async () => {
    for (let round = 0; round < 4; round += 1) {
      named += 1;
      const own = await addOrganization(`Own ${named}`, `a${named}@own.example`);
      const emails = [`a${named}@own.example`, `b${named}@own.example`, `c${named}@own.example`];
      for (const email of emails.slice(1))
        await addPerson(own, email, { role: 'admin', password: undefined });
      const ends = await codesOf(
        emails.map((email, n) =>
          transaction(async (tx) => {
            if (n === round % 3) await removeMember(tx, own.actor, email);
            else await updateMember(tx, own.actor, email, { role: n % 2 ? 'auditor' : 'member' });
          }),
        ),
      );
      expect(ends.toSorted()).toEqual(['done', 'done', 'last_admin']);
      const members = await transaction((tx) => listMembers(tx, own.id));
      expect(members.filter(({ role }) => role === 'admin')).toHaveLength(1);
    }
  });

  test('stays admin under every other change of the same person', async () => {
    const change = (more: object) =>
      transaction((tx) => updateMember(tx, organization.actor, 'admin@aurora.example', more));
    for (const role of ['auditor', 'member'] as const)
      expect(await codeOf(change({ role }))).toBe('last_admin');
    expect(await change({ role: 'admin', name: 'Renamed' })).toMatchObject({
      role: 'admin',
      name: 'Renamed',
    });
    expect(
      await codeOf(transaction((tx) => removeMember(tx, organization.actor, 'ADMIN@aurora.example'))),
    ).toBe('last_admin');
  });
});

describe('an e-mail address', () => {
  test('belongs to one person of the deployment, in whichever organization and spelling it is asked for', async () => {
    const other = await addOrganization('Borealis', 'admin@borealis.example');
    await add('once@aurora.example');
    for (const [email, to] of [
      ['once@aurora.example', organization],
      ['ONCE@Aurora.example', organization],
      ['once@aurora.example', other],
      ['admin@borealis.example', organization],
    ] as const)
      expect(await codeOf(add(email, to)), email).toBe('email_taken');
    const again = transaction((tx) =>
      createOrganization(tx, {
        ...{ name: 'Third', admin: { email: 'Once@aurora.example', name: 'Any' }, credentialName: 'test' },
      }),
    );
    expect(await codeOf(again)).toBe('email_taken');
    expect((await pool().query(`SELECT 1 FROM organizations WHERE name = 'Third'`)).rowCount).toBe(0);
  });

  test('asked for fifteen times at once is given once, and every other attempt hears why', async () => {
    const ends = await codesOf(Array.from({ length: 15 }, () => add('often@aurora.example')));
    expect(ends.filter((end) => end === 'done')).toHaveLength(1);
    expect(ends.filter((end) => end === 'email_taken')).toHaveLength(14);
  });

  test('of fifteen people added at once is given to each of them', async () => {
    const ends = await codesOf(Array.from({ length: 15 }, (_, n) => add(`crowd${n}@aurora.example`)));
    expect(ends.filter((end) => end !== 'done')).toEqual([]);
  });
});

describe('sessions', () => {
  const sessionsOf = async (email: string) => {
    const { rows } = await pool().query<{ id: string; organization_id: string }>(
      'SELECT id, organization_id FROM members WHERE email = $1',
      [email],
    );
    const member = { id: rows[0]!.id, organizationId: rows[0]!.organization_id };
    return [await startSession(member), await startSession(member)];
  };
  const alive = async (ids: string[]) => (await Promise.all(ids.map(findSession))).filter(Boolean).length;

  test('SP-09: end with a new role, a new password and the removal; a new name or group ends none', async () => {
    const email = 'sessions@aurora.example';
    await addPerson(organization, email);
    const change = (more: object) => transaction((tx) => updateMember(tx, organization.actor, email, more));
    const neighbour = await sessionsOf('admin@aurora.example');
    for (const [more, left] of [
      [{ name: 'Renamed' }, 2],
      [{ groups: [] }, 2],
      [{ role: 'member' }, 2],
      [{ role: 'auditor' }, 0],
      [{ password: 'another long password' }, 0],
    ] as const) {
      const sessions = await sessionsOf(email);
      expect(await alive(sessions)).toBe(2);
      await change(more);
      expect([more, await alive(sessions)]).toEqual([more, left]);
    }
    const sessions = await sessionsOf(email);
    await transaction((tx) => removeMember(tx, organization.actor, email));
    expect(await alive(sessions)).toBe(0);
    expect(await alive(neighbour)).toBe(2);
  });

  test('end twelve hours after the sign-in, and no made-up id finds one', async () => {
    const [id] = await sessionsOf('admin@aurora.example');
    const { rows } = await pool().query(
      'SELECT extract(epoch FROM expires_at - now()) AS left FROM sessions WHERE id = $1',
      [id],
    );
    expect(Number(rows[0].left)).toBeGreaterThan(12 * 3600 - 60);
    expect(Number(rows[0].left)).toBeLessThanOrEqual(12 * 3600 + 1);
    expect(await findSession(id!)).toMatchObject({ email: 'admin@aurora.example', sessionId: id });
    await pool().query(`UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1`, [id]);
    expect(await findSession(id!)).toBeNull();
    for (const made of ['', 'x', crypto.randomUUID(), '-'.repeat(36), `${id}' OR true --`, '0'.repeat(36)])
      expect(await findSession(made), made).toBeNull();
  });
});

describe('a removed member', () => {
  test('leaves nothing that opens a door: sessions, invites, agent tokens and memberships go at the same commit', async () => {
    const email = 'leaving@aurora.example';
    const memberId = await addPerson(organization, email);
    const actor = { ...organization.actor, memberId, memberEmail: email };
    await transaction(async (tx) => {
      await mintAgentToken(tx, actor, { name: 'agent' });
      await invite(tx, organization.actor, { id: memberId, email });
    });
    await startSession({ id: memberId, organizationId: organization.id });
    const tables = [
      'sessions',
      'invites',
      'agent_tokens',
      'group_members',
      'connections',
      'connect_attempts',
    ];
    const left = async () => {
      const counts = await Promise.all(
        tables.map((table) => pool().query(`SELECT 1 FROM ${table} WHERE member_id = $1`, [memberId])),
      );
      return counts.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
    };
    expect(await left()).toBe(3);
    await transaction((tx) => removeMember(tx, organization.actor, email));
    expect(await left()).toBe(0);
    const { records } = await searchAudit(organization.id, { kind: 'event' }, { limit: 1 });
    expect(records[0]).toMatchObject({
      action: 'member.removed',
      target: `member:${email}`,
      before: { email },
    });
  });

  test('can be added again under the same address, as somebody new', async () => {
    const before = await add('again@aurora.example');
    await transaction((tx) => removeMember(tx, organization.actor, 'again@aurora.example'));
    const after = await add('again@aurora.example');
    expect(after.id).not.toBe(before.id);
  });

  test('is removed once, however many press the button', async () => {
    await addPerson(organization, 'many@aurora.example', { password: PASSWORD });
    const ends = await codesOf(
      Array.from({ length: 6 }, () =>
        transaction((tx) => removeMember(tx, organization.actor, 'many@aurora.example')),
      ),
    );
    expect(ends.toSorted()).toEqual(['done', ...Array<string>(5).fill('not_found')]);
  });
});
