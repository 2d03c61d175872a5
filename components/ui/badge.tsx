// A short mark: never colour alone, always a word.
import type { ReactNode } from 'react';
import { classNames } from './class-names';

export type Tone = 'neutral' | 'accent' | 'success' | 'warn' | 'danger';

const tones: Record<Tone, string> = {
  neutral: 'bg-hover text-ink-2',
  accent: 'bg-accent-soft text-accent',
  success: 'bg-success-soft text-success',
  warn: 'bg-warn-soft text-warn',
  danger: 'bg-danger-soft text-danger',
};

/** `icon` is decoration. */
export function Badge({
  tone = 'neutral',
  icon,
  children,
  className,
}: {
  tone?: Tone;
  icon?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <span
      className={classNames(
        'rounded-box inline-flex h-5 shrink-0 items-center gap-1 px-1.5 text-xs font-medium whitespace-nowrap [&_svg]:size-3',
        'forced-colors:border',
        tones[tone],
        className,
      )}
    >
      {icon}
      {children}
    </span>
  );
}
