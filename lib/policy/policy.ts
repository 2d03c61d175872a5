// The rule: which methods and tools a caller may use. Pure; admission, the portal and every explanation take it from here.

export type Era = 'legacy' | 'modern';

const BOTH: readonly Era[] = ['legacy', 'modern'];
const LEGACY: readonly Era[] = ['legacy'];
const MODERN: readonly Era[] = ['modern'];

/** What an agent's answer to a question of Asana's is called on record. */
export const CLIENT_ANSWER = 'client/answer';

/** Methods every caller may use, and in which era; anything else is refused unless one of the caller's groups lists its family. */
const OPEN_METHODS: ReadonlyMap<string, readonly Era[]> = new Map([
  ['initialize', LEGACY],
  ['ping', LEGACY],
  ['server/discover', MODERN],
  ['subscriptions/listen', MODERN],
  ['tools/list', BOTH],
  ['tools/call', BOTH],
  ['notifications/initialized', LEGACY],
  ['notifications/cancelled', LEGACY],
]);

/** Families of methods a group may open (CONTRACT: `methods`). Each is a set of exact names: an unknown name is in none. */
const FAMILIES: ReadonlyMap<string, readonly [MethodFamily, readonly Era[]]> = new Map<
  string,
  readonly [MethodFamily, readonly Era[]]
>([
  ['resources/list', ['resources', BOTH]],
  ['resources/read', ['resources', BOTH]],
  ['resources/templates/list', ['resources', BOTH]],
  ['resources/subscribe', ['resources', LEGACY]],
  ['resources/unsubscribe', ['resources', LEGACY]],
  ['prompts/list', ['prompts', BOTH]],
  ['prompts/get', ['prompts', BOTH]],
  ['completion/complete', ['completion', BOTH]],
  ['logging/setLevel', ['logging', LEGACY]],
  ['notifications/roots/list_changed', ['client_requests', LEGACY]],
  // No method of the protocol: the answer of a client to a question of the server, which has none.
  [CLIENT_ANSWER, ['client_requests', LEGACY]],
]);

export const METHOD_FAMILIES = ['resources', 'prompts', 'completion', 'logging', 'client_requests'] as const;
export type MethodFamily = (typeof METHOD_FAMILIES)[number];

/**
 * Whether a method is open to all, open to groups that list its family, or to nobody. Exact bytes only (PB-06, PB-07). Without an era:
 * in either of them, which is all that a record of a call tells.
 */
export function methodAccess(method: string, era?: Era): 'open' | 'closed' | MethodFamily {
  const open = OPEN_METHODS.get(method);
  if (open) return era === undefined || open.includes(era) ? 'open' : 'closed';
  const [family, eras] = FAMILIES.get(method) ?? [];
  return family !== undefined && (era === undefined || eras!.includes(era)) ? family : 'closed';
}

/**
 * Why a call was denied, as the audit keeps it. What the agent hears is vaguer: an unknown tool and a hidden one sound alike.
 */
export const DENIALS = {
  malformed: 'The message was not one valid JSON-RPC message.',
  method_not_allowed: 'None of the person\u2019s groups opens this method.',
  unknown_tool: 'The catalogue has no such tool.',
  not_in_group: 'None of the person\u2019s groups has this tool.',
  token_restriction: 'The agent token is narrowed to other tools.',
  not_reviewed: 'The tool is new or changed, and no admin has reviewed it yet.',
  missing: 'Asana no longer lists this tool.',
  blocked: 'An admin blocked this tool for everybody.',
  argument_rule: 'A rule on arguments of every group that grants the tool refused what the call asked for.',
  approval_required: 'Every group that grants the tool lets such a call wait until a person approves it.',
  duplicate_write:
    'The agent had made the very same call a moment before; it was answered from the first and not sent again.',
  write_budget:
    'The agent had spent its budget of writes for the day, so that it may only read until the day ends or an admin lifts it.',
  delete_budget:
    'The agent had spent its budget of changes and deletions for the day, so that it may only read until the day ends or an admin lifts it.',
  organization_stopped: 'An admin stopped all agents of the organization.',
  rate_limited: 'A limit of calls a minute was reached.',
  asana_rate_limited: 'Asana had asked for quiet on this connection, and its time was not over.',
} as const;
export type Denial = keyof typeof DENIALS;

/**
 * The tool rule as SQL, so that admission decides and records in one statement: a `CASE` that is null where the tool is allowed,
 * else the `Denial`. `tool` is a row of `tools` (or null columns for a name the catalogue lacks), `granted` a boolean SQL
 * expression, `restricted` and `tools` those of the bearer, `driftPolicy` the organization's.
 *
 * Effective set (CONTRACT) = union of the member's groups ∩ the token's own list ∩ reviewed ∩ not blocked. With the drift policy
 * `warn` a changed tool stays; a new one is closed all the same.
 */
export function toolDenialSql(at: {
  tool: string;
  granted: string;
  restricted: string;
  tools: string;
  driftPolicy: string;
}): string {
  return `CASE
    WHEN ${at.tool}.name IS NULL THEN 'unknown_tool'
    WHEN ${at.tool}.blocked THEN 'blocked'
    WHEN ${at.tool}.status = 'missing' THEN 'missing'
    WHEN NOT (${at.tool}.status = 'reviewed' OR (${at.tool}.status = 'changed' AND ${at.driftPolicy} = 'warn')) THEN 'not_reviewed'
    WHEN NOT (${at.granted}) THEN 'not_in_group'
    WHEN ${at.restricted} AND NOT coalesce(${at.tool}.name = ANY(${at.tools}), false) THEN 'token_restriction'
  END`;
}

/**
 * Whether any of a member's groups grants a tool: `EXISTS …` over the group tables, for SQL expressions of the member and the tool's
 * name. `groups`: an array of the ids of the member's groups, where they are known already.
 */
export function grantedSql(
  at: ({ organizationId: string; memberId: string } | { groups: string }) & { toolName: string },
): string {
  return 'groups' in at
    ? `EXISTS (SELECT 1 FROM group_tools gt WHERE gt.group_id = ANY(${at.groups}) AND gt.tool_name = ${at.toolName})`
    : `EXISTS (SELECT 1 FROM group_members gm JOIN group_tools gt ON gt.group_id = gm.group_id
    WHERE gm.organization_id = ${at.organizationId} AND gm.member_id = ${at.memberId} AND gt.tool_name = ${at.toolName})`;
}

/**
 * Whether a tool's reviewed definition points at a widget, as SQL over a row of `tools`: `resources/read` of a `ui://` resource is
 * open to whoever may use such a tool, without any family (CONTRACT: `methods`). Asana writes the link in two spellings.
 */
export function pointsAtWidgetSql(at: { tool: string; uri: string }): string {
  return `(${at.uri} LIKE 'ui://%' AND ${at.uri} IN (${at.tool}.definition #>> '{_meta,ui,resourceUri}', ${at.tool}.definition #>> '{_meta,ui/resourceUri}'))`;
}
