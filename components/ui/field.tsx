// The frame of every form field: label, hint and error, tied to the control by aria.
import CircleAlert from 'lucide-react/icons/circle-alert';
import { useId, type ReactNode } from 'react';

export interface FieldText {
  label: string;
  /** What to enter, or what it does; always visible. */
  hint?: ReactNode;
  /** What is wrong and how to put it right. */
  error?: string | null;
  optional?: boolean;
  /** The label is read out but not shown (search boxes, table cells). */
  hideLabel?: boolean;
}

export interface Wiring {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': true | undefined;
}

/** The classes of a box one can type in or choose from. */
export const boxClasses =
  'border-control bg-surface text-ink placeholder:text-ink-3 rounded-box h-8 w-full min-w-0 border px-2.5 text-base max-sm:text-[1rem] ' +
  'pointer-coarse:h-10 hover:border-ink-3 disabled:opacity-60 aria-invalid:border-danger focus-visible:outline-offset-0';

/** `children` receives the attributes that the control must carry. */
export function Field({
  label,
  hint,
  error,
  optional,
  hideLabel,
  id: givenId,
  className,
  children,
}: FieldText & { id?: string; className?: string; children: (wiring: Wiring) => ReactNode }) {
  const ownId = useId();
  const id = givenId ?? ownId;
  const hintId = hint ? `${id}-hint` : null;
  const errorId = error ? `${id}-error` : null;
  return (
    <div className={className}>
      <label
        htmlFor={id}
        className={hideLabel ? 'sr-only' : 'text-ink mb-1 inline-block text-sm font-medium'}
      >
        {label}
        {optional && <span className="text-ink-3 font-normal"> (optional)</span>}
      </label>
      {children({
        id,
        'aria-describedby': [errorId, hintId].filter(Boolean).join(' ') || undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {error && (
        <p id={errorId!} className="text-danger mt-1 flex gap-1.5 text-sm">
          <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
          {error}
        </p>
      )}
      {hint && (
        <p id={hintId!} className="text-ink-3 mt-1 text-sm">
          {hint}
        </p>
      )}
    </div>
  );
}
