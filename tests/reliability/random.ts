// Chance that a seed repeats: the same seed makes the same choices in the same order.

export interface Random {
  /** A whole number from 0 to below `end`. */
  below(end: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(of: readonly T[]): T;
  /** Another one, whose choices do not depend on how often this one is asked. */
  fork(name: string): Random;
}

/** SplitMix32 over the seed. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    chance: (probability) => next() < probability,
    pick: (of) => of[below(of.length)]!,
    fork: (name) =>
      randomOf(Array.from(name).reduce((hash, letter) => Math.imul(hash, 31) + letter.codePointAt(0)!, seed)),
  };
}
