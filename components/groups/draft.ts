// A group being edited, and what differs from the version it was read from. Pure.
import { NO_RULES, normalRules, rulesInWords, type ArgumentRules } from '@/lib/policy/argument-rules';
import type { OperationAnswer } from '@/lib/portal/operations';

export type Group = OperationAnswer<'GET /groups/{slug}'>;

export interface Draft {
  name: string;
  tools: ReadonlySet<string>;
  members: ReadonlySet<string>;
  methods: ReadonlySet<'resources' | 'prompts' | 'completion' | 'logging' | 'client_requests'>;
  rules: ArgumentRules;
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
  };
}

/** What saving would change. */
export function changesOf(base: Group, draft: Draft): Changes {
  const name = draft.name.trim() === base.name ? null : draft.name.trim();
  const tools = difference(base.tools, draft.tools);
  const members = difference(base.members, draft.members);
  const methods = difference(base.methods, draft.methods);
  const rules = rulesChange(base.rules, draft.rules);
  return {
    any:
      name !== null ||
      [tools, members, methods, rules].some(({ added, removed }) => added.length + removed.length > 0),
    name,
    tools,
    members,
    methods,
    rules,
    onto: (fresh) => ({
      name: name ?? fresh.name,
      tools: applied(fresh.tools, tools),
      members: applied(fresh.members, members),
      methods: applied(fresh.methods, methods) as Draft['methods'],
      // One whole: two admins' rules mixed would be neither's.
      rules: rules.added.length + rules.removed.length > 0 ? draft.rules : (fresh.rules ?? NO_RULES),
    }),
  };
}

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
