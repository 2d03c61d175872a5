// The strict decoder. What it returns is what every reader would read: no duplicate or look-alike keys, no lossy bytes, no
// rewritten numbers; whatever two parsers could read in two ways is refused (PP-01 to PP-24). Pure.
//
// It is our own because nothing else refuses duplicates at any depth and keeps numbers as they were written: JSON.parse keeps the
// last of two keys and turns 1201234567890123457 into another task.

/** A number whose text JavaScript would change; it is forwarded as written. */
export class ExactNumber {
  constructor(readonly text: string) {}
}

export type Json = null | boolean | number | string | ExactNumber | Json[] | JsonObject;
/** Objects are Maps: no prototype to hit, and keys keep their order. */
export type JsonObject = Map<string, Json>;

/** The text is not what we accept. `reason` is ours and holds nothing of the input. */
export class DecodeError extends Error {}

export interface DecodeLimits {
  maxDepth: number;
  /** Values of all kinds together. */
  maxElements: number;
  /** Keys of all objects together; each costs more than a value, because it is folded (LD-07). */
  maxKeys: number;
  maxStringChars: number;
  /** Objects down to this depth may hold no key that merely looks like another one or like a protocol key. */
  strictKeyDepth: number;
}

export const REQUEST_LIMITS: DecodeLimits = {
  maxDepth: 64,
  maxElements: 100_000,
  maxKeys: 20_000,
  maxStringChars: 1_048_576,
  strictKeyDepth: Infinity,
};
export const ANSWER_LIMITS: DecodeLimits = {
  maxDepth: 256,
  maxElements: 2_000_000,
  maxKeys: 2_000_000,
  maxStringChars: 16_777_216,
  // The list and the tools in it: a tool with a second `Name` would be shown under another name than it was checked by.
  strictKeyDepth: 2,
};

/** Folded form → the key itself. */
const PROTOCOL_KEYS: ReadonlyMap<string, string> = new Map(
  [
    ...['jsonrpc', 'id', 'method', 'params', 'name', 'arguments', '_meta', 'result', 'error', 'tools', 'uri'],
    ...[
      'cursor',
      'nextCursor',
      'requestId',
      'progressToken',
      'protocolVersion',
      'capabilities',
      'clientInfo',
    ],
    ...['inputSchema', 'inputResponses', 'requestState'],
  ].map((key) => [key.toLowerCase(), key]),
);
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const MAX_NUMBER_CHARS = 400;
const MAX_KEY_CHARS = 1024;

