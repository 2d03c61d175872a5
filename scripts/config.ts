// `npm run config -- export|plan|apply gatehouse.json`: an organization's policy as a file, for review and version control.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { applyConfig, planConfig, readConfig, type Plan } from '@/lib/config/config';
import { configText, readConfigText, type ConfigFile } from '@/lib/config/format';
import { systemActor, type Actor } from '@/lib/audit/append';
import { openDatabase } from '@/lib/database/open-database';
import { closeDatabase, db, deploymentDb, transaction, type Tx } from '@/lib/db';
import { EnvironmentError } from '@/lib/env';
import { AppError } from '@/lib/errors';
import { failuresInWords } from '@/lib/policy/policy-tests';
import { checkKeyRing } from '@/lib/vault/vault';

const USAGE =
  'Use: npm run config -- export [gatehouse.json] | plan gatehouse.json | apply gatehouse.json [--base VERSION] [--organization NAME]';
/** `plan` found something to change, as `diff` and `terraform plan -detailed-exitcode` say it. */
const DIFFERS = 2;

/** What is wrong with what was given; the command ends with 1. */
class Refused extends Error {}

async function findOrganization(name: string | undefined): Promise<Actor> {
  const all = await deploymentDb().organization.findMany({
    select: { id: true, name: true },
    orderBy: { name: 'asc' },
  });
  const fitting = name === undefined ? all : all.filter((one) => one.name === name);
  if (fitting.length === 1) return systemActor(fitting[0]!.id, 'npm run config');
  const names = all.map((one) => `"${one.name}"`).join(', ') || 'none yet';
  throw new Refused(
    fitting.length === 0
      ? `There is no such organization. There are: ${names}.`
      : `Say which organization with --organization NAME. There are: ${names}.`,
  );
}

function readFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Refused(`${path} can\u2019t be read: ${(error as Error).message}`);
  }
  const read = readConfigText(text);
  if ('problem' in read) throw new Refused(`${path} is no policy. ${read.problem}`);
  return read.file;
}

const show = ({ changes }: Plan) => {
  for (const { change, sentence } of changes)
    console.log(`${{ create: '+', update: '~', delete: '-' }[change]} ${sentence}`);
};

async function run(command: string, path: string | undefined, actor: Actor, base: string | null) {
  if (command === 'export') {
    const text = configText(await readConfig(db() as unknown as Tx, actor.organizationId));
    if (path === undefined) process.stdout.write(text);
    else writeFileSync(path, text);
    return 0;
  }
  const file = readFile(path!);
  if (command === 'plan') {
    const plan = await planConfig(actor, file);
    show(plan);
    console.log(
      plan.changes.length === 0 ? 'Nothing to change.' : `Version of the policy now: ${plan.version}`,
    );
    if (plan.failing.length > 0)
      console.log(
        failuresInWords(plan.failing.map((test) => ({ test, result: test.result }))).replace(
          'Nothing was saved',
          'It would be refused',
        ),
      );
    return plan.changes.length === 0 ? 0 : DIFFERS;
  }
  const plan = await transaction((tx) => applyConfig(tx, actor, file, base));
  show(plan);
  console.log(plan.changes.length === 0 ? 'Nothing to change.' : 'Applied; in force from the next call on.');
  return 0;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { organization: { type: 'string' }, base: { type: 'string' } },
});
const [command = '', path] = positionals;
if (!['export', 'plan', 'apply'].includes(command) || (command !== 'export' && path === undefined)) {
  console.error(USAGE);
  process.exit(1);
}
const given = (value: unknown) => (typeof value === 'string' ? value : undefined);
try {
  const database = await openDatabase(() => undefined);
  try {
    await checkKeyRing();
    const actor = await findOrganization(given(values.organization));
    process.exitCode = await run(command, path, actor, given(values.base) ?? null);
  } finally {
    await closeDatabase();
    await database.close();
  }
} catch (error) {
  if (error instanceof EnvironmentError) console.error(error.problems.join('\n'));
  else if (error instanceof AppError || error instanceof Refused) console.error(error.message);
  else throw error;
  process.exitCode = 1;
}
