// The list of members as admins search it, and one member in full. Sums over calls come from the audit's roll-up, so that a page costs
// the same however much is on record.
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { listMembers, type Member, type Role } from './members';

/** `invited`: no password yet and never signed in. `active`: seen here, or an agent called, in the last 30 days. */
export type MemberState = 'invited' | 'active' | 'inactive';

export interface ListedMember extends Member {
  state: MemberState;
  invited: boolean;
  /** Until when the open invite is good; null where there is none. */
  inviteExpiresAt: string | null;
  connections: { active: number; needsReconnect: number };
  /** Live agent tokens and grants. */
  agents: number;
  lastCallAt: string | null;
}

export interface MemberQuery {
  /** Part of a name or an e-mail address, without case. */
  search?: string;
  /** A group's slug. */
  group?: string;
  role?: Role;
  state?: MemberState;
  /** Who never came or called is last in descending, first in ascending order. Default: `email`. */
  sort?: 'name' | 'email' | 'lastSeen' | 'lastCall';
  direction?: 'asc' | 'desc';
  limit?: number;
  offset?: number;
  /** Only this one. */
  email?: string;
}

interface Listed {
  total: number;
  id: string | null;
  state: MemberState;
  invite_expires_at: Date | null;
  active: number;
  needs_reconnect: number;
  agents: number;
  last_call_at: Date | null;
}

const ORDER = {
  name: Prisma.sql`lower(m.name)`,
  email: Prisma.sql`m.email`,
  lastSeen: Prisma.sql`m.last_seen_at`,
  lastCall: Prisma.sql`m.last_call_at`,
};

/** The members that match, and how many there are on all pages together. */
export async function searchMembers(
  tx: Tx,
  organizationId: string,
  query: MemberQuery,
): Promise<{ members: ListedMember[]; total: number }> {
  const rows = await tx.$queryRaw<Listed[]>`
    WITH every AS (
      SELECT m.*, CASE WHEN m.password_hash IS NULL AND m.last_seen_at IS NULL THEN 'invited'
        WHEN greatest(m.last_seen_at, m.last_call_at) > now() - interval '30 days' THEN 'active' ELSE 'inactive' END AS state
      FROM (
        -- An address that somebody had before: those calls were not this person's.
        SELECT m.*, CASE WHEN h.last_at >= m.created_at THEN h.last_at END AS last_call_at FROM members m
        LEFT JOIN audit_hours h ON h.organization_id = m.organization_id AND h.span = 'ever' AND h.dimension = 'member'
          AND h.at = timestamptz 'epoch' AND h.key = m.email
        WHERE m.organization_id = ${organizationId}::uuid AND NOT m.is_drill
      ) m
    ), matching AS (
      SELECT m.* FROM every m WHERE ${Prisma.join(conditions(organizationId, query), ' AND ')}
    ), page AS (
      SELECT m.*, row_number() OVER (${order(query)}) AS n FROM matching m ${order(query)}
      LIMIT ${query.limit ?? null}::int OFFSET ${query.offset ?? 0}::int
    )
    SELECT t.total, p.id, p.state, p.last_call_at,
      (SELECT max(i.expires_at) FROM invites i WHERE i.member_id = p.id AND i.expires_at > now()) AS invite_expires_at,
      (SELECT count(*)::int FROM connections c WHERE c.member_id = p.id AND c.status = 'active') AS active,
      (SELECT count(*)::int FROM connections c WHERE c.member_id = p.id AND c.status = 'needs_reconnect') AS needs_reconnect,
      (SELECT count(*)::int FROM agent_tokens a WHERE a.member_id = p.id AND (a.expires_at IS NULL OR a.expires_at > now()))
        + (SELECT count(*)::int FROM grants g WHERE g.member_id = p.id AND ${live}) AS agents
    FROM (SELECT count(*)::int AS total FROM matching) t LEFT JOIN page p ON true ORDER BY p.n`;
  const found = rows.flatMap((row) => (row.id === null ? [] : [{ ...row, id: row.id }]));
  const members = await listMembers(
    tx,
    organizationId,
    found.map(({ id }) => id),
  );
  const byId = new Map(members.map(({ id, ...member }) => [id, member]));
  return {
    total: rows[0]?.total ?? 0,
    members: found.flatMap((row) => {
      const member = byId.get(row.id);
      return member ? [{ ...member, ...toListed(row) }] : [];
    }),
  };
}

/** A grant in force; `g` is its row. One whose code was never exchanged opens nothing. */
const live = Prisma.sql`g.ended_at IS NULL AND g.redeemed_at IS NOT NULL AND g.expires_at > now()`;

