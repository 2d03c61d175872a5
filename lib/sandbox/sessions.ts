// MCP sessions of the stand-in Asana and the event streams that hang on them. A session belongs to the authorization
// that opened it: with anybody else's token it is as unknown as a made-up one.
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setBounded } from '@/lib/sandbox/bounded-map';

export interface Sessions {
  open(grantId: string): string;
  isOpen(id: string, grantId: string): boolean;
  end(id: string): void;
  /** Keeps a GET stream open until its session ends; refuses (false) beyond a thousand streams. */
  attach(id: string | undefined, response: ServerResponse, commentMs: number): boolean;
  /** Sends one message on every open stream. */
  broadcast(message: unknown): void;
  readonly size: number;
  clear(): void;
}

const MAX_SESSIONS = 10_000;
const MAX_STREAMS = 1_000;

export function createSessions(): Sessions {
  /** Session id → the authorization that opened it. */
  const sessions = new Map<string, string>();
  const streams = new Map<ServerResponse, { sessionId: string | undefined; timer: NodeJS.Timeout }>();
  /** Forgets the stream before ending it: nothing may be written to it in between. */
  const drop = (response: ServerResponse) => {
    clearInterval(streams.get(response)?.timer);
    streams.delete(response);
    response.end();
  };
  return {
    open(grantId) {
      const id = randomUUID();
      setBounded(sessions, id, grantId, MAX_SESSIONS);
      return id;
    },
    isOpen: (id, grantId) => sessions.get(id) === grantId,
    end(id) {
      sessions.delete(id);
      for (const [response, { sessionId }] of streams) if (sessionId === id) drop(response);
    },
    attach(sessionId, response, commentMs) {
      if (streams.size >= MAX_STREAMS) return false;
      const timer = setInterval(() => response.write(': still here\n\n'), commentMs);
      timer.unref();
      streams.set(response, { sessionId, timer });
      response.on('close', () => drop(response));
      response.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
      });
      response.write(': open\n\n');
      return true;
    },
    broadcast(message) {
      for (const stream of streams.keys())
        stream.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    },
    get size() {
      return sessions.size;
    },
    clear() {
      sessions.clear();
      for (const response of streams.keys()) drop(response);
    },
  };
}
