// How the audit moves to another PostgreSQL. A record's transaction number orders what the chain has not laid yet, and means nothing in
// another cluster: its own numbers begin low, and the chainer would wait for the old ones for ever.
import type { RestoreRules } from '../database/restore';

/** Lower than every transaction number of any cluster's own (PostgreSQL's first normal one). */
const LONG_AGO = `'3'::xid8`;

/**
 * What has its link in the chain is as good as settled long ago; its order is the chain's. What has none yet comes behind all of it and
 * before whatever is recorded after the restore. The hashes hold no transaction number, so the chain verifies as before.
 */
export const RESTORED_AUDIT: RestoreRules = {
  first: ['audit_chain'],
  columns: {
    'audit_records.xid': (stored) =>
      `CASE WHEN EXISTS (SELECT FROM audit_chain c WHERE c.record_id = ${stored('id')}) THEN ${LONG_AGO} ELSE pg_current_xact_id() END`,
    'audit_chain_heads.xid': () => LONG_AGO,
    // Among equal numbers the id decides: the head stands at the greatest that is laid.
    'audit_chain_heads.record_id': (stored) =>
      `(SELECT c.record_id FROM audit_chain c WHERE c.organization_id = ${stored('organization_id')}
        ORDER BY c.record_id DESC LIMIT 1)`,
  },
};
