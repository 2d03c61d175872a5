// The one statement of admission: bearers, policy, limits and audit records of a batch of calls. It reads top to bottom: who calls,
// what is decided, what is counted, what is recorded.
import { resourceUrl } from '../env';
import { mayDecideSql } from '../approvals/who-decides';
import { connectionLimitsSql, isSearchSql } from '../policy/limits';
import { grantedSql, pointsAtWidgetSql, toolDenialSql, type Denial } from '../policy/policy';
import type { AdmissionRequest, LimitName, PendingRules } from './admit';

/** The tool rule about a row of `tools` under this alias, for the bearer `b`. */
const denialOf = (tool: string, toolName: string) =>
  toolDenialSql({
    tool,
    granted: grantedSql({ groups: 'b.groups', toolName }),
    restricted: 'b.restricted',
    tools: 'b.tools',
    driftPolicy: 'b.drift_policy',
  });
const LIMITS = connectionLimitsSql('o');

/** Whether Asana may ask nothing in the middle of a call: an answer could say what rules refuse, and would be a repeat of its own call. */
const UNASKED = `(b.ruled OR b.repeat_window IS NOT NULL)`;

/**
 * What only other methods than `tools/call` ask. Under rules on arguments Asana may ask an agent nothing: an answer in the middle of a call
 * could say what the call's arguments may not. PostgreSQL sets up every part of a statement each time, also those that no call needs. */
const FAMILY = `
      WHEN b.family IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM groups g WHERE g.id = ANY(b.groups) AND b.family = ANY(g.methods) AND NOT (${UNASKED} AND b.family = 'client_requests')
      ) AND NOT (b.method = 'resources/read' AND EXISTS (
        SELECT 1 FROM tools tw WHERE tw.organization_id = b.organization_id
          AND ${pointsAtWidgetSql({ tool: 'tw', uri: 'b.uri' })} AND ${denialOf('tw', 'tw.name')} IS NULL
      )) THEN 'method_not_allowed'`;
const FAMILIES = `CASE WHEN b.modern OR b.method = 'initialize' THEN ARRAY(
      SELECT DISTINCT m FROM groups g, unnest(g.methods) m WHERE g.id = ANY(b.groups) AND NOT (${UNASKED} AND m = 'client_requests')
    ) END`;
const PARAM_HEADERS = `CASE WHEN b.modern AND b.method = 'tools/call'
      AND json_typeof(tl.definition #> '{inputSchema,properties}') = 'object' THEN (
      SELECT json_object_agg(p.key, p.value ->> 'x-mcp-header') FROM json_each(tl.definition #> '{inputSchema,properties}') p
      WHERE json_typeof(p.value -> 'x-mcp-header') = 'string'
    ) END`;
/** Each name behind the fingerprint that its definition must have; with the drift policy `warn` any will do. */
const VISIBLE = `CASE WHEN b.method = 'tools/list' AND b.given_denial IS NULL THEN to_json(ARRAY(
      SELECT CASE WHEN b.drift_policy = 'warn' THEN '*' ELSE coalesce(tv.definition_hash, '') END || ' ' || tv.name FROM tools tv
      WHERE tv.organization_id = b.organization_id AND ${denialOf('tv', 'tv.name')} IS NULL
      ORDER BY tv.position, tv.name
    )) END`;

/** The rules under which a tool is granted, through this connection; null where nothing is restricted. Asked of nobody without any. */
const RULES = `CASE WHEN d.ruled AND d.denial IS NULL AND d.method = 'tools/call'
      THEN argument_rules(d.groups, d.organization_id, d.tool, c.id || ' ' || c.status) END`;

/** For how long what was there before such a call is kept (migration 0017); null: it is not. Asked of nobody without such a group. */
const UNDO_DAYS = `CASE WHEN d.keeps_before AND d.denial IS NULL AND d.method = 'tools/call' THEN undo_days(d.groups, d.tool) END`;

/** A verdict counts only for the rules that were asked. Calls that bring one are never in a batch of plain calls. */
const REFUSAL = `
      WHEN c.rule IS NOT NULL AND c.judged_as = c.rules->>'version' THEN 'argument_rule'`;
