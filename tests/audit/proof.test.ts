// An exported audit verifies without us, and any change of the file or of the database is found and its first bad record named.
import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendEvent, uuidv7, type Actor } from '@/lib/audit/append';
import { layOrganization } from '@/lib/audit/chain';
import { checkpointIfDue, listCheckpoints, makeCheckpoint } from '@/lib/audit/checkpoints';
import { exportAudit } from '@/lib/audit/export';
import { listPublicKeys, rotateSigningKey } from '@/lib/audit/signing-keys';
import { recordOutcomes, recordSystemCall } from '@/lib/audit/system-call';
import { verifyChain, verifyOn, verifyPart } from '@/lib/audit/verify-chain';
import { db, pool, transaction } from '@/lib/db';
import { canonical, readCheckpoints, readKeys, verifyLines } from '../../scripts/gatehouse-verify.mjs';
import { openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let folder: string;
beforeAll(async () => {
  lib = await openLib();
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-proof-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await lib.close();
});

/** A quarter of them where all tests run; the full number is for `npm run test:full`. */
const PLACES = process.env.FULL === '1' ? 100 : 10;
/** The same places in every run (a linear congruential generator). */
let state = 20261121;
const pick = (below: number) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

interface Made {
  id: string;
  actor: Actor;
}

async function addOrganization(): Promise<Made> {
  const { rows } = await pool().query<{ id: string }>(
    `INSERT INTO organizations (name) VALUES ('Aurora') RETURNING id`,
  );
  const { id } = rows[0]!;
  const credential = { kind: 'session', id: 'c', name: 'Weekly “report” \u2028 \u00e9' } as const;
  return {
    id,
    actor: { organizationId: id, memberId: uuidv7(), memberEmail: 'ana@example.com', credential },
  };
}

// What a round through a database, JSON and another reader can spoil.
const DETAILS = [
  { n: 0.1 + 0.2, big: 2 ** 70, tiny: 5e-324, minus: -0 },
  { b: 1, a: [null, { z: [], y: {} }], '10': 1, '9': 2, __proto__: 'no' },
  { text: 'a"b\\c\n\t\u0001 \u2028 \u{1F600}', nested: { deep: { deeper: ['x', false, 1e21] } } },
  null,
];

/** Calls with and without outcomes, denials and changes, about `count` of them, and the chain over them. */
async function addRecords({ id, actor }: Made, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    if (n % 4 === 3)
      await transaction((tx) =>
        appendEvent(tx, actor, {
          action: 'thing.changed',
          target: `thing:${n}`,
          before: n,
          after: DETAILS[(n >> 2) % 4],
        }),
      );
    else {
      const callId = await recordSystemCall({
        ...{ organizationId: id, memberId: uuidv7(), memberEmail: 'ben@example.com', connectionId: uuidv7() },
        ...{ workspaceGid: '1100', purpose: 'test', method: 'tools/call', tool: `tool_${n}` },
      });
      const failed = n % 3 === 0;
      if (n % 4 !== 2)
        await recordOutcomes([
          {
            organizationId: id,
            callId,
            outcome: failed ? 'tool_error' : 'ok',
            latencyMs: 1.1 * n,
            ...(failed ? { reason: 'timeout' } : {}),
          },
        ]);
    }
  }
  await pool().query(
    `INSERT INTO audit_records (id, organization_id, kind, method, tool, decision, reason, arguments_hash, policy_version)
     VALUES ($1, $2, 'call', 'tools/call', 'delete_task', 'deny', 'not_in_group', repeat('a', 64), 'sales@3')`,
    [uuidv7(), id],
  );
  while (!(await layOrganization(id)));
}

async function exported({ id }: Made, filter = {}): Promise<string[]> {
  let text = '';
  for await (const piece of exportAudit(id, filter, 'jsonl')) text += piece;
  return text.split('\n').filter(Boolean);
}

