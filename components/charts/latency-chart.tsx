// How long allowed calls took over time: the middle and the slow end, as lines that break where nothing was measured.
'use client';
import { classNames } from '../ui/class-names';
import { ChartFigure } from './chart-figure';
import { Plot } from './plot';
import { ticksFor } from './scale';
import { duration, percentiles, type Point, type Summary } from './series';

/** `label` says in a sentence what the picture shows; a table beside it holds its numbers. */
export function LatencyChart({
  series,
  bucket,
  label,
}: {
  series: readonly Point[];
  bucket: Summary['bucket'];
  label: string;
}) {
  const ticks = ticksFor(Math.max(0, ...series.map(({ p95Ms }) => p95Ms ?? 0)), { whole: false });
  const top = ticks.at(-1)!;
  const place = (at: number, ms: number) => ({
    x: ((at + 0.5) / series.length) * 100,
    y: 100 - (ms / top) * 100,
  });
  return (
    <ChartFigure label={label} legend={percentiles}>
      <Plot
        series={series}
        bucket={bucket}
        ticks={ticks}
        format={duration}
        tell={(point) =>
          percentiles
            .toReversed()
            .map(({ id, text, colour }) => ({ text, colour, value: duration(point[id]) }))
        }
      >
        {/* Stretched to the frame; strokes keep their width. */}
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" className="size-full overflow-visible">
          {percentiles.map(({ id, colour, dash }) => (
            <path
              key={id}
              d={pathOf(series.map((point, at) => (point[id] === null ? null : place(at, point[id]))))}
              fill="none"
              stroke={colour}
              strokeWidth={2}
              strokeDasharray={dash}
              strokeLinejoin="round"
              vectorEffect="non-scaling-stroke"
            />
          ))}
        </svg>
        {percentiles.map(({ id, colour }) =>
          series.map((point, at) => {
            if (point[id] === null) return null;
            const { x, y } = place(at, point[id]);
            // A lone bucket between empty ones is no line at all, so its dot has to be seen.
            const lone = (series[at - 1]?.[id] ?? null) === null && (series[at + 1]?.[id] ?? null) === null;
            return (
              <span
                key={`${id} ${point.at}`}
                className={classNames('absolute -translate-1/2 rounded-full', lone ? 'size-2' : 'size-1')}
                style={{ left: `${x}%`, top: `${y}%`, background: colour }}
              />
            );
          }),
        )}
      </Plot>
    </ChartFigure>
  );
}

function pathOf(points: readonly ({ x: number; y: number } | null)[]): string {
  return points
    .map((point, at) => {
      if (!point) return '';
      return `${points[at - 1] ? 'L' : 'M'}${point.x.toFixed(2)} ${point.y.toFixed(2)}`;
    })
    .join('');
}
