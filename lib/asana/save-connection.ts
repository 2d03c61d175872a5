// Stores a new grant as a connection, or says why it may not be kept. Decides on what the database says now, under locks.
import { z } from 'zod';
import type { Tx } from '../db';
import { appendEvent, uuidv7, type Actor } from '../audit/append';
import { SealError } from '../vault/seal';
import { openSecret, placeOf, sealSecret } from '../vault/vault';
import { accountRefusal, renewalRefusal, type AccountRule, type Identity } from './account-rule';
import { recordLastConnect } from './asana-app';
import type { ConnectAttempt } from './connect-attempt';
import type { ConnectFailureCode } from './connect-failures';
import { queueRevocation } from './revoke';
import type { TokenAnswer } from './token-answer';
import type { AppCredentials } from './token-endpoint';

interface Grant {
  actor: Actor;
  attempt: ConnectAttempt;
  credentials: AppCredentials;
  tokens: TokenAnswer & { refreshToken: string };
  expiresAt: Date;
  identity: Identity;
}

interface Existing {
  id: string;
  refresh_token: string;
  asana_email: string;
  asana_user_gid: string | null;
  workspace_gid: string | null;
  workspace_name: string | null;
}

/**
 * Renews the attempt's connection, or the one the member already has for this workspace and account, or adds one. A renewed row's
 * older refresh token is queued for revocation: `revocationIds` are to be tried after the commit.
 */
export async function saveConnection(
  tx: Tx,
  grant: Grant,
): Promise<{ id: string; revocationIds: string[] } | { refused: ConnectFailureCode }> {
  const { attempt, identity } = grant;
  const rule = await lockRule(tx, attempt);
  if (!rule) return { refused: 'interrupted' };
  const refused = accountRefusal(rule, identity);
  if (refused) return { refused };
  const existing = await findExisting(tx, attempt, identity);
  if (attempt.connectionId !== null) {
    if (!existing) return { refused: 'interrupted' };
    const changed = renewalRefusal(identityOf(existing), identity);
    if (changed) return { refused: changed };
  }
  const id = existing?.id ?? uuidv7();
  const revocationIds = existing ? await renew(tx, grant, existing) : await add(tx, grant, id);
  await appendEvent(tx, grant.actor, {
    action: existing ? 'connection.reconnected' : 'connection.connected',
    target: `connection:${id}`,
    after: { asanaEmail: identity.email, workspace: identity.workspace },
  });
  await recordLastConnect(attempt.organizationId, 'ok', tx);
  return { id, revocationIds };
}

const pins = z.array(z.object({ gid: z.string() })).nullable();

/**
 * Locks the member (two tabs finish one after the other, OC-12) and the app (another client id waits or wins), and reads the
 * rule in force. Null when the member is gone or the app is another one by now.
 */
async function lockRule(
  tx: Tx,
  { organizationId, memberId, clientId }: ConnectAttempt,
): Promise<AccountRule | null> {
  const [member] = await tx.$queryRaw<{ email: string; asana_emails: string[] }[]>`
    SELECT email, asana_emails FROM members
    WHERE organization_id = ${organizationId}::uuid AND id = ${memberId}::uuid FOR UPDATE`;
  const [app] = await tx.$queryRaw<{ client_id: string }[]>`
    SELECT client_id FROM asana_apps WHERE organization_id = ${organizationId}::uuid FOR SHARE`;
  if (!member || app?.client_id !== clientId) return null;
  const organization = await tx.organization.findUniqueOrThrow({
    where: { id: organizationId },
    select: { asanaEmail: true, workspaces: true },
  });
  return {
    // An unknown rule is read as the strictest.
    asanaEmail:
      organization.asanaEmail === 'any' || organization.asanaEmail === 'listed'
        ? organization.asanaEmail
        : 'same',
    memberEmail: member.email,
    listedEmails: member.asana_emails,
    workspaceGids: pins.parse(organization.workspaces)?.map(({ gid }) => gid) ?? null,
  };
}

