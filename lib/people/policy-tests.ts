// Policy tests of an organization: kept, run by the gate's own rule, and asked before a save, so that nobody breaks one unseen.
import { appendEvent, uuidv7, type Actor } from '../audit/append';
import { canonicalJson } from '../audit/canonical';
import { Prisma, type Tx } from '../db';
import { AppError } from '../errors';
import {
  failuresInWords,
  judgeTest,
  MAX_TESTS,
  questionOf,
  type PolicyTest,
  type TestResult,
} from '../policy/policy-tests';
import {
  VERDICTS,
  verdictParameters,
  verdictsOf,
  type Question,
  type Verdict,
  type VerdictRow,
} from '../policy/verdicts';
import { requireTools } from './groups';

/** A test as it is kept, with what the policy says to it now. */
export interface KeptTest extends PolicyTest {
  id: string;
  createdBy: string;
  /** ISO 8601. */
  createdAt: string;
  result: TestResult;
}

const shape = {
  ...{ id: true, memberId: true, groups: true, toolName: true, arguments: true, may: true, because: true },
  ...{ createdBy: true, createdAt: true, member: { select: { email: true } } },
} as const satisfies Prisma.PolicyTestSelect;

const toTest = (row: Prisma.PolicyTestGetPayload<{ select: typeof shape }>): PolicyTest => ({
  member: row.member?.email ?? null,
  groups: row.groups,
  tool: row.toolName,
  arguments: row.arguments as Record<string, unknown> | null,
  may: row.may,
  because: row.because,
});

/** What the policy says to each question, as the transaction sees it. */
export async function askPolicy(
  tx: Tx,
  organizationId: string,
  questions: readonly Question[],
): Promise<Verdict[]> {
  if (questions.length === 0) return [];
  const parameters = verdictParameters(organizationId, questions);
  return verdictsOf(await tx.$queryRawUnsafe<VerdictRow[]>(VERDICTS, ...parameters));
}

/** All tests of an organization with their results, oldest first. */
export async function runPolicyTests(tx: Tx, organizationId: string): Promise<KeptTest[]> {
  const rows = await tx.policyTest.findMany({
    where: { organizationId },
    select: shape,
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
  });
  const tests = rows.map(toTest);
  const verdicts = await askPolicy(
    tx,
    organizationId,
    tests.map((test, n) => questionOf(test, rows[n]!.memberId)),
  );
  return rows.map((row, n) => ({
    ...tests[n]!,
    ...{ id: row.id, createdBy: row.createdBy, createdAt: row.createdAt.toISOString() },
    result: judgeTest(tests[n]!, verdicts[n]!),
  }));
}

/**
 * Does a change of the policy, and refuses it with `policy_test_failed` where a test that passed before would fail after it. A test that
 * fails already (Asana took a tool away) hinders nobody. One save after the other: two that each break nothing could do so together, so
 * the last to ask sees what the other did. Must be the last thing that locks in the transaction.
 */
export async function keepingPolicyTests<T>(
  tx: Tx,
  organizationId: string,
  change: () => Promise<T>,
): Promise<T> {
  const passed = new Set(
    (await runPolicyTests(tx, organizationId)).flatMap(({ id, result }) => (result.passed ? [id] : [])),
  );
  const answer = await change();
  if (passed.size === 0) return answer;
  await lockPolicy(tx, organizationId);
  const broken = (await runPolicyTests(tx, organizationId)).filter(
    ({ id, result }) => passed.has(id) && !result.passed,
  );
  if (broken.length > 0) refuse(broken);
  return answer;
}

