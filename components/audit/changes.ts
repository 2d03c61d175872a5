// What an event changed, field by field: added and removed entries of lists, old and new values otherwise. Pure.

export type Change =
  | { field: string; kind: 'list'; added: string[]; removed: string[]; kept: number }
  | { field: string; kind: 'value'; before: string | null; after: string | null };

/** The differences of an event's `before` and `after`, in the order of their fields; a side that is absent counts as empty. */
export function changesOf(before: unknown, after: unknown): Change[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return names.flatMap((name) => changeOf(name, old[name], now[name]) ?? []);
}

function changeOf(name: string, before: unknown, after: unknown): Change | null {
  const field = fieldWords(name);
  if (Array.isArray(before) || Array.isArray(after)) {
    const [old, now] = [listOf(before), listOf(after)];
    const added = now.filter((entry) => !old.includes(entry));
    const removed = old.filter((entry) => !now.includes(entry));
    const kept = now.length - added.length;
    return added.length + removed.length > 0 ? { field, kind: 'list', added, removed, kept } : null;
  }
  const [old, now] = [textOf(before), textOf(after)];
  return old === now ? null : { field, kind: 'value', before: old, after: now };
}

// A value that is no object stands for itself.
function fieldsOf(side: unknown): Record<string, unknown> {
  if (side === null || side === undefined) return {};
  return typeof side === 'object' && !Array.isArray(side)
    ? (side as Record<string, unknown>)
    : { value: side };
}

const listOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.map((entry) => textOf(entry) ?? '') : [];

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'object') {
    // An entry with a name of its own (a workspace, a person) reads better than its JSON.
    const { name, email, gid } = value as Record<string, unknown>;
    const own = [name, email, gid].filter((part) => typeof part === 'string' && part !== '');
    const known = Object.keys(value).every((key) => ['name', 'email', 'gid'].includes(key));
    return known && own.length > 0 ? own.join(' · ') : JSON.stringify(value);
  }
  return String(value as string | number);
}

/** "asanaEmails" → "Asana emails". */
function fieldWords(name: string): string {
  const spaced = name.replace(
    /([a-z])([A-Z])/g,
    (_, last: string, next: string) => `${last} ${next.toLowerCase()}`,
  );
  return spaced.charAt(0).toUpperCase() + spaced.slice(1).replaceAll('_', ' ');
}
