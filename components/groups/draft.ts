// A group being edited, and what differs from the version it was read from. Pure.
import { NO_RULES, normalRules, rulesInWords, type ArgumentRules } from '@/lib/policy/argument-rules';
import {
  normalWriteSafety,
  NO_WRITE_SAFETY,
  writeSafetyInWords,
  type WriteSafety,
} from '@/lib/policy/write-safety';
import type { OperationAnswer } from '@/lib/portal/operations';

export type Group = OperationAnswer<'GET /groups/{slug}'>;

export interface Draft {
  name: string;
  tools: ReadonlySet<string>;
  members: ReadonlySet<string>;
  methods: ReadonlySet<'resources' | 'prompts' | 'completion' | 'logging' | 'client_requests'>;
  rules: ArgumentRules;
  approvals: DraftApprovals;
  writeSafety: WriteSafety;
  /** For how long what was there before a change is kept. */
  undo: { days: number } | null;
}

/** Tools that wait for a person; of those that the group has not, none is saved. */
export interface DraftApprovals {
  tools: ReadonlySet<string>;
  approver: { group: string } | { member: string } | null;
}

export interface Changes {
  any: boolean;
  /** The new name, or null. */
  name: string | null;
  tools: Difference;
  members: Difference;
  methods: Difference;
  /** Rules on arguments, in words. */
  rules: Difference;
  /** What waits for whom, in words. */
  approvals: Difference;
  /** Budgets and the window for repeats, in words. */
  writeSafety: Difference;
  /** For how long what was there before is kept, in words. */
  undo: Difference;
  /** The same changes on top of another version: additions and removals, whatever else is there. */
  onto(fresh: Group): Draft;
}

export interface Difference {
  added: string[];
  removed: string[];
}

/** A draft that changes nothing. */
export function draftOf(group: Group): Draft {
  return {
    name: group.name,
    tools: new Set(group.tools),
    members: new Set(group.members),
    methods: new Set(group.methods) as Draft['methods'],
    rules: group.rules ?? NO_RULES,
    approvals: approvalsOf(group),
    writeSafety: group.writeSafety ?? NO_WRITE_SAFETY,
    undo: group.undo,
  };
}

const approvalsOf = ({ approvals }: Group): DraftApprovals => ({
  tools: new Set(approvals?.tools),
  approver: approvals?.approver ?? null,
});

/** As it is saved; null where nothing waits. */
export function savedApprovals({ tools, approvals }: Draft): Group['approvals'] {
  const waiting = [...approvals.tools].filter((name) => tools.has(name));
  return waiting.length === 0 ? null : { tools: waiting.toSorted(), approver: approvals.approver };
}

function approvalWords(approvals: Group['approvals']): string[] {
  const approver = approvals?.approver;
  const whom = !approver
    ? 'nobody yet'
    : 'group' in approver
      ? `the group ${approver.group}`
      : approver.member;
  return (approvals?.tools ?? []).map((tool) => `${tool} waits for ${whom}`);
}

/** What saving would change. */
export function changesOf(base: Group, draft: Draft): Changes {
  const name = draft.name.trim() === base.name ? null : draft.name.trim();
  const tools = difference(base.tools, draft.tools);
  const members = difference(base.members, draft.members);
  const methods = difference(base.methods, draft.methods);
  const rules = rulesChange(base.rules, draft.rules);
  const approvals = difference(approvalWords(base.approvals), new Set(approvalWords(savedApprovals(draft))));
  const writeSafety = difference(
    safetyWords(base.writeSafety),
    new Set(safetyWords(normalWriteSafety(draft.writeSafety))),
  );
  const undo = difference(undoWords(base.undo), new Set(undoWords(draft.undo)));
  return {
    any:
      name !== null ||
      [tools, members, methods, rules, approvals, writeSafety, undo].some(
        ({ added, removed }) => added.length + removed.length > 0,
      ),
    name,
    tools,
    members,
    methods,
    rules,
    approvals,
    writeSafety,
    undo,
    onto: (fresh) => ({
      name: name ?? fresh.name,
      tools: applied(fresh.tools, tools),
      members: applied(fresh.members, members),
      methods: applied(fresh.methods, methods) as Draft['methods'],
      // One whole: two admins' rules mixed would be neither's.
      rules: rules.added.length + rules.removed.length > 0 ? draft.rules : (fresh.rules ?? NO_RULES),
      approvals: approvals.added.length + approvals.removed.length > 0 ? draft.approvals : approvalsOf(fresh),
      writeSafety:
        writeSafety.added.length + writeSafety.removed.length > 0
          ? draft.writeSafety
          : (fresh.writeSafety ?? NO_WRITE_SAFETY),
      undo: undo.added.length + undo.removed.length > 0 ? draft.undo : fresh.undo,
    }),
  };
}

const safetyWords = (safety: WriteSafety | null) => (safety === null ? [] : writeSafetyInWords(safety));

const undoWords = (undo: Draft['undo']) =>
  undo === null
    ? []
    : [`keeps what was there before a change for ${undo.days === 1 ? '1 day' : `${undo.days} days`}`];

function rulesChange(before: ArgumentRules | null, after: ArgumentRules): Difference {
  const words = (rules: ArgumentRules | null) => (rules === null ? [] : rulesInWords(rules));
  return difference(words(before), new Set(words(normalRules(after))));
}

function difference(before: readonly string[], after: ReadonlySet<string>): Difference {
  const had = new Set(before);
  return {
    added: [...after].filter((entry) => !had.has(entry)),
    removed: before.filter((entry) => !after.has(entry)),
  };
}

function applied(to: readonly string[], { added, removed }: Difference): Set<string> {
  return new Set([...to.filter((entry) => !removed.includes(entry)), ...added]);
}
