// Why a call on record was decided so, and how the same call would be decided now.
import { pool } from '../db';
import { RULE_NAMES, type RuleName } from '../policy/argument-rules';
import { DENIALS, methodAccess, type Denial } from '../policy/policy';
import { explainTool, type Explanation } from './explain';

export interface RecordExplanation extends Explanation {
  record: {
    id: string;
    /** RFC 3339. */
    at: string;
    method: string | null;
    decision: 'allow' | 'deny';
    reason: string | null;
    now: 'same' | 'different';
  };
}

interface Row {
  id: string;
  at: string;
  method: string | null;
  tool: string | null;
  decision: 'allow' | 'deny';
  reason: Denial | null;
  /** The rules on arguments that refused it. */
  target: string | null;
  credential_kind: string;
  credential_id: string;
  credential_name: string | null;
  email: string | null;
  member_id: string | null;
  name: string | null;
  /** The member of the record is a member still. */
  is_member: boolean;
  token_id: string | null;
  /** A bearer of the record's credential can still be good: not revoked, expired or blocked. */
  is_live: boolean;
  is_stopped: boolean;
  /** Its agent has spent a budget of today and may only read. */
  is_spent: boolean;
}

const RECORD = `
SELECT r.id, to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, r.method, r.tool, r.decision, r.reason, r.target,
  r.credential_kind, r.credential_id, r.credential_name, r.member_email AS email, m.id AS member_id, m.name,
  m.id IS NOT NULL AS is_member, k.id AS token_id,
  CASE r.credential_kind
    WHEN 'agent_token' THEN k.id IS NOT NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    WHEN 'oauth' THEN EXISTS (SELECT 1 FROM grants g WHERE g.organization_id = $1 AND g.id::text = r.credential_id
      AND g.ended_at IS NULL AND g.expires_at > now()
      AND NOT EXISTS (SELECT 1 FROM client_blocks b WHERE b.organization_id = $1 AND b.client_id = g.client_id))
    ELSE true
  END AS is_live,
  EXISTS (SELECT 1 FROM organizations o WHERE o.id = $1 AND o.stopped_at IS NOT NULL) AS is_stopped,
  EXISTS (SELECT 1 FROM write_budgets w WHERE w.organization_id = $1 AND w.member_id = r.member_id
    AND w.credential_id::text = r.credential_id AND w.trip_id IS NOT NULL AND w.day = (now() AT TIME ZONE 'UTC')::date) AS is_spent
FROM audit_records r
LEFT JOIN members m ON m.organization_id = $1 AND m.id = r.member_id
LEFT JOIN agent_tokens k ON r.credential_kind = 'agent_token' AND k.organization_id = $1 AND k.member_id = m.id
  AND k.id::text = r.credential_id
WHERE r.organization_id = $1 AND r.id = $2 AND r.kind = 'call'`;

/** Explains one call of the organization's audit; null when there is no such record, or it is no call. */
export async function explainRecord(
  organizationId: string,
  recordId: string,
): Promise<RecordExplanation | null> {
  const { rows } = await pool().query<Row>(RECORD, [organizationId, recordId]);
  const row = rows[0];
  if (!row) return null;
  const now = await explainNow(organizationId, row);
  const { sentence, explanation } = now;
  const ruled = row.reason !== null && BEYOND_THE_TOOL.includes(row.reason) ? row.reason : null;
  const isBudget = ruled === 'write_budget' || ruled === 'delete_budget';
  const isRuled =
    ruled !== null && explanation.allowed && (isBudget ? row.is_spent : stillRuled(explanation));
  const same =
    isRuled ||
    (explanation.allowed === (row.decision === 'allow') &&
      (row.decision === 'allow' || explanation.reason === row.reason));
  const then =
    row.decision === 'allow'
      ? 'This call was allowed.'
      : `This call was refused: ${row.reason === null ? 'no reason is on record.' : (DENIALS[row.reason] ?? row.reason)}${row.target === null ? '' : ` ${ruleWords(row.target)}`}`;
  return {
    ...explanation,
    ...(isRuled ? { allowed: false, reason: ruled } : {}),
    sentence: `${then} ${sentence}`,
    record: {
      ...{ id: row.id, at: row.at, method: row.method, decision: row.decision, reason: row.reason },
      now: same ? 'same' : 'different',
    },
  };
}

/** Refusals of calls with tools that the person may use. */
const BEYOND_THE_TOOL: readonly Denial[] = [
  ...(['argument_rule', 'approval_required', 'write_budget', 'delete_budget'] as const),
];

