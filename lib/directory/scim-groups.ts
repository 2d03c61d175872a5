// SCIM's groups: those of the company's that a group here stands for. A new one becomes a group without tools; members come and go.
import { appendEvent, type Actor } from '../audit/append';
import { db, endingAccess, Prisma, transaction, type Tx } from '../db';
import { AppError } from '../errors';
import { createGroup, deleteGroup, replaceGroup, requireGroup, slugOf } from '../people/groups';
import { usersOf, UUID } from './find-users';
import { ScimError } from './scim-error';
import type { Term } from './scim-filter';
import { readMemberIds, readPatch, readText, type Change } from './scim-patch';

export interface ScimGroup {
  id: string;
  slug: string;
  displayName: string;
  externalId: string | null;
  /** Null where nobody asked for them. */
  members: { id: string; name: string }[] | null;
  madeHere: boolean;
  createdAt: Date;
  updatedAt: Date;
}

function condition(organizationId: string, { attribute, value }: Term): Prisma.Sql {
  switch (attribute) {
    case 'id':
      return UUID.test(value) ? Prisma.sql`dg.id = ${value}::uuid` : Prisma.sql`false`;
    case 'displayname':
      return Prisma.sql`lower(dg.name) = ${value.toLowerCase()}`;
    case 'externalid':
      return Prisma.sql`dg.external_id = ${value}`;
    case 'members':
    case 'members.value':
      return UUID.test(value)
        ? Prisma.sql`EXISTS (SELECT 1 FROM group_members gm JOIN users u ON u."memberId" = gm.member_id
            WHERE gm.organization_id = ${organizationId}::uuid AND gm.group_id = dg.group_id AND u.id = ${value}::uuid)`
        : Prisma.sql`false`;
    default:
      throw new ScimError(
        400,
        'Groups are found by id, displayName, externalId or members.value.',
        'invalidFilter',
      );
  }
}

/** The groups for which all terms hold, a page of them; without their members where `withMembers` is false. */
export async function listGroups(
  tx: Tx,
  organizationId: string,
  terms: readonly Term[],
  page: { offset: number; count: number; withMembers: boolean },
): Promise<{ total: number; groups: ScimGroup[] }> {
  const where = Prisma.join(
    [
      Prisma.sql`dg.organization_id = ${organizationId}::uuid`,
      ...terms.map((term) => condition(organizationId, term)),
    ],
    ' AND ',
  );
  const [counted] = await tx.$queryRaw<{ total: number }[]>`
    WITH ${usersOf(organizationId)} SELECT count(*)::int AS total FROM directory_groups dg WHERE ${where}`;
  const rows = await tx.$queryRaw<(Omit<ScimGroup, 'members'> & { groupId: string })[]>`
    WITH ${usersOf(organizationId)}
    SELECT dg.id, g.slug, dg.name AS "displayName", dg.external_id AS "externalId", dg.made_here AS "madeHere",
      dg.group_id AS "groupId", dg.created_at AS "createdAt", greatest(dg.updated_at, g.updated_at) AS "updatedAt"
    FROM directory_groups dg JOIN groups g ON g.organization_id = dg.organization_id AND g.id = dg.group_id
    WHERE ${where} ORDER BY dg.name, dg.id LIMIT ${page.count} OFFSET ${page.offset}`;
  const members = page.withMembers
    ? await tx.$queryRaw<{ groupId: string; id: string; name: string }[]>`
        WITH ${usersOf(organizationId)}
        SELECT gm.group_id AS "groupId", u.id, u."displayName" AS name FROM group_members gm JOIN users u ON u."memberId" = gm.member_id
        WHERE gm.organization_id = ${organizationId}::uuid AND gm.group_id = ANY(${rows.map(({ groupId }) => groupId)}::uuid[])
        ORDER BY u.id`
    : null;
  const groups = rows.map(({ groupId, ...group }) => ({
    ...group,
    members:
      members && members.filter((one) => one.groupId === groupId).map(({ id, name }) => ({ id, name })),
  }));
  return { total: counted!.total, groups };
}

/** One group with its members; throws 404 also for another organization's. */
export async function requireScimGroup(tx: Tx, organizationId: string, id: string): Promise<ScimGroup> {
  const page = { offset: 0, count: 1, withMembers: true };
  const { groups } = await listGroups(tx, organizationId, [{ attribute: 'id', value: id }], page);
  if (!groups[0]) throw new ScimError(404, 'There is no such group here.');
  return groups[0];
}

