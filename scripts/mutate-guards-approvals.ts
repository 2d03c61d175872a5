// The guards of approvals: see mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const gate = ['tests/gateway/approvals.test.ts'];

export const APPROVAL_MUTANTS: Mutant[] = [
  ...of('lib/gateway/admission-sql.ts', gate, [
    [
      'approvals: a call that waits is refused',
      'is held with a link',
      `WHEN c.waits AND c.judged_as = c.rules->>'version' AND p.id IS NULL AND NOT EXISTS (`,
      `WHEN false AND NOT EXISTS (`,
    ],
    [
      'approvals: used once',
      'exactly once under 50',
      `FROM claimable l WHERE a.id = l.id AND a.state = 'approved'`,
      `FROM claimable l WHERE false`,
    ],
    [
      'approvals: used up',
      'is held with a link',
      `UPDATE approvals a SET state = 'used', used_at = now(), used_by = l.call_id, sealed = NULL
  FROM claimable l WHERE a.id = l.id AND a.state = 'approved'\${unrefused}
  RETURNING a.id, a.used_by`,
      `SELECT l.id, l.call_id AS used_by FROM claimable l`,
    ],
    [
      'approvals: judged again by what it was approved under',
      'changed meanwhile',
      `AND u.judged_as = c.judged_as AND u.used_by = c.claimed_by`,
      `AND u.used_by = c.claimed_by`,
    ],
    [
      'approvals: judged again with the approval it used',
      'with the approval that it used',
      `AND u.judged_as = c.judged_as AND u.used_by = c.claimed_by`,
      `AND false`,
    ],
    [
      'approvals: not too late',
      'an hour has passed',
      `AND a.state = 'approved' AND a.expires_at > now()`,
      `AND a.state = 'approved'`,
    ],
    [
      'approvals: these arguments',
      'any other byte',
      `AND a.arguments_hash = c.arguments_hash AND a.judged_as = c.judged_as`,
      `AND a.judged_as = c.judged_as`,
    ],
    [
      'approvals: this policy and definition',
      'a group of the person is changed',
      `AND a.arguments_hash = c.arguments_hash AND a.judged_as = c.judged_as`,
      `AND a.arguments_hash = c.arguments_hash`,
    ],
    [
      'approvals: this agent',
      'no other agent',
      `AND a.credential_id = c.token_id AND a.connection_id`,
      `AND a.connection_id`,
    ],
    [
      'approvals: whoever gave it still may',
      'no approver any more',
      `    AND \${mayDecideSql('a', 'a.decided_by_id')}\n  ORDER BY`,
      `  ORDER BY`,
    ],
    [
      'approvals: no questions in between',
      'is asked nothing by Asana',
      `bool_or(g.rules IS NOT NULL OR g.approvals IS NOT NULL) AS ruled`,
      `bool_or(g.rules IS NOT NULL) AS ruled`,
    ],
  ]),
  ...of('prisma/migrations/0015_approvals/migration.sql', gate, [
    [
      'approvals: the policy is part of what is approved',
      'a group of the person is changed',
      ` || coalesce(policy || definition, '')`,
      ` || coalesce(definition, '')`,
    ],
    [
      'approvals: a stop ends what waits',
      'the organization is stopped',
      `NEW.stopped_at IS NOT NULL AND OLD.stopped_at IS NULL`,
      `false`,
    ],
    ['approvals: a block ends what waits', 'an admin blocks it', `NEW.blocked <> OLD.blocked`, `false`],
    [
      'approvals: nobody his own, by the database',
      'never the person whose agent asks',
      `CHECK (decided_by_id <> member_id)`,
      `CHECK (true)`,
    ],
    [
      'approvals: another group may ask nobody',
      'needs nobody where',
      `bool_or(g.rules IS NULL AND NOT needs.approval)`,
      `false`,
    ],
  ]),
  ...of('lib/approvals/who-decides.ts', gate, [
    [
      'approvals: nobody his own',
      'never the person whose agent asks',
      `(\${member} <> \${approval}.member_id AND EXISTS (`,
      `(EXISTS (`,
    ],
    [
      'approvals: whom the group names',
      'is whom the group names',
      `AND (dm.id = ANY(\${approval}.approver_members) OR EXISTS (`,
      `AND (true OR EXISTS (`,
    ],
  ]),
  ...of('lib/approvals/decide.ts', gate, [
    [
      'approvals: no yes to what is stale',
      'could not be made any more',
      `if (decision === 'approve' && row.is_current !== true)`,
      `if (false)`,
    ],
    ['approvals: one decision', 'is whom the group names', `if (row.state !== 'open')`, `if (false)`],
    ['approvals: forgotten when declined', 'who declines is heard', `: { sealed: null }),`, `: {}),`],
  ]),
  ...of('lib/approvals/ask.ts', gate, [
    ['approvals: no flood', 'nobody is flooded', `if (open!.own >= MAX_OPEN.person)`, `if (false)`],
    [
      'approvals: a no holds',
      'who declines is heard',
      `if (state === 'declined' && expiresAt.getTime() > nowMs)`,
      `if (false)`,
    ],
  ]),
  ...of('lib/gateway/hold-call.ts', gate, [
    [
      'approvals: our own question only',
      'can\u2019t slip answers',
      `responses.size !== 1 || !responses.has(OUR_KEY)`,
      `!responses.has(OUR_KEY)`,
    ],
    [
      'approvals: one question',
      'comes back with its answer',
      `&& !call.wasAsked && opensLinks`,
      `&& opensLinks`,
    ],
  ]),
  ...of('lib/policy/judge-approvals.ts', gate, [
    [
      'approvals: rules come first',
      'refused by the rules on arguments',
      `group.rules === null ? { passed: true } :`,
      `group ? { passed: true } :`,
    ],
  ]),
];
