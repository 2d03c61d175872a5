// What a project, team or portfolio is called, asked through a person's own connection: for a form that takes gids and shows names. Never
// decides anything; where Asana does not say, the name stays null.
import { freshAccessToken } from './refresh';
import { listConnections } from './connections';
import { log } from '../log';
import { callTool, withUpstreamSession, type UpstreamSession } from './mcp-client';

export type NamedKind = 'project' | 'team' | 'portfolio' | 'section';

const MAX_PAGES = 5;

/** The name, through the first active connection of the member (calls on record); null where there is none or Asana does not say. */
export async function placeName(
  member: { id: string; email: string; organizationId: string },
  { kind, gid }: { kind: NamedKind; gid: string },
): Promise<string | null> {
  // None of Asana's tools names a section by its gid alone (facts/asana 1.2).
  if (kind === 'section') return null;
  const { organizationId, id: memberId, email: memberEmail } = member;
  const connections = await listConnections(organizationId, memberId);
  const connection = connections.find(({ status }) => status === 'active');
  if (!connection) return null;
  const workspaceGid = connection.workspace?.gid ?? null;
  const facts = { organizationId, memberId, memberEmail, connectionId: connection.id, workspaceGid };
  try {
    const { accessToken } = await freshAccessToken({ organizationId, id: connection.id });
    return await withUpstreamSession(facts, accessToken, 'name for a rule', (session) =>
      kind === 'team' ? teamName(session, gid) : nameOf(session, kind, gid),
    );
  } catch (error) {
    log().info({ err: error }, 'Asana did not say what something for a rule is called');
    return null;
  }
}

async function nameOf(session: UpstreamSession, kind: 'project' | 'portfolio', gid: string) {
  const answer =
    kind === 'project'
      ? await ask(session, 'get_project', { project_id: gid, opt_fields: 'name' })
      : await ask(session, 'get_portfolio', { portfolio_gid: gid, opt_fields: 'name' });
  return called(answer?.data, gid);
}

async function teamName(session: UpstreamSession, gid: string): Promise<string | null> {
  let offset: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await ask(session, 'get_teams', {
      limit: 100,
      ...(offset === undefined ? {} : { offset }),
    });
    const teams: unknown[] = Array.isArray(answer?.data) ? answer.data : [];
    const name = teams.map((team) => called(team, gid)).find((found) => found !== null);
    if (name !== undefined) return name;
    const next = (answer?.next_page as { offset?: unknown } | null | undefined)?.offset;
    if (typeof next !== 'string') return null;
    offset = next;
  }
  return null;
}

/** The name of an object with this gid, cut to what a form shows. */
function called(value: unknown, gid: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const { gid: own, name } = value as { gid?: unknown; name?: unknown };
  return own === gid && typeof name === 'string' && name.trim() !== '' ? name.trim().slice(0, 200) : null;
}

/** A tool's answer as the object that it says (facts/asana 1.7); null where it refused. */
async function ask(
  session: UpstreamSession,
  tool: string,
  args: Record<string, unknown>,
): Promise<Record<string, unknown> | null> {
  const result = await callTool(session, tool, args);
  if (result.isError === true) return null;
  const content = Array.isArray(result.content) ? (result.content as { type?: string; text?: string }[]) : [];
  const text = content.find(({ type }) => type === 'text')?.text;
  const value: unknown = text === undefined ? result.structuredContent : JSON.parse(text);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}
