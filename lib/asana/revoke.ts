// Ends authorizations at Asana. Whatever was queued is tried until Asana confirms it; then its secrets are gone (OC-17).
import { pool, type Tx } from '../db';
import { log } from '../log';
import { uuidv7 } from '../audit/append';
import { openSecret, placeOf, sealSecret } from '../vault/vault';
import { revokeToken, type AppCredentials } from './token-endpoint';

export interface RevocationRequest {
  organizationId: string;
  /** Whose authorization it was. */
  memberEmail: string;
  /** The credentials that it was issued to; the app's row may change before Asana confirms. */
  credentials: AppCredentials;
  refreshToken: string;
}

const place = (organizationId: string, column: 'client_secret' | 'refresh_token', id: string) =>
  placeOf(organizationId, 'revocations', column, id);

/** Queues a revocation in the caller's transaction and returns its id; `attemptRevocation` after the commit tries it at once. */
export async function queueRevocation(tx: Tx, request: RevocationRequest): Promise<string> {
  return (await queueRevocations(tx, [request]))[0]!;
}

const AT_ONCE = 1_000;

/** The same for many, in few statements: everything of an organization may end in one transaction, which has ten seconds (TV-20). */
export async function queueRevocations(tx: Tx, requests: readonly RevocationRequest[]): Promise<string[]> {
  const queued = requests.map((request) => ({ ...request, id: uuidv7() }));
  for (let from = 0; from < queued.length; from += AT_ONCE) {
    const some = queued.slice(from, from + AT_ONCE);
    const sealed = (
      column: 'client_secret' | 'refresh_token',
      secretOf: (one: RevocationRequest) => string,
    ) => some.map((one) => sealSecret(place(one.organizationId, column, one.id), secretOf(one)));
    // The first attempt is the caller's; the worker comes ten seconds later should the process die in between.
    await tx.$executeRaw`
      INSERT INTO revocations (id, organization_id, member_email, client_id, client_secret, refresh_token, next_attempt_at)
      SELECT *, now() + interval '10 seconds' FROM unnest(${some.map(({ id }) => id)}::uuid[],
        ${some.map(({ organizationId }) => organizationId)}::uuid[], ${some.map(({ memberEmail }) => memberEmail)}::text[],
        ${some.map(({ credentials }) => credentials.clientId)}::text[],
        ${sealed('client_secret', ({ credentials }) => credentials.clientSecret)}::text[],
        ${sealed('refresh_token', ({ refreshToken }) => refreshToken)}::text[])`;
  }
  return queued.map(({ id }) => id);
}

interface Claimed {
  id: string;
  organization_id: string;
  client_id: string;
  client_secret: string;
  refresh_token: string;
  app_client_id: string | null;
  app_client_secret: string | null;
}

// Claiming pushes the next attempt away (5 s doubling to an hour, with jitter), so nobody else takes the row meanwhile and no
// transaction is open while Asana is asked.
const CLAIM = `
  UPDATE revocations r SET attempts = r.attempts + 1,
    next_attempt_at = now() + least(3600, 5 * power(2, least(r.attempts, 12))) * (0.5 + random() / 2) * interval '1 second'
  FROM revocations r2 LEFT JOIN asana_apps a ON a.organization_id = r2.organization_id
  WHERE r2.id = r.id AND r.confirmed_at IS NULL AND `;
const CLAIMED = `
  RETURNING r.id, r.organization_id, r.client_id, r.client_secret, r.refresh_token,
    a.client_id AS app_client_id, a.client_secret AS app_client_secret`;

/**
 * Tries one revocation now (about 3 s at most). `pending` means that the worker goes on trying. Never throws: what it belongs to
 * is committed already.
 */
export async function attemptRevocation(id: string): Promise<'confirmed' | 'pending'> {
  try {
    const { rows } = await pool().query<Claimed>(`${CLAIM} r.id = $1 ${CLAIMED}`, [id]);
    // No row: the worker confirmed it a moment ago.
    return rows[0] ? await attempt(rows[0]) : 'confirmed';
  } catch (error) {
    log().warn({ err: error, revocation: id }, 'a revocation could not be claimed; it stays queued');
    return 'pending';
  }
}

