// Which tools of a group wait for a person's approval, and whose: stored by ids, so that a new name changes nothing, and shown by names. Where
// who decides is gone, the tools keep waiting and nobody can approve them: nothing opens by itself.
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';

/** As people and scripts see it. `approver`: the members of a group (slug), or one member (e-mail); null: gone. */
export interface Approvals {
  /** Of the group's own. */
  tools: string[];
  approver: { group: string } | { member: string } | null;
}

interface Stored {
  tools: string[];
  approver: { group: string } | { member: string };
}

type Rows = readonly { approvals: Prisma.JsonValue; tools: { toolName: string }[] }[];

/** The approvals of rows of groups, with names in place of ids. Asks nothing where no row has any. */
export async function nameApprovers(
  tx: Tx,
  organizationId: string,
  rows: Rows,
): Promise<(Approvals | null)[]> {
  const stored = rows.map(({ approvals }) => approvals as Stored | null);
  const idsOf = (kind: 'group' | 'member') =>
    stored.flatMap((entry) => {
      const id = (entry?.approver as Record<string, string> | undefined)?.[kind];
      return id === undefined ? [] : [id];
    });
  const [groupIds, memberIds] = [idsOf('group'), idsOf('member')];
  const groups =
    groupIds.length === 0
      ? []
      : await tx.group.findMany({
          where: { organizationId, id: { in: groupIds } },
          select: { id: true, slug: true },
        });
  const members =
    memberIds.length === 0
      ? []
      : await tx.member.findMany({
          where: { organizationId, id: { in: memberIds } },
          select: { id: true, email: true },
        });
  const slugs = new Map(groups.map(({ id, slug }) => [id, slug]));
  const emails = new Map(members.map(({ id, email }) => [id, email]));
  return stored.map((entry, at) => {
    if (entry === null) return null;
    const { approver } = entry;
    const name = 'group' in approver ? slugs.get(approver.group) : emails.get(approver.member);
    const own = new Set(rows[at]!.tools.map(({ toolName }) => toolName));
    const tools = entry.tools.filter((tool) => own.has(tool)).toSorted();
    // A mark on a tool that the group has lost shows again when it gets the tool back.
    if (tools.length === 0) return null;
    return {
      tools,
      approver: name === undefined ? null : 'group' in approver ? { group: name } : { member: name },
    };
  });
}

/** As the column takes it; none where no tool waits. Throws `invalid`, `unknown_tool`, `unknown_group`, `unknown_member`. */
export async function storeApprovals(
  tx: Tx,
  organizationId: string,
  { approvals, tools: own }: { approvals?: Approvals | null; tools: readonly string[] },
): Promise<Prisma.InputJsonObject | typeof Prisma.DbNull> {
  const tools = [...new Set(approvals?.tools)];
  if (!approvals || tools.length === 0) return Prisma.DbNull;
  const strange = tools.find((tool) => !own.includes(tool));
  if (strange !== undefined)
    throw new AppError(
      'unknown_tool',
      `The group does not have the tool "${strange}" that is to be approved.`,
    );
  const { approver } = approvals;
  if (approver === null)
    throw new AppError('invalid', 'body.approvals.approver: say who approves, a group or a member');
  return { tools, approver: await idOf(tx, organizationId, approver) };
}

async function idOf(
  tx: Tx,
  organizationId: string,
  approver: { group: string } | { member: string },
): Promise<Stored['approver']> {
  if ('group' in approver) {
    const slug = approver.group;
    const found = await tx.group.findUnique({
      where: { organizationId_slug: { organizationId, slug } },
      select: { id: true },
    });
    if (!found) throw new AppError('unknown_group', `There is no group "${slug}" that could approve.`);
    return { group: found.id };
  }
  const email = approver.member.toLowerCase();
  const found = await tx.member.findFirst({ where: { organizationId, email }, select: { id: true } });
  if (!found) throw new AppError('unknown_member', `There is no member "${email}" who could approve.`);
  return { member: found.id };
}
