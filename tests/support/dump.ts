// Everything that a stolen copy of the database would show, as text.
import { pool } from '@/lib/db';

/** Every table's rows, a line each in the order of their text, by table; `audit` is that of the records. */
export async function dumpDatabase(): Promise<Record<string, string> & { audit: string }> {
  const { rows: tables } = await pool().query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
  );
  const dump: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await pool().query<{ row: string }>(
      `SELECT t::text AS row FROM "${name}" t ORDER BY t::text COLLATE "C"`,
    );
    dump[name] = rows.map(({ row }) => row).join('\n');
  }
  return Object.assign(dump, { audit: dump.audit_records ?? '' });
}