/** Until the transaction ends nobody else\u2019s tests are asked. */
export async function lockPolicy(tx: Tx, organizationId: string): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`gatehouse policy ${organizationId}`}, 0))`;
}

/** Throws `policy_test_failed`, with what fails in words. */
export function refuse(failures: readonly KeptTest[]): never {
  throw new AppError(
    'policy_test_failed',
    failuresInWords(failures.map((test) => ({ test, result: test.result }))),
  );
}

/** Keeps another test. Throws `exists`, `unknown_tool`, `unknown_member`, `unknown_group`, and `invalid` for one too many. */
export async function createPolicyTest(tx: Tx, actor: Actor, test: PolicyTest): Promise<KeptTest> {
  const { organizationId } = actor;
  const kept = await runPolicyTests(tx, organizationId);
  if (kept.length >= MAX_TESTS)
    throw new AppError('invalid', `There are ${MAX_TESTS} policy tests already; delete one first.`);
  const same = kept.find((other) => sameQuestion(other, test));
  if (same)
    throw new AppError(
      'exists',
      same.may === test.may
        ? 'There is such a test already.'
        : 'There is a test already that says the opposite; delete it first.',
    );
  const [id] = await insert(tx, actor, [test]);
  const created = (await runPolicyTests(tx, organizationId)).find((other) => other.id === id)!;
  await appendEvent(tx, actor, {
    ...{ action: 'policy_test.created', target: `policy_test:${id}`, after: said(created) },
  });
  return created;
}

/** Throws `not_found`. */
export async function deletePolicyTest(tx: Tx, actor: Actor, id: string): Promise<void> {
  const { organizationId } = actor;
  const row = await tx.policyTest.findFirst({ where: { organizationId, id }, select: shape });
  const { count } = await tx.policyTest.deleteMany({ where: { organizationId, id } });
  if (!row || count === 0) throw new AppError('not_found', 'There is no such policy test.');
  await appendEvent(tx, actor, {
    ...{ action: 'policy_test.deleted', target: `policy_test:${id}`, before: said(toTest(row)) },
  });
}

/** Keeps exactly these tests; those that are there already stay as they are. The same errors as for one. */
export async function replacePolicyTests(tx: Tx, actor: Actor, tests: readonly PolicyTest[]): Promise<void> {
  const { organizationId } = actor;
  const kept = await runPolicyTests(tx, organizationId);
  const isSaid = (test: PolicyTest, all: readonly PolicyTest[]) => all.some((other) => same(test, other));
  const gone = kept.filter((test) => !isSaid(test, tests));
  for (const { id } of gone) await deletePolicyTest(tx, actor, id);
  const missing = tests.filter((test) => !isSaid(test, kept));
  const ids = await insert(tx, actor, missing);
  for (const [n, id] of ids.entries())
    await appendEvent(tx, actor, {
      ...{ action: 'policy_test.created', target: `policy_test:${id}`, after: said(missing[n]!) },
    });
}

const said = ({ member, groups, tool, arguments: given, may, because }: PolicyTest): PolicyTest => ({
  ...{ member, groups, tool, arguments: given, may, because },
});
const same = (one: PolicyTest, other: PolicyTest) => canonicalJson(said(one)) === canonicalJson(said(other));
const sameQuestion = (one: PolicyTest, other: PolicyTest) =>
  same({ ...one, may: true, because: null }, { ...other, may: true, because: null });

async function insert(tx: Tx, actor: Actor, tests: readonly PolicyTest[]): Promise<string[]> {
  const { organizationId } = actor;
  await requireTools(tx, organizationId, [...new Set(tests.map(({ tool }) => tool))]);
  const emails = [...new Set(tests.flatMap(({ member }) => member ?? []))];
  const members = await tx.member.findMany({
    where: { organizationId, email: { in: emails } },
    select: { id: true, email: true },
  });
  const ids = new Map(members.map(({ id, email }) => [email, id]));
  const stranger = emails.find((email) => !ids.has(email));
  if (stranger !== undefined)
    throw new AppError('unknown_member', `There is no member "${stranger}" to test.`);
  const slugs = [...new Set(tests.flatMap(({ groups }) => groups))];
  const groups = await tx.group.findMany({
    where: { organizationId, slug: { in: slugs } },
    select: { slug: true },
  });
  const unknown = slugs.find((slug) => !groups.some((group) => group.slug === slug));
  if (unknown !== undefined) throw new AppError('unknown_group', `There is no group "${unknown}" to test.`);
  const rows = tests.map((test) => ({
    ...{ id: uuidv7(), organizationId, toolName: test.tool, may: test.may, because: test.because },
    memberId: test.member === null ? null : ids.get(test.member)!,
    groups: test.member === null ? test.groups : [],
    arguments: test.arguments === null ? Prisma.DbNull : (test.arguments as Prisma.InputJsonObject),
    createdBy: actor.memberEmail ?? actor.credential.name ?? actor.credential.id,
  }));
  await tx.policyTest.createMany({ data: rows });
  return rows.map(({ id }) => id);
}
