// Admission: one SQL statement for a batch of waiting calls resolves the bearers, reads the policy as it is now and inserts the
// audit records; only after its commit does anything leave for Asana. There is no cache, so nothing needs invalidating: what was
// acknowledged before a call arrived is in force for it, in every process.
//
// Group commit: calls that arrive while a batch is being written form the next one, so that a lone call waits for nobody and a
// crowd shares the cost. One snapshot per batch, taken after the batch is closed (READ COMMITTED, a single statement).
import type { Pool, PoolClient } from 'pg';
import { admissionPool } from '../db';
import type { Approver, GrantingGroup } from '../policy/judge-approvals';
import type { Denial, Era } from '../policy/policy';
import { statementFor, type AdmissionRow } from './admission-sql';
import { createFairQueue, type Waiting } from './admission-queue';
import type { ParamHeaders } from './headers-agree';
import { sealAhead, sealArguments } from './keep-arguments';
import type { KeptWrite } from '../write-safety/claims';
import { countFailedBatch, gauge, observeBatch } from './metrics';

/** One call that asks for admission. */
export interface AdmissionRequest {
  /** The call's id in the audit and upstream; null only authenticates (ping, GET), which leaves no record. */
  callId: string | null;
  /** SHA-256 of the bearer: an agent token or an OAuth access token. */
  bearerHash: Uint8Array;
  method: string | null;
  era: Era;
  /** The tool's name of a `tools/call`; null otherwise. */
  tool: string | null;
  /** The family that one of the caller's groups must open; null where the method is open to all. */
  family: string | null;
  /** The resource of a `resources/read`; null otherwise. */
  uri: string | null;
  /** A refusal found before the policy; it is recorded as it is. */
  denial: Denial | null;
  argumentsHash: string | null;
  /** What the client calls itself; data, never trusted. */
  client: string | null;
  /**
   * What the rules on arguments say of it: the fingerprint of what it was judged by, and the rule that refuses it. Without, a call under
   * rules is neither recorded nor admitted; it comes back with them, to be judged (`argument-rules`).
   */
  judged?: {
    as: string;
    rule: string | null;
    /** It may go only with an approval, which its record uses up. */
    waits?: boolean;
  };
  /**
   * It is known to be a write with a budget or a window for repeats; without, such a call is neither recorded nor admitted. `eventId`: of the
   * audit event, should it be the one that trips its agent.
   */
  guarded?: { eventId: string };
  /** The id of the call that used an approval up already, where that call is judged again. */
  claimedBy?: string;
  /** The arguments that `argumentsHash` is of, for organizations that keep them. */
  argumentsText?: () => string;
  /** The same, sealed for the caller's organization (`keep-arguments`). */
  kept?: { sealed: string; bytes: number };
}

/** The rules that a call is to be judged by, and their fingerprint. */
export interface PendingRules {
  version: string;
  groups: GrantingGroup[];
  inputSchema: unknown;
}

/** Everything the gate needs to know about an admitted or denied caller. */
export interface Admitted {
  organizationId: string;
  memberId: string;
  memberEmail: string;
  /** The agent token's id or the grant's. */
  credentialId: string;
  denial: Denial | null;
  /** Where the denial is a limit: whose, and when the next call may pass. */
  limit: { name: LimitName; waitMs: number } | null;
  /** Whether it only reads, by a definition that somebody reviewed: for the limits on calls in flight, and for repeats. */
  reads: boolean;
  /** For `initialize` and in the modern era: families of methods that the caller's groups open. */
  families: string[] | null;
  /**
   * For `tools/list`: what the caller may see, in the catalogue's order: the fingerprint that the definition must have (`*`: any), a
   * space, and the tool's name (`visibleTools` reads it).
   */
  visible: string[] | null;
  /** For a `tools/call` of the modern era: the arguments that the reviewed definition repeats in headers. */
  paramHeaders: ParamHeaders | null;
  connection: AdmittedConnection | null;
  /** How many active connections the member has, where the bearer names none. */
  activeConnections: number;
  /** Not decided and not on record yet: first these rules have to be asked. */
  rules: PendingRules | null;
  /** The fingerprint of the rules that it was judged by (`argument-rules`); absent where none applied. */
  judgedAs?: string;
  /** Not on record yet: asked again with its arguments sealed. `admit` never answers so. */
  unsealed: boolean;
  /** What the agent reads where a rule on arguments refused it. */
  refusal: string | null;
  /** What is there now has to be kept for so many days before the call is sent (`keep-before`); null: it need not. */
  undoDays: number | null;
  /** Where the denial is `approval_required`: any of these decides (`hold-call`). */
  waitsFor?: Approver[];
  /** Not decided and not on record yet: first asked again as a write with a budget or a window. */
  unguarded: boolean;
  /** The budget that is spent, where the denial is `write_budget` or `delete_budget` (`guard-writes`). */
  budget: number | null;
  /** The call that it repeats, where the denial is `duplicate_write`. */
  repeatOf: string | null;
  /** Its own repeats are not sent: what becomes of it is kept for them. */
  kept: KeptWrite | null;
}