const seqOf = (line: string) => (JSON.parse(line) as { seq: number }).seq;
/** All numbers that a line holds, its outcome's too. */
const numbersOf = (line: string) => {
  const { seq, chain } = JSON.parse(line);
  return [seq, chain.outcome?.seq].filter((one): one is number => one !== undefined);
};
const lowestOf = (lines: readonly string[]) => Math.min(...lines.flatMap(numbersOf));
const changed = (line: string, change: (record: any) => void): string => {
  const record = JSON.parse(line);
  change(record);
  return JSON.stringify(record);
};
const linkHash = (previous: string, seq: number, row: unknown) =>
  createHash('sha256')
    .update(Buffer.from(previous, 'hex'))
    .update(`${seq}:${canonical(row)}`)
    .digest('hex');

describe('an exported file', () => {
  let made: Made;
  let lines: string[];
  let keys: ReturnType<typeof readKeys>;
  let kept: ReturnType<typeof readCheckpoints>;
  beforeAll(async () => {
    made = await addOrganization();
    await addRecords(made, 16);
    await makeCheckpoint(made.id, made.actor);
    await addRecords(made, 16);
    lines = await exported(made);
    keys = readKeys((await listPublicKeys(made.id))[0]!.publicKey);
    kept = readCheckpoints(JSON.stringify({ checkpoints: await listCheckpoints(made.id, { limit: 10 }) }));
  }, 60_000);

  const verify = (file: readonly string[], more = {}) => verifyLines(file, { keys, ...more });

  test('AU-20: verifies as it was written: every link from the first to the last, signed, and with checkpoints kept elsewhere', async () => {
    const { rows } = await pool().query(
      'SELECT count(*)::int AS links FROM audit_chain WHERE organization_id = $1',
      [made.id],
    );
    const links: number = rows[0].links;
    expect(await verify(lines)).toMatchObject({
      ok: true,
      records: lines.length,
      links,
      from: 1,
      to: links,
      faults: 0,
      partial: false,
      signedBy: 'a given key',
    });
    expect(await verify(lines, { checkpoints: kept })).toMatchObject({ ok: true, checkpoints: kept.length });
    expect(await verifyLines(lines)).toMatchObject({ ok: true, signedBy: 'the key in the file' });
    // The twin: what the file holds is what a reader of the audit sees.
    expect(lines.some((line) => line.includes('"outcome":"tool_error"'))).toBe(true);
  });

  /** Each kind: a changed file and the numbers that may be named as the first bad one. */
  const swap = (file: string[], a: number, b: number) => {
    [file[a], file[b]] = [file[b]!, file[a]!];
  };
  const kinds: Record<string, (file: string[], at: number) => { bad: number[] }> = {
    'a record edited': (file, at) => {
      const bad = [seqOf(file[at]!)];
      file[at] = changed(file[at]!, (record) => {
        const field = [
          'member',
          'at',
          'tool',
          'target',
          'action',
          'method',
          'workspace',
          'decision',
          'reason',
        ].filter((key) => typeof record[key] === 'string');
        const key = field[pick(field.length)]!;
        record[key] =
          key === 'at'
            ? record.at.replace(/.Z$/, (end: string) => (end === '1Z' ? '2Z' : '1Z'))
            : `${record[key]}.`;
      });
      return { bad };
    },
    'what was hashed beside the record edited': (file, at) => {
      const bad = [seqOf(file[at]!)];
      file[at] = changed(file[at]!, (record) => {
        if (record.chain.memberId) record.chain.memberId = uuidv7();
        else record.credential.id = 'other';
      });
      return { bad };
    },
    'an outcome edited': (file, at) => {
      const found = file.findIndex((line, n) => n >= at && line.includes('"latencyMs"'));
      const n = found === -1 ? file.findIndex((line) => line.includes('"latencyMs"')) : found;
      const bad = numbersOf(file[n]!);
      file[n] = changed(file[n]!, (record) => {
        const both = pick(2) === 0;
        record.outcome = 'upstream_error';
        if (both) record.chain.outcome.outcome = 'upstream_error';
      });
      return { bad };
    },
    'a member added': (file, at) => {
      file[at] = changed(file[at]!, (record) => (record.approvedBy = 'boss@example.com'));
      return { bad: [seqOf(file[at]!)] };
    },
    'a member said twice': (file, at) => {
      file[at] = file[at]!.replace('{', '{"member":"nobody@example.com",');
      return { bad: [seqOf(file[at]!)] };
    },
    'a record edited and its hash computed anew': (file, at) => {
      const last = at === 0 ? [1] : [];
      file[at] = changed(file[at]!, (record) => {
        record.chain.memberId = null;
        record.member = 'eve@example.com';
        const edited = { ...record, hash: undefined };
        record.hash = linkHash(record.chain.previous, record.seq, edited);
      });
      return { bad: [seqOf(file[at]!), ...last] };
    },
    'a line deleted': (file, at) => {
      const [gone] = file.splice(at, 1);
      return { bad: [at === file.length ? 1 : lowestOf([gone!])] };
    },
    'two lines in each other’s place': (file, at) => {
      const other = (at + 1 + pick(file.length - 1)) % file.length;
      const bad = [Math.min(seqOf(file[at]!), seqOf(file[other]!))];
      swap(file, at, other);
      return { bad };
    },
    'two neighbours in each other’s place': (file, at) => {
      const first = Math.min(at, file.length - 2);
      const bad = [seqOf(file[first + 1]!)];
      swap(file, first, first + 1);
      return { bad };
    },
    'a line put in again elsewhere': (file, at) => {
      const to = pick(file.length + 1);
      const copy = changed(file[at]!, (record) => delete record.chain.export);
      const bad = [
        ...numbersOf(copy),
        ...(file[to] ? [seqOf(file[to]!)] : []),
        ...(file[to - 1] ? [seqOf(file[to - 1]!)] : []),
      ];
      file.splice(to, 0, copy);
      return { bad };
    },
    'a made-up record put in': (file, at) => {
      const neighbour = JSON.parse(file[at]!);
      delete neighbour.chain.export;
      neighbour.id = uuidv7();
      if (pick(2) === 0) [neighbour.seq, neighbour.hash] = [null, null];
      else neighbour.hash = createHash('sha256').update(file[at]!).digest('hex');
      const bad = [seqOf(file[at]!), ...(file[at - 1] ? [seqOf(file[at - 1]!)] : [])];
      file.splice(at, 0, JSON.stringify(neighbour));
      // At the very top it would be the newest of all.
      return { bad: at === 0 ? [...bad, Math.max(...file.slice(1).flatMap(numbersOf)) + 1] : bad };
    },
    'the newest lines cut off': (file, at) => {
      const gone = file.splice(0, Math.max(1, at));
      return { bad: [lowestOf(gone)] };
    },
    'the oldest lines cut off': (file, at) => {
      file.splice(Math.max(1, at));
      return { bad: [1] };
    },
    'the file broken off in the middle of a line': (file, at) => {
      file.splice(at + 1);
      file[at] = file[at]!.slice(0, 20 + pick(100));
      return { bad: [1] };
    },
  };

  test.each(Object.keys(kinds))(
    `AU-07 AU-08: %s is found at each of ${PLACES} random places, and the first bad record is named`,
    async (kind) => {
      for (let n = 0; n < PLACES; n += 1) {
        const file = [...lines];
        const at = pick(file.length - (kind === 'the file broken off in the middle of a line' ? 1 : 0));
        if (kind === 'the file broken off in the middle of a line' && at === 0) continue;
        const { bad } = kinds[kind]!(file, at);
        const verdict = await verify(file);
        expect(verdict.ok, `line ${at + 1}`).toBe(false);
        expect(bad, `line ${at + 1}: ${JSON.stringify(verdict.firstBad)}`).toContain(verdict.firstBad!.seq);
      }
      // The twin: nothing of this touched the file itself.
      expect((await verify(lines)).ok).toBe(true);
    },
  );

  /** Everything from the oldest line that `change` touches on is computed anew, as somebody with the database could. */
  function rewrite(change: (record: any) => void, from: number): string[] {
    const records = lines.map((line) => JSON.parse(line));
    const links = records
      .flatMap((record) => [
        { seq: record.seq, of: record, own: record.chain, isOutcome: false },
        ...(record.chain.outcome
          ? [{ seq: record.chain.outcome.seq, of: record, own: record.chain.outcome, isOutcome: true }]
          : []),
      ])
      .toSorted((a, b) => a.seq - b.seq);
    const target = records.find(({ seq }) => seq >= from && seq <= from + 3 && true)!;
    change(target);
    let previous: string | undefined;
    for (const link of links) {
      if (link.seq >= target.seq && previous !== undefined) link.own.previous = previous;
      if (link.seq >= target.seq) {
        const hash = createHash('sha256')
          .update(`${link.own.previous}${link.seq}${JSON.stringify(link.of.member)}`)
          .digest('hex');
        if (link.isOutcome) link.own.hash = hash;
        else link.of.hash = hash;
      }
      previous = link.isOutcome ? link.own.hash : link.of.hash;
    }
    return records.map((record) => JSON.stringify(record));
  }

  test('AU-09: signed anew with another key it is found out by the key that the organization published', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
    const forged = [...lines];
    forged[forged.length - 1] = changed(forged.at(-1)!, ({ chain }) => {
      const { signature: _, ...statement } = chain.export;
      statement.keyId = createHash('sha256').update(raw).digest('hex').slice(0, 16);
      statement.publicKey = raw.toString('base64');
      const text = `gatehouse audit export\n${canonical(statement)}`;
      chain.export = {
        ...statement,
        signature: sign(null, Buffer.from(text), privateKey).toString('base64'),
      };
    });
    expect(await verify(forged)).toMatchObject({
      ok: false,
      firstBad: { seq: 1, why: expect.stringMatching(/not among those given/) },
    });
    // Without a key to hold it against nobody can tell, and that is said.
    expect(await verifyLines(forged)).toMatchObject({ ok: true, signedBy: 'the key in the file' });
  });

  test('AU-09: a chain that was rewritten is found out by a checkpoint that was kept elsewhere, from which on is said', async () => {
    const [checkpoint] = kept;
    const other = {
      ...checkpoint!,
      hash: checkpoint!.hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    };
    expect(await verifyLines(lines, { checkpoints: [other] })).toMatchObject({
      ok: false,
      firstBad: { seq: 1, why: expect.stringMatching(/another than the one that was signed/) },
    });
    await expect(verify(lines, { checkpoints: [other] })).rejects.toThrow(/not signed by a key/);
    expect(rewrite((record) => (record.member = 'eve@example.com'), 10)).toHaveLength(lines.length);
    expect(await verify(rewrite((record) => (record.member = 'eve@example.com'), 10))).toMatchObject({
      ok: false,
    });
  });

  test('AU-08: newest records that were cut off, closing statement and all, are missed by a checkpoint', async () => {
    const newer = { ...kept[0]!, seq: 100_000, at: '2000-01-01T00:00:00.000Z' };
    expect(await verifyLines(lines, { checkpoints: [newer] })).toMatchObject({
      ok: false,
      firstBad: { why: expect.stringMatching(/newest are cut off/) },
    });
    // One that was made after this export says nothing of it.
    const later = { ...newer, at: '2100-01-01T00:00:00.000Z' };
    expect((await verifyLines(lines, { checkpoints: [later] })).ok).toBe(true);
  });

  test('that was filtered verifies from the hashes it states, and misses none of its own records', async () => {
    for (const filter of [
      { tool: 'tool_1' },
      { kind: 'event' as const },
      { outcome: 'failed' as const },
      { from: JSON.parse(lines[25]!).at, to: JSON.parse(lines[5]!).at },
    ]) {
      const file = await exported(made, filter);
      expect(await verify(file), JSON.stringify(filter)).toMatchObject({
        ok: true,
        partial: true,
        records: file.length,
      });
      if (file.length < 3) continue;
      for (let at = 0; at < file.length - 1; at += 1) {
        const verdict = await verify(file.toSpliced(at, 1));
        expect(verdict).toMatchObject({ ok: false });
        expect(verdict.firstBad!.line ?? at + 1).toBe(at + 1);
      }
      const edited = file.with(
        1,
        changed(file[1]!, (record) => (record.member = 'eve@example.com')),
      );
      expect(await verify(edited)).toMatchObject({ ok: false, firstBad: { seq: seqOf(file[1]!), line: 2 } });
    }
  });

  test('holds no record of another organization, and one with no record of its own holds no line', async () => {
    const other = await addOrganization();
    expect(await exported(other)).toEqual([]);
    await addRecords(other, 3);
    const ids = new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id));
    for (const line of await exported(other))
      expect(ids.has((JSON.parse(line) as { id: string }).id)).toBe(false);
  });

  const run = (...args: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) =>
      execFile(process.execPath, ['scripts/gatehouse-verify.mjs', ...args], (error, out, err) =>
        resolve({ code: (error?.code as number | undefined) ?? 0, out, err }),
      ),
    );

  test('is verified by the command: 0 as written, 1 with the bad record in the sentence, 2 where nothing can be said', async () => {
    const write = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const good = write('good.jsonl', `${lines.join('\n')}\n`);
    const bad = write(
      'bad.jsonl',
      lines
        .with(
          5,
          changed(lines[5]!, (record) => (record.at = '2026-01-01T00:00:00.000000Z')),
        )
        .join('\n'),
    );
    const key = write('key.pem', (await listPublicKeys(made.id))[0]!.publicKey);
    const checkpoints = write(
      'checkpoints.json',
      JSON.stringify({ checkpoints: await listCheckpoints(made.id, { limit: 10 }) }),
    );
    const whole = await run(good, '--key', key, '--checkpoints', checkpoints);
    expect(whole).toMatchObject({ code: 0, err: '' });
    expect(whole.out).toMatch(
      /^As written: \d+ records, .*None is missing.*given checkpoints fit.*a key that you gave/,
    );
    const broken = await run(bad, '--json', '--quiet');
    expect(broken.code).toBe(1);
    expect(JSON.parse(broken.out)).toMatchObject({ ok: false, firstBad: { id: JSON.parse(lines[5]!).id } });
    expect((await run(bad)).out).toContain(
      `number ${seqOf(lines[5]!)} (${JSON.parse(lines[5]!).id}), line 6`,
    );
    for (const args of [
      [],
      [join(folder, 'nothing.jsonl')],
      [good, '--key'],
      [good, '--nonsense'],
      [key],
      [good, '--key', good],
    ])
      expect((await run(...args)).code, args.join(' ')).toBe(2);
  });
});

