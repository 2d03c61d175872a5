// Puts a backup into a database: whole or not at all, in one transaction, and only after every byte of the file was checked.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { Client } from 'pg';
import { EnvironmentError } from '../env';
import type { BackupEnd, BackupHead, BackupTable } from './backup';
import { appliedMigrations, makeSchema, migrate } from './migrate';

/** What the owners of tables know about moving them to another cluster. */
export interface RestoreRules {
  /** Tables that must be there before those whose columns are computed from them. */
  first: readonly string[];
  /** `table.column` → SQL instead of the stored text; `stored` gives the SQL of a column's stored text. */
  columns: Readonly<Record<string, (stored: (column: string) => string) => string>>;
}

export interface Restore {
  databaseUrl: string;
  file: string;
  /** Whether a database that holds an organization may be emptied. */
  replace: boolean;
  /** Tables whose rows stay away. */
  leaveOut: readonly string[];
  rules: RestoreRules;
  /** Looks at the restored rows before anything is committed; throws to undo everything. */
  accept(client: Client): Promise<void>;
}

/**
 * Restores and brings the schema up to this version. Throws `EnvironmentError` with a sentence, and then nothing has changed: the file
 * is damaged or from a newer version, the database is in use or not empty, `accept` refused.
 */
export async function restoreBackup(given: Restore): Promise<{ rows: number; at: string }> {
  const head = await checkFile(given.file);
  const client = new Client({ connectionString: given.databaseUrl, application_name: 'gatehouse restore' });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query(
      `SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL statement_timeout = 0`,
    );
    await assertUnused(client);
    await emptyDatabase(client, given.replace);
    await makeSchema(client, head.migrations);
    const rows = await load(client, given);
    await given.accept(client);
    await client.query('COMMIT');
    await migrate(given.databaseUrl);
    return { rows, at: head.at };
  } finally {
    await client.end();
  }
}

type Line = BackupHead | BackupTable | BackupEnd | unknown[];

async function* readLines(file: string, hash?: Hash): AsyncGenerator<Line> {
  const source = createReadStream(file);
  const unpacked = source.pipe(createGunzip());
  source.on('error', (error) => unpacked.destroy(error));
  const lines = createInterface({ input: unpacked, crlfDelay: Infinity });
  // readline does not pass on what its input suffers.
  const failed = new Promise<never>((_, reject) => unpacked.once('error', reject));
  failed.catch(() => undefined);
  const iterator = lines[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), failed]);
    if (next.done) return;
    const text: string = next.value;
    const line = JSON.parse(text) as Line;
    if (!('end' in line)) hash?.update(`${text}\n`);
    yield line;
  }
}

