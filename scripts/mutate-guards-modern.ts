// The guards of the modern era (MCP 2026-07-28): see mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gateway = (name: string) => `tests/gateway/modern-${name}.test.ts`;
const requests = [gateway('requests')];
const rounds = [gateway('rounds')];
const listens = [gateway('listen')];
const eras = [gateway('eras')];
const toModern = ['tests/gateway/bridge-to-modern.test.ts'];
const toLegacy = ['tests/gateway/bridge-to-legacy.test.ts'];

export const MODERN_MUTANTS: Mutant[] = [
  ...of('lib/gateway/era.ts', requests, [
    [
      'modern: version header',
      'PB-04: server',
      `if (version === undefined) return`,
      `if (false) return`,
      ['tests/gateway/spellings.test.ts'],
    ],
    ['modern: versions agree', 'T3', `said !== undefined && said !== version`, `false`],
    ['modern: version is spoken', 'T2', `if (version !== MODERN_VERSION) {`, `if (false) {`],
    ['modern: Mcp-Method', 'T3', `header('mcp-method') !== method`, `false`],
    ['modern: Mcp-Name', 'T3|F3', `if (nameHeaderDiffers(message, header('mcp-name')))`, `if (false)`],
    ['modern: a request has an id', 'PP', `if (id === undefined) return`, `if (false) return`],
    ['modern: _meta has a version', 'T4', `said === undefined ||`, ``],
    [
      'modern: _meta has capabilities',
      'T4',
      `|| !(meta.get(\`\${META}clientCapabilities\`) instanceof Map)`,
      ``,
    ],
  ]),
  ...of('lib/gateway/headers-agree.ts', requests, [
    [
      'modern: Mcp-Name is there',
      'T3',
      `header === undefined || decodeSentinel(header) !== said`,
      `header !== undefined && decodeSentinel(header) !== said`,
    ],
    [
      'modern: Mcp-Param agrees',
      'Mcp-Param',
      `!== said) return suffix;`,
      `!== said && false) return suffix;`,
    ],
    ['modern: Mcp-Param few', 'Mcp-Param', `values.length <= MAX_PARAM_HEADERS && `, ``],
    ['modern: Mcp-Param short', 'Mcp-Param', `value.length <= MAX_PARAM_CHARS`, `true`],
    [
      'modern: unknown Mcp-Param go on',
      'handed on',
      `if (name.startsWith(PARAM) && !known.has(name))`,
      `if (false)`,
    ],
  ]),
  ...of('lib/policy/policy.ts', requests, [
    ['modern: methods of the older era', 'T5', `era === undefined || open.includes(era)`, `true`],
    ['modern: families of the older era', 'T5', `(era === undefined || eras!.includes(era))`, `true`],
  ]),
  ...of('lib/gateway/modern-request.ts', requests, [
    ['modern: capabilities only where open', 'R9', ` || !families.includes('client_requests')`, ``],
    ['modern: known capabilities only', 'R9', `.filter(([name]) => ASKED_OF_CLIENTS.includes(name))`, ``],
    ['modern: log level only where open', 'R9', ` && families.includes('logging') ? level`, ` ? level`],
    ['modern: known members of _meta only', 'R9', `.filter(([name]) => KEPT.includes(name))`, ``],
  ]),
  ...of('lib/gateway/modern-result.ts', requests, [
    [
      'modern: lists are private',
      'F1 F7',
      `,"cacheScope":"private","_meta"`,
      `,"cacheScope":"public","_meta"`,
    ],
    ['modern: contents are private', 'F7: what', `,"cacheScope":"private"}\``, `,"cacheScope":"public"}\``],
    ['modern: caps of ttlMs', 'F1 F7', `Math.floor(Math.min(said, maxMs))`, `said`],
    [
      'modern: no unknown type',
      'nobody knows',
      `if (said !== undefined && said !== '"complete"') return null;`,
      ``,
      rounds,
    ],
  ]),
  ...of('lib/gateway/modern-error.ts', requests, [
    [
      'modern: data of an error',
      'keeps what',
      `return { code, data: { requiredCapabilities: namesOf(data) } };`,
      `return { code };`,
    ],
    ['modern: codes of the era', 'not there', `code === -32002 || `, ``, eras],
  ]),
  ...of('lib/gateway/answer-in-pieces.ts', rounds, [
    [
      'modern: large and not complete',
      'hides',
      `if (resultType !== null && resultType !== '"complete"') throw`,
      `if (false) throw`,
    ],
  ]),
  ...of('lib/gateway/answer-events.ts', rounds, [
    [
      'modern: logs only where wanted',
      'log messages come',
      `exchange.modern!.hearsLog(params.get('level'))`,
      `true`,
      eras,
    ],
  ]),
  ...of('lib/gateway/input-required.ts', rounds, [
    ['modern: questions on three methods', 'list of tools', `if (!ASKING.includes(method)) return null;`, ``],
    ['modern: declared questions only', 'is not passed on', `declared.has(capability)`, `true`],
    [
      'modern: something is asked',
      'nothing at all',
      `if (asked.size === 0 && state === null) return null;`,
      ``,
    ],
    ['modern: the state is a text', 'no text', `(state !== null && typeof state !== 'string')`, `false`],
    [
      'modern: a state needs the family',
      'family was closed',
      `isOpen ? openState(owner, sealed, Date.now()) : null`,
      `openState(owner, sealed, Date.now())`,
    ],
  ]),
  ...of('lib/gateway/request-state.ts', rounds, [
    [
      'modern: whose state',
      'another person|another token',
      `:mcp-request-state:\${credentialId}:`,
      `:mcp-request-state:`,
    ],
    ['modern: which connection', 'another connection', `:\${connectionId}:`, `:`],
    ['modern: which tool', 'the tool or', `nameIn(message) ?? null, `, ``],
    [
      'modern: which arguments',
      'the tool or',
      `message.params.get('arguments') ?? new Map<string, Json>()`,
      `null`,
    ],
    [
      'modern: how old',
      'ten minutes',
      `return nowMs < untilMs ? { state, kind } : null;`,
      `return { state, kind };`,
    ],
    ['modern: how long', 'could not come back', `if (state.length > MAX_STATE_CHARS) return null;`, ``],
  ]),
  ...of('lib/gateway/send-modern.ts', requests, [
    ['modern: a retry is checked', 'T14', `?? retryRefused(journey)`, ``, rounds],
    ['modern: leaving cancels', 'T11', `signal: left ?? undefined,`, ``],
    [
      'modern: a doubt is looked into',
      'doubted',
      `if (first !== null && !speaksOtherEra(first, standing, journey.refusal)) return first;`,
      `if (first !== null) return first;`,
      eras,
    ],
  ]),
  ...of('lib/gateway/call-asana.ts', requests, [
    ['modern: no session goes up', 'T7', `&& message.era === 'legacy') {`, `) {`],
  ]),
  ...of('lib/gateway/through-own-session.ts', requests, [
    [
      'modern: leaving cancels in our session',
      'T11',
      `if (message.era === 'modern') cancelWhereLeft(journey, own, token);`,
      ``,
      eras,
    ],
  ]),
  ...of('lib/gateway/upstream-era.ts', eras, [
    [
      'modern: a verdict expires',
      'ten minutes',
      `if (existing && nowMs - existing.askedMs < TRUSTED_MS)`,
      `if (existing)`,
    ],
    [
      'modern: an outage is no verdict',
      'ten minutes|away',
      `if (status >= 500 && !last) throw`,
      `if (false) throw`,
    ],
    ['modern: 401 is no verdict', 'refuses is renewed', `if (status === 401) throw`, `if (false) throw`],
  ]),
  ...of('lib/gateway/listen.ts', listens, [
    [
      'modern: news of open families only',
      'first event',
      `=== true && families.includes('prompts'),`,
      `=== true,`,
    ],
    [
      'modern: resources of open families only',
      'first event',
      `families.includes('resources') && Array.isArray(uris)`,
      `Array.isArray(uris)`,
    ],
  ]),
  ...of('lib/gateway/caller-news.ts', listens, [
    [
      'modern: news of open families only, later',
      'family that is closed',
      `honoured.promptsListChanged && families.includes('prompts')`,
      `honoured.promptsListChanged`,
    ],
    [
      'modern: news for its organization',
      'every process',
      `admitted.organizationId === organizationId`,
      `admitted.organizationId !== organizationId`,
    ],
    [
      'modern: the sweep',
      'sweep',
      `setInterval(() => lookAt([...open]), SWEEP_MS)`,
      `setInterval(() => undefined, SWEEP_MS)`,
    ],
    [
      'modern: a stream ends with its access',
      'R7',
      `end: (reason) => finish(listening, reason),`,
      `end: () => undefined,`,
    ],
    ['modern: few streams a credential', 'sixth', `if (own.length >= most)`, `if (false)`],
    ['modern: no stream outlives its listeners', 'through one stream', `asana?.stop();`, ``],
  ]),
  ...of('lib/gateway/asana-changes.ts', listens, [
    [
      'modern: quiet holds for our streams too',
      'wants quiet',
      `if (rows.length > 0) throw`,
      `if (false) throw`,
    ],
  ]),
  ...of('lib/gateway/caller-standing.ts', listens, [
    [
      'modern: each caller’s own tools',
      'F6|leaves the caller',
      `AND \${toolDenialSql({`,
      `OR \${toolDenialSql({`,
    ],
  ]),
  ...of('lib/gateway/exchange.ts', toModern, [
    [
      'bridge: only what was declared is asked',
      'nobody declared',
      `session?.relays.includes(name) === true`,
      `true`,
    ],
  ]),
  ...of('lib/gateway/legacy-result.ts', toModern, [
    [
      'bridge: what the modern era added is taken off',
      'lists and calls',
      `if (!ADDED.some((name) => members.has(name))) return result;`,
      `if (true) return result;`,
    ],
    [
      'bridge: a capability that lacks is a bad request',
      'codes of its own',
      `if (code === -32021)`,
      `if (false)`,
    ],
  ]),
  ...of('lib/gateway/ask-agent.ts', toModern, [
    ['bridge: rounds are bounded', 'ten rounds', `round > MAX_ROUNDS ||`, ``],
    ['bridge: questions are bounded', 'ten rounds', `|| asked.requests.size > MAX_QUESTIONS`, ``],
    [
      'bridge: a question ends with its access',
      '1403',
      `end: (reason) => stop.abort(reason),`,
      `end: () => undefined,`,
    ],
    [
      'bridge: a round is judged like any call',
      'judged anew',
      `if (!('admitted' in again) || !mayGo(again, admitted.connection!.id))`,
      `if (!('admitted' in again))`,
    ],
  ]),
  ...of('lib/gateway/bridge-to-modern.ts', toModern, [
    [
      'bridge: a cancel is a disconnect',
      'by its disconnect',
      `cancelFlight(String(message.params.get('requestId')));`,
      `void cancelFlight;`,
    ],
    [
      'bridge: arguments in headers',
      'repeats in headers',
      `return paramHeadersFor(message, annotated, new Map()) ?? {};`,
      `return {};`,
    ],
  ]),
  ...of('lib/gateway/answer-failure.ts', toModern, [
    [
      'bridge: a session that Asana gave up is over',
      'initializes again',
      `if (session && isModernRefusal({ status, code: error?.code }))`,
      `if (false)`,
    ],
  ]),
  ...of('lib/gateway/parked-calls.ts', toLegacy, [
    ['bridge: undeclared is not asked', 'can’t be asked', `declared.has(NEEDS.get(method) ?? '') &&`, ``],
    ['bridge: no page to visit', 'can’t be asked', `params.get('mode') === 'url'`, `false`],
    ['bridge: questions of a parked call', 'twenty questions', `before + n < MAX_QUESTIONS`, `true`],
    ['bridge: parked calls of an agent', 'twenty calls', `ofCredential.length >= MAX_OF_CREDENTIAL`, `false`],
    ['bridge: a parked call ends with its access', 'access', `end: () => drop(id),`, `end: () => undefined,`],
    ['bridge: a retry is answered once', 'T14', `  call.release();\n  const given`, `  const given`],
  ]),
  ...of(
    'lib/asana/mcp-client.ts',
    ['tests/asana/modern-asana.test.ts'],
    [
      [
        'modern: our own calls can’t be asked back',
        'asks back',
        `const isWhole = !session.isModern ||`,
        `const isWhole = true ||`,
      ],
    ],
  ),
];
