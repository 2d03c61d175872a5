// A backup made while everybody works brings everything back elsewhere: people, tokens, secrets, the audit with its chain. And a file
// or a database that is not fit for it changes nothing.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layChain } from '@/lib/audit/chain';
import { verifyChain } from '@/lib/audit/verify-chain';
import { writeBackup } from '@/lib/database/backup';
import { restoreBackup } from '@/lib/database/restore';
import { closeDatabase, pool, transaction } from '@/lib/db';
import { childEnv, env, setEnv } from '@/lib/env';
import { stopBeating } from '@/lib/gateway/live-processes';
import { stopWatching } from '@/lib/gateway/open-streams';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { signIn } from '@/lib/people/sign-in';
import { addMember } from '@/lib/people/members';
import { checkKeyRing } from '@/lib/vault/vault';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { dumpDatabase } from '../support/dump';
import {
  auditOf,
  callOf,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  rpc,
  startGate,
  until,
} from '../support/gate';
import type { Gate, TestMember, TestOrganization } from '../support/gate';
import { shared } from '../support/gate-fork';

const PASSWORD = 'a long enough password';
/** They live hours at most; a backup leaves them out. */
const SHORT_LIVED = [
  'sessions',
  'connect_attempts',
  'oauth_states',
  'rate_limits',
  'call_counters',
  'gate_processes',
  'client_answers',
];

let gate: Gate;
let acme: TestOrganization;
let ana: TestMember;
let token: string;
let folder: string;
let file: string;
let origin: string;
let before: Record<string, string>;
const others: TestDatabase[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-backup-'));
  chmodSync(folder, 0o711);
  file = join(folder, 'all.backup');
  gate = await startGate({ chain: false });
  await checkKeyRing();
  acme = await makeOrganization(gate, 'Acme');
  ana = await makeMember(gate, acme, 'ana@acme.example', { asana: 'ana@example.com' });
  await transaction((tx) =>
    addMember(tx, acme.actor, {
      email: 'bo@acme.example',
      name: 'Bo "\\ \u2028 \u00e9',
      role: 'admin',
      password: PASSWORD,
    }),
  );
  await makeGroup(acme, 'Readers', ['get_me'], [ana]);
  ({ token } = await mint(ana));
  await Promise.all(Array.from({ length: 30 }, () => post(gate, token, callOf('get_me'))));
  await auditOf(acme);
  await layChain();
  // These have no link of the chain yet.
  await post(gate, token, callOf('delete_task'));
  await post(gate, token, callOf('get_me'));
  await auditOf(acme);
  origin = env().DATABASE_URL!;
  before = await dumpDatabase();
  await writeBackup(origin, file);
}, 120_000);

afterAll(async () => {
  setEnv({ DATABASE_URL: origin });
  await gate.stop();
  for (const { drop } of others) await drop();
  rmSync(folder, { recursive: true });
});

