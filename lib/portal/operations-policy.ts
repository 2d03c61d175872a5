// Operations on who may use what: changes of several groups at once, why a call is allowed or not, and requests for tools.
import { z } from 'zod';
import { placeName } from '../asana/place-name';
import { AppError } from '../errors';
import { previewChanges } from '../people/affected';
import { changeGroups } from '../people/change-groups';
import { acceptRequest, declineRequest, withdrawRequest } from '../people/decide-requests';
import { listOwnRequests, listRequests, requestTool } from '../people/tool-requests';
import { DENIALS, type Denial } from '../policy/policy';
import { explainFor, explainOwn } from './explain';
import { operation, type Context } from './operation';
import { group } from './operations-people';
import { ADMIN, EVERYONE, gid, instant, READERS, toolNames, uuid } from './schemas';

const slugged = z.object({ slug: z.string(), name: z.string() });
const person = z.object({ email: z.string(), name: z.string() });
const toolClass = z.enum(['read', 'write', 'destructive', 'internal', 'unknown']);
const toolStatus = z.enum(['reviewed', 'new', 'changed', 'missing']);
const toolName = z.string().min(1).max(200);
const idPath = z.object({ id: z.string().max(100) });

export const groupChange = z.object({
  slug: z.string().max(100),
  add: toolNames.optional(),
  remove: toolNames.optional(),
});
type Named = { slug: string; add?: string[]; remove?: string[] };
export const changesOf = <T extends z.ZodType<Named>>(change: T) =>
  z.object({
    changes: z
      .array(change)
      .min(1, 'must hold at least one change')
      .max(200, 'must hold at most 200 changes')
      .refine(
        (changes) => new Set(changes.map(({ slug }) => slug)).size === changes.length,
        'names a group twice; put its changes into one entry',
      )
      .refine(
        (changes) => changes.every(({ add, remove }) => !add?.some((name) => remove?.includes(name))),
        'adds and removes the same tool in one group',
      ),
  });

/** How many people, and how many of their agents that were at work in the last seven days. */
const affected = z.object({
  people: z.number(),
  agents: z.number(),
  /** At most eight, by e-mail. */
  sample: z.array(person),
});

/** The audit event that put it so; to members `by` is "an admin" and `record` null. */
const change = z.object({ at: instant, by: z.string().nullable(), record: uuid.nullable() }).nullable();

const explanation = z.object({
  member: person,
  token: z.object({ id: uuid, name: z.string() }).nullable(),
  tool: z
    .object({
      name: z.string(),
      title: z.string().nullable(),
      class: toolClass,
      status: toolStatus,
      blocked: z.boolean(),
    })
    .nullable(),
  /** Empty for a record that names no tool. */
  toolName: z.string(),
  allowed: z.boolean(),
  reason: z.enum(Object.keys(DENIALS) as [Denial, ...Denial[]]).nullable(),
  sentence: z.string(),
  checks: z.array(
    z.object({
      id: z.enum(['catalogue', 'blocked', 'review', 'groups', 'token']),
      passed: z.boolean().nullable(),
      message: z.string(),
      change,
    }),
  ),
  groups: z.array(slugged.extend({ hasTool: z.boolean(), rules: z.array(z.string()), change })),
  candidates: z.array(slugged),
  request: z
    .object({ id: uuid, status: z.enum(['open', 'accepted', 'declined', 'withdrawn']), at: instant })
    .nullable(),
  record: z
    .object({
      id: uuid,
      at: instant,
      method: z.string().nullable(),
      decision: z.enum(['allow', 'deny']),
      reason: z.string().nullable(),
      now: z.enum(['same', 'different']),
    })
    .nullable(),
});

const request = z.object({
  id: uuid,
  tool: z.string(),
  reason: z.string(),
  status: z.enum(['open', 'accepted', 'declined', 'withdrawn']),
  answer: z.string().nullable(),
  group: z.string().nullable(),
  decidedBy: z.string().nullable(),
  decidedAt: instant.nullable(),
  createdAt: instant,
});

/** What an admin sees of a request, so that one look is enough to decide. */
const requestToDecide = request.extend({
  member: person,
  toolTitle: z.string().nullable(),
  toolClass,
  toolStatus,
  toolBlocked: z.boolean(),
  /** Groups that have the tool. */
  toolGroups: z.array(slugged),
  /** Groups that the person is in. */
  memberGroups: z.array(slugged),
});

/** Ids that are none can't be anybody's. */
function idOf({ id }: { id: string }): string {
  if (!uuid.safeParse(id).success) throw new AppError('not_found', 'There is no such request.');
  return id;
}

/** The signed-in person; `keys: false` keeps API keys out before this. */
function signedIn({ member, actor }: Context) {
  if (!member) throw new AppError('forbidden');
  return { ...actor, memberId: member.id, memberEmail: member.email };
}

