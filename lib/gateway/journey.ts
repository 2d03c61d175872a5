// One admitted call on its way to Asana: what it carries, whose it is, and that it is settled once, whatever becomes of it.
import type { Outcome } from '../audit/system-call';
import type { OutboundAnswer } from '../http';
import type { admit, AdmissionRequest, Admitted, AdmittedConnection } from './admit';
import { endClaim } from '../write-safety/claims';
import { leaveAsana, type Heard, type Passage } from './asana-circuits';
import type { RpcFailure } from './asana-error';
import { encodeJson, type Json } from './decode';
import { createEnding, endCall, Ended, type Ending } from './ending';
import { forward, type Outgoing } from './forward';
import type { McpRequest } from './handle-mcp';
import type { Questions } from './input-required';
import type { Message } from './message';
import { register } from './open-streams';
import { noteOutcome } from './outcomes';
import type { OwnSession } from './own-sessions';
import type { ModernAnswer } from './read-answer';
import type { AgentSession } from './sealed-ids';
import type { Standing } from './upstream-era';

export interface AdmittedCall {
  request: McpRequest;
  admitted: Admitted;
  message: Message;
  callId: string;
  /** Asks for admission once more, without a second record; `instead`: as another call than this. */
  admitAgain(instead?: Partial<AdmissionRequest>): ReturnType<typeof admit>;
  /** The same as a call of its own, recorded under this id. */
  admitRound(callId: string): ReturnType<typeof admit>;
  /** Where Asana may ask back on the way, for an agent of the older era (`ask-agent`). */
  rounds?: Rounds;
}

/** A call that goes up again with what its agent answered. */
export interface Rounds {
  /** Members of params. */
  brought: ReadonlyMap<string, Json>;
  /** What Asana asked instead of answering. */
  asked: Questions | null;
}

export interface Journey extends AdmittedCall {
  connection: AdmittedConnection;
  /** The session the agent brought; null for one without. */
  session: AgentSession | null;
  startedMs: number;
  /** Its key in `inFlight` until it is settled. */
  flight: string | null;
  /** Gives back its place among the calls in flight. */
  freeSlot: (() => void) | null;
  /** From when it enters Asana's circuits until it is settled. */
  passage: Passage | null;
  heard: Heard;
  /** Whether its access ended while it was under way. */
  ending: Ending;
  /** Asana's answer, once there is one. */
  upstream: OutboundAnswer | null;
  /** It was a read that went twice. */
  repeated: boolean;
  /** The first try got no answer and may have been carried out: no refusal of the second can say that nothing was. */
  mayHaveRun: boolean;
  /** Aborted when the agent leaves, where that is a cancel (modern era), or cancels a call that went up by itself (`cancellable`). */
  left: AbortSignal | null;
  /** It is of the older era and went up in the modern one. */
  isBridged: boolean;
  /** The `Mcp-Param-*` headers of a `tools/call` of the modern era. */
  paramHeaders: Record<string, string>;
  /** What a retry of the modern era brings back for Asana, as members of params. */
  brought: ReadonlyMap<string, Json>;
  /** The id of a parked call that its retry goes on with (`parked-calls`). */
  parkedAs: string | null;
  /** The session of ours that a request of the modern era went up in. */
  own: OwnSession | null;
  /** Keeps it where Asana asks back (modern agent, legacy Asana). */
  park?: ModernAnswer['park'];
  /** What its parked call began with, once it goes on. */
  resumed: { upstreamId: string; progressToken: string | undefined; asked: number } | null;
  /** What a request of the modern era found Asana to speak. */
  standing: Standing | null;
  /** Asana's id (as JSON) of the question that the agent answers. */
  askedAs: string | null;
  /** Why Asana refused it, where that was read already. */
  refusal: RpcFailure | null;
  isSettled(): boolean;
  land(): void;
  settled(outcome: Outcome, reason?: string): void;
  /** Ends without an outcome: the agent will ask for the rest (resume-stream.ts). */
  suspended(): void;
}

const NOTHING: ReadonlyMap<string, Json> = new Map();

