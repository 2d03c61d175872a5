// Who would gain and who would lose which tool by changes of groups: counted over what people may really use, so that a tool somebody
// keeps through another group, or that nobody may use as it stands, changes nothing.
import { pool } from '../db';
import { AppError } from '../errors';
import { toolDenialSql } from '../policy/policy';
import type { GroupChange } from './change-groups';

/** People, and how many of their agents that were at work in the last seven days. */
export interface Affected {
  people: number;
  agents: number;
  /** The first by e-mail. */
  sample: { email: string; name: string }[];
}

export interface Preview {
  /** Every tool that the changes name, in Asana's order. */
  tools: { name: string; gains: Affected; loses: Affected }[];
  /** People who gain, and who lose, at least one tool. */
  people: { gain: number; lose: number };
}

const SAMPLE = 8;

interface Setting {
  /** Of the groups that the changes name. */
  slugs: string[];
  /** Of those that the changes name; `open`: whether whoever has it in a group may use it. */
  tools: { name: string; open: boolean }[];
  /** `slug tool` of every group of the organization, for the tools above. */
  granted: { slug: string; tool: string }[];
  /** Members of the groups above, by e-mail, with all their groups. */
  people: { id: string; email: string; name: string; slugs: string[] }[];
  /** Their agents at work; `tools` null: not narrowed. */
  agents: { member: string; tools: string[] | null }[];
}

// One statement, so that all of it is seen at the same moment. Whether a tool is open is the gate's own rule, for somebody whose group
// has the tool and whose bearer is not narrowed.
const SETTING = `
WITH named AS (
  SELECT id, slug FROM groups WHERE organization_id = $1 AND slug = ANY($2::text[])
), affected AS (
  SELECT m.id, m.email, m.name,
    ARRAY(SELECT g.slug FROM group_members o JOIN groups g ON g.id = o.group_id WHERE o.member_id = m.id) AS slugs
  FROM members m WHERE m.organization_id = $1
    AND m.id IN (SELECT gm.member_id FROM named n JOIN group_members gm ON gm.group_id = n.id)
)
SELECT
  ARRAY(SELECT slug FROM named) AS slugs,
  (SELECT coalesce(json_agg(json_build_object('name', t.name, 'open', ${toolDenialSql({
    tool: 't',
    granted: 'true',
    restricted: 'false',
    tools: 'NULL::text[]',
    driftPolicy: 'o.drift_policy',
  })} IS NULL) ORDER BY t.position, t.name), '[]')
    FROM tools t JOIN organizations o ON o.id = t.organization_id
    WHERE t.organization_id = $1 AND t.name = ANY($3::text[])) AS tools,
  (SELECT coalesce(json_agg(json_build_object('slug', g.slug, 'tool', gt.tool_name)), '[]')
    FROM group_tools gt JOIN groups g ON g.id = gt.group_id
    WHERE gt.organization_id = $1 AND gt.tool_name = ANY($3::text[])) AS granted,
  (SELECT coalesce(json_agg(a ORDER BY a.email), '[]') FROM affected a) AS people,
  (SELECT coalesce(json_agg(json_build_object('member', w.member_id, 'tools', w.tools)), '[]') FROM (
    SELECT member_id, CASE WHEN restricted THEN tools END AS tools FROM agent_tokens
    WHERE organization_id = $1 AND last_used_at > now() - interval '7 days' AND (expires_at IS NULL OR expires_at > now())
    UNION ALL
    SELECT member_id, NULL FROM grants
    WHERE organization_id = $1 AND last_used_at > now() - interval '7 days' AND expires_at > now() AND ended_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM client_blocks b WHERE b.organization_id = $1 AND b.client_id = grants.client_id)
  ) w JOIN affected a ON a.id = w.member_id) AS agents`;

/** What such changes would do to people now; each group at most once in `changes`. Throws `not_found` and `unknown_tool`. */
export async function previewChanges(organizationId: string, changes: GroupChange[]): Promise<Preview> {
  const slugs = changes.map(({ slug }) => slug);
  const names = [...new Set(changes.flatMap(({ add = [], remove = [] }) => [...add, ...remove]))];
  const { rows } = await pool().query<Setting>(SETTING, [organizationId, slugs, names]);
  const setting = rows[0]!;
  const missing = slugs.find((slug) => !setting.slugs.includes(slug));
  if (missing !== undefined) throw new AppError('not_found', `There is no group "${missing}".`);
  const known = new Set(setting.tools.map(({ name }) => name));
  const unknown = names.find((name) => !known.has(name));
  if (unknown !== undefined)
    throw new AppError(
      'unknown_tool',
      `The catalogue has no tool "${unknown}"; sync the tools or correct the name.`,
    );
  return count(setting, changes);
}

function count(setting: Setting, changes: GroupChange[]): Preview {
  const agentsOf = new Map<string, Setting['agents']>();
  for (const agent of setting.agents)
    agentsOf.set(agent.member, [...(agentsOf.get(agent.member) ?? []), agent]);
  const gaining = new Set<string>();
  const losing = new Set<string>();
  const tools = setting.tools.map(({ name, open }) => {
    const before = new Set(setting.granted.filter(({ tool }) => tool === name).map(({ slug }) => slug));
    const after = new Set(before);
    for (const { slug, add, remove } of changes) {
      if (add?.includes(name)) after.add(slug);
      if (remove?.includes(name)) after.delete(slug);
    }
    const gains: Setting['people'] = [];
    const loses: Setting['people'] = [];
    for (const person of open ? setting.people : []) {
      const had = person.slugs.some((slug) => before.has(slug));
      const has = person.slugs.some((slug) => after.has(slug));
      if (had === has) continue;
      (has ? gains : loses).push(person);
      (has ? gaining : losing).add(person.id);
    }
    const describe = (people: Setting['people']): Affected => ({
      people: people.length,
      agents: people
        .flatMap(({ id }) => agentsOf.get(id) ?? [])
        .filter((agent) => agent.tools === null || agent.tools.includes(name)).length,
      sample: people.slice(0, SAMPLE).map((person) => ({ email: person.email, name: person.name })),
    });
    return { name, gains: describe(gains), loses: describe(loses) };
  });
  return { tools, people: { gain: gaining.size, lose: losing.size } };
}
