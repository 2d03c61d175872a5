// Passes a large JSON answer on while it arrives: the envelope is checked as strictly as a small one's, the result's bytes are kept
// and never held together. Pure.
//
// Whose answer it is must be known before a byte goes on: what comes before the id is held (RF-19). What breaks off later breaks the
// agent's answer off too, so that half a result is no JSON to anybody.

/** The bytes are not one JSON-RPC result for this call. */
export class LargeAnswerError extends Error {}

const MAX_DEPTH = 256;
const MAX_SMALL_BYTES = 1_024;
const [QUOTE, BACKSLASH, COMMA, COLON, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [
  0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d,
];

export interface LargeAnswer {
  /** Takes the next bytes; returns those of the result that may go on now. Throws `LargeAnswerError`. */
  push(bytes: Uint8Array): Uint8Array[];
  /**
   * Says that nothing follows: the rest of the result that was held, whether it said `isError`, and its `resultType` as raw JSON (at
   * most 30 characters of it). Throws where it was cut.
   */
  end(): { rest: Uint8Array[]; isToolError: boolean; resultType: string | null };
}

/** Reads one answer to `upstreamId`. `maxHeldBytes` bounds what comes before the id. */
export function readLargeAnswer(upstreamId: string, maxHeldBytes: number): LargeAnswer {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const envelope = scanEnvelope();
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  let isFirst = true;

  function decodable(bytes: Uint8Array | null): void {
    try {
      if (bytes === null) utf8.decode();
      else utf8.decode(bytes, { stream: true });
    } catch {
      throw new LargeAnswerError('not UTF-8');
    }
  }

  const isOurs = () => {
    const id = envelope.small.get('id');
    if (id !== undefined && id !== JSON.stringify(upstreamId)) throw new LargeAnswerError('another’s');
    return id !== undefined && envelope.small.get('jsonrpc') === '"2.0"';
  };

  return {
    push(bytes) {
      decodable(bytes);
      // A byte order mark is cut off, as it is in front of a small answer (RF-05).
      const isMarked = isFirst && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
      isFirst = false;
      held.push(...envelope.push(isMarked ? bytes.subarray(3) : bytes));
      if (isOurs()) return held.splice(0);
      heldBytes += bytes.length;
      if (heldBytes > maxHeldBytes) throw new LargeAnswerError('too much before the id');
      return [];
    },
    end() {
      decodable(null);
      if (!envelope.isComplete() || !isOurs()) throw new LargeAnswerError('cut, or no answer to this call');
      const { isToolError, resultType } = envelope;
      return { rest: held.splice(0), isToolError: isToolError(), resultType: resultType() };
    },
  };
}

/**
 * Walks one JSON object of the top level, however it is split: gives out the bytes of its `result`, keeps the text of its small
 * members, passes over the others. What is inside a value is followed as far as strings and brackets go.
 */
function scanEnvelope() {
  const small = new Map<string, string>();
  const seen = new Set<string>();
  let state: 'start' | 'key' | 'in_key' | 'colon' | 'value' | 'in_value' | 'after' | 'end' = 'start';
  let mayClose = false;
  let key = '';
  let token: number[] = [];
  let isEscaped = false;
  let inString = false;
  const brackets: number[] = [];
  const error = memberOf('isError');
  const type = memberOf('resultType');

  const fail = (): never => {
    throw new LargeAnswerError('not one JSON-RPC result');
  };
  const keep = (byte: number) => {
    if (token.length >= MAX_SMALL_BYTES) fail();
    token.push(byte);
  };
  function text(): string {
    try {
      return JSON.parse(Buffer.from(token).toString('utf8')) as string;
    } catch {
      return fail();
    }
  }

  function endKey(): void {
    key = text();
    // Two members of one name are two answers to two readers; a request is no answer (RF-08, RF-09, RF-20).
    if (seen.has(key) || key === 'method' || key === 'error') fail();
    seen.add(key);
    state = 'colon';
  }

  function endValue(): void {
    if (key === 'jsonrpc' || key === 'id') small.set(key, Buffer.from(token).toString('utf8'));
    state = 'after';
  }

  /** One byte inside a value; false where the value ended before it. */
  function inside(byte: number): boolean {
    if (inString) {
      if (byte < 0x20) fail();
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) inString = false;
      return true;
    }
    if (byte === QUOTE) inString = true;
    else if (byte === OPEN || byte === OPEN_LIST) {
      if (brackets.push(byte) > MAX_DEPTH) fail();
    } else if (brackets.length === 0) return byte !== COMMA && byte !== CLOSE && !isSpace(byte);
    else if (byte === CLOSE || byte === CLOSE_LIST) {
      if (brackets.pop() !== (byte === CLOSE ? OPEN : OPEN_LIST)) fail();
    }
    return true;
  }

  function push(bytes: Uint8Array): Uint8Array[] {
    let from = state === 'in_value' && key === 'result' ? 0 : -1;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at]!;
      if (state === 'in_value') {
        const isResult = key === 'result';
        const hasDepth = brackets.length;
        const isIn = inside(byte);
        if (isResult) {
          error.see(byte, hasDepth, inString);
          type.see(byte, hasDepth, inString);
        } else if (isIn && (key === 'jsonrpc' || key === 'id')) keep(byte);
        if (isIn && (brackets.length > 0 || hasDepth === 0)) continue;
        if (isResult) {
          pieces.push(bytes.subarray(from, at + 1));
          from = -1;
        }
        endValue();
        // A bracket belongs to the value that it ends; what ends a number or a word does not.
        if (isIn) continue;
      }
      if (state === 'in_key') {
        keep(byte);
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) endKey();
        continue;
      }
      if (isSpace(byte)) continue;
      switch (state) {
        case 'start':
          if (byte !== OPEN) fail();
          state = 'key';
          mayClose = true;
          break;
        case 'key':
          if (byte === CLOSE && mayClose) state = 'end';
          else if (byte === QUOTE) {
            token = [byte];
            state = 'in_key';
          } else fail();
          break;
        case 'colon':
          if (byte !== COLON) fail();
          token = [];
          state = 'value';
          break;
        case 'value':
          if (key === 'result' && byte !== OPEN) fail();
          if (key === 'result') from = at;
          state = 'in_value';
          if (!inside(byte)) fail();
          if (key === 'jsonrpc' || key === 'id') keep(byte);
          break;
        case 'after':
          if (byte === CLOSE) state = 'end';
          else if (byte !== COMMA) fail();
          else {
            state = 'key';
            mayClose = false;
          }
          break;
        default:
          fail();
      }
    }
    if (from >= 0) pieces.push(bytes.subarray(from));
    return pieces;
  }

  return {
    small,
    push,
    isComplete: () => state === 'end' && seen.has('result'),
    isToolError: () => error.value() === 'true',
    resultType: type.value,
  };
}

const MAX_MEMBER_CHARS = 30;

/** Watches an object of which every byte is shown, for the value of one member that is a word, a number or a string. */
function memberOf(name: string) {
  let last = '';
  let key: string | null = null;
  let word = '';
  let found: string | null = null;
  let wasInString = false;
  const settle = () => {
    if (key === name) found = word;
    key = null;
    word = '';
  };
  return {
    /** `depth`: brackets open before this byte. Only the members of the object itself count, so strings are kept at depth one. */
    see(byte: number, depth: number, inString: boolean): void {
      if (depth !== 1) return;
      if (inString || wasInString) {
        if (inString && !wasInString) last = '"';
        else if (last.length < MAX_MEMBER_CHARS) last += String.fromCharCode(byte);
        wasInString = inString;
        if (!inString) word = last;
        return;
      }
      if (byte === COLON) {
        // Who writes a key with escapes may mean this very one.
        key = last.includes('\\') ? name : last.slice(1, -1);
        word = '';
      } else if (byte === COMMA || byte === CLOSE) settle();
      else if (!isSpace(byte) && word.length < MAX_MEMBER_CHARS) word += String.fromCharCode(byte);
    },
    /** As raw JSON; null where there is none. */
    value: () => found,
  };
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
