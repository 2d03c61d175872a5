// Buttons, and links that look like them. A button that works keeps its width, its focus and its name.
import Link from 'next/link';
import type { ComponentProps, MouseEvent, ReactNode } from 'react';
import { classNames } from './class-names';
import { Spinner } from './spinner';

export type ButtonVariant = 'primary' | 'secondary' | 'quiet' | 'danger';
export type ButtonSize = 'md' | 'sm';

interface Looks {
  variant?: ButtonVariant;
  size?: ButtonSize;
  /** A lucide icon before the text. */
  icon?: ReactNode;
}

const variants: Record<ButtonVariant, string> = {
  primary: 'bg-accent text-on-accent hover:bg-accent-hover',
  secondary: 'border border-control/60 bg-surface text-ink hover:bg-hover',
  quiet: 'text-ink-2 hover:bg-hover hover:text-ink',
  danger: 'bg-danger-solid text-on-danger hover:bg-danger-hover',
};

const sizes: Record<ButtonSize, string> = {
  md: 'h-8 px-3 pointer-coarse:h-10',
  sm: 'h-7 px-2.5 pointer-coarse:h-9',
};

/** The classes of a button, for elements that must be something else. */
export function buttonClasses({ variant = 'secondary', size = 'md' }: Looks, className?: string): string {
  return classNames(
    'relative inline-flex shrink-0 items-center justify-center gap-1.5 rounded-box text-sm font-medium whitespace-nowrap',
    'transition-colors duration-100 select-none disabled:opacity-50 aria-disabled:cursor-default [&_svg]:size-4 [&_svg]:shrink-0',
    variants[variant],
    sizes[size],
    className,
  );
}

/** A button. While `loading` it cannot be pressed, stays focusable, and says so to screen readers. */
export function Button({
  variant,
  size,
  icon,
  loading = false,
  className,
  children,
  onClick,
  type = 'button',
  ...rest
}: Omit<ComponentProps<'button'>, 'onClick'> &
  Looks & { loading?: boolean; onClick?: (event: MouseEvent<HTMLButtonElement>) => void | Promise<void> }) {
  return (
    <button
      {...rest}
      type={type}
      aria-disabled={loading || undefined}
      aria-busy={loading || undefined}
      onClick={loading ? (event) => event.preventDefault() : onClick && ((event) => void onClick(event))}
      className={buttonClasses({ variant, size }, className)}
    >
      {loading && (
        <span className="absolute inset-0 flex items-center justify-center">
          <Spinner />
        </span>
      )}
      <span className={classNames('inline-flex items-center gap-1.5', loading && 'opacity-0')}>
        {icon}
        {children}
      </span>
    </button>
  );
}

/** A link inside the app that looks like a button. */
export function ButtonLink({
  variant,
  size,
  icon,
  className,
  children,
  ...rest
}: ComponentProps<typeof Link> & Looks) {
  return (
    <Link {...rest} className={buttonClasses({ variant, size }, className)}>
      {icon}
      {children}
    </Link>
  );
}

/** A plain link that looks like a button: for what is not a page of the app (a redirect elsewhere, a download). */
export function ButtonAnchor({
  variant,
  size,
  icon,
  className,
  children,
  ...rest
}: ComponentProps<'a'> & Looks) {
  return (
    <a {...rest} className={buttonClasses({ variant, size }, className)}>
      {icon}
      {children}
    </a>
  );
}
