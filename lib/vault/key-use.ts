// Which columns hold sealed texts, with which key each was sealed, and that no key is given up while one needs it.
import { deploymentDb, pool } from '../db';
import { keyRing } from './vault';

/** A column that holds sealed texts, as the folder that owns the table declares it. Its place is `placeOf(organization, table, column, key)`. */
export interface SealedColumn {
  table: string;
  column: string;
  /** The primary key; bytes are spelled in hex in the place. */
  key: { column: string; type: 'uuid' | 'text' | 'bytea' };
  /** The column that names the organization; null: the deployment's. */
  organization: string | null;
}

/** How many texts one key sealed in one column of one organization (null: the deployment's). `keyId` is `?` for what is no sealed text. */
export interface SealedCount {
  table: string;
  column: string;
  organizationId: string | null;
  keyId: string;
  rows: number;
}

/** Why a key can't be changed; the message is a sentence for the operator. */
export class KeyChangeRefused extends Error {}

/** Counts all sealed texts by column, organization and key. */
export async function countSealed(columns: readonly SealedColumn[]): Promise<SealedCount[]> {
  const counts: SealedCount[] = [];
  for (const { table, column, organization } of columns) {
    const { rows } = await pool().query<Omit<SealedCount, 'table' | 'column'>>(
      `SELECT ${organization === null ? 'NULL' : `t.${organization}`}::text AS "organizationId", count(*)::int AS rows,
         CASE WHEN t.${column} ~ '^v1[.][^.]+[.]' THEN split_part(t.${column}, '.', 2) ELSE '?' END AS "keyId"
       FROM ${table} t WHERE t.${column} IS NOT NULL GROUP BY 1, 3 ORDER BY 1, 3`,
    );
    counts.push(...rows.map((row) => ({ table, column, ...row })));
  }
  return counts;
}

/** All their texts together. */
export const sumOf = (counts: readonly SealedCount[]) => counts.reduce((sum, { rows }) => sum + rows, 0);

/**
 * Forgets a key that sealed nothing any more: from then on the database is good without it. The caller takes it out of the ring
 * afterwards. Throws `KeyChangeRefused` for the key that seals, and while a row is sealed with it (TV-13).
 */
export async function retireKey(keyId: string, columns: readonly SealedColumn[]): Promise<void> {
  const ring = keyRing({ look: true });
  if (ring[0].id === keyId)
    throw new KeyChangeRefused(`"${keyId}" is the key that seals; add another one and rotate first.`);
  const left = (await countSealed(columns)).filter((count) => count.keyId === keyId);
  if (left.length > 0)
    throw new KeyChangeRefused(
      `${sumOf(left)} texts are still sealed with the key "${keyId}" (${[...new Set(left.map(({ table, column }) => `${table}.${column}`))].join(', ')}); run rotate first.`,
    );
  const { count } = await deploymentDb().keyCheck.deleteMany({ where: { keyId } });
  if (count === 0 && !ring.some(({ id }) => id === keyId))
    throw new KeyChangeRefused(`There is no key "${keyId}"; status names those there are.`);
}
