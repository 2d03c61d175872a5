// What goes wrong in a torture run: one thing after another, chosen by the seed, each undone before the next (a paused process is left
// alone meanwhile, for it may take longer than a lease). Clocks are not stepped: they are the machine's, not ours.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Member } from './cluster';
import { now } from './history';
import type { Random } from './random';

interface Scene {
  cluster: Cluster;
  random: Random;
  /** Paused processes, and what wakes them. */
  asleep: Set<Promise<void>>;
}

type Deed = (scene: Scene, member: Member) => Promise<void>;

/** Longer than the lease on a refresh (15 s), so that its holder comes back too late. */
const PAST_LEASE_MS = 16_500;
/** How long a killed PostgreSQL's orphans may still answer. */
const LAST_WORDS_MS = 60;

const WITHOUT = 'without database';

const killGate: Deed = async ({ random }, member) => {
  await member.kill();
  await sleep(random.below(1_000));
  await member.start();
};

const pauseGate: Deed = async ({ cluster, random, asleep }, member) => {
  const forMs = random.chance(0.2) ? PAST_LEASE_MS + random.below(2_000) : 1_000 + random.below(3_000);
  const nap = cluster
    .during('paused', member, async () => {
      member.pause(true);
      await sleep(forMs);
      member.pause(false);
      // What piled up meanwhile is worked off first.
      await sleep(1_000);
    })
    .finally(() => asleep.delete(nap));
  asleep.add(nap);
  await sleep(random.below(1_000));
};

const killPostgres: Deed = async ({ cluster, random }) => {
  cluster.postgres.kill(random.chance(0.5));
  await sleep(LAST_WORDS_MS);
  await cluster.during(WITHOUT, null, async () => {
    await sleep(random.below(2_500));
    await cluster.postgres.start();
  });
};

const restartPostgres: Deed = async ({ cluster, random }) => {
  await cluster.postgres.stop();
  await cluster.during(WITHOUT, null, async () => {
    await sleep(random.below(1_000));
    await cluster.postgres.start();
  });
};

const holdPostgres: Deed = ({ cluster, random }) => {
  cluster.postgres.hold(true);
  return cluster.during(WITHOUT, null, async () => {
    await sleep(500 + random.below(2_500));
    cluster.postgres.hold(false);
  });
};

const cutDatabase: Deed = async ({ cluster, random }, member) => {
  await member.toDatabase.cut();
  await cluster.during(WITHOUT, member, async () => {
    await sleep(300 + random.below(2_700));
    await member.toDatabase.restore();
  });
};

const freezeDatabase: Deed = ({ cluster, random }, member) => {
  member.toDatabase.freeze();
  return cluster.during(WITHOUT, member, async () => {
    await sleep(300 + random.below(2_700));
    await member.toDatabase.restore();
  });
};

const cutAsana: Deed = ({ cluster, random }, member) =>
  cluster.during('cut from Asana', member, async () => {
    if (random.chance(0.5)) member.toAsana.freeze();
    else await member.toAsana.cut();
    await sleep(300 + random.below(1_700));
    await mend(member);
  });

/** Connections that were frozen stay dead, so they are broken: what hangs in them is over. */
async function mend({ toAsana }: Member): Promise<void> {
  await toAsana.cut();
  await toAsana.restore();
}

const FAULTS = [
  ...(['500', '502', '503', '429', '403', '404-session', 'hang', 'slow', 'drop-before', 'drop-mid'] as const),
  ...(['drop-after', 'nonsense', 'wrong-id', 'no-answer', 'byte-by-byte'] as const),
];

const ailAsana: Deed = ({ cluster, random }) => {
  const fault = random.pick(FAULTS);
  return cluster.during(`Asana: ${fault}`, null, async () => {
    cluster.sandbox.set({ mcpFault: fault, slowMs: 800 });
    await sleep(200 + random.below(1_300));
    cluster.sandbox.set({ mcpFault: null });
    // What hangs would do so for a minute.
    if (fault === 'hang') await Promise.all(cluster.members.map(mend));
  });
};