/** The groups of members, by the member's id: what a user's read-only `groups` shows. */
export async function groupsOfMembers(organizationId: string, memberIds: string[]) {
  const rows = await db().$queryRaw<{ memberId: string; id: string; name: string }[]>`
    SELECT gm.member_id AS "memberId", dg.id, dg.name FROM group_members gm
    JOIN directory_groups dg ON dg.organization_id = gm.organization_id AND dg.group_id = gm.group_id
    WHERE gm.organization_id = ${organizationId}::uuid AND gm.member_id = ANY(${memberIds}::uuid[]) ORDER BY dg.name`;
  const grouped = new Map<string, typeof rows>();
  for (const row of rows) grouped.set(row.memberId, [...(grouped.get(row.memberId) ?? []), row]);
  return grouped;
}

interface Wanted {
  displayName: string;
  externalId: string | null;
  /** Ids of users; those who are inactive are in no group. */
  members: Set<string>;
}

type Json = Record<string, unknown>;

function readGroup(body: unknown, current: ScimGroup | null): Wanted {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new ScimError(400, 'Send a group as a JSON object.', 'invalidSyntax');
  const { displayName, externalId, members } = body as Json;
  return {
    displayName: requiredName(displayName),
    externalId: readText(externalId, 'externalId') ?? current?.externalId ?? null,
    // A group without the list of its members is not an empty group (SP-20).
    members:
      members === undefined || members === null
        ? new Set(current?.members?.map(({ id }) => id))
        : new Set(readMemberIds(members)),
  };
}

function requiredName(value: unknown): string {
  const name = readText(value, 'displayName', 120);
  if (name === null) throw new ScimError(400, 'displayName is required.', 'invalidValue');
  return name;
}

function changed(current: ScimGroup, changes: readonly Change[]): Wanted {
  const wanted: Wanted = {
    displayName: current.displayName,
    externalId: current.externalId,
    members: new Set(current.members?.map(({ id }) => id)),
  };
  for (const { op, path, value } of changes) {
    if (path === 'displayname') wanted.displayName = requiredName(op === 'remove' ? null : value);
    else if (path === 'externalid')
      wanted.externalId = op === 'remove' ? null : readText(value, 'externalId');
    else if (path === 'members') wanted.members = membersAfter(wanted.members, op, value);
  }
  return wanted;
}

function membersAfter(members: Set<string>, op: Change['op'], value: unknown): Set<string> {
  if (op === 'remove' && (value === undefined || value === null)) return new Set();
  const ids = readMemberIds(value);
  if (op === 'set') return new Set(ids);
  if (op === 'add') return new Set([...members, ...ids]);
  return new Set([...members].filter((id) => !ids.includes(id)));
}

/** The addresses of the active ones among these users. Throws `invalidValue` for an id that is nobody's here. */
async function addressesOf(tx: Tx, organizationId: string, ids: ReadonlySet<string>): Promise<string[]> {
  const known = [...ids].filter((id) => UUID.test(id));
  const users = await tx.$queryRaw<{ id: string; email: string; isActive: boolean }[]>`
    WITH ${usersOf(organizationId)}
    SELECT id, email, "memberId" IS NOT NULL AS "isActive" FROM users WHERE id = ANY(${known}::uuid[])`;
  if (users.length < ids.size)
    throw new ScimError(400, 'One of the members is no user here; create the user first.', 'invalidValue');
  return users.filter(({ isActive }) => isActive).map(({ email }) => email);
}

