// A list that was decoded before is not decoded again: only where every byte is the same but for the id, and filtered for each caller.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { transaction } from '@/lib/db';
import { setEnv } from '@/lib/env';
import { readToolList } from '@/lib/gateway/filter-tools';
import { knownList, rememberList, shownOf } from '@/lib/gateway/known-lists';
import { updateOrganization } from '@/lib/people/organizations';
import {
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  rpc,
  startGate,
  type Gate,
  type TestOrganization,
} from '../support/gate';
import { answerJson, startRawUpstream, type RawUpstream } from '../support/raw-upstream';

const listOf = (tools: string) => readToolList(`{"tools":${tools}}`)!;
const answerOf = (id: string, tools = '[]') =>
  Buffer.from(`{"jsonrpc":"2.0","id":"${id}","result":{"tools":${tools}}}`);
const changed = (answer: Buffer, from: string, to: string) =>
  Buffer.from(answer.toString().replace(from, to));

describe('what two answers must share', () => {
  const [a, b] = [randomUUID(), randomUUID()];
  const list = listOf('[]');

  test('the same bytes but for the id are one list; any other byte, and any other place of the id, another', () => {
    rememberList(answerOf(a), a, list);
    expect(knownList(answerOf(b), b)?.list).toBe(list);
    expect(knownList(changed(answerOf(b), '[]', '[ ]'), b)).toBeUndefined();
    expect(knownList(changed(answerOf(b), '2.0', '2.1'), b)).toBeUndefined();
    const moved = Buffer.from(`{"jsonrpc":"2.0","result":{"tools":[]},"id":"${b}"}`);
    expect(knownList(moved, b)).toBeUndefined();
    // What stood before the id and behind it may not change places.
    rememberList(changed(answerOf(a), '{', '{"x":"1",'), a, list);
    expect(knownList(changed(answerOf(b), '{', '{"x":"1",'), b)?.list).toBe(list);
    expect(knownList(changed(answerOf(b), '}}', '},"x":"1"}'), b)).toBeUndefined();
  });

  test('RF-19: an answer without our id, or with it twice, is no known list', () => {
    rememberList(answerOf(a), a, list);
    expect(knownList(answerOf(a), b)).toBeUndefined();
    expect(knownList(changed(answerOf(b), b, `\\u0030${b.slice(1)}`), b)).toBeUndefined();
    const twice = (id: string) => changed(answerOf(id), '[]', `[{"name":"${id}"}]`);
    rememberList(twice(a), a, list);
    expect(knownList(twice(a), a)).toBeUndefined();
  });

  test('no more is kept than 64 lists or 16 MiB, and the one not used for longest goes first', () => {
    const small = (n: number, id: string) => answerOf(id, `[${n}]`);
    for (let n = 0; n < 65; n += 1) {
      rememberList(small(n, a), a, list);
      knownList(small(0, b), b);
    }
    expect(knownList(small(0, b), b)?.list).toBe(list);
    expect(knownList(small(1, b), b)).toBeUndefined();
    expect(knownList(small(64, b), b)?.list).toBe(list);
    const large = (n: number, id: string, size: number) => answerOf(id, `["${n}${'x'.repeat(size)}"]`);
    const MiB = 1024 * 1024;
    for (const n of [1, 2, 3, 4, 5]) rememberList(large(n, a, 3.9 * MiB), a, list);
    expect(knownList(large(1, b, 3.9 * MiB), b)).toBeUndefined();
    expect(knownList(large(5, b, 3.9 * MiB), b)?.list).toBe(list);
    rememberList(large(6, a, 4 * MiB), a, list);
    expect(knownList(large(6, b, 4 * MiB), b)).toBeUndefined();
  });

  test('what is kept of a list for its readers counts too, and is kept for 32 sets at most', () => {
    rememberList(answerOf(a), a, list);
    const known = knownList(answerOf(b), b)!;
    let made = 0;
    const shown = (key: string, size = 1) =>
      shownOf(known, key, () => {
        made += 1;
        return key.padEnd(size);
      }).toString();
    for (let n = 0; n < 33; n += 1) expect(shown(`${n}`)).toBe(`${n}`);
    expect([shown('32'), shown('1'), made]).toEqual(['32', '1', 33]);
    expect([shown('0'), made]).toEqual(['0', 34]);
    // More than all lists together may have: this one is let go, and read anew.
    shown('large', 17 * 1024 * 1024);
    expect(knownList(answerOf(b), b)).toBeUndefined();
  });
});

describe('through the gate', () => {
  let gate: Gate;
  let raw: RawUpstream;
  let organization: TestOrganization;
  const tokens: string[] = [];

  beforeAll(async () => {
    gate = await startGate({ chain: false });
    raw = await startRawUpstream();
    setEnv({ ASANA_MCP_URL: raw.url });
    organization = await makeOrganization(gate, 'Acme');
    // These lists are not the recorded one; here nobody asks who reviewed them.
    await transaction((tx) => updateOrganization(tx, organization.actor, { driftPolicy: 'warn' }));
    for (const [name, tools] of [
      ['ana', ['get_me', 'get_task']],
      ['ben', ['get_task']],
    ] as const) {
      const member = await makeMember(gate, organization, `${name}@acme.example`, {
        asana: 'ana@example.com',
      });
      await makeGroup(organization, name, [...tools], [member]);
      tokens.push((await mint(member)).token);
    }
  });
  afterAll(async () => {
    await gate.stop();
    await raw.close();
  });
  beforeEach(() => {
    raw.requests.length = 0;
  });

  const listed = (tools: unknown[], extra = '') =>
    raw.answer((response, { message }) =>
      answerJson(
        response,
        `{"jsonrpc":"2.0","id":"${message.id}"${extra},"result":{"tools":${JSON.stringify(tools)}}}`,
      ),
    );
  const names = async (token: string) => {
    const { status, body } = await post(gate, token, rpc('tools/list'));
    return status === 200 ? (body.result.tools as { name: string }[]).map(({ name }) => name) : status;
  };
  const TOOLS = ['get_me', 'delete_task', 'get_task'].map((name) => ({
    name,
    inputSchema: { type: 'object' },
  }));

  test('PB-01 RF-16: the same answer shows each caller his own tools, the first time and every other', async () => {
    listed(TOOLS);
    for (let n = 0; n < 3; n += 1) {
      expect(await names(tokens[0]!)).toEqual(['get_me', 'get_task']);
      expect(await names(tokens[1]!)).toEqual(['get_task']);
    }
    expect(raw.requests.filter(({ message }) => message.method === 'tools/list')).toHaveLength(6);
  });

  test('an answer that was refused is refused again, and one byte more makes it another', async () => {
    for (let n = 0; n < 2; n += 1) {
      listed(TOOLS, ',"result":{}');
      expect(await names(tokens[0]!)).toBe(502);
    }
    listed([...TOOLS, { name: 'get_me', description: 'a second one' }]);
    expect(await names(tokens[0]!)).toEqual(['get_task']);
    listed(TOOLS);
    expect(await names(tokens[0]!)).toEqual(['get_me', 'get_task']);
  });

  test('RF-19: a known list under another call’s id is nobody’s', async () => {
    listed(TOOLS);
    await names(tokens[0]!);
    raw.answer((response) =>
      answerJson(
        response,
        `{"jsonrpc":"2.0","id":"${randomUUID()}","result":{"tools":${JSON.stringify(TOOLS)}}}`,
      ),
    );
    expect(await names(tokens[0]!)).toBe(502);
  });
});
