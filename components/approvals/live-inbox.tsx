// Keeps the room as it is now: asks every three seconds while somebody looks, and fetches the page anew where something came or was decided.
'use client';
import { useRouter } from 'next/navigation';
import { useEffect } from 'react';
import { call } from '../api';
import { CHANGED } from '../use-call';
import { keyOf } from './words';

const EVERY_MS = 3_000;

/** `shown`: `keyOf` of what the page shows. */
export function LiveInbox({ shown }: { shown: string }) {
  const router = useRouter();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const ask = async () => {
      // What can't be asked now is asked again; the page itself says what is wrong.
      const answer = await call('GET /approvals', { query: { state: 'open' } }).catch(() => null);
      if (ended) return;
      if (answer !== null && keyOf(answer.approvals) !== shown) {
        router.refresh();
        window.dispatchEvent(new Event(CHANGED));
      }
      if (!document.hidden) timer = setTimeout(() => void ask(), EVERY_MS);
    };
    const onVisibility = () => {
      clearTimeout(timer);
      if (!document.hidden) void ask();
    };
    timer = setTimeout(() => void ask(), EVERY_MS);
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [router, shown]);
  return null;
}
