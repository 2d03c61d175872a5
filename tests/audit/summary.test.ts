// The roll-up says what the records say: each counted once, by however many chainers, after a crash, and when it comes later than
// the chain.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@/lib/audit/append';
import { layChain } from '@/lib/audit/chain';
import { verifyChain } from '@/lib/audit/verify-chain';
import { latencyOfBucket } from '@/lib/audit/roll-up';
import { summarizeAudit } from '@/lib/audit/summary';
import { pool } from '@/lib/db';
import { openLib } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
beforeAll(async () => {
  lib = await openLib();
});
afterAll(() => lib.close());

const HOUR_MS = 3_600_000;
const TOOLS = ['get_task', 'create_tasks', 'delete_task', null];
const PEOPLE = ['ana@aurora.example', 'ben@aurora.example', null];
const OUTCOMES = ['ok', 'ok', 'ok', 'tool_error', 'upstream_error', 'unknown', null];
/** Noon of a day long past: nothing else counts there. */
const NOON = Date.parse('2026-03-10T12:00:00Z');

async function makeOrganization(): Promise<string> {
  const { rows } = await pool().query<{ id: string }>(
    `INSERT INTO organizations (name) VALUES ('Aurora') RETURNING id`,
  );
  return rows[0]!.id;
}

let made = 0;

/** Calls over three days, some denied, some without an outcome yet, and an event that must not count. */
async function record(organizationId: string, count: number, { system = false } = {}): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    made += 1;
    const at = new Date(NOON + ((made * 7_919) % 72) * HOUR_MS + made);
    const id = uuidv7();
    const denied = made % 9 === 0;
    await pool().query(
      `INSERT INTO audit_records (id, organization_id, at, kind, member_email, credential_kind, credential_id, method, tool,
         decision, reason) VALUES ($1, $2, $3, 'call', $4, $5, 'x', 'tools/call', $6, $7, $8)`,
      [
        ...[id, organizationId, at, PEOPLE[made % PEOPLE.length], system ? 'system' : 'agent_token'],
        ...[TOOLS[made % TOOLS.length], denied ? 'deny' : 'allow', denied ? 'not_in_group' : null],
      ],
    );
    const outcome = denied ? null : OUTCOMES[made % OUTCOMES.length];
    if (outcome)
      await pool().query(
        `INSERT INTO audit_records (id, organization_id, at, kind, call_id, outcome, latency_ms)
         VALUES ($1, $2, $3, 'outcome', $4, $5, $6)`,
        [
          uuidv7(),
          organizationId,
          new Date(at.getTime() + HOUR_MS),
          id,
          outcome,
          ((made * 37) % 4_000) + 0.5,
        ],
      );
    if (made % 5 === 0)
      await pool().query(
        `INSERT INTO audit_records (id, organization_id, at, kind, member_email, action, target)
         VALUES ($1, $2, $3, 'event', 'ana@aurora.example', 'thing.changed', 'thing')`,
        [uuidv7(), organizationId, at],
      );
  }
}

/** Lays until nothing is left: whatever else runs on this PostgreSQL may hold an older transaction open for a moment. */
async function layAll(organizationId: string): Promise<void> {
  const left = `SELECT 1 FROM audit_records r LEFT JOIN audit_chain c ON c.record_id = r.id
    WHERE r.organization_id = $1 AND c.seq IS NULL LIMIT 1`;
  for (const endMs = Date.now() + 10_000; ;) {
    await layChain();
    const { rowCount } = await pool().query(left, [organizationId]);
    if (rowCount === 0) return;
    if (Date.now() > endMs) throw new Error('the chain was not laid in time');
  }
}

interface Raw {
  at: Date;
  tool: string | null;
  member: string | null;
  denied: boolean;
  outcome: string | null;
  latency: number | null;
}

