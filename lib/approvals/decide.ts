// One decision about one waiting call: whoever comes first, only who may, only while it could still be made; with its audit event.
import { appendEvent, type Actor } from '../audit/append';
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { GOOD_MINUTES } from './ask';
import { requireApproval, type Approval } from './list';
import { mayDecideSql, stateSql } from './who-decides';

export interface Decision {
  decision: 'approve' | 'decline';
  /** What the agent, and so its person, reads; needed to decline. */
  answer: string | null;
}

interface Row {
  state: Approval['state'];
  decided_by: string | null;
  tool_name: string;
  arguments_hash: string;
  member: string;
  may_decide: boolean;
  is_own: boolean;
  is_current: boolean | null;
}

/**
 * Approves or declines. Throws `not_found` for who has nothing to do with it, `forbidden` for the person whose agent asks, and
 * `decided_already` where it is over, or where policy, definition or connection are not those any more that it was asked under.
 */
export async function decideApproval(
  tx: Tx,
  actor: Actor & { memberId: string; memberEmail: string },
  id: string,
  { decision, answer }: Decision,
): Promise<Approval> {
  const { organizationId, memberId } = actor;
  const row = await lock(tx, actor, id);
  if (!row || (!row.may_decide && !row.is_own))
    throw new AppError('not_found', 'There is no such call that waits for you.');
  if (!row.may_decide)
    throw new AppError('forbidden', 'Somebody else has to decide about a call of your own agent.');
  if (row.state === 'ended') throw new AppError('decided_already', 'The call does not wait any more.');
  if (row.state !== 'open')
    throw new AppError('decided_already', `${row.decided_by ?? 'Somebody'} has decided about this call.`);
  if (decision === 'approve' && row.is_current !== true)
    throw new AppError(
      'decided_already',
      'The policy, the tool or the Asana connection has changed since the agent asked, so this call can\u2019t be made any more. The agent has to call again.',
    );
  const isYes = decision === 'approve';
  await tx.approval.updateMany({
    where: { organizationId, id, state: 'open' },
    data: {
      ...{ answer, decidedById: memberId, decidedBy: actor.memberEmail, decidedAt: new Date() },
      state: isYes ? 'approved' : 'declined',
      ...(isYes ? { expiresAt: new Date(Date.now() + GOOD_MINUTES * 60_000) } : { sealed: null }),
    },
  });
  await appendEvent(tx, actor, {
    action: isYes ? 'approval.approved' : 'approval.declined',
    target: `approval:${id}`,
    before: { tool: row.tool_name, state: 'open' },
    after: {
      ...{ tool: row.tool_name, state: isYes ? 'approved' : 'declined', member: row.member },
      ...{ argumentsHash: row.arguments_hash, ...(answer === null ? {} : { answer }) },
    },
  });
  return requireApproval(tx, organizationId, memberId, id);
}

/** The row, which nobody else decides or uses until the transaction ends, and whether it would be judged by the same now. */
async function lock(
  tx: Tx,
  { organizationId, memberId }: Actor & { memberId: string },
  id: string,
): Promise<Row | undefined> {
  await tx.$executeRaw`
    SELECT 1 FROM approvals WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid FOR UPDATE`;
  const [row] = await tx.$queryRaw<Row[]>`
    SELECT ${Prisma.raw(stateSql('a'))} AS state, a.decided_by, a.tool_name, a.arguments_hash, m.email AS member,
      ${Prisma.raw(mayDecideSql('a', 'v.id'))} AS may_decide, a.member_id = v.id AS is_own,
      a.judged_as = argument_rules(ARRAY(SELECT gm.group_id FROM group_members gm
        WHERE gm.organization_id = a.organization_id AND gm.member_id = a.member_id),
        a.organization_id, a.tool_name, c.id || ' ' || c.status)->>'version' AS is_current
    FROM approvals a JOIN members m ON m.organization_id = a.organization_id AND m.id = a.member_id
    CROSS JOIN (SELECT ${memberId}::uuid AS id) v
    LEFT JOIN connections c ON c.organization_id = a.organization_id AND c.id = a.connection_id
    WHERE a.organization_id = ${organizationId}::uuid AND a.id = ${id}::uuid`;
  return row;
}
