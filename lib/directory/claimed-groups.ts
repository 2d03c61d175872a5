// What the groups claim of an ID token decides: exactly the groups that the company's own are mapped to, and those it names by slug.
import { appendEvent, type Actor } from '../audit/append';
import type { Tx } from '../db';
import { setMemberGroups } from '../people/groups';

const MAX_VALUES = 2_000;

/** The claim's values. One text is one value; an absent claim, or one of another shape, says that there is no group (fail closed). */
export function claimedValues(claim: unknown): string[] {
  const values = typeof claim === 'string' ? [claim] : Array.isArray(claim) ? claim : [];
  return values
    .filter((value): value is string => typeof value === 'string' && value !== '' && value.length <= 500)
    .slice(0, MAX_VALUES);
}

/**
 * Sets a locked member's groups as the claim says, with one event where that changes something. A group that a company's group is
 * mapped to has the member exactly when the claim names that (by name, or by the id that SCIM told). A group without a mapping that
 * the claim names by its slug gets the member, and loses them again when a later claim does not; all other memberships stay.
 */
export async function applyClaimedGroups(
  tx: Tx,
  actor: Actor,
  member: { id: string; email: string },
  values: readonly string[],
): Promise<void> {
  const { organizationId } = actor;
  const named = new Set(values);
  const [mappings, bySlug, notes, current] = await Promise.all([
    tx.directoryGroup.findMany({
      where: { organizationId },
      select: { groupId: true, name: true, externalId: true, group: { select: { slug: true } } },
    }),
    tx.group.findMany({
      where: { organizationId, slug: { in: [...named] } },
      select: { id: true, slug: true },
    }),
    tx.directoryMembership.findMany({
      where: { organizationId, memberId: member.id },
      select: { groupId: true, group: { select: { slug: true } } },
    }),
    tx.groupMember.findMany({
      where: { organizationId, memberId: member.id },
      select: { group: { select: { slug: true } } },
    }),
  ]);
  const mapped = new Set(mappings.map(({ groupId }) => groupId));
  const isNamed = ({ name, externalId }: (typeof mappings)[number]) =>
    named.has(name) || (externalId !== null && named.has(externalId));
  const given = bySlug.filter(({ id }) => !mapped.has(id));
  const before = current.map(({ group }) => group.slug).toSorted();
  const taken = new Set([
    ...mappings.map(({ group }) => group.slug),
    ...notes.map(({ group }) => group.slug),
  ]);
  const kept = before.filter((slug) => !taken.has(slug));
  const after = [
    ...new Set([
      ...kept,
      ...mappings.filter(isNamed).map(({ group }) => group.slug),
      ...given.map(({ slug }) => slug),
    ]),
  ].toSorted();
  // Only what the claim itself gave: a membership that an admin had given before stays an admin's.
  const noted = new Set(notes.map(({ groupId }) => groupId));
  const mine = given.filter(({ id, slug }) => noted.has(id) || !before.includes(slug));
  await tx.directoryMembership.deleteMany({ where: { organizationId, memberId: member.id } });
  await tx.directoryMembership.createMany({
    data: mine.map(({ id }) => ({ organizationId, memberId: member.id, groupId: id })),
  });
  if (before.join() === after.join()) return;
  await setMemberGroups(tx, organizationId, member.id, after);
  await appendEvent(tx, actor, {
    action: 'member.groups_claimed',
    target: `member:${member.email}`,
    before: { groups: before },
    after: { groups: after },
  });
}
