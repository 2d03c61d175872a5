// Keeps the first steps up to date while they are on the screen, until the last one is done.
'use client';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { ApiProblem, call } from '../api';
import type { AuditRecord } from '../audit/words';
import type { FirstRun } from './first-steps';

const EVERY_MS = 2_000;
/** The step's moment is that of the call's record. */
const AROUND_MS = 1_000;

/** `lost`: the last question went unanswered; asking goes on. `first`: the first call, once it is known. */
export function useFirstRun(given: FirstRun): {
  firstRun: FirstRun;
  first: AuditRecord | null;
  lost: boolean;
  put: (next: FirstRun) => void;
} {
  const router = useRouter();
  // What a later visit of the page brings replaces what was asked for here.
  const [asked, setAsked] = useState<{ base: FirstRun; now: FirstRun; lost: boolean } | null>(null);
  const [first, setFirst] = useState<AuditRecord | null>(null);
  const current = asked?.base === given ? asked : { base: given, now: given, lost: false };
  const { now: firstRun, lost } = current;
  const waiting = firstRun.steps.some(({ done }) => !done);
  const firstCallAt = firstRun.steps.find(({ id }) => id === 'first_call')?.at ?? null;

  useEffect(() => {
    if (!waiting) return;
    let stopped = false;
    const ask = async () => {
      if (document.visibilityState !== 'visible') return;
      try {
        const now = await call('GET /first-run');
        if (stopped) return;
        setAsked({ base: given, now, lost: false });
        // The rest of the page tells of calls and agents too.
        if (firstCallAt === null && now.steps.some(({ id, done }) => id === 'first_call' && done))
          router.refresh();
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        if (!stopped) setAsked((last) => ({ base: given, now: last?.now ?? given, lost: true }));
      }
    };
    const timer = setInterval(() => void ask(), EVERY_MS);
    const onShown = () => void ask();
    document.addEventListener('visibilitychange', onShown);
    return () => {
      stopped = true;
      clearInterval(timer);
      document.removeEventListener('visibilitychange', onShown);
    };
  }, [waiting, given, firstCallAt, router]);

  useEffect(() => {
    if (firstCallAt === null) return;
    let stopped = false;
    const at = Date.parse(firstCallAt);
    const [from, to] = [at - AROUND_MS, at + AROUND_MS].map((ms) => new Date(ms).toISOString());
    call('GET /audit', { query: { kind: 'call', decision: 'allow', from, to, limit: 100 } }).then(
      ({ records }) => {
        const answered = records.filter(
          ({ credential, outcome }) =>
            credential.kind !== 'system' && (outcome === 'ok' || outcome === 'tool_error'),
        );
        if (!stopped) setFirst(answered.at(-1) ?? null);
      },
      // Who it was is told beside; that it was is known already.
      () => undefined,
    );
    return () => {
      stopped = true;
    };
  }, [firstCallAt]);

  return { firstRun, first, lost, put: (now) => setAsked({ base: given, now, lost: false }) };
}
