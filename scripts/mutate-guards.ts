// The guards of the gate, the policy and the filters: where each stands, what it looks like without it, and the tests that must then
// fail. scripts/mutate.ts removes them one by one. A new guard goes into the file of its area.

import type { Mutant } from './mutant';
import { ADMISSION_MUTANTS } from './mutate-guards-admission';
import { APPROVAL_MUTANTS } from './mutate-guards-approvals';
import { ANSWER_MUTANTS } from './mutate-guards-answers';
import { ARGUMENT_RULE_MUTANTS } from './mutate-guards-argument-rules';
import { ASANA_MUTANTS } from './mutate-guards-asana';
import { AUDIT_MUTANTS } from './mutate-guards-audit';
import { CONFIG_MUTANTS } from './mutate-guards-config';
import { MODERN_MUTANTS } from './mutate-guards-modern';
import { OUTAGE_MUTANTS } from './mutate-guards-outages';
import { REQUEST_MUTANTS } from './mutate-guards-requests';
import { TRUST_MUTANTS } from './mutate-guards-trust';
import { SESSION_MUTANTS } from './mutate-guards-session';
import { UNDO_MUTANTS } from './mutate-guards-undo';
import { WRITE_SAFETY_MUTANTS } from './mutate-guards-write-safety';

export type { Mutant };

export const MUTANTS: Mutant[] = [
  ...REQUEST_MUTANTS,
  ...ADMISSION_MUTANTS,
  ...APPROVAL_MUTANTS,
  ...ARGUMENT_RULE_MUTANTS,
  ...ASANA_MUTANTS,
  ...AUDIT_MUTANTS,
  ...ANSWER_MUTANTS,
  ...MODERN_MUTANTS,
  ...OUTAGE_MUTANTS,
  ...TRUST_MUTANTS,
  ...CONFIG_MUTANTS,
  ...SESSION_MUTANTS,
  ...WRITE_SAFETY_MUTANTS,
  ...UNDO_MUTANTS,
];
