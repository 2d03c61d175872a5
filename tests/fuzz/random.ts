// Chance that can be had again: the same seed and number give the same choices, on every machine.

export interface Random {
  /** An integer from 0 to `n` - 1. */
  below(n: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
}

/** Choices for one body: `number` counts the bodies of a run. */
export function randomOf(seed: number, number: number): Random {
  let [a, b, c, counter] = [seed >>> 0, number >>> 0, (seed ^ 0x9e3779b9) >>> 0, 1];
  // sfc32: small, fast, and good enough to choose test cases by; nothing secret comes from it.
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 4_294_967_296;
  };
  for (let n = 0; n < 16; n += 1) next();
  const below = (n: number) => Math.floor(next() * n);
  return { below, chance: (probability) => next() < probability, pick: (list) => list[below(list.length)]! };
}
