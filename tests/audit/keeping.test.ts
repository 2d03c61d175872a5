// What the audit keeps and what it lets go: arguments only where the organization says so, sealed and for auditors; old records after
// their months, and never anything else.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readArguments } from '@/lib/audit/arguments';
import { layOrganization } from '@/lib/audit/chain';
import { exportAudit } from '@/lib/audit/export';
import { expireArguments, expireRecords } from '@/lib/audit/retention';
import { summarizeAudit } from '@/lib/audit/summary';
import { verifyChain } from '@/lib/audit/verify-chain';
import { pool, transaction } from '@/lib/db';
import { updateOrganization } from '@/lib/people/organizations';
import { verifyLines } from '../../scripts/gatehouse-verify.mjs';
import { dumpDatabase } from '../support/dump';
import {
  auditOf,
  callOf,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  startGate,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let acme: TestOrganization;
let ana: TestMember;
let token: string;
beforeAll(async () => {
  gate = await startGate({ chain: false });
  acme = await makeOrganization(gate, 'Acme');
  ana = await makeMember(gate, acme, 'ana@acme.example', { asana: 'ana@example.com' });
  await makeGroup(acme, 'Readers', ['get_me', 'search_tasks'], [ana]);
  ({ token } = await mint(ana));
});
afterAll(() => gate.stop());

const change = (organization: TestOrganization, what: Parameters<typeof updateOrganization>[2]) =>
  transaction((tx) => updateOrganization(tx, organization.actor, what));
const read = (organization: TestOrganization, id: string) =>
  transaction((tx) => readArguments(tx, organization.actor, id));
const newest = async () => (await auditOf(acme, { method: 'tools/call' }, 1))[0]!;
const keptCalls = async () =>
  (
    await pool().query<{ call_id: string }>('SELECT call_id FROM audit_arguments ORDER BY at, call_id')
  ).rows.map(({ call_id }) => call_id);

describe('arguments', () => {
  test('AU-14: are not kept unless the organization switched it on, and from then on they are, each with its own record', async () => {
    await post(gate, token, callOf('search_tasks', { text: 'before' }));
    expect(await keptCalls()).toEqual([]);
    await change(acme, { keepArguments: true });
    const sent = [{ text: 'one', b: [1.5, null], a: { z: 'é "\u2028' } }, { text: 'two' }, {}];
    for (const given of sent) await post(gate, token, callOf('search_tasks', given));
    const calls = (await auditOf(acme, { tool: 'search_tasks' }, 3)).toReversed();
    expect((await keptCalls()).toSorted()).toEqual(calls.map(({ id }) => id).toSorted());
    for (const [n, { id }] of calls.entries())
      expect(await read(acme, id)).toMatchObject({
        cut: false,
        matches: true,
        text: expect.stringMatching(n === 2 ? /^\{\}$/ : /"text"/),
      });
    expect(JSON.parse((await read(acme, calls[0]!.id)).text)).toEqual(sent[0]);
    // Off again: nothing new, and what was kept stays until its days are over.
    await change(acme, { keepArguments: false });
    await post(gate, token, callOf('search_tasks', { text: 'after' }));
    expect((await keptCalls()).length).toBe(3);
    await change(acme, { keepArguments: true });
  });

  test('of a refused call are kept too, and of several at once each stands with its own call', async () => {
    await post(gate, token, callOf('delete_task', { task_id: 'refused' }));
    const denied = await newest();
    expect([denied.decision, (await read(acme, denied.id)).text]).toEqual(['deny', '{"task_id":"refused"}']);
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => post(gate, token, callOf('search_tasks', { text: `n${n}` }))),
    );
    const calls = await auditOf(acme, { tool: 'search_tasks' }, 20);
    const texts = await Promise.all(calls.map(({ id }) => read(acme, id)));
    expect(texts.every(({ matches }) => matches)).toBe(true);
    expect(new Set(texts.map(({ text }) => text)).size).toBe(20);
  });

  test('a call is on record once and counts once, whether its bearer was known to keep arguments or not', async () => {
    const limited = await mint(ana, { limits: { perMinute: 2 } });
    const statuses = [];
    for (let n = 0; n < 3; n += 1)
      statuses.push((await post(gate, limited.token, callOf('get_me', { n }))).status);
    expect(statuses).toEqual([200, 200, 429]);
    const calls = await auditOf(acme, { credential: limited.id });
    expect(calls.map(({ decision }) => decision)).toEqual(['deny', 'allow', 'allow']);
    for (const { id } of calls) expect((await read(acme, id)).matches).toBe(true);
  });

  test('stand nowhere in the clear: not in the database, not in an export; and open in their own place only', async () => {
    await post(gate, token, callOf('search_tasks', { text: 'the-secret-plan' }));
    const { id } = await newest();
    expect(JSON.stringify(await dumpDatabase())).not.toContain('the-secret-plan');
    for (const format of ['jsonl', 'csv'] as const) {
      let file = '';
      for await (const piece of exportAudit(acme.id, {}, format)) file += piece;
      expect(file).toContain(id);
      expect(file).not.toContain('the-secret-plan');
    }
    const [other] = (await keptCalls()).filter((one) => one !== id);
    await pool().query(
      'UPDATE audit_arguments SET sealed = (SELECT sealed FROM audit_arguments WHERE call_id = $1) WHERE call_id = $2',
      [id, other],
    );
    await expect(read(acme, other!)).rejects.toMatchObject({ code: 'arguments_unreadable' });
    // The twin, where it was sealed for.
    expect((await read(acme, id)).text).toContain('the-secret-plan');
  });

  test('are not another organization’s to read, and each reading is on record', async () => {
    const borealis = await makeOrganization(gate, 'Borealis');
    await post(gate, token, callOf('search_tasks', { text: 'mine' }));
    const { id } = await newest();
    await expect(read(borealis, id)).rejects.toMatchObject({ code: 'not_found' });
    await read(acme, id);
    const { rows } = await pool().query(
      `SELECT organization_id FROM audit_records WHERE action = 'audit.arguments_read' AND target = $1`,
      [`call:${id}`],
    );
    expect(rows).toEqual([{ organization_id: acme.id }]);
  });

  test('that are very long are kept to a length, which is said; and no call goes through whose arguments can’t be kept', async () => {
    await post(gate, token, callOf('search_tasks', { text: 'x'.repeat(400_000) }));
    const { id } = await newest();
    const long = await read(acme, id);
    expect(long).toMatchObject({ cut: true, matches: null, bytes: 400_011 });
    expect(long.text.length).toBe(256 * 1024);
    await pool().query(
      `CREATE FUNCTION no_arguments() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$`,
    );
    await pool().query(
      'CREATE TRIGGER no_arguments BEFORE INSERT ON audit_arguments EXECUTE FUNCTION no_arguments()',
    );
    const before = gate.upstreamCalls().length;
    const records = (await auditOf(acme)).length;
    expect((await post(gate, token, callOf('search_tasks', { text: 'lost' }))).status).toBe(503);
    expect([gate.upstreamCalls().length, (await auditOf(acme)).length]).toEqual([before, records]);
    await pool().query('DROP TRIGGER no_arguments ON audit_arguments');
    expect((await post(gate, token, callOf('search_tasks', { text: 'found' }))).status).toBe(200);
  });

  test('die after the organization’s days, and only then', async () => {
    const before = await keptCalls();
    await pool().query(`UPDATE audit_arguments SET at = now() - interval '31 days' WHERE call_id = $1`, [
      before[0],
    ]);
    expect(await expireArguments(acme.id)).toBe(1);
    expect(await keptCalls()).toEqual(before.slice(1));
    expect(await expireArguments(acme.id)).toBe(0);
    await change(acme, { keepArguments: false });
  });
});