const UNJUDGED = `c.rules IS NOT NULL AND c.judged_as IS DISTINCT FROM c.rules->>'version'`;

/** With the record, the arguments of a call, where its organization keeps them. */
const KEPT = `, kept AS (
  INSERT INTO audit_arguments (call_id, organization_id, bytes, sealed)
  SELECT call_id, organization_id, bytes, sealed FROM judged
  WHERE keeps AND sealed IS NOT NULL AND call_id IS NOT NULL AND NOT expired AND (verdict IS NOT NULL OR NOT (unjudged OR unguarded))
)`;

/**
 * What a batch asks in which a call must have been approved: an approval is used up in the statement that records its call as allowed, so in no
 * two of them, whichever process they come from; and only for the very arguments, policy, definition and connection that were shown. Locked in
 * the order of their ids, so that two batches never wait in a circle. A call that has used one up and is judged again still has it.
 */
const CLAIM = {
  input: `, $16::boolean[], $17::uuid[]`,
  columns: `waits, claimed_by, `,
  bearer: ` i.waits, i.claimed_by,`,
  claimable: `, claimable AS MATERIALIZED (
  SELECT c.n, c.call_id, a.id FROM connected c JOIN approvals a ON a.organization_id = c.organization_id AND a.member_id = c.member_id
    AND a.credential_id = c.token_id AND a.connection_id = c.connection_id AND a.tool_name = c.tool
    AND a.arguments_hash = c.arguments_hash AND a.judged_as = c.judged_as
  WHERE c.waits AND c.call_id IS NOT NULL AND NOT c.expired AND NOT c.unsealed AND c.denial IS NULL AND c.throttled_ms IS NULL
    AND c.judged_as = c.rules->>'version' AND a.state = 'approved' AND a.expires_at > now()
    AND ${mayDecideSql('a', 'a.decided_by_id')}
  ORDER BY a.id FOR UPDATE OF a
)`,
  claimed: (unrefused: string) => `, claimed AS (
  UPDATE approvals a SET state = 'used', used_at = now(), used_by = l.call_id, sealed = NULL
  FROM claimable l WHERE a.id = l.id AND a.state = 'approved'${unrefused}
  RETURNING a.id, a.used_by
)`,
  refusal: `
      WHEN c.waits AND c.judged_as = c.rules->>'version' AND p.id IS NULL AND NOT EXISTS (
        SELECT FROM approvals u WHERE u.organization_id = c.organization_id AND u.credential_id = c.token_id
          AND u.arguments_hash = c.arguments_hash AND u.judged_as = c.judged_as AND u.used_by = c.claimed_by
      ) THEN 'approval_required'`,
  join: ` LEFT JOIN claimed p ON p.used_by = c.call_id`,
  target: ` WHEN approval_id IS NOT NULL THEN 'approval:' || approval_id`,
  approval: `, p.id AS approval_id`,
};
const NO_CLAIM = {
  ...{ input: '', columns: '', bearer: '', claimable: '', claimed: () => '', refusal: '', join: '' },
  ...{ target: '', approval: '' },
} satisfies typeof CLAIM;

/** A write of somebody in a group with budgets, or with a window for repeats, that could be sent; any tool but one that was reviewed as reading. */
const GUARDED = `d.method = 'tools/call' AND NOT d.reads AND d.denial IS NULL AND d.call_id IS NOT NULL AND c.status = 'active'
      AND (d.writes_per_day IS NOT NULL OR d.deletes_per_day IS NOT NULL OR d.repeat_window IS NOT NULL)`;

/**
 * What a batch asks in which a write has a budget, or a window in which its repeats are not sent (`guard_writes`, migration 0016): counted and
 * claimed in the statement that records the call, after all that refuses it for another reason. A call that needs an approval uses neither
 * without one, and no approval where a budget refuses it. What is judged again (no record) was counted and claimed with its record.
 *
 * All grants of a person to one client are one agent: who authorizes again begins no new day.
 */
