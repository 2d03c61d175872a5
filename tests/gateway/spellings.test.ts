// Whatever a tool, a method or a message is spelled like: only the exact bytes of an allowed one pass, everything else is refused
// without a byte to Asana, is on record with its true reason, and leaves the gate as it was.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { applyListing, updateTool } from '@/lib/catalogue/catalogue';
import { transaction } from '@/lib/db';
import { startAcme } from '../support/acme';
import {
  callOf,
  emailIn,
  makeGroup,
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
let newRecords: () => Promise<AuditRecord[]>;
const ALLOWED = ['get_me', 'get_task'];

beforeAll(async () => {
  ({ gate, organization, ana, token } = await startAcme(ALLOWED, { chain: false }));
  await post(gate, token, callOf('get_me'));
  newRecords = await watchAudit(organization);
});
afterAll(() => gate.stop());

interface Spelling {
  what: string;
  body: string | Uint8Array;
  headers?: Record<string, string>;
  status: number;
  code: number;
  /** The reason on record; null where the refusal comes before anybody knows who calls. */
  reason: string | null;
  message?: string;
}

/** The rules of every refusal: Z (nothing sent), A (one record, the true reason), C (a twin passes), L (the gate still answers). */
async function refusedWithoutATrace(spelling: Spelling): Promise<void> {
  const { body, headers, status, code, reason, message } = spelling;
  gate.sandbox.log.clear();
  const answer = await post(gate, token, body, headers);
  expect({ status: answer.status, code: answer.body.error?.code }).toEqual({ status, code });
  expect(answer.body).not.toHaveProperty('result');
  if (message !== undefined) expect(answer.body.error?.message).toBe(message);
  expect(gate.sandbox.log.entries).toEqual([]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect(emailIn(await post(gate, token, callOf('get_me')))).toBe('ana@example.com');
  expect(gate.upstreamCalls()).toEqual([{ method: 'tools/call', tool: 'get_me' }]);
  const records = await newRecords();
  const denied = reason === null ? [] : [['deny', reason]];
  expect(records.map(({ decision, reason: told }) => [decision, told])).toEqual([
    ['allow', undefined],
    ...denied,
  ]);
}

/** A call that may go: it reaches Asana exactly once. Returns what was sent. */
async function passes(body: string | Uint8Array, headers?: Record<string, string>): Promise<string> {
  gate.sandbox.log.clear();
  const answer = await post(gate, token, body, headers);
  expect(emailIn(answer)).toBe('ana@example.com');
  expect(gate.upstreamCalls()).toEqual([{ method: 'tools/call', tool: 'get_me' }]);
  expect(await newRecords()).toMatchObject([{ decision: 'allow', tool: 'get_me', outcome: 'ok' }]);
  return gate.sandbox.log.entries[0]!.body;
}

/** For names of tests: what can't be seen is written as its code. */
const shown = (text: string) =>
  text.replace(/[^\x21-\x7e]/g, (char) => `<${char.codePointAt(0)!.toString(16).toUpperCase()}>`);

const refusals = (title: string, spellings: Spelling[]) =>
  describe(title, () => {
    for (const spelling of spellings)
      test(spelling.what, async () => {
        expect.hasAssertions();
        await refusedWithoutATrace(spelling);
      });
  });

/** `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{…}}` with any of it replaced as text. */
const whole = (members: string) => `{"jsonrpc":"2.0","id":1,${members}}`;
const toolCall = (params: string) => whole(`"method":"tools/call","params":{${params}}`);
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))));
const malformed = (code: number, what: string, body: Spelling['body'], headers?: Record<string, string>) => ({
  ...{ what, body, headers, status: 400, code, reason: 'malformed' },
});

