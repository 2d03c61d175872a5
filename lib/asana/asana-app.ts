// The organization's one MCP app at Asana. Its secret goes in and never comes out; another app ends what the old one issued.
import { db, pool, type Tx } from '../db';
import { env } from '../env';
import { AppError } from '../errors';
import { appendEvent, type Actor } from '../audit/append';
import { openSecret, placeOf, sealSecret } from '../vault/vault';
import { SealError } from '../vault/seal';
import { log } from '../log';
import type { ConnectFailureCode } from './connect-failures';
import { endConnections } from './end-connections';
import type { AppCredentials } from './token-endpoint';
import { endRests } from './token-lease';

export interface AsanaAppView {
  /** Null before set-up. */
  clientId: string | null;
  secretSetAt: Date | null;
  /** The one redirect URL to register at Asana. */
  redirectUrl: string;
}

/** The one redirect URL; Asana compares it character by character. */
export function redirectUrl(): string {
  return `${env().GATEHOUSE_URL}/connect/asana/callback`;
}

const secretPlace = (organizationId: string) =>
  placeOf(organizationId, 'asana_apps', 'client_secret', organizationId);

/** The app as an admin may see it. */
export async function readAsanaApp(organizationId: string, source: Tx = db()): Promise<AsanaAppView> {
  const app = await source.asanaApp.findUnique({
    where: { organizationId },
    select: { clientId: true, secretSetAt: true },
  });
  return {
    clientId: app?.clientId ?? null,
    secretSetAt: app?.secretSetAt ?? null,
    redirectUrl: redirectUrl(),
  };
}

/**
 * The opened credentials. Throws `AppError('no_asana_app')` before set-up and `SealError` where the vault can't open them.
 */
export async function appCredentials(organizationId: string, source: Tx = db()): Promise<AppCredentials> {
  const app = await source.asanaApp.findUnique({
    where: { organizationId },
    select: { clientId: true, clientSecret: true },
  });
  if (!app) throw new AppError('no_asana_app');
  return { clientId: app.clientId, clientSecret: openSecret(secretPlace(organizationId), app.clientSecret) };
}

/**
 * Registers the app or changes it, with its audit event. The same client id keeps every connection (a new secret disconnects
 * nobody). Another one makes all connections useless: while there are any it throws `AppError('would_disconnect')` unless
 * `confirm`, which ends them and queues their revocation with the old credentials.
 */
export async function saveAsanaApp(
  tx: Tx,
  actor: Actor,
  { clientId, clientSecret }: AppCredentials,
  { confirm = false }: { confirm?: boolean } = {},
): Promise<AsanaAppView> {
  const { organizationId } = actor;
  // The lock orders this with connects under way: they hold the row FOR SHARE while they save.
  const [before] = await tx.$queryRaw<{ client_id: string; client_secret: string }[]>`
    SELECT client_id, client_secret FROM asana_apps WHERE organization_id = ${organizationId}::uuid FOR UPDATE`;
  if (before && before.client_id !== clientId) {
    const people = (
      await tx.connection.findMany({
        where: { organizationId },
        distinct: ['memberId'],
        select: { memberId: true },
      })
    ).length;
    if (people > 0 && !confirm)
      throw new AppError(
        'would_disconnect',
        `${people} ${people === 1 ? 'person is' : 'people are'} connected through the present app; another client id disconnects them. Repeat with ?confirm=true to do so.`,
      );
    await endConnections(tx, actor, {}, oldCredentials(organizationId, before), 'asana_app_changed');
  }
  const sealed = sealSecret(secretPlace(organizationId), clientSecret);
  const secretSetAt = new Date();
  // What the last connect showed was true of the app that was: another app, or new credentials for refused ones, start afresh.
  await tx.$executeRaw`
    INSERT INTO asana_apps (organization_id, client_id, client_secret, secret_set_at)
    VALUES (${organizationId}::uuid, ${clientId}, ${sealed}, ${secretSetAt})
    ON CONFLICT (organization_id) DO UPDATE SET client_id = excluded.client_id, client_secret = excluded.client_secret,
      secret_set_at = excluded.secret_set_at,
      last_connect = CASE WHEN asana_apps.client_id = excluded.client_id AND asana_apps.last_connect = 'ok' THEN 'ok' END,
      last_connect_at = CASE WHEN asana_apps.client_id = excluded.client_id AND asana_apps.last_connect = 'ok'
        THEN asana_apps.last_connect_at END`;
  await endRests(tx, organizationId);
  await appendEvent(tx, actor, {
    action: 'asana_app.saved',
    target: `asana_app:${organizationId}`,
    before: before ? { clientId: before.client_id } : undefined,
    after: { clientId },
  });
  return { clientId, secretSetAt, redirectUrl: redirectUrl() };
}

// A secret the vault can't open must not keep an admin from replacing it; its authorizations then can't be revoked by us.
function oldCredentials(
  organizationId: string,
  row: { client_id: string; client_secret: string },
): AppCredentials | null {
  try {
    return {
      clientId: row.client_id,
      clientSecret: openSecret(secretPlace(organizationId), row.client_secret),
    };
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    log().error({ err: error, organizationId }, 'the Asana app’s old secret can’t be opened');
    return null;
  }
}

// What these say is true of the app or of the people who use it. The rest (a refusal, an outage) must not hide it.
const TELLING: ('ok' | ConnectFailureCode)[] = [
  ...(['ok', 'app_not_available', 'invalid_scope', 'redirect_mismatch'] as const),
  ...(['invalid_client', 'wrong_kind_of_app', 'account_differs', 'workspace_differs'] as const),
];

/** Remembers what a connect showed of the app, for the checks that only a consent can answer. */
export async function recordLastConnect(
  organizationId: string,
  result: 'ok' | ConnectFailureCode,
  tx: Pick<Tx, '$executeRaw'> = db(),
): Promise<void> {
  await tx.$executeRaw`
    UPDATE asana_apps SET last_connect = ${result}, last_connect_at = now()
    WHERE organization_id = ${organizationId}::uuid
      AND (${TELLING.includes(result)} OR last_connect IS NULL OR last_connect <> ALL (${TELLING}))`;
}

/** What the last connect or refresh showed of the app; null before any, and without an app. */
export async function lastConnectOf(organizationId: string): Promise<string | null> {
  const app = await db().asanaApp.findUnique({ where: { organizationId }, select: { lastConnect: true } });
  return app?.lastConnect ?? null;
}

/** A refresh went through: an alarm about the app's credentials is over (OC-16). */
export async function clearCredentialsAlarm(organizationId: string): Promise<void> {
  await pool().query(
    `UPDATE asana_apps SET last_connect = 'ok', last_connect_at = now()
     WHERE organization_id = $1 AND last_connect = 'invalid_client'`,
    [organizationId],
  );
}
