// The main job: an agent sees and reaches exactly what the person behind it may use, and every call is on record.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { updateTool, applyListing } from '@/lib/catalogue/catalogue';
import type { ToolDefinition } from '@/lib/catalogue/classify';
import { transaction } from '@/lib/db';
import { readToolList, shownTools } from '@/lib/gateway/filter-tools';
import { deleteGroup, replaceGroup } from '@/lib/people/groups';
import { updateMember } from '@/lib/people/members';
import { updateOrganization } from '@/lib/people/organizations';
import { startAcme } from '../support/acme';
import {
  auditOf,
  callOf,
  connect,
  makeGroup,
  makeMember,
  mint,
  post,
  rpc,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let token: string;
const READERS = ['get_me', 'get_task', 'search_tasks', 'get_projects'];

beforeAll(async () => {
  ({ gate, organization, ana, token } = await startAcme(READERS));
});
afterAll(() => gate.stop());
beforeEach(() => gate.sandbox.log.clear());

const namesOf = (body: { result?: { tools: { name: string }[] } }) =>
  body.result?.tools.map(({ name }) => name);
const admin = <T>(work: Parameters<typeof transaction<T>>[0]) => transaction(work);

describe('tools/list', () => {
  test('shows exactly the allowed tools, in Asana’s order, each of them whole', async () => {
    for (const answers of ['json', 'sse'] as const) {
      gate.sandbox.set({ answers });
      const { status, body } = await post(gate, token, rpc('tools/list'));
      expect(status).toBe(200);
      expect(body.result.tools).toEqual(gate.sandbox.tools.filter(({ name }) => READERS.includes(name)));
      expect(body.result.tools).toHaveLength(4);
    }
  });

  test('RF-15: is filtered on every page; an empty page and an empty cursor are not the end', async () => {
    gate.sandbox.set({ pageSize: 5, emptyFirstPage: true });
    const names: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const { body } = await post(gate, token, rpc('tools/list', cursor === undefined ? {} : { cursor }));
      names.push(...namesOf(body)!);
      cursor = body.result.nextCursor;
      pages += 1;
    } while (cursor !== undefined && pages < 30);
    gate.sandbox.set({ pageSize: null, emptyFirstPage: false });
    expect(pages).toBeGreaterThan(5);
    expect(names).toEqual(
      gate.sandbox.tools.map(({ name }) => name).filter((name) => READERS.includes(name)),
    );
  });

  test('keeps unknown members of an allowed tool and drops unknown members of the list', async () => {
    const before = gate.sandbox.tools.find(({ name }) => name === 'get_me')!;
    const changeTool = (changes: object) => {
      gate.sandbox.changeTool('get_me', changes);
      // What nobody has reviewed is not shown.
      return transaction(async (tx) => {
        await applyListing(tx, organization.actor, gate.sandbox.tools as unknown as ToolDefinition[]);
        await updateTool(tx, organization.actor, 'get_me', { status: 'reviewed' });
      });
    };
    await changeTool({ _meta: { 'x/y': [1, { deep: 'ü' }] } });
    const { body } = await post(gate, token, rpc('tools/list'));
    const shown = body.result.tools.find(({ name }: { name: string }) => name === 'get_me');
    expect(shown).toEqual({ ...before, _meta: { 'x/y': [1, { deep: 'ü' }] } });
    expect(Object.keys(body.result)).toEqual(['tools']);
    await changeTool({ _meta: undefined });
  });

  test('PB-05: shows nothing to a member without groups', async () => {
    const stranger = await makeMember(gate, organization, 'solo@acme.example', { asana: 'ben@example.com' });
    const { token: theirs } = await mint(stranger);
    expect(namesOf((await post(gate, theirs, rpc('tools/list'))).body)).toEqual([]);
    expect((await post(gate, theirs, callOf('get_me'))).body.error?.message).toBe('Unknown tool: get_me');
  });

  test('PB-05: an agent token narrowed to some tools sees only those, and an empty list means none', async () => {
    const narrow = await mint(ana, { tools: ['get_me', 'delete_task'] });
    expect(namesOf((await post(gate, narrow.token, rpc('tools/list'))).body)).toEqual(['get_me']);
    const none = await mint(ana, { tools: [] });
    expect(namesOf((await post(gate, none.token, rpc('tools/list'))).body)).toEqual([]);
    const denied = await post(gate, narrow.token, callOf('get_projects'));
    expect(denied.body.error).toEqual({ code: -32602, message: 'Unknown tool: get_projects' });
    expect((await auditOf(organization, { tool: 'get_projects', decision: 'deny' }))[0]?.reason).toBe(
      'token_restriction',
    );
  });
});

