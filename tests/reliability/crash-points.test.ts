// A gate that is killed at each step of a call: what reached the sandbox is on record, and what has no outcome reads unknown as soon as
// anybody looks. Needs real processes, so it belongs to the full run.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { closeDatabase } from '@/lib/db';
import { until } from '../support/gate';
import { settle, type People } from './clients';
import { startCluster, type Cluster } from './cluster';

let cluster: Cluster;
let people: People;
let administrator: pg.Client;

beforeAll(async () => {
  cluster = await startCluster(1);
  people = await settle(cluster);
  administrator = new pg.Client({ connectionString: cluster.postgres.url });
  await administrator.connect();
}, 120_000);
afterAll(async () => {
  await administrator.end();
  await closeDatabase();
  await cluster.close();
}, 60_000);

const arrivals = () => cluster.sandbox.log.entries.filter(({ rpc }) => rpc?.method === 'tools/call');

const records = async () =>
  (await searchAudit(people.organizationId, { kind: 'call', tool: 'search_tasks' }, { limit: 100 })).records;

/** Posts a call and gives back what becomes of it: its status, or that the connection broke. */
function search(): Promise<number | 'broken'> {
  const [member] = cluster.members;
  return fetch(member!.url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${people.steady[0]!.bearer.token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
      params: { name: 'search_tasks', arguments: { text: 'anything' } },
    }),
  }).then(
    ({ status }) => status,
    () => 'broken' as const,
  );
}

describe('AU-04 a gate that is killed', () => {
  /** What a call adds that is killed where `killNow` resolves: what was heard of it, how often it arrived, how it is shown. */
  async function killedAt(
    killNow: () => Promise<void>,
    { prepare = () => {}, undo }: { prepare?: () => void; undo: () => Promise<void> | void },
  ) {
    await until(async () => (await search()) === 200);
    const [recordsBefore, arrivalsBefore] = [(await records()).length, arrivals().length];
    prepare();
    const pending = search();
    await killNow();
    await cluster.members[0]!.kill();
    await undo();
    const heard = await pending;
    const added = (await records()).slice(0, (await records()).length - recordsBefore);
    const counts = {
      heard,
      arrived: arrivals().length - arrivalsBefore,
      shown: added.map(({ outcome }) => outcome),
    };
    await cluster.members[0]!.start();
    // A restart neither repairs nor forges anything.
    expect((await records()).find(({ id }) => id === added[0]?.id)?.outcome).toBe(added[0]?.outcome);
    return counts;
  }

  const lock = async () => {
    await administrator.query('BEGIN');
    await administrator.query('LOCK TABLE audit_records IN SHARE ROW EXCLUSIVE MODE');
  };
  const unlock = async () => void (await administrator.query('ROLLBACK'));
  const arrived = async () => {
    const count = arrivals().length;
    await until(() => arrivals().length > count);
  };

  test('before its record: nothing is on record and nothing was sent', async () => {
    await until(async () => (await search()) === 200);
    await lock();
    const before = arrivals().length;
    const pending = search();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await cluster.members[0]!.kill();
    expect(await pending).toBe('broken');
    await unlock();
    expect(arrivals().length).toBe(before);
    await cluster.members[0]!.start();
  }, 60_000);

  test('after its record, before it was sent: it reads unknown and never arrived', async () => {
    const { toAsana } = cluster.members[0]!;
    const count = (await records()).length;
    // One more than the call that killedAt makes beforehand.
    const recorded = async () => void (await until(async () => (await records()).length > count + 1));
    const seen = await killedAt(recorded, {
      prepare: () => toAsana.freeze(),
      async undo() {
        await toAsana.cut();
        await toAsana.restore();
      },
    });
    expect(seen).toEqual({ heard: 'broken', arrived: 0, shown: ['unknown'] });
  }, 60_000);

  test('while Asana works on it: it arrived once, and reads unknown', async () => {
    const count = arrivals().length;
    // Killed when it has arrived, after the one that killedAt makes beforehand.
    const arrivedToo = async () => void (await until(() => arrivals().length > count + 1));
    const seen = await killedAt(arrivedToo, {
      prepare: () => cluster.sandbox.set({ latencyMs: 1_000 }),
      undo: () => cluster.sandbox.set({ latencyMs: 0 }),
    });
    expect(seen).toEqual({ heard: 'broken', arrived: 1, shown: ['unknown'] });
  }, 60_000);

  test('after the answer, before the outcome: the agent has its result, and the record reads unknown', async () => {
    await until(async () => (await search()) === 200);
    const before = (await records()).length;
    cluster.sandbox.set({ latencyMs: 500 });
    const wait = arrived();
    const answered = search();
    await wait;
    await lock();
    cluster.sandbox.set({ latencyMs: 0 });
    expect(await answered).toBe(200);
    await cluster.members[0]!.kill();
    await unlock();
    const after = await records();
    expect(after.length).toBe(before + 1);
    expect(after[0]).toMatchObject({ decision: 'allow', outcome: 'unknown' });
    await cluster.members[0]!.start();
  }, 60_000);
});
