// How many tools wait for review, beside the room's name.
'use client';
import { usePathname } from 'next/navigation';
import { useEffect, useState } from 'react';
import { call } from '../api';
import { count } from '../tools/words';
import { CHANGED } from '../use-call';

/** For admins; others see no number, because nobody waits for them. */
export function OpenReviewCount() {
  const inRoom = usePathname().startsWith('/admin/reviews');
  const [open, setOpen] = useState(0);
  useEffect(() => {
    let gone = false;
    const ask = () =>
      void call('GET /first-run').then(
        ({ toReview }) => gone || setOpen(toReview),
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
    <span className="bg-warn-soft text-warn rounded-inner ml-auto px-1.5 text-xs tabular-nums">
      {open.toLocaleString('en')}
      <span className="sr-only"> {count(open, 'tool').replace(/^\S+ /, '')} to review</span>
    </span>
  );
}
