// Audit records, newest first; older ones on demand, new ones while live. What one reads never moves under one's eyes.
'use client';
import ArrowUp from 'lucide-react/icons/arrow-up';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode, type RefObject } from 'react';
import { call } from '../api';
import { Problem } from '../problem';
import { count } from '../tools/words';
import { Button } from '../ui/button';
import { Switch } from '../ui/switch';
import { Table, TableBody, TableHead } from '../ui/table';
import { useCall } from '../use-call';
import type { AuditQuery } from './filter';
import { RecordRow } from './record-row';
import { useLiveTail } from './use-live-tail';
import type { AuditRecord } from './words';

/** While live, older rows leave at the bottom: a day of calls would fill the tab. */
const KEPT = 1_000;

/**
 * `first` is the first page. Mount it anew (by `key`) for another filter. `search` is the filter as the address bar holds it, for
 * the way back from a record. `over` says that the filter ends in the past, where nothing new can come; `empty` stands where no record
 * matches.
 */
export function AuditTable({
  query,
  first,
  search,
  over,
  live: liveAtFirst,
  empty,
}: {
  query: AuditQuery;
  first: { records: AuditRecord[]; nextCursor: string | null };
  search: string;
  over: boolean;
  live: boolean;
  empty: ReactNode;
}) {
  const [records, setRecords] = useState(first.records);
  const [waiting, setWaiting] = useState<AuditRecord[]>([]);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  // Where older records begin: after a page of the server, or after the last row that was kept.
  const [olderFrom, setOlderFrom] = useState<(Pick<AuditQuery, 'to'> & { cursor?: string }) | null>(
    first.nextCursor === null ? null : { cursor: first.nextCursor },
  );
  const [live, setLive] = useLive(liveAtFirst && !over);
  const { pending, problem, run } = useCall({ refresh: false });
  const frame = useRef<HTMLDivElement>(null);
  const isReading = useReading(frame);
  const toTop = useRef<{ byKeyboard: boolean } | null>(null);
  useEffect(() => {
    if (!toTop.current) return;
    // At once: what slides by would be read by nobody.
    frame.current?.scrollIntoView({ block: 'start' });
    // The button is gone, and the keyboard goes on from the first row.
    if (toTop.current.byKeyboard)
      frame.current?.querySelector<HTMLElement>('tbody a')?.focus({ preventScroll: true });
    toTop.current = null;
  }, [records]);

  const tailProblem = useLiveTail(live, query, {
    newestAt: () => (waiting[0] ?? records[0])?.at ?? null,
    onRecords(given) {
      const known = new Map(given.map((record) => [record.id, record]));
      const shown = new Set(records.map(({ id }) => id));
      const added = given.filter(({ id }) => !shown.has(id));
      const present = records.map((record) => newer(record, known.get(record.id)));
      if (added.length === 0 || isReading()) {
        setRecords(present);
        setWaiting(added);
      } else show(added, present);
    },
  });

  function show(added: AuditRecord[], present: AuditRecord[]) {
    const all = newestFirst([...added, ...present]);
    const over = all[Math.max(KEPT, present.length)];
    // Rows of one moment stay or go together, so that the older ones begin exactly where these end.
    const kept = over ? all.filter(({ at }) => at > over.at) : all;
    setRecords(kept);
    if (over) setOlderFrom({ to: kept.at(-1)?.at });
    setFresh(new Set(added.map(({ id }) => id)));
    setWaiting([]);
  }

  async function older() {
    const done = await run(() => call('GET /audit', { query: { ...query, ...olderFrom } }));
    if (!done) return;
    setRecords([...records, ...done.answer.records]);
    const { nextCursor } = done.answer;
    setOlderFrom(nextCursor === null ? null : { ...olderFrom, cursor: nextCursor });
  }

  return (
    <>
      <div className="mb-2 flex min-h-8 flex-wrap items-center justify-between gap-x-4 gap-y-1">
        <output className="text-ink-3 text-sm">
          {count(records.length, 'record')}
          {olderFrom && ' shown, older ones below'}
        </output>
        <Switch
          checked={live}
          disabled={over}
          onChange={(event) => setLive(event.target.checked)}
          aria-describedby={over ? 'live-over' : undefined}
        >
          Live
          {over && (
            <span id="live-over" className="text-ink-3">
              (the chosen time is over)
            </span>
          )}
        </Switch>
      </div>
      <Problem problem={tailProblem} className="mb-3" />
      <div
        ref={frame}
        className="border-line bg-surface rounded-box relative scroll-mt-14 border lg:scroll-mt-2"
      >
        <NewRecords
          count={waiting.length}
          onShow={(byKeyboard) => {
            show(waiting, records);
            toTop.current = { byKeyboard };
          }}
        />
        {records.length === 0 ? (
          empty
        ) : (
          <Table label="Audit records" widths={['w-44', 'w-[26%]', '', 'w-38', 'w-28', 'w-20']}>
            <TableHead columns={['Time (UTC)', 'Who', 'What', 'Decision', 'Outcome', { end: 'Took' }]} />
            <TableBody onKeyDown={moveBetweenRows}>
              {records.map((record) => (
                <RecordRow key={record.id} record={record} search={search} fresh={fresh.has(record.id)} />
              ))}
            </TableBody>
          </Table>
        )}
      </div>
      <div className="mt-3 flex flex-col items-center gap-3">
        <Problem problem={problem} />
        {olderFrom ? (
          <Button loading={pending} onClick={older}>
            Load older records
          </Button>
        ) : (
          records.length > 0 && <p className="text-ink-3 text-sm">There are no older records.</p>
        )}
      </div>
    </>
  );
}

