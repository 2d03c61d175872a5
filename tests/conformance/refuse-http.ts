// What the fixture answers to a request that is no call yet: a status and a JSON-RPC error without an id.
import type { ServerResponse } from 'node:http';

/** Ends the response; returns null, for callers that have nothing else to give then. */
export function refuseHttp(response: ServerResponse, status: number, message: string, code = -32000): null {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }));
  return null;
}
