// A choice between two or three views of the same thing, side by side: native radio buttons under their drawing.
'use client';
import { useId } from 'react';

/** Options as `[value, text]`; arrow keys move between them. */
export function Segments<V extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: V;
  options: readonly (readonly [value: V, text: string])[];
  onChange: (value: V) => void;
}) {
  const name = useId();
  return (
    <fieldset className="bg-sunken border-line rounded-box inline-flex w-fit gap-0.5 border p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map(([option, text]) => (
        <label
          key={option}
          className="rounded-inner text-ink-2 hover:text-ink has-checked:bg-surface has-checked:text-ink has-checked:ring-line has-focus-visible:outline-accent relative flex h-6 items-center px-2.5 text-sm font-medium has-checked:ring-1 has-focus-visible:outline-2 pointer-coarse:h-9 forced-colors:has-checked:outline"
        >
          <input
            type="radio"
            name={name}
            value={option}
            checked={value === option}
            onChange={() => onChange(option)}
            className="absolute inset-0 opacity-0"
          />
          {text}
        </label>
      ))}
    </fieldset>
  );
}
