// Follows the audit: every two seconds the newest records, none twice and none left out; rests while nobody looks.
'use client';
import { useEffect, useEffectEvent, useState } from 'react';
import { ApiProblem, call } from '../api';
import type { AuditQuery } from './filter';
import type { AuditRecord } from './words';

const EVERY_MS = 2_000;
// Records of processes that commit at the same time may come a little out of order, and outcomes follow their calls.
const LOOK_BACK_MS = 30_000;
const PAGE = 200;

export interface Tail {
  /** What came since the last question, newest first; records already known come too, with their outcomes of now. */
  onRecords: (records: AuditRecord[]) => void;
  /** When the newest known record was made. */
  newestAt: () => string | null;
}

/** Polls while `on`. Answers why it could not, until it can again. */
export function useLiveTail(on: boolean, query: AuditQuery, tail: Tail): ApiProblem | null {
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const newestAt = useEffectEvent(tail.newestAt);
  const onRecords = useEffectEvent(tail.onRecords);
  const key = JSON.stringify(query);
  useEffect(() => {
    if (!on) return;
    let ended = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function ask() {
      try {
        const records = await since(JSON.parse(key) as AuditQuery, newestAt());
        if (ended) return;
        setProblem(null);
        onRecords(records);
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error;
        if (!ended) setProblem(error);
      }
      if (!ended && !document.hidden) timer = setTimeout(() => void ask(), EVERY_MS);
    }
    const onVisibility = () => {
      clearTimeout(timer);
      if (!document.hidden) void ask();
    };
    document.addEventListener('visibilitychange', onVisibility);
    void ask();
    return () => {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisibility);
    };
  }, [on, key]);
  return on ? problem : null;
}

async function since(query: AuditQuery, newestAt: string | null): Promise<AuditRecord[]> {
  const start = newestAt === null ? null : new Date(Date.parse(newestAt) - LOOK_BACK_MS).toISOString();
  const from = [query.from, start]
    .filter((moment) => moment !== undefined && moment !== null)
    .sort()
    .at(-1);
  const records: AuditRecord[] = [];
  let cursor: string | undefined;
  // More than a page since the last question: the pages between are fetched too, within reason.
  for (let pages = 0; pages < 5; pages++) {
    const page: { records: AuditRecord[]; nextCursor: string | null } = await call('GET /audit', {
      query: { ...query, from, cursor, limit: PAGE },
    });
    records.push(...page.records);
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  return records;
}