const NAMES: Record<string, string[]> = {
  'PB-06 case': ['GET_ME', 'Get_Me', 'get_Me', 'GET_TASK', 'Delete_Task', 'DELETE_TASK'],
  'PB-07 Unicode': [
    'ｇｅｔ＿ｍｅ',
    'get＿me',
    'gеt_me',
    'get_mе',
    'get\u200b_me',
    'get_me\u200b',
    '\u202eem_teg',
    'get_me\u202c',
    'get_me\u0301',
    'g\u0065\u0301t_me',
    'get_\u{1d5c6}e',
    'get_tas\u212a',
    'get_ta\u017fk',
    'ｄelete_task',
  ],
  'PB-08 padding': [
    ...[' get_me', 'get_me ', 'get_me\u00a0', '\ufeffget_me', 'get_me\u0000', '\u0000get_me', 'get_me\n'],
    ...['\r\nget_me', 'get_me\t', 'delete_task ', 'delete_task\u0000', ''],
  ],
  'PB-10 prototype': ['constructor', '__proto__', 'toString', 'valueOf', 'hasOwnProperty', 'prototype'],
  'F3 prefixed or joined': [
    ...['asana_get_me', 'mcp__asana__get_me', 'asana:get_me', '/get_me', './get_me', 'get_me/../delete_task'],
    ...['get_me,delete_task', 'get_me|delete_task', '["get_me"]', '"get_me"', 'get_me;', 'get%5Fme', '%'],
    "get_me' OR '1'='1",
  ],
};

refusals(
  'a name that is not byte for byte an allowed one is an unknown tool',
  Object.entries(NAMES).flatMap(([rows, names]) =>
    names.map((name) => ({
      what: `${rows}: ${shown(name) || '(empty)'}`,
      body: JSON.stringify(callOf(name)),
      status: 200,
      code: -32602,
      reason: 'unknown_tool',
      message: `Unknown tool: ${name}`,
    })),
  ),
);

refusals('a tool of the catalogue outside the caller’s set sounds like one that does not exist', [
  ...['delete_task', 'create_task_confirm', 'get_projects'].map((name) => ({
    what: `PB-01 F2: ${name}`,
    body: JSON.stringify(callOf(name)),
    status: 200,
    code: -32602,
    reason: 'not_in_group',
    message: `Unknown tool: ${name}`,
  })),
  {
    what: 'PB-09: a name of 100,000 characters',
    body: JSON.stringify(callOf('get_me'.repeat(16_667))),
    status: 200,
    code: -32602,
    reason: 'unknown_tool',
  },
  {
    what: 'PB-06: a hidden name written with escapes',
    body: toolCall('"name":"del\\u0065te_task","arguments":{}'),
    status: 200,
    code: -32602,
    reason: 'not_in_group',
    message: 'Unknown tool: delete_task',
  },
]);

refusals(
  'a name or arguments of the wrong type are invalid params',
  [
    ['an array as name', '"name":["get_me"]'],
    ['an object as name', '"name":{"toString":"get_me"}'],
    ['a number as name', '"name":1'],
    ['an exact number as name', '"name":1201234567890123457'],
    ['null as name', '"name":null'],
    ['true as name', '"name":true'],
    ['no name', '"arguments":{}'],
    ['an array as arguments', '"name":"get_me","arguments":[]'],
    ['a text as arguments', '"name":"get_me","arguments":"{}"'],
    ['null as arguments', '"name":"get_me","arguments":null'],
  ].map(([what, params]) => ({
    what: `PB-09: ${what}`,
    body: toolCall(params!),
    status: 200,
    code: -32602,
    reason: 'malformed',
  })),
);

