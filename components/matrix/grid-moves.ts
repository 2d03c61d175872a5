// Where a key leads in the matrix (WAI-ARIA APG, grid): one cell on, to an edge, ten rows on.
import type { KeyboardEvent } from 'react';
import { FIRST_GROUP, type Place } from './grid-keys';

const PAGE_ROWS = 10;

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

type Move = (from: Place, down: number, across: number, limits: Limits) => Place | null;

/** Moves from `place` with `move` of useGridFocus. Where it went; null at an edge, undefined for a key that does not move. */
export function moveByKey(
  { key, altKey, ctrlKey, metaKey }: Pick<KeyboardEvent, 'key' | 'altKey' | 'ctrlKey' | 'metaKey'>,
  place: Place,
  limits: Limits,
  move: Move,
): Place | null | undefined {
  const control = ctrlKey || metaKey;
  const arrow = arrows[key];
  if (arrow && !altKey)
    return control ? toEdge(place, ...arrow, limits, move) : move(place, ...arrow, limits);
  const jump = jumps(key, control, limits);
  if (jump) {
    const { row = place.row, column, onward } = jump;
    return move({ row, column }, ...onward, limits);
  }
  if (key !== 'PageDown' && key !== 'PageUp') return undefined;
  let now: Place | null = null;
  for (let n = 0; n < PAGE_ROWS; n += 1)
    now = move(now ?? place, key === 'PageDown' ? 1 : -1, 0, limits) ?? now;
  return now;
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

function toEdge(from: Place, down: number, across: number, limits: Limits, move: Move): Place | null {
  if (down > 0) return move({ ...from, row: limits.rows }, -1, 0, limits);
  if (down < 0) return move({ ...from, row: -1 }, 1, 0, limits);
  return across > 0
    ? move({ ...from, column: limits.columns }, 0, -1, limits)
    : move({ ...from, column: FIRST_GROUP - 1 }, 0, 1, limits);
}
