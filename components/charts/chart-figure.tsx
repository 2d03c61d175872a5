// A chart with its legend; to those who do not see it, it is one picture with a sentence.
import type { ReactNode } from 'react';

export function ChartFigure({
  label,
  legend,
  children,
}: {
  label: string;
  legend: readonly { text: string; colour: string; dash?: string }[];
  children: ReactNode;
}) {
  return (
    <figure>
      <figcaption className="text-ink-3 mb-3 flex flex-wrap gap-x-4 gap-y-1 text-xs">
        {legend.map(({ text, colour, dash }) => (
          <span key={text} className="inline-flex items-center gap-1.5">
            <svg aria-hidden="true" viewBox="0 0 12 10" className="w-3">
              {dash === undefined ? (
                <rect width="10" height="10" rx="2" fill={colour} />
              ) : (
                <path d="M0 5h12" stroke={colour} strokeWidth="2" strokeDasharray={dash} />
              )}
            </svg>
            {text}
          </span>
        ))}
      </figcaption>
      {/* oxlint-disable-next-line jsx-a11y/prefer-tag-over-role -- a drawing of many elements that is one picture */}
      <div role="img" aria-label={label}>
        {children}
      </div>
    </figure>
  );
}
