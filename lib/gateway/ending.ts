// A call that is ended from outside while it is under way: its agent hears why at once, whatever Asana does meanwhile.
import type { EndReason } from './open-streams';
import { answerError, CODES, errorText, isWhole, type McpAnswer, type RpcId } from './respond';

/** Nothing more may be sent for this call; its agent has its answer already. */
export class Ended extends Error {}

/** Whether, and why, a call was ended. */
export interface Ending {
  reason: EndReason | null;
  /** Whether a byte of it went to Asana by then. */
  wasSent: boolean;
  /** Called once, at the end. */
  listener: (() => void) | null;
}

/** A call that goes on. */
export function createEnding(): Ending {
  return { reason: null, wasSent: false, listener: null };
}

/** Ends the call; more often does nothing. */
export function endCall(ending: Ending, reason: EndReason): void {
  if (ending.reason !== null) return;
  ending.reason = reason;
  ending.listener?.();
}

const WORDS: Record<EndReason, string> = {
  organization_stopped: 'Your organization has stopped all agents',
  member_removed: 'The person you act for is no longer a member',
  credential_ended: 'The access of this agent was ended',
  connection_ended: 'The Asana connection of this call was ended',
};

/** Why a stream ended that nothing was asked of. */
export function endedWords(reason: EndReason): string {
  return `${WORDS[reason]}. Do not try again.`;
}

function dataOf({ wasSent }: Ending) {
  return { outcome: wasSent ? 'unknown' : 'not_sent' };
}

function wordsOf({ reason, wasSent }: Ending): string {
  const effect = wasSent
    ? 'while the call was under way; whether it took effect is unknown'
    : 'before the call was sent to Asana';
  return `${WORDS[reason!]} ${effect}. Do not try again.`;
}

/**
 * The answer of `work`, or, as soon as the call is ended, the one that says so; `work` is then left to itself. `settle` is called
 * then, and may know a better answer. `id`: of the request, as it is known by then.
 */
export async function orEnded(
  ending: Ending,
  id: () => RpcId,
  work: Promise<McpAnswer>,
  settle: () => Promise<McpAnswer | null>,
): Promise<McpAnswer> {
  const answer = await raced(ending, work);
  if (answer !== null) return { ...answer, body: bodyUntilEnded(ending, id, answer) };
  const better = await settle();
  return (
    better ??
    answerError(id() === null ? 403 : 200, id(), CODES.stopped, wordsOf(ending), { data: dataOf(ending) })
  );
}

/** What `work` gives, or null where the call was ended first. One listener at a time: nothing piles up along a stream. */
function raced<T>(ending: Ending, work: Promise<T>): Promise<T | null> {
  return new Promise((resolve, reject) => {
    ending.listener = () => resolve(null);
    if (ending.reason !== null) resolve(null);
    work.then(resolve, reject);
  });
}

function bodyUntilEnded(ending: Ending, id: () => RpcId, { body, headers }: McpAnswer): McpAnswer['body'] {
  if (isWhole(body)) return body;
  const isEvents = headers['content-type'] === 'text/event-stream';
  return piecesUntilEnded(ending, id, body, isEvents);
}

async function* piecesUntilEnded(
  ending: Ending,
  id: () => RpcId,
  pieces: AsyncIterable<string | Uint8Array>,
  isEvents: boolean,
): AsyncGenerator<string | Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  try {
    for (;;) {
      const got = await raced(ending, iterator.next());
      if (got === null) break;
      if (got.done) return;
      yield got.value;
    }
  } finally {
    void iterator.return?.(undefined);
  }
  // A JSON answer that was begun has no place for an error: it breaks off, so that half of it is no JSON to anybody.
  if (!isEvents) throw new Ended();
  yield `event: message\ndata: ${errorText(id(), CODES.stopped, wordsOf(ending), dataOf(ending))}\n\n`;
}
