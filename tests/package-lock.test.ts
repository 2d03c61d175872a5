// The lock file installs everywhere and holds no known hole, and each fault of one is found.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lockProblems } from '../scripts/check-lock.mjs';

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as never;
const entry = (version: string, more: object = {}) => ({ version, integrity: 'sha512-x', ...more });
const problems = (manifest: object, packages: Record<string, object>) =>
  lockProblems({ dependencies: {}, ...manifest }, { packages: { '': {}, ...packages } } as never).join('\n');

test("Gatehouse's own lock file is whole, pinned, and above every known hole", () => {
  expect(lockProblems(read('package.json'), read('package-lock.json'))).toEqual([]);
});

test('a lock file that misses a platform, a checksum or a pin is found out', () => {
  expect(
    problems({}, { 'node_modules/a': entry('1.0.0', { optionalDependencies: { 'a-darwin': '1.0.0' } }) }),
  ).toContain('lacks a-darwin 1.0.0');
  expect(problems({}, { 'node_modules/a': { version: '1.0.0' } })).toContain('no checksum for a 1.0.0');
  expect(problems({ dependencies: { a: '^1.0.0' } }, {})).toContain('does not pin a');
  expect(problems({ dependencies: { a: '1.0.1' } }, { 'node_modules/a': entry('1.0.0') })).toContain(
    'does not know a 1.0.1',
  );
});

test('an install script that nobody agreed to is found out', () => {
  const packages = { 'node_modules/b/node_modules/a': entry('1.0.0', { hasInstallScript: true }) };
  expect(problems({}, packages)).toContain('a 1.0.0 has an install script');
  expect(problems({ allowScripts: { a: false } }, packages)).toBe('');
});

test('a version below its floor is found out wherever it is nested, in the line of its major', () => {
  const found = (name: string, version: string) =>
    problems({}, { [`node_modules/x/node_modules/${name}`]: entry(version) }) !== '';
  for (const [name, version] of [
    ['next', '16.2.10'],
    ['next', '15.5.20'],
    ['next', '14.9.9'],
    ['undici', '8.10.1'],
    ['undici', '7.29.0'],
    ['@modelcontextprotocol/sdk', '1.31.9'],
    ['@modelcontextprotocol/client', '2.2.9'],
    ['react', '19.1.1'],
    ['next-auth', '4.24.14'],
    ['next-auth', '5.0.0-beta.31'],
    ['next', '16.2.11-canary.3'],
  ] as const)
    expect(found(name, version), `${name} ${version}`).toBe(true);
  for (const [name, version] of [
    ['next', '16.2.11'],
    ['next', '15.5.21'],
    ['next', '17.0.0'],
    ['undici', '8.10.2'],
    ['undici', '7.29.1'],
    ['next-auth', '5.0.0-beta.32'],
    ['other', '0.0.1'],
  ] as const)
    expect(found(name, version), `${name} ${version}`).toBe(false);
});
