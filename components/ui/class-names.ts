// Joins class names; falsy ones drop out.

/** `classNames('a', open && 'b')` → `'a b'` or `'a'`. */
export function classNames(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}
