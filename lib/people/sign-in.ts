// Signs people in by e-mail and password: same answer and time for a wrong address and a wrong password, a limit per address
// of the network, and a lock per member after repeated failures.
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { appendEvent } from '../audit/append';
import { deploymentDb, pool, transaction } from '../db';
import { AppError } from '../errors';
import { checkPassword } from './passwords';

const FAILURES_BEFORE_LOCK = 8;
const LOCK_MINUTES = 15;

let limiter: { pool: unknown; byAddress: RateLimiterPostgres } | undefined;

function byAddress(): RateLimiterPostgres {
  if (limiter?.pool !== pool())
    limiter = {
      pool: pool(),
      byAddress: new RateLimiterPostgres({
        storeClient: pool(),
        tableName: 'rate_limits',
        tableCreated: true,
        keyPrefix: 'sign-in',
        // One office may share an address; forty failures in ten minutes is nobody's typing.
        points: 40,
        duration: 600,
        clearExpiredByTimeout: false,
      }),
    };
  return limiter.byAddress;
}

/** Counts an attempt of a network address against guessing; throws `too_many_attempts` over the limit. */
export async function countAttempt(address: string, points = 1): Promise<void> {
  try {
    await byAddress().consume(address, points);
  } catch (error) {
    if (error instanceof RateLimiterRes)
      throw new AppError(
        'too_many_attempts',
        `Too many attempts; wait ${Math.ceil(error.msBeforeNext / 60_000)} minutes.`,
      );
    throw error;
  }
}

/**
 * The member with this e-mail and password, or null. Throws `too_many_attempts` while the member is locked or the address is over
 * its limit, whether or not the password fits: a lock that a right password opens would be an oracle.
 */
export async function signIn(input: {
  email: string;
  password: string;
  address: string;
}): Promise<{ id: string; organizationId: string; email: string; name: string } | null> {
  const email = input.email.trim().toLowerCase();
  const member = await deploymentDb().member.findUnique({ where: { email } });
  if (member?.lockedUntil && member.lockedUntil > new Date()) {
    await countAttempt(input.address);
    throw new AppError(
      'too_many_attempts',
      'Too many wrong passwords; the account opens again within 15 minutes.',
    );
  }
  const fits = await checkPassword(member?.passwordHash ?? null, input.password);
  if (!fits) await countAttempt(input.address);
  if (!member) return null;
  return fits ? welcome(member) : remember(member);
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

async function remember(member: Found): Promise<null> {
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
  return null;
}

function actorOf(member: Found) {
  return {
    organizationId: member.organizationId,
    memberId: member.id,
    memberEmail: member.email,
    credential: { kind: 'session' as const, id: 'sign-in', name: null },
  };
}
