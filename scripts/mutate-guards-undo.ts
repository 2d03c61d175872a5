// The guards of the undo bundle: see mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gate = ['tests/gateway/undo.test.ts'];
const back = ['tests/undo/restore.test.ts'];

export const UNDO_MUTANTS: Mutant[] = [
  ...of('lib/gateway/admission-sql.ts', gate, [
    [
      'undo: a group that asks for it is heard',
      'exactly what it changes',
      `bool_or(g.undo_days IS NOT NULL) AS keeps_before`,
      `false AS keeps_before`,
    ],
  ]),
  ...of('prisma/migrations/0017_undo/migration.sql', gate, [
    [
      'undo: the longest time counts',
      'the longest time of the groups',
      `SELECT max(g.undo_days)`,
      `SELECT min(g.undo_days)`,
    ],
    [
      'undo: only groups that grant the tool',
      'the longest time of the groups',
      `AND gt.tool_name = tool\n`,
      `\n`,
    ],
    [
      'undo: forgotten with the connection',
      'when the connection ends',
      `REFERENCES connections(organization_id, id) ON DELETE CASCADE`,
      `REFERENCES connections(organization_id, id) ON DELETE RESTRICT`,
    ],
  ]),
  ...of('lib/gateway/call-asana.ts', gate, [
    [
      'undo: what can\u2019t be kept is not sent',
      'where Asana answers the reading with 500',
      `if (unkept) return unkept;`,
      ``,
    ],
  ]),
  ...of('lib/gateway/keep-before.ts', gate, [
    [
      'undo: a hanging reading ends',
      'where the reading hangs',
      `await within(READING.withinMs, readBefore(journey, tool, args))`,
      `await readBefore(journey, tool, args)`,
    ],
    [
      'undo: an answer that leaves something out',
      'where a task can\u2019t be seen',
      `if (thing === null || subtasks === null)`,
      `if (false)`,
    ],
    [
      'undo: not more than can be kept',
      'where more than 50 tasks',
      `if (things.length + round.length > MAX_THINGS)`,
      `if (false)`,
    ],
    [
      'undo: not more text than can be kept',
      'where more than 50 tasks',
      `if (kept === 'too_large')`,
      `if (false)`,
    ],
    [
      'undo: nothing of a call that ended',
      'where the access ended',
      `|| journey.ending.reason !== null) return null;`,
      `) return null;`,
    ],
    [
      'undo: subtasks are read too',
      'of a deletion with all its subtasks',
      `round = below.filter(({ gid }) => !known.has(gid));`,
      `round = [];`,
    ],
  ]),
  ...of('lib/undo/what-is-there.ts', gate, [
    [
      'undo: nothing but what is understood',
      'where a task can\u2019t be seen',
      `Object.keys(given).find((name) => !known.includes(name))`,
      `Object.keys(given).find(() => false)`,
    ],
  ]),
  ...of('lib/undo/read-answer.ts', gate, [
    ['undo: an answer about another task', 'an answer about another task', `data.gid !== gid`, `false`],
    [
      'undo: a part that was left out',
      'an answer about another task',
      `if (value === undefined) return null;`,
      ``,
    ],
  ]),
  ...of('lib/undo/keep.ts', gate, [
    [
      'undo: sealed',
      'exactly what it changes',
      `return sealSecret(placeOfBundle(organizationId, id), text);`,
      `return text;`,
    ],
  ]),
  ...of(
    'lib/undo/forget.ts',
    [...gate, ...back],
    [
      ['undo: forgotten in time', 'when its days are over', `AND expires_at <= now()`, `AND false`],
      [
        'undo: no token stays behind',
        'leaves no token behind',
        `b.begun_at < now() -`,
        `false AND b.begun_at < now() -`,
      ],
    ],
  ),
  ...of('lib/undo/restore.ts', back, [
    [
      'undo: put back once',
      'is put back once',
      `if (count === 0) throw new AppError('restored_already');`,
      ``,
    ],
    [
      'undo: not over later work',
      'is not put over somebody',
      `confirm === undefined ? preview.changedSince : confirm !== preview.confirm`,
      `confirm !== undefined && confirm !== preview.confirm`,
    ],
    [
      'undo: what was shown is what is confirmed',
      'is not put over somebody',
      `confirm === undefined ? preview.changedSince : confirm !== preview.confirm`,
      `confirm === undefined && preview.changedSince`,
    ],
    [
      'undo: an auditor does not',
      'an auditor does not put it back',
      `if (hindrance === 'role')`,
      `if (false)`,
    ],
    ['undo: not where it waits for a person', 'goes only as far as the policy', `if (waits)`, `if (false)`],
    [
      'undo: tried again after a refusal',
      'goes only as far as the policy',
      `const ran = results === null || calls.some(({ mayHaveRun }) => mayHaveRun);`,
      `const ran = true;`,
    ],
    [
      'undo: its token ends with it',
      'is put back part by part',
      `await endToken(tx, row, organizationId, done.agent);`,
      ``,
    ],
    [
      'undo: what is there afterwards counts',
      'what can\u2019t be seen any more',
      `const isBack = left?.state === 'same';`,
      `const isBack = left === undefined;`,
    ],
  ]),
  ...of('lib/undo/read-now.ts', back, [
    [
      'undo: nothing is guessed of what is there',
      'is left alone where Asana',
      `if (now === null) throw`,
      `if (now === null) return; if (now === null) throw`,
    ],
  ]),
  ...of('lib/undo/list.ts', back, [
    [
      'undo: nobody else\u2019s',
      'is listed to its person',
      `const isReader = viewer.role !== 'member';`,
      `const isReader = true;`,
    ],
    [
      'undo: each organization its own',
      'is listed to its person',
      `WHERE b.organization_id = \${organizationId}::uuid AND b.expires_at`,
      `WHERE b.expires_at`,
    ],
    [
      'undo: read by others only where arguments are kept',
      'is read by others only',
      `if (!row.mayRead)`,
      `if (false)`,
    ],
    [
      'undo: each reading is on record',
      'is read by others only',
      `  await noteReading(tx, actor, row);\n`,
      ``,
    ],
    ['undo: not without the connection', 'an auditor does not put it back', `: !row.is_live`, `: false`],
  ]),
  ...of('lib/undo/create-anew.ts', back, [
    [
      'undo: what is still there is not created again',
      'that Asana did not carry out',
      `  if (current) {`,
      `  if (current && thing.gid !== root) {`,
    ],
  ]),
];