async function attempt(row: Claimed): Promise<'confirmed' | 'pending'> {
  try {
    const refreshToken = openSecret(place(row.organization_id, 'refresh_token', row.id), row.refresh_token);
    for (const clientSecret of secretsToTry(row)) {
      const answer = await revokeToken({
        credentials: { clientId: row.client_id, clientSecret },
        refreshToken,
      });
      if ('revoked' in answer) {
        await pool().query(
          `UPDATE revocations SET confirmed_at = now(), client_secret = '', refresh_token = '' WHERE id = $1`,
          [row.id],
        );
        return 'confirmed';
      }
      if (answer.failure === 'transient' || answer.error !== 'invalid_client') break;
    }
  } catch (error) {
    // The vault can't open it, or the database went away: this row waits, the rest of the batch goes on (TV-06).
    log().error(
      { err: error, revocation: row.id },
      'a queued revocation could not be tried; it stays queued',
    );
  }
  return 'pending';
}

/** The secret of then, and that of now: a secret reset at Asana must not keep an authorization alive. */
function* secretsToTry(row: Claimed): Generator<string> {
  const then = openSecret(place(row.organization_id, 'client_secret', row.id), row.client_secret);
  yield then;
  if (row.app_client_id !== row.client_id || !row.app_client_secret) return;
  const now = openSecret(
    placeOf(row.organization_id, 'asana_apps', 'client_secret', row.organization_id),
    row.app_client_secret,
  );
  if (now !== then) yield now;
}

/** An authorization that ended here, and whether Asana has confirmed it. Times are ISO 8601. */
export interface RevocationView {
  endedAt: string;
  revocation: 'confirmed' | 'pending';
  confirmedAt: string | null;
  /** How often Asana was asked. */
  attempts: number;
}

/** The person's ended authorizations, newest first: those that wait for Asana, and for a week those that it confirmed. */
export async function listRevocations(
  organizationId: string,
  memberEmail: string,
): Promise<RevocationView[]> {
  const { rows } = await pool().query<{ endedAt: Date; confirmedAt: Date | null; attempts: number }>(
    `SELECT created_at AS "endedAt", confirmed_at AS "confirmedAt", attempts FROM revocations
     WHERE organization_id = $1 AND member_email = $2 ORDER BY created_at DESC, id DESC LIMIT 50`,
    [organizationId, memberEmail],
  );
  return rows.map(({ endedAt, confirmedAt, attempts }) => ({
    endedAt: endedAt.toISOString(),
    revocation: confirmedAt ? 'confirmed' : 'pending',
    confirmedAt: confirmedAt?.toISOString() ?? null,
    attempts,
  }));
}

const BATCH = 10;

/** One pass over what is due, of all organizations. Returns how many rows it took. */
async function attemptDue(): Promise<number> {
  const { rows } = await pool().query<Claimed>(
    `${CLAIM} r.id IN (SELECT id FROM revocations WHERE confirmed_at IS NULL AND next_attempt_at <= now()
       ORDER BY next_attempt_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED) ${CLAIMED}`,
  );
  await Promise.all(rows.map(attempt));
  return rows.length;
}

/** Works the queue every `intervalMs` until the returned function is called; that resolves when the last pass is over. */
export function startRevocationWorker({ intervalMs }: { intervalMs: number }): () => Promise<void> {
  let stopped = false;
  let passing: Promise<void> = Promise.resolve();
  async function pass(): Promise<void> {
    try {
      while (!stopped && (await attemptDue()) === BATCH);
      await pool().query(`DELETE FROM revocations WHERE confirmed_at < now() - interval '7 days'`);
    } catch (error) {
      log().warn({ err: error }, 'the revocation queue could not be worked; it is tried again');
    }
    if (!stopped) timer = setTimeout(next, intervalMs).unref();
  }
  const next = () => {
    passing = pass();
  };
  let timer = setTimeout(next, intervalMs).unref();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await passing;
  };
}
