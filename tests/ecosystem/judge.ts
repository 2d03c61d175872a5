// MCP's conformance suites as processes of their own, and the sum of what they found.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { clientEnv, PRELOAD } from '../clients/client-program';

/** One thing that a scenario looked at. */
export interface Check {
  scenario: string;
  id: string;
  status: string;
  message: string;
  /** What the scenario looked at, as the suite puts it. */
  description: string;
  /** What was sent and what came, in the scenario's own form. */
  details: unknown;
}

const here = (...path: string[]) => resolve('tests/ecosystem', ...path);

/**
 * Runs a suite (`conformance-modern` is 0.2.0-alpha.12, `conformance-legacy` 0.1.16) with these arguments. `said` hears each chunk of
 * its output. Returns every check of every scenario.
 */
export async function runSuite(
  suite: 'conformance-modern' | 'conformance-legacy',
  args: string[],
  said: (output: string) => void = () => undefined,
): Promise<{ checks: Check[]; output: string; exitCode: number | null }> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-judge-'));
  const preload = [...PRELOAD, '--import', here('conformance-on-node-20.mjs')];
  const cli = here('node_modules', suite, 'dist/index.js');
  const child = spawn(process.execPath, [...preload, cli, ...args, '-o', folder], {
    cwd: folder,
    env: clientEnv(folder),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += String(chunk);
      said(output);
    });
  const exitCode = await new Promise<number | null>((done) => child.once('close', done));
  const checks = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name === 'checks.json')
    .flatMap(({ parentPath }) => {
      const scenario = parentPath.slice(folder.length + 1).replace(/-\d{4}-\d\d-\d\dT.*$/, '');
      const found = JSON.parse(readFileSync(join(parentPath, 'checks.json'), 'utf8')) as Record<
        string,
        string
      >[];
      return found.map(({ id, status, errorMessage, description = '', details }) => ({
        ...{ scenario, id: id!, status: status!, description, details },
        message: errorMessage ?? description,
      }));
    });
  rmSync(folder, { recursive: true, force: true });
  return { checks, output, exitCode };
}

/** `N passed, N failed` over the checks, and what failed. */
export function sumOf(checks: Check[]): { passed: number; failed: number; failures: string[] } {
  const failures = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
  return {
    passed: checks.filter(({ status }) => status === 'SUCCESS').length,
    failed: failures.length,
    failures: failures.map(({ scenario, id, message }) => `${scenario} ${id}: ${message}`),
  };
}
