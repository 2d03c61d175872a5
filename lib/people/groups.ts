// Groups: who may call which tools. Every change raises the group's version, so that two admins never overwrite each other unseen.
import { appendEvent, type Actor } from '../audit/append';
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { normalRules, type ArgumentRules } from '../policy/argument-rules';
import { nameApprovers, storeApprovals, type Approvals } from './group-approvals';
import { limitsOf, type Limits } from '../policy/limits';
import type { MethodFamily } from '../policy/policy';
import { NO_WRITE_SAFETY, normalWriteSafety, type WriteSafety } from '../policy/write-safety';

/** A group as people and scripts see it. */
export interface Group {
  slug: string;
  name: string;
  tools: string[];
  /** E-mail addresses. */
  members: string[];
  methods: MethodFamily[];
  /** Calls a minute of all its members together; null: none. */
  limits: Limits | null;
  /** What the arguments of calls through this group must keep to; null: nothing. */
  rules: ArgumentRules | null;
  /** Tools whose calls wait until a person approves them; null: none. */
  approvals: Approvals | null;
  /** Days for which what was there before a change is kept; null: it is not. */
  undo: { days: number } | null;
  /** Budgets on writes, and a window for their repeats; null: none of them. */
  writeSafety: WriteSafety | null;
  version: number;
}

const shape = {
  id: true,
  slug: true,
  name: true,
  version: true,
  methods: true,
  callsPerMinute: true,
  rules: true,
  approvals: true,
  undoDays: true,
  writesPerDay: true,
  deletesPerDay: true,
  repeatWindowSeconds: true,
  tools: { select: { toolName: true }, orderBy: { toolName: 'asc' } },
  members: { select: { member: { select: { email: true } } }, orderBy: { member: { email: 'asc' } } },
} as const satisfies Prisma.GroupSelect;

type Row = Prisma.GroupGetPayload<{ select: typeof shape }>;

async function toGroups(tx: Tx, organizationId: string, rows: Row[]): Promise<Group[]> {
  const approvals = await nameApprovers(tx, organizationId, rows);
  return rows.map((row, at) => ({
    slug: row.slug,
    name: row.name,
    tools: row.tools.map(({ toolName }) => toolName),
    members: row.members.map(({ member }) => member.email),
    methods: row.methods as MethodFamily[],
    limits: limitsOf(row.callsPerMinute),
    rules: normalRules(row.rules as Partial<ArgumentRules> | null),
    approvals: approvals[at]!,
    undo: row.undoDays === null ? null : { days: row.undoDays },
    writeSafety: normalWriteSafety(row),
    version: row.version,
  }));
}

const toGroup = async (tx: Tx, organizationId: string, row: Row): Promise<Group> =>
  (await toGroups(tx, organizationId, [row]))[0]!;

/** All groups of an organization, by name. */
export async function listGroups(tx: Tx, organizationId: string): Promise<Group[]> {
  const rows = await tx.group.findMany({
    where: { organizationId },
    select: shape,
    orderBy: [{ name: 'asc' }, { slug: 'asc' }],
  });
  return toGroups(tx, organizationId, rows);
}

/** The groups a member belongs to, by name. */
export function listMemberGroups(
  tx: Tx,
  organizationId: string,
  memberId: string,
): Promise<{ slug: string; name: string }[]> {
  return tx.group.findMany({
    where: { organizationId, members: { some: { memberId } } },
    select: { slug: true, name: true },
    orderBy: [{ name: 'asc' }, { slug: 'asc' }],
  });
}

async function requireRow(tx: Tx, organizationId: string, slug: string): Promise<Row> {
  const row = await tx.group.findUnique({
    where: { organizationId_slug: { organizationId, slug } },
    select: shape,
  });
  if (!row) throw new AppError('not_found', `There is no group "${slug}".`);
  return row;
}

// Locked, so that what the audit calls `before` is what the change replaced, and of two deletions one finds nothing.
async function lockRow(tx: Tx, organizationId: string, slug: string): Promise<Row> {
  await tx.$executeRaw`
    SELECT 1 FROM groups WHERE organization_id = ${organizationId}::uuid AND slug = ${slug} FOR UPDATE`;
  return requireRow(tx, organizationId, slug);
}

/**
 * The groups with these slugs, as they are once nobody else changes them any more: locked until the transaction ends, in the order
 * of their ids like everywhere, so that nobody waits in a circle. Those that do not exist are left out.
 */
export async function lockGroups(
  tx: Tx,
  organizationId: string,
  slugs: readonly string[],
): Promise<(Group & { id: string })[]> {
  await tx.$executeRaw`
    SELECT 1 FROM groups WHERE organization_id = ${organizationId}::uuid AND slug = ANY(${slugs}::text[])
    ORDER BY id FOR UPDATE`;
  const rows = await tx.group.findMany({
    where: { organizationId, slug: { in: [...slugs] } },
    select: shape,
  });
  const groups = await toGroups(tx, organizationId, rows);
  return rows.map((row, at) => ({ id: row.id, ...groups[at]! }));
}

