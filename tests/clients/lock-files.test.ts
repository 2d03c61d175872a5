// The clients' lock files install on every platform and pin what is tested, as the product's own does.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lockProblems } from '../../scripts/check-lock.mjs';

const problemsIn = (folder: string) => {
  const read = (file: string) => JSON.parse(readFileSync(`tests/${folder}/${file}`, 'utf8')) as never;
  return lockProblems(read('package.json'), read('package-lock.json'));
};

test('the lock file of the clients is whole, pinned, and above every known hole', () => {
  expect(problemsIn('clients')).toEqual([]);
});

test('the lock file of the ecosystem is too, but for two names of one package and what Mastra itself pins', () => {
  const known =
    /^package\.json does not pin conformance-(?:legacy|modern) to one version \(npm:@modelcontextprotocol\/conformance@[\w.-]+\)\.$|^@modelcontextprotocol\/(?:client|node|server) 2\.0\.0 has a known hole/;
  expect(problemsIn('ecosystem').filter((problem) => !known.test(problem))).toEqual([]);
});