refusals('a key that stands twice in one object, at any depth, is nobody’s message', [
  malformed(
    -32700,
    'PP-01: method twice, allowed first',
    whole('"method":"tools/list","method":"tools/call"'),
  ),
  malformed(
    -32700,
    'PP-01: method twice, allowed last',
    whole('"method":"tools/call","method":"tools/list"'),
  ),
  malformed(-32700, 'PP-02: name twice, allowed first', toolCall('"name":"get_me","name":"delete_task"')),
  malformed(-32700, 'PP-02: name twice, allowed last', toolCall('"name":"delete_task","name":"get_me"')),
  malformed(-32700, 'PP-02: the same name twice', toolCall('"name":"get_me","name":"get_me"')),
  malformed(
    -32700,
    'PP-03: params twice, both complete',
    whole('"method":"tools/call","params":{"name":"get_me"},"params":{"name":"delete_task"}'),
  ),
  malformed(
    -32700,
    'PP-03: params twice, the second partial',
    whole('"method":"tools/call","params":{"name":"get_me"},"params":{}'),
  ),
  malformed(-32700, 'PP-03: arguments twice', toolCall('"name":"get_me","arguments":{},"arguments":{"a":1}')),
  malformed(-32700, 'PP-01: id twice', `{"id":2,${whole('"method":"tools/call"').slice(1)}`),
  malformed(
    -32700,
    'PP-04 F11: a key twice inside the arguments',
    toolCall('"name":"get_me","arguments":{"workspace":"1","workspace":"2"}'),
  ),
  malformed(
    -32700,
    'PP-04: a key twice ten levels down',
    toolCall(`"name":"get_me","arguments":${'{"a":'.repeat(10)}{"b":1,"b":2}${'}'.repeat(10)}`),
  ),
  malformed(
    -32700,
    'PP-05: name and an escaped name',
    toolCall('"name":"get_me","\\u006eame":"delete_task"'),
  ),
  malformed(
    -32700,
    'PP-05: an escaped name and name',
    toolCall('"\\u006eame":"delete_task","name":"get_me"'),
  ),
  malformed(
    -32700,
    'PP-24: __proto__ twice',
    toolCall('"name":"get_me","arguments":{"__proto__":1,"__proto__":2}'),
  ),
]);

refusals('a key that some reader takes for a protocol key, and another does not, is refused', [
  malformed(-32700, 'PP-06: Method instead of method', whole('"Method":"tools/call"')),
  malformed(-32700, 'PP-06: METHOD beside method', whole('"method":"tools/list","METHOD":"tools/call"')),
  malformed(
    -32700,
    'PP-06: PARAMS beside params',
    whole('"method":"tools/call","params":{"name":"get_me"},"PARAMS":{"name":"delete_task"}'),
  ),
  malformed(-32700, 'PP-06: Name beside name', toolCall('"name":"get_me","Name":"delete_task"')),
  malformed(-32700, 'PP-06: Name instead of name', toolCall('"Name":"delete_task"')),
  malformed(-32700, 'PP-06: Arguments beside arguments', toolCall('"name":"get_me","Arguments":{}')),
  malformed(-32700, 'PP-06: ID beside id', whole('"ID":2,"method":"tools/call"')),
  malformed(
    -32700,
    'PP-07: param<17F> beside params',
    whole('"method":"tools/call","params":{"name":"get_me"},"param\u017f":{"name":"delete_task"}'),
  ),
  malformed(-32700, 'PP-07: an escaped param<17F>', whole('"method":"tools/call","param\\u017f":{}')),
  malformed(
    -32700,
    'PP-07: two arguments that differ by U+212A',
    toolCall('"name":"get_me","arguments":{"task":"1","tas\u212a":"2"}'),
  ),
  malformed(
    -32700,
    'PP-07: two arguments that differ by a dotless i, which is an I in upper case',
    toolCall('"name":"get_me","arguments":{"task_id":"1","task_\u0131d":"2"}'),
  ),
  malformed(-32700, 'PP-07: a dotless i in a protocol key', toolCall('"name":"get_me","\u0131d":"2"')),
  malformed(-32700, 'PP-07: a fullwidth name', toolCall('"name":"get_me","ｎａｍｅ":"delete_task"')),
  malformed(-32700, 'PP-07: name with a space behind it', toolCall('"name":"get_me","name ":"delete_task"')),
  malformed(-32700, 'PP-08: method with NUL behind it', whole('"method":"tools/list","method\\u0000":"x"')),
  malformed(-32700, 'PP-08: an argument with NUL', toolCall('"name":"get_me","arguments":{"a\\u0000":1}')),
  malformed(
    -32600,
    'PP-06: Ref instead of ref, where the method means something by it',
    whole('"method":"completion/complete","params":{"Ref":{},"argument":{}}'),
  ),
  malformed(-32600, 'PP-06: a member that JSON-RPC does not know', whole('"method":"tools/list","x":1')),
]);