/** `group:sales rule:places`, for people. */
function ruleWords(target: string): string {
  return [...target.matchAll(/group:(\S+) rule:([\w ]+)/g)]
    .map(
      ([, slug, rule]) =>
        `The group ${slug} allows ${RULE_NAMES[rule as RuleName] ?? 'only what could be judged'}.`,
    )
    .join(' ');
}

/** Whether rules on arguments still stand between. What the call asked for is not kept, so that more can't be told. */
function stillRuled({ groups }: Explanation): boolean {
  const granting = groups.filter(({ hasTool }) => hasTool);
  return granting.length > 0 && granting.every(({ rules }) => rules.length > 0);
}

async function explainNow(
  organizationId: string,
  row: Row,
): Promise<{ sentence: string; explanation: Explanation }> {
  const base: Explanation = {
    member: { email: row.email ?? '', name: row.name ?? row.email ?? '' },
    token: row.token_id === null ? null : { id: row.token_id, name: row.credential_name ?? '' },
    ...{ tool: null, toolName: row.tool ?? '', allowed: false, reason: null, sentence: '' },
    ...{ checks: [], groups: [], candidates: [], request: null },
  };
  const says = (sentence: string, verdict: { allowed: boolean; reason?: Denial | null }) => ({
    sentence,
    explanation: { ...base, reason: null, ...verdict },
  });
  if (row.credential_kind === 'system')
    return says('Gatehouse made it itself, through the person\u2019s connection; the policy is for agents.', {
      allowed: true,
    });
  if (!row.is_member)
    return says('The person is no longer a member, so that nothing of theirs is let through now.', {
      allowed: false,
    });
  const aboutTool =
    row.tool !== null && row.method === 'tools/call' && row.reason !== 'malformed'
      ? await explainTool(
          organizationId,
          { memberId: row.member_id!, tokenId: row.token_id, tool: row.tool },
          { isSelf: false },
        )
      : null;
  if (!row.is_live)
    return {
      sentence: 'Its credential has ended since, so that nothing it sends is let through now.',
      explanation: { ...(aboutTool ?? base), allowed: false, reason: null },
    };
  if (aboutTool) {
    const name = aboutTool.sentence;
    return { sentence: `Now: ${name}`, explanation: aboutTool };
  }
  if (row.is_stopped && row.reason !== 'malformed')
    return says(`Now: ${DENIALS.organization_stopped}`, { allowed: false, reason: 'organization_stopped' });
  if (row.reason === 'malformed')
    return says('The same message would be refused again.', { allowed: false, reason: 'malformed' });
  return explainMethod(organizationId, row, says);
}

/** A method other than `tools/call`: open to all, to groups that list its family, or to nobody. */
async function explainMethod<T>(
  organizationId: string,
  row: Row,
  says: (sentence: string, verdict: { allowed: boolean; reason?: Denial | null }) => T,
): Promise<T> {
  const method = row.method ?? '';
  const refused = { allowed: false, reason: 'method_not_allowed' as const };
  // Ending a session (HTTP DELETE) is nobody's to refuse.
  const access = method === 'DELETE' || method === 'GET' ? 'open' : methodAccess(method);
  if (access === 'open') return says(`Now: every agent may use ${method}.`, { allowed: true });
  if (access === 'closed') return says(`Now: no group can open ${method}.`, refused);
  const { rows } = await pool().query<{ name: string }>(
    `SELECT g.name FROM group_members gm JOIN groups g ON g.id = gm.group_id
     WHERE gm.organization_id = $1 AND gm.member_id = $2 AND $3 = ANY(g.methods)
       AND NOT ($3 = 'client_requests' AND EXISTS (SELECT 1 FROM group_members om JOIN groups o ON o.id = om.group_id
         WHERE om.organization_id = $1 AND om.member_id = $2
           AND (o.rules IS NOT NULL OR o.approvals IS NOT NULL OR o.repeat_window_seconds IS NOT NULL)))
     ORDER BY g.name LIMIT 1`,
    [organizationId, row.member_id, access],
  );
  if (rows[0]) return says(`Now: the group \u201c${rows[0].name}\u201d opens ${access}.`, { allowed: true });
  // Which resource was read is not on record; a widget of an allowed tool needs no family.
  if (method === 'resources/read' && row.decision === 'allow')
    return says('It read a widget that one of the person\u2019s tools points at.', { allowed: true });
  return says(`Now: none of the person\u2019s groups opens ${access}.`, refused);
}
