// Operations that show what people and agents do: one member, a removal before it happens, own activity, sums, first run, search.
import { z } from 'zod';
import { listRevocations } from '../asana/revoke';
import { searchAudit } from '../audit/records';
import { summarizeAudit } from '../audit/summary';
import { effectiveTools } from '../catalogue/catalogue';
import { FIRST_STEPS, readFirstRun, updateFirstRun } from '../people/first-run';
import { listBelongings, requireMember } from '../people/member-list';
import { revokeMemberToken } from '../tokens/agent-tokens';
import { operation } from './operation';
import { auditRecord, endedAuthorizations, moment, ownId, person } from './operations-me';
import { listedMember, memberPath } from './operations-people';
import { ADMIN, EVERYONE, instant, READERS, uuid } from './schemas';
import { search } from './search';

const connectionStatus = z.enum(['active', 'needs_reconnect']);

const memberDetail = listedMember.extend({
  /** Live agent tokens, newest first. */
  tokens: z.array(
    z.object({
      id: uuid,
      name: z.string(),
      last4: z.string(),
      lastUsedAt: instant.nullable(),
      expiresAt: instant.nullable(),
    }),
  ),
  /** MCP clients that this person allowed. */
  grants: z.array(z.object({ id: uuid, client: z.string(), lastUsedAt: instant.nullable() })),
  connectionList: z.array(
    z.object({
      id: uuid,
      workspace: z.string().nullable(),
      asanaEmail: z.string(),
      status: connectionStatus,
      lastUsedAt: instant.nullable(),
    }),
  ),
  /** Names of the tools that the person may use. */
  tools: z.array(z.string()),
  sessions: z.number(),
});

const removal = z.object({
  sessions: z.number(),
  tokens: z.array(z.object({ name: z.string(), last4: z.string(), lastUsedAt: instant.nullable() })),
  grants: z.array(z.object({ client: z.string(), lastUsedAt: instant.nullable() })),
  connections: z.array(
    z.object({ workspace: z.string().nullable(), asanaEmail: z.string(), status: connectionStatus }),
  ),
  /** Names. */
  groups: z.array(z.string()),
  /** Open requests for tools. */
  requests: z.number(),
});

const counts = { calls: z.number(), denied: z.number(), failed: z.number() };
/** Null where nothing was measured. */
const percentiles = { p50Ms: z.number().nullable(), p95Ms: z.number().nullable() };

const summary = z.object({
  bucket: z.enum(['hour', 'day']),
  /** Every bucket from the first to the last, empty ones included; `at` is its beginning (UTC). */
  series: z.array(z.object({ at: instant, ...counts, ...percentiles })),
  tools: z.array(z.object({ tool: z.string(), ...counts })),
  members: z.array(z.object({ member: z.string(), ...counts })),
  totals: z.object({ ...counts, ...percentiles }),
});

const firstRun = z.object({
  steps: z.array(
    z.object({
      id: z.enum(FIRST_STEPS),
      done: z.boolean(),
      at: instant.nullable(),
    }),
  ),
  hidden: z.boolean(),
  /** Open requests for tools. */
  openRequests: z.number(),
  /** Tools that are new or changed. */
  toReview: z.number(),
});

