// Ends requests for tools: one decision each, whoever comes first, and what is accepted holds from the next call on.
import { appendEvent, type Actor } from '../audit/append';
import type { Tx } from '../db';
import { AppError } from '../errors';
import { DENIALS, type Denial } from '../policy/policy';
import { grantThroughGroup } from './change-groups';
import {
  denialOf,
  requireRequest,
  shape,
  toRequest,
  type RequestStatus,
  type RequestToDecide,
  type ToolRequest,
} from './tool-requests';

/** Withdraws one of the person's own open requests. Throws `not_found` and `decided_already`. */
export async function withdrawRequest(
  tx: Tx,
  actor: Actor & { memberId: string },
  id: string,
): Promise<void> {
  const row = await lockRequest(tx, actor.organizationId, id, actor.memberId);
  await close(tx, actor, row, { status: 'withdrawn' });
}

/**
 * Grants an open request through a group, which gets the tool and the person, whichever it lacks. Throws `not_found`,
 * `decided_already`, `unknown_group`, and `tool_closed` where the grant would open nothing.
 */
export async function acceptRequest(
  tx: Tx,
  actor: Actor,
  id: string,
  slug: string,
): Promise<RequestToDecide> {
  const { organizationId } = actor;
  // The person before the request and the group, like everywhere (lockMember): a removal waits, or was first.
  const found = await tx.toolRequest.findFirst({ where: { organizationId, id }, select: { memberId: true } });
  if (!found) throw new AppError('not_found', 'There is no such request.');
  const [member] = await tx.$queryRaw<{ id: string; email: string }[]>`
    SELECT id, email FROM members WHERE organization_id = ${organizationId}::uuid AND id = ${found.memberId}::uuid FOR KEY SHARE`;
  if (!member)
    throw new AppError('not_found', 'The person who asked was removed, and the request with them.');
  const row = await lockRequest(tx, organizationId, id);
  await requireOpenTool(tx, organizationId, row.tool);
  await grantThroughGroup(tx, actor, { slug, tool: row.tool, member });
  await close(tx, actor, row, { status: 'accepted', groupSlug: slug });
  return requireRequest(tx, organizationId, id);
}

/** Declines an open request, with an answer that the person reads. Throws `not_found` and `decided_already`. */
export async function declineRequest(
  tx: Tx,
  actor: Actor,
  id: string,
  answer: string,
): Promise<RequestToDecide> {
  const row = await lockRequest(tx, actor.organizationId, id);
  await close(tx, actor, row, { status: 'declined', answer });
  return requireRequest(tx, actor.organizationId, id);
}

/** An open request that nobody else decides until the transaction ends; of this member, where one is named. */
async function lockRequest(
  tx: Tx,
  organizationId: string,
  id: string,
  memberId?: string,
): Promise<ToolRequest> {
  await tx.$executeRaw`
    SELECT 1 FROM tool_requests WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid FOR UPDATE`;
  const row = await tx.toolRequest.findFirst({
    where: { organizationId, id, ...(memberId === undefined ? {} : { memberId }) },
    select: shape,
  });
  if (!row) throw new AppError('not_found', 'There is no such request.');
  if (row.status === 'withdrawn')
    throw new AppError('decided_already', 'The request was withdrawn; there is nothing left to decide.');
  if (row.status !== 'open')
    throw new AppError(
      'decided_already',
      `${row.decidedBy ?? 'Somebody'} has ${row.status} this request already.`,
    );
  return toRequest(row);
}

async function close(
  tx: Tx,
  actor: Actor,
  row: ToolRequest,
  how: { status: Exclude<RequestStatus, 'open'>; answer?: string; groupSlug?: string },
): Promise<void> {
  const { organizationId } = actor;
  const decidedBy = how.status === 'withdrawn' ? null : (actor.memberEmail ?? actor.credential.name);
  await tx.toolRequest.updateMany({
    where: { organizationId, id: row.id },
    data: { ...how, decidedBy, decidedAt: new Date() },
  });
  await appendEvent(tx, actor, {
    action: `tool_request.${how.status}`,
    target: `tool_request:${row.id}`,
    before: { tool: row.tool, status: 'open' },
    after: {
      ...{ tool: row.tool, status: how.status },
      ...(how.answer === undefined ? {} : { answer: how.answer }),
      ...(how.groupSlug === undefined ? {} : { group: how.groupSlug }),
    },
  });
}

const FIXES: Partial<Record<Denial, string>> = {
  blocked: 'Unblock it first, or decline the request.',
  not_reviewed: 'Review it first, or decline the request.',
  missing: 'Decline the request, or wait until Asana lists it again.',
};

/** Throws `tool_closed` where even a member of a group that has the tool may not use it: then a grant would promise nothing. */
async function requireOpenTool(tx: Tx, organizationId: string, tool: string): Promise<void> {
  const denial = await denialOf(tx, organizationId, tool, null);
  if (denial === null) return;
  throw new AppError(
    'tool_closed',
    `${tool} would stay closed in every group. ${DENIALS[denial]} ${FIXES[denial] ?? ''}`.trimEnd(),
  );
}
