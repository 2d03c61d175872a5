// Writes JSON in every spelling there is: the same value with other escapes, spaces and numbers, or nearly the same with what two
// readers might read in two ways.
import type { Random } from './random';

/** A value to be written. Members of an object may stand twice; `Raw` is written as it is. */
export type Spelled = null | boolean | string | Raw | Spelled[] | Members;

export class Raw {
  constructor(readonly text: string) {}
}

export class Members {
  constructor(readonly list: [key: string, value: Spelled][]) {}
}

export const objectOf = (...list: [key: string, value: Spelled][]) => new Members(list);

/** How odd the writing is: 0 writes what every reader reads alike. */
export type Oddness = 0 | 1 | 2;

/** The text of a value. From oddness 1 on it may be another value than was asked for, at 2 no JSON at all. */
export function spell(random: Random, value: Spelled, oddness: Oddness): string {
  // Most messages of real clients have neither.
  const [escapes, spaces] = [random.chance(0.35), random.chance(0.35)];
  const write = (one: Spelled): string => {
    if (oddness === 2 && random.chance(0.004)) return random.pick(JUNK);
    if (one instanceof Raw) return one.text;
    if (typeof one === 'string') return spellString(random, one, oddness, escapes);
    if (one === null || typeof one === 'boolean') return String(one);
    const gap = () =>
      spaces && random.chance(0.1) ? random.pick(oddness === 2 ? [...SPACES, ...ODD_SPACES] : SPACES) : '';
    if (Array.isArray(one)) return `[${one.map((item) => gap() + write(item) + gap()).join(',')}]`;
    const members = oddness === 0 ? one.list : disturbed(random, one.list, oddness);
    const written = members.map(
      ([key, inner]) =>
        `${gap()}${spellString(random, key, oddness, escapes)}${gap()}:${gap()}${write(inner)}${gap()}`,
    );
    const comma = oddness === 2 && random.chance(0.01) ? random.pick([',,', ';', ' ', ',}']) : ',';
    return `{${written.join(comma)}}`;
  };
  return write(value);
}

const SPACES = [' ', '\n', '\r\n', '\t', '  ', '\r'];
const ODD_SPACES = ['\u00a0', '\ufeff', '\u000b', '\u2028', '/* */', '\0', '//\n'];
const JUNK = [
  ...['NaN', 'Infinity', '-Infinity', 'undefined', "'get_me'", '0x10', '01', '+1', '1.', '.5', '1e', '--1'],
  ...[
    '',
    '{',
    ']',
    '"',
    '"\\',
    '"\\u12"',
    '"\\x41"',
    '"\n"',
    'True',
    'nul',
    'nullx',
    '{,}',
    '[,]',
    '[1,]',
    '{"a"}',
  ],
];

/** Members as an attacker would have them: one twice, one under a name that looks alike. */
function disturbed(random: Random, list: Members['list'], oddness: Oddness): Members['list'] {
  const members = [...list];
  const times = oddness === 2 ? 0.06 : 0.03;
  if (members.length > 0 && random.chance(times)) {
    const [key, value] = random.pick(members);
    const second = random.pick([key, key, ...lookAlikes(key)]);
    members.splice(random.below(members.length + 1), 0, [
      second,
      random.chance(0.5) ? value : otherValue(random),
    ]);
  }
  if (members.length > 0 && random.chance(times)) {
    const n = random.below(members.length);
    members[n] = [random.pick(lookAlikes(members[n]![0])), members[n]![1]];
  }
  if (random.chance(times)) members.push([random.pick(EXTRA_KEYS), otherValue(random)]);
  return random.chance(0.2) ? members.sort(() => random.below(3) - 1) : members;
}

const EXTRA_KEYS = [
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'result',
    'error',
    'task',
    'inputResponses',
    '_meta',
  ],
  ...['params', 'method', 'name', 'arguments', 'uri', 'cursor', 'extra', '', '$ref', 'workspace', 'batch'],
];

function otherValue(random: Random): Spelled {
  return random.pick<Spelled>([
    ...[
      'get_me',
      'delete_task',
      'create_tasks',
      'tools/call',
      'tools/list',
      'ui://widget/project_preview.html',
    ],
    ...[
      null,
      true,
      new Raw('1'),
      [],
      objectOf(),
      objectOf(['name', 'delete_task'], ['arguments', objectOf()]),
    ],
  ]);
}

