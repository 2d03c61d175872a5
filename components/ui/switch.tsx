// A setting that takes effect at once: on or off.
'use client';
import type { ComponentProps, ReactNode } from 'react';

/** A native checkbox in the role of a switch. */
export function Switch({
  checked,
  children,
  ...input
}: Omit<ComponentProps<'input'>, 'type' | 'role' | 'checked' | 'children'> & {
  checked: boolean;
  children: ReactNode;
}) {
  return (
    <label className="flex min-h-6 items-center gap-2.5 text-sm">
      <span className="relative inline-flex h-5 w-9 shrink-0">
        <input
          {...input}
          type="checkbox"
          role="switch"
          checked={checked}
          aria-checked={checked}
          className="peer bg-control checked:bg-accent size-full appearance-none rounded-full transition-colors disabled:opacity-50 forced-colors:appearance-auto"
        />
        <span
          aria-hidden="true"
          className="bg-surface pointer-events-none absolute top-0.5 left-0.5 size-4 rounded-full transition-transform peer-checked:translate-x-4 forced-colors:hidden"
        />
      </span>
      {children}
    </label>
  );
}
