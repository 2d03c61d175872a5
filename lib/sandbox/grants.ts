// What the stand-in Asana remembers of authorizations: apps, codes, grants and their tokens. All bounded, all in memory.
import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { setBounded } from '@/lib/sandbox/bounded-map';

export interface SandboxApp {
  clientId: string;
  clientSecret: string;
  name: string;
  /** `api`: an ordinary API app, whose tokens the MCP server refuses. */
  kind: 'mcp' | 'api';
  redirectUrls: string[];
  /** The app's distribution: the workspaces (gids) whose members may authorize it, or any. */
  workspaces: string[] | 'any';
}
export interface Code {
  clientId: string;
  redirectUrl: string;
  challenge: string | null;
  userGid: string;
  workspaceGid: string;
  expiresAt: number;
}
export interface Grant {
  readonly id: string;
  readonly clientId: string;
  readonly userGid: string;
  readonly workspaceGid: string;
  refreshToken: string;
  /** Refresh tokens that were rotated, and until when they are taken all the same (ms). */
  readonly predecessors: Map<string, number>;
  revoked: boolean;
}
interface AccessToken {
  grant: Grant;
  expiresAt: number;
}
export interface Grants {
  readonly apps: Map<string, SandboxApp>;
  readonly codes: Map<string, Code>;
  readonly grants: Map<string, Grant>;
  readonly byRefreshToken: Map<string, Grant>;
  readonly accessTokens: Map<string, AccessToken>;
}

export const MAX_APPS = 1_000;
const MAX_CODES = 10_000;
const MAX_GRANTS = 50_000;
const MAX_ACCESS_TOKENS = 100_000;
const MAX_PREDECESSORS = 10;

export function emptyGrants(): Grants {
  return {
    apps: new Map(),
    codes: new Map(),
    grants: new Map(),
    byRefreshToken: new Map(),
    accessTokens: new Map(),
  };
}

/** Fills in what an app may leave open. The secret is generated unless one is given. */
export function completeApp(given: Partial<SandboxApp>): SandboxApp {
  return {
    clientId: digits(),
    clientSecret: randomBytes(16).toString('hex'),
    name: 'Gatehouse',
    kind: 'mcp',
    redirectUrls: [],
    workspaces: 'any',
    ...given,
  };
}

function digits(): string {
  return `${randomInt(1e7, 1e8)}${randomInt(1e7, 1e8)}`;
}

/**
 * Like Asana's: `2/<user>/<sixteen digits>:<32 hex>`, 68 characters when the gid has sixteen digits. Access and refresh
 * tokens look alike, so only a careful client keeps them apart.
 */
function newToken(userGid: string): string {
  return `2/${userGid}/${digits()}:${randomBytes(16).toString('hex')}`;
}

export function newCode(grants: Grants, code: Code): string {
  const value = `2/${code.userGid}/${digits()}/${digits()}:${randomBytes(16).toString('hex')}`;
  setBounded(grants.codes, value, code, MAX_CODES);
  return value;
}

export function newGrant(grants: Grants, given: Pick<Grant, 'clientId' | 'userGid' | 'workspaceGid'>): Grant {
  const refreshToken = newToken(given.userGid);
  const grant: Grant = { id: digits(), ...given, refreshToken, predecessors: new Map(), revoked: false };
  setBounded(grants.grants, grant.id, grant, MAX_GRANTS);
  setBounded(grants.byRefreshToken, grant.refreshToken, grant, MAX_GRANTS);
  return grant;
}

/** Puts a new refresh token in the place of the old one, which is taken for `graceMs` more and is worthless from then on. */
export function rotateRefreshToken(grants: Grants, grant: Grant, graceMs: number): void {
  if (graceMs === 0) grants.byRefreshToken.delete(grant.refreshToken);
  else setBounded(grant.predecessors, grant.refreshToken, Date.now() + graceMs, MAX_PREDECESSORS);
  grant.refreshToken = newToken(grant.userGid);
  setBounded(grants.byRefreshToken, grant.refreshToken, grant, MAX_GRANTS);
}

export function newAccessToken(grants: Grants, grant: Grant, expiresAt: number): string {
  const token = newToken(grant.userGid);
  setBounded(grants.accessTokens, token, { grant, expiresAt }, MAX_ACCESS_TOKENS);
  return token;
}

/** What a bearer is worth: a grant, or the reason why it is worth nothing. */
export function readAccessToken(
  grants: Grants,
  token: string,
  now: number,
): { grant: Grant; state: 'good' | 'expired' } | { state: 'foreign' } {
  const known = grants.accessTokens.get(token);
  if (!known || grants.apps.get(known.grant.clientId)?.kind !== 'mcp') return { state: 'foreign' };
  const state = known.grant.revoked || known.expiresAt <= now ? 'expired' : 'good';
  return { grant: known.grant, state };
}

/** Ends a grant: its refresh token and all its access tokens. */
export function revokeGrant(grants: Grants, grant: Grant): void {
  grant.revoked = true;
  for (const token of [grant.refreshToken, ...grant.predecessors.keys()]) grants.byRefreshToken.delete(token);
}

/** RFC 7636 §4.6 with S256, the only method that Asana's metadata names. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

export function sameSecret(given: string, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}
