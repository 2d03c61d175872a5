// Finds people, groups, tools and one's own agent tokens by a part of their name. What somebody may not see is not looked at.
import { pool } from '../db';
import { usableTools } from '../catalogue/catalogue';
import type { ToolClass } from '../catalogue/classify';
import type { Role } from './operation';

export interface Found {
  people: { email: string; name: string }[];
  groups: { slug: string; name: string }[];
  tools: { name: string; title: string | null; class: ToolClass }[];
  tokens: { id: string; name: string }[];
}

const MOST = 6;

/** What begins with `$2` comes before what merely holds it. */
const rank = (text: string) => `(strpos(lower(${text}), $2) <> 1)`;
const holds = (text: string) => `strpos(lower(${text}), $2) > 0`;

/**
 * At most six of each, what begins with the text first. People and groups for admins only; tools: admins and auditors all, members
 * those they may use; tokens: one's own.
 */
export async function search(
  caller: { organizationId: string; memberId: string; role: Role },
  text: string,
): Promise<Found> {
  const { organizationId, memberId, role } = caller;
  const find = async <T extends object>(sql: string, ...more: unknown[]): Promise<T[]> =>
    (await pool().query<T>(sql, [organizationId, text.toLowerCase(), ...more])).rows;
  const [people, groups, tools, tokens] = await Promise.all([
    role !== 'admin'
      ? []
      : find<Found['people'][number]>(
          `SELECT email, name FROM members WHERE organization_id = $1 AND NOT is_drill AND (${holds('email')} OR ${holds('name')})
           ORDER BY least(${rank('email')}, ${rank('name')}), email LIMIT ${MOST}`,
        ),
    role !== 'admin'
      ? []
      : find<Found['groups'][number]>(
          `SELECT slug, name FROM groups WHERE organization_id = $1 AND (${holds('slug')} OR ${holds('name')})
           ORDER BY least(${rank('slug')}, ${rank('name')}), name, slug LIMIT ${MOST}`,
        ),
    findTools(caller, find),
    find<Found['tokens'][number]>(
      `SELECT id, name FROM agent_tokens WHERE organization_id = $1 AND member_id = $3 AND ${holds('name')}
       ORDER BY ${rank('name')}, name, id LIMIT ${MOST}`,
      memberId,
    ),
  ]);
  return { people, groups, tools, tokens };
}

async function findTools(
  { organizationId, memberId, role }: { organizationId: string; memberId: string; role: Role },
  find: <T extends object>(sql: string, ...more: unknown[]) => Promise<T[]>,
): Promise<Found['tools']> {
  const title = `coalesce(definition->>'title', definition->'annotations'->>'title')`;
  const all = (named: string) => `SELECT name, ${title} AS title, class FROM tools
    WHERE organization_id = $1 AND (${holds('name')} OR ${holds(`coalesce(${title}, '')`)}) ${named}
    ORDER BY least(${rank('name')}, ${rank(`coalesce(${title}, '')`)}), position, name LIMIT ${MOST}`;
  if (role !== 'member') return find(all(''));
  const mine = await usableTools(organizationId, memberId);
  return find(
    all('AND name = ANY($3::text[])'),
    mine.map(({ name }) => name),
  );
}