export const activityOperations = {
  'GET /members/{email}': operation({
    summary: 'One member: groups, tools, connections, agents and sessions',
    who: ADMIN,
    effect: 'read',
    path: memberPath,
    answer: memberDetail,
    run: async ({ tx, actor }, { path }) => {
      const { organizationId } = actor;
      const { id, member } = await requireMember(tx, organizationId, path.email);
      const [{ connections, tokens, grants, sessions }, tools] = await Promise.all([
        listBelongings(tx, organizationId, id),
        effectiveTools(organizationId, id),
      ]);
      return { ...member, tokens, grants, sessions, connectionList: connections, tools };
    },
  }),
  'GET /members/{email}/removal': operation({
    summary: 'Everything that removing this member would end',
    who: ADMIN,
    effect: 'read',
    path: memberPath,
    answer: removal,
    run: async ({ tx, actor }, { path }) => {
      const { id } = await requireMember(tx, actor.organizationId, path.email);
      return listBelongings(tx, actor.organizationId, id);
    },
  }),
  'GET /members/{email}/revocations': operation({
    summary:
      'A member\u2019s authorizations that ended here, and whether Asana has confirmed it; of a removed one too',
    who: ADMIN,
    effect: 'read',
    path: memberPath,
    answer: endedAuthorizations,
    run: async ({ tx, actor }, { path }) => {
      const revocations = await listRevocations(actor.organizationId, path.email.toLowerCase());
      // Who left without a trace never was here.
      if (revocations.length === 0) await requireMember(tx, actor.organizationId, path.email);
      return { revocations };
    },
  }),
  'DELETE /members/{email}/tokens/{id}': operation({
    summary: 'Revoke an agent token of a member',
    who: ADMIN,
    effect: 'change',
    ends: true,
    path: memberPath.extend({ id: z.string().max(100) }),
    answer: 'none',
    run: ({ tx, actor }, { path }) => revokeMemberToken(tx, actor, path.email, ownId(path.id)),
  }),
  'GET /me/activity': operation({
    summary: 'My own calls and changes, newest first',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    query: z.object({
      cursor: z.string().max(300).optional(),
      limit: z.coerce.number().int().min(1).max(500).optional(),
      tool: z.string().max(200).optional(),
      decision: z.enum(['allow', 'deny']).optional(),
    }),
    answer: z.object({ records: z.array(auditRecord), nextCursor: z.string().nullable() }),
    run: (context, { query: { cursor, limit, ...filter } }) => {
      const { id, organizationId } = person(context);
      const own = { member: context.member!.email, memberId: id };
      return searchAudit(organizationId, { ...filter, ...own }, { cursor, limit: limit ?? 100 });
    },
  }),
  'GET /audit/summary': operation({
    summary:
      'Calls by hour (two days or less) or UTC day, the busiest tools and people, and totals; without from and to the last seven days',
    who: READERS,
    effect: 'read',
    query: z.object({ from: moment.optional(), to: moment.optional() }),
    answer: summary,
    run: ({ actor }, { query }) => summarizeAudit(actor.organizationId, query),
  }),
  'GET /first-run': operation({
    summary: 'How far the set-up of the organization is, and what waits for an admin',
    who: ADMIN,
    effect: 'read',
    answer: firstRun,
    run: ({ tx, actor }) => readFirstRun(tx, actor.organizationId),
  }),
  'PATCH /first-run': operation({
    summary: 'Note that the endpoint was copied; hide the list of first steps or show it again',
    who: ADMIN,
    effect: 'change',
    body: z
      .object({ endpointCopied: z.literal(true).optional(), hidden: z.boolean().optional() })
      .refine(
        (body) => body.endpointCopied !== undefined || body.hidden !== undefined,
        'give endpointCopied: true, hidden, or both',
      ),
    answer: firstRun,
    run: ({ tx, actor }, { body }) => updateFirstRun(tx, actor, body),
  }),
  'GET /search': operation({
    summary: 'People, groups, tools and own agent tokens whose name holds a text; six of each at most',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    query: z.object({ q: z.string().trim().min(1, 'must not be empty').max(100) }),
    answer: z.object({
      people: z.array(z.object({ email: z.string(), name: z.string() })),
      groups: z.array(z.object({ slug: z.string(), name: z.string() })),
      tools: z.array(
        z.object({
          name: z.string(),
          title: z.string().nullable(),
          class: z.enum(['read', 'write', 'destructive', 'internal', 'unknown']),
        }),
      ),
      tokens: z.array(z.object({ id: uuid, name: z.string() })),
    }),
    run: (context, { query }) => {
      const { id, organizationId } = person(context);
      return search({ organizationId, memberId: id, role: context.role }, query.q);
    },
  }),
};
