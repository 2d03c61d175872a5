// An event's before and after as a readable difference: what was added and removed, what became what.
import Minus from 'lucide-react/icons/minus';
import Plus from 'lucide-react/icons/plus';
import type { ReactNode } from 'react';
import { classNames } from '../ui/class-names';
import { count } from '../tools/words';
import type { Change } from './changes';

export function ChangeList({ changes }: { changes: readonly Change[] }) {
  return (
    <dl className="divide-line divide-y text-sm">
      {changes.map((change) => (
        <div
          key={change.field}
          className="grid gap-x-6 gap-y-1 px-4 py-2.5 sm:grid-cols-[10rem_minmax(0,1fr)]"
        >
          <dt className="text-ink-3">{change.field}</dt>
          <dd className="min-w-0">
            {change.kind === 'list' ? <Lists {...change} /> : <Values {...change} />}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Lists({ added, removed, kept }: Extract<Change, { kind: 'list' }>) {
  return (
    <>
      <ul className="flex flex-col gap-0.5">
        {removed.map((entry) => (
          <Line key={`- ${entry}`} kind="removed">
            {entry}
          </Line>
        ))}
        {added.map((entry) => (
          <Line key={`+ ${entry}`} kind="added">
            {entry}
          </Line>
        ))}
      </ul>
      {kept > 0 && <p className="text-ink-3 mt-1 text-xs">{count(kept, 'other')} unchanged</p>}
    </>
  );
}

function Values({ before, after }: Extract<Change, { kind: 'value' }>) {
  return (
    <ul className="flex flex-col gap-0.5">
      {before !== null && <Line kind="removed">{before}</Line>}
      {after !== null && <Line kind="added">{after}</Line>}
    </ul>
  );
}

// The sign and the word for screen readers say it; the colour only helps.
function Line({ kind, children }: { kind: 'added' | 'removed'; children: ReactNode }) {
  const Icon = kind === 'added' ? Plus : Minus;
  return (
    <li
      className={classNames(
        'rounded-inner flex gap-2 px-1.5 py-0.5 font-mono text-xs [overflow-wrap:anywhere]',
        kind === 'added' ? 'bg-success-soft text-success' : 'bg-danger-soft text-danger',
      )}
    >
      <Icon aria-hidden="true" className="mt-0.5 size-3 shrink-0" />
      <span className="sr-only">{kind === 'added' ? 'Added: ' : 'Removed: '}</span>
      <span className="min-w-0">{children}</span>
    </li>
  );
}
