// Brings an agent's answers to the call that waits for them: at once in the same process, by way of the database where the agent told
// another. What nobody waits for any more dies within five minutes, and nothing of it is shown to anybody else.
import { setTimeout as sleep } from 'node:timers/promises';
import { pool } from '../db';
import { openSecret, placeOf, sealSecret } from '../vault/vault';
import { liveProcesses } from './live-processes';

/** An agent's result or error, as JSON. */
export interface GivenAnswer {
  member: 'result' | 'error';
  value: string;
}

/** So long a person may think. */
export const ANSWER_WITHIN_MS = 5 * 60_000;
const LOOK_EVERY_MS = 500;

/** By the id of the call: what is still open, by its number. */
const waiting = new Map<string, Map<number, (answer: GivenAnswer) => void>>();

/** Hands an answer to whoever waits for it. `call`: the one that was asked back. Throws where the database is away. */
export async function giveAnswer(
  call: { organizationId: string; callId: string; question: number },
  answer: GivenAnswer,
): Promise<void> {
  const { organizationId, callId, question } = call;
  const open = waiting.get(callId);
  if (open) {
    open.get(question)?.(answer);
    return;
  }
  const id = crypto.randomUUID();
  const sealed = sealSecret(placeOf(organizationId, 'client_answers', 'answer', id), JSON.stringify(answer));
  await pool().query(
    `WITH old AS (DELETE FROM client_answers WHERE organization_id = $2 AND expires_at < now())
     INSERT INTO client_answers (id, organization_id, call_id, question, answer, expires_at)
     VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 millisecond')
     ON CONFLICT (organization_id, call_id, question) DO NOTHING`,
    [id, organizationId, callId, question, sealed, ANSWER_WITHIN_MS],
  );
}

/**
 * All answers to questions 0 to `count` - 1 of a call, in their order. Rejects with the signal's reason once that is aborted; it is the
 * caller's to bound the time.
 */
export async function awaitAnswers(
  { organizationId, callId, count }: { organizationId: string; callId: string; count: number },
  signal: AbortSignal,
): Promise<GivenAnswer[]> {
  const answers: GivenAnswer[] = [];
  const open = new Map<number, (answer: GivenAnswer) => void>();
  const complete = new Promise<void>((resolve, reject) => {
    for (let number = 0; number < count; number += 1)
      open.set(number, (answer) => {
        answers[number] = answer;
        open.delete(number);
        if (open.size === 0) resolve();
      });
    if (count === 0) resolve();
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  waiting.set(callId, open);
  const done = new AbortController();
  complete.then(
    () => done.abort(),
    () => done.abort(),
  );
  void lookElsewhere({ organizationId, callId }, open, done.signal);
  try {
    await complete;
    return answers;
  } finally {
    waiting.delete(callId);
  }
}

/** Looks for what other processes were told, while there are any. A database that is away is asked again. */
async function lookElsewhere(
  { organizationId, callId }: { organizationId: string; callId: string },
  open: Map<number, (answer: GivenAnswer) => void>,
  done: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(LOOK_EVERY_MS, undefined, { signal: done, ref: false }).catch(() => undefined);
    if (done.aborted) return;
    try {
      if ((await liveProcesses()) === 1) continue;
      const { rows } = await pool().query<{ id: string; question: number; answer: string }>(
        'DELETE FROM client_answers WHERE organization_id = $1 AND call_id = $2 RETURNING id, question, answer',
        [organizationId, callId],
      );
      for (const { id, question, answer } of rows) {
        const place = placeOf(organizationId, 'client_answers', 'answer', id);
        open.get(question)?.(JSON.parse(openSecret(place, answer)) as GivenAnswer);
      }
    } catch {
      // Asked again.
    }
  }
}
