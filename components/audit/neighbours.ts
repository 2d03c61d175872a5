// The records before and after one in the order of the list. Pure but for `search`, which it is given.
import type { AuditQuery } from './filter';
import type { AuditRecord } from './words';

type Search = (query: AuditQuery & { cursor?: string; limit: number }) => Promise<{
  records: Pick<AuditRecord, 'id' | 'at'>[];
  nextCursor: string | null;
}>;

// The list goes from new to old, so the next newer record is the last one of a window that begins here; the window grows until
// it holds one. Records of one batch share their moment.
const WINDOWS_MS = [1_000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000];
const LIMIT = 500;
const MAX_PAGES = 10;

/** Ids of the next newer and the next older record that match the filter; null where there is none. */
export async function neighbours(
  { id, at }: Pick<AuditRecord, 'id' | 'at'>,
  query: AuditQuery,
  search: Search,
): Promise<{ newer: string | null; older: string | null }> {
  const [newer, older] = await Promise.all([
    newerThan(id, at, query, search),
    olderThan(id, at, query, search),
  ]);
  return { newer, older };
}

async function olderThan(id: string, at: string, query: AuditQuery, search: Search): Promise<string | null> {
  const until = new Date(Date.parse(at) + 1).toISOString();
  const to = query.to && query.to < until ? query.to : until;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { records, nextCursor } = await search({ ...query, to, cursor, limit: page === 0 ? 20 : LIMIT });
    const place = records.findIndex((record) => isPast(record, id, at));
    if (place !== -1) return records[place]!.id;
    if (nextCursor === null) return null;
    cursor = nextCursor;
  }
  return null;
}

async function newerThan(id: string, at: string, query: AuditQuery, search: Search): Promise<string | null> {
  const from = query.from && query.from > at ? query.from : at;
  for (const span of [...WINDOWS_MS, null]) {
    const end = span === null ? undefined : new Date(Date.parse(at) + span).toISOString();
    const to = [end, query.to].filter((moment) => moment !== undefined).sort()[0];
    let found: string | null = null;
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { records, nextCursor } = await search({ ...query, from, to, cursor, limit: LIMIT });
      const place = records.findLastIndex((record) => !isPast(record, id, at) && record.id !== id);
      if (place !== -1) found = records[place]!.id;
      if (nextCursor === null || place < records.length - 1) break;
      cursor = nextCursor;
    }
    if (found !== null || (to !== undefined && to === query.to)) return found;
  }
  return null;
}

// In the list's order: by moment, and within one by id.
const isPast = (record: Pick<AuditRecord, 'id' | 'at'>, id: string, at: string) =>
  record.at < at || (record.at === at && record.id < id);
