// The stored token pair and the lease on it. One holder at a time, by the database's clock; a late holder writes only where nobody
// came after it.
import { pool, transaction, type Tx } from '../db';
import { appendEvent } from '../audit/append';
import { openSecret, placeOf, sealSecret } from '../vault/vault';

/** A connection's stored tokens, as one SELECT finds them. */
export interface TokenRow {
  organizationId: string;
  id: string;
  status: 'active' | 'needs_reconnect';
  /** Sealed. */
  accessToken: string;
  accessExpiresAt: Date;
  generation: number;
}

/** The same with how long no process tries again, after refreshes that failed; 0: one may. */
export interface StoredTokens extends TokenRow {
  restMs: number;
}

/** The right to refresh one generation of one connection. */
export interface Lease {
  organizationId: string;
  id: string;
  holder: string;
  generation: number;
  /** Sealed. */
  refreshToken: string;
  memberId: string;
  memberEmail: string;
  /** When the member gave the authorization that the refresh token belongs to. */
  authorizedAt: Date;
}

/** Opens the stored access token: no I/O, for the hot path. Throws `SealError`. */
export function openAccessToken(row: { organizationId: string; id: string; accessToken: string }): string {
  return openSecret(placeOf(row.organizationId, 'connections', 'access_token', row.id), row.accessToken);
}

/** Opens the refresh token of a lease. Throws `SealError`. */
export function openRefreshToken(lease: {
  organizationId: string;
  id: string;
  refreshToken: string;
}): string {
  return openSecret(
    placeOf(lease.organizationId, 'connections', 'refresh_token', lease.id),
    lease.refreshToken,
  );
}

const REST_MS = `coalesce(ceil(greatest(0, extract(epoch FROM refresh_after - clock_timestamp()) * 1000)), 0)::int`;

/** The row as it is now, or null when the connection is gone. */
export async function readTokenRow(organizationId: string, id: string): Promise<StoredTokens | null> {
  const { rows } = await pool().query<StoredTokens>({
    name: 'read-token-row',
    text: `SELECT organization_id AS "organizationId", id, status::text AS status, access_token AS "accessToken",
             access_expires_at AS "accessExpiresAt", generation,
             ${REST_MS} AS "restMs"
           FROM connections WHERE organization_id = $1 AND id = $2`,
    values: [organizationId, id],
  });
  return rows[0] ?? null;
}

/** Takes the lease on this very generation unless somebody holds it or all are to rest; null then. */
export async function takeLease(row: TokenRow, holder: string, leaseMs: number): Promise<Lease | null> {
  const { rows } = await pool().query<Omit<Lease, 'holder'>>({
    name: 'take-lease',
    text: `UPDATE connections c SET lease_holder = $4, lease_until = clock_timestamp() + $5 * interval '1 millisecond'
           FROM members m
           WHERE c.organization_id = $1 AND c.id = $2 AND c.generation = $3 AND c.status = 'active'
             AND (c.lease_until IS NULL OR c.lease_until < clock_timestamp())
             AND (c.refresh_after IS NULL OR c.refresh_after <= clock_timestamp())
             AND m.organization_id = c.organization_id AND m.id = c.member_id
           RETURNING c.organization_id AS "organizationId", c.id, c.generation, c.refresh_token AS "refreshToken",
             c.member_id AS "memberId", m.email AS "memberEmail", c.authorized_at AS "authorizedAt"`,
    values: [row.organizationId, row.id, row.generation, holder, leaseMs],
  });
  return rows[0] ? { ...rows[0], holder } : null;
}

/** The first tries after a success are free: a second of trouble must not cost anybody more than that. */
const FREE_FAILURES = 2;
const MAX_REST_MS = 60_000;

/**
 * Gives the lease back after a failure that may pass, and makes all processes rest: not after the first two failures, then 1 s, twice
 * as long after each further one, a minute at most, with jitter; or `askedMs` where Asana wants more. Returns for how long (ms). A
 * successor's lease is not ours to end: 0 then.
 */
export async function giveUpLease(lease: Lease, askedMs: number): Promise<number> {
  const { rows } = await pool().query<{ restMs: number }>(
    `UPDATE connections SET lease_holder = NULL, lease_until = NULL, refresh_failures = refresh_failures + 1,
       refresh_after = clock_timestamp() + interval '1 millisecond' * nullif(greatest($4::float8,
         CASE WHEN refresh_failures < $5 THEN 0
           ELSE least($6::float8, 1000 * power(2, least(refresh_failures - $5, 20))) * (0.75 + random() / 4) END), 0)
     WHERE organization_id = $1 AND id = $2 AND lease_holder = $3
     RETURNING ${REST_MS} AS "restMs"`,
    [lease.organizationId, lease.id, lease.holder, askedMs, FREE_FAILURES, MAX_REST_MS],
  );
  return rows[0]?.restMs ?? 0;
}

