// The guards of an agent's own session in the legacy era: what is sealed, what may be asked, what is resumed. See mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const streams = ['tests/gateway/session-streams.test.ts'];
const transport = ['tests/gateway/transport.test.ts'];

export const SESSION_MUTANTS: Mutant[] = [
  ...of('lib/gateway/sealed-ids.ts', streams, [
    ['session: belongs to its bearer', 'T8', `\${owner.credentialId}:`, ``, transport],
    ['session: and to its connection', 'T8', `:\${owner.connectionId}\``, `\``, transport],
    [
      'session: what is sealed for one is for no other',
      'another session|in its session',
      `\`\${purpose}:\${hash('sha256', upstreamId)}\``,
      `\`\${purpose}:\${upstreamId.length}\``,
    ],
    [
      'session: how old a question is',
      'ten minutes',
      `return nowMs < untilMs ? askedAs : null;`,
      `return askedAs;`,
    ],
    ['session: event ids fit into a header', 'as a header', ` || !/^[\\x20-\\x7e]*$/.test(eventId)`, ``],
    ['session: event ids are short', 'as a header', `eventId.length > MAX_EVENT_ID_CHARS || `, ``],
  ]),
  ...of('lib/gateway/session-stream.ts', streams, [
    ['session: declared questions only', 'did not declare', `session.relays.includes(needed) && `, ``],
    [
      'session: questions only where open now',
      'family is closed',
      ` && (await opens('client_requests'));`,
      `;`,
    ],
    ['session: twenty questions', 'twenty', `if (questions > MAX_QUESTIONS) return null;`, ``],
    [
      'session: Asana does not wait for ever',
      'in its stead',
      `void refuseQuestion(caller, { ...session, sessionId: session.upstreamId }, id);`,
      ``,
    ],
    [
      'session: logs where open at the beginning',
      'log messages pass',
      `!session.relays.includes(needed[0]) || `,
      ``,
    ],
    ['session: logs where open now', 'log messages pass', ` || !(await opens(needed[1]))`, ``],
    ['session: known notifications only', 'RF-20', `if (!needed || `, `if (needed && `, transport],
  ]),
  ...of('lib/gateway/message.ts', streams, [
    ['session: an answer has one outcome', 'no answer of JSON-RPC', `value.size !== 3 || `, ``],
    ['session: an answer is an object', 'no answer of JSON-RPC', `!(given instanceof Map)`, `false`],
    [
      'session: an error has a code',
      'no answer of JSON-RPC',
      `!(Number.isInteger(code) && typeof text === 'string')`,
      `false`,
    ],
    [
      'session: ids of questions are text',
      'nobody asked',
      `typeof id !== 'string' || id.length`,
      `String(id).length`,
    ],
  ]),
  ...of('lib/gateway/handle-mcp.ts', streams, [
    [
      'session: no method is called as an answer is',
      'spelled out',
      `isAnswer === (message.method === CLIENT_ANSWER) ?`,
      `true ?`,
    ],
    [
      'session: the modern era has no answers',
      'modern era',
      `if (message.era === 'modern' && answer)`,
      `if (false)`,
    ],
  ]),
  ...of('lib/gateway/call-asana.ts', streams, [
    [
      'session: answers to questions only',
      'nobody asked|without a session',
      `if (journey.askedAs === null) return answersNothing(journey);`,
      ``,
    ],
  ]),
  ...of('lib/gateway/resume-stream.ts', streams, [
    [
      'session: a stream is resumed by who began it',
      'can’t resume',
      `if (!session || !place) {`,
      `if (!session) {`,
    ],
    [
      'session: judged as it is now',
      'lost meanwhile',
      `const isAllowed = denial === null && `,
      `const isAllowed = `,
    ],
    ['session: under the rules that it passed', 'are ruled', ` && (rules?.version ?? null) === judgedAs`, ``],
    [
      'session: filtered as it is now',
      'F1',
      `const caller = { ...judged.admitted, connection };`,
      `const caller = { ...journey.admitted, connection };`,
    ],
  ]),
  ...of('lib/gateway/answer-events.ts', streams, [
    ['session: a stream may end before its answer', 'is resumed by GET', `exchange.suspended?.();`, ``],
  ]),
  ...of('lib/gateway/relay-stream.ts', streams, [
    [
      'session: the stream of one’s own session',
      'T8',
      `return session ? relayStream(request, { ...admitted, connection }, session, null) : sessionUnknown(null);`,
      `return relayStream(request, { ...admitted, connection }, session!, null);`,
    ],
    [
      'session: its questions only where open now',
      'carries questions',
      `relay.listening?.standing?.families.includes(family) ?? false`,
      `family !== null`,
    ],
    ['session: a lost session is told of', 'has forgotten', `if (status === 404) return 'gone';`, ``],
    [
      'session: quiet holds for its stream too',
      'wants quiet',
      `  await assertNoQuiet(organizationId, connection.id);\n`,
      ``,
    ],
    ['session: one stream each', 'takes the place', `  relays.get(key)?.stop.abort();\n`, ``],
    [
      'session: no stream outlives its reader',
      'takes Asana',
      `stop: () => stop.abort() };`,
      `stop: () => undefined };`,
    ],
  ]),
];
