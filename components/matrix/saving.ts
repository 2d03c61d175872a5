// Saves a draft in one transaction, and knows what to do when somebody else was faster.
'use client';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { ApiProblem, call } from '../api';
import { inverseOf, type GroupChange } from './draft';
import { matrixGroupOf, type MatrixGroup } from './model';

export type Saved =
  | { kind: 'saved'; groups: MatrixGroup[]; undo: GroupChange[] }
  /** Somebody else changed or deleted one of the groups: `fresh` is what stands now. */
  | { kind: 'stale'; fresh: MatrixGroup[] }
  | { kind: 'failed' };

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
      if (error.status === 412 || error.status === 404) return await readAgain();
      setProblem(error);
      return { kind: 'failed' };
    } finally {
      setPending(false);
    }
  }

  async function readAgain(): Promise<Saved> {
    try {
      const { groups } = await call('GET /groups');
      return { kind: 'stale', fresh: groups.map(matrixGroupOf) };
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      setProblem(error);
      return { kind: 'failed' };
    }
  }

  return { pending, problem, save, forget: () => setProblem(null) };
}