describe('tools/call', () => {
  test('an allowed call reaches Asana once, under our id, and comes back under the agent’s', async () => {
    for (const id of ['a-string', 7, 0, -3, '']) {
      gate.sandbox.log.clear();
      const { status, body } = await post(gate, token, { ...callOf('get_me'), id });
      expect(status).toBe(200);
      expect(body.id).toBe(id);
      expect(JSON.parse(body.result.content[0].text).data.email).toBe('ana@example.com');
      const sent = gate.sandbox.log.entries.filter(({ rpc }) => rpc?.method === 'tools/call');
      expect(sent).toHaveLength(1);
      expect(JSON.parse(sent[0]!.body).id).not.toBe(id);
    }
  });

  test('is on record before it is sent, with its outcome afterwards', async () => {
    await post(gate, token, callOf('get_me'));
    await post(gate, token, callOf('get_task', { task_id: '1' }));
    const [failed, good] = await auditOf(organization);
    expect(good).toMatchObject({
      kind: 'call',
      member: 'ana@acme.example',
      method: 'tools/call',
      tool: 'get_me',
      decision: 'allow',
      outcome: 'ok',
      connection: ana.connectionId,
      policyVersion: expect.stringMatching(/^readers@\d+$/),
      credential: { kind: 'agent_token', name: 'agent' },
    });
    expect(good?.latencyMs).toBeGreaterThan(0);
    expect(good?.argumentsHash).toMatch(/^[0-9a-f]{64}$/);
    expect(failed).toMatchObject({ tool: 'get_task', outcome: 'tool_error' });
    // The id that Asana saw is the record's: nothing can have been sent before it.
    const sent = gate.sandbox.log.entries.filter(({ rpc }) => rpc?.method === 'tools/call');
    expect(sent.map(({ body }) => JSON.parse(body).id)).toEqual([good?.id, failed?.id]);
    expect(sent[0]!.at).toBeGreaterThanOrEqual(Date.parse(good!.at));
  });

  test('what is sent carries our headers only: neither the agent’s bearer nor its cookies', async () => {
    await post(gate, token, callOf('get_me'), {
      cookie: 'a=1',
      'x-forwarded-for': '1.2.3.4',
      'x-upstream-authorization': 'no',
    });
    const [sent] = gate.sandbox.log.entries.filter(({ rpc }) => rpc?.method === 'tools/call');
    expect(sent!.rawHeaders.join('\n')).not.toContain(token);
    expect(Object.keys(sent!.headers).sort()).toEqual(
      [
        'accept',
        'accept-encoding',
        'authorization',
        'connection',
        'content-length',
        'content-type',
        'host',
        'mcp-protocol-version',
        'mcp-session-id',
        'user-agent',
      ].sort(),
    );
  });

  test('PP-23: numbers arrive at Asana as they were written', async () => {
    const raw =
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_me","arguments":{"a":1201234567890123457,"b":1e400,"c":-0,"d":1.50}}}';
    await post(gate, token, raw);
    const [sent] = gate.sandbox.log.entries.filter(({ rpc }) => rpc?.method === 'tools/call');
    expect(sent!.body).toContain('{"a":1201234567890123457,"b":1e400,"c":-0,"d":1.50}');
  });

  test('a tool outside the set is refused like one that does not exist, reaches nobody and is on record with the true reason', async () => {
    const hidden = await post(gate, token, { ...callOf('delete_task', { task: '1' }), id: 5 });
    const absent = await post(gate, token, { ...callOf('no_such_tool'), id: 5 });
    expect(hidden.status).toBe(200);
    expect(hidden.body).toEqual({
      jsonrpc: '2.0',
      id: 5,
      error: { code: -32602, message: 'Unknown tool: delete_task' },
    });
    expect(hidden.text.replace('delete_task', 'no_such_tool')).toBe(absent.text);
    expect(gate.upstreamCalls()).toEqual([]);
    const [second, first] = await auditOf(organization, { decision: 'deny' });
    expect(first).toMatchObject({ tool: 'delete_task', decision: 'deny', reason: 'not_in_group' });
    expect(second).toMatchObject({ tool: 'no_such_tool', decision: 'deny', reason: 'unknown_tool' });
    expect(first).not.toHaveProperty('outcome');
  });
});

