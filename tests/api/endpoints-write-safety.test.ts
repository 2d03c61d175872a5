// /api/v1 on write safety: how a group sets it, who sees the agents that only read and puts them back, and what an explanation says of it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SEED } from '@/lib/sandbox/world-seed';
import { startAuroraAtWork, type AuroraAtWork } from '../support/aurora';
import { callOf, post } from '../support/gate';
import { START_MS, type Client, type Portal } from '../support/portal';
import { expectProblem, lastEvent, readOpenApi, type OpenApi } from './expect-answer';

let portal: Portal;
let admin: Client;
let openApi: OpenApi;
let token: string;
let people: AuroraAtWork['people'];

beforeAll(async () => {
  ({ portal, admin, token, people } = await startAuroraAtWork());
  openApi = await readOpenApi(admin);
}, START_MS);
afterAll(() => portal.stop());

const call = (name: string, as: Client, given: { path?: string; body?: unknown } = {}) =>
  openApi.call(name, { as, ...given });
const write = async (text: string) => {
  const args = { task_id: SEED.pressKit, text };
  const { body } = await post({ url: `${portal.origin}/mcp` }, token, callOf('add_comment', args));
  return body.result as { isError?: boolean; content: { text: string }[] };
};
const budgets = async (as: Client, name = 'GET /budgets') => (await call(name, as)).body.budgets;
const lift = (id: string, as: Client) => call('POST /budgets/{id}/lift', as, { path: `/budgets/${id}/lift` });
const group = (writeSafety: unknown) => ({
  ...{ name: 'Website desk', tools: ['add_comment', 'get_task'], members: ['ana@aurora.example'] },
  ...{ slug: 'website-desk', writeSafety },
});
const ON = { writesPerDay: 1, deletesPerDay: null, repeatWindowSeconds: 90 };

describe('write safety', () => {
  test('is set with the group, read back, kept by a change that does not name it, lifted by null, and on record', async () => {
    for (const wrong of [
      ...[
        { ...ON, writesPerDay: 0 },
        { ...ON, deletesPerDay: 1.5 },
      ],
      ...[
        { ...ON, repeatWindowSeconds: 86_401 },
        { ...ON, repeatWindowSeconds: 9 },
        { ...ON, writesPerHour: 3 },
        'on',
      ],
    ])
      expectProblem(await call('POST /groups', admin, { body: group(wrong) }), 400, 'invalid');
    const made = await call('POST /groups', admin, {
      body: group({ writesPerDay: 1, repeatWindowSeconds: 90 }),
    });
    expect([made.status, made.body.writeSafety]).toEqual([201, ON]);
    expect(await lastEvent(admin)).toMatchObject({ action: 'group.created', after: { writeSafety: ON } });
    const { writeSafety: _left, slug: _slug, ...rest } = group(null);
    const put = (body: unknown) => call('PUT /groups/{slug}', admin, { path: '/groups/website-desk', body });
    expect((await put(rest)).body.writeSafety).toEqual(ON);
    expect((await put({ ...rest, writeSafety: null })).body.writeSafety).toBeNull();
    expect(await lastEvent(admin)).toMatchObject({
      before: { writeSafety: ON },
      after: { writeSafety: null },
    });
    expect((await put({ ...rest, writeSafety: { writesPerDay: null } })).body.writeSafety).toBeNull();
    expect((await put({ ...rest, writeSafety: ON })).body.writeSafety).toEqual(ON);
  });

  test('goes with the policy as a file, there and back, and a plan says in words what it would change', async () => {
    const { body: file } = await call('GET /config', admin);
    expect(file.groups[0]).toMatchObject({ slug: 'website-desk', writeSafety: ON });
    file.groups[0].writeSafety = { ...ON, writesPerDay: null, repeatWindowSeconds: null };
    const { body: plan } = await call('POST /config/plan', admin, { body: { config: file } });
    expect(plan.changes).toEqual([
      expect.objectContaining({
        sentence: expect.stringMatching(
          /^Group website-desk: its write safety is off \(before: .Each agent of a person may write at most 1 call a day\. A write that is repeated within 90 seconds is answered from the first\..\)\.$/,
        ),
      }),
    ]);
  });

  test('is told by an explanation of a tool that writes, and not of one that reads', async () => {
    const ask = async (tool: string) =>
      (await call('GET /me/explain', people.ana, { path: `/me/explain?tool=${tool}` })).body
        .sentence as string;
    expect(await ask('add_comment')).toMatch(
      /may use add_comment\. .*write at most 1 call a day\. .*within 90 seconds/,
    );
    expect(await ask('get_task')).not.toMatch(/a day/);
  });
});

describe('an agent that spent its budget', () => {
  test('is shown to its person, to admins and to auditors, and to nobody else', async () => {
    expect((await write('The one.')).isError ?? false).toBe(false);
    expect(await budgets(admin)).toEqual([]);
    expect((await write('One too many.')).content[0]!.text).toMatch(/budget of 1 writes/);
    const [spent] = await budgets(admin);
    expect(spent).toMatchObject({
      ...{
        member: { email: 'ana@aurora.example', name: 'Ana' },
        agent: 'Agent of Ana',
        reason: 'write_budget',
      },
      ...{ budget: 1, until: expect.stringMatching(/T00:00:00\.000Z$/) },
    });
    expect(await budgets(people.auditor)).toEqual([spent]);
    expect(await budgets(people.ana, 'GET /me/budgets')).toEqual([spent]);
    expect(await budgets(people.lea, 'GET /me/budgets')).toEqual([]);
    expect(await budgets(people.elsewhere)).toEqual([]);
    expectProblem(await call('GET /budgets', people.ana), 403, 'forbidden');
    const { body: audit } = await call('GET /audit', admin, { path: '/audit?reason=write_budget' });
    expect(audit.records).toMatchObject([{ tool: 'add_comment', decision: 'deny', reason: 'write_budget' }]);
    const explained = await call('GET /explain', admin, { path: `/explain?record=${audit.records[0].id}` });
    expect(explained.body).toMatchObject({ allowed: false, reason: 'write_budget', record: { now: 'same' } });
  });

  test('is put back by an admin, once, with the audit event; and by nobody else', async () => {
    const [{ id }] = await budgets(admin);
    expectProblem(await lift(id, people.ana), 403, 'forbidden');
    expectProblem(await lift(id, people.auditor), 403, 'forbidden');
    expectProblem(await lift(id, people.elsewhere), 404, 'not_found');
    expectProblem(await lift('no-id', admin), 404, 'not_found');
    expect((await write('Still read-only.')).isError).toBe(true);
    const lifted = await lift(id, admin);
    expect([lifted.status, lifted.body.id]).toEqual([200, id]);
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'budget.lifted', target: `budget:${id}`, before: { reason: 'write_budget', budget: 1 } },
      after: { member: 'ana@aurora.example', agent: 'Agent of Ana' },
    });
    expectProblem(await lift(id, admin), 404, 'not_found');
    expect(await budgets(admin)).toEqual([]);
    expect((await write('Written again.')).isError ?? false).toBe(false);
  });
});
