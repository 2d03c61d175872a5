// Requests for tools: asked once, decided once, never against what somebody else just did, and closed to other organizations.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { searchAudit } from '@/lib/audit/records';
import { effectiveTools, updateTool } from '@/lib/catalogue/catalogue';
import { pool, transaction } from '@/lib/db';
import { acceptRequest, declineRequest, withdrawRequest } from '@/lib/people/decide-requests';
import { createGroup, deleteGroup, requireGroup } from '@/lib/people/groups';
import { removeMember, updateMember } from '@/lib/people/members';
import { listOwnRequests, listRequests, requestTool } from '@/lib/people/tool-requests';
import { untilSomebodyWaits } from '../support/database';
import { addOrganization, addPerson, openLib, type PortalOrganization } from '../support/portal';

let lib: Awaited<ReturnType<typeof openLib>>;
let organization: PortalOrganization;
let other: PortalOrganization;
let round = 0;
let email: string;
let id: string;
/** A group a test, without members, that has get_me. */
let slug: string;

beforeAll(async () => {
  lib = await openLib();
  organization = await addOrganization('Aurora', 'admin@aurora.example');
  other = await addOrganization('Borealis', 'admin@borealis.example');
});
afterAll(() => lib.close());
beforeEach(async () => {
  round += 1;
  email = `ana${round}@aurora.example`;
  slug = `group-${round}`;
  id = await addPerson(organization, email, { password: undefined });
  await transaction((tx) =>
    createGroup(tx, organization.actor, { name: slug, slug, tools: ['get_me'], members: [] }),
  );
});

const ask = (tool = 'get_task', of = id) =>
  transaction((tx) =>
    requestTool(
      tx,
      { ...organization.actor, memberId: of, memberEmail: email },
      { tool, reason: 'To see tasks' },
    ),
  );
const accept = (request: string, through = slug, by = organization) =>
  transaction((tx) => acceptRequest(tx, by.actor, request, through));
const decline = (request: string, by = organization) =>
  transaction((tx) => declineRequest(tx, by.actor, request, 'Use search_tasks.'));
const withdraw = (request: string, of = id) =>
  transaction((tx) => withdrawRequest(tx, { ...organization.actor, memberId: of }, request));
const own = () => transaction((tx) => listOwnRequests(tx, organization.id, id));
const group = () => transaction((tx) => requireGroup(tx, organization.id, slug));
const actionsOf = async (...targets: string[]) => {
  const { records } = await searchAudit(organization.id, { kind: 'event' }, { limit: 500 });
  return records.filter(({ target }) => targets.includes(target!)).map(({ action }) => action);
};
const ends = async (attempts: Promise<unknown>[]) =>
  (await Promise.allSettled(attempts)).map((attempt) =>
    attempt.status === 'fulfilled'
      ? 'done'
      : String((attempt.reason as { code?: unknown }).code ?? attempt.reason),
  );

