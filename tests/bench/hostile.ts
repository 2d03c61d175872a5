// How far one hostile request drives a gate's memory up: each kind a few times, one at a time, from a settled process; the worst counts.
import { setTimeout as sleep } from 'node:timers/promises';
import { runLoad } from './cells';
import { forgetPeak, residentMiB } from './process-usage';
import type { Setting } from './setting';
import { TOOLS } from './workloads';

export interface Rise {
  kind: string;
  /** What the gate answered, each different status once; 0 is a closed connection. */
  statuses: number[];
  /** MiB of resident memory at most above what it was before. */
  peakMiB: number;
  /** MiB that stayed after the request was over. */
  keptMiB: number;
}

/** One hostile request as the load generator sends it. */
export interface Attack {
  port: number;
  bearer: string;
  body: string;
  /** Bytes of the body that are held back and never come; after `waitMs` the sender leaves. */
  withheld: number;
  waitMs: number;
}

const TIMES = 3;
const BODY_BYTES = 4 * 1024 * 1024;

const whole = (args: string, name: string = TOOLS.json) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":${args}}}`;

function manyKeys(): string {
  const keys: string[] = [];
  for (let n = 0, bytes = 300; bytes < BODY_BYTES; n += 1) {
    const key = `"k${n}":1`;
    keys.push(key);
    bytes += key.length + 1;
  }
  return whole(`{${keys.slice(0, -1).join(',')}}`);
}

const DEPTH = (BODY_BYTES - 1_000) / 2;
const KINDS: Record<string, () => Pick<Attack, 'body' | 'withheld' | 'waitMs'>> = {
  '4 MiB body of many keys': () => ({ body: manyKeys(), withheld: 0, waitMs: 10_000 }),
  '4 MiB body of nested arrays': () => ({
    body: whole(`{"a":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}`),
    withheld: 0,
    waitMs: 10_000,
  }),
  '4 MiB body that stops before its end': () => ({
    body: whole(`{"a":"${'x'.repeat(BODY_BYTES - 1_000)}"}`),
    withheld: 1_000,
    waitMs: 1_000,
  }),
  '16 MiB answer': () => ({ body: whole('{}', TOOLS.huge), withheld: 0, waitMs: 10_000 }),
};

/** Sends each kind to the first gate, which has worked before. */
export async function measureHostile(setting: Setting): Promise<Rise[]> {
  const gate = setting.gates[0]!;
  await runLoad(setting, 'gate', { workload: 'call', connections: 16, ms: 1_000 });
  const rises: Rise[] = [];
  for (const [kind, make] of Object.entries(KINDS)) {
    const rise: Rise = { kind, statuses: [], peakMiB: 0, keptMiB: 0 };
    const attack: Attack = { port: gate.port, bearer: setting.bearers[0]!, ...make() };
    for (let n = 0; n < TIMES; n += 1) {
      await gate.tell('collect');
      const before = residentMiB(gate.pid).now;
      forgetPeak(gate.pid);
      const { status } = await setting.load.tell<{ status: number }>('attack', attack);
      await sleep(100);
      const { peak } = residentMiB(gate.pid);
      await gate.tell('collect');
      if (!rise.statuses.includes(status)) rise.statuses.push(status);
      rise.peakMiB = Math.max(rise.peakMiB, peak - before);
      rise.keptMiB = Math.max(rise.keptMiB, residentMiB(gate.pid).now - before);
    }
    rises.push(rise);
  }
  return rises;
}
