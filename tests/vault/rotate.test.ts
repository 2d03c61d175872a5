// Keys change while the gate works: nothing fails, nothing is lost, and whoever is killed in the middle is simply run again.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openAttempt, useAttempt } from '@/lib/asana/connect-attempt';
import { appCredentials } from '@/lib/asana/asana-app';
import { freshAccessToken } from '@/lib/asana/refresh';
import { queueRevocation } from '@/lib/asana/revoke';
import { APPROVALS_SEALED } from '@/lib/approvals/sealed-columns';
import { askForApproval } from '@/lib/approvals/ask';
import { readCall } from '@/lib/approvals/read-call';
import { ASANA_SEALED } from '@/lib/asana/sealed-columns';
import { readArguments } from '@/lib/audit/arguments';
import { AUDIT_SEALED } from '@/lib/audit/sealed-columns';
import { signerOf } from '@/lib/audit/signing-keys';
import { saveSink } from '@/lib/audit/sink';
import { db, pool, transaction } from '@/lib/db';
import { childEnv, env, setEnv } from '@/lib/env';
import { adapterFor, keepAnswer, readState } from '@/lib/oauth/adapter';
import { registerClient } from '@/lib/oauth/register-client';
import { GATEWAY_SEALED } from '@/lib/gateway/sealed-columns';
import { OAUTH_SEALED } from '@/lib/oauth/sealed-columns';
import { OFFBOARDING_SEALED } from '@/lib/offboarding/sealed-columns';
import { placeOfDrillToken } from '@/lib/offboarding/witness';
import { keepBundle, openBundle } from '@/lib/undo/keep';
import { UNDO_SEALED } from '@/lib/undo/sealed-columns';
import type { Bundle } from '@/lib/undo/what-is-there';
import { rotateSeals, type Rotation } from '@/lib/vault/rotate';
import { countSealed, retireKey } from '@/lib/vault/key-use';
import { checkKeyRing, openSecret, placeOf, sealSecret } from '@/lib/vault/vault';
import { endClaim, flushClaims, readClaim } from '@/lib/write-safety/claims';
import { WRITE_SAFETY_SEALED } from '@/lib/write-safety/sealed-columns';
import { untilSomebodyWaits } from '../support/database';
import { dumpDatabase } from '../support/dump';
import { callOf, makeGroup, makeMember, makeOrganization, mint, post, startGate } from '../support/gate';
import type { Gate, TestMember, TestOrganization } from '../support/gate';
import { shared } from '../support/gate-fork';

const COLUMNS = [
  ...[...APPROVALS_SEALED, ...ASANA_SEALED, ...AUDIT_SEALED, ...WRITE_SAFETY_SEALED],
  ...[...OAUTH_SEALED, ...GATEWAY_SEALED, ...OFFBOARDING_SEALED, ...UNDO_SEALED],
];
const ANA_AT_ASANA = 'ana@example.com';
/** What was there before a call. */
const BUNDLE: Bundle = {
  ...{ tool: 'delete_task', arguments: { task: '1' } },
  before: [{ kind: 'task', gid: '1', title: 'Kept', parts: { name: 'Kept' } }],
};
const newKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;

let gate: Gate;
let acme: TestOrganization;
let ana: TestMember;
let token: string;
let tokenId: string;

beforeAll(async () => {
  gate = await startGate();
  acme = await makeOrganization(gate, 'Acme');
  ana = await makeMember(gate, acme, 'ana@acme.example', { asana: ANA_AT_ASANA });
  await makeGroup(acme, 'Readers', ['get_me'], [ana]);
  ({ token, id: tokenId } = await mint(ana, { connectionId: ana.connectionId! }));
});
afterAll(() => gate.stop());

let rings = 0;
/** A ring of its own for every test: `old` seals what there is, and `ring` puts `now` in front of it. */
let ids: { old: string; now: string };
beforeEach(async () => {
  rings += 1;
  const before = env().GATEHOUSE_KEYS!;
  ids = { old: before.split(':')[0]!, now: `n${rings}` };
  setEnv({ GATEHOUSE_KEYS: `${newKey(ids.now)},${before}` });
  await checkKeyRing();
});

