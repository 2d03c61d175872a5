// Every organization's catalogue is compared with Asana's list about once an hour, so that a change is found although no agent asked.
import type { Job } from '../schedule/run-on-schedule';
import { systemActor } from '../audit/append';
import { AppError } from '../errors';
import { syncTools } from './sync-tools';

/** An organization in which nobody is connected has nothing to compare yet; that is no failure. */
export const syncJob: Job = {
  name: 'tools-sync',
  everyMs: 60 * 60_000,
  leaseMs: 2 * 60_000,
  firstWithinMs: 60 * 60_000,
  async work(organizationId) {
    try {
      await syncTools(systemActor(organizationId, 'catalogue sync'), 'schedule');
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'no_connection')) throw error;
    }
  },
};