/** What the summary must be, from the records alone. */
async function recount(organizationId: string, fromMs: number, toMs: number, sizeMs: number) {
  const { rows } = await pool().query<Raw>(
    `SELECT r.at, r.tool, r.member_email AS member, r.decision = 'deny' AS denied, o.outcome, o.latency_ms AS latency
     FROM audit_records r LEFT JOIN audit_records o ON o.call_id = r.id
     WHERE r.organization_id = $1 AND r.kind = 'call' AND r.at >= $2 AND r.at < $3`,
    [organizationId, new Date(fromMs), new Date(toMs)],
  );
  const counts = (of: Raw[]) => ({
    calls: of.length,
    denied: of.filter(({ denied }) => denied).length,
    failed: of.filter(({ outcome }) => outcome !== null && outcome !== 'ok').length,
  });
  const nameIn = (row: object) => Object.values(row)[0] as string;
  const by = (key: 'tool' | 'member') =>
    [...new Set(rows.flatMap((row) => row[key] ?? []))]
      .map((value) => ({ [key]: value, ...counts(rows.filter((row) => row[key] === value)) }))
      .toSorted((a, b) => b.calls - a.calls || (nameIn(a) < nameIn(b) ? -1 : 1))
      .slice(0, 10);
  const latencies = rows.flatMap(({ latency }) => latency ?? []).toSorted((a, b) => a - b);
  const rank = (share: number) => latencies[Math.ceil(latencies.length * share) - 1] ?? null;
  const series = [];
  for (let at = fromMs; at < toMs; at += sizeMs)
    series.push({
      at: new Date(at).toISOString(),
      ...counts(rows.filter((row) => row.at.getTime() >= at && row.at.getTime() < at + sizeMs)),
    });
  return {
    ...{ series, tools: by('tool'), members: by('member'), totals: counts(rows) },
    ...{ p50: rank(0.5), p95: rank(0.95) },
  };
}

/** Compares the summary of three days by day, and of each day by hour, with a recount. */
async function expectTruth(organizationId: string): Promise<void> {
  const DAY_MS = 24 * HOUR_MS;
  const startMs = NOON - 12 * HOUR_MS;
  const spans = [[startMs, startMs + 4 * DAY_MS, DAY_MS] as const].concat(
    [0, 1, 2, 3].map((day) => [startMs + day * DAY_MS, startMs + (day + 1) * DAY_MS, HOUR_MS] as const),
  );
  for (const [fromMs, toMs, sizeMs] of spans) {
    const given = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
    const seen = await summarizeAudit(organizationId, given);
    const truth = await recount(organizationId, fromMs, toMs, sizeMs);
    const { p50Ms, p95Ms, ...totals } = seen.totals;
    expect(totals).toEqual(truth.totals);
    expect(seen.bucket).toBe(sizeMs === DAY_MS ? 'day' : 'hour');
    expect(seen.series.map(({ p50Ms: _p50, p95Ms: _p95, ...bucket }) => bucket)).toEqual(truth.series);
    expect([seen.tools, seen.members]).toEqual([truth.tools, truth.members]);
    for (const [said, real] of [
      [p50Ms, truth.p50],
      [p95Ms, truth.p95],
    ] as const)
      if (real === null) expect(said).toBeNull();
      else expect(Math.abs(said! - real) / real).toBeLessThan(0.06);
  }
  expect((await recount(organizationId, startMs, startMs + 4 * DAY_MS, DAY_MS)).totals.calls).toBeGreaterThan(
    30,
  );
}