describe('the chain in the database', () => {
  let made: Made;
  beforeAll(async () => {
    made = await addOrganization();
    await addRecords(made, 16);
  }, 60_000);

  const edit = (field: string) =>
    `UPDATE audit_records SET ${field} = 'edited' WHERE id = (SELECT record_id FROM audit_chain WHERE organization_id = $1 AND seq = $2)`;
  const OF = 'WHERE organization_id = $1 AND seq';
  const RECORD = `(SELECT record_id FROM audit_chain ${OF} = $2)`;
  /** SQL by the owner of the tables ($1 organization, $2 place), and which number is then named, of `last`. */
  const kinds: Record<string, { sql: string[]; named: (at: number, last: number) => number }> = {
    'an edited target': { sql: [edit('target')], named: (at) => at },
    'an edited person': { sql: [edit('member_email')], named: (at) => at },
    'an edited decision': { sql: [edit('decision')], named: (at) => at },
    'a moved time': {
      sql: [`UPDATE audit_records SET at = at - interval '1 microsecond' WHERE id = ${RECORD}`],
      named: (at) => at,
    },
    'a record that was edited with its hash': {
      sql: [edit('target'), `UPDATE audit_chain SET hash = sha256(hash) ${OF} = $2`],
      named: (at) => at,
    },
    'a deleted record': { sql: [`DELETE FROM audit_records WHERE id = ${RECORD}`], named: (at) => at },
    'a deleted link': { sql: [`DELETE FROM audit_chain ${OF} = $2`], named: (at) => at },
    'a record deleted, the later ones moved up': {
      sql: [
        `DELETE FROM audit_records WHERE id = ${RECORD}`,
        `DELETE FROM audit_chain ${OF} = $2`,
        `UPDATE audit_chain SET seq = seq - 1000000 ${OF} > $2`,
        `UPDATE audit_chain SET seq = seq + 999999 WHERE organization_id = $1 AND seq < 0 AND $2 > 0`,
      ],
      named: (at) => at,
    },
    'a record slipped in without a link': {
      sql: [
        `INSERT INTO audit_records (id, organization_id, kind, xid, at, target)
         SELECT overlay(id::text PLACING '000000000000' FROM 25)::uuid, $1, 'event', xid, at, 'slipped in' FROM audit_records WHERE id = ${RECORD}`,
      ],
      named: (at) => at,
    },
    'the newest cut off': {
      sql: [
        `DELETE FROM audit_records WHERE id IN (SELECT record_id FROM audit_chain ${OF} >= $2)`,
        `DELETE FROM audit_chain ${OF} >= $2`,
      ],
      named: (at) => at,
    },
    'the newest cut off, and the mark of the end moved': {
      sql: [
        `DELETE FROM audit_records WHERE id IN (SELECT record_id FROM audit_chain ${OF} >= $2)`,
        `DELETE FROM audit_chain ${OF} >= $2`,
        `UPDATE audit_chain_heads h SET (seq, hash, record_id) = (SELECT c.seq, c.hash, c.record_id FROM audit_chain c
           WHERE c.organization_id = $1 AND c.seq = $2 - 1) WHERE organization_id = $1 AND $2 > 1`,
      ],
      named: (at) => at,
    },
    'a forged checkpoint of retention': {
      sql: [
        `INSERT INTO audit_checkpoints SELECT organization_id, seq, 'retention', hash, now(), (SELECT id FROM audit_keys WHERE organization_id = $1 LIMIT 1), repeat('x', 64)::bytea
         FROM audit_chain ${OF} = $2`,
      ],
      named: (at) => at,
    },
  };

  test.each(Object.keys(kinds))(
    `AU-07 AU-08: %s is found at each of ${PLACES} random places, and the first bad record is named`,
    async (kind) => {
      const { sql, named } = kinds[kind]!;
      await makeCheckpoint(made.id, made.actor).catch(() => undefined);
      const client: PoolClient = await pool().connect();
      try {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        for (const table of ['audit_records', 'audit_chain', 'audit_checkpoints'])
          await client.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
        const whole = await verifyOn(client, made.id, { after: 0, records: Infinity });
        expect(whole.ok).toBe(true);
        for (let n = 0; n < PLACES; n += 1) {
          const at = 1 + pick(whole.last - 1);
          await client.query('SAVEPOINT clean');
          for (const text of sql) await client.query(text, text.includes('$2') ? [made.id, at] : [made.id]);
          const verdict = await verifyOn(client, made.id, { after: 0, records: Infinity });
          expect([verdict.ok, verdict.firstBad], `place ${at} of ${whole.last}`).toEqual([
            false,
            named(at, whole.last),
          ]);
          await client.query('ROLLBACK TO clean');
        }
        // The twin: all of it undone, it verifies again.
        expect(await verifyOn(client, made.id, { after: 0, records: Infinity })).toEqual(whole);
      } finally {
        await client.query('ROLLBACK');
        client.release();
      }
    },
    60_000,
  );

  test('AU-09: rewritten from a record on, with every hash computed anew, is found by the checkpoint that was signed', async () => {
    const own = await addOrganization();
    await addRecords(own, 12);
    await makeCheckpoint(own.id, own.actor);
    await addRecords(own, 8);
    await makeCheckpoint(own.id, own.actor);
    const [second, first] = await listCheckpoints(own.id, { limit: 5 });
    const forge = async (from: number) => {
      const { rows } = await pool().query(
        `SELECT c.seq, c.hash FROM audit_chain c WHERE c.organization_id = $1 ORDER BY c.seq`,
        [own.id],
      );
      const client = await pool().connect();
      await client.query(
        'BEGIN; ALTER TABLE audit_chain DISABLE TRIGGER USER; ALTER TABLE audit_records DISABLE TRIGGER USER',
      );
      await client.query(`UPDATE audit_records SET member_email = 'eve@example.com' WHERE id = ${RECORD}`, [
        own.id,
        from,
      ]);
      // As verifyOn computes them: the forger can do no better.
      for (let seq = from; seq <= rows.length; seq += 1) {
        const { chainHash } = await import('@/lib/audit/canonical');
        const { columns } = await import('@/lib/audit/record-rows');
        const record = await client.query(`SELECT ${columns} FROM audit_records r WHERE r.id = ${RECORD}`, [
          own.id,
          seq,
        ]);
        const before = await client.query(`SELECT hash FROM audit_chain ${OF} = $2 - 1`, [own.id, seq]);
        const hash = chainHash(before.rows[0].hash, BigInt(seq), record.rows[0]);
        await client.query(`UPDATE audit_chain SET hash = $3 ${OF} = $2`, [own.id, seq, hash]);
        await client.query('UPDATE audit_chain_heads SET hash = $2 WHERE organization_id = $1', [
          own.id,
          hash,
        ]);
      }
      const verdict = await verifyOn(client, own.id, { after: 0, records: Infinity });
      await client.query('ROLLBACK');
      client.release();
      return verdict.firstBad;
    };
    expect(await forge(3)).toBe(1);
    expect(await forge(first!.seq + 2)).toBe(first!.seq + 1);
    expect(second!.seq).toBeGreaterThan(first!.seq);
    expect((await verifyChain(own.id)).ok).toBe(true);
  });

  test('is verified in parts, and in parts says the same as whole', async () => {
    const whole = await verifyChain(made.id);
    let records = 0;
    let parts = 0;
    for (let after: number | null = 0; after !== null; parts += 1) {
      const part = await verifyPart(made.id, { after, records: 10 });
      expect(part.ok).toBe(true);
      records += part.records;
      after = part.next;
    }
    expect(records).toBe(whole.records);
    expect(parts).toBeGreaterThan(2);
  });
});

