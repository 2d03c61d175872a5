// Asana's tools as an organization knows them: seeded from the recorded list, compared with what Asana lists, reviewed by admins.
import { appendEvent, type Actor } from '../audit/append';
import { pool, Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { grantedSql, toolDenialSql } from '../policy/policy';
import { classify, sameDefinition, tokenCost, type ToolClass, type ToolDefinition } from './classify';
import { recordedTools } from './recorded-tools';

export type ToolStatus = 'reviewed' | 'new' | 'changed' | 'missing';

/** A tool of the catalogue as the portal shows it. */
export interface Tool {
  name: string;
  title: string | null;
  class: ToolClass;
  status: ToolStatus;
  blocked: boolean;
  /** Slugs of the groups that have it. */
  groups: string[];
  tokens: number;
  description: string | null;
  inputSchema: unknown;
  annotations: ToolDefinition['annotations'] | null;
  _meta: ToolDefinition['_meta'] | null;
  /** What Asana lists now, where that differs from what was reviewed. */
  seen: ToolDefinition | null;
}

/** Gives a new organization the recorded tools, classified and reviewed. */
export async function seedCatalogue(tx: Tx, organizationId: string): Promise<void> {
  await tx.tool.createMany({
    data: (recordedTools() as unknown as ToolDefinition[]).map((tool, position) => ({
      organizationId,
      ...describe(tool),
      position,
      status: 'reviewed' as const,
      reviewedAt: new Date(),
    })),
  });
}

function describe(tool: ToolDefinition) {
  return {
    name: tool.name,
    definition: tool as Prisma.InputJsonObject,
    class: classify(tool),
    tokens: tokenCost(tool),
  };
}

/** What people call a tool; null where Asana gives it no title. */
export const titleOf = (definition: ToolDefinition): string | null =>
  definition.title ?? definition.annotations?.title ?? null;

/** The catalogue in Asana's order. */
export async function listTools(tx: Tx, organizationId: string): Promise<Tool[]> {
  const rows = await tx.tool.findMany({
    where: { organizationId },
    include: { groups: { select: { group: { select: { slug: true } } } } },
    orderBy: [{ position: 'asc' }, { name: 'asc' }],
  });
  return rows.map((row) => {
    const definition = row.definition as unknown as ToolDefinition;
    return {
      name: row.name,
      title: titleOf(definition),
      class: row.class,
      status: row.status,
      blocked: row.blocked,
      groups: row.groups.map(({ group }) => group.slug).sort(),
      tokens: row.tokens,
      description: definition.description ?? null,
      inputSchema: definition.inputSchema ?? null,
      annotations: definition.annotations ?? null,
      _meta: definition._meta ?? null,
      seen: (row.seen as unknown as ToolDefinition | null) ?? null,
    };
  });
}

/** Reviews or blocks a tool. Reviewing accepts what Asana lists now. Throws `not_found`, `invalid` for a missing one. */
export async function updateTool(
  tx: Tx,
  actor: Actor,
  name: string,
  change: { status?: 'reviewed'; blocked?: boolean },
): Promise<Tool> {
  const { organizationId } = actor;
  // Locked against a sync that stores another definition while this one is accepted.
  await tx.$executeRaw`
    SELECT 1 FROM tools WHERE organization_id = ${organizationId}::uuid AND name = ${name} FOR UPDATE`;
  const row = await tx.tool.findUnique({ where: { organizationId_name: { organizationId, name } } });
  if (!row) throw new AppError('not_found', `The catalogue has no tool "${name}".`);
  if (change.status === 'reviewed' && row.status === 'missing')
    throw new AppError(
      'invalid',
      `Asana no longer lists "${name}"; there is nothing to review until it comes back.`,
    );
  const accepted = (row.seen ?? row.definition) as unknown as ToolDefinition;
  await tx.tool.update({
    where: { organizationId_name: { organizationId, name } },
    data: {
      updatedAt: new Date(),
      ...(change.blocked === undefined ? {} : { blocked: change.blocked }),
      ...(change.status === 'reviewed'
        ? { ...describe(accepted), status: 'reviewed', seen: Prisma.DbNull, reviewedAt: new Date() }
        : {}),
    },
  });
  const after = (await listTools(tx, organizationId)).find((tool) => tool.name === name)!;
  const state = (tool: { status: string; blocked: boolean; class: string }) => ({
    status: tool.status,
    blocked: tool.blocked,
    class: tool.class,
  });
  await appendEvent(tx, actor, {
    action: change.status === 'reviewed' ? 'tool.reviewed' : 'tool.updated',
    target: `tool:${name}`,
    before: state(row),
    after: state(after),
  });
  return after;
}

export interface SyncResult {
  added: string[];
  changed: string[];
  removed: string[];
}

/**
 * Compares Asana's list with the catalogue and stores the difference: another definition is `changed`, another name `new`, gone is
 * `missing`. A tool that comes back as it was reviewed is `reviewed` again. Nothing here opens a tool that an admin has not seen.
 */
export async function applyListing(
  tx: Tx,
  actor: Actor,
  listed: readonly ToolDefinition[],
): Promise<SyncResult> {
  const { organizationId } = actor;
  // One sync of an organization after the other: two that both find a new tool must not both insert it.
  await tx.$executeRaw`SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
  const known = new Map(
    (await tx.tool.findMany({ where: { organizationId } })).map((row) => [row.name, row]),
  );
  const result: SyncResult = { added: [], changed: [], removed: [] };
  for (const [position, tool] of listed.entries()) {
    const row = known.get(tool.name);
    known.delete(tool.name);
    if (!row) {
      result.added.push(tool.name);
      await tx.tool.create({ data: { organizationId, ...describe(tool), position, status: 'new' } });
      continue;
    }
    const where = { organizationId_name: { organizationId, name: tool.name } };
    const same = sameDefinition(row.definition, tool);
    const status: ToolStatus = row.reviewedAt === null ? 'new' : same ? 'reviewed' : 'changed';
    const differs = status === 'changed' ? !sameDefinition(row.seen, tool) : !same;
    if (status === row.status && !differs && position === row.position) continue;
    if (row.status === 'missing') result.added.push(tool.name);
    else if (differs) result.changed.push(tool.name);
    await tx.tool.update({
      where,
      data: {
        position,
        status,
        updatedAt: new Date(),
        seen: status === 'changed' ? (tool as Prisma.InputJsonObject) : Prisma.DbNull,
        ...(status === 'new' ? describe(tool) : {}),
      },
    });
  }
  for (const row of known.values())
    if (row.status !== 'missing') {
      result.removed.push(row.name);
      await tx.tool.update({
        where: { organizationId_name: { organizationId, name: row.name } },
        data: { status: 'missing', updatedAt: new Date() },
      });
    }
  await appendEvent(tx, actor, { action: 'tools.synced', target: 'tools', after: result });
  return result;
}

/** A tool as somebody who may use it sees it. */
export interface UsableTool {
  name: string;
  title: string | null;
  class: ToolClass;
  /** What its definition costs a model. */
  tokens: number;
}

/** The tools that a member may use through any credential without a restriction of its own, in Asana's order. */
export async function usableTools(organizationId: string, memberId: string): Promise<UsableTool[]> {
  const { rows } = await pool().query<Omit<UsableTool, 'title'> & { definition: ToolDefinition }>(
    `SELECT t.name, t.definition, t.class, t.tokens FROM tools t JOIN organizations o ON o.id = t.organization_id
     WHERE t.organization_id = $1 AND ${toolDenialSql({
       tool: 't',
       granted: grantedSql({ organizationId: '$1', memberId: '$2', toolName: 't.name' }),
       restricted: 'false',
       tools: 'NULL::text[]',
       driftPolicy: 'o.drift_policy',
     })} IS NULL ORDER BY t.position, t.name`,
    [organizationId, memberId],
  );
  return rows.map(({ definition, ...tool }) => ({ ...tool, title: titleOf(definition) }));
}

/** Their names. */
export async function effectiveTools(organizationId: string, memberId: string): Promise<string[]> {
  return (await usableTools(organizationId, memberId)).map(({ name }) => name);
}
