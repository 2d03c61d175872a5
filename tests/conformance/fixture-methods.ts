// The methods that both eras have, and what the fixture says of itself.
import type { Call, Json, Level } from './fixture-call';
import {
  complete,
  getPrompt,
  listPrompts,
  listResources,
  listTemplates,
  readResource,
} from './fixture-contents';
import { callTool, fixtureTools } from './fixture-tools';

export const SERVER_INFO = { name: 'conformance-fixture', version: '1.0.0' };
export const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true },
  completions: {},
  logging: {},
};
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26'];
export const MODERN_VERSION = '2026-07-28';
export const LEVELS: Level[] = [
  ...(['debug', 'info', 'notice', 'warning'] as const),
  ...(['error', 'critical', 'alert', 'emergency'] as const),
];

/** Each returns a result; throws `RpcError`. */
export const METHODS: ReadonlyMap<string, (call: Call) => Json | Promise<Json>> = new Map(
  Object.entries<(call: Call) => Json | Promise<Json>>({
    'tools/list': () => ({ tools: fixtureTools() }),
    'tools/call': callTool,
    'resources/list': () => ({ resources: listResources() }),
    'resources/templates/list': () => ({ resourceTemplates: listTemplates() }),
    'resources/read': readResource,
    'prompts/list': () => ({ prompts: listPrompts() }),
    'prompts/get': getPrompt,
    'completion/complete': complete,
  }),
);
