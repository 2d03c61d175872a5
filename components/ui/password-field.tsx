// A password with a button that shows it: a person who sees what they type needs no second field.
'use client';
import Eye from 'lucide-react/icons/eye';
import EyeOff from 'lucide-react/icons/eye-off';
import { useState, type ComponentProps } from 'react';
import { classNames } from './class-names';
import { boxClasses, Field, type FieldText } from './field';

export function PasswordField({
  label,
  hint,
  error,
  optional,
  id,
  className,
  ...input
}: ComponentProps<'input'> & FieldText) {
  const [shown, setShown] = useState(false);
  return (
    <Field {...{ label, hint, error, optional, id, className }}>
      {(wiring) => (
        <span className="relative block">
          <input
            {...input}
            {...wiring}
            type={shown ? 'text' : 'password'}
            autoCapitalize="none"
            spellCheck={false}
            className={classNames(boxClasses, 'pr-10')}
          />
          <button
            type="button"
            aria-label={`${shown ? 'Hide' : 'Show'} ${label.toLowerCase()}`}
            aria-pressed={shown}
            onClick={() => setShown(!shown)}
            className="text-ink-3 hover:text-ink rounded-inner absolute top-1/2 right-1 inline-flex size-7 -translate-y-1/2 items-center justify-center [&_svg]:size-4"
          >
            {shown ? <EyeOff aria-hidden="true" /> : <Eye aria-hidden="true" />}
          </button>
        </span>
      )}
    </Field>
  );
}
