// A change that breaks half-way, at each message between Gatehouse and PostgreSQL in turn, is done whole or not at all, with its event;
// and what is tried again because an acknowledgement was lost is not done twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { updateTool } from '@/lib/catalogue/catalogue';
import { pool, transaction, type Tx } from '@/lib/db';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { createGroup, replaceGroup } from '@/lib/people/groups';
import { addMember, removeMember } from '@/lib/people/members';
import { updateOrganization } from '@/lib/people/organizations';
import { mintAgentToken, revokeAgentToken } from '@/lib/tokens/agent-tokens';
import { startAcme } from '../support/acme';
import {
  auditOf,
  callOf,
  makeMember,
  mint,
  post,
  until,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import { startStatementWire, type StatementWire } from './statement-wire';

let gate: Gate;
let wire: StatementWire;
let organization: TestOrganization;
let ana: TestMember;
let token: string;

beforeAll(async () => {
  ({ gate, organization, ana, token } = await startAcme(['get_me'], {
    chain: false,
    async databaseThrough(url) {
      wire = await startStatementWire(Number(new URL(url).port));
      return Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(wire.port) }).href;
    },
  }));
});
afterAll(async () => {
  await gate.stop();
  await wire.close();
});

const TABLES = [
  'organizations',
  'members',
  'groups',
  'group_tools',
  'group_members',
  'agent_tokens',
  'tools',
];

/** What the tables hold, and which events there are. */
async function stateNow(): Promise<{ tables: string; events: string[] }> {
  const all = TABLES.map((table) => `SELECT '${table}', t::text FROM ${table} t`).join(' UNION ALL ');
  const tables = await pool().query<{ rows: string }>(
    `SELECT string_agg(a.name || ' ' || a.row, chr(10) ORDER BY a.name, a.row) AS rows FROM (${all}) AS a(name, row)`,
  );
  const { rows } = await pool().query<{ event: string }>(
    `SELECT action || ' ' || target AS event FROM audit_records WHERE kind = 'event' ORDER BY id`,
  );
  return { tables: tables.rows[0]!.rows, events: rows.map(({ event }) => event) };
}

const settled = () =>
  until(
    () => stateNow().catch(() => null), // a connection that the break took along
  );

describe('DB-04 a change that breaks at any message', () => {
  let round = 0;
  const admin = () => organization.actor;
  const person = () => ({ ...admin(), memberId: ana.id, memberEmail: ana.email });
  const content = () => ({
    name: 'Readers',
    tools: round % 2 ? ['get_me'] : ['get_me', 'get_task'],
    members: [ana.email],
  });
  /** `before` makes what the change needs. */
  const CHANGES: [name: string, change: (tx: Tx) => Promise<unknown>, before?: () => Promise<void>][] = [
    ['a group’s tools', (tx) => replaceGroup(tx, admin(), 'readers', content(), null)],
    [
      'a new group',
      (tx) => createGroup(tx, admin(), { name: `Group ${round}`, tools: ['get_me'], members: [ana.email] }),
    ],
    [
      'a new member',
      (tx) => addMember(tx, admin(), { email: `m${round}@acme.example`, name: 'M', role: 'member' }),
    ],
    ['a new agent token', (tx) => mintAgentToken(tx, person(), { name: `agent ${round}` })],
    ['a tool’s block', (tx) => updateTool(tx, admin(), 'get_me', { blocked: round % 2 === 0 })],
    [
      'the organization’s limits',
      (tx) => updateOrganization(tx, admin(), { limits: { connectionPerMinute: 500 + round } }),
    ],
    [
      'a revoked token',
      (tx) => revokeAgentToken(tx, person(), spare),
      async () => void ({ id: spare } = await mint(ana)),
    ],
    [
      'a removed member',
      (tx) => removeMember(tx, admin(), `gone${round}@acme.example`),
      async () => void (await makeMember(gate, organization, `gone${round}@acme.example`)),
    ],
  ];
  let spare = '';

  test.each(CHANGES)('%s: all of it with its event, or nothing', async (_name, change, before) => {
    const met = { whole: 0, nothing: 0 };
    for (const carriedOut of [false, true])
      for (let nth = 1; ; nth += 1) {
        round += 1;
        await before?.();
        const was = await settled();
        wire.breakAt(nth, carriedOut);
        const acknowledged = await transaction(change).then(
          () => true,
          () => false,
        );
        const broke = wire.mend();
        const is = await settled();
        const events = is.events.length - was.events.length;
        const changed = is.tables !== was.tables;
        expect([changed, events], `broken at message ${nth}, carried out: ${carriedOut}`).toEqual(
          events === 1 ? [true, 1] : [false, 0],
        );
        if (acknowledged) expect(events).toBe(1);
        met[events === 1 ? 'whole' : 'nothing'] += 1;
        if (!broke) break;
        expect(nth).toBeLessThan(60);
      }
    // Both ends were seen, so the breaks were where they had to be.
    expect(met.nothing).toBeGreaterThan(2);
    expect(met.whole).toBeGreaterThan(1);
  });
});

describe('DB-05 an acknowledgement that is lost', () => {
  beforeAll(async () => {
    await transaction((tx) => updateTool(tx, organization.actor, 'get_me', { blocked: false }));
  });

  test('of an admission: the call is not sent, and its one record reads unknown', async () => {
    let lost = 0;
    for (let nth = 1; nth <= 3; nth += 1) {
      await until(async () => (await post(gate, token, callOf('get_me'))).status === 200);
      const before = await auditOf(organization, { tool: 'get_me' });
      gate.sandbox.log.clear();
      wire.breakAt(nth, true);
      const { status, body } = await post(gate, token, callOf('get_me'));
      wire.mend();
      if (status !== 503) continue;
      expect(body.error?.data).toEqual({ outcome: 'not_sent' });
      expect(gate.sandbox.log.entries).toEqual([]);
      const after = await auditOf(organization, { tool: 'get_me' });
      const added = after.slice(0, after.length - before.length);
      expect(added.length).toBeLessThanOrEqual(1);
      for (const record of added) expect(record).toMatchObject({ decision: 'allow', outcome: 'unknown' });
      lost += added.length;
    }
    expect(lost).toBeGreaterThan(0);
  });

  test('of an outcome: it is written again, and is there once', async () => {
    await until(async () => (await post(gate, token, callOf('get_me'))).status === 200);
    await flushOutcomes();
    let written = 0;
    for (let nth = 1; nth <= 6; nth += 1) {
      gate.sandbox.set({ latencyMs: 150 });
      const pending = post(gate, token, callOf('get_me'));
      await until(() => gate.upstreamCalls().length > 0);
      wire.breakAt(nth, true);
      await pending;
      await flushOutcomes();
      if (wire.mend()) written += 1;
      gate.sandbox.set({ latencyMs: 0 });
      gate.sandbox.log.clear();
    }
    expect(written).toBeGreaterThan(2);
    await until(async () => (await auditOf(organization, { outcome: 'ok' }, 1)).length > 0);
    await flushOutcomes();
    const { rows } = await pool().query<{ id: string; outcomes: number }>(
      `SELECT c.id, count(o.id)::int AS outcomes FROM audit_records c
       LEFT JOIN audit_records o ON o.call_id = c.id WHERE c.kind = 'call' AND c.decision = 'allow' GROUP BY c.id`,
    );
    expect(rows.filter(({ outcomes }) => outcomes > 1)).toEqual([]);
    expect(rows.filter(({ outcomes }) => outcomes === 1).length).toBeGreaterThan(6);
  });
});
