// Guards of what Asana changes: what nobody reviewed is neither shown nor reached, and a decision is about what was looked at.
import { guardsOf as of, type Mutant } from './mutant';

const quarantine = ['tests/gateway/quarantine.test.ts'];

export const TRUST_MUTANTS: Mutant[] = [
  ...of('lib/gateway/filter-tools.ts', quarantine, [
    [
      'the definition that was reviewed',
      'is shown to nobody from its first list on',
      `if (reviewed === fingerprint || reviewed === '*') shown`,
      `if (reviewed !== undefined) shown`,
    ],
  ]),
  ...of('lib/gateway/exchange.ts', quarantine, [
    ['every list is compared', 'closes the tool for everybody', `  if (list) notice(call, list);\n`, ``],
  ]),
  ...of('lib/gateway/admission-sql.ts', quarantine, [
    [
      'no fingerprint, no tool',
      'before there were fingerprints',
      `coalesce(tv.definition_hash, '')`,
      `coalesce(tv.definition_hash, '*')`,
    ],
  ]),
  ...of('lib/catalogue/catalogue.ts', quarantine, [
    ['an agent only closes', 'never opens a tool', `if (!whole && !step.closes) continue;`, ``],
  ]),
  ...of('lib/catalogue/review.ts', quarantine, [
    [
      'what was looked at',
      'that its author has not seen',
      `if (fingerprint !== undefined && fingerprint !== fingerprintIn(row as unknown as Row))`,
      `if (false)`,
    ],
  ]),
  ...of('lib/schedule/run-on-schedule.ts', quarantine, [
    [
      'one process at a time',
      'one process at a time',
      `WHERE job = $1 AND (lease_until IS NULL OR lease_until < now())`,
      `WHERE job = $1`,
    ],
  ]),
];
