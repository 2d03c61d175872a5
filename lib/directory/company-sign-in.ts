// Sign-in through the company: an existing member, found once by an e-mail address that the provider vouches for, and from then on by
// issuer and subject alone. An address that moves to somebody else moves nothing here (SP-11, SP-12).
import { z } from 'zod';
import { appendEvent, type Actor } from '../audit/append';
import { deploymentDb, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import { recordSignIn } from '../people/sign-in';
import { applyClaimedGroups, claimedValues } from './claimed-groups';

/** Why somebody was not let in. */
export type Refusal = 'company_unverified' | 'company_unknown' | 'company_bound' | 'company_invalid';

export type CompanyAnswer =
  { member: { id: string; organizationId: string; email: string; name: string } } | { refusal: Refusal };

/** The claims of an ID token whose signature, issuer, audience, nonce and times were checked (OpenID Connect Core 1.0 §2, §5.1). */
export interface Claims {
  iss?: unknown;
  sub?: unknown;
  email?: unknown;
  email_verified?: unknown;
  [claim: string]: unknown;
}

const subjectOf = z.string().min(1).max(255);
// ASCII before it is lower-cased: a Kelvin sign would become a k, and so somebody else's address (SP-10).
const emailOf = z.email().max(254);

/**
 * Who these claims are, or why nobody. The first time binds; groups follow `groupsClaim` (null: none); all with its events in one
 * transaction. `issuer` is the configured one. Throws only where the database does not answer.
 */
export async function signInThroughCompany(
  claims: Claims,
  { issuer, groupsClaim }: { issuer: string; groupsClaim: string | null },
): Promise<CompanyAnswer> {
  const subject = subjectOf.safeParse(claims.sub);
  if (claims.iss !== issuer || !subject.success || subject.data.includes('\0'))
    return { refusal: 'company_invalid' };
  const person = { issuer, subject: subject.data };
  const bound = await deploymentDb().identity.findUnique({
    where: { issuer_subject: person },
    select: { member: true },
  });
  if (bound) return welcome(bound.member, person, claims, groupsClaim);
  const email = emailOf.safeParse(claims.email);
  const member = email.success
    ? await deploymentDb().member.findUnique({ where: { email: email.data.toLowerCase(), isDrill: false } })
    : null;
  // The word "true" is not the value: an attribute that people may edit themselves can hold any text.
  if (claims.email_verified !== true) {
    if (member) await refused(member, 'company_unverified');
    return { refusal: 'company_unverified' };
  }
  return member ? welcome(member, person, claims, groupsClaim) : { refusal: 'company_unknown' };
}

interface Found {
  id: string;
  organizationId: string;
  email: string;
  name: string;
}

async function welcome(
  member: Found,
  person: { issuer: string; subject: string },
  claims: Claims,
  groupsClaim: string | null,
): Promise<CompanyAnswer> {
  const { organizationId, id, email, name } = member;
  const actor = actorOf(member);
  try {
    await transaction(async (tx) => {
      await bind(tx, actor, member, person);
      if (groupsClaim !== null)
        await applyClaimedGroups(tx, actor, member, claimedValues(claims[groupsClaim]));
      const now = new Date();
      await tx.identity.updateMany({ where: { organizationId, ...person }, data: { usedAt: now } });
      await recordSignIn(tx, actor, member, person.issuer);
    });
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'exists')) throw error;
    await refused(member, 'company_bound');
    return { refusal: 'company_bound' };
  }
  return { member: { id, organizationId, email, name } };
}

/** Binds a member to a subject for good. Throws `exists` where either has another already; the row is locked, so of two one wins. */
async function bind(
  tx: Tx,
  actor: Actor,
  member: Found,
  person: { issuer: string; subject: string },
): Promise<void> {
  const { organizationId } = actor;
  const rows = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM members WHERE organization_id = ${organizationId}::uuid AND id = ${member.id}::uuid FOR UPDATE`;
  if (rows.length === 0) throw new AppError('exists');
  const { count } = await tx.identity.createMany({
    data: [{ organizationId, memberId: member.id, ...person }],
    skipDuplicates: true,
  });
  if (count === 1)
    return appendEvent(tx, actor, {
      action: 'member.bound_to_company',
      target: `member:${member.email}`,
      after: person,
    });
  const same = await tx.identity.count({ where: { organizationId, memberId: member.id, ...person } });
  if (same === 0) throw new AppError('exists');
}

async function refused(member: Found, reason: Refusal): Promise<void> {
  await transaction((tx) =>
    appendEvent(tx, actorOf(member), {
      action: 'member.sign_in_refused',
      target: `member:${member.email}`,
      after: { reason },
    }),
  );
}

function actorOf(member: Found): Actor {
  return {
    organizationId: member.organizationId,
    memberId: member.id,
    memberEmail: member.email,
    credential: { kind: 'session', id: 'company', name: null },
  };
}
