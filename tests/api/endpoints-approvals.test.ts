// /api/v1 on calls that wait: who sees them, what they would do in Asana\u2019s words, and the decision with its event.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { transaction } from '@/lib/db';
import { createGroup } from '@/lib/people/groups';
import { SEED } from '@/lib/sandbox/world-seed';
import { startAuroraAtWork, type AuroraAtWork } from '../support/aurora';
import { callOf, post } from '../support/gate';
import { START_MS, type Client, type Portal, type PortalOrganization } from '../support/portal';
import { expectProblem, lastEvent, readOpenApi, type OpenApi } from './expect-answer';

let portal: Portal;
let aurora: PortalOrganization;
let admin: Client;
let openApi: OpenApi;
let token: string;
let people: AuroraAtWork['people'];

beforeAll(async () => {
  ({ portal, organization: aurora, admin, token, people } = await startAuroraAtWork());
  await transaction((tx) =>
    createGroup(tx, aurora.actor, { name: 'Leads', tools: [], members: ['lea@aurora.example'] }),
  );
  openApi = await readOpenApi(admin);
}, START_MS);
afterAll(() => portal.stop());

const call = (name: string, as: Client, given: { path?: string; body?: unknown } = {}) =>
  openApi.call(name, { as, ...given });
const agentCalls = async (text: string) => {
  const { body } = await post(
    { url: `${portal.origin}/mcp` },
    token,
    callOf('add_comment', { task_id: SEED.pressKit, text }),
  );
  return body.result as { isError?: boolean; content: { text: string }[] };
};
const open = async (as: Client) =>
  (await call('GET /approvals', as, { path: '/approvals?state=open' })).body.approvals;
const decide = (id: string, body: unknown, as: Client) =>
  call('POST /approvals/{id}/decision', as, { path: `/approvals/${id}/decision`, body });

describe('what waits in a group', () => {
  const group = (approvals: unknown) => ({
    ...{ name: 'Website desk', tools: ['add_comment', 'get_task'], members: ['ana@aurora.example'] },
    ...{ slug: 'website-desk', approvals },
  });

  test('is set with the group by names, read back, kept by a change that does not name it, and on record', async () => {
    const wrong: [unknown, number, string][] = [
      [{ tools: ['delete_task'], approver: { group: 'leads' } }, 422, 'unknown_tool'],
      [{ tools: ['add_comment'], approver: { group: 'nobody' } }, 422, 'unknown_group'],
      [{ tools: ['add_comment'], approver: { member: 'admin@borealis.example' } }, 422, 'unknown_member'],
      [{ tools: ['add_comment'], approver: null }, 400, 'invalid'],
      [
        { tools: ['add_comment'], approver: { group: 'leads', member: 'lea@aurora.example' } },
        400,
        'invalid',
      ],
      [{ tools: ['add_comment'] }, 400, 'invalid'],
    ];
    for (const [approvals, status, code] of wrong)
      expectProblem(await call('POST /groups', admin, { body: group(approvals) }), status, code);
    const approvals = { tools: ['add_comment'], approver: { group: 'leads' } };
    const made = await call('POST /groups', admin, { body: group(approvals) });
    expect([made.status, made.body.approvals]).toEqual([201, approvals]);
    expect(await lastEvent(admin)).toMatchObject({ action: 'group.created', after: { approvals } });
    const path = '/groups/website-desk';
    const { approvals: _unsaid, slug: _slug, ...content } = group(null);
    const kept = await call('PUT /groups/{slug}', admin, { path, body: { ...content, name: 'Web desk' } });
    expect(kept.body.approvals).toEqual(approvals);
    const lost = await call('POST /groups/changes', admin, {
      body: { changes: [{ slug: 'website-desk', version: kept.body.version, remove: ['add_comment'] }] },
    });
    expect(lost.body.groups[0].approvals).toBeNull();
    const back = await call('POST /groups/changes', admin, {
      body: {
        changes: [{ slug: 'website-desk', version: lost.body.groups[0].version, add: ['add_comment'] }],
      },
    });
    expect(back.body.groups[0].approvals).toEqual(approvals);
  });
});