/** One group; throws `not_found`. */
export async function requireGroup(tx: Tx, organizationId: string, slug: string): Promise<Group> {
  return toGroup(tx, organizationId, await requireRow(tx, organizationId, slug));
}

const exists = (slug: string) =>
  new AppError('exists', `There is a group "${slug}" already; choose another name.`);

export interface GroupContent {
  name: string;
  tools: string[];
  members: string[];
  methods?: MethodFamily[];
  /** Null lifts a limit; absent leaves what is. */
  limits?: Limits | null;
  /** Null lifts all rules; absent leaves what is. What is there is replaced whole. */
  rules?: ArgumentRules | null;
  /** Null lifts them all; absent leaves what is. What is there is replaced whole. */
  approvals?: Approvals | null;
  /** Null switches it off; absent leaves what is. */
  undo?: { days: number } | null;
  /** Null lifts all of it; absent leaves what is. What is there is replaced whole. */
  writeSafety?: WriteSafety | null;
}

/** As the column takes it: rules that restrict nothing are none. */
function storedRules(rules: ArgumentRules | null): Prisma.InputJsonObject | typeof Prisma.DbNull {
  return (normalRules(rules) as Prisma.InputJsonObject | null) ?? Prisma.DbNull;
}

/** Creates a group. Throws `exists`, `unknown_tool`, `unknown_member`. */
export async function createGroup(
  tx: Tx,
  actor: Actor,
  input: GroupContent & { slug?: string },
): Promise<Group> {
  const { organizationId } = actor;
  const slug = input.slug ?? slugOf(input.name);
  const taken = await tx.group.findUnique({
    where: { organizationId_slug: { organizationId, slug } },
    select: { id: true },
  });
  if (taken) throw exists(slug);
  const parts = await resolve(tx, organizationId, input);
  const { id } = await tx.group
    .create({
      data: {
        ...{ organizationId, slug, name: input.name, methods: input.methods ?? [] },
        callsPerMinute: input.limits?.perMinute ?? null,
        rules: storedRules(input.rules ?? null),
        undoDays: input.undo?.days ?? null,
        ...(input.writeSafety ?? NO_WRITE_SAFETY),
      },
      select: { id: true },
    })
    .catch((error: unknown) => {
      throw (error as { code?: string }).code === 'P2002' ? exists(slug) : error;
    });
  await fill(tx, organizationId, id, parts);
  // Only now, so that a group may name itself.
  if (input.approvals) {
    const approvals = await storeApprovals(tx, organizationId, input);
    await tx.group.updateMany({ where: { organizationId, id }, data: { approvals } });
  }
  const after = await requireGroup(tx, organizationId, slug);
  await appendEvent(tx, actor, { action: 'group.created', target: `group:${slug}`, after });
  return after;
}

/**
 * Replaces a group's name, tools and members. `expectedVersion` null overwrites whatever is there. Throws `not_found`,
 * `stale_version` (RFC 9110 §13.1.1), `unknown_tool`, `unknown_member`.
 */
export async function replaceGroup(
  tx: Tx,
  actor: Actor,
  slug: string,
  input: GroupContent,
  expectedVersion: number | null,
): Promise<Group> {
  const { organizationId } = actor;
  await requireRow(tx, organizationId, slug);
  const parts = await resolve(tx, organizationId, input);
  const row = await lockRow(tx, organizationId, slug);
  const before = await toGroup(tx, organizationId, row);
  const approvals = await storeApprovals(tx, organizationId, input);
  // The condition stands in the UPDATE itself: of two admins who read the same version only one gets through.
  const { count } = await tx.group.updateMany({
    where: {
      organizationId,
      id: row.id,
      ...(expectedVersion === null ? {} : { version: expectedVersion }),
    },
    data: {
      name: input.name,
      version: { increment: 1 },
      updatedAt: new Date(),
      ...(input.methods ? { methods: input.methods } : {}),
      ...(input.limits === undefined ? {} : { callsPerMinute: input.limits?.perMinute ?? null }),
      ...(input.rules === undefined ? {} : { rules: storedRules(input.rules) }),
      ...(input.approvals === undefined ? {} : { approvals }),
      ...(input.undo === undefined ? {} : { undoDays: input.undo?.days ?? null }),
      ...(input.writeSafety === undefined ? {} : (input.writeSafety ?? NO_WRITE_SAFETY)),
    },
  });
  if (count === 0) throw new AppError('stale_version');
  await tx.groupTool.deleteMany({ where: { organizationId, groupId: row.id } });
  await tx.groupMember.deleteMany({ where: { organizationId, groupId: row.id } });
  await fill(tx, organizationId, row.id, parts);
  const after = await requireGroup(tx, organizationId, slug);
  await appendEvent(tx, actor, {
    action: 'group.updated',
    target: `group:${slug}`,
    before,
    after,
  });
  return after;
}

