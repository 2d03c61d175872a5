// What an idle stream costs: agents whose call is answered by an event stream that says one thing and then only keeps alive. Two
// sockets each, one to the agent and one to the upstream, are part of it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Held } from './hold-streams';
import { residentMiB } from './process-usage';
import type { Setting } from './setting';

export interface StreamCost {
  asked: number;
  /** How many got their first event. */
  open: number;
  /** What the first that did not was answered. */
  refusal: string | null;
  residentMiB: number;
  /** kB (1,000 bytes) of resident memory a stream more than without any. */
  kBEach: number;
}

export interface Streams {
  costs: StreamCost[];
  beforeMiB: number;
  /** Resident memory after all of them ended. */
  afterMiB: number;
}

/** Opens streams at the first gate, counts by count, and measures its memory once it has settled. */
export async function measureStreams(
  { gates, load, upstream, streamBearers }: Setting,
  counts: number[],
): Promise<Streams> {
  const gate = gates[0]!;
  const settled = async () => {
    await sleep(500);
    await gate.tell('collect');
    return residentMiB(gate.pid).now;
  };
  // Every token and session is used once before, so that what belongs to them is not counted as the streams'.
  await load.tell<Held>('hold', { port: gate.port, bearers: streamBearers, total: streamBearers.length });
  await load.tell('release');
  await upstream.tell('endStreams');
  const beforeMiB = await settled();
  const costs: StreamCost[] = [];
  for (const asked of counts) {
    const { open, refusal } = await load.tell<Held>('hold', {
      port: gate.port,
      bearers: streamBearers,
      total: asked,
    });
    const resident = await settled();
    const kBEach = ((resident - beforeMiB) * 1_048.576) / open;
    costs.push({ asked, open, refusal, residentMiB: resident, kBEach });
  }
  await load.tell('release');
  await upstream.tell('endStreams');
  return { costs, beforeMiB, afterMiB: await settled() };
}
