// What an explanation says and what the gate does are the same, for every reason there is and for every call on record.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uuidv7 } from '@/lib/audit/append';
import { recordSystemCall } from '@/lib/audit/system-call';
import { explainTool } from '@/lib/catalogue/explain';
import { explainRecord } from '@/lib/catalogue/explain-record';
import { pool, transaction } from '@/lib/db';
import { DENIALS } from '@/lib/policy/policy';
import { createGroup } from '@/lib/people/groups';
import { NO_RULES } from '@/lib/policy/argument-rules';
import { acceptRequest } from '@/lib/people/decide-requests';
import { requestTool } from '@/lib/people/tool-requests';
import {
  auditOf,
  callOf,
  connect,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  rpc,
  startGate,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let organization: TestOrganization;
let other: TestOrganization;
let ana: TestMember;
let ben: TestMember;
const tokens: { name: string; member: TestMember; id: string; token: string }[] = [];

/** What each tool of the test is. `granted`: to Ana's group. */
const TOOLS: Record<string, { granted: boolean; status: string; blocked: boolean }> = {};

const admin = { isSelf: false } as const;
const explain = (name: string, about = tokens[0]!) =>
  explainTool(organization.id, { memberId: about.member.id, tokenId: about.id, tool: name }, admin);
const newest = async () => (await auditOf(organization, {}, 1))[0]!;

beforeAll(async () => {
  gate = await startGate();
  organization = await makeOrganization(gate, 'Aurora');
  other = await makeOrganization(gate, 'Borealis');
  // No connection: what the policy lets through is answered here, so that the test is about the policy alone.
  ana = await makeMember(gate, organization, 'ana@aurora.example');
  ben = await makeMember(gate, organization, 'ben@aurora.example');
  for (const granted of [true, false])
    for (const blocked of [false, true])
      for (const status of ['reviewed', 'new', 'changed', 'missing']) {
        const name = `tool_${status}_${blocked ? 'blocked' : 'free'}_${granted ? 'granted' : 'not'}`;
        TOOLS[name] = { granted, status, blocked };
        await pool().query(
          `INSERT INTO tools (organization_id, name, definition, class, status, blocked, position, tokens, reviewed_at)
           VALUES ($1, $2, $3, 'read', $4::tool_status, $5, 200, 1, now())`,
          [organization.id, name, JSON.stringify({ name }), status, blocked],
        );
      }
  const names = Object.keys(TOOLS);
  const granted = names.filter((name) => TOOLS[name]!.granted);
  await makeGroup(organization, 'Sales', granted, [ana]);
  await makeGroup(organization, 'Others', names, []);
  for (const [name, member, tools] of [
    ['open', ana, undefined],
    ['narrowed to half', ana, names.filter((_, n) => n % 2 === 0)],
    ['narrowed to nothing', ana, []],
    ['of somebody without groups', ben, undefined],
  ] as const)
    tokens.push({ name, member, ...(await mint(member, tools ? { tools: [...tools] } : {})) });
}, 60_000);
afterAll(() => gate.stop());

const seen = new Set<string>();

/** Calls a tool, and holds the record, the explanation and the explanation of the record against each other. */
async function expectAgreement(name: string, credential: (typeof tokens)[number]): Promise<void> {
  const { body } = await post(gate, credential.token, callOf(name));
  const record = await newest();
  const explained = (await explain(name, credential))!;
  const about = `${credential.name}: ${name}`;
  expect(record.tool, about).toBe(name);
  expect([explained.allowed, explained.reason], about).toEqual([
    record.decision === 'allow',
    record.reason === 'no_connection' ? null : (record.reason ?? null),
  ]);
  expect(body.error === undefined, about).toBe(explained.allowed);
  const failed = explained.checks.filter(({ passed }) => passed === false);
  expect(failed.length === 0, about).toBe(explained.allowed);
  if (failed[0]) expect(CHECK_OF[explained.reason!], about).toBe(failed[0].id);
  expect(explained.sentence, about).toContain(explained.allowed ? 'may use' : 'may not use');
  const { record: past, ...now } = (await explainRecord(organization.id, record.id))!;
  expect([past.now, past.decision, now.allowed, now.reason], about).toEqual([
    ...['same', record.decision, explained.allowed, explained.reason],
  ]);
  expect(now.checks, about).toEqual(explained.checks);
  seen.add(explained.reason ?? 'allowed');
}

const CHECK_OF: Partial<Record<string, string>> = {
  ...{ unknown_tool: 'catalogue', blocked: 'blocked', missing: 'review', not_reviewed: 'review' },
  ...{ not_in_group: 'groups', token_restriction: 'token' },
};

describe('an explanation agrees with the gate', () => {
  test.each(['hold', 'warn'])(
    'for every state of a tool and every kind of token, with the drift policy %s',
    async (driftPolicy) => {
      await pool().query(`UPDATE organizations SET drift_policy = $2 WHERE id = $1`, [
        organization.id,
        driftPolicy,
      ]);
      for (const credential of tokens)
        for (const name of [
          ...Object.keys(TOOLS),
          'no_such_tool',
          'TOOL_REVIEWED_FREE_GRANTED',
          'constructor',
        ])
          await expectAgreement(name, credential);
      expect(seen).toContain('allowed');
    },
    60_000,
  );

  test('and has met every reason for which the gate refuses a tool', () => {
    const others = [
      'malformed',
      'method_not_allowed',
      'organization_stopped',
      'rate_limited',
      'asana_rate_limited',
      'argument_rule',
      'approval_required',
      'duplicate_write',
      'write_budget',
      'delete_budget',
    ];
    const expected = Object.keys(DENIALS).filter((reason) => !others.includes(reason));
    expect([...seen].toSorted()).toEqual([...expected, 'allowed'].toSorted());
  });

  test('about all that stands in the way, not only about the first', async () => {
    await pool().query(`UPDATE organizations SET drift_policy = 'hold' WHERE id = $1`, [organization.id]);
    const passed = async (name: string, credential: (typeof tokens)[number]) =>
      (await explain(name, credential))!.checks.map((check) => check.passed);
    const [open, , nothing] = tokens;
    expect(await passed('tool_new_blocked_not', nothing!)).toEqual([true, false, false, false, false]);
    expect(await passed('tool_reviewed_free_granted', open!)).toEqual([true, true, true, true, true]);
    expect(await passed('tool_reviewed_free_granted', nothing!)).toEqual([true, true, true, true, false]);
    expect(await passed('no_such_tool', open!)).toEqual([false, null, null, null, null]);
    const person = await explainTool(
      organization.id,
      { memberId: ana.id, tokenId: null, tool: 'tool_changed_free_granted' },
      admin,
    );
    expect(person!.checks.map((check) => check.passed)).toEqual([true, true, false, true, null]);
  });

  test('about an expired token: the gate knows nobody, and nothing is allowed', async () => {
    const expired = { name: 'expired', member: ana, ...(await mint(ana)) };
    await pool().query(`UPDATE agent_tokens SET expires_at = now() WHERE id = $1`, [expired.id]);
    const name = 'tool_reviewed_free_granted';
    expect((await post(gate, expired.token, callOf(name))).status).toBe(401);
    expect(await explain(name, expired)).toMatchObject({
      ...{ allowed: false, reason: null, sentence: expect.stringMatching(/may not use.*expired/) },
    });
  });
});

describe('a call on record', () => {
  const explainNewest = async () => (await explainRecord(organization.id, (await newest()).id))!;

  test('that was no JSON-RPC message, or whose method nobody opens, is explained without a tool', async () => {
    const { token } = tokens[0]!;
    await post(gate, token, '{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"x"}');
    expect(await explainNewest()).toMatchObject({
      ...{ tool: null, toolName: '', allowed: false, reason: 'malformed', checks: [] },
      ...{
        sentence: expect.stringContaining(DENIALS.malformed),
        record: { now: 'same', reason: 'malformed' },
      },
    });
    // Malformed as a message, although it names a tool that the person may use.
    const unanswerable = { name: 'tool_reviewed_free_granted', arguments: {} };
    await post(gate, token, { jsonrpc: '2.0', method: 'tools/call', params: unanswerable });
    expect(await explainNewest()).toMatchObject({
      ...{ tool: null, allowed: false, reason: 'malformed', record: { now: 'same' } },
    });
    await post(gate, token, rpc('server/shutdown'));
    expect(await explainNewest()).toMatchObject({
      ...{ tool: null, allowed: false, reason: 'method_not_allowed' },
      ...{ sentence: expect.stringContaining(DENIALS.method_not_allowed), record: { now: 'same' } },
    });
    await post(gate, token, rpc('prompts/list'));
    const closed = await newest();
    expect(await explainNewest()).toMatchObject({ reason: 'method_not_allowed', record: { now: 'same' } });
    await pool().query(`UPDATE groups SET methods = '{prompts}' WHERE slug = 'sales'`);
    expect(await explainRecord(organization.id, closed.id)).toMatchObject({
      ...{
        allowed: true,
        reason: null,
        sentence: expect.stringContaining('Sales'),
        record: { now: 'different' },
      },
    });
    await post(gate, token, rpc('tools/list'));
    expect(await explainNewest()).toMatchObject({
      allowed: true,
      record: { decision: 'allow', now: 'same' },
    });
  });

  test('says when the same call would be decided otherwise now', async () => {
    const [open] = tokens;
    await post(gate, open!.token, callOf('tool_reviewed_free_not'));
    const { id } = await newest();
    // Refused still, but for another reason, is another decision.
    const block = (blocked: boolean) =>
      pool().query('UPDATE tools SET blocked = $2 WHERE organization_id = $1 AND name = $3', [
        ...[organization.id, blocked, 'tool_reviewed_free_not'],
      ]);
    await block(true);
    expect(await explainRecord(organization.id, id)).toMatchObject({
      ...{ allowed: false, reason: 'blocked', record: { reason: 'not_in_group', now: 'different' } },
    });
    await block(false);
    expect(await explainRecord(organization.id, id)).toMatchObject({ record: { now: 'same' } });
    const request = await transaction((tx) =>
      requestTool(
        tx,
        { ...organization.actor, memberId: ana.id, memberEmail: ana.email },
        { tool: 'tool_reviewed_free_not', reason: 'For the test' },
      ),
    );
    expect(await explain('tool_reviewed_free_not')).toMatchObject({
      request: { id: request.id, status: 'open' },
    });
    // What an admin grants holds for the very next call.
    await transaction((tx) => acceptRequest(tx, organization.actor, request.id, 'sales'));
    await expectAgreement('tool_reviewed_free_not', open!);
    expect(await explainRecord(organization.id, id)).toMatchObject({
      ...{
        allowed: true,
        reason: null,
        record: { id, decision: 'deny', reason: 'not_in_group', now: 'different' },
      },
      request: { id: request.id, status: 'accepted' },
    });
  });

  test('of a token that was revoked, or of a person who was removed, says so', async () => {
    const leaver = await makeMember(gate, organization, 'leaver@aurora.example');
    const { id, token } = await mint(leaver);
    await post(gate, token, callOf('tool_reviewed_free_granted'));
    const record = await newest();
    await pool().query('DELETE FROM agent_tokens WHERE id = $1', [id]);
    expect((await post(gate, token, callOf('tool_reviewed_free_granted'))).status).toBe(401);
    expect(await explainRecord(organization.id, record.id)).toMatchObject({
      ...{ token: null, allowed: false, reason: null, sentence: expect.stringMatching(/ended since/) },
    });
    await pool().query('DELETE FROM members WHERE id = $1', [leaver.id]);
    expect(await explainRecord(organization.id, record.id)).toMatchObject({
      ...{
        member: { email: 'leaver@aurora.example' },
        allowed: false,
        sentence: expect.stringMatching(/no longer/),
      },
    });
  });

  test('that a limit refused is explained by the limit then, and by the policy now', async () => {
    const limited = { name: 'limited', member: ana, ...(await mint(ana)) };
    await pool().query('UPDATE agent_tokens SET calls_per_minute = 1 WHERE id = $1', [limited.id]);
    const name = 'tool_reviewed_free_granted';
    for (let n = 0; n < 2; n += 1) await post(gate, limited.token, callOf(name));
    expect(await newest()).toMatchObject({ decision: 'deny', reason: 'rate_limited' });
    expect(await explainNewest()).toMatchObject({
      ...{ allowed: true, reason: null, sentence: expect.stringContaining(DENIALS.rate_limited) },
      record: { reason: 'rate_limited', now: 'different' },
    });
  });

  test('that waited for a person says that it would wait still', async () => {
    const name = 'get_user';
    await pool().query(`UPDATE tools SET status = 'reviewed', blocked = false WHERE name = $1`, [name]);
    // Who has no connection waits for nobody: nothing could be sent.
    const connection = await connect(gate, ana, 'ana@example.com');
    const approvals = { tools: [name], approver: { group: 'waiting' } };
    const waiting = { name: 'Waiting', tools: [name], members: [ana.email], approvals };
    await transaction((tx) => createGroup(tx, organization.actor, waiting));
    await post(gate, tokens[0]!.token, callOf(name, { user_id: 'me' }));
    await pool().query('DELETE FROM connections WHERE id = $1', [connection]);
    const { id } = await newest();
    const sentence = expect.stringMatching(/refused: .*until a person approves it.*Each call waits until/s);
    expect(await explainRecord(organization.id, id)).toMatchObject({
      ...{ allowed: false, reason: 'approval_required', sentence, record: { now: 'same' } },
    });
    const free = { name: 'Asks nobody', tools: [name], members: [ana.email] };
    await transaction((tx) => createGroup(tx, organization.actor, free));
    expect(await explainRecord(organization.id, id)).toMatchObject({ record: { now: 'different' } });
  });

  test('that a rule on arguments refused names the rule, and what calls must keep to now', async () => {
    const name = 'get_me';
    const rules = { ...NO_RULES, maxItems: 1 };
    const ruled = { name: 'Ruled', tools: [name], members: [ana.email], rules };
    await transaction((tx) => createGroup(tx, organization.actor, ruled));
    await post(gate, tokens[0]!.token, callOf(name, { surprise: 1 }));
    const { id } = await newest();
    const sentence = expect.stringMatching(
      /refused: .*the rules can\u2019t judge.*may use get_me.*At most 1 item/s,
    );
    expect(await explainRecord(organization.id, id)).toMatchObject({
      ...{
        allowed: false,
        reason: 'argument_rule',
        sentence,
        record: { reason: 'argument_rule', now: 'same' },
      },
    });
    await expectAgreement(name, tokens[0]!);
    const free = { name: 'Free', tools: [name], members: [ana.email] };
    await transaction((tx) => createGroup(tx, organization.actor, free));
    expect(await explainRecord(organization.id, id)).toMatchObject({ record: { now: 'different' } });
    expect((await explain(name))!.sentence).not.toContain('At most');
  });

  test('of an MCP client is decided as the person’s own, while its grant is in force', async () => {
    const [grant, record] = [crypto.randomUUID(), uuidv7()];
    await pool().query(
      `INSERT INTO grants (id, organization_id, member_id, client_id, client_name, redirect_uri, resource, expires_at)
       VALUES ($1, $2, $3, 'client', 'Client', 'http://127.0.0.1/', 'r', now() + interval '1 hour')`,
      [grant, organization.id, ana.id],
    );
    await pool().query(
      `INSERT INTO audit_records (id, organization_id, kind, member_id, member_email, credential_kind, credential_id, method, tool, decision)
       VALUES ($1, $2, 'call', $3, $4, 'oauth', $5, 'tools/call', 'tool_reviewed_free_granted', 'allow')`,
      [record, organization.id, ana.id, ana.email, grant],
    );
    const now = () => explainRecord(organization.id, record);
    expect(await now()).toMatchObject({ token: null, allowed: true, record: { now: 'same' } });
    await pool().query(`INSERT INTO client_blocks (organization_id, client_id) VALUES ($1, 'client')`, [
      organization.id,
    ]);
    expect(await now()).toMatchObject({ allowed: false, record: { now: 'different' } });
    await pool().query(`DELETE FROM client_blocks`);
    await pool().query(`UPDATE grants SET ended_at = now() WHERE id = $1`, [grant]);
    expect(await now()).toMatchObject({ allowed: false, record: { now: 'different' } });
  });

  test('that Gatehouse made itself is nobody’s to allow', async () => {
    const id = await recordSystemCall({
      ...{ organizationId: organization.id, memberId: ben.id, memberEmail: ben.email },
      ...{ connectionId: null, workspaceGid: null, purpose: 'test', method: 'tools/call', tool: 'get_me' },
    });
    expect(await explainRecord(organization.id, id)).toMatchObject({
      ...{ allowed: true, checks: [], record: { now: 'same' }, sentence: expect.stringMatching(/Gatehouse/) },
    });
  });

  test('or a member, or a token, of another organization is nobody’s', async () => {
    const { id } = await newest();
    expect(await explainRecord(other.id, id)).toBeNull();
    const about = { memberId: ana.id, tokenId: null, tool: 'get_me' };
    expect(await explainTool(other.id, about, admin)).toBeNull();
    expect(await explainTool(organization.id, { ...about, tokenId: tokens[3]!.id }, admin)).toBeNull();
    const eve = await makeMember(gate, other, 'eve@borealis.example');
    await makeGroup(other, 'Sales of theirs', ['get_me'], [eve]);
    const mine = JSON.stringify(await explainTool(organization.id, { ...about, tool: 'get_me' }, admin));
    expect(mine).not.toContain('theirs');
  });
});
