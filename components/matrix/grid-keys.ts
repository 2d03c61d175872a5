// Moving in the matrix by keyboard: one stop for Tab, arrows between cells (WAI-ARIA APG, grid). The place of the Tab stop is kept
// in the document alone, so that moving draws nothing anew.
import { useCallback, useEffect, useRef, type FocusEvent, type RefObject } from 'react';

/** A place that can be focused: `data-at="row,column"`. Row -1 holds the groups' names; column 0 the tools' names, 1 their menus. */
export interface Place {
  row: number;
  column: number;
}

export const FIRST_GROUP = 2;

export const placeOf = (element: Element | null): Place | null => {
  const at = element?.closest('[data-at]')?.getAttribute('data-at');
  if (!at) return null;
  const [row, column] = at.split(',').map(Number) as [number, number];
  return { row, column };
};

/** A filter hides rows, it does not take them away. */
const isShown = (element: HTMLElement) => !element.closest('tr')?.hidden;

/** Keeps exactly one focusable cell and moves the focus. */
export function useGridFocus(grid: RefObject<HTMLElement | null>) {
  const current = useRef<HTMLElement | null>(null);

  const find = useCallback(
    ({ row, column }: Place) => grid.current?.querySelector<HTMLElement>(`[data-at="${row},${column}"]`),
    [grid],
  );

  const hold = useCallback((element: HTMLElement) => {
    if (current.current && current.current !== element) current.current.tabIndex = -1;
    current.current = element;
    element.tabIndex = 0;
  }, []);

  // A filter may have taken the Tab stop away.
  useEffect(() => {
    if (current.current && grid.current?.contains(current.current) && isShown(current.current)) {
      current.current.tabIndex = 0;
      return;
    }
    const first =
      grid.current?.querySelector<HTMLElement>(`tbody tr:not([hidden]) [data-at$=",${FIRST_GROUP}"]`) ??
      grid.current?.querySelector<HTMLElement>('tr:not([hidden]) [data-at]');
    if (first) hold(first);
  });

  const onFocus = useCallback(
    (event: FocusEvent) => {
      const target = (event.target as Element).closest<HTMLElement>('[data-at]');
      if (target) hold(target);
    },
    [hold],
  );

  /** Focuses the place, or the next one in that direction that exists; false at an edge. */
  const move = useCallback(
    (from: Place, down: number, across: number, limits: { rows: number; columns: number }) => {
      const place = { ...from };
      for (;;) {
        place.row += down;
        place.column += across;
        if (place.row < -1 || place.row >= limits.rows || place.column < 0 || place.column >= limits.columns)
          return null;
        const element = find(place);
        if (element && isShown(element)) {
          element.focus();
          return place;
        }
      }
    },
    [find],
  );

  return { onFocus, move, find };
}
