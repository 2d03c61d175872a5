// Asana's list of tools is the same for everybody and changes now and then, but decoding it strictly costs milliseconds. An answer
// whose every byte was decoded before, but for the id of the call, needs no second decoding; what a caller sees of it is still chosen
// by the names that this call was admitted with.
import type { ToolList } from './filter-tools';

const MAX_LISTS = 64;
const MAX_BYTES = 16 * 1024 * 1024;
/** Sets of tools for which a list's text is kept; groups are few. */
const MAX_SHOWN = 32;

/** A list that was decoded and found good, with the bytes it was decoded from, but for the id of the call between them. */
export interface KnownList {
  list: ToolList;
  before: Buffer;
  behind: Buffer;
  /** What callers see of it, by what they were admitted with. */
  shown: Map<string, Buffer>;
  bytes: number;
}

/** The one that was not used for longest is the first. */
const lists = new Set<KnownList>();
let bytes = 0;

/** What stands before and behind the id in an answer to our call. Null where the id is not there once (RF-19). */
function aroundId(answer: Buffer, upstreamId: string): { before: Buffer; behind: Buffer } | null {
  const id = JSON.stringify(upstreamId);
  const at = answer.indexOf(id);
  if (at === -1 || answer.indexOf(id, at + 1) !== -1) return null;
  return { before: answer.subarray(0, at), behind: answer.subarray(at + id.length) };
}

/** The list of an answer that was read before: every byte is the same but for the id, which each answer has from us. */
export function knownList(answer: Buffer, upstreamId: string): KnownList | undefined {
  const parts = aroundId(answer, upstreamId);
  if (!parts) return undefined;
  for (const known of lists)
    if (known.before.equals(parts.before) && known.behind.equals(parts.behind)) {
      lists.delete(known);
      lists.add(known);
      return known;
    }
  return undefined;
}

/** Keeps a list that was decoded from this whole answer and found good. */
export function rememberList(answer: Buffer, upstreamId: string, list: ToolList): void {
  const parts = aroundId(answer, upstreamId);
  if (!parts || answer.length > MAX_BYTES / 4 || knownList(answer, upstreamId)) return;
  // Copies: what was received is part of a larger piece that would be kept with it.
  const [before, behind] = [Buffer.from(parts.before), Buffer.from(parts.behind)];
  const known = { list, before, behind, shown: new Map<string, Buffer>(), bytes: answer.length };
  lists.add(known);
  bytes += known.bytes;
  makeRoom();
}

/** What a caller sees of a known list: kept by `key`, which must tell all that `make` depends on. */
export function shownOf(known: KnownList, key: string, make: () => string): Buffer {
  let shown = known.shown.get(key);
  if (shown) return shown;
  shown = Buffer.from(make());
  const oldest = known.shown.size === MAX_SHOWN ? known.shown.entries().next().value : undefined;
  if (oldest) known.shown.delete(oldest[0]);
  known.shown.set(key, shown);
  const grown = shown.length - (oldest?.[1].length ?? 0);
  known.bytes += grown;
  if (lists.has(known)) bytes += grown;
  makeRoom();
  return shown;
}

function makeRoom(): void {
  for (const oldest of lists) {
    if (lists.size <= MAX_LISTS && bytes <= MAX_BYTES) return;
    lists.delete(oldest);
    bytes -= oldest.bytes;
  }
}
