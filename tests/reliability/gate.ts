// One gate as a process of its own: what server.ts starts and stops, without the pages and the authorization server. It carries out
// an admin's changes too, so that a kill can meet them half-way.
import { createServer } from 'node:http';
import { startRefreshSweep } from '@/lib/asana/refresh-sweep';
import { startRevocationWorker } from '@/lib/asana/revoke';
import type { Actor } from '@/lib/audit/append';
import { startChainer } from '@/lib/audit/chain';
import { openDatabase } from '@/lib/database/open-database';
import { closeDatabase, transaction } from '@/lib/db';
import { drainOf } from '@/lib/drain';
import { AppError } from '@/lib/errors';
import { stopWatching } from '@/lib/gateway/open-streams';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { serveMcp } from '@/lib/gateway/serve-mcp';
import { replaceGroup, type GroupContent } from '@/lib/people/groups';
import { mintAgentToken, revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { checkKeyRing } from '@/lib/vault/vault';

type Person = Actor & { memberId: string };
const ORDERS = {
  replaceGroup: async (actor: Actor, slug: string, content: GroupContent) => {
    await transaction((tx) => replaceGroup(tx, actor, slug, content, null));
  },
  mint: (actor: Person, name: string) => transaction((tx) => mintAgentToken(tx, actor, { name })),
  revoke: (actor: Person, id: string) => transaction((tx) => revokeAgentToken(tx, actor, id)),
};

export type Orders = typeof ORDERS;
/** An order, and what is heard of it: what it gave, or why it failed (`code` of an `AppError`). */
export type Order = { n: number; order: keyof Orders; given: unknown[] };
export type Obeyed = { n: number; gave?: unknown; failed?: string };

async function obey({ n, order, given }: Order): Promise<Obeyed> {
  try {
    return { n, gave: await (ORDERS[order] as (...given: unknown[]) => Promise<unknown>)(...given) };
  } catch (error) {
    return { n, failed: error instanceof AppError ? error.code : String(error) };
  }
}

async function run(port: number): Promise<void> {
  const database = await openDatabase(() => undefined);
  await checkKeyRing();
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      connectionsCheckingInterval: 2_000,
    },
    (request, response) => {
      drain.watch(response);
      void serveMcp(request, response);
    },
  );
  const drain = drainOf(server, 0);
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const stopChainer = startChainer();
  const stopRevocations = startRevocationWorker({ intervalMs: 5_000 });
  const stopRefreshSweep = startRefreshSweep({ intervalMs: 5_000 });

  process.on('message', (order: Order) => void obey(order).then((obeyed) => process.send?.(obeyed)));
  process.on('disconnect', () => process.exit(1));
  process.once('SIGTERM', () => {
    void drain
      .end()
      .then(() => Promise.all([stopChainer(), stopRevocations(), stopRefreshSweep()]))
      .then(stopWatching)
      .then(() => flushOutcomes({ withinMs: 5_000 }))
      .then(closeDatabase)
      .then(() => database.close())
      .then(() => process.exit(0));
  });
  process.send?.({ ready: true });
}

await run(Number(process.argv[2]));
