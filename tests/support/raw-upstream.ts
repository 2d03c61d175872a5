// An Asana that answers with whatever bytes a test likes. It opens sessions like a plain server; every other request is the test's.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UpstreamRequest {
  httpMethod: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** The JSON-RPC message, where there was one. */
  message: { id?: string; method?: string; params?: any };
}

export type Answering = (response: ServerResponse, request: UpstreamRequest) => unknown;

export interface RawUpstream {
  /** For `ASANA_MCP_URL`. */
  url: string;
  requests: UpstreamRequest[];
  /** Requests of one JSON-RPC method. */
  of(method: string): UpstreamRequest[];
  /** Answers every request from now on but `initialize` and notifications. */
  answer(answering: Answering): void;
  /** Answers `initialize` too. */
  answerAll(answering: Answering): void;
  /** How many connections were made to it. */
  connections: number;
  close(): Promise<void>;
}

export async function startRawUpstream(): Promise<RawUpstream> {
  const requests: UpstreamRequest[] = [];
  let answering: Answering = (response) => response.destroy();
  let opensSessions = true;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { method, url, headers } = request;
      const message = body === '' ? {} : (JSON.parse(body) as UpstreamRequest['message']);
      const seen = { httpMethod: method ?? '', path: url ?? '', headers, body, message };
      requests.push(seen);
      if (message.method?.startsWith('notifications/')) return response.writeHead(202).end();
      if (message.method === 'initialize' && opensSessions)
        return answerJson(response, { jsonrpc: '2.0', id: message.id, result: OPENED });
      return void answering(response, seen);
    });
  });
  const upstream: RawUpstream = {
    url: '',
    requests,
    of: (method) => requests.filter(({ message }) => message.method === method),
    answer(next) {
      opensSessions = true;
      answering = next;
    },
    answerAll(next) {
      opensSessions = false;
      answering = next;
    },
    connections: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on('connection', () => (upstream.connections += 1));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  upstream.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/mcp`;
  return upstream;
}

const OPENED = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {} },
  serverInfo: { name: 'raw', version: '0' },
};

/** A JSON answer with a length. */
export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Begins an event stream; write the events to the response. */
export function beginEvents(response: ServerResponse, contentType = 'text/event-stream'): ServerResponse {
  response.writeHead(200, { 'content-type': contentType });
  response.flushHeaders();
  return response;
}

/** One event. */
export const eventOf = (message: unknown): string =>
  `event: message\ndata: ${typeof message === 'string' ? message : JSON.stringify(message)}\n\n`;
