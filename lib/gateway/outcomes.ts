// Outcomes of calls, inserted in the background and in batches. A crash leaves a call without one, which reads `unknown`.
import { touchConnections } from '../asana/touch-connections';
import { log } from '../log';
import { recordOutcomes, type CallOutcome } from '../audit/system-call';
import { touchGrants } from '../oauth/grants';
import { touchAgentTokens } from '../tokens/agent-tokens';

const FLUSH_MS = 20;
const MAX_BATCH = 500;
const MAX_WAITING = 50_000;

/** An outcome, and what was used for it (for "last used"). */
export interface GatewayOutcome extends CallOutcome {
  credentialId: string;
  connectionId: string | null;
}

let waiting: GatewayOutcome[] = [];
let timer: NodeJS.Timeout | undefined;
let flushing: Promise<void> = Promise.resolve();

/** Notes an outcome; returns at once. While the database is away outcomes wait, up to a bound, oldest kept. */
export function noteOutcome(outcome: GatewayOutcome): void {
  if (waiting.length >= MAX_WAITING) return;
  waiting.push(outcome);
  timer ??= setTimeout(() => void flushOutcomes(), FLUSH_MS).unref();
}

/** Writes what waits; for the end of the process and for tests. */
export function flushOutcomes(): Promise<void> {
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
      await touch(batch);
    } catch (error) {
      log().warn({ err: error, waiting: waiting.length }, 'outcomes wait for the database');
      timer ??= setTimeout(() => void flushOutcomes(), 1_000).unref();
      return;
    }
  }
}

async function touch(batch: GatewayOutcome[]): Promise<void> {
  const organizations = [...new Set(batch.map(({ organizationId }) => organizationId))];
  // Ids of both kinds at once: neither table knows the other's.
  const credentials = [...new Set(batch.map(({ credentialId }) => credentialId))];
  await touchAgentTokens(organizations, credentials);
  await touchGrants(organizations, credentials);
  await touchConnections(organizations, [
    ...new Set(batch.flatMap(({ connectionId }) => connectionId ?? [])),
  ]);
}
