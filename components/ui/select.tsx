// A choice of one from a list: the platform's own control, which every keyboard, phone and screen reader knows.
import ChevronDown from 'lucide-react/icons/chevron-down';
import type { ComponentProps } from 'react';
import { classNames } from './class-names';
import { boxClasses, Field, type FieldText } from './field';

/** Options as `[value, text]`. */
export function Select({
  label,
  hint,
  error,
  optional,
  hideLabel,
  id,
  options,
  className,
  ...select
}: ComponentProps<'select'> & FieldText & { options: readonly (readonly [value: string, text: string])[] }) {
  return (
    <Field {...{ label, hint, error, optional, hideLabel, id, className }}>
      {(wiring) => (
        <span className="relative block">
          <select {...select} {...wiring} className={classNames(boxClasses, 'appearance-none pr-8')}>
            {options.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
          <ChevronDown
            aria-hidden="true"
            className="text-ink-3 pointer-events-none absolute top-1/2 right-2.5 size-4 -translate-y-1/2"
          />
        </span>
      )}
    </Field>
  );
}
