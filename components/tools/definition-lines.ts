// A definition as lines that people compare, and two such texts side by side. Pure.
import { argumentsOf } from './arguments';

/** Every part of a definition: what a model reads first, then its arguments, then the rest as JSON. Invisible characters are spelt out. */
export function definitionLines(definition: Record<string, unknown> | null): string[] {
  if (definition === null) return [];
  const { name: _name, title, description, inputSchema, annotations, ...rest } = definition;
  const { title: hintTitle, ...hints } = (annotations ?? {}) as Record<string, unknown>;
  const shownTitle = title ?? hintTitle;
  return [
    ...(shownTitle === undefined ? [] : [`Title: ${text(shownTitle)}`]),
    ...Object.entries(hints).map(([hint, value]) => `${hint}: ${text(value)}`),
    ...(typeof description === 'string' ? description : '').split(/(?<=[.!?])\s+|\n+/).filter(Boolean),
    ...argumentsOf(inputSchema).map(
      ({ name, type, required, description: about }) =>
        `${name}: ${type}${required ? ', required' : ''}${about === null ? '' : ` \u2014 ${about}`}`,
    ),
    ...jsonLines({ inputSchema, ...rest }),
  ].map(spellOut);
}

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const jsonLines = (value: unknown): string[] =>
  (JSON.stringify(value, null, 1) ?? '').split('\n').slice(1, -1);

/** Control, zero-width, direction and tag characters as `[U+200B]`, so that what hides shows. */
export function spellOut(line: string): string {
  return line.replace(
    /[\p{Cc}\p{Cf}\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\uffa0]|[\ufe00-\ufe0f]|\u034f/gu,
    (char) => `[U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`,
  );
}

export interface SideBySide {
  before: string | null;
  after: string | null;
  same: boolean;
}

/** Beyond this many cells the middle is shown as removed and added: the exact pairing would cost seconds. */
const MAX_CELLS = 4_000_000;

/** The lines of both, paired where they are the same (longest common subsequence); what was replaced stands side by side. */
export function sideBySide(before: readonly string[], after: readonly string[]): SideBySide[] {
  let head = 0;
  while (head < before.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - head && before.at(-1 - tail) === after.at(-1 - tail))
    tail += 1;
  const same = (line: string): SideBySide => ({ before: line, after: line, same: true });
  const [a, b] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  return [
    ...before.slice(0, head).map(same),
    ...(a.length * b.length > MAX_CELLS ? replaced(a, b) : paired(a, b)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function paired(a: readonly string[], b: readonly string[]): SideBySide[] {
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1]! + 1
          : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
  const rows: SideBySide[] = [];
  let [i, j] = [0, 0];
  let [gone, come]: [string[], string[]] = [[], []];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      rows.push(...replaced(gone, come), { before: a[i]!, after: b[j]!, same: true });
      [gone, come] = [[], []];
      i += 1;
      j += 1;
    } else if (
      j >= b.length ||
      (i < a.length && longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!)
    ) {
      gone.push(a[i]!);
      i += 1;
    } else {
      come.push(b[j]!);
      j += 1;
    }
  }
  return [...rows, ...replaced(gone, come)];
}

function replaced(gone: readonly string[], come: readonly string[]): SideBySide[] {
  return Array.from({ length: Math.max(gone.length, come.length) }, (_, n) => ({
    ...{ before: gone[n] ?? null, after: come[n] ?? null, same: false },
  }));
}
