// Methods beside the tools are closed until one of the caller's groups opens their family, and only the parts of a message that are
// known go on.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { updateTool } from '@/lib/catalogue/catalogue';
import { pool, transaction } from '@/lib/db';
import { replaceGroup } from '@/lib/people/groups';
import type { MethodFamily } from '@/lib/policy/policy';
import { startAcme } from '../support/acme';
import {
  callOf,
  emailIn,
  hello,
  makeGroup,
  makeMember,
  mint,
  post,
  rpc,
  watchAudit,
  type Gate,
  type TestMember,
  type TestOrganization,
} from '../support/gate';

let gate: Gate;
let organization: TestOrganization;
let ana: TestMember;
let token: string;
let bens: string;
let newRecords: () => Promise<AuditRecord[]>;

beforeAll(async () => {
  ({ gate, organization, ana, token } = await startAcme(['get_me'], { chain: false }));
  const ben = await makeMember(gate, organization, 'ben@acme.example', { asana: 'ben@example.com' });
  await makeGroup(organization, 'Others', ['get_me'], [ben]);
  ({ token: bens } = await mint(ben));
  await post(gate, token, callOf('get_me'));
  await post(gate, bens, callOf('get_me'));
  newRecords = await watchAudit(organization);
});
afterAll(() => gate.stop());
beforeEach(() => gate.sandbox.log.clear());

const open = (methods: MethodFamily[]) =>
  transaction((tx) =>
    replaceGroup(
      tx,
      organization.actor,
      'readers',
      { name: 'Readers', tools: ['get_me'], members: [ana.email], methods },
      null,
    ),
  );
const WIDGET = { uri: 'ui://widget/task_preview.html' };

async function closed(bearer: string, method: string, params: unknown = WIDGET): Promise<void> {
  gate.sandbox.log.clear();
  await newRecords();
  const { status, body } = await post(gate, bearer, rpc(method, params));
  expect([method, status, body.error?.code]).toEqual([method, 200, -32601]);
  expect(gate.sandbox.log.entries).toEqual([]);
  expect(await newRecords()).toMatchObject([{ method, decision: 'deny', reason: 'method_not_allowed' }]);
}

test('PB-04 F5: a family is open to the members of the group that opens it, from the next call on, and to nobody else', async () => {
  for (const method of ['resources/list', 'resources/read', 'resources/templates/list'])
    await closed(token, method);
  await open(['resources']);
  const read = await post(gate, token, rpc('resources/read', WIDGET));
  expect(read.body.result.contents[0].uri).toBe(WIDGET.uri);
  expect((await post(gate, token, rpc('resources/list'))).body.result.resources.length).toBeGreaterThan(0);
  expect((await newRecords()).map(({ decision, outcome }) => [decision, outcome])).toEqual([
    ['allow', 'ok'],
    ['allow', 'ok'],
  ]);
  for (const method of [
    'prompts/list',
    'prompts/get',
    'completion/complete',
    'logging/setLevel',
    'resources/updated',
  ])
    await closed(token, method);
  for (const method of ['resources/list', 'resources/read']) await closed(bens, method);
  await open([]);
  await closed(token, 'resources/read');
  expect(emailIn(await post(gate, token, callOf('get_me')))).toBe('ana@example.com');
});

test('F1: initialize names a capability only where a group opens it and Asana offers it', async () => {
  const capabilities = async (bearer: string) =>
    Object.keys((await post(gate, bearer, hello())).body.result.capabilities).sort();
  expect(await capabilities(token)).toEqual(['tools']);
  await open(['resources', 'prompts', 'completion', 'logging', 'client_requests']);
  // The sandbox offers neither completions nor logging.
  expect(await capabilities(token)).toEqual(['prompts', 'resources', 'tools']);
  expect(await capabilities(bens)).toEqual(['tools']);
  await open([]);
});

test('PB-19: only the known members of a message go on, as they were decoded', async () => {
  await open(['resources']);
  const odd = { inputResponses: { a: 1 }, requestState: 'x', task: { ttl: 1 }, tools: ['delete_task'] };
  await post(
    gate,
    token,
    rpc('tools/call', { ...odd, name: 'get_me', arguments: { b: 1, a: 2 }, _meta: { c: 1 } }),
  );
  await post(gate, token, rpc('tools/list', { ...odd, cursor: undefined, name: 'delete_task' }));
  await post(gate, token, rpc('resources/read', { ...odd, ...WIDGET, name: 'delete_task' }));
  await post(gate, token, {
    ...hello(),
    params: { ...hello().params, capabilities: { sampling: {}, roots: {} } },
  });
  const sent = gate.sandbox.log.entries.map(({ body }) => JSON.parse(body));
  expect(sent.map(({ params }) => params)).toEqual([
    { name: 'get_me', arguments: { b: 1, a: 2 }, _meta: { c: 1 } },
    undefined,
    WIDGET,
    { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'gatehouse', version: '1' } },
  ]);
  expect(gate.sandbox.log.entries[0]!.body).toContain('"arguments":{"b":1,"a":2}');
  await open([]);
});

