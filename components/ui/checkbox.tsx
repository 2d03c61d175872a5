// A box to tick: a native input under its own drawing, so that keyboard, forms and screen readers work as everywhere.
'use client';
import { useId, type ComponentProps, type ReactNode } from 'react';
import { classNames } from './class-names';

/** `indeterminate` shows that some of what stands below is ticked. `children` is the label; without it give `aria-label`. */
export function Checkbox({
  indeterminate = false,
  children,
  hint,
  className,
  ...input
}: Omit<ComponentProps<'input'>, 'type' | 'children'> & {
  indeterminate?: boolean;
  children?: ReactNode;
  hint?: ReactNode;
}) {
  const hintId = useId();
  const box = (
    <span className="relative mt-0.5 inline-flex size-4 shrink-0">
      {/* The native box lies over its drawing, 24 px wide (WCAG 2.5.8). */}
      <input
        {...input}
        type="checkbox"
        aria-describedby={hint ? hintId : input['aria-describedby']}
        ref={(element) => {
          if (element) element.indeterminate = indeterminate;
        }}
        className="peer absolute -inset-1 z-[1] size-6 opacity-0 forced-colors:opacity-100"
      />
      <span
        aria-hidden="true"
        className={classNames(
          'border-control bg-surface text-on-accent pointer-events-none size-4 rounded-inner border peer-disabled:opacity-50 forced-colors:hidden',
          'peer-checked:border-accent peer-checked:bg-accent peer-indeterminate:border-accent peer-indeterminate:bg-accent',
          'peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 peer-focus-visible:outline-accent',
          'peer-checked:[&_.tick]:block peer-indeterminate:[&_.dash]:block peer-indeterminate:[&_.tick]:hidden',
        )}
      >
        <svg
          viewBox="0 0 14 14"
          fill="none"
          stroke="currentColor"
          strokeWidth="2"
          strokeLinecap="round"
          strokeLinejoin="round"
        >
          <path className="tick hidden" d="m3 7.5 2.5 2.5L11 4.5" />
          <path className="dash hidden" d="M3.5 7h7" />
        </svg>
      </span>
    </span>
  );
  if (children === undefined) return box;
  return (
    <div className={className}>
      <label className="flex min-h-6 items-start gap-2 text-sm">
        {box}
        <span className="min-w-0 flex-1">{children}</span>
      </label>
      {hint && (
        <p id={hintId} className="text-ink-3 pl-6 text-sm">
          {hint}
        </p>
      )}
    </div>
  );
}
