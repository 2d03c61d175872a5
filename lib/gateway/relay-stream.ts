// The stream of a session (GET, MCP 2025-11-25, transports): Gatehouse's own news for its caller, and what Asana sends on the stream of
// the same session, as far as the caller's groups open it now. It ends with the access behind it. Where Asana has no such stream ours
// is there all the same.
import { setTimeout as sleep } from 'node:timers/promises';
import { createEventStreamParser, type StreamEvent } from '../asana/event-stream';
import { throttleConnection } from '../asana/mcp-post';
import { freshAccessToken } from '../asana/refresh';
import { recordOutcomes, recordSystemCall, type Outcome } from '../audit/system-call';
import type { OutboundAnswer } from '../http';
import { log } from '../log';
import { isEventStream } from './answer';
import { eventOf } from './answer-events';
import { assertNoQuiet, changeIn, quietMsOf } from './asana-changes';
import { endedWords } from './ending';
import { forward } from './forward';
import type { McpRequest } from './handle-mcp';
import { topLevelMembers } from './json-members';
import { finish, hear, newsFor, notificationEvent, push, type Listening } from './caller-news';
import { answerEvents, CODES, errorText, sessionUnknown, type McpAnswer } from './respond';
import { openSession, type AgentSession } from './sealed-ids';
import { createSessionStream, type Caller, type SessionStream } from './session-stream';
import type { Admitted } from './admit';

/** Of one credential: each of its sessions has one. */
const MAX_OF_CREDENTIAL = 50;
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
/** Events that the agent has not read yet; then Asana's are not read either. */
const MAX_WAITING = 100;
const LOOK_MS = 20;
/** So long the agent's answer waits for Asana's: a session that is over must still have a status. */
const OPENING_MS = 3_000;
const [FIRST_PAUSE_MS, MAX_PAUSE_MS] = [1_000, 5 * 60_000];
const LASTED_MS = 30_000;

/** What Asana said to the GET. */
type Opening = 'open' | 'gone' | 'none';

interface Relay {
  caller: Caller;
  session: AgentSession;
  /** Asana's own id of the last event that was read. */
  lastEventId: string | null;
  stop: AbortController;
  listening: Listening | null;
  /** What came before there was a stream to put it on. */
  opened(opening: Opening): void;
}

/** The streams of this process by session: one that is asked for again takes the place of the one before. */
const relays = new Map<string, Relay>();

/** Answers a GET in the session that its header names. */
export async function getStream(request: McpRequest, admitted: Admitted): Promise<McpAnswer> {
  const { organizationId, credentialId, connection } = admitted;
  if (connection?.status !== 'active') return sessionUnknown(null);
  const owner = { organizationId, credentialId, connectionId: connection.id };
  const session = openSession(owner, request.header('mcp-session-id') ?? '');
  return session ? relayStream(request, { ...admitted, connection }, session, null) : sessionUnknown(null);
}

/** Opens the stream; `lastEventId`: Asana's own, where the agent asks for what came after it. */
export async function relayStream(
  request: McpRequest,
  admitted: Admitted & Caller,
  session: AgentSession,
  lastEventId: string | null,
): Promise<McpAnswer> {
  const key = `${admitted.credentialId} ${admitted.connection.id} ${session.upstreamId}`;
  relays.get(key)?.stop.abort();
  const stop = new AbortController();
  let opened!: (opening: Opening) => void;
  const opening = new Promise<Opening>((resolve) => (opened = resolve));
  const relay: Relay = { caller: admitted, session, lastEventId, stop, listening: null, opened };
  relays.set(key, relay);
  const ended = () => {
    if (relays.get(key) === relay) relays.delete(key);
    if (relay.listening) finish(relay.listening);
  };
  stop.signal.addEventListener('abort', ended);
  const left = request.left?.();
  left?.addEventListener('abort', () => stop.abort());
  void keepRelaying(relay);
  const first = await Promise.race([opening, sleep(OPENING_MS, 'late' as const, { ref: false })]);
  if (first === 'gone' || left?.aborted) {
    stop.abort();
    return sessionUnknown(null);
  }
  const honoured = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };
  const news = newsFor(
    {
      ...{ admitted, honoured: { ...honoured, resourceSubscriptions: [] } },
      ...{ words: SESSION_WORDS, most: MAX_OF_CREDENTIAL },
    },
    left,
    {
      first: ': open\n\n',
      follow(listening) {
        relay.listening = listening;
        if (stop.signal.aborted) finish(listening);
        return { opened: opening.then(() => undefined), stop: () => stop.abort() };
      },
    },
  );
  return answerEvents(news);
}

const SESSION_WORDS = {
  notification: notificationEvent,
  // Nothing was asked, so there is nothing to answer in the end but why.
  farewell: (reason?: Parameters<typeof endedWords>[0]) =>
    reason === undefined ? '' : eventOf(errorText(undefined, CODES.stopped, endedWords(reason))),
};

