// Reads how long Asana asks to wait. Whatever it says, the wait is between one second and five minutes (UF-04).

/** `Retry-After` (RFC 9110 §10.2.3: seconds or a date) in ms, clamped; null where it is missing or makes no sense. */
export function retryAfterMs(value: string | null | undefined, nowMs: number): number | null {
  const text = value?.trim() ?? '';
  // Every HTTP-date begins with the day's name; Date.parse would make a date of "-5" too.
  const untilMs = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : NaN;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : untilMs - nowMs;
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 1_000), 300_000);
}
