// What is on record of a call: every field that an auditor asks for, attackers' text as data, and nothing of the arguments but a digest.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportAudit } from '@/lib/audit/export';
import { createHash } from 'node:crypto';
import { startAcme } from '../support/acme';
import {
  auditOf,
  callOf,
  post,
  until,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';
import { dumpDatabase } from '../support/dump';

let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let token: string;
let credentialId: string;

beforeAll(async () => {
  ({ gate, organization, ana, token, credentialId } = await startAcme(['search_tasks']));
});
afterAll(() => gate.stop());

const digest = (canonical: string) => createHash('sha256').update(canonical).digest('hex');
// Of the agent's own calls: Gatehouse's session for it is on record too.
const newest = async () => (await auditOf(organization, { credential: credentialId }, 1))[0]!;

describe('the record of a call', () => {
  test('AU-15: names organization, person, agent, token, policy, tool, arguments, decision, outcome and place in the chain', async () => {
    const text = 'quarterly numbers';
    await post(gate, token, callOf('search_tasks', { text }), { 'user-agent': 'agent/1' });
    const record = await until(async () => {
      const now = await newest();
      return now !== undefined && now.seq !== null && now.latencyMs !== undefined ? now : null;
    });
    expect(record).toMatchObject({
      ...{ kind: 'call', member: ana.email, client: 'agent/1', connection: ana.connectionId },
      credential: { kind: 'agent_token', id: credentialId, name: 'agent' },
      ...{ method: 'tools/call', tool: 'search_tasks', argumentsHash: digest(`{"text":"${text}"}`) },
      ...{ decision: 'allow', outcome: 'ok', hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      policyVersion: expect.stringMatching(/^readers@\d+$/),
    });
    await post(gate, token, callOf('delete_task', { task_id: '1' }));
    expect(await newest()).toMatchObject({
      ...{ decision: 'deny', reason: 'not_in_group', tool: 'delete_task', member: ana.email },
      ...{ argumentsHash: digest('{"task_id":"1"}'), policyVersion: expect.stringMatching(/^readers@\d+$/) },
    });
  });

  test('AU-14: holds of the arguments and of the answer nothing but the digest, however secret or large they are', async () => {
    const secret = `1/1200000000000001:${'0123456789abcdef'.repeat(2)}`;
    for (const text of [secret, `password=${secret}`, `${secret} ${'x'.repeat(200_000)}`]) {
      await post(gate, token, callOf('search_tasks', { text }));
      await post(gate, token, callOf('no_such_tool', { text }));
      expect(await newest()).toMatchObject({ argumentsHash: digest(`{"text":"${text}"}`) });
    }
    const { audit } = await dumpDatabase();
    expect(audit).toContain(digest(`{"text":"${secret}"}`));
    expect(audit).not.toContain(secret.slice(20));
    expect(audit).not.toContain('xxxx');
    const longest = Math.max(...audit.split('\n').map((row) => row.length));
    expect(longest).toBeLessThan(5_000);
  });

  const INJECTIONS = [
    'line\r\n{"level":30,"msg":"forged"}',
    '\u001b[2J\u001b[31mred',
    '\u202Etxt.exe\u2066',
    "'; DROP TABLE audit_records; --",
    '=HYPERLINK("https://evil.example")',
    '<script>alert(1)</script>',
  ];
  test.each(INJECTIONS)(
    'AU-13: keeps %j as data: one row in the audit, one line in a file',
    async (injection) => {
      const before = (await auditOf(organization)).length;
      // Headers can't carry control characters; what can be sent goes along as the agent's name.
      const agent = injection.replaceAll(/[^\x20-\x7e]/g, '');
      const { body } = await post(gate, token, callOf(injection), { 'user-agent': agent });
      expect(body.error).toBeDefined();
      const record = await newest();
      expect([record.tool, record.client, record.decision]).toEqual([injection, agent, 'deny']);
      expect((await auditOf(organization)).length).toBe(before + 1);
      let lines = '';
      for await (const piece of exportAudit(organization.id, { id: record.id }, 'jsonl')) lines += piece;
      expect(lines.split('\n')).toEqual([expect.stringContaining(record.id), '']);
      expect((JSON.parse(lines) as { tool: string }).tool).toBe(injection);
    },
  );
});
