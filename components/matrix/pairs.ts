// Preview tools and the internal tools behind their buttons: which belong together, what the inner ones can do, and what a tick
// leaves half done. Pure. Asana's catalogue names no partner; the names are all there is to go by (facts: *_preview[_vN], *_confirm*).

interface Named {
  name: string;
}

/** Names of the tools whose absence makes the buttons of this preview fail; empty for a tool that is no preview. */
export function neededBy(preview: string, tools: readonly Named[]): string[] {
  const stem = /^(create_\w+?)_preview(?:_v\d+)?$/.exec(preview)?.[1];
  if (stem === undefined) return [];
  return tools.map(({ name }) => name).filter((name) => new RegExp(`^${stem}_confirm(?:_|$)`).test(name));
}

/** All pairs of a catalogue, both ways, so that a cell finds its partners at once. */
export function pairsOf(tools: readonly Named[]): {
  needs: ReadonlyMap<string, readonly string[]>;
  serves: ReadonlyMap<string, readonly string[]>;
} {
  const needs = new Map<string, string[]>();
  const serves = new Map<string, string[]>();
  for (const { name } of tools) {
    const partners = neededBy(name, tools);
    if (partners.length === 0) continue;
    needs.set(name, partners);
    for (const partner of partners) serves.set(partner, [...(serves.get(partner) ?? []), name]);
  }
  return { needs, serves };
}

export type Pairs = ReturnType<typeof pairsOf>;

/**
 * What an internal tool can do, from its name and the names of its arguments, however deep: "creates tasks", "deletes tasks and
 * sections". A tool that is not a `*_confirm` has no powers to be told.
 */
export function powersOf({ name, inputSchema }: { name: string; inputSchema?: unknown }): string[] {
  const [, verb, thing] = /^(create|save)_(task|project)\w*?_confirm/.exec(name) ?? [];
  if (!verb || !thing) return [];
  const does = verb === 'create' ? `creates ${thing}s` : `changes ${thing}s`;
  const fills = /_confirm_populate$/.test(name) ? `fills ${thing}s with sections and tasks` : does;
  const deletes = [...deletedThings(inputSchema)];
  return deletes.length === 0 ? [fills] : [fills, `deletes ${listed(deletes)}`];
}

function deletedThings(schema: unknown, depth = 0): Set<string> {
  const found = new Set<string>();
  if (typeof schema !== 'object' || schema === null || depth > 12) return found;
  for (const [key, value] of Object.entries(schema)) {
    const thing = /^deleted([A-Z][a-z]+)Gids$/.exec(key)?.[1];
    if (thing) found.add(`${thing.toLowerCase()}s`);
    for (const inner of deletedThings(value, depth + 1)) found.add(inner);
  }
  return found;
}

/** "a", "a and b", "a, b and c". */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** What a change left half done: ticking `tools` (or unticking, with `on` false) in `groups` would complete it. */
export interface Offer {
  on: boolean;
  tools: string[];
  groups: string[];
  /** The tools that were set and now lack their partners, or have one that serves nothing. */
  because: string[];
  kind: 'preview_lacks_confirm' | 'confirm_left_preview' | 'confirm_lacks_preview';
}

/**
 * What to offer after `cells` were set to `on`; null when nothing is half done. `has` says what is ticked after the change.
 * A preview is never completed unasked: the tools behind its button write, and agents outside of a widget can call them too.
 */
export function offerAfter(
  cells: readonly { tool: string; group: string }[],
  on: boolean,
  has: (group: string, tool: string) => boolean,
  { needs, serves }: Pairs,
): Offer | null {
  const collect = (
    kind: Offer['kind'],
    offered: boolean,
    partnersOf: (tool: string) => readonly string[],
    missing: (group: string, partners: readonly string[]) => readonly string[],
  ): Offer | null => {
    const [tools, groups, because] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (const { tool, group } of cells)
      for (const partner of missing(group, partnersOf(tool))) {
        tools.add(partner);
        groups.add(group);
        because.add(tool);
      }
    return tools.size === 0
      ? null
      : { kind, on: offered, tools: [...tools], groups: [...groups], because: [...because] };
  };
  const none: readonly string[] = [];
  const absent = (group: string, names: readonly string[]) => names.filter((name) => !has(group, name));
  if (!on)
    return collect(
      'confirm_left_preview',
      false,
      (tool) => serves.get(tool) ?? none,
      (group, names) => names.filter((name) => has(group, name)),
    );
  return (
    collect('preview_lacks_confirm', true, (tool) => needs.get(tool) ?? none, absent) ??
    collect(
      'confirm_lacks_preview',
      true,
      (tool) => serves.get(tool) ?? none,
      // One preview is enough to make sense of the tool.
      (group, names) => (names.some((name) => has(group, name)) ? none : absent(group, names)),
    )
  );
}
