// What the portal says of policy tests.
import type { OperationAnswer } from '@/lib/portal/operations';

export type PolicyTest = OperationAnswer<'GET /policy-tests'>['policyTests'][number];

/** A test that fails, with what the policy says instead and why the test is there. */
export const failureWords = ({
  words,
  because,
  result,
}: Pick<PolicyTest, 'words' | 'because' | 'result'>): string =>
  `“${words}”${because === null ? '' : ` (${because})`}: ${result.sentence}`;
