// What can be done to bytes without knowing what they mean, and to text by writing it in another encoding.
import type { Random } from './random';

/** One to six changes: a bit, a byte, a piece out, a piece in, a piece of another body, a piece again, the end off. */
export function mutated(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  let now = bytes;
  for (let times = 1 + random.below(random.chance(0.5) ? 1 : 6); times > 0; times -= 1)
    now = once(random, now, others);
  return now;
}

function once(random: Random, bytes: Buffer, others: readonly Buffer[]): Buffer {
  const at = random.below(bytes.length + 1);
  const size = 1 + random.below(random.chance(0.7) ? 4 : 60);
  const put = (piece: Uint8Array, skipped = 0) =>
    Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(Math.min(bytes.length, at + skipped))]);
  switch (random.below(9)) {
    case 0:
      return put(Buffer.from([(bytes[at] ?? 0) ^ (1 << random.below(8))]), 1);
    case 1:
      return put(Buffer.from([random.below(256)]), random.below(2));
    case 2:
      return put(Buffer.alloc(0), size);
    case 3:
      return put(Buffer.from(random.pick(TOKENS)), random.below(2));
    case 4: {
      const other = random.pick(others);
      const from = random.below(other.length);
      return put(
        other.subarray(from, from + 1 + random.below(other.length)),
        random.chance(0.5) ? bytes.length : 0,
      );
    }
    case 5: {
      const from = random.below(bytes.length + 1);
      return put(bytes.subarray(from, from + size));
    }
    case 6:
      return bytes.subarray(0, at);
    case 7:
      return put(Buffer.from(random.pick(ODD_BYTES)), random.below(2));
    default:
      // A key or a value changes its case.
      return put(
        Buffer.from(
          bytes
            .subarray(at, at + size)
            .toString('latin1')
            .toUpperCase(),
          'latin1',
        ),
        size,
      );
  }
}

const TOKENS = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    'null',
    'true',
    '0',
    '-',
    'e',
    '\\u0000',
    '\\ud800',
    '\\u006e',
    '""',
  ],
  ...[
    '"name":"delete_task",',
    '"method":"tools/call",',
    '"params":{},',
    '"id":1,',
    '"arguments":{},',
    ',"Name":"delete_task"',
  ],
  ...[
    '"jsonrpc":"2.0",',
    'delete_task',
    'get_me',
    '\n',
    '\r',
    ' ',
    '\t',
    '//',
    '/*',
    '"\\u006eame":"delete_task",',
  ],
];
const ODD_BYTES = [
  ...[
    [0x00],
    [0xff],
    [0xc0, 0xaf],
    [0xc1, 0x81],
    [0xe0, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
  ],
  ...[
    [0xef, 0xbb, 0xbf],
    [0xff, 0xfe],
    [0xfe, 0xff],
    [0x80],
    [0xe2, 0x80, 0xa8],
    [0xc2, 0x85],
    [0x1b],
    [0x7f],
    [0xf8, 0x88],
  ],
  // An opening brace, a quote and a letter, each in more bytes than it needs.
  ...[
    [0xc1, 0xbb],
    [0xc0, 0xa2],
    [0xc1, 0xae],
    [0xe0, 0x81, 0xae],
  ],
];

/** The text in some encoding that is not plain UTF-8, or with something in front of it or behind it. */
export function encoded(random: Random, text: string): Buffer {
  const utf16 = Buffer.from(text, 'utf16le');
  const swapped = Buffer.from(utf16).swap16();
  const utf32 = Buffer.alloc(4 * text.length);
  for (let at = 0; at < text.length; at += 1) utf32.writeUInt32LE(text.charCodeAt(at), 4 * at);
  const utf8 = Buffer.from(text);
  const inMoreBytes = Buffer.from(
    [...utf8].flatMap((byte) =>
      byte < 0x80 && random.chance(0.05) ? [0xc0 | (byte >> 6), 0x80 | (byte & 0x3f)] : [byte],
    ),
  );
  const asUtf7 = text.replaceAll('"', '+ACI-');
  return random.pick([
    () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), utf8]),
    () => utf16,
    () => swapped,
    () => Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]),
    () => Buffer.concat([Buffer.from([0xfe, 0xff]), swapped]),
    () => utf32,
    () => inMoreBytes,
    () => Buffer.from(text, 'latin1'),
    () => Buffer.from(asUtf7),
    () => Buffer.concat([utf8, random.pick(TAILS)]),
    () => Buffer.concat([utf8, utf8]),
    () => Buffer.concat([utf8, Buffer.from('\n'), utf8]),
    () => Buffer.from(`[${text}]`),
    () => Buffer.from(`[${text},${text}]`),
    () => Buffer.from(`[[${text}]]`),
    () => Buffer.from(`)]}'\n${text}`),
    () => Buffer.from(`\x1e${text}\n`),
    () => Buffer.concat([random.pick(TAILS), utf8]),
    () => Buffer.from(JSON.stringify(text)),
  ])();
}

const TAILS = [
  '\0',
  '}',
  ' x',
  ',',
  '\n\n{}',
  '\r\n',
  '   ',
  ';',
  '\u2028',
  '\ufeff',
  '# comment',
  '// end',
  'null',
].map((text) => Buffer.from(text));
