// What an agent hears of a write that a budget refuses, and of one that it made a moment before: the second is answered from the first, with
// a mark, and never sent. Whatever is not known of the first is said, not guessed.
import { setTimeout as sleep } from 'node:timers/promises';
import { env } from '../env';
import { log } from '../log';
import { readClaim, type Claim } from '../write-safety/claims';
import type { Admission, Admitted } from './admit';
import { answerRefused, mayGo } from './admit-again';
import { topLevelMembers } from './json-members';
import type { AdmittedCall } from './journey';
import type { Message } from './message';
import { answerResult, answerUnavailable, type McpAnswer } from './respond';

/** So long a repeat waits for the first, and so often it looks. */
const WAIT_MS = 10_000;
const LOOK_MS = 200;
/** Who waited longer is judged again, as a call that waits is (`admit-again`). */
const JUDGED_AGAIN_MS = 1_000;
/** In a result's `_meta`: the call that it repeats. */
const MARK = 'gatehouse/repeats';

/** The answer to a write of an agent that spent its budget for the day. */
export function answerSpent(admitted: Admitted, message: Message): McpAnswer {
  const tool = String(message.params.get('name'));
  const kind = admitted.denial === 'delete_budget' ? 'changes and deletions' : 'writes';
  const midnight = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const text = `${tool} was not sent to Asana: this agent has spent its budget of ${admitted.budget} ${kind} for today. For the person you act for it may only read until ${midnight} 00:00 UTC; tools that only read go on as before. Do not try again before that. An admin can let it write earlier: ${env().GATEHOUSE_URL}/admin/people#read-only. Tell the person you act for.`;
  return answerResult(message.id ?? null, plainResult(text, message.era, true));
}

/** The answer to a write that repeats one of a moment before. Waits a little where that is still under way. */
export async function answerRepeat(call: AdmittedCall): Promise<McpAnswer> {
  const { admitted, message } = call;
  const first = admitted.repeatOf!;
  const beganMs = performance.now();
  const claim = await endOf(admitted.organizationId, first).catch((error: unknown) => {
    log().warn({ err: error }, 'what became of a write could not be read for its repeat');
    return undefined;
  });
  if (claim === undefined) return answerUnavailable(message.id ?? null);
  if (performance.now() - beganMs > JUDGED_AGAIN_MS) {
    const again: Admission = await call.admitAgain();
    if (!mayGo(again, admitted.connection!.id)) return answerRefused(again, call);
  }
  return answerResult(message.id ?? null, resultOf(claim, first, message));
}

/** What is being waited for in this process, by call: a crowd of repeats asks the database once. */
const waiting = new Map<string, Promise<Claim | null>>();

function endOf(organizationId: string, callId: string): Promise<Claim | null> {
  const under = waiting.get(callId);
  if (under) return under;
  const end = look(organizationId, callId).finally(() => waiting.delete(callId));
  waiting.set(callId, end);
  return end;
}

async function look(organizationId: string, callId: string): Promise<Claim | null> {
  const untilMs = performance.now() + WAIT_MS;
  for (;;) {
    const claim = await readClaim(organizationId, callId);
    if (claim?.state !== 'open' || performance.now() > untilMs) return claim;
    await sleep(LOOK_MS);
  }
}

const moment = (date: Date) => `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;

function resultOf(claim: Claim | null, first: string, { params, era }: Message): string {
  const tool = String(params.get('name'));
  const repeats = `${tool} with exactly these arguments`;
  if (claim === null)
    return plainResult(
      `${repeats} was being called already, so this repeat was not sent to Asana. The first call failed and changed nothing: call again, and it goes.`,
      ...([era, true] as const),
    );
  const at = moment(claim.claimedAt);
  const until = `Gatehouse sends the same call again from ${moment(claim.expiresAt)} on; with other arguments at once.`;
  if (claim.state === 'open')
    return plainResult(
      `${repeats} was called already at ${at} and has no answer yet, so this repeat was not sent to Asana. Whether the first took effect is not known. Look at Asana before you try once more. ${until}`,
      ...([era, true] as const),
    );
  if (claim.state === 'unknown')
    return plainResult(
      `${repeats} was called already at ${at}, and Asana\u2019s answer did not arrive: whether it took effect is unknown, so this repeat was not sent. Look at Asana before you try once more. ${until}`,
      ...([era, true] as const),
    );
  const done = `Done already: ${repeats} was called at ${at} and carried out. This repeat was not sent to Asana;`;
  if (claim.result === null)
    return plainResult(`${done} the answer to the first was too large to be kept. ${until}`, era, false);
  return (
    marked(claim.result, `${done} what follows is the answer to the first. ${until}`, { era, first, at }) ??
    plainResult(`${done} the answer to the first can\u2019t be shown again. ${until}`, era, false)
  );
}

function plainResult(text: string, era: Message['era'], isError: boolean): string {
  return JSON.stringify({
    ...(era === 'modern' ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text }],
    isError,
  });
}

/** The first's result with a text before its own and the mark in its `_meta`; all else of it keeps its bytes. Null where it is no tool's result. */
function marked(
  result: string,
  text: string,
  { era, first, at }: { era: Message['era']; first: string; at: string },
): string | null {
  const members = topLevelMembers(result);
  const content = members?.get('content');
  if (!members || !content?.startsWith('[')) return null;
  const before = (own: string, rest: string) => {
    const inner = rest.slice(1).trimStart();
    return `${own}${/^[\]}]/.test(inner) ? '' : ','}${inner}`;
  };
  const meta = members.get('_meta');
  members.set('content', before(`[${JSON.stringify({ type: 'text', text })}`, content));
  const mark = JSON.stringify({ [MARK]: { call: first, at } }).slice(0, -1);
  members.set('_meta', before(mark, meta?.startsWith('{') ? meta : '{}'));
  // What one era says of its results means nothing in the other.
  members.delete('resultType');
  const kept = [...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`);
  return `{${[...(era === 'modern' ? ['"resultType":"complete"'] : []), ...kept].join(',')}}`;
}
