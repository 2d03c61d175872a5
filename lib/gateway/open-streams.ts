// Ends what is under way when the access behind it ends: within a second of the commit, in every process that holds a part of it.
//
// Each process knows its own calls and streams. A notification (migration 0006_stop: by trigger, in the transaction that ends something)
// names an organization; then, and every five seconds in case one was lost, one query asks which of them may no longer go on. The
// notification decides nothing: the query reads what admission reads.
import type { Pool } from 'pg';
import { endingPool, pool } from '../db';
import { listenTo } from '../events/listen';
import { log } from '../log';

/** Why something is ended; also its reason in the audit. */
export type EndReason = 'organization_stopped' | 'member_removed' | 'credential_ended' | 'connection_ended';

/** A call or stream of an agent that is under way in this process. */
export interface OpenStream {
  organizationId: string;
  memberId: string;
  /** The agent token's id or the grant's. */
  credentialId: string;
  /** Null where it does not stand on one. */
  connectionId: string | null;
  /** Called at most once, and never after it was unregistered. Must not throw. */
  end(reason: EndReason): void;
}

const SWEEP_MS = 5_000;
/** The sweep leaves out what was admitted just now: most calls are over by then. */
const SWEEP_AFTER_MS = 1_000;
const IDLE_AFTER_MS = 60_000;
/** What began so shortly after a notification may have been admitted before what it tells of. */
const RECENT_MS = 2_000;

const streams = new Map<OpenStream, { sinceMs: number }>();
/** By organization: when a notification last named it. */
const lastHeard = new Map<string, number>();
/** By member: what was ended here, for those who were offboarded last. */
const endedOf = new Map<string, number>();
const MOST_ENDED = 1_000;
let watch: { from: Pool; stop(): void } | undefined;
let lastUseMs = 0;

/** Keeps an eye on a stream until the returned function is called (more often does nothing). Costs no I/O by itself. */
export function register(stream: OpenStream): () => void {
  lastUseMs = performance.now();
  if (watch?.from !== pool()) startWatch();
  streams.set(stream, { sinceMs: lastUseMs });
  if (lastUseMs - (lastHeard.get(stream.organizationId) ?? -Infinity) < RECENT_MS)
    setImmediate(() => void checkOrganization(stream.organizationId));
  return () => {
    streams.delete(stream);
  };
}

/** How many calls and streams are under way here. */
export function countOpenStreams(): number {
  return streams.size;
}

/** How many calls and streams of a member are under way here, and how many were ended here in the last minutes. */
export function streamsOfMember(memberId: string): { open: number; ended: number } {
  let open = 0;
  for (const stream of streams.keys()) if (stream.memberId === memberId) open += 1;
  return { open, ended: endedOf.get(memberId) ?? 0 };
}

/** Stops listening; for the end of the process. A later `register` begins anew. */
export function stopWatching(): void {
  watch?.stop();
  watch = undefined;
  lastHeard.clear();
}

function startWatch(): void {
  stopWatching();
  const stopListening = listenTo('gatehouse_ended', {
    heard: (organizationId) => {
      lastHeard.set(organizationId, performance.now());
      void checkOrganization(organizationId);
    },
    joined: () => void check([...streams.keys()]),
  });
  const timer = setInterval(sweep, SWEEP_MS).unref();
  watch = {
    from: pool(),
    stop: () => {
      stopListening();
      clearInterval(timer);
    },
  };
}

function sweep(): void {
  const nowMs = performance.now();
  for (const [organizationId, atMs] of lastHeard)
    if (nowMs - atMs > RECENT_MS) lastHeard.delete(organizationId);
  if (streams.size === 0 && nowMs - lastUseMs > IDLE_AFTER_MS) return stopWatching();
  const older = [...streams].flatMap(([stream, { sinceMs }]) =>
    nowMs - sinceMs > SWEEP_AFTER_MS ? [stream] : [],
  );
  void check(older);
}

const checking = new Map<string, { again: boolean }>();

/** One look at a time for an organization; what is heard meanwhile makes another one follow. */
async function checkOrganization(organizationId: string): Promise<void> {
  const running = checking.get(organizationId);
  if (running) {
    running.again = true;
    return;
  }
  const state = { again: true };
  checking.set(organizationId, state);
  while (state.again) {
    state.again = false;
    await check([...streams.keys()].filter((stream) => stream.organizationId === organizationId));
  }
  checking.delete(organizationId);
}

const ENDED = `
SELECT * FROM (
  SELECT s.n::int AS n, CASE
    WHEN o.stopped_at IS NOT NULL THEN 'organization_stopped'
    WHEN m.id IS NULL THEN 'member_removed'
    WHEN a.id IS NULL AND g.id IS NULL THEN 'credential_ended'
    WHEN s.connection_id IS NOT NULL AND c.id IS NULL THEN 'connection_ended'
  END AS reason
  FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) WITH ORDINALITY
    AS s(organization_id, member_id, credential_id, connection_id, n)
  JOIN organizations o ON o.id = s.organization_id
  LEFT JOIN members m ON m.organization_id = s.organization_id AND m.id = s.member_id
  LEFT JOIN agent_tokens a ON a.organization_id = s.organization_id AND a.id = s.credential_id
    AND (a.expires_at IS NULL OR a.expires_at > now())
  LEFT JOIN grants g ON g.organization_id = s.organization_id AND g.id = s.credential_id AND g.ended_at IS NULL
    AND g.expires_at > now() AND NOT EXISTS (SELECT 1 FROM client_blocks b
      WHERE b.organization_id = g.organization_id AND b.client_id = g.client_id)
  LEFT JOIN connections c ON c.organization_id = s.organization_id AND c.id = s.connection_id
) judged WHERE reason IS NOT NULL`;

/** Ends those of the given that may not go on. Without the database nothing is known, and the next sweep asks again. */
async function check(asked: OpenStream[]): Promise<void> {
  if (asked.length === 0) return;
  try {
    const query = {
      name: 'ended-streams',
      text: ENDED,
      values: [
        asked.map(({ organizationId }) => organizationId),
        asked.map(({ memberId }) => memberId),
        asked.map(({ credentialId }) => credentialId),
        asked.map(({ connectionId }) => connectionId),
      ],
    };
    const { rows } = await endingPool().query<{ n: number; reason: EndReason }>(query);
    for (const { n, reason } of rows) {
      const stream = asked[n - 1]!;
      if (!streams.delete(stream)) continue;
      countEnded(stream.memberId);
      stream.end(reason);
    }
  } catch (error) {
    log().warn({ err: error }, 'it is not known which open streams have ended; it is asked again');
  }
}

function countEnded(memberId: string): void {
  const before = endedOf.get(memberId) ?? 0;
  endedOf.delete(memberId);
  endedOf.set(memberId, before + 1);
  const [oldest] = endedOf.keys();
  if (endedOf.size > MOST_ENDED && oldest !== undefined) endedOf.delete(oldest);
}
