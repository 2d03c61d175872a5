// Counters of the gate, once per process; server.ts serves them under /metrics. Labels hold no names, ids or tools (SP-23).
import { Counter, register } from 'prom-client';

function counter(name: string, help: string, labelNames: string[]): Counter {
  return (register.getSingleMetric(name) as Counter | undefined) ?? new Counter({ name, help, labelNames });
}

const answers = counter('gatehouse_mcp_answers_total', 'Answers of /mcp by HTTP status', ['status']);

/** Counts an answer of /mcp. */
export function countAnswer(status: number): void {
  answers.inc({ status });
}
