// Calls that wait for admission: a queue for each bearer, all of them bounded, emptied in turns. Who floods waits behind himself and
// nobody waits behind him (LD-02); who could only be refused later is refused at once (LD-01).

/** One call in the queue. */
export interface Waiting<Call> {
  call: Call;
  /** By `performance.now()`. */
  askedMs: number;
}

const MAX_WAITING = 4_000;
/** Of one bearer. */
const MAX_WAITING_EACH = 1_000;
/** Where a bearer's first call waits that long already, the queue is slower than its calls. */
const MAX_AGE_MS = 450;

export interface FairQueue<Call> {
  /** False where the call finds no room. */
  join(bearer: string, waiting: Waiting<Call>): boolean;
  /** Takes at most `count`, the same number from each bearer as far as they have them, the oldest of each first. */
  take(count: number): Waiting<Call>[];
  /** Takes out all that asked before then. */
  takeOlderThan(askedMs: number): Waiting<Call>[];
  readonly size: number;
}

export function createFairQueue<Call>(): FairQueue<Call> {
  const queues = new Map<string, Waiting<Call>[]>();
  let size = 0;

  function takeFrom(bearer: string, queue: Waiting<Call>[], count: number): Waiting<Call>[] {
    const taken = queue.splice(0, count);
    size -= taken.length;
    // To the end: where there are more bearers than places, those who had none are first the next time.
    queues.delete(bearer);
    if (queue.length > 0) queues.set(bearer, queue);
    return taken;
  }

  return {
    get size() {
      return size;
    },
    join(bearer, waiting) {
      const queue = queues.get(bearer) ?? [];
      const isSlow = queue.length > 0 && waiting.askedMs - queue[0]!.askedMs > MAX_AGE_MS;
      if (isSlow || size >= MAX_WAITING || queue.length >= MAX_WAITING_EACH) return false;
      queue.push(waiting);
      queues.set(bearer, queue);
      size += 1;
      return true;
    },
    take(count) {
      const taken: Waiting<Call>[] = [];
      while (taken.length < count && size > 0) {
        const each = Math.max(1, Math.floor((count - taken.length) / queues.size));
        for (const [bearer, queue] of [...queues]) {
          if (taken.length >= count) break;
          taken.push(...takeFrom(bearer, queue, Math.min(each, count - taken.length)));
        }
      }
      return taken;
    },
    takeOlderThan(askedMs) {
      const taken: Waiting<Call>[] = [];
      for (const [bearer, queue] of [...queues]) {
        const fresh = queue.findIndex((waiting) => waiting.askedMs >= askedMs);
        if (fresh !== 0) taken.push(...takeFrom(bearer, queue, fresh === -1 ? queue.length : fresh));
      }
      return taken;
    },
  };
}
