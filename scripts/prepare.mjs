// Makes a clone ready: packages as the lock file says, the Prisma client, the build. What is up to date is left alone, what a
// killed start left half done is done again, and of several starts at once one does the work.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { withLock } from '../lib/database/process-lock.mjs';
import { endOrphan, root, runQuietly, workFolder } from './run-quietly.mjs';

const at = (...path) => join(root, ...path);

/** A step is stale when its stamp does not hold what it was last done for. */
const steps = {
  install: { stamp: at('node_modules', '.gatehouse-stamp'), wanted: packagesWanted, run: install },
  generate: { stamp: at('lib', 'generated', '.gatehouse-stamp'), wanted: schemaWanted, run: generate },
  build: { stamp: at('.next', 'gatehouse-stamp'), wanted: sourcesWanted, run: build },
  clients: packagesOf('installed the test clients', 'clients'),
  ecosystem: packagesOf('installed agent frameworks and judges', 'ecosystem'),
};

/** The packages of a folder of tests. */
function packagesOf(done, folder) {
  return {
    stamp: at('tests', folder, 'node_modules', '.gatehouse-stamp'),
    wanted: () => sha256(readFileSync(at('tests', folder, 'package-lock.json'))),
    run: () => installPackages(done, join('tests', folder)),
  };
}

/** Does what is stale. `build`: the Next build too; `clients`: the real MCP clients that tests drive; `ecosystem`: the frameworks too. Prints a line for each thing done. Throws `PreparationError`. */
export async function prepare({ build: withBuild, clients: withClients, ecosystem: withEcosystem }) {
  const needed = [steps.install, steps.generate];
  if (withBuild) needed.push(steps.build);
  if (withClients) needed.push(steps.clients);
  if (withEcosystem) needed.push(steps.ecosystem);
  if (!needed.some(isStale)) return;
  mkdirSync(workFolder, { recursive: true });
  writeFileSync(join(workFolder, '.gitignore'), '*\n'); // it ignores itself
  const work = async () => {
    await endOrphan();
    for (const step of needed) {
      if (!isStale(step)) continue;
      const wanted = step.wanted();
      rmSync(step.stamp, { force: true });
      await step.run();
      writeFileSync(step.stamp, wanted);
    }
  };
  await withLock(workFolder, 'prepare', work, (pid) =>
    console.log(`waiting for process ${pid}, which is preparing this clone`),
  );
}

const isStale = ({ stamp, wanted }) => !existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted();

const sha256 = (...parts) =>
  parts.reduce((hash, part) => hash.update(part).update('\0'), createHash('sha256')).digest('hex');

// --- packages

function packagesWanted() {
  const runtime = `node ${process.versions.node.split('.')[0]} ${process.platform}-${process.arch}`;
  return `${sha256(readFileSync(at('package-lock.json')))} ${runtime}`;
}

async function install() {
  if (!npmInstalledIt()) await installPackages('installed packages', '.');
}

/** `npm ci` in a folder of this clone, with a line that begins with `done`. */
async function installPackages(done, folder) {
  const npm = process.env.npm_execpath;
  const [program, ...first] = npm && basename(npm) === 'npm-cli.js' ? [process.execPath, npm] : ['npm'];
  // No package needs its install script, so none gets to run one. NODE_ENV=production would leave out what builds and tests.
  const flags = ['--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  const args = [...first, 'ci', '--prefix', at(folder), ...flags];
  await runQuietly(done, 'installing packages', program, args, installEnv());
}

/** npm tells its scripts their place through npm_config_*; the npm inside must find its own. */
function installEnv() {
  const misleading =
    /^(node_env|npm_config_(prefix|local_prefix|global|workspaces?|omit|production|dry_run))$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !misleading.test(name)));
}

/** Whether an `npm ci` or `npm install` run by hand left exactly what the lock file says for this platform. */
function npmInstalledIt() {
  const record = at('node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(at('package-lock.json'), 'utf8')).packages;
  const isHere = (list, value) => !list || list.includes(value);
  const needed = ([path, entry]) =>
    path !== '' &&
    (!entry.optional ||
      (entry.os &&
        entry.cpu &&
        !entry.libc &&
        isHere(entry.os, process.platform) &&
        isHere(entry.cpu, process.arch)));
  return (
    Object.entries(locked)
      .filter(needed)
      .every(([path]) => installed[path] && existsSync(at(path))) &&
    Object.entries(installed).every(([path, entry]) => locked[path]?.integrity === entry.integrity)
  );
}

// --- Prisma client

function schemaWanted() {
  const prisma = JSON.parse(readFileSync(at('node_modules', 'prisma', 'package.json'), 'utf8'));
  return sha256(
    readFileSync(at('prisma', 'schema.prisma')),
    readFileSync(at('prisma.config.ts')),
    prisma.version,
  );
}

async function generate() {
  const env = { ...buildEnv(), CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' };
  const cli = at('node_modules', 'prisma', 'build', 'index.js');
  await runQuietly(
    'generated the Prisma client',
    'generating the Prisma client',
    process.execPath,
    [cli, 'generate'],
    env,
  );
}

// --- build

function sourcesWanted() {
  const files = [
    ...['server.ts', 'next.config.ts', 'postcss.config.mjs', 'package-lock.json', 'prisma/schema.prisma'],
  ].filter((file) => existsSync(at(file)));
  for (const folder of ['app', 'components', 'lib', 'public']) {
    if (!existsSync(at(folder))) continue;
    for (const entry of readdirSync(at(folder), { recursive: true, withFileTypes: true }))
      if (entry.isFile() && !entry.name.startsWith('.'))
        files.push(join(entry.parentPath, entry.name).slice(root.length));
  }
  const sources = files.filter((file) => !file.startsWith(join('lib', 'generated'))).toSorted();
  return sha256(...sources.flatMap((file) => [file, readFileSync(at(file))]));
}

async function build() {
  const env = { ...buildEnv(), NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' };
  const cli = at('node_modules', 'next', 'dist', 'bin', 'next');
  await runQuietly('built the portal', 'building the portal', process.execPath, [cli, 'build'], env);
  const { bundle } = await import('./bundle.mjs'); // only now: esbuild may just have been installed
  await bundle(at('server.ts'), 'server');
}

/** Without our settings: a build needs no secret and must fit whatever environment it is started in later. */
function buildEnv() {
  const ours = /^(GATEHOUSE_|OIDC_|ASANA_|NEXTAUTH_|DATABASE_URL$|HOST$|PORT$|NODE_ENV$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
