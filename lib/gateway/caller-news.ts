// Streams that tell callers what has changed for them: an admin's edit is there within a second, from whichever process; what else is said
// passes as far as the caller's groups open it. A stream ends with the access behind it.
//
// What changed is looked up, not announced: a notification (migration 0007_edits) names an organization and nothing else, and the sweep
// needs no second rule.
import type { Pool } from 'pg';
import { pool } from '../db';
import { listenTo } from '../events/listen';
import { log } from '../log';
import type { Admitted } from './admit';
import { eventOf } from './answer-events';
import type { Change } from './asana-changes';
import { standingsOf, type CallerStanding } from './caller-standing';
import { gauge } from './metrics';
import { register, type EndReason } from './open-streams';

const KEEP_ALIVE_MS = 15_000;
const SWEEP_MS = 5_000;
/** So long the first event waits for the database and for Asana's stream: what changes after it is told of. */
const FIRST_EVENT_MS = 500;
const MAX_AGE_MS = 60 * 60_000;
const MAX_OPEN = 2_000;

/** What was asked for and may be had; names as in the specification. */
export interface Honoured {
  toolsListChanged: boolean;
  promptsListChanged: boolean;
  resourcesListChanged: boolean;
  resourceSubscriptions: readonly string[];
}

/** How a stream speaks: by a subscription (modern era), or as the stream of a session (legacy). */
export interface Words {
  notification(method: string, params?: Record<string, unknown>): string;
  /** Its last event; with the reason where its access ended. */
  farewell(reason?: EndReason): string;
}

export interface Listening {
  admitted: Admitted;
  honoured: Honoured;
  words: Words;
  /** Of one credential. */
  most: number;
  /** What its caller could use when it was last looked at. */
  standing: CallerStanding | null;
  /** Whether our stream to Asana is open; true where there is none to open. */
  hearsAsana: boolean;
  /** Events to send, by what they say: what changes twice before it is read is told once. */
  waiting: Map<string, string>;
  /** The last event of the stream, once there is one; empty where nobody is there to read it. */
  last: string | null;
  wake: (() => void) | null;
}

const open = new Set<Listening>();
gauge('gatehouse_listening_agents', 'Agents that wait to be told of changes', () => open.size);

/** A notification as an event. */
export function notificationEvent(method: string, params?: Record<string, unknown>): string {
  return eventOf(JSON.stringify({ jsonrpc: '2.0', method, params }));
}

/** Ends all streams of this process in order; for its end. */
export function endListening(): void {
  for (const listening of open) finish(listening);
}

function makeRoom({ admitted: { credentialId }, most }: Listening): void {
  const own = [...open].filter(
    (other) => other.admitted.credentialId === credentialId && other.most === most,
  );
  if (own.length >= most) finish(own[0]!);
  else if (open.size >= MAX_OPEN) finish(open.values().next().value!);
}

/** Ends a stream in order, or with the error that says why. */
export function finish(listening: Listening, reason?: EndReason): void {
  end(listening, listening.words.farewell(reason));
}

function end(listening: Listening, last: string): void {
  listening.last ??= last;
  open.delete(listening);
  listening.wake?.();
}

/** What a stream begins with, and what it hears of Asana; `opened` may never come. */
interface Source {
  /** Sent as soon as nothing that changes would be missed. */
  first: string;
  follow(listening: Listening): { opened: Promise<void>; stop(): void } | null;
}

/** The events of one stream, until the agent leaves (`left`), its access ends, or an hour is over. */
export async function* newsFor(
  about: Pick<Listening, 'admitted' | 'honoured' | 'words' | 'most'>,
  left: AbortSignal | undefined,
  source: Source,
): AsyncGenerator<string> {
  const listening: Listening = {
    ...about,
    ...{ standing: null, hearsAsana: false, waiting: new Map(), last: null, wake: null },
  };
  const { organizationId, memberId, credentialId, connection } = about.admitted;
  const live = connection?.status === 'active' ? connection : null;
  makeRoom(listening);
  open.add(listening);
  const unregister = register({
    ...{ organizationId, memberId, credentialId, connectionId: live?.id ?? null },
    end: (reason) => finish(listening, reason),
  });
  const leave = () => end(listening, '');
  left?.addEventListener('abort', leave);
  if (left?.aborted) leave();
  const timer = setTimeout(() => finish(listening), MAX_AGE_MS).unref();
  watch();
  lookAt([listening]);
  const asana = source.follow(listening);
  void asana?.opened.then(() => {
    listening.hearsAsana = true;
    listening.wake?.();
  });
  listening.hearsAsana = asana === null;
  try {
    await ready(listening);
    yield source.first;
    while (listening.last === null) {
      const [next] = listening.waiting;
      if (next) {
        listening.waiting.delete(next[0]);
        yield next[1];
      } else if ((await woken(listening, KEEP_ALIVE_MS, () => listening.waiting.size > 0)) === 'waiting')
        yield ': keep-alive\n\n';
    }
    if (listening.last !== '') yield listening.last;
  } finally {
    leave();
    left?.removeEventListener('abort', leave);
    clearTimeout(timer);
    unregister();
    asana?.stop();
    if (open.size === 0) unwatch();
  }
}

