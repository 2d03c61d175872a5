// A policy test: who must, or must not, be able to call what, and whether the policy says so. Pure; the policy's verdict comes from outside.
import { argumentJson, judgeCall, type Question, type Verdict } from './verdicts';

/** What a test says. `member` is an e-mail address; one of `member` and `groups` (slugs, all of them together). */
export interface PolicyTest {
  member: string | null;
  groups: string[];
  tool: string;
  /** Of the call; null: the tool at all. */
  arguments: Record<string, unknown> | null;
  may: boolean;
  /** Why, in the words of whoever wrote it. */
  because: string | null;
}

export interface TestResult {
  passed: boolean;
  /** What the policy says, and why. */
  sentence: string;
}

export const MAX_TESTS = 1_000;

/** The question that a test asks of the policy. `memberId` is that of its member. */
export const questionOf = (test: PolicyTest, memberId: string | null): Question => ({
  caller: memberId === null ? { groups: test.groups } : { member: memberId },
  ...{ tool: test.tool, tools: null },
});

/** Whether the policy's verdict is what the test says it must be. What can't be told passes no test. */
export function judgeTest(test: PolicyTest, verdict: Verdict): TestResult {
  // Without arguments the test is about the tool at all: rules on arguments only narrow what is granted.
  const judged = judgeCall(
    test.arguments === null ? { ...verdict, rules: null } : verdict,
    test.tool,
    argumentJson(test.arguments ?? {}),
  );
  if (judged.decision === 'unknown')
    return { passed: false, sentence: `It can\u2019t be told. ${judged.sentence}` };
  if (judged.decision === 'deny')
    return { passed: !test.may, sentence: `The policy refuses it. ${judged.sentence}` };
  return { passed: test.may, sentence: 'The policy allows it.' };
}

/** "bob@example.com may not call delete_task". */
export function testInWords(test: PolicyTest): string {
  const { member, groups, tool, may } = test;
  const who = member ?? `Somebody in ${groups.join(' and ')} alone`;
  const how = test.arguments === null ? '' : ` with ${shortened(JSON.stringify(test.arguments))}`;
  return `${who} ${may ? 'may' : 'may not'} call ${tool}${how}`;
}

const shortened = (text: string) => (text.length > 120 ? `${text.slice(0, 119)}\u2026` : text);

/** What whoever saves reads: each test that would fail, what was found, and why it is there. */
export function failuresInWords(failures: readonly { test: PolicyTest; result: TestResult }[]): string {
  const shown = failures
    .slice(0, 5)
    .map(
      ({ test, result }) =>
        `\u201c${testInWords(test)}\u201d${test.because === null ? '' : ` (${test.because})`}: ${result.sentence}`,
    );
  const more = failures.length - shown.length;
  return `Nothing was saved: ${failures.length === 1 ? 'a policy test fails' : `${failures.length} policy tests fail`}. ${shown.join(' ')}${more > 0 ? ` And ${more} more.` : ''}`;
}