/** Reads the whole file once, for its head. A file that was cut, altered or is none of ours is refused before anything is touched. */
async function checkFile(file: string): Promise<BackupHead> {
  const hash = createHash('sha256');
  let head: BackupHead | undefined;
  let end: BackupEnd | undefined;
  let rows = 0;
  try {
    for await (const line of readLines(file, hash)) {
      if (end) throw new Error('more after the end');
      if (Array.isArray(line)) rows += 1;
      else if ('gatehouse' in line) head = line;
      else if ('end' in line) end = line;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new EnvironmentError([
      code === 'ENOENT' || code === 'EACCES'
        ? `${file} can't be read (${code}); say where the backup lies with --from.`
        : `${file} is no whole backup of Gatehouse; nothing was changed. Take another copy of it.`,
    ]);
  }
  if (head?.gatehouse !== 'backup' || !end || end.rows !== rows || end.sha256 !== hash.digest('hex'))
    throw new EnvironmentError([
      `${file} is no whole backup of Gatehouse; nothing was changed. Take another copy of it.`,
    ]);
  if (head.format !== 1)
    throw new EnvironmentError([
      `${file} was written by a newer version of Gatehouse; restore it with that one.`,
    ]);
  return head;
}

async function assertUnused(client: Client): Promise<void> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND application_name LIKE 'gatehouse%'`,
  );
  if (rowCount)
    throw new EnvironmentError([
      'Gatehouse runs on this database; stop all of its processes first, then restore.',
    ]);
}

/** Drops everything of ours, and nothing of anybody else's. */
async function emptyDatabase(client: Client, replace: boolean): Promise<void> {
  const { rows } = await client.query<{ what: string }>(
    `SELECT 'TABLE ' || c.oid::regclass AS what FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
     UNION ALL SELECT 'ROUTINE ' || p.oid::regprocedure FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
     UNION ALL SELECT 'TYPE ' || t.oid::regtype FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype = 'e'`,
  );
  if (rows.length === 0) return;
  if ((await appliedMigrations(client)).length === 0)
    throw new EnvironmentError([
      'This database holds tables that are not Gatehouse\u2019s; restore into one of its own.',
    ]);
  const { rows: used } = await client.query<{ used: boolean }>(
    'SELECT EXISTS (SELECT FROM organizations) AS used',
  );
  if (used[0]!.used && !replace)
    throw new EnvironmentError([
      'This database holds an organization already; to throw it away and put the backup in its place, add --replace.',
    ]);
  for (const { what } of rows) await client.query(`DROP ${what.replace(/^(\w+) /, '$1 IF EXISTS ')} CASCADE`);
}

/** Loads all tables, those first that others refer to. Returns how many rows. */
async function load(client: Client, { file, leaveOut, rules }: Restore): Promise<number> {
  const order = await loadingOrder(client, rules.first);
  let loaded = 0;
  // The file is in the order of the names. A pass over it for each height of the references costs less than holding it in memory.
  const heights = [...new Set(order.values())].toSorted((a, b) => a - b);
  for (const height of heights) {
    let table: BackupTable | undefined;
    let waiting: unknown[][] = [];
    const flush = async () => {
      if (table && waiting.length > 0) await insert(client, table, waiting, rules);
      loaded += waiting.length;
      waiting = [];
    };
    const close = async () => {
      await flush();
      // Rules and later tables look things up in this one.
      if (table) await client.query(`ANALYZE "${table.table}"`);
    };
    for await (const line of readLines(file)) {
      if (Array.isArray(line)) {
        if (table) waiting.push(line);
        if (waiting.length >= 1_000) await flush();
      } else {
        await close();
        table =
          'table' in line && order.get(line.table) === height && !leaveOut.includes(line.table)
            ? line
            : undefined;
      }
    }
    await close();
  }
  return loaded;
}

/** How high above the tables that refer to nothing each table stands. */
async function loadingOrder(client: Client, first: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await client.query<{ name: string; needs: string[] }>(
    `SELECT c.relname AS name, coalesce(array_agg(f.relname::text) FILTER (WHERE f.oid IS NOT NULL AND f.oid <> c.oid), '{}') AS needs
     FROM pg_class c LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' LEFT JOIN pg_class f ON f.oid = k.confrelid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY c.relname`,
  );
  const needs = new Map(rows.map((row) => [row.name, row.needs]));
  const height = (name: string, path: string[] = []): number => {
    if (path.includes(name))
      throw new Error(`The tables ${path.join(', ')} refer to each other in a circle.`);
    const below = (needs.get(name) ?? []).map((other) => height(other, [...path, name]));
    return Math.max(first.includes(name) ? 0 : 1, ...below.map((one) => one + 1));
  };
  return new Map([...needs.keys()].map((name) => [name, height(name)]));
}

async function insert(
  client: Client,
  { table, columns }: BackupTable,
  rows: unknown[][],
  rules: RestoreRules,
): Promise<void> {
  const stored = (name: string) => {
    const at = columns.findIndex((column) => column.name === name);
    return `(r->>${at})::${columns[at]!.type}`;
  };
  const values = columns.map(({ name }) => rules.columns[`${table}.${name}`]?.(stored) ?? stored(name));
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  await client.query(
    `INSERT INTO "${table}" (${names}) SELECT ${values.join(', ')} FROM json_array_elements($1::json) AS r`,
    [JSON.stringify(rows)],
  );
}
