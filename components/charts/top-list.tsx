// Who or what is busiest: bars that are links to the records they count.
import Link from 'next/link';
import { count } from '../tools/words';
import { kinds, stacked } from './series';

interface Entry {
  name: string;
  href: string;
  calls: number;
  denied: number;
  failed: number;
}

/** `entries` come busiest first. `mono` for names of tools. */
export function TopList({ entries, mono = false }: { entries: readonly Entry[]; mono?: boolean }) {
  const most = Math.max(1, ...entries.map(({ calls }) => calls));
  return (
    <ol className="flex flex-col">
      {entries.map((entry) => (
        <li key={entry.name}>
          <Link
            href={entry.href}
            prefetch={false}
            className="hover:bg-hover/60 block px-4 py-1.5 focus-visible:-outline-offset-2"
          >
            <span className="flex items-baseline justify-between gap-3 text-sm">
              <span className={mono ? 'truncate font-mono text-xs' : 'truncate'}>{entry.name}</span>
              <span className="shrink-0 tabular-nums">
                {entry.calls.toLocaleString('en')}
                <span className="sr-only"> {entry.calls === 1 ? 'call' : 'calls'}</span>
                {entry.denied > 0 && (
                  <span className="text-ink-3 ml-2 text-xs">{entry.denied.toLocaleString('en')} denied</span>
                )}
                {entry.failed > 0 && (
                  <span className="text-ink-3 ml-2 text-xs">{entry.failed.toLocaleString('en')} failed</span>
                )}
              </span>
            </span>
            <Bar {...entry} most={most} />
          </Link>
        </li>
      ))}
    </ol>
  );
}

function Bar({ calls, most, ...counts }: Entry & { most: number }) {
  const parts = stacked({ calls, ...counts });
  return (
    <span
      aria-hidden="true"
      title={count(calls, 'call')}
      className="mt-1 flex h-1.5 gap-px overflow-hidden rounded-full"
      style={{ width: `${Math.max(0.5, (calls / most) * 100)}%` }}
    >
      {kinds.map(
        ({ id, colour }) =>
          parts[id] > 0 && (
            <span key={id} style={{ background: colour, flexGrow: parts[id] }} className="min-w-px" />
          ),
      )}
    </span>
  );
}
