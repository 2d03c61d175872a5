// What waits for an admin's judgement in the catalogue, with all that is needed for it, and the judgement itself.
import { appendEvent, type Actor } from '../audit/append';
import type { Tx } from '../db';
import { AppError } from '../errors';
import { changeGroups } from '../people/change-groups';
import { updateTool } from './catalogue';
import { classify, fingerprintOf, type ToolClass, type ToolDefinition } from './classify';
import { judgeDanger, type Danger } from './danger';
import { decideDrift } from './drift';
import { kindsOfChange, predecessorOf, type DriftKind } from './successor';

/** A tool that is not as an admin reviewed it. Times are ISO 8601. */
export interface Review {
  name: string;
  status: 'new' | 'changed' | 'missing';
  /** An admin looked at this very state and left the tool closed. */
  kept: boolean;
  blocked: boolean;
  /** Of the definition that is in force, and of the one that would be. */
  class: ToolClass;
  classAfter: ToolClass | null;
  /** When the last change was found; null where it is older than the drift log. */
  foundAt: string | null;
  foundBy: string | null;
  kinds: DriftKind[];
  /** Of what `accept` would accept: names what was looked at. `missing` for a tool that is gone. */
  fingerprint: string;
  /** What it is compared with: as it was reviewed, and for a new tool the reviewed one that it seems to replace. */
  before: ToolDefinition | null;
  after: ToolDefinition | null;
  dangers: Danger[];
  /** Groups that have it, and the people in them with their live agents: whom the decision touches. */
  groups: { slug: string; name: string }[];
  people: number;
  agents: number;
  /** A tool that is gone and that this one seems to replace, with the groups that had it. */
  successorOf: { name: string; groups: { slug: string; name: string }[] } | null;
  /** New tools that seem to replace this one. */
  successors: string[];
}

interface Row {
  name: string;
  status: 'reviewed' | 'new' | 'changed' | 'missing';
  blocked: boolean;
  class: ToolClass;
  definition: ToolDefinition;
  seen: ToolDefinition | null;
  kept_hash: string | null;
  found_at: Date | null;
  found_by: string | null;
  groups: { slug: string; name: string }[];
  people: number;
  agents: number;
}

const WAITING = `
SELECT t.name, t.status::text AS status, t.blocked, t.class::text AS class, t.definition, t.seen, t.kept_hash, d.found_at, d.found_by,
  (SELECT coalesce(json_agg(json_build_object('slug', g.slug, 'name', g.name) ORDER BY g.name), '[]')
    FROM group_tools gt JOIN groups g ON g.id = gt.group_id WHERE gt.organization_id = t.organization_id AND gt.tool_name = t.name) AS groups,
  p.people, p.agents
FROM tools t
LEFT JOIN LATERAL (SELECT found_at, found_by FROM tool_drifts d
  WHERE d.organization_id = t.organization_id AND d.tool_name = t.name ORDER BY d.id DESC LIMIT 1) d ON true
CROSS JOIN LATERAL (
  SELECT count(*)::int AS people, coalesce(sum(
    (SELECT count(*) FROM agent_tokens a WHERE a.member_id = m.member_id AND (a.expires_at IS NULL OR a.expires_at > now())
      AND (NOT a.restricted OR t.name = ANY(a.tools)))
    + (SELECT count(*) FROM grants gr WHERE gr.member_id = m.member_id AND gr.ended_at IS NULL AND gr.redeemed_at IS NOT NULL
      AND gr.expires_at > now())), 0)::int AS agents
  FROM (SELECT DISTINCT gm.member_id FROM group_tools gt JOIN group_members gm ON gm.group_id = gt.group_id
    WHERE gt.organization_id = t.organization_id AND gt.tool_name = t.name) m
) p
WHERE t.organization_id = $1::uuid AND t.status <> 'reviewed'
  -- What came and went without anybody accepting it concerns nobody.
  AND NOT (t.status = 'missing' AND t.reviewed_at IS NULL) ORDER BY t.position, t.name`;

/** All tools that are not as they were reviewed, in Asana's order: those that wait, and those that were kept or blocked. */
export async function listReviews(tx: Tx, organizationId: string): Promise<Review[]> {
  const rows = await tx.$queryRawUnsafe<Row[]>(WAITING, organizationId);
  const gone = rows.filter(({ status }) => status === 'missing');
  const definitions = gone.map(({ seen, definition }) => seen ?? definition);
  const predecessors = new Map(
    rows.flatMap(({ name, status, definition }) => {
      const found = status === 'new' ? predecessorOf(definition, definitions) : null;
      return found === null ? [] : [[name, found] as const];
    }),
  );
  return rows.map((row) => {
    const old = gone.find(({ name }) => name === predecessors.get(row.name));
    const before = row.status === 'new' ? (old?.definition ?? null) : row.definition;
    const after = row.status === 'missing' ? null : (row.seen ?? row.definition);
    const fingerprint = fingerprintIn(row);
    return {
      ...{ name: row.name, status: row.status as Review['status'], blocked: row.blocked, class: row.class },
      ...{ kept: row.kept_hash === fingerprint, classAfter: after && classify(after), fingerprint },
      ...{ foundAt: row.found_at?.toISOString() ?? null, foundBy: row.found_by },
      kinds: kindsOf(before, after, old !== undefined),
      ...{ before, after, dangers: after ? judgeDanger(before, after) : [] },
      ...{ groups: row.groups, people: row.people, agents: row.agents },
      successorOf: old ? { name: old.name, groups: old.groups } : null,
      successors: [...predecessors].filter(([, gone]) => gone === row.name).map(([name]) => name),
    };
  });
}

