// A replay: audited calls judged by the policy as it is and as a draft would make it. The statements that gather the calls, and the count of
// what is decided otherwise. Pure.
import type { Denial } from './policy';
import type { Verdict } from './verdicts';

/**
 * Reasons for which a call was refused that say nothing of who may use what: it may well have been allowed. A call that had to wait for
 * somebody's approval was one that the policy lets through.
 */
const BESIDE_THE_POLICY = [
  ...['malformed', 'organization_stopped', 'rate_limited', 'asana_rate_limited'],
  ...['duplicate_write', 'write_budget', 'delete_budget'],
];

// A credential that is gone leaves no list of its own behind; a call that its list refused is refused again.
const CALLS = `FROM audit_records r
  WHERE r.organization_id = $1::uuid AND r.at >= $2::timestamptz AND r.kind = 'call' AND r.method = 'tools/call' AND r.tool IS NOT NULL
    AND r.credential_kind IN ('agent_token', 'oauth')
    AND (r.reason IS NULL OR r.reason NOT IN (${BESIDE_THE_POLICY.map((reason) => `'${reason}'`).join(', ')}))`;

/** Agents' calls since a moment, by member, credential and tool. Parameters: organization, moment. */
export const CALLS_MADE = `
SELECT c.*, m.email, m.name, coalesce(k.restricted, c.narrowed) AS restricted, CASE WHEN k.restricted THEN k.tools END AS tools
FROM (
  SELECT r.member_id AS member, r.credential_id AS credential, r.tool, coalesce(r.reason = 'token_restriction', false) AS narrowed,
    count(*)::int AS calls, max(r.at) AS last_at
  ${CALLS} GROUP BY 1, 2, 3, 4
) c
JOIN members m ON m.organization_id = $1::uuid AND m.id = c.member
LEFT JOIN agent_tokens k ON k.organization_id = $1::uuid AND k.id::text = c.credential
ORDER BY m.email, c.tool, c.credential, c.narrowed`;

export interface CallsMade {
  member: string;
  credential: string;
  tool: string;
  narrowed: boolean;
  calls: number;
  last_at: Date;
  email: string;
  name: string;
  restricted: boolean;
  tools: string[] | null;
}

/** The newest calls of some of these, one by one, with what was kept of their arguments. Parameters: also the `n` of each (JSON), how many. */
export const CALLS_ONE_BY_ONE = `
SELECT w.n, r.id, a.sealed, a.bytes FROM json_to_recordset($3::json) AS w(n int, member uuid, credential text, tool text, narrowed boolean)
CROSS JOIN LATERAL (
  SELECT r.id, r.at ${CALLS} AND r.member_id = w.member AND r.credential_id = w.credential AND r.tool = w.tool
    AND coalesce(r.reason = 'token_restriction', false) = w.narrowed
) r
LEFT JOIN audit_arguments a ON a.organization_id = $1::uuid AND a.call_id = r.id
ORDER BY r.at DESC LIMIT $4`;

/** Calls of one person with one tool that the draft decides otherwise. */
export interface ReplayLine {
  member: { email: string; name: string };
  tool: string;
  calls: number;
  /** ISO 8601. */
  lastAt: string;
  /** Why it is refused: under the draft, or now where the draft lets it through. */
  reason: Denial;
}

export interface ReplaySide {
  calls: number;
  people: number;
  /** The first of them by calls. */
  lines: ReplayLine[];
}

export interface Replay {
  /** All calls that were looked at, and those whose verdict depends on arguments that nobody kept or that only Asana could place. */
  calls: number;
  unjudged: { calls: number; people: number };
  refused: ReplaySide;
  allowed: ReplaySide;
}

/** What one policy says of some calls: a reason to refuse, null to let through, undefined where it can't be told. */
export type Decision = Denial | null | undefined;

/** Some calls of a line with what is decided now and by the draft. */
export interface Judgement {
  made: CallsMade;
  calls: number;
  now: Decision;
  draft: Decision;
}

/** Whether the arguments of the calls have to be read to know what changes for them. */
export function needsArguments(now: Verdict, draft: Verdict): boolean {
  if (now.rules === null && draft.rules === null) return false;
  return now.version !== draft.version || now.denial !== draft.denial;
}

const MOST_LINES = 200;

/** The count. */
export function tally(judgements: readonly Judgement[]): Replay {
  const unjudged = judgements.filter(({ now, draft }) => now === undefined || draft === undefined);
  const told = judgements.filter(({ now, draft }) => now !== undefined && draft !== undefined);
  const side = (some: readonly Judgement[], reasonOf: (one: Judgement) => Decision): ReplaySide => {
    const lines = new Map<string, ReplayLine>();
    for (const one of some) {
      const { email, name, tool, last_at } = one.made;
      const reason = reasonOf(one) as Denial;
      const key = JSON.stringify([email, tool, reason]);
      const line = lines.get(key);
      const lastAt = last_at.toISOString();
      if (!line) lines.set(key, { member: { email, name }, tool, calls: one.calls, lastAt, reason });
      else {
        line.calls += one.calls;
        if (lastAt > line.lastAt) line.lastAt = lastAt;
      }
    }
    return {
      calls: sum(some),
      people: peopleIn(some),
      lines: [...lines.values()].sort((one, other) => other.calls - one.calls).slice(0, MOST_LINES),
    };
  };
  return {
    calls: sum(judgements),
    unjudged: { calls: sum(unjudged), people: peopleIn(unjudged) },
    refused: side(
      told.filter(({ now, draft }) => now === null && draft !== null),
      ({ draft }) => draft,
    ),
    allowed: side(
      told.filter(({ now, draft }) => now !== null && draft === null),
      ({ now }) => now,
    ),
  };
}

const sum = (some: readonly Judgement[]) => some.reduce((calls, one) => calls + one.calls, 0);
const peopleIn = (some: readonly Judgement[]) => new Set(some.map(({ made }) => made.member)).size;
