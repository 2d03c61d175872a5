// Pages of a long list: where one is, and the links to the page before and after.
import ChevronLeft from 'lucide-react/icons/chevron-left';
import ChevronRight from 'lucide-react/icons/chevron-right';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { buttonClasses } from './button';

/** `hrefOf` makes the address of the page that begins at an offset. `noun` is the plural of what is listed. */
export function Pager({
  offset,
  limit,
  total,
  noun,
  hrefOf,
}: {
  offset: number;
  limit: number;
  total: number;
  noun: string;
  hrefOf: (offset: number) => string;
}) {
  const last = Math.min(offset + limit, total);
  return (
    <nav aria-label={`Pages of ${noun}`} className="mt-3 flex items-center justify-between gap-3">
      <p className="text-ink-3 text-sm tabular-nums">
        {total === 0
          ? `No ${noun}`
          : `${(offset + 1).toLocaleString('en')}–${last.toLocaleString('en')} of ${total.toLocaleString('en')} ${noun}`}
      </p>
      {total > limit && (
        <div className="flex gap-2">
          <Step href={offset > 0 ? hrefOf(Math.max(0, offset - limit)) : null}>
            <ChevronLeft aria-hidden="true" />
            Previous
          </Step>
          <Step href={last < total ? hrefOf(offset + limit) : null}>
            Next
            <ChevronRight aria-hidden="true" />
          </Step>
        </div>
      )}
    </nav>
  );
}

// At an end the link stays in its place, without a target: nothing moves, and it says that it leads nowhere.
function Step({ href, children }: { href: string | null; children: ReactNode }) {
  const looks = buttonClasses(
    { size: 'sm' },
    href === null ? 'border-line! bg-transparent! text-ink-3!' : '',
  );
  return href === null ? (
    <span aria-hidden="true" className={looks}>
      {children}
    </span>
  ) : (
    <Link href={href} className={looks}>
      {children}
    </Link>
  );
}
