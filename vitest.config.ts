// Every test but those that need a browser or a bare machine; what takes agent frameworks or long only in the full run.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const elsewhere = ['tests/e2e/**', 'tests/bench/**'];
/** What starts programs or databases of its own, needs agent frameworks, repeats a guarantee at length, or is about the sandbox. */
const LONG = [
  'api/{endpoints-activity,endpoints-organization,requests}',
  'asana/{refresh-processes,sandbox,sandbox-oauth,sandbox-tools}',
  'audit/million-records',
  'clients/{inspector,sdk}',
  'config/{config-command,large-replay}',
  'database/{embedded-postgres,migrate,open-database}',
  'ecosystem/*',
  'fuzz/fuzz',
  'gateway/bench',
  'operation/{backup,embedded-backup,rolling-restart}',
  'people/{organization-command,set-up}',
  'portal/snippets',
  'reliability/{crash-points,kill-rounds}',
  'vault/{keys-command,rotate}',
];
if (process.env.FULL !== '1') elsewhere.push(...LONG.map((name) => `tests/${name}.test.ts`));

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