describe('a change is in force for the next call', () => {
  test('PB-16: ticking a tool opens it, unticking closes it', async () => {
    const members = [ana.email];
    await admin((tx) =>
      replaceGroup(
        tx,
        organization.actor,
        'readers',
        { name: 'Readers', tools: [...READERS, 'add_comment'], members },
        null,
      ),
    );
    expect(namesOf((await post(gate, token, rpc('tools/list'))).body)).toContain('add_comment');
    const task = JSON.parse((await post(gate, token, callOf('search_tasks', {}))).body.result.content[0].text)
      .data[0].gid;
    const comment = await post(gate, token, callOf('add_comment', { task_id: task, text: 'hello' }));
    expect(comment.body.result.isError).not.toBe(true);
    await admin((tx) =>
      replaceGroup(tx, organization.actor, 'readers', { name: 'Readers', tools: READERS, members }, null),
    );
    gate.sandbox.log.clear();
    expect(
      (await post(gate, token, callOf('add_comment', { task_id: task, text: 'no' }))).body.error?.code,
    ).toBe(-32602);
    expect(gate.upstreamCalls()).toEqual([]);
  });

  test('a block closes a tool for every group, and lifting it opens the tool again', async () => {
    await admin((tx) => updateTool(tx, organization.actor, 'get_me', { blocked: true }));
    expect((await post(gate, token, callOf('get_me'))).body.error?.message).toBe('Unknown tool: get_me');
    expect((await auditOf(organization, { tool: 'get_me', decision: 'deny' }))[0]?.reason).toBe('blocked');
    await admin((tx) => updateTool(tx, organization.actor, 'get_me', { blocked: false }));
    expect((await post(gate, token, callOf('get_me'))).body.result).toBeDefined();
  });

  test('PB-05: the union of groups counts; leaving or deleting one takes its tools', async () => {
    await makeGroup(organization, 'Extra', ['get_users'], [ana]);
    expect(namesOf((await post(gate, token, rpc('tools/list'))).body)).toContain('get_users');
    await admin((tx) => deleteGroup(tx, organization.actor, 'extra'));
    expect((await post(gate, token, callOf('get_users'))).body.error?.code).toBe(-32602);
  });
});

describe('a bearer carries no rights of its own', () => {
  test('PB-25: a token minted in one group has the tools of the groups its member is in now', async () => {
    const finn = await makeMember(gate, organization, 'finn@acme.example', { asana: 'ben@example.com' });
    await makeGroup(organization, 'Before', ['get_me'], [finn]);
    await makeGroup(organization, 'After', ['get_users'], []);
    const { token: theirs } = await mint(finn);
    expect(namesOf((await post(gate, theirs, rpc('tools/list'))).body)).toEqual(['get_me']);
    await admin((tx) => updateMember(tx, organization.actor, finn.email, { groups: ['after'] }));
    gate.sandbox.log.clear();
    expect((await post(gate, theirs, callOf('get_me'))).body.error?.code).toBe(-32602);
    expect(gate.upstreamCalls()).toEqual([]);
    expect((await auditOf(organization, { tool: 'get_me', decision: 'deny' }))[0]?.reason).toBe(
      'not_in_group',
    );
    expect((await post(gate, theirs, callOf('get_users'))).body.result).toBeDefined();
    expect(namesOf((await post(gate, theirs, rpc('tools/list'))).body)).toEqual(['get_users']);
  });

  test('PB-05: a group without tools, and one whose tools are all gone, give nothing', async () => {
    const gina = await makeMember(gate, organization, 'gina@acme.example', { asana: 'ben@example.com' });
    await makeGroup(organization, 'Hollow', [], [gina]);
    const { token: theirs } = await mint(gina);
    expect(namesOf((await post(gate, theirs, rpc('tools/list'))).body)).toEqual([]);
    gate.sandbox.log.clear();
    expect((await post(gate, theirs, callOf('get_me'))).body.error?.message).toBe('Unknown tool: get_me');
    expect(gate.upstreamCalls()).toEqual([]);
    const content = (tools: string[]) => ({ name: 'Hollow', tools, members: [gina.email] });
    await admin((tx) => replaceGroup(tx, organization.actor, 'hollow', content(['get_me']), null));
    expect((await post(gate, theirs, callOf('get_me'))).body.result).toBeDefined();
    await admin((tx) => replaceGroup(tx, organization.actor, 'hollow', content([]), null));
    expect((await post(gate, theirs, callOf('get_me'))).body.error?.code).toBe(-32602);
  });
});

