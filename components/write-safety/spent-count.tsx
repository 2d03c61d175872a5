// How many agents only read today, beside the room where they can be put back. Asked for when the portal is opened, when the room is left or
// entered, after every change, and once a minute, because agents spend their budgets at any time.
'use client';
import { usePathname } from 'next/navigation';
import { useEffect, useState } from 'react';
import { call } from '../api';
import { count } from '../tools/words';
import { CHANGED } from '../use-call';

const EVERY_MS = 60_000;

/** For admins only. Nothing while it is unknown or none is read-only. */
export function SpentBudgetCount() {
  const inRoom = usePathname() === '/admin/people';
  const [spent, setSpent] = useState(0);
  useEffect(() => {
    let gone = false;
    const ask = () =>
      void call('GET /budgets').then(
        ({ budgets }) => gone || setSpent(budgets.length),
        // A number that can't be had is left out; the room itself says what is wrong.
        () => undefined,
      );
    ask();
    const timer = setInterval(() => document.hidden || ask(), EVERY_MS);
    window.addEventListener(CHANGED, ask);
    return () => {
      gone = true;
      clearInterval(timer);
      window.removeEventListener(CHANGED, ask);
    };
  }, [inRoom]);
  if (spent === 0) return null;
  return (
    <span className="bg-accent-soft text-accent rounded-inner ml-auto px-1.5 text-xs tabular-nums">
      {spent.toLocaleString('en')}
      <span className="sr-only"> {count(spent, 'agent').replace(/^\S+ /, '')} that may only read today</span>
    </span>
  );
}
