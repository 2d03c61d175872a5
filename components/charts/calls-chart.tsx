// Allowed, denied and failed calls over time, one upon the other.
'use client';
import { ChartFigure } from './chart-figure';
import { Plot } from './plot';
import { ticksFor } from './scale';
import { kinds, stacked, type Point, type Summary } from './series';

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** `label` says in a sentence what the picture shows; a table beside it holds its numbers. */
export function CallsChart({
  series,
  bucket,
  label,
}: {
  series: readonly Point[];
  bucket: Summary['bucket'];
  label: string;
}) {
  const ticks = ticksFor(Math.max(...series.map(({ calls }) => calls)), { whole: true });
  const top = ticks.at(-1)!;
  return (
    <ChartFigure label={label} legend={kinds}>
      <Plot
        series={series}
        bucket={bucket}
        ticks={ticks}
        format={(value) => compact.format(value)}
        tell={(point) =>
          kinds.toReversed().map(({ id, text, colour }) => ({
            text,
            colour,
            value: stacked(point)[id].toLocaleString('en'),
          }))
        }
      >
        <div className="flex size-full items-end">
          {series.map((point) => {
            const parts = stacked(point);
            return (
              // A hair of the plane between the parts, so that they are parted without colour.
              <div key={point.at} className="flex h-full min-w-0 flex-1 flex-col-reverse items-center gap-px">
                {kinds.map(
                  ({ id, colour }) =>
                    parts[id] > 0 && (
                      <span
                        key={id}
                        className="min-h-0.5 w-[84%] shrink-0 last:rounded-t-[2px]"
                        style={{ height: `${(parts[id] / top) * 100}%`, background: colour }}
                      />
                    ),
                )}
              </div>
            );
          })}
        </div>
      </Plot>
    </ChartFigure>
  );
}