const call = JSON.stringify(callOf('get_me'));
refusals('headers that repeat the body must say the same', [
  malformed(-32600, 'PP-26 T3 F3: Mcp-Name allowed, body hidden', toolCall('"name":"delete_task"'), {
    'mcp-name': 'get_me',
  }),
  malformed(-32600, 'PP-26: Mcp-Name hidden, body allowed', call, { 'mcp-name': 'delete_task' }),
  malformed(-32600, 'PP-26: Mcp-Name in other case', call, { 'mcp-name': 'Get_me' }),
  malformed(-32600, 'PP-26: Mcp-Method differs', call, { 'mcp-method': 'tools/list' }),
  malformed(-32600, 'PP-26: Mcp-Method in other case', call, { 'mcp-method': 'Tools/Call' }),
  malformed(-32600, 'PP-26: Mcp-Name for a method without one', JSON.stringify(rpc('tools/list')), {
    'mcp-name': 'get_me',
  }),
  ...(
    [
      ['naming another tool', sentinel('delete_task')],
      ['in other case', sentinel('get_me').replace('base64', 'BASE64')],
      ['that is not base64', '=?base64?get_me?='],
      ['with a stranger in it', sentinel('get_me').replace('Z2V0', 'Z2V0!')],
      ['cut off', sentinel('get_me').replace('?=', '').replace(/.$/, '?=')],
      ['of bytes that are not UTF-8', `=?base64?${Buffer.from([0xff, 0xfe, 0xff]).toString('base64')}?=`],
    ] as const
  ).map(([what, value]) =>
    malformed(-32600, `PP-27: a base64 sentinel ${what}`, call, { 'mcp-name': value }),
  ),
  malformed(-32600, 'PP-27: a base64 sentinel with bits left over', JSON.stringify(callOf('get_task')), {
    'mcp-name': sentinel('get_task').replace('c2s=', 'c2t='),
  }),
]);

