// A result over 1 MiB passes while it arrives: the same envelope rules as for a small one, its bytes as they came, and never half a
// success.
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '@/lib/audit/records';
import { setEnv } from '@/lib/env';
import { LargeAnswerError, readLargeAnswer } from '@/lib/gateway/large-answer';
import {
  callOf,
  headersFor,
  makeGroup,
  makeMember,
  makeOrganization,
  mint,
  post,
  startGate,
  watchAudit,
  type Gate,
} from '../support/gate';
import { answerJson, startRawUpstream, type RawUpstream } from '../support/raw-upstream';

const RESULT = `{"content":[{"type":"text","text":"a \\"b\\" {[ \\\\"}], "n" : 12345678901234567890,"isErrorX":true}`;
const BODY = `{"jsonrpc":"2.0","id":"u","_meta":{"a":[1,"}"]},"result": ${RESULT} , "later" : null}`;

/** What goes on of the pieces, or the error's word. */
function passed(
  pieces: (string | Uint8Array)[],
  maxHeldBytes = 1_000,
): { text: string; isToolError: boolean } | 'refused' {
  const reader = readLargeAnswer('u', maxHeldBytes);
  try {
    const out = pieces.flatMap((piece) => reader.push(Buffer.from(piece as string)));
    const { rest, isToolError } = reader.end();
    return { text: Buffer.concat([...out, ...rest]).toString('utf8'), isToolError };
  } catch (error) {
    if (!(error instanceof LargeAnswerError)) throw error;
    return 'refused';
  }
}

describe('the envelope', () => {
  test('the result’s bytes are the same wherever the answer is split', () => {
    for (let at = 0; at <= BODY.length; at += 1)
      expect([at, passed([BODY.slice(0, at), BODY.slice(at)])]).toEqual([
        at,
        { text: RESULT, isToolError: false },
      ]);
    expect(passed(BODY.split(''))).toEqual({ text: RESULT, isToolError: false });
    expect(passed(['\uFEFF', BODY])).toMatchObject({ text: RESULT });
  });

  test.each([
    ['of another call', BODY.replace('"u"', '"v"')],
    ['with an id that only begins as ours', BODY.replace('"u"', '"u" "v"')],
    ['with a number for an id', BODY.replace('"u"', '1')],
    ['without an id', BODY.replace('"id":"u",', '')],
    ['of another protocol', BODY.replace('"2.0"', '"1.0"')],
    ['without a protocol', BODY.replace('"jsonrpc":"2.0",', '')],
    ['with two results', `${BODY.slice(0, -1)},"result":{"x":1}}`],
    ['with two results, one spelled otherwise', `${BODY.slice(0, -1)},"r\\u0065sult":{"x":1}}`],
    ['with two ids', `${BODY.slice(0, -1)},"id":"u"}`],
    ['with an error beside it', `${BODY.slice(0, -1)},"error":{"code":1,"message":"x"}}`],
    ['that is an error', BODY.replace('"result"', '"error"')],
    ['that is a request', BODY.replace('"_meta"', '"method"')],
    ['whose result is a list', BODY.replace(RESULT, '[1]')],
    ['whose result is a word', BODY.replace(RESULT, 'true')],
    ['in a list', `[${BODY}]`],
    ['followed by another', BODY + BODY],
    ['with a comma too many', `${BODY.slice(0, -1)},}`],
    ['with no comma', BODY.replace('"_meta"', ' "x":1 "_meta"')],
    ['with brackets of two kinds', BODY.replace(RESULT, '{"a":[1}]')],
    ['with an end of line in a string', BODY.replace('a \\"b', 'a \n')],
    ['too deep', BODY.replace(RESULT, `{"a":${'['.repeat(300)}${']'.repeat(300)}}`)],
    ['that is nothing', ''],
  ])('RF-08 RF-09 RF-19: an answer %s is refused', (_, body) => {
    expect(passed([body])).toBe('refused');
    expect(passed(body.split(''))).toBe('refused');
  });

  test('RF-14: an answer cut anywhere is refused', () => {
    for (let at = 0; at < BODY.length; at += 1)
      expect([at, passed([BODY.slice(0, at)])]).toEqual([at, 'refused']);
  });

  test('PP-15: a byte that is not UTF-8 is refused, wherever it stands; a character may be split', () => {
    const bytes = Buffer.from(BODY.replace('a ', 'é€😀 '));
    for (let at = 0; at < bytes.length; at += 1) {
      expect(passed([bytes.subarray(0, at), bytes.subarray(at)])).toMatchObject({ isToolError: false });
      const wrong = Buffer.from(bytes);
      wrong[at] = 0xff;
      expect([at, passed([wrong])]).toEqual([at, 'refused']);
    }
  });

  test('what comes before the id is held, up to a bound', () => {
    const late = `{"result":${RESULT},"jsonrpc":"2.0","id":"u"}`;
    const reader = readLargeAnswer('u', 1_000);
    expect(reader.push(Buffer.from(late.slice(0, -3)))).toEqual([]);
    expect(Buffer.concat(reader.push(Buffer.from(late.slice(-3)))).toString()).toBe(RESULT);
    expect(passed([late])).toMatchObject({ text: RESULT });
    expect(passed([`{"result":{"a":"${'x'.repeat(2_000)}`, `"},"jsonrpc":"2.0","id":"u"}`])).toBe('refused');
    expect(passed([`{"x":"${'x'.repeat(2_000)}`, `","jsonrpc":"2.0","id":"u","result":{}}`])).toBe('refused');
  });

  test.each([
    [`{"isError":true}`, true],
    [`{"content":[{"isError":false}], "isError" : true ,"b":1}`, true],
    [`{"isError":false,"x":"isError\\":true"}`, false],
    [`{"content":[{"isError":true}]}`, false],
    [`{"xisError":true}`, false],
    [`{"isErrors":true,"isErro":true}`, false],
    [`{"isError":"true"}`, false],
  ])('%s: a tool error is one where the result itself says so', (result, isToolError) => {
    expect(passed([`{"jsonrpc":"2.0","id":"u","result":${result}}`])).toEqual({ text: result, isToolError });
    expect(passed(`{"jsonrpc":"2.0","id":"u","result":${result}}`.split(''))).toMatchObject({ isToolError });
  });
});

