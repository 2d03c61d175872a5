// A server that answers whatever a test says, and keeps what it was sent: for answers that the stand-in Asana never gives.
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface OddRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}
export interface OddAnswer {
  status?: number;
  headers?: Record<string, string>;
  /** A value is sent as JSON, a text or bytes as they are. */
  body?: unknown;
}

export async function startOddServer() {
  const requests: OddRequest[] = [];
  const state: { answer: (request: OddRequest) => OddAnswer } = { answer: () => ({}) };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const received = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      requests.push(received);
      const { status = 200, headers: given = {}, body = '' } = state.answer(received);
      response.writeHead(status, { 'content-type': 'application/json', ...given });
      response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    /** What the next requests get. */
    answers(answer: OddAnswer | ((request: OddRequest) => OddAnswer)) {
      requests.length = 0;
      state.answer = typeof answer === 'function' ? answer : () => answer;
    },
    close() {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