/** One stream to Asana after the other, ever more slowly where they end at once, until ours is over. Never throws. */
async function keepRelaying(relay: Relay): Promise<void> {
  const { signal } = relay.stop;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    const startedMs = performance.now();
    try {
      const opening = await relayOnce(relay);
      relay.opened(opening);
      if (opening === 'gone') relay.stop.abort();
      if (opening !== 'open') return;
    } catch (error) {
      relay.opened('none');
      if (!signal.aborted)
        log().info({ err: error }, 'the stream of a session is not heard; it is tried again');
    }
    const lasted = performance.now() - startedMs > LASTED_MS;
    pauseMs = lasted ? FIRST_PAUSE_MS : Math.min(MAX_PAUSE_MS, pauseMs * 2);
    await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** One stream, from its record to its end. Throws where it was not opened for now. */
async function relayOnce(relay: Relay): Promise<Opening> {
  const { caller, session, lastEventId, stop } = relay;
  const { organizationId, memberId, memberEmail, connection } = caller;
  await assertNoQuiet(organizationId, connection.id);
  const { accessToken } = await freshAccessToken({ ...connection, organizationId });
  const callId = await recordSystemCall({
    ...{ organizationId, memberId, memberEmail, connectionId: connection.id },
    ...{ workspaceGid: connection.workspaceGid, purpose: 'the stream of a session', method: 'GET' },
  });
  const startedMs = performance.now();
  let outcome: Outcome = 'unknown';
  try {
    const answer = await forward({
      ...{ method: 'GET', accessToken, signal: stop.signal, lasts: true },
      ...{ sessionId: session.upstreamId, protocolVersion: session.protocolVersion },
      headers: lastEventId === null ? {} : { 'last-event-id': lastEventId },
    });
    outcome = answer.status < 300 ? 'ok' : answer.status < 500 ? 'upstream_error' : 'unknown';
    const opening = await openingOf(answer, relay);
    if (opening !== 'open') return opening;
    relay.opened('open');
    await readStream(answer, relay);
    return 'open';
  } finally {
    const latencyMs = performance.now() - startedMs;
    await recordOutcomes([{ organizationId, callId, outcome, latencyMs }]).catch((error) =>
      log().warn({ err: error }, 'the outcome of a call of our own could not be recorded'),
    );
  }
}

async function openingOf(answer: OutboundAnswer, { caller }: Relay): Promise<Opening> {
  const { status, body } = answer;
  if (status === 200 && isEventStream(answer)) return 'open';
  body.destroy();
  if (status === 404) return 'gone';
  // Many servers have no such stream.
  if (status < 300 || status === 405) return 'none';
  const { organizationId, connection } = caller;
  if (status === 429)
    await throttleConnection({ organizationId, connectionId: connection.id }, quietMsOf(answer));
  throw new Error(`Asana opened no stream (${status})`);
}

async function readStream({ body }: OutboundAnswer, relay: Relay): Promise<void> {
  const { caller, session, stop } = relay;
  const parser = createEventStreamParser(MAX_EVENT_BYTES);
  const stream = createSessionStream({
    ...{ caller, session, call: null },
    // Nothing passes before it is known what the caller may have.
    opens: (family) => relay.listening?.standing?.families.includes(family) ?? false,
  });
  try {
    for await (const chunk of body)
      for (const event of parser.push(chunk)) {
        await roomFor(relay);
        if (stop.signal.aborted) return;
        await relayEvent(event, { relay, stream });
      }
  } finally {
    body.destroy();
  }
}

/** Waits until there is a stream whose caller's standing is known, and which is read. */
async function roomFor(relay: Relay): Promise<void> {
  const { signal } = relay.stop;
  const isReady = ({ standing, waiting }: Listening) => standing !== null && waiting.size < MAX_WAITING;
  while (!signal.aborted && !(relay.listening && isReady(relay.listening)))
    await sleep(LOOK_MS, undefined, { ref: false });
}

async function relayEvent(
  event: StreamEvent,
  { relay, stream }: { relay: Relay; stream: SessionStream },
): Promise<void> {
  if (event.id !== undefined) relay.lastEventId = event.id;
  if (event.data.trim() === '') return;
  const listening = relay.listening!;
  const change = changeIn(event.data);
  // No answers come here (MCP 2025-11-25, transports).
  if (change === 'over') return;
  // Asana tells only of what this very session subscribed to.
  if (change?.kind === 'resource')
    listening.honoured = { ...listening.honoured, resourceSubscriptions: [change.uri] };
  if (change) return hear(listening, change);
  const members = topLevelMembers(event.data);
  if (!members) return;
  const text = await stream.relay(members);
  const place = event.id === undefined ? undefined : (stream.placeOf(event.id) ?? undefined);
  if (text !== null) push(listening, crypto.randomUUID(), eventOf(text, { place }));
}
