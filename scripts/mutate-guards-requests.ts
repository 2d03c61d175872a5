// The guards of a request on its way in: what is read, decoded and understood before anybody is asked. See mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gateway = (name: string) => `tests/gateway/${name}.test.ts`;
const spellings = [gateway('spellings')];
const transport = [gateway('transport')];
const limits = [gateway('limits')];
const load = [gateway('load')];
const bearers = [gateway('bearers')];
const methods = [gateway('methods')];
const mainJob = [gateway('main-job')];

export const REQUEST_MUTANTS: Mutant[] = [
  ...of('lib/gateway/serve-mcp.ts', load, [
    [
      'a body that stops',
      'LD-04',
      `const piece = setTimeout(() => request.destroy(), bodyMs);`,
      `const piece = setTimeout(() => undefined, bodyMs);`,
    ],
    [
      'a body that drips',
      'LD-04',
      `const whole = setTimeout(() => request.destroy(), 3 * bodyMs);`,
      `const whole = setTimeout(() => undefined, 1);`,
    ],
    ['size while reading', 'PP-20', `if (size <= maxBytes) return void`, `return void`, transport],
    [
      'the connection ends with a cut body',
      'PP-20',
      `if (!request.complete) leaveUnread(request, response, bodyMs);`,
      ``,
      transport,
    ],
    [
      'back-pressure',
      'LD-03',
      `if (!response.write(piece)) await drained(response, readerMs);`,
      `response.write(piece);`,
    ],
    [
      'a reader that stalls',
      'LD-03',
      `const stalled = setTimeout(() => response.destroy(), readerMs);`,
      `const stalled = setTimeout(() => undefined, 1);`,
    ],
    [
      'two Authorization headers',
      'PB-20',
      `(name, n) => n % 2 === 0 && name.toLowerCase() === 'authorization',`,
      `(name) => name === 'never',`,
      bearers,
    ],
  ]),
  ...of('lib/gateway/handle-mcp.ts', spellings, [
    [
      'Origin',
      'PP-31',
      `header('origin') !== undefined && !isOwnOrigin(`,
      `false && !isOwnOrigin(`,
      transport,
    ],
    ['HTTP methods', 'PB-30', `if (!/^(POST|GET|DELETE)$/.test(method))`, `if (false)`, transport],
    [
      'announced size',
      'T12 PP-20',
      `Number(header('content-length') ?? 0) > MAX_BODY_BYTES`,
      `false`,
      transport,
    ],
    ['content type', 'PP-17', `!/^application\\/json\\s*(?:;|$)/i.test(type) ||`, ``, transport],
    ['charset', 'PP-14', `|| /;\\s*charset\\s*=(?!\\s*"?utf-8"?\\s*(?:;|$))/i.test(type)`, ``],
    [
      'content encoding',
      'PP-18',
      `!/^(?:identity)?$/i.test(header('content-encoding') ?? '')`,
      `false`,
      transport,
    ],
    ['accept', 'both kinds of answer', `!accepts(header('accept'))`, `false`, transport],
    [
      'one Authorization header',
      'PB-20',
      `request.authorizations === 1 ?`,
      `request.authorizations > 0 ?`,
      bearers,
    ],
    [
      'checksum before the database',
      'LD-14|mistyped',
      `isWellFormedToken(token, 'gth')`,
      `token.startsWith('gth_')`,
      bearers,
    ],
    [
      'size as read',
      'PP-20',
      `if (body === null) return { answer: answerError(413, null, -32600, tooLarge) };`,
      ``,
      transport,
    ],
    ['a malformed message is refused', 'PP-01', `if (call.refused) return refuse(call.refused);`, ``],
    ['a denial is an answer', 'PB-01', `if (admitted.denial) return deny(`, `if (false) return deny(`],
    [
      'a limit is an answer',
      'of an agent token',
      `if (admitted.limit) return answerLimit(`,
      `if (false) return answerLimit(`,
      limits,
    ],
    ['a method nobody opened', 'PB-03', `denial: access === 'closed' ? 'method_not_allowed' : `, `denial: `],
    ['an unspoken version', 'PP-28', `(!spoken && method !== 'initialize')`, `false`, transport],
    [
      'a notification with an id',
      'PP-11',
      `method.startsWith('notifications/') && id !== undefined`,
      `false`,
    ],
    [
      'a request without an id',
      'PP-11',
      `!method.startsWith('notifications/') && !answer && id === undefined`,
      `false`,
    ],
    ['headers against the body', 'PP-26', `if (mismatch) return bad(`, `if (false) return bad(`],
    [
      'a name that can not be kept',
      'PB-08',
      `return recordable(tool) === tool ? null : 'unknown_tool';`,
      `return null;`,
    ],
    ['NUL in the record', 'PB-08', `.replaceAll('\\0', '\\uFFFD')`, ``],
    ['NUL in a URI', 'PB-04', `!uri.includes('\\0')`, `true`, methods],
    ['ping is not on record', 'ping', `record: message.method !== 'ping'`, `record: true`, transport],
  ]),
  ...of('lib/gateway/decode.ts', spellings, [
    ['fatal UTF-8', 'PP-15', `fatal: true, ignoreBOM: true`, `fatal: false, ignoreBOM: true`],
    ['byte order mark', 'PP-14', `if (text.charCodeAt(0) === 0xfeff)`, `if (false)`],
    ['depth', 'PP-22', `if (depth > this.limits.maxDepth)`, `if (depth > 1_000)`],
    ['values', 'PP-21', `if (++this.elements > this.limits.maxElements)`, `if (false)`],
    ['keys', 'PP-21', `if (++this.keys > this.limits.maxKeys)`, `if (false)`],
    ['what follows the value', 'PP-16', `if (this.at !== this.text.length)`, `if (false)`],
    ['NUL in a key', 'PP-08', `strict && key.includes('\\0')`, `false`],
    ['a key twice', 'PP-0[1-5]', `if (seen.has(fold))`, `if (false)`],
    ['look-alike protocol keys', 'PP-06', `protocol !== undefined && protocol !== key`, `false`],
    ['compatible characters', 'PP-07', `.normalize('NFKC')`, ``],
    ['case', 'PP-06', `return key.toLowerCase().trim();`, `return key.trim();`],
    ['case of what is not ASCII', 'PP-07', `text.toUpperCase().toLowerCase()`, `text.toLowerCase()`],
    ['white space around a key', 'PP-07', `return key.toLowerCase().trim();`, `return key.toLowerCase();`],
    ['length of a string', 'PP-21', `if (text.length > maxChars)`, `if (false)`],
    ['length of a key', 'PP-21', `this.string(MAX_KEY_CHARS)`, `this.string(this.limits.maxStringChars)`],
    ['half a character', 'PP-15', `if (escaped && !(text as unknown`, `if (false && !(text as unknown`],
    ['control characters', 'PP-16', `else if (!(code >= 0x20))`, `else if (Number.isNaN(code))`],
    ['length of a number', 'PP-23', `text.length > MAX_NUMBER_CHARS`, `false`],
    [
      'numbers as written',
      'PP-23',
      `String(value) === text ? value : new ExactNumber(text)`,
      `value`,
      mainJob,
    ],
  ]),
  ...of('lib/gateway/message.ts', spellings, [
    ['batches', 'PP-09', `if (Array.isArray(value))`, `if (false)`],
    ['JSON-RPC 2.0', 'PP-11', `if (value.get('jsonrpc') !== '2.0')`, `if (false)`],
    ['unknown members', 'PP-06', `if (!MEMBERS.has(key))`, `if (false)`],
    ['the method is a text', 'PP-11', `typeof method !== 'string' || method === ''`, `method === ''`],
    ['length of the method', 'PB-03', `|| method.length > MAX_METHOD_CHARS`, ``],
    ['look-alikes of what goes on', 'PP-06', `hasLookAlike(method, params))`, `false)`],
    ['odd ids', 'PP-12', `if (value.has('id') && !idFits)`, `if (false)`],
    ['params are an object', 'PP-11', `if (value.has('params') && !(params instanceof Map))`, `if (false)`],
    ['the name is a text', 'PB-09', `if (typeof name !== 'string')`, `if (false)`],
    ['arguments are an object', 'PB-09', `args !== undefined && !(args instanceof Map)`, `false`],
    [
      'known params only',
      'PB-19',
      `for (const key of FORWARDED.get(method) ?? [])`,
      `for (const key of params.keys())`,
      methods,
    ],
  ]),
  ...of('lib/gateway/headers-agree.ts', spellings, [
    ['Mcp-Method', 'PP-26', `method !== undefined && method !== message.method`, `false`],
    ['Mcp-Name', 'PP-26', `name !== undefined && decodeSentinel(name) !== said`, `false`],
    ['one spelling of base64', 'PP-27', `if (bytes.toString('base64') !== encoded)`, `if (false)`],
  ]),
];