async function findExisting(
  tx: Tx,
  { organizationId, memberId, connectionId }: ConnectAttempt,
  { email, workspace }: Identity,
): Promise<Existing | null> {
  // Where Asana named no workspace or account, two grants can't be told to be the same: they stay apart.
  const rows = await tx.$queryRaw<Existing[]>`
    SELECT id, refresh_token, asana_email, asana_user_gid, workspace_gid, workspace_name FROM connections
    WHERE organization_id = ${organizationId}::uuid AND member_id = ${memberId}::uuid
      AND CASE WHEN ${connectionId}::uuid IS NOT NULL THEN id = ${connectionId}::uuid
        ELSE workspace_gid = ${workspace?.gid ?? null}::text AND asana_email = ${email}::text END
    ORDER BY created_at LIMIT 1 FOR UPDATE`;
  return rows[0] ?? null;
}

function identityOf(row: Existing): Identity {
  return {
    email: row.asana_email || null,
    userGid: row.asana_user_gid,
    workspace: row.workspace_gid
      ? { gid: row.workspace_gid, name: row.workspace_name ?? row.workspace_gid }
      : null,
  };
}

const sealed = ({ attempt, tokens }: Grant, id: string) => ({
  access: sealSecret(placeOf(attempt.organizationId, 'connections', 'access_token', id), tokens.accessToken),
  refresh: sealSecret(
    placeOf(attempt.organizationId, 'connections', 'refresh_token', id),
    tokens.refreshToken,
  ),
});

async function add(tx: Tx, grant: Grant, id: string): Promise<string[]> {
  const { attempt, identity, expiresAt } = grant;
  const { access, refresh } = sealed(grant, id);
  await tx.connection.create({
    data: {
      id,
      organizationId: attempt.organizationId,
      memberId: attempt.memberId,
      clientId: attempt.clientId,
      workspaceGid: identity.workspace?.gid ?? null,
      workspaceName: identity.workspace?.name ?? null,
      asanaUserGid: identity.userGid,
      asanaEmail: identity.email ?? '',
      accessToken: access,
      refreshToken: refresh,
      accessExpiresAt: expiresAt,
    },
  });
  return [];
}

/** The higher generation fences off a refresh that is still under way: the newest grant wins (UF-28). */
async function renew(tx: Tx, grant: Grant, existing: Existing): Promise<string[]> {
  const { attempt, identity, expiresAt, tokens, credentials, actor } = grant;
  const { organizationId } = attempt;
  const { access, refresh } = sealed(grant, existing.id);
  const { email, userGid, workspace } = identity;
  await tx.$executeRaw`
    UPDATE connections SET access_token = ${access}, refresh_token = ${refresh}, access_expires_at = ${expiresAt},
      client_id = ${attempt.clientId}, status = 'active', generation = generation + 1, lease_holder = NULL,
      lease_until = NULL, refresh_failures = 0, refresh_after = NULL, authorized_at = clock_timestamp(), asana_email = coalesce(${email}, asana_email),
      asana_user_gid = coalesce(${userGid}, asana_user_gid), workspace_gid = ${workspace?.gid ?? null},
      workspace_name = ${workspace?.name ?? null}
    WHERE organization_id = ${organizationId}::uuid AND id = ${existing.id}::uuid`;
  const older = olderToken(organizationId, existing);
  if (older === null || older === tokens.refreshToken) return [];
  const memberEmail = actor.memberEmail ?? '';
  return [await queueRevocation(tx, { organizationId, memberEmail, credentials, refreshToken: older })];
}

// An unreadable token is being replaced; that is the cure, so it must not fail here (TV-06).
function olderToken(organizationId: string, { id, refresh_token }: Existing): string | null {
  try {
    return openSecret(placeOf(organizationId, 'connections', 'refresh_token', id), refresh_token);
  } catch (error) {
    if (error instanceof SealError) return null;
    throw error;
  }
}
