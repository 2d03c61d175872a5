// What has to be asked of Asana beside a call: for rules on arguments where a task lies, whose it is, what a project or portfolio holds; for
// an undo what is there (`keep-before`). Asked through the caller's own connection, so that nobody learns more than the caller may see; on
// record as Gatehouse's own calls, and counted in the connection's limits like the caller's.
import { randomInt } from 'node:crypto';
import { callTool, UpstreamError, withUpstreamSession, type UpstreamSession } from '../asana/mcp-client';
import { refusesSessions } from '../asana/modern-only';
import { freshAccessToken, RefreshFailure } from '../asana/refresh';
import { pool } from '../db';
import { log } from '../log';
import { GID } from '../policy/argument-rules';
import { lookupKey, type LookedUp, type Lookup } from '../policy/judge-arguments';
import { connectionLimitsSql } from '../policy/limits';
import type { Admitted, AdmittedConnection, LimitName } from './admit';
import { assertAsanaAnswers, CircuitOpen } from './asana-circuits';
import { NoSlot, takeSlot } from './in-flight';
import { forgetOwnSession, ownSession } from './own-sessions';

/** The connection's limit is used up, or Asana asked for quiet. */
export class LookupLimited extends Error {
  constructor(readonly limit: { name: LimitName; waitMs: number }) {
    super('a lookup for a rule met a limit');
  }
}
/** Asana could not be asked. */
export class LookupUnavailable extends Error {}
/** The connection has ended. */
export class NoConnection extends Error {}

type Found = LookedUp[Lookup['kind']] | null;

const PURPOSE = 'argument rules';
const AT_ONCE = 5;
const DEADLINE_MS = 25_000;
const MAX_PAGES = 10;

/** What a tool said: null where it refused, or where its answer is not understood. */
export interface Said {
  answer: Answer | null;
  isRefused: boolean;
}
/** One call of a reading tool, counted and on record. */
export type AskTool = (tool: string, args: Record<string, unknown>) => Promise<Said>;

/**
 * Asks Asana for all of these, by `lookupKey`; null for what it does not say. Throws `LookupLimited`, `LookupUnavailable`, `NoConnection`.
 */
export async function lookUpAll(admitted: Admitted, lookups: readonly Lookup[]): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  await askThrough(admitted, { purpose: PURPOSE, deadlineMs: DEADLINE_MS }, lookups, async (lookup, call) => {
    found.set(lookupKey(lookup), await ask(call, lookup));
  });
  return found;
}

/**
 * Asks for each of these through the caller's own connection, five at once. `purpose` is what stands in the audit. Throws `LookupLimited`,
 * `LookupUnavailable`, `NoConnection`, and what `one` throws.
 */
export async function askThrough<T>(
  {
    organizationId,
    memberId,
    memberEmail,
    credentialId,
    connection: through,
  }: Pick<Admitted, 'organizationId' | 'memberId' | 'memberEmail' | 'credentialId' | 'connection'>,
  { purpose, deadlineMs }: { purpose: string; deadlineMs: number },
  all: readonly T[],
  one: (wanted: T, call: AskTool) => Promise<void>,
): Promise<void> {
  const connection = through!;
  const facts = {
    ...{ organizationId, memberId, memberEmail },
    ...{ connectionId: connection.id, workspaceGid: connection.workspaceGid },
  };
  const late = AbortSignal.timeout(deadlineMs);
  const done = new Set<T>();
  try {
    assertAsanaAnswers(connection.id);
    await withToken(organizationId, connection, (accessToken) =>
      inSession(facts, accessToken, purpose, async (session) => {
        const waiting = all.filter((wanted) => !done.has(wanted));
        const call = askTool(session, () => count(organizationId, connection.id));
        const work = async () => {
          for (let wanted = waiting.shift(); wanted !== undefined; wanted = waiting.shift()) {
            if (late.aborted) throw new LookupUnavailable('the lookups took too long');
            const free = await takeSlot({ connectionId: connection.id, kind: 'read', credentialId });
            try {
              await one(wanted, call);
              done.add(wanted);
            } catch (error) {
              // Nobody waits for the others any more.
              waiting.length = 0;
              throw error;
            } finally {
              free();
            }
          }
        };
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, work));
      }),
    );
  } catch (error) {
    throw meaningOf(error);
  }
}