function sentinel(text: string): string {
  return `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

const notification = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
refusals('a batch is refused before its members are looked at', [
  {
    ...malformed(-32600, 'PP-09 F4: one call', `[${call}]`),
    message: 'Batches are not part of MCP; send one message per request.',
  },
  malformed(-32600, 'PP-09: none', '[]'),
  malformed(-32600, 'PP-09: a batch in a batch', `[[${call}]]`),
  malformed(-32600, 'PP-09: notifications only', `[${notification},${notification}]`),
  malformed(-32600, 'PP-09: an allowed and a hidden call', `[${call},${toolCall('"name":"delete_task"')}]`),
  malformed(-32600, 'PP-09: white space before it', ` \r\n\t[${call}]`),
  malformed(-32700, 'PP-09: a byte order mark before it', `\ufeff[${call}]`),
  malformed(-32600, 'PP-09 PP-29: under a version that had batches', `[${call}]`, {
    'mcp-protocol-version': '2025-03-26',
  }),
  malformed(-32700, 'PP-10: 100,000 messages', `[${`${notification},`.repeat(70_000)}1]`),
]);

refusals('a body is one JSON object in UTF-8 and nothing else', [
  malformed(-32700, 'PP-16: two documents', call + call),
  malformed(-32700, 'PP-16: one document a line', `${call}\n${call}`),
  malformed(-32700, 'PP-16: something behind the brace', `${call}}`),
  malformed(-32700, 'PP-16: NUL behind the brace', `${call}\u0000`),
  malformed(-32700, 'PP-16: nothing', ''),
  malformed(-32700, 'PP-16: cut off', call.slice(0, -1)),
  malformed(-32700, 'PP-16: a comment', `${call}//`),
  malformed(-32700, 'PP-16: a comma too many', `${call.slice(0, -1)},}`),
  malformed(-32700, 'PP-16: single quotes', call.replaceAll('"', "'")),
  malformed(-32700, 'PP-16: a raw line feed in the name', toolCall('"name":"get_\nme"')),
  malformed(-32700, 'PP-16: a wrong escape', toolCall('"name":"get_me\\x41"')),
  malformed(-32700, 'PP-23: a number with a leading zero', toolCall('"name":"get_me","arguments":{"a":01}')),
  malformed(-32700, 'PP-23: NaN', toolCall('"name":"get_me","arguments":{"a":NaN}')),
  malformed(
    -32700,
    'PP-23: a number of 500 digits',
    toolCall(`"name":"get_me","arguments":{"a":${'9'.repeat(500)}}`),
  ),
  malformed(-32600, 'PP-16: a text', '"tools/call"'),
  malformed(-32600, 'PP-16: null', 'null'),
  malformed(-32700, 'PP-14: a byte order mark', `\ufeff${call}`),
  malformed(-32700, 'PP-14: UTF-16, little endian', Buffer.from(call, 'utf16le')),
  malformed(-32700, 'PP-14: UTF-16 with its mark', Buffer.from(`\ufeff${call}`, 'utf16le')),
  malformed(-32700, 'PP-14: UTF-16, big endian', Buffer.from(call, 'utf16le').swap16()),
  {
    what: 'PP-14: another charset is declared',
    body: call,
    headers: { 'content-type': 'application/json; charset=utf-7' },
    ...{ status: 415, code: -32000, reason: null },
  },
  malformed(-32700, 'PP-15: 0xFF in the name', bytes(toolCall('"name":"get_me').slice(0, -1), [0xff], '"}}')),
  malformed(
    -32700,
    'PP-15: an overlong NUL',
    bytes(toolCall('"name":"get_me').slice(0, -1), [0xc0, 0x80], '"}}'),
  ),
  malformed(
    -32700,
    'PP-15: half a character in bytes',
    bytes(toolCall('"name":"').slice(0, -1), [0xed, 0xa0, 0x80], '"}}'),
  ),
  malformed(-32700, 'PP-15: half a character as an escape', toolCall('"name":"get_me\\ud800"')),
  malformed(
    -32700,
    'PP-15: halves in the wrong order',
    toolCall('"name":"get_me","arguments":{"a":"\\udc00\\ud800"}'),
  ),
]);

const nested = (depth: number) => toolCall(`"name":"get_me","arguments":${deep(depth)}`);
const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const keys = (count: number) => Array.from({ length: count }, (_, n) => `"k${n}":1`).join(',');
const many = (count: number) => toolCall(`"name":"get_me","arguments":{"a":[${'0,'.repeat(count)}0]}`);
refusals('size in any direction ends early', [
  malformed(-32700, 'PP-22 T12: 65 levels', nested(65)),
  malformed(-32700, 'PP-22: 5,000 levels', nested(5_000)),
  malformed(
    -32700,
    'PP-22: 1,000,000 levels',
    toolCall(`"name":"get_me","arguments":${'['.repeat(1e6)}${']'.repeat(1e6)}`),
  ),
  malformed(-32700, 'PP-22: 1,000,000 levels, never closed', '['.repeat(1e6)),
  malformed(-32700, 'PP-21: 100,000 numbers', many(100_000)),
  malformed(
    -32700,
    'PP-21: 1,000,000 empty objects',
    toolCall(`"name":"get_me","arguments":{"a":[${'{},'.repeat(1e6)}1]}`),
  ),
  malformed(
    -32700,
    'PP-21: a text over 1 MiB, in escapes',
    toolCall(`"name":"get_me","arguments":{"a":"${'\\n'.repeat(1_048_577)}"}`),
  ),
  malformed(
    -32700,
    'PP-21: a text over 1 MiB',
    toolCall(`"name":"get_me","arguments":{"a":"${'x'.repeat(1_048_577)}"}`),
  ),
  malformed(
    -32700,
    'PP-21: a key over 1,024 characters',
    toolCall(`"name":"get_me","arguments":{"${'k'.repeat(1_025)}":1}`),
  ),
  malformed(-32700, 'PP-21: 20,001 keys', toolCall(`"name":"get_me","arguments":{${keys(19_996)}}`)),
  malformed(-32600, 'PB-03: a method of 129 characters', JSON.stringify(rpc('m'.repeat(129)))),
]);

