// Asks this very process as an agent would, over its own port: what a drill checks is what agents meet.
import { request, type ClientRequest } from 'node:http';
import { env } from '../env';
import { META, MODERN_VERSION } from '../gateway/era';

/** Where this process listens. */
export interface OwnGate {
  host: string;
  port: number;
}

const TIMEOUT_MS = 3_000;

/** The status of a ping with this token: 200 where it is good, 401 where it is refused. A ping is on no record. */
export async function statusOfPing(gate: OwnGate, token: string): Promise<number> {
  const { response, sent } = await send(gate, token, { jsonrpc: '2.0', id: 1, method: 'ping' });
  response.resume();
  sent.destroy();
  return response.statusCode ?? 0;
}

/** A stream of Gatehouse's own; `isOver` once it ended, from whichever side. */
export interface OwnStream {
  status: number;
  isOver: boolean;
  leave(): void;
}

/** Opens one (`subscriptions/listen`, MCP 2026-07-28), and resolves with its first event. Rejects where none comes in three seconds. */
export async function openOwnStream(gate: OwnGate, token: string): Promise<OwnStream> {
  const method = 'subscriptions/listen';
  const _meta = {
    [`${META}protocolVersion`]: MODERN_VERSION,
    [`${META}clientInfo`]: { name: 'gatehouse drill', version: '1' },
    [`${META}clientCapabilities`]: {},
  };
  const params = { notifications: { toolsListChanged: true }, _meta };
  const { response, sent } = await send(
    gate,
    token,
    { jsonrpc: '2.0', id: 1, method, params },
    { 'mcp-protocol-version': MODERN_VERSION, 'mcp-method': method },
  );
  const stream: OwnStream = { status: response.statusCode ?? 0, isOver: false, leave: () => sent.destroy() };
  // Its end is what is waited for: a reset is one too.
  response.on('error', () => undefined);
  sent.on('error', () => undefined);
  response.on('close', () => {
    stream.isOver = true;
  });
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no first event')), TIMEOUT_MS);
    late.unref();
    response.once('data', () => {
      clearTimeout(late);
      resolve();
    });
    response.once('close', () => {
      clearTimeout(late);
      reject(new Error('the stream ended at once'));
    });
  });
  return stream;
}

function send(gate: OwnGate, token: string, message: object, headers: Record<string, string> = {}) {
  const body = JSON.stringify(message);
  return new Promise<{ response: import('node:http').IncomingMessage; sent: ClientRequest }>(
    (resolve, reject) => {
      const sent = request(
        {
          ...{ host: gate.host, port: gate.port, method: 'POST', path: '/mcp', agent: false },
          headers: {
            ...{ host: new URL(env().GATEHOUSE_URL).host, authorization: `Bearer ${token}` },
            ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
            'content-length': Buffer.byteLength(body),
            ...headers,
          },
        },
        (response) => {
          sent.setTimeout(0);
          resolve({ response, sent });
        },
      );
      sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error('no answer')));
      sent.on('error', reject);
      sent.end(body);
    },
  );
}