test('the same arguments have the same hash on record, in any order of keys; others have another', async () => {
  const hashOf = async (args: string) => {
    await newRecords();
    await post(
      gate,
      token,
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_me"${args}}}`,
    );
    return (await newRecords())[0]!.argumentsHash;
  };
  const hash = await hashOf(',"arguments":{"a":1,"b":{"c":2,"d":[1,2]}}');
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(await hashOf(',"arguments": { "b": {"d":[1,2], "c":2}, "\\u0061":1 }')).toBe(hash);
  for (const other of ['{"a":1,"b":{"c":2,"d":[2,1]}}', '{"a":"1","b":{"c":2,"d":[1,2]}}', '{}'])
    expect(await hashOf(`,"arguments":${other}`)).not.toBe(hash);
  expect(await hashOf('')).toBe(await hashOf(',"arguments":{}'));
});

describe('PB-04: a widget is open exactly to who may use a tool that points at it, without any family', () => {
  const POINTING = 'create_task_preview_v4';
  const SECOND = 'ui://widget/project_preview.html';
  let dora: TestMember;
  let doras: string;
  beforeAll(async () => {
    dora = await makeMember(gate, organization, 'dora@acme.example', { asana: 'ana@example.com' });
    await makeGroup(organization, 'Drawing', [POINTING, 'get_me'], [dora]);
    ({ token: doras } = await mint(dora));
    await post(gate, doras, callOf('get_me'));
  });
  const reads = async (bearer = doras, uri = WIDGET.uri) => {
    gate.sandbox.log.clear();
    await newRecords();
    const { body } = await post(gate, bearer, rpc('resources/read', { uri }));
    expect(body.result?.contents[0].uri).toBe(uri);
    expect(gate.upstreamCalls()).toEqual([{ method: 'resources/read' }]);
    expect(await newRecords()).toMatchObject([
      { method: 'resources/read', decision: 'allow', outcome: 'ok' },
    ]);
  };
  const change = (to: { status?: 'reviewed'; blocked?: boolean }) =>
    transaction((tx) => updateTool(tx, organization.actor, POINTING, to));
  const define = (definition: string) =>
    pool().query(`UPDATE tools SET definition = ${definition} WHERE name = $1`, [POINTING]);

  test('for each caller', async () => {
    expect.hasAssertions();
    await reads();
    await closed(token, 'resources/read');
    await closed(bens, 'resources/read');
    await reads();
    for (const method of ['resources/list', 'resources/templates/list', 'resources/subscribe'])
      await closed(doras, method);
  });

  test('by its exact bytes, and no other resource', async () => {
    expect.hasAssertions();
    const others = [
      SECOND,
      'UI://widget/task_preview.html',
      'ui://widget/task_preview.html/',
      'ui://widget/task_preview.html?x=1',
      'ui://widget/task_preview.html\u0000',
      ' ui://widget/task_preview.html',
      'ui://widget/./task_preview.html',
      'ui://widget/%74ask_preview.html',
      'ui://widget/search_tasks_preview.html',
      'ui://',
      '',
      [WIDGET.uri],
      { uri: WIDGET.uri },
      null,
      1,
    ];
    for (const uri of others) await closed(doras, 'resources/read', { uri });
    await closed(doras, 'resources/read', {});
    await reads();
  });

  test('while the tool is the caller’s: not blocked, not changed, not dropped, not outside the token’s own list', async () => {
    expect.hasAssertions();
    await change({ blocked: true });
    await closed(doras, 'resources/read');
    await change({ blocked: false });
    await reads();
    for (const status of ['changed', 'new', 'missing']) {
      await pool().query('UPDATE tools SET status = $1 WHERE name = $2', [status, POINTING]);
      await closed(doras, 'resources/read');
    }
    await pool().query(`UPDATE tools SET status = 'reviewed' WHERE name = $1`, [POINTING]);
    await reads();
    const { token: narrow } = await mint(dora, { tools: ['get_me'] });
    await closed(narrow, 'resources/read');
    const { token: fitting } = await mint(dora, { tools: [POINTING] });
    await reads(fitting);
  });

  test('as the reviewed definition says it, in either spelling; what Asana lists since counts for nothing', async () => {
    expect.hasAssertions();
    const { rows } = await pool().query('SELECT definition FROM tools WHERE name = $1', [POINTING]);
    const original = JSON.stringify(rows[0].definition);
    const withMeta = (meta: unknown) => define(`'${JSON.stringify({ name: POINTING, _meta: meta })}'`);
    await withMeta({ 'ui/resourceUri': SECOND });
    await reads(doras, SECOND);
    await withMeta({ ui: { resourceUri: SECOND } });
    await reads(doras, SECOND);
    await closed(doras, 'resources/read');
    for (const meta of [null, [], { ui: [] }, { ui: SECOND }, { resourceUri: SECOND }]) {
      await withMeta(meta);
      await closed(doras, 'resources/read', { uri: SECOND });
    }
    // A tool can point at widgets only.
    await withMeta({ ui: { resourceUri: 'https://example.com/secret' } });
    await closed(doras, 'resources/read', { uri: 'https://example.com/secret' });
    await define(`'${original.replaceAll("'", "''")}'`);
    await pool().query(`UPDATE tools SET seen = $1 WHERE name = $2`, [
      JSON.stringify({ name: POINTING, _meta: { ui: { resourceUri: SECOND } } }),
      POINTING,
    ]);
    await closed(doras, 'resources/read', { uri: SECOND });
    await pool().query('UPDATE tools SET seen = NULL WHERE name = $1', [POINTING]);
    await reads();
  });
});
