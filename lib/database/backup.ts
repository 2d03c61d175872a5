// Writes a whole database into one file while everybody goes on working: one snapshot, every row, and what is needed to know later
// that nothing of the file is missing.
//
// Our own dump, because the private PostgreSQL of the npm package brings no pg_dump, because any PostgreSQL that Gatehouse runs on can
// then be moved to any other, and because transaction numbers in the audit mean nothing in another cluster (lib/audit/restored-audit).
// The rows only: the schema comes from the migrations named in the first line, whose texts this version holds.
import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Client } from 'pg';
import { EnvironmentError } from '../env';
import { appliedMigrations, type MigrationName } from './migrate';

/** The first line of a backup. `at`: ISO 8601, the moment of the snapshot. */
export interface BackupHead {
  gatehouse: 'backup';
  format: 1;
  at: string;
  postgres: string;
  migrations: MigrationName[];
}
/** Begins a table; each line until the next one is a row, its columns as PostgreSQL's text in an array. */
export interface BackupTable {
  table: string;
  columns: { name: string; type: string }[];
}
/** The last line: `sha256` is of all bytes before it. */
export interface BackupEnd {
  end: true;
  rows: number;
  sha256: string;
}

/** What lives hours at most, and must not come back to life with an old copy: sessions, things under way, counters. */
const SHORT_LIVED = [
  ...['sessions', 'connect_attempts', 'oauth_states', 'rate_limits', 'call_counters', 'gate_processes'],
  ...['client_answers', 'approvals', 'undo_bundles', 'write_budgets', 'write_claims'],
];
const ROWS = 2_000;

/** Writes the backup to `file`, which must not exist, readable by its owner only. Throws `EnvironmentError`. */
export async function writeBackup(
  databaseUrl: string,
  file: string,
): Promise<{ rows: number; tables: number; at: string }> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'gatehouse backup' });
  client.on('error', () => {});
  await client.connect();
  const draft = `${file}.part`;
  try {
    await refuseExisting(file);
    const out = await open(draft, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      throw new EnvironmentError([
        `The backup can't be written to ${draft} (${error.code}): choose a folder that Gatehouse may write to, and remove what an earlier try left there.`,
      ]);
    });
    const done = { rows: 0, tables: 0, at: '' };
    try {
      const stream = out.createWriteStream({ flush: true });
      await pipeline(Readable.from(linesOf(client, done)), createGzip(), stream);
      await rename(draft, file);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    return done;
  } finally {
    await client.end();
  }
}

async function refuseExisting(file: string): Promise<void> {
  const existing = await open(file, 'r').catch(() => null);
  await existing?.close();
  if (existing)
    throw new EnvironmentError([`${file} exists already; a backup never overwrites: choose another name.`]);
}

async function* linesOf(
  client: Client,
  done: { rows: number; tables: number; at: string },
): AsyncGenerator<string> {
  const hash = createHash('sha256');
  const hashed = (line: string) => {
    hash.update(line);
    return line;
  };
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  // One spelling of every value, whatever the server's own settings are.
  await client.query(
    `SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; SET LOCAL bytea_output = 'hex'; SET LOCAL IntervalStyle = 'postgres';
     SET LOCAL extra_float_digits = 1; SET LOCAL statement_timeout = 0`,
  );
  const head = await headOf(client);
  done.at = head.at;
  yield hashed(`${JSON.stringify(head)}\n`);
  for (const table of await tablesOf(client)) {
    yield hashed(`${JSON.stringify(table)}\n`);
    done.tables += 1;
    const values = table.columns.map(({ name }) => `"${name}"::text`).join(', ');
    await client.query(
      `DECLARE reading NO SCROLL CURSOR FOR SELECT json_build_array(${values})::text AS row FROM "${table.table}"`,
    );
    for (;;) {
      const { rows } = await client.query<{ row: string }>(`FETCH ${ROWS} FROM reading`);
      if (rows.length === 0) break;
      done.rows += rows.length;
      yield hashed(rows.map(({ row }) => `${row}\n`).join(''));
    }
    await client.query('CLOSE reading');
  }
  await client.query('ROLLBACK');
  const end: BackupEnd = { end: true, rows: done.rows, sha256: hash.digest('hex') };
  yield `${JSON.stringify(end)}\n`;
}

async function headOf(client: Client): Promise<BackupHead> {
  const migrations = await appliedMigrations(client);
  if (migrations.length === 0)
    throw new EnvironmentError(['This database has no tables of Gatehouse; there is nothing to back up.']);
  const { rows } = await client.query<{ at: Date; postgres: string }>(
    `SELECT now() AS at, current_setting('server_version') AS postgres`,
  );
  const { at, postgres } = rows[0]!;
  return { gatehouse: 'backup', format: 1, at: at.toISOString(), postgres, migrations };
}

async function tablesOf(client: Client): Promise<BackupTable[]> {
  const { rows } = await client.query<BackupTable>(
    `SELECT c.relname AS table, json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod))
       ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname <> '_prisma_migrations' AND c.relname <> ALL($1)
     GROUP BY c.relname ORDER BY c.relname`,
    [SHORT_LIVED],
  );
  return rows;
}
