// What anybody could read in the same bytes: keys that stand twice, keys that look alike, several values, other encodings. The
// judge's own reader; it shares no code with the gate, so that a mistake there is not repeated here.

/** A JSON value as it was written: every member stays, and numbers stay text. */
export type Tree =
  | { kind: 'object'; members: [key: string, value: Tree][] }
  | { kind: 'array'; items: Tree[] }
  | { kind: 'string'; text: string }
  | { kind: 'number'; text: string }
  | { kind: 'word'; text: string };

/** One way to read a message. Values are canonical JSON, undefined where the member is absent. */
export interface Reading {
  /** How it was read, for reports. */
  how: string;
  method: string | undefined;
  id: string | undefined;
  /** The members of `params` that some MCP method has. */
  params: Map<string, string>;
}

interface Mode {
  name: string;
  /** Which of two members counts. */
  first: boolean;
  /** Keys are compared as Go does (case, U+017F, U+212A), without white space around them and only up to a NUL. */
  loose: boolean;
  /** Half characters become U+FFFD. */
  wellFormed: boolean;
}

const MODES: Mode[] = [false, true].flatMap((first) =>
  [false, true].flatMap((loose) =>
    [false, true].map((wellFormed) => ({
      name: `${first ? 'first' : 'last'} wins${loose ? ', keys folded' : ''}${wellFormed ? ', half characters replaced' : ''}`,
      first,
      loose,
      wellFormed,
    })),
  ),
);
const MAX_DEPTH = 1_500;
const PLAIN = /(?:(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(true|false|null))/y;

class NotJson extends Error {}

/** The one value that the text is (RFC 8259), or null. */
export function readWhole(text: string): Tree | null {
  const values = readAll(text);
  return values.complete && values.trees.length === 1 ? values.trees[0]! : null;
}

/** Every value that a reader of streams finds, one after the other, up to what is none. */
function readAll(text: string): { trees: Tree[]; complete: boolean } {
  const trees: Tree[] = [];
  const cursor = { text, at: 0 };
  try {
    for (space(cursor); cursor.at < text.length; space(cursor)) trees.push(readValue(cursor, 0));
    return { trees, complete: true };
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    return { trees, complete: false };
  }
}

interface Cursor {
  text: string;
  at: number;
}

function space(cursor: Cursor): void {
  while (' \n\r\t'.includes(cursor.text.charAt(cursor.at)) && cursor.at < cursor.text.length) cursor.at += 1;
}

function readValue(cursor: Cursor, depth: number): Tree {
  if (depth > MAX_DEPTH) throw new NotJson();
  space(cursor);
  const char = cursor.text.charAt(cursor.at);
  if (char === '"') return { kind: 'string', text: readString(cursor) };
  if (char === '{')
    return { kind: 'object', members: readList(cursor, '}', () => readMember(cursor, depth)) };
  if (char === '[')
    return { kind: 'array', items: readList(cursor, ']', () => readValue(cursor, depth + 1)) };
  PLAIN.lastIndex = cursor.at;
  const [, number, word] = PLAIN.exec(cursor.text) ?? [];
  const text = number ?? word;
  if (text === undefined) throw new NotJson();
  cursor.at += text.length;
  return number === undefined ? { kind: 'word', text } : { kind: 'number', text };
}

function readMember(cursor: Cursor, depth: number): [string, Tree] {
  space(cursor);
  if (cursor.text.charAt(cursor.at) !== '"') throw new NotJson();
  const key = readString(cursor);
  space(cursor);
  if (cursor.text.charAt(cursor.at) !== ':') throw new NotJson();
  cursor.at += 1;
  return [key, readValue(cursor, depth + 1)];
}

function readList<T>(cursor: Cursor, end: string, entry: () => T): T[] {
  const list: T[] = [];
  cursor.at += 1;
  space(cursor);
  if (cursor.text.charAt(cursor.at) === end) {
    cursor.at += 1;
    return list;
  }
  for (;;) {
    list.push(entry());
    space(cursor);
    const next = cursor.text.charAt(cursor.at);
    cursor.at += 1;
    if (next === end) return list;
    if (next !== ',') throw new NotJson();
  }
}

const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

function readString(cursor: Cursor): string {
  const { text } = cursor;
  let read = '';
  for (let at = cursor.at + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') {
      cursor.at = at + 1;
      return read;
    }
    if (char < ' ') throw new NotJson();
    if (char !== '\\') {
      read += char;
      continue;
    }
    at += 1;
    const escape = text.charAt(at);
    if (escape === 'u') {
      const hex = text.slice(at + 1, at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw new NotJson();
      read += String.fromCharCode(Number.parseInt(hex, 16));
      at += 4;
    } else if ('"\\/'.includes(escape) && escape !== '') read += escape;
    else if (escape in ESCAPES) read += ESCAPES[escape];
    else throw new NotJson();
  }
  throw new NotJson();
}

function folded(key: string): string {
  return key.split('\0')[0]!.trim().toUpperCase().toLowerCase();
}

/** The members of an object as a reader of this kind keeps them, by the key it looks them up by. */
function membersOf(tree: Tree & { kind: 'object' }, { first, loose }: Mode): Map<string, [string, Tree]> {
  const kept = new Map<string, [string, Tree]>();
  for (const member of tree.members) {
    const key = loose ? folded(member[0]) : member[0];
    if (!first || !kept.has(key)) kept.set(key, member);
  }
  return kept;
}

/** Canonical JSON: keys sorted, numbers by value. Two values are the same exactly where these texts are. */
export function canonical(tree: Tree, mode: Mode = MODES[0]!): string {
  const quote = (text: string) =>
    JSON.stringify(mode.wellFormed ? (text as unknown as { toWellFormed(): string }).toWellFormed() : text);
  switch (tree.kind) {
    case 'object':
      return `{${[...membersOf(tree, mode).values()]
        .map(([key, value]) => `${quote(key)}:${canonical(value, mode)}`)
        .sort()
        .join(',')}}`;
    case 'array':
      return `[${tree.items.map((item) => canonical(item, mode)).join(',')}]`;
    case 'string':
      return quote(tree.text);
    case 'number':
      return canonicalNumber(tree.text);
    case 'word':
      return tree.text;
  }
}

/** A number as digits and a power of ten, without rounding; -0 is not 0. */
function canonicalNumber(text: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(
    text,
  )!;
  const digits = `${whole}${fraction}`.replace(/^0+(?=\d)/, '');
  const trimmed = digits.replace(/0+$/, '');
  if (trimmed === '') return `${sign}0`;
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - trimmed.length);
  return `${sign}${trimmed}e${power}`;
}

