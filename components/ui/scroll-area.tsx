// A part that scrolls by itself; focusable, so that it scrolls by keyboard, too (WCAG 2.1.1).
import type { ReactNode } from 'react';
import { classNames } from './class-names';

/** `label` says what is in it; the height limit comes from `className`. */
export function ScrollArea({
  label,
  className,
  children,
}: {
  label: string;
  className?: string;
  children: ReactNode;
}) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex, jsx-a11y/prefer-tag-over-role
    <div role="region" aria-label={label} tabIndex={0} className={classNames('overflow-y-auto', className)}>
      {children}
    </div>
  );
}