describe('/approvals', () => {
  test('shows a waiting call to who decides and whose agent asks, in Asana\u2019s words, and to nobody else', async () => {
    const said = await agentCalls('Ready to ship \u202egnp.exe');
    expect([said.isError, said.content[0]!.text]).toEqual([
      true,
      expect.stringContaining(`${portal.origin}/approvals#`),
    ]);
    const [hers] = await open(people.lea);
    expect(hers).toMatchObject({
      ...{ tool: 'add_comment', state: 'open', canDecide: true, isOwn: false, agent: 'Agent of Ana' },
      ...{ member: { email: 'ana@aurora.example', name: 'Ana' }, approvers: ['Leads'] },
    });
    expect(await open(people.ana)).toMatchObject([{ id: hers.id, canDecide: false, isOwn: true }]);
    for (const as of [admin, people.auditor, people.elsewhere]) {
      expect(await open(as)).toEqual([]);
      expectProblem(
        await call('GET /approvals/{id}', as, { path: `/approvals/${hers.id}` }),
        404,
        'not_found',
      );
      expectProblem(await decide(hers.id, { decision: 'approve' }, as), 404, 'not_found');
    }
    const { body } = await call('GET /approvals/{id}', people.lea, { path: `/approvals/${hers.id}` });
    expect(body.call.arguments).toEqual([
      { place: 'task_id', value: SEED.pressKit, name: 'Prepare the press kit' },
      // Nothing that turns letters around is shown as it is.
      { place: 'text', value: 'Ready to ship \\u{202e}gnp.exe', name: null },
    ]);
    expect(body.call.text).toContain(`"task_id": "${SEED.pressKit}"`);
    const { body: audit } = await admin.call('GET', '/api/v1/audit?kind=call&limit=20');
    expect(audit.records).toContainEqual(
      expect.objectContaining({
        ...{ tool: 'get_task', member: 'ana@aurora.example' },
        credential: expect.objectContaining({ kind: 'system', name: 'names for an approval' }),
      }),
    );
  });

  test('an approval lets exactly this call through, once; both are on record', async () => {
    const [{ id }] = await open(people.lea);
    expectProblem(await decide(id, { decision: 'approve' }, people.ana), 403, 'forbidden');
    for (const body of [
      {},
      { decision: 'yes' },
      { decision: 'decline' },
      { decision: 'decline', answer: ' ' },
    ])
      expectProblem(await decide(id, body, people.lea), 400, 'invalid');
    for (const other of [crypto.randomUUID(), 'x'])
      expectProblem(await decide(other, { decision: 'approve' }, people.lea), 404, 'not_found');
    const { body } = await decide(id, { decision: 'approve' }, people.lea);
    expect(body).toMatchObject({ id, state: 'approved', decidedBy: 'lea@aurora.example', canDecide: false });
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'approval.approved', target: `approval:${id}`, member: 'lea@aurora.example' },
      after: { tool: 'add_comment', member: 'ana@aurora.example' },
    });
    expectProblem(
      await decide(id, { decision: 'decline', answer: 'No.' }, people.lea),
      409,
      'decided_already',
    );
    expect((await agentCalls('Ready to ship \u202egnp.exe')).isError ?? false).toBe(false);
    const closed = await call('GET /approvals', people.lea, { path: '/approvals?state=closed' });
    expect(closed.body.approvals).toMatchObject([{ id, state: 'used', usedAt: expect.any(String) }]);
    const { body: over } = await call('GET /approvals/{id}', people.ana, { path: `/approvals/${id}` });
    expect(over.call).toBeNull();
    expect((await agentCalls('Ready to ship \u202egnp.exe')).isError).toBe(true);
  });

  test('a refusal reaches the agent with its words', async () => {
    await agentCalls('Not this one.');
    const [{ id }] = await open(people.lea);
    const { body } = await decide(id, { decision: 'decline', answer: 'Wait for the launch.' }, people.lea);
    expect(body).toMatchObject({ state: 'declined', answer: 'Wait for the launch.' });
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'approval.declined', after: { answer: 'Wait for the launch.' } },
    });
    expect((await agentCalls('Not this one.')).content[0]!.text).toContain('Wait for the launch.');
  });
});
