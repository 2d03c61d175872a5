// Asana's tools as an organization knows them: seeded from the recorded list, compared with what Asana lists, reviewed by admins.
import { appendEvent, type Actor } from '../audit/append';
import { pool, Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { grantedSql, toolDenialSql } from '../policy/policy';
import { classify, fingerprintOf, tokenCost, type ToolClass, type ToolDefinition } from './classify';
import { decideDrift, logDrift, type FoundBy, type FoundDrift } from './drift';
import { recordedTools } from './recorded-tools';
import { kindsOfChange, predecessorOf } from './successor';

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
    definitionHash: fingerprintOf(tool),
    class: classify(tool),
    tokens: tokenCost(tool),
  };
}

/** What people call a tool; null where Asana gives it no title. */
export const titleOf = (definition: ToolDefinition): string | null =>
  definition.title ?? definition.annotations?.title ?? null;

/** The catalogue in Asana's order, or the tool of this name alone. */
export async function listTools(tx: Tx, organizationId: string, name?: string): Promise<Tool[]> {
  const rows = await tx.tool.findMany({
    where: { organizationId, name },
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
        ? {
            ...{ ...describe(accepted), status: 'reviewed', reviewedAt: new Date() },
            ...{ seen: Prisma.DbNull, seenHash: null, keptHash: null },
          }
        : {}),
    },
  });
  if (change.status === 'reviewed') await decideDrift(tx, actor, name, 'accepted');
  else if (change.blocked && row.status !== 'reviewed') await decideDrift(tx, actor, name, 'blocked');
  const [after] = (await listTools(tx, organizationId, name)) as [Tool];
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
 * How a list came. `whole`: it is all that Asana lists, so what is not in it is gone, and what is in it as it was reviewed is open again;
 * a part, or a list of somebody's agent, can only close.
 */
export interface Listing {
  foundBy: FoundBy;
  whole: boolean;
  /** All names that Asana lists, where they are known although only some tools are given: what is not among them may have been replaced. */
  names?: readonly string[];
}

/**
 * Compares Asana's list with the catalogue and stores the difference, with its entries in the drift log: another definition is `changed`,
 * another name `new`, gone is `missing`. A tool that comes back as it was reviewed is `reviewed` again. Nothing here opens a tool that
 * an admin has not seen.
 */
export async function applyListing(
  tx: Tx,
  actor: Actor,
  listed: readonly ToolDefinition[],
  { foundBy, whole, names }: Listing = { foundBy: 'sync', whole: true },
): Promise<SyncResult> {
  const { organizationId } = actor;
  // One sync of an organization after the other: two that both find a new tool must not both insert it.
  await tx.$executeRaw`SELECT 1 FROM organizations WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
  const known = new Map(
    (await tx.tool.findMany({ where: { organizationId } })).map((row) => [row.name, row]),
  );
  const all = names ?? (whole ? listed.map(({ name }) => name) : null);
  const gone = all ? goneOf([...known.values()], all) : [];
  const result: SyncResult = { added: [], changed: [], removed: [] };
  const drifts: FoundDrift[] = [];
  for (const [position, tool] of listed.entries()) {
    const row = known.get(tool.name);
    known.delete(tool.name);
    if (!row) {
      const successorOf = predecessorOf(tool, gone);
      result.added.push(tool.name);
      drifts.push({
        ...{ toolName: tool.name, kinds: [successorOf === null ? 'added' : 'renamed'], after: tool },
        ...{ before: gone.find(({ name }) => name === successorOf) ?? null, successorOf },
      });
      const at = whole ? position : END;
      await tx.tool.create({ data: { organizationId, ...describe(tool), position: at, status: 'new' } });
      continue;
    }
    const step = stepOf(row, tool);
    if (!whole && !step.closes) continue;
    const at = whole ? position : row.position;
    if (!step.changes && at === row.position) continue;
    if (row.status === 'missing') result.added.push(tool.name);
    else if (step.closes) result.changed.push(tool.name);
    if (step.kinds.length > 0) {
      const settled = step.data.status === 'reviewed';
      drifts.push({ toolName: tool.name, kinds: step.kinds, before: step.before, after: tool, settled });
    }
    await tx.tool.update({
      where: { organizationId_name: { organizationId, name: tool.name } },
      data: { ...step.data, position: at, updatedAt: new Date() },
    });
  }
  for (const row of whole ? known.values() : [])
    if (row.status !== 'missing') {
      result.removed.push(row.name);
      drifts.push({ toolName: row.name, kinds: ['removed'], before: latestOf(row), after: null });
      await tx.tool.update({
        where: { organizationId_name: { organizationId, name: row.name } },
        data: { status: 'missing', updatedAt: new Date() },
      });
    }
  await logDrift(tx, organizationId, foundBy, drifts);
  // Nobody asked for what happens every hour; it is on record where it found something.
  if (foundBy === 'sync' || drifts.length > 0)
    await appendEvent(tx, actor, { action: 'tools.synced', target: 'tools', after: result });
  return result;
}

/** Where a tool stands that was found before the whole list was asked for. */
const END = 1_000_000;

interface ToolRow {
  name: string;
  definition: unknown;
  seen: unknown;
  status: ToolStatus;
  definitionHash: string | null;
  seenHash: string | null;
  reviewedAt: Date | null;
}

/** What Asana listed when it was last looked at. */
const latestOf = ({ seen, definition }: Pick<ToolRow, 'seen' | 'definition'>) =>
  (seen ?? definition) as ToolDefinition;

/** What may have been replaced: gone by this list, or gone already. */
function goneOf(rows: readonly ToolRow[], listed: readonly string[]): ToolDefinition[] {
  const names = new Set(listed);
  return rows.filter(({ name }) => !names.has(name)).map(latestOf);
}

/** From a tool as it is known to the same as Asana lists it now. */
function stepOf(row: ToolRow, tool: ToolDefinition) {
  const listedHash = fingerprintOf(tool);
  const reviewedHash = fingerprintOf(row.definition);
  const latestHash = row.seen === null ? reviewedHash : fingerprintOf(row.seen);
  const before = latestOf(row);
  const status: ToolStatus =
    row.reviewedAt === null ? 'new' : listedHash === reviewedHash ? 'reviewed' : 'changed';
  const differs = listedHash !== latestHash;
  const kinds: FoundDrift['kinds'] = [
    ...(row.status === 'missing' ? (['returned'] as const) : []),
    ...(differs ? kindsOfChange(before, tool) : []),
  ];
  const isChanged = status === 'changed';
  // An older version of Gatehouse may have stored a definition without its fingerprint (a rolling upgrade).
  const repairs = row.definitionHash !== reviewedHash;
  return {
    ...{ before, differs, kinds },
    /** Whether it is other than what was reviewed, and that is news. */
    closes: differs && status !== 'reviewed',
    changes: status !== row.status || differs || repairs,
    data: {
      status,
      definitionHash: reviewedHash,
      seen: isChanged ? (tool as Prisma.InputJsonObject) : Prisma.DbNull,
      seenHash: isChanged ? listedHash : null,
      ...(status === 'new' ? describe(tool) : {}),
    },
  };
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