/** Deletes a group; its members lose the tools it gave them. */
export async function deleteGroup(tx: Tx, actor: Actor, slug: string): Promise<void> {
  const row = await lockRow(tx, actor.organizationId, slug);
  const before = await toGroup(tx, actor.organizationId, row);
  await tx.group.delete({
    where: { organizationId_id: { organizationId: actor.organizationId, id: row.id } },
  });
  await appendEvent(tx, actor, { action: 'group.deleted', target: `group:${slug}`, before });
}

/** Makes a member, whose row the caller has locked or made, belong to exactly these groups. Throws `unknown_group`. */
export async function setMemberGroups(
  tx: Tx,
  organizationId: string,
  memberId: string,
  slugs: string[],
): Promise<void> {
  await tx.$executeRaw`
    SELECT 1 FROM groups g WHERE organization_id = ${organizationId}::uuid AND (slug = ANY(${slugs}::text[])
      OR EXISTS (SELECT 1 FROM group_members m WHERE m.group_id = g.id AND m.member_id = ${memberId}::uuid))
    ORDER BY id FOR UPDATE`;
  const groups = await tx.group.findMany({
    where: { organizationId, slug: { in: slugs } },
    select: { id: true, slug: true },
  });
  const unknown = slugs.find((slug) => !groups.some((group) => group.slug === slug));
  if (unknown !== undefined) throw new AppError('unknown_group', `There is no group "${unknown}".`);
  const had = await tx.groupMember.findMany({
    where: { organizationId, memberId },
    select: { groupId: true },
  });
  const wanted = new Set(groups.map(({ id }) => id));
  const current = new Set(had.map(({ groupId }) => groupId));
  const changed = [...wanted]
    .filter((id) => !current.has(id))
    .concat([...current].filter((id) => !wanted.has(id)));
  await tx.groupMember.deleteMany({ where: { organizationId, memberId, groupId: { notIn: [...wanted] } } });
  await tx.groupMember.createMany({
    data: [...wanted].map((groupId) => ({ organizationId, groupId, memberId })),
    skipDuplicates: true,
  });
  await tx.group.updateMany({
    where: { organizationId, id: { in: changed } },
    data: { version: { increment: 1 }, updatedAt: new Date() },
  });
}

interface Parts {
  toolNames: string[];
  memberIds: string[];
}

/** What a group's content names. Its members can't be removed before the transaction ends. Throws `unknown_tool`, `unknown_member`. */
async function resolve(tx: Tx, organizationId: string, content: GroupContent): Promise<Parts> {
  const toolNames = [...new Set(content.tools)];
  await requireTools(tx, organizationId, toolNames);
  const emails = [...new Set(content.members.map((email) => email.toLowerCase()))];
  const members = await tx.$queryRaw<{ id: string; email: string }[]>`
    SELECT id, email FROM members WHERE organization_id = ${organizationId}::uuid AND email = ANY(${emails}::text[])
    ORDER BY id FOR KEY SHARE`;
  const stranger = emails.find((email) => !members.some((member) => member.email === email));
  if (stranger !== undefined)
    throw new AppError('unknown_member', `There is no member "${stranger}"; invite the person first.`);
  return { toolNames, memberIds: members.map(({ id }) => id) };
}

/** Throws `unknown_tool` unless the catalogue has all of them. Tools are never deleted, so they stay. */
export async function requireTools(
  tx: Tx,
  organizationId: string,
  toolNames: readonly string[],
): Promise<void> {
  const rows = await tx.tool.findMany({
    where: { organizationId, name: { in: [...toolNames] } },
    select: { name: true },
  });
  const known = new Set(rows.map(({ name }) => name));
  const unknown = toolNames.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new AppError(
      'unknown_tool',
      `The catalogue has no tool "${unknown}"; sync the tools or correct the name.`,
    );
}

async function fill(tx: Tx, organizationId: string, groupId: string, { toolNames, memberIds }: Parts) {
  await tx.groupTool.createMany({
    data: toolNames.map((toolName) => ({ organizationId, groupId, toolName })),
  });
  await tx.groupMember.createMany({
    data: memberIds.map((memberId) => ({ organizationId, groupId, memberId })),
  });
}

/** A URL-safe name: lower-case letters, digits and hyphens; `group` where nothing is left. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 60)
    .replace(/-+$/, '');
  return slug || 'group';
}