describe('the summary', () => {
  test('equals a recount of the records: by hour and day, tool and person, with percentiles within six percent', async () => {
    const id = await makeOrganization();
    await record(id, 120);
    await layAll(id);
    await expectTruth(id);
    expect(await verifyChain(id)).toMatchObject({ ok: true });
  });

  test('counts each record once where two chainers work while records are written', async () => {
    const id = await makeOrganization();
    let writing = true;
    const chainers = [1, 2].map(async () => {
      while (writing) await layChain();
    });
    await Promise.all([record(id, 60), record(id, 60), record(id, 30, { system: true })]).finally(() => {
      writing = false;
    });
    await Promise.all(chainers);
    await layAll(id);
    await expectTruth(id);
    expect(await verifyChain(id)).toMatchObject({ ok: true });
  });

  test('counts each record once where the chainer dies between the sums and the end of its transaction', async () => {
    const id = await makeOrganization();
    await record(id, 40);
    await layAll(id);
    await record(id, 40);
    // The head is what a batch writes last: with its update refused, sums and links are there and then undone.
    await pool().query(`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NOT EXISTS (SELECT 1 FROM audit_hours WHERE organization_id = NEW.organization_id) THEN RAISE 'no sums yet'; END IF;
      RAISE 'the process died here'; END $$`);
    await pool().query(
      `CREATE TRIGGER die BEFORE INSERT OR UPDATE ON audit_chain_heads FOR EACH ROW EXECUTE FUNCTION die()`,
    );
    for (let n = 0; n < 3; n += 1) await layChain();
    const { rows } = await pool().query<{ seq: string; rolled_seq: string; links: string }>(
      `SELECT seq, rolled_seq, (SELECT max(seq) FROM audit_chain WHERE organization_id = $1) AS links
       FROM audit_chain_heads WHERE organization_id = $1`,
      [id],
    );
    expect(rows[0]!.rolled_seq).toBe(rows[0]!.seq);
    expect(rows[0]!.links).toBe(rows[0]!.seq);
    await pool().query('DROP TRIGGER die ON audit_chain_heads');
    await layAll(id);
    await expectTruth(id);
  });

  test('adds what the chain held before there were sums, exactly once, while new records come in', async () => {
    const id = await makeOrganization();
    await record(id, 60);
    await layAll(id);
    // As the migration finds a database: a chain, no sums, and nothing counted.
    await pool().query('DELETE FROM audit_hours WHERE organization_id = $1', [id]);
    await pool().query('UPDATE audit_chain_heads SET rolled_seq = 0 WHERE organization_id = $1', [id]);
    await record(id, 20);
    await Promise.all([layChain(), layChain(), record(id, 20)]);
    await layAll(id);
    await expectTruth(id);
    await layChain();
    await expectTruth(id);
    expect(await verifyChain(id)).toMatchObject({ ok: true });
  });

  test('keeps organizations apart', async () => {
    const [one, two] = [await makeOrganization(), await makeOrganization()];
    await record(one, 50);
    await record(two, 50);
    await Promise.all([layAll(one), layAll(two)]);
    await expectTruth(one);
    await expectTruth(two);
    expect(await verifyChain(one)).toMatchObject({ ok: true });
  });

  test('has every bucket of its time, empty ones too: hours up to two days, days beyond, and seven days by itself', async () => {
    const id = await makeOrganization();
    const at = (from: string, to: string) => summarizeAudit(id, { from, to });
    const hours = await at('2026-03-01T10:30:00Z', '2026-03-03T10:30:00Z');
    expect([hours.bucket, hours.series.length, hours.series[0]!.at]).toEqual([
      ...['hour', 49, '2026-03-01T10:00:00.000Z'],
    ]);
    const days = await at('2026-03-01T10:30:00Z', '2026-03-03T10:30:01Z');
    expect([days.bucket, days.series.map((entry) => entry.at)]).toEqual([
      'day',
      ['2026-03-01T00:00:00.000Z', '2026-03-02T00:00:00.000Z', '2026-03-03T00:00:00.000Z'],
    ]);
    const week = await summarizeAudit(id, {}, Date.parse('2026-03-10T15:00:00Z'));
    expect(week.series.map((entry) => entry.at.slice(8, 10))).toEqual([
      '04',
      '05',
      '06',
      '07',
      '08',
      '09',
      '10',
    ]);
    const nothing = { calls: 0, denied: 0, failed: 0, p50Ms: null, p95Ms: null };
    expect([week.totals, week.series[3]]).toEqual([nothing, { at: '2026-03-07T00:00:00.000Z', ...nothing }]);
    await expect(at('2026-03-02', '2026-03-02')).rejects.toMatchObject({ code: 'invalid' });
    await expect(at('2020-03-02', '2026-03-02')).rejects.toMatchObject({ code: 'invalid' });
  });

  test('rounds a latency to the middle of a bucket that is never more than six percent away', () => {
    for (let ms = 1; ms < 500_000; ms *= 1.013) {
      const said = latencyOfBucket(Math.round(20 * Math.log10(ms)));
      expect(Math.abs(said - ms) / ms, String(ms)).toBeLessThan(0.06);
    }
  });
});
