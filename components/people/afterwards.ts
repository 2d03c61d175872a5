// What became of a removal, from the audit and from what still waits for Asana: nothing is claimed that was not seen.
import { ApiProblem, call } from '../api';

export interface Afterwards {
  /** The audit record of the removal. */
  recordId: string | null;
  /** Revocations that Asana was asked for, and those that could not be asked for. */
  queued: number;
  impossible: number;
  /** How many revocations wait for Asana now, of all people. */
  waiting: number;
}

const ASK_EVERY_MS = 1_500;
const TIMES = 6;
// A removal writes its events in one transaction.
const SAME_DEED_MS = 10_000;

/** Tells `onFacts` what is known, again while Asana has not confirmed, for some ten seconds; null where it could not be looked up. */
export async function afterwards(
  email: string,
  onFacts: (facts: Afterwards | null) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    const events = await eventsOf(email);
    for (let time = 0; time < TIMES && !signal.aborted; time++) {
      const waiting = events.queued === 0 ? 0 : (await call('GET /health')).revocations.pending;
      if (signal.aborted) return;
      onFacts({ ...events, waiting });
      if (waiting === 0) return;
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    if (!signal.aborted) onFacts(null);
  }
}

async function eventsOf(email: string): Promise<Omit<Afterwards, 'waiting'>> {
  const { records } = await call('GET /audit', { query: { kind: 'event', limit: 200 } });
  const removal = records.find(
    ({ action, target }) => action === 'member.removed' && target === `member:${email}`,
  );
  const ended = records.filter(
    ({ action, before, at }) =>
      action === 'connection.disconnected' &&
      (before as { member?: string } | undefined)?.member === email &&
      removal !== undefined &&
      Math.abs(Date.parse(removal.at) - Date.parse(at)) < SAME_DEED_MS,
  );
  const how = (wanted: string) =>
    ended.filter(({ after }) => (after as { revocation?: string } | undefined)?.revocation === wanted).length;
  return { recordId: removal?.id ?? null, queued: how('queued'), impossible: how('impossible') };
}
