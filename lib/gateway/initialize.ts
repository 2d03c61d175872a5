// What an agent learns at `initialize`: only what is governed. Asana's own capabilities and instructions stay behind the gate. Pure.

import type { JsonObject } from './decode';

/** The newest first; what a client is offered when it asks for none of them. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

export const SERVER_INFO = { name: 'gatehouse', title: 'Asana through Gatehouse', version: '1' };
export const INSTRUCTIONS =
  'These are the Asana tools that your organization allows for the person you act for. A tool that is not listed cannot be called.';

/** Capabilities that Asana may offer and a family of methods opens; anything else is not relayed and so not advertised. */
const GOVERNED = [
  ['resources', 'resources'],
  ['prompts', 'prompts'],
  ['completion', 'completions'],
  ['logging', 'logging'],
] as const;

/** Those of Asana's capabilities that are governed and open to the caller. */
export function governedCapabilities(
  families: readonly string[],
  offered: { has(capability: string): boolean },
): string[] {
  return GOVERNED.filter(([family, capability]) => families.includes(family) && offered.has(capability)).map(
    ([, capability]) => capability,
  );
}

/** Capabilities with the parts of them that are relayed, as far as Asana said them. */
export function relayedParts(
  names: readonly string[],
  said: (capability: string, part: string) => unknown,
): Record<string, object> {
  return Object.fromEntries(
    names.map((name) => [
      name,
      Object.fromEntries(
        ['listChanged', 'subscribe'].filter((part) => said(name, part) === true).map((part) => [part, true]),
      ),
    ]),
  );
}

/**
 * An InitializeResult as JSON. `upstream`: the families opened to the caller, what Asana offers by name, and whether there is a session,
 * on whose stream changes are told; null without Asana. That the tools change is always told, because an admin can change them.
 */
export function sessionOpening(
  protocolVersion: string,
  upstream: { families: readonly string[]; offered: JsonObject; hasSession: boolean } | null,
): string {
  const extra = upstream ? governedCapabilities(upstream.families, upstream.offered) : [];
  const said = (name: string, part: string) => {
    const parts = upstream?.hasSession ? upstream.offered.get(name) : undefined;
    return parts instanceof Map && parts.get(part);
  };
  return JSON.stringify({
    protocolVersion,
    capabilities: {
      tools: upstream?.hasSession ? { listChanged: true } : {},
      ...relayedParts(extra, said),
    },
    serverInfo: SERVER_INFO,
    instructions: INSTRUCTIONS,
  });
}