refusals('an id is a text or an exact integer, and a call has one', [
  ...[
    'null',
    '1.5',
    '1e400',
    '1.0',
    '-0',
    '1e2',
    '9007199254740993',
    '-9007199254740993',
    '{}',
    '[1]',
    'true',
  ].map((id) => malformed(-32600, `PP-12: ${id}`, call.replace(/"id":\d+/, `"id":${id}`))),
  malformed(-32600, 'PP-12: 257 characters', call.replace(/"id":\d+/, `"id":"${'i'.repeat(257)}"`)),
  malformed(-32600, 'PP-12: 100,000 characters', call.replace(/"id":\d+/, `"id":"${'i'.repeat(100_000)}"`)),
  malformed(-32600, 'PP-11: a call without one', call.replace(/"id":\d+,/, '')),
  malformed(
    -32600,
    'PP-11: a hidden call without one',
    toolCall('"name":"delete_task"').replace('"id":1,', ''),
  ),
  malformed(-32600, 'PP-11: a list without one', '{"jsonrpc":"2.0","method":"tools/list"}'),
  malformed(-32600, 'PP-11: a notification with one', notification.replace('{', '{"id":1,')),
  malformed(-32600, 'PP-11: a result of the client', whole('"result":{}')),
  malformed(-32600, 'PP-11: an error of the client', whole('"error":{"code":1,"message":""}')),
  malformed(
    -32600,
    'PP-11: a call that is a result too',
    whole('"method":"tools/call","params":{"name":"get_me"},"result":{}'),
  ),
  malformed(-32600, 'PP-11: no jsonrpc', call.replace('"jsonrpc":"2.0",', '')),
  malformed(-32600, 'PP-11: jsonrpc 1.0', call.replace('"2.0"', '"1.0"')),
  malformed(-32600, 'PP-11: jsonrpc as a number', call.replace('"2.0"', '2.0')),
  malformed(
    -32600,
    'PP-11: a method that is an array',
    whole('"method":["tools/call"],"params":{"name":"get_me"}'),
  ),
  malformed(-32600, 'PP-11: params that are an array', whole('"method":"tools/call","params":["get_me"]')),
  malformed(-32600, 'PP-11: params that are null', whole('"method":"tools/call","params":null')),
]);

const METHODS = [
  ...['tasks/result', 'tasks/get', 'completion/complete', 'sampling/createMessage', 'resources/subscribe'],
  ...['resources/read', 'resources/list', 'prompts/get', 'elicitation/create', 'x/y'],
  ...[
    'Tools/Call',
    'TOOLS/CALL',
    'tools/call ',
    ' tools/call',
    'tools/call\u0000',
    'tools//call',
    'tools/Ｃall',
  ],
  ...[
    'tools/call\u200b',
    'tools',
    'call',
    'constructor',
    '__proto__',
    'toString',
    'Initialize',
    'rpc.discover',
  ],
  ...['client_requests', 'roots/list', 'logging/setLevel', 'tools/list/', 'tools/get'],
];
refusals(
  'a method nobody opened is not found',
  METHODS.map((method) => ({
    what: `PB-03 PB-04 F5: ${shown(method)}`,
    body: JSON.stringify(rpc(method, { name: 'get_me', uri: 'ui://widget/task_preview.html' })),
    status: 200,
    code: -32601,
    reason: 'method_not_allowed',
  })),
);
refusals('a message of the stateless era without the headers of that era is refused', [
  malformed(-32020, 'PB-04: server/discover', JSON.stringify(rpc('server/discover'))),
  malformed(-32020, 'PB-04: subscriptions/listen', JSON.stringify(rpc('subscriptions/listen'))),
  malformed(
    -32020,
    'PP-28: a call of that era',
    toolCall('"name":"get_me","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}'),
  ),
]);