export interface AdmittedConnection {
  id: string;
  status: 'active' | 'needs_reconnect';
  workspaceGid: string | null;
  /** Sealed. */
  accessToken: string;
  accessExpiresAt: Date;
  generation: number;
}

/** Whose limit refused a call; `asana` is the quiet that Asana asked for (429, `Retry-After`). */
export type LimitName = 'token' | 'member' | 'group' | 'search' | 'connection' | 'asana';

/** `expired`: the bearer was good once; `unknown`: nobody's (revoked, removed or never ours). */
export type Admission = { admitted: Admitted } | { unauthenticated: 'unknown' | 'expired' };

/** Admission could not be had within its time: database away or too busy. Nothing was sent to Asana. */
export class AdmissionUnavailable extends Error {}

/**
 * Small enough that PostgreSQL works on one batch while this process sends the calls of the one before on their way: with all that wait
 * in one batch, each of the two would wait for the other. Large enough that a commit is shared.
 */
const MAX_BATCH = 32;
const TIMEOUT_MS = 900;
/** Who waited longer for a turn has too little time left for it; that is no reason to distrust the database. */
const MAX_QUEUE_MS = 600;

interface Asking {
  request: AdmissionRequest;
  resolve(admission: Admission): void;
  reject(error: unknown): void;
}

const queue = createFairQueue<Asking>();
gauge('gatehouse_admission_waiting', 'Calls that wait for admission', () => queue.size);
let writing = false;

/** Admits one call: resolves once its record is durable. Throws `AdmissionUnavailable` within a second where that can't be had. */
export async function admit(request: AdmissionRequest): Promise<Admission> {
  if (request.argumentsText === undefined) return ask(request);
  const admission = await ask(sealAhead(request));
  if (!('admitted' in admission) || !admission.admitted.unsealed) return admission;
  const again = await ask(sealArguments(request, admission.admitted.organizationId));
  if ('admitted' in again && again.admitted.unsealed)
    throw new AdmissionUnavailable('arguments could not be kept');
  return again;
}

function ask(request: AdmissionRequest): Promise<Admission> {
  return new Promise((resolve, reject) => {
    const bearer = Buffer.from(request.bearerHash).toString('latin1');
    const joined = queue.join(bearer, { call: { request, resolve, reject }, askedMs: performance.now() });
    if (!joined) reject(new AdmissionUnavailable('too many calls wait'));
    else if (!writing) void writeBatches();
  });
}

async function writeBatches(): Promise<void> {
  writing = true;
  // Calls that arrive in the same turn of the event loop share the first batch.
  await Promise.resolve();
  let resolveCalls = () => {};
  while (queue.size > 0) {
    const late = queue.takeOlderThan(performance.now() - MAX_QUEUE_MS);
    for (const { call } of late) call.reject(new AdmissionUnavailable('waited too long for a turn'));
    const batch = queue.take(MAX_BATCH);
    const written = writeBatch(batch);
    // Only now, so that PostgreSQL is at work on the next batch while these go on.
    resolveCalls();
    resolveCalls = await written;
  }
  writing = false;
  resolveCalls();
}

