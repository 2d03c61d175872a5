// Members: who belongs to an organization, in which role and groups. There is always an admin left.
import { appendEvent, type Actor } from '../audit/append';
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { limitsOf, type Limits } from '../policy/limits';
import { setMemberGroups } from './groups';
import { hashPassword } from './passwords';
import { endMemberSessions } from './sessions';

export type Role = 'admin' | 'auditor' | 'member';

/** A member as admins see it. */
export interface Member {
  email: string;
  name: string;
  role: Role;
  /** Slugs. */
  groups: string[];
  asanaEmails: string[];
  /** Calls a minute of all this person's agents together; null: none of their own. */
  limits: Limits | null;
  /** False until the invite was accepted. */
  signInReady: boolean;
  lastSeenAt: string | null;
}

const shape = {
  id: true,
  email: true,
  name: true,
  role: true,
  asanaEmails: true,
  callsPerMinute: true,
  passwordHash: true,
  lastSeenAt: true,
  groups: { select: { group: { select: { slug: true } } }, orderBy: { group: { slug: 'asc' } } },
} as const satisfies Prisma.MemberSelect;

type Row = Prisma.MemberGetPayload<{ select: typeof shape }>;

function toMember(row: Row): Member {
  return {
    email: row.email,
    name: row.name,
    role: row.role,
    groups: row.groups.map(({ group }) => group.slug),
    asanaEmails: row.asanaEmails,
    limits: limitsOf(row.callsPerMinute),
    signInReady: row.passwordHash !== null,
    lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
  };
}

/** Members of an organization with their ids, by e-mail: all, or those of these ids. */
export async function listMembers(
  tx: Tx,
  organizationId: string,
  ids?: string[],
): Promise<(Member & { id: string })[]> {
  const rows = await tx.member.findMany({
    where: { organizationId, isDrill: false, ...(ids ? { id: { in: ids } } : {}) },
    select: shape,
    orderBy: { email: 'asc' },
  });
  return rows.map((row) => ({ id: row.id, ...toMember(row) }));
}

async function requireRow(tx: Tx, organizationId: string, email: string): Promise<Row> {
  const row = await tx.member.findFirst({
    where: { organizationId, email: email.toLowerCase() },
    select: shape,
  });
  if (!row) throw new AppError('not_found', `There is no member "${email}".`);
  return row;
}

/**
 * A member's id; throws `not_found`. The row is locked until the transaction ends. Everybody locks members first, then the
 * organization, then groups in the order of their ids: so nobody waits in a circle.
 */
