// Which group here has the members of which group of the company's: admins say so, or SCIM makes both. Only these are the directory's to
// fill; it sees no other, and gives none of them a tool.
import { appendEvent, type Actor } from '../audit/append';
import type { Tx } from '../db';
import { AppError } from '../errors';

export interface DirectoryGroup {
  id: string;
  /** As the company calls it. */
  name: string;
  externalId: string | null;
  /** The slug here. */
  group: string;
  groupName: string;
  /** Whether the directory made the group here. */
  madeByDirectory: boolean;
  members: number;
  createdAt: string;
}

/** All of the organization, by name. */
export async function listDirectoryGroups(tx: Tx, organizationId: string): Promise<DirectoryGroup[]> {
  const rows = await tx.directoryGroup.findMany({
    where: { organizationId },
    orderBy: { name: 'asc' },
    include: { group: { select: { slug: true, name: true, _count: { select: { members: true } } } } },
  });
  return rows.map(({ id, name, externalId, madeHere, createdAt, group }) => ({
    ...{ id, name, externalId, group: group.slug, groupName: group.name, members: group._count.members },
    madeByDirectory: madeHere,
    createdAt: createdAt.toISOString(),
  }));
}

/**
 * Lets the company's group of this name decide who is in a group here, from the next sign-in or SCIM request on. One for one, so that
 * two never contradict each other. Throws `unknown_group`, `exists`.
 */
export async function mapDirectoryGroup(
  tx: Tx,
  actor: Actor,
  input: { name: string; group: string; externalId?: string },
): Promise<DirectoryGroup> {
  const { organizationId } = actor;
  const group = await tx.group.findUnique({
    where: { organizationId_slug: { organizationId, slug: input.group } },
    select: { id: true },
  });
  if (!group) throw new AppError('unknown_group', `There is no group "${input.group}".`);
  const taken = await tx.directoryGroup.findFirst({
    where: { organizationId, OR: [{ name: input.name }, { groupId: group.id }] },
    select: { name: true },
  });
  if (taken) throw exists(taken.name === input.name ? input.name : null, input.group);
  const { id } = await tx.directoryGroup
    .create({
      data: { organizationId, groupId: group.id, name: input.name, externalId: input.externalId ?? null },
      select: { id: true },
    })
    .catch((error: unknown) => {
      throw (error as { code?: string }).code === 'P2002' ? exists(input.name, input.group) : error;
    });
  await appendEvent(tx, actor, {
    action: 'directory_group.mapped',
    target: `group:${input.group}`,
    after: { name: input.name, externalId: input.externalId ?? null },
  });
  return (await listDirectoryGroups(tx, organizationId)).find((one) => one.id === id)!;
}

const exists = (name: string | null, slug: string) =>
  new AppError(
    'exists',
    name === null
      ? `Another group of the company\u2019s decides "${slug}" already; remove that one first.`
      : `"${name}" decides a group already; remove that first.`,
  );

/** Ends it: the group and its members stay as they are, and are an admin\u2019s again. Throws `not_found`. */
export async function unmapDirectoryGroup(tx: Tx, actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor;
  const found = await tx.directoryGroup.findFirst({
    where: { organizationId, id },
    select: { name: true, externalId: true, group: { select: { slug: true } } },
  });
  const { count } = await tx.directoryGroup.deleteMany({ where: { organizationId, id } });
  if (!found || count === 0) throw new AppError('not_found', 'There is no such group of the company\u2019s.');
  await appendEvent(tx, actor, {
    action: 'directory_group.unmapped',
    target: `group:${found.group.slug}`,
    before: { name: found.name, externalId: found.externalId },
  });
}
