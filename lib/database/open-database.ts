// A migrated database and the keys to it, whether the operator brings them or Gatehouse makes its own.
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env, EnvironmentError, setEnv } from '../env';
import { startEmbeddedPostgres } from './embedded-postgres';
import { migrate } from './migrate';

/** `url` holds a password: never log it. `close` ends the embedded PostgreSQL if nobody else uses it. */
export type OpenDatabase = { url: string; close: () => Promise<void> };

/**
 * Makes DATABASE_URL, GATEHOUSE_SECRET and GATEHOUSE_KEYS available through `env()` and applies pending migrations. Where DATABASE_URL
 * is set, nothing embedded starts and the keys must be set too. `report` is told each step in a line. Throws `EnvironmentError`.
 */
export async function openDatabase(report: (line: string) => void): Promise<OpenDatabase> {
  const given = env().DATABASE_URL;
  const embedded = given ? requireKeys() : await openEmbedded(report);
  const url = given ?? env().DATABASE_URL!;
  try {
    const since = performance.now();
    const applied = await migrate(url);
    if (applied.length > 0)
      report(
        `applied ${applied.length} ${applied.length === 1 ? 'migration' : 'migrations'} in ${seconds(since)}`,
      );
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
  return { url, close: async () => embedded?.stop() };
}

const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

async function openEmbedded(report: (line: string) => void) {
  const since = performance.now();
  const postgres = await startEmbeddedPostgres(env().GATEHOUSE_DATA, report);
  const keys = readOrMakeKeys(env().GATEHOUSE_DATA);
  setEnv({
    DATABASE_URL: postgres.url,
    GATEHOUSE_SECRET: env().GATEHOUSE_SECRET ?? keys.secret,
    GATEHOUSE_KEYS: env().GATEHOUSE_KEYS ?? keys.keys,
  });
  report(`${postgres.reused ? 'found' : 'started'} PostgreSQL ${postgres.version} in ${seconds(since)}`);
  return postgres;
}

/** Keys made here would be lost with this machine, while the database lives on: so they must come with it. */
function requireKeys(): undefined {
  const missing = [
    ['GATEHOUSE_SECRET', '`openssl rand -base64 48` makes one'],
    ['GATEHOUSE_KEYS', '`echo "1:$(openssl rand -base64 32)"` makes one'],
  ] as const;
  const problems = missing
    .filter(([name]) => !env()[name])
    .map(([name, how]) => `${name} must be set where DATABASE_URL is; ${how}.`);
  if (problems.length > 0) throw new EnvironmentError(problems);
}

/** The keys of this data folder, made once. A link appears whole and only once, so two first starts get the same keys. */
function readOrMakeKeys(folder: string): { secret: string; keys: string } {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'keys.json');
  if (!existsSync(file)) {
    const made = {
      secret: randomBytes(48).toString('base64'),
      keys: `1:${randomBytes(32).toString('base64')}`,
    };
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    writeFileSync(draft, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flush: true });
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft);
    }
  }
  return JSON.parse(readFileSync(file, 'utf8')) as { secret: string; keys: string };
}