/** Resolves, when the batch is durable or can't be, to what tells its calls. */
async function writeBatch(batch: Waiting<Asking>[]): Promise<() => void> {
  if (batch.length === 0) return () => undefined;
  try {
    // The time runs from when the first of them asked.
    const firstMs = batch.reduce((first, { askedMs }) => Math.min(first, askedMs), Infinity);
    const requests = batch.map(({ call }) => call.request);
    const beganMs = performance.now();
    const answered = await query(requests, TIMEOUT_MS - (beganMs - firstMs));
    observeBatch(batch.length, (performance.now() - beganMs) / 1000);
    const rows = new Map(answered.map((row) => [row.n, row]));
    return () => {
      for (const [n, { call }] of batch.entries()) call.resolve(toAdmission(rows.get(n + 1)));
    };
  } catch (error) {
    countFailedBatch();
    const unavailable = new AdmissionUnavailable('the database does not answer', { cause: error });
    return () => {
      for (const { call } of batch) call.reject(unavailable);
    };
  }
}

async function query(requests: AdmissionRequest[], timeoutMs: number): Promise<AdmissionRow[]> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const begunMs = performance.now();
  const late = new Promise<never>((_, reject) => {
    // One turn of the event loop later: an answer that is here already, behind a loop that was busy, still counts.
    const fail = () => {
      isLate = true;
      trustedSinceMs = begunMs;
      reject(new Error('admission timed out'));
    };
    timer = setTimeout(() => setImmediate(fail), timeoutMs);
  });
  try {
    const connecting = checkOut();
    // A connection that comes after its time goes straight back.
    connecting.then(
      (client) => isLate && client.release(),
      () => undefined,
    );
    const client = await Promise.race([connecting, late]);
    const asked = client.query<AdmissionRow>(statementFor(requests));
    try {
      const answer = await Promise.race([asked, late]);
      hear(client);
      client.release();
      return answer.rows;
    } catch (error) {
      if (isLate) releaseWhenHeard(client, asked);
      else client.release(error as Error);
      throw error;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** From when nobody waits for it any more; PostgreSQL ends a statement before (db.ts). */
const SILENCE_MS = 1_000;
const CANCELED = '57014';

/**
 * A late statement may be one of a machine that is busy, where a new connection (its process, its catalogue, its plan) would take even
 * longer: the next would be late too, and so on. So it is kept where it is heard of soon, and closed where it stays silent.
 */
function releaseWhenHeard(client: PoolClient, asked: Promise<unknown>): void {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), SILENCE_MS);
  });
  const heard = asked.then(
    () => true,
    (error: { code?: string }) => error.code === CANCELED,
  );
  void Promise.race([heard, silence]).then((isWell) => {
    clearTimeout(timer);
    if (isWell) hear(client);
    client.release(!isWell);
  });
}

// A network that dies silently leaves connections that look alive. Once one got no answer, only those that were heard of since it was
// asked are tried again; otherwise each of the pool's would cost its second after the database is back.
let trustedSinceMs = 0;
const heardMs = new WeakMap<PoolClient, number>();
const watched = new WeakSet<Pool>();

function hear(client: PoolClient): void {
  heardMs.set(client, performance.now());
}

async function checkOut(): Promise<PoolClient> {
  const from = admissionPool();
  if (!watched.has(from)) from.on('connect', hear);
  watched.add(from);
  for (;;) {
    const client = await from.connect();
    if ((heardMs.get(client) ?? 0) >= trustedSinceMs) return client;
    client.release(true);
  }
}

function toAdmission(row: AdmissionRow | undefined): Admission {
  if (!row) return { unauthenticated: 'unknown' };
  if (row.expired) return { unauthenticated: 'expired' };
  return {
    admitted: {
      organizationId: row.organization_id,
      memberId: row.member_id,
      memberEmail: row.email,
      credentialId: row.token_id,
      denial: row.denial,
      limit: row.refused_by === null ? null : { name: row.refused_by, waitMs: row.wait_ms },
      reads: row.reads ?? false,
      families: row.families,
      visible: row.visible,
      paramHeaders: row.param_headers,
      activeConnections: row.active_connections,
      rules: row.rules,
      unsealed: row.unsealed,
      undoDays: row.undo_days,
      unguarded: row.unguarded,
      budget: row.budget ?? null,
      repeatOf: row.repeat_of ?? null,
      kept: row.claims ? { result: null } : null,
      refusal: null,
      connection:
        row.connection_id === null
          ? null
          : {
              id: row.connection_id,
              status: row.connection_status,
              workspaceGid: row.workspace_gid,
              accessToken: row.access_token,
              accessExpiresAt: row.access_expires_at,
              generation: row.generation,
            },
    },
  };
}
