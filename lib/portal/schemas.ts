// Schemas that several operations share, and the role lists.
import { z } from 'zod';
import { MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS } from '../people/passwords';
import { GID } from '../policy/argument-rules';
import { METHOD_FAMILIES } from '../policy/policy';

export const ADMIN = ['admin'] as const;
export const READERS = ['admin', 'auditor'] as const;
export const EVERYONE = ['admin', 'auditor', 'member'] as const;

export const role = z.enum(EVERYONE);
export const name = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(120, 'must have at most 120 characters');
// Plain ASCII addresses only: look-alike letters, comments and quoted parts have no place in a key (SP-10).
export const email = z
  .email('must be an e-mail address')
  .max(254)
  .transform((value) => value.toLowerCase());
export const password = z
  .string()
  .min(MIN_PASSWORD_CHARS, `must have at least ${MIN_PASSWORD_CHARS} characters`)
  .max(MAX_PASSWORD_CHARS, `must have at most ${MAX_PASSWORD_CHARS} characters`);
export const days = z
  .number()
  .int('must be a whole number of days')
  .min(1, 'must be at least 1 day')
  .max(3650, 'must be at most 3650 days');
export const uuid = z.uuid();
export const instant = z.string();
export const slug = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?$/, 'must be lower-case letters, digits and hyphens');
export const toolNames = z.array(z.string().min(1).max(200)).max(1000);
/** Calls a minute; null lifts the limit. */
export const perMinute = z
  .number()
  .int('must be a whole number of calls')
  .min(1, 'must be at least 1 call a minute')
  .max(100_000, 'must be at most 100,000 calls a minute');
/** The organization's stop; null while its agents may call. */
export const stop = z.object({ since: instant, by: z.string(), reason: z.string() }).nullable();
export const limits = z.strictObject({ perMinute }).nullable();

const domain = z
  .string()
  .trim()
  .toLowerCase()
  .max(253)
  .regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'must be a domain, like example.com');
export const gid = z.string().regex(GID, 'must be a gid of Asana\u2019s: digits alone');
const place = z.strictObject({ gid, name: z.string().trim().max(500).nullable().default(null) });
const places = z
  .array(place)
  .max(100, 'must hold at most 100')
  .refine((all) => new Set(all.map((one) => one.gid)).size === all.length, 'names one twice')
  .default([]);
/** Rules on arguments; what is left out is off, null lifts all. */
export const argumentRules = z
  .strictObject({
    projects: places,
    teams: places,
    portfolios: places.refine((all) => all.length <= 10, 'must hold at most 10'),
    sections: places,
    maxItems: z
      .number()
      .int('must be a whole number of items')
      .min(1, 'must be at least 1 item')
      .max(1000, 'must be at most 1,000 items')
      .nullable()
      .default(null),
    keepInProject: z.boolean().default(false),
    companyDomains: z.array(domain).max(50, 'must hold at most 50').default([]),
    ownTasksOnly: z.boolean().default(false),
  })
  .nullable();
export const methods = z.array(z.enum(METHOD_FAMILIES)).max(METHOD_FAMILIES.length);
