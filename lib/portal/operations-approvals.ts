// Operations on calls of agents that wait for a person: what waits, what it would do, and the decision.
import { z } from 'zod';
import { decideApproval } from '../approvals/decide';
import { listApprovals, requireApproval } from '../approvals/list';
import { readCall } from '../approvals/read-call';
import { AppError } from '../errors';
import { operation, type Context } from './operation';
import { EVERYONE, instant, uuid } from './schemas';

const approval = z.object({
  id: uuid,
  tool: z.string(),
  toolTitle: z.string().nullable(),
  toolClass: z.enum(['read', 'write', 'destructive', 'internal', 'unknown']),
  state: z.enum(['open', 'approved', 'declined', 'used', 'ended']),
  member: z.object({ email: z.string(), name: z.string() }),
  agent: z.string(),
  approvers: z.array(z.string()),
  canDecide: z.boolean(),
  isOwn: z.boolean(),
  askedAt: instant,
  expiresAt: instant,
  decidedBy: z.string().nullable(),
  decidedAt: instant.nullable(),
  answer: z.string().nullable(),
  usedAt: instant.nullable(),
});
/** One approval with the call itself: as JSON, and argument by argument with what Asana calls the things in it. */
const approvalWithCall = approval.extend({
  /** Null once it is over: then the arguments are forgotten. */
  call: z
    .object({
      text: z.string(),
      arguments: z.array(
        z.object({
          /** `tasks[0].assignee`. */
          place: z.string(),
          value: z.string(),
          /** What Asana calls it, asked through the connection of the person whose agent asks; null where it did not say. */
          name: z.string().nullable(),
        }),
      ),
      /** Whether there are more arguments than are listed one by one. */
      cut: z.boolean(),
    })
    .nullable(),
});
const idPath = z.object({ id: z.string().max(100) });

/** Ids that are none can't be anybody's. */
function idOf({ id }: { id: string }): string {
  if (!uuid.safeParse(id).success)
    throw new AppError('not_found', 'There is no such call that waits for you.');
  return id.toLowerCase();
}

function signedIn({ member, actor }: Context) {
  if (!member) throw new AppError('forbidden');
  return { ...actor, memberId: member.id, memberEmail: member.email };
}

export const approvalOperations = {
  'GET /approvals': operation({
    summary:
      'Calls that wait for an approval: those I may decide and those of my own agents, newest first; of the closed ones the last 200',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    query: z.object({ state: z.enum(['open', 'closed']).optional() }),
    answer: z.object({ approvals: z.array(approval) }),
    run: async (context, { query }) => {
      const { organizationId, memberId } = signedIn(context);
      return { approvals: await listApprovals(context.tx, organizationId, memberId, query.state) };
    },
  }),
  'GET /approvals/{id}': operation({
    summary: 'One of them with its arguments, and what Asana calls the things in them',
    who: EVERYONE,
    keys: false,
    effect: 'outside',
    path: idPath,
    answer: approvalWithCall,
    run: async (context, { path }) => {
      const { organizationId, memberId } = signedIn(context);
      const found = await requireApproval(context.tx, organizationId, memberId, idOf(path));
      return { ...found, call: await readCall(organizationId, found.id) };
    },
  }),
  'POST /approvals/{id}/decision': operation({
    summary:
      'Approve exactly this call, once, within the hour; or decline it with words that the agent hears',
    who: EVERYONE,
    keys: false,
    effect: 'change',
    path: idPath,
    body: z
      .object({
        decision: z.enum(['approve', 'decline']),
        answer: z.string().trim().max(500, 'must have at most 500 characters').optional(),
      })
      .refine(({ decision, answer }) => decision === 'approve' || Boolean(answer), {
        path: ['answer'],
        message: 'say why, for the agent and its person',
      }),
    answer: approval,
    run: (context, { path, body }) =>
      decideApproval(context.tx, signedIn(context), idOf(path), {
        decision: body.decision,
        answer: body.answer || null,
      }),
  }),
};
