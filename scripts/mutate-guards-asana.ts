// The guards of the way to Asana: sessions, cancellation, renewal, failures, and how its streams are read. See mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gateway = (name: string) => `tests/gateway/${name}.test.ts`;
const transport = [gateway('transport')];
const answers = [gateway('answers')];
const faults = [gateway('faults')];
const limits = [gateway('limits')];

export const ASANA_MUTANTS: Mutant[] = [
  ...of('lib/gateway/call-asana.ts', transport, [
    ['sessions of others', 'T8', `if (!journey.session) return sessionGone(journey);`, ``],
    ['admitted again after a wait', 'judged again', `if (stale) return stale;`, ``, faults],
    ['cancel under Asana’s id', 'PP-33', `message.params.set('requestId', cancels);`, `{}`],
    [
      'cancel only one’s own',
      'PP-33',
      `? cancels === undefined : !journey.session`,
      `? false : !journey.session`,
    ],
    ['a refused token is renewed', 'UF-01', `|| upstream.status === 401`, ``, faults],
    ['slots', 'writes are 15', `journey.freeSlot = await slotFor(journey);`, ``, limits],
  ]),
  ...of('lib/gateway/admit-again.ts', transport, [
    [
      'through the same connection',
      'through which',
      `rules === null && connection?.id === connectionId;`,
      `rules === null;`,
      faults,
    ],
  ]),
  ...of('lib/gateway/journey.ts', transport, [
    [
      'whose call is cancelled',
      'PP-33',
      `    journey.admitted.credentialId,\n    journey.session`,
      `    journey.session`,
    ],
    ['slots are given back', 'writes are 15', `      journey.freeSlot?.();\n`, ``, limits],
  ]),
  ...of('lib/gateway/through-own-session.ts', transport, [
    [
      'a forgotten session is opened again',
      'opened itself',
      `if (answer.status !== 404 || own.sessionId === null)`,
      `if (true)`,
    ],
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
];