/** Waits until nothing that changes will be missed; not for long. */
async function ready(listening: Listening): Promise<void> {
  const isReady = () => listening.standing !== null && listening.hearsAsana;
  const untilMs = performance.now() + FIRST_EVENT_MS;
  for (let leftMs = FIRST_EVENT_MS; leftMs > 0 && !isReady() && listening.last === null;) {
    await woken(listening, leftMs, isReady);
    leftMs = untilMs - performance.now();
  }
}

/** Resolves when something happens to the stream, at once where `already`, and `waiting` when nothing did for so long. */
function woken(listening: Listening, ms: number, already: () => boolean): Promise<'woken' | 'waiting'> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('waiting'), ms).unref();
    listening.wake = () => {
      clearTimeout(timer);
      resolve('woken');
    };
    if (already() || listening.last !== null) listening.wake();
  });
}

function tell(listening: Listening, method: string, params?: Record<string, unknown>): void {
  push(
    listening,
    params === undefined ? method : JSON.stringify([method, params]),
    listening.words.notification(method, params),
  );
}

/** Sends an event; one of the same `key` that is not read yet is replaced. */
export function push(listening: Listening, key: string, event: string): void {
  listening.waiting.set(key, event);
  listening.wake?.();
}

/** What Asana says of its lists, as far as this caller asked for it and may have it now. */
export function hear(listening: Listening, change: Change): void {
  const { honoured, standing, admitted } = listening;
  const families = standing?.families ?? admitted.families ?? [];
  if (change.kind === 'tools' && honoured.toolsListChanged) tell(listening, TOOLS_CHANGED);
  if (change.kind === 'prompts' && honoured.promptsListChanged && families.includes('prompts'))
    tell(listening, PROMPTS_CHANGED);
  if (!families.includes('resources')) return;
  if (change.kind === 'resources' && honoured.resourcesListChanged) tell(listening, RESOURCES_CHANGED);
  if (change.kind === 'resource' && honoured.resourceSubscriptions.includes(change.uri))
    tell(listening, 'notifications/resources/updated', { uri: change.uri });
}

const TOOLS_CHANGED = 'notifications/tools/list_changed';
const PROMPTS_CHANGED = 'notifications/prompts/list_changed';
const RESOURCES_CHANGED = 'notifications/resources/list_changed';

let watching: { from: Pool; stop(): void } | undefined;

function watch(): void {
  if (watching?.from === pool()) return;
  unwatch();
  const stopListening = listenTo('gatehouse_edited', {
    heard: (organizationId) =>
      lookAt([...open].filter(({ admitted }) => admitted.organizationId === organizationId)),
    joined: () => lookAt([...open]),
  });
  const timer = setInterval(() => lookAt([...open]), SWEEP_MS).unref();
  watching = {
    from: pool(),
    stop() {
      stopListening();
      clearInterval(timer);
    },
  };
}

function unwatch(): void {
  watching?.stop();
  watching = undefined;
}

const toLookAt = new Set<Listening>();

let looking = false;

/** One look at a time; what is asked for meanwhile makes another one follow. */
function lookAt(these: Listening[]): void {
  for (const listening of these) toLookAt.add(listening);
  if (!looking) void lookAround();
}

async function lookAround(): Promise<void> {
  looking = true;
  while (toLookAt.size > 0) {
    const batch = [...toLookAt].filter((listening) => open.has(listening));
    toLookAt.clear();
    if (batch.length === 0) continue;
    try {
      const standings = await standingsOf(batch.map(({ admitted }) => admitted));
      for (const [n, listening] of batch.entries()) if (standings[n]) compare(listening, standings[n]);
    } catch (error) {
      log().warn({ err: error }, 'it is not known what changed for agents that listen; it is asked again');
    }
  }
  looking = false;
}

function compare(listening: Listening, now: CallerStanding): void {
  const before = listening.standing;
  listening.standing = now;
  if (before === null) return listening.wake?.();
  const { honoured } = listening;
  const toggled = (family: string) => before.families.includes(family) !== now.families.includes(family);
  if (honoured.toolsListChanged && before.tools !== now.tools) tell(listening, TOOLS_CHANGED);
  if (honoured.promptsListChanged && toggled('prompts')) tell(listening, PROMPTS_CHANGED);
  if (honoured.resourcesListChanged && toggled('resources')) tell(listening, RESOURCES_CHANGED);
}
