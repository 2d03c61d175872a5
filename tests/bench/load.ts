// The load generator, a process of its own: kept-alive connections that each send the next call when the last one is answered.
import { setTimeout as sleep } from 'node:timers/promises';
import { obey } from './children';
import { openClient, requestBytes, type Answer, type Client } from './cheap-client';
import { attack, hold, release } from './hold-streams';
import { messageOf, wrongWith, type Workload } from './workloads';

export interface Load {
  workload: Workload;
  /** Connection n goes to the nth of these, in turns. */
  ports: number[];
  path: string;
  /** Connection n has the nth of these, in turns. */
  bearers: string[];
  connections: number;
  ms: number;
  /** Whether a gate filters what is listed. */
  filtered: boolean;
}

export interface Measured {
  calls: number;
  failed: number;
  /** What was wrong with the first that failed. */
  failure: string | null;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const LAST_ANSWER_MS = 5_000;

interface Run {
  load: Load;
  latenciesMs: number[];
  /** When the last of them was counted. */
  countedMs: number;
  failed: number;
  failure: string | null;
}

/** A connection that is made again where the server closed it; that costs the call which needs it. Null: it broke. */
function keepConnected(port: number, request: Buffer, expected: () => Buffer | null) {
  let client: Client | null = null;
  let answered: (answer: Answer | null) => void = () => undefined;
  const close = () => {
    client?.close();
    client = null;
  };
  const connect = () =>
    openClient({
      port,
      expected,
      onAnswer(answer) {
        if (answer.closes) close();
        answered(answer);
      },
      onEnd() {
        client = null;
        answered(null);
      },
    });
  const ask = async (): Promise<Answer | null> => {
    try {
      client ??= await connect();
    } catch {
      return null;
    }
    return new Promise((resolve) => {
      answered = resolve;
      client!.send(request);
    });
  };
  return { ask, close };
}

/** One caller: has one answer checked thoroughly, then calls and calls; every answer must equal the first. */
function makeLane(run: Run, n: number) {
  const { workload, ports, path, bearers, filtered } = run.load;
  const id = n + 1;
  const request = requestBytes(path, bearers[n % bearers.length]!, messageOf(workload, id));
  let first: Answer | null = null;
  const { ask, close } = keepConnected(ports[n % ports.length]!, request, () => first?.body ?? null);
  const fail = (answer: Answer | null, why?: string) => {
    run.failed += 1;
    const said = answer && `${answer.status}: ${answer.body?.toString('utf8', 0, 300)}`;
    run.failure ??= why ?? said ?? 'the connection was closed';
  };

  /** False where three attempts had no good answer. */
  async function check(): Promise<boolean> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const answer = await ask();
      const text = answer?.body?.toString() ?? '';
      const wrong = answer && wrongWith(workload, { status: answer.status, text, id, filtered });
      if (answer && wrong === null) {
        first = answer;
        return true;
      }
      fail(answer, wrong ?? undefined);
      await sleep(200);
    }
    return false;
  }

  /** An answer that comes after that time is waited for and not counted, unless it is the only one: a starved cell has a rate too. */
  async function callUntil(untilMs: number): Promise<void> {
    for (;;) {
      const sentMs = performance.now();
      const answer = await ask();
      const nowMs = performance.now();
      const isLate = nowMs >= untilMs;
      if (isLate && run.latenciesMs.length > 0) return;
      if (answer?.status === first!.status && answer.body === null) {
        run.latenciesMs.push(nowMs - sentMs);
        run.countedMs = nowMs;
      } else fail(answer);
      if (isLate) return;
    }
  }
  return { check, callUntil, close };
}

async function measure(load: Load): Promise<Measured> {
  const run: Run = { load, latenciesMs: [], countedMs: 0, failed: 0, failure: null };
  const lanes = Array.from({ length: load.connections }, (_, n) => makeLane(run, n));
  const sound = await Promise.all(lanes.map(({ check }) => check()));
  const startedMs = performance.now();
  const untilMs = startedMs + load.ms;
  const all = Promise.all(lanes.map((lane, n) => (sound[n] ? lane.callUntil(untilMs) : Promise.resolve())));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), load.ms + LAST_ANSWER_MS);
  });
  if ((await Promise.race([all, late])) === 'late') {
    run.failed += 1;
    run.failure ??= 'a call was not answered within five seconds';
  }
  clearTimeout(timer);
  for (const { close } of lanes) close();
  const sorted = Float64Array.from(run.latenciesMs).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return {
    calls: sorted.length,
    failed: run.failed,
    failure: run.failure,
    perSecond: (sorted.length * 1_000) / Math.max(load.ms, run.countedMs - startedMs),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

obey({ measure, hold, release, attack });
