// What an agent of the modern era learns at `server/discover`: only what is governed, as at `initialize`. Pure.
import { META, MODERN_VERSION } from './era';
import { governedCapabilities, relayedParts, INSTRUCTIONS, LEGACY_VERSIONS, SERVER_INFO } from './initialize';
import { MAX_TTL_MS } from './modern-result';

/** Asana's capabilities by name, as `server/discover` or `initialize` gave them. */
export type Capabilities = Readonly<Record<string, unknown>>;

/**
 * A DiscoverResult as JSON. `upstream`: the families opened to the caller and what Asana offers, or null without Asana. That the tools
 * change is always told, because an admin can change them; what else changes, Asana must say.
 */
export function discovery(upstream: { families: readonly string[]; offered: Capabilities } | null): string {
  const offered = new Map(Object.entries(upstream?.offered ?? {}));
  const extra = upstream ? governedCapabilities(upstream.families, offered) : [];
  const said = (name: string, part: string) =>
    (offered.get(name) as Record<string, unknown> | null | undefined)?.[part];
  return JSON.stringify({
    resultType: 'complete',
    supportedVersions: [MODERN_VERSION, ...LEGACY_VERSIONS],
    capabilities: {
      tools: { listChanged: true },
      ...relayedParts(extra, said),
    },
    instructions: INSTRUCTIONS,
    // It depends on who asks.
    ...{ ttlMs: MAX_TTL_MS.policy, cacheScope: 'private' },
    _meta: { [`${META}serverInfo`]: SERVER_INFO },
  });
}
