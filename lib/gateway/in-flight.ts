// Calls in flight: Asana takes only so many through one connection at the same time (lib/policy/limits). Each process has the limit
// divided by the processes that are alive; who finds it used up waits a little, and turns go round between a person's agents.
import { IN_FLIGHT } from '../policy/limits';
import { liveProcesses } from './live-processes';
import { gauge } from './metrics';

/** Where a call goes and who makes it. */
export interface Slot {
  connectionId: string;
  kind: keyof typeof IN_FLIGHT;
  /** Turns go round between these. */
  credentialId: string;
}

/** The calls before this one took too long, or too many wait. Nothing was sent. */
export class NoSlot extends Error {}

const MAX_WAIT_MS = 10_000;
const MAX_WAITING_EACH = 50;
const MAX_WAITING = 200;

interface Lane {
  taken: number;
  waiting: number;
  /** By credential; the first is the next to get a turn. */
  queues: Map<string, (() => void)[]>;
}

const lanes = new Map<string, Lane>();
const sumOf = (what: 'taken' | 'waiting') => [...lanes.values()].reduce((sum, lane) => sum + lane[what], 0);
gauge('gatehouse_calls_in_flight', 'Calls that are at Asana', () => sumOf('taken'));
gauge('gatehouse_calls_waiting_for_asana', 'Calls that wait for a place among those in flight', () =>
  sumOf('waiting'),
);

/** Resolves to what gives the slot back (once; more often does nothing). Throws `NoSlot` within ten seconds. */
export async function takeSlot({ connectionId, kind, credentialId }: Slot): Promise<() => void> {
  const share = Math.max(1, Math.floor(IN_FLIGHT[kind] / (await liveProcesses())));
  const key = `${kind}:${connectionId}`;
  const lane = lanes.get(key) ?? { taken: 0, waiting: 0, queues: new Map() };
  lanes.set(key, lane);
  // Who comes late does not overtake those who wait already.
  if (lane.taken < share && lane.waiting === 0) lane.taken += 1;
  else await turn(lane, credentialId);
  let given = false;
  return () => {
    if (given) return;
    given = true;
    lane.taken -= 1;
    void passOn(key, lane, kind);
  };
}

function turn(lane: Lane, credentialId: string): Promise<void> {
  const queue = lane.queues.get(credentialId) ?? [];
  if (queue.length >= MAX_WAITING_EACH || lane.waiting >= MAX_WAITING)
    throw new NoSlot('too many calls wait');
  lane.queues.set(credentialId, queue);
  lane.waiting += 1;
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer);
      lane.waiting -= 1;
    };
    const called = () => {
      leave();
      lane.taken += 1;
      resolve();
    };
    const timer = setTimeout(() => {
      leave();
      queue.splice(queue.indexOf(called), 1);
      if (queue.length === 0) lane.queues.delete(credentialId);
      reject(new NoSlot('waited too long'));
    }, MAX_WAIT_MS);
    queue.push(called);
  });
}

/** Gives free slots to those who wait, one credential after the other. The share may have changed meanwhile. */
async function passOn(key: string, lane: Lane, kind: Slot['kind']): Promise<void> {
  const share = Math.max(1, Math.floor(IN_FLIGHT[kind] / (await liveProcesses())));
  while (lane.taken < share && lane.waiting > 0) {
    const [credentialId, queue] = lane.queues.entries().next().value!;
    lane.queues.delete(credentialId);
    const called = queue.shift()!;
    if (queue.length > 0) lane.queues.set(credentialId, queue);
    called();
  }
  if (lane.taken === 0 && lane.waiting === 0 && lanes.get(key) === lane) lanes.delete(key);
}
