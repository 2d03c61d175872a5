// Changes the tools of several groups at once: all of it or nothing, and never over a change that its author has not seen.
import { appendEvent, type Actor } from '../audit/append';
import type { Tx } from '../db';
import { AppError } from '../errors';
import { nameApprovers } from './group-approvals';
import { lockGroups, requireTools, type Group } from './groups';

export interface GroupChange {
  slug: string;
  /** Names of tools. */
  add?: string[];
  remove?: string[];
}

/**
 * Adds and removes tools; each group at most once in `changes`. A group that has what is added and lacks what is removed stays as it
 * is, version included. Returns the groups in the order of the changes. Undo: the inverse with the versions returned. Throws
 * `unknown_tool`, `not_found`, and `stale_version` that names every group whose version is another.
 */
export async function changeGroups(
  tx: Tx,
  actor: Actor,
  changes: (GroupChange & { version: number })[],
): Promise<Group[]> {
  const { organizationId } = actor;
  const names = changes.flatMap(({ add = [], remove = [] }) => [...add, ...remove]);
  await requireTools(tx, organizationId, [...new Set(names)]);
  const slugs = changes.map(({ slug }) => slug);
  const groups = new Map((await lockGroups(tx, organizationId, slugs)).map((group) => [group.slug, group]));
  const missing = slugs.find((slug) => !groups.has(slug));
  if (missing !== undefined)
    throw new AppError('not_found', `There is no group "${missing}"; nothing was saved.`);
  const moved = changes.filter(({ slug, version }) => groups.get(slug)!.version !== version);
  if (moved.length > 0)
    throw new AppError(
      'stale_version',
      `Somebody changed ${moved.map(({ slug }) => `"${slug}"`).join(', ')} since you read it; nothing was saved. Read again and repeat your change.`,
    );
  return save(
    tx,
    actor,
    changes.map(({ slug, add = [], remove = [] }) => ({ group: groups.get(slug)!, add, remove })),
  );
}

/**
 * Lets a member, whose row the caller has locked, use a tool through a group: the group gets whichever of the two it lacks. Throws
 * `unknown_group`.
 */
export async function grantThroughGroup(
  tx: Tx,
  actor: Actor,
  grant: { slug: string; tool: string; member: { id: string; email: string } },
): Promise<void> {
  const [group] = await lockGroups(tx, actor.organizationId, [grant.slug]);
  if (!group) throw new AppError('unknown_group', `There is no group "${grant.slug}".`);
  await save(tx, actor, [{ group, add: [grant.tool], remove: [], member: grant.member }]);
}

interface Edit {
  group: Group & { id: string };
  add: string[];
  remove: string[];
  member?: { id: string; email: string };
}

/** Writes edits of locked groups, with one event for each that changes. */
async function save(tx: Tx, actor: Actor, edits: Edit[]): Promise<Group[]> {
  const { organizationId } = actor;
  const real = edits
    .map(({ group, add, remove, member }) => ({
      group,
      add: [...new Set(add)].filter((name) => !group.tools.includes(name)),
      remove: [...new Set(remove)].filter((name) => group.tools.includes(name)),
      member: member && !group.members.includes(member.email) ? member : undefined,
    }))
    .filter(({ add, remove, member }) => add.length > 0 || remove.length > 0 || member);
  const removed = real.flatMap(({ group, remove }) => remove.map((name) => ({ id: group.id, name })));
  await tx.$executeRaw`
    DELETE FROM group_tools t USING unnest(${removed.map(({ id }) => id)}::uuid[], ${removed.map(({ name }) => name)}::text[])
      AS gone(group_id, tool_name)
    WHERE t.organization_id = ${organizationId}::uuid AND t.group_id = gone.group_id AND t.tool_name = gone.tool_name`;
  await tx.groupTool.createMany({
    data: real.flatMap(({ group, add }) =>
      add.map((toolName) => ({ organizationId, groupId: group.id, toolName })),
    ),
  });
  await tx.groupMember.createMany({
    data: real.flatMap(({ group, member }) =>
      member ? [{ organizationId, groupId: group.id, memberId: member.id }] : [],
    ),
  });
  await tx.group.updateMany({
    where: { organizationId, id: { in: real.map(({ group }) => group.id) } },
    data: { version: { increment: 1 }, updatedAt: new Date() },
  });
  const after = new Map(edits.map(({ group }) => [group.id, group]));
  for (const group of await readAgain(tx, organizationId, real)) after.set(group.id, group);
  for (const { group } of real)
    await appendEvent(tx, actor, {
      action: 'group.updated',
      target: `group:${group.slug}`,
      before: withoutId(group),
      after: withoutId(after.get(group.id)!),
    });
  return edits.map(({ group }) => withoutId(after.get(group.id)!));
}

const withoutId = ({ id: _id, ...group }: Edit['group']): Group => group;

/** Edited groups as they are now. Thousands of members are read again only where one came. */
async function readAgain(tx: Tx, organizationId: string, edits: Edit[]): Promise<Edit['group'][]> {
  if (edits.some(({ member }) => member))
    return lockGroups(
      tx,
      organizationId,
      edits.map(({ group }) => group.slug),
    );
  const rows = await tx.group.findMany({
    where: { organizationId, id: { in: edits.map(({ group }) => group.id) } },
    select: {
      id: true,
      version: true,
      approvals: true,
      tools: { select: { toolName: true }, orderBy: { toolName: 'asc' } },
    },
  });
  const approvals = await nameApprovers(tx, organizationId, rows);
  const read = new Map(rows.map((row, at) => [row.id, { ...row, approvals: approvals[at]! }]));
  return edits.map(({ group }) => {
    const { version, tools, approvals: waiting } = read.get(group.id)!;
    return { ...group, version, approvals: waiting, tools: tools.map(({ toolName }) => toolName) };
  });
}
