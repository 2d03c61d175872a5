// Whether a call that Asana did not answer may be sent once more: only what reads, only where nothing of an answer has come, and
// only while few calls need it (a retry storm keeps an outage alive). A write never is.
import { UpstreamError } from '../asana/mcp-client';
import { OutboundError, type OutboundAnswer } from '../http';

/** Repeats of this process are at most this share of its calls, and as many at once. */
export const REPEATS = { share: 0.1, burst: 10 };
/** A failure that came later has used up the time in which an answer is awaited. */
export const REPEAT_WITHIN_MS = 20_000;

export interface RepeatBudget {
  /** A call was made. */
  earn(): void;
  /** Takes one repeat; false where none is left. */
  spend(): boolean;
}

/** A bucket that every call fills by `share` up to `burst`, and a repeat takes one from. Starts full. */
export function createRepeatBudget({ share, burst }: { share: number; burst: number }): RepeatBudget {
  // In thousandths, because tenths do not add up.
  const most = burst * 1_000;
  let left = most;
  return {
    earn() {
      left = Math.min(most, left + share * 1_000);
    },
    spend() {
      if (left < 1_000) return false;
      left -= 1_000;
      return true;
    },
  };
}

/**
 * Whether what came of a first attempt leaves room for a second: no connection, a connection that ended before any byte of the
 * answer, or the 502, 503 or 504 of something in front of a server that was not reached or is not ready. Not 500, which the
 * same request would meet again; not one that says when to come back (RFC 9110 section 10.2.3).
 */
export function isPassing(attempt: OutboundAnswer | unknown): boolean {
  if (attempt instanceof UpstreamError) {
    const { status } = attempt.detail;
    return attempt.reason === 'failed' && (isPassing(attempt.cause) || isPassingStatus(status));
  }
  if (attempt instanceof OutboundError) return attempt.reason === 'unreachable' || attempt.reason === 'cut';
  const answer = attempt as Partial<OutboundAnswer> | null | undefined;
  return isPassingStatus(answer?.status) && answer?.headers?.['retry-after'] === undefined;
}

const isPassingStatus = (status: number | undefined) => status === 502 || status === 503 || status === 504;
