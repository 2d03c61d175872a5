// A dialog that the URL can ask for (`/tokens?new`): open at first or whenever the page is asked for so again.
'use client';
import { usePathname, useSearchParams } from 'next/navigation';
import { useState } from 'react';

/** `[open, setOpen]`; closing takes `name` out of the URL, so that a reload does not open it again and the next request does. */
export function useAsked(name: string): [boolean, (open: boolean) => void] {
  const path = usePathname();
  const asked = useSearchParams().has(name);
  const [open, setOpen] = useState(asked);
  const [seen, setSeen] = useState(asked);
  if (asked !== seen) {
    setSeen(asked);
    if (asked) setOpen(true);
  }
  return [
    open,
    (next) => {
      setOpen(next);
      if (!next && asked) window.history.replaceState(null, '', path);
    },
  ];
}
