// Tools × groups as one grid: sections of rows, sticky names above and at the left, every cell reachable by arrow keys.
'use client';
import ChevronDown from 'lucide-react/icons/chevron-down';
import {
  memo,
  useEffect,
  useMemo,
  useRef,
  useState,
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
} from 'react';
import { count } from '../tools/words';
import { classNames } from '../ui/class-names';
import { bandText, costOf, rowText, type Column } from './cells';
import { FIRST_GROUP, placeOf, useGridFocus, type Place } from './grid-keys';
import { MatrixBand, MatrixRow, pairWords } from './matrix-row';
import type { MatrixGroup, MatrixTool, Section } from './model';
import type { Pairs } from './pairs';
import { ToolDetails } from './tool-details';
import './matrix.css';

export interface CellRef {
  tool: string;
  group: string;
}

type Line = { kind: 'band'; section: Section } | { kind: 'tool'; tool: MatrixTool };

// A table whose cells are operated is a grid, and its corner only names the column.
/* oxlint-disable jsx-a11y/no-noninteractive-element-to-interactive-role, jsx-a11y/control-has-associated-label */

const PAGE_ROWS = 10;

/** `onSet` gets the cells of one deed. `found` is a cell to go to at the start (a link from elsewhere). */
export function MatrixGrid({
  sections,
  shown,
  tools,
  columns,
  pairs,
  mayChange,
  found,
  onSet,
  onGroupMenu,
  onToolMenu,
}: {
  sections: readonly Section[];
  /** The tools that the filter leaves. */
  shown: ReadonlySet<MatrixTool>;
  tools: ReadonlyMap<string, MatrixTool>;
  columns: readonly Column[];
  pairs: Pairs;
  mayChange: boolean;
  found: CellRef | null;
  onSet: (cells: CellRef[], on: boolean) => void;
  onGroupMenu: (group: MatrixGroup, anchor: HTMLElement) => void;
  onToolMenu: (tool: MatrixTool, anchor: HTMLElement) => void;
}) {
  const grid = useRef<HTMLTableElement>(null);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [range, setRange] = useState<{ from: Place; to: Place } | null>(null);
  const { onFocus, move, find } = useGridFocus(grid);
  const groups = useStableGroups(columns);
  const lines = useMemo(
    () =>
      sections.flatMap((section): Line[] => [
        { kind: 'band', section },
        ...section.tools.map((tool): Line => ({ kind: 'tool', tool })),
      ]),
    [sections],
  );
  const all = useMemo(() => [...tools.values()], [tools]);
  const limits = { rows: lines.length, columns: groups.length + FIRST_GROUP };

  useEffect(() => {
    if (!found) return;
    const row = lines.findIndex((line) => line.kind === 'tool' && line.tool.name === found.tool);
    const column = groups.findIndex(({ slug }) => slug === found.group);
    find({ row, column: column === -1 ? 0 : column + FIRST_GROUP })?.focus();
    // Only at the start: afterwards the focus is the person's.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  const toolsAt = (row: number): readonly MatrixTool[] => {
    const line = lines[row];
    if (!line) return [];
    return (line.kind === 'band' ? line.section.tools : [line.tool]).filter((tool) => shown.has(tool));
  };
  /** The cells in a rectangle; bands within it count only where it is one band. */
  const cellsIn = (from: Place, to: Place): CellRef[] => {
    const [top, bottom] = [Math.min(from.row, to.row), Math.max(from.row, to.row)];
    const [left, right] = [Math.min(from.column, to.column), Math.max(from.column, to.column)];
    const names = new Set<string>();
    for (let row = top; row <= bottom; row += 1)
      if (top === bottom || lines[row]?.kind === 'tool') for (const { name } of toolsAt(row)) names.add(name);
    const slugs = groups
      .slice(Math.max(0, left - FIRST_GROUP), right - FIRST_GROUP + 1)
      .map(({ slug }) => slug);
    return [...names].flatMap((tool) => slugs.map((group) => ({ tool, group })));
  };
  const toggle = (cells: CellRef[]) => {
    if (!mayChange || cells.length === 0) return;
    const ticked = new Map(columns.map(({ group, ticked: own }) => [group.slug, own]));
    onSet(cells, !cells.every(({ tool, group }) => ticked.get(group)?.has(tool)));
  };
  const openRow = (row: number) => {
    const line = lines[row];
    if (line?.kind !== 'tool') return;
    const next = new Set(opened);
    if (!next.delete(line.tool.name)) next.add(line.tool.name);
    setOpened(next);
  };

  function onClick(event: MouseEvent) {
    const target = (event.target as Element).closest<HTMLElement>('[data-at]');
    const place = placeOf(target);
    if (!target || !place) return;
    if (place.row === -1) return onGroupMenu(groups[place.column - FIRST_GROUP]!, target);
    if (place.column === 0) return openRow(place.row);
    const [line] = toolsAt(place.row);
    if (place.column === 1) return line && onToolMenu(line, target);
    if (event.shiftKey && range) {
      setRange({ from: range.from, to: place });
      return toggle(cellsIn(range.from, place));
    }
    setRange({ from: place, to: place });
    return toggle(cellsIn(place, place));
  }

  function onKeyDown(event: KeyboardEvent) {
    const place = placeOf(event.target as Element);
    if (!place || !(event.target as Element).hasAttribute('data-at')) return;
    const onCell = place.row >= 0 && place.column >= FIRST_GROUP;
    const control = event.ctrlKey || event.metaKey;
    const arrow = arrows[event.key];
    if (arrow && !event.altKey) {
      event.preventDefault();
      const [down, across] = arrow;
      const now = control
        ? toEdge(place, down, across, limits, move)
        : move({ ...place, row: place.row, column: place.column }, down, across, limits);
      if (!now) return;
      if (event.shiftKey && onCell && now.column >= FIRST_GROUP && now.row >= 0)
        setRange({ from: range?.from ?? place, to: now });
      else setRange({ from: now, to: now });
      return;
    }
    const jump = jumps(event.key, control, limits);
    if (jump) {
      event.preventDefault();
      const now = move(
        { row: jump.row ?? place.row, column: jump.column ?? place.column },
        ...jump.onward,
        limits,
      );
      if (now) setRange({ from: now, to: now });
      return;
    }
    if (event.key === 'PageDown' || event.key === 'PageUp') {
      event.preventDefault();
      const down = event.key === 'PageDown' ? 1 : -1;
      let now: Place | null = null;
      for (let n = 0; n < PAGE_ROWS; n += 1) now = move(now ?? place, down, 0, limits) ?? now;
      if (now) setRange({ from: now, to: now });
      return;
    }
    if (event.key === 'Escape' && range) setRange(null);
    if (!onCell) return;
    if (event.key === 'Enter') {
      event.preventDefault();
      openRow(place.row);
    }
    if (event.key === ' ') {
      event.preventDefault();
      if (event.shiftKey)
        toggle(cellsIn({ ...place, column: FIRST_GROUP }, { ...place, column: limits.columns - 1 }));
      else if (range && inside(place, range)) toggle(cellsIn(range.from, range.to));
      else toggle(cellsIn(place, place));
    }
  }

  return (
    <div
      className="matrix border-line bg-surface rounded-box min-h-72 flex-1 overflow-auto border"
      style={
        { '--columns': groups.length, '--column': groups.length > 6 ? '8rem' : '10rem' } as CSSProperties
      }
    >
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-to-interactive-role -- a table whose cells are operated is a grid */}
      <table
        ref={grid}
        role="grid"
        aria-label="Tools and the groups that may use them"
        aria-multiselectable="true"
        aria-readonly={mayChange ? undefined : true}
        onFocus={onFocus}
        onClick={onClick}
        onKeyDown={onKeyDown}
        className="table-fixed border-separate border-spacing-0 text-sm"
      >
        <colgroup>
          <col />
          {groups.map(({ slug }) => (
            <col key={slug} className="w-(--column)" />
          ))}
        </colgroup>
        <thead>
          <tr>
            <th
              scope="col"
              className="head first border-line bg-sunken border-r border-b px-3 pb-2 text-left align-bottom text-xs font-medium"
            >
              <span className="text-ink-3 flex justify-between gap-2">
                <span>Tool</span>
                <span>Tokens</span>
              </span>
            </th>
            {columns.map(({ group, ticked, pending }, n) => (
              <GroupHead
                key={group.slug}
                group={group}
                column={n + FIRST_GROUP}
                ticked={ticked.size}
                tokens={costOf(all, ticked)}
                pending={pending.size}
                mayChange={mayChange}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map((line, row) => {
            if (line.kind === 'band')
              return (
                <MatrixBand
                  key={line.section.id}
                  section={line.section}
                  row={row}
                  tools={toolsAt(row).length}
                  cells={bandText(toolsAt(row), columns)}
                  groups={groups}
                  mayChange={mayChange}
                />
              );
            const { tool } = line;
            const needs = pairs.needs.get(tool.name);
            return [
              <MatrixRow
                key={tool.name}
                tool={tool}
                row={row}
                hidden={!shown.has(tool)}
                cells={rowText(tool.name, columns, pairs)}
                selected={selectedIn(range, row)}
                groups={groups}
                partners={needs}
                pair={pairWords(tool, needs, pairs.serves.get(tool.name), tools)}
                opened={opened.has(tool.name)}
                found={found?.tool === tool.name}
                mayChange={mayChange}
              />,
              opened.has(tool.name) && shown.has(tool) && (
                <tr key={`${tool.name} details`}>
                  <td colSpan={groups.length + 1} className="border-line bg-sunken border-b p-0">
                    <div className="opened px-4 py-3">
                      <ToolDetails tool={tool} mayChange={mayChange} />
                    </div>
                  </td>
                </tr>
              ),
            ];
          })}
        </tbody>
      </table>
    </div>
  );
}

const GroupHead = memo(function GroupHead({
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

/** "4.1k". */
const shortTokens = (tokens: number) => (tokens < 1000 ? String(tokens) : `${(tokens / 1000).toFixed(1)}k`);

const arrows: Record<string, [down: number, across: number] | undefined> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

interface Limits {
  rows: number;
  columns: number;
}

function jumps(key: string, control: boolean, { rows, columns }: Limits) {
  if (key === 'Home')
    return { row: control ? 0 : undefined, column: FIRST_GROUP - 1, onward: [0, 1] as const };
  if (key === 'End')
    return {
      row: control ? rows : undefined,
      column: control ? columns - 1 : columns,
      onward: (control ? [-1, 0] : [0, -1]) as readonly [number, number],
    };
  return null;
}

function toEdge(
  from: Place,
  down: number,
  across: number,
  limits: Limits,
  move: (from: Place, down: number, across: number, limits: Limits) => Place | null,
): Place | null {
  if (down > 0) return move({ ...from, row: limits.rows }, -1, 0, limits);
  if (down < 0) return move({ ...from, row: -1 }, 1, 0, limits);
  return across > 0
    ? move({ ...from, column: limits.columns }, 0, -1, limits)
    : move({ ...from, column: FIRST_GROUP - 1 }, 0, 1, limits);
}

function inside({ row, column }: Place, { from, to }: { from: Place; to: Place }): boolean {
  return (
    row >= Math.min(from.row, to.row) &&
    row <= Math.max(from.row, to.row) &&
    column >= Math.min(from.column, to.column) &&
    column <= Math.max(from.column, to.column)
  );
}

/** The columns of a range in one row as `from,to`; '' outside, and where the range is a single cell. */
function selectedIn(range: { from: Place; to: Place } | null, row: number): string {
  if (!range || (range.from.row === range.to.row && range.from.column === range.to.column)) return '';
  const [left, right] = [range.from.column, range.to.column].sort((a, b) => a - b) as [number, number];
  return inside({ row, column: left }, range) ? `${left - FIRST_GROUP},${right - FIRST_GROUP}` : '';
}

/** The groups in the same array as long as they are the same groups, so that rows need not be drawn again. */
function useStableGroups(columns: readonly Column[]): readonly MatrixGroup[] {
  const [held, setHeld] = useState(() => columns.map(({ group }) => group));
  const groups = columns.map(({ group }) => group);
  if (held.length === groups.length && held.every((group, n) => group === groups[n])) return held;
  setHeld(groups);
  return groups;
}
