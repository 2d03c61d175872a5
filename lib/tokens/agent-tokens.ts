// Agent tokens: bearers that members mint for scripts and frameworks. Shown once, kept as SHA-256, dead from the commit that revokes.
import { appendEvent, type Actor } from '../audit/append';
import { pool, type Tx } from '../db';
import { AppError } from '../errors';
import { limitsOf, type Limits } from '../policy/limits';
import { hashToken, mintToken } from './token-format';

/** An agent token as its member sees it. */
export interface AgentToken {
  id: string;
  name: string;
  last4: string;
  connectionId: string | null;
  /** Null: all the tools that the member may use. */
  tools: string[] | null;
  /** Calls a minute; null: none but its member's. */
  limits: Limits | null;
  expiresAt: string | null;
  lastUsedAt: string | null;
  createdAt: string;
}

const shape = {
  id: true,
  name: true,
  last4: true,
  connectionId: true,
  tools: true,
  restricted: true,
  callsPerMinute: true,
  expiresAt: true,
  lastUsedAt: true,
  createdAt: true,
} as const;

/** The member's tokens, newest first, expired ones included. */
export async function listAgentTokens(
  tx: Tx,
  organizationId: string,
  memberId: string,
): Promise<AgentToken[]> {
  const rows = await tx.agentToken.findMany({
    where: { organizationId, memberId },
    select: shape,
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
  });
  return rows.map(({ restricted, callsPerMinute, ...row }) => ({
    ...row,
    limits: limitsOf(callsPerMinute),
    tools: restricted ? row.tools : null,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
  }));
}

/**
 * Mints a token; the answer holds the only copy. Without `connectionId` it follows the member's only active connection. Throws
 * `connection_required` where there are several, `unknown_connection` and `unknown_tool`.
 */
export async function mintAgentToken(
  tx: Tx,
  actor: Actor & { memberId: string },
  input: {
    name: string;
    connectionId?: string;
    tools?: string[];
    expiresInDays?: number;
    limits?: Limits | null;
  },
): Promise<{ id: string; token: string }> {
  const { organizationId, memberId } = actor;
  const connections = await tx.connection.findMany({
    where: { organizationId, memberId },
    select: { id: true, status: true },
  });
  if (input.connectionId !== undefined && !connections.some(({ id }) => id === input.connectionId))
    throw new AppError('unknown_connection');
  if (input.connectionId === undefined && connections.filter(({ status }) => status === 'active').length > 1)
    throw new AppError('connection_required');
  const tools = [...new Set(input.tools ?? [])];
  const known = await tx.tool.findMany({
    where: { organizationId, name: { in: tools } },
    select: { name: true },
  });
  const unknown = tools.find((name) => !known.some((tool) => tool.name === name));
  if (unknown !== undefined) throw new AppError('unknown_tool', `The catalogue has no tool "${unknown}".`);
  const token = mintToken('gth');
  const { id } = await tx.agentToken.create({
    data: {
      organizationId,
      memberId,
      connectionId: input.connectionId ?? null,
      name: input.name,
      tokenHash: hashToken(token),
      last4: token.slice(-4),
      tools,
      restricted: input.tools !== undefined,
      callsPerMinute: input.limits?.perMinute ?? null,
      expiresAt:
        input.expiresInDays === undefined ? null : new Date(Date.now() + input.expiresInDays * 86_400_000),
    },
    select: { id: true },
  });
  await appendEvent(tx, actor, {
    action: 'agent_token.minted',
    target: `agent_token:${id}`,
    after: {
      name: input.name,
      connectionId: input.connectionId ?? null,
      tools: input.tools === undefined ? null : tools,
      expiresInDays: input.expiresInDays ?? null,
      limits: input.limits ?? null,
    },
  });
  return { id, token };
}

/** Revokes one of the member's own tokens; throws `not_found` for anybody else's. */
export async function revokeAgentToken(
  tx: Tx,
  actor: Actor & { memberId: string },
  id: string,
): Promise<void> {
  const owner = { memberId: actor.memberId };
  if (!(await endToken(tx, actor, owner, id)))
    throw new AppError('not_found', 'You have no such agent token.');
}

/** Revokes a token of the member with this e-mail address, for admins; throws `not_found` where there is none such. */
export async function revokeMemberToken(tx: Tx, actor: Actor, email: string, id: string): Promise<void> {
  if (!(await endToken(tx, actor, { member: { email: email.toLowerCase() } }, id)))
    throw new AppError('not_found', 'There is no such member, or the member has no such agent token.');
}

async function endToken(
  tx: Tx,
  actor: Actor,
  owner: { memberId: string } | { member: { email: string } },
  id: string,
): Promise<boolean> {
  const { organizationId } = actor;
  const where = { organizationId, id, ...owner };
  const found = await tx.agentToken.findFirst({ where, select: { name: true } });
  const { count } = await tx.agentToken.deleteMany({ where });
  if (!found || count === 0) return false;
  await appendEvent(tx, actor, {
    action: 'agent_token.revoked',
    target: `agent_token:${id}`,
    before: { name: found.name, ...('member' in owner ? { member: owner.member.email } : {}) },
  });
  return true;
}

/**
 * Notes that tokens were used just now; to the half minute, which is enough for people and keeps updates rare. Rows that somebody
 * else is changing are passed over: nobody waits for this.
 */
export async function touchAgentTokens(organizationIds: string[], ids: string[]): Promise<void> {
  await pool().query(
    `UPDATE agent_tokens SET last_used_at = now() WHERE id IN (
       SELECT id FROM agent_tokens WHERE organization_id = ANY($1::uuid[]) AND id = ANY($2::uuid[])
         AND (last_used_at IS NULL OR last_used_at < now() - interval '30 seconds') FOR UPDATE SKIP LOCKED)`,
    [organizationIds, ids],
  );
}
