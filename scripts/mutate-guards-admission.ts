// The guards of admission: the policy, the limits, the queue before the database and the slots behind it. See mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gateway = (name: string) => `tests/gateway/${name}.test.ts`;
const spellings = [gateway('spellings')];
const limits = [gateway('limits')];
const load = [gateway('load')];
const bearers = [gateway('bearers')];
const methods = [gateway('methods')];
const mainJob = [gateway('main-job')];

export const ADMISSION_MUTANTS: Mutant[] = [
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
    [
      'which tools of a group',
      'PB-01',
      ` = ANY(\${at.groups}) AND gt.tool_name = \${at.toolName}`,
      ` = ANY(\${at.groups})`,
      spellings,
    ],
    ['widgets only', 'PB-04', `(\${at.uri} LIKE 'ui://%' AND `, `(`, methods],
    [
      'methods by exact name',
      'PB-03',
      `eras!.includes(era)) ? family : 'closed';`,
      `eras!.includes(era)) ? family : 'open';`,
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
      `FROM judged WHERE call_id IS NOT NULL AND NOT expired AND`,
      `FROM judged WHERE call_id IS NOT NULL AND`,
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
    [
      'the group’s limit',
      'of a group',
      `unnest(k.limited_groups, k.group_limits) AS g(id, most)`,
      `unnest(k.limited_groups, k.group_limits) AS g(id, most) WHERE false`,
      limits,
    ],
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
];
