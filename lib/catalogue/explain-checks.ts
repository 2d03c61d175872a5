// The five checks between a person and a tool, in the order of the gate's rule, each with its sentence and the event behind it. Pure.
import { normalRules, rulesInWords, type ArgumentRules } from '../policy/argument-rules';
import { DENIALS } from '../policy/policy';
import { writeSafetyInWords } from '../policy/write-safety';
import type { Check, Verdict, Viewer } from './explain';
import { laterOf, type Change, type ToolChanges } from './last-changes';

/** The events behind a verdict. */
export interface Changes {
  tool: ToolChanges;
  /** By slug: what gave the person the tool through the group, and what to show beside the group. */
  groups: Map<string, { shown: Change | null }>;
  /** Why a group grants, or none does any more. */
  granted: Change | null;
  minted: Change | null;
}

export type UnshownCheck = Omit<Check, 'change'> & { change: Change | null };

/** What a group's rules on arguments say; empty where it has none. */
function ruleWords(stored: Partial<ArgumentRules> | null): string[] {
  const rules = normalRules(stored);
  return rules === null ? [] : rulesInWords(rules);
}

type Conditions = Pick<Verdict['groups'][number], 'rules' | 'waits'>;
const WAITS = 'Each call waits until a person approves it.';

/** What calls of the tool must keep to in a group, a sentence each. */
export const conditionWords = ({ rules, waits }: Conditions): string[] => [
  ...ruleWords(rules),
  ...(waits ? [WAITS] : []),
];

/** The checks in the order of the rule; the first that fails is the verdict's reason. */
export function judge(verdict: Verdict, changes: Changes, viewer: Viewer): UnshownCheck[] {
  const check = (id: Check['id'], passed: boolean | null, message: string, change: Change | null = null) => ({
    ...{ id, passed, message, change },
  });
  if (verdict.denial === 'unknown_tool')
    return [
      check('catalogue', false, DENIALS.unknown_tool),
      ...(['blocked', 'review', 'groups', 'token'] as const).map((id) =>
        check(id, null, 'There is no tool to check.'),
      ),
    ];
  const { denial, denial_unblocked, denial_open } = verdict;
  const isBlocked = denial === 'blocked';
  const isClosed = denial_unblocked === 'missing' || denial_unblocked === 'not_reviewed';
  const isGranted = denial_open !== 'not_in_group';
  const { status, driftPolicy } = changes.tool;
  return [
    check('catalogue', true, 'The catalogue has this tool.', changes.tool.added),
    check(
      'blocked',
      !isBlocked,
      isBlocked ? DENIALS.blocked : 'No admin has blocked it.',
      changes.tool.blocked,
    ),
    check(
      'review',
      !isClosed,
      isClosed ? DENIALS[denial_unblocked] : reviewed(verdict),
      verdict.status === 'changed' ? laterOf(status, driftPolicy) : status,
    ),
    check(
      'groups',
      isGranted,
      isGranted ? `${grantedBy(verdict)}${safetyOf(verdict)}` : noGroup(viewer),
      changes.granted,
    ),
    verdict.token_id === null
      ? check('token', null, 'No agent token stands between: it could only narrow this.')
      : check('token', ...judgeToken(verdict), changes.minted),
  ];
}

const reviewed = ({ status }: Verdict) =>
  status === 'changed'
    ? 'It changed at Asana since its review; the organization lets changed tools stay.'
    : 'Its definition is reviewed.';

function grantedBy({ groups }: Verdict): string {
  const granting = groups.filter(({ isMember, hasTool }) => isMember && hasTool);
  const granted = `Granted by ${granting.map(({ name }) => name).join(', ')}.`;
  // One group without rules that asks nobody lets every call through.
  if (granting.length === 0 || granting.some(({ rules, waits }) => rules === null && !waits)) return granted;
  const [only] = granting;
  if (granting.length === 1 && only!.rules === null) return `${granted} ${WAITS}`;
  const rules = granting.some(({ waits }) => waits) ? 'rules' : 'rules on arguments';
  return granting.length === 1
    ? `${granted} Each call must keep to its rules on arguments: ${conditionWords(only!).join(' ')}`
    : `${granted} Each call must keep to the ${rules} of one of them: ${granting
        .map((group) => `${group.name}: ${conditionWords(group).join(' ')}`)
        .join(' ')}`;
}

/** What the person's groups say of writes, of tools that are one. */
function safetyOf(verdict: Verdict): string {
  if (verdict.class === 'read' && verdict.status === 'reviewed') return '';
  const { writesPerDay, repeatWindowSeconds } = verdict;
  // A tool that destroys nothing spends no budget of deletions.
  const deletesPerDay = verdict.class === 'destructive' ? verdict.deletesPerDay : null;
  return writeSafetyInWords({ writesPerDay, deletesPerDay, repeatWindowSeconds })
    .map((sentence) => ` ${sentence}`)
    .join('');
}

const noGroup = ({ isSelf }: Viewer) =>
  `None of ${isSelf ? 'your' : 'the person\u2019s'} groups has this tool.`;

function judgeToken({ expired, denial_granted, restricted }: Verdict): [passed: boolean, message: string] {
  if (expired) return [false, 'The agent token has expired; mint another.'];
  if (denial_granted === 'token_restriction') return [false, DENIALS.token_restriction];
  return [
    true,
    restricted ? 'The agent token\u2019s own list has this tool.' : 'The agent token is not narrowed.',
  ];
}
