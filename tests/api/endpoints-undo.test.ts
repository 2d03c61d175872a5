// /api/v1 on what was there before calls: set with the group, listed, previewed and put back by its person or an admin, with what may be read
// by whom.
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
const rename = async (name: string) => {
  const { body } = await post(
    { url: `${portal.origin}/mcp` },
    token,
    callOf('update_tasks', { tasks: [{ task: SEED.pressKit, name }] }),
  );
  expect(body.result.isError ?? false).toBe(false);
};
/** The newest event of this kind; several of one moment stand in no order. */
const eventOf = async (action: string) => {
  const { body } = await call('GET /audit', admin, { path: '/audit?kind=event&limit=20' });
  return body.records.find((record: { action: string }) => record.action === action);
};
const list = async (as: Client) => (await call('GET /undo', as)).body.bundles;
const at = (id: string, what: 'contents' | 'preview' | 'restore') => ({
  name: `POST /undo/{id}/${what}`,
  path: `/undo/${id}/${what}`,
});
const ask = (as: Client, id: string, what: 'contents' | 'preview' | 'restore', body?: unknown) =>
  call(at(id, what).name, as, { path: at(id, what).path, ...(body === undefined ? {} : { body }) });

describe('what a group keeps', () => {
  const group = (undo: unknown) => ({
    ...{ name: 'Website desk', tools: ['update_tasks', 'get_task'], members: ['ana@aurora.example'] },
    ...{ slug: 'website-desk', undo },
  });

  test('is set with the group, read back, kept by a change that does not name it, lifted by null, and on record', async () => {
    for (const undo of [{ days: 0 }, { days: 91 }, { days: 1.5 }, {}, { days: 7, hours: 1 }, 7])
      expectProblem(await call('POST /groups', admin, { body: group(undo) }), 400, 'invalid');
    const made = await call('POST /groups', admin, { body: group({ days: 7 }) });
    expect([made.status, made.body.undo]).toEqual([201, { days: 7 }]);
    expect(await lastEvent(admin)).toMatchObject({ action: 'group.created', after: { undo: { days: 7 } } });
    const path = '/groups/website-desk';
    const { undo: _unsaid, slug: _slug, ...content } = group(null);
    const put = async (body: unknown) => (await call('PUT /groups/{slug}', admin, { path, body })).body.undo;
    expect(await put(content)).toEqual({ days: 7 });
    expect(await put({ ...content, undo: null })).toBeNull();
    expect(await put({ ...content, undo: { days: 30 } })).toEqual({ days: 30 });
    expect(await lastEvent(admin)).toMatchObject({
      ...{ action: 'group.updated', before: { undo: null }, after: { undo: { days: 30 } } },
    });
    const file = (await call('GET /config', admin)).body;
    expect(file.groups.find(({ slug }: { slug: string }) => slug === 'website-desk').undo).toEqual({
      days: 30,
    });
    const groups = [{ ...group({ days: 3 }) }];
    const plan = await call('POST /config/plan', admin, {
      body: { config: { gatehouse: 1, groups, absentGroups: 'keep' } },
    });
    expect(plan.body.changes).toMatchObject([
      { sentence: expect.stringMatching(/before a change is kept for 3 days \(before: .* 30 days\)/) },
    ]);
  });
});