describe('what only looks odd passes, as it is', () => {
  test('PP-12: an id at the limits is echoed exactly and never sent', async () => {
    for (const id of ['"0"', '0', '-1', '9007199254740991', `"${'i'.repeat(256)}"`, '"\\u0069d"', '""']) {
      gate.sandbox.log.clear();
      const answer = await post(gate, token, call.replace(/"id":\d+/, `"id":${id}`));
      expect(answer.body.id).toBe(JSON.parse(id));
      expect(JSON.parse(gate.sandbox.log.entries[0]!.body).id).toMatch(/^[0-9a-f-]{36}$/);
    }
    await newRecords();
  });

  test('PB-06: an allowed name written with escapes is the allowed name, and is sent without them', async () => {
    expect(await passes(toolCall('"name":"get\\u005fme"'))).toContain('"name":"get_me"');
  });

  test('PP-22 PP-21: 60 levels, 90,000 values and 20,000 keys', async () => {
    await passes(toolCall(`"name":"get_me","arguments":{${keys(19_994)}}`));
    expect(await passes(nested(60))).toContain(deep(60));
    await passes(many(90_000));
  });

  test('PP-26 PP-27: headers that say the same as the body', async () => {
    expect.hasAssertions();
    await passes(call, { 'mcp-method': 'tools/call', 'mcp-name': 'get_me' });
    await passes(call, { 'mcp-name': sentinel('get_me') });
  });

  test('PP-14 PP-17: a charset that is UTF-8, in any case', async () => {
    expect.hasAssertions();
    await passes(call, { 'content-type': 'Application/JSON; Charset="UTF-8"' });
    await passes(call, { 'content-type': 'application/json;charset=utf-8; odd=1' });
  });

  test('PP-24 F11: __proto__ and constructor in arguments and _meta are plain data', async () => {
    const inside = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const sent = await passes(toolCall(`"name":"get_me","arguments":${inside},"_meta":${inside}`));
    expect(sent).toContain(`"arguments":${inside}`);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('PB-08: a name is not decided by what of it can be kept on record', async () => {
    const kept = ['x'.repeat(200), 'odd\ufffd'];
    for (const name of kept) gate.sandbox.addTool({ name }, () => 'odd');
    await transaction((tx) => applyListing(tx, organization.actor, gate.sandbox.tools as never));
    for (const name of kept)
      await transaction((tx) => updateTool(tx, organization.actor, name, { status: 'reviewed' }));
    await makeGroup(organization, 'Odd', kept, [ana]);
    for (const name of kept) expect((await post(gate, token, callOf(name))).body.result).toBeDefined();
    await newRecords();
    gate.sandbox.log.clear();
    for (const name of ['x'.repeat(201), 'odd\u0000'])
      expect((await post(gate, token, callOf(name))).body.error?.message).toBe(`Unknown tool: ${name}`);
    expect(gate.sandbox.log.entries).toEqual([]);
    expect((await newRecords()).map(({ tool, reason }) => [tool, reason])).toEqual([
      ['odd\ufffd', 'unknown_tool'],
      ['x'.repeat(200), 'unknown_tool'],
    ]);
  });

  test('PB-08: one agent’s NUL does not stop the calls that are admitted together with it', async () => {
    const odd = ['get_me\u0000', '\u0000'].map((name) => callOf(name));
    const messages = [...odd, rpc('\u0000'), ...Array.from({ length: 20 }, () => callOf('get_me'))];
    const answers = await Promise.all(messages.map((message) => post(gate, token, message)));
    expect(answers.map(({ body }) => body.error?.code)).toEqual([
      ...[-32602, -32602, -32601],
      ...Array.from({ length: 20 }, () => undefined),
    ]);
    await newRecords();
  });
});
