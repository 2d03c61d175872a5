// The frame of a chart over time: grid, labels, and what a bucket holds while the pointer is over it. Sizes are shares of the frame,
// so that it is drawn on the server already and nothing moves afterwards.
'use client';
import { useState, type PointerEvent, type ReactNode } from 'react';
import { labelled } from './scale';
import { bucketWords, tickOf, type Point, type Summary } from './series';

export interface ToldLine {
  text: string;
  colour: string;
  value: string;
}

/** `ticks` are the grid's values from zero up; `tell` says what a bucket holds; `children` draw into the frame. */
export function Plot({
  series,
  bucket,
  ticks,
  format,
  tell,
  children,
}: {
  series: readonly Point[];
  bucket: Summary['bucket'];
  ticks: readonly number[];
  format: (value: number) => string;
  tell: (point: Point) => ToldLine[];
  children: ReactNode;
}) {
  const [at, setAt] = useState<number | null>(null);
  const n = series.length;
  const top = ticks.at(-1)!;
  const [some, few] = [labelled(n, 8), labelled(n, 4)];
  const point = at === null ? undefined : series[at];

  function follow(event: PointerEvent<HTMLDivElement>) {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    setAt(Math.min(n - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * n))));
  }

  return (
    <div className="text-ink-3 grid h-56 grid-cols-[3.25rem_minmax(0,1fr)] grid-rows-[minmax(0,1fr)_1.25rem] text-[0.6875rem] tabular-nums">
      <div className="relative">
        {ticks.map((value) => (
          <span
            key={value}
            className="absolute right-2 translate-y-1/2 leading-none whitespace-nowrap"
            style={{ bottom: `${(value / top) * 100}%` }}
          >
            {format(value)}
          </span>
        ))}
      </div>
      <div className="relative" onPointerMove={follow} onPointerLeave={() => setAt(null)}>
        {ticks.map((value) => (
          <span
            key={value}
            className="border-line absolute inset-x-0 border-t"
            style={{ bottom: `${(value / top) * 100}%` }}
          />
        ))}
        {point && (
          <span
            className="bg-hover absolute inset-y-0 opacity-70"
            style={{ left: `${(at! / n) * 100}%`, width: `${100 / n}%` }}
          />
        )}
        <div className="absolute inset-0">{children}</div>
        {point && <Told at={at! / n} point={point} bucket={bucket} lines={tell(point)} />}
      </div>
      <div className="relative col-start-2">
        {series.map((entry, place) =>
          some.has(place) ? (
            <span
              key={entry.at}
              className={few.has(place) ? label : `${label} max-sm:hidden`}
              style={{ left: `${((place + 0.5) / n) * 100}%` }}
            >
              {tickOf(entry.at, bucket)}
            </span>
          ) : null,
        )}
      </div>
    </div>
  );
}

const label = 'absolute top-1.5 -translate-x-1/2 leading-none whitespace-nowrap';

// Beside its bucket, on the side where there is room.
function Told({
  at,
  point,
  bucket,
  lines,
}: {
  at: number;
  point: Point;
  bucket: Summary['bucket'];
  lines: readonly ToldLine[];
}) {
  const side =
    at < 0.5 ? { left: `calc(${at * 100}% + 2rem)` } : { right: `calc(${(1 - at) * 100}% + 0.5rem)` };
  return (
    <div
      className="bg-raised rounded-box shadow-raised text-ink pointer-events-none absolute top-0 z-10 px-2.5 py-2 text-xs"
      style={side}
    >
      <p className="mb-1 font-medium whitespace-nowrap">{bucketWords(point.at, bucket)}</p>
      {lines.map(({ text, colour, value }) => (
        <p key={text} className="flex items-center gap-1.5 whitespace-nowrap">
          <span className="size-2 rounded-full" style={{ background: colour }} />
          <span className="text-ink-3">{text}</span>
          <span className="ml-auto pl-3">{value}</span>
        </p>
      ))}
    </div>
  );
}