async function run(name: 'backup' | 'restore', args: string[], variables: Record<string, string> = {}) {
  const own = { ...shared(), NODE_ENV: 'production', GATEHOUSE_KEYS_FILE: '', ...variables };
  const child = spawn(process.execPath, ['--import', 'tsx', `scripts/${name}.ts`, ...args], {
    env: childEnv(own),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

/** Another, migrated database; the processes of the test's own lib are off it until `use`. */
async function another(): Promise<{ url: string; use(): Promise<void> }> {
  const database = await createTestDatabase();
  others.push(database);
  return { url: database.url, use: () => use(database.url) };
}

async function use(url: string): Promise<void> {
  // What the gate has not written yet belongs to the database that it was called on.
  await flushOutcomes();
  stopWatching();
  stopBeating();
  await closeDatabase();
  setEnv({ DATABASE_URL: url });
}

/** Everything that a backup holds, without what a restore changes on purpose. */
function comparable(dump: Record<string, string>): Record<string, string[]> {
  const left = new Set([...SHORT_LIVED, '_prisma_migrations', 'audit', 'audit_records', 'audit_chain_heads']);
  return Object.fromEntries(
    Object.entries(dump).flatMap(([table, rows]) => (left.has(table) ? [] : [[table, rows.split('\n')]])),
  );
}

const recordsWithoutXid = async () =>
  (
    await pool().query(
      `SELECT to_jsonb(r) - 'xid' AS record FROM audit_records r WHERE action IS DISTINCT FROM 'database.restored' ORDER BY id`,
    )
  ).rows;

describe('a backup', { timeout: 120_000 }, () => {
  test('brings every row back elsewhere: people sign in, the chain verifies and goes on, a call passes and is on record', async () => {
    const records = await recordsWithoutXid();
    const target = await another();
    const { code, output } = await run('restore', ['--from', file], { DATABASE_URL: target.url });
    expect([code, output]).toEqual([0, expect.stringContaining('The audit of Acme verifies:')]);
    await target.use();
    expect(comparable(await dumpDatabase())).toEqual(comparable(before));
    expect(await recordsWithoutXid()).toEqual(records);

    expect(
      await signIn({ email: 'bo@acme.example', password: PASSWORD, address: '192.0.2.1' }),
    ).toMatchObject({ email: 'bo@acme.example' });
    expect((await post(gate, token, callOf('get_me'))).body.result.isError).not.toBe(true);
    expect(
      (await post(gate, token, rpc('tools/list'))).body.result.tools.map(
        (tool: { name: string }) => tool.name,
      ),
    ).toEqual(['get_me']);
    await auditOf(acme);
    // What had no link when the backup was made gets one now, before whatever came later.
    const { rows } = await pool().query('SELECT count(*)::int AS n FROM audit_records');
    // A transaction anywhere in the cluster holds a link back for as long as it runs.
    const verified = await until(async () => {
      await layChain();
      const found = await verifyChain(acme.id);
      return found.records === rows[0].n && found;
    });
    expect(verified).toEqual({ ok: true, records: rows[0].n });
    const { rows: late } = await pool().query(
      `SELECT r.action FROM audit_records r JOIN audit_chain c ON c.record_id = r.id WHERE c.seq > $1 ORDER BY c.seq`,
      [records.length],
    );
    expect(late[0]).toEqual({ action: 'database.restored' });
    await use(origin);
  });

  test('keeps the rules that the database itself enforces: the audit is insert-only, a foreign row finds no place', async () => {
    const target = await another();
    await run('restore', ['--from', file], { DATABASE_URL: target.url });
    await target.use();
    for (const statement of [
      'UPDATE audit_records SET tool = NULL',
      'DELETE FROM audit_chain',
      'TRUNCATE audit_records CASCADE',
    ])
      await expect(pool().query(statement), statement).rejects.toThrow('audit is insert-only');
    await expect(
      pool().query(
        `INSERT INTO agent_tokens (organization_id, member_id, name, token_hash, last4, tools)
        VALUES (gen_random_uuid(), $1, 'x', '\\x00', 'abcd', '{}')`,
        [ana.id],
      ),
    ).rejects.toThrow('violates foreign key');
    // A number that PostgreSQL itself counts up would have to be set anew here; there is none.
    expect((await pool().query('SELECT * FROM pg_sequences')).rows).toEqual([]);
    await use(origin);
  });

  test('is readable by its owner only, holds no key and no secret, and never overwrites a file', async () => {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = gunzipSync(readFileSync(file)).toString();
    for (const key of env().GATEHOUSE_KEYS!.split(',')) expect(text).not.toContain(key.split(':')[1]!);
    expect(text).not.toContain(env().GATEHOUSE_SECRET!);
    expect(text).not.toContain(token);
    expect(text).not.toContain(PASSWORD);
    const { output, code } = await run('backup', ['--to', file]);
    expect([code, output]).toEqual([1, expect.stringContaining('a backup never overwrites')]);
    const second = join(folder, 'second.backup');
    const made = await run('backup', ['--to', second]);
    expect([made.code, made.output]).toEqual([
      0,
      expect.stringContaining('keep a copy of GATEHOUSE_KEYS and GATEHOUSE_SECRET'),
    ]);
    expect(existsSync(`${second}.part`)).toBe(false);
  });

  test('is one moment: what is committed while it is written is in it whole or not at all', async () => {
    const moving = join(folder, 'moving.backup');
    let writing = true;
    const writer = (async () => {
      while (writing) await post(gate, token, callOf('get_me'));
    })();
    await layChain();
    await writeBackup(origin, moving);
    writing = false;
    await writer;
    const target = await another();
    const { code, output } = await run('restore', ['--from', moving], { DATABASE_URL: target.url });
    expect([code, output]).toEqual([0, expect.stringContaining('verifies')]);
  });
});

describe('a restore changes nothing where', { timeout: 120_000 }, () => {
  test('the database holds an organization already, until --replace says so', async () => {
    const target = await another();
    await run('restore', ['--from', file], { DATABASE_URL: target.url });
    await target.use();
    await pool().query(`UPDATE organizations SET name = 'Later'`);
    const dump = await dumpDatabase();
    await closeDatabase();
    const refused = await run('restore', ['--from', file], { DATABASE_URL: target.url });
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('add --replace')]);
    await target.use();
    expect(await dumpDatabase()).toEqual(dump);
    await closeDatabase();
    const replaced = await run('restore', ['--from', file, '--replace'], { DATABASE_URL: target.url });
    expect(replaced.code).toBe(0);
    await target.use();
    expect(comparable(await dumpDatabase())).toEqual(comparable(before));
    await use(origin);
  });

  test('TV-15, TV-17: the key ring is not the backup’s', async () => {
    const target = await another();
    const wrong = await run('restore', ['--from', file], {
      DATABASE_URL: target.url,
      GATEHOUSE_KEYS: `test:${Buffer.from('0123456789abcdefghijklmnopqrstuv').toString('base64')}`,
    });
    expect([wrong.code, wrong.output]).toEqual([
      1,
      expect.stringContaining('put the keys that belong to this backup back first'),
    ]);
    await target.use();
    expect((await pool().query('SELECT * FROM organizations')).rows).toEqual([]);
    await use(origin);
    const rotated = `3:${Buffer.from('abcdefghijklmnopqrstuv0123456789').toString('base64')},${env().GATEHOUSE_KEYS!}`;
    const archived = await run('restore', ['--from', file], {
      DATABASE_URL: target.url,
      GATEHOUSE_KEYS: rotated,
    });
    expect([archived.code, archived.output]).toEqual([0, expect.stringContaining('verifies')]);
  });

  test('Gatehouse runs on the database', async () => {
    await pool().query('SELECT 1');
    const { code, output } = await run('restore', ['--from', file, '--replace']);
    expect([code, output]).toEqual([1, expect.stringContaining('Gatehouse runs on this database')]);
    expect(comparable(await dumpDatabase())).not.toEqual({});
  });

  test('the file was cut, altered, is none of ours or from a newer version', async () => {
    const whole = readFileSync(file);
    const lines = gunzipSync(whole).toString().split('\n');
    const spoilt: Record<string, Buffer> = {
      cut: whole.subarray(0, whole.length >> 1),
      'cut at a line': gzipSync(lines.slice(0, -5).join('\n')),
      'one word changed': gzipSync(lines.join('\n').replace('Readers', 'Writers')),
      'one row less': gzipSync([...lines.slice(0, -4), ...lines.slice(-3)].join('\n')),
      'not packed': Buffer.from(lines.join('\n')),
      'of something else': gzipSync('{"a":1}\n'),
    };
    const target = await another();
    for (const [name, bytes] of Object.entries(spoilt)) {
      const path = join(folder, 'spoilt.backup');
      writeFileSync(path, bytes);
      const given = {
        databaseUrl: target.url,
        file: path,
        replace: true,
        leaveOut: [],
        rules: { first: [], columns: {} },
      };
      await expect(restoreBackup({ ...given, accept: () => Promise.resolve() }), name).rejects.toThrow(
        'is no whole backup',
      );
    }
    await target.use();
    expect((await pool().query('SELECT * FROM organizations')).rows).toEqual([]);
    await use(origin);
  });
});

test(
  'DB-13: --end-bearers restores without any bearer, so that none that was revoked since comes back',
  { timeout: 60_000 },
  async () => {
    const target = await another();
    const { code, output } = await run('restore', ['--from', file, '--end-bearers'], {
      DATABASE_URL: target.url,
    });
    expect([code, output]).toEqual([0, expect.stringContaining('stayed away')]);
    await target.use();
    expect((await post(gate, token, callOf('get_me'))).status).toBe(401);
    expect((await pool().query('SELECT name FROM groups')).rows).toEqual([{ name: 'Readers' }]);
    await use(origin);
  },
);
