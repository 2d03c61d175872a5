// Which audit event put a thing so as it is: who last gave a group its tool or its member, blocked or reviewed a tool, or took from
// somebody the last way to it. Events of one thing are ordered by their ids, which are made while the thing is locked.
import { pool } from '../db';

/** An audit event. */
export interface Change {
  /** RFC 3339. */
  at: string;
  /** E-mail address, or the name of the API key. */
  by: string | null;
  /** Its id in the audit. */
  record: string;
}

/** Of a group's history no more than this is searched; an older event is not found, which reads as "nobody knows". */
const SEARCHED = 2_000;

const CHANGE = `json_build_object('record', r.id, 'by', coalesce(r.member_email, r.credential_name),
  'at', to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))`;

/** The newest event of a target for which `condition` holds, over the alias `r`; $1 is the organization. */
const newest = (target: string, condition: string) => `(SELECT ${CHANGE} FROM (
    SELECT * FROM audit_records WHERE organization_id = $1 AND kind = 'event' AND target = ${target} ORDER BY id DESC LIMIT ${SEARCHED}
  ) r WHERE ${condition} ORDER BY r.id DESC LIMIT 1)`;

/** Whether an event changed that a list holds a name. */
const turned = (list: string, name: string) =>
  `coalesce(r.before -> '${list}' ? ${name}, false) <> coalesce(r.after -> '${list}' ? ${name}, false)`;

/** Newer of two. */
export const laterOf = (one: Change | null, other: Change | null): Change | null =>
  one && other ? (one.record > other.record ? one : other) : (one ?? other);

export interface GroupChanges {
  slug: string;
  /** Gave the group the tool, or took it. */
  tool: Change | null;
  /** Made the person a member of the group. */
  member: Change | null;
}

/** For each of these groups: the events that last changed whether it has the tool and the person. */
export async function groupChanges(
  organizationId: string,
  slugs: string[],
  about: { tool: string; email: string },
): Promise<GroupChanges[]> {
  const { rows } = await pool().query<{
    slug: string;
    tool: Change | null;
    by_group: Change | null;
    by_member: Change | null;
  }>(
    `SELECT s.slug, ${newest(`'group:' || s.slug`, turned('tools', '$3'))} AS tool,
       ${newest(`'group:' || s.slug`, turned('members', '$4'))} AS by_group,
       ${newest(`'member:' || $4`, turned('groups', 's.slug'))} AS by_member
     FROM unnest($2::text[]) AS s(slug)`,
    [organizationId, slugs, about.tool, about.email],
  );
  return rows.map(({ slug, tool, by_group, by_member }) => ({
    slug,
    tool,
    member: laterOf(by_group, by_member),
  }));
}

export interface ToolChanges {
  /** Put it into the catalogue; null where it was there from the start. */
  added: Change | null;
  /** Blocked or unblocked it. */
  blocked: Change | null;
  /** Gave it its status. */
  status: Change | null;
  /** Changed what the organization does with changed tools. */
  driftPolicy: Change | null;
}

/** The events that last changed a tool's standing for everybody. */
export async function toolChanges(organizationId: string, tool: string): Promise<ToolChanges> {
  const isListed = `(r.after -> 'added' ? $2 OR r.after -> 'changed' ? $2 OR r.after -> 'removed' ? $2)`;
  const { rows } = await pool().query<Omit<ToolChanges, 'status'> & Record<'reviewed' | 'synced', Change>>(
    `SELECT ${newest(`'tools'`, `r.after -> 'added' ? $2`)} AS added,
       ${newest(`'tool:' || $2`, `r.before -> 'blocked' IS DISTINCT FROM r.after -> 'blocked'`)} AS blocked,
       ${newest(`'tool:' || $2`, `r.action = 'tool.reviewed'`)} AS reviewed,
       ${newest(`'tools'`, isListed)} AS synced,
       ${newest(`'organization'`, `r.before ? 'driftPolicy' AND r.before -> 'driftPolicy' <> r.after -> 'driftPolicy'`)} AS "driftPolicy"`,
    [organizationId, tool],
  );
  const { reviewed, synced, ...rest } = rows[0]!;
  return { ...rest, status: laterOf(reviewed, synced) };
}

/** The event that last took from a person, who has no way to it now, a group that gave the tool; null where there was none. */
export async function lossOf(
  organizationId: string,
  about: { tool: string; email: string },
): Promise<Change | null> {
  const both = (at: string) => `(r.${at} -> 'tools' ? $2 AND r.${at} -> 'members' ? $3)`;
  // Somebody who had this address before is another person.
  const isTheirs = `r.id > coalesce((SELECT j.id FROM audit_records j WHERE j.organization_id = $1 AND j.kind = 'event'
    AND j.target = 'member:' || $3 AND j.action = 'member.added' ORDER BY j.id DESC LIMIT 1), '${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}')`;
  const { rows } = await pool().query<{ by_group: Change | null; by_member: Change | null }>(
    `SELECT (SELECT ${CHANGE} FROM (
         SELECT * FROM audit_records WHERE organization_id = $1 AND action IN ('group.updated', 'group.deleted')
         ORDER BY id DESC LIMIT ${SEARCHED}
       ) r WHERE ${both('before')} AND NOT coalesce(${both('after')}, false) AND ${isTheirs} ORDER BY r.id DESC LIMIT 1) AS by_group,
       ${newest(
         `'member:' || $3`,
         `r.action = 'member.updated' AND ${isTheirs} AND EXISTS (
            SELECT 1 FROM jsonb_array_elements_text(r.before -> 'groups') AS left_group(slug)
            WHERE NOT (r.after -> 'groups' ? left_group.slug) AND (
              SELECT e.after -> 'tools' ? $2 FROM audit_records e WHERE e.organization_id = $1 AND e.kind = 'event'
                AND e.target = 'group:' || left_group.slug AND e.id < r.id ORDER BY e.id DESC LIMIT 1))`,
       )} AS by_member`,
    [organizationId, about.tool, about.email],
  );
  return laterOf(rows[0]!.by_group, rows[0]!.by_member);
}

/** The event by which an agent token was minted. */
export async function mintingOf(organizationId: string, tokenId: string): Promise<Change | null> {
  const { rows } = await pool().query<{ minted: Change | null }>(
    `SELECT ${newest(`'agent_token:' || $2`, `r.action = 'agent_token.minted'`)} AS minted`,
    [organizationId, tokenId],
  );
  return rows[0]!.minted;
}
