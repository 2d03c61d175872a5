// The guards that hold while Asana or the database is away: what a repeat costs and says, late admissions, outcomes at the end, and
// connections for what ends access. See mutate-guards.ts.
import { guardsOf as of, type Mutant } from './mutant';

const away = ['tests/gateway/database-away.test.ts'];
const outages = ['tests/gateway/outages.test.ts'];
const databaseFaults = ['tests/reliability/database-faults.test.ts'];

export const OUTAGE_MUTANTS: Mutant[] = [
  ...of('lib/gateway/admit.ts', away, [
    [
      'a late connection is kept',
      'slow to begin',
      `if (isLate) releaseWhenHeard(client, asked);`,
      `if (isLate) client.release(true);`,
    ],
  ]),
  ...of('lib/db.ts', away, [
    [
      'PostgreSQL ends late statements',
      'what was refused for it',
      `    statement_timeout: ADMISSION_STATEMENT_MS,\n`,
      ``,
    ],
    [
      'connections for endings',
      'what ends access',
      `return endings.run(true, work);`,
      `return work();`,
      databaseFaults,
    ],
  ]),
  ...of('lib/portal/handle-api.ts', databaseFaults, [
    ['operations that end use them', 'what ends access', `return found.operation.ends`, `return false`],
  ]),
  ...of('lib/gateway/open-streams.ts', databaseFaults, [
    [
      'so do open streams',
      'what ends access',
      `await endingPool().query<{ n: number; reason: EndReason }>(query)`,
      `await pool().query<{ n: number; reason: EndReason }>(query)`,
    ],
  ]),
  ...of('lib/gateway/outcomes.ts', away, [
    ['tried until the end', 'outcomes that wait', `performance.now() < endMs`, `false`],
    ['the lost are counted', 'what it could not write', `log().error({ lost },`, `log().warn({ lost },`],
  ]),
  ...of('lib/gateway/send-call.ts', outages, [
    ['a repeat takes a place', 'takes another place', `(await takesPlaceAgain(journey))`, `true`],
    ['the first may have run', 'whether it ran', `journey.mayHaveRun = mayHaveRun(first);`, ``],
  ]),
  ...of('lib/gateway/journey.ts', outages, [
    [
      'on record too',
      'whether it ran',
      `outcome === 'upstream_error' && journey.mayHaveRun ? 'unknown' : outcome`,
      `outcome`,
    ],
  ]),
];
