// The guards of the way back: what of Asana’s answer reaches the caller, and in which form. See mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gateway = (name: string) => `tests/gateway/${name}.test.ts`;
const transport = [gateway('transport')];
const answers = [gateway('answers')];
const large = [gateway('large-answer')];
const faults = [gateway('faults')];
const methods = [gateway('methods')];

export const ANSWER_MUTANTS: Mutant[] = [
  ...of(
    'lib/gateway/known-lists.ts',
    [gateway('known-lists')],
    [
      ['our id once', 'RF-19', `|| answer.indexOf(id, at + 1) !== -1`, ``],
      ['the bytes before the id', 'the same bytes', `known.before.equals(parts.before) &&`, ``],
      ['the bytes behind the id', 'the same bytes', `&& known.behind.equals(parts.behind)`, ``],
      ['room for lists', 'no more is kept', `lists.size <= MAX_LISTS && bytes <= MAX_BYTES`, `true`],
      ['room for sets', 'what is kept of a list', `known.bytes += grown;\n`, `\n`],
    ],
  ),
  ...of(
    'lib/gateway/exchange.ts',
    [gateway('known-lists')],
    [
      [
        'a list for each set of tools',
        'PB-01',
        `[call.message.era, call.admitted.visible]`,
        `[call.message.era]`,
      ],
    ],
  ),
  ...of('lib/gateway/answer.ts', answers, [
    ['encoded answers', 'RF-13', `!isPlain(upstream) ||`, ``],
    ['media types', 'RF-12', `(type !== 'application/json' && type !== 'text/event-stream')`, `false`],
    ['fatal UTF-8', 'PP-15', `fatal: true, ignoreBOM: false`, `fatal: false, ignoreBOM: false`],
  ]),
  ...of('lib/gateway/read-answer.ts', answers, [
    [
      'size of an answer',
      'RF-21 T13',
      `const MAX_ANSWER_BYTES = 16 * 1024 * 1024;`,
      `const MAX_ANSWER_BYTES = 60 * 1024 * 1024;`,
    ],
    [
      'length of a stream',
      'RF-21',
      `const MAX_STREAM_BYTES = 64 * 1024 * 1024;`,
      `const MAX_STREAM_BYTES = 200 * 1024 * 1024;`,
    ],
    [
      'JSON-RPC answers only',
      'RF-14 RF-09',
      `if (value('jsonrpc') !== '"2.0"' || members.has('method')) return null;`,
      ``,
    ],
    ['our id', 'RF-19', `if (value('id') !== JSON.stringify(exchange.upstreamId)) return null;`, ``],
    [
      'a result or an error',
      'RF-14 RF-09',
      `if ((result === undefined) === (error === undefined)) return null;`,
      `if (result === undefined && error === undefined) return null;`,
    ],
    ['a result is an object', 'UF-13', `if (!result!.startsWith('{')) return null;`, ``],
  ]),
  ...of('lib/gateway/answer-events.ts', answers, [
    [
      'events that are no message',
      'RF-02',
      `if (!members) throw new EventStreamError('not a JSON-RPC message');`,
      `if (!members) return null;`,
    ],
    [
      'answers to others',
      'RF-19',
      `throw new EventStreamError('an answer to another request, or none at all');`,
      `return null;`,
    ],
    ['progress of others', 'T10 RF-20', `encodeJson(token) !== exchange.progressToken`, `false`, transport],
    [
      'requests of the server',
      'T10 RF-20',
      `if (members.has('id') || method !== '"notifications/progress"') {`,
      `if (method !== '"notifications/progress"') {`,
      transport,
    ],
    ['line ends in an event', 'RF-22', `    .replace(/[\\r\\n]/g, ' ')\n`, ``],
    ['line ends of Unicode', 'RF-22', `.replace(/[\\u0085\\u2028\\u2029]/g,`, `.replace(/[\\u0085]/g,`],
    [
      'a cut stream is no success',
      'after the first progress',
      `exchange.settled('unknown', 'cut');\n  }\n  yield`,
      `exchange.settled('ok');\n  }\n  yield`,
      faults,
    ],
  ]),
  ...of('lib/gateway/answer-in-pieces.ts', answers, [
    [
      'a cut large answer is no success',
      'breaks off',
      `exchange.settled('unknown', 'cut');\n      void rest`,
      `exchange.settled('ok');\n      void rest`,
      large,
    ],
    [
      'a large answer is followed',
      'sixty MiB',
      `if (size > MAX_STREAM_BYTES) throw new Error`,
      `if (false) throw new Error`,
      large,
    ],
  ]),
  ...of('lib/gateway/large-answer.ts', large, [
    [
      'whose answer',
      'RF-19',
      `if (id !== undefined && id !== JSON.stringify(upstreamId)) throw`,
      `if (false) throw`,
    ],
    ['no byte before the id', 'RF-19', `return id !== undefined && envelope`, `return envelope`],
    ['one of each member', 'RF-08', `seen.has(key) ||`, ``],
    ['errors and requests', 'RF-09', ` || key === 'method' || key === 'error'`, ``],
    ['the end', 'RF-14', `!envelope.isComplete() ||`, ``],
    ['what is held', 'up to a bound', `if (heldBytes > maxHeldBytes) throw`, `if (false) throw`],
    ['UTF-8', 'PP-15', `utf8.decode(bytes, { stream: true })`, `bytes`],
    [
      'brackets that fit',
      'RF-08',
      `if (brackets.pop() !== (byte === CLOSE ? OPEN : OPEN_LIST)) fail();`,
      `brackets.pop();`,
    ],
    ['depth', 'RF-08', `> MAX_DEPTH) fail();`, `> 1e9) fail();`],
  ]),
  ...of('lib/gateway/filter-tools.ts', answers, [
    ['visible tools only', 'RF-01', `if (reviewed === fingerprint || reviewed === '*') shown`, `shown`],
    ['a name twice', 'PB-13', `=> times.get(name) === 1`, `=> times.has(name)`],
    ['names are texts', 'RF-16', `if (!names.every((name) => typeof name === 'string')) return null;`, ``],
    [
      'a list is a list',
      'RF-16',
      `if (!Array.isArray(decoded)) return null;`,
      `if (!Array.isArray(decoded)) return { tools: [], nextCursor: null, ttlMs: undefined };`,
    ],
  ]),
  ...of('lib/gateway/exchange.ts', faults, [
    ['lists are filtered', 'RF-01', `message.method === 'tools/list'\n`, `false\n`, answers],
    ['openings are rewritten', 'F1 RF-17', `message.method === 'initialize'\n`, `false\n`, transport],
    [
      'versions of an opening',
      'an opening that Asana spoils',
      `if (typeof version !== 'string' || !(LEGACY_VERSIONS as readonly string[]).includes(version)) return null;`,
      `if (typeof version !== 'string') return null;`,
    ],
  ]),
  ...of('lib/gateway/initialize.ts', methods, [
    ['governed capabilities only', 'F1', `families.includes(family) && offered`, `offered`],
    ['offered capabilities only', 'F1', ` && offered.has(capability)`, ``],
  ]),
  ...of('lib/gateway/json-members.ts', answers, [
    ['a member twice', 'RF-16', `if (members.has(key)) return null;`, ``],
  ]),
];
