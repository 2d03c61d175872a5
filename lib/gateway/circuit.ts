// A circuit: closed while Asana answers, open after failures in a row, then one call at a time tries (a probe). Pure: every
// function takes a circuit and the time and returns the next circuit; who keeps circuits is asana-circuits.ts.

/** When a circuit opens: after so many failures in a row, from so many connections. */
export interface CircuitRules {
  failures: number;
  connections: number;
}

/** An agent that repeats a call twice, and once more, is not cut off yet; a crowd of agents is after one round. */
export const CONNECTION_RULES: CircuitRules = { failures: 5, connections: 1 };
/** One broken connection, or two, must not end everybody else's calls. */
export const ASANA_RULES: CircuitRules = { failures: 10, connections: 3 };

/** The first pause is as long as a restart behind a load balancer; each probe that fails doubles it. */
export const FIRST_PAUSE_MS = 5_000;
/** After Asana is back nobody waits longer than this. */
export const MAX_PAUSE_MS = 30_000;
/** A probe without an answer by then holds up no other. */
export const PROBE_MS = 15_000;
/** While a probe is under way others are told to ask again so soon. */
const PROBING_MS = 1_000;

export interface Circuit {
  /** Failures since Asana last answered. */
  readonly failures: number;
  /** The connections they came from, as many as the rules ask for. */
  readonly failing: ReadonlySet<string>;
  /** Null while calls go through. */
  readonly open: {
    sinceMs: number;
    /** No call before. */
    untilMs: number;
    pauseMs: number;
    /** When the probe under way began; null without one. */
    probeMs: number | null;
  } | null;
}

export const CLOSED: Circuit = { failures: 0, failing: new Set(), open: null };

/** How long no call may go through, in milliseconds; 0 where one may. */
export function pauseOf({ open }: Circuit, nowMs: number): number {
  if (!open) return 0;
  const restMs = Math.max(0, open.untilMs - nowMs);
  const probing = open.probeMs !== null && nowMs < open.probeMs + PROBE_MS;
  return probing ? Math.max(restMs, PROBING_MS) : restMs;
}

/** A call goes through: of an open circuit it is the probe, known by `nowMs`. Only where `pauseOf` is 0. */
export function entered(circuit: Circuit, nowMs: number): Circuit {
  return circuit.open ? { ...circuit, open: { ...circuit.open, probeMs: nowMs } } : circuit;
}

/** A call failed. `probe` is when it entered where it was the probe, else null: one that began before the opening says nothing new. */
export function failed(
  circuit: Circuit,
  { connectionId, probe, nowMs }: { connectionId: string; probe: number | null; nowMs: number },
  rules: CircuitRules,
): Circuit {
  const { open } = circuit;
  if (open && (probe === null || probe !== open.probeMs)) return circuit;
  const failing =
    circuit.failing.size < rules.connections ? new Set([...circuit.failing, connectionId]) : circuit.failing;
  const failures = circuit.failures + 1;
  if (open) {
    const pauseMs = Math.min(open.pauseMs * 2, MAX_PAUSE_MS);
    return { failures, failing, open: { ...open, untilMs: nowMs + pauseMs, pauseMs, probeMs: null } };
  }
  const opens = failures >= rules.failures && failing.size >= rules.connections;
  return {
    failures,
    failing,
    open: opens
      ? { sinceMs: nowMs, untilMs: nowMs + FIRST_PAUSE_MS, pauseMs: FIRST_PAUSE_MS, probeMs: null }
      : null,
  };
}

/** A probe ended without a word about Asana (its token had ended, say): the next call may be the probe. */
export function abandoned(circuit: Circuit, probe: number | null): Circuit {
  const { open } = circuit;
  return open && probe !== null && open.probeMs === probe
    ? { ...circuit, open: { ...open, probeMs: null } }
    : circuit;
}
