// Why somebody may or may not use a tool. The verdict is the gate's own rule (policy/policy) run over the same rows, so that this page and
// the gate can't disagree; what stands around it says which check failed and which audit event put it so.
import { pool } from '../db';
import type { ArgumentRules } from '../policy/argument-rules';
import { DENIALS, grantedSql, toolDenialSql, type Denial } from '../policy/policy';
import { titleOf, type ToolStatus } from './catalogue';
import type { ToolClass, ToolDefinition } from './classify';
import { conditionWords, judge, type Changes } from './explain-checks';
import { groupChanges, laterOf, lossOf, mintingOf, toolChanges, type Change } from './last-changes';

/** Who asks: admins read everything, a person nothing about others and about groups of others. */
export type Viewer = { isSelf: false } | { isSelf: true; email: string };

export interface Check {
  /** `review` covers tools that Asana no longer lists. */
  id: 'catalogue' | 'blocked' | 'review' | 'groups' | 'token';
  /** Null: does not apply. Each is judged as if all before it had passed. */
  passed: boolean | null;
  message: string;
  change: ShownChange | null;
}

/** `record` is null where the viewer may not read the audit. */
export interface ShownChange extends Omit<Change, 'record'> {
  record: string | null;
}

export interface Explanation {
  member: { email: string; name: string };
  token: { id: string; name: string } | null;
  tool: {
    name: string;
    title: string | null;
    class: ToolClass;
    status: ToolStatus;
    blocked: boolean;
  } | null;
  toolName: string;
  allowed: boolean;
  /** The gate's reason; null where allowed, and where the bearer itself is dead (401 at the gate). */
  reason: Denial | null;
  sentence: string;
  checks: Check[];
  /** `rules`: what calls through the group must keep to, a sentence each. */
  groups: { slug: string; name: string; hasTool: boolean; rules: string[]; change: ShownChange | null }[];
  candidates: { slug: string; name: string }[];
  request: { id: string; status: 'open' | 'accepted' | 'declined' | 'withdrawn'; at: string } | null;
}

/** A row of the rule's statement. */
export interface Verdict {
  email: string;
  name: string;
  token_id: string | null;
  token_name: string | null;
  restricted: boolean | null;
  expired: boolean | null;
  stopped: boolean;
  definition: ToolDefinition | null;
  class: ToolClass;
  status: ToolStatus;
  blocked: boolean;
  denial: Denial | null;
  denial_unblocked: Denial | null;
  denial_open: Denial | null;
  denial_granted: Denial | null;
  /** The person's write safety: the most cautious of all their groups. */
  writesPerDay: number | null;
  deletesPerDay: number | null;
  repeatWindowSeconds: number | null;
  groups: {
    slug: string;
    name: string;
    isMember: boolean;
    hasTool: boolean;
    rules: Partial<ArgumentRules> | null;
    /** Calls of the tool wait for a person here. */
    waits: boolean;
  }[];
  request: Explanation['request'];
}

const ruleFor = (tool: string, granted: string) =>
  toolDenialSql({
    ...{ tool, granted, restricted: 'coalesce(k.restricted, false)', tools: 'k.tools' },
    driftPolicy: 'o.drift_policy',
  });
const granted = grantedSql({ organizationId: '$1', memberId: '$2', toolName: '$3' });

// The rule as it is, then for the same tool without each obstacle in turn: so every check is judged, not only the first that fails.
const VERDICT = `
SELECT m.email, m.name, k.id AS token_id, k.name AS token_name, k.restricted, k.expires_at <= now() AS expired, o.stopped_at IS NOT NULL AS stopped, safety.*,
  t.definition, t.class, t.status, t.blocked,
  ${ruleFor('t', granted)} AS denial, ${ruleFor('unblocked', granted)} AS denial_unblocked,
  ${ruleFor('opened', granted)} AS denial_open, ${ruleFor('opened', 'true')} AS denial_granted,
  (SELECT coalesce(json_agg(s ORDER BY s.name, s.slug), '[]') FROM (
    SELECT g.slug, g.name, g.rules, coalesce(g.approvals->'tools' ? $3, false) AS waits, gm.member_id IS NOT NULL AS "isMember", gt.tool_name IS NOT NULL AS "hasTool" FROM groups g
    LEFT JOIN group_members gm ON gm.group_id = g.id AND gm.member_id = $2
    LEFT JOIN group_tools gt ON gt.group_id = g.id AND gt.tool_name = $3
    WHERE g.organization_id = $1 AND (gm.member_id IS NOT NULL OR gt.tool_name IS NOT NULL)) s) AS groups,
  (SELECT json_build_object('id', q.id, 'status', q.status, 'at', to_char(q.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    FROM tool_requests q WHERE q.organization_id = $1 AND q.member_id = $2 AND q.tool_name = $3
    ORDER BY q.created_at DESC, q.id DESC LIMIT 1) AS request
FROM members m JOIN organizations o ON o.id = m.organization_id
CROSS JOIN LATERAL (
  SELECT min(g.writes_per_day) AS "writesPerDay", min(g.deletes_per_day) AS "deletesPerDay", max(g.repeat_window_seconds) AS "repeatWindowSeconds"
  FROM group_members gm JOIN groups g ON g.organization_id = gm.organization_id AND g.id = gm.group_id
  WHERE gm.organization_id = m.organization_id AND gm.member_id = m.id
) safety
LEFT JOIN agent_tokens k ON k.organization_id = m.organization_id AND k.member_id = m.id AND k.id = $4
LEFT JOIN tools t ON t.organization_id = m.organization_id AND t.name = $3
LEFT JOIN LATERAL (SELECT t.name, false AS blocked, t.status) unblocked ON true
LEFT JOIN LATERAL (SELECT t.name, false AS blocked, 'reviewed'::tool_status AS status) opened ON true
WHERE m.organization_id = $1 AND m.id = $2`;

