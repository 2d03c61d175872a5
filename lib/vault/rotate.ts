// Seals everything anew with the current key while the gate runs. Killed anywhere, it is run again and ends complete; a secret that
// somebody writes meanwhile is never overwritten.
import { pool } from '../db';
import { open, SealError } from './seal';
import { countSealed, KeyChangeRefused, sumOf, type SealedColumn } from './key-use';
import { keyRing, placeOf, sealSecret } from './vault';

/** A text that could not be opened; it was left as it is (TV-06). */
export interface Unreadable {
  table: string;
  column: string;
  id: string;
  organizationId: string | null;
  reason: SealError['reason'];
}

/** Small, so that the row locks of one statement last a moment. */
const BATCH = 100;
/** Rows that change under the rotation are taken in its next pass. More passes than this: somebody else still seals with an older key. */
const MAX_PASSES = 10;

const keyText = ({ key }: SealedColumn) =>
  key.type === 'bytea' ? `encode(t.${key.column}, 'hex')` : `t.${key.column}::text`;
const asKey = ({ key }: SealedColumn, text: string) =>
  key.type === 'bytea' ? `decode(${text}, 'hex')` : `(${text})::${key.type}`;

export interface Rotation {
  columns: readonly SealedColumn[];
  /** Hears of progress, a line each. */
  report(line: string): void;
  /** Puts the beginning and the end on record, once for each organization that has something to seal anew. */
  record(
    organizationId: string,
    phase: 'started' | 'finished',
    facts: Record<string, unknown>,
  ): Promise<void>;
}

/**
 * Seals anew what an older key of the ring sealed. Returns what could not be opened, which stays as it is. Throws `KeyChangeRefused`
 * where another process keeps sealing with an older key.
 */
export async function rotateSeals({
  columns,
  report,
  record,
}: Rotation): Promise<{ resealed: number; unreadable: Unreadable[] }> {
  const keyId = keyRing({ look: true })[0].id;
  const stale = async () => (await countSealed(columns)).filter((count) => count.keyId !== keyId);
  const before = await stale();
  const organizations = [...new Set(before.flatMap(({ organizationId }) => organizationId ?? []))];
  const of = (organizationId: string) => before.filter((count) => count.organizationId === organizationId);
  for (const id of organizations)
    await record(id, 'started', {
      to: keyId,
      from: [...new Set(of(id).map((count) => count.keyId))],
      rows: sumOf(of(id)),
    });

  const unreadable = new Map<string, Unreadable>();
  const resealed = new Map<string | null, number>();
  const all = sumOf(before);
  if (all > 0) report(`${all} sealed texts to seal anew with the key "${keyId}"`);
  for (let pass = 1; sumOf(await stale()) > unreadable.size; pass += 1) {
    if (pass > MAX_PASSES)
      throw new KeyChangeRefused(
        `Another process keeps sealing with an older key: give all processes the same GATEHOUSE_KEYS, with "${keyId}" first, then run rotate again.`,
      );
    for (const column of columns) await sealColumn(column, keyId, { unreadable, resealed, report });
  }

  for (const id of organizations)
    await record(id, 'finished', {
      to: keyId,
      resealed: resealed.get(id) ?? 0,
      unreadable: [...unreadable.values()].filter(({ organizationId }) => organizationId === id).length,
    });
  return {
    resealed: [...resealed.values()].reduce((sum, rows) => sum + rows, 0),
    unreadable: [...unreadable.values()],
  };
}

interface Progress {
  unreadable: Map<string, Unreadable>;
  resealed: Map<string | null, number>;
  report(line: string): void;
}

/** One pass over a column, in the order of its key, batch by batch. Each batch commits by itself: a kill loses at most one. */
async function sealColumn(of: SealedColumn, keyId: string, progress: Progress): Promise<void> {
  const { table, column } = of;
  let done = 0;
  for (let after: string | null = null; ;) {
    const rows: StaleRow[] = await staleRows(of, keyId, after);
    const changes = rows.flatMap((row) => resealRow(of, row, progress) ?? []);
    for (const organizationId of await writeChanges(of, changes)) {
      progress.resealed.set(organizationId, (progress.resealed.get(organizationId) ?? 0) + 1);
      done += 1;
    }
    if (rows.length < BATCH) break;
    after = rows.at(-1)!.id;
    if (done % 1_000 < BATCH) progress.report(`${table}.${column}: ${done}`);
  }
  if (done > 0) progress.report(`${table}.${column}: ${done} sealed anew`);
}

interface StaleRow {
  id: string;
  organizationId: string | null;
  sealed: string;
}

async function staleRows(of: SealedColumn, keyId: string, after: string | null): Promise<StaleRow[]> {
  const { table, column, key, organization } = of;
  const { rows } = await pool().query<StaleRow>(
    `SELECT ${keyText(of)} AS id, ${organization === null ? 'NULL' : `t.${organization}`}::text AS "organizationId",
       t.${column} AS sealed
     FROM ${table} t WHERE t.${column} IS NOT NULL AND NOT starts_with(t.${column}, 'v1.' || $1 || '.')
       AND ($2::text IS NULL OR t.${key.column} > ${asKey(of, '$2::text')}) ORDER BY t.${key.column} LIMIT ${BATCH}`,
    [keyId, after],
  );
  return rows;
}

interface Change extends StaleRow {
  anew: string;
}

/** Null where the text can't be opened. */
function resealRow({ table, column }: SealedColumn, row: StaleRow, { unreadable }: Progress): Change | null {
  const place = placeOf(row.organizationId ?? 'deployment', table, column, row.id);
  const name = `${table}.${column}:${row.id}`;
  try {
    const plain = open(keyRing(), place, row.sealed).toString('utf8');
    unreadable.delete(name); // somebody wrote a good one since
    return { ...row, anew: sealSecret(place, plain) };
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    unreadable.set(name, {
      table,
      column,
      id: row.id,
      organizationId: row.organizationId,
      reason: error.reason,
    });
    return null;
  }
}

/**
 * Compare-and-set on the very text that was read (TV-12): a token that was refreshed since keeps its row. Returns the organizations of
 * the rows that were written.
 */
async function writeChanges(of: SealedColumn, changes: readonly Change[]): Promise<(string | null)[]> {
  if (changes.length === 0) return [];
  const { table, column, key, organization } = of;
  const values = [changes.map((c) => c.id), changes.map((c) => c.sealed), changes.map((c) => c.anew)];
  for (let attempt = 1; ; attempt += 1)
    try {
      const { rows } = await pool().query<{ organizationId: string | null }>(
        `UPDATE ${table} t SET ${column} = n.anew FROM unnest($1::text[], $2::text[], $3::text[]) AS n(id, sealed, anew)
         WHERE t.${key.column} = ${asKey(of, 'n.id')} AND t.${column} = n.sealed
         RETURNING ${organization === null ? 'NULL' : `t.${organization}`}::text AS "organizationId"`,
        values,
      );
      return rows.map(({ organizationId }) => organizationId);
    } catch (error) {
      // A deadlock with somebody who locks several of these rows in another order; he went on.
      if ((error as { code?: unknown }).code !== '40P01' || attempt >= 5) throw error;
    }
}