/** Creates a group without tools. Throws `uniqueness` where one of this name is there, the directory's or an admin's. */
export async function createScimGroup(actor: Actor, body: unknown): Promise<ScimGroup> {
  const { organizationId } = actor;
  const { displayName, externalId, members } = readGroup(body, null);
  return transaction(async (tx) => {
    const emails = await addressesOf(tx, organizationId, members);
    const slug = slugOf(displayName);
    const [taken] = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM directory_groups WHERE organization_id = ${organizationId}::uuid AND lower(name) = ${displayName.toLowerCase()}`;
    if (taken)
      throw new ScimError(
        409,
        `There is a group "${displayName}" already; find it by a filter.`,
        'uniqueness',
      );
    try {
      await createGroup(tx, actor, { slug, name: displayName, tools: [], members: emails });
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'exists')) throw error;
      throw new ScimError(
        409,
        `An admin has a group "${slug}" here. If the directory shall decide its members, map it in the portal under Directory; else name this one differently.`,
        'uniqueness',
      );
    }
    const { id: groupId } = await tx.group.findUniqueOrThrow({
      where: { organizationId_slug: { organizationId, slug } },
      select: { id: true },
    });
    const { id } = await tx.directoryGroup.create({
      data: { organizationId, groupId, name: displayName, externalId, madeHere: true },
      select: { id: true },
    });
    await appendEvent(tx, actor, {
      action: 'directory_group.mapped',
      target: `group:${slug}`,
      after: { name: displayName, externalId },
    });
    return requireScimGroup(tx, organizationId, id);
  });
}

export const replaceScimGroup = (actor: Actor, id: string, body: unknown): Promise<ScimGroup> =>
  change(actor, id, (current) => readGroup(body, current));

export async function patchScimGroup(actor: Actor, id: string, body: unknown): Promise<ScimGroup> {
  const changes = readPatch(body);
  return change(actor, id, (current) => changed(current, changes));
}

const MAX_TRIES = 5;

// Directories send several changes of one group at once; each is worked out again on what the other left, so that none is lost.
async function change(actor: Actor, id: string, want: (current: ScimGroup) => Wanted): Promise<ScimGroup> {
  for (let tries = 1; ; tries += 1)
    try {
      return await transaction((tx) => changeOnce(tx, actor, id, want));
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'stale_version') || tries === MAX_TRIES) throw error;
    }
}

async function changeOnce(
  tx: Tx,
  actor: Actor,
  id: string,
  want: (current: ScimGroup) => Wanted,
): Promise<ScimGroup> {
  const { organizationId } = actor;
  const [slugRow] = UUID.test(id)
    ? await tx.directoryGroup.findMany({
        where: { organizationId, id },
        select: { group: { select: { slug: true } } },
      })
    : [];
  // The version is read before the members are: a change in between makes it stale.
  const group = slugRow && (await requireGroup(tx, organizationId, slugRow.group.slug));
  const current = await requireScimGroup(tx, organizationId, id);
  const { displayName, externalId, members } = want(current);
  const emails = (await addressesOf(tx, organizationId, members)).toSorted();
  const name = current.madeHere ? displayName : group!.name;
  if (name !== group!.name || emails.join() !== group!.members.toSorted().join())
    await replaceGroup(
      tx,
      actor,
      current.slug,
      { name, tools: group!.tools, members: emails },
      group!.version,
    );
  if (displayName !== current.displayName || externalId !== current.externalId) {
    await tx.directoryGroup
      .update({
        where: { organizationId, id: current.id },
        data: { name: displayName, externalId, updatedAt: new Date() },
      })
      .catch((error: unknown) => {
        if ((error as { code?: string }).code !== 'P2002') throw error;
        throw new ScimError(409, `There is a group "${displayName}" already.`, 'uniqueness');
      });
    await appendEvent(tx, actor, {
      action: 'directory_group.updated',
      target: `group:${current.slug}`,
      before: { name: current.displayName, externalId: current.externalId },
      after: { name: displayName, externalId },
    });
  }
  return requireScimGroup(tx, organizationId, id);
}

/** A group that the directory made goes with it; of an admin's, who gave it tools, the members leave. */
export async function deleteScimGroup(actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor;
  await endingAccess(() =>
    transaction(async (tx) => {
      const { slug, madeHere, displayName, externalId } = await requireScimGroup(tx, organizationId, id);
      await appendEvent(tx, actor, {
        action: 'directory_group.deleted',
        target: `group:${slug}`,
        before: { name: displayName, externalId },
      });
      if (madeHere) return deleteGroup(tx, actor, slug);
      const { name, tools, members } = await requireGroup(tx, organizationId, slug);
      if (members.length > 0) await replaceGroup(tx, actor, slug, { name, tools, members: [] }, null);
      await tx.directoryGroup.deleteMany({ where: { organizationId, id } });
    }),
  );
}
