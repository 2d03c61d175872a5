// A line of text with its label, hint and error.
import type { ComponentProps, ReactNode } from 'react';
import { classNames } from './class-names';
import { boxClasses, Field, type FieldText } from './field';

/** `icon` stands inside the box, before the text. */
export function TextField({
  label,
  hint,
  error,
  optional,
  hideLabel,
  id,
  icon,
  mono,
  className,
  ...input
}: ComponentProps<'input'> & FieldText & { icon?: ReactNode; mono?: boolean }) {
  return (
    <Field {...{ label, hint, error, optional, hideLabel, id, className }}>
      {(wiring) => (
        <span className="relative block">
          {icon && (
            <span className="text-ink-3 pointer-events-none absolute inset-y-0 left-2.5 flex items-center [&_svg]:size-4">
              {icon}
            </span>
          )}
          <input
            type="text"
            {...input}
            {...wiring}
            className={classNames(boxClasses, icon ? 'pl-8' : null, mono && 'font-mono text-sm')}
          />
        </span>
      )}
    </Field>
  );
}