/** Lets the organization's connections be refreshed at once, because what failed has changed: the app has another secret. */
export async function endRests(tx: Tx, organizationId: string): Promise<void> {
  await tx.$executeRaw`
    UPDATE connections SET refresh_failures = 0, refresh_after = NULL
    WHERE organization_id = ${organizationId}::uuid AND refresh_failures > 0`;
}

/**
 * Stores what Asana issued and ends the lease. Without a refresh token the old one stays. A lease that ran out still stores, unless
 * somebody holds a newer one right now: the refresh token may have been rotated, and then what came late is all there is (UF-19).
 * Returns the new generation, or null if the tokens were superseded (another holder, a reconnect, a disconnect): nothing is written.
 */
export async function storeTokens(
  lease: Lease,
  tokens: { accessToken: string; refreshToken: string | null; expiresAt: Date },
): Promise<number | null> {
  const { organizationId, id } = lease;
  const place = (column: string) => placeOf(organizationId, 'connections', column, id);
  const sealed = {
    access: sealSecret(place('access_token'), tokens.accessToken),
    refresh: tokens.refreshToken === null ? null : sealSecret(place('refresh_token'), tokens.refreshToken),
    expiresAt: tokens.expiresAt,
  };
  const { rows } = await pool().query<{ generation: number }>(
    `UPDATE connections SET access_token = $5, refresh_token = coalesce($6, refresh_token), access_expires_at = $7,
       generation = generation + 1, lease_holder = NULL, lease_until = NULL, refresh_failures = 0, refresh_after = NULL
     WHERE organization_id = $1 AND id = $2 AND generation = $3 AND status = 'active'
       AND (lease_holder = $4 OR lease_until IS NULL OR lease_until < clock_timestamp())
     RETURNING generation`,
    [organizationId, id, lease.generation, lease.holder, sealed.access, sealed.refresh, sealed.expiresAt],
  );
  return rows[0]?.generation ?? (await revive(lease, sealed));
}

/**
 * A successor offered the refresh token that the late holder had rotated, and Asana refused it. The late answer proves that the
 * authorization lives: the connection is made active again, on record.
 */
async function revive(
  lease: Lease,
  sealed: { access: string; refresh: string | null; expiresAt: Date },
): Promise<number | null> {
  const { organizationId, id, generation, memberId, memberEmail } = lease;
  if (sealed.refresh === null) return null;
  return transaction(async (tx) => {
    const [row] = await tx.$queryRaw<{ generation: number }[]>`
      UPDATE connections SET access_token = ${sealed.access}, refresh_token = ${sealed.refresh},
        access_expires_at = ${sealed.expiresAt}, generation = generation + 1, status = 'active',
        refresh_failures = 0, refresh_after = NULL
      WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid AND generation = ${generation}
        AND status = 'needs_reconnect'
      RETURNING generation`;
    if (!row) return null;
    const event = {
      action: 'connection.recovered',
      target: `connection:${id}`,
      after: { reason: 'late_answer' },
    };
    await appendEvent(tx, { organizationId, memberId, memberEmail, credential: REFRESH }, event);
    return row.generation;
  });
}

const REFRESH = { kind: 'system', id: 'gatehouse', name: 'refresh' } as const;

/**
 * Whether a refresh token that could not be stored must be revoked: the connection is gone, or its member has authorized anew. One
 * that lost to another refresh of the same authorization must not: revoking it could end the tokens that are in use.
 */
export async function isOrphan(lease: Lease, refreshToken: string): Promise<boolean> {
  const { rows } = await pool().query<{ authorizedAt: Date; refreshToken: string }>(
    `SELECT authorized_at AS "authorizedAt", refresh_token AS "refreshToken" FROM connections
     WHERE organization_id = $1 AND id = $2`,
    [lease.organizationId, lease.id],
  );
  const [now] = rows;
  if (!now) return openRefreshToken(lease) !== refreshToken;
  const stored = openRefreshToken({ ...lease, refreshToken: now.refreshToken });
  return (
    now.authorizedAt.getTime() !== lease.authorizedAt.getTime() &&
    stored !== refreshToken &&
    openRefreshToken(lease) !== refreshToken
  );
}

/** Asana ended the authorization: the connection waits for its member, on record once. False if the lease was lost meanwhile. */
export async function markNeedsReconnect(lease: Lease): Promise<boolean> {
  const { organizationId, id, generation, holder, memberId, memberEmail } = lease;
  return transaction(async (tx) => {
    const changed = await tx.$executeRaw`
      UPDATE connections SET status = 'needs_reconnect', lease_holder = NULL, lease_until = NULL
      WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid AND generation = ${generation}
        AND lease_holder = ${holder}::uuid`;
    if (changed === 0) return false;
    await appendEvent(
      tx,
      { organizationId, memberId, memberEmail, credential: REFRESH },
      {
        action: 'connection.needs_reconnect',
        target: `connection:${id}`,
        after: { reason: 'invalid_grant' },
      },
    );
    return true;
  });
}