type Recorded = { organizationId: string; phase: string; facts: Record<string, unknown> };

async function rotate(more: Partial<Rotation> = {}) {
  const recorded: Recorded[] = [];
  const lines: string[] = [];
  const result = await rotateSeals({
    columns: COLUMNS,
    report: (line) => lines.push(line),
    record: async (organizationId, phase, facts) => void recorded.push({ organizationId, phase, facts }),
    ...more,
  });
  return { ...result, recorded, lines };
}

const keysInUse = async () => [...new Set((await countSealed(COLUMNS)).map(({ keyId }) => keyId))];

async function storedTokens(id: string) {
  const { rows } = await pool().query<{ access_token: string; refresh_token: string }>(
    'SELECT access_token, refresh_token FROM connections WHERE id = $1',
    [id],
  );
  return rows[0]!;
}

/** The id of a call that waits for an approval. */
async function heldCall(): Promise<string> {
  const { id: approver } = await makeMember(gate, acme, `approver${rings}@acme.example`);
  const held = await askForApproval({
    ...{ organizationId: acme.id, memberId: ana.id, memberEmail: ana.email, credentialId: tokenId },
    ...{ connectionId: ana.connectionId!, callId: crypto.randomUUID(), tool: 'get_me' },
    ...{ argumentsHash: 'h', argumentsText: '{"seen":"by approvers"}', judgedAs: `${rings}` },
    waitsFor: [{ member: approver }],
  });
  if (held.state !== 'waiting') throw new Error(`the call does not wait: ${held.state}`);
  return held.id;
}

/** The call of a write whose result is kept for its repeats. */
async function keptWrite(): Promise<string> {
  const callId = crypto.randomUUID();
  await pool().query(
    `INSERT INTO write_claims (call_id, organization_id, member_id, credential_id, connection_id, tool_name, arguments_hash,
       window_seconds, claimed_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, 'add_comment', gen_random_uuid()::text, 60, now(), now() + interval '1 hour')`,
    [callId, acme.id, ana.id, tokenId, ana.connectionId],
  );
  endClaim({ organizationId: acme.id, callId }, { result: '{"seen":"by repeats"}' }, 'ok');
  await flushClaims();
  return callId;
}

