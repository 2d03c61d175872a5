// Methods beside the tools are closed until one of the caller's groups opens their family, and only the parts of a message that are
// known go on.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { transaction } from '@/lib/db';
import { replaceGroup } from '@/lib/people/groups';
import type { MethodFamily } from '@/lib/policy/policy';
import {
  callOf,
  emailIn,
  hello,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  rpc,
  startGate,
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
  gate = await startGate({ chain: false });
  organization = await makeOrganization(gate, 'Acme');
  ana = await makeMember(gate, organization, 'ana@acme.example', { asana: 'ana@example.com' });
  const ben = await makeMember(gate, organization, 'ben@acme.example', { asana: 'ben@example.com' });
  await makeGroup(organization, 'Readers', ['get_me'], [ana]);
  await makeGroup(organization, 'Others', ['get_me'], [ben]);
  ({ token } = await mint(ana));
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

async function closed(bearer: string, method: string): Promise<void> {
  gate.sandbox.log.clear();
  await newRecords();
  const { status, body } = await post(gate, bearer, rpc(method, WIDGET));
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
    'resources/subscribe',
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
