// The tasks and projects of a call: what would come back of each, what came back, and what does not.
import { Badge } from '../ui/badge';
import { itemStates, results, titleOf, type Item, type Restored } from './words';

export function ItemList({ items }: { items: readonly Item[] }) {
  return (
    <ul className="border-line divide-line rounded-box divide-y border">
      {items.map((item) => (
        <li key={item.gid} className="flex flex-col gap-2 px-3 py-2.5 text-sm">
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <span className="font-medium [overflow-wrap:anywhere]">{titleOf(item)}</span>
            <Badge tone={itemStates[item.state].tone}>{itemStates[item.state].text}</Badge>
          </div>
          {item.changes.length > 0 && (
            <dl className="flex flex-col gap-1.5">
              {item.changes.map(({ what, was, now, changedSince }, at) => (
                <div
                  key={`${at} ${what}`}
                  className="grid gap-x-4 gap-y-0.5 sm:grid-cols-[9rem_minmax(0,1fr)]"
                >
                  <dt className="text-ink-3">{what}</dt>
                  <dd className="min-w-0 [overflow-wrap:anywhere]">
                    <Values {...{ was, now }} isNew={item.state === 'new'} />
                    {changedSince && (
                      <span className="text-warn ml-2 text-xs font-medium">changed since</span>
                    )}
                  </dd>
                </div>
              ))}
            </dl>
          )}
          <Lost sentences={item.lost} />
        </li>
      ))}
    </ul>
  );
}

function Values({ was, now, isNew }: { was: string | null; now: string | null; isNew: boolean }) {
  if (was === null || now === null) return <span className="text-ink-3">as it was before the call</span>;
  if (isNew) return <span className="whitespace-pre-wrap">{was}</span>;
  return (
    <span className="whitespace-pre-wrap">
      <span className="text-ink-3">{short(now) || '(empty)'}</span> <span aria-hidden="true">→</span>
      <span className="sr-only"> becomes </span> {short(was) || '(empty)'}
    </span>
  );
}

const short = (text: string) => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

export function ResultList({ items }: { items: Restored['items'] }) {
  return (
    <ul aria-label="What came back" className="border-line divide-line rounded-box divide-y border">
      {items.map((item) => (
        <li key={item.gid} className="flex flex-col gap-1 px-3 py-2.5 text-sm">
          <div className="flex flex-wrap items-center gap-x-2 gap-y-1">
            <span className="font-medium [overflow-wrap:anywhere]">{titleOf(item)}</span>
            <Badge tone={results[item.result].tone}>{results[item.result].text}</Badge>
          </div>
          {item.newGid && (
            <p className="text-ink-2">
              Created anew as <code className="font-mono text-xs">{item.newGid}</code>.
            </p>
          )}
          {item.why && <p className="text-ink-2 [overflow-wrap:anywhere]">{item.why}</p>}
        </li>
      ))}
    </ul>
  );
}

function Lost({ sentences }: { sentences: readonly string[] }) {
  if (sentences.length === 0) return null;
  return (
    <div>
      <p className="text-ink-3 text-xs font-medium">What does not come back</p>
      <ul className="text-ink-2 list-disc pl-4">
        {sentences.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </div>
  );
}
