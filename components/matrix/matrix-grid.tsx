// Tools × groups as one grid: sections of rows, sticky names above and at the left, every cell reachable by arrow keys. Long, because
// clicks and keys are heard once for the whole table: a handler in each of three thousand cells would be slow.
'use client';
import {
  useEffect,
  useMemo,
  useRef,
  useState,
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
} from 'react';
import { bandText, costOf, rowText, type Column } from './cells';
import { FIRST_GROUP, placeOf, useGridFocus, type Place } from './grid-keys';
import { moveByKey } from './grid-moves';
import { isInside, selectedIn, type Range } from './grid-range';
import { GroupHead } from './group-head';
import { MatrixBand } from './matrix-band';
import { MatrixRow, pairWords } from './matrix-row';
import type { MatrixGroup, MatrixTool, Section } from './model';
import { useStableGroups } from './page-hooks';
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
  const [range, setRange] = useState<Range | null>(null);
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
    const now = moveByKey(event, place, limits, move);
    if (now !== undefined) {
      event.preventDefault();
      const widens = event.shiftKey && event.key.startsWith('Arrow') && onCell;
      if (now && widens && now.column >= FIRST_GROUP && now.row >= 0)
        setRange({ from: range?.from ?? place, to: now });
      else if (now) setRange({ from: now, to: now });
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
      else if (range && isInside(place, range)) toggle(cellsIn(range.from, range.to));
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
