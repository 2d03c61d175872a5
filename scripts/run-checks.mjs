// Format, lint, types, packages and architecture: every check runs, and one that fails fails the command.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { lockProblems } from './check-lock.mjs';

const tool =
  (path, ...args) =>
  () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [`node_modules/${path}`, ...args], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    return status === 0 ? [] : [stdout.trim(), stderr.trim()].filter(Boolean);
  };
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

const checks = {
  format: tool('prettier/bin/prettier.cjs', '--check', '.'),
  lint: tool('oxlint/bin/oxlint', '--type-aware', '--deny-warnings'),
  types: tool('typescript/bin/tsc', '--noEmit'),
  packages: () => lockProblems(readJson('package.json'), readJson('package-lock.json')),
  architecture: tool(
    'vitest/vitest.mjs',
    'run',
    '--config',
    'vitest.config.ts',
    'tests/architecture.test.ts',
  ),
};

for (const [name, check] of Object.entries(checks)) {
  const since = performance.now();
  const problems = check();
  for (const problem of problems) console.error(problem);
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  console.log(`${name} ${problems.length === 0 ? 'ok' : 'FAILED'} in ${seconds} s`);
  if (problems.length > 0) process.exitCode = 1;
}
