// Every test but those that need a browser or a bare machine; what takes agent frameworks or long only in the full run.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const elsewhere = ['tests/e2e/**', 'tests/bench/**'];
if (process.env.FULL !== '1')
  elsewhere.push(
    ...['tests/ecosystem/**', 'tests/clients/{inspector,sdk}.test.ts', 'tests/gateway/bench.test.ts'],
    ...['tests/operation/{backup,embedded-backup,rolling-restart}.test.ts', 'tests/fuzz/fuzz.test.ts'],
    ...['tests/audit/million-records.test.ts', 'tests/config/{large-replay,config-command}.test.ts'],
    ...['tests/reliability/{kill-rounds,crash-points}.test.ts', 'tests/portal/snippets.test.ts'],
    ...[
      'tests/database/{embedded-postgres,open-database}.test.ts',
      'tests/people/organization-command.test.ts',
    ],
    ...['tests/vault/keys-command.test.ts'],
  );

export default defineConfig({
  resolve: { alias: { '@': fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '') } },
  test: {
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    projects: [
      // About the files of the repository: no database starts for them.
      { extends: true, test: { name: 'house', include: ['tests/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'product',
          include: ['tests/*/*.test.ts'],
          exclude: elsewhere,
          globalSetup: ['tests/support/database.ts'],
        },
      },
    ],
  },
});
