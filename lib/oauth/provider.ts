// oidc-provider, configured to be an OAuth 2.1 authorization server for one resource: code with PKCE S256, refresh with rotation,
// opaque tokens, one scope, consent every time. What it offers beyond that is switched off or never routed to.
import { generateKeyPairSync } from 'node:crypto';
import Provider, { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { env, resourceUrl } from '../env';
import { isDatabaseGone } from '../errors';
import { log } from '../log';
import { mintToken, type TokenPrefix } from '../tokens/token-format';
import { adapterFor } from './adapter';
import {
  DOCUMENT_CACHE_SECONDS,
  documentFetcher,
  mayFetch,
  rememberDocument,
  type FetchDocument,
} from './client-documents';
import { cookieNames, cookieOptions, keyFor } from './cookies';
import { disallowedUris, rememberRefused } from './redirect-rules';
import { SCOPE } from './scope';
import { sql } from './token-transaction';
import type { ErrorPage, MemberOf } from './wiring';

const ACCESS_SECONDS = 3_600;
/** A client that is not used for so long asks for consent again. */
const REFRESH_SECONDS = 30 * 86_400;
const CODE_SECONDS = 60;
const INTERACTION_SECONDS = 1_800;

/** The provider for this process's environment. */
export function createProvider(wiring: {
  memberOf: MemberOf;
  errorPage: ErrorPage;
  fetchDocument: FetchDocument;
}): Provider {
  const provider = new Provider(env().GATEHOUSE_URL, {
    adapter: adapterFor,
    // The code is bound to the redirect URI that was asked for, so it is always said (AS-06).
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ['none', 'client_secret_post', 'client_secret_basic'],
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'ES256',
    },
    clientBasedCORS: (_ctx, origin, client) =>
      client.clientAuthMethod === 'none' &&
      (client.redirectUris ?? []).some((uri) => URL.canParse(uri) && new URL(uri).origin === origin),
    clockTolerance: 0,
    cookies: {
      keys: [keyFor('cookies').toString('base64url')],
      names: cookieNames(),
      long: cookieOptions(),
      short: cookieOptions(),
    },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    expiresWithSession: () => Promise.resolve(false),
    features: {
      clientIdMetadataDocument: {
        enabled: true,
        ack: 'draft-02',
        allowFetch: (_ctx, id) => Promise.resolve(mayFetch(id)),
        allowClient: (ctx, client) => allowDocument(ctx, client),
        cacheDuration: DOCUMENT_CACHE_SECONDS,
      },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf ?? resourceUrl(),
        getResourceServerInfo: (_ctx, resource) => {
          if (resource !== resourceUrl())
            throw new errors.InvalidTarget(`the only resource here is ${resourceUrl()}`);
          return {
            scope: SCOPE,
            audience: resource,
            accessTokenFormat: 'opaque',
            accessTokenTTL: ACCESS_SECONDS,
          };
        },
        useGrantedResource: () => true,
      },
      // A foreigner's request is answered like one for an unknown token: it tells nothing (RFC 7009 §2.2).
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => Promise.resolve(token.clientId === client.clientId),
      },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    fetch: documentFetcher(wiring.fetchDocument),
    findAccount: async (_ctx, id) => {
      const rows = await sql('SELECT 1 AS found FROM members WHERE id = $1::uuid', id);
      return rows.length === 0 ? undefined : { accountId: id, claims: () => ({ sub: id }) };
    },
    interactions: {
      policy: consentEveryTime(wiring.memberOf),
      url: (_ctx, { uid }) => `/authorize/${uid}`,
    },
    issueRefreshToken: () => Promise.resolve(true),
    jwks: unusedKeys(),
    pkce: { required: () => true },
    renderError: (ctx, out, error) => renderError(ctx, out, error, wiring.errorPage),
    responseTypes: ['code'],
    revokeGrantPolicy: () => true,
    // One time out of one: the refresh token of a public client is good once (OAuth 2.1 §4.3.1).
    rotateRefreshToken: () => true,
    routes: {
      authorization: '/oauth/authorize',
      token: '/oauth/token',
      revocation: '/oauth/revoke',
      jwks: '/oauth/jwks',
    },
    scopes: [SCOPE],
    ttl: {
      AccessToken: ACCESS_SECONDS,
      AuthorizationCode: CODE_SECONDS,
      RefreshToken: REFRESH_SECONDS,
      Grant: REFRESH_SECONDS,
      Interaction: INTERACTION_SECONDS,
      Session: INTERACTION_SECONDS,
    },
  });
  // serve-oauth.ts sets the forwarded headers itself, from the configuration.
  provider.proxy = true;
  mintOurs(provider.AccessToken, 'gho');
  mintOurs(provider.RefreshToken, 'ghr');
  mintOurs(provider.AuthorizationCode, 'ghc');
  provider.on('server_error', (_ctx, error) =>
    log().error({ err: error }, 'the authorization server failed'),
  );
  return provider;
}

