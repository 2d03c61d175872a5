// Starts a stand-in Asana on one loopback port: authorization server, MCP server, world, log, faults and controls. It is
// built on node:http alone and shares only the recorded tool list with the rest of Gatehouse.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RecordedTool } from '@/lib/catalogue/recorded-tools';
import { frontPage } from '@/lib/sandbox/authorize-page';
import { handleControl } from '@/lib/sandbox/control';
import type { Exchange } from '@/lib/sandbox/exchange';
import { answered, html, json, plainText, type Delivery } from '@/lib/sandbox/faults';
import type { SandboxApp } from '@/lib/sandbox/grants';
import { listen } from '@/lib/sandbox/http-server';
import { handleMcp } from '@/lib/sandbox/mcp-server';
import { authorize } from '@/lib/sandbox/oauth-authorize';
import { metadata } from '@/lib/sandbox/oauth-metadata';
import { revoke, token } from '@/lib/sandbox/oauth-tokens';
import type { Heard, RequestLog } from '@/lib/sandbox/request-log';
import {
  addApp,
  createState,
  issueTokens,
  resetState,
  revokeGrants,
  type GrantFilter,
  type IssuedTokens,
  type SandboxState,
} from '@/lib/sandbox/sandbox-state';
import { setSwitches, type Switches } from '@/lib/sandbox/switches';
import type { ToolHandler } from '@/lib/sandbox/view';
import type { World } from '@/lib/sandbox/world';

export interface SandboxOptions {
  /** 0 (the default) takes a free port. */
  port?: number;
  host?: '127.0.0.1';
  /** What is left open is filled in; without any there is one MCP app, client id 1200000000000001. */
  apps?: Partial<SandboxApp>[];
  /** Fills the empty world; by default the example of `world-seed.ts`. */
  seedWorld?: (world: World) => void;
  /** Gets every request's raw body as it arrives; by default nobody does. */
  heard?: Heard;
}

export interface SandboxUser {
  gid: string;
  name: string;
  email: string;
  workspaces: { gid: string; name: string; role: 'member' | 'guest' }[];
}

export interface Sandbox {
  readonly origin: string;
  /** For `ASANA_MCP_URL`, `ASANA_OAUTH_URL` and `ASANA_RESOURCE`. */
  readonly mcpUrl: string;
  readonly oauthUrl: string;
  readonly resource: string;
  readonly apps: SandboxApp[];
  readonly users: SandboxUser[];
  readonly log: RequestLog;
  /** As they are now; change them with `set`. */
  readonly switches: Readonly<Switches>;
  /** A copy of the list as it is now. */
  readonly tools: RecordedTool[];
  readonly world: World;
  /** Number of open MCP sessions. */
  readonly sessionCount: number;
  /** Throws on an unknown switch or a wrong value, and then changes nothing. */
  set(partial: Partial<Switches>): void;
  /** Everything as at the start: world, tools, switches, apps; no grants, sessions or log entries. */
  reset(): void;
  addApp(app: Partial<SandboxApp>): SandboxApp;
  addTool(definition: Pick<RecordedTool, 'name'> & Partial<RecordedTool>, run?: ToolHandler): void;
  changeTool(name: string, changes: Partial<RecordedTool>): void;
  removeTool(name: string): void;
  renameTool(from: string, to: string): void;
  /** A grant without the pages; for tests that are not about authorizing. */
  issueTokens(given: { email: string; workspaceGid?: string; clientId?: string }): IssuedTokens;
  expireAccessTokensNow(): void;
  /** Ends the grants that fit (all without a filter), as if the person had removed the app. Returns how many. */
  revokeAll(filter?: GrantFilter): number;
  close(): Promise<void>;
}

/** Starts the sandbox and resolves when it listens. Rejects when the port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 0, host = '127.0.0.1' } = options;
  const state = createState(options);
  const server = createServer({ keepAliveTimeout: 65_000 });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const origin = `http://${host}:${(server.address() as AddressInfo).port}`;
  const sandbox = handleOf(state, server, origin);
  const context = { ...state, origin };
  listen(server, {
    log: state.log,
    origin,
    route: (exchange) => route(context, sandbox, exchange),
    control: (exchange) => handleControl(sandbox, exchange),
  });
  return sandbox;
}

async function route(
  context: SandboxState & { origin: string },
  sandbox: Sandbox,
  exchange: Exchange,
): Promise<Delivery> {
  const { pathname } = exchange.url;
  const method = exchange.request.method!;
  if (pathname === '/v2/mcp') return handleMcp(context, exchange);
  if (pathname === '/-/oauth_token') return token(context, exchange);
  if (pathname === '/-/oauth_revoke') return revoke(context, exchange);
  if (pathname === '/-/oauth_authorize' && (method === 'GET' || method === 'POST'))
    return authorize(context, exchange);
  const document = metadata(context.origin).get(pathname);
  if (document && method === 'GET') return answered(json(200, document));
  if (pathname === '/' && method === 'GET')
    return answered(html(200, frontPage(context.world, sandbox.apps, endpointsOf(sandbox))));
  return answered(plainText(404, 'Not Found'));
}

function handleOf(state: SandboxState, server: Server, origin: string): Sandbox {
  const { world, grants, log, switches, sessions, tools } = state;
  return {
    origin,
    mcpUrl: `${origin}/v2/mcp`,
    oauthUrl: origin,
    resource: `${origin}/v2`,
    get apps() {
      return [...grants.apps.values()];
    },
    get users() {
      return usersOf(world);
    },
    log,
    switches,
    get tools() {
      return structuredClone(tools.definitions());
    },
    world,
    get sessionCount() {
      return sessions.size;
    },
    set: (partial) => setSwitches(switches, partial),
    reset: () => resetState(state),
    addApp: (app) => addApp(grants, app),
    addTool: tools.add,
    changeTool: tools.change,
    removeTool: tools.remove,
    renameTool: tools.rename,
    issueTokens: (given) => issueTokens(state, given),
    expireAccessTokensNow() {
      for (const access of grants.accessTokens.values()) access.expiresAt = 0;
    },
    revokeAll: (filter = {}) => revokeGrants(state, filter),
    async close() {
      sessions.clear();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function usersOf(world: World): SandboxUser[] {
  return [...world.users.values()].map(({ gid, name, email, memberships }) => ({
    gid,
    name,
    email,
    workspaces: memberships.map(({ workspaceGid, role }) => ({
      gid: workspaceGid,
      name: world.workspaces.get(workspaceGid)!.name,
      role,
    })),
  }));
}

function endpointsOf({ origin, mcpUrl, resource }: Sandbox): Record<string, string> {
  return {
    'MCP (ASANA_MCP_URL)': mcpUrl,
    'OAuth (ASANA_OAUTH_URL)': origin,
    'Resource (ASANA_RESOURCE)': resource,
    Authorize: `${origin}/-/oauth_authorize`,
    Token: `${origin}/-/oauth_token`,
    Revoke: `${origin}/-/oauth_revoke`,
    'Protected resource metadata': `${origin}/.well-known/oauth-protected-resource/v2`,
    'Authorization server metadata': `${origin}/.well-known/oauth-authorization-server`,
    'Controls (JSON)': `${origin}/sandbox/world`,
  };
}
