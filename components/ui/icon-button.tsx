// A button that is only an icon: it always has a name, and a tooltip that shows it.
'use client';
import type { ComponentProps, ReactNode } from 'react';
import { buttonClasses, type ButtonVariant } from './button';
import { Tooltip } from './tooltip';

/** `label` is the accessible name and the tooltip. */
export function IconButton({
  label,
  icon,
  variant = 'quiet',
  className,
  ...rest
}: Omit<ComponentProps<'button'>, 'children'> & { label: string; icon: ReactNode; variant?: ButtonVariant }) {
  return (
    <Tooltip text={label}>
      <button
        type="button"
        {...rest}
        aria-label={label}
        className={buttonClasses({ variant }, `w-8 px-0 pointer-coarse:w-10 ${className ?? ''}`)}
      >
        {icon}
      </button>
    </Tooltip>
  );
}
