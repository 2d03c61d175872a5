// Before a call changes or deletes something: what is there now is read through the caller's own connection and kept sealed, where a group
// says so (lib/undo). A call whose "before" could not be kept is not sent: an undo that is missing when it is needed is worse than a call
// that has to be made again. Only calls of such groups come here.
import { isDatabaseGone } from '../errors';
import { log } from '../log';
import { keepBundle } from '../undo/keep';
import { readingOf, subtasksIn, thingIn } from '../undo/read-answer';
import {
  MAX_THINGS,
  UNDO_TOOLS,
  wantedOf,
  type Bundle,
  type Thing,
  type UndoTool,
  type Wanted,
} from '../undo/what-is-there';
import { askThrough, LookupLimited, LookupUnavailable, NoConnection } from './argument-lookups';
import { answerWithoutConnection } from './answer-locally';
import { encodeJson } from './decode';
import type { Journey } from './journey';
import { answerLimit, answerResult, type McpAnswer } from './respond';

const PURPOSE = 'undo: what was there before';
/** For all readings of one call together; a client gives up after a minute. Tests wait for less. */
export const READING = { withinMs: 15_000 };

/** Why a call can't be undone, in words for its agent. */
class NotKept extends Error {
  constructor(
    readonly reason: 'undo_unclear' | 'undo_too_large' | 'undo_unread',
    why: string,
  ) {
    super(why);
  }
}

/** Keeps what is there; null where the call may go. Throws what the database throws. */
export async function keepBefore(journey: Journey): Promise<McpAnswer | null> {
  const { admitted, message, callId } = journey;
  const tool = message.params.get('name') as UndoTool;
  if (admitted.undoDays === null || message.method !== 'tools/call' || !UNDO_TOOLS.includes(tool))
    return null;
  try {
    const args = JSON.parse(encodeJson(message.params.get('arguments') ?? new Map())) as Bundle['arguments'];
    const before = await within(READING.withinMs, readBefore(journey, tool, args));
    // Of a call that was ended meanwhile nothing is kept; it is not sent either.
    if (before.length === 0 || journey.ending.reason !== null) return null;
    const { organizationId, memberId } = admitted;
    const keeping = {
      organizationId,
      memberId,
      connectionId: journey.connection.id,
      callId,
      days: admitted.undoDays,
    };
    const kept = await keepBundle(keeping, { tool, arguments: args, before });
    if (kept === 'too_large')
      throw new NotKept(
        'undo_too_large',
        'there is too much text in what it changes; change less in one call',
      );
    return null;
  } catch (error) {
    return refusal(journey, error);
  }
}

/** The things as they are, a deletion's subtasks behind their parents. */
async function readBefore(journey: Journey, tool: UndoTool, args: Bundle['arguments']): Promise<Thing[]> {
  const asked = wantedOf(tool, args);
  if ('unclear' in asked) throw new NotKept('undo_unclear', asked.unclear);
  const things: Thing[] = [];
  let round = asked.wanted;
  const known = new Set<string>();
  while (round.length > 0) {
    if (things.length + round.length > MAX_THINGS)
      throw new NotKept(
        'undo_too_large',
        `more than ${MAX_THINGS} tasks are in it; change or delete fewer in one call`,
      );
    for (const { gid } of round) known.add(gid);
    const { read, below } = await readRound(journey, round);
    things.push(...read);
    // A task that is its own parent's parent would never end.
    round = below.filter(({ gid }) => !known.has(gid));
  }
  return things;
}

async function readRound(
  { admitted, connection }: Journey,
  round: readonly Wanted[],
): Promise<{ read: Thing[]; below: Wanted[] }> {
  const read = new Map<string, Thing>();
  const below: Wanted[] = [];
  await askThrough(
    { ...admitted, connection },
    { purpose: PURPOSE, deadlineMs: READING.withinMs },
    round,
    async (wanted, call) => {
      const { tool, args } = readingOf(wanted);
      const { answer } = await call(tool, args);
      const thing = thingIn(wanted, answer);
      const subtasks = wanted.deep ? subtasksIn(answer) : [];
      if (thing === null || subtasks === null)
        throw new NotKept(
          'undo_unread',
          `Asana did not say all of what is in ${wanted.kind} ${wanted.gid} now`,
        );
      read.set(wanted.gid, thing);
      below.push(...subtasks.map((gid) => ({ ...wanted, gid })));
    },
  );
  return { read: round.map(({ gid }) => read.get(gid)!), below };
}

/** What hangs longer than its time has failed; what comes of it later is nobody's. */
async function within<T>(timeMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LookupUnavailable('what is there now was not read in time')), timeMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the agent hears: nothing was sent, why, and what to do. */
function refusal(journey: Journey, error: unknown): Promise<McpAnswer> | McpAnswer {
  const { admitted, message, settled, callId } = journey;
  const id = message.id ?? null;
  if (error instanceof LookupLimited) {
    settled('upstream_error', 'undo_limited');
    return answerLimit(id, error.limit);
  }
  if (error instanceof NoConnection) {
    settled('tool_error', 'no_connection');
    return answerWithoutConnection(admitted, message, callId);
  }
  const reason = error instanceof NotKept ? error.reason : 'undo_unread';
  if (!(error instanceof NotKept) && !(error instanceof LookupUnavailable)) {
    if (isDatabaseGone(error)) throw error;
    log().warn({ err: error }, 'what was there before a call could not be kept');
  }
  settled('upstream_error', reason);
  const why = error instanceof NotKept ? error.message : 'Asana did not say what is there now';
  const text = `Not sent to Asana: what was there before could not be kept, because ${why}. Nothing was changed. Try again${reason === 'undo_unread' ? ' in a moment' : ' with another call'}, or ask an admin to switch the undo off for the group.`;
  return answerResult(
    id,
    JSON.stringify({
      ...(message.era === 'modern' ? { resultType: 'complete' } : {}),
      content: [{ type: 'text', text }],
      isError: true,
    }),
  );
}
