// Operations on agents that spent their budget of writes for the day, and so only read.
import { z } from 'zod';
import { liftBudget, listSpentBudgets } from '../write-safety/budgets';
import { operation } from './operation';
import { ownId, person } from './operations-me';
import { ADMIN, EVERYONE, instant, READERS, uuid } from './schemas';

const spentBudget = z.object({
  /** Of the audit event `budget.tripped`. */
  id: uuid,
  member: z.object({ email: z.string(), name: z.string() }),
  agent: z.string(),
  credentialId: uuid,
  reason: z.enum(['write_budget', 'delete_budget']),
  budget: z.number(),
  trippedAt: instant,
  until: instant,
});

export const writeSafetyOperations = {
  'GET /budgets': operation({
    summary: 'Agents that spent their budget of writes for today and only read until its end (UTC)',
    who: READERS,
    effect: 'read',
    answer: z.object({ budgets: z.array(spentBudget) }),
    run: async ({ tx, actor }) => ({ budgets: await listSpentBudgets(tx, actor.organizationId) }),
  }),
  'POST /budgets/{id}/lift': operation({
    summary: 'Let such an agent write again: its budget for today begins anew',
    who: ADMIN,
    effect: 'change',
    path: z.object({ id: z.string().max(100) }),
    answer: spentBudget,
    run: ({ tx, actor }, { path }) => liftBudget(tx, actor, ownId(path.id)),
  }),
  'GET /me/budgets': operation({
    summary: 'My own agents that only read until the day ends (UTC)',
    who: EVERYONE,
    keys: false,
    effect: 'read',
    answer: z.object({ budgets: z.array(spentBudget) }),
    run: async (context) => {
      const { id, organizationId } = person(context);
      return { budgets: await listSpentBudgets(context.tx, organizationId, id) };
    },
  }),
};