// In a place of its own over the first row, so that its coming and going moves nothing.
function NewRecords({ count: n, onShow }: { count: number; onShow: (byKeyboard: boolean) => void }) {
  return (
    <div className="pointer-events-none sticky top-22 z-20 flex h-0 justify-center lg:top-10">
      <output className="contents">
        {n > 0 && (
          <Button
            variant="primary"
            size="sm"
            icon={<ArrowUp aria-hidden="true" />}
            onClick={(event) => onShow(event.detail === 0)}
            className="shadow-raised pointer-events-auto mt-1 rounded-full!"
          >
            {n.toLocaleString('en')} new
          </Button>
        )}
      </output>
    </div>
  );
}

// Kept in the URL, so that a reload or a shared link goes on following.
function useLive(atFirst: boolean): [boolean, (live: boolean) => void] {
  const [live, setLive] = useState(atFirst);
  return [
    live,
    (next) => {
      setLive(next);
      const url = new URL(window.location.href);
      if (next) url.searchParams.set('live', '1');
      else url.searchParams.delete('live');
      window.history.replaceState(null, '', url);
    },
  ];
}

/** Whether somebody is reading rows now: the table's top is out of sight, or the pointer or the focus is on a row. */
function useReading(frame: RefObject<HTMLElement | null>): () => boolean {
  const pointed = useRef(false);
  useEffect(() => {
    const rows = frame.current?.querySelector('tbody');
    const enter = () => (pointed.current = true);
    const leave = () => (pointed.current = false);
    rows?.addEventListener('pointerenter', enter);
    rows?.addEventListener('pointerleave', leave);
    return () => {
      rows?.removeEventListener('pointerenter', enter);
      rows?.removeEventListener('pointerleave', leave);
    };
  }, [frame]);
  return () => {
    const element = frame.current;
    if (!element) return false;
    const focused = element.querySelector('tbody')?.contains(document.activeElement) ?? false;
    return pointed.current || focused || element.getBoundingClientRect().top < 0;
  };
}

// The same object where nothing changed, so that its row is not drawn again.
const newer = (shown: AuditRecord, now: AuditRecord | undefined) =>
  now && (now.outcome !== shown.outcome || now.latencyMs !== shown.latencyMs) ? now : shown;

const newestFirst = (records: AuditRecord[]) =>
  records.toSorted((a, b) => (a.at === b.at ? compare(b.id, a.id) : compare(b.at, a.at)));
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

// Only while a row is focused, so that no letter is taken from anything else (WCAG 2.1.4).
function moveBetweenRows(event: KeyboardEvent<HTMLElement>) {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('th a')];
  const at = links.findIndex((link) => link.closest('tr')?.contains(document.activeElement));
  const next = at === -1 ? undefined : links[at + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
