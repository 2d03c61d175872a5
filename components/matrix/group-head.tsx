// The head of a group's column: its name, which opens its menu, and what it holds. Drawn again only when that differs.
import ChevronDown from 'lucide-react/icons/chevron-down';
import { memo } from 'react';
import { count } from '../tools/words';
import { classNames } from '../ui/class-names';
import type { MatrixGroup } from './model';

/** "4.1k". */
const shortTokens = (tokens: number) => (tokens < 1000 ? String(tokens) : `${(tokens / 1000).toFixed(1)}k`);

/** `ticked`, `tokens` and `pending` are sums over the column, as it is after saving. */
export const GroupHead = memo(function GroupHead({
  group,
  column,
  ticked,
  tokens,
  pending,
  mayChange,
}: {
  group: MatrixGroup;
  column: number;
  ticked: number;
  tokens: number;
  pending: number;
  mayChange: boolean;
}) {
  return (
    <th
      scope="col"
      className="head border-line bg-sunken border-b px-1 py-1.5 text-center align-top text-xs font-normal"
    >
      {mayChange ? (
        <button
          type="button"
          tabIndex={-1}
          data-at={`-1,${column}`}
          aria-haspopup="menu"
          title={group.name}
          className="hover:bg-hover rounded-inner inline-flex min-h-6 max-w-full items-center gap-0.5 px-1 text-xs font-semibold"
        >
          <span className="name">{group.name}</span>
          <ChevronDown aria-hidden="true" className="text-ink-3 size-3.5 shrink-0" />
        </button>
      ) : (
        <span title={group.name} className="name px-1 text-xs font-semibold">
          {group.name}
        </span>
      )}
      {group.people >= 0 && (
        <span className="text-ink-2 block">{count(group.people, 'person', 'people')}</span>
      )}
      <span className="text-ink-3 block">
        {count(ticked, 'tool')}, {shortTokens(tokens)}
        <span className="sr-only"> tokens</span>
      </span>
      <span className={classNames('block font-medium', pending > 0 ? 'text-ink' : 'invisible')}>
        {pending} unsaved
      </span>
    </th>
  );
});
