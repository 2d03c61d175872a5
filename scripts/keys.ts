// `npm run keys -- status|add|rotate|retire ID`: the vault's key ring, changed while Gatehouse runs.
import { appendEvent } from '@/lib/audit/append';
import { ASANA_SEALED } from '@/lib/asana/sealed-columns';
import { AUDIT_SEALED } from '@/lib/audit/sealed-columns';
import { changeKeyFile, randomKey } from '@/lib/database/key-file';
import { openDatabase } from '@/lib/database/open-database';
import { closeDatabase, deploymentDb, transaction } from '@/lib/db';
import { env, EnvironmentError } from '@/lib/env';
import { APPROVALS_SEALED } from '@/lib/approvals/sealed-columns';
import { GATEWAY_SEALED } from '@/lib/gateway/sealed-columns';
import { OAUTH_SEALED } from '@/lib/oauth/sealed-columns';
import { OFFBOARDING_SEALED } from '@/lib/offboarding/sealed-columns';
import { UNDO_SEALED } from '@/lib/undo/sealed-columns';
import { rotateSeals } from '@/lib/vault/rotate';
import { countSealed, KeyChangeRefused, retireKey } from '@/lib/vault/key-use';
import { checkKeyRing, keyRing } from '@/lib/vault/vault';
import { WRITE_SAFETY_SEALED } from '@/lib/write-safety/sealed-columns';

const USAGE = 'Use: npm run keys -- status | add | rotate | retire ID';
const COLUMNS = [
  ...[...APPROVALS_SEALED, ...ASANA_SEALED, ...AUDIT_SEALED, ...WRITE_SAFETY_SEALED],
  ...[...OAUTH_SEALED, ...GATEWAY_SEALED, ...OFFBOARDING_SEALED, ...UNDO_SEALED],
];

const commands = { status, add, rotate, retire };

/** Which keys there are, and how many texts each sealed. */
async function status(): Promise<void> {
  const ring = keyRing();
  const counts = await countSealed(COLUMNS);
  const checked = await deploymentDb().keyCheck.findMany({ select: { keyId: true } });
  const ids = [
    ...ring.map(({ id }) => id),
    ...checked.map(({ keyId }) => keyId),
    ...counts.map(({ keyId }) => keyId),
  ];
  for (const id of new Set(ids)) {
    const position = ring.findIndex((key) => key.id === id);
    const role = position === 0 ? 'seals' : position > 0 ? 'only opens' : 'is missing';
    const own = counts.filter(({ keyId }) => keyId === id);
    const places = [...new Set(own.map(({ table, column }) => `${table}.${column}`))];
    const rows = own.reduce((sum, count) => sum + count.rows, 0);
    console.log(
      `key ${id}: ${role}; ${rows} sealed ${rows === 1 ? 'text' : 'texts'}${rows > 0 ? ` (${places.join(', ')})` : ''}`,
    );
  }
}

/** A new key in front of the others. */
async function add(): Promise<void> {
  const file = env().GATEHOUSE_KEYS_FILE;
  const id = String(Math.max(...keyRing().map((key) => Number(key.id) || 0)) + 1);
  if (!file) {
    console.log(
      `GATEHOUSE_KEYS is yours to set. Put this in front of it, with a comma behind:\n${id}:${randomKey()}`,
    );
    console.log(
      'With one process: restart it, then run rotate. With several: first put the new key behind the old one in all of',
    );
    console.log(
      'them and restart each, so that all can read it; then move it to the front in the same way; then run rotate.',
    );
    return;
  }
  await changeKeyFile(file, (keys) => `${id}:${randomKey()},${keys}`);
  keyRing({ look: true });
  await checkKeyRing();
  await recordEverywhere('vault_key.added', id);
  console.log(
    `Added the key ${id} to ${file}; it seals from now on. Keep a copy of that file apart from the database.`,
  );
  console.log('Next: npm run keys -- rotate');
}

/** Everything sealed anew with the first key. */
async function rotate(): Promise<void> {
  const { resealed, unreadable } = await rotateSeals({
    columns: COLUMNS,
    report: (line) => console.log(line),
    record: (organizationId, phase, facts) =>
      record(organizationId, `vault_key.rotation_${phase}`, String(facts.to), facts),
  });
  for (const { table, column, id, reason } of unreadable)
    console.error(`${table}.${column} of ${id} can't be opened (${reason}); it was left as it is.`);
  console.log(
    `Sealed ${resealed} ${resealed === 1 ? 'text' : 'texts'} anew with the key ${keyRing()[0].id}.`,
  );
  if (unreadable.length > 0) process.exitCode = 1;
}

/** A key out of the ring, once nothing is sealed with it. */
async function retire(keyId: string | undefined): Promise<void> {
  if (!keyId) throw new KeyChangeRefused(`Say which key: npm run keys -- retire ID; status names them.`);
  await retireKey(keyId, COLUMNS);
  const file = env().GATEHOUSE_KEYS_FILE;
  if (file)
    await changeKeyFile(file, (keys) =>
      keys
        .split(',')
        .filter((key) => !key.trim().startsWith(`${keyId}:`))
        .join(','),
    );
  await recordEverywhere('vault_key.retired', keyId);
  console.log(
    file
      ? `Took the key ${keyId} out of ${file}.`
      : `Nothing needs the key ${keyId} any more: take it out of GATEHOUSE_KEYS at the next restart.`,
  );
  console.log('A backup made before now still needs it: keep it with those.');
}

async function recordEverywhere(action: string, keyId: string): Promise<void> {
  for (const { id } of await deploymentDb().organization.findMany({ select: { id: true } }))
    await record(id, action, keyId);
}

function record(organizationId: string, action: string, keyId: string, after?: unknown): Promise<void> {
  const credential = { kind: 'system', id: 'gatehouse', name: 'npm run keys' } as const;
  const actor = { organizationId, memberId: null, memberEmail: null, credential };
  return transaction((tx) => appendEvent(tx, actor, { action, target: `vault_key:${keyId}`, after }));
}

const [name, ...given] = process.argv.slice(2);
if (!name || !Object.hasOwn(commands, name)) {
  console.error(USAGE);
  process.exit(2);
}
try {
  const database = await openDatabase(() => undefined);
  try {
    await checkKeyRing();
    await commands[name as keyof typeof commands](given[0]);
  } finally {
    await closeDatabase();
    await database.close();
  }
} catch (error) {
  if (error instanceof EnvironmentError) console.error(error.problems.join('\n'));
  else if (error instanceof KeyChangeRefused) console.error(error.message);
  else throw error;
  process.exit(1);
}
