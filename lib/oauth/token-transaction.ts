// The token endpoint as one transaction: what is consumed and what is issued for it become durable together, before a byte of the
// answer leaves. It begins with the first look at a code or refresh token, so junk and clients under way hold no connection.
import { AsyncLocalStorage } from 'node:async_hooks';
import { pool, transaction, type Tx } from '../db';

/** What one call of the token or revocation endpoint has done so far. */
export interface TokenCall {
  open(): Promise<Tx>;
  tx: Tx | null;
  /** SHA-256 of the refresh token that was exchanged for a successor. */
  rotated: { hash: Buffer; organizationId: string } | null;
  /** The answer to repeat to a client that lost it. */
  repeat: object | null;
  /** Why a grant is to end, as the adapter found out. */
  suspicion: 'code_reused' | 'refresh_reused' | null;
  /** A grant was ended: that counts, though the request failed. */
  ended: boolean;
}

const calls = new AsyncLocalStorage<TokenCall>();

/** The call under way; null elsewhere (authorization, consent). */
export const currentCall = (): TokenCall | null => calls.getStore() ?? null;

// Each holds a connection of the pool while it waits for a row; the gate's admissions must always find others.
const MAX_AT_ONCE = 4;
let running = 0;
const queue: (() => void)[] = [];

async function slot<T>(work: () => Promise<T>): Promise<T> {
  if (running >= MAX_AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
  else running += 1;
  try {
    return await work();
  } finally {
    const next = queue.shift();
    if (next) next();
    else running -= 1;
  }
}

/**
 * Runs `work`; a transaction that it opened through `currentCall()` commits when `keep` says so of what `work` came to, else it is
 * rolled back. Throws what the commit throws: then nothing was issued.
 */
export async function inTokenCall<T>(
  work: (call: TokenCall) => Promise<T>,
  keep: (call: TokenCall) => boolean,
): Promise<T> {
  let end: { commit(): void; rollback(error: Error): void } | undefined;
  let ended: Promise<unknown> | undefined;
  let opening: Promise<Tx> | undefined;
  const open = (): Promise<Tx> =>
    (opening ??= new Promise<Tx>((resolve, reject) => {
      ended = slot(() =>
        transaction(async (tx) => {
          call.tx = tx;
          await new Promise<void>((commit, rollback) => {
            end = { commit, rollback };
            resolve(tx);
          });
        }),
      );
      ended.catch(reject);
    }));
  const call: TokenCall = { open, tx: null, rotated: null, repeat: null, suspicion: null, ended: false };
  try {
    const result = await calls.run(call, () => work(call));
    if (!end) return result;
    if (keep(call)) end.commit();
    else end.rollback(new RolledBack());
    await ended!.catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
    return result;
  } catch (error) {
    end?.rollback(new RolledBack());
    await ended?.catch(() => undefined);
    throw error;
  }
}

class RolledBack extends Error {}

/** Runs SQL in the call's transaction where there is one, else on the pool. Values keep their types by casts in the text. */
export async function sql<R extends object>(text: string, ...values: unknown[]): Promise<R[]> {
  const tx = currentCall()?.tx;
  if (tx) return tx.$queryRawUnsafe<R[]>(text, ...values);
  return (await pool().query<R>(text, values)).rows;
}

/** A transaction of its own, or the call's. */
export async function changing<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  const call = currentCall();
  return call ? work(await call.open()) : transaction(work);
}
