// What kind of change a definition went through, and which new tool took the place of which that is gone. Pure.
import { canonicalJson } from '../audit/canonical';
import { sameDefinition, type ToolDefinition } from './classify';

export const DRIFT_KINDS = [
  ...(['added', 'removed', 'returned', 'renamed'] as const),
  ...(['title', 'description', 'arguments', 'hints', 'other'] as const),
] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** Which parts differ between two definitions of one tool; never empty where they differ at all. */
export function kindsOfChange(before: ToolDefinition, after: ToolDefinition): DriftKind[] {
  const same = (a: unknown, b: unknown) => sameDefinition(a ?? null, b ?? null);
  const hints = ({ annotations = {} }: ToolDefinition) => ({ ...annotations, title: undefined });
  const title = (tool: ToolDefinition) => [tool.title, tool.annotations?.title];
  const rest = (tool: ToolDefinition) => ({
    ...tool,
    ...{ title: undefined, description: undefined, inputSchema: undefined, annotations: undefined },
  });
  return [
    ...(same(title(before), title(after)) ? [] : (['title'] as const)),
    ...(same(before.description, after.description) ? [] : (['description'] as const)),
    ...(same(before.inputSchema, after.inputSchema) ? [] : (['arguments'] as const)),
    ...(same(hints(before), hints(after)) ? [] : (['hints'] as const)),
    ...(same(rest(before), rest(after)) ? [] : (['other'] as const)),
  ];
}

/** A name without its version: `create_task_preview_v5` and `create_task_preview` have one stem. */
const stemOf = (name: string): string => name.toLowerCase().replace(/(?:_|-|\.)?v?\d+$/, '');

/** Definitions as alike as these are one tool under two names. */
const NEARLY = 0.9;

/**
 * The one of `gone` that `added` takes the place of, or null: one of the same stem, else one whose definition is nearly the same. Where
 * several would do, the most alike; a tie is nobody's.
 */
export function predecessorOf(added: ToolDefinition, gone: readonly ToolDefinition[]): string | null {
  const others = gone.filter(({ name }) => name !== added.name);
  const kin = others.filter(({ name }) => stemOf(name) === stemOf(added.name));
  const measured = (kin.length > 0 ? kin : others)
    .map((tool) => ({ name: tool.name, alike: likeness(tool, added) }))
    .filter(({ alike }) => kin.length > 0 || alike >= NEARLY)
    .sort((a, b) => b.alike - a.alike);
  const [best, second] = measured;
  return best && best.alike !== second?.alike ? best.name : null;
}

/** The share of words that two definitions have in common, names aside (Dice's coefficient over the multiset of words), 0 to 1. */
function likeness(a: ToolDefinition, b: ToolDefinition): number {
  const [left, right] = [wordsOf(a), wordsOf(b)];
  const counts = new Map<string, number>();
  for (const word of left) counts.set(word, (counts.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of right) {
    const rest = counts.get(word) ?? 0;
    if (rest > 0) common += 1;
    counts.set(word, rest - 1);
  }
  const all = left.length + right.length;
  // Two tools that say nothing about themselves have nothing in common.
  return all === 0 ? 0 : (2 * common) / all;
}

function wordsOf({ description, inputSchema }: ToolDefinition): string[] {
  const properties = (inputSchema as { properties?: object } | null | undefined)?.properties;
  const isBare = Object.keys(properties ?? {}).length === 0;
  return `${description ?? ''} ${isBare ? '' : canonicalJson(inputSchema)}`.match(/[\p{L}\p{N}_]+/gu) ?? [];
}
