// Runs the checks of the Asana app: at once where one is registered, on demand, and when somebody comes back from Asana's console.
'use client';
import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiProblem, call } from '../api';
import type { Check } from './check-names';

/** Coming back sooner than this changes nothing worth asking Asana again. */
const REST_MS = 10_000;

export interface Checking {
  checks: readonly Check[] | null;
  pending: boolean;
  problem: ApiProblem | null;
  run: () => Promise<void>;
}

/** `registered` names the app and its secret's age, so that another one is checked anew; null while there is none. */
export function useChecks(registered: string | null): Checking {
  const [checks, setChecks] = useState<readonly Check[] | null>(null);
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const last = useRef({ at: 0, number: 0 });
  const run = useCallback(async () => {
    const number = last.current.number + 1;
    last.current = { at: Date.now(), number };
    setPending(true);
    setProblem(null);
    try {
      const answer = await call('POST /asana-app/check');
      if (last.current.number === number) setChecks(answer.checks);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      if (last.current.number === number) setProblem(error);
    } finally {
      if (last.current.number === number) setPending(false);
    }
  }, []);
  useEffect(() => {
    if (registered === null) return;
    const soon = setTimeout(() => void run(), 0);
    const onVisibility = () => {
      if (!document.hidden && Date.now() - last.current.at > REST_MS) void run();
    };
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      clearTimeout(soon);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [registered, run]);
  return { checks, pending, problem, run };
}
