// The stored token pair and the lease on it. One holder at a time, by the database's clock; a late holder writes nothing.
import { pool, transaction } from '../db';
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

/** The row as it is now, or null when the connection is gone. */
export async function readTokenRow(organizationId: string, id: string): Promise<TokenRow | null> {
  const { rows } = await pool().query<TokenRow>({
    name: 'read-token-row',
    text: `SELECT organization_id AS "organizationId", id, status::text AS status, access_token AS "accessToken",
             access_expires_at AS "accessExpiresAt", generation
           FROM connections WHERE organization_id = $1 AND id = $2`,
    values: [organizationId, id],
  });
  return rows[0] ?? null;
}

/** Takes the lease on this very generation unless somebody holds it; null then. */
export async function takeLease(row: TokenRow, holder: string, leaseMs: number): Promise<Lease | null> {
  const { rows } = await pool().query<Omit<Lease, 'holder'>>({
    name: 'take-lease',
    text: `UPDATE connections c SET lease_holder = $4, lease_until = clock_timestamp() + $5 * interval '1 millisecond'
           FROM members m
           WHERE c.organization_id = $1 AND c.id = $2 AND c.generation = $3 AND c.status = 'active'
             AND (c.lease_until IS NULL OR c.lease_until < clock_timestamp())
             AND m.organization_id = c.organization_id AND m.id = c.member_id
           RETURNING c.organization_id AS "organizationId", c.id, c.generation, c.refresh_token AS "refreshToken",
             c.member_id AS "memberId", m.email AS "memberEmail"`,
    values: [row.organizationId, row.id, row.generation, holder, leaseMs],
  });
  return rows[0] ? { ...rows[0], holder } : null;
}

/** Gives the lease back. A successor's lease is not ours to end. */
export async function releaseLease({ organizationId, id, holder }: Lease): Promise<void> {
  await pool().query(
    `UPDATE connections SET lease_holder = NULL, lease_until = NULL
     WHERE organization_id = $1 AND id = $2 AND lease_holder = $3`,
    [organizationId, id, holder],
  );
}

/**
 * Stores what Asana issued and ends the lease. Without a refresh token the old one stays. Returns the new generation, or null if
 * the lease was lost meanwhile (another holder, a reconnect, a disconnect): then nothing is written.
 */
export async function storeTokens(
  lease: Lease,
  tokens: { accessToken: string; refreshToken: string | null; expiresAt: Date },
): Promise<number | null> {
  const { organizationId, id } = lease;
  const place = (column: string) => placeOf(organizationId, 'connections', column, id);
  const { rows } = await pool().query<{ generation: number }>(
    `UPDATE connections SET access_token = $5, refresh_token = coalesce($6, refresh_token), access_expires_at = $7,
       generation = generation + 1, lease_holder = NULL, lease_until = NULL
     WHERE organization_id = $1 AND id = $2 AND generation = $3 AND lease_holder = $4 AND status = 'active'
     RETURNING generation`,
    [
      organizationId,
      id,
      lease.generation,
      lease.holder,
      sealSecret(place('access_token'), tokens.accessToken),
      tokens.refreshToken === null ? null : sealSecret(place('refresh_token'), tokens.refreshToken),
      tokens.expiresAt,
    ],
  );
  return rows[0]?.generation ?? null;
}

/**
 * Whether a refresh token that could not be stored is of no use to anybody: the connection is gone, or newer tokens that do not
 * include it are stored. While another holder is at work nobody can tell, and it must not lose what Asana may give to both.
 */
export async function isOrphan(lease: Lease, refreshToken: string): Promise<boolean> {
  const { rows } = await pool().query<{ generation: number; refreshToken: string }>(
    `SELECT generation, refresh_token AS "refreshToken" FROM connections WHERE organization_id = $1 AND id = $2`,
    [lease.organizationId, lease.id],
  );
  const [now] = rows;
  if (!now) return openRefreshToken(lease) !== refreshToken;
  const stored = openRefreshToken({ ...lease, refreshToken: now.refreshToken });
  return (
    now.generation > lease.generation && stored !== refreshToken && openRefreshToken(lease) !== refreshToken
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
    const credential = { kind: 'system', id: 'gatehouse', name: 'refresh' } as const;
    await appendEvent(
      tx,
      { organizationId, memberId, memberEmail, credential },
      {
        action: 'connection.needs_reconnect',
        target: `connection:${id}`,
        after: { reason: 'invalid_grant' },
      },
    );
    return true;
  });
}
