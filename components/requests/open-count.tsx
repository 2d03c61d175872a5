// How many requests wait, beside the room's name. Asked for when the portal is opened, when the room is left or entered, and
// after every change.
'use client';
import { usePathname } from 'next/navigation';
import { useEffect, useState } from 'react';
import { call } from '../api';
import { count } from '../tools/words';
import { CHANGED } from '../use-call';

/** For admins only: others may not ask. Nothing while it is unknown or none waits. */
export function OpenRequestCount() {
  const inRoom = usePathname() === '/admin/requests';
  const [open, setOpen] = useState(0);
  useEffect(() => {
    let gone = false;
    const ask = () =>
      void call('GET /first-run').then(
        ({ openRequests }) => gone || setOpen(openRequests),
        // A number that can't be had is left out; the room itself says what is wrong.
        () => undefined,
      );
    ask();
    window.addEventListener(CHANGED, ask);
    return () => {
      gone = true;
      window.removeEventListener(CHANGED, ask);
    };
  }, [inRoom]);
  if (open === 0) return null;
  return (
    <span className="bg-accent-soft text-accent rounded-inner ml-auto px-1.5 text-xs tabular-nums">
      {open.toLocaleString('en')}
      <span className="sr-only"> {count(open, 'open request').replace(/^\S+ /, '')}</span>
    </span>
  );
}
