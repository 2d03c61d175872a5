// Two admins changed the same groups: what each did, what comes out, and what must be asked. Pure.
import { presets, type PresetId } from '../groups/presets';
import type { ToolLine } from '../tools/words';
import { emptyDraft, setTools, type Draft, type Ticks } from './draft';
import type { Pairs } from './pairs';

interface Column extends Ticks {
  name: string;
  people: number;
}

/** A cell that one of the two changed, or both alike. */
export interface MergedCell {
  slug: string;
  tool: string;
  /** As you read it. */
  before: boolean;
  yours: boolean;
  theirs: boolean;
  /** What comes out unless a conflict is decided otherwise. */
  result: boolean;
  /** Set where both results make sense and only a person can tell. */
  conflict: { kind: 'preset' | 'pair'; sentence: string } | null;
}

export interface MergedGroup {
  slug: string;
  name: string;
  cells: MergedCell[];
  /** Not null where people came or went meanwhile: your change reaches others than you saw. */
  people: { before: number; now: number } | null;
}

export interface Merge {
  groups: MergedGroup[];
  /** Groups somebody deleted meanwhile, with what your draft held for them. */
  gone: { slug: string; name: string; tools: string[] }[];
  /** Tools the catalogue no longer has. */
  lost: string[];
}

/** Lays a draft made on `base` beside the groups as they are now. Only groups that moved on are told; your other changes stand. */
export function mergeOf(
  base: readonly Column[],
  fresh: readonly Column[],
  draft: Draft,
  tools: readonly ToolLine[],
  pairs: Pairs,
): Merge {
  const now = new Map(fresh.map((group) => [group.slug, group]));
  const known = new Map(tools.map((tool) => [tool.name, tool]));
  const merge: Merge = { groups: [], gone: [], lost: [] };
  for (const group of base) {
    const own = draft.cells.get(group.slug);
    const theirs = now.get(group.slug);
    if (!theirs) {
      if (own) merge.gone.push({ slug: group.slug, name: group.name, tools: [...own.keys()] });
      continue;
    }
    merge.lost.push(...[...(own?.keys() ?? [])].filter((name) => !known.has(name)));
    if (!own || theirs.version === group.version) continue;
    merge.groups.push({
      slug: group.slug,
      name: theirs.name,
      people: theirs.people === group.people ? null : { before: group.people, now: theirs.people },
      cells: cellsOf(group, theirs, own, draft.presets.get(group.slug) ?? null, known, pairs),
    });
  }
  merge.lost = [...new Set(merge.lost)];
  return merge;
}

function cellsOf(
  base: Column,
  fresh: Column,
  own: ReadonlyMap<string, boolean>,
  preset: PresetId | null,
  known: ReadonlyMap<string, ToolLine>,
  pairs: Pairs,
): MergedCell[] {
  const [had, has] = [new Set(base.tools), new Set(fresh.tools)];
  const names = [...known.keys()].filter((name) => own.has(name) || had.has(name) !== has.has(name));
  const cells = names.map((tool): MergedCell => {
    const before = had.has(tool);
    const theirs = has.has(tool);
    const yours = own.get(tool) ?? before;
    return { slug: base.slug, tool, before, yours, theirs, result: own.get(tool) ?? theirs, conflict: null };
  });
  for (const cell of cells) cell.conflict = conflictOf(cell, own, preset, known, pairs);
  return cells;
}

// One cell has two values, so two changes of it are always the same change. What can collide is what was meant by several.
function conflictOf(
  { tool, before, theirs }: MergedCell,
  own: ReadonlyMap<string, boolean>,
  preset: PresetId | null,
  known: ReadonlyMap<string, ToolLine>,
  { needs, serves }: Pairs,
): MergedCell['conflict'] {
  if (own.has(tool) || theirs === before) return null;
  const applied = presets.find(({ id }) => id === preset);
  if (applied && theirs && !applied.holds(known.get(tool)!))
    return {
      kind: 'preset',
      sentence: `You made this group “${applied.title}”, which leaves ${tool} out; meanwhile somebody added it.`,
    };
  const yours = (name: string, on: boolean) => own.get(name) === on;
  const ticked = (serves.get(tool) ?? []).find((name) => yours(name, true));
  if (!theirs && ticked)
    return {
      kind: 'pair',
      sentence: `You ticked ${ticked}, whose button calls ${tool}; meanwhile somebody took ${tool} away.`,
    };
  const unticked = (needs.get(tool) ?? []).find((name) => yours(name, false));
  if (theirs && unticked)
    return {
      kind: 'pair',
      sentence: `You took ${unticked} away; meanwhile somebody added ${tool}, whose button calls it.`,
    };
  return null;
}

/** Every cell that must be asked. */
export function conflictsOf(merge: Merge): MergedCell[] {
  return merge.groups.flatMap(({ cells }) => cells.filter(({ conflict }) => conflict !== null));
}

export const cellKey = ({ slug, tool }: Pick<MergedCell, 'slug' | 'tool'>) => `${slug} ${tool}`;

/** Your draft on top of the fresh groups, with the decided conflicts (by `cellKey`: what the cell shall be). */
export function resolved(
  merge: Merge,
  fresh: readonly Ticks[],
  draft: Draft,
  known: ReadonlySet<string>,
  decided: ReadonlyMap<string, boolean>,
): Draft {
  const groups = new Map(fresh.map((group) => [group.slug, group]));
  let next = emptyDraft;
  for (const [slug, own] of draft.cells) {
    const group = groups.get(slug);
    if (!group) continue;
    for (const [tool, on] of own) if (known.has(tool)) next = setTools(next, group, [tool], on);
  }
  for (const cell of conflictsOf(merge)) {
    const on = decided.get(cellKey(cell));
    const group = groups.get(cell.slug);
    if (on !== undefined && group) next = setTools(next, group, [cell.tool], on);
  }
  return { ...next, presets: new Map([...draft.presets].filter(([slug]) => next.cells.has(slug))) };
}
