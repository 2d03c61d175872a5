// A process that is the least a proxy in Node can be: it swaps the bearer and pipes bodies through without looking at them. What a
// gate costs is told against it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { obey } from './children';

// As many kept-alive connections as the gate's own agent may have.
const agent = new Agent({ connections: 256, pipelining: 1, keepAliveTimeout: 60_000 });
let origin = '';

const server = createServer((request, response) => {
  const { 'content-type': type, 'content-length': length } = request.headers;
  agent
    .stream(
      {
        origin,
        path: request.url!,
        method: 'POST',
        headers: {
          authorization: 'Bearer of-the-upstream',
          accept: 'application/json, text/event-stream',
          'content-type': type!,
          'content-length': length!,
        },
        body: request,
      },
      ({ statusCode, headers }) => {
        const { 'content-type': answered, 'content-length': size } = headers;
        response.writeHead(statusCode, {
          'content-type': String(answered),
          ...(size === undefined ? {} : { 'content-length': String(size) }),
        });
        return response;
      },
    )
    .catch(() => response.destroy());
});
server.keepAliveTimeout = 65_000;

obey({
  serve: (upstreamPort: number) =>
    new Promise((resolve) => {
      origin = `http://127.0.0.1:${upstreamPort}`;
      server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
        resolve({ port: (server.address() as AddressInfo).port }),
      );
    }),
});
