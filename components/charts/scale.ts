// The scale of a chart: round numbers from zero to a little over the highest value. Pure.

const STEPS = [1, 2, 2.5, 5, 10];

/** Where the grid's lines are, from zero up; the last one is the chart's top. `whole` for things that are counted. */
export function ticksFor(highest: number, { whole }: { whole: boolean }): number[] {
  const rough = Math.max(highest, whole ? 4 : 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = STEPS.map((factor) => factor * power).find(
    (size) => size >= rough && (!whole || Number.isInteger(size)),
  )!;
  return Array.from({ length: Math.max(1, Math.ceil(highest / step)) + 1 }, (_, n) => n * step);
}

/** Which of `n` buckets get a label, so that at most `most` do; the last one always does. */
export function labelled(n: number, most: number): Set<number> {
  const every = Math.ceil(n / most);
  return new Set(Array.from({ length: n }, (_, at) => at).filter((at) => (n - 1 - at) % every === 0));
}
