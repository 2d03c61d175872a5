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
      <input
        {...input}
        type="checkbox"
        aria-describedby={hint ? hintId : input['aria-describedby']}
        ref={(element) => {
          if (element) element.indeterminate = indeterminate;
        }}
        className={classNames(
          'peer border-control bg-surface size-4 appearance-none rounded-inner border forced-colors:appearance-auto',
          'checked:border-accent checked:bg-accent indeterminate:border-accent indeterminate:bg-accent disabled:opacity-50',
          // The whole row is the target (24 px, WCAG 2.5.8).
          'before:absolute before:-inset-1.5 before:content-[""]',
        )}
      />
      <svg
        aria-hidden="true"
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
        className="text-on-accent pointer-events-none absolute inset-0 hidden peer-checked:block peer-indeterminate:hidden forced-colors:hidden!"
      >
        <path d="m4 8.5 2.5 2.5L12 5.5" />
      </svg>
      <svg
        aria-hidden="true"
        viewBox="0 0 16 16"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        className="text-on-accent pointer-events-none absolute inset-0 hidden peer-indeterminate:block forced-colors:hidden!"
      >
        <path d="M4.5 8h7" />
      </svg>
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
