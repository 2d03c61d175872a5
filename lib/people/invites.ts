// Invites: a one-time link with which a person sets a password. The token travels in the link's fragment, which no server sees.
import { appendEvent, type Actor } from '../audit/append';
import { deploymentDb, transaction, type Tx } from '../db';
import { env } from '../env';
import { AppError } from '../errors';
import { hashToken, isWellFormedToken, mintToken } from '../tokens/token-format';
import { lockMember } from './members';
import { hashPassword } from './passwords';
import { endMemberSessions } from './sessions';

const INVITE_DAYS = 7;

/** Makes the member's one valid invite (an earlier one ends) and returns its link. */
export async function invite(tx: Tx, actor: Actor, member: { id: string; email: string }): Promise<string> {
  const { organizationId } = actor;
  await lockMember(tx, organizationId, member.email);
  const token = mintToken('ghi');
  await tx.invite.deleteMany({ where: { organizationId, memberId: member.id } });
  await tx.invite.create({
    data: {
      organizationId,
      memberId: member.id,
      tokenHash: hashToken(token),
      expiresAt: new Date(Date.now() + INVITE_DAYS * 86_400_000),
    },
  });
  await appendEvent(tx, actor, { action: 'member.invited', target: `member:${member.email}` });
  return `${env().GATEHOUSE_URL}/invite#${token}`;
}

/** Sets the password of the invited member and uses the invite up. Throws `not_found` for a used, expired or unknown one. */
export async function acceptInvite(token: string, password: string): Promise<{ email: string }> {
  const gone = new AppError(
    'not_found',
    'This invite was used, replaced or has expired; ask your admin for a new link.',
  );
  if (!isWellFormedToken(token, 'ghi')) throw gone;
  const passwordHash = await hashPassword(password);
  const tokenHash = hashToken(token);
  const found = await deploymentDb().invite.findUnique({
    where: { tokenHash },
    select: { organizationId: true, memberId: true, member: { select: { email: true } } },
  });
  if (!found) throw gone;
  const { organizationId, memberId } = found;
  const { email } = found.member;
  return transaction(async (tx) => {
    // The member first, as whoever removes it does.
    await lockMember(tx, organizationId, email).catch((error: unknown) => {
      throw error instanceof AppError ? gone : error;
    });
    // Deleting is what uses it up: of two that come at once, one deletes a row and the other none.
    const { count } = await tx.invite.deleteMany({
      where: { organizationId, tokenHash, expiresAt: { gt: new Date() } },
    });
    if (count === 0) throw gone;
    await tx.member.update({
      where: { organizationId_id: { organizationId, id: memberId } },
      data: { passwordHash, failedSignIns: 0, lockedUntil: null },
    });
    await endMemberSessions(tx, organizationId, memberId);
    const actor: Actor = {
      organizationId,
      memberId,
      memberEmail: email,
      credential: { kind: 'session', id: 'invite', name: null },
    };
    await appendEvent(tx, actor, { action: 'invite.accepted', target: `member:${email}` });
    return { email };
  });
}
