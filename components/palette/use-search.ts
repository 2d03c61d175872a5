// Looks up names on the server while somebody types: waits for a pause, drops what was asked before.
'use client';
import { useEffect, useState } from 'react';
import type { OperationAnswer } from '@/lib/portal/operations';
import { ApiProblem, call } from '../api';

export type Found = OperationAnswer<'GET /search'>;

const PAUSE_MS = 120;

/** `found` is null where nothing was asked; while the next answer is on its way the last one stays, so that the list does not flicker. */
export function useSearch(search: string): { found: Found | null; pending: boolean; problem: string | null } {
  const q = search.trim();
  const [answer, setAnswer] = useState<{ q: string; found: Found | null; problem: string | null }>({
    ...{ q: '', found: null, problem: null },
  });
  useEffect(() => {
    if (q === '') return;
    let current = true;
    const timer = setTimeout(() => {
      call('GET /search', { query: { q } }).then(
        (found) => current && setAnswer({ q, found, problem: null }),
        (error: unknown) => {
          if (current)
            setAnswer({ q, found: null, problem: error instanceof ApiProblem ? error.title : String(error) });
        },
      );
    }, PAUSE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [q]);
  if (q === '') return { found: null, pending: false, problem: null };
  return { found: answer.found, pending: answer.q !== q, problem: answer.q === q ? answer.problem : null };
}
