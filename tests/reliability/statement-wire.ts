// A wire to PostgreSQL that breaks at a chosen message: before it is passed on, or when it was carried out and its reply is on the way.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface StatementWire {
  port: number;
  /** Breaks at the nth message from now on, of all connections together. `carriedOut`: it arrives, only its reply is lost. */
  breakAt(nth: number, carriedOut: boolean): void;
  /** Whether it broke since; nothing breaks any more. */
  mend(): boolean;
  close(): Promise<void>;
}

/** Starts one to PostgreSQL on this port of the loopback. */
export async function startStatementWire(port: number): Promise<StatementWire> {
  let left = Infinity;
  let losesReply = false;
  let broke = false;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    const remote = keep(connect(port, '127.0.0.1'));
    let deaf = false;
    client.on('close', () => remote.destroy());
    remote.on('close', () => client.destroy());
    client.on('data', (bytes) => {
      left -= 1;
      if (left === 0) {
        broke = true;
        deaf = true;
        if (!losesReply) return void client.destroy();
      }
      remote.write(bytes);
    });
    // By its reply PostgreSQL says that it has carried the message out.
    remote.on('data', (bytes) => (deaf ? client.destroy() : client.write(bytes)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    breakAt(nth, carriedOut) {
      [left, losesReply, broke] = [nth, carriedOut, false];
    },
    mend() {
      left = Infinity;
      return broke;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
