// What the gate counts, once per process; server.ts serves it under /metrics. Every label has a closed set of values: no name, id, tool
// or text of an agent's can become one (SP-23), so the number of series is bounded whatever is called.
import { Counter, Gauge, Histogram, register } from 'prom-client';
import { pool } from '../db';
import type { Denial } from '../policy/policy';

/** What became of one request to /mcp, for its labels. */
export interface CallFacts {
  /** As the agent spelled it; counted as `other` unless it is one of the protocol's. */
  method: string | null;
  /** `none`: answered before anybody was asked who calls. */
  decision: 'allow' | 'deny' | 'unauthenticated' | 'unavailable' | 'none';
}

// Both module graphs (server.ts, Next's bundle) load this file and share prom-client, which takes each name once.
const once = <Metric>(name: string, make: () => Metric): Metric =>
  (register.getSingleMetric(name) as Metric | undefined) ?? make();
const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
  once(name, () => new Counter({ name, help, labelNames }));
const histogram = <Label extends string>(
  name: string,
  help: string,
  buckets: number[],
  labelNames: Label[] = [],
) => once(name, () => new Histogram({ name, help, buckets, labelNames }));

const METHODS = new Set([
  ...[
    'initialize',
    'ping',
    'tools/list',
    'tools/call',
    'notifications/initialized',
    'notifications/cancelled',
  ],
  ...['resources/list', 'resources/read', 'resources/templates/list', 'prompts/list', 'prompts/get'],
  ...['completion/complete', 'logging/setLevel', 'server/discover', 'GET', 'DELETE'],
]);

const answers = counter('gatehouse_mcp_answers_total', 'Answers of /mcp by HTTP status', ['status']);
const calls = counter('gatehouse_calls_total', 'Requests to /mcp by method, decision and HTTP status', [
  'method',
  'decision',
  'status',
]);
const denials = counter('gatehouse_denials_total', 'Calls that the policy or a limit refused, by reason', [
  'reason',
]);
const batchCalls = histogram(
  'gatehouse_admission_batch_calls',
  'Calls admitted by one statement',
  [1, 2, 4, 8, 16, 32, 64, 128, 256],
);
const batchSeconds = histogram(
  'gatehouse_admission_seconds',
  'Time of one admission statement, commit included',
  [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
);
const failedBatches = counter(
  'gatehouse_admission_failures_total',
  'Admission statements that failed or took too long',
  [],
);
const upstream = histogram(
  'gatehouse_upstream_seconds',
  'Time until Asana began its answer, by class of HTTP status',
  [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
  ['status'],
);

/** Counts an answer of /mcp. */
export function countCall({ method, decision }: CallFacts, status: number): void {
  answers.inc({ status });
  const known = method === null ? 'none' : METHODS.has(method) ? method : 'other';
  calls.inc({ method: known, decision, status });
}

/** Counts a refusal. */
export function countDenial(reason: Denial): void {
  denials.inc({ reason });
}

/** Notes an admission statement that answered. */
export function observeBatch(callsInIt: number, seconds: number): void {
  batchCalls.observe(callsInIt);
  batchSeconds.observe(seconds);
}

/** Notes an admission statement that did not. */
export function countFailedBatch(): void {
  failedBatches.inc();
}

/** Notes how long Asana took to begin its answer; `status` null where none came. */
export function observeUpstream(status: number | null, seconds: number): void {
  upstream.observe({ status: status === null ? 'none' : `${Math.trunc(status / 100)}xx` }, seconds);
}

/** Serves a number that is read when somebody asks for it; it costs a call nothing. */
export function gauge(name: string, help: string, read: () => number): void {
  once(
    name,
    () =>
      new Gauge({
        name,
        help,
        collect() {
          this.set(read());
        },
      }),
  );
}

const CONNECTIONS = ['total', 'idle', 'waiting'] as const;
const database = 'gatehouse_database_connections';
once(
  database,
  () =>
    new Gauge({
      name: database,
      help: 'The pool: connections, those idle, and who waits for one',
      labelNames: ['state'],
      collect() {
        const { totalCount, idleCount, waitingCount } = pool();
        const values = [totalCount, idleCount, waitingCount];
        for (const [n, state] of CONNECTIONS.entries()) this.set({ state }, values[n]!);
      },
    }),
);
