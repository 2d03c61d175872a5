// Puts an Authorization header before a server, for MCP's suites, which can send none. Everything else passes as it is: Host and Origin
// (the suites forge them), streams piece by piece, and a connection that ends early on either side.
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Forwarder {
  url: string;
  close(): Promise<void>;
}

/** One exchange as it went over the wire; of long bodies the beginning. */
export interface Exchange {
  sent: { method: string; headers: IncomingHttpHeaders; body: string };
  answered: { status: number; headers: IncomingHttpHeaders; body: string };
}

const MAX_TRACED_CHARS = 4_000;

/** Serves `http://localhost:<port>/mcp` and forwards to `target` with this bearer; `trace` hears every exchange once it is over. */
export async function startForwarder(
  target: string,
  bearer: string,
  trace: (exchange: Exchange) => void = () => undefined,
): Promise<Forwarder> {
  const { hostname, port, pathname } = new URL(target);
  const server = createServer((request, response) => {
    const headers = { ...request.headers, authorization: `Bearer ${bearer}` };
    const upstream = httpRequest(
      { hostname, port, path: pathname, method: request.method, headers },
      (answer) => {
        const answered = collect(answer);
        answer.on('close', () => {
          const { method = '', headers: said } = request;
          trace({
            sent: { method, headers: said, body: sent() },
            answered: { status: answer.statusCode!, headers: answer.headers, body: answered() },
          });
        });
        response.writeHead(answer.statusCode!, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy());
      },
    );
    upstream.on('error', () => response.destroy());
    response.on('close', () => {
      if (!response.writableFinished) upstream.destroy();
    });
    const sent = collect(request);
    request.pipe(upstream);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/mcp`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Listens to a body that passes; returns what it has heard so far. */
function collect(body: IncomingMessage): () => string {
  let text = '';
  body.on('data', (chunk: Buffer) => {
    if (text.length < MAX_TRACED_CHARS) text += chunk.toString();
  });
  return () => text.slice(0, MAX_TRACED_CHARS);
}
