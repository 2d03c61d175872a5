// A few lines of text with label, hint and error.
import type { ComponentProps } from 'react';
import { classNames } from './class-names';
import { boxClasses, Field, type FieldText } from './field';

/** `rows` is the height at the start; it can be drawn taller. */
export function TextArea({
  label,
  hint,
  error,
  optional,
  hideLabel,
  id,
  className,
  rows = 3,
  ...area
}: ComponentProps<'textarea'> & FieldText) {
  return (
    <Field {...{ label, hint, error, optional, hideLabel, id, className }}>
      {(wiring) => (
        <textarea {...area} {...wiring} rows={rows} className={classNames(boxClasses, 'h-auto! py-1.5')} />
      )}
    </Field>
  );
}
