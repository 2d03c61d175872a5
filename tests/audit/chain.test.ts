// The chain over the audit: laid within a second by whichever process comes first, without gap or fork, and any change of
// what it covers is found and named.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendEvent, type Actor } from '@/lib/audit/append';
import { chainHash, chainStart } from '@/lib/audit/canonical';
import { layChain, startChainer } from '@/lib/audit/chain';
import { verifyChain } from '@/lib/audit/verify-chain';
import { pool, transaction } from '@/lib/db';
import { openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;

beforeAll(async () => {
  lib = await openLib();
});
afterAll(() => lib.close());

interface Chained {
  id: string;
  actor: Actor;
}

/** An organization with that many records, all in the chain. */
async function organizationWith(records: number): Promise<Chained> {
  const { rows } = await pool().query<{ id: string }>(
    `INSERT INTO organizations (name) VALUES ('Aurora') RETURNING id`,
  );
  const { id } = rows[0]!;
  const credential = { kind: 'system', id: 'gatehouse', name: 'test' } as const;
  const actor: Actor = { organizationId: id, memberId: null, memberEmail: 'ana@aurora.example', credential };
  const organization = { id, actor };
  await transaction(async (tx) => {
    for (let n = 1; n <= records; n += 1) await appendEvent(tx, actor, eventOf(`thing:${n}`));
  });
  await untilLaid(organization, records);
  return organization;
}

/** Lays until it is done: whatever else runs on this PostgreSQL may hold an older transaction open for a moment. */
const untilLaid = (organization: Chained, records: number) =>
  until(async () => {
    await layChain();
    return (await linksOf(organization)).length === records;
  });

const eventOf = (target: string) => ({ action: 'thing.changed', target, after: { b: 1, a: [target] } });

const append = ({ actor }: Chained, target: string) =>
  transaction((tx) => appendEvent(tx, actor, eventOf(target)));

async function linksOf({ id }: { id: string }) {
  const { rows } = await pool().query<{ seq: string; record_id: string; hash: Buffer }>(
    'SELECT seq, record_id, hash FROM audit_chain WHERE organization_id = $1 ORDER BY seq',
    [id],
  );
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}

const until = async (condition: () => Promise<boolean>, timeoutMs = 10_000) => {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** What a verifier outside of Gatehouse needs to know, written down a second time. */
function recompute(organizationId: string, rows: Record<string, unknown>[]): string {
  const sorted = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(sorted)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.keys(value)
              .toSorted()
              .map((key) => [key, sorted((value as Record<string, unknown>)[key])]),
          )
        : value;
  let hash = createHash('sha256').update(`gatehouse audit chain of ${organizationId}`).digest();
  rows.forEach((row, n) => {
    hash = createHash('sha256')
      .update(hash)
      .update(`${n + 1}:${JSON.stringify(sorted(row))}`)
      .digest();
  });
  return hash.toString('hex');
}

const FIELDS = `id, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, kind, call_id, member_id, member_email,
  credential_kind, credential_id, credential_name, client, connection_id, workspace_gid, method, tool, arguments_hash, decision,
  reason, policy_version, outcome, latency_ms, action, target, before, after`;

describe('laying', () => {
  test('AU-11: gives every record of concurrent writers a number: none twice, none missing', async () => {
    const [one, two] = [await organizationWith(1), await organizationWith(1)];
    const stop = startChainer(50);
    const PER_WRITER = 25;
    const writers = [one, two, one, two, one].map(async (organization, writer) => {
      for (let n = 0; n < PER_WRITER; n += 1) await append(organization, `thing:${writer}.${n}`);
    });
    await Promise.all(writers);
    await until(async () => (await linksOf(one)).length === 1 + 3 * PER_WRITER);
    await until(async () => (await linksOf(two)).length === 1 + 2 * PER_WRITER);
    await stop();
    for (const organization of [one, two]) {
      const links = await linksOf(organization);
      expect(links.map(({ seq }) => seq)).toEqual(links.map((_, n) => n + 1));
      expect(new Set(links.map(({ record_id }) => record_id)).size).toBe(links.length);
      expect(await verifyChain(organization.id)).toEqual({ ok: true, records: links.length });
    }
  });

  test('takes less than a second by itself, and ends when it is told to', async () => {
    const organization = await organizationWith(1);
    const stop = startChainer();
    const took: number[] = [];
    for (let n = 2; n <= 6; n += 1) {
      await append(organization, `thing:${n}`);
      const since = Date.now();
      await until(async () => (await linksOf(organization)).length === n);
      took.push(Date.now() - since);
    }
    await stop();
    // The middle one: a machine that runs other tests may stall any single one.
    expect(took.toSorted((a, b) => a - b)[2]).toBeLessThan(1_000);
    await append(organization, 'too late');
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect(await linksOf(organization)).toHaveLength(6);
  });

  test('gives hashes that anybody can recompute from the records alone', async () => {
    const organization = await organizationWith(6);
    const links = await linksOf(organization);
    const { rows } = await pool().query(
      `SELECT ${FIELDS} FROM audit_records JOIN audit_chain ON record_id = id
       WHERE audit_records.organization_id = $1 ORDER BY seq`,
      [organization.id],
    );
    for (const n of [1, 3, 6])
      expect(recompute(organization.id, rows.slice(0, n))).toBe(links[n - 1]!.hash.toString('hex'));
  });

  test('by several chainers at once does not fork, and no verification meanwhile raises a false alarm', async () => {
    const organization = await organizationWith(1);
    let writing = true;
    const writer = (async () => {
      for (let n = 0; n < 60; n += 1) await append(organization, `thing:${n}`);
      writing = false;
    })();
    const chainers = [1, 2, 3].map(async () => {
      while (writing) await layChain();
    });
    const verdicts: { ok: boolean }[] = [];
    while (writing) verdicts.push(await verifyChain(organization.id));
    await Promise.all([writer, ...chainers]);
    await untilLaid(organization, 61);
    expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
    expect(verdicts.length).toBeGreaterThan(3);
    expect(await verifyChain(organization.id)).toEqual({ ok: true, records: 61 });
  });

  test('waits for an older transaction, whose records would come before', async () => {
    const organization = await organizationWith(1);
    const slow = await pool().connect();
    try {
      await slow.query('BEGIN');
      await slow.query(
        `INSERT INTO audit_records (id, organization_id, kind, target) VALUES (gen_random_uuid(), $1, 'event', 'slow')`,
        [organization.id],
      );
      await append(organization, 'quick');
      await layChain();
      expect(await linksOf(organization)).toHaveLength(1);
      await slow.query('COMMIT');
    } finally {
      slow.release();
    }
    await untilLaid(organization, 3);
    const { rows } = await pool().query(
      'SELECT target FROM audit_records r JOIN audit_chain ON record_id = r.id WHERE r.organization_id = $1 ORDER BY seq',
      [organization.id],
    );
    expect(rows.map(({ target }) => target)).toEqual(['thing:1', 'slow', 'quick']);
  });

  test('AU-12: tells apart what only runs together alike: fields, numbers and orders', () => {
    const previous = chainStart('aurora');
    const hash = (seq: bigint, record: unknown) => chainHash(previous, seq, record).toString('hex');
    const pairs: [unknown, unknown][] = [
      [
        { action: 'ab', target: 'c' },
        { action: 'a', target: 'bc' },
      ],
      [{ action: 'a","target":"c' }, { action: 'a', target: 'c' }],
      [{ after: { a: 1, b: 2 } }, { after: { a: 1 }, b: 2 }],
      [{ after: ['a', 'b'] }, { after: ['b', 'a'] }],
      [{ after: ['a,b'] }, { after: ['a', 'b'] }],
      [{ after: 1 }, { after: '1' }],
      [{ after: null }, { after: 'null' }],
      [{ after: 1.5 }, { after: 15 }],
    ];
    for (const [one, other] of pairs) expect(hash(1n, one), JSON.stringify(one)).not.toBe(hash(1n, other));
    expect(hash(1n, { a: 1 })).not.toBe(hash(11n, { a: 1 }));
    expect(chainStart('aurora')).not.toEqual(chainStart('borealis'));
    // The order in which a database gives a record's fields says nothing.
    expect(hash(1n, { a: 1, b: { c: 2, d: 3 } })).toBe(hash(1n, { b: { d: 3, c: 2 }, a: 1 }));
  });
});

describe('verifying', () => {
  /** Runs statements as the owner of the tables, who can switch the triggers off. */
  async function tamper(...statements: [string, unknown[]?][]): Promise<void> {
    const client = await pool().connect();
    try {
      for (const table of ['audit_records', 'audit_chain'])
        await client.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
      for (const [text, values] of statements) await client.query(text, values);
    } finally {
      for (const table of ['audit_records', 'audit_chain'])
        await client.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
      client.release();
    }
  }
  const renumber = 'UPDATE audit_chain SET seq = seq + $3 WHERE organization_id = $1 AND seq > $2';

  type Links = Awaited<ReturnType<typeof linksOf>>;
  const cases: [what: string, firstBad: number, change: (id: string, links: Links) => Promise<void>][] = [
    ...(['reason', 'member_email', 'target', 'action', 'outcome'] as const).map(
      (column): (typeof cases)[number] => [
        `an edited ${column}`,
        4,
        (_, links) =>
          tamper([`UPDATE audit_records SET ${column} = 'edited' WHERE id = $1`, [links[3]!.record_id]]),
      ],
    ),
    [
      'an edited detail inside of what was changed',
      3,
      (_, links) =>
        tamper([
          `UPDATE audit_records SET after = '{"a":["thing:3"],"b":2}' WHERE id = $1`,
          [links[2]!.record_id],
        ]),
    ],
    [
      'a moved time',
      5,
      (_, links) =>
        tamper([`UPDATE audit_records SET at = at - interval '1 day' WHERE id = $1`, [links[4]!.record_id]]),
    ],
    [
      'a deleted record',
      2,
      (_, links) => tamper(['DELETE FROM audit_records WHERE id = $1', [links[1]!.record_id]]),
    ],
    [
      'a record deleted with its link',
      5,
      (id, links) =>
        tamper(
          ['DELETE FROM audit_records WHERE id = $1', [links[4]!.record_id]],
          ['DELETE FROM audit_chain WHERE organization_id = $1 AND seq = 5', [id]],
        ),
    ],
    [
      'a record deleted, the later ones moved up',
      5,
      (id, links) =>
        tamper(
          ['DELETE FROM audit_records WHERE id = $1', [links[4]!.record_id]],
          ['DELETE FROM audit_chain WHERE organization_id = $1 AND seq = 5', [id]],
          [renumber, [id, 5, -1]],
        ),
    ],
    [
      'two records in each other’s place',
      2,
      (id, links) =>
        tamper(
          [
            'UPDATE audit_chain SET record_id = gen_random_uuid() WHERE organization_id = $1 AND seq = 2',
            [id],
          ],
          [
            'UPDATE audit_chain SET record_id = $2 WHERE organization_id = $1 AND seq = 3',
            [id, links[1]!.record_id],
          ],
          [
            'UPDATE audit_chain SET record_id = $2 WHERE organization_id = $1 AND seq = 2',
            [id, links[2]!.record_id],
          ],
        ),
    ],
    [
      'a record slipped in among older ones, without a link',
      4,
      (id, links) =>
        tamper([
          `INSERT INTO audit_records (id, organization_id, kind, xid, at, target)
           SELECT overlay(id::text PLACING '000000000000' FROM 25)::uuid, $1, 'event', xid, at, 'slipped in'
           FROM audit_records WHERE id = $2`,
          [id, links[3]!.record_id],
        ]),
    ],
    [
      'a record slipped in with a link',
      4,
      (id, links) =>
        tamper(
          [renumber, [id, 3, 1000]],
          ['UPDATE audit_chain SET seq = seq - 999 WHERE organization_id = $1 AND seq > 1000', [id]],
          [
            `WITH slipped AS (INSERT INTO audit_records (id, organization_id, kind, xid, at)
               SELECT gen_random_uuid(), $1, 'event', xid, at FROM audit_records WHERE id = $2 RETURNING id)
             INSERT INTO audit_chain SELECT $1, 4, id, '\\x00' FROM slipped`,
            [id, links[3]!.record_id],
          ],
        ),
    ],
    [
      'the newest records cut off',
      5,
      (id, links) =>
        tamper(
          [
            'DELETE FROM audit_records WHERE id = ANY($1)',
            [links.slice(4).map(({ record_id }) => record_id)],
          ],
          ['DELETE FROM audit_chain WHERE organization_id = $1 AND seq >= 5', [id]],
        ),
    ],
    [
      'everything cut off',
      1,
      (id) =>
        tamper(
          ['DELETE FROM audit_records WHERE organization_id = $1', [id]],
          ['DELETE FROM audit_chain WHERE organization_id = $1', [id]],
        ),
    ],
    [
      'another hash at the end',
      6,
      (id) => tamper([`UPDATE audit_chain SET hash = '\\x00' WHERE organization_id = $1 AND seq = 6`, [id]]),
    ],
    [
      'the mark of how far it reaches taken away',
      7,
      (id) => tamper(['DELETE FROM audit_chain_heads WHERE organization_id = $1', [id]]),
    ],
  ];

  test.each(cases)('AU-07 AU-08: finds %s: the first bad number is %i', async (_, firstBad, change) => {
    const organization = await organizationWith(6);
    const neighbour = await organizationWith(3);
    expect(await verifyChain(organization.id)).toEqual({ ok: true, records: 6 });
    await change(organization.id, await linksOf(organization));
    expect(await verifyChain(organization.id)).toEqual({ ok: false, records: firstBad - 1, firstBad });
    expect(await verifyChain(neighbour.id)).toEqual({ ok: true, records: 3 });
  });

  test('of one organization’s spoiled chain does not keep the others’ from being laid', async () => {
    const spoiled = await organizationWith(3);
    await tamper(['DELETE FROM audit_chain_heads WHERE organization_id = $1', [spoiled.id]]);
    await append(spoiled, 'stuck');
    const others = [await organizationWith(1), await organizationWith(1)];
    for (const other of others) await append(other, 'goes on');
    for (const other of others) await untilLaid(other, 2);
    expect(await verifyChain(spoiled.id)).toEqual({ ok: false, records: 3, firstBad: 4 });
  });

  test('of an organization without records is good and counts none', async () => {
    expect(await verifyChain(crypto.randomUUID())).toEqual({ ok: true, records: 0 });
  });
});
