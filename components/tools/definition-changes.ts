// What differs between two definitions of a tool, in words that an admin can judge by. Pure.
import { sameDefinition } from '@/lib/catalogue/classify';
import { argumentsOf } from './arguments';
import { hintWords } from './words';

/** One sentence a difference; the last resort names the member that differs, so that no change goes unsaid. */
export function definitionChanges(before: Record<string, unknown>, now: Record<string, unknown>): string[] {
  const changes: string[] = [];
  if (titleOf(before) !== titleOf(now)) changes.push(`The title is now “${titleOf(now) ?? 'none'}”.`);
  if (!same(before.description, now.description))
    changes.push('The description, which models read, is another.');
  changes.push(
    ...hintChanges(before.annotations, now.annotations),
    ...argumentChanges(before.inputSchema, now.inputSchema),
  );
  if (!same(before._meta, now._meta)) changes.push('The metadata (_meta), which widgets use, is another.');
  if (changes.length === 0)
    changes.push('Another part of the definition differs; compare the raw definitions below.');
  return changes;
}

function hintChanges(before: unknown, now: unknown): string[] {
  const hint = (annotations: unknown, name: string) =>
    (annotations as Record<string, unknown> | null)?.[name];
  return hintWords.flatMap(([name, yes, no]) => {
    const value = hint(now, name);
    if (same(hint(before, name), value)) return [];
    return [
      typeof value === 'boolean'
        ? `Asana now calls it ${value ? yes : no}.`
        : `Asana no longer says whether it is ${yes}.`,
    ];
  });
}

function argumentChanges(before: unknown, now: unknown): string[] {
  const old = new Map(argumentsOf(before).map((argument) => [argument.name, argument]));
  const fresh = argumentsOf(now);
  const names = new Set(fresh.map(({ name }) => name));
  const changes = [
    ...fresh.flatMap((argument) => {
      const earlier = old.get(argument.name);
      if (!earlier)
        return [`It takes a new argument, ${argument.name}${argument.required ? ' (required)' : ''}.`];
      return same(earlier, argument) ? [] : [`The argument ${argument.name} is another.`];
    }),
    ...[...old.keys()].filter((name) => !names.has(name)).map((name) => `The argument ${name} is gone.`),
  ];
  return changes.length > 0 || same(before, now) ? changes : ['The details of its arguments differ.'];
}

function titleOf({ title, annotations }: Record<string, unknown>): string | null {
  const given = title ?? (annotations as Record<string, unknown> | null)?.title;
  return typeof given === 'string' ? given : null;
}

// Absent, null and undefined are one: the catalogue gives null where Asana gives nothing.
function same(a: unknown, b: unknown): boolean {
  return sameDefinition(a ?? null, b ?? null);
}