/** As the code that writes it does: one sealed text in every column there is. Returns what reads each of them. */
async function sealEverything() {
  const before = env().GATEHOUSE_KEYS!;
  setEnv({ GATEHOUSE_KEYS: olderFirst(before) });
  const secrets = { verifier: randomBytes(32).toString('hex'), revoked: randomBytes(32).toString('hex') };
  const base = {
    organizationId: acme.id,
    memberId: ana.id,
    clientId: 'c',
    connectionId: null,
    returnTo: null,
  };
  const state = await openAttempt({ ...base, browserSecret: 'b', codeVerifier: secrets.verifier });
  const credentials = await appCredentials(acme.id);
  const revocation = await transaction((tx) =>
    queueRevocation(tx, {
      organizationId: acme.id,
      memberEmail: ana.email,
      credentials,
      refreshToken: secrets.revoked,
    }),
  );
  const registered = await registerClient(
    {
      client_name: 'Agent',
      redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'client_secret_post',
    },
    '192.0.2.1',
  );
  const interaction = randomBytes(16).toString('hex');
  await adapterFor('Interaction').upsert(
    interaction,
    { kind: 'Interaction', uid: interaction } as never,
    600,
  );
  const hash = createHash('sha256').update(interaction).digest();
  await pool().query(
    `WITH g AS (INSERT INTO grants (id, organization_id, member_id, client_id, client_name, redirect_uri, resource, expires_at)
       VALUES (gen_random_uuid(), $1, $2, 'c', 'Agent', 'http://127.0.0.1/', 'r', now() + interval '1 day') RETURNING id)
     INSERT INTO oauth_tokens (hash, organization_id, grant_id, kind, resource, payload, expires_at)
     SELECT $3, $1, id, 'refresh', 'r', '{}', now() + interval '1 day' FROM g`,
    [acme.id, ana.id, hash],
  );
  await keepAnswer({ hash, organizationId: acme.id }, { refresh_token: 'ghr_the-next-one' });
  const [asked, drill] = [crypto.randomUUID(), crypto.randomUUID()];
  const answer = sealSecret(placeOf(acme.id, 'client_answers', 'answer', asked), 'an answer');
  await pool().query(
    `INSERT INTO client_answers (id, organization_id, call_id, question, answer, expires_at)
     VALUES ($1, $2, $1, 0, $3, now() + interval '1 day')`,
    [asked, acme.id, answer],
  );
  await pool().query(
    `INSERT INTO offboardings (id, organization_id, member_id, member_email, member_name, is_drill, by, started_at, drill_token)
     VALUES ($1, $2, $3, 'drill', 'drill', true, 'drill', now(), $4)`,
    [drill, acme.id, ana.id, sealSecret(placeOfDrillToken(acme.id, drill), 'a token')],
  );
  const waiting = await heldCall();
  const changed = crypto.randomUUID();
  await keepBundle(
    {
      ...{ organizationId: acme.id, memberId: ana.id, connectionId: ana.connectionId!, callId: changed },
      days: 1,
    },
    BUNDLE,
  );
  const written = await keptWrite();
  await signerOf(acme.id);
  await transaction((tx) =>
    saveSink(tx, acme.actor, {
      kind: 'otlp',
      address: 'http://127.0.0.1:9/v1/logs',
      authorization: 'Bearer s',
    }),
  );
  await pool().query('UPDATE organizations SET keep_arguments_since = now() WHERE id = $1', [acme.id]);
  await post(gate, token, callOf('get_me', { seen: 'by auditors' }));
  await pool().query('UPDATE organizations SET keep_arguments_since = NULL WHERE id = $1', [acme.id]);
  const { rows: kept } = await pool().query<{ call_id: string }>(
    'SELECT call_id FROM audit_arguments ORDER BY at DESC LIMIT 1',
  );
  setEnv({ GATEHOUSE_KEYS: before });
  return {
    ...{ secrets, state, credentials, revocation, registered, interaction, hash, asked, drill, waiting },
    ...{ changed, written },
    kept: kept[0]!.call_id,
  };
}

