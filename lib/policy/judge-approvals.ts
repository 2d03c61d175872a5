// Whether one call may go, must wait for a person, or is refused, by the groups that grant its tool. One group that lets it through is enough;
// a group that only lets it through after a person's yes comes after all that ask nobody. Pure.
import type { ArgumentRules } from './argument-rules';
import {
  judgeArguments,
  type Known,
  type Lookup,
  type Refusal,
  type RuledGroup,
  type Verdict,
} from './judge-arguments';

/** Who says yes or no: the members of a group, or one member; by id. */
export type Approver = { group: string } | { member: string };

/** A group that grants the tool under rules on arguments, with an approver, or both. */
export interface GrantingGroup {
  slug: string;
  name: string;
  rules: ArgumentRules | null;
  /** Null: calls of this tool wait for nobody. */
  approver: Approver | null;
}

/** `waits`: any one of these decides. */
export type CallVerdict =
  { passed: true } | { waits: Approver[] } | { needs: Lookup[] } | { refusals: Refusal[] };

/** Judges one call. What has to be looked up comes back as `needs`; then it is judged again with what Asana said. */
export function judgeCall(
  groups: readonly GrantingGroup[],
  call: Parameters<typeof judgeArguments>[1],
  known: Known,
): CallVerdict {
  const free = judgeArguments(
    groups.filter(({ approver }) => approver === null) as RuledGroup[],
    call,
    known,
  );
  if (!('refusals' in free)) return free;
  const waits: Approver[] = [];
  const needs: Lookup[] = [];
  const { refusals } = free;
  for (const group of groups) {
    if (group.approver === null) continue;
    const verdict: Verdict =
      group.rules === null ? { passed: true } : judgeArguments([group as RuledGroup], call, known);
    if ('passed' in verdict) waits.push(group.approver);
    else if ('needs' in verdict) needs.push(...verdict.needs);
    else refusals.push(...verdict.refusals);
  }
  if (needs.length > 0) return { needs };
  return waits.length > 0 ? { waits } : { refusals };
}