describe('a request', () => {
  test('is accepted through a group, which gets the tool and the person, with one event each', async () => {
    const request = await ask();
    expect(request).toMatchObject({ tool: 'get_task', status: 'open', decidedBy: null, decidedAt: null });
    const accepted = await accept(request.id);
    expect(accepted).toMatchObject({
      ...{ id: request.id, status: 'accepted', group: slug, decidedBy: 'admin@aurora.example' },
      ...{ member: { email }, toolGroups: [{ slug }], memberGroups: [{ slug }] },
    });
    expect(await group()).toMatchObject({ tools: ['get_me', 'get_task'], members: [email], version: 2 });
    expect(await effectiveTools(organization.id, id)).toEqual(['get_task', 'get_me']);
    expect(await own()).toEqual([
      expect.objectContaining({
        id: request.id,
        status: 'accepted',
        group: slug,
        decidedAt: expect.any(String),
      }),
    ]);
    expect(await actionsOf(`tool_request:${request.id}`, `group:${slug}`)).toEqual([
      ...['tool_request.accepted', 'group.updated', 'tool_request.made', 'group.created'],
    ]);
  });

  test('gives the group only what it lacks, and a group that lacks nothing stays as it is', async () => {
    await transaction((tx) => updateMember(tx, organization.actor, email, { groups: [slug] }));
    const first = await ask();
    await accept(first.id);
    expect(await group()).toMatchObject({ tools: ['get_me', 'get_task'], members: [email], version: 3 });
    const second = await ask('search_tasks');
    await pool().query(
      `INSERT INTO group_tools (organization_id, group_id, tool_name)
       SELECT organization_id, id, 'search_tasks' FROM groups WHERE slug = $1`,
      [slug],
    );
    await accept(second.id);
    expect(await group()).toMatchObject({ members: [email], version: 3 });
  });

  test('is declined with an answer, or withdrawn, and may then be made again', async () => {
    const first = await ask();
    expect(await decline(first.id)).toMatchObject({ status: 'declined', answer: 'Use search_tasks.' });
    const second = await ask();
    await withdraw(second.id);
    await ask();
    expect((await own()).map(({ status, answer, decidedBy }) => [status, answer, decidedBy])).toEqual([
      ['open', null, null],
      ['withdrawn', null, null],
      ['declined', 'Use search_tasks.', 'admin@aurora.example'],
    ]);
    expect(await actionsOf(`tool_request:${first.id}`, `tool_request:${second.id}`)).toEqual([
      ...['tool_request.withdrawn', 'tool_request.made', 'tool_request.declined', 'tool_request.made'],
    ]);
    expect(await group()).toMatchObject({ version: 1 });
  });

  test('is refused for a tool that the person has, asks for already, or that does not exist', async () => {
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: 'exists', message: expect.stringMatching(/asked/) });
    await expect(ask('no_such_tool')).rejects.toMatchObject({ code: 'unknown_tool' });
    await transaction((tx) => updateMember(tx, organization.actor, email, { groups: [slug] }));
    await expect(ask('get_me')).rejects.toMatchObject({
      code: 'exists',
      message: expect.stringMatching(/may use/),
    });
    expect(await own()).toHaveLength(1);
  });

  test.each([
    [`UPDATE tools SET blocked = true`, /blocked.*Unblock it first/],
    [`UPDATE tools SET status = 'changed'`, /reviewed.*Review it first/],
    [`UPDATE tools SET status = 'new'`, /reviewed.*Review it first/],
    [`UPDATE tools SET status = 'missing'`, /no longer lists.*Decline/],
  ])(
    'for a tool that nobody may use is taken, but not accepted until the tool is open: %s',
    async (sql, says) => {
      await pool().query(`${sql} WHERE organization_id = $1 AND name = 'get_user'`, [organization.id]);
      const { id: request } = await ask('get_user');
      await expect(accept(request)).rejects.toMatchObject({
        ...{ code: 'tool_closed', status: 409, message: expect.stringMatching(says) },
      });
      expect([(await own())[0]!.status, (await group()).version]).toEqual(['open', 1]);
      await pool().query(`UPDATE tools SET blocked = false, status = 'changed' WHERE name = 'get_user'`);
      await transaction((tx) => updateTool(tx, organization.actor, 'get_user', { status: 'reviewed' }));
      await accept(request);
      expect(await effectiveTools(organization.id, id)).toContain('get_user');
    },
  );
});

describe('of several people at once', () => {
  test('who press ask, one request is made', async () => {
    const attempts = Array.from({ length: 8 }, () => ask());
    expect((await ends(attempts)).toSorted()).toEqual(['done', ...Array<string>(7).fill('exists')]);
    expect(await own()).toHaveLength(1);
  });

  test('who accept, decline and withdraw, one decides, and what it did is all that happened', async () => {
    for (let n = 0; n < 6; n += 1) {
      const tool = ['get_task', 'get_tasks', 'search_tasks', 'get_project', 'get_projects', 'get_users'][n]!;
      const { id: request } = await ask(tool);
      const results = await ends([
        accept(request),
        decline(request),
        accept(request),
        withdraw(request),
        decline(request),
      ]);
      expect(results.toSorted()).toEqual([...Array<string>(4).fill('decided_already'), 'done']);
      const { status } = (await own())[0]!;
      const winner = ['accepted', 'declined', 'accepted', 'withdrawn', 'declined'][results.indexOf('done')];
      expect(status).toBe(winner);
      expect((await group()).tools.includes(tool)).toBe(status === 'accepted');
      expect(await actionsOf(`tool_request:${request}`)).toEqual([
        `tool_request.${status}`,
        'tool_request.made',
      ]);
    }
  });

  test('of whom one removes the person, deletes the group or decides, none meets an error of the database', async () => {
    for (let n = 0; n < 6; n += 1) {
      const leaving = `leaving${round}-${n}@aurora.example`;
      const through = `${slug}-${n}`;
      const member = await addPerson(organization, leaving, { password: undefined });
      await transaction((tx) =>
        createGroup(tx, organization.actor, { name: through, slug: through, tools: [], members: [leaving] }),
      );
      const { id: request } = await ask('get_task', member);
      const results = await ends([
        transaction((tx) => removeMember(tx, organization.actor, leaving)),
        accept(request, through),
        transaction((tx) => deleteGroup(tx, organization.actor, through)),
        decline(request),
        transaction((tx) => updateMember(tx, organization.actor, leaving, { groups: [through] })),
      ]);
      const expected = /^(done|not_found|unknown_group|decided_already)$/;
      expect(results.filter((end) => !expected.test(end))).toEqual([]);
      expect(results[0]).toBe('done');
      const listed = await transaction((tx) => listRequests(tx, organization.id));
      expect(listed.filter((entry) => entry.member.email === leaving)).toEqual([]);
    }
  });
});

