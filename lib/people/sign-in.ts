// Signs people in by e-mail and password: same answer and time for a wrong address and a wrong password, a limit per address
// of the network, and a lock per member after repeated failures.
import { appendEvent, type Actor } from '../audit/append';
import { deploymentDb, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import {
  countAttempt,
  countStranger,
  FAILURES_BEFORE_LOCK,
  isStrangerLocked,
  LOCK_MINUTES,
  refuseOverLimit,
} from './attempts';
import { checkPassword } from './passwords';

/**
 * The member with this e-mail and password, or null. Throws `too_many_attempts` while the e-mail (somebody's or not) is locked or
 * the network address is over its limit, whether or not the password fits: a lock that a right password opens would be an oracle.
 */
export async function signIn(input: {
  email: string;
  password: string;
  address: string;
}): Promise<{ id: string; organizationId: string; email: string; name: string } | null> {
  await refuseOverLimit(input.address);
  const email = input.email.trim().toLowerCase();
  // PostgreSQL has no text with a NUL in it, and nobody such an address.
  const member = email.includes('\0') ? null : await deploymentDb().member.findUnique({ where: { email } });
  const locked = member ? (member.lockedUntil ?? 0) > new Date() : await isStrangerLocked(email);
  if (locked) {
    await countAttempt(input.address);
    throw new AppError(
      'too_many_attempts',
      'Too many wrong passwords; the account opens again within 15 minutes.',
    );
  }
  const fits = await checkPassword(member?.passwordHash ?? null, input.password);
  if (fits && member) return welcome(member);
  await countAttempt(input.address);
  await (member ? remember(member) : countStranger(email));
  return null;
}

type Found = NonNullable<Awaited<ReturnType<ReturnType<typeof deploymentDb>['member']['findUnique']>>>;

async function welcome(member: Found) {
  await transaction(async (tx) => {
    await tx.member.update({
      where: { organizationId: member.organizationId, id: member.id },
      data: { failedSignIns: 0, lockedUntil: null, lastSeenAt: new Date() },
    });
    await appendEvent(tx, actorOf(member), { action: 'member.signed_in', target: `member:${member.email}` });
  });
  return { id: member.id, organizationId: member.organizationId, email: member.email, name: member.name };
}

/** Records that a member signed in elsewhere than with a password; what wrong passwords locked stays locked. */
export async function recordSignIn(
  tx: Tx,
  actor: Actor,
  member: { id: string; email: string },
  through: string,
): Promise<void> {
  await tx.member.update({
    where: { organizationId: actor.organizationId, id: member.id },
    data: { lastSeenAt: new Date() },
  });
  await appendEvent(tx, actor, {
    action: 'member.signed_in',
    target: `member:${member.email}`,
    after: { through },
  });
}

async function remember(member: Found): Promise<void> {
  await transaction(async (tx) => {
    const { failedSignIns } = await tx.member.update({
      where: { organizationId: member.organizationId, id: member.id },
      data: { failedSignIns: { increment: 1 } },
      select: { failedSignIns: true },
    });
    const locks = failedSignIns >= FAILURES_BEFORE_LOCK;
    if (locks)
      await tx.member.update({
        where: { organizationId: member.organizationId, id: member.id },
        data: { failedSignIns: 0, lockedUntil: new Date(Date.now() + LOCK_MINUTES * 60_000) },
      });
    await appendEvent(tx, actorOf(member), {
      action: locks ? 'member.locked' : 'member.sign_in_failed',
      target: `member:${member.email}`,
    });
  });
}

function actorOf(member: Found) {
  return {
    organizationId: member.organizationId,
    memberId: member.id,
    memberEmail: member.email,
    credential: { kind: 'session' as const, id: 'sign-in', name: null },
  };
}
