// Operations on tools that Asana changed: what waits for judgement, the judgement, and the log.
import { z } from 'zod';
import { DANGERS } from '../catalogue/danger';
import { listDrift } from '../catalogue/drift';
import { decideReviews, listReviews } from '../catalogue/review';
import { DRIFT_KINDS } from '../catalogue/successor';
import { AppError } from '../errors';
import { operation } from './operation';
import { ADMIN, instant, READERS, uuid } from './schemas';

const toolName = z.string().min(1).max(200);
const toolClass = z.enum(['read', 'write', 'destructive', 'internal', 'unknown']);
const definition = z.record(z.string(), z.unknown()).nullable();
const slugged = z.object({ slug: z.string(), name: z.string() });
const kinds = z.array(z.enum(DRIFT_KINDS));

const review = z.object({
  name: z.string(),
  status: z.enum(['new', 'changed', 'missing']),
  /** An admin looked at this very state and left the tool closed. */
  kept: z.boolean(),
  blocked: z.boolean(),
  class: toolClass,
  classAfter: toolClass.nullable(),
  foundAt: instant.nullable(),
  foundBy: z.string().nullable(),
  kinds,
  /** Names what was looked at; `POST /tools/review` takes it. */
  fingerprint: z.string(),
  /** As it was reviewed; of a new tool the reviewed one that it seems to replace. */
  before: definition,
  after: definition,
  dangers: z.array(
    z.object({ id: z.enum(DANGERS), severity: z.enum(['high', 'look']), sentence: z.string() }),
  ),
  groups: z.array(slugged),
  people: z.number(),
  agents: z.number(),
  successorOf: z.object({ name: z.string(), groups: z.array(slugged) }).nullable(),
  successors: z.array(z.string()),
});

const drift = z.object({
  id: uuid,
  tool: z.string(),
  kinds,
  foundAt: instant,
  foundBy: z.enum(['sync', 'schedule', 'agent']),
  successorOf: z.string().nullable(),
  before: definition,
  after: definition,
  decision: z.enum(['accepted', 'kept', 'blocked', 'superseded']).nullable(),
  decidedBy: z.string().nullable(),
  decidedAt: instant.nullable(),
});

const decisions = z
  .array(
    z.strictObject({
      name: toolName,
      decision: z.enum(['accept', 'keep', 'block']),
      fingerprint: z.string().max(100).optional(),
      carryGroupsFrom: toolName.optional(),
    }),
  )
  .min(1, 'must hold at least one decision')
  .max(200, 'must hold at most 200 decisions')
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'decides a tool twice')
  .refine(
    (all) =>
      all.every(({ decision, carryGroupsFrom }) => decision === 'accept' || carryGroupsFrom === undefined),
    'carries groups over for a tool that is not accepted',
  );

export const driftOperations = {
  'GET /tools/reviews': operation({
    summary:
      'Tools that are not as they were reviewed: what changed, how dangerous it looks, whom it touches',
    who: READERS,
    effect: 'read',
    answer: z.object({ reviews: z.array(review) }),
    run: async ({ tx, actor }) => ({
      reviews: (await listReviews(tx, actor.organizationId)) as z.infer<typeof review>[],
    }),
  }),
  'POST /tools/review': operation({
    summary: 'Accept, keep closed or block tools that changed, all of them or none',
    who: ADMIN,
    effect: 'change',
    policy: true,
    body: z.object({ decisions }),
    answer: z.object({ reviews: z.array(review) }),
    run: async ({ tx, actor }, { body }) => {
      await decideReviews(tx, actor, body.decisions);
      return { reviews: (await listReviews(tx, actor.organizationId)) as z.infer<typeof review>[] };
    },
  }),
  'GET /tools/drift': operation({
    summary: 'What Asana changed in its tools and when, newest first, and what was decided about it',
    who: READERS,
    effect: 'read',
    query: z.object({
      tool: toolName.optional(),
      cursor: z.string().max(100).optional(),
      limit: z.coerce.number().int().min(1).max(200).optional(),
    }),
    answer: z.object({ drifts: z.array(drift), nextCursor: z.string().nullable() }),
    run: async ({ actor }, { query }) => {
      if (query.cursor !== undefined && !uuid.safeParse(query.cursor).success)
        throw new AppError('invalid', 'query.cursor: is none that this list gave');
      return (await listDrift(actor.organizationId, query)) as {
        drifts: z.infer<typeof drift>[];
        nextCursor: string | null;
      };
    },
  }),
};
