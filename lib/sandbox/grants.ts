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
  const grant: Grant = { id: digits(), ...given, refreshToken: newToken(given.userGid), revoked: false };
  setBounded(grants.grants, grant.id, grant, MAX_GRANTS);
  setBounded(grants.byRefreshToken, grant.refreshToken, grant, MAX_GRANTS);
  return grant;
}

/** Puts a new refresh token in the place of the old one, which is worthless from then on. */
export function rotateRefreshToken(grants: Grants, grant: Grant): void {
  grants.byRefreshToken.delete(grant.refreshToken);
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
  grants.byRefreshToken.delete(grant.refreshToken);
}

/** RFC 7636 §4.6 with S256, the only method that Asana's metadata names. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

export function sameSecret(given: string, expected: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(expected));
}