function kindsOf(
  before: ToolDefinition | null,
  after: ToolDefinition | null,
  isRenamed: boolean,
): DriftKind[] {
  if (before === null) return ['added'];
  if (after === null) return ['removed'];
  const kinds = kindsOfChange({ ...before, name: after.name }, after);
  return isRenamed ? ['renamed', ...kinds] : kinds;
}

/** What a decision is about: the definition that would be accepted. */
const fingerprintIn = ({ status, seen, definition }: Pick<Row, 'status' | 'seen' | 'definition'>): string =>
  status === 'missing' ? 'missing' : fingerprintOf(seen ?? definition);

/**
 * `accept`: what Asana lists now is the reviewed definition. `keep`: the tool stays closed, and nobody is asked again until Asana changes
 * it once more; Gatehouse never offers the old definition of a tool that does something else by now. `block`: closed for everybody,
 * also where changed tools may stay.
 */
export interface ReviewDecision {
  name: string;
  decision: 'accept' | 'keep' | 'block';
  /** Of `Review`: what was looked at; where it is another by now nothing is decided. */
  fingerprint?: string;
  /** With `accept`: the groups of this tool get the accepted one too. */
  carryGroupsFrom?: string;
}

/**
 * Decides several tools, all or none, each with its event. Throws `not_found` for a tool that is not in the catalogue, `invalid` for one
 * that is gone and can't be accepted, `stale_version` where Asana changed one since it was looked at, `unknown_tool` for groups of a
 * tool that there is none of.
 */
export async function decideReviews(
  tx: Tx,
  actor: Actor,
  decisions: readonly ReviewDecision[],
): Promise<void> {
  const { organizationId } = actor;
  const names = decisions.map(({ name }) => name).sort();
  // All at once and in one order: two admins who decide the same tools wait for each other and not in a circle.
  await tx.$executeRaw`
    SELECT 1 FROM tools WHERE organization_id = ${organizationId}::uuid AND name = ANY(${names}::text[]) ORDER BY name FOR UPDATE`;
  const rows = await tx.tool.findMany({ where: { organizationId, name: { in: names } } });
  const known = new Map(rows.map((row) => [row.name, row]));
  for (const { name, fingerprint } of decisions) {
    const row = known.get(name);
    if (!row) throw new AppError('not_found', `The catalogue has no tool "${name}"; nothing was decided.`);
    if (fingerprint !== undefined && fingerprint !== fingerprintIn(row as unknown as Row))
      throw new AppError(
        'stale_version',
        `Asana changed "${name}" since you looked at it; nothing was decided. Read it again.`,
      );
  }
  for (const { name, decision, carryGroupsFrom } of decisions) {
    if (decision === 'keep') await keep(tx, actor, known.get(name) as unknown as Row);
    else if (decision === 'block') await updateTool(tx, actor, name, { blocked: true });
    else {
      await updateTool(tx, actor, name, { status: 'reviewed' });
      if (carryGroupsFrom !== undefined) await carryGroups(tx, actor, carryGroupsFrom, name);
    }
  }
}

async function keep(tx: Tx, actor: Actor, row: Row): Promise<void> {
  const { organizationId } = actor;
  if (row.status === 'reviewed')
    throw new AppError('invalid', `"${row.name}" is as it was reviewed; there is nothing to keep closed.`);
  await tx.tool.update({
    where: { organizationId_name: { organizationId, name: row.name } },
    data: { keptHash: fingerprintIn(row), updatedAt: new Date() },
  });
  await decideDrift(tx, actor, row.name, 'kept');
  await appendEvent(tx, actor, {
    action: 'tool.kept',
    target: `tool:${row.name}`,
    after: { status: row.status, fingerprint: fingerprintIn(row) },
  });
}

async function carryGroups(tx: Tx, actor: Actor, from: string, to: string): Promise<void> {
  const { organizationId } = actor;
  const isKnown = await tx.tool.count({ where: { organizationId, name: from } });
  if (isKnown === 0)
    throw new AppError(
      'unknown_tool',
      `The catalogue has no tool "${from}" whose groups could be carried over.`,
    );
  const groups = await tx.group.findMany({
    where: { organizationId, tools: { some: { toolName: from } } },
    select: { slug: true, version: true },
  });
  if (groups.length > 0)
    await changeGroups(
      tx,
      actor,
      groups.map((group) => ({ ...group, add: [to] })),
    );
}
