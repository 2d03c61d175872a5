// The audit's filters as the address bar holds them, and as /api/v1/audit takes them. Pure; the moment is a parameter.
import { DENIALS } from '@/lib/policy/policy';
import { failures, outcomes } from './words';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** Ranges that end now. */
export const ranges = [
  { id: '15m', text: 'Last 15 minutes', ms: 15 * MINUTE_MS },
  { id: '1h', text: 'Last hour', ms: 60 * MINUTE_MS },
  { id: '24h', text: 'Last 24 hours', ms: DAY_MS },
  { id: '7d', text: 'Last 7 days', ms: 7 * DAY_MS },
  { id: '30d', text: 'Last 30 days', ms: 30 * DAY_MS },
  { id: '90d', text: 'Last 90 days', ms: 90 * DAY_MS },
] as const;
export type Range = (typeof ranges)[number]['id'];

/**
 * What the URL holds. `range` ends now; `from` and `to` are a day (UTC, both included) or a minute (`2026-11-21T09:30`, UTC) or a
 * whole moment; a range excludes them.
 */
export interface AuditFilter {
  range?: Range;
  from?: string;
  to?: string;
  member?: string;
  tool?: string;
  decision?: 'allow' | 'deny';
  outcome?: 'ok' | 'tool_error' | 'upstream_error' | 'unknown' | 'failed';
  reason?: string;
  kind?: 'call' | 'event';
  /** An id. */
  credential?: string;
  client?: string;
  method?: string;
}

/** What /api/v1/audit takes: `to` is the first moment left out. */
export type AuditQuery = Omit<AuditFilter, 'range'>;

export type FieldId = Exclude<keyof AuditFilter, 'range' | 'from' | 'to'>;

/** A field one can filter by: `options` are its known values, `free` lets any other be typed. */
export interface FilterField {
  id: FieldId;
  title: string;
  options: readonly (readonly [value: string, text: string])[];
  free: boolean;
  maxChars: number;
}

const sorted = (words: Record<string, string>) =>
  Object.entries(words).map(([code, sentence]) => [code, `${code}: ${sentence}`] as const);

export const fields: readonly FilterField[] = [
  { id: 'member', title: 'Person', options: [], free: true, maxChars: 320 },
  { id: 'tool', title: 'Tool', options: [], free: true, maxChars: 200 },
  {
    id: 'decision',
    title: 'Decision',
    options: [
      ['allow', 'Allowed'],
      ['deny', 'Denied'],
    ],
    free: false,
    maxChars: 10,
  },
  {
    id: 'outcome',
    title: 'Outcome',
    options: [
      ...Object.entries(outcomes).map(([id, { text }]) => [id, text] as const),
      ['failed', 'Any failure'],
    ],
    free: false,
    maxChars: 20,
  },
  {
    id: 'reason',
    title: 'Reason',
    options: [...sorted(DENIALS), ...sorted(failures)],
    free: true,
    maxChars: 100,
  },
  {
    id: 'kind',
    title: 'Kind',
    options: [
      ['call', 'Calls of agents'],
      ['event', 'Changes by people'],
    ],
    free: false,
    maxChars: 10,
  },
  { id: 'method', title: 'Method', options: methodOptions(), free: true, maxChars: 200 },
  { id: 'client', title: 'Client', options: [], free: true, maxChars: 200 },
  { id: 'credential', title: 'Credential', options: [], free: true, maxChars: 100 },
];

function methodOptions() {
  return ['initialize', 'tools/list', 'tools/call', 'resources/read'].map(
    (method) => [method, method] as const,
  );
}

/** The filter in a page's query. What a person types into the address bar is not always valid: what is not counts as no filter. */
export function filterIn(query: Record<string, string | string[] | undefined>): AuditFilter {
  const text = (name: string) => {
    const value = query[name];
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const filter: Record<string, string> = {};
  const range = ranges.find(({ id }) => id === text('range'))?.id;
  if (range) filter.range = range;
  else
    for (const end of ['from', 'to'] as const) {
      const value = text(end);
      if (value && isMoment(value)) filter[end] = value;
    }
  for (const { id, options, free, maxChars } of fields) {
    const value = text(id)?.slice(0, maxChars);
    if (value && (free || options.some(([option]) => option === value))) filter[id] = value;
  }
  return filter;
}

function isMoment(value: string): boolean {
  if (!/^[1-9]\d{3}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?Z)?)?$/.test(value)) return false;
  const at = new Date(utc(value));
  // A day that no calendar has (the 30th of February) would become another one.
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === value.slice(0, 10);
}

// A day or a minute without a zone is one of UTC, as everywhere in the portal.
const utc = (value: string) => (value.length === 16 ? `${value}:00Z` : value);

/** The same filter for /api/v1/audit at a moment. */
export function queryOf({ range, from, to, ...rest }: AuditFilter, now = Date.now()): AuditQuery {
  const span = ranges.find(({ id }) => id === range)?.ms;
  if (span) return { ...rest, from: new Date(now - span).toISOString() };
  return {
    ...rest,
    ...(from ? { from: utc(from) } : {}),
    // A day is included whole.
    ...(to ? { to: to.length === 10 ? new Date(Date.parse(to) + DAY_MS).toISOString() : utc(to) } : {}),
  };
}

/** Whether a query ends in the past, where nothing new can come. */
export function isOver({ to }: AuditQuery, now = Date.now()): boolean {
  return to !== undefined && Date.parse(to) <= now;
}

/** The address of a page with a filter. */
export function hrefWith(filter: AuditFilter, path = '/admin/audit'): string {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== undefined));
  return query.size > 0 ? `${path}?${query}` : path;
}

/** The time of a filter in words; null without one. */
export function timeWords({ range, from, to }: AuditFilter): string | null {
  const preset = ranges.find(({ id }) => id === range);
  if (preset) return preset.text;
  const words = (moment: string) => moment.replace('T', ' ').replace(/(\.\d+)?Z$/, '');
  if (from && to) return from === to ? `${words(from)} (UTC)` : `${words(from)} to ${words(to)} (UTC)`;
  if (from) return `From ${words(from)} (UTC)`;
  return to ? `Until ${words(to)} (UTC)` : null;
}

/** A value of a field in words. */
export function valueWords(id: FieldId, value: string): string {
  if (id === 'reason' || id === 'method') return value;
  return fields.find((field) => field.id === id)?.options.find(([option]) => option === value)?.[1] ?? value;
}
