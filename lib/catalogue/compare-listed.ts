// Compares a list that Asana gave to somebody's agent with the catalogue. It can only close: what is other than it was reviewed is held at
// once. What may have opened or gone is left to a sync, which asks for the whole list.
import { systemActor } from '../audit/append';
import { pool, transaction } from '../db';
import { hasten } from '../schedule/run-on-schedule';
import { applyListing } from './catalogue';
import type { ToolDefinition } from './classify';
import { syncJob } from './sync-schedule';

/** A tool of the list: `text` is all of it, as JSON. */
export interface Listed {
  name: string;
  text: string;
  fingerprint: string;
}

interface Known {
  name: string;
  status: 'reviewed' | 'new' | 'changed' | 'missing';
  definition_hash: string | null;
  latest_hash: string | null;
}

/** Not more than one sync a minute, however often lists differ: two workspaces of Asana's may have different tools for good. */
const SYNC_GAP_MS = 60_000;

/** `whole`: the list is no page of a longer one. Errors of the database pass through. */
export async function compareListed(
  organizationId: string,
  listed: readonly Listed[],
  { whole }: { whole: boolean },
): Promise<void> {
  const { rows } = await pool().query<Known>({
    name: 'catalogue-fingerprints',
    text: `SELECT name, status::text AS status, definition_hash, coalesce(seen_hash, definition_hash) AS latest_hash
      FROM tools WHERE organization_id = $1`,
    values: [organizationId],
  });
  const known = new Map(rows.map((row) => [row.name, row]));
  const closes = listed.filter(({ name, fingerprint }) => {
    const row = known.get(name);
    return !row || (fingerprint !== row.latest_hash && fingerprint !== row.definition_hash);
  });
  if (closes.length > 0) {
    const definitions = closes.map(({ text }) => JSON.parse(text) as ToolDefinition);
    const actor = systemActor(organizationId, 'a list of an agent');
    const all = whole ? listed.map(({ name }) => name) : undefined;
    const listing = { foundBy: 'agent', whole: false, names: all } as const;
    await transaction((tx) => applyListing(tx, actor, definitions, listing));
  }
  const opens = listed.some(({ name, fingerprint }) => {
    const row = known.get(name);
    return row && row.status !== 'new' && row.status !== 'reviewed' && fingerprint === row.definition_hash;
  });
  const names = new Set(listed.map(({ name }) => name));
  const gone = whole && rows.some(({ name, status }) => status !== 'missing' && !names.has(name));
  if (closes.length > 0 || opens || gone) await hasten(organizationId, syncJob.name, SYNC_GAP_MS);
}