export const policyOperations = {
  'POST /groups/changes': operation({
    summary:
      'Change the tools of several groups in one go: all of it or, where one of them has moved on, nothing',
    who: ADMIN,
    effect: 'change',
    policy: true,
    body: changesOf(groupChange.extend({ version: z.number().int().min(0).max(2_147_483_647) })),
    answer: z.object({ groups: z.array(group) }),
    run: async ({ tx, actor }, { body }) => ({ groups: await changeGroups(tx, actor, body.changes) }),
  }),
  'POST /groups/changes/preview': operation({
    summary: 'Who would gain and who would lose which tool by such changes; nothing is saved',
    who: ADMIN,
    effect: 'read',
    body: changesOf(groupChange),
    answer: z.object({
      tools: z.array(z.object({ name: z.string(), gains: affected, loses: affected })),
      people: z.object({ gain: z.number(), lose: z.number() }),
    }),
    run: ({ actor }, { body }) => previewChanges(actor.organizationId, body.changes),
  }),
  'GET /me/asana-places': operation({
    summary:
      'What a project, team or portfolio is called, asked through my own Asana connection; null where it can\u2019t say',
    who: ADMIN,
    keys: false,
    effect: 'outside',
    query: z.object({ kind: z.enum(['project', 'team', 'portfolio', 'section']), gid }),
    answer: z.object({ gid: z.string(), name: z.string().nullable() }),
    run: async (context, { query }) => {
      const { organizationId, memberId, memberEmail } = signedIn(context);
      const name = await placeName({ id: memberId, email: memberEmail, organizationId }, query);
      return { gid: query.gid, name };
    },
  }),
  'GET /explain': operation({
    summary:
      'Why a member, or one of the member\u2019s agent tokens, may or may not use a tool; or why a call was decided so',
    who: READERS,
    effect: 'read',
    query: z
      .object({
        tool: toolName.optional(),
        member: z.string().max(320).optional(),
        token: uuid.optional(),
        record: uuid.optional(),
      })
      .refine(
        ({ tool, member, token, record }) =>
          record === undefined
            ? tool !== undefined && (member !== undefined || token !== undefined)
            : tool === undefined && member === undefined && token === undefined,
        'give tool with member or token, or record alone',
      ),
    answer: explanation,
    run: ({ actor }, { query }) => explainFor(actor.organizationId, query),
  }),
  'GET /me/explain': operation({
    summary: 'Why I, or one of my agent tokens, may or may not use a tool',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    query: z.object({ tool: toolName, token: uuid.optional() }),
    answer: explanation,
    run: (context, { query }) => explainOwn(signedIn(context), query),
  }),
  'GET /me/tool-requests': operation({
    summary: 'Tools I asked for, newest first',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    answer: z.object({ requests: z.array(request) }),
    run: async (context) => {
      const { organizationId, memberId } = signedIn(context);
      return { requests: await listOwnRequests(context.tx, organizationId, memberId) };
    },
  }),
  'POST /me/tool-requests': operation({
    summary: 'Ask the admins for a tool',
    who: EVERYONE,
    keys: false,
    effect: 'change',
    status: 201,
    body: z.object({
      tool: toolName,
      reason: z.string().trim().min(1, 'must not be empty').max(500, 'must have at most 500 characters'),
    }),
    answer: request,
    run: (context, { body }) => requestTool(context.tx, signedIn(context), body),
  }),
  'DELETE /me/tool-requests/{id}': operation({
    summary: 'Withdraw a request that nobody has decided yet',
    who: EVERYONE,
    keys: false,
    effect: 'change',
    path: idPath,
    answer: 'none',
    run: (context, { path }) => withdrawRequest(context.tx, signedIn(context), idOf(path)),
  }),
  'GET /tool-requests': operation({
    summary: 'Requests for tools, newest first; of the closed ones the last 500',
    who: ADMIN,
    effect: 'read',
    query: z.object({ status: z.enum(['open', 'closed']).optional() }),
    answer: z.object({ requests: z.array(requestToDecide) }),
    run: async ({ tx, actor }, { query }) => ({
      requests: await listRequests(tx, actor.organizationId, query.status),
    }),
  }),
  'POST /tool-requests/{id}/accept': operation({
    summary: 'Grant a request through a group: it gets the tool and the member, whichever it lacks',
    who: ADMIN,
    effect: 'change',
    policy: true,
    path: idPath,
    body: z.object({ group: z.string().max(100) }),
    answer: requestToDecide,
    run: ({ tx, actor }, { path, body }) => acceptRequest(tx, actor, idOf(path), body.group),
  }),
  'POST /tool-requests/{id}/decline': operation({
    summary: 'Decline a request, with an answer that the person reads',
    who: ADMIN,
    effect: 'change',
    path: idPath,
    body: z.object({
      answer: z.string().trim().min(1, 'must not be empty').max(500, 'must have at most 500 characters'),
    }),
    answer: requestToDecide,
    run: ({ tx, actor }, { path, body }) => declineRequest(tx, actor, idOf(path), body.answer),
  }),
};