function order({ sort = 'email', direction = 'asc' }: MemberQuery): Prisma.Sql {
  const how = direction === 'desc' ? Prisma.sql`DESC NULLS LAST` : Prisma.sql`ASC NULLS FIRST`;
  return Prisma.sql`ORDER BY ${ORDER[sort]} ${how}, m.email`;
}

function conditions(organizationId: string, query: MemberQuery): Prisma.Sql[] {
  const { search, group, role, state, email } = query;
  return [
    Prisma.sql`true`,
    ...(search ? [Prisma.sql`strpos(lower(m.email || ' ' || m.name), lower(${search})) > 0`] : []),
    ...(role ? [Prisma.sql`m.role = ${role}::role`] : []),
    ...(state ? [Prisma.sql`m.state = ${state}`] : []),
    ...(email === undefined ? [] : [Prisma.sql`m.email = ${email.toLowerCase()}`]),
    ...(group === undefined
      ? []
      : [
          Prisma.sql`m.id IN (SELECT gm.member_id FROM group_members gm JOIN groups g ON g.id = gm.group_id
            WHERE g.organization_id = ${organizationId}::uuid AND g.slug = ${group})`,
        ]),
  ];
}

const toListed = (row: Listed) => ({
  state: row.state,
  invited: row.state === 'invited',
  inviteExpiresAt: row.invite_expires_at?.toISOString() ?? null,
  connections: { active: row.active, needsReconnect: row.needs_reconnect },
  agents: row.agents,
  lastCallAt: row.last_call_at?.toISOString() ?? null,
});

/** What belongs to a member and ends with them. */
export interface Belongings {
  /** Live portal sessions. */
  sessions: number;
  /** Live agent tokens, newest first. */
  tokens: { id: string; name: string; last4: string; lastUsedAt: string | null; expiresAt: string | null }[];
  /** Grants in force, newest first. */
  grants: { id: string; client: string; lastUsedAt: string | null }[];
  /** Oldest first. */
  connections: {
    id: string;
    workspace: string | null;
    asanaEmail: string;
    status: 'active' | 'needs_reconnect';
    lastUsedAt: string | null;
  }[];
  /** Names of groups. */
  groups: string[];
  /** Open requests for tools. */
  requests: number;
}

/** One member as the list shows it, with the id. Throws `not_found`. */
export async function requireMember(
  tx: Tx,
  organizationId: string,
  email: string,
): Promise<{ id: string; member: ListedMember }> {
  const row = await tx.member.findFirst({
    where: { organizationId, email: email.toLowerCase() },
    select: { id: true },
  });
  const { members } = row ? await searchMembers(tx, organizationId, { email }) : { members: [] };
  if (!row || !members[0]) throw new AppError('not_found', `There is no member "${email}".`);
  return { id: row.id, member: members[0] };
}

/** Everything of a member that removing them ends. */
export async function listBelongings(tx: Tx, organizationId: string, memberId: string): Promise<Belongings> {
  const where = { organizationId, memberId };
  const now = new Date();
  const [sessions, tokens, grants, connections, groups, requests] = await Promise.all([
    tx.session.count({ where: { ...where, expiresAt: { gt: now } } }),
    tx.agentToken.findMany({
      where: { ...where, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
      select: { id: true, name: true, last4: true, lastUsedAt: true, expiresAt: true },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    }),
    tx.grant.findMany({
      where: { ...where, endedAt: null, redeemedAt: { not: null }, expiresAt: { gt: now } },
      select: { id: true, clientName: true, lastUsedAt: true },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    }),
    tx.connection.findMany({
      where,
      select: {
        ...{ id: true, asanaEmail: true, status: true, lastUsedAt: true },
        ...{ workspaceName: true, workspaceGid: true },
      },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    }),
    tx.group.findMany({
      where: { organizationId, members: { some: { memberId } } },
      select: { name: true },
      orderBy: [{ name: 'asc' }, { slug: 'asc' }],
    }),
    tx.toolRequest.count({ where: { ...where, status: 'open' } }),
  ]);
  const instant = (at: Date | null) => at?.toISOString() ?? null;
  return {
    sessions,
    tokens: tokens.map((token) => ({
      ...token,
      lastUsedAt: instant(token.lastUsedAt),
      expiresAt: instant(token.expiresAt),
    })),
    grants: grants.map(({ clientName, ...grant }) => ({
      ...grant,
      client: clientName,
      lastUsedAt: instant(grant.lastUsedAt),
    })),
    connections: connections.map(({ workspaceName, workspaceGid, ...connection }) => ({
      ...connection,
      workspace: workspaceName ?? workspaceGid,
      lastUsedAt: instant(connection.lastUsedAt),
    })),
    groups: groups.map(({ name }) => name),
    requests,
  };
}
