// Every list of tools that passes through the gate is compared with the catalogue, beside its answer and never before it: what Asana
// changed is held from then on in every process, although no admin and no schedule has asked yet.
import { compareListed } from '../catalogue/compare-listed';
import { log } from '../log';
import type { ToolList } from './filter-tools';

/** The same list is compared again after this long: the catalogue may have moved meanwhile. */
const AGAIN_MS = 1_000;

/** By list, and by organization: when it was last compared. Lists are kept by `known-lists`; who forgets one forgets this too. */
const compared = new WeakMap<ToolList, Map<string, number>>();
/** At most one comparison of an organization at a time, and the newest list that waits for it. */
const comparing = new Map<string, { next: { list: ToolList; whole: boolean } | null }>();

/** Costs two look-ups where the list was compared just now. `whole`: it was not asked for from a cursor on. Never throws. */
export function noticeList(organizationId: string, list: ToolList, { whole }: { whole: boolean }): void {
  const times = compared.get(list) ?? new Map<string, number>();
  const nowMs = performance.now();
  if (nowMs - (times.get(organizationId) ?? -Infinity) < AGAIN_MS) return;
  times.set(organizationId, nowMs);
  compared.set(list, times);
  const next = { list, whole: whole && list.nextCursor === null };
  const running = comparing.get(organizationId);
  if (running) running.next = next;
  else void compareInTurn(organizationId, next);
}

async function compareInTurn(
  organizationId: string,
  first: { list: ToolList; whole: boolean },
): Promise<void> {
  const state: { next: typeof first | null } = { next: first };
  comparing.set(organizationId, state);
  // Not in the turn of the event loop in which the answer is written.
  await new Promise(setImmediate);
  while (state.next) {
    const { list, whole } = state.next;
    state.next = null;
    try {
      await compareListed(organizationId, list.tools, { whole });
    } catch (error) {
      compared.get(list)?.delete(organizationId);
      log().warn({ err: error, organizationId }, 'a list of tools could not be compared; the next one is');
    }
  }
  comparing.delete(organizationId);
}
