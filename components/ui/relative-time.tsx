// A moment as people say it ("3 minutes ago"), with the exact moment in UTC on hover and for machines.
'use client';
import { useEffect, useState } from 'react';
import { exactUtc, relative } from './moment';

/** `iso` is RFC 3339; the text keeps up with the clock. */
export function RelativeTime({ iso }: { iso: string }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={iso} title={exactUtc(iso)} suppressHydrationWarning className="whitespace-nowrap">
      {relative(Date.parse(iso), now)}
    </time>
  );
}
