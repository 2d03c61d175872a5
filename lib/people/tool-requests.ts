// Requests for tools: a member asks once for what they may not use, and reads what became of it; admins read all of them.
import { appendEvent, type Actor } from '../audit/append';
import { titleOf } from '../catalogue/catalogue';
import type { ToolDefinition } from '../catalogue/classify';
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { grantedSql, toolDenialSql, type Denial } from '../policy/policy';
import { requireTools } from './groups';

export type RequestStatus = 'open' | 'accepted' | 'declined' | 'withdrawn';

/** A request as the person who made it sees it. */
export interface ToolRequest {
  id: string;
  tool: string;
  reason: string;
  status: RequestStatus;
  /** What the admin who declined it wrote. */
  answer: string | null;
  /** Slug of the group it was granted through. */
  group: string | null;
  /** E-mail address, or the name of the API key. */
  decidedBy: string | null;
  decidedAt: string | null;
  createdAt: string;
}

interface Named {
  slug: string;
  name: string;
}

/** A request as an admin sees it. */
export interface RequestToDecide extends ToolRequest {
  member: { email: string; name: string };
  toolTitle: string | null;
  toolClass: 'read' | 'write' | 'destructive' | 'internal' | 'unknown';
  toolStatus: 'reviewed' | 'new' | 'changed' | 'missing';
  toolBlocked: boolean;
  toolGroups: Named[];
  memberGroups: Named[];
}

/** Closed requests that are listed. */
const LISTED = 500;

const group = { select: { group: { select: { slug: true, name: true } } } } as const;
export const shape = {
  id: true,
  memberId: true,
  toolName: true,
  reason: true,
  status: true,
  answer: true,
  groupSlug: true,
  decidedBy: true,
  decidedAt: true,
  createdAt: true,
} as const satisfies Prisma.ToolRequestSelect;
const shapeToDecide = {
  ...shape,
  member: { select: { email: true, name: true, groups: group } },
  tool: { select: { definition: true, class: true, status: true, blocked: true, groups: group } },
} as const satisfies Prisma.ToolRequestSelect;

/** A row of `shape`. */
export const toRequest = (row: Prisma.ToolRequestGetPayload<{ select: typeof shape }>): ToolRequest => ({
  id: row.id,
  tool: row.toolName,
  reason: row.reason,
  status: row.status as RequestStatus,
  answer: row.answer,
  group: row.groupSlug,
  decidedBy: row.decidedBy,
  decidedAt: row.decidedAt?.toISOString() ?? null,
  createdAt: row.createdAt.toISOString(),
});

function toRequestToDecide(
  row: Prisma.ToolRequestGetPayload<{ select: typeof shapeToDecide }>,
): RequestToDecide {
  const names = (groups: { group: Named }[]) =>
    groups.map((entry) => entry.group).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...toRequest(row),
    member: { email: row.member.email, name: row.member.name },
    toolTitle: titleOf(row.tool.definition as unknown as ToolDefinition),
    toolClass: row.tool.class,
    toolStatus: row.tool.status,
    toolBlocked: row.tool.blocked,
    toolGroups: names(row.tool.groups),
    memberGroups: names(row.member.groups),
  };
}

const newestFirst = [{ createdAt: 'desc' }, { id: 'desc' }] as const satisfies object[];

/** What a member asked for, newest first, the last 500. */
export async function listOwnRequests(
  tx: Tx,
  organizationId: string,
  memberId: string,
): Promise<ToolRequest[]> {
  const rows = await tx.toolRequest.findMany({
    where: { organizationId, memberId },
    select: shape,
    orderBy: [...newestFirst],
    take: LISTED,
  });
  return rows.map(toRequest);
}

/** The organization's requests, newest first: all open ones (a person has at most one for a tool), or the last 500 of the others. */
export async function listRequests(
  tx: Tx,
  organizationId: string,
  status?: 'open' | 'closed',
): Promise<RequestToDecide[]> {
  const which = status === 'open' ? 'open' : status === 'closed' ? { not: 'open' } : undefined;
  const rows = await tx.toolRequest.findMany({
    where: { organizationId, ...(which === undefined ? {} : { status: which }) },
    select: shapeToDecide,
    orderBy: [...newestFirst],
    ...(status === 'open' ? {} : { take: LISTED }),
  });
  return rows.map(toRequestToDecide);
}

/**
 * Asks for a tool that the person may not use yet. Throws `unknown_tool`, and `exists` where the person has it already or asks for it
 * already.
 */
export async function requestTool(
  tx: Tx,
  actor: Actor & { memberId: string },
  input: { tool: string; reason: string },
): Promise<ToolRequest> {
  const { organizationId, memberId } = actor;
  const { tool, reason } = input;
  // Until the end of the transaction nobody removes the person.
  const [member] = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM members WHERE organization_id = ${organizationId}::uuid AND id = ${memberId}::uuid FOR KEY SHARE`;
  if (!member) throw new AppError('unauthenticated');
  await requireTools(tx, organizationId, [tool]);
  if ((await denialOf(tx, organizationId, tool, memberId)) === null)
    throw new AppError(
      'exists',
      `You may use ${tool} already; if one of your agents may not, its token is narrowed to other tools.`,
    );
  const row = await tx.toolRequest
    .create({ data: { organizationId, memberId, toolName: tool, reason }, select: shape })
    .catch((error: unknown) => {
      throw (error as { code?: string }).code === 'P2002'
        ? new AppError('exists', `You have asked for ${tool} already; an admin has yet to answer.`)
        : error;
    });
  await appendEvent(tx, actor, {
    action: 'tool_request.made',
    target: `tool_request:${row.id}`,
    after: { tool, reason },
  });
  return toRequest(row);
}

/** The gate's rule for a member, or (null) for somebody whose group has the tool; of a bearer that is not narrowed. */
export async function denialOf(
  tx: Tx,
  organizationId: string,
  tool: string,
  memberId: string | null,
): Promise<Denial | null> {
  const granted = grantedSql({
    organizationId: 't.organization_id',
    memberId: 'w.member_id',
    toolName: 't.name',
  });
  const rule = toolDenialSql({
    ...{ tool: 't', granted: `w.member_id IS NULL OR ${granted}`, restricted: 'false' },
    ...{ tools: 'NULL::text[]', driftPolicy: 'o.drift_policy' },
  });
  const [row] = await tx.$queryRaw<{ denial: Denial | null }[]>`
    SELECT ${Prisma.raw(rule)} AS denial FROM tools t JOIN organizations o ON o.id = t.organization_id
    CROSS JOIN (SELECT ${memberId}::uuid AS member_id) w
    WHERE t.organization_id = ${organizationId}::uuid AND t.name = ${tool}`;
  return row ? row.denial : 'unknown_tool';
}

/** One request as an admin sees it; throws `not_found`. */
export async function requireRequest(tx: Tx, organizationId: string, id: string): Promise<RequestToDecide> {
  const row = await tx.toolRequest.findFirst({ where: { organizationId, id }, select: shapeToDecide });
  if (!row) throw new AppError('not_found', 'There is no such request.');
  return toRequestToDecide(row);
}
