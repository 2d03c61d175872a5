// A guard, what stands in its place without it, and the tests that must then fail: the form of the tables of scripts/mutate.ts.

/** One guard. `find` stands exactly once in `file`; `tests` are run with vitest's `-t match`. */
export interface Mutant {
  file: string;
  find: string;
  replace: string;
  why: string;
  tests: string[];
  match: string;
}

/** Guards of one file, all held by tests of the same files unless a line names others. */
export function guardsOf(
  file: string,
  tests: string[],
  lines: [why: string, match: string, find: string, replace: string, tests?: string[]][],
): Mutant[] {
  return lines.map(([why, match, find, replace, own]) => ({
    file,
    find,
    replace,
    why,
    match,
    tests: own ?? tests,
  }));
}