/** Members of `params` that any method forwards. */
const PARAMS = [
  ...[
    'name',
    'arguments',
    '_meta',
    'uri',
    'cursor',
    'ref',
    'argument',
    'context',
    'level',
    'requestId',
    'reason',
  ],
];

function readingOf(tree: Tree, mode: Mode, how: string): Reading {
  const params = new Map<string, string>();
  if (tree.kind !== 'object') return { how, method: undefined, id: undefined, params };
  const members = membersOf(tree, mode);
  const at = (key: string) => {
    const found = members.get(key);
    return found && canonical(found[1], mode);
  };
  const given = members.get('params')?.[1];
  if (given?.kind === 'object') {
    const inner = membersOf(given, mode);
    for (const key of PARAMS) {
      const found = inner.get(mode.loose ? folded(key) : key);
      if (found) params.set(key, canonical(found[1], mode));
    }
  } else if (given) params.set('(params)', canonical(given, mode));
  return { how, method: at('method'), id: at('id'), params };
}

/** The texts that bytes can stand for, the strict one first where there is one. */
function textsOf(bytes: Uint8Array): { text: string; strict: boolean; how: string }[] {
  const decode = (encoding: string, options: TextDecoderOptions) => {
    try {
      return new TextDecoder(encoding, options).decode(bytes);
    } catch {
      return undefined;
    }
  };
  const strict = decode('utf-8', { fatal: true, ignoreBOM: true });
  const texts = strict === undefined ? [] : [{ text: strict, strict: true, how: 'UTF-8' }];
  const add = (text: string | undefined, how: string) => {
    if (text !== undefined && text !== strict) texts.push({ text, strict: false, how });
  };
  add(decode('utf-8', {}), 'UTF-8 with replacements');
  // RFC 4627 §3 tells the encoding by the NULs among the first bytes.
  const wide = bytes.subarray(0, 4).includes(0) || (bytes[0] ?? 0) >= 0xfe;
  if (wide) for (const encoding of ['utf-16le', 'utf-16be']) add(decode(encoding, {}), encoding);
  return texts;
}

