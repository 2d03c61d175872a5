// Operations on the policy as a whole: tests that it has to pass, a replay of a draft, and the policy as a file.
import { z } from 'zod';
import { applyConfig, planConfig, readConfig, type Plan } from '../config/config';
import { configFile } from '../config/format';
import { replayPolicy } from '../config/replay';
import { AppError } from '../errors';
import { createPolicyTest, deletePolicyTest, runPolicyTests } from '../people/policy-tests';
import { policyTest } from '../policy/policy-input';
import { DENIALS, type Denial } from '../policy/policy';
import { testInWords, type PolicyTest } from '../policy/policy-tests';
import { operation } from './operation';
import { changesOf, groupChange } from './operations-policy';
import { groupContent } from './operations-people';
import { ADMIN, instant, READERS, slug, uuid } from './schemas';

const test = z.object({
  id: uuid,
  member: z.string().nullable(),
  groups: z.array(z.string()),
  tool: z.string(),
  arguments: z.record(z.string(), z.unknown()).nullable(),
  may: z.boolean(),
  because: z.string().nullable(),
  createdBy: z.string(),
  createdAt: instant,
  /** What it says, as a sentence without a full stop. */
  words: z.string(),
  /** What the policy says to it now. */
  result: z.object({ passed: z.boolean(), sentence: z.string() }),
});
const withWords = <T extends PolicyTest>(kept: T) => ({ ...kept, words: testInWords(kept) });

const plan = z.object({
  /** Of the policy before; `POST /config/apply` takes it as `base`. */
  version: z.string(),
  changes: z.array(
    z.object({
      kind: z.enum(['organization', 'redirect_uris', 'tool', 'group', 'policy_test']),
      target: z.string(),
      change: z.enum(['create', 'update', 'delete']),
      sentence: z.string(),
    }),
  ),
  failing: z.array(test),
});

const reason = z.enum(Object.keys(DENIALS) as [Denial, ...Denial[]]);
const side = z.object({
  calls: z.number(),
  people: z.number(),
  /** By person and tool, most calls first; at most 200. */
  lines: z.array(
    z.object({
      member: z.object({ email: z.string(), name: z.string() }),
      tool: z.string(),
      calls: z.number(),
      lastAt: instant,
      /** Why it is refused: under the draft, or now where the draft lets it through. */
      reason,
    }),
  ),
});

const DAY_MS = 86_400_000;

export const configOperations = {
  'GET /policy-tests': operation({
    summary: 'What must, or must not, be allowed, and whether the policy says so',
    who: READERS,
    effect: 'read',
    answer: z.object({ policyTests: z.array(test) }),
    run: async ({ tx, actor }) => ({
      policyTests: (await runPolicyTests(tx, actor.organizationId)).map(withWords),
    }),
  }),
  'POST /policy-tests': operation({
    summary: 'Add a policy test: from then on no save may break it while it passes',
    who: ADMIN,
    effect: 'change',
    status: 201,
    body: policyTest,
    answer: test,
    run: async ({ tx, actor }, { body }) => withWords(await createPolicyTest(tx, actor, body)),
  }),
  'DELETE /policy-tests/{id}': operation({
    summary: 'Delete a policy test',
    who: ADMIN,
    effect: 'change',
    path: z.object({ id: z.string().max(100) }),
    answer: 'none',
    run: ({ tx, actor }, { path }) => {
      if (!uuid.safeParse(path.id).success) throw new AppError('not_found', 'There is no such policy test.');
      return deletePolicyTest(tx, actor, path.id);
    },
  }),
  'POST /policy/replay': operation({
    summary:
      'Which audited calls of the last days a draft would decide otherwise, and which policy tests it would break; nothing is saved',
    who: ADMIN,
    effect: 'outside',
    body: z.strictObject({
      days: z.number().int().min(1, 'must be at least 1 day').max(90, 'must be at most 90 days'),
      draft: z
        .strictObject({
          changes: changesOf(groupChange).shape.changes.optional(),
          group: groupContent.extend({ slug }).optional(),
          config: configFile.optional(),
        })
        .refine(
          (draft) => Object.values(draft).filter((part) => part !== undefined).length === 1,
          'give one of changes, group and config',
        ),
    }),
    answer: z.object({
      from: instant,
      /** Looked at in all. */
      calls: z.number(),
      /** What changes for them depends on arguments that were not kept, or on things that only Asana could place. */
      unjudged: z.object({ calls: z.number(), people: z.number() }),
      refused: side,
      allowed: side,
      broken: z.array(test),
    }),
    run: async ({ actor }, { body: { days, draft } }) => {
      const { changes, group, config } = draft;
      const replay = await replayPolicy(
        actor,
        changes ? { changes } : group ? { group } : { config: config! },
        Date.now() - days * DAY_MS,
      );
      return { ...replay, broken: replay.broken.map(withWords) };
    },
  }),
  'GET /config': operation({
    summary:
      'The policy as a file (gatehouse.json): groups, tools, rules, limits, redirect URIs, tests; no secrets',
    who: ADMIN,
    effect: 'read',
    answer: z.looseObject({ gatehouse: z.literal(1) }),
    run: ({ tx, actor }) => readConfig(tx, actor.organizationId),
  }),
  'POST /config/plan': operation({
    summary:
      'What applying a file would change, in words, and which policy tests would fail; nothing is saved',
    who: ADMIN,
    effect: 'outside',
    body: z.strictObject({ config: configFile }),
    answer: plan,
    run: async ({ actor }, { body }) => toPlan(await planConfig(actor, body.config)),
  }),
  'POST /config/apply': operation({
    summary: 'Make the policy what a file says, all of it or nothing; refused where a policy test fails',
    who: ADMIN,
    effect: 'change',
    body: z.strictObject({ config: configFile, base: z.string().max(100).optional() }),
    answer: plan,
    run: async ({ tx, actor }, { body }) =>
      toPlan(await applyConfig(tx, actor, body.config, body.base ?? null)),
  }),
};

const toPlan = ({ version, changes, failing }: Plan) => ({
  ...{ version, changes },
  failing: failing.map(withWords),
});
