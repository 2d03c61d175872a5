// A member connects an Asana account: OAuth 2.1 code flow with PKCE, one attempt, one browser, one member, nothing half saved.
import { calculatePKCECodeChallenge, generateRandomCodeVerifier } from 'oauth4webapi';
import { db, transaction } from '../db';
import { AppError } from '../errors';
import { log } from '../log';
import { appendEvent, type Actor } from '../audit/append';
import { lowerAscii, type Identity } from './account-rule';
import { appCredentials, recordLastConnect, redirectUrl } from './asana-app';
import { openAttempt, useAttempt, type ConnectAttempt } from './connect-attempt';
import {
  connectFailure,
  failureCodeOf,
  type ConnectFailure,
  type ConnectFailureCode,
} from './connect-failures';
import { isUuid } from './connections';
import { UpstreamError } from './mcp-post';
import { attemptRevocation, queueRevocation } from './revoke';
import { saveConnection } from './save-connection';
import type { TokenAnswer } from './token-answer';
import { authorizationUrl, exchangeCode, revokeToken, type AppCredentials } from './token-endpoint';
import { whoAmI } from './who-am-i';

/**
 * Begins a connect; send the browser to `location`. `browserSecret` is the value of the connect cookie (connect-cookie.ts).
 * `connectionId` renews that connection; `returnTo` is a path that its caller vouches for (OC-18). Throws `AppError`: `no_asana_app`, or `not_found` for anybody else's connection.
 */
export async function beginConnect(request: {
  organizationId: string;
  memberId: string;
  connectionId?: string;
  browserSecret: string;
  returnTo?: string | null;
}): Promise<{ location: string }> {
  const { organizationId, memberId, connectionId, browserSecret } = request;
  const { clientId } = await appCredentials(organizationId);
  if (connectionId !== undefined) {
    const own =
      isUuid(connectionId) &&
      (await db().connection.count({ where: { organizationId, memberId, id: connectionId } })) === 1;
    if (!own) throw new AppError('not_found');
  }
  const codeVerifier = generateRandomCodeVerifier();
  const state = await openAttempt({
    ...{ organizationId, memberId, clientId, browserSecret, codeVerifier },
    connectionId: connectionId ?? null,
    returnTo: request.returnTo ?? null,
  });
  const codeChallenge = await calculatePKCECodeChallenge(codeVerifier);
  return { location: authorizationUrl({ clientId, redirectUrl: redirectUrl(), state, codeChallenge }) };
}

/** A connection was saved; `returnTo` is where its beginning wanted to go on to. */
export interface Connected {
  connected: string;
  returnTo?: string;
}

/**
 * Finishes a connect with the callback's parameters, for the member signed in now and the connect cookie of this browser (null
 * where there is none). The state is used up first, whatever follows. A grant that is not kept is revoked at Asana at once.
 */
export async function finishConnect(request: {
  organizationId: string;
  memberId: string;
  params: URLSearchParams;
  browserSecret: string | null;
  /** For the audit. */
  sessionId?: string;
}): Promise<Connected | ConnectFailure> {
  const { organizationId, memberId, params, browserSecret } = request;
  const [state, ...others] = params.getAll('state');
  const attempt = state && others.length === 0 ? await useAttempt(state) : null;
  if (!state || !attempt) return connectFailure('invalid_state');
  const member = await db().member.findUnique({
    where: { organizationId, id: memberId },
    select: { email: true },
  });
  if (!member) return connectFailure('interrupted');
  const credential = { kind: 'session', id: request.sessionId ?? memberId, name: null } as const;
  const actor: Actor = { organizationId, memberId, memberEmail: member.email, credential };
  if (attempt.organizationId !== organizationId || attempt.memberId !== memberId)
    return refuse(actor, 'other_member');
  if (browserSecret === null || !attempt.isBrowser(browserSecret)) return refuse(actor, 'other_browser');
  const error = params.get('error');
  if (error !== null) return refuse(actor, failureCodeOf(error, params.get('error_description') ?? ''));
  if (params.getAll('code').length !== 1 || params.get('code') === '') return refuse(actor, 'no_code');

  const credentials = await currentCredentials(organizationId);
  if (credentials?.clientId !== attempt.clientId) return refuse(actor, 'interrupted');
  const startedMs = Date.now();
  const tokens = await exchangeCode({
    ...{ credentials, callback: params, state },
    codeVerifier: attempt.codeVerifier(),
    redirectUrl: redirectUrl(),
  });
  if ('failure' in tokens) {
    if (tokens.failure === 'transient') return refuse(actor, 'asana_unavailable');
    return refuse(actor, tokens.error === 'invalid_grant' ? 'invalid_code' : tokens.error);
  }
  const expiresAt = new Date(startedMs + tokens.expiresInSeconds * 1000);
  return keepOrRevoke({ ...request, actor, attempt, credentials, tokens, expiresAt });
}