export interface Readings {
  /** Null unless the bytes are one JSON object in UTF-8 and nothing else. */
  strict: Reading | null;
  /** Every reading, of each value where there are several and of each message of a batch. */
  others(): Reading[];
}

const known = new WeakMap<Uint8Array, Readings>();

/** Every way to read a request's bytes. */
export function readingsOf(bytes: Uint8Array): Readings {
  const kept = known.get(bytes);
  if (kept) return kept;
  const texts = textsOf(bytes).map((one) => ({ ...one, ...readAll(one.text) }));
  const [first] = texts;
  const isOne =
    first?.strict && first.complete && first.trees.length === 1 && first.trees[0]!.kind === 'object';
  let others: Reading[] | undefined;
  const readings = {
    strict: isOne ? readingOf(first.trees[0]!, MODES[0]!, first.how) : null,
    // Eight and more readings are only worth their time where something was forwarded.
    others: () => (others ??= texts.flatMap(everyReading)),
  };
  known.set(bytes, readings);
  return readings;
}

function everyReading({ text, trees, how }: { text: string; trees: Tree[]; how: string }): Reading[] {
  const values = trees.flatMap((tree) => (tree.kind === 'array' ? [tree, ...tree.items] : [tree]));
  const parsed = parsedReading(text, trees[0]);
  return [
    ...values.flatMap((value) => MODES.map((mode) => readingOf(value, mode, `${how}, ${mode.name}`))),
    ...(parsed ? [parsed] : []),
  ];
}

/** What JSON.parse makes of it; arguments are left to the other readers, because it rounds numbers. */
function parsedReading(text: string, tree: Tree | undefined): Reading | null {
  let value: any;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!tree)
    return { how: 'JSON.parse', method: 'read by JSON.parse only', id: undefined, params: new Map() };
  const reading = readingOf(tree, MODES[0]!, 'JSON.parse');
  const method = value?.method;
  const name = value?.params?.name;
  if (typeof method === 'string') reading.method = JSON.stringify(method);
  if (typeof name === 'string') reading.params.set('name', JSON.stringify(name));
  return reading;
}

/**
 * Where two readings differ, in a few words; null where they are the same call. The id may be left out: upstream it is ours. `meant`:
 * the members that the method means something by; what else is there tells nobody anything.
 */
export function difference(
  a: Reading,
  b: Reading,
  { ids, meant }: { ids: boolean; meant?: readonly string[] },
): string | null {
  if (a.method !== b.method) return `method ${shown(a.method)} against ${shown(b.method)}`;
  if (ids && a.id !== b.id) return `id ${shown(a.id)} against ${shown(b.id)}`;
  for (const key of new Set([...a.params.keys(), ...b.params.keys()]))
    if ((meant?.includes(key) ?? true) && a.params.get(key) !== b.params.get(key))
      return `${key} ${shown(a.params.get(key))} against ${shown(b.params.get(key))}`;
  return null;
}

const shown = (text: string | undefined) => (text === undefined ? '(none)' : text.slice(0, 120));
