// Calls that wait, or waited, as a member sees them: those of his own agents, and those that he may decide, or has decided. Nobody else's.
import { titleOf } from '../catalogue/catalogue';
import type { ToolClass, ToolDefinition } from '../catalogue/classify';
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import { mayDecideSql, stateSql } from './who-decides';

export interface Approval {
  id: string;
  tool: string;
  toolTitle: string | null;
  toolClass: ToolClass;
  /** `ended`: too late, or ended with its tool or with the organization's agents. */
  state: 'open' | 'approved' | 'declined' | 'used' | 'ended';
  /** Whose agent asks. */
  member: { email: string; name: string };
  agent: string;
  /** Groups whose members decide, and people who do. */
  approvers: string[];
  canDecide: boolean;
  isOwn: boolean;
  askedAt: string;
  /** When it stops waiting; once approved, until when the call may come. */
  expiresAt: string;
  decidedBy: string | null;
  decidedAt: string | null;
  answer: string | null;
  usedAt: string | null;
}

/** Closed ones that are listed. */
const LISTED = 200;

interface Row {
  id: string;
  tool_name: string;
  definition: ToolDefinition;
  class: ToolClass;
  state: Approval['state'];
  email: string;
  name: string;
  credential_name: string;
  approvers: string[];
  can_decide: boolean;
  is_own: boolean;
  asked_at: Date;
  expires_at: Date;
  decided_by: string | null;
  decided_at: Date | null;
  answer: string | null;
  used_at: Date | null;
}

/** The rows that a member may see; `where` narrows them, over `s`. */
function query(tx: Tx, organizationId: string, memberId: string, where: Prisma.Sql): Promise<Row[]> {
  return tx.$queryRaw<Row[]>`
    SELECT * FROM (
      SELECT a.id, a.tool_name, t.definition, t.class, ${Prisma.raw(stateSql('a'))} AS state, m.email, m.name, a.credential_name,
        ARRAY(SELECT g.name FROM groups g WHERE g.organization_id = a.organization_id AND g.id = ANY(a.approver_groups)
          UNION SELECT p.name FROM members p WHERE p.organization_id = a.organization_id AND p.id = ANY(a.approver_members)
            AND p.id <> a.member_id ORDER BY 1) AS approvers,
        ${Prisma.raw(mayDecideSql('a', 'v.id'))} AS can_decide, a.member_id = v.id AS is_own, a.decided_by_id = v.id AS has_decided,
        a.asked_at, a.expires_at, a.decided_by, a.decided_at, a.answer, a.used_at
      FROM approvals a JOIN members m ON m.organization_id = a.organization_id AND m.id = a.member_id
      JOIN tools t ON t.organization_id = a.organization_id AND t.name = a.tool_name
      CROSS JOIN (SELECT ${memberId}::uuid AS id) v
      WHERE a.organization_id = ${organizationId}::uuid
    ) s WHERE (s.can_decide OR s.is_own OR s.has_decided) AND ${where}
    ORDER BY s.asked_at DESC, s.id DESC LIMIT ${LISTED}`;
}

const toApproval = (row: Row): Approval => ({
  id: row.id,
  tool: row.tool_name,
  toolTitle: titleOf(row.definition),
  toolClass: row.class,
  state: row.state,
  member: { email: row.email, name: row.name },
  agent: row.credential_name,
  approvers: row.approvers,
  canDecide: row.can_decide && row.state === 'open',
  isOwn: row.is_own,
  askedAt: row.asked_at.toISOString(),
  expiresAt: row.expires_at.toISOString(),
  decidedBy: row.decided_by,
  decidedAt: row.decided_at?.toISOString() ?? null,
  answer: row.answer,
  usedAt: row.used_at?.toISOString() ?? null,
});

/** Newest first. `open` are those that wait for a decision. */
export async function listApprovals(
  tx: Tx,
  organizationId: string,
  memberId: string,
  which?: 'open' | 'closed',
): Promise<Approval[]> {
  const where =
    which === undefined
      ? Prisma.sql`true`
      : which === 'open'
        ? Prisma.sql`s.state = 'open'`
        : Prisma.sql`s.state <> 'open'`;
  return (await query(tx, organizationId, memberId, where)).map(toApproval);
}

/** One; throws `not_found` also for what others may see. */
export async function requireApproval(
  tx: Tx,
  organizationId: string,
  memberId: string,
  id: string,
): Promise<Approval> {
  const [row] = await query(tx, organizationId, memberId, Prisma.sql`s.id = ${id}::uuid`);
  if (!row) throw new AppError('not_found', 'There is no such call that waits for you.');
  return toApproval(row);
}
