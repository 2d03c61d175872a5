// How many calls wait for this person, beside the room's name. Asked for when the portal is opened, when the room is left or entered, after
// every change, and twice a minute, because agents ask at any time.
'use client';
import { usePathname } from 'next/navigation';
import { useEffect, useState } from 'react';
import { call } from '../api';
import { count } from '../tools/words';
import { CHANGED } from '../use-call';

const EVERY_MS = 30_000;

/** Nothing while it is unknown or none waits. */
export function OpenApprovalCount() {
  const inRoom = usePathname() === '/approvals';
  const [open, setOpen] = useState(0);
  useEffect(() => {
    let gone = false;
    const ask = () =>
      void call('GET /approvals', { query: { state: 'open' } }).then(
        ({ approvals }) => gone || setOpen(approvals.filter(({ canDecide }) => canDecide).length),
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
  if (open === 0) return null;
  return (
    <span className="bg-accent-soft text-accent rounded-inner ml-auto px-1.5 text-xs tabular-nums">
      {open.toLocaleString('en')}
      <span className="sr-only"> {count(open, 'call').replace(/^\S+ /, '')} to decide about</span>
    </span>
  );
}
