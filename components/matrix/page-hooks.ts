// What the matrix's page asks of the browser and of React: how wide it is, its address, its keys, its groups.
'use client';
import { useEffect, useState, useSyncExternalStore, type RefObject } from 'react';
import type { Column } from './cells';
import { queryOf, type MatrixFilter, type MatrixGroup } from './model';

const NARROW = '(max-width: 47.99rem)';

/** Null until the browser has said. */
export function useNarrow(): boolean | null {
  return useSyncExternalStore(
    (changed) => {
      const media = window.matchMedia(NARROW);
      media.addEventListener('change', changed);
      return () => media.removeEventListener('change', changed);
    },
    () => window.matchMedia(NARROW).matches as boolean | null,
    () => null,
  );
}

/** Puts the filter into the address once typing pauses; the address before the first change is left as it came. */
export function useFilterInUrl(filter: MatrixFilter, first: MatrixFilter): void {
  useEffect(() => {
    if (filter === first) return;
    const timer = setTimeout(() => {
      const query = queryOf(filter);
      window.history.replaceState(null, '', query.size > 0 ? `?${query}` : window.location.pathname);
    }, 200);
    return () => clearTimeout(timer);
  }, [filter, first]);
}

/** `/` finds, Ctrl/Cmd+S reviews. A single letter counts only while nothing is typed into (WCAG 2.1.4). */
export function useShortcuts({
  review,
  searchBox,
  enabled,
}: {
  review: () => void;
  searchBox: RefObject<HTMLInputElement | null>;
  enabled: boolean;
}): void {
  useEffect(() => {
    if (!enabled) return;
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
        event.preventDefault();
        review();
        return;
      }
      const target = event.target as HTMLElement;
      const typing = target.matches('input:not([type=checkbox]), textarea, select, [contenteditable=true]');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (target !== document.body && !target.closest('.workbench')) return;
      event.preventDefault();
      searchBox.current?.focus();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  });
}

/** The groups in the same array as long as they are the same groups, so that rows need not be drawn again. */
export function useStableGroups(columns: readonly Column[]): readonly MatrixGroup[] {
  const [held, setHeld] = useState(() => columns.map(({ group }) => group));
  const groups = columns.map(({ group }) => group);
  if (held.length === groups.length && held.every((group, n) => group === groups[n])) return held;
  setHeld(groups);
  return groups;
}
