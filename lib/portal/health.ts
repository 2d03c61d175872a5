// What the health room shows: each fact with a sentence that says what to do where it is red.
import { readFileSync } from 'node:fs';
import { callOutbound } from '../http';
import { db, pool } from '../db';
import { env } from '../env';
import { readCircuits } from '../gateway/asana-circuits';
import { MODERN_VERSION } from '../gateway/era';
import { ringStillFits } from '../vault/vault';
import { activityFacts } from './health-activity';

export interface Fact {
  ok: boolean;
  detail: string;
  /** What to do where it is not ok; null where it is. */
  fix: string | null;
}

const well = (detail: string): Fact => ({ ok: true, detail, fix: null });

/** Whether the database answers within a second. */
export async function databaseFact(): Promise<Fact> {
  const answered = await Promise.race([
    pool()
      .query('SELECT 1')
      .then(
        () => true,
        () => false,
      ),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1_000).unref()),
  ]);
  return answered
    ? well('PostgreSQL answers.')
    : {
        ok: false,
        detail: 'PostgreSQL does not answer; calls are refused until it does.',
        fix: 'Check DATABASE_URL or the data folder\u2019s disk.',
      };
}

/** Whether the key ring opens what the database holds. */
export async function keysFact(): Promise<Fact> {
  return (await ringStillFits().catch(() => false))
    ? well('The key ring opens this database.')
    : {
        ok: false,
        detail: 'The key ring does not open this database.',
        fix: 'Restore GATEHOUSE_KEYS (or keys.json) as it was.',
      };
}

async function asanaFact(): Promise<Fact> {
  try {
    // Without a token a healthy endpoint answers 401 or 405 (Asana's own hint).
    const { status } = await callOutbound(env().ASANA_MCP_URL, {
      method: 'GET',
      timeoutMs: 3_000,
      maxBytes: 65_536,
    });
    if (status === 401 || status === 405) return well('Asana\u2019s MCP server answers.');
    return {
      ok: false,
      detail: `Asana\u2019s MCP server answers with status ${status}.`,
      fix: 'See Asana\u2019s status page.',
    };
  } catch {
    return {
      ok: false,
      detail: 'Asana\u2019s MCP server can\u2019t be reached.',
      fix: 'Check this machine\u2019s way out and ASANA_MCP_URL.',
    };
  }
}

/** Whether calls go to Asana, or are refused at once because they failed; of the process that is asked. */
function circuitFact(organizationId: string) {
  const { state, since, failures, pausedConnections } = readCircuits(organizationId);
  const said = { state, since: since?.toISOString() ?? null, pausedConnections };
  if (state !== 'closed')
    return {
      ...said,
      ok: false,
      detail: `Asana failed ${failures} calls in a row, of several people, so calls are refused at once${state === 'probing' ? '; the next one tries again' : ''}.`,
      fix: 'Nobody has to reconnect: Gatehouse tries one call every half minute, and lets all go once it is answered. See Asana\u2019s status page; if Asana is well, check this machine\u2019s way out and ASANA_MCP_URL.',
    };
  if (pausedConnections > 0)
    return {
      ...said,
      ok: false,
      detail: `Calls through ${pausedConnections === 1 ? 'one connection' : `${pausedConnections} connections`} failed several times in a row and are refused at once; all others go on.`,
      fix: 'Gatehouse tries again every half minute. If it stays so, filter the audit by reason circuit_open to see whose calls these are; that person can reconnect under Connections.',
    };
  return { ...said, ok: true, detail: 'Calls go to Asana as they come.', fix: null };
}

/** Everything the health room shows for one organization. */
export async function readHealth(organizationId: string) {
  const [database, keys, asana, active, needsReconnect, pending, activity, postgres] = await Promise.all([
    databaseFact(),
    keysFact(),
    asanaFact(),
    db().connection.count({ where: { organizationId, status: 'active' } }),
    db().connection.count({ where: { organizationId, status: 'needs_reconnect' } }),
    db().revocation.count({ where: { organizationId, confirmedAt: null } }),
    activityFacts(organizationId),
    pool().query<{ server_version: string }>('SHOW server_version'),
  ]);
  return {
    database,
    keys,
    asana,
    circuit: circuitFact(organizationId),
    connections: { active, needsReconnect },
    revocations: { pending },
    version: version(),
    ...activity,
    versions: {
      gatehouse: version(),
      node: process.versions.node,
      postgres: postgres.rows[0]?.server_version.split(' ')[0] ?? null,
      protocol: MODERN_VERSION,
    },
  };
}

let known: string | undefined;

/** The product's version, from package.json. */
export function version(): string {
  known ??= String((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version);
  return known;
}
