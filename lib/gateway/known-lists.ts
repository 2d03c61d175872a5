// Asana's list of tools is the same for everybody and changes now and then, but decoding it strictly costs milliseconds. An answer
// whose every byte was decoded before, but for the id of the call, needs no second decoding; what a caller sees of it is still chosen
// for each call.
import { hash } from 'node:crypto';
import type { ToolList } from './filter-tools';

const MAX_LISTS = 64;
const MAX_CHARS = 16 * 1024 * 1024;

interface Known {
  list: ToolList;
  chars: number;
}

/** By what `keyOf` gives; the one that was not used for longest is the first. */
const lists = new Map<string, Known>();
let chars = 0;

/**
 * Of an answer to our call, all but the id, and where it stood: two answers of one key differ in nothing but that one string, which
 * each of them has from us. Null where the id is not there once (RF-19).
 */
export function keyOf(answer: string, upstreamId: string): string | null {
  const id = JSON.stringify(upstreamId);
  const at = answer.indexOf(id);
  if (at === -1 || answer.indexOf(id, at + 1) !== -1) return null;
  return `${at}:${hash('sha256', answer.slice(0, at) + answer.slice(at + id.length), 'base64url')}`;
}

/** The list of an answer that was read before. */
export function knownList(key: string): ToolList | undefined {
  const known = lists.get(key);
  if (!known) return undefined;
  lists.delete(key);
  lists.set(key, known);
  return known.list;
}

/** Keeps a list that was decoded from the whole answer of this key, `answerChars` long, and found good. */
export function rememberList(key: string, list: ToolList, answerChars: number): void {
  if (lists.has(key) || answerChars > MAX_CHARS / 4) return;
  lists.set(key, { list, chars: answerChars });
  chars += answerChars;
  for (const [oldest, known] of lists) {
    if (lists.size <= MAX_LISTS && chars <= MAX_CHARS) return;
    lists.delete(oldest);
    chars -= known.chars;
  }
}