/** Tokens of our own shape: a prefix that scanners know, and a checksum that tells junk without the database (AS-43). */
function mintOurs(model: unknown, prefix: TokenPrefix): void {
  // An access token notes its form while its id is made.
  (
    model as { prototype: { generateTokenId(this: { format?: string; kind: string }): string } }
  ).prototype.generateTokenId = function generateTokenId() {
    if (this.kind === 'AccessToken') this.format = 'opaque';
    return mintToken(prefix);
  };
}

// Nothing is signed here (tokens are opaque), but oidc-provider insists on a key. It is never published.
function unusedKeys() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }] } as never;
}

/**
 * Nobody is let through on what they once allowed: each authorization asks the person who is signed in to the portal now (AS-14, C1,
 * C2), and the answer counts for that person only.
 */
function consentEveryTime(memberOf: MemberOf) {
  const policy = interactionPolicy.base();
  policy.clear();
  const { Check, Prompt } = interactionPolicy;
  const check = new Check(
    'consent_needed',
    'the person must allow this client',
    'consent_required',
    async (ctx) => {
      const redirectUri = ctx.oidc.params?.redirect_uri as string;
      if ((await disallowedUris([redirectUri])).length > 0) {
        await rememberRefused([redirectUri], ctx.oidc.client?.clientName);
        throw new NotAllowedHere();
      }
      const { consent, login } = ctx.oidc.result ?? {};
      if (!consent || !login) return Check.REQUEST_PROMPT;
      const member = await memberOf(ctx.req);
      return member?.id !== login.accountId || ctx.oidc.session?.accountId !== login.accountId;
    },
  );
  policy.add(new Prompt({ name: 'consent', requestable: true }, check));
  return policy;
}

/** The allow-list was tightened after the client registered (AS-04): an error page, no redirect. */
class NotAllowedHere extends errors.InvalidRedirectUri {
  override error_description =
    'No organization here allows clients to send people back to this redirect URI any more; an admin can allow it under Clients';
}

// Only the shape of a client that is in use is kept; one that merely asks for a token is known already.
async function allowDocument(
  ctx: KoaContextWithOIDC,
  client: InstanceType<Provider['Client']>,
): Promise<boolean> {
  if (ctx.oidc.route === 'authorization')
    await rememberDocument(client.clientId, client.clientName, client.redirectUris ?? []);
  return client.clientAuthMethod === 'none';
}

interface OAuthError {
  error: string;
  error_description?: string;
}

async function renderError(
  ctx: KoaContextWithOIDC,
  out: OAuthError,
  error: Error,
  errorPage: ErrorPage,
): Promise<void> {
  const { route } = ctx.oidc;
  if (route !== 'authorization' && route !== 'resume') {
    ctx.type = 'json';
    ctx.body = out;
    return;
  }
  const page = errorPage({
    status: isDatabaseGone(error) ? 503 : ctx.status,
    title: 'This client can\u2019t go on',
    explanation: `${explanationOf(out)} Nothing was allowed, and you were not sent back to it.`,
    fix: 'Begin again in the client; if that does not help, remove Gatehouse there and add it anew.',
    link: { href: '/', label: 'To Gatehouse' },
  });
  ctx.status = page.status;
  page.headers.forEach((value, name) => ctx.set(name, value));
  ctx.body = await page.text();
}

function explanationOf({ error, error_description: description }: OAuthError): string {
  const said = displayable(description ?? '');
  if (error === 'server_error') return 'Something went wrong on our side; it is logged.';
  if (error === 'invalid_client')
    return `The client is not known here: it was removed, or its description could not be read (${said}).`;
  return `${error.replaceAll('_', ' ')}${said ? `: ${said}` : ''}.`;
}

const displayable = (text: string) => text.replace(/[^\x20-\x7e]/g, ' ').slice(0, 300);
