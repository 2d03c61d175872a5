// The second try of a read is a further call at Asana, so it takes a further place in the limits of the connection, which are those of
// Asana's. It takes none in the limits of the token, the person or a group: the agent called once.
import { pool } from '../db';
import { log } from '../log';
import { connectionLimitsSql, isSearchSql } from '../policy/limits';

const LIMITS = connectionLimitsSql('o');
const TAKE = `
WITH connection AS (
  SELECT c.organization_id, c.id, ${LIMITS.connection} AS most, ${LIMITS.search} AS most_searches
  FROM connections c JOIN organizations o ON o.id = c.organization_id
  WHERE c.organization_id = $1 AND c.id = $2 AND c.status = 'active' AND coalesce(c.throttled_until <= now(), true)
    AND o.stopped_at IS NULL
), counters AS (
  SELECT organization_id, 'search' AS kind, id, most_searches AS most FROM connection WHERE ${isSearchSql('$3::text')}
  UNION ALL SELECT organization_id, 'connection', id, most FROM connection
)
SELECT EXISTS (SELECT 1 FROM connection) AND NOT EXISTS (
  SELECT 1 FROM (
    SELECT array_agg(1) AS calls, array_agg(organization_id) AS organizations, array_agg(kind) AS kinds, array_agg(id) AS ids,
      array_agg(most) AS limits FROM counters
  ) e, LATERAL take_calls(e.calls, e.organizations, e.kinds, e.ids, e.limits)
) AS taken`;

/**
 * Takes another place in this minute of the connection, and among its searches where `tool` is one; null for a list. False where there
 * is none, where Asana asked for quiet or the connection ended meanwhile, and where the database does not say.
 */
export async function takePlaceAgain(given: {
  organizationId: string;
  connectionId: string;
  tool: string | null;
}): Promise<boolean> {
  const { organizationId, connectionId, tool } = given;
  try {
    const { rows } = await pool().query<{ taken: boolean }>({
      name: 'repeat-place',
      text: TAKE,
      values: [organizationId, connectionId, tool],
    });
    return rows[0]!.taken;
  } catch (error) {
    log().warn({ err: error }, 'it is not known whether a read may be repeated, so it is not');
    return false;
  }
}