const GUARD = {
  input: `, $18::boolean[], $19::uuid[]`,
  columns: `guarded, event_id, `,
  bearer: ` i.guarded, i.event_id, t.agent_id,`,
  tokenAgent: `, a.id AS agent_id`,
  grantAgent: `, md5(g.member_id::text || g.client_id)::uuid`,
  isDelete: ` coalesce(tl.class = 'destructive', false) AS deletes,`,
  uncounted: ` AND NOT guarded`,
  ungiven: ` AND NOT c.guarded`,
  chosen: `, chosen AS MATERIALIZED (
  SELECT DISTINCT ON (id) n, call_id, id FROM claimable ORDER BY id, n
), guarding AS MATERIALIZED (
  SELECT g.n, g.reason, g.budget, g.repeat_of, g.claims FROM (
    SELECT json_agg(json_build_object('n', c.n, 'call_id', c.call_id, 'event_id', c.event_id, 'organization_id', c.organization_id,
      'member_id', c.member_id, 'member_email', c.email, 'agent_id', c.agent_id, 'credential_kind', c.token_kind,
      'credential_id', c.token_id, 'credential_name', c.token_name, 'connection_id', c.connection_id, 'tool', c.tool,
      'arguments_hash', c.arguments_hash, 'deletes', c.deletes, 'writes_per_day', c.writes_per_day,
      'deletes_per_day', c.deletes_per_day, 'repeat_window', c.repeat_window,
      'goes', p.n IS NOT NULL OR NOT (c.waits AND c.rules IS NOT NULL))) AS asking
    FROM connected c LEFT JOIN limited l ON l.n = c.n LEFT JOIN chosen p ON p.n = c.n
    WHERE c.guarded AND c.is_guarded AND NOT c.expired AND NOT c.unsealed AND c.throttled_ms IS NULL AND l.n IS NULL
      AND (c.rules IS NULL OR (c.judged_as = c.rules->>'version' AND c.rule IS NULL))
  ) e, LATERAL guard_writes(e.asking) g
)`,
  unrefused: ` AND EXISTS (SELECT FROM chosen p LEFT JOIN guarding g ON g.n = p.n WHERE p.n = l.n AND g.reason IS NULL)`,
  refusal: `
      WHEN g.reason IS NOT NULL THEN g.reason`,
  join: ` LEFT JOIN guarding g ON g.n = c.n`,
  target: ` WHEN repeat_of IS NOT NULL THEN 'call:' || repeat_of`,
  found: `, g.budget, g.repeat_of, coalesce(g.claims, false) AS claims`,
  output: `, budget, repeat_of, claims`,
};
const NO_GUARD = {
  ...{ input: '', columns: '', bearer: '', tokenAgent: '', grantAgent: '', isDelete: '', uncounted: '' },
  ...{ ungiven: '', chosen: '', unrefused: '', refusal: '', join: '', target: '' },
  ...{ found: '', output: '' },
} satisfies typeof GUARD;

/** For a batch of tool calls of the legacy era and nothing else. Parameters: those of `statementFor`. */
export const ADMIT_CALLS_SQL = admissionSql(null);
const EVERY_PART = {
  family: FAMILY,
  families: FAMILIES,
  visible: VISIBLE,
  paramHeaders: PARAM_HEADERS,
  refusal: REFUSAL,
  unjudged: UNJUDGED,
};
/** For any batch in which no call waits for an approval. */
export const ADMIT_ANY_SQL = admissionSql(EVERY_PART);
/** For any batch in which no write has a budget or a window. */
export const ADMIT_APPROVED_SQL = admissionSql(EVERY_PART, CLAIM);
/** For any batch. */
export const ADMIT_GUARDED_SQL = admissionSql(EVERY_PART, CLAIM, GUARD);

