// Asana's token and revocation endpoints as recorded: a confidential client, single-use codes, one-hour tokens, refresh
// without rotation, revocation by refresh token only. What is not known is a switch. It shares no code with Gatehouse's
// own OAuth, so that both can not be wrong in the same way.
import { readForm, repeatedParameter, type Exchange } from '@/lib/sandbox/exchange';
import { answered, json, REVOKE_FAULTS, TOKEN_FAULTS, underFault, type Delivery } from '@/lib/sandbox/faults';
import {
  challengeOf,
  newAccessToken,
  newGrant,
  revokeGrant,
  rotateRefreshToken,
  sameSecret,
  type Grant,
  type SandboxApp,
} from '@/lib/sandbox/grants';
import type { OAuthContext } from '@/lib/sandbox/oauth-authorize';
import { countFault } from '@/lib/sandbox/switches';
import type { User } from '@/lib/sandbox/world';

const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' };

const oauthError = (
  status: number,
  error: string,
  why: string,
  headers: Record<string, string> = {},
): Delivery => answered(json(status, { error, error_description: why }, { ...NO_STORE, ...headers }));

/** RFC 6749 §2.3: secret in the body or as HTTP Basic, never both. Returns the app or the refusal. */
function requireClient(
  { grants }: OAuthContext,
  { request }: Exchange,
  form: URLSearchParams,
): { app: SandboxApp } | { refused: Delivery } {
  const basic = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (basic !== undefined && form.has('client_secret'))
    return { refused: oauthError(400, 'invalid_request', 'The client authenticated in two ways.') };
  const decode = (text: string) => new URLSearchParams(`v=${text}`).get('v')!;
  const pair = Buffer.from(basic ?? '', 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  const [clientId, secret] =
    basic === undefined
      ? [form.get('client_id'), form.get('client_secret')]
      : [decode(pair.slice(0, colon)), decode(pair.slice(colon + 1))];
  const app = grants.apps.get(clientId ?? '');
  if (app && secret !== null && sameSecret(secret, app.clientSecret)) return { app };
  const challenge: Record<string, string> =
    basic === undefined ? {} : { 'www-authenticate': 'Basic realm="Asana"' };
  return {
    refused: oauthError(401, 'invalid_client', 'The client id or the client secret is wrong.', challenge),
  };
}

/** The checks that every back-channel endpoint begins with. */
function requireForm(exchange: Exchange): { form: URLSearchParams } | { refused: Delivery } {
  if (exchange.request.method !== 'POST')
    return { refused: oauthError(405, 'invalid_request', 'Only POST is allowed.', { allow: 'POST' }) };
  const form = readForm(exchange);
  if (!form) return { refused: oauthError(400, 'invalid_request', 'The request body must be a form.') };
  const repeated = repeatedParameter(form);
  if (repeated === undefined) return { form };
  return { refused: oauthError(400, 'invalid_request', `The ${repeated} parameter is repeated.`) };
}

/** `POST /-/oauth_token`. */
export async function token(context: OAuthContext, exchange: Exchange): Promise<Delivery> {
  const { switches, origin } = context;
  const fault = switches.tokenFault === null ? null : TOKEN_FAULTS[switches.tokenFault];
  if (fault) countFault(switches, 'tokenFaultCount', 'tokenFault', 'loseRefreshAnswer');
  const { retryAfterSeconds, slowMs } = switches;
  return underFault(fault, { origin, retryAfterSeconds, slowMs }, () => issue(context, exchange));
}

function issue(context: OAuthContext, exchange: Exchange): Delivery {
  const read = requireForm(exchange);
  if ('refused' in read) return read.refused;
  const { form } = read;
  const client = requireClient(context, exchange, form);
  if ('refused' in client) return client.refused;
  const { acceptedResources } = context.switches;
  const resource = form.get('resource');
  // API-app credentials used for the MCP server are told so as soon as the request names it.
  if (client.app.kind === 'api' && resource?.startsWith(`${context.origin}/v2`))
    return oauthError(401, 'invalid_client', 'This application can not be used for the MCP server.');
  if (resource !== null && acceptedResources !== null && !acceptedResources.includes(resource))
    return oauthError(400, 'invalid_target', 'The resource parameter names an unknown resource.');
  switch (form.get('grant_type')) {
    case 'authorization_code':
      return exchangeCode(context, exchange, client.app, form);
    case 'refresh_token':
      return refresh(context, exchange, client.app, form);
    case null:
      return oauthError(400, 'invalid_request', 'The grant_type parameter is missing.');
    default:
      return oauthError(400, 'unsupported_grant_type', 'This grant type is not supported.');
  }
}

function exchangeCode(
  context: OAuthContext,
  exchange: Exchange,
  app: SandboxApp,
  form: URLSearchParams,
): Delivery {
  const { grants, world } = context;
  const refused = (why: string) => oauthError(400, 'invalid_grant', why);
  const value = form.get('code');
  if (value === null) return oauthError(400, 'invalid_request', 'The code parameter is missing.');
  const code = grants.codes.get(value);
  if (!code || code.clientId !== app.clientId) return refused('The code is unknown, or was used already.');
  // Single use, also when the rest of the request is wrong: a stolen code must not be tried twice.
  grants.codes.delete(value);
  if (code.expiresAt <= Date.now()) return refused('The code expired.');
  if (form.get('redirect_uri') !== code.redirectUrl)
    return refused('The redirect_uri is not that of the code.');
  const verifier = form.get('code_verifier');
  if (
    (code.challenge === null) !== (verifier === null) ||
    (verifier && challengeOf(verifier) !== code.challenge)
  )
    return refused('The code_verifier does not match the code_challenge.');
  const user = world.users.get(code.userGid);
  if (!user) return refused('The user is gone.');
  exchange.entry.user = user.email;
  return tokens(context, newGrant(grants, code), user, true);
}

function refresh(
  context: OAuthContext,
  exchange: Exchange,
  app: SandboxApp,
  form: URLSearchParams,
): Delivery {
  const { grants, switches, world } = context;
  const value = form.get('refresh_token');
  if (value === null) return oauthError(400, 'invalid_request', 'The refresh_token parameter is missing.');
  const grant = grants.byRefreshToken.get(value);
  const user = grant && world.users.get(grant.userGid);
  const isPast = grant && grant.refreshToken !== value && (grant.predecessors.get(value) ?? 0) <= Date.now();
  if (!grant || !user || isPast || grant.clientId !== app.clientId)
    return oauthError(
      400,
      'invalid_grant',
      'The refresh token is invalid, or its authorization was revoked.',
    );
  exchange.entry.user = user.email;
  if (switches.rotateRefreshTokens) rotateRefreshToken(grants, grant, switches.predecessorGraceMs);
  const answer = tokens(context, grant, user, switches.rotateRefreshTokens);
  if (!switches.loseRefreshAnswer) return answer;
  if (switches.tokenFault === null) countFault(switches, 'tokenFaultCount', 'loseRefreshAnswer');
  return { kind: 'drop' };
}

function tokens(
  { grants, switches }: OAuthContext,
  grant: Grant,
  user: User,
  withRefreshToken: boolean,
): Delivery {
  const { gid, name, email } = user;
  const accessToken = newAccessToken(grants, grant, Date.now() + switches.expiresInSeconds * 1000);
  const data = {
    id: gid,
    ...(!switches.omitDataGid && { gid }),
    name,
    ...(!switches.omitDataEmail && { email }),
  };
  return answered(
    json(
      200,
      {
        access_token: accessToken,
        expires_in: switches.expiresInSeconds,
        token_type: 'bearer',
        ...(withRefreshToken && { refresh_token: grant.refreshToken }),
        data,
      },
      NO_STORE,
    ),
  );
}

/** `POST /-/oauth_revoke`: by refresh token only; 200 also for one that is not known (RFC 7009 §2.2). */
export async function revoke(context: OAuthContext, exchange: Exchange): Promise<Delivery> {
  const { switches, origin } = context;
  const fault = switches.revokeFault === null ? null : REVOKE_FAULTS[switches.revokeFault];
  if (fault) countFault(switches, 'revokeFaultCount', 'revokeFault');
  const { retryAfterSeconds, slowMs } = switches;
  return underFault(fault, { origin, retryAfterSeconds, slowMs }, () => endGrant(context, exchange));
}

function endGrant(context: OAuthContext, exchange: Exchange): Delivery {
  const { grants, world } = context;
  const read = requireForm(exchange);
  if ('refused' in read) return read.refused;
  const client = requireClient(context, exchange, read.form);
  if ('refused' in client) return client.refused;
  const value = read.form.get('token');
  if (!value) return oauthError(400, 'invalid_request', 'The token parameter is missing.');
  if (grants.accessTokens.has(value))
    return oauthError(400, 'invalid_request', 'Bearer tokens can not be revoked; send the refresh token.');
  const grant = grants.byRefreshToken.get(value);
  if (grant && grant.clientId === client.app.clientId) {
    exchange.entry.user = world.users.get(grant.userGid)?.email;
    revokeGrant(grants, grant);
  }
  return answered(json(200, {}, NO_STORE));
}
