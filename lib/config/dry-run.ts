// Does a change and undoes it: what would be is seen through the very code that would make it so, and nothing of it stays.
import { transaction, type Tx } from '../db';

/** What `work` answers, in a transaction that is rolled back. Keep it short: it holds the locks of a real change. */
export async function dryRun<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  const undone = new Error('a dry run ends by undoing what it did');
  let done: { answer: T } | undefined;
  try {
    await transaction(async (tx) => {
      done = { answer: await work(tx) };
      throw undone;
    });
  } catch (error) {
    if (error !== undone) throw error;
  }
  return done!.answer;
}
