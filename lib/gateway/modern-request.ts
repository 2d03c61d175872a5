// A request of the modern era for Asana (MCP 2026-07-28): `_meta` and headers of our own making. What the agent said of itself goes up
// only as far as the caller's groups open what follows from it. Pure.
import type { Json, JsonObject } from './decode';
import { META, metaOf, MODERN_VERSION } from './era';
import { encodeHeaderValue, nameIn } from './headers-agree';
import { rebuild, type Message } from './message';

/** Members of `_meta` that are the request's own in either era: its progress token, and W3C trace context. */
const KEPT = ['progressToken', 'traceparent', 'tracestate', 'baggage'];

/** What an Asana may ask of a client, which the family `client_requests` opens. */
const ASKED_OF_CLIENTS = ['elicitation', 'sampling', 'roots'];

/** What the agent can be asked and its groups let Asana ask; nothing unless the family is open. */
export function declaredCapabilities(meta: JsonObject, families: readonly string[]): JsonObject {
  return relayedCapabilities(meta.get(`${META}clientCapabilities`), families);
}

/** The same of what an agent of either era says of itself. */
export function relayedCapabilities(said: Json | undefined, families: readonly string[]): JsonObject {
  if (!(said instanceof Map) || !families.includes('client_requests')) return new Map();
  return new Map([...said].filter(([name]) => ASKED_OF_CLIENTS.includes(name)));
}

/** The `_meta` of a request of the modern era. */
export function modernMeta(meta: JsonObject, families: readonly string[]): JsonObject {
  const made: JsonObject = new Map<string, Json>([
    [`${META}protocolVersion`, MODERN_VERSION],
    [`${META}clientInfo`, new Map(Object.entries({ name: 'gatehouse', version: '1' }))],
    [`${META}clientCapabilities`, declaredCapabilities(meta, families)],
  ]);
  const level = wantedLevel(meta, families);
  if (level !== null) made.set(`${META}logLevel`, level);
  return new Map([...made, ...keptMeta(meta)]);
}

/** The `_meta` of the same request where Asana speaks the older era only. */
export function keptMeta(meta: JsonObject): JsonObject {
  return new Map([...meta].filter(([name]) => KEPT.includes(name)));
}

/** From the least important on (MCP, logging; RFC 5424). */
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** Whether it is a level of log messages. */
export function isLevel(level: unknown): level is string {
  return typeof level === 'string' && LEVELS.includes(level);
}

/** From which level on the agent asked for log messages and may have them; null: none. */
export function wantedLevel(meta: JsonObject, families: readonly string[]): string | null {
  const level = meta.get(`${META}logLevel`);
  return isLevel(level) && families.includes('logging') ? level : null;
}

/** Whether a message of this level is at least as important as `wanted`. */
export function isHeard(level: unknown, wanted: string | null): boolean {
  return wanted !== null && typeof level === 'string' && LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}

export interface ModernRequest {
  body: string;
  headers: Record<string, string>;
}

/** The request for Asana; `paramHeaders`: of `paramHeadersFor`. */
export function modernRequest(
  message: Message,
  callId: string,
  by: {
    families: readonly string[];
    paramHeaders: Record<string, string>;
    /** Members of params that take the place of the agent's. */
    instead?: ReadonlyMap<string, Json>;
  },
): ModernRequest {
  const name = nameIn(message);
  const meta = modernMeta(metaOf(message), by.families);
  return {
    body: rebuild(message, callId, new Map<string, Json>([...(by.instead ?? []), ['_meta', meta]])),
    headers: {
      'mcp-method': message.method,
      ...(typeof name === 'string' ? { 'mcp-name': encodeHeaderValue(name) } : {}),
      ...by.paramHeaders,
    },
  };
}

/** The same request where Asana speaks the older era only. */
export function bridgedRequest(message: Message, callId: string): string {
  return rebuild(message, callId, new Map<string, Json>([['_meta', keptMeta(metaOf(message))]]));
}
