// Server-sent events are understood however they are framed and split; what a client might accept is not missed here.
import { describe, expect, test } from 'vitest';
import { createEventStreamParser, EventStreamError } from '@/lib/asana/event-stream';

const bytes = (text: string) => Buffer.from(text, 'utf8');
const parse = (...chunks: (string | Uint8Array)[]) => {
  const parser = createEventStreamParser(1_000);
  const events = chunks.flatMap((chunk) => parser.push(typeof chunk === 'string' ? bytes(chunk) : chunk));
  return [...events, ...parser.end()].map(({ event, data }) =>
    event === 'message' ? data : `${event}:${data}`,
  );
};

describe('one event', () => {
  test.each([
    ['LF', 'data: a\n\n'],
    ['CRLF', 'data: a\r\n\r\n'],
    ['CR', 'data: a\r\r'],
    ['mixed line ends', 'data: a\r\n\n'],
    ['no space behind the colon', 'data:a\n\n'],
    ['a byte order mark in front', '\uFEFFdata: a\n\n'],
    ['comments around it', ': hi\ndata: a\n:bye\n\n'],
    ['unknown fields', 'retry: 5\nwhat: ever\nnonsense\ndata: a\n\n'],
    ['no blank line at the end', 'data: a\n'],
    ['no line end at all', 'data: a'],
    ['blank lines before', '\n\n\ndata: a\n\n'],
  ])('is found with %s', (_, text) => {
    expect(parse(text)).toEqual(['a']);
  });

  test.each([
    ['data over several lines', 'data: a\ndata: b\n\n', ['a\nb']],
    ['one space only is cut', 'data:  a \n\n', [' a ']],
    ['an empty data line', 'data:\n\n', ['']],
    ['data without a colon', 'data\n\n', ['']],
    ['a named event', 'event: endpoint\ndata: a\n\n', ['endpoint:a']],
    ['an event without data', 'event: ping\n\n', []],
    ['the name does not reach the next event', 'event: x\ndata: a\n\ndata: b\n\n', ['x:a', 'b']],
    ['fields are case-sensitive', 'Data: a\n\n', []],
    ['a mark inside is data', 'data: \uFEFFa\n\n', ['\uFEFFa']],
    ['line separators of Unicode do not end a line', 'data: a\u2028b\u0085c\n\n', ['a\u2028b\u0085c']],
  ])('%s', (_, text, expected) => {
    expect(parse(text)).toEqual(expected);
  });
});

test('the answer is the same wherever the bytes are split, characters and line ends included', () => {
  const text =
    '\uFEFF: x\r\nevent: e\r\ndata: \u00e4\u20ac\u{1F600}\r\ndata: b\r\rdata: c\n\nid: 7\ndata: d\r\n\r\n';
  const all = bytes(text);
  const whole = parse(all);
  expect(whole).toEqual(['e:\u00e4\u20ac\u{1F600}\nb', 'c', 'd']);
  for (let at = 0; at <= all.length; at += 1)
    expect(parse(all.subarray(0, at), all.subarray(at)), `split at ${at}`).toEqual(whole);
  expect(parse(...Array.from(all, (byte) => Uint8Array.of(byte)))).toEqual(whole);
});

describe('what can’t be understood is an error, not a replacement', () => {
  test('bytes that are not UTF-8', () => {
    for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82]])
      expect(() => parse(Buffer.concat([bytes('data: '), Buffer.from(bad), bytes('\n\n')]))).toThrow(
        EventStreamError,
      );
  });

  test('a line or an event beyond the limit; one below it passes', () => {
    expect(() => parse(`data: ${'x'.repeat(2_000)}`)).toThrow(EventStreamError);
    expect(() => parse(...Array(30).fill(`data: ${'x'.repeat(90)}\n`))).toThrow(EventStreamError);
    expect(() => parse(...Array(200).fill('x'.repeat(10)))).toThrow(EventStreamError);
    expect(parse(`data: ${'x'.repeat(900)}\n\n`, `data: ${'x'.repeat(900)}\n\n`)).toHaveLength(2);
  });
});
