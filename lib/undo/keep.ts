// Keeps what was there before a call: one sealed row under the id of the call's audit record, for as many days as the group says.
import { pool } from '../db';
import { openSecret, placeOf, sealSecret } from '../vault/vault';
import type { Bundle } from './what-is-there';

/** What fifty tasks with long descriptions come to; more is not kept. */
export const MAX_BUNDLE_CHARS = 1024 * 1024;

export interface Keeping {
  organizationId: string;
  memberId: string;
  connectionId: string;
  /** The call's audit record. */
  callId: string;
  days: number;
}

const placeOfBundle = (organizationId: string, id: string) =>
  placeOf(organizationId, 'undo_bundles', 'sealed', id);

/**
 * Makes it durable; `too_large` where it is more than is kept. A call that is asked for again under the same id keeps what was read first.
 * Throws where the connection or the person has gone meanwhile, or the database does not answer.
 */
export async function keepBundle(keeping: Keeping, bundle: Bundle): Promise<'kept' | 'too_large'> {
  const text = JSON.stringify(bundle);
  if (text.length > MAX_BUNDLE_CHARS) return 'too_large';
  const { organizationId, memberId, connectionId, callId, days } = keeping;
  await pool().query({
    name: 'keep-undo',
    text: `INSERT INTO undo_bundles (id, organization_id, member_id, connection_id, tool_name, things, sealed, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8)) ON CONFLICT (id) DO NOTHING`,
    values: [
      ...[callId, organizationId, memberId, connectionId, bundle.tool, bundle.before.length],
      ...[sealBundle(organizationId, callId, text), days],
    ],
  });
  return 'kept';
}

/** Sealed for this row of this organization and nothing else. */
export function sealBundle(organizationId: string, id: string, text: string): string {
  return sealSecret(placeOfBundle(organizationId, id), text);
}

/** Forgets nothing, adds what came of putting it back. */
export const withResult = (bundle: Bundle, result: Bundle['result']): string =>
  JSON.stringify({ ...bundle, result });

/** What a row holds. Throws `SealError` where the key ring does not open it. */
export function openBundle(organizationId: string, id: string, sealed: string): Bundle {
  return JSON.parse(openSecret(placeOfBundle(organizationId, id), sealed)) as Bundle;
}