/**
 * Explains a tool for a member, or for one of the member's agent tokens (null: a bearer without a restriction of its own). Null when
 * there is no such member, or no such token of the member.
 */
export async function explainTool(
  organizationId: string,
  about: { memberId: string; tokenId: string | null; tool: string },
  viewer: Viewer,
): Promise<Explanation | null> {
  const { rows } = await pool().query<Verdict>(VERDICT, [
    organizationId,
    about.memberId,
    about.tool,
    about.tokenId,
  ]);
  const verdict = rows[0];
  if (!verdict || (about.tokenId !== null && verdict.token_id === null)) return null;
  const show = (change: Change | null) => showChange(change, viewer);
  const own = verdict.groups.filter(({ isMember }) => isMember);
  const changes = await changesOf(organizationId, about.tool, verdict, own);
  const checks = judge(verdict, changes, viewer);
  const allowed = verdict.denial === null && !verdict.expired && !verdict.stopped;
  const who = viewer.isSelf ? 'You' : verdict.name;
  // The stop switch comes before everything that is checked about the tool.
  const failed = verdict.stopped
    ? { message: DENIALS.organization_stopped }
    : checks.find(({ passed }) => passed === false);
  return {
    member: { email: verdict.email, name: verdict.name },
    token: verdict.token_id === null ? null : { id: verdict.token_id, name: verdict.token_name! },
    tool: verdict.definition && {
      ...{ name: about.tool, title: titleOf(verdict.definition), class: verdict.class },
      ...{ status: verdict.status, blocked: verdict.blocked },
    },
    toolName: about.tool,
    allowed,
    reason: verdict.stopped ? 'organization_stopped' : verdict.denial,
    sentence: failed
      ? `${who} may not use ${about.tool}${verdict.token_id === null ? '' : ` through the agent token \u201c${verdict.token_name}\u201d`}. ${failed.message}`
      : `${who} may use ${about.tool}. ${checks.find(({ id }) => id === 'groups')!.message}`,
    checks: checks.map((check) => ({ ...check, change: show(check.change) })),
    groups: own.map(({ slug, name, hasTool, ...conditions }) => ({
      ...{ slug, name, hasTool, rules: conditionWords(conditions) },
      change: show(changes.groups.get(slug)?.shown ?? null),
    })),
    candidates: viewer.isSelf
      ? []
      : verdict.groups.flatMap(({ isMember, slug, name }) => (isMember ? [] : [{ slug, name }])),
    request: verdict.request,
  };
}

/** A change as the viewer may know it: to the person it concerns an admin has no name, and the audit is closed. */
function showChange(change: Change | null, viewer: Viewer): ShownChange | null {
  if (!change || !viewer.isSelf) return change;
  return { at: change.at, by: change.by === viewer.email ? change.by : 'an admin', record: null };
}

async function changesOf(
  organizationId: string,
  tool: string,
  verdict: Verdict,
  own: Verdict['groups'],
): Promise<Changes> {
  const about = { tool, email: verdict.email };
  const slugs = own.map(({ slug }) => slug);
  const hasTool = new Set(own.flatMap((group) => (group.hasTool ? [group.slug] : [])));
  const groups = new Map<string, { shown: Change | null }>();
  for (const change of await groupChanges(organizationId, slugs, about))
    groups.set(change.slug, {
      // What gave it is complete with the later of the two; that it lacks the tool is the tool's change alone.
      shown: hasTool.has(change.slug) ? laterOf(change.tool, change.member) : change.tool,
    });
  // Through several groups the person has had it since the first of those that still grant it.
  const grants = [...hasTool]
    .map((slug) => groups.get(slug)!.shown)
    .filter((change) => change !== null)
    .toSorted((a, b) => (a.record < b.record ? -1 : 1));
  return {
    tool: await toolChanges(organizationId, tool),
    groups,
    granted: hasTool.size > 0 ? (grants[0] ?? null) : await lossOf(organizationId, about),
    minted: verdict.token_id === null ? null : await mintingOf(organizationId, verdict.token_id),
  };
}
