// Operations on what belongs to the person who is signed in, and the audit.
import { z } from 'zod';
import { readAsanaApp } from '../asana/asana-app';
import { disconnect, listConnections } from '../asana/connections';
import { listRevocations } from '../asana/revoke';
import { exportAudit } from '../audit/export';
import { searchAudit, type AuditFilter } from '../audit/records';
import { usableTools } from '../catalogue/catalogue';
import { AppError } from '../errors';
import { listMemberGroups } from '../people/groups';
import { listAgentTokens, mintAgentToken, revokeAgentToken } from '../tokens/agent-tokens';
import { operation, type Context } from './operation';
import { days, EVERYONE, instant, limits, name, READERS, role, toolNames, uuid } from './schemas';

const connection = z.object({
  id: uuid,
  workspace: z.object({ gid: z.string(), name: z.string() }).nullable(),
  asanaEmail: z.string(),
  status: z.enum(['active', 'needs_reconnect']),
  expiresAt: instant,
  lastUsedAt: instant.nullable(),
});

const agentToken = z.object({
  id: uuid,
  name: z.string(),
  last4: z.string(),
  connectionId: uuid.nullable(),
  tools: z.array(z.string()).nullable(),
  limits,
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
  createdAt: instant,
});

/** Authorizations that ended here, and whether Asana has confirmed it. */
export const endedAuthorizations = z.object({
  revocations: z.array(
    z.object({
      endedAt: instant,
      revocation: z.enum(['confirmed', 'pending']),
      confirmedAt: instant.nullable(),
      /** How often Asana was asked. */
      attempts: z.number(),
    }),
  ),
});

const idPath = z.object({ id: z.string().max(100) });

/** The signed-in person; `keys: false` keeps API keys out before this. */
export function person({ member, actor }: Context) {
  if (!member) throw new AppError('forbidden');
  return { id: member.id, organizationId: actor.organizationId, actor: { ...actor, memberId: member.id } };
}

export function ownId(id: string): string {
  if (!uuid.safeParse(id).success) throw new AppError('not_found');
  return id;
}