function admissionSql(
  parts: {
    family: string;
    families: string;
    visible: string;
    paramHeaders: string;
    refusal: string;
    unjudged: string;
  } | null,
  claim: typeof CLAIM = NO_CLAIM,
  guard: typeof GUARD = NO_GUARD,
): string {
  return `
WITH input AS (
  SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $10::text[]${parts ? ', $11::boolean[], $12::text[], $13::text[], $14::text[], $15::int[]' : ''}${claim.input}${guard.input}) WITH ORDINALITY
    AS i(call_id, hash, method, tool, family, denial, arguments_hash, client, uri, ${parts ? 'modern, judged_as, rule, sealed, bytes, ' : ''}${claim.columns}${guard.columns}n)
), credential AS (
  SELECT i.n, 'agent_token' AS kind, a.id, a.name, a.connection_id, a.tools, a.restricted,
    coalesce(a.expires_at <= now(), false) AS expired, a.organization_id, a.member_id, a.calls_per_minute${guard.tokenAgent}
  FROM input i JOIN agent_tokens a ON a.token_hash = i.hash
  UNION ALL
  SELECT i.n, 'oauth', g.id, g.client_name, g.connection_id, '{}'::text[], false,
    least(ot.expires_at, g.expires_at) <= now(), g.organization_id, g.member_id, NULL${guard.grantAgent}
  FROM input i
  JOIN oauth_tokens ot ON ot.hash = i.hash AND ot.kind = 'access' AND ot.resource = $9
  JOIN grants g ON g.organization_id = ot.organization_id AND g.id = ot.grant_id AND g.ended_at IS NULL
  WHERE NOT EXISTS (
    SELECT 1 FROM client_blocks cb WHERE cb.organization_id = g.organization_id AND cb.client_id = g.client_id)
), bearer AS (
  SELECT i.n, i.call_id, i.method, i.tool, i.family, i.denial AS given_denial, i.arguments_hash, i.client,
    t.kind AS token_kind, t.id AS token_id, t.name AS token_name, t.connection_id AS bound_to, t.tools, t.restricted, t.expired,
    m.id AS member_id, m.email, o.id AS organization_id, o.drift_policy, o.stopped_at IS NOT NULL AS stopped, i.uri,${parts ? ' i.modern, i.judged_as, i.rule, i.sealed, i.bytes,' : ''}${claim.bearer}${guard.bearer}
    o.keep_arguments_since IS NOT NULL AND i.arguments_hash IS NOT NULL AND i.call_id IS NOT NULL${parts ? ' AND i.sealed IS NULL' : ''} AS unsealed,${parts ? ' o.keep_arguments_since IS NOT NULL AS keeps,' : ''}
    f.groups, f.ruled, f.keeps_before, f.writes_per_day, f.deletes_per_day, f.repeat_window, f.policy_version, f.limited_groups, f.group_limits, t.calls_per_minute AS token_limit, m.calls_per_minute AS member_limit, ${LIMITS.connection} AS connection_limit, ${LIMITS.search} AS search_limit
  FROM input i
  JOIN credential t ON t.n = i.n
  JOIN members m ON m.organization_id = t.organization_id AND m.id = t.member_id
  JOIN organizations o ON o.id = t.organization_id
  CROSS JOIN LATERAL (
    SELECT array_agg(g.id) AS groups, bool_or(g.rules IS NOT NULL OR g.approvals IS NOT NULL) AS ruled, bool_or(g.undo_days IS NOT NULL) AS keeps_before,
      min(g.writes_per_day) AS writes_per_day, min(g.deletes_per_day) AS deletes_per_day, max(g.repeat_window_seconds) AS repeat_window, string_agg(g.slug || '@' || g.version, ',' ORDER BY g.slug) AS policy_version,
      array_agg(g.id) FILTER (WHERE g.calls_per_minute IS NOT NULL) AS limited_groups,
      array_agg(g.calls_per_minute) FILTER (WHERE g.calls_per_minute IS NOT NULL) AS group_limits
    FROM group_members gm JOIN groups g ON g.id = gm.group_id
    WHERE gm.organization_id = t.organization_id AND gm.member_id = t.member_id
  ) f
), decided AS (
  SELECT b.*,
    CASE
      WHEN b.stopped AND b.given_denial IS DISTINCT FROM 'malformed' THEN 'organization_stopped'
      WHEN b.given_denial IS NOT NULL THEN b.given_denial${parts?.family ?? ''}
      WHEN b.method = 'tools/call' THEN ${denialOf('tl', 'b.tool')}
    END AS denial,
    b.method <> 'tools/call' OR (tl.class = 'read' AND tl.status = 'reviewed') AS reads,${guard.isDelete}
    ${parts?.families ?? 'NULL::text[]'} AS families,
    ${parts?.visible ?? 'NULL::json'} AS visible,
    ${parts?.paramHeaders ?? 'NULL::json'} AS param_headers,
    (SELECT count(*)::int FROM connections ca
      WHERE ca.organization_id = b.organization_id AND ca.member_id = b.member_id AND ca.status = 'active') AS active_connections
  FROM bearer b
  LEFT JOIN tools tl ON tl.organization_id = b.organization_id AND tl.name = b.tool
), connected AS (
  SELECT d.*, c.id AS connection_id, c.status AS connection_status, c.workspace_gid, c.access_token, c.access_expires_at, c.generation,
    CASE WHEN d.denial IS NULL AND d.method NOT IN ('ping', 'subscriptions/listen') AND c.status = 'active' AND c.throttled_until > now()
      THEN ceil(extract(epoch FROM c.throttled_until - now()) * 1000)::int END AS throttled_ms,
    ${RULES} AS rules,
    ${UNDO_DAYS} AS undo_days,
    coalesce(${GUARDED}, false) AS is_guarded
  FROM decided d
  LEFT JOIN connections c ON c.organization_id = d.organization_id AND c.member_id = d.member_id
    AND CASE WHEN d.bound_to IS NOT NULL THEN c.id = d.bound_to ELSE c.status = 'active' AND d.active_connections = 1 END
), counted AS (
  SELECT * FROM connected WHERE call_id IS NOT NULL AND NOT expired AND denial IS NULL AND throttled_ms IS NULL${parts ? ' AND judged_as IS NULL' : ''}${guard.uncounted} AND NOT unsealed
), counters AS (
  SELECT n, organization_id, 'token' AS kind, token_id AS id, token_limit AS most FROM counted WHERE token_limit IS NOT NULL
  UNION ALL SELECT n, organization_id, 'member', member_id, member_limit FROM counted WHERE member_limit IS NOT NULL
  UNION ALL SELECT k.n, k.organization_id, 'group', g.id, g.most FROM counted k, unnest(k.limited_groups, k.group_limits) AS g(id, most)
  UNION ALL SELECT n, organization_id, 'search', connection_id, search_limit FROM counted
    WHERE connection_status = 'active' AND method = 'tools/call' AND ${isSearchSql('tool')}
  UNION ALL SELECT n, organization_id, 'connection', connection_id, connection_limit FROM counted
    WHERE connection_status = 'active'
), limited AS MATERIALIZED (
  SELECT l.call AS n, l.refused_by, l.wait_ms FROM (
    SELECT array_agg(n::int) AS calls, array_agg(organization_id) AS organizations, array_agg(kind) AS kinds,
      array_agg(id) AS ids, array_agg(most) AS limits FROM counters
  ) e, LATERAL take_calls(e.calls, e.organizations, e.kinds, e.ids, e.limits) l
)${claim.claimable}${guard.chosen}${claim.claimed(guard.unrefused)}, judged AS (
  SELECT c.*, CASE WHEN c.throttled_ms IS NOT NULL THEN 'asana' ELSE l.refused_by END AS refused_by,
    coalesce(c.throttled_ms, l.wait_ms) AS wait_ms,
    coalesce(c.denial, CASE WHEN c.throttled_ms IS NOT NULL THEN 'asana_rate_limited' WHEN l.n IS NOT NULL THEN 'rate_limited'${parts?.refusal ?? ''}${guard.refusal}${claim.refusal} END) AS verdict,
    ${parts?.unjudged ?? 'c.rules IS NOT NULL'} AS unjudged, c.is_guarded${guard.ungiven} AS unguarded${claim.approval}${guard.found}
  FROM connected c LEFT JOIN limited l ON l.n = c.n${claim.join}${guard.join}
), recorded AS (
  INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id, credential_name,
    client, connection_id, workspace_gid, method, tool, arguments_hash, decision, reason, policy_version${parts ? ', target' : ''})
  SELECT call_id, organization_id, 'call', member_id, email, token_kind, token_id, token_name, client, connection_id,
    workspace_gid, method, tool, arguments_hash, CASE WHEN verdict IS NULL THEN 'allow' ELSE 'deny' END, verdict, policy_version${parts ? `, CASE WHEN verdict = 'argument_rule' THEN rule${guard.target}${claim.target} END` : ''}
  FROM judged WHERE call_id IS NOT NULL AND NOT expired AND (verdict IS NOT NULL OR NOT (unjudged OR unguarded)) AND NOT unsealed
)${parts ? KEPT : ''}
SELECT n::int, expired, organization_id, member_id, email, token_id, verdict AS denial, refused_by, wait_ms, reads, families, visible, param_headers,
  active_connections, connection_id, connection_status, workspace_gid, access_token, access_expires_at, generation,
  CASE WHEN unjudged AND verdict IS NULL THEN rules END AS rules, unsealed AND NOT expired AS unsealed, undo_days,
  unguarded AND verdict IS NULL AS unguarded${guard.output}
FROM judged`;
}

