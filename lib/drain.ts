// The end of a server behind a load balancer: nobody's request is lost, and nobody's stream is cut short without need.
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** By then a stream has had its time; what is still open is cut. */
const MAX_MS = 25_000;
const LOOK_MS = 100;
const QUIET_TURNS = 3;
/** Under an endless rush of connections some moment has to be the last. */
const QUIET_MS_MAX = 2_000;

export interface Drain {
  /** Call it for every request: what is answered from `begin` on ends its connection. */
  watch(response: ServerResponse): void;
  /** Whether the end has begun: a load balancer that asks (/readyz) should go elsewhere. */
  readonly isEnding: boolean;
  /** Resolves when the last connection is gone. */
  end(): Promise<void>;
}

/**
 * A proxy keeps connections and sends its next request on one at any moment, perhaps the one in which we close it; a request that was
 * sent is not sent again. So for `lingerMs` (longer than the proxy keeps an idle connection) everything is served, new connections too,
 * and each answer says `connection: close`, by which the proxy closes it. Only then nobody new is let in.
 */
export function drainOf(server: Server, lingerMs: number): Drain {
  const open = new Set<ServerResponse>();
  let isEnding = false;
  return {
    get isEnding() {
      return isEnding;
    },
    watch(response) {
      if (isEnding) response.shouldKeepAlive = false;
      open.add(response);
      response.once('close', () => open.delete(response));
    },
    async end() {
      isEnding = true;
      for (const response of open) if (!response.headersSent) response.shouldKeepAlive = false;
      const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
      const cut = setTimeout(() => server.closeAllConnections(), lingerMs + MAX_MS).unref();
      if (lingerMs > 0) await sleep(lingerMs);
      if (lingerMs > 0) await nobodyWaits(server);
      // Node's own close would also close idle connections, one of which the proxy may be writing to.
      NetServer.prototype.close.call(server);
      if (lingerMs > 0) await Promise.race([closed, sleep(lingerMs, undefined, { ref: false })]);
      // Kept-alive connections whose last call was in flight just now become idle only afterwards (LD-09).
      const sweep = setInterval(() => server.closeIdleConnections(), LOOK_MS).unref();
      server.closeIdleConnections();
      await closed;
      clearInterval(sweep);
      clearTimeout(cut);
    },
  };
}

/**
 * Until nobody is left whom the kernel has connected and Node has not let in: closing would cut him off, his request perhaps sent. Node
 * lets one in at each turn of the event loop, so turns without anybody say that the backlog is empty.
 */
async function nobodyWaits(server: Server): Promise<void> {
  let quietTurns = 0;
  const busy = () => (quietTurns = 0);
  server.on('connection', busy);
  for (
    const untilMs = performance.now() + QUIET_MS_MAX;
    quietTurns < QUIET_TURNS && performance.now() < untilMs;
  ) {
    quietTurns += 1;
    // Behind the poll phase; nothing may come between the last of them and the close.
    await new Promise((resolve) => setImmediate(resolve));
  }
  server.off('connection', busy);
}
