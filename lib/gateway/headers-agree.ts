// Headers that repeat what the body says (MCP 2026-07-28, transports; SEP-2243): whether they agree, and how we write them. Pure.
import { ExactNumber, type Json, type JsonObject } from './decode';
import type { Message } from './message';

const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);

/** A header of ours, or of an agent that we hand on: `Mcp-Param-*` may be 20, of 1 KiB each. */
const MAX_PARAM_HEADERS = 20;
const MAX_PARAM_CHARS = 1_024;
const PARAM = 'mcp-param-';

/** In the legacy era nobody must send them; where one is there it says what the body says, all the same. Null, or our sentence. */
export function headerMismatch(
  message: Message,
  header: (name: string) => string | undefined,
): string | null {
  const method = header('mcp-method');
  if (method !== undefined && method !== message.method) return 'Mcp-Method differs from the body.';
  const name = header('mcp-name');
  const said = message.params.get('name') ?? message.params.get('uri');
  if (name !== undefined && decodeSentinel(name) !== said) return 'Mcp-Name differs from the body.';
  return null;
}

/** The name or URI that `Mcp-Name` repeats; undefined for methods without. */
export function nameIn({ method, params }: Pick<Message, 'method' | 'params'>): Json | undefined {
  const member = NAMED_BY.get(method);
  return member === undefined ? undefined : params.get(member);
}

/** Whether `Mcp-Name` is missing where it is needed, or says something else than the body. */
export function nameHeaderDiffers(message: Message, header: string | undefined): boolean {
  const said = nameIn(message);
  // Without a name in the body there is nothing to repeat: the method's own check says what is missing.
  if (typeof said !== 'string') return false;
  return header === undefined || decodeSentinel(header) !== said;
}

/** `=?base64?…?=` stands for its decoded text; null where that is not base64 of UTF-8. */
function decodeSentinel(value: string): string | null {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** A text as a header's value; what is not plain ASCII, or looks like the sentinel, becomes the sentinel. */
export function encodeHeaderValue(text: string): string {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?base64?');
  return isPlain ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}

/** The arguments that a tool's reviewed definition repeats in headers (`x-mcp-header`): argument → the header's suffix. */
export type ParamHeaders = Readonly<Record<string, string>>;

/** What a header says of an argument; undefined where it says nothing. */
function textOf(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value instanceof ExactNumber ? value.text : undefined;
}

function argumentsOf({ params }: Message): JsonObject {
  const args = params.get('arguments');
  return args instanceof Map ? args : new Map<string, Json>();
}

/** The suffix of a header that is missing, not asked for, or says something else than its argument; null where all agree. */
export function paramHeaderMismatch(
  message: Message,
  annotated: ParamHeaders,
  header: (name: string) => string | undefined,
): string | null {
  const args = argumentsOf(message);
  for (const [name, suffix] of Object.entries(annotated)) {
    const given = header(PARAM + suffix.toLowerCase());
    const said = textOf(args.get(name));
    if ((given === undefined ? undefined : decodeSentinel(given)) !== said) return suffix;
  }
  return null;
}

/**
 * The `Mcp-Param-*` headers for Asana: the annotated ones written anew from the body, those that nobody here knows as they came, as
 * an intermediary must (SEP-2243). Null where there are too many, or one is too long or not plain.
 */
export function paramHeadersFor(
  message: Message,
  annotated: ParamHeaders,
  headers: ReadonlyMap<string, string>,
): Record<string, string> | null {
  const args = argumentsOf(message);
  const known = new Map<string, string | undefined>();
  for (const [name, suffix] of Object.entries(annotated))
    if (/^[\w-]{1,100}$/.test(suffix)) known.set(PARAM + suffix.toLowerCase(), textOf(args.get(name)));
  const sent: Record<string, string> = {};
  for (const [name, text] of known) if (text !== undefined) sent[name] = encodeHeaderValue(text);
  for (const [name, value] of headers) if (name.startsWith(PARAM) && !known.has(name)) sent[name] = value;
  const values = Object.values(sent);
  const fits = values.length <= MAX_PARAM_HEADERS && values.every((value) => value.length <= MAX_PARAM_CHARS);
  return fits && values.every((value) => /^[\t\x20-\x7e]*$/.test(value)) ? sent : null;
}
