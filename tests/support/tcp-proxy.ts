// A wire that a test can cut: TCP relayed to one place until it is told otherwise.
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface TcpProxy {
  port: number;
  /** How long a new connection waits until anything passes on it. */
  delayMs: number;
  /** Refuses new connections and breaks those there are, as a stopped server does. */
  cut(): Promise<void>;
  /** Takes connections and passes nothing on, as a dead network does; those there are stay dead for ever. */
  freeze(): void;
  /** New connections work again. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let frozen = false;
  let server: Server | null = null;

  function relay(client: Socket): void {
    keep(client);
    if (frozen) return;
    if (wire.delayMs > 0) setTimeout(() => join(client), wire.delayMs);
    else join(client);
  }

  function join(client: Socket): void {
    if (client.destroyed) return;
    const remote = keep(connect(target.port, target.host));
    client.on('data', (bytes) => remote.write(bytes)).on('close', () => remote.destroy());
    remote.on('data', (bytes) => client.write(bytes)).on('close', () => client.destroy());
  }

  function keep(socket: Socket): Socket {
    sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  }

  async function listen(port: number): Promise<void> {
    const next = createServer(relay);
    await new Promise<void>((resolve, reject) => {
      next.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    server = next;
  }

  async function cut(): Promise<void> {
    const closed = new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
    server = null;
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  await listen(0);
  const { port } = server!.address() as AddressInfo;
  const wire: TcpProxy = {
    port,
    delayMs: 0,
    cut,
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.removeAllListeners('data').pause();
    },
    async restore() {
      frozen = false;
      if (!server) await listen(port);
    },
    close: cut,
  };
  return wire;
}
