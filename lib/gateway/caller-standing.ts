// What callers may use right now, for streams that tell them when it changes: one query for all of them, by the same rule as admission.
import { pool } from '../db';
import { grantedSql, toolDenialSql } from '../policy/policy';

/** Whose standing it is. */
export interface Caller {
  organizationId: string;
  memberId: string;
  /** The agent token's id or the grant's. */
  credentialId: string;
}

export interface CallerStanding {
  /** Differs where the names of the tools that the caller may use differ. */
  tools: string;
  /** Families of methods that the caller's groups open. */
  families: string[];
}

const STANDING = `
SELECT s.n::int AS n, e.tools, f.families
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS s(organization_id, member_id, credential_id, n)
JOIN organizations o ON o.id = s.organization_id
LEFT JOIN agent_tokens a ON a.organization_id = s.organization_id AND a.id = s.credential_id
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(DISTINCT g.id), '{}') AS groups,
    array_remove(coalesce(array_agg(DISTINCT m.family) FILTER (WHERE m.family IS NOT NULL), '{}'),
      CASE WHEN bool_or(g.rules IS NOT NULL OR g.approvals IS NOT NULL OR g.repeat_window_seconds IS NOT NULL) THEN 'client_requests' END) AS families
  FROM group_members gm JOIN groups g ON g.id = gm.group_id LEFT JOIN LATERAL unnest(g.methods) AS m(family) ON true
  WHERE gm.organization_id = s.organization_id AND gm.member_id = s.member_id
) f
CROSS JOIN LATERAL (
  SELECT md5(coalesce(string_agg(t.name, ' ' ORDER BY t.position, t.name), '')) AS tools FROM tools t
  WHERE t.organization_id = s.organization_id AND ${toolDenialSql({
    tool: 't',
    granted: grantedSql({ groups: 'f.groups', toolName: 't.name' }),
    restricted: 'coalesce(a.restricted, false)',
    tools: 'a.tools',
    driftPolicy: 'o.drift_policy',
  })} IS NULL
) e`;

/** The standing of each of the callers, in their order. Throws where the database does not answer. */
export async function standingsOf(callers: readonly Caller[]): Promise<(CallerStanding | undefined)[]> {
  const { rows } = await pool().query<CallerStanding & { n: number }>({
    name: 'caller-standings',
    text: STANDING,
    values: [
      callers.map(({ organizationId }) => organizationId),
      callers.map(({ memberId }) => memberId),
      callers.map(({ credentialId }) => credentialId),
    ],
  });
  const byNumber = new Map(rows.map((row) => [row.n, row]));
  return callers.map((_, n) => byNumber.get(n + 1));
}
