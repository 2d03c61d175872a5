// `npm run backup -- --to FILE`: the database in one file, while Gatehouse runs. The keys are not in it.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeBackup } from '@/lib/database/backup';
import { openDatabase } from '@/lib/database/open-database';
import { env, EnvironmentError } from '@/lib/env';

const USAGE = 'Use: npm run backup -- --to gatehouse-2026-01-31.backup';

async function backup(file: string): Promise<void> {
  // As it is: a backup is what one makes before an upgrade.
  const database = await openDatabase(() => undefined, { migrated: false });
  try {
    const { rows, tables, at } = await writeBackup(database.url, file);
    const size = (statSync(file).size / 1024 / 1024).toFixed(1);
    console.log(`Wrote ${file}: ${rows} rows of ${tables} tables as they were at ${at}, ${size} MiB.`);
    const keys = env().GATEHOUSE_KEYS_FILE
      ? resolve(env().GATEHOUSE_KEYS_FILE!)
      : 'GATEHOUSE_KEYS and GATEHOUSE_SECRET';
    console.log(
      `It is worth nothing without the keys, which are not in it: keep a copy of ${keys} in another place.`,
    );
  } finally {
    await database.close();
  }
}

const { values } = parseArgs({ strict: false, options: { to: { type: 'string' } } });
if (typeof values.to !== 'string' || values.to === '') {
  console.error(USAGE);
  process.exit(2);
}
try {
  await backup(resolve(values.to));
} catch (error) {
  if (!(error instanceof EnvironmentError)) throw error;
  console.error(error.problems.join('\n'));
  process.exit(1);
}
