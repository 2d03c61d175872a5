// A titled part of a page on its own plane.
import { useId, type ReactNode } from 'react';
import { classNames } from './class-names';

/** `flush` lets tables and lists reach the edges. `level` is the heading's place in the page's outline. */
export function Section({
  title,
  description,
  actions,
  flush = false,
  level = 2,
  id,
  className,
  children,
}: {
  title: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  flush?: boolean;
  level?: 2 | 3;
  id?: string;
  className?: string;
  children: ReactNode;
}) {
  const headingId = useId();
  const Heading = `h${level}` as const;
  return (
    <section
      id={id}
      aria-labelledby={headingId}
      className={classNames('border-line bg-surface rounded-box border', className)}
    >
      <header
        className={classNames(
          'flex flex-wrap items-start justify-between gap-x-4 gap-y-2 px-4 pt-3',
          flush ? 'border-line border-b pb-3' : 'pb-1',
        )}
      >
        <div className="min-w-0">
          <Heading id={headingId} className="text-base font-semibold">
            {title}
          </Heading>
          {description && <div className="text-ink-3 text-sm">{description}</div>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      <div className={flush ? undefined : 'px-4 pt-2 pb-4'}>{children}</div>
    </section>
  );
}
