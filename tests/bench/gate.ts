// A process that is Gatehouse. With BENCH_WHOLE=1 it is server.ts itself, Next included (it must be built); else the gate as server.ts
// serves it: the same HTTP server, the same handler, the chainer and the outcome writer, without Next, the authorization server, the
// revocation worker, the Host check and the path checks, which cost a call a few microseconds.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startChainer } from '@/lib/audit/chain';
import { openDatabase } from '@/lib/database/open-database';
import { serveMcp } from '@/lib/gateway/serve-mcp';
import { obey } from './children';
import { startProfile } from './profile';

async function serve(): Promise<{ port: number }> {
  if (process.env.BENCH_WHOLE === '1') {
    const { start } = await import('../../server');
    const { port } = await start({ report: () => undefined, invite: false });
    return { port };
  }
  await openDatabase(() => undefined);
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      headersTimeout: 10_000,
      requestTimeout: 60_000,
      connectionsCheckingInterval: 2_000,
    },
    (request, response) => void serveMcp(request, response),
  );
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  startChainer();
  return { port: (server.address() as AddressInfo).port };
}

let endProfile: Awaited<ReturnType<typeof startProfile>> | undefined;

obey({
  serve,
  /** Frees what can be freed, until no more is given back, so that what is left is in use. */
  async collect() {
    let last = Infinity;
    for (let n = 0, stable = 0; n < 40 && stable < 4; n += 1) {
      globalThis.gc?.();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const { rss } = process.memoryUsage();
      stable = Math.abs(last - rss) < 262_144 ? stable + 1 : 0;
      last = rss;
    }
  },
  async profile() {
    endProfile = await startProfile();
  },
  endProfile: () => endProfile?.(),
});
