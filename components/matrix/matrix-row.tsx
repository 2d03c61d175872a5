// One tool's row, drawn again only when what it shows differs.
import ChevronRight from 'lucide-react/icons/chevron-right';
import Ellipsis from 'lucide-react/icons/ellipsis';
import { memo } from 'react';
import { StateBadges } from '../tools/tool-badges';
import { isOpen } from '../tools/words';
import { Badge } from '../ui/badge';
import { classNames } from '../ui/class-names';
import { cellName, HALF, PENDING, TICKED } from './cells';
import { FIRST_GROUP } from './grid-keys';
import type { MatrixGroup, MatrixTool } from './model';
import { listed } from './pairs';

// The cells are buttons in the role of boxes: three thousand native boxes, each with its drawing beside it, would be twice the page.
/* oxlint-disable jsx-a11y/prefer-tag-over-role, jsx-a11y/control-has-associated-label */

/** Classes, and with them sections, whose rows are marked. */
export const risky = new Set(['destructive', 'unknown']);

/**
 * A row that a filter leaves out is only hidden: to make it again would cost more than to keep it.
 * `cells` is one character a group (see cells.ts), `selected` the columns `from,to` of a range or ''. `pair` is said below the name.
 */
export const MatrixRow = memo(function MatrixRow({
  tool,
  row,
  hidden,
  cells,
  selected,
  groups,
  partners,
  pair,
  opened,
  found,
  mayChange,
}: {
  tool: MatrixTool;
  row: number;
  hidden: boolean;
  cells: string;
  selected: string;
  groups: readonly MatrixGroup[];
  partners: readonly string[] | undefined;
  pair: string | null;
  opened: boolean;
  found: boolean;
  mayChange: boolean;
}) {
  const [from, to] = selected === '' ? [-1, -1] : (selected.split(',').map(Number) as [number, number]);
  return (
    <tr
      hidden={hidden}
      className={classNames(
        'group/row',
        risky.has(tool.class) && 'risky',
        !isOpen(tool) && 'closed',
        found && 'found',
      )}
    >
      <th
        scope="row"
        className="first border-line bg-surface border-r border-b p-0 text-left font-normal group-hover/row:bg-hover"
      >
        <RowName tool={tool} row={row} pair={pair} opened={opened} mayChange={mayChange} />
      </th>
      {groups.map((group, n) => {
        const code = Number(cells[n]);
        return (
          <td
            key={group.slug}
            data-change={code & PENDING ? (code & TICKED ? 'on' : 'off') : undefined}
            data-half={code & HALF ? '' : undefined}
            aria-selected={n >= from && n <= to ? true : undefined}
            className="border-line border-b p-0"
          >
            <button
              type="button"
              role="checkbox"
              aria-checked={(code & TICKED) !== 0}
              aria-disabled={mayChange ? undefined : true}
              aria-label={cellName(tool, group.name, code, partners)}
              tabIndex={-1}
              data-at={`${row},${n + FIRST_GROUP}`}
              data-sign={signOf(code)}
              className="cell"
            />
          </td>
        );
      })}
    </tr>
  );
});

/** `+` and `−` for what is not saved, `!` for a preview whose button will fail. */
function signOf(code: number): string | undefined {
  const change = code & PENDING ? (code & TICKED ? '+' : '−') : '';
  return `${change}${code & HALF ? '!' : ''}` || undefined;
}

function RowName({
  tool,
  row,
  pair,
  opened,
  mayChange,
}: {
  tool: MatrixTool;
  row: number;
  pair: string | null;
  opened: boolean;
  mayChange: boolean;
}) {
  return (
    <div className="flex h-11 items-center gap-0.5 pr-1 pl-1">
      <button
        type="button"
        tabIndex={-1}
        data-at={`${row},0`}
        data-deed="open"
        aria-expanded={opened}
        className="rounded-inner flex h-10 min-w-0 flex-1 items-center gap-1.5 px-1 text-left -outline-offset-2"
      >
        <ChevronRight
          aria-hidden="true"
          className={classNames('text-ink-3 size-3.5 shrink-0', opened && 'rotate-90')}
        />
        <span className="min-w-0 flex-1">
          <span className="flex items-center gap-1.5">
            <code className="truncate font-mono text-xs font-medium">{tool.name}</code>
            <StateBadges tool={tool} quiet />
          </span>
          <span className="text-ink-3 flex items-center gap-1.5 text-xs">
            <Hints hints={tool.hints} />
            <span className="min-w-0 truncate">{pair ?? tool.summary ?? tool.title}</span>
          </span>
        </span>
        <span className="text-ink-3 shrink-0 text-xs tabular-nums">
          {tool.tokens.toLocaleString('en')}
          <span className="sr-only"> tokens</span>
        </span>
      </button>
      {mayChange && (
        <button
          type="button"
          tabIndex={-1}
          data-at={`${row},1`}
          data-deed="menu"
          aria-haspopup="menu"
          aria-label={`Actions for ${tool.name}`}
          className="text-ink-3 hover:bg-hover hover:text-ink rounded-inner inline-flex size-7 shrink-0 items-center justify-center -outline-offset-2"
        >
          <Ellipsis aria-hidden="true" className="size-4" />
        </button>
      )}
    </div>
  );
}

/** Asana's hints that are set. */
export function Hints({ hints }: { hints: readonly string[] }) {
  return hints.map((hint) => (
    <Badge key={hint} tone={hint === 'destructive' ? 'danger' : 'neutral'} className="h-4! px-1!">
      {hint}
    </Badge>
  ));
}

/** What stands below the name of a tool that belongs to a pair; null for the others. */
export function pairWords(
  tool: MatrixTool,
  needs: readonly string[] | undefined,
  serves: readonly string[] | undefined,
  tools: ReadonlyMap<string, MatrixTool>,
): string | null {
  if (needs) {
    const powers = [...new Set(needs.flatMap((name) => tools.get(name)?.powers ?? []))];
    return `Pair: its button calls ${listed(needs)}${powers.length > 0 ? `, which ${listed(powers)}` : ''}`;
  }
  const does = tool.powers.length > 0 ? `${capital(listed(tool.powers))}` : null;
  if (serves) return `Pair: behind the button of ${listed(serves)}. ${does ?? ''}`.trim();
  return does ? `${does}. Behind the buttons of widgets.` : null;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
