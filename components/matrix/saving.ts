// Saves a draft in one transaction, and knows what to do when somebody else was faster.
'use client';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { ApiProblem, call } from '../api';
import { inverseOf, type GroupChange } from './draft';
import { matrixGroupOf, type MatrixGroup } from './model';

export type Saved =
  | { kind: 'saved'; groups: MatrixGroup[]; undo: GroupChange[] }
  /** Somebody else changed or deleted one of the groups: `fresh` is what stands now, `by` who it was, by slug. */
  | { kind: 'stale'; fresh: MatrixGroup[]; by: ReadonlyMap<string, string[]> }
  | { kind: 'failed' };

/** How many of the newest changes of all kinds are searched for those of the groups. */
const SEARCHED = 200;

/** Who changed the groups since the versions that `changes` build on. A courtesy: nobody is named where the audit can't be read. */
async function whoChanged(changes: readonly GroupChange[]): Promise<ReadonlyMap<string, string[]>> {
  const { records } = await call('GET /audit', { query: { kind: 'event', limit: SEARCHED } }).catch(() => ({
    records: [],
  }));
  return new Map(
    changes.map(({ slug, version }) => {
      const events = records.filter(({ target }) => target === `group:${slug}`);
      // The newest first: those before it came after what was read.
      const known = events.findIndex(({ after }) => (after as { version?: number })?.version === version);
      const since = known === -1 ? events : events.slice(0, known);
      return [slug, [...new Set(since.flatMap((event) => event.member ?? event.credential.name ?? []))]];
    }),
  );
}

/** `problem` says why the last try failed; a stale one is no problem but an answer. */
export function useSaving() {
  const router = useRouter();
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);

  async function save(changes: readonly GroupChange[]): Promise<Saved> {
    setPending(true);
    setProblem(null);
    try {
      const { groups } = await call('POST /groups/changes', { body: { changes: [...changes] } });
      router.refresh();
      return {
        kind: 'saved',
        groups: groups.map(matrixGroupOf),
        undo: inverseOf(changes, groups),
      };
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      if (error.status === 412 || error.status === 404) return await readAgain(changes);
      setProblem(error);
      return { kind: 'failed' };
    } finally {
      setPending(false);
    }
  }

  async function readAgain(changes: readonly GroupChange[]): Promise<Saved> {
    try {
      const [{ groups }, by] = await Promise.all([call('GET /groups'), whoChanged(changes)]);
      return { kind: 'stale', fresh: groups.map(matrixGroupOf), by };
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      setProblem(error);
      return { kind: 'failed' };
    }
  }

  return { pending, problem, save, forget: () => setProblem(null) };
}
