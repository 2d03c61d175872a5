// Two processes on one database: what is changed through one is in force at the other's next call, and a session of one goes on at
// the other. They share nothing else.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pool, transaction } from '@/lib/db';
import { replaceGroup } from '@/lib/people/groups';
import { startAcme } from '../support/acme';
import { startProcess, tell, type GateProcess as Process } from '../support/gate-fork';
import type { Orders } from '../support/gate-process';
import {
  auditOf,
  callOf,
  connect,
  emailIn,
  makeGroup,
  makeMember,
  mint,
  openSession,
  post,
  rpc,
  until,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let one: Process;
let two: Process;
let organization: TestOrganization;
let ana: TestMember;
let token: string;
const TOOLS = ['get_me', 'get_task'];

beforeAll(async () => {
  ({ gate, organization, ana, token } = await startAcme(TOOLS));
  [one, two] = await Promise.all([startProcess(), startProcess()]);
  // A process's first call opens its connections, which on a busy machine takes longer than a call may.
  for (const process of [one, two])
    await until(async () => (await post(process, token, callOf('get_me'))).status === 200);
});
afterAll(async () => {
  for (const { child } of [one, two]) child.kill('SIGKILL');
  await gate.stop();
});
beforeEach(() => gate.sandbox.log.clear());

/** Carries out a change in another process; it is acknowledged when this resolves. */
const change = <Name extends keyof Orders>(
  { child }: Process,
  order: Name,
  ...given: Parameters<Orders[Name]>
) => tell(child, { order, given });

const content = (tools: string[]) => ({ name: 'Readers', tools, members: [ana.email] });

/** Refused by `process`, unsent, with the reason on record. */
async function refused(process: Process, reason: string, bearer = token): Promise<void> {
  gate.sandbox.log.clear();
  const { body } = await post(process, bearer, callOf('get_me'));
  expect(body.error).toEqual({ code: -32602, message: 'Unknown tool: get_me' });
  expect(gate.sandbox.log.entries).toEqual([]);
  expect((await auditOf(organization, {}, 1))[0]).toMatchObject({ decision: 'deny', reason, tool: 'get_me' });
}

async function passes(process: Process, bearer = token): Promise<void> {
  expect(emailIn(await post(process, bearer, callOf('get_me')))).toBe('ana@example.com');
}

describe('what is changed through one process is in force at the other’s next call', () => {
  test('PB-16 PB-17: a group’s tools, four times there and back, with no call in between decided on what was', async () => {
    for (let round = 0; round < 4; round += 1) {
      const [here, there] = round % 2 ? [one, two] : [two, one];
      await change(here, 'replaceGroup', organization.actor, 'readers', content(['get_task']));
      await refused(there, 'not_in_group');
      const { body } = await post(there, token, rpc('tools/list'));
      expect(body.result.tools.map(({ name }: { name: string }) => name)).toEqual(['get_task']);
      await change(here, 'replaceGroup', organization.actor, 'readers', content(TOOLS));
      await passes(there);
    }
  });

  test('PB-17: under constant traffic at both, no call that began after the acknowledgement is decided on what was', async () => {
    let open = true;
    let known = true;
    const wrong: string[] = [];
    let asked = 0;
    const ask = async (process: Process) => {
      while (open) {
        const [begun, before] = [known, changes];
        const { body } = await post(process, token, callOf('get_me'));
        asked += 1;
        // Only calls during which nothing changed have one right answer.
        if (before === changes && before % 2 === 0 && (body.result !== undefined) !== begun)
          wrong.push(JSON.stringify(body));
      }
    };
    // Even: settled; odd: a change is under way.
    let changes = 0;
    const traffic = [one, two, one, two].map(ask);
    for (let round = 0; round < 8; round += 1) {
      changes += 1;
      await change(
        round % 3 ? one : two,
        'replaceGroup',
        organization.actor,
        'readers',
        content(known ? [] : TOOLS),
      );
      known = !known;
      changes += 1;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    open = false;
    await Promise.all(traffic);
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(20);
    await passes(one);
  });

  test('PB-18: also where every connection to the database was cut just before: there is no message that could be lost', async () => {
    for (let round = 0; round < 3; round += 1) {
      await passes(one);
      await pool().query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
      await until(() => replaceGroupHere(['get_task']));
      gate.sandbox.log.clear();
      // A process that can't ask says so, and calls nothing.
      const answer = await until(async () => {
        const heard = await post(one, token, callOf('get_me'));
        return heard.status === 503 ? null : heard;
      });
      expect(answer.body.error).toEqual({ code: -32602, message: 'Unknown tool: get_me' });
      expect(gate.sandbox.log.entries).toEqual([]);
      await until(() => replaceGroupHere(TOOLS));
    }
    await passes(one);
  });

  /** In this process; false where its connection was one of those that were cut. */
  const replaceGroupHere = (tools: string[]) =>
    transaction((tx) => replaceGroup(tx, organization.actor, 'readers', content(tools), null)).catch(
      () => false,
    );

  test('PB-26 R7: a revoked token', async () => {
    const { id, token: theirs } = await mint(ana);
    await passes(one, theirs);
    await passes(two, theirs);
    await change(one, 'revokeToken', { ...organization.actor, memberId: ana.id }, id);
    for (const process of [two, one])
      expect((await post(process, theirs, callOf('get_me'))).status).toBe(401);
    await passes(two);
  });

  test('PB-26: a removed member', async () => {
    const eve = await makeMember(gate, organization, 'eve@acme.example', { asana: 'ana@example.com' });
    await makeGroup(organization, 'Eve', TOOLS, [eve]);
    const { token: theirs } = await mint(eve);
    await passes(two, theirs);
    await change(one, 'removeMember', organization.actor, eve.email);
    for (const process of [two, one])
      expect((await post(process, theirs, callOf('get_me'))).status).toBe(401);
  });

  test('a blocked tool, and a lifted block', async () => {
    expect.hasAssertions();
    await change(one, 'updateTool', organization.actor, 'get_me', { blocked: true });
    await refused(two, 'blocked');
    await change(two, 'updateTool', organization.actor, 'get_me', { blocked: false });
    await passes(one);
  });

  test('the organization’s policy for changed tools', async () => {
    expect.hasAssertions();
    const { applyListing } = await import('@/lib/catalogue/catalogue');
    const { transaction } = await import('@/lib/db');
    const listing = gate.sandbox.tools.map((tool) =>
      tool.name === 'get_me' ? { ...tool, title: 'Other' } : tool,
    );
    await transaction((tx) => applyListing(tx, organization.actor, listing as never));
    await refused(two, 'not_reviewed');
    await change(one, 'updateOrganization', organization.actor, { driftPolicy: 'warn' });
    await passes(two);
    await change(two, 'updateOrganization', organization.actor, { driftPolicy: 'hold' });
    await refused(one, 'not_reviewed');
    await change(two, 'updateTool', organization.actor, 'get_me', { status: 'reviewed' });
    await passes(one);
  });

  test('PB-05: a deleted group leaves nothing', async () => {
    expect.hasAssertions();
    const dan = await makeMember(gate, organization, 'dan@acme.example', { asana: 'ana@example.com' });
    await makeGroup(organization, 'Dan', TOOLS, [dan]);
    const { token: theirs } = await mint(dan);
    await passes(two, theirs);
    await change(one, 'deleteGroup', organization.actor, 'dan');
    await refused(two, 'not_in_group', theirs);
  });

  test('a connection that was made meanwhile', async () => {
    const fay = await makeMember(gate, organization, 'fay@acme.example');
    await makeGroup(organization, 'Fay', TOOLS, [fay]);
    const { token: theirs } = await mint(fay);
    for (const process of [one, two])
      expect((await post(process, theirs, callOf('get_me'))).body.result.isError).toBe(true);
    await connect(gate, fay, 'ana@example.com');
    await passes(one, theirs);
    await passes(two, theirs);
  });
});

test('a session opened at one goes on at the other, and ends for both', async () => {
  const session = { 'mcp-session-id': await openSession(one, token) };
  gate.sandbox.log.clear();
  for (const process of [two, one, two])
    expect(emailIn(await post(process, token, callOf('get_me'), session))).toBe('ana@example.com');
  expect(new Set(gate.sandbox.log.entries.map(({ headers }) => headers['mcp-session-id'])).size).toBe(1);
  const { token: stranger } = await mint(ana);
  expect((await post(two, stranger, callOf('get_me'), session)).status).toBe(404);
  const headers = { authorization: `Bearer ${token}`, ...session };
  expect((await fetch(two.url, { method: 'DELETE', headers })).status).toBe(200);
  expect((await post(one, token, callOf('get_me'), session)).status).toBe(404);
});
