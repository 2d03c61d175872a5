// What a torture run leaves behind: what each side saw, in one clock. The checker knows nothing else.

/** What a client heard of a call. */
export type Heard =
  /** A result of Asana's, also one that says `isError`. */
  | { is: 'ok' }
  /** The policy said no: `Unknown tool`. */
  | { is: 'denied' }
  | { is: 'unauthenticated' }
  /** The gate said why it has no result; `outcome` is its word on what became of the call. */
  | { is: 'refused'; status: number; outcome: 'not_sent' | 'not_executed' | 'unknown' | null }
  /** No answer: connection lost, never made, or given up on. */
  | { is: 'broken' };

/** One invocation. All times are milliseconds since 1970 of one monotonic clock. */
export interface Call {
  /** In the arguments of this call and of no other. */
  marker: string;
  kind: 'read' | 'write';
  tool: string;
  /** As the audit keeps it: SHA-256 of the canonical arguments. */
  argumentsHash: string;
  /** The agent token's id. */
  bearer: string;
  /** The group that opens the tool to its member. */
  group: string;
  process: number;
  invokedMs: number;
  endedMs: number;
  heard: Heard;
}

/** One change of an admin's. `unknown`: its acknowledgement was lost; it took effect, if at all, by `settledMs`. */
export interface Change {
  kind: 'tools' | 'mint' | 'revoke';
  /** A group's slug, or a token's id (null where the answer with the id was lost). */
  target: string | null;
  /** Of `tools`: what is open afterwards. */
  tools: string[];
  process: number;
  invokedMs: number;
  settledMs: number;
  result: 'ok' | 'unknown';
}

/** A request that reached the sandbox's MCP endpoint. */
export interface Arrival {
  atMs: number;
  method: string;
  /** The JSON-RPC id, where it is text: the id of the record. */
  id: string | null;
  tool: string | null;
  marker: string | null;
  /** Null where the connection was dropped without one. */
  status: number | null;
}

/** A row of the audit. */
export interface AuditRow {
  id: string;
  atMs: number;
  kind: 'call' | 'event' | 'outcome';
  callId: string | null;
  method: string | null;
  tool: string | null;
  argumentsHash: string | null;
  credentialId: string | null;
  decision: 'allow' | 'deny' | null;
  reason: string | null;
  outcome: string | null;
  action: string | null;
  target: string | null;
  /** Of a group's event: its tools and version afterwards. */
  tools: string[] | null;
  version: number | null;
}

/** When a process lived. `killed`: with -9, by us. */
export interface Life {
  process: number;
  readyMs: number;
  endedMs: number;
  end: 'killed' | 'stopped' | 'died';
  /** What it said at its end, for the report. */
  said: string;
  /** Its largest resident set, in MiB. */
  rssMib: number;
}

/** Something that we did to the cluster, or a time in which a promise is measured. */
export interface Fault {
  name: string;
  /** The process it befell; null: all. */
  process: number | null;
  fromMs: number;
  toMs: number;
}

/** A `ping` of one process: it needs the database and nothing of Asana's. */
export interface Probe {
  process: number;
  startedMs: number;
  endedMs: number;
  /** Null: no answer. */
  status: number | null;
  /** How many tasks wanted to run on each of the machine's cores, on the average of a minute. */
  load: number;
}

export interface History {
  calls: Call[];
  changes: Change[];
  arrivals: Arrival[];
  /** How many tasks of each marker the sandbox has. */
  tasks: Record<string, number>;
  audit: AuditRow[];
  lives: Life[];
  faults: Fault[];
  probes: Probe[];
  /** When this machine stood still, so that nobody's promise is measured by it. */
  stalls: { fromMs: number; toMs: number }[];
  chain: { ok: boolean; records: number; linked: number; caughtUpMs: number };
  /** How the audit shows the allowed calls that have no outcome, by record. */
  shownWithoutOutcome: Record<string, string>;
  /** At the end, by slug. */
  groups: Record<string, { tools: string[]; version: number }>;
  /** Ids of the tokens there are at the end. */
  tokens: string[];
  /** Connections that would have to be made again. */
  lostConnections: number;
}

/** Milliseconds since 1970 that never go back, to a fraction of one. */
export const now = (): number => performance.timeOrigin + performance.now();
