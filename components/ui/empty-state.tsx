// Where nothing is yet: says what this place is for and what to do first.
import type { ReactNode } from 'react';

/** `action` is the first step, as one button or link. */
export function EmptyState({
  icon,
  title,
  children,
  action,
}: {
  icon?: ReactNode;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center px-6 py-10 text-center">
      {icon && (
        <span aria-hidden="true" className="bg-sunken text-ink-3 rounded-box mb-3 p-2 [&_svg]:size-5">
          {icon}
        </span>
      )}
      <p className="font-medium">{title}</p>
      {children && <div className="text-ink-3 mt-1 max-w-md text-sm text-balance">{children}</div>}
      {action && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}
