// What the policy says of many callers and tools at once, by the gate's own rule: for policy tests and for replays. Pure: the statement and
// what to make of its rows.
import type { ArgumentJson } from './argument-map';
import { judgeArguments, type RuledGroup } from './judge-arguments';
import { DENIALS, grantedSql, toolDenialSql, type Denial } from './policy';

/** Whose groups count: a member's (id), or exactly those of these slugs. */
export type Caller = { member: string } | { groups: readonly string[] };

/** `tools` null: the bearer is not narrowed to tools of its own. */
export interface Question {
  caller: Caller;
  tool: string;
  tools: readonly string[] | null;
}

/** What rules on arguments a granted tool stands under. */
export interface Rules {
  groups: RuledGroup[];
  inputSchema: unknown;
}

/** The answer to one question: refused whatever the arguments, or allowed, under rules on arguments where there are any. */
export interface Verdict {
  denial: Denial | null;
  /** A name for the rules on this tool: the same for the same rules. Null where nothing is restricted. */
  version: string | null;
  rules: Rules | null;
}

/** A row of `VERDICTS`. */
export interface VerdictRow {
  n: number;
  tool: string;
  denial: Denial | null;
  version: string | null;
  rules: Rules | null;
}

const DENIAL = toolDenialSql({
  tool: 't',
  granted: grantedSql({ groups: 'k.ids', toolName: 'a.tool' }),
  restricted: 'a.tools IS NOT NULL',
  tools: 'a.tools',
  driftPolicy: 'o.drift_policy',
});

/**
 * Parameters: the organization, the callers and the questions about them (`verdictParameters`). Rules come once for each tool and version.
 * Whether a call has to wait for somebody's approval is another question.
 */
export const VERDICTS = `
WITH caller AS MATERIALIZED (
  SELECT c.c, f.ids, f.ruled FROM json_to_recordset($2::json) AS c(c int, member uuid, groups text[])
  CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(g.id), '{}') AS ids, coalesce(bool_or(g.rules IS NOT NULL), false) AS ruled FROM groups g
    WHERE g.organization_id = $1::uuid AND (g.slug = ANY(c.groups)
      OR g.id IN (SELECT gm.group_id FROM group_members gm WHERE gm.organization_id = $1::uuid AND gm.member_id = c.member))
  ) f
), decided AS (
  SELECT a.n, a.tool, k.ids, k.ruled, ${DENIAL} AS denial
  FROM json_to_recordset($3::json) AS a(n int, c int, tool text, tools text[])
  JOIN caller k ON k.c = a.c
  JOIN organizations o ON o.id = $1::uuid
  LEFT JOIN tools t ON t.organization_id = o.id AND t.name = a.tool
), ruled AS (
  SELECT d.n, d.tool, d.denial, r.rules, md5(r.rules::text) AS version FROM decided d
  LEFT JOIN LATERAL (
    SELECT CASE WHEN NOT bool_or(g.rules IS NULL) THEN
      jsonb_agg(jsonb_build_object('slug', g.slug, 'name', g.name, 'rules', g.rules) ORDER BY g.slug) END AS rules
    FROM group_tools gt JOIN groups g ON g.id = gt.group_id
    WHERE d.ruled AND d.denial IS NULL AND gt.group_id = ANY(d.ids) AND gt.tool_name = d.tool
  ) r ON true
), firsts AS (
  SELECT *, row_number() OVER (PARTITION BY tool, version ORDER BY n) = 1 AS first FROM ruled
)
SELECT n, tool, denial, version, CASE WHEN first AND rules IS NOT NULL THEN json_build_object('groups', rules, 'inputSchema',
  (SELECT t.definition -> 'inputSchema' FROM tools t WHERE t.organization_id = $1::uuid AND t.name = tool)) END AS rules
FROM firsts ORDER BY n`;

/** The statement's parameters for questions of an organization. */
export function verdictParameters(
  organizationId: string,
  questions: readonly Question[],
): [organizationId: string, callers: string, questions: string] {
  const callers = new Map<string, { c: number } & ({ member: string } | { groups: readonly string[] })>();
  const asked = questions.map(({ caller, tool, tools }, n) => {
    const key = JSON.stringify(caller);
    let known = callers.get(key);
    if (!known) callers.set(key, (known = { c: callers.size, ...caller }));
    return { n, c: known.c, tool, tools };
  });
  return [organizationId, JSON.stringify([...callers.values()]), JSON.stringify(asked)];
}

/** The verdicts in the order of the questions. */
export function verdictsOf(rows: readonly VerdictRow[]): Verdict[] {
  const key = ({ tool, version }: VerdictRow) => `${tool} ${version}`;
  const rules = new Map(rows.flatMap((row) => (row.rules ? [[key(row), row.rules] as const] : [])));
  return rows.map((row) => ({
    ...{ denial: row.denial, version: row.version },
    rules: row.version === null ? null : (rules.get(key(row)) ?? null),
  }));
}

/** What a verdict says of one call. `unknown`: only Asana could tell where the things lie that the arguments name. */
export type Judged =
  | { decision: 'allow' }
  | { decision: 'deny'; reason: Denial; sentence: string }
  | { decision: 'unknown'; sentence: string };

/** A call with these arguments. */
export function judgeCall({ denial, rules }: Verdict, tool: string, given: ArgumentJson): Judged {
  if (denial !== null) return { decision: 'deny', reason: denial, sentence: DENIALS[denial] };
  if (rules === null) return { decision: 'allow' };
  const call = { tool, arguments: given, inputSchema: rules.inputSchema };
  const judged = judgeArguments(rules.groups, call, new Map());
  if ('passed' in judged) return { decision: 'allow' };
  if ('refusals' in judged)
    return {
      ...{ decision: 'deny', reason: 'argument_rule' },
      sentence: judged.refusals.map(({ group, text }) => `${group.name}: ${text}.`).join(' '),
    };
  const named = judged.needs.map(({ kind, gid }) => (kind === 'me' ? 'the person' : `${kind} ${gid}`));
  return {
    decision: 'unknown',
    sentence: `Only Asana could say where ${named.slice(0, 3).join(', ')} ${named.length > 1 ? 'are' : 'is'}.`,
  };
}

/** Plain JSON as the rules read it: objects are Maps, and a number that JavaScript can't hold exactly is no number. */
export function argumentJson(value: unknown): ArgumentJson {
  if (Array.isArray(value)) return value.map(argumentJson);
  if (typeof value === 'object' && value !== null)
    return new Map(Object.entries(value).map(([key, entry]) => [key, argumentJson(entry)]));
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value))
    return { text: String(value) };
  return value as null | boolean | number | string;
}
