// A call that waits, as the person reads it who decides: its arguments one by one, with the names that Asana has for the things in them. They
// are asked for through the connection of the person whose agent asks, so nothing is said that the call itself could not see.
import { callTool, withUpstreamSession, type UpstreamSession } from '../asana/mcp-client';
import { freshAccessToken } from '../asana/refresh';
import { db } from '../db';
import { log } from '../log';
import { GID } from '../policy/argument-rules';
import { mapOf, type ArgumentJson, type Kind } from '../policy/argument-map';
import { readArguments } from '../policy/read-arguments';
import { openSecret, placeOf } from '../vault/vault';
import { indented, parseCanonical, visible } from './canonical-text';

export interface ReadableCall {
  /** JSON, indented; numbers as the agent wrote them. */
  text: string;
  arguments: { place: string; value: string; name: string | null }[];
  /** There are more than these. */
  cut: boolean;
}

const MAX_LINES = 200;
const MAX_VALUE_CHARS = 2_000;
const MAX_NAMES = 20;
const AT_ONCE = 5;
const DEADLINE_MS = 8_000;

/** The call, or null where its arguments are forgotten. */
export async function readCall(organizationId: string, id: string): Promise<ReadableCall | null> {
  const row = await db().approval.findFirst({
    where: { organizationId, id, expiresAt: { gt: new Date() } },
    include: { member: { select: { id: true, email: true } } },
  });
  if (!row || row.sealed === null) return null;
  const text = openSecret(placeOf(organizationId, 'approvals', 'sealed', id), row.sealed);
  const value = parseCanonical(text);
  const map = mapOf(row.toolName);
  const read = map === null ? null : readArguments(map, value);
  const kinds = new Map(
    read && 'readings' in read ? read.readings.map(({ place, kind }) => [place, kind]) : [],
  );
  const lines = [...leavesOf(value, '')];
  const shown = lines.slice(0, MAX_LINES);
  const wanted = new Map<string, { kind: Kind; gid: string }>();
  for (const { place, value: gid } of shown) {
    const kind = kinds.get(place);
    if (kind && NAMED[kind] && GID.test(gid) && wanted.size < MAX_NAMES)
      wanted.set(`${kind} ${gid}`, { kind, gid });
  }
  const names = await namesOf(
    {
      organizationId,
      memberId: row.member.id,
      memberEmail: row.member.email,
      connectionId: row.connectionId,
    },
    wanted,
  );
  return {
    text: indented(text),
    arguments: shown.map(({ place, value: said }) => ({
      place: visible(place),
      value: visible(said.slice(0, MAX_VALUE_CHARS)),
      name: names.get(`${kinds.get(place)} ${said}`) ?? null,
    })),
    cut: lines.length > shown.length || shown.some(({ value: said }) => said.length > MAX_VALUE_CHARS),
  };
}

function* leavesOf(value: ArgumentJson, place: string): Generator<{ place: string; value: string }> {
  if (value instanceof Map && value.size > 0)
    for (const [key, entry] of value as ReadonlyMap<string, ArgumentJson>)
      yield* leavesOf(entry, place === '' ? key : `${place}.${key}`);
  else if (Array.isArray(value) && value.length > 0)
    for (const [at, entry] of (value as readonly ArgumentJson[]).entries())
      yield* leavesOf(entry, `${place}[${at}]`);
  else if (place !== '') yield { place, value: wordOf(value) };
}

function wordOf(value: ArgumentJson): string {
  if (typeof value === 'string') return value;
  if (value instanceof Map) return '{}';
  return typeof value === 'object' && value !== null && 'text' in value ? value.text : JSON.stringify(value);
}

/** How Asana is asked what something is called (facts/asana 1.2); what is not here has no tool that says it by its gid alone. */
const NAMED: Partial<Record<Kind, readonly (readonly [tool: string, argument: string])[]>> = {
  task: [['get_task', 'task_id']],
  project: [['get_project', 'project_id']],
  portfolio: [['get_portfolio', 'portfolio_gid']],
  taskOrProject: [
    ['get_task', 'task_id'],
    ['get_project', 'project_id'],
  ],
  projectOrPortfolio: [
    ['get_project', 'project_id'],
    ['get_portfolio', 'portfolio_gid'],
  ],
  assignee: [['get_user', 'user_id']],
  person: [['get_user', 'user_id']],
};

/** Names by `kind gid`; what Asana does not say within a few seconds is left out. */
async function namesOf(
  facts: { organizationId: string; memberId: string; memberEmail: string; connectionId: string },
  wanted: ReadonlyMap<string, { kind: Kind; gid: string }>,
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  if (wanted.size === 0) return names;
  const { organizationId, connectionId } = facts;
  const connection = await db().connection.findFirst({
    where: { organizationId, id: connectionId, status: 'active' },
    select: { workspaceGid: true },
  });
  if (!connection) return names;
  const late = AbortSignal.timeout(DEADLINE_MS);
  try {
    const { accessToken } = await freshAccessToken({ organizationId, id: connectionId });
    const whose = { ...facts, workspaceGid: connection.workspaceGid };
    await withUpstreamSession(whose, accessToken, 'names for an approval', async (session) => {
      const waiting = [...wanted];
      const work = async () => {
        for (let next = waiting.shift(); next && !late.aborted; next = waiting.shift()) {
          const name = await nameOf(session, next[1]);
          if (name !== null) names.set(next[0], name);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    });
  } catch (error) {
    log().info({ err: error }, 'Asana did not say what the things of a waiting call are called');
  }
  return names;
}

async function nameOf(
  session: UpstreamSession,
  { kind, gid }: { kind: Kind; gid: string },
): Promise<string | null> {
  for (const [tool, argument] of NAMED[kind]!) {
    const args = { [argument]: gid, ...(tool === 'get_user' ? {} : { opt_fields: 'name' }) };
    const result = await callTool(session, tool, args);
    const name = result.isError === true ? null : nameIn(result, gid);
    if (name !== null) return name;
  }
  return null;
}

/** The name of the very thing that was asked for (facts/asana 1.7), cut to a line. */
function nameIn(result: Record<string, unknown>, gid: string): string | null {
  const content = Array.isArray(result.content) ? (result.content as { type?: string; text?: string }[]) : [];
  const said = content.find(({ type }) => type === 'text')?.text;
  let answer: unknown = result.structuredContent;
  if (said !== undefined)
    try {
      answer = JSON.parse(said);
    } catch {
      return null;
    }
  const { data } = (answer ?? {}) as { data?: unknown };
  const thing = (data ?? answer) as { gid?: unknown; name?: unknown } | null | undefined;
  return thing?.gid === gid && typeof thing.name === 'string' && thing.name.trim() !== ''
    ? thing.name.trim().slice(0, 200)
    : null;
}
