// Which era of MCP a message belongs to, and what one of the modern era (2026-07-28) must say about itself. Pure.
//
// Headers are checked against the body and decide nothing by themselves: a proxy before us may have looked at them only, and what goes
// on is built from the body (F3).
import type { Era } from '../policy/policy';
import type { Json, JsonObject } from './decode';
import { nameHeaderDiffers } from './headers-agree';
import { LEGACY_VERSIONS } from './initialize';
import type { Message, Refused } from './message';

export const MODERN_VERSION = '2026-07-28';

/** The prefix of the specification's own members of `_meta`. */
export const META = 'io.modelcontextprotocol/';

type ReadHeader = (name: string) => string | undefined;

/** `params._meta`, or an empty object. */
export function metaOf({ params }: Pick<Message, 'params'>): JsonObject {
  const meta = params.get('_meta');
  return meta instanceof Map ? meta : new Map<string, Json>();
}

const isLegacyVersion = (version: unknown) => (LEGACY_VERSIONS as readonly unknown[]).includes(version);

/** `initialize` is of the modern era only where its `_meta` says so: a client that falls back may still send the header. */
export function eraOf(message: Pick<Message, 'method' | 'params'>, header: ReadHeader): Era {
  const said = metaOf(message).get(`${META}protocolVersion`);
  if (said !== undefined && !isLegacyVersion(said)) return 'modern';
  if (message.method === 'initialize') return 'legacy';
  const { method } = message;
  const onlyModern = method === 'server/discover' || method === 'subscriptions/listen';
  return onlyModern || header('mcp-protocol-version') === MODERN_VERSION ? 'modern' : 'legacy';
}

/**
 * What is wrong with a message of the modern era, in the order in which it matters, or null: version, `Mcp-Method` and `Mcp-Name` say
 * what the body says (-32020), the version is spoken (-32022), `_meta` is whole (-32602), and what is no notification has an id
 * (MCP 2026-07-28, transports and versioning). All under HTTP 400.
 */
export function checkModern(message: Message, header: ReadHeader): Refused | null {
  const { id, method } = message;
  const meta = metaOf(message);
  const refused = (code: Refused['code'], text: string, data?: unknown): Refused => ({
    ...{ status: 400, code, message: text, id, method },
    ...(data === undefined ? {} : { data }),
  });
  const said = meta.get(`${META}protocolVersion`);
  const version = header('mcp-protocol-version');
  if (version === undefined) return refused(-32020, 'MCP-Protocol-Version is missing.');
  if (said !== undefined && said !== version)
    return refused(-32020, 'MCP-Protocol-Version differs from params._meta.');
  if (version !== MODERN_VERSION) {
    const data = { supported: [MODERN_VERSION], requested: version.slice(0, 100) };
    return refused(-32022, `This version is not spoken here; ${MODERN_VERSION} is.`, data);
  }
  if (header('mcp-method') !== method)
    return refused(-32020, 'Mcp-Method is missing or differs from the body.');
  if (nameHeaderDiffers(message, header('mcp-name')))
    return refused(-32020, 'Mcp-Name is missing or differs from the body.');
  const isNotification = method.startsWith('notifications/');
  if (isNotification && id !== undefined) return refused(-32600, 'A notification has no id.');
  if (isNotification) return null;
  if (id === undefined) return refused(-32600, `${method.slice(0, 60)} needs an id.`);
  if (said === undefined || !(meta.get(`${META}clientCapabilities`) instanceof Map))
    return refused(-32602, 'params._meta must have the protocol version and clientCapabilities.');
  return null;
}
