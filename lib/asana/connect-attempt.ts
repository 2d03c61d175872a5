// A connect under way: single use, ten minutes, one member and one browser. Only hashes of what would finish it are stored.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { pool } from '../db';
import { openSecret, placeOf, sealSecret } from '../vault/vault';

export interface ConnectAttempt {
  organizationId: string;
  memberId: string;
  /** The Asana app it was begun with. */
  clientId: string;
  /** The connection to renew; null for a new one. */
  connectionId: string | null;
  /** A path of this portal to go on to afterwards; null for the connections page. */
  returnTo: string | null;
}

const MAX_OPEN_ATTEMPTS = 20;

const sha256 = (text: string) => createHash('sha256').update(text).digest();
const verifierPlace = (organizationId: string, stateHash: Buffer) =>
  placeOf(organizationId, 'connect_attempts', 'code_verifier', stateHash.toString('hex'));

/** Stores an attempt and returns its state: 256 random bits that exist nowhere else. */
export async function openAttempt(
  attempt: ConnectAttempt & { browserSecret: string; codeVerifier: string },
): Promise<string> {
  const { organizationId, memberId, clientId, connectionId, returnTo } = attempt;
  const state = randomBytes(32).toString('base64url');
  const stateHash = sha256(state);
  const sealed = sealSecret(verifierPlace(organizationId, stateHash), attempt.codeVerifier);
  await pool().query(
    `INSERT INTO connect_attempts
       (state_hash, organization_id, member_id, browser_hash, code_verifier, client_id, connection_id, return_to, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + interval '10 minutes')`,
    [
      ...[stateHash, organizationId, memberId, sha256(attempt.browserSecret)],
      ...[sealed, clientId, connectionId, returnTo],
    ],
  );
  // Any page can make a signed-in browser GET /connect/asana; the attempts that leaves behind must not pile up.
  await pool().query(
    `DELETE FROM connect_attempts WHERE organization_id = $1 AND (expires_at < now() OR state_hash IN (
       SELECT state_hash FROM connect_attempts WHERE organization_id = $1 AND member_id = $2
       ORDER BY expires_at DESC OFFSET ${MAX_OPEN_ATTEMPTS}))`,
    [organizationId, memberId],
  );
  return state;
}

/**
 * Uses up the attempt in one statement: of two callbacks with the same state one gets it (OC-01, OC-11). Null for a state that is
 * unknown, used or expired. Whose it is and which browser's is the caller's to compare.
 */
export async function useAttempt(
  state: string,
): Promise<(ConnectAttempt & { isBrowser(secret: string): boolean; codeVerifier(): string }) | null> {
  const stateHash = sha256(state);
  const { rows } = await pool().query<ConnectAttempt & { browserHash: Buffer; sealed: string }>(
    `UPDATE connect_attempts SET used_at = now()
     WHERE state_hash = $1 AND used_at IS NULL AND expires_at > now()
     RETURNING organization_id AS "organizationId", member_id AS "memberId", client_id AS "clientId",
       connection_id AS "connectionId", return_to AS "returnTo", code_verifier AS sealed, browser_hash AS "browserHash"`,
    [stateHash],
  );
  if (!rows[0]) return null;
  const { browserHash, sealed, ...attempt } = rows[0];
  return {
    ...attempt,
    isBrowser: (secret) => timingSafeEqual(sha256(secret), browserHash),
    codeVerifier: () => openSecret(verifierPlace(attempt.organizationId, stateHash), sealed),
  };
}
