// The audit's sums as charts show them: ranges, colours, labels. Pure.
import type { OperationAnswer } from '@/lib/portal/operations';

export type Summary = OperationAnswer<'GET /audit/summary'>;
export type Point = Summary['series'][number];

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export const chartRanges = [
  { id: '1d', text: '1 day', audit: '24h', days: 1 },
  { id: '7d', text: '7 days', audit: '7d', days: 7 },
  { id: '30d', text: '30 days', audit: '30d', days: 30 },
  { id: '90d', text: '90 days', audit: '90d', days: 90 },
] as const;
export type ChartRange = (typeof chartRanges)[number];

/** The range in a page's query; seven days without one. */
export function chartRangeIn(range: string | string[] | undefined): ChartRange {
  return chartRanges.find(({ id }) => id === range) ?? chartRanges[1];
}

/**
 * From when to when a chart goes: whole hours for one day, whole days (UTC) for more, the present one included. The audit's own
 * list is asked for the same two moments, so that both say the same.
 */
export function spanOf({ days }: ChartRange, now = Date.now()): { from: string; to: string } {
  const step = days === 1 ? HOUR_MS : DAY_MS;
  const to = (Math.floor(now / step) + 1) * step;
  return { from: new Date(to - days * DAY_MS).toISOString(), to: new Date(to).toISOString() };
}

/**
 * What is stacked, from the bottom up. The three differ in lightness as much as in hue, and each stands out 3:1 from the plane
 * (WCAG 1.4.11).
 */
export const kinds = [
  { id: 'allowed', text: 'Allowed', colour: 'light-dark(oklch(0.64 0.105 240), oklch(0.56 0.1 243))' },
  { id: 'denied', text: 'Denied', colour: 'light-dark(oklch(0.5 0.11 68), oklch(0.74 0.12 75))' },
  { id: 'failed', text: 'Failed', colour: 'light-dark(oklch(0.33 0.13 26), oklch(0.9 0.06 22))' },
] as const;

/** The two percentiles: a whole line and one of dashes, for those who see no colours. */
export const percentiles = [
  {
    id: 'p50Ms',
    text: 'Half of the calls (p50)',
    colour: 'light-dark(oklch(0.64 0.105 240), oklch(0.6 0.1 243))',
    dash: undefined,
  },
  {
    id: 'p95Ms',
    text: '95 of 100 (p95)',
    colour: 'light-dark(oklch(0.33 0.09 250), oklch(0.9 0.04 240))',
    dash: '5 2',
  },
] as const;

/** A bucket with what was allowed and went well, so that the three add up to all calls. */
export function stacked({ calls, denied, failed }: Pick<Point, 'calls' | 'denied' | 'failed'>) {
  return { allowed: calls - denied - failed, denied, failed };
}

/** "09:00" for an hour, "21 Nov" for a day. */
export function tickOf(at: string, bucket: Summary['bucket']): string {
  return bucket === 'hour'
    ? at.slice(11, 16)
    : new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
}

/** "21 Nov, 09:00 UTC" for an hour, "Sat 21 Nov (UTC)" for a day. */
export function bucketWords(at: string, bucket: Summary['bucket']): string {
  return bucket === 'hour'
    ? `${tickOf(at, 'day')}, ${tickOf(at, 'hour')} UTC`
    : `${new Date(at).toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' })} (UTC)`;
}

/** "12 ms", "1.4 s"; a dash where nothing was measured. */
export function duration(ms: number | null): string {
  if (ms === null) return '–';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
