// One HTTP exchange over a pool of connections: the answer's head as soon as it is here, its body as it comes, with back-pressure.
//
// undici's own `request` makes a Node stream of every body. For a small answer that costs more than everything else that is done with
// it, so the gate takes the pieces as the parser hands them out.
import type { Dispatcher } from 'undici';

/** The pieces of a body, once. A failure is thrown to whoever reads; leaving early ends the connection. */
export interface Body extends AsyncIterable<Buffer> {
  /** Ends the connection where the body is not over. What is read afterwards fails. */
  destroy(): void;
  /** Calls `listener` where the other side breaks it off or falls silent, which its reader hears too. Not after `destroy`. */
  onBreak(listener: () => void): void;
}

export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>;
  body: Body;
}

/** Read no further while so much waits for its reader. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * Sends a request; resolves with the head of its answer. `deadlineMs` bounds all of it, the body included; then, as where `signal`
 * aborts, the failure's name is `TimeoutError`. Fails with undici's errors.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  { deadlineMs, signal }: { deadlineMs?: number; signal?: AbortSignal },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const waiting: Buffer[] = [];
    let waitingBytes = 0;
    let controller: Dispatcher.DispatchController | undefined;
    let isOver = false;
    let isDropped = false;
    let failure: unknown;
    let wake: (() => void) | undefined;
    let broke: (() => void) | undefined;

    function over(error?: unknown): void {
      if (isOver) return;
      isOver = true;
      failure = error;
      clearTimeout(timer);
      signal?.removeEventListener('abort', late);
      if (error !== undefined) {
        reject(error);
        broke?.();
      }
      wake?.();
    }
    function stop(error: Error): void {
      if (isOver) return;
      over(error);
      controller?.abort(error);
    }
    const late = () => stop(Object.assign(new Error('out of time'), { name: 'TimeoutError' }));
    const timer = deadlineMs === undefined ? undefined : setTimeout(late, deadlineMs).unref();

    const take = (): IteratorResult<Buffer> => {
      const piece = waiting.shift()!;
      waitingBytes -= piece.length;
      if (controller?.paused && waitingBytes < MAX_WAITING_BYTES) controller.resume();
      return { done: false, value: piece };
    };
    const reader: AsyncIterableIterator<Buffer> = {
      [Symbol.asyncIterator]: () => reader,
      async next() {
        if (waiting.length === 0 && !isOver) await new Promise<void>((resume) => (wake = resume));
        wake = undefined;
        // What came before a failure is no answer: its reader hears of the failure first.
        if (failure !== undefined) throw failure;
        return waiting.length > 0 ? take() : { done: true, value: undefined };
      },
      return() {
        body.destroy();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
    const body: Body = {
      [Symbol.asyncIterator]: () => reader,
      destroy() {
        waiting.length = 0;
        broke = undefined;
        isDropped ||= !isOver;
        stop(new Error('nobody reads on'));
      },
      onBreak(listener) {
        if (!isOver) broke = listener;
        else if (failure !== undefined && !isDropped) listener();
      },
    };

    if (signal?.aborted) return late();
    signal?.addEventListener('abort', late);
    dispatcher.dispatch(request, {
      onRequestStart(started) {
        controller = started;
        // It was given up while it waited for a connection.
        if (isOver) controller.abort(failure as Error);
      },
      onResponseStart(_, status, headers) {
        if (status >= 200) resolve({ status, headers, body });
      },
      onResponseData(current, piece) {
        if (isOver) return;
        waiting.push(piece);
        waitingBytes += piece.length;
        if (waitingBytes >= MAX_WAITING_BYTES) current.pause();
        wake?.();
      },
      onResponseEnd() {
        over();
      },
      onResponseError(_, error) {
        over(error);
      },
    });
  });
}