describe('/undo', () => {
  test('shows it to its person, to admins and auditors, and to nobody else', async () => {
    await rename('Press kit, renamed');
    const [hers] = await list(people.ana);
    expect(hers).toMatchObject({
      ...{ tool: 'update_tasks', things: 1, state: 'kept', isOwn: true, mayRead: true, hindrance: null },
      member: { email: 'ana@aurora.example', name: 'Ana' },
    });
    const one = async (as: Client) => call('GET /undo/{id}', as, { path: `/undo/${hers.id}` });
    expect((await one(admin)).body).toMatchObject({ isOwn: false, mayRead: false, hindrance: null });
    expect((await one(people.auditor)).body).toMatchObject({ mayRead: false, hindrance: 'role' });
    for (const as of [people.lea, people.elsewhere]) {
      expect(await list(as)).toEqual([]);
      expectProblem(await one(as), 404, 'not_found');
      for (const what of ['contents', 'preview', 'restore'] as const)
        expectProblem(await ask(as, hers.id, what, what === 'restore' ? {} : undefined), 404, 'not_found');
    }
    expectProblem(await call('GET /undo/{id}', admin, { path: '/undo/none' }), 404, 'not_found');
  });

  test('tells an admin which parts would be put back, and what they say only where arguments are kept', async () => {
    const [{ id }] = await list(people.ana);
    const hidden = await ask(admin, id, 'preview');
    expect(hidden.body.items).toMatchObject([
      {
        title: null,
        state: 'differs',
        changes: [{ what: 'Name', was: null, now: null, changedSince: false }],
      },
    ]);
    expect(hidden.text).not.toContain('ress kit');
    expectProblem(await ask(admin, id, 'contents'), 403, 'forbidden');
    expect((await ask(people.ana, id, 'contents')).body.text).toContain('Prepare the press kit');
    await call('PATCH /organization', admin, { body: { keepArguments: true } });
    const shown = await ask(admin, id, 'preview');
    expect(shown.body.items[0].changes[0].was).toBe('Prepare the press kit');
    expect(await lastEvent(admin)).toMatchObject({ action: 'undo.read', target: `call:${id}` });
    expect((await ask(people.auditor, id, 'contents')).body.text).toContain('Prepare the press kit');
    expectProblem(await ask(people.auditor, id, 'preview'), 403, 'forbidden');
    await call('PATCH /organization', admin, { body: { keepArguments: false } });
  });

  test('puts it back once, with what was shown, and says what came of it', async () => {
    const [{ id }] = await list(people.ana);
    expectProblem(await ask(people.ana, id, 'restore', { confirm: 1 }), 400, 'invalid');
    expectProblem(await ask(people.auditor, id, 'restore', {}), 403, 'forbidden');
    expectProblem(await ask(people.ana, id, 'restore', { confirm: 'another' }), 409, 'changed_since');
    const { body: looked } = await ask(people.ana, id, 'preview');
    const done = await ask(people.ana, id, 'restore', { confirm: looked.confirm });
    expect(done.body.items).toMatchObject([
      { gid: SEED.pressKit, title: 'Prepare the press kit', result: 'back' },
    ]);
    expect(portal.sandbox.world.tasks.get(SEED.pressKit)!.name).toBe('Prepare the press kit');
    expect(await eventOf('undo.restored')).toMatchObject({
      ...{ target: `call:${id}`, member: 'ana@aurora.example' },
      after: { calls: done.body.calls, back: 1 },
    });
    expectProblem(await ask(people.ana, id, 'restore', {}), 409, 'restored_already');
    expectProblem(await ask(people.ana, id, 'preview'), 409, 'restored_already');
    // Only agents' own tokens are in the list.
    const { body } = await call('GET /me/tokens', people.ana);
    expect(body.tokens.map(({ name }: { name: string }) => name)).toEqual(['Agent of Ana']);
  });

  test('is put back by an admin as calls of the person, with the admin in the event', async () => {
    await rename('Renamed once more');
    const [{ id }] = await list(admin);
    const done = await ask(admin, id, 'restore', {});
    expect(done.body.items).toMatchObject([{ title: null, result: 'back' }]);
    expect(await eventOf('undo.restored')).toMatchObject({
      target: `call:${id}`,
      member: 'admin@aurora.example',
    });
    const { body } = await call('GET /audit', admin, { path: `/audit?id=${done.body.calls[0]}` });
    expect(body.records[0]).toMatchObject({
      ...{ member: 'ana@aurora.example', tool: 'update_tasks', decision: 'allow' },
      credential: { kind: 'agent_token', name: `Put back: call ${id}` },
    });
  });
});