/** What the statement answers for one call; `n` counts from one. No row: the bearer is nobody's. */
export interface AdmissionRow {
  n: number;
  expired: boolean;
  organization_id: string;
  member_id: string;
  email: string;
  token_id: string;
  denial: Denial | null;
  refused_by: LimitName | null;
  wait_ms: number;
  reads: boolean | null;
  families: string[] | null;
  /** `fingerprint name`. */
  visible: string[] | null;
  param_headers: Record<string, string> | null;
  active_connections: number;
  connection_id: string | null;
  connection_status: 'active' | 'needs_reconnect';
  workspace_gid: string | null;
  access_token: string;
  access_expires_at: Date;
  generation: number;
  rules: PendingRules | null;
  /** Nothing is on record yet: the organization keeps arguments, and they came without. */
  unsealed: boolean;
  undo_days: number | null;
  /** Nothing is on record yet: it is a write with a budget or a window, and was not asked as one. */
  unguarded: boolean;
  /** Asked as one: the budget that refused it; the call that it repeats; whether its own repeats are not sent. */
  budget?: number | null;
  repeat_of?: string | null;
  claims?: boolean;
}

/** The statement for a batch, with its parameters: one array for each field of the requests, and our resource. */
export function statementFor(requests: AdmissionRequest[]): {
  name: string;
  text: string;
  values: unknown[];
} {
  const values = [
    requests.map((request) => request.callId),
    requests.map((request) => request.bearerHash),
    requests.map((request) => request.method),
    requests.map((request) => request.tool),
    requests.map((request) => request.family),
    requests.map((request) => request.denial),
    requests.map((request) => request.argumentsHash),
    requests.map((request) => request.client),
    resourceUrl(),
    requests.map((request) => request.uri),
  ];
  // A plan for each: what only the other methods and the modern era need would cost every batch of plain calls.
  if (
    requests.every(
      ({ method, era, judged, kept, guarded }) =>
        method === 'tools/call' && era === 'legacy' && !judged && !kept && !guarded,
    )
  )
    return { name: 'admit-calls', text: ADMIT_CALLS_SQL, values };
  const modern = requests.map(({ era }) => era === 'modern');
  const waits = requests.map((request) => request.judged?.waits ?? false);
  const judged = requests.map((request) => request.judged?.as ?? null);
  const rules = requests.map((request) => request.judged?.rule ?? null);
  const sealed = requests.map((request) => request.kept?.sealed ?? null);
  const bytes = requests.map((request) => request.kept?.bytes ?? null);
  const any = [...values, modern, judged, rules, sealed, bytes];
  const guarded = requests.map((request) => request.guarded !== undefined);
  if (!waits.includes(true) && !guarded.includes(true))
    return { name: 'admit-any', text: ADMIT_ANY_SQL, values: any };
  const approved = [...any, waits, requests.map((request) => request.claimedBy ?? null)];
  if (!guarded.includes(true)) return { name: 'admit-approved', text: ADMIT_APPROVED_SQL, values: approved };
  const events = requests.map((request) => request.guarded?.eventId ?? null);
  return { name: 'admit-guarded', text: ADMIT_GUARDED_SQL, values: [...approved, guarded, events] };
}
