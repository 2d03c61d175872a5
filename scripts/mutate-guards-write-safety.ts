// The guards of write safety: see mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gate = ['tests/gateway/write-safety.test.ts'];

export const WRITE_SAFETY_MUTANTS: Mutant[] = [
  ...of('lib/gateway/admission-sql.ts', gate, [
    [
      'write safety: a write is asked for as one',
      'lets as many writes go',
      `coalesce(\${GUARDED}, false) AS is_guarded`,
      `false AS is_guarded`,
    ],
    [
      'write safety: reads go on',
      'lets as many writes go',
      `d.method = 'tools/call' AND NOT d.reads AND d.denial IS NULL`,
      `d.method = 'tools/call' AND d.denial IS NULL`,
    ],
    [
      'write safety: recorded when it was counted, not before',
      'lets as many writes go',
      `NOT (unjudged OR unguarded)) AND NOT unsealed`,
      `NOT unjudged) AND NOT unsealed`,
    ],
    [
      'write safety: what guard_writes refuses is refused',
      'lets as many writes go',
      `WHEN g.reason IS NOT NULL THEN g.reason`,
      `WHEN false THEN g.reason`,
    ],
    [
      'write safety: what a rule refuses takes nothing',
      'counts what went only',
      `AND (c.rules IS NULL OR (c.judged_as = c.rules->>'version' AND c.rule IS NULL))`,
      ``,
    ],
    [
      'write safety: what waits for an approval takes nothing',
      'counts what went only',
      `'goes', p.n IS NOT NULL OR NOT (c.waits AND c.rules IS NOT NULL))`,
      `'goes', true)`,
    ],
    [
      'write safety: no approval is used up where a budget refuses',
      'counts what went only',
      `WHERE p.n = l.n AND g.reason IS NULL)`,
      `WHERE p.n = l.n)`,
    ],
    [
      'write safety: one agent for all grants to a client',
      'one for all grants',
      `md5(g.member_id::text || g.client_id)::uuid`,
      `g.id`,
    ],
    [
      'write safety: each person\u2019s own',
      'one for all grants',
      `, md5(g.member_id::text || g.client_id)::uuid`,
      `, md5('all')::uuid`,
    ],
    [
      'write safety: the smallest budget',
      'is the smallest',
      `min(g.writes_per_day) AS writes_per_day`,
      `max(g.writes_per_day) AS writes_per_day`,
    ],
    [
      'write safety: only what destroys counts as a deletion',
      'of deletions stops them',
      `coalesce(tl.class = 'destructive', false) AS deletes`,
      `true AS deletes`,
    ],
    [
      'write safety: no questions in between',
      'of the modern era',
      `(b.ruled OR b.repeat_window IS NOT NULL)`,
      `b.ruled`,
    ],
  ]),
  ...of('prisma/migrations/0016_write_safety/migration.sql', gate, [
    [
      'write safety: a spent budget of writes',
      'lets as many writes go',
      `ELSIF spent.writes >= entry.writes_per_day THEN`,
      `ELSIF false THEN`,
    ],
    [
      'write safety: a spent budget of deletions',
      'of deletions stops them',
      `IF entry.deletes AND spent.deletes >= entry.deletes_per_day THEN`,
      `IF false THEN`,
    ],
    [
      'write safety: read-only until the day ends',
      'of deletions stops them',
      `IF spent.tripped_as IS NOT NULL THEN`,
      `IF false THEN`,
    ],
    [
      'write safety: exact over processes',
      'of two statements at once',
      `WHERE e.writes_per_day IS NOT NULL OR e.deletes_per_day IS NOT NULL`,
      `WHERE NOT EXISTS (SELECT FROM write_budgets x WHERE x.agent_id = e.agent_id AND x.day = today)`,
    ],
    [
      'write safety: the trip is on record',
      'lets as many writes go',
      `'budget.tripped', 'budget:' || entry.event_id`,
      `'budget.tripped', 'budget'`,
    ],
    [
      'write safety: what was kept goes with the person',
      'once the person is removed',
      `DELETE FROM write_claims WHERE organization_id = OLD.organization_id AND member_id = OLD.id;`,
      ``,
    ],
    [
      'write safety: one of equal writes',
      'exactly one of 50',
      `WHERE k.expires_at <= came_at
        RETURNING`,
      `WHERE true
        RETURNING`,
    ],
    [
      'write safety: what a budget refused was not written',
      'takes nothing from a budget',
      `IF reason IS NOT NULL AND claims THEN`,
      `IF false THEN`,
    ],
  ]),
  ...of('lib/write-safety/claims.ts', gate, [
    [
      'write safety: unknown stays unsent',
      'nobody knows whether',
      `if (outcome === 'tool_error' || outcome === 'upstream_error') {`,
      `if (outcome !== 'ok') {`,
    ],
    [
      'write safety: what failed may go again',
      'where the first failed',
      `if (outcome === 'tool_error' || outcome === 'upstream_error') {`,
      `if (false) {`,
    ],
  ]),
  ...of('lib/gateway/guard-writes.ts', gate, [
    [
      'write safety: who waited is judged again',
      'waited is judged again',
      `if (!mayGo(again, admitted.connection!.id)) return answerRefused(again, call);`,
      ``,
    ],
    [
      'write safety: it waits for the first',
      'waits for the first',
      `if (claim?.state !== 'open' ||`,
      `if (true ||`,
    ],
  ]),
  ...of('lib/write-safety/budgets.ts', gate, [
    [
      'write safety: a person sees their own agents',
      'each agent\u2019s own',
      `memberId === undefined ? Prisma.empty`,
      `memberId !== null ? Prisma.empty`,
    ],
  ]),
];