test('who accepts waits for whoever removes the person before touching anything else, so that neither waits in a circle', async () => {
  await transaction((tx) => updateMember(tx, organization.actor, email, { groups: [slug] }));
  const { id: request } = await ask();
  // As a removal does: the person first, then their groups, and their requests with them.
  const removal = await pool().connect();
  await removal.query(`BEGIN; SET LOCAL lock_timeout = '3s'`);
  await removal.query('SELECT 1 FROM members WHERE id = $1 FOR UPDATE', [id]);
  const accepting = accept(request);
  await untilSomebodyWaits();
  await expect(
    removal.query('SELECT 1 FROM groups WHERE slug = $1 FOR UPDATE', [slug]),
  ).resolves.toBeDefined();
  await expect(
    removal.query('SELECT 1 FROM tool_requests WHERE id = $1 FOR UPDATE', [request]),
  ).resolves.toBeDefined();
  await removal.query('ROLLBACK');
  removal.release();
  await expect(accepting).resolves.toMatchObject({ status: 'accepted' });
});

describe('what has gone meanwhile', () => {
  test('refuses the decision with what is missing, and leaves the request open where it still is', async () => {
    const { id: request } = await ask();
    await expect(accept(request, 'no-such-group')).rejects.toMatchObject({ code: 'unknown_group' });
    await transaction((tx) => deleteGroup(tx, organization.actor, slug));
    await expect(accept(request)).rejects.toMatchObject({ code: 'unknown_group' });
    expect((await own())[0]!.status).toBe('open');
    await transaction((tx) => removeMember(tx, organization.actor, email));
    for (const decide of [accept, decline, withdraw])
      await expect(decide(request)).rejects.toMatchObject({ code: 'not_found' });
    await expect(ask()).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await own()).toEqual([]);
  });

  test('of a decided request, a second decision hears who decided it', async () => {
    const { id: request } = await ask();
    await decline(request);
    await expect(accept(request)).rejects.toMatchObject({
      ...{
        code: 'decided_already',
        status: 409,
        message: expect.stringMatching(/admin@aurora.example has declined/),
      },
    });
    const again = await ask();
    await withdraw(again.id);
    await expect(accept(again.id)).rejects.toMatchObject({ message: expect.stringMatching(/withdrawn/) });
  });
});

test('nobody sees or decides another’s request, nor another organization’s', async () => {
  const { id: request } = await ask();
  const colleague = await addPerson(organization, `colleague${round}@aurora.example`, {
    password: undefined,
  });
  await transaction((tx) => createGroup(tx, other.actor, { name: slug, slug, tools: [], members: [] }));
  await expect(withdraw(request, colleague)).rejects.toMatchObject({ code: 'not_found' });
  await expect(accept(request, slug, other)).rejects.toMatchObject({ code: 'not_found' });
  await expect(decline(request, other)).rejects.toMatchObject({ code: 'not_found' });
  expect(await transaction((tx) => listRequests(tx, other.id))).toEqual([]);
  expect(await transaction((tx) => listOwnRequests(tx, organization.id, colleague))).toEqual([]);
  // A group of another organization that is called alike is not this one's.
  await transaction((tx) => deleteGroup(tx, organization.actor, slug));
  await expect(accept(request)).rejects.toMatchObject({ code: 'unknown_group' });
  const open = await transaction((tx) => listRequests(tx, organization.id, 'open'));
  expect(open.map((entry) => entry.id)).toContain(request);
  const closed = await transaction((tx) => listRequests(tx, organization.id, 'closed'));
  expect(closed.map((entry) => entry.status)).not.toContain('open');
});
