// Outcomes of calls, inserted in the background and in batches. A crash leaves a call without one, which reads `unknown`.
import { setTimeout as sleep } from 'node:timers/promises';
import { touchConnections } from '../asana/touch-connections';
import { log } from '../log';
import { recordOutcomes, type CallOutcome } from '../audit/system-call';
import { touchGrants } from '../oauth/grants';
import { flushClaims } from '../write-safety/claims';
import { touchAgentTokens } from '../tokens/agent-tokens';

const FLUSH_MS = 50;
/** "Last used" is told to the minute; it need not be written with every batch. */
const TOUCH_MS = 5_000;
const MAX_BATCH = 500;
const MAX_WAITING = 50_000;
const RETRY_MS = 250;

/** An outcome, and what was used for it (for "last used"). */
export interface GatewayOutcome extends CallOutcome {
  credentialId: string;
  connectionId: string | null;
}

let waiting: GatewayOutcome[] = [];
/** Found no room since the last one that did. */
let dropped = 0;
let timer: NodeJS.Timeout | undefined;
let flushing: Promise<void> = Promise.resolve();
/** What was used since it was last written down. */
const used = {
  organizations: new Set<string>(),
  credentials: new Set<string>(),
  connections: new Set<string>(),
  timer: undefined as NodeJS.Timeout | undefined,
};

/** Notes an outcome; returns at once. While the database is away outcomes wait, up to a bound, oldest kept. */
export function noteOutcome(outcome: GatewayOutcome): void {
  if (waiting.length >= MAX_WAITING) {
    dropped += 1;
    return;
  }
  waiting.push(outcome);
  timer ??= setTimeout(() => void flush(), FLUSH_MS).unref();
}

/**
 * Writes what waits, and what was used; for the end of the process and for tests. With `withinMs` it goes on trying for so long while the
 * database is away; what can't be written by then is given up and counted in the log, and its calls read `unknown`.
 */
export async function flushOutcomes({ withinMs = 0 } = {}): Promise<void> {
  const endMs = performance.now() + withinMs;
  await flush();
  await flushClaims();
  while (waiting.length > 0 && performance.now() < endMs) {
    await sleep(RETRY_MS);
    await flush();
  }
  if (withinMs > 0 && waiting.length > 0) {
    const lost = waiting.length + dropped;
    log().error({ lost }, 'outcomes of calls could not be written before the end; these calls read unknown');
    waiting = [];
  }
  await touch();
}

function flush(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  // One after the other: two writers of the same batch would each cut it off, and with it what came in between.
  flushing = flushing.then(write);
  return flushing;
}

async function write(): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting.slice(0, MAX_BATCH);
    try {
      await recordOutcomes(batch);
      waiting = waiting.slice(batch.length);
      if (dropped > 0) log().error({ lost: dropped }, 'outcomes found no room while the database was away');
      dropped = 0;
      noteUse(batch);
    } catch (error) {
      log().warn({ err: error, waiting: waiting.length }, 'outcomes wait for the database');
      timer ??= setTimeout(() => void flush(), 1_000).unref();
      return;
    }
  }
}

function noteUse(batch: GatewayOutcome[]): void {
  for (const { organizationId, credentialId, connectionId } of batch) {
    used.organizations.add(organizationId);
    used.credentials.add(credentialId);
    if (connectionId !== null) used.connections.add(connectionId);
  }
  used.timer ??= setTimeout(() => void touch(), TOUCH_MS).unref();
}

async function touch(): Promise<void> {
  clearTimeout(used.timer);
  used.timer = undefined;
  const organizations = [...used.organizations];
  // Ids of both kinds at once: neither table knows the other's.
  const [credentials, connections] = [[...used.credentials], [...used.connections]];
  if (organizations.length === 0) return;
  for (const set of [used.organizations, used.credentials, used.connections]) set.clear();
  try {
    await touchAgentTokens(organizations, credentials);
    await touchGrants(organizations, credentials);
    await touchConnections(organizations, connections);
  } catch (error) {
    log().warn({ err: error }, 'when credentials were last used could not be noted');
  }
}