describe('a rotation', () => {
  test('seals every sealed text anew, each opens where it is used, and afterwards the old key is needed nowhere', async () => {
    const made = await sealEverything();
    const before = await countSealed(COLUMNS);
    expect(new Set(before.map(({ table, column }) => `${table}.${column}`)).size).toBe(COLUMNS.length);
    const { resealed, unreadable, recorded } = await rotate();
    expect(unreadable).toEqual([]);
    expect(resealed).toBe(before.reduce((sum, { rows }) => sum + rows, 0));
    expect(await keysInUse()).toEqual([ids.now]);
    await retireKey(ids.old, COLUMNS);
    setEnv({ GATEHOUSE_KEYS: env().GATEHOUSE_KEYS!.split(',')[0]! });
    await checkKeyRing();
    expect(JSON.stringify(await dumpDatabase())).not.toContain(`v1.${ids.old}.`);

    expect(await appCredentials(acme.id)).toEqual(made.credentials);
    expect((await post(gate, token, callOf('get_me'))).body.result.isError).not.toBe(true);
    const attempt = await useAttempt(made.state);
    expect(attempt!.codeVerifier()).toBe(made.secrets.verifier);
    expect(await readState(made.interaction)).toMatchObject({ uid: made.interaction });
    const { client_id: id, client_secret: secret } = made.registered.body as Record<string, string>;
    expect(await adapterFor('Client').find(id!)).toMatchObject({ client_secret: secret });
    const { rows } = await pool().query(
      'SELECT client_secret, refresh_token, (SELECT answer FROM oauth_tokens WHERE hash = $2) AS answer FROM revocations WHERE id = $1',
      [made.revocation, made.hash],
    );
    const opened = (table: string, column: string, key: string, sealed: string) =>
      openSecret(placeOf(acme.id, table, column, key), sealed);
    expect((await readClaim(acme.id, made.written))!.result).toBe('{"seen":"by repeats"}');
    expect(opened('revocations', 'refresh_token', made.revocation, rows[0].refresh_token)).toBe(
      made.secrets.revoked,
    );
    expect(opened('revocations', 'client_secret', made.revocation, rows[0].client_secret)).toBe(
      made.credentials.clientSecret,
    );
    expect(opened('oauth_tokens', 'answer', made.hash.toString('hex'), rows[0].answer)).toContain(
      'the-next-one',
    );

    const read = await transaction((tx) => readArguments(tx, acme.actor, made.kept));
    expect(read).toMatchObject({ text: '{"seen":"by auditors"}', matches: true });
    expect((await readCall(acme.id, made.waiting))!.arguments).toEqual([
      { place: 'seen', value: 'by approvers', name: null },
    ]);
    const bundle = await db().undoBundle.findFirstOrThrow({
      where: { organizationId: acme.id, id: made.changed },
    });
    expect(openBundle(acme.id, made.changed, bundle.sealed)).toEqual(BUNDLE);
    expect((await signerOf(acme.id)).sign('a text')).toHaveLength(64);

    const [sealed] = (
      await pool().query(
        'SELECT answer, (SELECT drill_token FROM offboardings WHERE id = $2) FROM client_answers WHERE id = $1',
        [made.asked, made.drill],
      )
    ).rows;
    expect(opened('client_answers', 'answer', made.asked, sealed.answer)).toBe('an answer');
    expect(opened('offboardings', 'drill_token', made.drill, sealed.drill_token)).toBe('a token');

    const from = { to: ids.now, from: [ids.old] };
    expect(recorded).toEqual([
      { organizationId: acme.id, phase: 'started', facts: { ...from, rows: expect.any(Number) } },
      {
        organizationId: acme.id,
        phase: 'finished',
        facts: { to: ids.now, resealed: recorded[0]!.facts.rows, unreadable: 0 },
      },
    ]);
    expect(JSON.stringify(recorded)).not.toContain('v1.');
    expect(await rotate()).toMatchObject({ resealed: 0, recorded: [], lines: [] });
  });

  test('every table that lib seals a text for is among the columns that are rotated', () => {
    const files = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const used = files.flatMap((file) => [
      ...readFileSync(join('lib', file), 'utf8').matchAll(
        /placeOf\(\s*[^,()]+,\s*'(\w+)',\s*(?:'(\w+)'|\w+),/g,
      ),
    ]);
    expect(used.length).toBeGreaterThan(8);
    for (const [text, table, column] of used) {
      const known = COLUMNS.filter((sealed) => sealed.table === table).map((sealed) => sealed.column);
      expect(known.length, text).toBeGreaterThan(0);
      if (column) expect(known, text).toContain(column);
    }
  });

  test('TV-10: no call fails while everything is sealed anew under load, and all of it ends on the new key', async () => {
    await manyConnections(1_000);
    let running = true;
    let calls = 0;
    const failures: string[] = [];
    const agents = Array.from({ length: 4 }, async () => {
      while (running) {
        const answer = await post(gate, token, callOf('get_me'));
        calls += 1;
        if (answer.status !== 200 || answer.body.result?.isError) failures.push(answer.text);
      }
    });
    const { resealed } = await rotate();
    running = false;
    await Promise.all(agents);
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(0);
    expect(resealed).toBeGreaterThanOrEqual(2_000);
    expect(await keysInUse()).toEqual([ids.now]);
    await pool().query('DELETE FROM connections WHERE id <> $1', [ana.connectionId]);
  });

  test('TV-12: a token that is refreshed while its row is sealed anew is the one that stays', async () => {
    const id = ana.connectionId!;
    const place = placeOf(acme.id, 'connections', 'access_token', id);
    const refresher = await pool().connect();
    await refresher.query('BEGIN');
    await refresher.query(
      'UPDATE connections SET access_token = $2, generation = generation + 1 WHERE id = $1',
      [id, sealSecret(place, 'the token that was refreshed meanwhile')],
    );
    const rotation = rotate();
    await untilSomebodyWaits();
    await refresher.query('COMMIT');
    refresher.release();
    expect((await rotation).unreadable).toEqual([]);
    expect(openSecret(place, (await storedTokens(id)).access_token)).toBe(
      'the token that was refreshed meanwhile',
    );
    expect(await keysInUse()).toEqual([ids.now]);
    const { accessToken } = gate.sandbox.issueTokens({ email: ANA_AT_ASANA });
    await pool().query('UPDATE connections SET access_token = $2 WHERE id = $1', [
      id,
      sealSecret(place, accessToken),
    ]);
  });

  test('TV-12: the same where the other process still seals with the old key: its text is sealed anew in the next pass', async () => {
    const id = ana.connectionId!;
    const place = placeOf(acme.id, 'connections', 'access_token', id);
    const plain = (await freshAccessToken({ organizationId: acme.id, id })).accessToken;
    const sealedByOther = withOldKey(() => sealSecret(place, plain));
    const other = await pool().connect();
    await other.query('BEGIN');
    await other.query('UPDATE connections SET access_token = $2 WHERE id = $1', [id, sealedByOther]);
    const rotation = rotate();
    await untilSomebodyWaits();
    await other.query('COMMIT');
    other.release();
    await rotation;
    expect(await keysInUse()).toEqual([ids.now]);
    expect(openSecret(place, (await storedTokens(id)).access_token)).toBe(plain);
  });

  test('TV-06: what can’t be opened is named and left as it is, and holds up nothing else', async () => {
    const [broken, whole] = [...(await manyConnections(2)).keys()] as [string, string];
    await pool().query('UPDATE connections SET access_token = refresh_token WHERE id = $1', [broken]); // TV-04
    const text = (await storedTokens(broken)).access_token;
    const { unreadable, recorded } = await rotate();
    expect(unreadable).toEqual([
      {
        table: 'connections',
        column: 'access_token',
        id: broken,
        organizationId: acme.id,
        reason: 'refused',
      },
    ]);
    expect(recorded.at(-1)!.facts).toMatchObject({ unreadable: 1 });
    expect((await storedTokens(broken)).access_token).toBe(text);
    expect((await storedTokens(whole)).access_token).toMatch(new RegExp(`^v1\\.${ids.now}\\.`));
    // TV-13: and its key is not given up for it.
    await expect(retireKey(ids.old, COLUMNS)).rejects.toThrow(
      `1 texts are still sealed with the key "${ids.old}"`,
    );
    await pool().query('DELETE FROM connections WHERE id <> $1', [ana.connectionId]);
    await retireKey(ids.old, COLUMNS);
  });
});

describe('a key is given up', () => {
  test('TV-13: never while a row needs it, never the one that seals, never one that is not there', async () => {
    await expect(retireKey(ids.old, COLUMNS)).rejects.toThrow('run rotate first');
    await expect(retireKey(ids.now, COLUMNS)).rejects.toThrow('is the key that seals');
    await expect(retireKey('nobody', COLUMNS)).rejects.toThrow('There is no key "nobody"');
    const { rows } = await pool().query('SELECT key_id FROM key_checks WHERE key_id = ANY($1)', [
      [ids.old, ids.now],
    ]);
    expect(rows).toHaveLength(2);
    await rotate();
    await retireKey(ids.old, COLUMNS);
  });
});

describe('TV-11: a rotation that is killed', { timeout: 90_000 }, () => {
  test('leaves every row readable wherever the kill hits, and the next run ends complete', async () => {
    const tokens = await manyConnections(2_500);
    const allOpen = async () => {
      const { rows } = await pool().query<{ id: string; access_token: string }>(
        'SELECT id, access_token FROM connections WHERE id = ANY($1)',
        [[...tokens.keys()]],
      );
      const place = (id: string) => placeOf(acme.id, 'connections', 'access_token', id);
      const lost = rows.filter((row) => openSecret(place(row.id), row.access_token) !== tokens.get(row.id));
      expect([rows.length, lost]).toEqual([tokens.size, []]);
    };
    const done = async () => {
      const { rows } = await pool().query<{ n: number }>(
        `SELECT count(*)::int AS n FROM connections WHERE starts_with(access_token, 'v1.' || $1 || '.')`,
        [ids.now],
      );
      return rows[0]!.n;
    };
    for (let round = 0; round < 2; round += 1) {
      const before = await done();
      const { child, ended } = startKeys('rotate');
      while (child.exitCode === null && (await done()) <= before + round * 50);
      child.kill('SIGKILL');
      await ended;
      await allOpen();
      expect(await done()).toBeGreaterThan(before);
      expect(await keysInUse()).toContain(ids.old);
    }
    const { code, output } = await startKeys('rotate').ended;
    expect([code, output]).toEqual([0, expect.stringMatching(/Sealed \d+ texts anew with the key n\d+\./)]);
    expect(await keysInUse()).toEqual([ids.now]);
    await allOpen();
    await pool().query('DELETE FROM connections WHERE id <> $1', [ana.connectionId]);
  });
});

describe(
  'TV-01, TV-02: a stolen copy of the database, and what the command prints',
  { timeout: 60_000 },
  () => {
    test('hold none of the secrets, before a rotation and after it', async () => {
      const made = await sealEverything();
      const { accessToken } = await freshAccessToken({ organizationId: acme.id, id: ana.connectionId! });
      const canaries = [
        ...Object.values(made.secrets),
        made.credentials.clientSecret,
        accessToken,
        'the-next-one',
      ];
      const plain = (text: string) => canaries.filter((canary) => text.includes(canary));
      expect(plain(JSON.stringify(await dumpDatabase()))).toEqual([]);
      const { output, code } = await startKeys('rotate').ended;
      expect(code).toBe(0);
      expect(plain(JSON.stringify(await dumpDatabase()) + output)).toEqual([]);
      expect(output).not.toMatch(/v1\.\w+\./);
      for (const key of env().GATEHOUSE_KEYS!.split(',')) expect(output).not.toContain(key.split(':')[1]!);
      const { rows } = await pool().query(
        `SELECT action, target, credential_name, after FROM audit_records WHERE action LIKE 'vault_key.%' ORDER BY id DESC LIMIT 2`,
      );
      expect(rows).toEqual([
        {
          action: 'vault_key.rotation_finished',
          target: `vault_key:${ids.now}`,
          credential_name: 'npm run keys',
          after: expect.anything(),
        },
        {
          action: 'vault_key.rotation_started',
          target: `vault_key:${ids.now}`,
          credential_name: 'npm run keys',
          after: expect.anything(),
        },
      ]);
    });
  },
);

function olderFirst(keys: string): string {
  const [now, old, ...rest] = keys.split(',');
  return [old, now, ...rest].join(',');
}

/** Seals with the key that was first before this test. */
function withOldKey<T>(work: () => T): T {
  const before = env().GATEHOUSE_KEYS!;
  setEnv({ GATEHOUSE_KEYS: olderFirst(before) });
  try {
    return work();
  } finally {
    setEnv({ GATEHOUSE_KEYS: before });
  }
}

/** Further connections of Ana, sealed with the older key; returns their access tokens. */
async function manyConnections(count: number): Promise<Map<string, string>> {
  const tokens = new Map(
    Array.from({ length: count }, () => [crypto.randomUUID() as string, randomBytes(20).toString('hex')]),
  );
  const sealed = (column: string) =>
    withOldKey(() =>
      [...tokens].map(([id, plain]) => sealSecret(placeOf(acme.id, 'connections', column, id), plain)),
    );
  await pool().query(
    `INSERT INTO connections (id, organization_id, member_id, client_id, asana_email, access_token, refresh_token, access_expires_at)
     SELECT id, $1, $2, 'c', 'x@example.com', access_token, refresh_token, now() + interval '1 hour'
     FROM unnest($3::uuid[], $4::text[], $5::text[]) AS n(id, access_token, refresh_token)`,
    [acme.id, ana.id, [...tokens.keys()], sealed('access_token'), sealed('refresh_token')],
  );
  return tokens;
}

/** Runs the command as npm does, on the gate's database with the ring of this test. */
function startKeys(...args: string[]) {
  const variables = { ...shared(), GATEHOUSE_KEYS: env().GATEHOUSE_KEYS!, NODE_ENV: 'production' };
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/keys.ts', ...args], {
    env: childEnv(variables),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output }));
  });
  return { child, ended };
}