/** Begins one call: from here on it can be ended from outside. */
export function begin(call: AdmittedCall): Journey {
  const { admitted, callId } = call;
  const startedMs = performance.now();
  let done = false;
  const { organizationId, memberId, credentialId } = admitted;
  const connectionId = admitted.connection!.id;
  const unregister = register({
    ...{ organizationId, memberId, credentialId, connectionId },
    end(reason) {
      if (journey.ending.wasSent) journey.settled('unknown', reason);
      endCall(journey.ending, reason);
      journey.upstream?.body.destroy();
    },
  });
  // Written out, not spread: each call makes one, and V8 keeps what is spread as a table, slow to write to ever after.
  const journey: Journey = {
    request: call.request,
    admitted,
    message: call.message,
    callId,
    admitAgain: call.admitAgain,
    admitRound: call.admitRound,
    connection: admitted.connection!,
    session: null,
    startedMs,
    flight: null,
    freeSlot: null,
    passage: null,
    heard: 'nothing',
    ending: createEnding(),
    upstream: null,
    repeated: false,
    mayHaveRun: false,
    left: call.message.era === 'modern' ? (call.request.left?.() ?? null) : null,
    isBridged: false,
    paramHeaders: {},
    rounds: call.rounds,
    brought: call.rounds?.brought ?? NOTHING,
    parkedAs: null,
    own: null,
    resumed: null,
    standing: null,
    askedAs: null,
    refusal: null,
    isSettled: () => done,
    // An id that was used again while in flight belongs to the later call.
    land() {
      unregister();
      if (journey.flight !== null && inFlight.get(journey.flight) === callId) inFlight.delete(journey.flight);
      cancellers.delete(callId);
      journey.freeSlot?.();
      if (journey.passage) leaveAsana(journey.passage, journey.heard);
      journey.passage = null;
    },
    suspended() {
      if (done) return;
      done = true;
      journey.land();
    },
    settled(outcome, reason) {
      if (done) return;
      done = true;
      // An answer that could not be understood says neither that Asana is well nor that it is not.
      if (outcome === 'unknown' && journey.heard === 'answer') journey.heard = 'nothing';
      const cancelled = outcome === 'unknown' && journey.left?.aborted === true;
      if (cancelled) journey.heard = 'nothing';
      journey.land();
      if (admitted.kept)
        endClaim({ organizationId: admitted.organizationId, callId }, admitted.kept, outcome);
      noteOutcome({
        organizationId: admitted.organizationId,
        callId,
        outcome: outcome === 'upstream_error' && journey.mayHaveRun ? 'unknown' : outcome,
        latencyMs: performance.now() - startedMs,
        reason: reasonOf(journey, cancelled ? 'cancelled' : reason),
        credentialId: admitted.credentialId,
        connectionId: admitted.connection!.id,
      });
    },
  };
  return journey;
}

function reasonOf({ repeated }: Journey, reason: string | undefined): string | undefined {
  return repeated ? ['retried', ...(reason ? [reason] : [])].join('_') : reason;
}

// Asana's ids of the calls in flight, by the agent's: only so can an agent cancel its own.
const inFlight = new Map<string, string>();

function flightKey(journey: Pick<Journey, 'admitted' | 'session'>, id: Json | undefined): string {
  return JSON.stringify([
    journey.admitted.credentialId,
    journey.session?.upstreamId ?? null,
    id === undefined ? null : encodeJson(id),
  ]);
}

/** Lets the agent cancel the call by its own id from here on. */
export function noteFlight(journey: Journey): void {
  journey.flight = flightKey(journey, journey.message.id);
  inFlight.set(journey.flight, journey.callId);
}

/** Asana's id of the call that the agent knows under `agentId`, in this very credential and session (PP-33). */
export function flightOf(journey: Journey, agentId: Json | undefined): string | undefined {
  return inFlight.get(flightKey(journey, agentId));
}

/** The same between two rounds of a call, until `release`; `signal` is aborted where the agent cancels. */
export function holdFlight(
  of: Pick<Journey, 'admitted' | 'session'>,
  agentId: Json | undefined,
): { signal: AbortSignal; release(): void } {
  const [key, held, controller] = [flightKey(of, agentId), crypto.randomUUID(), new AbortController()];
  inFlight.set(key, held);
  cancellers.set(held, controller);
  return {
    signal: controller.signal,
    release() {
      cancellers.delete(held);
      if (inFlight.get(key) === held) inFlight.delete(key);
    },
  };
}

// By Asana's id: what ends a call that can be cancelled by disconnecting only.
const cancellers = new Map<string, AbortController>();

/** Aborted by `cancelFlight`, until the call has landed. */
export function cancellable({ callId }: Journey): AbortSignal {
  const known = cancellers.get(callId) ?? new AbortController();
  cancellers.set(callId, known);
  return known.signal;
}

/** Cancels a call by Asana's id where that is by disconnecting (MCP 2026-07-28, transports); else nothing. */
export function cancelFlight(callId: string): void {
  cancellers.get(callId)?.abort();
}

/** Whose call it is, for what is recorded as our own. */
export function factsOf({ admitted, connection }: Journey) {
  const { organizationId, memberId, memberEmail } = admitted;
  const { id: connectionId, workspaceGid } = connection;
  return { organizationId, memberId, memberEmail, connectionId, workspaceGid };
}

/** Whose seals it may open. */
export function ownerOf({ admitted, connection }: Pick<Journey, 'admitted' | 'connection'>) {
  return {
    organizationId: admitted.organizationId,
    credentialId: admitted.credentialId,
    connectionId: connection.id,
  };
}

/** One forward, unless the call was ended meanwhile. */
export function pass(journey: Journey, request: Outgoing): Promise<OutboundAnswer> {
  if (journey.ending.reason !== null || journey.left?.aborted) throw new Ended();
  journey.ending.wasSent = true;
  return forward(request);
}

/** What Asana's circuits learn: the status, and whether the body breaks off later. */
export function hear(journey: Journey, upstream: OutboundAnswer): void {
  const { status, body } = upstream;
  journey.heard = status >= 500 ? 'failure' : 'answer';
  journey.upstream = upstream;
  if (journey.ending.reason !== null) body.destroy();
  // What we end ourselves (too large, nobody reads) is not Asana's failure.
  body.onBreak(() => {
    journey.heard = journey.left?.aborted ? 'nothing' : 'failure';
  });
}