describe('retention', () => {
  /** Twenty records, of which the first `old` are two months old, in the chain. */
  async function aged(name: string, old: number): Promise<TestOrganization> {
    const organization = await makeOrganization(gate, name);
    await pool().query(
      `INSERT INTO audit_records (id, organization_id, kind, action, target, method, decision, at)
       SELECT gen_random_uuid(), $1, CASE WHEN n % 2 = 0 THEN 'event' ELSE 'call' END, 'thing.changed', 'thing:' || n, 'tools/call', 'allow',
         now() - CASE WHEN n <= $2 THEN interval '70 days' ELSE interval '1 day' END - interval '1 minute' * (30 - n)
       FROM generate_series(1, 20) n`,
      [organization.id, old],
    );
    // What making the organization recorded came first; it is as old.
    const client = await pool().connect();
    await client.query('ALTER TABLE audit_records DISABLE TRIGGER USER');
    await client.query(
      `UPDATE audit_records SET at = now() - interval '80 days' WHERE organization_id = $1 AND action <> 'thing.changed'`,
      [organization.id],
    );
    await client.query(
      `UPDATE audit_records SET xid = '1' WHERE organization_id = $1 AND action <> 'thing.changed'`,
      [organization.id],
    );
    await client.query(
      `UPDATE audit_records SET id = overlay(id::text PLACING lpad(to_hex(substr(target, 7)::int), 8, '0') FROM 1)::uuid
       WHERE organization_id = $1 AND action = 'thing.changed'`,
      [organization.id],
    );
    await client.query('ALTER TABLE audit_records ENABLE TRIGGER USER');
    client.release();
    while (!(await layOrganization(organization.id)));
    return organization;
  }
  const seqs = async ({ id }: TestOrganization) =>
    (
      await pool().query('SELECT seq::int FROM audit_chain WHERE organization_id = $1 ORDER BY seq', [id])
    ).rows.map(({ seq }) => seq as number);
  async function verdictOfFile({ id }: TestOrganization) {
    let file = '';
    for await (const piece of exportAudit(id, {}, 'jsonl')) file += piece;
    return verifyLines(file.split('\n'));
  }

  test('AU-19: deletes what is older than the months and nothing else, and the rest verifies, here and from a file', async () => {
    const organization = await aged('Cetus', 12);
    const before = await seqs(organization);
    const older = before.length - 8;
    const sums = await summarizeAudit(organization.id, { from: '2026-01-01', to: new Date().toISOString() });
    expect(await expireRecords(organization.id)).toBe(0);
    await change(organization, { auditMonths: 1 });
    expect(await expireRecords(organization.id)).toBe(older);
    while (!(await layOrganization(organization.id)));
    const after = await seqs(organization);
    expect(after[0]).toBe(older + 1);
    expect(await verifyChain(organization.id)).toEqual({ ok: true, records: after.length });
    expect(await verdictOfFile(organization)).toMatchObject({ ok: true, from: older + 1 });
    expect(await expireRecords(organization.id)).toBe(0);
    const again = await summarizeAudit(organization.id, { from: '2026-01-01', to: new Date().toISOString() });
    expect(again.totals.calls).toBe(sums.totals.calls);
  });

  test('AU-10: nothing else can be deleted: not what is young, not with a checkpoint alone, not without one', async () => {
    const organization = await aged('Draco', 12);
    const refused = /insert-only/;
    const remove = (seq: string) =>
      pool().query(
        `DELETE FROM audit_records WHERE id IN (SELECT record_id FROM audit_chain WHERE organization_id = $1 AND seq ${seq})`,
        [organization.id],
      );
    await expect(remove('= 2')).rejects.toThrow(refused);
    await change(organization, { auditMonths: 1 });
    await expect(remove('= 2')).rejects.toThrow(refused);
    await pool().query(
      `INSERT INTO audit_checkpoints SELECT organization_id, seq, 'retention', hash, now(), 'nobody', '\\x00' FROM audit_chain
       WHERE organization_id = $1 ORDER BY seq DESC LIMIT 1`,
      [organization.id],
    );
    await expect(remove('> 14')).rejects.toThrow(refused);
    await expect(
      pool().query('DELETE FROM audit_chain WHERE organization_id = $1', [organization.id]),
    ).rejects.toThrow(refused);
    for (const table of ['audit_records', 'audit_chain'])
      await expect(pool().query(`TRUNCATE ${table}`)).rejects.toThrow(refused);
    // What such a checkpoint does open is found: nobody signed it.
    expect((await verifyChain(organization.id)).ok).toBe(false);
  });

  test('stops where the chain is broken: what was tampered with is evidence', async () => {
    const organization = await aged('Eridanus', 12);
    await change(organization, { auditMonths: 1 });
    await pool().query('ALTER TABLE audit_records DISABLE TRIGGER USER');
    await pool().query(
      `UPDATE audit_records SET member_email = 'eve@example.com' WHERE id = (SELECT record_id FROM audit_chain WHERE organization_id = $1 AND seq = 3)`,
      [organization.id],
    );
    await pool().query('ALTER TABLE audit_records ENABLE TRIGGER USER');
    await expect(expireRecords(organization.id)).rejects.toMatchObject({ code: 'audit_broken' });
    expect((await seqs(organization))[0]).toBe(1);
  });
});