function meaningOf(error: unknown): unknown {
  if (error instanceof LookupLimited || error instanceof LookupUnavailable) return error;
  if (error instanceof RefreshFailure && error.kind === 'needs_reconnect') return new NoConnection();
  if (error instanceof UpstreamError && error.reason === 'rate_limited')
    return new LookupLimited({ name: 'asana', waitMs: error.detail.retryAfterMs ?? 10_000 });
  const isOutside = [UpstreamError, RefreshFailure, CircuitOpen, NoSlot].some(
    (kind) => error instanceof kind,
  );
  if (!isOutside) return error;
  log().info({ err: error }, 'a lookup before a call got no answer');
  return new LookupUnavailable('Asana could not be asked', { cause: error });
}

/** A token that Asana refuses is renewed, once. */
async function withToken(
  organizationId: string,
  connection: AdmittedConnection,
  work: (accessToken: string) => Promise<void>,
): Promise<void> {
  const { accessToken, generation } = await freshAccessToken({ ...connection, organizationId });
  try {
    await work(accessToken);
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.reason !== 'unauthorized') throw error;
    await work(
      (await freshAccessToken({ organizationId, id: connection.id }, { force: generation })).accessToken,
    );
  }
}

type Facts = Parameters<typeof ownSession>[0];

/** The connection's own session, opened again once where Asana forgot it; requests that stand alone where Asana has none. */
async function inSession(
  facts: Facts,
  accessToken: string,
  purpose: string,
  work: (session: UpstreamSession) => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const own = await ownSession(facts, accessToken).catch((error: unknown) => {
      if (refusesSessions(error)) return null;
      throw error;
    });
    if (own === null) return withUpstreamSession(facts, accessToken, purpose, work);
    try {
      // Beside the calls of agents in the same session, whose ids are longer.
      return await work({ ...own, facts, accessToken, purpose, nextId: randomInt(1, 2 ** 40) });
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.reason !== 'session_gone' || tries === 2) throw error;
      await forgetOwnSession(facts.connectionId, own);
    }
  }
}

const LIMIT = connectionLimitsSql('o').connection;

/** Counts one call in the connection's minute. Throws `LookupLimited`. */
async function count(organizationId: string, connectionId: string): Promise<void> {
  const { rows } = await pool().query<{ quiet_ms: number | null; wait_ms: number | null }>({
    name: 'count-lookup',
    text: `WITH c AS (
        SELECT CASE WHEN c.throttled_until > now() THEN ceil(extract(epoch FROM c.throttled_until - now()) * 1000)::int END AS quiet_ms,
          ${LIMIT} AS most
        FROM connections c JOIN organizations o ON o.id = c.organization_id
        WHERE c.organization_id = $1 AND c.id = $2 AND c.status = 'active' AND o.stopped_at IS NULL
      )
      SELECT c.quiet_ms, l.wait_ms FROM c
      LEFT JOIN LATERAL take_calls('{1}', ARRAY[$1::uuid], '{connection}', ARRAY[$2::uuid], ARRAY[c.most]) l ON c.quiet_ms IS NULL`,
    values: [organizationId, connectionId],
  });
  const [row] = rows;
  if (!row) throw new LookupUnavailable('the connection or the organization was stopped meanwhile');
  if (row.quiet_ms !== null) throw new LookupLimited({ name: 'asana', waitMs: row.quiet_ms });
  if (row.wait_ms !== null) throw new LookupLimited({ name: 'connection', waitMs: row.wait_ms });
}

function askTool(session: UpstreamSession, counted: () => Promise<void>): AskTool {
  return async (tool, args) => {
    await counted();
    try {
      const result = await callTool(session, tool, args);
      const isRefused = result.isError === true;
      return { answer: isRefused ? null : objectIn(result), isRefused };
    } catch (error) {
      if (error instanceof UpstreamError && /^(refused|malformed)$/.test(error.reason))
        return { answer: null, isRefused: false };
      throw error;
    }
  };
}

