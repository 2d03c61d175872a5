// One JSON-RPC message of an agent, checked: a request, a notification, or an answer to a question of Asana's. Pure.
import {
  DecodeError,
  decodeJson,
  decodeUtf8,
  encodeJson,
  folded,
  REQUEST_LIMITS,
  type Json,
  type JsonObject,
} from './decode';
import { CLIENT_ANSWER, type Era } from '../policy/policy';

/** A checked message. `id` is absent on notifications; it is echoed exactly. */
export interface Message {
  id: string | number | undefined;
  method: string;
  params: JsonObject;
  /** `legacy` until `eraOf` said otherwise. */
  era: Era;
  /** What it answers, where it is an answer; then its method is `CLIENT_ANSWER` and it has no id of its own. */
  answer?: ClientAnswer;
}

/** An agent's answer to a question of Asana's (legacy era). */
export interface ClientAnswer {
  /** The id under which the agent was asked. */
  to: string;
  member: 'result' | 'error';
  value: JsonObject;
}

/** Why a message is refused: HTTP status, JSON-RPC code, our sentence, and the method and id as far as they are known. */
export interface Refused {
  status: 200 | 400;
  code: -32700 | -32600 | -32602 | -32020 | -32022 | -32000;
  message: string;
  /** Undefined: the answer has none (modern era, where null is no id). */
  id: string | number | null | undefined;
  method: string | null;
  data?: unknown;
}

/** The method on record of a GET that reaches Asana; of a POST it is nothing that anybody opens. */
export const STREAM = 'GET';

const MEMBERS = new Set(['jsonrpc', 'id', 'method', 'params']);
const MAX_ID_CHARS = 256;
const MAX_METHOD_CHARS = 128;
/** Ids of questions are ours, and sealed. */
const MAX_QUESTION_ID_CHARS = 6_144;

/** Decodes a request body into one message, or says why not. Never throws. */
export function decodeMessage(body: Uint8Array): { message: Message } | { refused: Refused } {
  let value: Json;
  try {
    value = decodeJson(decodeUtf8(body), REQUEST_LIMITS);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { refused: refusal(-32700, `Not accepted: ${error.message}.`) };
  }
  if (Array.isArray(value))
    return { refused: refusal(-32600, 'Batches are not part of MCP; send one message per request.') };
  if (!(value instanceof Map)) return { refused: refusal(-32600, 'A message must be a JSON object.') };
  return checkMessage(value);
}

function checkMessage(value: JsonObject): { message: Message } | { refused: Refused } {
  const id = value.get('id');
  const method = value.get('method');
  const params = value.get('params');
  const knownId = typeof id === 'string' || typeof id === 'number' ? id : null;
  const refuse = (code: Refused['code'], message: string) => ({
    refused: refusal(code, message, knownId, method),
  });
  if (value.get('jsonrpc') !== '2.0') return refuse(-32600, 'jsonrpc must be "2.0".');
  if (!value.has('method') && (value.has('result') || value.has('error'))) return checkAnswer(value);
  for (const key of value.keys())
    if (!MEMBERS.has(key)) return refuse(-32600, 'A message has a member that JSON-RPC does not know.');
  if (typeof method !== 'string' || method === '' || method.length > MAX_METHOD_CHARS)
    return refuse(-32600, 'method must be a string.');
  const idFits = typeof id === 'string' ? id.length <= MAX_ID_CHARS : Number.isSafeInteger(id);
  if (value.has('id') && !idFits)
    return { refused: refusal(-32600, 'id must be a string or an integer.', null, method) };
  if (value.has('params') && !(params instanceof Map)) return refuse(-32600, 'params must be an object.');
  if (params instanceof Map && hasLookAlike(method, params))
    return refuse(-32600, 'params has a member that looks like one of the method and is not.');
  return {
    message: {
      id: id as string | number | undefined,
      method,
      params: params instanceof Map ? params : new Map(),
      era: 'legacy',
    },
  };
}

