// One TypeScript program and what it imports of ours as one file of plain JavaScript.
//
// Run from its sources, every function that is made while a call is answered would be given its name anew (tsx keeps names), which costs
// a call more than its policy.
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './run-quietly.mjs';

/** Writes `.next/gatehouse/<name>.mjs` and returns its path. Packages stay where they are. Throws what esbuild found. */
export async function bundle(source, name) {
  const outfile = join(root, '.next', 'gatehouse', `${name}.mjs`);
  await build({
    ...{ entryPoints: [source], outfile, absWorkingDir: root },
    ...{ bundle: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20' },
    ...{ sourcemap: true, logLevel: 'error' },
  });
  return outfile;
}
