// A process that answers like an Asana of no cost: answers are made beforehand, only the id of the request is put in.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { recordedTools } from '@/lib/catalogue/recorded-tools';
import { obey } from './children';
import { JUNK_PATH, TOOLS } from './workloads';

interface Asked {
  id?: unknown;
  method: string;
  params?: { name?: string; _meta?: { progressToken?: unknown } };
}

/** What follows the id of an answer. */
const rest = (member: 'result' | 'error', value: unknown) =>
  Buffer.from(`,${JSON.stringify({ [member]: value }).slice(1)}`);
const textResult = (text: string) => rest('result', { content: [{ type: 'text', text }] });

const task = {
  data: {
    gid: '1201234567890123',
    name: 'Prepare the quarterly review',
    notes: 'Numbers from finance, three slides at most, and the list of what slipped. '.repeat(7),
    assignee: { gid: '1201234567890001', name: 'Ana' },
    due_on: '2026-12-01',
    completed: false,
    projects: [{ gid: '1201234567890124', name: 'Reviews' }],
  },
};
const TASK = textResult(JSON.stringify(task));
const LIST = rest('result', { tools: recordedTools() });
const HUGE = textResult(`{"data":[{"gid":"1","text":"${'x'.repeat(15.9 * 1024 * 1024)}"}]}`);
const UNKNOWN = rest('error', { code: -32602, message: `Unknown tool: ${TOOLS.refused}` });
const OPENED = rest('result', {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {} },
  serverInfo: { name: 'upstream', version: '1' },
});
const JUNK = Buffer.from(
  JSON.stringify({
    error: 'invalid_token',
    error_description: 'This agent token is mistyped or cut off: its checksum does not fit',
  }),
);
const JSON_TYPE = 'application/json';

/** Where it listens, and the sizes of its answers without their ids. */
export interface Upstream {
  port: number;
  tools: number;
  listBytes: number;
  taskBytes: number;
}

/** Each with the event that would end it. */
const streams = new Map<ServerResponse, string>();
setInterval(() => {
  for (const stream of streams.keys()) stream.write(': keep-alive\n\n');
}, 10_000).unref();

function answer(response: ServerResponse, asked: Asked): unknown {
  const head = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(asked.id)}`);
  const json = (tail: Buffer) => send(response, 200, Buffer.concat([head, tail]));
  if (asked.method === 'tools/list') return json(LIST);
  if (asked.method === 'initialize') return json(OPENED);
  if (asked.method !== 'tools/call') return response.writeHead(202).end();
  switch (asked.params?.name) {
    case TOOLS.json:
      return json(TASK);
    case TOOLS.events:
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return response.end(`event: message\ndata: ${head.toString()}${TASK.toString()}\n\n`);
    case TOOLS.huge:
      return json(HUGE);
    case TOOLS.endless:
      return endless(response, asked.params._meta?.progressToken, `${head.toString()}${TASK.toString()}`);
    default:
      return json(UNKNOWN);
  }
}

function endless(response: ServerResponse, progressToken: unknown, final: string): void {
  const params = { progressToken, progress: 1, message: 'begun' };
  const event = { jsonrpc: '2.0', method: 'notifications/progress', params };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`event: message\ndata: ${JSON.stringify(event)}\n\n`);
  streams.set(response, `event: message\ndata: ${final}\n\n`);
  response.on('close', () => streams.delete(response)).on('error', () => undefined);
}

function send(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, { 'content-type': JSON_TYPE, 'content-length': body.length });
  response.end(body);
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === JUNK_PATH) return send(response, 401, JUNK);
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    return void answer(response, JSON.parse(body.toString()) as Asked);
  });
});
server.keepAliveTimeout = 65_000;
server.maxConnections = 20_000;

obey({
  serve: () =>
    new Promise<Upstream>((resolve) => {
      server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
        resolve({
          port: (server.address() as AddressInfo).port,
          tools: recordedTools().length,
          listBytes: LIST.length,
          taskBytes: TASK.length,
        }),
      );
    }),
  /** Ends the streams that are open, each with its answer: one cut off would look like an outage. */
  endStreams() {
    for (const [stream, final] of streams) stream.end(final);
  },
});
