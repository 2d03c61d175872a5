// Guards of policy tests, replays and the policy as a file.
import { guardsOf as of, type Mutant } from './mutant';

const policyTests = ['tests/config/policy-tests.test.ts'];
const replay = ['tests/config/replay.test.ts'];
const config = ['tests/config/config.test.ts'];

export const CONFIG_MUTANTS: Mutant[] = [
  ...of('lib/people/policy-tests.ts', policyTests, [
    ['a broken test refuses the save', 'would break a test', `if (broken.length > 0) refuse(broken);`, ``],
    [
      'a test that failed before hinders nobody',
      'is not hindered',
      `({ id, result }) => passed.has(id) && !result.passed,`,
      `({ result }) => !result.passed,`,
    ],
    [
      'two saves that each break nothing',
      'can’t break a test together',
      `  await lockPolicy(tx, organizationId);
  const broken`,
      `  const broken`,
    ],
  ]),
  ...of('lib/policy/policy-tests.ts', policyTests, [
    [
      'what can’t be told passes nothing',
      'passes in neither direction',
      `return { passed: false, sentence: \`It can`,
      `return { passed: true, sentence: \`It can`,
    ],
  ]),
  ...of('lib/config/dry-run.ts', replay, [
    ['a replay saves nothing', 'for a draft of the matrix', `      throw undone;\n`, ``],
  ]),
  ...of('lib/policy/verdicts.ts', replay, [
    [
      'a token’s own list',
      'for a draft of the matrix',
      `restricted: 'a.tools IS NOT NULL',`,
      `restricted: 'false',`,
    ],
    [
      'rules on arguments',
      'where the arguments were kept',
      `bool_or(g.rules IS NULL)`,
      `bool_or(g.rules IS NULL OR true)`,
    ],
  ]),
  ...of('lib/policy/replay.ts', replay, [
    [
      'the organization’s own calls',
      'calls of others',
      `WHERE r.organization_id = $1::uuid AND r.at >=`,
      `WHERE r.at >=`,
    ],
    ['agents’ calls alone', 'calls of others', `    AND r.credential_kind IN ('agent_token', 'oauth')\n`, ``],
  ]),
  ...of('lib/config/config.ts', config, [
    [
      'tests hold before an apply',
      'a test that fails',
      `  if (plan.failing.length > 0) refuse(plan.failing);\n`,
      ``,
    ],
    ['the plan’s policy', 'changed since the plan', `if (base !== null && base !== version)`, `if (false)`],
    [
      'no group disappears unsaid',
      'groups that it does not name',
      `if (absent.length > 0 && file.absentGroups === undefined)`,
      `if (false)`,
    ],
  ]),
];
