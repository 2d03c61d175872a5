// Write safety at the gate: an agent writes as often a day as its person's groups say and then only reads; the repeat of a write is answered
// from the first and never sent, however many come at once, in however many processes. Off where no group says anything.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { decideApproval } from '@/lib/approvals/decide';
import { pool, transaction } from '@/lib/db';
import { resourceUrl } from '@/lib/env';
import { flushOutcomes } from '@/lib/gateway/outcomes';
import { createGrant } from '@/lib/oauth/grants';
import { replaceGroup, type GroupContent } from '@/lib/people/groups';
import { removeMember } from '@/lib/people/members';
import { NO_RULES } from '@/lib/policy/argument-rules';
import { NO_WRITE_SAFETY, type WriteSafety } from '@/lib/policy/write-safety';
import { SEED } from '@/lib/sandbox/world-seed';
import { hashToken, mintToken } from '@/lib/tokens/token-format';
import { liftBudget, listSpentBudgets } from '@/lib/write-safety/budgets';
import { forgetWrites } from '@/lib/write-safety/forget';
import { startAcme } from '../support/acme';
import { untilSomebodyWaits } from '../support/database';
import { startProcess, type GateProcess } from '../support/gate-fork';
import {
  auditOf,
  callOf,
  makeGroup,
  makeMember,
  mint,
  post,
  until,
  watchAudit,
  type Gate,
  type RpcAnswer,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import { ask } from '../support/modern-gate';

let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let ben: TestMember;
let token: string;
let newRecords: () => Promise<AuditRecord[]>;
const TOOLS = ['get_me', 'get_task', 'update_tasks', 'delete_task', 'add_comment', 'search_tasks'];

beforeAll(async () => {
  const acme = await startAcme(TOOLS, { colleagues: ['ben'] });
  ({ gate, organization, ana, token } = acme);
  ben = acme.colleagues.ben.member;
  await post(gate, token, callOf('get_me'));
  newRecords = await watchAudit(organization);
});
afterAll(() => gate.stop());
beforeEach(async () => {
  await flushOutcomes();
  await pool().query('DELETE FROM write_budgets');
  await pool().query('DELETE FROM write_claims');
  await set({});
  await newRecords();
  gate.sandbox.log.clear();
  gate.sandbox.set({ mcpFault: null });
});

/** Ana's and Ben's group, without write safety unless told otherwise. */
const set = ({ safety = {}, ...change }: Partial<GroupContent> & { safety?: Partial<WriteSafety> }) =>
  transaction((tx) =>
    replaceGroup(
      tx,
      organization.actor,
      'readers',
      {
        ...{ name: 'Readers', tools: TOOLS, members: [ana.email, ben.email], rules: null, approvals: null },
        ...{ methods: [], writeSafety: { ...NO_WRITE_SAFETY, ...safety } },
        ...change,
      },
      null,
    ),
  );

const comment = (text: string) => ({ task_id: SEED.pressKit, text });
const call = (args: Record<string, unknown>, bearer = token, at: { url: string } = gate) =>
  post(at, bearer, callOf('add_comment', args));
const change = (name: string, bearer = token) =>
  post(gate, bearer, callOf('update_tasks', { tasks: [{ task: SEED.pressKit, name }] }));
const sent = (name = 'add_comment') => gate.upstreamCalls().filter(({ tool }) => tool === name).length;
const textIn = ({ body }: RpcAnswer): string => body.result?.content?.[0]?.text ?? '';
const passed = (answer: RpcAnswer) => answer.body.result !== undefined && !answer.body.result.isError;

const agents = (member: TestMember) => transaction((tx) => listSpentBudgets(tx, organization.id, member.id));
const counted = async () =>
  (await pool().query('SELECT writes, deletes FROM write_budgets ORDER BY writes DESC')).rows;

/** Refused with this reason and unsent; what it heard. */
async function refused(work: () => Promise<RpcAnswer>, reason: string): Promise<string> {
  const before = gate.upstreamCalls().length;
  const answer = await work();
  expect([answer.status, answer.body.result?.isError], answer.text).toEqual([200, true]);
  expect(gate.upstreamCalls()).toHaveLength(before);
  expect((await newRecords())[0]).toMatchObject({ decision: 'deny', reason });
  return textIn(answer);
}

async function goes(work: () => Promise<RpcAnswer>): Promise<RpcAnswer> {
  const before = gate.upstreamCalls().filter(({ method }) => method === 'tools/call').length;
  const answer = await work();
  expect(passed(answer), answer.text).toBe(true);
  expect(gate.upstreamCalls().filter(({ method }) => method === 'tools/call')).toHaveLength(before + 1);
  return answer;
}

/** A client that Ana allowed, `times` over, each with an access token. */
async function clientOf(member: TestMember, times: number): Promise<string[]> {
  const clientId = `client-${crypto.randomUUID()}`;
  await pool().query(
    `INSERT INTO oauth_clients (id, kind, name, metadata) VALUES ($1, 'registered', 'Client', '{"redirect_uris":[]}')`,
    [clientId],
  );
  const actor = { ...organization.actor, memberId: member.id, memberEmail: member.email };
  const given = { clientId, clientName: 'Client', connectionId: null, redirectUri: 'http://localhost/x' };
  const tokens: string[] = [];
  for (let n = 0; n < times; n += 1) {
    const grantId = await transaction((tx) => createGrant(tx, actor, given));
    tokens.push(mintToken('gho'));
    await pool().query(
      `INSERT INTO oauth_tokens (hash, organization_id, grant_id, kind, resource, payload, expires_at)
       VALUES ($1, $2, $3, 'access', $4, '{}', now() + interval '1 hour')`,
      [hashToken(tokens[n]!), organization.id, grantId, resourceUrl()],
    );
  }
  return tokens;
}

describe('a budget of writes', () => {
  test('lets as many writes go as it says, then the agent only reads until an admin lifts it; all of it is on record', async () => {
    await set({ safety: { writesPerDay: 2 } });
    await goes(() => call(comment('One.')));
    await goes(() => change('Two'));
    expect(await agents(ana)).toEqual([]);
    const heard = await refused(() => call(comment('Three.')), 'write_budget');
    expect(heard).toMatch(/^add_comment was not sent to Asana: .* its budget of 2 writes for today/);
    expect(heard).toMatch(/only read until \d{4}-\d\d-\d\d 00:00 UTC.*\/admin\/people#read-only/);
    await refused(() => change('Four'), 'write_budget');
    await goes(() => post(gate, token, callOf('get_task', { task_id: SEED.pressKit })));
    const [spent] = await agents(ana);
    expect(spent).toMatchObject({
      ...{ member: { email: ana.email }, agent: 'agent', reason: 'write_budget', budget: 2 },
      until: new Date(Math.ceil((Date.now() + 1) / 86_400_000) * 86_400_000).toISOString(),
    });
    await transaction((tx) => liftBudget(tx, organization.actor, spent!.id));
    await expect(transaction((tx) => liftBudget(tx, organization.actor, spent!.id))).rejects.toMatchObject({
      code: 'not_found',
    });
    await goes(() => call(comment('Three.')));
    await goes(() => call(comment('Four.')));
    await refused(() => call(comment('Five.')), 'write_budget');
    const { rows } = await pool().query(
      `SELECT action, member_email, credential_kind, after FROM audit_records
       WHERE kind = 'event' AND target = $1 ORDER BY id`,
      [`budget:${spent!.id}`],
    );
    expect(rows).toMatchObject([
      {
        ...{ action: 'budget.tripped', member_email: ana.email, credential_kind: 'agent_token' },
        after: { reason: 'write_budget', budget: 2, tool: 'add_comment' },
      },
      { action: 'budget.lifted', member_email: organization.actor.memberEmail, after: { agent: 'agent' } },
    ]);
  });

  test('is each agent\u2019s own: another token of the person, and another person, go on writing', async () => {
    await set({ safety: { writesPerDay: 1 } });
    await goes(() => call(comment('Mine.')));
    await refused(() => call(comment('Mine again.')), 'write_budget');
    const [other, bens] = [(await mint(ana)).token, (await mint(ben)).token];
    await goes(() => call(comment('Another agent.'), other));
    await goes(() => call(comment('Another person.'), bens));
    expect([(await agents(ana)).length, await agents(ben)]).toEqual([1, []]);
  });

  test('is one for all grants of a person to the same client, so that to authorize again begins no new day', async () => {
    await set({ safety: { writesPerDay: 1 } });
    const [first, second] = await clientOf(ana, 2);
    await goes(() => call(comment('First grant.'), first));
    await refused(() => call(comment('Second grant.'), second), 'write_budget');
    const [elsewhere] = await clientOf(ana, 1);
    await goes(() => call(comment('Another client.'), elsewhere));
    expect(await agents(ana)).toMatchObject([{ agent: 'Client', reason: 'write_budget' }]);
  });

  test('of deletions stops them and all writes after them, and counts none of what only writes', async () => {
    await set({ safety: { deletesPerDay: 1 } });
    for (const text of ['a', 'b', 'c']) await goes(() => call(comment(text)));
    await goes(() => change('Changed once'));
    const heard = await refused(() => change('Changed twice'), 'delete_budget');
    expect(heard).toMatch(/budget of 1 changes and deletions/);
    await refused(() => call(comment('d')), 'delete_budget');
  });

  test('is the smallest of the person\u2019s groups, whichever of them grants the tool', async () => {
    await set({ safety: { writesPerDay: 5 } });
    const careful = await makeGroup(organization, 'Careful', [], [ana]);
    const write = (safety: Partial<WriteSafety> | null, members: string[]) =>
      transaction((tx) =>
        replaceGroup(
          tx,
          organization.actor,
          careful.slug,
          {
            ...{ name: 'Careful', tools: [], members },
            writeSafety: safety && { ...NO_WRITE_SAFETY, ...safety },
          },
          null,
        ),
      );
    await write({ writesPerDay: 1 }, [ana.email]);
    await goes(() => call(comment('One.')));
    await refused(() => call(comment('Two.')), 'write_budget');
    await goes(() => post(gate, token, callOf('get_me')));
    await write({ writesPerDay: 1 }, []);
    expect((await agents(ana)).length).toBe(1);
    await set({});
    // Without any budget left, nothing of it holds, and nobody is shown as read-only.
    expect(await agents(ana)).toEqual([]);
    await goes(() => call(comment('Three.')));
  });

  test('counts what went only: not what a rule, a limit or a missing approval refused, and not reads', async () => {
    const rules = { ...NO_RULES, projects: [{ gid: SEED.onboarding, name: null }] };
    await set({ safety: { writesPerDay: 1 }, rules });
    expect((await call(comment('Outside.'))).body.error?.message).toMatch(/rule on arguments/);
    const lea = await makeMember(gate, organization, `lea${Date.now()}@acme.example`);
    const approvals = { tools: ['add_comment'], approver: { member: lea.email } };
    await set({ safety: { writesPerDay: 1 }, approvals });
    expect(textIn(await call(comment('Held.')))).toMatch(/needs a person/);
    await post(gate, token, callOf('get_me'));
    expect((await counted()).filter(({ writes }) => writes > 0)).toEqual([]);
    const id = /approvals#([0-9a-f-]{36})/.exec(textIn(await call(comment('Held.'))))![1]!;
    const actor = { ...organization.actor, memberId: lea.id, memberEmail: lea.email };
    await transaction((tx) => decideApproval(tx, actor, id, { decision: 'approve', answer: null }));
    await goes(() => change('The one write'));
    // The budget is spent, and the approval is not.
    await refused(() => call(comment('Held.')), 'write_budget');
    const { rows } = await pool().query('SELECT state FROM approvals WHERE id = $1', [id]);
    expect(rows).toEqual([{ state: 'approved' }]);
    const [spent] = await agents(ana);
    await transaction((tx) => liftBudget(tx, organization.actor, spent!.id));
    await goes(() => call(comment('Held.')));
    expect(await counted()).toEqual([{ writes: 1, deletes: 0 }]);
    await pool().query('DELETE FROM approvals');
  });

  test('of yesterday says nothing of today, and is forgotten the day after', async () => {
    await set({ safety: { writesPerDay: 1 } });
    await goes(() => call(comment('Yesterday.')));
    await refused(() => call(comment('Yesterday again.')), 'write_budget');
    await pool().query(`UPDATE write_budgets SET day = day - 1`);
    expect(await agents(ana)).toEqual([]);
    await goes(() => call(comment('Today.')));
    await pool().query(`UPDATE write_budgets SET day = day - 1`);
    await forgetWrites(organization.id);
    expect(await counted()).toHaveLength(1);
  });

  test('leaves no trace where no group has one', async () => {
    await goes(() => call(comment('Free.')));
    await goes(() => call(comment('Free.')));
    expect(await counted()).toEqual([]);
    expect((await pool().query('SELECT 1 FROM write_claims')).rows).toEqual([]);
  });
});

describe('the repeat of a write', () => {
  const WINDOW = { repeatWindowSeconds: 60 };
  const kept = async () =>
    (await pool().query('SELECT state, sealed IS NOT NULL AS sealed FROM write_claims')).rows;

  test('within the window is answered from the first, marked, not sent, and on record with what it repeats', async () => {
    await set({ safety: WINDOW });
    const first = await goes(() => call(comment('Once.')));
    const [{ id }] = (await newRecords()) as [AuditRecord];
    const again = await call({ text: 'Once.', task_id: SEED.pressKit });
    expect(sent()).toBe(1);
    const { content, _meta, ...rest } = again.body.result;
    expect(content[0].text).toMatch(
      /^Done already: add_comment with exactly these arguments was called at .* UTC and carried out\. This repeat was not sent/,
    );
    expect(content.slice(1)).toEqual(first.body.result.content);
    expect(_meta).toMatchObject({ 'gatehouse/repeats': { call: id } });
    const { content: _content, _meta: _mark, ...firstRest } = first.body.result;
    expect(rest).toEqual(firstRest);
    expect((await newRecords())[0]).toMatchObject({
      ...{ decision: 'deny', reason: 'duplicate_write', target: `call:${id}`, tool: 'add_comment' },
    });
    const { rows } = await pool().query('SELECT sealed FROM write_claims');
    expect(rows[0].sealed).not.toContain('Once');
  });

  test('is none with any other arguments, tool, agent, person or connection, nor is a read', async () => {
    await set({ safety: WINDOW });
    await goes(() => call(comment('Same.')));
    await goes(() => call(comment('Same!')));
    const [other, bens] = [(await mint(ana)).token, (await mint(ben)).token];
    await goes(() => call(comment('Same.'), other));
    await goes(() => call(comment('Same.'), bens));
    for (let n = 0; n < 2; n += 1)
      await goes(() => post(gate, token, callOf('get_task', { task_id: SEED.pressKit })));
    expect((await kept()).length).toBe(4);
  });

  test('is sent once the window is over, and what was kept is forgotten', async () => {
    await set({ safety: WINDOW });
    for (let n = 0; n < 2; n += 1) {
      await goes(() => call(comment('Again later.')));
      await until(async () => (await kept()).every(({ state }) => state === 'done'));
      await pool().query(`UPDATE write_claims SET expires_at = now() - interval '1 second'`);
    }
    await forgetWrites(organization.id);
    expect(await kept()).toEqual([]);
  });

  test('is sent where the first failed and changed nothing', async () => {
    await set({ safety: WINDOW });
    gate.sandbox.set({ mcpFault: '403', faultCount: 1, faultMethods: ['tools/call'] });
    expect((await call(comment('Refused first.'))).status).toBe(502);
    await flushOutcomes();
    await goes(() => call(comment('Refused first.')));
    const wrong = await post(gate, token, callOf('add_comment', { task_id: '1', text: 'x' }));
    expect(passed(wrong)).toBe(false);
    await flushOutcomes();
    const before = sent();
    expect(passed(await post(gate, token, callOf('add_comment', { task_id: '1', text: 'x' })))).toBe(false);
    expect(sent()).toBe(before + 1);
  });

  test('is not sent where nobody knows whether the first took effect', async () => {
    await set({ safety: WINDOW });
    gate.sandbox.set({ mcpFault: 'drop-after', faultCount: 1, faultMethods: ['tools/call'] });
    expect((await call(comment('Lost.'))).body.error?.data).toEqual({ outcome: 'unknown' });
    await flushOutcomes();
    const heard = await refused(() => call(comment('Lost.')), 'duplicate_write');
    expect(heard).toMatch(/whether it took effect is unknown, so this repeat was not sent/);
    expect(sent()).toBe(1);
  });

  test('waits for the first while that is under way, and is answered from it', async () => {
    await set({ safety: WINDOW });
    gate.sandbox.set({ mcpFault: 'slow', slowMs: 700, faultCount: 1, faultMethods: ['tools/call'] });
    const first = call(comment('Slow.'));
    await until(() => sent() === 1);
    const again = await call(comment('Slow.'));
    expect(textIn(again)).toMatch(/^Done already/);
    expect(passed(await first)).toBe(true);
    expect(sent()).toBe(1);
  });

  test('that waited is judged again: whoever lost the tool meanwhile hears nothing of the first', async () => {
    await set({ safety: WINDOW });
    gate.sandbox.set({ mcpFault: 'slow', slowMs: 1_300, faultCount: 1, faultMethods: ['tools/call'] });
    const first = call(comment('Lost meanwhile.'));
    await until(() => sent() === 1);
    const again = call(comment('Lost meanwhile.'));
    await until(async () => (await newRecords()).some(({ reason }) => reason === 'duplicate_write'));
    await set({ safety: WINDOW, tools: ['get_me'] });
    expect((await again).body.error?.message).toBe('Unknown tool: add_comment');
    await first;
  });

  test('of a result that is too large to be kept hears that it was done', async () => {
    await set({ safety: WINDOW });
    await goes(() => call(comment('Large.')));
    await flushOutcomes();
    await pool().query(`UPDATE write_claims SET sealed = NULL`);
    const again = await call(comment('Large.'));
    expect(textIn(again)).toMatch(/^Done already.*too large to be kept/);
    expect([again.body.result.isError, sent()]).toEqual([false, 1]);
  });

  test('is nobody\u2019s once the person is removed: what was kept goes too', async () => {
    const mia = await makeMember(gate, organization, 'mia@acme.example', { asana: 'ana@example.com' });
    await set({ safety: { ...WINDOW, writesPerDay: 5 }, members: [ana.email, ben.email, mia.email] });
    await goes(async () => call(comment('Mia was here.'), (await mint(mia)).token));
    await flushOutcomes();
    expect([await kept(), await counted()]).toEqual([
      [{ state: 'done', sealed: true }],
      [{ writes: 1, deletes: 0 }],
    ]);
    await transaction((tx) => removeMember(tx, organization.actor, mia.email));
    expect([await kept(), await counted()]).toEqual([[], []]);
  });

  test('takes nothing from a budget, and is answered also when that is spent; what a budget refused leaves nothing behind', async () => {
    await set({ safety: { ...WINDOW, writesPerDay: 1 } });
    await goes(() => call(comment('Budgeted.')));
    expect(textIn(await call(comment('Budgeted.')))).toMatch(/^Done already/);
    await refused(() => call(comment('Over.')), 'write_budget');
    await refused(() => call(comment('Over.')), 'write_budget');
    expect(textIn(await call(comment('Budgeted.')))).toMatch(/^Done already/);
    const [spent] = await agents(ana);
    await transaction((tx) => liftBudget(tx, organization.actor, spent!.id));
    await goes(() => call(comment('Over.')));
  });

  test('of the modern era is answered as that era asks; and Asana may ask nothing in the middle of a call', async () => {
    await set({ safety: WINDOW, methods: ['client_requests'] });
    const asked = () =>
      ask(gate, token, 'tools/call', { name: 'add_comment', arguments: comment('Modern.') });
    expect(passed(await asked())).toBe(true);
    const { body } = await asked();
    expect(body.result).toMatchObject({ resultType: 'complete' });
    expect(body.result.content[0].text).toMatch(/^Done already/);
    const legacy = await call(comment('Modern.'));
    expect(legacy.body.result.resultType).toBeUndefined();
    expect([textIn(legacy), sent()]).toEqual([expect.stringMatching(/^Done already/), 1]);
    const changed = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
    await post(gate, token, changed);
    expect((await newRecords())[0]).toMatchObject({ decision: 'deny', reason: 'method_not_allowed' });
    await set({ methods: ['client_requests'] });
    await post(gate, token, changed);
    expect((await newRecords())[0]).toMatchObject({ decision: 'allow' });
  });
});

test('of two statements at once the second counts what the first did, and not before it is committed', async () => {
  const base = {
    ...{ organization_id: organization.id, member_id: ana.id, member_email: ana.email },
    ...{ agent_id: crypto.randomUUID(), credential_id: crypto.randomUUID(), credential_name: 'agent' },
    ...{ credential_kind: 'agent_token', connection_id: ana.connectionId, tool: 'add_comment' },
    ...{ n: 1, deletes: false, writes_per_day: 1, deletes_per_day: null, repeat_window: null },
  };
  const guard = async (client: { query: ReturnType<typeof pool>['query'] }, goes: boolean) => {
    const ids = { call_id: crypto.randomUUID(), event_id: crypto.randomUUID() };
    const asking = JSON.stringify([{ ...base, ...ids, goes, arguments_hash: ids.call_id }]);
    return (await client.query('SELECT reason FROM guard_writes($1::json)', [asking])).rows;
  };
  expect(await guard(pool(), false)).toEqual([{ reason: null }]);
  const [first, second] = [await pool().connect(), await pool().connect()];
  try {
    await first.query('BEGIN');
    expect(await guard(first, true)).toEqual([{ reason: null }]);
    const waits = guard(second, true);
    await untilSomebodyWaits();
    await first.query('COMMIT');
    expect(await waits).toEqual([{ reason: 'write_budget' }]);
  } finally {
    first.release();
    second.release();
  }
  expect(await counted()).toEqual([{ writes: 1, deletes: 0 }]);
});

describe('over two processes', () => {
  let one: GateProcess;
  let two: GateProcess;
  beforeAll(async () => {
    [one, two] = await Promise.all([startProcess(), startProcess()]);
    for (const process of [one, two])
      await until(async () => (await post(process, token, callOf('get_me'))).status === 200);
  }, 60_000);
  afterAll(() => {
    for (const { child } of [one, two]) child.kill('SIGKILL');
  });

  test('exactly one of 50 equal writes goes, and all hear what it brought', async () => {
    await set({ safety: { repeatWindowSeconds: 60 } });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => call(comment('Exactly once.'), token, n % 2 ? one : two)),
    );
    expect(sent()).toBe(1);
    expect(answers.filter(passed)).toHaveLength(50);
    expect(answers.filter((answer) => textIn(answer).startsWith('Done already'))).toHaveLength(49);
    const records = (await auditOf(organization, { tool: 'add_comment' })).slice(0, 50);
    expect(records.filter(({ decision }) => decision === 'allow')).toHaveLength(1);
  }, 60_000);

  test('exactly as many of 40 writes go as the budget says, one event tells of the trip, and nobody waits in a circle', async () => {
    await set({ safety: { writesPerDay: 7, repeatWindowSeconds: 60 } });
    const other = (await mint(ana)).token;
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, n) =>
        call(comment(`Budget ${n >> 1}`), n % 2 ? token : other, n % 4 < 2 ? one : two),
      ),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
    expect(sent()).toBe(14);
    expect(answers.filter(passed)).toHaveLength(14);
    expect(await counted()).toEqual([
      { writes: 7, deletes: 0 },
      { writes: 7, deletes: 0 },
    ]);
    const { rows } = await pool().query(
      `SELECT 1 FROM audit_records WHERE action = 'budget.tripped' AND at > now() - interval '20 s' AND after->>'budget' = '7'`,
    );
    expect(rows).toHaveLength(2);
  }, 60_000);
});