/** One lookup (a portfolio: page by page). A refusal of the tool's, or an answer that is not understood, is null. */
async function ask(call: AskTool, lookup: Lookup): Promise<Found> {
  const { kind, gid } = lookup;
  if (kind === 'portfolio') return portfolioOf(gid, call);
  if (kind === 'task') return taskOf(gid, (await call('get_task', { task_id: gid, ...TASK })).answer);
  if (kind === 'project')
    return projectOf(gid, (await call('get_project', { project_id: gid, ...PROJECT })).answer);
  const { answer: user } = await call(
    kind === 'me' ? 'get_me' : 'get_user',
    kind === 'me' ? {} : { user_id: gid },
  );
  return userOf(kind === 'me' ? null : gid, dataOf(user));
}

const TASK = {
  ...{ include_subtasks: false, include_comments: false },
  opt_fields: 'assignee.name,memberships.project.name,memberships.section.name,parent.name,projects.name',
};
const PROJECT = { include_sections: true, opt_fields: 'name,team.name' };

type Answer = Readonly<Record<string, unknown>>;

/** The object that a result says as structured content, or as JSON text (facts/asana 1.7). */
function objectIn(result: Answer): Answer | null {
  if (isObject(result.structuredContent)) return result.structuredContent;
  const blocks = Array.isArray(result.content) ? result.content : [];
  const text = (blocks.find((block) => isObject(block) && block.type === 'text') as Answer | undefined)?.text;
  try {
    const value: unknown = typeof text === 'string' ? JSON.parse(text) : null;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

const isObject = (value: unknown): value is Answer =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const dataOf = (answer: Answer | null): Answer | null =>
  answer === null ? null : isObject(answer.data) ? answer.data : answer;
const gidOf = (value: unknown): string | null =>
  isObject(value) && typeof value.gid === 'string' && GID.test(value.gid) ? value.gid : null;
const gidsOf = (list: unknown): string[] =>
  (Array.isArray(list) ? list : []).map(gidOf).filter((gid) => gid !== null);

/** An answer about another thing than was asked for says nothing about this one. */
function taskOf(gid: string, answer: Answer | null): LookedUp['task'] | null {
  const task = dataOf(answer);
  if (!task || gidOf(task) !== gid) return null;
  const memberships = (Array.isArray(task.memberships) ? task.memberships : []).filter(isObject);
  const projects = [...gidsOf(task.projects), ...gidsOf(memberships.map(({ project }) => project))];
  return {
    projects: [...new Set(projects)],
    sections: gidsOf(memberships.map(({ section }) => section)),
    parent: gidOf(task.parent),
    assignee: gidOf(task.assignee),
  };
}

function projectOf(gid: string, answer: Answer | null): LookedUp['project'] | null {
  const project = dataOf(answer);
  if (!project || gidOf(project) !== gid) return null;
  return { team: gidOf(project.team), sections: gidsOf(project.sections ?? answer?.sections) };
}

function userOf(gid: string | null, user: Answer | null): LookedUp['user'] | null {
  const own = gidOf(user);
  if (!user || own === null || (gid !== null && own !== gid)) return null;
  return { gid: own, email: typeof user.email === 'string' ? user.email : null };
}

/** All pages: what stands on none of them is not in the portfolio. A list that goes on for too long says nothing. */
async function portfolioOf(gid: string, call: AskTool): Promise<LookedUp['portfolio'] | null> {
  const items: string[] = [];
  let offset: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { answer } = await call('get_items_for_portfolio', {
      ...{ portfolio_gid: gid, limit: 100, opt_fields: 'name' },
      ...(offset === undefined ? {} : { offset }),
    });
    if (!answer || !Array.isArray(answer.data)) return null;
    items.push(...gidsOf(answer.data));
    const next = isObject(answer.next_page) ? answer.next_page.offset : null;
    if (typeof next !== 'string' || next === '') return { items };
    offset = next;
  }
  return null;
}
