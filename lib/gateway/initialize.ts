// What an agent learns at `initialize`: only what is governed. Asana's own capabilities and instructions stay behind the gate. Pure.

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

/** An InitializeResult as JSON. `upstream` are the families opened to the caller that Asana offers too, or null without Asana. */
export function sessionOpening(
  protocolVersion: string,
  upstream: { families: readonly string[]; offered: ReadonlySet<string> } | null,
): string {
  const extra = upstream ? governedCapabilities(upstream.families, upstream.offered) : [];
  return JSON.stringify({
    protocolVersion,
    capabilities: { tools: {}, ...Object.fromEntries(extra.map((capability) => [capability, {}])) },
    serverInfo: SERVER_INFO,
    instructions: INSTRUCTIONS,
  });
}
