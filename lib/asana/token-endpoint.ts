// Asana's OAuth endpoints (RFC 6749, 7636, 7009, 8707). Their addresses come from configuration, never from discovery (OC-08).
import {
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  AuthorizationResponseError,
  ClientSecretPost,
  customFetch,
  processAuthorizationCodeResponse,
  processRefreshTokenResponse,
  processRevocationResponse,
  refreshTokenGrantRequest,
  revocationRequest,
  validateAuthResponse,
  type CustomFetchOptions,
} from 'oauth4webapi';
import { env } from '../env';
import {
  askAsana,
  namedFailure,
  outboundFetch,
  readTokens,
  type TokenAnswer,
  type TokenFailure,
} from './token-answer';

export interface AppCredentials {
  clientId: string;
  clientSecret: string;
}

/** The longest a token request may take, answer included. */
export const TOKEN_DEADLINE_MS = 10_000;
const REVOKE_DEADLINE_MS = 3_000;

/** Where a member is sent to authorize: S256, `resource` where configured, no `scope` (Asana accepts `default` or none). */
export function authorizationUrl(request: {
  clientId: string;
  redirectUrl: string;
  state: string;
  codeChallenge: string;
}): string {
  const url = new URL(server().authorization_endpoint);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: request.clientId,
    redirect_uri: request.redirectUrl,
    state: request.state,
    code_challenge: request.codeChallenge,
    code_challenge_method: 'S256',
    ...resource(),
  }).toString();
  return url.href;
}

/**
 * Redeems a code. `callback` are the callback's parameters as they came, `state` the one that was consumed. An `iss` other than
 * Asana's is refused before the code leaves (RFC 9207). Without a refresh token it is no MCP app: `wrong_kind_of_app`.
 */
export async function exchangeCode(request: {
  credentials: AppCredentials;
  callback: URLSearchParams;
  state: string;
  codeVerifier: string;
  redirectUrl: string;
}): Promise<(TokenAnswer & { refreshToken: string }) | TokenFailure> {
  const { as, client, authentication, options } = setting(request.credentials);
  let callback: URLSearchParams;
  try {
    callback = validateAuthResponse(as, client, request.callback, request.state);
  } catch (error) {
    if (!(error instanceof AuthorizationResponseError))
      return { failure: 'permanent', error: 'refused_by_asana' };
    return namedFailure(error.error, error.error_description ?? '');
  }
  const answer = await askAsana(
    () =>
      authorizationCodeGrantRequest(
        as,
        client,
        authentication,
        callback,
        request.redirectUrl,
        request.codeVerifier,
        options(TOKEN_DEADLINE_MS),
      ),
    async (response) => readTokens(await processAuthorizationCodeResponse(as, client, response)),
  );
  if ('failure' in answer) return answer;
  const { refreshToken } = answer;
  return refreshToken === null
    ? { failure: 'permanent', error: 'wrong_kind_of_app' }
    : { ...answer, refreshToken };
}

/** Asks for a new access token. `signal` bounds it further. */
export async function refreshTokens(request: {
  credentials: AppCredentials;
  refreshToken: string;
  signal?: AbortSignal;
}): Promise<TokenAnswer | TokenFailure> {
  const { as, client, authentication, options } = setting(request.credentials);
  return askAsana(
    () =>
      refreshTokenGrantRequest(
        as,
        client,
        authentication,
        request.refreshToken,
        options(TOKEN_DEADLINE_MS, request.signal),
      ),
    async (response) => readTokens(await processRefreshTokenResponse(as, client, response)),
  );
}

/** Revokes a refresh token and its access tokens (RFC 7009). Asana answers 200 for a token that is gone already. */
export async function revokeToken(request: {
  credentials: AppCredentials;
  refreshToken: string;
}): Promise<{ revoked: true } | TokenFailure> {
  const { as, client, authentication, options } = setting(request.credentials);
  return askAsana(
    () =>
      revocationRequest(
        as,
        client,
        authentication,
        request.refreshToken,
        options(REVOKE_DEADLINE_MS, undefined, {}),
      ),
    async (response) => {
      await processRevocationResponse(response);
      return { revoked: true as const };
    },
  );
}

function server() {
  const origin = env().ASANA_OAUTH_URL;
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/-/oauth_authorize`,
    token_endpoint: `${origin}/-/oauth_token`,
    revocation_endpoint: `${origin}/-/oauth_revoke`,
  };
}

function resource(): Record<string, string> {
  const value = env().ASANA_RESOURCE;
  return value ? { resource: value } : {};
}

function setting(credentials: AppCredentials) {
  return {
    as: server(),
    client: { client_id: credentials.clientId },
    authentication: ClientSecretPost(credentials.clientSecret),
    options: (deadlineMs: number, signal?: AbortSignal, additionalParameters = resource()) => ({
      additionalParameters,
      [customFetch]: (url: string, request: CustomFetchOptions<'POST', URLSearchParams>) =>
        outboundFetch(url, request, deadlineMs, signal),
      [allowInsecureRequests]: env().GATEHOUSE_ALLOW_INSECURE_UPSTREAM,
    }),
  };
}
