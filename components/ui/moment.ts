// Moments in words. Pure; English, like the portal.

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "in 3 days", "2 hours ago", "just now". */
export function relative(at: number, now: number): string {
  const seconds = (at - now) / 1000;
  for (const [unit, size] of steps)
    if (Math.abs(seconds) >= size)
      return new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(Math.round(seconds / size), unit);
  return seconds > 5 ? 'in a moment' : 'just now';
}

/** "21 Nov 2026, 09:04:12 UTC". */
export function exactUtc(iso: string): string {
  const at = new Date(iso);
  const date = at.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  });
  return `${date}, ${at.toISOString().slice(11, 19)} UTC`;
}
