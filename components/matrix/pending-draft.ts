// The draft while somebody works on it: steps back, what a deed left half done, and a copy in this tab that outlives a navigation.
'use client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { PresetId } from '../groups/presets';
import type { CellRef } from './matrix-grid';
import type { MatrixGroup, MatrixTool } from './model';
import { applyPreset, emptyDraft, fromText, onto, setTools, sizeOf, toText, type Draft } from './draft';
import { offerAfter, type Offer, type Pairs } from './pairs';

const STEPS = 50;

/** `owner` keeps people who share a browser apart. `said` is what a screen reader should hear of the last deed. */
export function usePendingDraft(
  owner: string,
  groups: readonly MatrixGroup[],
  tools: ReadonlyMap<string, MatrixTool>,
  pairs: Pairs,
) {
  const [draft, setDraft] = useState<Draft>(emptyDraft);
  const [offer, setOffer] = useState<Offer | null>(null);
  const [said, setSaid] = useState('');
  const [restored, setRestored] = useState(0);
  const steps = useRef<Draft[]>([]);
  const bySlug = useMemo(() => new Map(groups.map((group) => [group.slug, group])), [groups]);
  const key = `gatehouse.matrix.${owner}`;

  // After the first drawing, which must be the server's: what an earlier visit in this tab left unsaved.
  useEffect(() => {
    const kept = onto(fromText(stored(key)), groups, new Set(tools.keys()));
    if (kept.cells.size === 0) return;
    setDraft(kept);
    setRestored(sizeOf(kept).cells);
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- once
  }, []);

  const replace = useCallback(
    (next: Draft) => {
      setDraft(next);
      setRestored(0);
      keep(key, next);
    },
    [key],
  );
  const step = (next: Draft) => {
    steps.current = [...steps.current.slice(-STEPS), draft];
    replace(next);
  };

  /** Sets cells, says so, and looks for what is now half done. */
  function set(cells: readonly CellRef[], on: boolean) {
    let next = draft;
    const names = new Map<string, string[]>();
    for (const { tool, group } of cells) names.set(group, [...(names.get(group) ?? []), tool]);
    for (const [slug, own] of names) {
      const group = bySlug.get(slug);
      if (group) next = setTools(next, group, own, on);
    }
    step(next);
    const has = (slug: string, tool: string) =>
      next.cells.get(slug)?.get(tool) ?? bySlug.get(slug)?.tools.includes(tool) ?? false;
    // An earlier offer stays for as long as there is something left of it to do.
    setOffer(offerAfter(cells, on, has, pairs) ?? stillOpen(offer, has));
    if (cells.length > 1) setSaid(`${cells.length} cells ${on ? 'allowed' : 'taken away'}, not saved yet.`);
  }

  function preset(group: MatrixGroup, id: PresetId, title: string) {
    step(applyPreset(draft, group, id, [...tools.values()]));
    setOffer(null);
    setSaid(`${group.name}: ${title}, not saved yet.`);
  }

  function back() {
    const last = steps.current.at(-1);
    if (!last) return;
    steps.current = steps.current.slice(0, -1);
    replace(last);
    setOffer(null);
    setSaid('One step back.');
  }

  function clear() {
    steps.current = [];
    replace(emptyDraft);
    setOffer(null);
  }

  return {
    draft,
    offer,
    said,
    restored,
    set,
    preset,
    back,
    clear,
    replace,
    dismissOffer: () => setOffer(null),
  };
}

function stillOpen(offer: Offer | null, has: (slug: string, tool: string) => boolean): Offer | null {
  if (!offer) return null;
  const { tools, groups, because, on } = offer;
  const relevant = groups.filter(
    (slug) => tools.some((tool) => has(slug, tool) !== on) && because.every((tool) => has(slug, tool) === on),
  );
  return relevant.length === 0 ? null : { ...offer, groups: relevant };
}

// A browser may refuse storage altogether; then the warning on leaving is all there is.
function stored(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, draft: Draft): void {
  try {
    if (draft.cells.size === 0) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, toText(draft));
  } catch {
    // As above.
  }
}
