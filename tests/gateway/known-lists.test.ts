// A list that was decoded before is not decoded again: only where every byte is the same but for the id, and filtered for each caller.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { setEnv } from '@/lib/env';
import { readToolList } from '@/lib/gateway/filter-tools';
import { keyOf, knownList, rememberList } from '@/lib/gateway/known-lists';
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

describe('what two answers must share', () => {
  const answer = (id: string) => `{"jsonrpc":"2.0","id":"${id}","result":{"tools":[]}}`;

  test('the same bytes but for the id have one key; any other byte, and any other place of the id, another', () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const key = keyOf(answer(a), a);
    expect(keyOf(answer(b), b)).toBe(key);
    expect(keyOf(answer(b).replace('[]', '[ ]'), b)).not.toBe(key);
    expect(keyOf(answer(b).replace('2.0', '2.1'), b)).not.toBe(key);
    const moved = `{"jsonrpc":"2.0","result":{"tools":[]},"id":"${b}"}`;
    expect(keyOf(moved, b)).not.toBe(key);
    // What stood before the id and behind it may not change places.
    expect(keyOf(`{"x":"1",${answer(b).slice(1)}`, b)).not.toBe(
      keyOf(`${answer(b).slice(0, -1)},"x":"1"}`, b),
    );
  });

  test('RF-19: an answer without our id, or with it twice, has no key', () => {
    const id = randomUUID();
    expect(keyOf(answer(randomUUID()), id)).toBeNull();
    expect(keyOf(answer(id).replace('[]', `[{"name":"${id}"}]`), id)).toBeNull();
    expect(keyOf(answer(id).replace(id, `\\u0030${id.slice(1)}`), id)).toBeNull();
  });

  test('no more is kept than 64 lists or 16 MiB, and the one not used for longest goes first', () => {
    const list = readToolList('{"tools":[]}')!;
    const keys = Array.from({ length: 65 }, (_, n) => `small-${n}`);
    for (const key of keys) {
      rememberList(key, list, 100);
      knownList(keys[0]!);
    }
    expect(knownList(keys[0]!)).toBe(list);
    expect(knownList(keys[1]!)).toBeUndefined();
    expect(knownList(keys[64]!)).toBe(list);
    for (const n of [1, 2, 3, 4, 5]) rememberList(`large-${n}`, list, 4 * 1024 * 1024);
    expect(knownList('large-1')).toBeUndefined();
    expect(knownList('large-5')).toBe(list);
    rememberList('too large', list, 5 * 1024 * 1024);
    expect(knownList('too large')).toBeUndefined();
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