describe('through the gate', () => {
  let gate: Gate;
  let raw: RawUpstream;
  let token: string;
  let newRecords: () => Promise<AuditRecord[]>;

  beforeAll(async () => {
    gate = await startGate({ chain: false });
    raw = await startRawUpstream();
    setEnv({ ASANA_MCP_URL: raw.url });
    const organization = await makeOrganization(gate, 'Acme');
    const ana = await makeMember(gate, organization, 'ana@acme.example', { asana: 'ana@example.com' });
    await makeGroup(organization, 'Readers', ['get_me'], [ana]);
    ({ token } = await mint(ana));
    await honest();
    newRecords = await watchAudit(organization);
  });
  afterAll(async () => {
    await gate.stop();
    await raw.close();
  });
  beforeEach(async () => void (await newRecords()));
  afterEach(honest);

  async function honest(): Promise<void> {
    raw.answer((response, { message }) =>
      answerJson(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } }),
    );
    expect((await post(gate, token, callOf('get_me'))).body.result).toEqual({ content: [] });
  }

  const MIB = 1024 * 1024;
  const head = (id: string) => `{"jsonrpc":"2.0","id":"${id}","result":{"content":[{"type":"text","text":"`;
  const start = (response: ServerResponse, id: string) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(head(id) + 'x'.repeat(2 * MIB));
  };
  const ask = (message: object) =>
    fetch(gate.url, { method: 'POST', headers: headersFor(token), body: JSON.stringify(message) });
  const outcomes = async () => (await newRecords()).map(({ outcome, reason }) => [outcome, reason ?? null]);

  test('the agent reads the beginning before Asana wrote the end, and all of it after', async () => {
    let finish: (() => void) | undefined;
    raw.answer((response, { message }) => {
      start(response, message.id!);
      finish = () => response.end('y"}],"isError":true}}');
    });
    const answer = await ask({ ...callOf('get_me'), id: 'agent’s' });
    expect(answer.headers.get('content-type')).toBe('application/json');
    const reader = answer.body!.getReader();
    const pieces = [(await reader.read()).value!];
    finish!();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
    }
    const text = Buffer.concat(pieces).toString('utf8');
    expect(
      text ===
        `{"jsonrpc":"2.0","id":"agent’s","result":${head('').split('"result":')[1]}${'x'.repeat(2 * MIB)}y"}],"isError":true}}`,
    ).toBe(true);
    expect(await outcomes()).toEqual([['tool_error', null]]);
  });

  test('RF-14: where Asana breaks off, the agent’s answer breaks off and is on record as unknown', async () => {
    raw.answer((response, { message }) => {
      start(response, message.id!);
      setTimeout(() => response.destroy(), 100);
    });
    const answer = await ask(callOf('get_me'));
    await expect(answer.text()).rejects.toThrow();
    expect(await outcomes()).toEqual([['unknown', 'cut']]);
  });

  test('RF-08: a second answer behind the first breaks it off', async () => {
    raw.answer((response, { message }) => {
      start(response, message.id!);
      response.end(`"}]}}{"jsonrpc":"2.0","id":"${message.id}","result":{}}`);
    });
    const answer = await ask(callOf('get_me')).then(
      async (came) => ({ status: came.status, text: await came.text().catch(() => null) }),
      () => null,
    );
    // Where all of it came at once, nothing was sent yet.
    if (answer !== null && answer.text !== null) expect(answer.status).toBe(502);
    expect(await outcomes()).toEqual([['unknown', 'cut']]);
  });

  test('RF-19: nothing of an answer to another call goes on', async () => {
    raw.answer((response) => {
      start(response, 'another');
      response.end('secret"}]}}');
    });
    const { status, text } = await post(gate, token, callOf('get_me'));
    expect([status, text.includes('xxx')]).toEqual([502, false]);
    expect(await outcomes()).toEqual([['unknown', 'cut']]);
  });

  test('sixty MiB pass without being held, and a hundred do not pass', async () => {
    let taken = 0;
    const write = (size: number) =>
      raw.answer((response, { message }) => {
        start(response, message.id!);
        let left = size;
        const piece = Buffer.alloc(MIB, 0x7a);
        const more = (): unknown => {
          if (response.destroyed) return;
          if (left-- === 0) return response.end('"}]}}');
          return response.write(piece, () => {
            taken += MIB;
            more();
          });
        };
        response.on('error', () => undefined);
        more();
      });
    write(57);
    const answer = await ask(callOf('get_me'));
    // While the agent reads nothing, Asana can get rid of no more than the buffers on the way take.
    let before = -1;
    while (taken > before) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(taken).toBeLessThan(40 * MIB);
    let bytes = 0;
    for await (const chunk of answer.body!) bytes += (chunk as Uint8Array).length;
    expect(bytes).toBeGreaterThan(57 * MIB);
    write(100);
    const endless = await ask(callOf('get_me'));
    await expect(endless.arrayBuffer()).rejects.toThrow();
    expect((await outcomes()).toSorted(([a], [b]) => (a! < b! ? -1 : 1))).toEqual([
      ['ok', null],
      ['unknown', 'cut'],
    ]);
  });
});
