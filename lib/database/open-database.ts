// A migrated database and the keys to it, whether the operator brings them or Gatehouse makes its own.
import { env, EnvironmentError, setEnv } from '../env';
import { startEmbeddedPostgres } from './embedded-postgres';
import { keyFileOf, readOrMakeKeys } from './key-file';
import { migrate } from './migrate';

/** `url` holds a password: never log it. `close` ends the embedded PostgreSQL if nobody else uses it. */
export type OpenDatabase = { url: string; close: () => Promise<void> };

/**
 * Makes DATABASE_URL, GATEHOUSE_SECRET and GATEHOUSE_KEYS available through `env()` and applies pending migrations. Where DATABASE_URL
 * is set, nothing embedded starts and the keys must be set too. `report` is told each step in a line. `migrated: false` leaves the
 * schema as it is (a backup is made before an upgrade). Throws `EnvironmentError`.
 */
export async function openDatabase(
  report: (line: string) => void,
  { migrated = true } = {},
): Promise<OpenDatabase> {
  const given = env().DATABASE_URL;
  const embedded = given ? requireKeys() : await openEmbedded(report);
  const url = given ?? env().DATABASE_URL!;
  try {
    const since = performance.now();
    const applied = migrated ? await migrate(url) : [];
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
  const ownKeys = env().GATEHOUSE_KEYS !== undefined && env().GATEHOUSE_KEYS_FILE === undefined;
  setEnv({
    DATABASE_URL: postgres.url,
    GATEHOUSE_SECRET: env().GATEHOUSE_SECRET ?? keys.secret,
    GATEHOUSE_KEYS: env().GATEHOUSE_KEYS ?? keys.keys,
    // From here on the vault follows the file: `npm run keys` changes it while we run.
    GATEHOUSE_KEYS_FILE: ownKeys ? '' : keyFileOf(env().GATEHOUSE_DATA),
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