export async function lockMember(tx: Tx, organizationId: string, email: string): Promise<string> {
  const [row] = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM members WHERE organization_id = ${organizationId}::uuid AND email = ${email.toLowerCase()} FOR UPDATE`;
  if (!row) throw new AppError('not_found', `There is no member "${email}".`);
  return row.id;
}

export interface NewMember {
  email: string;
  name: string;
  role: Role;
  password?: string;
  groups?: string[];
  asanaEmails?: string[];
  /** Null lifts a limit; absent leaves what is. */
  limits?: Limits | null;
  /** Synthetic, for an offboarding drill: shown in no list. */
  isDrill?: true;
}

/** Throws `email_taken` where anybody in the deployment has this address. In `tx`: a second connection beside it could starve. */
export async function refuseTakenEmail(tx: Tx, email: string): Promise<void> {
  const taken = await tx.$queryRaw<unknown[]>`SELECT 1 FROM members WHERE email = ${email}`;
  if (taken.length > 0) throw new AppError('email_taken');
}

/** Says `email_taken` for an insert that lost a race for the address. */
export function emailTaken(error: unknown): never {
  if ((error as { code?: string }).code === 'P2002') throw new AppError('email_taken');
  throw error;
}

/** Adds a member. Throws `email_taken` (in the whole deployment) and `unknown_group`. */
export async function addMember(
  tx: Tx,
  actor: Actor,
  input: NewMember,
): Promise<{ id: string; member: Member }> {
  const { organizationId } = actor;
  const email = input.email.toLowerCase();
  await refuseTakenEmail(tx, email);
  const { id } = await tx.member
    .create({
      data: {
        organizationId,
        email,
        name: input.name,
        role: input.role,
        asanaEmails: (input.asanaEmails ?? []).map((address) => address.toLowerCase()),
        callsPerMinute: input.limits?.perMinute ?? null,
        passwordHash: input.password ? await hashPassword(input.password) : null,
        isDrill: input.isDrill ?? false,
      },
      select: { id: true },
    })
    .catch(emailTaken);
  await setMemberGroups(tx, organizationId, id, input.groups ?? []);
  const member = toMember(await requireRow(tx, organizationId, email));
  await appendEvent(tx, actor, { action: 'member.added', target: `member:${email}`, after: member });
  return { id, member };
}

/** Changes what is given. A new role or password ends the member's sessions. Throws `not_found`, `last_admin`, `unknown_group`. */
export async function updateMember(
  tx: Tx,
  actor: Actor,
  email: string,
  change: Partial<Omit<NewMember, 'email' | 'isDrill'>>,
): Promise<Member> {
  const { organizationId } = actor;
  await lockMember(tx, organizationId, email);
  const before = await requireRow(tx, organizationId, email);
  if (before.role === 'admin' && change.role && change.role !== 'admin')
    await keepAnAdmin(tx, organizationId, before.id);
  await tx.member.update({
    where: { organizationId_id: { organizationId, id: before.id } },
    data: {
      name: change.name,
      role: change.role,
      ...(change.asanaEmails
        ? { asanaEmails: change.asanaEmails.map((address) => address.toLowerCase()) }
        : {}),
      ...(change.limits === undefined ? {} : { callsPerMinute: change.limits?.perMinute ?? null }),
      ...(change.password
        ? { passwordHash: await hashPassword(change.password), failedSignIns: 0, lockedUntil: null }
        : {}),
    },
  });
  if (change.groups) await setMemberGroups(tx, organizationId, before.id, change.groups);
  const ends = change.password !== undefined || (change.role !== undefined && change.role !== before.role);
  if (ends) await endMemberSessions(tx, organizationId, before.id);
  const after = toMember(await requireRow(tx, organizationId, email));
  await appendEvent(tx, actor, {
    action: 'member.updated',
    target: `member:${before.email}`,
    before: toMember(before),
    after: { ...after, ...(change.password ? { passwordChanged: true } : {}) },
  });
  return after;
}

/**
 * Removes a member; sessions, invites, agent tokens, memberships and connections go with the row. The caller has queued the
 * revocations at Asana in the same transaction. Throws `not_found`, `last_admin`.
 */
export async function removeMember(tx: Tx, actor: Actor, email: string): Promise<void> {
  const { organizationId } = actor;
  await lockMember(tx, organizationId, email);
  const before = await requireRow(tx, organizationId, email);
  if (before.role === 'admin') await keepAnAdmin(tx, organizationId, before.id);
  // Not by the deletion's cascade: a group that loses a member is another version of itself.
  await setMemberGroups(tx, organizationId, before.id, []);
  await tx.member.delete({ where: { organizationId_id: { organizationId, id: before.id } } });
  await appendEvent(tx, actor, {
    action: 'member.removed',
    target: `member:${before.email}`,
    before: toMember(before),
  });
}

// The organization's row is locked, so that two admins who demote each other at once can't both succeed (SP-07).
async function keepAnAdmin(tx: Tx, organizationId: string, leavingId: string): Promise<void> {
  await tx.$executeRaw`SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
  const others = await tx.member.count({ where: { organizationId, role: 'admin', id: { not: leavingId } } });
  if (others === 0) throw new AppError('last_admin');
}
