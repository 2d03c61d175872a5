// What Asana says has changed, for agents that listen: one stream of ours to Asana for each connection, open while anybody listens through
// it. Each opening is on record. A stream that ends is opened again, ever more slowly where it ends at once.
import { setTimeout as sleep } from 'node:timers/promises';
import { createEventStreamParser } from '../asana/event-stream';
import { throttleConnection } from '../asana/mcp-post';
import { freshAccessToken } from '../asana/refresh';
import { retryAfterMs } from '../asana/retry-after';
import { recordOutcomes, recordSystemCall, type Outcome } from '../audit/system-call';
import { pool } from '../db';
import type { OutboundAnswer } from '../http';
import { log } from '../log';
import type { Admitted, AdmittedConnection } from './admit';
import { encodeJson, type Json } from './decode';
import { MODERN_VERSION } from './era';
import { forward, type Outgoing } from './forward';
import { modernMeta } from './modern-request';
import { ownSession } from './own-sessions';
import { standingOf } from './upstream-era';

export type Change = { kind: 'tools' | 'prompts' | 'resources' } | { kind: 'resource'; uri: string };

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 5 * 60_000;
const NOT_OFFERED_MS = 60 * 60_000;
/** A stream that lasted so long was no failure. */
const LASTED_MS = 30_000;
const MAX_EVENT_BYTES = 256 * 1024;

type Facts = Pick<Admitted, 'organizationId' | 'memberId' | 'memberEmail'> & {
  connection: AdmittedConnection;
};

/** Asana has no such stream: many servers have none (405; MCP 2025-11-25, transports). */
class NotOffered extends Error {}
const NO_STREAM = [404, 405];

interface Following {
  followers: Set<{ uris: readonly string[]; heard(change: Change): void }>;
  stop: AbortController;
  /** Aborted to open the stream anew, for other resources. */
  current: AbortController;
  /** What the present stream asked for. */
  uris: string;
  /** Or there is none to wait for. */
  isOpen: boolean;
  wasOpen: boolean;
  /** Called once it is open. */
  waiting: Set<() => void>;
}

const followed = new Map<string, Following>();

/** Hears what Asana says through this connection from `opened` on until `stop` is called. Never throws; `opened` may never come. */
export function followAsana(
  facts: Facts,
  uris: readonly string[],
  heard: (change: Change) => void,
): { opened: Promise<void>; stop(): void } {
  const { id } = facts.connection;
  const follower = { uris, heard };
  let following = followed.get(id);
  if (following) following.followers.add(follower);
  else {
    const stop = new AbortController();
    following = {
      ...{ followers: new Set([follower]), stop, current: new AbortController(), uris: '' },
      ...{ isOpen: false, wasOpen: false, waiting: new Set() },
    };
    followed.set(id, following);
    void keepFollowing(facts, following);
  }
  const { followers, stop, waiting } = following;
  if (following.uris !== '' && following.uris !== urisOf(following)) {
    // Other resources are asked for by opening the stream anew.
    following.isOpen = false;
    following.current.abort();
  }
  const { isOpen } = following;
  return {
    opened: isOpen ? Promise.resolve() : new Promise((resolve) => void waiting.add(resolve)),
    stop() {
      followers.delete(follower);
      if (followers.size > 0) return;
      stop.abort();
      if (followed.get(id) === following) followed.delete(id);
    },
  };
}

const urisOf = ({ followers }: Following) =>
  JSON.stringify([...new Set([...followers].flatMap(({ uris }) => uris))].toSorted());

async function keepFollowing(facts: Facts, following: Following): Promise<void> {
  const { stop } = following;
  let pauseMs = FIRST_PAUSE_MS;
  while (!stop.signal.aborted) {
    following.current = new AbortController();
    const startedMs = performance.now();
    let isOffered = true;
    try {
      await followOnce(facts, following);
    } catch (error) {
      isOffered = !(error instanceof NotOffered);
      if (isOffered && !stop.signal.aborted)
        log().info({ err: error }, 'Asana’s changes are not heard; it is tried again');
    }
    const isAnew = following.current.signal.aborted;
    const lasted = performance.now() - startedMs > LASTED_MS;
    pauseMs = isAnew || lasted ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, pauseMs * 3);
    // Nobody need wait for what will not come.
    if (!isOffered) noteWaiting(following);
    const nextMs = isOffered ? pauseMs : NOT_OFFERED_MS;
    if (!isAnew) await sleep(nextMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
  }
}