/** From here on Asana has issued a grant: it ends up saved, or revoked. */
async function keepOrRevoke(grant: {
  actor: Actor;
  attempt: ConnectAttempt;
  credentials: AppCredentials;
  tokens: TokenAnswer & { refreshToken: string };
  expiresAt: Date;
}): Promise<Connected | ConnectFailure> {
  const { actor, attempt, credentials, tokens } = grant;
  const { refreshToken } = tokens;
  try {
    const identity = await identify(actor, attempt, tokens);
    if (identity === 'wrong_kind_of_app') return await refuse(actor, identity, { credentials, refreshToken });
    const saved = await transaction((tx) => saveConnection(tx, { ...grant, identity }));
    if ('refused' in saved)
      return await refuse(actor, saved.refused, { credentials, refreshToken, identity });
    await Promise.all(saved.revocationIds.map(attemptRevocation));
    return { connected: saved.id, ...(attempt.returnTo === null ? {} : { returnTo: attempt.returnTo }) };
  } catch (error) {
    // Not even the refusal could be stored: what no row remembers is revoked now or never.
    await revokeToken({ credentials, refreshToken }).catch(() => undefined);
    throw error;
  }
}

async function currentCredentials(organizationId: string): Promise<AppCredentials | null> {
  try {
    return await appCredentials(organizationId);
  } catch (error) {
    if (error instanceof AppError && error.code === 'no_asana_app') return null;
    throw error;
  }
}

async function identify(
  actor: Actor,
  attempt: ConnectAttempt,
  { accessToken, account }: TokenAnswer,
): Promise<Identity | 'wrong_kind_of_app'> {
  const { organizationId, memberId, connectionId } = attempt;
  try {
    const me = await whoAmI(
      { organizationId, memberId, memberEmail: actor.memberEmail ?? '', connectionId, workspaceGid: null },
      accessToken,
    );
    const email = account.email ?? me.email;
    return {
      email: email === null ? null : lowerAscii(email),
      userGid: account.userGid ?? me.userGid,
      workspace: me.workspace,
    };
  } catch (error) {
    if (error instanceof UpstreamError) return 'wrong_kind_of_app';
    throw error;
  }
}

/** Records the refusal, its meaning for the app, and the revocation of a grant that is not kept, together; then revokes it. */
async function refuse(
  actor: Actor,
  code: ConnectFailureCode,
  grant?: { credentials: AppCredentials; refreshToken: string; identity?: Identity },
): Promise<ConnectFailure> {
  const { organizationId } = actor;
  const revocationId = await transaction(async (tx) => {
    await appendEvent(tx, actor, {
      action: 'connection.refused',
      target: `member:${actor.memberEmail}`,
      after: {
        reason: code,
        asanaEmail: grant?.identity?.email,
        workspace: grant?.identity?.workspace?.gid,
      },
    });
    await recordLastConnect(organizationId, code, tx);
    if (!grant) return null;
    const { credentials, refreshToken } = grant;
    return queueRevocation(tx, {
      organizationId,
      memberEmail: actor.memberEmail ?? '',
      credentials,
      refreshToken,
    });
  });
  if (revocationId && (await attemptRevocation(revocationId)) === 'pending')
    log().warn(
      { organizationId, reason: code },
      'a refused grant is not revoked at Asana yet; it stays queued',
    );
  const email = grant?.identity?.email;
  return connectFailure(code, email ? `Asana signed you in as ${email}.` : undefined);
}