/** Decodes UTF-8 strictly: no byte order mark, no replacement characters. Throws `DecodeError`. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DecodeError('the body is not UTF-8');
  }
  if (text.charCodeAt(0) === 0xfeff) throw new DecodeError('the body begins with a byte order mark');
  return text;
}

/** Parses one JSON value and nothing after it (RFC 8259), within limits. Throws `DecodeError`. */
export function decodeJson(text: string, limits: DecodeLimits): Json {
  const reader = new Reader(text, limits);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  private at = 0;
  private elements = 0;
  private keys = 0;

  constructor(
    private readonly text: string,
    private readonly limits: DecodeLimits,
  ) {}

  value(depth: number): Json {
    if (depth > this.limits.maxDepth) throw new DecodeError('nested too deep');
    if (++this.elements > this.limits.maxElements) throw new DecodeError('too many values');
    this.space();
    switch (this.text.charCodeAt(this.at)) {
      case 0x7b:
        return this.object(depth);
      case 0x5b:
        return this.array(depth);
      case 0x22:
        return this.string(this.limits.maxStringChars);
      case 0x74:
        return this.word('true', true);
      case 0x66:
        return this.word('false', false);
      case 0x6e:
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  end(): void {
    this.space();
    if (this.at !== this.text.length) throw new DecodeError('something follows the JSON value');
  }

  private object(depth: number): JsonObject {
    const object: JsonObject = new Map();
    const seen = new Set<string>();
    this.at += 1;
    this.space();
    if (this.take(0x7d)) return object;
    for (;;) {
      this.space();
      if (this.text.charCodeAt(this.at) !== 0x22) throw new DecodeError('a key must be a string');
      const key = this.string(MAX_KEY_CHARS);
      this.checkKey(key, seen, depth);
      this.space();
      if (!this.take(0x3a)) throw new DecodeError('a colon must follow a key');
      object.set(key, this.value(depth + 1));
      this.space();
      if (this.take(0x7d)) return object;
      if (!this.take(0x2c)) throw new DecodeError('an object is not closed');
    }
  }

  // Two keys that fold to the same, and a key that folds to a protocol key without being it, are what one reader takes for
  // `method` and another does not (GO-27896). Folding covers U+017F, U+212A and U+0131, which change to ASCII letters.
  private checkKey(key: string, seen: Set<string>, depth: number): void {
    if (++this.keys > this.limits.maxKeys) throw new DecodeError('too many keys');
    const strict = depth <= this.limits.strictKeyDepth;
    const fold = strict ? folded(key) : key;
    if (strict && key.includes('\0')) throw new DecodeError('a key holds NUL');
    if (seen.has(fold)) throw new DecodeError('a key stands twice in one object');
    seen.add(fold);
    const protocol = strict ? PROTOCOL_KEYS.get(fold) : undefined;
    if (protocol !== undefined && protocol !== key)
      throw new DecodeError('a key looks like a protocol key and is not');
  }

  private array(depth: number): Json[] {
    const array: Json[] = [];
    this.at += 1;
    this.space();
    if (this.take(0x5d)) return array;
    for (;;) {
      array.push(this.value(depth + 1));
      this.space();
      if (this.take(0x5d)) return array;
      if (!this.take(0x2c)) throw new DecodeError('an array is not closed');
    }
  }

  private string(maxChars: number): string {
    const start = this.at;
    let escaped = false;
    for (let at = start + 1; ; at += 1) {
      const code = this.text.charCodeAt(at);
      if (code === 0x22) {
        this.at = at + 1;
        return this.finish(start, at, escaped, maxChars);
      }
      if (code === 0x5c) {
        escaped = true;
        at += 1;
      } else if (!(code >= 0x20))
        throw new DecodeError('a string is not closed or holds a control character');
    }
  }

  private finish(start: number, end: number, escaped: boolean, maxChars: number): string {
    if (end - start - 1 > maxChars * (escaped ? 6 : 1)) throw new DecodeError('a string is too long');
    let text = this.text.slice(start + 1, end);
    if (escaped) {
      try {
        text = JSON.parse(this.text.slice(start, end + 1)) as string;
      } catch {
        throw new DecodeError('a string holds a wrong escape');
      }
    }
    if (text.length > maxChars) throw new DecodeError('a string is too long');
    if (escaped && !(text as unknown as { isWellFormed(): boolean }).isWellFormed())
      throw new DecodeError('a string holds half a character');
    return text;
  }

  private number(): number | ExactNumber {
    NUMBER.lastIndex = this.at;
    const [text] = NUMBER.exec(this.text) ?? [];
    if (text === undefined) throw new DecodeError('not JSON');
    if (text.length > MAX_NUMBER_CHARS) throw new DecodeError('a number is too long');
    this.at += text.length;
    const value = Number(text);
    return String(value) === text ? value : new ExactNumber(text);
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw new DecodeError('not JSON');
    this.at += word.length;
    return value;
  }

  private take(code: number): boolean {
    if (this.text.charCodeAt(this.at) !== code) return false;
    this.at += 1;
    return true;
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }
}

/**
 * What several readers could take a key for: without white space around it, compatible characters made one, and without case, by
 * upper case first, as some compare: the dotless i (U+0131) has no lower-case form but its own, and I for its upper case.
 */
export function folded(key: string): string {
  if (!/[^\0-\x7f]/.test(key)) return key.toLowerCase().trim();
  return withoutCase(withoutCase(key.trim()).normalize('NFKC')).trim();
}

const withoutCase = (text: string) => text.toUpperCase().toLowerCase();

/** Writes a decoded value as JSON. `sorted` orders keys, for hashing. */
export function encodeJson(value: Json, sorted = false): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (value instanceof ExactNumber) return value.text;
  let text = '';
  if (Array.isArray(value)) {
    for (const entry of value) text += `${text === '' ? '' : ','}${encodeJson(entry, sorted)}`;
    return `[${text}]`;
  }
  const entries = sorted ? [...value].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) : value;
  for (const [key, entry] of entries)
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${encodeJson(entry, sorted)}`;
  return `{${text}}`;
}
