// The guards of the gate, the policy and the filters: where each stands, what it looks like without it, and the tests that must then
// fail. scripts/mutate.ts removes them one by one.

/** One guard. `find` stands exactly once in `file`; `tests` are run with vitest's `-t match`. */
export interface Mutant {
  file: string;
  find: string;
  replace: string;
  why: string;
  tests: string[];
  match: string;
}

const gateway = (name: string) => `tests/gateway/${name}.test.ts`;

/** Guards of one file, all held by tests of the same files unless a line names others. */
function of(
  file: string,
  tests: string[],
  lines: [why: string, match: string, find: string, replace: string, tests?: string[]][],
): Mutant[] {
  return lines.map(([why, match, find, replace, own]) => ({
    file,
    find,
    replace,
    why,
    match,
    tests: own ?? tests,
  }));
}

const spellings = [gateway('spellings')];
const transport = [gateway('transport')];
const answers = [gateway('answers')];
const faults = [gateway('faults')];
const limits = [gateway('limits')];
const load = [gateway('load')];
const bearers = [gateway('bearers')];
const methods = [gateway('methods')];
const mainJob = [gateway('main-job')];

export const MUTANTS: Mutant[] = [
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
    ['the stateless era', 'PB-04: server', `method === 'server/discover' || `, ``],
    ['an unspoken version', 'PP-28', `(!spoken && method !== 'initialize')`, `false`, transport],
    [
      'a notification with an id',
      'PP-11',
      `method.startsWith('notifications/') && id !== undefined`,
      `false`,
    ],
    ['a request without an id', 'PP-11', `!method.startsWith('notifications/') && id === undefined`, `false`],
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
    ['compatible characters', 'PP-07', `key.normalize('NFKC')`, `key`],
    ['case', 'PP-06', `plain.toLowerCase().trim()`, `plain.trim()`],
    ['white space around a key', 'PP-07', `plain.toLowerCase().trim()`, `plain.toLowerCase()`],
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
    ['odd ids', 'PP-12', `if (value.has('id') && !idFits)`, `if (false)`],
    ['params are an object', 'PP-11', `if (value.has('params') && !(params instanceof Map))`, `if (false)`],
    ['the name is a text', 'PB-09', `if (typeof name !== 'string')`, `if (false)`],
    ['arguments are an object', 'PB-09', `args !== undefined && !(args instanceof Map)`, `false`],
    ['Mcp-Method', 'PP-26', `method !== undefined && method !== message.method`, `false`],
    ['Mcp-Name', 'PP-26', `name !== undefined && decodeSentinel(name) !== said`, `false`],
    ['one spelling of base64', 'PP-27', `if (bytes.toString('base64') !== encoded)`, `if (false)`],
    [
      'known params only',
      'PB-19',
      `for (const key of FORWARDED.get(method) ?? [])`,
      `for (const key of params.keys())`,
      methods,
    ],
  ]),
  ...of('lib/policy/policy.ts', mainJob, [
    ['unknown tool', 'PB-06', `WHEN \${at.tool}.name IS NULL THEN`, `WHEN false THEN`, spellings],
    ['blocked', 'block', `WHEN \${at.tool}.blocked THEN`, `WHEN false THEN`],
    ['missing', 'dropped', `WHEN \${at.tool}.status = 'missing' THEN`, `WHEN false THEN`],
    [
      'review',
      'PB-11',
      `WHEN NOT (\${at.tool}.status = 'reviewed' OR`,
      `WHEN false AND NOT (\${at.tool}.status = 'reviewed' OR`,
    ],
    ['drift policy', 'PB-11', `AND \${at.driftPolicy} = 'warn'`, ``],
    ['groups', 'PB-01', `WHEN NOT (\${at.granted}) THEN`, `WHEN false THEN`, spellings],
    ['the token’s own list', 'PB-05', `WHEN \${at.restricted} AND NOT`, `WHEN false AND NOT`],
    ['whose groups', 'PB-05', ` AND gm.member_id = \${at.memberId}`, ``],
    ['which tools of a group', 'PB-01', ` AND gt.tool_name = \${at.toolName}`, ``, spellings],
    ['widgets only', 'PB-04', `(\${at.uri} LIKE 'ui://%' AND `, `(`, methods],
    [
      'methods by exact name',
      'PB-03',
      `return FAMILIES.get(method) ?? 'closed';`,
      `return FAMILIES.get(method) ?? 'open';`,
      spellings,
    ],
  ]),
  ...of('lib/policy/limits.ts', limits, [
    ['the plan', 'of a connection', `WHEN 'free' THEN`, `WHEN 'never' THEN`],
    ['what searches', 'of searches', `OR \${toolName} = 'get_status_overview'`, ``],
  ]),
  ...of('lib/gateway/admit.ts', mainJob, [
    ['expired bearers', 'R3', `if (row.expired) return`, `if (false) return`, bearers],
    [
      'a second for an answer',
      'DB',
      `const TIMEOUT_MS = 900;`,
      `const TIMEOUT_MS = 9_000;`,
      [gateway('database-away')],
    ],
    ['waiting ends', 'LD-01', `if (!joined) reject(`, `if (false) reject(`, load],
  ]),
  ...of('lib/gateway/admission-sql.ts', mainJob, [
    [
      'no record of an expired bearer',
      'R3',
      `WHERE call_id IS NOT NULL AND NOT expired\n)\n`,
      `WHERE call_id IS NOT NULL\n)\n`,
      bearers,
    ],
    ['the family of a method', 'PB-04 F5', ` AND b.family = ANY(g.methods)`, ``, methods],
    ['a widget’s tool is the caller’s', 'PB-04', ` AND \${denialOf('tw', 'tw.name')} IS NULL`, ``, methods],
    ['only visible tools are listed', 'tools/list', ` AND \${denialOf('tv', 'tv.name')} IS NULL`, ``],
    ['whose connection', 'follows the only', ` AND c.member_id = d.member_id\n`, `\n`],
    [
      'one of several connections',
      'follows the only',
      `d.active_connections = 1`,
      `d.active_connections >= 1`,
    ],
    ['the quiet Asana asked for', 'UF-04', `AND c.throttled_until > now()`, `AND false`, limits],
    [
      'denials do not count',
      'count lists',
      `AND denial IS NULL AND throttled_ms`,
      `AND throttled_ms`,
      limits,
    ],
    [
      'pings do not count',
      'count lists',
      `call_id IS NOT NULL AND NOT expired AND denial`,
      `NOT expired AND denial`,
      limits,
    ],
    ['the token’s limit', 'of an agent token', `WHERE token_limit IS NOT NULL`, `WHERE false`, limits],
    ['the member’s limit', 'of a member', `WHERE member_limit IS NOT NULL`, `WHERE false`, limits],
    ['the group’s limit', 'of a group', `AND g.calls_per_minute IS NOT NULL`, `AND false`, limits],
    [
      'the limit on searches',
      'of searches',
      `AND method = 'tools/call' AND \${isSearchSql('tool')}`,
      `AND false`,
      limits,
    ],
    [
      'the connection’s limit',
      'of a connection',
      `'connection', connection_id, connection_limit FROM counted\n    WHERE`,
      `'connection', connection_id, connection_limit FROM counted\n    WHERE false AND`,
      limits,
    ],
    ['a limit is a denial', 'of an agent token', `WHEN l.n IS NOT NULL THEN 'rate_limited'`, ``, limits],
  ]),
  ...of('prisma/migrations/0005_limits/migration.sql', limits, [
    [
      'a full counter refuses',
      'the count of a batch',
      `IF taken[counter] >= entry.limits[at] THEN`,
      `IF false THEN`,
    ],
    ['over the limit is looked into', 'the count of a batch', `IF NOT is_over THEN`, `IF true THEN`],
    ['refused calls are given back', 'floods a narrow', `WHERE g.spare > 0 AND`, `WHERE false AND`],
    [
      'a minute never goes back',
      'begin anew',
      `minute = greatest(c.minute, excluded.minute)`,
      `minute = excluded.minute`,
    ],
    [
      'a new minute begins at nothing',
      'begin anew',
      `THEN c.calls ELSE 0 END`,
      `THEN c.calls ELSE c.calls END`,
    ],
  ]),
  ...of('lib/gateway/admission-queue.ts', load, [
    ['room for all', 'LD-01', `size >= MAX_WAITING ||`, ``],
    ['room for one bearer', 'LD-01', `|| queue.length >= MAX_WAITING_EACH`, ``],
    ['a queue that stands', 'LD-01', `if (isSlow ||`, `if (`],
    [
      'turns',
      'LD-01',
      `    queues.delete(bearer);\n    if (queue.length > 0) queues.set(bearer, queue);`,
      `    if (queue.length === 0) queues.delete(bearer);`,
    ],
  ]),
  ...of('lib/gateway/in-flight.ts', limits, [
    ['calls in flight', 'calls in flight', `if (lane.taken < share && lane.waiting === 0)`, `if (true)`],
    ['those who wait', 'too many waiting', `queue.length >= MAX_WAITING_EACH ||`, ``],
    [
      'freed slots',
      'writes are 15',
      `while (lane.taken < share && lane.waiting > 0)`,
      `while (lane.waiting > 0)`,
    ],
    [
      'turns of agents',
      'writes are 15',
      `    lane.queues.delete(credentialId);\n    const called`,
      `    const called`,
    ],
  ]),
  ...of('lib/gateway/live-processes.ts', limits, [
    ['other processes', 'a process has', `count = rows[0]!.others + 1;`, `count = 1;`],
    ['dead ones', 'a process has', `interval '5 seconds'`, `interval '5 hours'`],
    ['old counters', 'an hour ago', `minute < now() - interval '1 hour'`, `false`],
  ]),
  ...of('lib/gateway/call-asana.ts', transport, [
    ['sessions of others', 'T8', `if (!journey.session) return sessionGone(journey);`, ``],
    ['admitted again after a wait', 'judged again', `if (stale) return stale;`, ``, faults],
    [
      'through the same connection',
      'through which',
      `if (denial === null && connection?.id === journey.connection.id)`,
      `if (denial === null)`,
      faults,
    ],
    ['cancel under Asana’s id', 'PP-33', `message.params.set('requestId', cancels);`, `{}`],
    [
      'cancel only one’s own',
      'PP-33',
      `? cancels === undefined : !journey.session`,
      `? false : !journey.session`,
    ],
    [
      'whose call is cancelled',
      'PP-33',
      `    journey.admitted.credentialId,\n    journey.session`,
      `    journey.session`,
    ],
    ['a refused token is renewed', 'UF-01', `|| upstream.status === 401`, ``, faults],
    [
      'a forgotten session is opened again',
      'opened itself',
      `if (answer.status !== 404 || own.sessionId === null)`,
      `if (true)`,
    ],
    [
      'slots',
      'writes are 15',
      `if (message.id !== undefined) journey.freeSlot = await slotFor(journey);`,
      ``,
      limits,
    ],
    ['slots are given back', 'writes are 15', `      journey.freeSlot?.();\n`, ``, limits],
  ]),
  ...of('lib/gateway/answer-failure.ts', faults, [
    [
      'words beside a list',
      'RF-17',
      `return method === 'tools/call' ? said.slice(0, 2_000) : 'Asana refused the request.';`,
      `return said;`,
      answers,
    ],
    [
      '5xx is unknown',
      'UF-07',
      `settled('unknown', \`status_\${status}\`)`,
      `settled('upstream_error', \`status_\${status}\`)`,
    ],
    ['the quiet is kept', 'UF-04', `    await quieten(call, waitMs);\n`, ``, limits],
    [
      'a cut is unknown',
      'UF-11',
      `call.settled('unknown', error.reason)`,
      `call.settled('upstream_error', error.reason)`,
    ],
  ]),
  ...of('lib/asana/mcp-post.ts', limits, [
    [
      'the quiet of our own calls',
      'a shorter wait',
      `if (refused.reason === 'rate_limited' && session`,
      `if (false && session`,
    ],
    ['a longer wait stays', 'a shorter wait', `greatest(throttled_until, now()`, `greatest(now(), now()`],
  ]),
  ...of('lib/gateway/answer.ts', answers, [
    ['encoded answers', 'RF-13', `encoding !== 'identity' ||`, ``],
    ['media types', 'RF-12', `(type !== 'application/json' && type !== 'text/event-stream')`, `false`],
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
    ['fatal UTF-8', 'PP-15', `fatal: true, ignoreBOM: false`, `fatal: false, ignoreBOM: false`],
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
    ['a member twice', 'RF-16', `if (members.has(key)) return null;`, ``],
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
    ['requests of the server', 'T10 RF-20', `if (members.has('id') || members`, `if (members`, transport],
    ['line ends in an event', 'RF-22', `    .replace(/[\\r\\n]/g, ' ')\n`, ``],
    ['line ends of Unicode', 'RF-22', `.replace(/[\\u0085\\u2028\\u2029]/g,`, `.replace(/[\\u0085]/g,`],
    [
      'a cut stream is no success',
      'after the first progress',
      `exchange.settled('unknown', 'cut');`,
      `exchange.settled('ok');`,
      faults,
    ],
  ]),
  ...of(
    'lib/asana/event-stream.ts',
    ['tests/asana/event-stream.test.ts'],
    [
      ['fatal UTF-8', '', `fatal: true, ignoreBOM: true`, `fatal: false, ignoreBOM: true`],
      [
        'CR and LF are one line end',
        '',
        `if (byte === LF && afterCr) start = at + 1;`,
        `if (false) start = at + 1;`,
      ],
      ['CR ends a line', '', `byte === LF || byte === CR`, `byte === LF`],
      ['byte order mark', '', `if (firstLine) line =`, `if (false) line =`],
      ['no space after the colon', '', `line[colon + 1] === ' ' ? colon + 2 : colon + 1`, `colon + 2`],
      ['comments', '', `if (colon === 0) return;`, ``],
      ['length of a line', '', `if (restBytes > maxEventBytes)`, `if (false)`],
      ['length of an event', '', `if (dataBytes > maxEventBytes)`, `if (false)`],
      ['data over several lines', '', `data.join('\\n')`, `data.join('')`],
    ],
  ),
  ...of(
    'lib/asana/mcp-answer.ts',
    ['tests/asana/mcp-client.test.ts', gateway('answers')],
    [
      [
        'encoded answers to our own calls',
        'encoded',
        `if (encoding !== 'identity') throw`,
        `if (false) throw`,
      ],
      ['our id', 'another|foreign|id', `theirs !== id || `, ``],
    ],
  ),
  ...of('lib/gateway/filter-tools.ts', answers, [
    ['visible tools only', 'RF-01', `visible.has(names[n]!) && `, ``],
    ['a name twice', 'PB-13', ` && !twice.has(names[n]!)`, ``],
    ['names are texts', 'RF-16', `if (!names.every((name) => typeof name === 'string')) return null;`, ``],
    [
      'a list is a list',
      'RF-16',
      `if (!Array.isArray(tools)) return null;`,
      `if (!Array.isArray(tools)) return result;`,
    ],
    [
      'the envelope is rebuilt',
      'RF-16',
      `new Map<string, Json>([['tools', kept]])`,
      `new Map<string, Json>([...result, ['tools', kept]])`,
    ],
  ]),
  ...of('lib/gateway/exchange.ts', faults, [
    [
      'lists are filtered',
      'RF-01',
      `if (message.method === 'tools/list') return rewriteList(`,
      `if (false) return rewriteList(`,
      answers,
    ],
    [
      'openings are rewritten',
      'F1 RF-17',
      `if (message.method === 'initialize') return rewriteInitialize(`,
      `if (false) return rewriteInitialize(`,
      transport,
    ],
    [
      'versions of an opening',
      'an opening that Asana spoils',
      `if (typeof version !== 'string' || !(LEGACY_VERSIONS as readonly string[]).includes(version)) return null;`,
      `if (typeof version !== 'string') return null;`,
    ],
  ]),
  ...of('lib/gateway/initialize.ts', methods, [
    [
      'governed capabilities only',
      'F1',
      `upstream?.families.includes(family) && upstream.offered`,
      `upstream?.offered`,
    ],
    ['offered capabilities only', 'F1', ` && upstream.offered.has(capability)`, ``],
  ]),
  ...of('lib/gateway/session-id.ts', transport, [
    ['a session belongs to its bearer', 'T8', `\${owner.credentialId}:`, ``],
    ['and to its connection', 'T8', `:\${owner.connectionId}\``, `\``],
  ]),
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
    ['size while reading', 'PP-20', `if (size > maxBytes) return null;`, ``, transport],
    [
      'the connection ends with a cut body',
      'PP-20',
      `if (!request.complete) response.setHeader('connection', 'close');`,
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
];