describe('tools that Asana changed', () => {
  const sync = (listed: unknown[]) =>
    admin((tx) => applyListing(tx, organization.actor, listed as ToolDefinition[]));

  test('PB-11 F8 F9: a changed or new tool is closed until an admin reviewed it, even where a group names it', async () => {
    const recorded = gate.sandbox.tools;
    const changed = recorded.map((tool) =>
      tool.name === 'get_me' ? { ...tool, description: 'Now sends mail.' } : tool,
    );
    expect(await sync([...changed, { name: 'delete_workspace', inputSchema: { type: 'object' } }])).toEqual({
      added: ['delete_workspace'],
      changed: ['get_me'],
      removed: [],
    });
    await makeGroup(organization, 'Brave', ['delete_workspace'], [ana]);
    for (const name of ['get_me', 'delete_workspace']) {
      expect(namesOf((await post(gate, token, rpc('tools/list'))).body)).not.toContain(name);
      gate.sandbox.log.clear();
      expect((await post(gate, token, callOf(name))).body.error?.message).toBe(`Unknown tool: ${name}`);
      expect(gate.upstreamCalls()).toEqual([]);
      expect((await auditOf(organization, { tool: name, decision: 'deny' }))[0]?.reason).toBe('not_reviewed');
    }
    await admin((tx) => updateTool(tx, organization.actor, 'get_me', { status: 'reviewed' }));
    expect((await post(gate, token, callOf('get_me'))).body.result).toBeDefined();
    await admin((tx) => deleteGroup(tx, organization.actor, 'brave'));
    await sync(gate.sandbox.tools);
    await admin((tx) => updateTool(tx, organization.actor, 'get_me', { status: 'reviewed' }));
  });

  test('with the drift policy "warn" a changed tool stays and a new one is closed all the same', async () => {
    await admin((tx) => updateOrganization(tx, organization.actor, { driftPolicy: 'warn' }));
    const listed = gate.sandbox.tools.map((tool) =>
      tool.name === 'get_task' ? { ...tool, title: 'Other' } : tool,
    );
    await sync([...listed, { name: 'fresh_tool', inputSchema: { type: 'object' } }]);
    await makeGroup(organization, 'Keen', ['fresh_tool'], [ana]);
    const names = namesOf((await post(gate, token, rpc('tools/list'))).body);
    expect(names).toContain('get_task');
    expect((await post(gate, token, callOf('fresh_tool'))).body.error?.code).toBe(-32602);
    await admin((tx) => updateOrganization(tx, organization.actor, { driftPolicy: 'hold' }));
    expect((await post(gate, token, callOf('get_task', { task_id: '1' }))).body.error?.code).toBe(-32602);
    await sync(gate.sandbox.tools);
  });

  test('a tool that Asana dropped is closed', async () => {
    await sync(gate.sandbox.tools.filter(({ name }) => name !== 'get_task'));
    expect((await post(gate, token, callOf('get_task', { task_id: '1' }))).body.error?.code).toBe(-32602);
    expect((await auditOf(organization, { tool: 'get_task' }, 1))[0]?.reason).toBe('missing');
    await sync(gate.sandbox.tools);
    expect((await post(gate, token, callOf('get_task', { task_id: '1' }))).body.error).toBeUndefined();
  });

  test('a name listed twice by Asana is shown as neither', async () => {
    const twin = structuredClone(gate.sandbox.tools.find(({ name }) => name === 'get_me')!);
    expect(twin).toBeDefined();
    const listed = readToolList(JSON.stringify({ tools: [twin, { name: 'get_task' }, twin] }))!;
    const visible = new Map(['get_me', 'get_task'].map((name) => [name, '*']));
    expect(shownTools(listed, visible)).toBe('"tools":[{"name":"get_task"}]');
  });
});

describe('without a usable Asana connection', () => {
  test('initialize and tools/list answer, and a call says where to connect', async () => {
    const cleo = await makeMember(gate, organization, 'cleo@acme.example');
    await makeGroup(organization, 'Cleo', ['get_me', 'get_task'], [cleo]);
    const { token: theirs } = await mint(cleo);
    const opened = await post(
      gate,
      theirs,
      rpc('initialize', {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'x', version: '1' },
      }),
    );
    expect(opened.body.result.protocolVersion).toBe('2025-06-18');
    expect((await post(gate, theirs, rpc('tools/list'))).body.result.tools).toEqual(
      gate.sandbox.tools.filter(({ name }) => ['get_me', 'get_task'].includes(name)),
    );
    const { status, body } = await post(gate, theirs, callOf('get_me'));
    expect(status).toBe(200);
    expect(body.result.isError).toBe(true);
    expect(body.result.content[0].text).toContain(`${gate.url.replace('/mcp', '')}/connections`);
    expect((await post(gate, theirs, callOf('delete_task'))).body.error?.code).toBe(-32602);
    expect(gate.upstreamCalls()).toEqual([]);
    await connect(gate, cleo, 'cleo@example.com');
    expect((await post(gate, theirs, callOf('get_me'))).body.result.isError).not.toBe(true);
  });

  test('a token follows the only active connection, and none where there are several', async () => {
    const dora = await makeMember(gate, organization, 'dora@acme.example', { asana: 'dora@example.com' });
    await makeGroup(organization, 'Dora', ['get_me'], [dora]);
    const { token: theirs } = await mint(dora);
    const second = await connect(gate, dora, 'ben@example.com');
    const unclear = await post(gate, theirs, callOf('get_me'));
    expect(unclear.body.result.isError).toBe(true);
    expect(unclear.body.result.content[0].text).toContain('several');
    const bound = await mint(dora, { connectionId: second });
    expect(
      JSON.parse((await post(gate, bound.token, callOf('get_me'))).body.result.content[0].text).data.email,
    ).toBe('ben@example.com');
  });
});
