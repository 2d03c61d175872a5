// The circuits of this process: one for each connection whose calls fail, and one for Asana as a whole. A call asks before it is sent
// and says afterwards what it heard; while a circuit is open calls are refused at once instead of waiting for what does not answer.
import { log } from '../log';
import {
  abandoned,
  ASANA_RULES,
  CLOSED,
  CONNECTION_RULES,
  entered,
  failed,
  pauseOf,
  type Circuit,
} from './circuit';
import { gauge } from './metrics';

/** Asana has been failing, so the call was not sent; another may be worth trying after `waitMs`. */
export class CircuitOpen extends Error {
  constructor(readonly waitMs: number) {
    super('Asana has been failing; the call was not sent');
  }
}

/** A call on its way to Asana. `leaveAsana` ends it. */
export interface Passage {
  organizationId: string;
  connectionId: string;
  /** When it entered, where it is the probe of Asana's circuit or of its connection's. */
  probeOfAsana: number | null;
  probeOfConnection: number | null;
}

/**
 * What a call heard. `answer`: a status below 500 and what belongs to it, an error of the tool included. `failure`: no connection,
 * 5xx, no answer in time, or cut. `nothing`: neither (it was not sent, or what came could not be understood).
 */
export type Heard = 'answer' | 'failure' | 'nothing';

interface Circuits {
  asana: Circuit;
  /** Only those with a failure since Asana last answered. */
  connections: Map<string, { organizationId: string; circuit: Circuit }>;
}

const MAX_KEPT = 10_000;

gauge('gatehouse_asana_circuit', 'Calls to Asana: 0 go, 1 one tries, 2 are refused because Asana fails', () =>
  ['closed', 'probing', 'open'].indexOf(readCircuits().state),
);
gauge(
  'gatehouse_connections_paused',
  'Connections whose calls are refused because they fail',
  () => readCircuits().pausedConnections,
);

// server.ts sends the calls and Next's bundle shows the health room; both must see the same circuits.
const holder = globalThis as typeof globalThis & { [key: symbol]: Circuits | undefined };
const HELD = Symbol.for('gatehouse.circuits');
const held = (): Circuits => (holder[HELD] ??= { asana: CLOSED, connections: new Map() });

/** How long no call may go through this connection, in milliseconds; 0 where one may. */
export function pauseAtAsana(connectionId: string): number {
  const nowMs = performance.now();
  const { asana, connections } = held();
  const own = connections.get(connectionId)?.circuit ?? CLOSED;
  return Math.max(pauseOf(asana, nowMs), pauseOf(own, nowMs));
}

/** Throws `CircuitOpen` where no call may go through this connection now. */
export function assertAsanaAnswers(connectionId: string): void {
  const waitMs = pauseAtAsana(connectionId);
  if (waitMs > 0) throw new CircuitOpen(waitMs);
}

/** Just before a call is sent; throws `CircuitOpen` as well. Must be followed by `leaveAsana`. */
export function enterAsana(connection: { organizationId: string; connectionId: string }): Passage {
  assertAsanaAnswers(connection.connectionId);
  const nowMs = performance.now();
  const circuits = held();
  const own = circuits.connections.get(connection.connectionId);
  const passage = {
    ...connection,
    probeOfAsana: circuits.asana.open && nowMs,
    probeOfConnection: own?.circuit.open ? nowMs : null,
  };
  circuits.asana = entered(circuits.asana, nowMs);
  if (own) own.circuit = entered(own.circuit, nowMs);
  return passage;
}

/** What became of the call. */
export function leaveAsana(passage: Passage, heard: Heard): void {
  const { organizationId, connectionId, probeOfAsana, probeOfConnection } = passage;
  const circuits = held();
  const { asana, connections } = circuits;
  const own = connections.get(connectionId);
  if (heard === 'answer') {
    connections.delete(connectionId);
    circuits.asana = CLOSED;
    if (!asana.open) return;
    // What they counted was Asana's failure and not their own.
    connections.clear();
    log().info('Asana answers again; calls go to it as they come');
  } else if (heard === 'nothing') {
    circuits.asana = abandoned(asana, probeOfAsana);
    if (own) own.circuit = abandoned(own.circuit, probeOfConnection);
  } else {
    const nowMs = performance.now();
    const circuit = own?.circuit ?? CLOSED;
    const failure = { connectionId, nowMs };
    const next = failed(circuit, { ...failure, probe: probeOfConnection }, CONNECTION_RULES);
    connections.delete(connectionId);
    connections.set(connectionId, { organizationId, circuit: next });
    if (connections.size > MAX_KEPT) connections.delete(connections.keys().next().value!);
    // A connection whose own circuit is open has had its say: its probes must not add up to everybody's outage.
    if (circuit.open && probeOfAsana === null) return;
    circuits.asana = failed(asana, { ...failure, probe: probeOfAsana }, ASANA_RULES);
    if (!asana.open && circuits.asana.open)
      log().warn(
        { failures: circuits.asana.failures },
        'Asana fails; calls are refused until one gets an answer',
      );
  }
}

/** What an organization may know of the circuits of this process; without one, those of all organizations. */
export function readCircuits(organizationId?: string): {
  /** Of Asana as a whole; `probing`: the next call tries, or one is trying. */
  state: 'closed' | 'open' | 'probing';
  since: Date | null;
  /** Calls in a row that failed. */
  failures: number;
  /** Connections whose own circuit is open. */
  pausedConnections: number;
} {
  const nowMs = performance.now();
  const { asana, connections } = held();
  const { open, failures } = asana;
  const paused = [...connections.values()].filter(
    (one) => one.circuit.open && (organizationId ?? one.organizationId) === one.organizationId,
  );
  return {
    state: !open ? 'closed' : open.probeMs !== null || nowMs >= open.untilMs ? 'probing' : 'open',
    since: open && new Date(Date.now() - (nowMs - open.sinceMs)),
    failures,
    pausedConnections: paused.length,
  };
}