const expireTokens: Deed = ({ cluster, random }) =>
  cluster.during('access tokens end', null, async () => {
    if (random.chance(0.4))
      cluster.sandbox.set({ tokenFault: random.pick(['503', 'drop-before', 'slow'] as const) });
    cluster.sandbox.expireAccessTokensNow();
    await sleep(500 + random.below(1_000));
    cluster.sandbox.set({ tokenFault: null });
  });

const rollingRestart: Deed = async ({ cluster }) => {
  for (const member of serving(cluster)) {
    await cluster.during('stopping', member, () => member.stop());
    await member.start();
  }
};

/** A machine that goes down: PostgreSQL and a gate at once. */
const killBoth: Deed = async ({ cluster, random }, member) => {
  cluster.postgres.kill(true);
  await member.kill();
  const started = sleep(random.below(500)).then(() => member.start());
  await cluster.during(WITHOUT, null, async () => {
    await sleep(random.below(500));
    await cluster.postgres.start();
  });
  await started;
};

/** As often as they stand here. */
const DEEDS: [name: string, deed: Deed][] = [
  ['kill -9 a gate', killGate],
  ['kill -9 a gate', killGate],
  ['pause a gate', pauseGate],
  ['kill -9 PostgreSQL', killPostgres],
  ['kill -9 PostgreSQL', killPostgres],
  ['restart PostgreSQL', restartPostgres],
  ['hold PostgreSQL still', holdPostgres],
  ['cut a gate from PostgreSQL', cutDatabase],
  ['freeze a gate\u2019s wire to PostgreSQL', freezeDatabase],
  ['cut a gate from Asana', cutAsana],
  ['Asana fails', ailAsana],
  ['Asana fails', ailAsana],
  ['Asana fails', ailAsana],
  ['access tokens end', expireTokens],
  ['rolling restart', rollingRestart],
  ['kill -9 PostgreSQL and a gate', killBoth],
];

const serving = ({ members }: Cluster) => members.filter(({ state }) => state === 'serving');

/** Does one thing after the other until the time is over; returns how often each was done. */
export async function torture(
  cluster: Cluster,
  random: Random,
  { untilMs, report }: { untilMs: number; report: (line: string) => void },
): Promise<Record<string, number>> {
  const scene: Scene = { cluster, random, asleep: new Set() };
  const done: Record<string, number> = {};
  // Every kind once before any comes twice by chance: a short run meets them all.
  let bag: typeof DEEDS = [];
  while (now() < untilMs) {
    const awake = serving(cluster);
    if (awake.length === 0) {
      await sleep(100);
      continue;
    }
    if (bag.length === 0) bag = [...DEEDS];
    const [[name, deed]] = bag.splice(random.below(bag.length), 1) as [(typeof DEEDS)[number]];
    const member = random.pick(awake);
    report(`${name} (${cluster.members.indexOf(member)})`);
    done[name] = (done[name] ?? 0) + 1;
    await deed(scene, member);
    await sleep(200 + random.below(600));
  }
  await Promise.all(scene.asleep);
  return done;
}

/** Kills a gate or PostgreSQL (or both) at a random moment, `rounds` times; the next round begins when it serves again. */
export async function killRounds(
  cluster: Cluster,
  random: Random,
  { rounds, report }: { rounds: number; report: (line: string) => void },
): Promise<Record<string, number>> {
  const done: Record<string, number> = { gate: 0, PostgreSQL: 0, both: 0 };
  for (let round = 1; round <= rounds; round += 1) {
    await sleep(150 + random.below(700));
    const member = random.pick(cluster.members);
    const victim = random.chance(0.1) ? 'both' : round % 2 === 0 ? 'gate' : 'PostgreSQL';
    report(`round ${round}: kill -9 ${victim}`);
    if (victim !== 'gate') cluster.postgres.kill(random.chance(0.5));
    const killed = victim === 'PostgreSQL' ? null : member.kill();
    await Promise.all([
      killed?.then(() => member.start()),
      victim === 'gate'
        ? undefined
        : sleep(LAST_WORDS_MS).then(() => cluster.during(WITHOUT, null, () => cluster.postgres.start())),
    ]);
    done[victim] = done[victim]! + 1;
  }
  return done;
}
