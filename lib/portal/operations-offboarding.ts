// Operations on goodbyes: offboard somebody, read the receipts, rehearse it.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../errors';
import { drillJob } from '../offboarding/drill';
import { offboard } from '../offboarding/offboard';
import { listReceipts, readReceipt } from '../offboarding/receipts';
import { runNow } from '../schedule/run-on-schedule';
import { operation } from './operation';
import { ADMIN, email, instant, READERS, uuid } from './schemas';

/** Counted from the start; null while it is not over, or was not seen. */
const ms = z.number().nullable();

export const receipt = z.object({
  id: uuid,
  member: z.object({ email: z.string(), name: z.string() }),
  isDrill: z.boolean(),
  by: z.string(),
  startedAt: instant,
  portal: z.object({ sessions: z.number(), ms }),
  agents: z.object({
    ...{ tokens: z.number(), grants: z.number(), streams: z.number() },
    /** Processes that have seen that nothing of the person is open in them, of all that were alive. */
    processes: z.object({ all: z.number(), confirmed: z.number(), lost: z.number() }),
    ms,
  }),
  asana: z.object({
    ...{ connections: z.number(), confirmed: z.number(), impossible: z.number() },
    state: z.enum(['nothing', 'confirmed', 'waiting', 'impossible']),
    attempts: z.number(),
    ms,
  }),
  isOver: z.boolean(),
  problem: z.string().nullable(),
});

const idPath = z.object({ id: z.string().max(100) });

export const offboardingOperations = {
  'POST /offboardings': operation({
    summary: 'Offboard a member: all that is theirs ends at once; the receipt says what ended when',
    who: ADMIN,
    effect: 'outside',
    ends: true,
    status: 201,
    body: z.object({ email }),
    answer: receipt,
    run: async ({ actor }, { body }) => readReceipt(actor.organizationId, await offboard(actor, body.email)),
  }),
  'GET /offboardings': operation({
    summary: 'Receipts of the people who were offboarded last, newest first; fifty at most',
    who: READERS,
    effect: 'read',
    answer: z.object({ offboardings: z.array(receipt) }),
    run: async ({ actor }) => ({
      offboardings: await listReceipts(actor.organizationId, { drills: false }),
    }),
  }),
  'GET /offboardings/{id}': operation({
    summary: 'What an offboarding, or a drill, has ended so far, and how long each step took',
    who: READERS,
    effect: 'read',
    path: idPath,
    answer: receipt,
    run: ({ actor }, { path }) => {
      if (!uuid.safeParse(path.id).success) throw new AppError('not_found', 'There is no such offboarding.');
      return readReceipt(actor.organizationId, path.id);
    },
  }),
  'GET /offboarding-drills': operation({
    summary: 'The last rehearsals with a synthetic member, newest first; fifty at most',
    who: READERS,
    effect: 'read',
    answer: z.object({ drills: z.array(receipt) }),
    run: async ({ actor }) => ({ drills: await listReceipts(actor.organizationId, { drills: true }) }),
  }),
  'POST /offboarding-drills': operation({
    summary: 'Rehearse an offboarding now, with a synthetic member that is connected to nothing',
    who: ADMIN,
    effect: 'outside',
    status: 201,
    answer: receipt,
    run: async ({ actor }) => {
      const { organizationId } = actor;
      // Where one runs already, its receipt is the answer; it is there within moments.
      await runNow(drillJob, organizationId);
      for (let tries = 0; tries < 30; tries += 1) {
        const [newest] = await listReceipts(organizationId, { drills: true });
        if (newest) return newest;
        await sleep(100);
      }
      throw new AppError('drill_failed', 'No drill was possible: all agents are stopped. Resume them first.');
    },
  }),
};
