// A message in the page: what happened, why, what to do next.
import CircleAlert from 'lucide-react/icons/circle-alert';
import CircleCheck from 'lucide-react/icons/circle-check';
import Info from 'lucide-react/icons/info';
import TriangleAlert from 'lucide-react/icons/triangle-alert';
import type { ReactNode } from 'react';
import { classNames } from './class-names';

export type CalloutTone = 'info' | 'warn' | 'danger' | 'success';

const looks = {
  info: { plane: 'bg-accent-soft', ink: 'text-accent', Icon: Info },
  warn: { plane: 'bg-warn-soft', ink: 'text-warn', Icon: TriangleAlert },
  danger: { plane: 'bg-danger-soft', ink: 'text-danger', Icon: CircleAlert },
  success: { plane: 'bg-success-soft', ink: 'text-success', Icon: CircleCheck },
} as const;

/** `live` makes a screen reader say it when it appears: at once for danger, at the next pause otherwise. */
export function Callout({
  tone = 'info',
  title,
  children,
  actions,
  live = false,
  className,
}: {
  tone?: CalloutTone;
  title?: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
  live?: boolean;
  className?: string;
}) {
  const { plane, ink, Icon } = looks[tone];
  return (
    <div
      role={live ? (tone === 'danger' ? 'alert' : 'status') : undefined}
      className={classNames(
        'rounded-box flex gap-2.5 px-3 py-2.5 text-sm forced-colors:border',
        plane,
        className,
      )}
    >
      <Icon aria-hidden="true" className={classNames('mt-0.5 size-4 shrink-0', ink)} />
      <div className="min-w-0 flex-1 [overflow-wrap:anywhere]">
        {title && <p className={classNames('font-medium', ink)}>{title}</p>}
        {children && <div className="text-ink-2">{children}</div>}
        {actions && <div className="mt-2 flex flex-wrap gap-2">{actions}</div>}
      </div>
    </div>
  );
}
