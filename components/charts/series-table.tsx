// The charts' numbers as a table, for those who read rather than look; each line leads to its records.
import Link from 'next/link';
import { hrefWith } from '../audit/filter';
import { bucketWords, duration, stacked, type Point, type Summary } from './series';

const HOUR_MS = 3_600_000;

export function SeriesTable({ series, bucket }: { series: readonly Point[]; bucket: Summary['bucket'] }) {
  return (
    <details className="mt-4">
      <summary className="text-ink-3 hover:text-ink min-h-6 text-sm">The same as a table</summary>
      {/* Focusable, so that it scrolls by keyboard (WCAG 2.1.1). */}
      {/* oxlint-disable jsx-a11y/no-noninteractive-tabindex, jsx-a11y/prefer-tag-over-role */}
      <div
        role="region"
        aria-label="Calls over time, as a table"
        tabIndex={0}
        className="border-line rounded-box mt-2 max-h-80 overflow-auto border"
      >
        <table className="w-full text-sm tabular-nums">
          <thead className="bg-sunken text-ink-3 sticky top-0 text-xs">
            <tr>
              <th scope="col" className="h-8 px-3 text-left font-medium">
                {bucket === 'hour' ? 'Hour' : 'Day'}
              </th>
              {['Calls', 'Allowed', 'Denied', 'Failed', 'p50', 'p95'].map((name) => (
                <th key={name} scope="col" className="h-8 px-3 text-right font-medium">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {series.toReversed().map((point) => (
              <tr key={point.at} className="hover:bg-hover/50">
                <th scope="row" className="px-3 py-1 text-left font-normal whitespace-nowrap">
                  <Link href={hrefOf(point.at, bucket)} prefetch={false} className="hover:underline">
                    {bucketWords(point.at, bucket)}
                  </Link>
                </th>
                {[point.calls, ...Object.values(stacked(point))].map((n, at) => (
                  // oxlint-disable-next-line react/no-array-index-key -- columns never change places
                  <td key={at} className="px-3 py-1 text-right">
                    {n.toLocaleString('en')}
                  </td>
                ))}
                <td className="px-3 py-1 text-right whitespace-nowrap">{duration(point.p50Ms)}</td>
                <td className="px-3 py-1 text-right whitespace-nowrap">{duration(point.p95Ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function hrefOf(at: string, bucket: Summary['bucket']): string {
  if (bucket === 'day') return hrefWith({ from: at.slice(0, 10), to: at.slice(0, 10), kind: 'call' });
  const end = new Date(Date.parse(at) + HOUR_MS).toISOString();
  return hrefWith({ from: at.slice(0, 16), to: end.slice(0, 16), kind: 'call' });
}
