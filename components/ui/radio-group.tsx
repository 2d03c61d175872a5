// A choice of one among a few that all deserve to be seen.
'use client';
import { useId, type ReactNode } from 'react';
import { classNames } from './class-names';

export interface RadioOption<V extends string> {
  value: V;
  label: ReactNode;
  hint?: ReactNode;
  disabled?: boolean;
}

/** A fieldset of radio buttons; arrow keys move between them as the platform does it. */
export function RadioGroup<V extends string>({
  label,
  hideLabel = false,
  hint,
  name,
  options,
  value,
  onChange,
  className,
}: {
  label: string;
  hideLabel?: boolean;
  hint?: ReactNode;
  name: string;
  options: readonly RadioOption<V>[];
  value: V;
  onChange: (value: NoInfer<V>) => void;
  className?: string;
}) {
  const id = useId();
  return (
    <fieldset className={className} aria-describedby={hint ? `${id}-hint` : undefined}>
      <legend className={hideLabel ? 'sr-only' : 'mb-1 text-sm font-medium'}>{label}</legend>
      {hint && (
        <p id={`${id}-hint`} className="text-ink-3 mb-2 text-sm">
          {hint}
        </p>
      )}
      <div className="border-line divide-line rounded-box bg-surface divide-y border">
        {options.map((option) => (
          <label
            key={option.value}
            className={classNames(
              'flex items-start gap-2.5 px-3 py-2',
              option.disabled ? 'opacity-60' : 'hover:bg-hover',
            )}
          >
            <span className="relative mt-0.5 inline-flex size-4 shrink-0">
              {/* The native button lies over its drawing, 24 px wide (WCAG 2.5.8). */}
              <input
                type="radio"
                name={name}
                value={option.value}
                checked={value === option.value}
                disabled={option.disabled}
                aria-describedby={option.hint ? `${id}-${option.value}` : undefined}
                onChange={() => onChange(option.value)}
                className="peer absolute -inset-1 z-[1] size-6 opacity-0 forced-colors:opacity-100"
              />
              <span
                aria-hidden="true"
                className="border-control bg-surface peer-checked:border-accent peer-focus-visible:outline-accent pointer-events-none size-4 rounded-full border peer-checked:border-[5px] peer-focus-visible:outline-2 peer-focus-visible:outline-offset-2 forced-colors:hidden"
              />
            </span>
            <span className="min-w-0">
              <span className="block text-sm">{option.label}</span>
              {option.hint && (
                <span id={`${id}-${option.value}`} className="text-ink-3 block text-sm">
                  {option.hint}
                </span>
              )}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
