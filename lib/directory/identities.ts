// Who a member is at the company's identity provider, as admins see it, and the way out where the company made a new account for somebody.
import { appendEvent, type Actor } from '../audit/append';
import type { Tx } from '../db';
import { AppError } from '../errors';
import { lockMember } from '../people/members';
import { endMemberSessions } from '../people/sessions';

export interface BoundIdentity {
  issuer: string;
  subject: string;
  boundAt: string;
  usedAt: string | null;
}

/** The identities of a member: one for each issuer that was ever configured. Throws `not_found` where there is no such member. */
export async function listIdentities(
  tx: Tx,
  organizationId: string,
  email: string,
): Promise<BoundIdentity[]> {
  const member = await tx.member.findFirst({
    where: { organizationId, email: email.toLowerCase(), isDrill: false },
    select: { identities: { orderBy: { boundAt: 'asc' } } },
  });
  if (!member) throw new AppError('not_found', `There is no member "${email}".`);
  return member.identities.map(({ issuer, subject, boundAt, usedAt }) => ({
    ...{ issuer, subject, boundAt: boundAt.toISOString(), usedAt: usedAt?.toISOString() ?? null },
  }));
}

/** How many members are bound. */
export const countBound = (tx: Tx, organizationId: string): Promise<number> =>
  tx.identity.count({ where: { organizationId } });

/**
 * Lets a member be bound anew at the next sign-in with a verified e-mail address, and ends the
 * member's sessions, which may be those of whoever was bound. Throws `not_found`.
 */
export async function releaseIdentities(tx: Tx, actor: Actor, email: string): Promise<void> {
  const { organizationId } = actor;
  const memberId = await lockMember(tx, organizationId, email);
  const before = await listIdentities(tx, organizationId, email);
  if (before.length === 0)
    throw new AppError('not_found', `"${email}" has not signed in through the company yet.`);
  await tx.identity.deleteMany({ where: { organizationId, memberId } });
  await endMemberSessions(tx, organizationId, memberId);
  await appendEvent(tx, actor, {
    action: 'member.released_from_company',
    target: `member:${email.toLowerCase()}`,
    before: before.map(({ issuer, subject }) => ({ issuer, subject })),
  });
}
