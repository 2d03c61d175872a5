// Facts as pairs of name and value.
import type { ReactNode } from 'react';

/** A list of `Fact`s. */
export function KeyValues({ children }: { children: ReactNode }) {
  return (
    <dl className="grid grid-cols-[minmax(7rem,auto)_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm max-sm:grid-cols-1 max-sm:gap-y-0">
      {children}
    </dl>
  );
}

/** One pair; left out where there is no value. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === null || children === undefined || children === false || children === '') return null;
  return (
    <div className="contents">
      <dt className="text-ink-3">{name}</dt>
      <dd className="min-w-0 [overflow-wrap:anywhere] max-sm:mb-2">{children}</dd>
    </div>
  );
}
