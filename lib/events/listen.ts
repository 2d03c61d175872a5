// Hears what other processes announce (PostgreSQL's LISTEN) on a connection of its own, which comes back by itself when it breaks.
//
// A notification is a hint: one that is sent while the connection is away is lost. So whoever listens is told of every (re)connection
// and looks for itself then. Behind a pooler that hands connections round between transactions nothing is heard at all.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { env } from '../env';
import { log } from '../log';

export interface Listener {
  /** A payload, as soon as the transaction that sent it has committed. */
  heard(payload: string): void;
  /** From now on nothing is missed; anything before may have been. */
  joined(): void;
}

const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;
/** A network that died silently shows only when something is asked. */
const PING_MS = 10_000;

/** Listens to `channel` until the returned function is called. Never throws, and keeps no process alive. */
export function listenTo(channel: string, listener: Listener): () => void {
  const stopping = new AbortController();
  void keepListening(channel, listener, stopping.signal);
  return () => stopping.abort();
}

async function keepListening(channel: string, listener: Listener, stop: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS;
  const joined = () => {
    pauseMs = FIRST_PAUSE_MS;
    listener.joined();
  };
  while (!stop.aborted) {
    try {
      await listenOnce(channel, { ...listener, joined }, stop);
    } catch (error) {
      if (!stop.aborted)
        log().warn({ err: error, channel }, 'notifications are not heard; it is tried again');
    }
    await pause(pauseMs * (0.5 + Math.random() / 2), stop);
    pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
  }
}

/** Resolves or throws when the connection is no more. */
async function listenOnce(channel: string, listener: Listener, stop: AbortSignal): Promise<void> {
  const client = new pg.Client({
    connectionString: env().DATABASE_URL,
    application_name: 'gatehouse listener',
    connectionTimeoutMillis: 3_000,
    query_timeout: 3_000,
    keepAlive: true,
  });
  client.on('notification', ({ payload }) => listener.heard(payload ?? ''));
  const gone = new AbortController();
  client.on('error', () => gone.abort());
  client.on('end', () => gone.abort());
  try {
    await client.connect();
    // Known to pg, unknown to its types.
    (client as pg.Client & { unref(): void }).unref();
    await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    listener.joined();
    const over = AbortSignal.any([gone.signal, stop]);
    while (!over.aborted) {
      await pause(PING_MS, over);
      if (!over.aborted) await client.query('SELECT 1');
    }
  } finally {
    // Not awaited: a connection that is half dead would never say that it ended.
    client.end().catch(() => undefined);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
