// Schemas that several operations share, and the role lists.
import { z } from 'zod';
import { MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS } from '../people/passwords';

export {
  approvals,
  argumentRules,
  days,
  email,
  gid,
  limits,
  methods,
  name,
  perMinute,
  slug,
  toolNames,
  undo,
  writeSafety,
} from '../policy/policy-input';

export const ADMIN = ['admin'] as const;
export const READERS = ['admin', 'auditor'] as const;
export const EVERYONE = ['admin', 'auditor', 'member'] as const;

export const role = z.enum(EVERYONE);
export const password = z
  .string()
  .min(MIN_PASSWORD_CHARS, `must have at least ${MIN_PASSWORD_CHARS} characters`)
  .max(MAX_PASSWORD_CHARS, `must have at most ${MAX_PASSWORD_CHARS} characters`);
export const uuid = z.uuid();
export const instant = z.string();
/** The organization's stop; null while its agents may call. */
export const stop = z.object({ since: instant, by: z.string(), reason: z.string() }).nullable();