/** One stream, from its record to its end. Throws where Asana offers none. */
async function followOnce(facts: Facts, following: Following): Promise<void> {
  const { organizationId, memberId, memberEmail, connection } = facts;
  const { id: connectionId, workspaceGid } = connection;
  await assertNoQuiet(organizationId, connectionId);
  const { accessToken } = await freshAccessToken({ organizationId, id: connectionId });
  const who = { organizationId, memberId, memberEmail, connectionId, workspaceGid };
  const { era } = await standingOf(who, accessToken);
  following.uris = urisOf(following);
  const signal = AbortSignal.any([following.stop.signal, following.current.signal]);
  const request =
    era === 'modern' ? modernStream(following.uris) : legacyStream(await ownSession(who, accessToken));
  const method = era === 'modern' ? 'subscriptions/listen' : 'GET';
  const callId = await recordSystemCall({ ...who, purpose: 'changes at Asana', method });
  const startedMs = performance.now();
  let outcome: Outcome = 'unknown';
  try {
    const answer = await forward({ ...request, accessToken, signal, lasts: true });
    outcome = answer.status < 300 ? 'ok' : answer.status < 500 ? 'upstream_error' : 'unknown';
    if (answer.status >= 300) {
      answer.body.destroy();
      if (answer.status === 429)
        await throttleConnection({ organizationId, connectionId }, quietMsOf(answer));
      throw NO_STREAM.includes(answer.status)
        ? new NotOffered()
        : new Error(`Asana opened no stream (${answer.status})`);
    }
    noteOpen(following);
    await readChanges(answer, following);
  } finally {
    following.isOpen = false;
    const latencyMs = performance.now() - startedMs;
    await recordOutcomes([{ organizationId, callId, outcome, latencyMs }]).catch((error) =>
      log().warn({ err: error }, 'the outcome of a call of our own could not be recorded'),
    );
  }
}

/** What changed while there was no stream is not known, so all of it may have. */
function noteOpen(following: Following): void {
  const { followers, wasOpen } = following;
  following.wasOpen = true;
  for (const { heard } of wasOpen ? followers : []) for (const kind of KINDS.values()) heard({ kind });
  noteWaiting(following);
}

function noteWaiting(following: Following): void {
  following.isOpen = true;
  for (const resolve of following.waiting) resolve();
  following.waiting.clear();
}

/** Throws while Asana's time of quiet on this connection is not over (429, `Retry-After`). */
export async function assertNoQuiet(organizationId: string, connectionId: string): Promise<void> {
  const { rows } = await pool().query(
    'SELECT 1 FROM connections WHERE organization_id = $1 AND id = $2 AND throttled_until > now()',
    [organizationId, connectionId],
  );
  if (rows.length > 0) throw new Error('Asana asked for quiet');
}

export function quietMsOf({ headers }: OutboundAnswer): number {
  return retryAfterMs(String(headers['retry-after'] ?? ''), Date.now()) ?? FIRST_PAUSE_MS;
}

function modernStream(uris: string): Omit<Outgoing, 'accessToken'> {
  const meta = encodeJson(modernMeta(new Map<string, Json>(), []));
  const filter = `{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true,"resourceSubscriptions":${uris}}`;
  const method = 'subscriptions/listen';
  return {
    method: 'POST',
    body: `{"jsonrpc":"2.0","id":"gatehouse-listen","method":"${method}","params":{"notifications":${filter},"_meta":${meta}}}`,
    ...{ sessionId: null, protocolVersion: MODERN_VERSION, headers: { 'mcp-method': method } },
  };
}

/** In the older era what changes is told on the stream of a session; ours subscribes to no resources. */
function legacyStream(own: {
  sessionId: string | null;
  protocolVersion: string;
}): Omit<Outgoing, 'accessToken'> {
  if (own.sessionId === null) throw new Error('Asana keeps no sessions');
  return { method: 'GET', sessionId: own.sessionId, protocolVersion: own.protocolVersion };
}

const KINDS: ReadonlyMap<unknown, 'tools' | 'prompts' | 'resources'> = new Map([
  ['notifications/tools/list_changed', 'tools'],
  ['notifications/prompts/list_changed', 'prompts'],
  ['notifications/resources/list_changed', 'resources'],
]);

async function readChanges({ body }: OutboundAnswer, { followers }: Following): Promise<void> {
  const parser = createEventStreamParser(MAX_EVENT_BYTES);
  try {
    for await (const chunk of body)
      for (const { data } of parser.push(chunk)) {
        const change = changeIn(data);
        if (change === 'over') return;
        if (change) for (const { heard } of followers) heard(change);
      }
  } finally {
    body.destroy();
  }
}

/** What an event says; nothing of its text goes on. `over`: the answer that ends the stream. */
export function changeIn(data: string): Change | 'over' | null {
  let message: { method?: unknown; params?: { uri?: unknown }; result?: unknown; error?: unknown };
  try {
    message = JSON.parse(data === '' ? '{}' : data) as typeof message;
  } catch {
    return null;
  }
  const kind = KINDS.get(message?.method);
  if (kind) return { kind };
  const uri = message?.params?.uri;
  if (message?.method === 'notifications/resources/updated' && typeof uri === 'string')
    return { kind: 'resource', uri };
  return message?.method === undefined && (message?.result !== undefined || message?.error !== undefined)
    ? 'over'
    : null;
}