/** One audited call or event, as lib/audit reads it. */
export const auditRecord = z.object({
  seq: z.number().nullable(),
  id: uuid,
  at: z.string(),
  kind: z.enum(['call', 'event']),
  member: z.string().nullable(),
  credential: z.object({ kind: z.string(), id: z.string().nullable(), name: z.string().nullable() }),
  client: z.string().optional(),
  connection: uuid.optional(),
  workspace: z.string().optional(),
  method: z.string().optional(),
  tool: z.string().optional(),
  argumentsHash: z.string().optional(),
  decision: z.enum(['allow', 'deny']).optional(),
  reason: z.string().optional(),
  policyVersion: z.string().optional(),
  outcome: z.enum(['ok', 'tool_error', 'upstream_error', 'unknown']).optional(),
  latencyMs: z.number().optional(),
  action: z.string().optional(),
  target: z.string().optional(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  hash: z.string().nullable(),
});

// With an offset of PostgreSQL's own range: it knows none beyond 16 hours, and no year 0.
export const moment = z.iso
  .datetime({ offset: true, message: 'must be a moment such as 2026-11-21T09:00:00Z' })
  .or(z.iso.date('must be a date such as 2026-11-21'))
  .transform((value) => (/[+-]\d\d:\d\d$/.test(value) ? new Date(value).toISOString() : value))
  .refine((value) => !/^(0000|-)/.test(value), 'must be a moment after the year 0');

const auditQuery = z.object({
  from: moment.optional(),
  to: moment.optional(),
  member: z.string().max(320).optional(),
  tool: z.string().max(200).optional(),
  decision: z.enum(['allow', 'deny']).optional(),
  kind: z.enum(['call', 'event']).optional(),
  outcome: z.enum(['ok', 'tool_error', 'upstream_error', 'unknown', 'failed']).optional(),
  reason: z.string().max(100).optional(),
  /** The credential's id. */
  credential: z.string().max(100).optional(),
  client: z.string().max(200).optional(),
  method: z.string().max(200).optional(),
});

export const meOperations = {
  'GET /me': operation({
    summary: 'Who I am and what my agents may use',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    answer: z.object({
      member: z.object({
        email: z.string(),
        name: z.string(),
        role,
        organization: z.object({ name: z.string() }),
      }),
      groups: z.array(z.object({ slug: z.string(), name: z.string() })),
      tools: z.array(z.string()),
      toolDetails: z.array(
        z.object({
          name: z.string(),
          title: z.string().nullable(),
          class: z.enum(['read', 'write', 'destructive', 'internal', 'unknown']),
          tokens: z.number(),
        }),
      ),
      connections: z.array(connection),
      /** Whether the organization's Asana app is registered: before that nobody can connect. */
      asanaApp: z.boolean(),
    }),
    run: async (context) => {
      const { id, organizationId } = person(context);
      const { email, name, role, organization } = context.member!;
      const groups = await listMemberGroups(context.tx, organizationId, id);
      const [toolDetails, connections, app] = await Promise.all([
        usableTools(organizationId, id),
        listConnections(organizationId, id),
        readAsanaApp(organizationId),
      ]);
      return {
        member: { email, name, role, organization: { name: organization.name } },
        groups,
        tools: toolDetails.map((tool) => tool.name),
        toolDetails,
        connections,
        asanaApp: app.clientId !== null,
      };
    },
  }),
  'GET /me/connections': operation({
    summary: 'My Asana connections',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    answer: z.object({ connections: z.array(connection) }),
    run: async (context) => {
      const { id, organizationId } = person(context);
      return { connections: await listConnections(organizationId, id) };
    },
  }),
  'DELETE /me/connections/{id}': operation({
    summary: 'Disconnect: ends the connection here at once and revokes it at Asana',
    who: EVERYONE,
    keys: false,
    effect: 'outside',
    ends: true,
    path: idPath,
    answer: z.object({ revocation: z.enum(['confirmed', 'pending']) }),
    run: (context, { path }) => disconnect(person(context).actor, person(context).id, ownId(path.id)),
  }),
  'GET /me/revocations': operation({
    summary: 'My authorizations that ended here, and whether Asana has confirmed it',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    answer: endedAuthorizations,
    run: async (context) => {
      const { organizationId } = person(context);
      return { revocations: await listRevocations(organizationId, context.member!.email) };
    },
  }),
  'GET /me/tokens': operation({
    summary: 'My agent tokens',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    answer: z.object({ tokens: z.array(agentToken) }),
    run: async (context) => {
      const { id, organizationId } = person(context);
      return { tokens: await listAgentTokens(context.tx, organizationId, id) };
    },
  }),
  'POST /me/tokens': operation({
    summary: 'Mint an agent token; the answer holds the only copy',
    who: EVERYONE,
    keys: false,
    effect: 'change',
    status: 201,
    body: z.object({
      name,
      connectionId: uuid.optional(),
      tools: toolNames.optional(),
      expiresInDays: days.optional(),
      limits: limits.optional(),
    }),
    answer: z.object({ id: uuid, token: z.string() }),
    run: (context, { body }) => mintAgentToken(context.tx, person(context).actor, body),
  }),
  'DELETE /me/tokens/{id}': operation({
    summary: 'Revoke one of my agent tokens',
    who: EVERYONE,
    keys: false,
    effect: 'change',
    ends: true,
    path: idPath,
    answer: 'none',
    run: (context, { path }) => revokeAgentToken(context.tx, person(context).actor, ownId(path.id)),
  }),
  'GET /audit': operation({
    summary: 'Audit records, newest first',
    who: READERS,
    effect: 'read',
    query: auditQuery.extend({
      cursor: z.string().max(300).optional(),
      limit: z.coerce.number().int().min(1).max(500).optional(),
      id: uuid.optional(),
    }),
    answer: z.object({ records: z.array(auditRecord), nextCursor: z.string().nullable() }),
    run: ({ actor }, { query: { cursor, limit, ...filter } }) =>
      searchAudit(actor.organizationId, filter, { cursor, limit: limit ?? 100 }),
  }),
  'GET /audit/export': operation({
    summary: 'All audit records that match, as JSON lines or CSV',
    who: READERS,
    effect: 'read',
    query: auditQuery.extend({ format: z.enum(['jsonl', 'csv']) }),
    answer: 'stream',
    media: ['application/jsonl', 'text/csv'],
    run: ({ actor }, { query: { format, ...filter } }) =>
      Promise.resolve({
        contentType: format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8',
        fileName: `audit.${format}`,
        chunks: exportAudit(actor.organizationId, filter as AuditFilter, format),
      }),
  }),
};
