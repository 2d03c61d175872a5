// Approvals at the gate: a call that waits never leaves; approved, exactly that call goes through, once, while nothing it was approved under has
// changed; whoever was not asked about it says nothing to it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decideApproval } from '@/lib/approvals/decide';
import { forgetApprovals } from '@/lib/approvals/forget';
import { listApprovals } from '@/lib/approvals/list';
import { MAX_OPEN } from '@/lib/approvals/ask';
import type { AuditRecord } from '@/lib/audit/records';
import { updateTool } from '@/lib/catalogue/catalogue';
import { pool, transaction } from '@/lib/db';
import { replaceGroup, type GroupContent } from '@/lib/people/groups';
import { removeMember } from '@/lib/people/members';
import { resumeOrganization, stopOrganization } from '@/lib/people/stop-switch';
import { NO_RULES } from '@/lib/policy/argument-rules';
import { SEED } from '@/lib/sandbox/world-seed';
import { startAcme } from '../support/acme';
import { startProcess, type GateProcess } from '../support/gate-fork';
import {
  auditOf,
  callOf,
  connect,
  makeGroup,
  makeMember,
  mint,
  post,
  rpc,
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
let lea: TestMember;
let token: string;
let newRecords: () => Promise<AuditRecord[]>;
const TOOLS = ['get_me', 'get_task', 'update_tasks', 'add_comment', 'search_tasks'];
const LEADS = { tools: ['add_comment', 'update_tasks'], approver: { group: 'leads' } };

beforeAll(async () => {
  const acme = await startAcme(TOOLS, { colleagues: ['ben'] });
  ({ gate, organization, ana, token } = acme);
  ben = acme.colleagues.ben.member;
  lea = await makeMember(gate, organization, 'lea@acme.example');
  await makeGroup(organization, 'Leads', [], [lea, ana]);
  await post(gate, token, callOf('get_me'));
  newRecords = await watchAudit(organization);
});
afterAll(() => gate.stop());
beforeEach(async () => {
  await pool().query('DELETE FROM approvals');
  await set({});
  await setLeads([lea, ana]);
  await newRecords();
  gate.sandbox.log.clear();
});

/** Ana's group, with approvals by the leads unless told otherwise. */
const set = (change: Partial<GroupContent>) =>
  transaction((tx) =>
    replaceGroup(
      tx,
      organization.actor,
      'readers',
      {
        ...{ name: 'Readers', tools: TOOLS, members: [ana.email, ben.email], rules: null, approvals: LEADS },
        ...change,
      },
      null,
    ),
  );
const setLeads = (members: TestMember[]) =>
  transaction((tx) =>
    replaceGroup(
      tx,
      organization.actor,
      'leads',
      { name: 'Leads', tools: [], members: members.map(({ email }) => email) },
      null,
    ),
  );

const comment = (text: string) => ({ task_id: SEED.pressKit, text });
const call = (args: Record<string, unknown>, bearer = token, at: { url: string } = gate) =>
  post(at, bearer, callOf('add_comment', args));
const sent = () => gate.upstreamCalls().filter(({ tool }) => tool === 'add_comment').length;
const textIn = ({ body }: RpcAnswer): string => body.result?.content?.[0]?.text ?? '';
const actorOf = (member: TestMember) => ({
  ...{ ...organization.actor, memberId: member.id, memberEmail: member.email },
});
const openFor = (member: TestMember) =>
  transaction((tx) => listApprovals(tx, organization.id, member.id, 'open'));
const decide = (
  member: TestMember,
  id: string,
  decision: 'approve' | 'decline' = 'approve',
  answer = 'Fine.',
) => transaction((tx) => decideApproval(tx, actorOf(member), id, { decision, answer }));

/** Held, unsent and on record; returns the id of what waits. */
async function held(args: Record<string, unknown>, bearer = token): Promise<string> {
  gate.sandbox.log.clear();
  const answer = await call(args, bearer);
  expect([answer.status, answer.body.result?.isError], answer.text).toEqual([200, true]);
  expect(textIn(answer)).toMatch(/needs a person\u2019s approval, so nothing was sent to Asana/);
  expect(sent()).toBe(0);
  const [record] = await newRecords();
  expect(record).toMatchObject({ tool: 'add_comment', decision: 'deny', reason: 'approval_required' });
  return /approvals#([0-9a-f-]{36})/.exec(textIn(answer))![1]!;
}

async function approved(args: Record<string, unknown>): Promise<string> {
  const id = await held(args);
  await decide(lea, id);
  return id;
}

async function passes(args: Record<string, unknown>, bearer = token): Promise<AuditRecord> {
  gate.sandbox.log.clear();
  const answer = await call(args, bearer);
  expect([answer.body.error, answer.body.result?.isError ?? false, sent()], answer.text).toEqual([
    ...[undefined, false, 1],
  ]);
  const [record] = await newRecords();
  expect(record).toMatchObject({ tool: 'add_comment', decision: 'allow', outcome: 'ok' });
  return record!;
}

/** Not sent, whatever is said of it. */
async function stays(args: Record<string, unknown>, bearer = token): Promise<RpcAnswer> {
  gate.sandbox.log.clear();
  const answer = await call(args, bearer);
  expect([sent(), answer.body.error !== undefined || answer.body.result.isError], answer.text).toEqual([
    ...[0, true],
  ]);
  return answer;
}

describe('a call of a tool that waits', () => {
  test('is held with a link, goes through once after the approval, and both are on record', async () => {
    const args = comment('On it.');
    const id = await held(args);
    const [open] = await openFor(lea);
    expect(open).toMatchObject({
      ...{ id, tool: 'add_comment', state: 'open', canDecide: true, isOwn: false, approvers: ['Leads'] },
      ...{ member: { email: ana.email }, agent: 'agent' },
    });
    // A repeat finds the same one waiting.
    expect(await held(args)).toBe(id);
    expect(await openFor(lea)).toHaveLength(1);
    await decide(lea, id);
    expect(await openFor(lea)).toEqual([]);
    const record = await passes(args);
    expect(record.target).toBe(`approval:${id}`);
    const again = await stays(args);
    expect(textIn(again)).toMatch(/approved by lea@acme.example and let through once/);
    expect(await openFor(lea)).toEqual([]);
    const { rows } = await pool().query(
      `SELECT action, member_email, after FROM audit_records WHERE kind = 'event' AND target = $1 ORDER BY id`,
      [`approval:${id}`],
    );
    expect(rows).toMatchObject([
      {
        action: 'approval.asked',
        member_email: ana.email,
        after: { tool: 'add_comment', waitsFor: ['a member of Leads'] },
      },
      { action: 'approval.approved', member_email: lea.email, after: { state: 'approved', answer: 'Fine.' } },
    ]);
    expect(JSON.stringify(rows)).not.toContain('On it.');
    const { rows: left } = await pool().query('SELECT state, sealed, used_by FROM approvals WHERE id = $1', [
      id,
    ]);
    expect(left).toEqual([{ state: 'used', sealed: null, used_by: record.id }]);
  });

  test('is another one with any other byte in its arguments, and the same in any order of its keys', async () => {
    const id = await approved(comment('On it.'));
    for (const args of [
      ...[
        comment('On it!'),
        comment('On it. '),
        comment('on it.'),
        { ...comment('On it.'), html_text: null },
      ],
      ...[
        { task_id: SEED.homepageCopy, text: 'On it.' },
        { text: 'On it.' },
        { task_id: Number(SEED.pressKit), text: 'On it.' },
      ],
    ])
      await stays(args);
    const { target } = await passes({ text: 'On it.', task_id: SEED.pressKit });
    expect(target).toBe(`approval:${id}`);
  });

  test('is no other tool\u2019s, no other agent\u2019s and no other person\u2019s call with the same arguments', async () => {
    const args = comment('Mine.');
    await approved(args);
    await stays(args, (await mint(ana)).token);
    await stays(args, (await mint(ben)).token);
    const answer = await post(gate, token, callOf('update_tasks', args));
    expect(textIn(answer)).toMatch(/update_tasks needs a person/);
    await passes(args);
  });

  test('needs nobody where another of the groups grants the tool without, and somebody again once that group is gone', async () => {
    const free = await makeGroup(organization, 'Free', ['add_comment'], [ana]);
    expect((await passes(comment('Free.'))).target ?? null).toBeNull();
    await transaction((tx) =>
      replaceGroup(tx, organization.actor, free.slug, { name: 'Free', tools: [], members: [] }, null),
    );
    await held(comment('Free.'));
  });

  test('other tools of the group wait for nobody', async () => {
    const { body } = await post(gate, token, callOf('get_task', { task_id: SEED.pressKit }));
    expect([body.error, body.result.isError ?? false]).toEqual([undefined, false]);
    expect((await newRecords())[0]).toMatchObject({ decision: 'allow', outcome: 'ok' });
  });

  test('of a member without an Asana account is told to connect, and asks nobody', async () => {
    const mia = await makeMember(gate, organization, `mia${Date.now()}@acme.example`);
    await set({ members: [ana.email, ben.email, mia.email] });
    const { token: hers } = await mint(mia);
    expect(textIn(await call(comment('x'), hers))).toMatch(/has not connected Asana/);
    expect(await openFor(lea)).toEqual([]);
  });

  test('is refused by the rules on arguments before anybody is asked', async () => {
    await set({ rules: { ...NO_RULES, projects: [{ gid: SEED.onboarding, name: null }] } });
    const { body } = await call(comment('Outside.'));
    expect(body.error?.message).toMatch(/^Refused by a rule on arguments/);
    expect(await openFor(lea)).toEqual([]);
    await set({ rules: { ...NO_RULES, projects: [{ gid: SEED.relaunch, name: null }] } });
    const args = comment('Inside.');
    await approved(args);
    await passes(args);
  });
});

describe('an approval is over', () => {
  test('when a group of the person is changed, even without a change to the tool', async () => {
    const args = comment('Under the old policy.');
    const id = await approved(args);
    await set({ tools: [...TOOLS, 'get_user'] });
    const again = await approved(args);
    expect(again).not.toBe(id);
    // Another of the person’s groups, which has no tool at all.
    await setLeads([lea, ana]);
    expect(await held(args)).not.toBe(again);
  });

  test('when the tool\u2019s definition is another one, or an admin blocks it, also after it was let go on', async () => {
    const args = comment('By the old definition.');
    await approved(args);
    const define = (hash: string) =>
      pool().query<{ definition_hash: string }>(
        `UPDATE tools t SET definition_hash = $2 FROM tools before
         WHERE t.organization_id = $1 AND t.name = 'add_comment' AND before.organization_id = $1 AND before.name = t.name
         RETURNING before.definition_hash`,
        [organization.id, hash],
      );
    const { definition_hash: reviewed } = (await define('another')).rows[0]!;
    expect(await held(args)).toMatch(/-/);
    await define(reviewed);
    await pool().query('DELETE FROM approvals');
    await approved(args);
    for (const blocked of [true, false])
      await transaction((tx) => updateTool(tx, organization.actor, 'add_comment', { blocked }));
    await held(args);
  });

  test('when an hour has passed since it was given, or a day since it was asked', async () => {
    const args = comment('Too late.');
    const id = await approved(args);
    await pool().query(`UPDATE approvals SET expires_at = now() - interval '1 ms'`);
    const other = await held(args);
    expect(other).not.toBe(id);
    await pool().query(`UPDATE approvals SET expires_at = now() - interval '1 ms'`);
    await expect(decide(lea, other)).rejects.toMatchObject({ code: 'decided_already' });
    await stays(args);
    await pool().query(`UPDATE approvals SET expires_at = now() - interval '1 ms'`);
    await forgetApprovals(organization.id);
    const { rows } = await pool().query('SELECT DISTINCT state, sealed FROM approvals');
    expect(rows).toEqual([{ state: 'ended', sealed: null }]);
  });

  test('when whoever gave it is no approver any more, or gone', async () => {
    const args = comment('Approved by somebody who left.');
    const id = await approved(args);
    await setLeads([ana, ben]);
    expect(await held(args)).not.toBe(id);
    await pool().query('DELETE FROM approvals');
    const max = await makeMember(gate, organization, `max${Date.now()}@acme.example`);
    await set({ approvals: { ...LEADS, approver: { member: max.email } } });
    await decide(max, await held(args));
    await transaction((tx) => removeMember(tx, organization.actor, max.email));
    const answer = await stays(args);
    expect(textIn(answer)).toMatch(/Nobody but the person you act for could approve it/);
  });

  test('when the organization is stopped, also after it goes on', async () => {
    const args = comment('Before the stop.');
    const id = await approved(args);
    await transaction((tx) => stopOrganization(tx, organization.actor, 'A drill.'));
    await stays(args);
    await transaction((tx) => resumeOrganization(tx, organization.actor));
    expect(await held(args)).not.toBe(id);
  });

  test('when the person has another Asana connection by then, or none', async () => {
    const args = comment('Through the old account.');
    const id = await approved(args);
    const setOld = (status: string) =>
      pool().query('UPDATE connections SET status = $2::connection_status WHERE id = $1', [
        ...[ana.connectionId, status],
      ]);
    await setOld('needs_reconnect');
    try {
      expect(textIn(await stays(args))).toMatch(/Connect at/);
      await newRecords();
      const other = await connect(gate, ana, 'ana@example.com');
      expect(await held(args)).not.toBe(id);
      await pool().query('DELETE FROM connections WHERE id = $1', [other]);
    } finally {
      await setOld('active');
    }
    await newRecords();
    await passes(args);
  });
});

describe('who decides', () => {
  test('is whom the group names, and never the person whose agent asks, not even by hand', async () => {
    const id = await held(comment('Mine to approve?'));
    expect(await openFor(ana)).toMatchObject([{ id, isOwn: true, canDecide: false }]);
    await expect(decide(ana, id)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(decide(ben, id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await openFor(ben)).toEqual([]);
    const elsewhere = crypto.randomUUID();
    await expect(
      transaction((tx) =>
        decideApproval(tx, { ...actorOf(lea), organizationId: elsewhere }, id, {
          decision: 'approve',
          answer: null,
        }),
      ),
    ).rejects.toMatchObject({ code: 'not_found' });
    await expect(
      pool().query(`UPDATE approvals SET decided_by_id = member_id WHERE id = $1`, [id]),
    ).rejects.toThrow(/other_person/);
    await stays(comment('Mine to approve?'));
    await decide(lea, id);
    await expect(decide(lea, id, 'decline')).rejects.toMatchObject({ code: 'decided_already' });
    await passes(comment('Mine to approve?'));
  });

  test('who declines is heard by the agent, and the same call can\u2019t be put before somebody else meanwhile', async () => {
    const args = comment('Delete everything?');
    await decide(lea, await held(args), 'decline', 'Not before the launch.');
    const answer = await stays(args);
    expect(textIn(answer)).toMatch(/lea@acme.example declined this call: \u201cNot before the launch.\u201d/);
    expect(await openFor(lea)).toEqual([]);
    const { rows } = await pool().query('SELECT state, sealed FROM approvals');
    expect(rows).toEqual([{ state: 'declined', sealed: null }]);
  });

  test('a yes to what could not be made any more is refused', async () => {
    const id = await held(comment('Stale.'));
    await set({ name: 'Readers, again' });
    await expect(decide(lea, id)).rejects.toMatchObject({ code: 'decided_already' });
    await decide(lea, id, 'decline', 'Ask again.');
  });

  test('nobody is flooded: so many calls of one person wait at once, and no more', async () => {
    await pool().query(
      `INSERT INTO approvals (id, organization_id, member_id, credential_id, credential_name, connection_id, tool_name, arguments_hash,
         judged_as, approver_groups, approver_members, expires_at)
       SELECT gen_random_uuid(), $1, $2, gen_random_uuid(), 'x', gen_random_uuid(), 'add_comment', n::text, 'x', '{}', '{}', now() + interval '1 hour'
       FROM generate_series(1, $3) n`,
      [organization.id, ana.id, MAX_OPEN.person - 1],
    );
    await held(comment('The last.'));
    expect(textIn(await stays(comment('One too many.')))).toMatch(/Too many calls wait already/);
    await pool().query(`UPDATE approvals SET expires_at = now() WHERE arguments_hash = '1'`);
    await held(comment('One too many.'));
  });
});

describe('an approved call that waits for a refresh on its way', () => {
  async function callWhile(meanwhile: () => Promise<unknown>): Promise<RpcAnswer> {
    const args = comment(`Slow ${Date.now()}.`);
    await approved(args);
    await pool().query('UPDATE connections SET access_expires_at = now() WHERE id = $1', [ana.connectionId]);
    gate.sandbox.log.clear();
    gate.sandbox.set({ tokenFault: 'slow', slowMs: 1_200 });
    try {
      const pending = call(args);
      await until(() => gate.sandbox.log.count(({ path }) => path === '/-/oauth_token') === 1);
      await meanwhile();
      return await pending;
    } finally {
      gate.sandbox.set({ tokenFault: null });
    }
  }

  test('goes through with the approval that it used, if nothing changed', async () => {
    const { body } = await callWhile(() => Promise.resolve());
    expect([body.error, body.result?.isError ?? false, sent()]).toEqual([undefined, false, 1]);
  });

  test('is not sent if what it was approved under changed meanwhile', async () => {
    const { body } = await callWhile(() => set({ tools: [...TOOLS, 'get_user'] }));
    expect([body.error?.message, sent()]).toEqual([
      ...[expect.stringMatching(/^The approval of this call ended while it was on its way/), 0],
    ]);
    expect((await newRecords())[0]).toMatchObject({
      ...{ decision: 'allow', outcome: 'upstream_error', reason: 'approval_required' },
    });
  });
});

describe('single use', () => {
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

  test('an approved call runs exactly once under 50 concurrent repeats over two processes, and no changed one among them', async () => {
    const args = comment('Once.');
    const other = comment('Another, not approved.');
    const id = await approved(args);
    gate.sandbox.log.clear();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => call(n % 6 === 5 ? other : args, token, n % 2 ? one : two)),
    );
    expect(answers.filter(({ body }) => body.result && !body.result.isError)).toHaveLength(1);
    expect(sent()).toBe(1);
    const calls = (await auditOf(organization, { tool: 'add_comment' })).filter(
      ({ target }) => target === `approval:${id}`,
    );
    expect(calls).toMatchObject([{ decision: 'allow', outcome: 'ok' }]);
    expect(await openFor(lea)).toHaveLength(1);
  }, 60_000);

  test('two approvals that are used in both processes at once are each used once, and nobody waits in a circle', async () => {
    const [first, second] = [comment('First.'), comment('Second.')];
    for (let round = 0; round < 3; round += 1) {
      await pool().query('DELETE FROM approvals');
      await approved(first);
      await approved(second);
      gate.sandbox.log.clear();
      const answers = await Promise.all(
        Array.from({ length: 24 }, (_, n) => call(n % 4 < 2 ? first : second, token, n % 2 ? one : two)),
      );
      expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
      expect(sent()).toBe(2);
    }
  }, 60_000);
});

describe('an agent of the modern era', () => {
  const asked = (meta: object, params: object = {}) =>
    ask(
      gate,
      token,
      'tools/call',
      { name: 'add_comment', arguments: comment('Modern.'), ...params },
      { meta },
    );
  const capable = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } };

  test('that can open links is asked to open one; others read it in the result', async () => {
    const { body } = await asked(capable);
    expect(body.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { gatehouse_approval: { method: 'elicitation/create', params: { mode: 'url' } } },
    });
    const { url } = body.result.inputRequests.gatehouse_approval.params;
    expect(url).toMatch(/\/approvals#[0-9a-f-]{36}$/);
    for (const meta of [{}, { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } }])
      expect((await asked(meta)).body.result).toMatchObject({ resultType: 'complete', isError: true });
    expect(gate.upstreamCalls().filter(({ tool }) => tool === 'add_comment')).toEqual([]);
  });

  test('comes back with its answer: held still before the approval, without another question, and through after it', async () => {
    const back = { inputResponses: { gatehouse_approval: { action: 'accept' } } };
    const { body } = await asked(capable, back);
    expect(body.result).toMatchObject({ resultType: 'complete', isError: true });
    await decide(lea, (await openFor(lea))[0]!.id);
    const { body: done } = await asked(capable, back);
    expect([done.error, done.result.isError ?? false]).toEqual([undefined, false]);
    expect(sent()).toBe(1);
  });

  test('is asked nothing by Asana in the middle of a call, whatever the group opens beside, and is where nothing waits', async () => {
    const changed = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
    await set({ methods: ['client_requests'] });
    await post(gate, token, changed);
    expect((await newRecords())[0]).toMatchObject({ decision: 'deny', reason: 'method_not_allowed' });
    await set({ methods: ['client_requests'], approvals: null });
    await post(gate, token, changed);
    expect((await newRecords())[0]).toMatchObject({ decision: 'allow' });
    await set({ methods: [] });
  });

  test('can\u2019t slip answers to other questions past the approval', async () => {
    const { body } = await asked(capable, {
      inputResponses: { gatehouse_approval: { action: 'accept' }, other: { action: 'accept' } },
    });
    expect(body.error?.message).toMatch(/answers to questions of Asana/);
    expect(await openFor(lea)).toEqual([]);
  });
});

test('what waits is listed to nobody else, and the list of tools is as before', async () => {
  await held(comment('Listed?'));
  const { body } = await post(gate, token, rpc('tools/list'));
  expect(body.result.tools.map(({ name }: { name: string }) => name)).toContain('add_comment');
});