/** JSON-RPC 2.0 §5: exactly one of result and error, under the id of the question. */
function checkAnswer(value: JsonObject): { message: Message } | { refused: Refused } {
  const refuse = (text: string) => ({ refused: refusal(-32600, text, null, CLIENT_ANSWER) });
  const id = value.get('id');
  const member = value.has('result') ? 'result' : 'error';
  const given = value.get(member);
  if (value.size !== 3 || !(given instanceof Map))
    return refuse('An answer has jsonrpc, id, and one object: result or error.');
  const [code, text] = [given.get('code'), given.get('message')];
  if (member === 'error' && !(Number.isInteger(code) && typeof text === 'string'))
    return refuse('An error has a code and a message.');
  if (typeof id !== 'string' || id.length > MAX_QUESTION_ID_CHARS)
    return refuse('It answers no question that was asked here.');
  const answer: ClientAnswer = { to: id, member, value: given };
  return {
    message: { id: undefined, method: CLIENT_ANSWER, params: new Map(), era: 'legacy', answer },
  };
}

/** An answer for Asana; `askedAs`: Asana's own id of its question, as JSON. */
export function rebuildAnswer({ member, value }: ClientAnswer, askedAs: string): string {
  return `{"jsonrpc":"2.0","id":${askedAs},"${member}":${encodeJson(value)}}`;
}

function refusal(code: Refused['code'], message: string, id: Refused['id'] = null, method?: Json): Refused {
  return {
    status: 400,
    code,
    message,
    id,
    method: typeof method === 'string' ? method.slice(0, MAX_METHOD_CHARS) : null,
  };
}

/** What only `tools/call` asks for: a name that is a string, arguments that are an object. Null when it is well formed. */
export function checkToolCall({ id: given, method, params }: Message): Refused | null {
  const id = given ?? null;
  const name = params.get('name');
  if (typeof name !== 'string')
    return { status: 200, code: -32602, message: 'params.name must be a string.', id, method };
  const args = params.get('arguments');
  if (args !== undefined && !(args instanceof Map))
    return { status: 200, code: -32602, message: 'params.arguments must be an object.', id, method };
  return null;
}

// Members of params that go on to Asana, by method; anything else stays here. Raw passthrough does not exist.
const FORWARDED: ReadonlyMap<string, readonly string[]> = new Map([
  ['tools/call', ['name', 'arguments', '_meta']],
  ['tools/list', ['cursor', '_meta']],
  ['resources/list', ['cursor', '_meta']],
  ['resources/templates/list', ['cursor', '_meta']],
  ['resources/read', ['uri', '_meta']],
  ['resources/subscribe', ['uri', '_meta']],
  ['resources/unsubscribe', ['uri', '_meta']],
  ['prompts/list', ['cursor', '_meta']],
  ['prompts/get', ['name', 'arguments', '_meta']],
  ['completion/complete', ['ref', 'argument', 'context', '_meta']],
  ['logging/setLevel', ['level', '_meta']],
  ['notifications/initialized', ['_meta']],
  ['notifications/roots/list_changed', ['_meta']],
  ['notifications/cancelled', ['requestId', 'reason', '_meta']],
]);

/** Whether some reader could take a member for one that goes on, which it is not (PP-06). */
function hasLookAlike(method: string, params: JsonObject): boolean {
  const meant = FORWARDED.get(method) ?? [];
  for (const key of params.keys()) {
    const fold = folded(key);
    if (meant.some((one) => one !== key && one.toLowerCase() === fold)) return true;
  }
  return false;
}

/**
 * The message for Asana, rebuilt from the decoded value, under an id of ours (absent for a notification). `instead`: members of params
 * that take the place of the agent's.
 */
export function rebuild(
  { method, params }: Message,
  id: string | undefined,
  instead?: ReadonlyMap<string, Json>,
): string {
  const kept: JsonObject = new Map();
  for (const key of FORWARDED.get(method) ?? []) {
    const value = params.get(key);
    if (value !== undefined) kept.set(key, value);
  }
  for (const [key, value] of instead ?? []) kept.set(key, value);
  const whole: JsonObject = new Map<string, Json>([['jsonrpc', '2.0']]);
  if (id !== undefined) whole.set('id', id);
  whole.set('method', method);
  if (kept.size > 0) whole.set('params', kept);
  return encodeJson(whole);
}
