// One change at a time from a component: whether it is under way, what went wrong, and fresh data afterwards.
'use client';
import { useRouter } from 'next/navigation';
import { useCallback, useState } from 'react';
import { ApiProblem } from './api';

/** Heard on `window` after every change that a component made, by what shows numbers of its own. */
export const CHANGED = 'gatehouse-changed';

export interface Caller {
  pending: boolean;
  problem: ApiProblem | null;
  /** Runs `work`; answers its result, or undefined when it failed (then `problem` says why). Refreshes the page's data after success. */
  run: <T>(work: () => Promise<T>) => Promise<{ answer: T } | undefined>;
  reset: () => void;
}

/** Shared by every form, button and dialog that changes something. */
export function useCall({ refresh = true }: { refresh?: boolean } = {}): Caller {
  const router = useRouter();
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const run = useCallback(
    async <T>(work: () => Promise<T>) => {
      setPending(true);
      setProblem(null);
      try {
        const answer = await work();
        if (refresh) {
          router.refresh();
          window.dispatchEvent(new Event(CHANGED));
        }
        return { answer };
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        setProblem(error);
        return undefined;
      } finally {
        setPending(false);
      }
    },
    [router, refresh],
  );
  const reset = useCallback(() => setProblem(null), []);
  return { pending, problem, run, reset };
}
