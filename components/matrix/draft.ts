// Ticks that are not saved yet: only what differs from the groups as they were read. Pure and immutable, so that a step back is free.
import { presets, toolsOfPreset, type PresetId } from '../groups/presets';
import type { ToolLine } from '../tools/words';

/** A group as far as its ticks go. */
export interface Ticks {
  slug: string;
  version: number;
  tools: readonly string[];
}

export interface Draft {
  /** Group → tool → what it shall be; a cell that is as it was read is not in here. */
  cells: ReadonlyMap<string, ReadonlyMap<string, boolean>>;
  /** The preset last applied to a group: an intent that a merge must not quietly undo. */
  presets: ReadonlyMap<string, PresetId>;
}

/** What saving sends for one group (POST /groups/changes). */
export interface GroupChange {
  slug: string;
  version: number;
  add: string[];
  remove: string[];
}

export const emptyDraft: Draft = { cells: new Map(), presets: new Map() };

/** Sets these tools in one group. A cell that comes back to what was read is no change any more. */
export function setTools(draft: Draft, group: Ticks, names: readonly string[], on: boolean): Draft {
  const had = new Set(group.tools);
  const own = new Map(draft.cells.get(group.slug));
  for (const name of names)
    if (had.has(name) === on) own.delete(name);
    else own.set(name, on);
  const cells = new Map(draft.cells);
  if (own.size > 0) cells.set(group.slug, own);
  else cells.delete(group.slug);
  return { cells, presets: own.size > 0 ? draft.presets : without(draft.presets, group.slug) };
}

/** Makes a group hold exactly a preset. Tools that are closed at the moment keep the tick they have. */
export function applyPreset(draft: Draft, group: Ticks, id: PresetId, tools: readonly ToolLine[]): Draft {
  const wanted = new Set(toolsOfPreset(id, tools));
  const { holds } = presets.find((preset) => preset.id === id)!;
  const off = tools.filter((tool) => !holds(tool)).map(({ name }) => name);
  const next = setTools(setTools(draft, group, [...wanted], true), group, off, false);
  return next.cells.has(group.slug)
    ? { ...next, presets: new Map(next.presets).set(group.slug, id) }
    : { ...next, presets: without(next.presets, group.slug) };
}

/** What saving would send, for the groups as they were read; groups that are no more are left out. */
export function changesOf(groups: readonly Ticks[], draft: Draft): GroupChange[] {
  return groups.flatMap(({ slug, version }) => {
    const cells = [...(draft.cells.get(slug) ?? [])];
    if (cells.length === 0) return [];
    const names = (on: boolean) => cells.filter(([, value]) => value === on).map(([name]) => name);
    return [{ slug, version, add: names(true), remove: names(false) }];
  });
}

/** How many cells differ, in how many groups. */
export function sizeOf(draft: Draft): { cells: number; groups: number } {
  let cells = 0;
  for (const own of draft.cells.values()) cells += own.size;
  return { cells, groups: draft.cells.size };
}

/** What takes a saved change back: `saved` are the groups as the server answered them. */
export function inverseOf(
  changes: readonly GroupChange[],
  saved: readonly { slug: string; version: number }[],
): GroupChange[] {
  const versions = new Map(saved.map(({ slug, version }) => [slug, version]));
  return changes.map(({ slug, add, remove }) => ({
    slug,
    version: versions.get(slug) ?? 0,
    add: remove,
    remove: add,
  }));
}

/** The same wishes for groups that were read anew: what they fulfil already drops out, and so do groups and tools that are no more. */
export function onto(draft: Draft, groups: readonly Ticks[], known: ReadonlySet<string>): Draft {
  let next = emptyDraft;
  for (const group of groups)
    for (const [name, on] of draft.cells.get(group.slug) ?? [])
      if (known.has(name)) next = setTools(next, group, [name], on);
  const kept = [...draft.presets].filter(([slug]) => next.cells.has(slug));
  return { ...next, presets: new Map(kept) };
}

/** For keeping a draft over a navigation. */
export function toText(draft: Draft): string {
  return JSON.stringify({
    cells: [...draft.cells].map(([slug, own]) => [slug, [...own]]),
    presets: [...draft.presets],
  });
}

/** The draft in a text of `toText`; empty for anything else. */
export function fromText(text: string | null): Draft {
  try {
    const { cells, presets: applied } = JSON.parse(text ?? '') as {
      cells: [string, [string, boolean][]][];
      presets: [string, PresetId][];
    };
    return { cells: new Map(cells.map(([slug, own]) => [slug, new Map(own)])), presets: new Map(applied) };
  } catch {
    return emptyDraft;
  }
}

function without<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  if (!map.has(key)) return map;
  const next = new Map(map);
  next.delete(key);
  return next;
}

/** How many cells of how many groups these changes are. */
export function sizeOfChanges(changes: readonly GroupChange[]) {
  return {
    cells: changes.reduce((sum, { add, remove }) => sum + add.length + remove.length, 0),
    groups: changes.length,
  };
}