describe('checkpoints', () => {
  test('are made by themselves where the chain went on, once, and an idle chain gets none', async () => {
    const own = await addOrganization();
    await addRecords(own, 3);
    const mine = async () => (await listCheckpoints(own.id, { limit: 100 })).length;
    expect(await checkpointIfDue(own.id)).not.toBeNull();
    expect(await checkpointIfDue(own.id)).toBeNull();
    await addRecords(own, 3);
    expect(await checkpointIfDue(own.id)).not.toBeNull();
    expect(await mine()).toBe(2);
  });

  test('are insert-only, and their keys rotate: what an old one signed stays good and its private half is gone', async () => {
    const own = await addOrganization();
    await addRecords(own, 3);
    const before = await makeCheckpoint(own.id, own.actor);
    const made = await transaction((tx) => rotateSigningKey(tx, own.actor));
    await addRecords(own, 2);
    const after = await makeCheckpoint(own.id, own.actor);
    expect([before.keyId === after.keyId, after.keyId]).toEqual([false, made.id]);
    const published = await listPublicKeys(own.id);
    expect(published.map(({ id, retiredAt }) => [id, retiredAt === null])).toEqual([
      [after.keyId, true],
      [before.keyId, false],
    ]);
    expect(await verifyChain(own.id)).toMatchObject({ ok: true });
    const rows = await db().auditKey.findMany({ where: { organizationId: own.id } });
    expect(rows.map(({ privateKey }) => privateKey?.slice(0, 3) ?? 'none').toSorted()).toEqual([
      'none',
      'v1.',
    ]);
    for (const statement of [
      'DELETE FROM audit_checkpoints',
      'UPDATE audit_checkpoints SET seq = 1',
      'TRUNCATE audit_checkpoints',
    ])
      await expect(pool().query(statement)).rejects.toThrow(/insert-only/);
    const file = await exported(own);
    const keys = readKeys(published.map(({ publicKey }) => publicKey).join('\n'));
    const checkpoints = readCheckpoints(
      (await listCheckpoints(own.id, { limit: 9 }))
        .map((one) => JSON.stringify({ level: 30, checkpoint: one }))
        .join('\n'),
    );
    expect(await verifyLines(file, { keys, checkpoints })).toMatchObject({ ok: true, checkpoints: 2 });
  });
});
