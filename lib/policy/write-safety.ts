// What a group may set so that an agent in a loop does little harm: budgets on writes a day, and a window in which the repeat of a write is not
// sent. Of several groups of a person the most cautious setting holds: the smallest budget, the longest window, whichever group grants the
// tool. Pure.

/** Each null is off. `writesPerDay` counts every tool but those that only read, deletions among them; `deletesPerDay` the class destructive. */
export interface WriteSafety {
  writesPerDay: number | null;
  deletesPerDay: number | null;
  repeatWindowSeconds: number | null;
}

export const NO_WRITE_SAFETY: WriteSafety = {
  ...{ writesPerDay: null, deletesPerDay: null, repeatWindowSeconds: null },
};

/** Without anything else a row may hold; null where nothing is set. */
export function normalWriteSafety({
  writesPerDay,
  deletesPerDay,
  repeatWindowSeconds,
}: WriteSafety): WriteSafety | null {
  const isOff = writesPerDay === null && deletesPerDay === null && repeatWindowSeconds === null;
  return isOff ? null : { writesPerDay, deletesPerDay, repeatWindowSeconds };
}

const calls = (count: number) => `${count.toLocaleString('en')} ${count === 1 ? 'call' : 'calls'}`;

/** `90 seconds`, `10 minutes`. */
export function durationInWords(seconds: number): string {
  const [count, unit] =
    seconds % 3_600 === 0
      ? [seconds / 3_600, 'hour']
      : seconds % 60 === 0
        ? [seconds / 60, 'minute']
        : [seconds, 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** A sentence for each setting. */
export function writeSafetyInWords({
  writesPerDay,
  deletesPerDay,
  repeatWindowSeconds,
}: WriteSafety): string[] {
  return [
    ...(writesPerDay === null
      ? []
      : [`Each agent of a person may write at most ${calls(writesPerDay)} a day.`]),
    ...(deletesPerDay === null
      ? []
      : [
          `Each agent of a person may change or delete what exists at most in ${calls(deletesPerDay)} a day.`,
        ]),
    ...(repeatWindowSeconds === null
      ? []
      : [
          `A write that is repeated within ${durationInWords(repeatWindowSeconds)} is answered from the first.`,
        ]),
  ];
}
