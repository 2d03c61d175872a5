// A rectangle of the matrix, as Shift and the arrows or a second click draw it. Pure.
import { FIRST_GROUP, type Place } from './grid-keys';

/** Two opposite corners. */
export interface Range {
  from: Place;
  to: Place;
}

/** Whether the place lies in the range, its edges included. */
export function isInside({ row, column }: Place, { from, to }: Range): boolean {
  return (
    row >= Math.min(from.row, to.row) &&
    row <= Math.max(from.row, to.row) &&
    column >= Math.min(from.column, to.column) &&
    column <= Math.max(from.column, to.column)
  );
}

/** The columns of a range in one row as `from,to`; '' outside, and where the range is a single cell. */
export function selectedIn(range: Range | null, row: number): string {
  if (!range || (range.from.row === range.to.row && range.from.column === range.to.column)) return '';
  const [left, right] = [range.from.column, range.to.column].sort((a, b) => a - b) as [number, number];
  return isInside({ row, column: left }, range) ? `${left - FIRST_GROUP},${right - FIRST_GROUP}` : '';
}
