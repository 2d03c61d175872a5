// Everything the sandbox knows, in one place: how it begins, how it is set back, and what tests do to it from outside.
import { setBounded } from '@/lib/sandbox/bounded-map';
import {
  completeApp,
  emptyGrants,
  MAX_APPS,
  newAccessToken,
  newGrant,
  revokeGrant,
  type Grants,
  type SandboxApp,
} from '@/lib/sandbox/grants';
import { createRequestLog, type Heard, type WritableLog } from '@/lib/sandbox/request-log';
import { createSessions, type Sessions } from '@/lib/sandbox/sessions';
import { defaultSwitches, type Switches } from '@/lib/sandbox/switches';
import { createToolList, type ToolList } from '@/lib/sandbox/tool-list';
import { emptyWorld, findUserByEmail, type World } from '@/lib/sandbox/world';
import { seedExampleWorld } from '@/lib/sandbox/world-seed';

export interface SandboxState {
  readonly world: World;
  readonly grants: Grants;
  readonly log: WritableLog;
  readonly switches: Switches;
  readonly sessions: Sessions;
  readonly tools: ToolList;
  /** Puts the apps and the world of the start into an empty state. */
  readonly fill: () => void;
}
export interface GrantFilter {
  email?: string;
  clientId?: string;
  workspaceGid?: string;
}
export interface IssuedTokens {
  accessToken: string;
  refreshToken: string;
  expiresInSeconds: number;
}

/** The app that exists when none is given; its redirect URLs are those of a Gatehouse with default settings. */
export const DEFAULT_APP = {
  clientId: '1200000000000001',
  redirectUrls: [
    'http://localhost:3000/connect/asana/callback',
    'http://127.0.0.1:3000/connect/asana/callback',
  ],
};

export function createState(options: {
  apps?: Partial<SandboxApp>[];
  seedWorld?: (world: World) => void;
  heard?: Heard;
}): SandboxState {
  const { seedWorld = seedExampleWorld } = options;
  const apps = (options.apps ?? [DEFAULT_APP]).map(completeApp);
  const world = emptyWorld();
  const grants = emptyGrants();
  const sessions = createSessions();
  const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
  const fill = () => {
    for (const app of apps) addApp(grants, structuredClone(app));
    seedWorld(world);
  };
  fill();
  return {
    world,
    grants,
    log: createRequestLog(options.heard),
    switches: defaultSwitches(),
    sessions,
    tools: createToolList(() => sessions.broadcast(changed)),
    fill,
  };
}

/** Everything as at the start. The objects stay the same, so nobody holds an outdated one. */
export function resetState(state: SandboxState): void {
  for (const collection of [...Object.values(state.world), ...Object.values(state.grants)])
    if (collection instanceof Map) collection.clear();
  state.world.nextGid = emptyWorld().nextGid;
  state.sessions.clear();
  Object.assign(state.switches, defaultSwitches());
  state.tools.reset();
  state.log.clear();
  state.fill();
}

/** Registers an app, or replaces the one with the same client id. Throws one sentence when a field makes no sense. */
export function addApp(grants: Grants, given: Partial<SandboxApp>): SandboxApp {
  const app = completeApp(given);
  const isVisible = (text: unknown) => typeof text === 'string' && /^[\x21-\x7e]{1,200}$/.test(text);
  const isTexts = (list: unknown) => Array.isArray(list) && list.every((entry) => typeof entry === 'string');
  const problems = [
    !isVisible(app.clientId) && 'clientId must be a short visible text',
    !isVisible(app.clientSecret) && 'clientSecret must be a short visible text',
    typeof app.name !== 'string' && 'name must be a text',
    !['mcp', 'api'].includes(app.kind) && 'kind must be mcp or api',
    !(isTexts(app.redirectUrls) && app.redirectUrls.every((url) => URL.canParse(url))) &&
      'redirectUrls must be a list of URLs',
    app.workspaces !== 'any' && !isTexts(app.workspaces) && 'workspaces must be a list of gids, or "any"',
  ].filter((problem) => problem !== false);
  if (problems.length > 0) throw new Error(`The app was not registered: ${problems.join('; ')}.`);
  setBounded(grants.apps, app.clientId, app, MAX_APPS);
  return app;
}

/** A grant without the pages. Throws when nobody has this address. */
export function issueTokens(
  { grants, switches, world }: SandboxState,
  given: { email: string; workspaceGid?: string; clientId?: string },
): IssuedTokens {
  const user = findUserByEmail(world, given.email);
  const workspaceGid = given.workspaceGid ?? user?.memberships[0]?.workspaceGid;
  const clientId = given.clientId ?? grants.apps.keys().next().value;
  if (!user || workspaceGid === undefined) throw new Error(`The sandbox knows nobody called ${given.email}.`);
  if (clientId === undefined) throw new Error('The sandbox has no app that could be authorized.');
  const grant = newGrant(grants, { clientId, userGid: user.gid, workspaceGid });
  const { expiresInSeconds } = switches;
  const accessToken = newAccessToken(grants, grant, Date.now() + expiresInSeconds * 1000);
  return { accessToken, refreshToken: grant.refreshToken, expiresInSeconds };
}

/** Ends the grants that fit. Returns how many. */
export function revokeGrants({ grants, world }: SandboxState, filter: GrantFilter): number {
  const { email, clientId, workspaceGid } = filter;
  const user = email === undefined ? undefined : findUserByEmail(world, email);
  const fits = [...grants.grants.values()].filter(
    (grant) =>
      !grant.revoked &&
      (email === undefined || grant.userGid === user?.gid) &&
      (clientId === undefined || grant.clientId === clientId) &&
      (workspaceGid === undefined || grant.workspaceGid === workspaceGid),
  );
  for (const grant of fits) revokeGrant(grants, grant);
  return fits.length;
}
