// `npm run restore -- --from FILE [--replace] [--end-bearers]`: a backup into an empty database, or in the place of what is there.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Client } from 'pg';
import { appendEvent } from '@/lib/audit/append';
import { verifyChain } from '@/lib/audit/verify-chain';
import { RESTORED_AUDIT } from '@/lib/audit/restored-audit';
import { openDatabase } from '@/lib/database/open-database';
import { restoreBackup } from '@/lib/database/restore';
import { closeDatabase, deploymentDb, transaction } from '@/lib/db';
import { EnvironmentError } from '@/lib/env';
import { assertRingFits, checkKeyRing, type KeyCheckRow } from '@/lib/vault/vault';

const USAGE = 'Use: npm run restore -- --from FILE [--replace] [--end-bearers]';
/** What an agent, a script or a link holds: somebody may have ended it after the backup was made (DB-13). */
const BEARERS = ['agent_tokens', 'api_keys', 'directory_tokens', 'grants', 'oauth_tokens', 'invites'];

async function restore(
  file: string,
  { replace, endBearers }: { replace: boolean; endBearers: boolean },
): Promise<void> {
  const database = await openDatabase(() => undefined, { migrated: false });
  try {
    const leaveOut = endBearers ? BEARERS : [];
    const given = { databaseUrl: database.url, file, replace, leaveOut, rules: RESTORED_AUDIT };
    const { rows, at } = await restoreBackup({ ...given, accept: assertKeysFit });
    await checkKeyRing();
    console.log(`Restored ${rows} rows as they were at ${at}. Everybody signs in anew.`);
    console.log(
      endBearers
        ? 'Agent tokens, API keys, directory tokens, invites and what MCP clients were allowed stayed away: they are made anew.'
        : 'What was ended after the backup (tokens, members, rights) is alive again; --end-bearers restores without any bearer.',
    );
    await recordAndVerify(at, endBearers);
  } finally {
    await closeDatabase();
    await database.close();
  }
}

async function assertKeysFit(client: Client): Promise<void> {
  const { rows } = await client.query<KeyCheckRow>('SELECT key_id AS "keyId", sealed FROM key_checks');
  try {
    assertRingFits(rows);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    throw new EnvironmentError([
      ...error.problems,
      'Nothing was changed: put the keys that belong to this backup back first (keys.json in GATEHOUSE_DATA, or GATEHOUSE_KEYS).',
    ]);
  }
}

/** The restore itself is on record, and every organization's chain is computed anew. */
async function recordAndVerify(backupAt: string, bearersEnded: boolean): Promise<void> {
  const credential = { kind: 'system', id: 'gatehouse', name: 'npm run restore' } as const;
  const organizations = await deploymentDb().organization.findMany({ select: { id: true, name: true } });
  for (const { id, name } of organizations) {
    const actor = { organizationId: id, memberId: null, memberEmail: null, credential };
    const event = { action: 'database.restored', target: 'database', after: { backupAt, bearersEnded } };
    await transaction((tx) => appendEvent(tx, actor, event));
    const { ok, records, firstBad } = await verifyChain(id);
    console.log(
      ok
        ? `The audit of ${name} verifies: ${records} records.`
        : `The audit of ${name} breaks at record ${firstBad}.`,
    );
    if (!ok) process.exitCode = 1;
  }
}

const { values } = parseArgs({
  strict: false,
  options: { from: { type: 'string' }, replace: { type: 'boolean' }, 'end-bearers': { type: 'boolean' } },
});
if (typeof values.from !== 'string' || values.from === '') {
  console.error(USAGE);
  process.exit(2);
}
try {
  await restore(resolve(values.from), {
    replace: values.replace === true,
    endBearers: values['end-bearers'] === true,
  });
} catch (error) {
  if (!(error instanceof EnvironmentError)) throw error;
  console.error(error.problems.join('\n'));
  process.exit(1);
}
