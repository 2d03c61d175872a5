// What an MCP client keeps about its OAuth: nothing at first, then what discovery, registration and the token endpoint gave it.
import { randomBytes } from 'node:crypto';
import { askPerson } from './dialogue.mjs';

export const REDIRECT_URL = 'http://127.0.0.1:33418/callback';

/**
 * An `OAuthClientProvider` of the SDKs and of the AI SDK, in memory. `callback` is where the person came back to, `tokensSaved`
 * counts what the token endpoint gave, `redirects` how often the person was asked.
 */
export function memoryProvider(clientName) {
  const kept = {};
  const provider = {
    redirectUrl: REDIRECT_URL,
    clientMetadata: {
      client_name: clientName,
      redirect_uris: [REDIRECT_URL],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    registrations: 0,
    tokensSaved: 0,
    redirects: 0,
    callback: undefined,
    state: () => (kept.state = randomBytes(16).toString('base64url')),
    // The AI SDK keeps the state itself and asks for it back.
    saveState: (state) => void (kept.state = state),
    storedState: () => kept.state,
    clientInformation: () => kept.client,
    saveClientInformation: (client) => {
      provider.registrations += 1;
      kept.client = client;
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => {
      provider.tokensSaved += 1;
      kept.tokens = tokens;
    },
    codeVerifier: () => kept.verifier,
    saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
    discoveryState: () => kept.discovery,
    saveDiscoveryState: (discovery) => void (kept.discovery = discovery),
    // The AI SDK's name for what ties a registration to its issuer.
    authorizationServerInformation: () => kept.server,
    saveAuthorizationServerInformation: (server) => void (kept.server = server),
    isClientInformationDynamicallyRegistered: () => true,
    invalidateCredentials: (scope) => {
      if (scope === 'all' || scope === 'client') delete kept.client;
      if (scope === 'all' || scope === 'tokens') delete kept.tokens;
      if (scope === 'all' || scope === 'verifier') delete kept.verifier;
      if (scope === 'all' || scope === 'discovery') delete kept.discovery;
    },
    redirectToAuthorization: async (url) => {
      provider.redirects += 1;
      provider.callback = await askPerson(url);
      const returned = provider.callback.searchParams.get('state');
      if (returned !== url.searchParams.get('state')) throw new Error('the state came back changed');
    },
  };
  return provider;
}

/** The code that the person came back with, once; throws what the authorization server said instead of one. */
export function takeCallback(provider) {
  const { searchParams } = provider.callback;
  provider.callback = undefined;
  if (searchParams.has('error'))
    throw new Error(`${searchParams.get('error')}: ${searchParams.get('error_description')}`);
  return searchParams;
}

/** What a test asks a client about its OAuth. Tokens stay in the client. */
export const oauthFacts = (provider) => ({
  ...{
    registrations: provider.registrations,
    tokensSaved: provider.tokensSaved,
    redirects: provider.redirects,
  },
  clientId: provider.clientInformation()?.client_id,
  scope: provider.tokens()?.scope,
  expiresIn: provider.tokens()?.expires_in,
  hasRefreshToken: provider.tokens()?.refresh_token !== undefined,
});

/** Gives the refresh token back (RFC 7009); no SDK has a call for it, so the client does it with what discovery told. */
export async function revokeOwnTokens(provider) {
  const { revocation_endpoint: endpoint } = provider.discoveryState().authorizationServerMetadata;
  const body = new URLSearchParams({
    token: provider.tokens().refresh_token,
    token_type_hint: 'refresh_token',
    client_id: provider.clientInformation().client_id,
  });
  const { status } = await fetch(endpoint, { method: 'POST', body });
  if (status !== 200) throw new Error(`${endpoint} answers ${status}`);
}
