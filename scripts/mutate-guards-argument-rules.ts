// The guards of the rules on arguments: see mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gate = ['tests/gateway/argument-rules.test.ts'];
const map = ['tests/policy/argument-map.test.ts'];

export const ARGUMENT_RULE_MUTANTS: Mutant[] = [
  ...of('lib/gateway/admission-sql.ts', gate, [
    [
      'rules: nothing is on record before the verdict',
      'a project that is named',
      `FROM judged WHERE call_id IS NOT NULL AND NOT expired AND (verdict IS NOT NULL OR NOT (unjudged OR unguarded)) AND NOT unsealed`,
      `FROM judged WHERE call_id IS NOT NULL AND NOT expired AND NOT unsealed`,
    ],
    [
      'rules: a verdict is good for the rules that were asked',
      'asked anew',
      `const UNJUDGED = \`c.rules IS NOT NULL AND c.judged_as IS DISTINCT FROM c.rules->>'version'\`;`,
      `const UNJUDGED = \`c.rules IS NOT NULL AND c.judged_as IS NULL\`;`,
    ],
    [
      'rules: the verdict decides',
      'a project that is named',
      `WHEN c.rule IS NOT NULL AND c.judged_as = c.rules->>'version' THEN`,
      `WHEN false THEN`,
    ],
    [
      'rules: questions of Asana stay closed',
      'can\u2019t be asked',
      `AND NOT (\${UNASKED} AND m = 'client_requests')`,
      ``,
    ],
  ]),
  ...of('prisma/migrations/0015_approvals/migration.sql', gate, [
    [
      'rules: the connection belongs to what was judged',
      'found through one connection',
      ` || coalesce(through, '')`,
      ``,
    ],
    [
      'rules: a group without rules is free',
      'one group whose rules',
      `IF is_free OR ruled IS NULL THEN`,
      `IF ruled IS NULL THEN`,
    ],
  ]),
  ...of('lib/gateway/argument-rules.ts', gate, [
    [
      'rules: answers to questions',
      'answers to questions',
      `if (message.params.has('inputResponses'))`,
      `if (false)`,
    ],
    [
      'rules: few lookups',
      'too many lookups',
      `round === MAX_ROUNDS || known.size + verdict.needs.length > MAX_LOOKUPS`,
      `false`,
    ],
    [
      'rules: a full limit refuses',
      'count in the connection',
      `if (error instanceof LookupLimited) return { limit: error.limit };`,
      ``,
    ],
  ]),
  ...of('lib/gateway/argument-lookups.ts', gate, [
    ['rules: lookups are counted', 'count in the connection', `    await counted();\n`, ``],
    [
      'rules: a lookup that fails says nothing',
      'a lookup that fails',
      `if (!isOutside) return error;`,
      `if (isOutside) return new NoConnection();\n  if (!isOutside) return error;`,
    ],
  ]),
  ...of('lib/policy/judge-arguments.ts', gate, [
    [
      'rules: tools nobody mapped',
      'nobody has mapped',
      `if (map === null) {`,
      `if (map === null) return { passed: true };\n    if (map === null) {`,
      map,
    ],
    [
      'rules: definitions with unknown arguments',
      'reviewed definition',
      `if (unmapped !== null) {`,
      `if (false) {`,
      [...map, ...gate],
    ],
    ['rules: items', 'so many items', `count > maxItems`, `false`],
    ['rules: closed tools', 'names a place', `if (map.reach === 'closed')`, `if (false)`],
    [
      'rules: searches for work',
      'names a place',
      `if (kind === 'resourceType' && !isFindable(value, rules))`,
      `if (false)`,
    ],
    ['rules: other contexts', 'names a place', `if (CLOSED_BY_PLACES.includes(kind))`, `if (false)`],
    ['rules: filters', 'names a place', `if (kind === 'filter' && !isPlainFilter(value))`, `if (false)`],
    ['rules: a place is named', 'names a place', `if (unnamed !== null) return refuse(unnamed);`, ``],
    ['rules: an entry that says null', 'every entry', `own.some(({ value }) => value === null) ||`, ``],
    ['rules: gids only', 'a link is refused', `gids.every((gid) => GID.test(gid)) ? gids : null`, `gids`],
    [
      'rules: every named place',
      'a project that is named',
      `if (inPlace(at, reading, gid) === false)`,
      `if (false)`,
    ],
    [
      'rules: sections of the project',
      'every entry',
      `return found !== null && found.sections.includes(gid);`,
      `return true;`,
    ],
    ['rules: not for ever up', 'some steps up', `steps >= MAX_PARENTS`, `false`],
    [
      'rules: mentions',
      'neither mentions',
      `if (kind === 'text' && typeof value === 'string' && mayMention(value))`,
      `if (false)`,
    ],
    ['rules: fields of others', 'neither mentions', `!onlyOfTheThing(value)`, `false`],
    [
      'rules: out of a project',
      'leaves its project',
      `if (/(?:^|\\.)remove_projects\\[\\]$/.test(path))`,
      `if (false)`,
    ],
    [
      'rules: under another task',
      'leaves its project',
      `if (path === 'tasks[].parent' && at.tool === 'update_tasks')`,
      `if (false)`,
    ],
    ['rules: moves in widgets', 'leaves its project', `if (isMoveAway(at, reading))`, `if (false)`],
    ['rules: company', 'of the company', `if (isOfCompany(at, person) === false)`, `if (false)`],
    ['rules: own tasks', 'own tasks', `if (isOwn(at, gid) === false)`, `if (false)`],
    [
      'rules: own tasks asked for',
      'own tasks',
      `peopleIn(kind, value).some((person) => isMe(at, person) === false)`,
      `false`,
    ],
    [
      'rules: own tasks made',
      'own tasks',
      `const value = own ?? (otherwise`,
      `const value = own ?? 'me' ?? (otherwise`,
    ],
    [
      'rules: own tasks need a filter',
      'own tasks',
      `typeof map.own === 'object' && !named(at, map.own.filter)`,
      `false`,
    ],
  ]),
  ...of('lib/policy/read-arguments.ts', map, [
    [
      'rules: unknown arguments',
      'carries an argument',
      `if (!isObject || !leadsOn(map, at.path)) return`,
      `if (!isObject) return null;\n  if (!leadsOn(map, at.path)) return null;\n  if (false) return`,
    ],
    [
      'rules: references',
      'reviewed definition',
      `if (OUT_OF_SIGHT.some((keyword) => schema[keyword] !== undefined)) return`,
      `if (false) return`,
    ],
    [
      'rules: schemas of unknown arguments',
      'reviewed definition',
      `if (!leadsOn(map, path)) return path;\n  if (value === true`,
      `if (value === true`,
    ],
    ['rules: few values', 'carries an argument', `if (found.values > MAX_VALUES)`, `if (false)`],
  ]),
];