/** Texts that some reader takes for this one: case, width, accents, what can't be seen. */
export function lookAlikes(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  const inserted = (what: string) => text.slice(0, middle) + what + text.slice(middle);
  const swapped = (from: string, to: string) => text.replace(from, to);
  return [
    ...[
      text.toUpperCase(),
      text.charAt(0).toUpperCase() + text.slice(1),
      `${text} `,
      ` ${text}`,
      `${text}\0`,
    ],
    ...[`${text}\0x`, `\ufeff${text}`, `${text}\u00a0`, `${text}\n`, inserted('\u200b'), inserted('\u00ad')],
    ...[
      `\u202e${text}`,
      `${text}\u0301`,
      swapped('e', '\u0435'),
      swapped('a', '\u0430'),
      swapped('s', '\u017f'),
    ],
    ...[
      swapped('k', '\u212a'),
      swapped('i', '\u0131'),
      swapped('_', '-'),
      swapped('_', '\uff3f'),
      text.slice(0, -1),
    ],
    ...[
      Array.from(text)
        .map((char) =>
          char > ' ' && char < '\x7f' ? String.fromCharCode(char.charCodeAt(0) + 0xfee0) : char,
        )
        .join(''),
    ],
    ...[
      text.normalize('NFD'),
      `${text}/`,
      `/${text}`,
      `./${text}`,
      `${text}.`,
      `${text}x`,
      `${text}\ud800`,
      `asana:${text}`,
    ],
  ];
}

const SHORT: Record<string, string> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\',
};

function spellString(random: Random, text: string, oddness: Oddness, escapes: boolean): string {
  const often = !escapes ? 0 : random.chance(0.15) ? 0.5 : 0.02;
  const hex = (code: number) =>
    `\\u${random.chance(0.5) ? code.toString(16).padStart(4, '0') : code.toString(16).padStart(4, '0').toUpperCase()}`;
  let written = '';
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    const code = text.charCodeAt(at);
    const isHalf = code >= 0xd800 && code < 0xe000;
    if (isHalf && !(code < 0xdc00 && text.charCodeAt(at + 1) >= 0xdc00 && text.charCodeAt(at + 1) < 0xe000)) {
      // Alone it can't be written but as an escape.
      written += hex(code);
    } else if (isHalf) {
      written += random.chance(often) ? hex(code) + hex(text.charCodeAt(at + 1)) : char + text.charAt(at + 1);
      at += 1;
    } else if (char in SHORT) written += random.chance(0.8) ? SHORT[char] : hex(code);
    else if (code < 0x20) written += oddness === 2 && random.chance(0.3) ? char : hex(code);
    else if (char === '/' && random.chance(0.05)) written += '\\/';
    else written += random.chance(often) ? hex(code) : char;
  }
  return `"${written}"`;
}

const NUMBERS = [
  ...[
    '0',
    '-0',
    '1',
    '-1',
    '1.0',
    '1.50',
    '1e2',
    '1E+2',
    '1e-2',
    '100e-2',
    '0.1',
    '1e400',
    '-1e400',
    '1e-400',
    '5e-324',
  ],
  ...[
    '9007199254740991',
    '9007199254740992',
    '9007199254740993',
    '-9007199254740993',
    '18446744073709551616',
  ],
  ...[
    '1201234567890123457',
    '120123456789012345678901234567890',
    '0.1000000000000000055511151231257827',
    '1e999999999',
  ],
  ...[
    '4294967296',
    '2147483648',
    '3.0',
    '0e0',
    '0.0',
    '-0.0',
    '1.7976931348623157e308',
    '123456789012345680000',
  ],
];

/** A number in some spelling. */
export function numberOf(random: Random): Raw {
  if (random.chance(0.6)) return new Raw(random.pick(NUMBERS));
  const digits = Array.from({ length: 1 + random.below(25) }, () => random.below(10))
    .join('')
    .replace(/^0+(?=\d)/, '');
  const fraction = random.chance(0.3) ? `.${random.below(100_000)}` : '';
  const exponent = random.chance(0.2) ? `e${random.pick(['', '+', '-'])}${random.below(400)}` : '';
  return new Raw(`${random.chance(0.3) ? '-' : ''}${digits}${fraction}${exponent}`);
}
